//! Who is asking: the credentials, and the session they open.
mod catalog;
mod error;
#[cfg(any(test, feature = "fuzzing"))]
pub(super) mod fuzz;
mod keystone;
mod renewal;
mod token;

use std::fmt;
use std::sync::Arc;

use reqwest::Url;
use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderValue};
use secrecy::{ExposeSecret, SecretString};

use super::reach::Resolver;
use super::{Error, Result};
pub use error::AuthError;
pub use keystone::{Credentials, Domain, Interface, Keystone, Named, Scope};
pub(super) use renewal::Renewal;

/// How to authenticate.
#[derive(Clone, Default)]
#[non_exhaustive]
pub enum Auth {
    /// Not at all (`auth_type: none`).
    #[default]
    None,
    /// A user and a password with every request (`auth_type: http_basic`).
    HttpBasic {
        /// The user; no colon.
        username: String,
        /// The password.
        password: SecretString,
    },
    /// With a token from Keystone, which also knows where Ironic is.
    Keystone(Box<Keystone>),
}

impl fmt::Debug for Auth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::None => f.write_str("None"),
            Self::HttpBasic { username, .. } => write!(f, "HttpBasic({username:?})"),
            Self::Keystone(keystone) => write!(f, "{keystone:?}"),
        }
    }
}

/// What the next request has to carry, and where it goes.
pub(super) struct Grant {
    pub headers: HeaderMap,
    /// Where Ironic is, if the catalog says so.
    pub base: Option<Url>,
    /// Tells it from those before and after.
    pub serial: u64,
}

impl Grant {
    /// Where a request written for the client's base goes.
    pub fn place(&self, url: &Url) -> Url {
        let Some(base) = &self.base else {
            return url.clone();
        };
        let mut placed = base.clone();
        let prefix = base.path().trim_end_matches('/');
        placed.set_path(&[prefix, url.path()].concat());
        placed.set_query(url.query());
        placed
    }
}

/// An open session: what every request has to carry, and what can be done when that is refused.
pub(super) enum Session {
    /// The same with every request.
    Fixed {
        /// That.
        grant: Arc<Grant>,
        /// Who is asking, and whom.
        identity: String,
        /// What must not be shown.
        secrets: Vec<SecretString>,
        /// Where that goes.
        told: Option<Url>,
    },
    /// Tokens that are renewed.
    Keystone(Box<Renewal>),
}

impl Session {
    /// Opens a session; asks nobody. `base`: where Ironic is, unless the catalog says so.
    pub fn open(
        auth: Auth,
        http: &reqwest::Client,
        resolver: &Arc<Resolver>,
        base: Option<&Url>,
    ) -> Result<Self> {
        let needed = || base.ok_or_else(|| Error::settings("there is no endpoint"));
        match auth {
            Auth::None => Ok(Self::fixed(HeaderMap::new(), place(needed()?), Vec::new(), None)),
            Auth::HttpBasic { username, password } => Self::basic(&username, password, http, needed()?),
            Auth::Keystone(keystone) => {
                let renewal = Renewal::new(*keystone, http.clone(), Arc::clone(resolver), base.cloned())?;
                Ok(Self::Keystone(Box::new(renewal)))
            }
        }
    }

    fn fixed(headers: HeaderMap, identity: String, secrets: Vec<SecretString>, told: Option<Url>) -> Self {
        let grant = Arc::new(Grant {
            headers,
            base: None,
            serial: 0,
        });
        Self::Fixed {
            grant,
            identity,
            secrets,
            told,
        }
    }

    fn basic(user: &str, password: SecretString, http: &reqwest::Client, base: &Url) -> Result<Self> {
        if user.is_empty() || user.contains(':') {
            return Err(Error::settings("the user name is empty or has a colon"));
        }
        let header = basic_header(user, &password, http, base)
            .ok_or_else(|| Error::settings("the user name or the password cannot be sent"))?;
        let encoded = header.to_str().unwrap_or_default().trim_start_matches("Basic ");
        let secrets = vec![SecretString::from(encoded.to_owned()), password];
        let identity = format!("{} as {user}", place(base));
        Ok(Self::fixed(
            HeaderMap::from_iter([(AUTHORIZATION, header)]),
            identity,
            secrets,
            Some(base.clone()),
        ))
    }

    /// Who is asking, and whom; none before Keystone has told.
    pub fn identity(&self) -> Option<&str> {
        match self {
            Self::Fixed { identity, .. } => Some(identity),
            Self::Keystone(renewal) => renewal.identity(),
        }
    }

    /// What the next request has to carry. Tokens are fetched here.
    pub async fn grant(&self) -> Result<Arc<Grant>> {
        match self {
            Self::Fixed { grant, .. } => Ok(Arc::clone(grant)),
            Self::Keystone(renewal) => Ok(renewal.grant().await?),
        }
    }

    /// After a 401 to what this grant was sent with: whether there is another, so that the request may be sent once more.
    /// What is sent with every request cannot be renewed.
    pub fn refused(&self, serial: u64) -> bool {
        match self {
            Self::Fixed { .. } => false,
            Self::Keystone(renewal) => {
                renewal.drop_grant(serial);
                true
            }
        }
    }

    /// Where credentials go.
    pub fn told(&self) -> Vec<Url> {
        match self {
            Self::Fixed { told, .. } => told.iter().cloned().collect(),
            Self::Keystone(renewal) => renewal.told(),
        }
    }

    /// The source of tokens, if there is one.
    pub fn renewal(&self) -> Option<&Renewal> {
        match self {
            Self::Fixed { .. } => None,
            Self::Keystone(renewal) => Some(renewal),
        }
    }

    /// A text from elsewhere without the session's secrets, should somebody have echoed them.
    pub fn scrub(&self, text: String) -> String {
        match self {
            Self::Fixed { secrets, .. } => secrets.iter().fold(text, without),
            Self::Keystone(renewal) => renewal.scrub(text),
        }
    }
}

impl fmt::Display for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fixed { identity, .. } => f.write_str(identity),
            Self::Keystone(renewal) => write!(f, "{renewal}"),
        }
    }
}

/// A text without a secret.
fn without(text: String, secret: &SecretString) -> String {
    match secret.expose_secret() {
        "" => text,
        secret => text.replace(secret, "***"),
    }
}

/// A URL as people write it.
fn place(url: &Url) -> String {
    url.as_str().trim_end_matches('/').to_owned()
}

/// The header, encoded by the HTTP client and marked sensitive by it.
fn basic_header(
    user: &str,
    password: &SecretString,
    http: &reqwest::Client,
    base: &Url,
) -> Option<HeaderValue> {
    let request = http
        .get(base.clone())
        .basic_auth(user, Some(password.expose_secret()))
        .build()
        .ok()?;
    request.headers().get(AUTHORIZATION).cloned()
}
