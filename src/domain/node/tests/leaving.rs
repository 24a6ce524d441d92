//! An instance of ours is left as the spec has it now, and out of waits that the spec no longer wants.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::super::call::Call;
use super::super::facts::SecretContent;
use super::super::plan::{Action, decide};
use super::super::rules::{Choice, Step};
use super::super::situation::{Place, Tenant};
use super::fixture::{Case, Sight, delete, patch};
use super::table::{active, at, available, deleted, foreign, says, with_ours};
use crate::api::conditions::Reason;
use crate::api::node::{AutomatedClean, DeletionPolicy, DriverInfoFrom, Switch, WantedState};
use crate::api::refs::SecretRef;
use crate::domain::conditions::Standing::{Reconciling, Stalled};
use crate::ironic::model::ProvisionState as S;

fn ours(state: &S) -> Case {
    with_ours(active(state), "a")
}

fn wiped(mut case: Case) -> Case {
    case.object.spec.deletion_policy = Some(DeletionPolicy::Undeploy);
    delete(&mut case.object);
    case
}

/// What is sent until the machine is undeployed.
fn sent(mut case: Case) -> Vec<(Step, Value)> {
    let mut sent = vec![];
    for _ in 0..12 {
        let (action, status) = case.with(|facts| {
            let plan = decide(facts);
            (plan.action, plan.status)
        });
        case.object.status = Some(status);
        match action {
            Some(Action::Confirm(step)) => case.confirmed = Some(step.step()),
            Some(Action::Call(step, call)) => {
                let operations = match &call {
                    Call::Patch { patch, .. } => json!(patch),
                    _ => Value::Null,
                };
                if let (Sight::Full(node), Call::Patch { patch: wanted, .. }) = (&case.sight, &call) {
                    case.sight = Sight::Full(patch(node, &wanted.0).unwrap());
                }
                sent.push((step, operations));
                if step == Step::Undeploy {
                    return sent;
                }
                let journal = case.with(|facts| {
                    let status = facts.object.status.clone().unwrap();
                    super::super::outcome::taken(status, step, facts)
                });
                case.object.status = Some(journal);
            }
            Some(_) => panic!("nothing else is asked for"),
            None => return sent,
        }
    }
    panic!("no end: {sent:?}")
}

#[test]
fn what_decides_how_a_machine_is_left_is_written_before_it_is_left() {
    for enabled in [true, false] {
        let mut case = wiped(ours(&S::Active).see(|node| node.automated_clean = Some(!enabled)));
        case.object.spec.automated_clean = Some(AutomatedClean { enabled });
        // Of what else has changed nothing is written any more.
        case.object.spec.description = Some("new".into());
        case.object.spec.resource_class = Some("large".into());
        let sent = sent(case);
        let steps: Vec<_> = sent.iter().map(|(step, _)| *step).collect();
        assert_eq!(steps, [Step::Patch, Step::Undeploy]);
        assert_eq!(
            sent[0].1,
            json!([{"op": "add", "path": "/automated_clean", "value": enabled}])
        );
    }
    let nothing = sent(wiped(ours(&S::Active)));
    assert_eq!(nothing.len(), 1, "{nothing:?}");
}

#[test]
fn a_protection_that_the_spec_lifts_is_in_no_deletions_way_and_one_that_it_sets_is() {
    let guarded = |enabled: bool| {
        let mut case = wiped(ours(&S::Active).see(|node| node.protected = !enabled));
        case.object.spec.protected = Some(Switch {
            enabled,
            reason: None,
        });
        sent(case).into_iter().map(|(step, _)| step).collect::<Vec<_>>()
    };
    assert_eq!(guarded(false), [Step::Patch, Step::Undeploy]);
    assert_eq!(guarded(true), [Step::Patch]);
}

#[test]
fn credentials_that_changed_are_written_and_those_that_are_gone_hold_nothing_up() {
    let mut case = ours(&S::Active).see(|node| {
        node.driver_info.insert("redfish_password".into(), json!("old"));
    });
    case.object.spec.driver_info_from = vec![DriverInfoFrom {
        secret_ref: SecretRef { name: "bmc".into() },
        keys: None,
    }];
    let read = |case: &mut Case, version: &str| {
        let content = SecretContent {
            version: version.into(),
            data: BTreeMap::from([("redfish_password".into(), format!("new-{version}"))]),
            ..SecretContent::default()
        };
        case.secrets.versions.insert("bmc".into(), Some(version.into()));
        case.secrets.contents = Some(BTreeMap::from([("bmc".into(), content)]));
    };
    read(&mut case, "1");
    let applied = case.with(super::super::fields::applied);
    case.object.status.get_or_insert_default().applied = Some(applied);
    let mut rotated = wiped(case.clone());
    read(&mut rotated, "2");
    let written = sent(rotated);
    assert_eq!(written[0].0, Step::Patch);
    assert_eq!(written[0].1[0]["value"], "new-2");
    // The Secret is gone: Ironic keeps what it has.
    let mut gone = wiped(case);
    gone.secrets.versions.insert("bmc".into(), None);
    gone.secrets.contents = Some(BTreeMap::new());
    let steps: Vec<_> = sent(gone).into_iter().map(|(step, _)| step).collect();
    assert_eq!(steps, [Step::Undeploy]);
}

const WAITS: [S; 3] = [S::DeployWait, S::RescueWait, S::ServiceWait];

