//! Credentials written after the enrolment: tried, counted and told, and never at the machine's cost.

use std::collections::BTreeMap;

use super::super::call::Call;
use super::super::credentials;
use super::super::facts::SecretContent;
use super::super::hiding::hide;
use super::super::outcome::{self, CallClass, CallFailure};
use super::super::plan::{Action, decide};
use super::super::rules::Step;
use super::fixture::{Case, Sight, delete, patch};
use super::table::{foreign, with_ours};
use crate::api::RETRY_ANNOTATION;
use crate::api::conditions::{Reason, types};
use crate::api::node::{DriverInfoFrom, ManagementPolicy, Power, PowerWanted, Shutdown, WantedState};
use crate::api::refs::SecretRef;
use crate::ironic::model::{PowerState, ProvisionState as S};

/// What the machine takes.
const GOOD: &str = "calvin";

/// What was sent, by step.
pub type Sent = Vec<Step>;

pub fn secret(case: &mut Case, version: &str, password: &str) {
    let data = BTreeMap::from([("redfish_password".to_owned(), password.to_owned())]);
    let version = version.to_owned();
    case.secrets.versions.insert("bmc".into(), Some(version.clone()));
    case.secrets.contents = Some(BTreeMap::from([(
        "bmc".into(),
        SecretContent {
            version,
            data,
            ..SecretContent::default()
        },
    )]));
}

/// Enrolled with the first version of its Secret.
pub fn enrolled() -> Case {
    let mut case = Case::new(&S::Enroll).want(Some(WantedState::Available));
    case.object.spec.driver_info_from = vec![DriverInfoFrom {
        secret_ref: SecretRef { name: "bmc".into() },
        keys: None,
    }];
    secret(&mut case, "1", GOOD);
    case
}

/// Acts until nothing is left to do now, with a BMC that takes only the good password; Ironic's part of verbs is left out.
pub fn run(case: &mut Case) -> Sent {
    let mut sent = vec![];
    for _ in 0..16 {
        let (action, status) = case.with(|facts| {
            let plan = decide(facts);
            (plan.action, plan.status)
        });
        case.object.status = Some(status.clone());
        let (step, call) = match action {
            Some(Action::Call(step, call)) => (step, call),
            // The way on is destructive: its proofs are another matter.
            None | Some(Action::Confirm(_)) => return sent,
            Some(_) => panic!("nothing else is asked for"),
        };
        sent.push(step);
        let Sight::Full(node) = &case.sight else { panic!() };
        let good = node
            .driver_info
            .get("redfish_password")
            .and_then(|given| given.as_str())
            == Some(GOOD);
        let journal = case.with(|facts| match step {
            Step::Prove if !good => outcome::failed(status, step, facts, &refusal()),
            _ => outcome::taken(status, step, facts),
        });
        if let Call::Patch {
            patch: operations, ..
        } = call
        {
            case.sight = Sight::Full(patch(node, &operations.0).unwrap());
        } else if !matches!(step, Step::Prove) {
            return sent;
        }
        case.object.status = Some(journal);
    }
    panic!("no end: {sent:?}")
}

fn refusal() -> CallFailure {
    CallFailure {
        reason: Reason::CredentialsRejected,
        words: "no entry for root with wrong-1".into(),
        class: CallClass::Blocked,
    }
}

pub fn ready(case: &Case) -> (String, String, String) {
    let conditions = &case.object.status.as_ref().unwrap().conditions;
    let ready = conditions
        .iter()
        .find(|condition| condition.type_ == types::READY)
        .unwrap();
    (ready.status.clone(), ready.reason.clone(), ready.message.clone())
}

/// Enrolled, and in this state since.
pub fn settled(state: &S) -> Case {
    let mut case = enrolled();
    run(&mut case);
    let case = case.see(|node| node.provision_state = state.clone());
    if matches!(state, S::Active | S::Rescue | S::Error) {
        with_ours(case, "a")
    } else {
        case
    }
}

/// Goes on after every pause.
pub fn exhaust(case: &mut Case) -> Sent {
    let mut sent = vec![];
    for _ in 0..8 {
        case.now += 400;
        sent.extend(run(case));
    }
    sent
}

#[test]
fn what_enrolment_verifies_is_not_tried_again() {
    let mut case = enrolled();
    assert_eq!(run(&mut case), [Step::Patch, Step::Manage]);
    case = case.see(|node| node.provision_state = S::Available);
    assert_eq!(run(&mut case), []);
    assert_eq!(ready(&case).0, "True");
    // Corrected after a failed verification: the next one proves them.
    let mut case = settled(&S::Enroll).see(|node| node.last_error = Some("no".into()));
    secret(&mut case, "2", "calvin");
    assert_eq!(run(&mut case), [Step::Patch, Step::Manage]);
    case = case.see(|node| (node.provision_state, node.last_error) = (S::Available, None));
    assert_eq!(run(&mut case), []);
}

#[test]
fn a_good_rotation_is_tried_once_wherever_the_machine_is() {
    for state in [
        S::Manageable,
        S::Available,
        S::Active,
        S::Rescue,
        S::CleanFailed,
        S::Error,
    ] {
        let mut case = settled(&state);
        secret(&mut case, "2", "calvin");
        let sent = run(&mut case);
        assert_eq!(
            sent.iter().filter(|step| **step == Step::Prove).count(),
            1,
            "{state}: {sent:?}"
        );
        assert_eq!(sent[..2], [Step::Patch, Step::Prove], "{state}");
        let status = case.object.status.as_ref().unwrap();
        assert!(credentials::are_proven(status.applied.as_ref().unwrap()));
        assert_eq!(status.credentials, None);
    }
}

