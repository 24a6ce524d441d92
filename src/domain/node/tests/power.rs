//! The power: asked for as the spec says, reported in Ironic's words, never hardened by itself.

use std::time::Duration;

use super::super::call::Call;
use super::super::plan::{Action, decide};
use super::super::rules::Step;
use super::fixture::{Case, Sight};
use super::table::{active, available, deleted, error, foreign, says, tried, with_ours};
use crate::api::conditions::Reason;
use crate::api::node::{DeletionPolicy, Power, PowerWanted, Shutdown};
use crate::domain::conditions::Standing::{Ready, Reconciling, Stalled};
use crate::ironic::model::{Node, PowerState, PowerTarget, ProvisionState as S};

/// Our instance, on, with this power wanted.
fn machine(state: PowerWanted, shutdown: Shutdown) -> Case {
    let mut case = with_ours(active(&S::Active), "a").see(|node| node.power_state = Some(PowerState::On));
    case.object.spec.power = Some(Power {
        state,
        shutdown,
        timeout_seconds: Some(30),
    });
    case
}

fn off(node: &mut Node) {
    node.power_state = Some(PowerState::Off);
}

/// What is asked of Ironic once the intent is confirmed.
fn asked(mut case: Case) -> Option<(PowerTarget, Option<Duration>)> {
    case.confirmed = Some(Step::PowerOff);
    match case.with(decide).action {
        Some(Action::Call(_, Call::Power { target, timeout, .. })) => Some((target, timeout)),
        _ => None,
    }
}

#[test]
fn the_power_is_asked_for_as_the_spec_says() {
    let timeout = Some(Duration::from_secs(30));
    let soft = machine(PowerWanted::PoweredOff, Shutdown::Soft);
    assert_eq!(asked(soft.clone()), Some((PowerTarget::SoftOff, timeout)));
    let hard = machine(PowerWanted::PoweredOff, Shutdown::Hard);
    assert_eq!(asked(hard), Some((PowerTarget::Off, timeout)));
    let on = machine(PowerWanted::PoweredOn, Shutdown::Hard);
    assert_eq!(asked(on.clone().see(off)), Some((PowerTarget::On, timeout)));
    for done in [on, soft.clone().see(off)] {
        says(&done, Ready, Reason::Deployed, "deployed");
    }
    let unasked = soft.with(|facts| matches!(decide(facts).action, Some(Action::Confirm(_))));
    assert!(unasked, "to switch off needs an intent first");
    let mut row = soft;
    let Sight::Full(node) = row.sight else { panic!() };
    row.sight = Sight::Summary(node);
    assert!(row.with(|facts| matches!(decide(facts).action, Some(Action::Look))));
}

#[test]
fn who_uses_guards_or_pins_the_machine_keeps_it_on() {
    let soft = || machine(PowerWanted::PoweredOff, Shutdown::Soft);
    says(
        &soft().see(|node| node.protected = true),
        Stalled,
        Reason::Protected,
        "protected",
    );
    says(
        &soft().see(|node| node.maintenance = true),
        Stalled,
        Reason::Maintenance,
        "maintenance",
    );
    let pinned = |node: &mut Node| node.disable_power_off = true;
    says(
        &soft().see(pinned),
        Stalled,
        Reason::PowerOffDisabled,
        "disable_power_off",
    );
    let mut offered = available(&S::Active).see(foreign);
    offered.object.spec.power = soft().object.spec.power;
    says(&offered, Ready, Reason::InUse, "somebody else");
    says(
        &soft().see(|node| node.target_power_state = Some(PowerState::SoftOff)),
        Reconciling,
        Reason::Reserved,
        "soft power off",
    );
    says(
        &deleted(soft(), DeletionPolicy::Delete),
        Stalled,
        Reason::InstancePresent,
        "on the node",
    );
}

#[test]
fn a_shutdown_that_times_out_is_reported_and_never_hardened() {
    let soft = machine(PowerWanted::PoweredOff, Shutdown::Soft).see(error);
    let first = tried(soft.clone(), "power off", 1, 0, None);
    says(
        &first,
        Reconciling,
        Reason::PowerFailed,
        "BMC says no (tried once",
    );
    let again = tried(soft.clone(), "power off", 1, 60, None);
    assert_eq!(asked(again).map(|(target, _)| target), Some(PowerTarget::SoftOff));
    let last = tried(soft, "power off", 3, 9999, None);
    says(&last, Stalled, Reason::PowerFailed, "power.shutdown to Hard");
    let hard = machine(PowerWanted::PoweredOff, Shutdown::Hard).see(error);
    says(
        &tried(hard, "power off", 5, 0, None),
        Reconciling,
        Reason::PowerFailed,
        "BMC says no",
    );
}
