//! Rescue: asked for from our instance only, with a password that nothing but the call ever holds.

use super::super::call::Call;
use super::super::desired;
use super::super::plan::{Action, decide};
use super::super::rules::Step;
use super::fixture::{Case, Sight, rescue_password};
use super::table::{active, at, deleted, error, foreign, says, tried, with_ours};
use crate::api::conditions::{Reason, types};
use crate::api::node::{DeletionPolicy, WantedState};
use crate::domain::conditions::Standing::{Ready, Reconciling, Stalled};
use crate::ironic::model::{Node, ProvisionState as S, Verb};

fn rescue(state: &S) -> Case {
    with_ours(at(state, Some(WantedState::Rescue)), "a")
}

fn back(state: &S) -> Case {
    with_ours(active(state), "a")
}

fn protected(node: &mut Node) {
    node.protected = true;
}

fn maintenance(node: &mut Node) {
    node.maintenance = true;
}

/// The verb and password that are sent once the intent is confirmed.
fn sent(mut case: Case, step: Step) -> Option<(Verb, Option<String>)> {
    let asks = case.with(|facts| matches!(decide(facts).action, Some(Action::Confirm(_))));
    assert!(asks, "{step:?} boots the machine: an intent comes first");
    case.confirmed = Some(step);
    match case.with(decide).action {
        Some(Action::Call(
            _,
            Call::Provision {
                verb,
                rescue_password,
                ..
            },
        )) => Some((verb, rescue_password)),
        _ => None,
    }
}

#[test]
fn the_ways_into_rescue_and_back_are_told() {
    says(&rescue(&S::Active), Reconciling, Reason::Rescuing, "active");
    says(&rescue(&S::Rescuing), Reconciling, Reason::Rescuing, "rescuing");
    says(&rescue(&S::Rescue), Ready, Reason::Rescued, "rescue mode");
    says(&back(&S::Rescue), Reconciling, Reason::Unrescuing, "rescue");
    says(
        &back(&S::Unrescuing),
        Reconciling,
        Reason::Unrescuing,
        "unrescuing",
    );
    says(
        &at(&S::Available, Some(WantedState::Rescue)),
        Reconciling,
        Reason::Deploying,
        "available",
    );
    let offered = with_ours(at(&S::Rescue, Some(WantedState::Available)), "a");
    says(&offered, Reconciling, Reason::Undeploying, "rescue");
    says(
        &deleted(rescue(&S::UnrescueFailed), DeletionPolicy::Undeploy),
        Reconciling,
        Reason::Undeploying,
        "unrescue",
    );
    says(
        &deleted(rescue(&S::Rescue), DeletionPolicy::Delete),
        Stalled,
        Reason::InstancePresent,
        "rescue",
    );
    let changed = with_ours(at(&S::Rescue, Some(WantedState::Rescue)), "b");
    let status = changed.with(decide).status;
    assert!(
        status
            .conditions
            .iter()
            .any(|c| c.type_ == types::DRIFTED && c.status == "True")
    );
}

#[test]
fn each_verb_is_sent_from_where_ironic_takes_it_and_the_password_with_rescue_alone() {
    let password = Some("hunter2-r".to_owned());
    for state in [S::Active, S::RescueFailed, S::UnrescueFailed] {
        assert_eq!(
            sent(rescue(&state), Step::Rescue),
            Some((Verb::Rescue, password.clone())),
            "{state}"
        );
    }
    for state in [S::Rescue, S::RescueFailed, S::UnrescueFailed] {
        assert_eq!(
            sent(back(&state), Step::Unrescue),
            Some((Verb::Unrescue, None)),
            "{state}"
        );
    }
}

#[test]
fn a_failed_rescue_is_told_in_ironics_words_with_pauses() {
    let failed = rescue(&S::RescueFailed).see(error);
    says(
        &tried(failed, "rescue", 1, 0, None),
        Reconciling,
        Reason::RescueFailed,
        "BMC says no (tried once: rescue)",
    );
    let failed = back(&S::UnrescueFailed).see(error);
    says(
        &tried(failed, "unrescue", 2, 0, None),
        Reconciling,
        Reason::UnrescueFailed,
        "tried 2 times: unrescue",
    );
}

#[test]
fn nothing_is_rescued_that_is_guarded_or_somebody_elses() {
    let theirs = at(&S::Active, Some(WantedState::Rescue)).see(foreign);
    says(&theirs, Stalled, Reason::ForeignInstance, "not ours");
    says(
        &at(&S::Rescue, Some(WantedState::Active)).see(foreign),
        Stalled,
        Reason::ForeignInstance,
        "not ours",
    );
    for case in [rescue(&S::Active), back(&S::Rescue)] {
        says(
            &case.clone().see(protected),
            Stalled,
            Reason::Protected,
            "protected",
        );
        says(
            &case.see(maintenance),
            Stalled,
            Reason::Maintenance,
            "maintenance",
        );
    }
}

#[test]
fn the_password_is_read_when_a_rescue_begins_and_waited_for_if_it_is_missing() {
    let mut unread = rescue(&S::Active);
    unread.secrets.contents = None;
    assert!(unread.with(|facts| matches!(decide(facts).action, Some(Action::ReadSecrets))));
    let mut there = rescue(&S::Rescue);
    there.secrets.contents = None;
    assert!(
        there.with(|facts| decide(facts).action.is_none()),
        "nothing is read for a machine in rescue"
    );
    let mut absent = rescue(&S::Active);
    absent.secrets.versions.insert("rescue".into(), None);
    says(
        &absent,
        Reconciling,
        Reason::SecretMissing,
        "Secret rescue does not exist",
    );
    let with = |data: &[(&str, &str)]| {
        let mut case = rescue(&S::Active);
        let content = case.secrets.contents.as_mut().unwrap().get_mut("rescue").unwrap();
        content.data = data
            .iter()
            .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()))
            .collect();
        case
    };
    says(
        &with(&[]),
        Reconciling,
        Reason::SecretKeyMissing,
        "Secret rescue has no key password",
    );
    says(
        &with(&[("password", " \n")]),
        Stalled,
        Reason::InvalidSpec,
        "key password of Secret rescue, is blank",
    );
    let mut unneeded = back(&S::Active);
    unneeded
        .object
        .spec
        .provision
        .as_mut()
        .unwrap()
        .rescue_password_from = Some(rescue_password());
    assert!(desired::secret_names(&unneeded.object).is_empty());
}

#[test]
fn the_password_is_in_no_status() {
    for state in S::ALL {
        let mut case = rescue(state);
        case.confirmed = Some(Step::Rescue);
        let status = case.with(decide).status;
        assert!(
            !serde_json::to_string(&status).unwrap().contains("hunter2"),
            "{state}"
        );
        assert!(matches!(case.sight, Sight::Full(_)));
    }
}
