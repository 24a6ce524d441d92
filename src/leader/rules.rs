//! Who may hold the Lease, and for how long: client-go's rules as pure functions of what was seen and when.

use std::time::{Duration, Instant};

use jiff::Timestamp;
use k8s_openapi::api::coordination::v1::LeaseSpec;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::MicroTime;

use crate::permit::Moment;

/// How long a Lease must stand unchanged before somebody else may take it: client-go's 15 s, the time that a crash costs.
pub const DURATION: Duration = Duration::from_secs(15);

/// How long after the *start* of its last successful renewal the holder may write. Five seconds less than [`DURATION`], and a
/// waiting replica counts from a later moment (when it *saw* the renewal), so that a request sent in the very last moment is
/// done before anybody else begins.
pub const RENEW_DEADLINE: Duration = Duration::from_secs(10);

/// The longest pause between two looks at the Lease, or between two renewals: five tries before the deadline, half a request
/// a second, and a Lease that was let go is taken within it.
pub const RETRY: Duration = Duration::from_secs(2);

/// A time of being the one writer. Nobody but the holder's own clocks is asked.
#[derive(Clone, Copy, Debug)]
pub struct Term {
    from: Moment,
}

impl Term {
    /// The term that a renewal gives which was *sent* at this moment; when its answer came does not count.
    pub fn from(sent: Moment) -> Self {
        Self { from: sent }
    }

    /// What is left of it; zero: it is over, and nothing may be written.
    pub fn left(self, now: Moment) -> Duration {
        RENEW_DEADLINE.saturating_sub(now.since(self.from))
    }

    /// Whether it is over.
    pub fn is_over(self, now: Moment) -> bool {
        self.left(now).is_zero()
    }
}

/// What one who does not hold the Lease may do.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Move {
    /// Take it, by a write that fails if the Lease is no longer the one just read.
    Take,
    /// Leave it to its holder.
    Wait,
}

/// What one who waits has seen, and since when it has been so by its own clock. The times in the Lease are another machine's
/// and are for people only.
#[derive(Debug, Default)]
pub struct Lookout {
    seen: Option<Seen>,
}

#[derive(Debug)]
struct Seen {
    spec: Option<LeaseSpec>,
    since: Instant,
    patience: Duration,
}

impl Lookout {
    /// Judges what was just read; `None`: there is no such Lease. `now` is when the answer had come.
    pub fn judge(&mut self, spec: Option<&LeaseSpec>, identity: &str, now: Instant) -> Move {
        let before = self.seen.take();
        let patience = patience(spec, before.as_ref());
        let since = match &before {
            Some(before) if before.spec.as_ref() == spec => before.since,
            _ => now,
        };
        self.seen = Some(Seen {
            spec: spec.cloned(),
            since,
            patience,
        });
        let free = match spec.map(holder) {
            // A Lease that somebody deleted may have a holder who has not noticed yet.
            None => before.is_none() || patience.is_zero(),
            Some(holder) => holder.is_empty() || holder == identity,
        };
        if free || now.saturating_duration_since(since) >= patience {
            Move::Take
        } else {
            Move::Wait
        }
    }
}

/// How long to wait for a holder who shows no life: never less than our own holder would count on.
fn patience(spec: Option<&LeaseSpec>, before: Option<&Seen>) -> Duration {
    match (spec, before) {
        (Some(spec), _) if holder(spec).is_empty() => Duration::ZERO,
        (Some(spec), _) => {
            let asked = spec
                .lease_duration_seconds
                .and_then(|asked| u64::try_from(asked).ok());
            Duration::from_secs(asked.unwrap_or_default()).max(DURATION)
        }
        (None, Some(before)) => before.patience,
        (None, None) => Duration::ZERO,
    }
}

/// The identity of the holder; empty: nobody.
pub fn holder(spec: &LeaseSpec) -> &str {
    spec.holder_identity.as_deref().unwrap_or_default()
}

/// The Lease as its holder writes it: taken anew from another, or renewed.
pub fn held(before: Option<&LeaseSpec>, identity: &str, now: Timestamp) -> LeaseSpec {
    let mut spec = before.cloned().unwrap_or_default();
    if holder(&spec) != identity {
        spec.lease_transitions = Some(
            spec.lease_transitions
                .map_or(0, |so_far| so_far.saturating_add(1)),
        );
        spec.acquire_time = Some(MicroTime(now));
        spec.holder_identity = Some(identity.to_owned());
    }
    spec.renew_time = Some(MicroTime(now));
    spec.lease_duration_seconds = i32::try_from(DURATION.as_secs()).ok();
    spec
}

