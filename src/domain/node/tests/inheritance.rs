//! What an object makes its own, lets go of, and does not do again.

use super::super::deployment;
use super::super::marker::Marker;
use super::super::plan::{Action, Call, decide};
use super::super::rules::{Choice, Step};
use super::super::situation::{Place, Tenant};
use super::fixture::{self, Case, OURS, UID, delete};
use super::identity::{ANOTHER, Instance, MARKED, Marked, Named, case};
use crate::api::conditions::Reason;
use crate::api::node::{DeletionPolicy, InstanceRecord, WantedState};
use crate::api::{ACCEPT_EARLIER_STATE_ANNOTATION, RETRY_ANNOTATION};
use crate::domain::writers::{History, Writers};
use crate::ironic::model::ProvisionState as S;
/// The marker that the next PATCH writes.
fn written(case: &Case) -> Marker {
    let node = case.with(|facts| {
        let live = facts.look.full().unwrap().clone();
        let Some(Action::Call(Step::Patch, Call::Patch { patch, .. })) = decide(facts).action else {
            panic!("no PATCH");
        };
        fixture::patch(&live, &patch.0).unwrap()
    });
    Marker::read(&node.extra).unwrap()
}

#[test]
fn an_inherited_instance_becomes_the_objects_own_only_by_wanting_it_active() {
    for marked in [Marked::Predecessor, Marked::Released, Marked::Orphaned] {
        let case = case(marked, Named::ByImport, Instance::Owners, &S::Active);
        let offered = written(&case.clone().want(Some(WantedState::Available)));
        assert_eq!(offered.owner.uid, UID);
        assert!(!offered.released);
        assert_eq!(offered.instance.unwrap().by, ANOTHER, "{marked:?}");
        let wanted = written(&case.want(Some(WantedState::Active)));
        assert_eq!(wanted.instance.unwrap().by, UID, "{marked:?}");
    }
    let inherited = case(Marked::Own, Named::ByUid, Instance::Unconfirmed, &S::Active);
    let confirmed = written(&inherited.want(Some(WantedState::Active)));
    assert_eq!(confirmed.instance.unwrap().by, UID);
    let unmarked = case(Marked::Released, Named::ByImport, Instance::Unmarked, &S::Active);
    let wanted = written(&unmarked.want(Some(WantedState::Active)));
    assert_eq!(wanted.instance, None, "somebody else's stays somebody else's");
}

#[test]
fn detaching_releases_the_objects_own_mark_and_nobody_elses() {
    for marked in MARKED {
        let mut case = case(marked, Named::ByImport, Instance::Owners, &S::Active);
        case.object.spec.deletion_policy = Some(DeletionPolicy::Detach);
        delete(&mut case.object);
        let Some(Action::RemoveFinalizer(parting)) = case.with(decide).action else {
            panic!("{marked:?}: it is not released");
        };
        assert_eq!(parting.is_some(), marked == Marked::Own, "{marked:?}");
        case.paused = true;
        assert!(matches!(
            case.with(decide).action,
            Some(Action::RemoveFinalizer(None))
        ));
    }
}

fn record(deployed: bool, case: &Case) -> InstanceRecord {
    case.with(|facts| {
        let seen = deployment::recorded(facts, Place::Active, Tenant::Ours);
        InstanceRecord {
            deployed,
            ..seen.unwrap()
        }
    })
}

#[test]
fn what_was_deployed_is_not_deployed_again_unless_the_spec_asks_anew() {
    let there = case(Marked::Own, Named::ByUid, Instance::Owners, &S::Active).want(Some(WantedState::Active));
    for state in [
        S::Available,
        S::Manageable,
        S::Enroll,
        S::DeployFailed,
        S::CleanFailed,
    ] {
        for instance in [Instance::None, Instance::Owners] {
            let mut lost = case(Marked::Own, Named::ByUid, instance, &state).want(Some(WantedState::Active));
            lost.object.status.get_or_insert_default().instance = Some(record(true, &there));
            let choice = lost.with(decide).choice;
            // A failed deployment that nobody claims is anybody's.
            if state == S::DeployFailed && instance == Instance::None {
                continue;
            }
            let stalled = Choice::Stalled(Reason::InstanceGone);
            assert_eq!(choice, stalled, "{state} {instance:?}");
            let mut claimed = lost.clone();
            claimed
                .object
                .status
                .as_mut()
                .unwrap()
                .instance
                .as_mut()
                .unwrap()
                .deployed = false;
            assert_ne!(claimed.with(decide).choice, choice, "{state}: it was never there");
            let mut asked = lost.clone();
            let annotations = asked.object.metadata.annotations.get_or_insert_default();
            annotations.insert(RETRY_ANNOTATION.into(), "yes".into());
            assert!(!matches!(
                asked.with(decide).choice,
                Choice::Stalled(Reason::InstanceGone)
            ));
            let offered = lost.want(Some(WantedState::Available));
            assert!(!matches!(
                offered.with(decide).choice,
                Choice::Stalled(Reason::InstanceGone)
            ));
        }
    }
}

