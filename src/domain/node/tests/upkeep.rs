//! Traits and maintenance: what is ours is brought to the spec, what is others' stays.

use std::collections::BTreeSet;

use proptest::collection::{btree_set, vec};
use proptest::prelude::*;

use super::super::call::Call;
use super::super::outcome;
use super::super::plan::{Action, decide};
use super::fixture::{Case, Sight};
use super::table::{active, available, says, with_ours};
use crate::api::conditions::Reason;
use crate::api::node::{Switch, Trait, WantedState};
use crate::domain::conditions::Standing::{Ready, Reconciling, Stalled};
use crate::ironic::model::{Node, ProvisionState as S};

type Names = BTreeSet<String>;

fn names() -> impl Strategy<Value = Names> {
    btree_set("[A-D]".prop_map(|letter| format!("CUSTOM_{letter}")), 0..4)
}

fn live(case: &Case) -> Names {
    let Sight::Full(node) = &case.sight else { panic!() };
    node.traits.iter().cloned().collect()
}

/// Decides and does it until nothing is left to do; the number of calls.
fn run(case: &mut Case) -> usize {
    for calls in 0..16 {
        let (action, journal) = case.with(|facts| {
            let plan = decide(facts);
            let journal = match &plan.action {
                Some(Action::Call(step, _)) => outcome::taken(plan.status.clone(), *step, facts),
                _ => plan.status.clone(),
            };
            (plan.action, journal)
        });
        case.object.status = Some(journal);
        match action {
            None => return calls,
            Some(Action::Call(_, Call::Trait { name, present, .. })) => {
                *case = case.clone().see(|node| {
                    let there = node.traits.contains(&name);
                    assert_ne!(there, present, "{name} for nothing");
                    node.traits.retain(|other| *other != name);
                    node.traits.extend(present.then_some(name));
                });
            }
            Some(Action::Call(_, Call::Patch { patch, .. })) => {
                let Sight::Full(node) = &case.sight else { panic!() };
                case.sight = Sight::Full(super::fixture::patch(node, &patch.0).unwrap());
            }
            Some(_) => panic!("something else is done"),
        }
    }
    panic!("no end")
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn traits_are_three_way(eras in vec((names(), names(), names()), 1..4)) {
        let mut case = Case::new(&S::Manageable).want(Some(WantedState::Manageable));
        for (wanted, theirs, taken) in eras {
            // Somebody else sets and removes traits.
            case = case.see(|node| {
                node.traits.retain(|name| !taken.contains(name));
                let new: Vec<_> = theirs.iter().filter(|name| !node.traits.contains(*name)).cloned().collect();
                node.traits.extend(new);
            });
            case.object.spec.traits = wanted.iter().cloned().map(Trait).collect();
            let before = live(&case);
            let status = case.object.status.as_ref();
            let ours: Names = status.and_then(|status| status.applied.as_ref())
                .map(|applied| applied.traits.iter().cloned().collect()).unwrap_or_default();
            let kept = before.iter().filter(|name| !ours.contains(*name)).cloned();
            let expected: Names = kept.chain(wanted.iter().cloned()).collect();
            run(&mut case);
            prop_assert_eq!(&live(&case), &expected);
            // A row of the list tells no more than that all is done.
            let Sight::Full(node) = case.sight.clone() else { panic!() };
            case.sight = Sight::Summary(node.clone());
            prop_assert!(case.with(|facts| decide(facts).action.is_none()));
            case.sight = Sight::Full(node);
            prop_assert_eq!(run(&mut case), 0);
        }
    }
}

fn maintenance(mut case: Case, enabled: bool) -> Case {
    let reason = enabled.then(|| "disk swap".to_owned());
    case.object.spec.maintenance = Some(Switch { enabled, reason });
    case
}

fn ours(node: &mut Node) {
    node.maintenance = true;
    node.maintenance_reason = Some("ironwright: disk swap".into());
}

fn theirs(node: &mut Node) {
    node.maintenance = true;
    node.maintenance_reason = Some("ask Ops".into());
}

fn faulty(node: &mut Node) {
    ours(node);
    node.fault = Some("power failure".into());
}

/// What is sent: the reason, an empty text for a lift.
fn sent(case: &Case) -> Option<String> {
    match case.with(decide).action {
        Some(Action::Call(_, Call::Maintenance { reason, .. })) => Some(reason.unwrap_or_default()),
        _ => None,
    }
}

#[test]
fn only_our_own_maintenance_is_lifted_or_renamed() {
    let case = || with_ours(active(&S::Active), "a");
    assert_eq!(sent(&maintenance(case(), true)).unwrap(), "ironwright: disk swap");
    assert_eq!(sent(&maintenance(case().see(ours), true)), None);
    assert_eq!(sent(&maintenance(case().see(theirs), true)), None);
    assert_eq!(sent(&maintenance(case().see(faulty), true)), None);
    assert_eq!(sent(&maintenance(case(), false)), None);
    assert_eq!(sent(&maintenance(case().see(ours), false)).unwrap(), "");
    assert_eq!(sent(&maintenance(case().see(theirs), false)), None);
    assert_eq!(sent(&maintenance(case().see(faulty), false)), None);
    assert_eq!(sent(&case().see(ours)), None, "no block, no change");
    let renamed = |node: &mut Node| {
        ours(node);
        node.maintenance_reason = Some("ironwright: another".into());
    };
    assert_eq!(
        sent(&maintenance(case().see(renamed), true)).unwrap(),
        "ironwright: disk swap"
    );
}

#[test]
fn our_own_maintenance_suspends_us_too_and_says_so() {
    let under = maintenance(available(&S::Manageable).see(ours), true);
    says(&under, Stalled, Reason::Maintenance, "spec.maintenance asked");
    let as_wanted = maintenance(available(&S::Available).see(ours), true);
    says(&as_wanted, Ready, Reason::Available, "as wanted");
    let lifted = maintenance(available(&S::Manageable).see(ours), false);
    says(&lifted, Reconciling, Reason::Updating, "changed");
    let foreign = maintenance(available(&S::Manageable).see(theirs), false);
    says(&foreign, Stalled, Reason::Maintenance, "ask Ops");
}