/// The Lease as one leaves it who lets go of it: anybody may take it at once.
pub fn released(before: &LeaseSpec, now: Timestamp) -> LeaseSpec {
    LeaseSpec {
        holder_identity: None,
        lease_duration_seconds: Some(1),
        renew_time: Some(MicroTime(now)),
        ..before.clone()
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant, SystemTime};

    use jiff::Timestamp;
    use k8s_openapi::api::coordination::v1::LeaseSpec;

    use super::{DURATION, Lookout, Moment, Move, RENEW_DEADLINE, RETRY, Term, held, released};

    const SECOND: Duration = Duration::from_secs(1);

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(seconds).unwrap()
    }

    fn lease_of(identity: &str, renewed: i64) -> LeaseSpec {
        held(None, identity, at(renewed))
    }

    #[test]
    fn the_holder_stops_before_anybody_else_may_begin() {
        assert!(RENEW_DEADLINE + 2 * RETRY < DURATION);
        let start = Moment::now();
        let term = Term::from(start);
        let later = |by: Duration| Moment {
            running: start.running + by,
            wall: start.wall + by,
        };
        assert_eq!(term.left(later(3 * SECOND)) + 3 * SECOND, RENEW_DEADLINE);
        assert!(!term.is_over(later(9 * SECOND)));
        assert!(term.is_over(later(RENEW_DEADLINE)));
    }

    #[test]
    fn a_suspended_machine_loses_its_term_and_a_clock_set_back_gains_nothing() {
        let start = Moment::now();
        let suspended = Moment {
            running: start.running + SECOND,
            wall: start.wall + 60 * SECOND,
        };
        assert!(Term::from(start).is_over(suspended));
        let set_back = Moment {
            running: start.running + RENEW_DEADLINE,
            wall: SystemTime::UNIX_EPOCH,
        };
        assert!(Term::from(start).is_over(set_back));
    }

    #[test]
    fn a_free_lease_is_taken_at_once() {
        let now = Instant::now();
        assert_eq!(Lookout::default().judge(None, "b", now), Move::Take);
        let free = released(&lease_of("a", 0), at(1));
        assert_eq!(Lookout::default().judge(Some(&free), "b", now), Move::Take);
        let mut lookout = Lookout::default();
        assert_eq!(lookout.judge(Some(&lease_of("a", 0)), "b", now), Move::Wait);
        assert_eq!(lookout.judge(Some(&free), "b", now + SECOND), Move::Take);
    }

    #[test]
    fn ones_own_lease_is_taken_up_again_when_its_answer_was_lost() {
        let now = Instant::now();
        let mut lookout = Lookout::default();
        assert_eq!(lookout.judge(Some(&lease_of("b", 0)), "b", now), Move::Take);
    }

    #[test]
    fn it_counts_how_long_it_was_seen_unchanged_and_not_what_its_times_say() {
        let now = Instant::now();
        let mut lookout = Lookout::default();
        // Renewed in 1970 by its holder's clock, and yet not expired: that clock may be wrong.
        assert_eq!(lookout.judge(Some(&lease_of("a", 0)), "b", now), Move::Wait);
        assert_eq!(
            lookout.judge(Some(&lease_of("a", 0)), "b", now + 14 * SECOND),
            Move::Wait
        );
        assert_eq!(
            lookout.judge(Some(&lease_of("a", 1)), "b", now + DURATION),
            Move::Wait
        );
        assert_eq!(
            lookout.judge(Some(&lease_of("a", 1)), "b", now + 29 * SECOND),
            Move::Wait
        );
        assert_eq!(
            lookout.judge(Some(&lease_of("a", 1)), "b", now + 2 * DURATION),
            Move::Take
        );
    }

    #[test]
    fn a_holder_may_ask_for_more_patience_and_not_for_less() {
        let now = Instant::now();
        for (asked, granted) in [(60, 60), (1, 15), (-5, 15)] {
            let mut lease = lease_of("a", 0);
            lease.lease_duration_seconds = Some(asked);
            let mut lookout = Lookout::default();
            lookout.judge(Some(&lease), "b", now);
            assert_eq!(
                lookout.judge(Some(&lease), "b", now + (granted - 1) * SECOND),
                Move::Wait,
                "{asked}"
            );
            assert_eq!(
                lookout.judge(Some(&lease), "b", now + granted * SECOND),
                Move::Take,
                "{asked}"
            );
        }
    }

    #[test]
    fn a_lease_that_was_deleted_may_still_have_a_holder() {
        let now = Instant::now();
        let mut lookout = Lookout::default();
        lookout.judge(Some(&lease_of("a", 0)), "b", now);
        assert_eq!(lookout.judge(None, "b", now + SECOND), Move::Wait);
        assert_eq!(lookout.judge(None, "b", now + DURATION), Move::Wait);
        assert_eq!(lookout.judge(None, "b", now + SECOND + DURATION), Move::Take);
    }

    #[test]
    fn transitions_count_changes_of_the_holder() {
        let first = held(None, "a", at(1));
        let renewed = held(Some(&first), "a", at(2));
        assert_eq!(renewed.lease_transitions, Some(0));
        assert_eq!(renewed.acquire_time, first.acquire_time);
        assert_ne!(renewed.renew_time, first.renew_time);
        let second = held(Some(&released(&renewed, at(3))), "b", at(4));
        assert_eq!(second.lease_transitions, Some(1));
        assert_eq!(second.holder_identity.as_deref(), Some("b"));
        assert_eq!(second.lease_duration_seconds, Some(15));
    }
}
