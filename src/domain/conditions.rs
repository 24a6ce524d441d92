//! Conditions as kstatus reads them, written so that nothing changes unless something changed.

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};

use crate::api::conditions::{Reason, types};

/// Longest message of a condition in bytes; longer ones are cut.
const MESSAGE_LIMIT: usize = 2048;

/// What the three standard conditions say together.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Standing {
    /// Ready: as the spec says.
    Ready,
    /// Reconciling: at work, or waiting for something that needs no person.
    Reconciling,
    /// Stalled: a person has to do something.
    Stalled,
}

/// Who says what, and when.
#[derive(Clone, Copy, Debug)]
pub struct Saying<'a> {
    /// The generation spoken of.
    pub generation: Option<i64>,
    /// The time of a change.
    pub now: Timestamp,
    /// The reason.
    pub reason: Reason,
    /// The sentence.
    pub message: &'a str,
}

/// Sets `Ready`, `Reconciling` and `Stalled`; never are the last two both true.
pub fn stand(conditions: &mut Vec<Condition>, standing: Standing, saying: Saying) {
    for (kind, holds) in [
        (types::READY, standing == Standing::Ready),
        (types::RECONCILING, standing == Standing::Reconciling),
        (types::STALLED, standing == Standing::Stalled),
    ] {
        // What does not hold needs no sentence of its own, but Ready says why it is not.
        let message = if holds || kind == types::READY {
            saying.message
        } else {
            ""
        };
        set(conditions, kind, holds, Saying { message, ..saying });
    }
}

/// Sets one condition. Its transition time moves only when its status does.
pub fn set(conditions: &mut Vec<Condition>, kind: &str, holds: bool, saying: Saying) {
    let status = if holds { "True" } else { "False" };
    let before = conditions.iter().position(|condition| condition.type_ == kind);
    let since = before
        .and_then(|index| conditions.get(index))
        .filter(|condition| condition.status == status)
        .map_or(Time(saying.now), |condition| {
            condition.last_transition_time.clone()
        });
    let condition = Condition {
        type_: kind.to_owned(),
        status: status.to_owned(),
        reason: saying.reason.as_str().to_owned(),
        message: shorten(saying.message, MESSAGE_LIMIT),
        observed_generation: saying.generation,
        last_transition_time: since,
    };
    match before.and_then(|index| conditions.get_mut(index)) {
        Some(place) => *place = condition,
        None => conditions.push(condition),
    }
}

/// Takes over the transition times of conditions that stand as they stood: between two reports a condition may have gone to
/// and fro, and nobody saw it.
pub fn keep_times(conditions: &mut [Condition], stored: &[Condition]) {
    for condition in conditions {
        let same = |before: &&Condition| before.type_ == condition.type_ && before.status == condition.status;
        if let Some(before) = stored.iter().find(same) {
            condition.last_transition_time = before.last_transition_time.clone();
        }
    }
}

/// Removes a condition that does not apply.
pub fn clear(conditions: &mut Vec<Condition>, kind: &str) {
    conditions.retain(|condition| condition.type_ != kind);
}

/// The text, or as much of it as fits into `limit` bytes with an ellipsis.
pub fn shorten(text: &str, limit: usize) -> String {
    if text.len() <= limit {
        return text.to_owned();
    }
    format!("{}…", cut(text, limit.saturating_sub('…'.len_utf8())))
}

/// The first `limit` bytes at most, cut between characters.
pub fn cut(text: &str, limit: usize) -> &str {
    let end = (0..=limit.min(text.len()))
        .rev()
        .find(|&end| text.is_char_boundary(end))
        .unwrap_or(0);
    text.get(..end).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn saying(second: i64, reason: Reason, message: &str) -> Saying<'_> {
        Saying {
            generation: Some(3),
            now: Timestamp::from_second(second).unwrap(),
            reason,
            message,
        }
    }

    fn find<'a>(conditions: &'a [Condition], kind: &str) -> &'a Condition {
        conditions
            .iter()
            .find(|condition| condition.type_ == kind)
            .unwrap()
    }

    #[test]
    fn exactly_one_of_the_three_holds() {
        for standing in [Standing::Ready, Standing::Reconciling, Standing::Stalled] {
            let mut conditions = vec![];
            stand(&mut conditions, standing, saying(1, Reason::Cleaning, "x"));
            assert_eq!(
                conditions
                    .iter()
                    .filter(|condition| condition.status == "True")
                    .count(),
                1
            );
        }
    }

    #[test]
    fn the_transition_time_moves_only_with_the_status() {
        let mut conditions = vec![];
        stand(
            &mut conditions,
            Standing::Reconciling,
            saying(1, Reason::Cleaning, "a"),
        );
        stand(
            &mut conditions,
            Standing::Reconciling,
            saying(2, Reason::Deploying, "b"),
        );
        assert_eq!(
            find(&conditions, types::READY).last_transition_time.0.as_second(),
            1
        );
        assert_eq!(find(&conditions, types::READY).reason, "Deploying");
        stand(&mut conditions, Standing::Ready, saying(3, Reason::Deployed, "c"));
        assert_eq!(
            find(&conditions, types::READY).last_transition_time.0.as_second(),
            3
        );
        assert_eq!(
            find(&conditions, types::STALLED)
                .last_transition_time
                .0
                .as_second(),
            1
        );
        assert_eq!(
            conditions.len(),
            3,
            "the order and number of conditions never change"
        );
    }

    #[test]
    fn what_went_to_and_fro_unseen_has_not_moved() {
        let mut stored = vec![];
        stand(&mut stored, Standing::Stalled, saying(1, Reason::NodeLost, "x"));
        let mut now = stored.clone();
        stand(&mut now, Standing::Reconciling, saying(2, Reason::Updating, "y"));
        stand(&mut now, Standing::Stalled, saying(3, Reason::NodeLost, "x"));
        assert_ne!(now, stored);
        keep_times(&mut now, &stored);
        assert_eq!(now, stored);
    }

    #[test]
    fn a_message_is_cut_between_characters() {
        assert_eq!(cut("aä", 2), "a");
        assert_eq!(cut("aä", 3), "aä");
        assert_eq!(cut("", 3), "");
        assert_eq!(shorten("abcd", 4), "abcd");
        assert_eq!(shorten("abcdefg", 5), "ab…");
    }
}