/// Ironic holds the node's lock while it asks the BMC.
#[test]
fn nothing_is_tried_on_a_machine_that_somebody_else_uses() {
    for state in [S::Active, S::Available, S::Manageable] {
        let mut case = settled(&S::Manageable).see(foreign);
        case = case.see(|node| node.provision_state = state.clone());
        secret(&mut case, "2", GOOD);
        assert_eq!(run(&mut case), [Step::Patch], "{state}");
        case = case.see(|node| node.instance_uuid = None);
        case = case.see(|node| node.provision_state = S::Manageable);
        assert_eq!(run(&mut case), [Step::Prove], "when it is free again: {state}");
    }
}

#[test]
fn a_bad_rotation_is_tried_three_times_and_nothing_else_happens() {
    let mut case = settled(&S::Manageable);
    case.object.spec.power = Some(Power {
        state: PowerWanted::PoweredOff,
        shutdown: Shutdown::Hard,
        timeout_seconds: None,
    });
    case = case.see(|node| node.power_state = Some(PowerState::On));
    secret(&mut case, "2", "wrong-1");
    assert_eq!(run(&mut case), [Step::Patch, Step::Prove]);
    let (ok, reason, message) = ready(&case);
    assert_eq!((ok.as_str(), reason.as_str()), ("False", "CredentialsRejected"));
    assert!(
        message.contains("no entry for root with ***") && message.contains("again"),
        "{message}"
    );
    assert_eq!(run(&mut case), [], "there is a pause");
    assert_eq!(exhaust(&mut case), [Step::Prove, Step::Prove]);
    let (_, reason, message) = ready(&case);
    assert_eq!(reason, "CredentialsRejected");
    assert!(
        message.contains("3 times") && message.contains("lock accounts"),
        "{message}"
    );
    let stalled = |case: &Case| {
        let conditions = &case.object.status.as_ref().unwrap().conditions;
        conditions
            .iter()
            .any(|one| one.type_ == types::STALLED && one.status == "True")
    };
    assert!(stalled(&case));

    // Neither an edit nor somebody else's change gives more tries.
    case.object.spec.description = Some("edited".into());
    case.object.metadata.generation = Some(2);
    assert_eq!(run(&mut case), [Step::Patch]);
    assert!(stalled(&case));
    case = case.see(|node| node.description = None);
    case.now += 400;
    assert_eq!(run(&mut case), [Step::Patch]);
    assert!(stalled(&case));

    // The annotation does, and a new version.
    let annotations = BTreeMap::from([(RETRY_ANNOTATION.to_owned(), "1".to_owned())]);
    case.object.metadata.annotations = Some(annotations);
    assert_eq!(exhaust(&mut case), [Step::Prove; 3]);
    secret(&mut case, "3", "wrong-2");
    let sent = exhaust(&mut case);
    assert_eq!(sent, [Step::Patch, Step::Prove, Step::Prove, Step::Prove]);
    secret(&mut case, "4", GOOD);
    assert_eq!(run(&mut case)[..2], [Step::Patch, Step::Prove]);
    assert!(!stalled(&case));
}

#[test]
fn an_ironic_that_does_not_answer_costs_no_try() {
    let mut case = settled(&S::Active);
    secret(&mut case, "2", "wrong-1");
    run(&mut case);
    let transient = CallFailure {
        class: CallClass::Transient,
        ..refusal()
    };
    let before = case.object.status.clone().unwrap();
    let after = case.with(|facts| outcome::failed(before.clone(), Step::Prove, facts, &transient));
    assert_eq!(after.credentials, before.credentials);
    assert_eq!(before.credentials.unwrap().count, 1);
}

#[test]
fn who_may_not_write_and_who_leaves_tries_nothing() {
    let rotated = || {
        let mut case = settled(&S::Manageable);
        secret(&mut case, "2", "wrong-1");
        run(&mut case);
        case.now += 400;
        case
    };
    let mut paused = rotated();
    paused.object.spec.paused = true;
    assert_eq!(run(&mut paused), []);
    let mut observing = rotated();
    observing.object.spec.management_policy = ManagementPolicy::Observe;
    assert_eq!(run(&mut observing), []);
    let mut deleted = rotated();
    delete(&mut deleted.object);
    let choice = deleted.with(|facts| decide(facts).choice);
    assert_eq!(choice, super::super::rules::Choice::Step(Step::Delete));
}

#[test]
fn nothing_of_a_secret_is_repeated_but_what_every_sentence_holds() {
    let mut case = enrolled();
    let data = [("a", "calvin"), ("b", "calvin-longer"), ("c", "a")];
    let data = data.map(|(key, value)| (key.to_owned(), value.to_owned())).into();
    let content = SecretContent {
        version: "1".into(),
        data,
        ..SecretContent::default()
    };
    case.secrets.contents = Some(BTreeMap::from([("bmc".into(), content)]));
    let said = case.with(|facts| hide("a BMC refuses calvin-longer and calvin", facts));
    assert_eq!(said, "a BMC refuses *** and ***");
}
