//! What an object says in the main cases: who has to act, why, and in which words.

use super::super::marker::{InstanceMark, KEY, Marker};
use super::super::plan::decide;
use super::fixture::{CLUSTER, Case, NOW, OURS, Sight, THEIRS, UID, delete, instance, object};
use crate::api::conditions::{Reason, types};
use crate::api::node::{Attempts, DeletionPolicy, Failure, WantedState};
use crate::domain::conditions::Standing::{self, Ready, Reconciling, Stalled};
use crate::ironic::model::{Node, ProvisionState as S};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

/// A case with its fields in order, so that only the state speaks.
pub fn at(state: &S, want: Option<WantedState>) -> Case {
    let mut case = Case::new(state).want(want);
    let applied = case.with(super::super::fields::applied);
    case.object.status.get_or_insert_default().applied = Some(applied);
    case
}

pub fn available(state: &S) -> Case {
    at(state, Some(WantedState::Available))
}

pub fn active(state: &S) -> Case {
    at(state, Some(WantedState::Active))
}

pub fn deleted(mut case: Case, policy: DeletionPolicy) -> Case {
    case.object.spec.deletion_policy = Some(policy);
    delete(&mut case.object);
    case
}

pub fn sight(mut case: Case, sight: Sight) -> Case {
    case.sight = sight;
    case
}

/// Puts our instance, as the spec has it or not, onto the node.
pub fn with_ours(case: Case, image: &str) -> Case {
    let mut wanted = object();
    wanted.spec.provision = case.object.spec.provision.clone();
    if let Some(provision) = &mut wanted.spec.provision {
        provision.instance = Some(instance(image));
    }
    let digest = super::super::desired::instance_digest(&wanted).unwrap_or_default();
    case.see(|node| {
        node.instance_uuid = Some(OURS.into());
        let mark = InstanceMark {
            id: OURS.into(),
            digest,
            by: UID.into(),
        };
        let marker = Marker {
            instance: Some(mark),
            ..Marker::of(&object(), CLUSTER, None)
        };
        node.extra.insert(KEY.into(), marker.value());
    })
}

#[expect(
    clippy::redundant_closure_for_method_calls,
    reason = "the method itself is not general enough over lifetimes"
)]
pub fn tried(mut case: Case, step: &str, count: i32, ago: i64, failure: Option<(Reason, bool)>) -> Case {
    let basis = case.with(|facts| facts.basis());
    let last = Time(jiff::Timestamp::from_second(NOW - ago).unwrap());
    let failure = failure.map(|(reason, terminal)| Failure {
        reason: reason.as_str().into(),
        message: "Ironic says no.".into(),
        terminal,
    });
    let status = case.object.status.get_or_insert_default();
    status.attempts = Some(Attempts {
        step: step.into(),
        count,
        refused: 0,
        last,
        basis,
        failure,
        earlier: vec![],
    });
    case
}

pub fn foreign(node: &mut Node) {
    node.instance_uuid = Some(THEIRS.into());
}

fn maintenance(node: &mut Node) {
    node.maintenance = true;
    node.maintenance_reason = Some("disk swap".into());
}

pub fn error(node: &mut Node) {
    node.last_error = Some("BMC says no".into());
}

/// Checks a row: the standing, the reason and some words of the message.
pub fn says(case: &Case, standing: Standing, reason: Reason, words: &str) {
    let plan = case.with(decide);
    let find = |kind: &str| {
        plan.status
            .conditions
            .iter()
            .find(|condition| condition.type_ == kind)
            .unwrap()
    };
    let ready = find(types::READY);
    let holds = match standing {
        Ready => types::READY,
        Reconciling => types::RECONCILING,
        Stalled => types::STALLED,
    };
    assert_eq!(ready.reason, reason.as_str(), "{}", ready.message);
    assert_eq!(find(holds).status, "True", "{reason:?}: {}", ready.message);
    assert!(
        ready.message.contains(words),
        "{reason:?}: {:?} lacks {words:?}",
        ready.message
    );
}

