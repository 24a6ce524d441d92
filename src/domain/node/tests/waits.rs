//! What is waited for.

use super::super::rules::Choice;
use super::super::situation::{Gap, Grip, Place, Refs, Situation, Writes};
use super::safety::chosen;
use crate::api::conditions::Reason;

/// A wait that ends by itself while Ironic is at rest would never end.
#[test]
fn a_node_at_rest_is_waited_for_only_with_a_reason_outside_of_it() {
    for s in Situation::all().filter(|s| s.place.seen() && s.grip == Grip::Free) {
        let moving = s.place.moves();
        match chosen(&s) {
            Choice::Wait(Reason::Paused) => assert_eq!(s.writes, Writes::Paused, "{s:?}"),
            Choice::Wait(Reason::AwaitingState) if s.place == Place::Awaiting => {
                assert!(matches!(s.edit, Gap::Later | Gap::Now), "{s:?}");
            }
            Choice::Wait(Reason::AwaitingState) => assert_eq!(s.edit, Gap::Later, "{s:?}"),
            Choice::Wait(Reason::SecretMissing | Reason::DriverUnavailable | Reason::AwaitingNode) => {
                assert_ne!(s.refs, Refs::Ready, "{s:?}");
            }
            Choice::Wait(reason) => assert!(moving, "{reason:?} {s:?}"),
            _ => {}
        }
    }
}
