//! The inspection that `onEnroll` asks for: once, before anything else is done with the machine, and not for ever.

use super::super::marker::{KEY, Marker};
use super::super::plan::{Action, NodePlan, decide};
use super::super::rules::{Choice, Step};
use super::super::tries;
use super::fixture::{CLUSTER, Case, Sight, object};
use super::table::{at, available, error, foreign, says, tried, with_ours};
use crate::api::conditions::Reason;
use crate::api::node::{Failure, Import, OnEnroll, WantedState};
use crate::domain::conditions::Standing::{Ready, Reconciling, Stalled};
use crate::ironic::model::{Node, ProvisionState as S};

fn asked(mut case: Case) -> Case {
    case.object.spec.on_enroll = Some(OnEnroll { inspect: true });
    case
}

fn inspected(node: &mut Node) {
    node.inspection_finished_at = Some("2026-01-01T00:00:00+00:00".into());
}

fn used(node: &mut Node) {
    let marker = Marker {
        used: true,
        ..Marker::of(&object(), CLUSTER, None)
    };
    node.extra.insert(KEY.into(), marker.value());
}

fn plan(case: &Case) -> NodePlan {
    case.with(decide)
}

#[test]
fn a_machine_just_enrolled_is_inspected_before_it_goes_on() {
    for case in [available(&S::Manageable), at(&S::Manageable, None)] {
        let mut case = asked(case);
        assert!(matches!(plan(&case).action, Some(Action::Confirm(_))));
        case.confirmed = Some(Step::Inspect);
        assert!(matches!(plan(&case).action, Some(Action::Call(Step::Inspect, _))));
        let Sight::Full(node) = case.sight.clone() else {
            panic!()
        };
        case.sight = Sight::Summary(node);
        assert_eq!(
            plan(&case).choice,
            Choice::Look,
            "a row does not tell whether it was"
        );
    }
    says(
        &asked(available(&S::Inspecting)),
        Reconciling,
        Reason::Inspecting,
        "inspecting",
    );
    let kept = asked(available(&S::Manageable)).see(|node| node.maintenance = true);
    says(&kept, Stalled, Reason::Maintenance, "maintenance");
}

#[test]
fn it_is_made_once_whoever_made_it_and_the_record_spares_the_look() {
    let mut case = asked(at(&S::Manageable, None)).see(inspected);
    let status = plan(&case).status;
    assert_eq!(status.inspection.as_ref().unwrap().outcome, "Done");
    says(&case, Ready, Reason::Enrolled, "manageable");
    let Sight::Full(node) = case.sight.clone() else {
        panic!()
    };
    case.object.status = Some(status);
    case.sight = Sight::Summary(node);
    says(&case, Ready, Reason::Enrolled, "manageable");
    assert!(plan(&case).action.is_none());
}

#[test]
fn what_was_used_or_imported_or_is_elsewhere_is_not_inspected() {
    let step = |case: &Case| match plan(case).choice {
        Choice::Step(step) => Some(step),
        _ => None,
    };
    assert_eq!(
        step(&available(&S::Manageable)),
        Some(Step::Provide),
        "nobody asks"
    );
    assert_eq!(
        step(&asked(available(&S::Manageable)).see(used)),
        Some(Step::Provide)
    );
    let outlived = with_ours(asked(available(&S::Manageable)), "a").see(|node| node.instance_uuid = None);
    assert_eq!(step(&outlived), Some(Step::Provide));
    assert_eq!(
        step(&with_ours(asked(available(&S::Manageable)), "a")),
        Some(Step::Unclaim)
    );
    assert_eq!(step(&asked(available(&S::Manageable)).see(foreign)), None);
    assert_eq!(step(&asked(available(&S::Available))), None);
    assert_eq!(step(&asked(available(&S::Enroll))), Some(Step::Manage));
    let mut imported = asked(available(&S::Manageable));
    imported.object.spec.import = Some(Import {
        id: None,
        name: Some("old".into()),
    });
    assert_ne!(step(&imported), Some(Step::Inspect));
}

#[test]
fn a_failed_inspection_is_tried_three_times_and_the_node_goes_on_without() {
    let failed = || asked(at(&S::InspectFailed, None)).see(error);
    says(
        &tried(failed(), "inspect", 1, 0, None),
        Reconciling,
        Reason::InspectFailed,
        "BMC says no (tried once: inspect)",
    );
    let again = tried(failed(), "inspect", 2, 60, None);
    assert_eq!(plan(&again).choice, Choice::Step(Step::Inspect));
    let spent = tried(failed(), "inspect", 3, 60, None);
    let plan = plan(&spent);
    assert_eq!(plan.choice, Choice::Step(Step::Manage));
    let record = plan.status.inspection.clone().unwrap();
    assert_eq!(
        (record.outcome.as_str(), record.message.as_deref()),
        ("Failed", Some("BMC says no"))
    );
    let mut after = asked(at(&S::Manageable, None));
    after.object.status.as_mut().unwrap().inspection = Some(record);
    says(&after, Ready, Reason::Enrolled, "manageable");
    // What Ironic refuses to begin is for a person: the spec asks for what the machine cannot do.
    let refused = tried(
        asked(at(&S::Manageable, None)),
        "inspect",
        1,
        60,
        Some((Reason::Rejected, true)),
    );
    says(&refused, Stalled, Reason::Rejected, "Ironic says no");
}

/// A machine that was refused twice has not failed twice.
#[test]
fn what_ironic_refused_is_no_failed_inspection() {
    let mut case = asked(at(&S::InspectFailed, None)).see(error);
    let mut count = |failure: Option<Reason>| {
        let failure = failure.map(|reason| Failure {
            reason: reason.as_str().into(),
            message: "Ironic says no.".into(),
            terminal: false,
        });
        let status = case.with(|facts| {
            let mut status = decide(facts).status;
            tries::count(&mut status, Step::Inspect, facts, failure);
            status
        });
        case.object.status = Some(status);
        case.now += 3600;
        plan(&case).choice
    };
    for _ in 0..2 {
        assert_eq!(
            count(Some(Reason::DriverUnavailable)),
            Choice::Step(Step::Inspect)
        );
    }
    for _ in 0..2 {
        assert_eq!(count(None), Choice::Step(Step::Inspect));
    }
    assert_eq!(count(Some(Reason::Forbidden)), Choice::Step(Step::Inspect));
    assert_eq!(count(None), Choice::Step(Step::Manage), "the third that failed");
}

/// Refused as long as no conductor answers, or for want of a right: the machine must not go on without, and must not be called ready
/// in between.
#[test]
fn an_inspection_that_may_begin_later_is_waited_for() {
    for count in 1..9 {
        let refusal = Some((Reason::DriverUnavailable, false));
        for state in [S::Manageable, S::InspectFailed] {
            for wanted in [
                at(&state, None),
                available(&state),
                at(&state, Some(WantedState::Manageable)),
            ] {
                let refused = tried(asked(wanted), "inspect", count, 1, refusal);
                says(&refused, Reconciling, Reason::DriverUnavailable, "Ironic says no");
                assert_eq!(plan(&refused).status.inspection, None);
                let mut later = refused;
                later.now += 600;
                assert_eq!(plan(&later).choice, Choice::Step(Step::Inspect));
            }
        }
    }
}