#[test]
fn what_is_as_wanted_is_ready() {
    says(
        &at(&S::Manageable, Some(WantedState::Manageable)),
        Ready,
        Reason::Manageable,
        "as wanted",
    );
    says(&available(&S::Available), Ready, Reason::Available, "as wanted");
    says(
        &available(&S::Active).see(foreign),
        Ready,
        Reason::InUse,
        "somebody else",
    );
    says(
        &with_ours(active(&S::Active), "a"),
        Ready,
        Reason::Deployed,
        "deployed",
    );
    says(&at(&S::Manageable, None), Ready, Reason::Enrolled, "not moved");
    says(
        &with_ours(active(&S::Active), "a").see(maintenance),
        Ready,
        Reason::Deployed,
        "deployed",
    );
}

#[test]
fn what_goes_on_by_itself_is_reconciling() {
    says(
        &available(&S::Verifying),
        Reconciling,
        Reason::Verifying,
        "verifying",
    );
    says(
        &available(&S::CleanWait),
        Reconciling,
        Reason::Cleaning,
        "clean wait",
    );
    says(
        &active(&S::DeployWait),
        Reconciling,
        Reason::Deploying,
        "wait call-back",
    );
    says(
        &available(&S::Deleting),
        Reconciling,
        Reason::Undeploying,
        "deleting",
    );
    says(
        &available(&S::Unknown("levitating".into())),
        Reconciling,
        Reason::Transitioning,
        "levitating",
    );
    let locked = |node: &mut Node| node.reservation = Some("conductor-1".into());
    says(
        &available(&S::Manageable).see(locked),
        Reconciling,
        Reason::Reserved,
        "reserved",
    );
    says(
        &sight(available(&S::Enroll), Sight::NoCloud),
        Reconciling,
        Reason::CloudMissing,
        "lab",
    );
    says(
        &sight(available(&S::Enroll), Sight::NotYet),
        Reconciling,
        Reason::AwaitingObservation,
        "lab",
    );
    says(
        &sight(available(&S::Enroll), Sight::Down),
        Reconciling,
        Reason::CloudUnavailable,
        "refused",
    );
    let mut paused = available(&S::Manageable);
    paused.paused = true;
    says(&paused, Reconciling, Reason::Paused, "spec.paused");
}

#[test]
fn what_needs_a_person_is_stalled_and_says_what_helps() {
    says(
        &available(&S::Manageable).see(maintenance),
        Stalled,
        Reason::Maintenance,
        "disk swap",
    );
    says(
        &available(&S::Manageable).see(|node| node.retired = true),
        Stalled,
        Reason::Retired,
        "retired",
    );
    let protected = with_ours(available(&S::Active), "a").see(|node| node.protected = true);
    says(&protected, Stalled, Reason::Protected, "protected");
    says(
        &active(&S::Active).see(foreign),
        Stalled,
        Reason::ForeignInstance,
        THEIRS,
    );
    says(&available(&S::CleanHold), Stalled, Reason::Held, "unhold");
    says(
        &with_ours(active(&S::ServiceFailed), "a"),
        Stalled,
        Reason::UnexpectedState,
        "service failed",
    );
    says(
        &sight(available(&S::Enroll), Sight::Lost),
        Stalled,
        Reason::NodeLost,
        "not enrolled again",
    );
    says(
        &sight(available(&S::Enroll), Sight::Taken),
        Stalled,
        Reason::MachineAlreadyEnrolled,
        "other/n1",
    );
    let mut suspect = available(&S::Manageable);
    suspect.suspect = Some(Reason::IdentityChanged);
    says(
        &suspect,
        Stalled,
        Reason::IdentityChanged,
        "The endpoint is another one.",
    );
    let mut masked = sight(available(&S::Enroll), Sight::Absent);
    let info = serde_json::json!({"redfish_password": "******"});
    masked.object.spec.driver_info = Some(crate::api::FreeForm(info.as_object().unwrap().clone()));
    says(&masked, Stalled, Reason::InvalidSpec, "redfish_password");
}

#[test]
fn another_operators_marker_makes_the_node_theirs() {
    let theirs = |node: &mut Node| {
        let marker = Marker::of(&object(), "another", None);
        node.extra.insert(KEY.into(), marker.value());
    };
    says(
        &available(&S::Manageable).see(theirs),
        Stalled,
        Reason::MachineAlreadyEnrolled,
        "of cluster another",
    );
}
