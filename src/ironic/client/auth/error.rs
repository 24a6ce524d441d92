//! What can go wrong before Ironic is asked at all.
use crate::ironic::client::{Class, NotAllowed};

/// Why there is no session. Never contains a secret of this client.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AuthError {
    /// Keystone cannot be reached, or broke off.
    #[error("Keystone at {url} does not answer")]
    Unreachable {
        /// Its address.
        url: String,
        /// What the HTTP client says.
        source: reqwest::Error,
    },
    /// Keystone, or the Ironic of its catalog, is where this client may not go.
    #[error(transparent)]
    NotAllowed(#[from] NotAllowed),
    /// Keystone said no, or failed.
    #[error("Keystone at {url} refuses with {status}: {message}")]
    Refused {
        /// Its address.
        url: String,
        /// The HTTP status; 401: the credentials, or the scope for these credentials, are wrong.
        status: u16,
        /// Its words, cut at 1 KiB.
        message: String,
    },
    /// An answer that Keystone does not give.
    #[error("the answer of Keystone at {url} makes no sense: {problem}")]
    Nonsense {
        /// The address.
        url: String,
        /// What is wrong with it.
        problem: String,
    },
    /// The catalog has no Ironic where one was looked for, or several.
    #[error("wanted is {wanted}; the catalog has {found}")]
    NoEndpoint {
        /// What was looked for.
        wanted: String,
        /// What there is.
        found: String,
    },
    /// A renewed token is about another Ironic, user or scope: this client goes on with neither.
    #[error("this was a session with {was}; Keystone now makes it one with {now}")]
    Moved {
        /// What it was from the start.
        was: String,
        /// What it would be from now on.
        now: String,
    },
    /// The token that was given has expired; no other can be had with it.
    #[error("the given token has expired, and a token cannot renew itself: give another one")]
    Expired,
    /// The credentials were refused so often that Keystone is not asked any more.
    #[error(
        "the credentials were refused {tries} times and are not tried again, because Keystone may lock the account: {message}"
    )]
    Spent {
        /// How often.
        tries: u32,
        /// The last refusal, in Keystone's words.
        message: String,
    },
}

impl AuthError {
    /// What kind of trouble.
    pub const fn class(&self) -> Class {
        match self {
            Self::Unreachable { .. } | Self::Nonsense { .. } => Class::Transient,
            Self::Refused { status, .. } if *status == 429 || *status >= 500 => Class::Transient,
            Self::Refused { .. }
            | Self::NotAllowed(_)
            | Self::NoEndpoint { .. }
            | Self::Moved { .. }
            | Self::Expired
            | Self::Spent { .. } => Class::Blocked,
        }
    }

    /// Whether the credentials are what is wrong.
    pub const fn is_unauthorized(&self) -> bool {
        match self {
            Self::Refused { status, .. } => matches!(*status, 401 | 403),
            Self::Expired | Self::Spent { .. } => true,
            Self::Unreachable { .. }
            | Self::NotAllowed(_)
            | Self::Nonsense { .. }
            | Self::NoEndpoint { .. }
            | Self::Moved { .. } => false,
        }
    }
}