#[test]
fn a_node_whose_time_runs_backwards_is_not_written_to_until_that_is_accepted() {
    let seen = "2026-11-20T10:00:00+00:00";
    for (now, earlier) in [
        (Some("2026-11-20T10:00:00+00:00"), false),
        (Some("2026-11-20T09:59:30+00:00"), false),
        (Some("2026-11-20T11:00:00+00:00"), false),
        (Some("2026-11-20T09:00:00+00:00"), true),
        (None, true),
    ] {
        let mut case = case(Marked::Own, Named::ByUid, Instance::None, &S::Manageable)
            .see(|node| node.provision_updated_at = now.map(str::to_owned))
            .want(Some(WantedState::Available));
        case.object.status.get_or_insert_default().provision_updated_at = Some(seen.into());
        let plan = case.with(decide);
        let stalled = plan.choice == Choice::Stalled(Reason::IdentityChanged);
        assert_eq!(stalled, earlier, "{now:?}: {:?}", plan.choice);
        let ready = plan
            .status
            .conditions
            .iter()
            .find(|condition| condition.type_ == "Ready")
            .unwrap();
        assert_eq!(ready.reason == "EarlierState", earlier);
        assert_eq!(ready.message.contains(seen), earlier, "{}", ready.message);
        let kept = plan.status.provision_updated_at.as_deref();
        assert_eq!(kept, if earlier { Some(seen) } else { now });
        let annotations = case.object.metadata.annotations.get_or_insert_default();
        annotations.insert(ACCEPT_EARLIER_STATE_ANNOTATION.into(), seen.into());
        let plan = case.with(decide);
        assert!(
            matches!(plan.choice, Choice::Step(_)),
            "{now:?}: {:?}",
            plan.choice
        );
        assert_eq!(plan.status.provision_updated_at.as_deref(), now);
    }
}

#[test]
fn a_row_that_cannot_be_read_tells_nothing_of_a_backup() {
    let seen = "2026-11-20T10:00:00+00:00";
    let state = S::Unknown("unreadable: something in it has another type".into());
    let mut case = case(Marked::Own, Named::ByUid, Instance::None, &state);
    case.object.status.get_or_insert_default().provision_updated_at = Some(seen.into());
    let plan = case.with(decide);
    assert_eq!(plan.choice, Choice::Wait(Reason::Transitioning));
    let ready = plan
        .status
        .conditions
        .iter()
        .find(|condition| condition.type_ == "Ready")
        .unwrap();
    assert!(ready.message.contains("cannot be read"), "{}", ready.message);
    assert_eq!(
        plan.status.provision_updated_at.as_deref(),
        Some(seen),
        "it is remembered"
    );
}

/// Two clusters with one id: a copy of the cluster wrote the mark, or the original after the snapshot.
#[test]
fn a_mark_by_a_run_that_this_cluster_does_not_know_stops_the_object() {
    let now = jiff::Timestamp::from_second(super::fixture::NOW).unwrap();
    let writers = Writers {
        run: "me".into(),
        before: History::new(now).with("before", now),
    };
    let later = now + jiff::SignedDuration::from_hours(2);
    for (by, strange) in [("me", false), ("before", true), ("stranger", true)] {
        let mut case = case(Marked::Own, Named::ByUid, Instance::None, &S::Manageable)
            .want(Some(WantedState::Available))
            .see(|node| {
                let mark = node.extra.get_mut("ironwright").unwrap();
                mark["written"] = serde_json::json!({"by": by, "at": later.to_string()});
            });
        case.writers = Some(writers.clone());
        let plan = case.with(decide);
        assert_eq!(
            plan.choice == Choice::Stalled(Reason::IdentityChanged),
            strange,
            "{by}"
        );
        let ready = plan
            .status
            .conditions
            .iter()
            .find(|condition| condition.type_ == "Ready")
            .unwrap();
        assert_eq!(ready.reason == "IdentityShared", strange, "{by}");
        assert_eq!(
            ready.message.contains(&format!("accept-writers=\"{by}\"")),
            strange,
            "{}",
            ready.message
        );
    }
}

#[test]
fn an_instance_whose_claim_ironic_gave_up_in_a_failure_is_still_ours() {
    let mut case = case(Marked::Own, Named::ByUid, Instance::Owners, &S::DeployFailed)
        .see(|node| node.instance_uuid = None)
        .want(Some(WantedState::Available));
    let foreign = case.with(decide).choice;
    assert!(!matches!(foreign, Choice::Step(Step::Undeploy)), "{foreign:?}");
    let known = InstanceRecord {
        id: OURS.into(),
        deployed: false,
        basis: String::new(),
    };
    case.object.status.get_or_insert_default().instance = Some(known);
    let applied = case.with(super::super::fields::applied);
    case.object.status.as_mut().unwrap().applied = Some(applied);
    assert_eq!(case.with(decide).choice, Choice::Step(Step::Undeploy));
    let again = case.want(Some(WantedState::Active));
    assert_eq!(
        again.with(decide).choice,
        Choice::Step(Step::Claim),
        "claimed before it is deployed"
    );
}
