//! What a step is follows from the call that it makes.

use super::super::call::{self, Call};
use super::super::gate::Destructive;
use super::super::room;
use super::super::rules::Step;
use super::fixture::Case;
use crate::ironic::model::{Pool, ProvisionState, Verb, Work};

/// A step that is added later is destructive, and takes room, where its verb is and does.
#[test]
fn what_writes_over_disks_is_announced_and_bounded() {
    for &step in Step::ALL {
        let call = Case::new(&ProvisionState::Manageable).with(|facts| call::call(step, facts));
        let verb = match call {
            Call::Provision { verb, .. } => Some(verb),
            _ => None,
        };
        assert_eq!(step.verb(), verb, "{step:?}");
        if let Some(verb) = verb {
            assert_eq!(Destructive::of(step).is_some(), verb.is_destructive(), "{step:?}");
            assert_eq!(room::work(step), Work::of(verb), "{step:?}");
        }
    }
    for &verb in Verb::ALL {
        let Some(work) = Work::of(verb) else { continue };
        assert!(verb.is_destructive(), "{verb}");
        assert!(work.pools().contains(&Pool::Destructive), "{verb}");
    }
    for verb in [
        Verb::Active,
        Verb::Rebuild,
        Verb::Deleted,
        Verb::Provide,
        Verb::Clean,
    ] {
        assert!(Work::of(verb).is_some(), "{verb} writes over disks");
    }
}
