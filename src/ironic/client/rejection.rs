//! What a refusal means. Ironic has few status codes and many meanings, so its words are read too.
//!
//! The phrases are those of Ironic 39.0.0 (`ironic/common/exception.py`, `api/controllers/v1`).
use super::Class;

/// What a refusal means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Rejection {
    /// A conductor holds the lock of the node, its parent or its child (409).
    Locked,
    /// The node is in the middle of a transition (409): seconds to hours.
    InTransition,
    /// The uuid, name or address is taken (409).
    AlreadyExists,
    /// The node has an instance, or the instance has a node (409).
    InstanceAssociated,
    /// The node is protected (403).
    Protected,
    /// The node is in maintenance (400, 409).
    Maintenance,
    /// The node is retired (400).
    Retired,
    /// Not in this state: the node moved since it was looked at, or the request never made sense (400, 409).
    InvalidState,
    /// No live conductor offers the driver, or there is no such driver: they cannot be told apart (400).
    NoValidHost,
    /// Who are you? (401)
    Unauthorized,
    /// You may not (403).
    Forbidden,
    /// The credentials have the wrong scope; Ironic says so with a 500.
    ScopeRequired,
    /// Not there, or not to be seen (404): Ironic's own word.
    NotFound,
    /// A 404 that is not about an object: a wrong path in the endpoint, or a proxy without its Ironic. It says
    /// nothing about what is there.
    NoSuchRoute,
    /// Not with this API version (406).
    NotAcceptable,
    /// The API version is out of the server's range (406), also after negotiating again.
    VersionRefused,
    /// Another conflict (409, 412).
    Conflict,
    /// The VIF is not attached to the node (400).
    NotAttached,
    /// Too large (413).
    TooLarge,
    /// Too many requests (429).
    TooMany,
    /// No free worker, or as many deployments as allowed (503).
    Busy,
    /// Something in front of Ironic got no answer from it (502, 504).
    Gateway,
    /// Ironic's database refused a transaction, since another one was under way, and took it back (500; SQLite).
    DatabaseLocked,
    /// Ironic failed (other 500-class).
    Server,
    /// The endpoint is somewhere else (300-class); redirects are not followed.
    Redirected,
    /// The request makes no sense to Ironic, or not for this node (other 400-class; of a rescue 500).
    Invalid,
}

impl Rejection {
    /// Every meaning.
    pub const ALL: &'static [Self] = &[
        Self::Locked,
        Self::InTransition,
        Self::AlreadyExists,
        Self::InstanceAssociated,
        Self::Protected,
        Self::Maintenance,
        Self::Retired,
        Self::InvalidState,
        Self::NoValidHost,
        Self::Unauthorized,
        Self::Forbidden,
        Self::ScopeRequired,
        Self::NotFound,
        Self::NoSuchRoute,
        Self::NotAcceptable,
        Self::VersionRefused,
        Self::Conflict,
        Self::NotAttached,
        Self::TooLarge,
        Self::TooMany,
        Self::Busy,
        Self::Gateway,
        Self::DatabaseLocked,
        Self::Server,
        Self::Redirected,
        Self::Invalid,
    ];

    /// What kind of trouble.
    ///
    /// A wrong state counts as passing: who asked had looked, so the node moved, and the next look decides.
    pub const fn class(self) -> Class {
        match self {
            Self::Locked
            | Self::InTransition
            | Self::InvalidState
            | Self::TooMany
            | Self::Busy
            | Self::Gateway
            | Self::DatabaseLocked
            | Self::Server => Class::Transient,
            Self::AlreadyExists
            | Self::InstanceAssociated
            | Self::Protected
            | Self::Maintenance
            | Self::Retired
            | Self::NoValidHost
            | Self::Unauthorized
            | Self::Forbidden
            | Self::ScopeRequired
            | Self::NotFound
            | Self::NoSuchRoute
            | Self::NotAcceptable
            | Self::VersionRefused
            | Self::Conflict
            | Self::NotAttached
            | Self::Redirected => Class::Blocked,
            Self::TooLarge | Self::Invalid => Class::Terminal,
        }
    }

    /// Reads a status and the words that came with it. `versioned`: the answer names the API version it was
    /// given in, which a refusal of the version itself, of a path, or by somebody else does not.
    pub(super) fn of(status: u16, words: &str, versioned: bool) -> Self {
        match status {
            300..=399 => Self::Redirected,
            400 => refused(words).unwrap_or(Self::Invalid),
            401 => Self::Unauthorized,
            403 if has(words, &["is protected and cannot be"]) => Self::Protected,
            403 => Self::Forbidden,
            404 | 410 if versioned => Self::NotFound,
            404 | 410 => Self::NoSuchRoute,
            406 if versioned => Self::NotAcceptable,
            406 => Self::VersionRefused,
            409 | 412 => conflict(words),
            413 => Self::TooLarge,
            429 => Self::TooMany,
            502 | 504 => Self::Gateway,
            503 => Self::Busy,
            500 if has(words, &["database is locked"]) => Self::DatabaseLocked,
            500 if has(words, &["requires a scope of"]) => Self::ScopeRequired,
            // The conductor's check of what the node has for a rescue, dressed as a failure of its own.
            500 if has(words, &["rescue"]) && has(words, &["Validation failed"]) => Self::Invalid,
            500..=599 => Self::Server,
            _ => Self::Invalid,
        }
    }
}

/// What Ironic refuses with 400 although the request is well formed.
fn refused(words: &str) -> Option<Rejection> {
    if has(
        words,
        &["No valid host was found", "No conductor service registered"],
    ) {
        Some(Rejection::NoValidHost)
    } else if has(words, &["because it is not attached to it"]) {
        Some(Rejection::NotAttached)
    } else if has(words, &["in maintenance mode"]) {
        Some(Rejection::Maintenance)
    } else if has(words, &["because it is retired", "because it's retired"]) {
        Some(Rejection::Retired)
    } else if has(
        words,
        &[
            "can not be performed on node",
            "in state \"",
            "in provision state \"",
        ],
    ) {
        Some(Rejection::InvalidState)
    } else {
        None
    }
}

/// What Ironic means by 409.
fn conflict(words: &str) -> Rejection {
    if has(words, &["is locked by host", "is presently locked"]) {
        Rejection::Locked
    } else if has(
        words,
        &[
            "state transition is in progress",
            "while it is in state \"inspect",
        ],
    ) {
        Rejection::InTransition
    } else if has(words, &["already exists"]) {
        Rejection::AlreadyExists
    } else if has(
        words,
        &["is associated with instance", "is already associated with"],
    ) {
        Rejection::InstanceAssociated
    } else if has(words, &["in maintenance"]) && !has(words, &["unless"]) {
        Rejection::Maintenance
    } else if has(words, STATES) {
        Rejection::InvalidState
    } else {
        Rejection::Conflict
    }
}

/// How Ironic says in a conflict that the state is not the right one.
const STATES: &[&str] = &[
    "while it is in provision state",
    "while it is in state",
    "unless it is in",
    "updated unless",
    "can only be made protected",
    "can not have 'retired' set",
    "Cannot remove allocation",
];

/// Whether one of the phrases is said.
fn has(words: &str, phrases: &[&str]) -> bool {
    phrases.iter().any(|phrase| words.contains(phrase))
}
