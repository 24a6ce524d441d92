//! What can go wrong, and what kind of trouble it is.
use std::borrow::Cow;
use std::time::Duration;

use super::breaker::End;
use super::chain::chain;
use super::{AuthError, NotAllowed, Rejection, Route};
use crate::ironic::model::{ApiVersion, PowerState, PowerTarget, Progress, ProvisionState};

/// What the client returns.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What a call was waiting for that had been sent.
pub(super) const ANSWER: &str = "the answer";

/// How long words for a user may be, bytes.
const WORDS: usize = 1024;

/// How much is kept of what Ironic says, bytes: whoever hides something in it must see more than is shown.
const KEPT: usize = 16 * 1024;

/// Why a call did not do what was asked. Never contains a secret of this client.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The settings cannot work.
    #[error("these settings cannot work: {problem}")]
    Settings {
        /// What is wrong with them.
        problem: String,
    },
    /// The arguments make no sense; nothing was sent.
    #[error("nothing was sent: {problem}")]
    Argument {
        /// What is wrong with them.
        problem: String,
    },
    /// Ironic is too old for it; nothing was sent.
    #[error("{what} needs API {needs}, this Ironic is used with {has}")]
    NotSupported {
        /// What was asked.
        what: &'static str,
        /// The first version that can do it.
        needs: ApiVersion,
        /// The version in use.
        has: ApiVersion,
    },
    /// This process may not send requests any more; if it was withdrawn on the way, Ironic may still have acted.
    #[error("{route} may not be sent by this process any more")]
    NotPermitted {
        /// What was asked.
        route: &'static Route,
    },
    /// The settings (or Keystone's catalog) lead where this client may not go; nothing was sent.
    #[error(transparent)]
    NotAllowed(#[from] NotAllowed),
    /// Nothing is written for now, since the last writes got no answer; nothing was sent.
    #[error("nothing is written to this Ironic for now: its last writes got no answer")]
    Suspended,
    /// Whoever asked no longer means it: the permit of this call (`Client::with_permit`) was withdrawn before it was sent.
    #[error("{route} was not sent: what it was decided on no longer holds")]
    Withdrawn {
        /// What was asked.
        route: &'static Route,
    },
    /// This client changes something only with a permit of its own for each call (`Settings::each_write_needs_permit`), and was
    /// given none; nothing was sent.
    #[error("{route} was not sent: nobody has given it a permit")]
    Unpermitted {
        /// What was asked.
        route: &'static Route,
    },
    /// No session could be opened, so that nothing was sent to Ironic.
    #[error("no session with Ironic")]
    Auth(#[from] AuthError),
    /// No connection, or one that broke before there was an answer.
    #[error("no answer to {route}")]
    Transport {
        /// What was asked.
        route: &'static Route,
        /// Whether the request may have reached Ironic.
        sent: bool,
        /// What the HTTP client says.
        source: reqwest::Error,
    },
    /// The time of the call ran out.
    #[error("{route} did not end within {after:?}, still waiting for {waiting_for}")]
    Deadline {
        /// What was asked.
        route: &'static Route,
        /// The time it had.
        after: Duration,
        /// What was missing.
        waiting_for: &'static str,
    },
    /// The client was closed before the request was sent.
    #[error("{route} was not sent: the client is closed")]
    Closed {
        /// What was asked.
        route: &'static Route,
    },
    /// An answer that is not what Ironic answers: truncated, HTML, or not the JSON it should be.
    #[error("the answer to {route} makes no sense (status {status}): {problem}")]
    Body {
        /// What was asked.
        route: &'static Route,
        /// The HTTP status.
        status: u16,
        /// What is wrong with it.
        problem: String,
    },
    /// An answer that goes on and on; it was not read to its end.
    #[error("the answer to {route} is longer than {most} bytes")]
    TooLong {
        /// What was asked.
        route: &'static Route,
        /// How long it may be.
        most: usize,
    },
    /// One row of a listing that cannot be read; the others come all the same.
    #[error("a row of {route} makes no sense: {problem}")]
    Row {
        /// What was asked.
        route: &'static Route,
        /// The row's id, as far as it says so.
        id: Option<String>,
        /// What is wrong with it.
        problem: String,
    },
    /// Ironic (or something in front of it) said no.
    #[error("{route} was refused with {status}: {}", cut(message))]
    Rejected {
        /// What was asked.
        route: &'static Route,
        /// The HTTP status.
        status: u16,
        /// What the refusal means.
        rejection: Rejection,
        /// Its words, 16 KiB at most; shown are 1 KiB.
        message: String,
        /// Ironic's id of the request, for its logs.
        request_id: Option<String>,
    },
    /// The row at which a listing was to continue is gone: list again from the beginning.
    #[error("{route} cannot go on: the row it stopped at is gone")]
    MarkerGone {
        /// What was asked.
        route: &'static Route,
    },
    /// Ironic does not get to a node's BMC.
    #[error("Ironic does not get to the BMC: {}", cut(words))]
    BmcUnreached {
        /// Ironic's words, or the driver's.
        words: String,
    },
    /// A listing that leads back to where it was, or has more pages or rows than any Ironic.
    #[error("{route} goes on without end")]
    EndlessListing {
        /// What was asked.
        route: &'static Route,
    },
    /// A wait that ended elsewhere than where it was to end.
    #[error("node {node} is in state {state} and will not get to {wanted} by itself")]
    Unreached {
        /// The node.
        node: String,
        /// Where it was to go.
        wanted: ProvisionState,
        /// Why it will not get there: held, failed, or at rest elsewhere.
        progress: Progress,
        /// Where it is.
        state: ProvisionState,
        /// What Ironic says went wrong.
        last_error: Option<String>,
    },
    /// The power did not get to where it was to go.
    #[error("{} of node {node} did not work, it is {}", target.as_str(), state.as_ref().map_or("unknown", PowerState::as_str))]
    PowerUnreached {
        /// The node.
        node: String,
        /// What was asked.
        target: PowerTarget,
        /// What it is; none was never read.
        state: Option<PowerState>,
        /// What Ironic says went wrong.
        last_error: Option<String>,
    },
    /// Ironic found no node for an allocation, and does not look again.
    #[error("there is no node for allocation {allocation}")]
    Unallocated {
        /// The allocation.
        allocation: String,
        /// What Ironic says went wrong.
        last_error: Option<String>,
    },
    /// Interfaces of a node that are required lack something.
    #[error("node {node} is not valid: {problems}")]
    Invalid {
        /// The node as it was asked for.
        node: String,
        /// The interfaces with Ironic's reasons, cut at 1 KiB.
        problems: String,
    },
    /// A wait whose time ran out.
    #[error("{what} {id} is not there after {after:?}, it is in state {state}")]
    StillWaiting {
        /// What was waited for: `node`, `allocation`.
        what: &'static str,
        /// Its uuid.
        id: String,
        /// The time it had.
        after: Duration,
        /// Where it is.
        state: String,
    },
}

/// What kind of trouble, which alone chooses how soon to try again and whom to tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Class {
    /// Passes by itself: try again soon.
    Transient,
    /// Another object or a person has to do something first.
    Blocked,
    /// What was asked has to change.
    Terminal,
}

