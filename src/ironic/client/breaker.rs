//! Whether writes are sent: not to an Ironic that has left one after the other without an answer.
//!
//! Each of them would wait for as long as a call may take. While writes are suspended one is let through from time to time, and the
//! first answer, whatever it says, ends the suspension.
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// So many writes in a row without an answer suspend the others.
const MOST: u32 = 5;
/// The first pause before one is tried; each further one is twice as long.
const FIRST: Duration = Duration::from_secs(5);
/// No pause is longer.
const LONGEST: Duration = Duration::from_mins(1);

/// A suspension that nobody has met for so long is over.
const FORGOTTEN: Duration = Duration::from_mins(5);

/// What becomes of a write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Turn {
    /// One of many.
    Usual,
    /// The one that shows whether there are answers again.
    Probe,
}

/// How it ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// There was an answer.
    Answered,
    /// There was none.
    Unanswered,
    /// It was not sent at all.
    Unsent,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum State<T> {
    Going { unanswered: u32 },
    Suspended { until: T, pause: Duration, asked: T },
}

/// The rules, by any clock.
impl<T: Copy + PartialOrd + std::ops::Add<Duration, Output = T>> State<T> {
    /// Whether a write may be sent now; a probe has until `patience` is over before there is another.
    fn ask(&mut self, now: T, patience: Duration) -> Option<Turn> {
        match self {
            Self::Going { .. } => Some(Turn::Usual),
            Self::Suspended { until, asked, .. } => {
                *asked = now;
                if now < *until {
                    return None;
                }
                *until = now + patience;
                Some(Turn::Probe)
            }
        }
    }

    /// Where nobody has asked for long, nobody will find out: the next write is sent, and suspends the others if it gets no answer.
    fn forget(&mut self, now: T) {
        if let Self::Suspended { asked, until, .. } = *self
            && now >= asked + FORGOTTEN
            && now >= until
        {
            *self = Self::Going { unanswered: MOST - 1 };
        }
    }

    fn ended(&mut self, turn: Turn, end: End, now: T) {
        *self = match (*self, turn, end) {
            (_, _, End::Answered) => Self::Going { unanswered: 0 },
            (Self::Going { unanswered }, _, End::Unanswered) if unanswered + 1 < MOST => Self::Going {
                unanswered: unanswered + 1,
            },
            (Self::Going { .. }, _, End::Unanswered) => Self::Suspended {
                until: now + FIRST,
                pause: FIRST,
                asked: now,
            },
            (Self::Suspended { pause, asked, .. }, Turn::Probe, End::Unanswered) => {
                let pause = (pause * 2).min(LONGEST);
                Self::Suspended {
                    until: now + pause,
                    pause,
                    asked,
                }
            }
            // The next one may try.
            (Self::Suspended { pause, asked, .. }, Turn::Probe, End::Unsent) => Self::Suspended {
                until: now,
                pause,
                asked,
            },
            // Sent before the suspension.
            (state, _, End::Unanswered | End::Unsent) => state,
        };
    }
}

/// The breaker of one Ironic.
#[derive(Debug)]
pub(super) struct Breaker {
    state: Mutex<State<Instant>>,
    patience: Duration,
}

/// A write that may be sent. Dropped, it was not.
#[derive(Debug)]
pub(super) struct Write<'a> {
    breaker: &'a Breaker,
    turn: Turn,
    end: End,
}

impl Breaker {
    /// `patience`: how long a call may take.
    pub fn new(patience: Duration) -> Self {
        Self {
            state: Mutex::new(State::Going { unanswered: 0 }),
            patience,
        }
    }

    fn state(&self) -> MutexGuard<'_, State<Instant>> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.forget(Instant::now());
        state
    }

    /// Leave to send a write.
    pub fn write(&self) -> Option<Write<'_>> {
        let turn = self.state().ask(Instant::now(), self.patience + LONGEST)?;
        Some(Write {
            breaker: self,
            turn,
            end: End::Unsent,
        })
    }

    /// Whether writes are suspended at all.
    pub fn is_suspended(&self) -> bool {
        matches!(*self.state(), State::Suspended { .. })
    }

    /// Whether a write would be refused now.
    pub fn refuses(&self) -> bool {
        matches!(*self.state(), State::Suspended { until, .. } if Instant::now() < until)
    }
}

impl Write<'_> {
    /// Whether it may still be sent: while it waited for its turn the others may have been left without an answer.
    pub fn is_meant(&self) -> bool {
        self.turn == Turn::Probe || !self.breaker.is_suspended()
    }

    /// Tells how it ended.
    pub fn ended(mut self, end: End) {
        self.end = end;
    }
}

