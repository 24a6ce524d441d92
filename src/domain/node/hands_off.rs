//! The rules for objects that are looked at and not written for.

use super::rules::Choice;
use super::situation::{Gap, Place, Situation, View, Writes};
use crate::api::conditions::Reason;

/// Who only observes reports what is, and what differs; to delete the object is to look away.
pub fn observe(s: &Situation) -> Option<Choice> {
    (s.writes == Writes::Observing).then_some(match (s.place, s.edit, s.view) {
        _ if s.want.is_deletion() => Choice::Release,
        (Place::Absent, ..) => Choice::Wait(Reason::AwaitingNode),
        (place, ..) if place.moves() => Choice::Wait(Reason::Transitioning),
        (_, Gap::Now, View::Summary) => Choice::Look,
        _ => Choice::Settled(Reason::Observing),
    })
}

/// Paused: no write to Ironic, whatever is wanted. What differs is told.
pub fn paused(s: &Situation) -> Option<Choice> {
    let moving = s.place.moves();
    (s.writes == Writes::Paused && !never_enrolled(s)).then_some(match (s.edit, s.view) {
        (Gap::Now, View::Summary) if !moving => Choice::Look,
        _ => Choice::Wait(Reason::Paused),
    })
}

fn never_enrolled(s: &Situation) -> bool {
    s.place == Place::Absent && s.want.is_deletion()
}
