//! Asking Keystone for a token.
use std::time::Duration;

use jiff::Timestamp;
use reqwest::Url;
use reqwest::header::{HeaderMap, HeaderValue};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;

use super::AuthError;
use super::catalog::Service;
use super::keystone::Keystone;
use crate::ironic::client::body::{Piece, Progress, start};
use crate::ironic::client::error::cut;
use crate::ironic::client::reach::not_allowed;
use crate::ironic::client::routes::{LITTLE, ONE};
use crate::ironic::client::words;

/// The header of a new token.
pub(super) const TOKEN: &str = "x-subject-token";

/// How long Keystone may take: less than a call has, so that a token still good can be used instead.
const PATIENCE: Duration = Duration::from_secs(15);

/// What Keystone issued.
pub(super) struct Issued {
    pub token: SecretString,
    pub header: HeaderValue,
    /// How long it is good for, by Keystone's own clock.
    pub life: Duration,
    /// Whom Keystone takes us for.
    pub who: String,
    pub catalog: Vec<Service>,
}

/// The part of the answer that matters.
#[derive(Deserialize)]
struct Body {
    token: Token,
}

#[derive(Deserialize)]
struct Token {
    issued_at: Timestamp,
    expires_at: Timestamp,
    user: Owned,
    project: Option<Owned>,
    domain: Option<Plain>,
    system: Option<serde_json::Value>,
    #[serde(default)]
    catalog: Vec<Service>,
}

#[derive(Deserialize)]
struct Plain {
    name: String,
}

#[derive(Deserialize)]
struct Owned {
    id: String,
    name: String,
    domain: Option<Plain>,
}

impl Owned {
    /// `metal of Default (3f2c…)`: names can be given anew, ids cannot.
    fn words(&self) -> String {
        let domain = self.domain.as_ref().map(|domain| domain.name.as_str());
        format!("{} of {} ({})", self.name, domain.unwrap_or("no domain"), self.id)
    }
}

impl Token {
    fn who(&self) -> String {
        let user = format!("user {}", self.user.words());
        if let Some(project) = &self.project {
            format!("{user} in project {}", project.words())
        } else if let Some(domain) = &self.domain {
            format!("{user} in domain {}", domain.name)
        } else if self.system.is_some() {
            format!("{user} with system scope")
        } else {
            format!("{user} without a scope")
        }
    }
}

/// Where tokens are asked for: `auth_url` with or without `/v3`. Never repeats it in an error: it could contain a password.
pub(super) fn url(auth_url: &str) -> Result<Url, &'static str> {
    let mut url: Url = auth_url.trim().parse().map_err(|_| "auth_url is not a URL")?;
    if !matches!(url.scheme(), "http" | "https") || !url.has_host() {
        return Err("auth_url is not an http or https URL");
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err("auth_url has credentials in it");
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err("auth_url has a query or a fragment");
    }
    let path = url.path().trim_end_matches('/');
    if path.ends_with("/v2.0") {
        return Err("auth_url is one of the identity API v2.0, which is gone: v3 is needed");
    }
    let path = path.strip_suffix("/v3").unwrap_or(path);
    url.set_path(&format!("{path}/v3/auth/tokens"));
    Ok(url)
}

/// Asks once.
pub(super) async fn ask(
    http: &reqwest::Client,
    url: &Url,
    keystone: &Keystone,
    scrub: impl Fn(String) -> String,
) -> Result<Issued, AuthError> {
    let place = || url.as_str().trim_end_matches("/auth/tokens").to_owned();
    let unreachable = |error: reqwest::Error| match not_allowed(&error) {
        Some(host) => AuthError::NotAllowed(host),
        None => AuthError::Unreachable {
            url: place(),
            source: error.without_url(),
        },
    };
    let request = http.post(url.clone()).json(&keystone.request());
    let response = request
        .header("accept", "application/json")
        .timeout(PATIENCE)
        .send()
        .await
        .map_err(unreachable)?;
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    let good = status == 201 || status == 200;
    let most = if good { ONE } else { LITTLE };
    let Piece { body, more, .. } = start(response, most, None, &mut Progress::default())
        .await
        .map_err(unreachable)?;
    if more && good {
        return Err(AuthError::Nonsense {
            url: place(),
            problem: format!("it is longer than {most} bytes"),
        });
    }
    if !good {
        let message = words::of_keystone(status, &headers, &body);
        let message =
            scrub(message.unwrap_or_else(|| "the answer is not Keystone's, and is not repeated".to_owned()));
        return Err(AuthError::Refused {
            url: place(),
            status,
            message: cut(&message).to_owned(),
        });
    }
    issued(&headers, &body).map_err(|problem| AuthError::Nonsense {
        url: place(),
        problem,
    })
}

/// Reads a good answer. What is wrong with one is said without quoting it.
pub(super) fn issued(headers: &HeaderMap, body: &[u8]) -> Result<Issued, String> {
    let mut header = headers
        .get(TOKEN)
        .cloned()
        .ok_or_else(|| format!("it has no {TOKEN}"))?;
    header.set_sensitive(true);
    let text = header.to_str().map_err(|_| "its token is no text".to_owned())?;
    let token = SecretString::from(text.to_owned());
    let Body { token: told } = serde_json::from_slice(body)
        .map_err(|error| format!("line {}, column {}", error.line(), error.column()))?;
    if token.expose_secret().is_empty() {
        return Err("its token is empty".to_owned());
    }
    let life = told.expires_at.duration_since(told.issued_at);
    Ok(Issued {
        token,
        header,
        life: Duration::try_from(life).unwrap_or_default(),
        who: told.who(),
        catalog: told.catalog,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_is_appended_once() {
        for text in [
            "http://k:5000",
            "http://k:5000/",
            "http://k:5000/v3",
            " http://k:5000/v3/ ",
        ] {
            assert_eq!(
                url(text).unwrap().as_str(),
                "http://k:5000/v3/auth/tokens",
                "{text}"
            );
        }
        assert_eq!(
            url("https://k/identity").unwrap().as_str(),
            "https://k/identity/v3/auth/tokens"
        );
    }

    #[test]
    fn an_address_that_cannot_be_keystones_is_refused() {
        for text in [
            "",
            "k:5000",
            "ftp://k",
            "http://u:hunter2@k",
            "http://k?a",
            "http://k/v2.0",
        ] {
            assert!(!url(text).unwrap_err().contains("hunter2"), "{text}");
        }
    }
}