impl Drop for Write<'_> {
    fn drop(&mut self) {
        self.breaker.state().ended(self.turn, self.end, Instant::now());
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    /// Every way through a good many steps of three writes at once, and a clock: it never locks up, never lets more than one probe
    /// out at a time, suspends after so many unanswered ones and not before, and goes on with the first answer.
    #[test]
    fn whatever_happens_one_answer_is_enough_and_probes_come_one_by_one() {
        type World = (State<Duration>, [Option<Turn>; 2], Duration);
        let patience = Duration::from_secs(90);
        let start: World = (State::Going { unanswered: 0 }, [None; 2], Duration::ZERO);
        let (mut seen, mut open) = (HashSet::new(), vec![(start, 0)]);
        while let Some(((state, writes, now), depth)) = open.pop() {
            let key = format!("{state:?}{writes:?}{now:?}");
            if depth == 11 || !seen.insert((key, depth)) {
                continue;
            }
            for place in 0..2 {
                let (mut next, mut after) = (state, writes);
                if let Some(turn) = writes[place] {
                    for end in [End::Answered, End::Unanswered, End::Unsent] {
                        let mut next = state;
                        next.ended(turn, end, now);
                        match (state, end) {
                            (_, End::Answered) => assert_eq!(next, State::Going { unanswered: 0 }),
                            (State::Going { unanswered }, End::Unanswered) => {
                                assert_eq!(matches!(next, State::Suspended { .. }), unanswered + 1 == MOST);
                            }
                            (State::Suspended { .. }, _) => assert!(matches!(next, State::Suspended { .. })),
                            (_, End::Unsent) => assert_eq!(next, state),
                        }
                        after[place] = None;
                        open.push(((next, after, now), depth + 1));
                    }
                } else if let Some(turn) = next.ask(now, patience) {
                    let probes = writes.iter().filter(|write| **write == Some(Turn::Probe)).count();
                    let in_time = now < patience;
                    assert!(
                        turn == Turn::Usual || probes == 0 || !in_time,
                        "{state:?} {writes:?}"
                    );
                    after[place] = Some(turn);
                    open.push(((next, after, now), depth + 1));
                } else {
                    assert!(
                        next.ask(now + patience + LONGEST, patience).is_some(),
                        "locked up: {state:?}"
                    );
                }
            }
            for pass in [FIRST, LONGEST] {
                open.push(((state, writes, now + pass), depth + 1));
            }
        }
        assert!(seen.len() > 1_000, "{}", seen.len());
    }

    #[test]
    fn pauses_grow_and_what_was_sent_before_does_not_lengthen_them() {
        let second = Duration::from_secs(1);
        let mut state = State::Going { unanswered: 0 };
        let mut now = Duration::ZERO;
        for _ in 0..MOST {
            assert_eq!(state.ask(now, second), Some(Turn::Usual));
            state.ended(Turn::Usual, End::Unanswered, now);
        }
        for _ in 0..30 {
            state.ended(Turn::Usual, End::Unanswered, now);
        }
        let mut pauses = vec![];
        for _ in 0..6 {
            let State::Suspended { until, .. } = state else {
                panic!()
            };
            pauses.push(until.saturating_sub(now).as_secs());
            now = until;
            assert_eq!(state.ask(now, second), Some(Turn::Probe));
            assert_eq!(state.ask(now, second), None);
            state.ended(Turn::Probe, End::Unanswered, now);
        }
        assert_eq!(pauses, [5, 10, 20, 40, 60, 60]);
    }

    #[test]
    fn a_suspension_that_nobody_meets_is_over_and_the_first_to_write_finds_out() {
        let second = Duration::from_secs(1);
        let mut state = State::Going { unanswered: MOST - 1 };
        state.ended(Turn::Usual, End::Unanswered, Duration::ZERO);
        assert_eq!(state.ask(second, second), None);
        state.forget(FORGOTTEN);
        assert!(matches!(state, State::Suspended { .. }), "somebody asked since");
        state.forget(FORGOTTEN + second);
        let now = FORGOTTEN + second;
        assert_eq!(state.ask(now, second), Some(Turn::Usual));
        state.ended(Turn::Usual, End::Unanswered, now);
        assert_eq!(state.ask(now, second), None, "one is enough");
    }

    #[tokio::test]
    async fn a_write_that_is_dropped_was_not_sent() {
        let breaker = Breaker::new(Duration::from_secs(1));
        for _ in 0..MOST {
            breaker.write().unwrap().ended(End::Unanswered);
        }
        assert!(breaker.is_suspended() && breaker.refuses() && breaker.write().is_none());
        *breaker.state() = State::Suspended {
            until: Instant::now(),
            pause: FIRST,
            asked: Instant::now(),
        };
        drop(breaker.write().unwrap());
        let probe = breaker.write().unwrap();
        assert!(breaker.write().is_none());
        probe.ended(End::Answered);
        assert!(!breaker.is_suspended());
    }
}
