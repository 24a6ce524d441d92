//! What a Secret holds, lacks or lost is written or told, and never left out in silence.

use std::collections::BTreeMap;

use serde_json::json;

use super::super::plan::decide;
use super::super::rules::{Choice, Step};
use super::credentials::{enrolled, exhaust, ready, run, secret, settled};
use super::fixture::{Case, Sight};
use super::table::{active, says, sight};
use crate::api::conditions::{Reason, types};
use crate::api::node::{DriverInfoFrom, ManagementPolicy, SecretKey, WantedState};
use crate::domain::conditions::Standing::{Reconciling, Stalled};
use crate::ironic::model::ProvisionState as S;

/// Makes a value of the Secret something that is no text.
fn garble(case: &mut Case, name: &str, key: &str) {
    let contents = case.secrets.contents.as_mut().unwrap();
    let content = contents.get_mut(name).unwrap();
    content.data.remove(key);
    content.binary.insert(key.into(), vec![0xff, 0xfe, b'x']);
}

/// Only this key of the Secret, under this name.
fn only(case: &mut Case, key: &str, source: &str) {
    case.object.spec.driver_info_from = vec![DriverInfoFrom {
        keys: Some(BTreeMap::from([(key.into(), SecretKey(source.into()))])),
        ..case.object.spec.driver_info_from[0].clone()
    }];
}

#[test]
fn a_machine_is_not_enrolled_without_a_credential_that_is_no_text() {
    let named = "Key redfish_password of Secret bmc is not text";
    let mut all = sight(enrolled(), Sight::Absent);
    garble(&mut all, "bmc", "redfish_password");
    says(&all, Stalled, Reason::InvalidSpec, named);
    let mut one = all.clone();
    only(&mut one, "ipmi_password", "redfish_password");
    says(&one, Stalled, Reason::InvalidSpec, named);
    // What nobody takes may be anything.
    let mut other = sight(enrolled(), Sight::Absent);
    only(&mut other, "redfish_password", "redfish_password");
    let contents = other.secrets.contents.as_mut().unwrap();
    let content = contents.get_mut("bmc").unwrap();
    content.binary.insert("keystore".into(), vec![0xff]);
    assert_eq!(other.with(decide).choice, Choice::Step(Step::Create));
}

#[test]
fn a_rotation_to_what_cannot_be_written_is_told_and_the_old_one_stays_recorded() {
    let named = "Key redfish_password of Secret bmc is not text";
    for state in [S::Available, S::Active] {
        let mut case = settled(&state);
        let before = case.object.status.clone().unwrap().applied.unwrap();
        secret(&mut case, "2", "x");
        garble(&mut case, "bmc", "redfish_password");
        says(&case, Stalled, Reason::InvalidSpec, named);
        case.object.status = Some(case.with(decide).status);
        let now = case.object.status.clone().unwrap().applied.unwrap();
        assert_eq!(now.secrets, before.secrets, "{state}");
        case.secrets.contents = None;
        assert_ne!(case.with(decide).status.conditions[0].status, "True");
        secret(&mut case, "3", "better");
        assert_eq!(run(&mut case).first(), Some(&Step::Patch));
    }
}

#[test]
fn a_rotation_that_drops_a_key_which_the_spec_names_is_told() {
    let mut case = settled(&S::Available);
    only(&mut case, "redfish_password", "redfish_password");
    run(&mut case);
    secret(&mut case, "2", "x");
    let contents = case.secrets.contents.as_mut().unwrap();
    contents.get_mut("bmc").unwrap().data.clear();
    says(
        &case,
        Reconciling,
        Reason::SecretKeyMissing,
        "Secret bmc has no key redfish_password",
    );
}

#[test]
fn a_rescue_password_that_is_no_text_is_refused() {
    let mut case = active(&S::Active).want(Some(WantedState::Rescue));
    garble(&mut case, "rescue", "password");
    assert_eq!(case.with(super::super::desired::invalid).unwrap(), {
        "Key password of Secret rescue is not text (UTF-8), which Ironic cannot be given. Nothing of it is written."
    });
}

#[test]
fn a_credential_that_somebody_removed_is_put_back() {
    for state in [S::Available, S::Active] {
        let mut case = settled(&state);
        run(&mut case);
        // What enrolment tried is long ago.
        case.object.status.as_mut().unwrap().attempts = None;
        let case = case.see(|node| _ = node.driver_info.remove("redfish_password"));
        let mut unread = case.clone();
        unread.secrets.contents = None;
        let plan = unread.with(decide);
        assert_eq!(plan.choice, Choice::Step(Step::Patch), "{state}");
        let mut read = case.clone();
        assert_eq!(run(&mut read).first(), Some(&Step::Patch), "{state}");
        let Sight::Full(node) = &read.sight else { panic!() };
        assert_eq!(node.driver_info["redfish_password"], json!("calvin"));
        let nothing: Vec<Step> = exhaust(&mut read);
        assert!(!nothing.contains(&Step::Patch), "written once: {nothing:?}");
    }
}

#[test]
fn a_credential_that_is_missing_is_reported_where_nothing_is_corrected() {
    let mut case = settled(&S::Available).see(|node| _ = node.driver_info.remove("redfish_password"));
    case.secrets.contents = None;
    case.object.spec.management_policy = ManagementPolicy::Observe;
    let conditions = case.with(decide).status.conditions;
    let drifted = conditions
        .iter()
        .find(|condition| condition.type_ == types::DRIFTED);
    assert!(drifted.unwrap().message.contains("driverInfoFrom"));
}

#[test]
fn a_line_break_in_a_refused_credential_is_remarked_and_stays_remarked() {
    let remark = "Note that key redfish_password of Secret bmc begins or ends with a blank or a line break";
    let mut case = settled(&S::Active);
    secret(&mut case, "2", "calvin\n");
    assert_eq!(run(&mut case), [Step::Patch, Step::Prove]);
    assert!(ready(&case).2.contains(remark), "{:?}", ready(&case));
    case.secrets.contents = None;
    run(&mut case);
    assert!(ready(&case).2.contains(remark), "{:?}", ready(&case));
    secret(&mut case, "2", "calvin\n");
    exhaust(&mut case);
    assert!(ready(&case).2.contains(remark), "{:?}", ready(&case));
    assert_eq!(
        ready(&case).2.matches("Note that").count(),
        1,
        "{:?}",
        ready(&case)
    );
    secret(&mut case, "3", "wrong");
    run(&mut case);
    assert!(!ready(&case).2.contains("Note that"), "{:?}", ready(&case));
}
