//! What may be sent again, and when.
use std::time::Duration;

use jiff::Timestamp;
use jiff::fmt::rfc2822::DateTimeParser;
use reqwest::header::{HeaderMap, RETRY_AFTER};

use super::{Class, Error, Rejection};

/// The first pause is at most this long; each further one twice as long.
const FIRST: Duration = Duration::from_millis(250);
/// No pause is longer, unless Ironic asks for it.
const LONGEST: Duration = Duration::from_secs(10);

/// What it means to send a request twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Repeat {
    /// Nothing: it only reads.
    Read,
    /// Acting twice: only when it was surely not acted on.
    Write,
    /// The same, but it is one change in one transaction: also when that was taken back.
    Whole,
    /// Acting once: the second one finds the first one's result (a creation with our uuid, a deletion).
    Once,
}

/// Whether a request that failed like this may be sent again. A conflict never is: who asked decides.
pub(super) fn may_repeat(repeat: Repeat, error: &Error) -> bool {
    match error {
        Error::Transport { sent: false, .. } => true,
        Error::Auth(error) => error.class() == Class::Transient,
        Error::Rejected { rejection, .. } => match rejection {
            Rejection::Busy | Rejection::TooMany => true,
            Rejection::Gateway => matches!(repeat, Repeat::Read | Repeat::Once),
            // A verb may have been begun before the transaction that failed.
            Rejection::DatabaseLocked => repeat != Repeat::Write,
            Rejection::Server => repeat == Repeat::Read,
            _ => false,
        },
        Error::Transport { sent: true, .. } | Error::Body { .. } => {
            matches!(repeat, Repeat::Read | Repeat::Once)
        }
        _ => false,
    }
}

/// Whether Ironic may have done what was asked although the request failed like this. What a locked database took back is the last
/// transaction: of a creation it can be the second one (an allocation of a node in use is there by then, Ironic 39), a deletion has
/// but one.
pub(super) fn may_have_acted(creates: bool, error: &Error) -> bool {
    matches!(
        error,
        Error::Transport { sent: true, .. }
            | Error::Body { .. }
            | Error::TooLong { .. }
            | Error::Rejected {
                rejection: Rejection::Gateway,
                ..
            }
    ) || creates && error.rejection() == Some(Rejection::DatabaseLocked)
}

/// The pause after the `attempt`-th attempt (from one): exponential, full jitter from `random` in `0..1`.
pub(super) fn backoff(attempt: u32, random: f64) -> Duration {
    let doublings = attempt.saturating_sub(1).min(16);
    let ceiling = FIRST.saturating_mul(1 << doublings).min(LONGEST);
    ceiling.mul_f64(random.clamp(0.0, 1.0))
}

/// How long the server asks to wait: seconds, or a date.
pub(super) fn retry_after(headers: &HeaderMap, now: Timestamp) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = text.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let date = DateTimeParser::new().parse_timestamp(text).ok()?;
    Some(Duration::try_from(date.duration_since(now)).unwrap_or_default())
}