impl Error {
    pub(super) fn settings(problem: impl Into<String>) -> Self {
        Self::Settings {
            problem: problem.into(),
        }
    }

    pub(super) fn argument(problem: impl Into<String>) -> Self {
        Self::Argument {
            problem: problem.into(),
        }
    }

    /// What kind of trouble.
    pub const fn class(&self) -> Class {
        match self {
            Self::Settings { .. } | Self::Argument { .. } | Self::Unpermitted { .. } => Class::Terminal,
            Self::NotSupported { .. }
            | Self::NotAllowed(_)
            | Self::BmcUnreached { .. }
            | Self::Unreached { .. }
            | Self::PowerUnreached { .. }
            | Self::Unallocated { .. }
            | Self::Invalid { .. } => Class::Blocked,
            Self::NotPermitted { .. }
            | Self::Suspended
            | Self::Withdrawn { .. }
            | Self::Transport { .. }
            | Self::Deadline { .. }
            | Self::Closed { .. }
            | Self::Body { .. }
            | Self::TooLong { .. }
            | Self::Row { .. }
            | Self::MarkerGone { .. }
            | Self::EndlessListing { .. }
            | Self::StillWaiting { .. } => Class::Transient,
            Self::Rejected { rejection, .. } => rejection.class(),
            Self::Auth(error) => error.class(),
        }
    }