#[test]
fn a_wait_that_the_spec_no_longer_wants_is_ended() {
    for state in WAITS {
        let leaves = vec![
            with_ours(available(&state), "a"),
            with_ours(at(&state, Some(WantedState::Manageable)), "a"),
            wiped(ours(&state)),
        ];
        for case in leaves {
            let steps: Vec<_> = sent(case).into_iter().map(|(step, _)| step).collect();
            assert_eq!(steps, [Step::Undeploy], "{state}");
        }
        let kept = deleted(ours(&state), DeletionPolicy::Delete);
        says(
            &kept,
            Stalled,
            Reason::InstancePresent,
            "Undeploy (wipes the machine)",
        );
        let released = deleted(ours(&state), DeletionPolicy::Detach);
        assert_eq!(released.with(decide).choice, Choice::Release);
    }
}

#[test]
fn a_wait_that_is_wanted_or_not_ours_is_sat_out_and_says_for_how_long() {
    for (state, setting) in WAITS.iter().zip([
        "deploy_callback_timeout",
        "rescue_callback_timeout",
        "service_callback_timeout",
    ]) {
        let cases = vec![
            ours(state),
            with_ours(at(state, Some(WantedState::Rescue)), "a"),
            available(state).see(foreign),
            wiped(available(state).see(foreign)),
            deleted(available(state).see(foreign), DeletionPolicy::Delete),
        ];
        for case in cases {
            let plan = case.with(decide);
            assert_eq!(plan.choice, Choice::Wait(Reason::Transitioning), "{state}");
            let ready = &plan.status.conditions[0];
            assert!(
                ready.message.contains(setting) && ready.message.contains("half an hour"),
                "{}",
                ready.message
            );
        }
    }
    // A cleaning makes a machine fit to be left: it is not broken off.
    for case in [
        available(&S::CleanWait),
        wiped(available(&S::CleanWait)),
        at(&S::CleanWait, Some(WantedState::Manageable)),
    ] {
        assert_eq!(case.with(decide).choice, Choice::Wait(Reason::Transitioning));
    }
}

#[test]
fn guards_hold_in_a_wait_too() {
    let wait = || wiped(ours(&S::DeployWait));
    let kept = wait().see(|node| {
        node.maintenance = true;
        node.maintenance_reason = Some("a fan is replaced".into());
    });
    says(&kept, Stalled, Reason::Maintenance, "a fan is replaced");
    let locked = wait().see(|node| node.reservation = Some("conductor".into()));
    assert_eq!(locked.with(decide).choice, Choice::Wait(Reason::Transitioning));
    // Ironic takes no change there: what decides how the machine is left comes first, and the object says so.
    let mut pending = wait().see(|node| node.automated_clean = Some(false));
    pending.object.spec.automated_clean = Some(AutomatedClean { enabled: true });
    says(&pending, Reconciling, Reason::AwaitingState, "automatedClean");
    pending.object.spec.automated_clean = None;
    pending.object.spec.description = Some("new".into());
    assert_eq!(pending.with(decide).choice, Choice::Step(Step::Undeploy));
}

/// Every real machine has its credentials from a Secret, and of a deletion no Secret is read.
#[test]
fn credentials_are_no_reason_to_sit_out_a_wait() {
    for state in [S::DeployWait, S::RescueWait, S::ServiceWait] {
        let mut case = wiped(ours(&state));
        case.object.spec.driver_info_from = vec![DriverInfoFrom {
            secret_ref: SecretRef { name: "bmc".into() },
            keys: None,
        }];
        let mut known = case.clone();
        known.secrets.versions.insert("bmc".into(), Some("1".into()));
        let applied = known.with(super::super::fields::applied);
        case.object.status.get_or_insert_default().applied = Some(applied);
        case.secrets.versions.clear();
        let steps: Vec<_> = sent(case).into_iter().map(|(step, _)| step).collect();
        assert_eq!(steps, [Step::Undeploy], "{state}");
    }
}

/// What is said of the disks is waited for, and told by name.
#[test]
fn what_becomes_of_the_disks_is_written_before_a_wait_is_left() {
    let mut case = wiped(ours(&S::DeployWait).see(|node| node.automated_clean = Some(false)));
    case.object.spec.automated_clean = Some(AutomatedClean { enabled: true });
    says(&case, Reconciling, Reason::AwaitingState, "automatedClean");
    assert_eq!(sent(case), []);
}

/// Somebody's rebuild of our instance failed: what is left of it is wiped if that is asked for, and not deployed again by itself.
#[test]
fn what_is_left_of_a_failed_rebuild_is_wiped_along_with_its_object() {
    let known = |mut case: Case| {
        let record =
            case.with(|facts| super::super::deployment::recorded(facts, Place::Active, Tenant::Ours));
        case.object.status.get_or_insert_default().instance = record;
        case.see(|node| node.provision_state = S::DeployFailed)
    };
    let kept = known(ours(&S::Active));
    assert_eq!(kept.with(decide).choice, Choice::Stalled(Reason::InstanceGone));
    let mut deleted = known(ours(&S::Active));
    deleted = wiped(deleted);
    let steps: Vec<_> = sent(deleted).into_iter().map(|(step, _)| step).collect();
    assert_eq!(steps, [Step::Undeploy]);
}

/// The node lost the object's mark: that is not the same as wiped.
#[test]
fn an_instance_that_is_out_of_reach_is_not_told_as_wiped() {
    let mut case = ours(&S::Active);
    let record = case.with(|facts| super::super::deployment::recorded(facts, Place::Active, Tenant::Ours));
    case.object.status.get_or_insert_default().instance = record;
    let mut case = wiped(case.see(|node| _ = node.extra.remove("ironwright")));
    case.object.metadata.uid = Some("another".into());
    for sight in [case.sight.clone(), Sight::Absent, Sight::Taken] {
        case.sight = sight;
        says(&case, Stalled, Reason::NodeLost, "Detach");
    }
    case.object.spec.deletion_policy = Some(DeletionPolicy::Detach);
    assert_eq!(case.with(decide).choice, Choice::Release);
}
