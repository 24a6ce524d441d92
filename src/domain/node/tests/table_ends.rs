//! What an object says after a failure, while something is missing, while it is deleted, and where it drifts.

use super::super::plan::decide;
use super::fixture::{Case, Sight};
use super::table::{active, available, deleted, error, foreign, says, sight, tried, with_ours};
use crate::api::conditions::{Reason, types};
use crate::api::node::DeletionPolicy;
use crate::domain::conditions::Standing::{Reconciling, Stalled};
use crate::ironic::model::ProvisionState as S;

#[test]
fn a_failure_is_repeated_with_pauses_until_a_person_is_needed() {
    let failed = available(&S::Enroll).see(error);
    says(
        &tried(failed.clone(), "manage", 1, 0, None),
        Reconciling,
        Reason::VerifyFailed,
        "BMC says no (tried once: manage)",
    );
    says(
        &tried(failed.clone(), "manage", 1, 60, None),
        Reconciling,
        Reason::Verifying,
        "verifies",
    );
    says(
        &tried(failed.clone(), "manage", 3, 9999, None),
        Stalled,
        Reason::VerifyFailed,
        "lock accounts",
    );
    let refused = |terminal| tried(failed.clone(), "manage", 1, 0, Some((Reason::Rejected, terminal)));
    says(&refused(false), Reconciling, Reason::Rejected, "Ironic says no");
    says(&refused(true), Stalled, Reason::Rejected, "Correct the spec");
    let deploy = with_ours(active(&S::DeployFailed), "a").see(error);
    says(
        &tried(deploy, "active", 2, 0, None),
        Reconciling,
        Reason::DeployFailed,
        "tried 2 times",
    );
}

#[test]
fn a_deletion_says_what_keeps_it() {
    let ours = || with_ours(active(&S::Active), "a");
    says(
        &deleted(ours(), DeletionPolicy::Delete),
        Stalled,
        Reason::InstancePresent,
        "Undeploy",
    );
    says(
        &deleted(ours(), DeletionPolicy::Undeploy),
        Reconciling,
        Reason::Undeploying,
        "active",
    );
    let theirs = available(&S::Active).see(foreign);
    says(
        &deleted(theirs, DeletionPolicy::Undeploy),
        Stalled,
        Reason::ForeignInstance,
        "Detach",
    );
    let down = sight(available(&S::Active), Sight::Down);
    says(
        &deleted(down, DeletionPolicy::Delete),
        Reconciling,
        Reason::CloudUnavailable,
        "Detach",
    );
    let homeless = sight(available(&S::Active), Sight::NoCloud);
    says(
        &deleted(homeless, DeletionPolicy::Delete),
        Reconciling,
        Reason::CloudMissing,
        "Detach",
    );
    let mut bulk = deleted(ours(), DeletionPolicy::Undeploy);
    bulk.bulk_deletion = true;
    says(&bulk, Stalled, Reason::InstancePresent, "on the node");
}

#[test]
fn what_is_not_corrected_is_named_as_drift() {
    let drift = |case: &Case| {
        let plan = case.with(decide);
        let found = plan
            .status
            .conditions
            .into_iter()
            .find(|condition| condition.type_ == types::DRIFTED);
        found.map(|condition| (condition.reason, condition.message))
    };
    let (reason, _) = drift(&with_ours(active(&S::Active), "b")).unwrap();
    assert_eq!(reason, Reason::InstanceChanged.as_str());
    let mut later = with_ours(active(&S::Active), "a");
    later.object.spec.resource_class = Some("large".into());
    later = later.see(|node| node.resource_class = Some("small".into()));
    let (reason, message) = drift(&later).unwrap();
    assert_eq!(reason, Reason::AwaitingState.as_str());
    assert!(
        message.contains("resourceClass (in state enroll, manageable or available)"),
        "{message}"
    );
    says(
        &later,
        Reconciling,
        Reason::AwaitingState,
        "resourceClass (in state enroll, manageable or available)",
    );
    assert_eq!(drift(&available(&S::Available)), None);
}

#[test]
fn what_waits_for_another_object_is_reconciling_and_names_it() {
    let mut driverless = sight(available(&S::Enroll), Sight::Absent);
    driverless.drivers = Some(vec!["ipmi".into(), "snmp".into()]);
    says(
        &driverless,
        Reconciling,
        Reason::DriverUnavailable,
        "redfish; drivers seen: ipmi, snmp",
    );
    let mut driverless = available(&S::Enroll);
    driverless.drivers = Some(vec![]);
    says(&driverless, Reconciling, Reason::DriverUnavailable, "none");
    let mut secret = sight(available(&S::Enroll), Sight::Absent);
    secret.secrets.versions.insert("bmc".into(), None);
    says(
        &secret,
        Reconciling,
        Reason::SecretMissing,
        "Secret bmc does not exist",
    );
}
