//! The budget of destructive steps: how many were announced within the last hour, and when the next may be.
//!
//! The record is in the BareMetalCloud's status, one number a minute. A minute counts until the last moment of it is an hour
//! old, so never more than the budget is spent within any 60 minutes, and the record stays small.

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

use crate::api::cloud::DestructiveSteps;

/// The first moment at which a minute no longer counts, after its beginning.
const COUNTS: SignedDuration = SignedDuration::from_mins(61);

const MINUTE: i64 = 60;

/// What is left.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Budget {
    /// Steps allowed within an hour.
    pub per_hour: i32,
    /// Steps announced within the last.
    pub spent: i32,
    /// When the next may be announced; none: now.
    pub next: Option<Timestamp>,
}

impl Budget {
    /// How many steps may still be announced now.
    pub fn left(&self) -> i32 {
        self.per_hour.saturating_sub(self.spent).max(0)
    }
}

/// What is left of the budget at this time.
pub fn budget(record: &[DestructiveSteps], per_hour: i32, now: Timestamp) -> Budget {
    let counting: Vec<_> = counting(record, now).collect();
    let spent = total(&counting);
    // The oldest minutes go first; the budget is free again when enough of them have gone.
    let mut left = spent;
    let frees = |(minute, count): &(Timestamp, i32)| {
        left = left.saturating_sub(*count);
        (left < per_hour).then(|| end(*minute))
    };
    let next = if spent < per_hour {
        None
    } else {
        counting.iter().find_map(frees)
    };
    Budget {
        per_hour,
        spent,
        next,
    }
}

/// The record with one more step, and without what no longer counts.
pub fn spend(record: &[DestructiveSteps], now: Timestamp) -> Vec<DestructiveSteps> {
    let this = minute(now);
    let mut counting: Vec<_> = counting(record, now).collect();
    match counting.iter_mut().find(|(minute, _)| *minute == this) {
        Some((_, count)) => *count = count.saturating_add(1),
        None => counting.push((this, 1)),
    }
    let entry = |(minute, count)| DestructiveSteps {
        minute: Time(minute),
        count,
    };
    counting.into_iter().map(entry).collect()
}

/// The minutes that count, oldest first. What lies ahead of our clock (another operator's was fast) counts as of now.
fn counting(record: &[DestructiveSteps], now: Timestamp) -> impl Iterator<Item = (Timestamp, i32)> {
    let this = minute(now);
    let mut minutes = std::collections::BTreeMap::<Timestamp, i32>::new();
    for entry in record.iter().filter(|entry| end(entry.minute.0) > now) {
        let count = minutes.entry(entry.minute.0.min(this)).or_default();
        *count = count.saturating_add(entry.count.max(0));
    }
    minutes.into_iter()
}

fn total(minutes: &[(Timestamp, i32)]) -> i32 {
    minutes
        .iter()
        .fold(0, |sum: i32, (_, count)| sum.saturating_add(*count))
}

fn minute(at: Timestamp) -> Timestamp {
    let second = at.as_second();
    Timestamp::from_second(second - second.rem_euclid(MINUTE)).unwrap_or(at)
}

fn end(minute: Timestamp) -> Timestamp {
    minute.checked_add(COUNTS).unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + second).unwrap()
    }

    #[test]
    fn a_budget_comes_back_when_its_hour_is_over() {
        let record = spend(&spend(&[], at(30)), at(90));
        assert_eq!(budget(&record, 3, at(90)).next, None);
        let spent = budget(&record, 2, at(90));
        assert_eq!((spent.spent, spent.left()), (2, 0));
        let next = spent.next.unwrap();
        assert_eq!(next, at(61 * 60), "the minute of the first is over for an hour");
        let before = next.checked_sub(SignedDuration::from_secs(1)).unwrap();
        assert_eq!(budget(&record, 2, before).left(), 0);
        assert_eq!(budget(&record, 2, next).left(), 1);
        assert_eq!(
            budget(&record, 1, at(90)).next,
            Some(at(62 * 60)),
            "lowered since"
        );
    }

    #[test]
    fn a_clock_that_was_set_back_does_not_give_more() {
        let record = spend(&[], at(7200));
        assert_eq!(budget(&record, 1, at(0)).left(), 0);
        let again = spend(&record, at(0));
        assert_eq!(again.len(), 1);
        assert_eq!(again[0].count, 2);
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn never_more_than_the_budget_within_an_hour(
            per_hour in 1..6_i32,
            pauses in prop::collection::vec(0..1800_i64, 1..120),
        ) {
            let (mut record, mut taken, mut now) = (vec![], Vec::<i64>::new(), 0);
            for pause in pauses {
                now += pause;
                let state = budget(&record, per_hour, at(now));
                prop_assert_eq!(state.next.is_none(), state.left() > 0);
                match state.next {
                    None => {
                        record = spend(&record, at(now));
                        taken.push(now);
                    }
                    Some(next) => {
                        prop_assert!(next > at(now));
                        prop_assert!(budget(&record, per_hour, next).left() > 0, "it is kept what was promised");
                        // Nobody waits in vain: an hour and a minute after the oldest that counts there is one more.
                        let counted = taken.iter().rev().nth(usize::try_from(per_hour).unwrap() - 1).unwrap();
                        prop_assert!(next <= at(counted + 61 * 60));
                    }
                }
                let within = taken.iter().filter(|then| now - **then < 3600).count();
                prop_assert!(within <= usize::try_from(per_hour).unwrap());
                prop_assert!(record.len() <= 62);
            }
        }
    }
}
