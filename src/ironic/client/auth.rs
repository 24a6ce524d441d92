//! Who is asking: the credentials, and the session they open.
use std::fmt;
use std::future::{Future, ready};

use reqwest::Url;
use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderValue};
use secrecy::{ExposeSecret, SecretString};

use super::{Error, Result};

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
}

impl fmt::Debug for Auth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::None => f.write_str("None"),
            Self::HttpBasic { username, .. } => write!(f, "HttpBasic({username:?})"),
        }
    }
}

/// An open session: what every request has to carry, and what can be done when that is refused.
pub(super) struct Session {
    headers: HeaderMap,
    user: Option<String>,
    secrets: Vec<SecretString>,
}

impl Session {
    /// Opens a session; asks nobody.
    pub fn open(auth: Auth, http: &reqwest::Client, base: &Url) -> Result<Self> {
        match auth {
            Auth::None => Ok(Self {
                headers: HeaderMap::new(),
                user: None,
                secrets: Vec::new(),
            }),
            Auth::HttpBasic { username, password } => Self::basic(username, password, http, base),
        }
    }

    fn basic(user: String, password: SecretString, http: &reqwest::Client, base: &Url) -> Result<Self> {
        if user.is_empty() || user.contains(':') {
            return Err(Error::settings("the user name is empty or has a colon"));
        }
        let header = basic_header(&user, &password, http, base)
            .ok_or_else(|| Error::settings("the user name or the password cannot be sent"))?;
        let encoded = header.to_str().unwrap_or_default().trim_start_matches("Basic ");
        let secrets = vec![SecretString::from(encoded.to_owned()), password];
        Ok(Self {
            headers: HeaderMap::from_iter([(AUTHORIZATION, header)]),
            user: Some(user),
            secrets,
        })
    }

    /// The user, for [`Client::identity`](super::Client::identity).
    pub fn user(&self) -> Option<&str> {
        self.user.as_deref()
    }

    /// What the next request has to carry. (Tokens are fetched here.)
    pub fn headers(&self) -> impl Future<Output = Result<HeaderMap>> + Send {
        ready(Ok(self.headers.clone()))
    }

    /// After a 401: whether the session could be renewed, so that the request may be sent once more. What is
    /// sent with every request cannot be.
    #[expect(clippy::unused_self, reason = "sessions with tokens need it")]
    pub fn renew(&self) -> impl Future<Output = bool> + Send {
        ready(false)
    }

    /// A text from elsewhere without the session's secrets, should somebody have echoed them.
    pub fn scrub(&self, text: String) -> String {
        self.secrets
            .iter()
            .fold(text, |text, secret| match secret.expose_secret() {
                "" => text,
                secret => text.replace(secret, "***"),
            })
    }
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
