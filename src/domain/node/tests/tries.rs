//! The tries over a whole way: counted where steps alternate, begun anew where they should be.

use super::super::facts::NodeFacts;
use super::super::outcome::taken;
use super::super::plan::{Action, NodePlan, decide};
use super::super::rules::{Choice, Step};
use super::fixture::{Case, NOW};
use super::table::{active, available, error, says, tried, with_ours};
use crate::api::BareMetalNodeStatus;
use crate::api::conditions::Reason;
use crate::api::node::{Power, PowerWanted, Shutdown};
use crate::domain::conditions::Standing::{Reconciling, Stalled};
use crate::ironic::model::{PowerState, ProvisionState as S, ProvisionState};

/// An operator's memory of a step taken.
type Journal = fn(BareMetalNodeStatus, Step, &NodeFacts) -> BareMetalNodeStatus;

/// An hour with an Ironic whose cleaning is always broken off: how often it was asked to clean.
fn cleanings(journal: Journal) -> usize {
    let mut case = available(&S::Manageable);
    let (mut state, mut cleanings) = (S::Manageable, 0);
    while case.now < NOW + 3600 {
        let (NodePlan { action, status, .. }, after) = case.with(|facts| {
            let plan = decide(facts);
            let after = match &plan.action {
                Some(Action::Call(step, _)) => Some(journal(plan.status.clone(), *step, facts)),
                _ => None,
            };
            (plan, after)
        });
        case.object.status = Some(after.unwrap_or(status));
        match action {
            Some(Action::Confirm(step)) => case.confirmed = Some(step.step()),
            Some(Action::Call(step, _)) => {
                case.now += 1;
                case.confirmed = None;
                cleanings += usize::from(step == Step::Provide);
                // A cleaning that is broken off leaves no maintenance.
                state = if step == Step::Provide {
                    S::CleanFailed
                } else {
                    S::Manageable
                };
            }
            Some(_) => panic!("nothing else is to do"),
            None => case.now += 1,
        }
        let now: ProvisionState = state.clone();
        case = case.see(|node| node.provision_state = now);
    }
    cleanings
}

#[test]
fn steps_that_alternate_are_slowed_like_one() {
    let tries = cleanings(taken);
    assert!((10..25).contains(&tries), "{tries} times an hour");
    let forgetful: Journal = |status, step, facts| {
        let mut status = taken(status, step, facts);
        status.attempts.as_mut().unwrap().earlier.clear();
        status
    };
    let tries = cleanings(forgetful);
    assert!(tries > 100, "the check proves nothing: {tries}");
}

#[test]
fn a_step_in_between_does_not_reopen_what_was_given_up() {
    let spent = tried(available(&S::Enroll).see(error), "manage", 3, 60, None);
    let mut between = spent.clone();
    between.object.status = Some(spent.with(|facts| {
        let seen = decide(facts).status;
        taken(seen, Step::Patch, facts)
    }));
    says(&between, Stalled, Reason::VerifyFailed, "3 times");
    between.object.metadata.generation = Some(2);
    assert_eq!(between.with(decide).choice, Choice::Step(Step::Manage));
    let fresh = between.with(|facts| matches!(decide(facts).action, Some(Action::Call(Step::Manage, _))));
    assert!(fresh, "another spec begins anew");
}

#[test]
fn the_way_out_of_a_failure_is_no_verification() {
    let mut case = available(&S::CleanFailed);
    for _ in 0..4 {
        let mut status = case.with(|facts| taken(decide(facts).status, Step::Manage, facts));
        status.provision_state = Some(S::CleanFailed.to_string());
        case.object.status = Some(status);
        case.now += 3600;
    }
    assert!(case.with(|facts| matches!(decide(facts).action, Some(Action::Call(Step::Manage, _)))));
}

#[test]
fn the_pause_begins_when_the_failure_is_seen_and_it_is_told_meanwhile() {
    let mut slow = tried(
        with_ours(active(&S::DeployFailed), "a").see(error),
        "active",
        1,
        3600,
        None,
    );
    slow.object.status.as_mut().unwrap().provision_state = Some(S::Deploying.to_string());
    says(
        &slow,
        Reconciling,
        Reason::DeployFailed,
        "BMC says no (tried once: active)",
    );
    let plan = slow.with(decide);
    assert_eq!(plan.again_at.unwrap().as_second(), NOW + 5);
    slow.object.status = Some(plan.status);
    slow.now += 4;
    says(&slow, Reconciling, Reason::DeployFailed, "BMC says no");
    slow.now += 1;
    assert!(slow.with(|facts| matches!(decide(facts).action, Some(Action::Confirm(_)))));
}

#[test]
fn who_is_as_wanted_begins_anew() {
    let done = tried(available(&S::Available), "provide", 7, 0, None);
    assert_eq!(done.with(decide).status.attempts, None);
    let again: Case = available(&S::Manageable);
    assert!(matches!(again.with(decide).action, Some(Action::Confirm(_))));
}

/// Three tries are for what the machine may take amiss. It never hears of a verb that Ironic refuses for want of a conductor, and
/// nobody would begin anew when that is back.
#[test]
fn what_never_got_through_to_the_machine_is_not_given_up() {
    let refusal = Some((Reason::DriverUnavailable, false));
    let off = {
        let mut case = available(&S::Available).see(|node| node.power_state = Some(PowerState::On));
        case.object.spec.power = Some(Power {
            state: PowerWanted::PoweredOff,
            shutdown: Shutdown::Soft,
            timeout_seconds: None,
        });
        case
    };
    for (case, step) in [(available(&S::Enroll), "manage"), (off, "power off")] {
        let mut refused = tried(case.clone(), step, 5, 1, refusal);
        says(&refused, Reconciling, Reason::DriverUnavailable, "5 times");
        refused.now += 600;
        let action = refused.with(decide).action;
        assert!(
            matches!(action, Some(Action::Call(..) | Action::Confirm(_))),
            "{step}"
        );
        let heard = tried(case, step, 3, 60, None);
        assert!(heard.with(decide).action.is_none(), "{step}");
    }
}

#[test]
fn what_was_said_of_another_failure_is_not_said_of_this_one() {
    let told = [
        (S::DeployFailed, "BMC says no (tried once: active)"),
        (S::CleanFailed, "Ironic gives no reason (tried once: active)"),
    ];
    for (before, words) in told {
        let mut case = tried(with_ours(active(&S::DeployFailed), "a"), "active", 1, 0, None);
        let status = case.object.status.as_mut().unwrap();
        status.provision_state = Some(before.to_string());
        status.last_error = Some("BMC says no".into());
        for _ in 0..2 {
            says(&case, Reconciling, Reason::DeployFailed, words);
            case.object.status = Some(case.with(decide).status);
        }
    }
}