    /// What a refusal means, if it is one.
    pub const fn rejection(&self) -> Option<Rejection> {
        match self {
            Self::Rejected { rejection, .. } => Some(*rejection),
            _ => None,
        }
    }

    /// The HTTP status, if there was an answer.
    pub const fn status(&self) -> Option<u16> {
        match self {
            Self::Rejected { status, .. } | Self::Body { status, .. } => Some(*status),
            _ => None,
        }
    }

    /// Ironic's id of the refused request, for its logs.
    pub fn request_id(&self) -> Option<&str> {
        match self {
            Self::Rejected { request_id, .. } => request_id.as_deref(),
            _ => None,
        }
    }

    /// Whether Ironic says that it is not there (or may not be seen).
    pub fn is_not_found(&self) -> bool {
        self.rejection() == Some(Rejection::NotFound)
    }

    /// Whether somebody else works on the node right now.
    pub fn is_locked(&self) -> bool {
        matches!(
            self.rejection(),
            Some(Rejection::Locked | Rejection::InTransition)
        )
    }

    /// Whether the id or name is taken.
    pub fn is_already_exists(&self) -> bool {
        self.rejection() == Some(Rejection::AlreadyExists)
    }

    /// Whether the credentials are wrong.
    pub fn is_unauthorized(&self) -> bool {
        match self {
            Self::Auth(error) => error.is_unauthorized(),
            _ => self.rejection() == Some(Rejection::Unauthorized),
        }
    }

    /// Whether the settings lead where this client may not go.
    pub fn is_not_allowed(&self) -> bool {
        matches!(self, Self::NotAllowed(_) | Self::Auth(AuthError::NotAllowed(_)))
    }

    /// Whether the client, or this process, is to send nothing more: it was closed, or its permit withdrawn.
    pub fn is_closed(&self) -> bool {
        matches!(self, Self::Closed { .. } | Self::NotPermitted { .. })
    }

    /// What it tells of an Ironic that was written to.
    pub(super) fn end(&self) -> End {
        match self {
            Self::Rejected { .. } | Self::Body { .. } | Self::TooLong { .. } => End::Answered,
            Self::Transport { .. } => End::Unanswered,
            Self::Deadline { waiting_for, .. } if *waiting_for == ANSWER => End::Unanswered,
            _ => End::Unsent,
        }
    }

    /// Whether the permit of this very call was withdrawn before it was sent: decide again.
    pub fn is_withdrawn(&self) -> bool {
        matches!(self, Self::Withdrawn { .. })
    }

    /// Whether it was held back at the last moment, since it is not meant any more or writes are suspended: nothing was sent.
    pub fn is_held_back(&self) -> bool {
        self.is_withdrawn() || matches!(self, Self::Suspended)
    }

    /// Words for a user: Ironic's own where it said something, never longer than 1 KiB.
    pub fn words(&self) -> Cow<'_, str> {
        match self.words_in_full() {
            Cow::Borrowed(words) => Cow::Borrowed(cut(words)),
            Cow::Owned(words) => Cow::Owned(cut(&words).to_owned()),
        }
    }

    /// The same words, 16 KiB at most: for who has to hide something in them first, since a secret that was cut is not found.
    pub fn words_in_full(&self) -> Cow<'_, str> {
        match self {
            Self::Rejected { message: words, .. } | Self::BmcUnreached { words } if !words.is_empty() => {
                Cow::Borrowed(bounded(words))
            }
            Self::Unreached {
                last_error: Some(words),
                ..
            }
            | Self::PowerUnreached {
                last_error: Some(words),
                ..
            }
            | Self::Unallocated {
                last_error: Some(words),
                ..
            } => Cow::Borrowed(bounded(words)),
            Self::Auth(error) => Cow::Owned(bounded(&chain(error)).to_owned()),
            _ => Cow::Owned(bounded(&chain(self)).to_owned()),
        }
    }
}

/// At most 16 KiB of a text, cut between characters.
pub(super) fn bounded(text: &str) -> &str {
    text.get(..text.floor_char_boundary(KEPT)).unwrap_or_default()
}

/// At most 1 KiB of a text, cut between characters.
pub(super) fn cut(text: &str) -> &str {
    text.get(..text.floor_char_boundary(WORDS)).unwrap_or_default()
}
