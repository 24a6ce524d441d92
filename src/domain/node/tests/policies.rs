//! Who only observes, and what was in Ironic before.

use super::super::call::Call;
use super::super::facts::asks_to_undeploy;
use super::super::marker::{KEY, Marker};
use super::super::plan::{Action, decide};
use super::super::rules::{Choice, Step};
use super::fixture::{CLUSTER, Sight, delete, object};
use super::table::{active, at, available, deleted, says, sight, with_ours};
use crate::api::conditions::{Reason, types};
use crate::api::node::{DeletionPolicy, Import, ManagementPolicy, WantedState};
use crate::domain::conditions::Standing::{Ready, Reconciling, Stalled};
use crate::ironic::model::ProvisionState as S;

#[test]
fn who_only_observes_reports_what_differs_and_lets_go() {
    let mut watched = with_ours(active(&S::DeployFailed), "a");
    watched.object.spec.management_policy = ManagementPolicy::Observe;
    watched.object.spec.description = Some("new".into());
    says(&watched, Ready, Reason::Observing, "nothing is written");
    let plan = watched.with(decide);
    let drifted = plan
        .status
        .conditions
        .iter()
        .find(|condition| condition.type_ == types::DRIFTED);
    let drifted = drifted.unwrap();
    assert_eq!(drifted.reason, Reason::Differs.as_str());
    assert!(
        drifted.message.contains("description, provision.state"),
        "{}",
        drifted.message
    );
    says(
        &sight(watched.clone(), Sight::Absent),
        Reconciling,
        Reason::AwaitingNode,
        "not in Ironic",
    );
    let mut deploying = with_ours(active(&S::Deploying), "a");
    deploying.object.spec.management_policy = ManagementPolicy::Observe;
    says(&deploying, Reconciling, Reason::Deploying, "deploying");
    let gone = deleted(watched, DeletionPolicy::Undeploy).with(decide);
    assert!(matches!(gone.action, Some(Action::RemoveFinalizer(_))));
}

#[test]
fn an_import_is_waited_for_keeps_its_name_and_is_let_go() {
    let mut import = available(&S::Available).see(|node| {
        node.name = Some("rack-7".into());
        node.extra.clear();
    });
    import.object.spec.import = Some(Import {
        id: None,
        name: Some("rack-7".into()),
    });
    says(
        &sight(import.clone(), Sight::Absent),
        Reconciling,
        Reason::AwaitingNode,
        "not in Ironic",
    );
    let Some(Action::Call(_, Call::Patch { patch, .. })) = import.with(decide).action else {
        panic!("the marker is not written");
    };
    let paths: Vec<_> = patch
        .0
        .iter()
        .map(|operation| operation.path().to_string())
        .collect();
    assert_eq!(paths, ["/extra/ironwright"]);
    says(
        &import.clone().see(|node| {
            node.provision_state = S::Active;
            node.extra
                .insert(KEY.into(), Marker::of(&object(), CLUSTER, None).value());
        }),
        Ready,
        Reason::InUse,
        "somebody else",
    );
    delete(&mut import.object);
    assert!(matches!(
        import.with(decide).action,
        Some(Action::RemoveFinalizer(_))
    ));
}

/// Whatever else the spec says: what it wants of the machine counts as long as the object is not deleted.
#[test]
fn only_an_explicit_undeploy_wipes_a_machine_whose_object_is_deleted() {
    let states = [
        None,
        Some(WantedState::Manageable),
        Some(WantedState::Available),
        Some(WantedState::Active),
        Some(WantedState::Rescue),
    ];
    let policies = [
        None,
        Some(DeletionPolicy::Delete),
        Some(DeletionPolicy::Detach),
        Some(DeletionPolicy::Undeploy),
    ];
    for (wanted, policy) in states
        .iter()
        .flat_map(|wanted| policies.map(|policy| (*wanted, policy)))
    {
        for bulk in [false, true] {
            let mut case = with_ours(at(&S::Active, wanted), "a");
            case.object.spec.deletion_policy = policy;
            case.bulk_deletion = bulk;
            delete(&mut case.object);
            let undeploys = policy == Some(DeletionPolicy::Undeploy);
            assert_eq!(asks_to_undeploy(&case.object), undeploys);
            let expected = match policy {
                Some(DeletionPolicy::Detach) => Choice::Release,
                _ if undeploys && !bulk => Choice::Step(Step::Undeploy),
                _ => Choice::Stalled(Reason::InstancePresent),
            };
            let chosen = case.with(decide).choice;
            assert_eq!(chosen, expected, "{wanted:?} {policy:?} bulk {bulk}");
        }
    }
}

#[test]
fn a_deletion_that_comes_too_early_names_the_ways_out_that_there_are() {
    let early = deleted(with_ours(available(&S::Active), "a"), DeletionPolicy::Delete);
    says(
        &early,
        Stalled,
        Reason::InstancePresent,
        "deletionPolicy Delete tears nothing down. Set deletionPolicy to Undeploy (wipes the machine), or to Detach",
    );
}
