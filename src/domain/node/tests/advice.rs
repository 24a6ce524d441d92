//! The documentation of the reasons says what the rules do with them.

use super::super::rules::{Choice, choose};
use super::super::situation::Situation;
use crate::api::advice::Class;

#[test]
fn a_reason_is_documented_as_it_is_used() {
    for situation in Situation::all() {
        let (choice, rule) = choose(&situation);
        let (reason, expected): (_, &[Class]) = match choice {
            Choice::Settled(reason) => (reason, &[Class::AsWanted]),
            Choice::Wait(reason) => (reason, &[Class::AtWork, Class::Waiting]),
            Choice::Stalled(reason) => (reason, &[Class::Failed, Class::Blocked, Class::Terminal]),
            Choice::Look | Choice::Step(_) | Choice::Release => continue,
        };
        let class = reason.class();
        assert!(
            expected.contains(&class),
            "{rule}: {choice:?} in {situation:?} is documented as {class:?}"
        );
    }
}
