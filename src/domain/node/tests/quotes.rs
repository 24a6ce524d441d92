//! Ironic's words, where they repeat what a Secret holds.

use std::collections::BTreeMap;

use super::super::credentials::mark;
use super::super::facts::SecretContent;
use super::super::outcome::{self, CallClass, CallFailure};
use super::super::plan::{Action, NodePlan, decide};
use super::super::quotes::{lacks_secrets, wants_secrets};
use super::super::rules::{Choice, Step};
use super::super::situation::summarise;
use super::fixture::{Case, Sight, delete};
use super::table::tried;
use crate::api::BareMetalNodeStatus;
use crate::api::conditions::{Reason, types};
use crate::api::node::{Applied, DriverInfoFrom, ManagementPolicy, Power, PowerWanted, Shutdown};
use crate::api::refs::SecretRef;
use crate::ironic::model::{PowerState, ProvisionState as S};

const PASSWORD: &str = "calvin & hobbes";

pub fn content(version: &str, data: &[(&str, &str)]) -> BTreeMap<String, SecretContent> {
    let data = data
        .iter()
        .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
    let content = SecretContent {
        version: version.into(),
        data: data.collect(),
        ..SecretContent::default()
    };
    BTreeMap::from([("bmc".to_owned(), content)])
}

/// In a failed state, with the Secret written and not read; Ironic's words repeat the password.
fn failed(state: &S) -> Case {
    let mut case = Case::new(state).see(|node| {
        node.last_error = Some(format!("no entry for {PASSWORD}, bye"));
        node.driver_info
            .insert("redfish_password".into(), PASSWORD.into());
    });
    case.object.spec.driver_info_from = vec![DriverInfoFrom {
        secret_ref: SecretRef { name: "bmc".into() },
        keys: None,
    }];
    case.secrets.versions.insert("bmc".into(), Some("1".into()));
    let applied = case.with(super::super::fields::applied);
    let applied = Applied {
        proven: mark(&applied),
        ..applied
    };
    case.object.status = Some(BareMetalNodeStatus {
        applied: Some(applied),
        ..BareMetalNodeStatus::default()
    });
    case
}

fn read(case: &mut Case, version: &str, password: &str) {
    case.secrets.contents = Some(content(version, &[("redfish_password", password)]));
}

/// The Secret cannot be read, or is not there.
fn unreadable(case: &mut Case, why: Option<&str>) {
    case.secrets.contents = Some(BTreeMap::new());
    let why = why.map(str::to_owned);
    case.secrets.unread = BTreeMap::from([("bmc".to_owned(), why)]);
}

fn asks(plan: &NodePlan) -> bool {
    matches!(plan.action, Some(Action::ReadSecrets))
}

/// Decides until nothing more is to be read; what is reported, and whether it was for words that something was read.
fn settle(case: &mut Case, read: impl Fn(&mut Case)) -> (BareMetalNodeStatus, bool) {
    case.secrets.contents = None;
    case.secrets.unread.clear();
    let wanted = case.with(|facts| wants_secrets(decide(facts).choice, &summarise(facts), facts));
    let mut plan = case.with(decide);
    if wanted {
        let before = case.object.status.clone().unwrap_or_default();
        assert_eq!(plan.status, before, "nothing is told yet");
    }
    if asks(&plan) {
        read(case);
        plan = case.with(decide);
        assert!(!asks(&plan), "once is enough");
    }
    case.object.status = Some(plan.status.clone());
    let told = serde_json::to_string(&plan.status).unwrap();
    assert!(!told.contains("calvin"), "{told}");
    (plan.status, wanted)
}

fn ready(status: &BareMetalNodeStatus) -> String {
    let conditions = status.conditions.iter();
    let mut ready = conditions.filter(|condition| condition.type_ == types::READY);
    ready.next().unwrap().message.clone()
}

#[test]
fn what_is_told_for_the_first_time_costs_a_read_of_the_secrets_and_then_nothing() {
    for state in [
        S::Enroll,
        S::CleanFailed,
        S::DeployFailed,
        S::InspectFailed,
        S::Error,
        S::AdoptFailed,
    ] {
        let mut case = failed(&state);
        let (status, asked) = settle(&mut case, |case| read(case, "1", PASSWORD));
        assert!(asked, "{state}");
        assert_eq!(
            status.last_error.as_deref(),
            Some("no entry for ***, bye"),
            "{state}"
        );
        for _ in 0..3 {
            case.now += 400;
            let (status, asked) = settle(&mut case, |_| ());
            assert!(
                !asked && status.last_error.as_deref() == Some("no entry for ***, bye"),
                "{state}"
            );
        }
        // Other words are news.
        case = case.see(|node| node.last_error = Some(format!("{PASSWORD} is refused")));
        let (status, asked) = settle(&mut case, |case| read(case, "1", PASSWORD));
        assert!(
            asked && status.last_error.as_deref() == Some("*** is refused"),
            "{state}"
        );
    }
}

#[test]
fn it_is_the_same_for_who_leaves_and_who_only_observes_and_what_the_history_says() {
    let mut leaving = failed(&S::CleanFailed).see(|node| node.maintenance = true);
    delete(&mut leaving.object);
    let mut observing = failed(&S::CleanFailed);
    observing.object.spec.management_policy = ManagementPolicy::Observe;
    let mut vanished = failed(&S::CleanFailed).see(|node| node.last_error = None);
    vanished.history = Some(format!("no entry for {PASSWORD}, bye"));
    for mut case in [leaving, observing, vanished] {
        let (status, asked) = settle(&mut case, |case| read(case, "1", PASSWORD));
        assert!(asked && status.last_error.as_deref() == Some("no entry for ***, bye"));
        assert!(!settle(&mut case, |_| ()).1);
    }
}

#[test]
fn a_reason_of_a_maintenance_and_of_a_power_failure_are_words_too() {
    let kept = |node: &mut crate::ironic::model::Node| {
        (node.maintenance, node.last_error) = (true, None);
        node.maintenance_reason = Some(format!("power sync: {PASSWORD} refused"));
    };
    let mut kept = failed(&S::Enroll).see(kept);
    let mut off = failed(&S::Manageable).see(|node| node.power_state = Some(PowerState::On));
    off.object.spec.power = Some(Power {
        state: PowerWanted::PoweredOff,
        shutdown: Shutdown::Hard,
        timeout_seconds: None,
    });
    let row = |case: Case| match case.sight {
        Sight::Full(node) => Case {
            sight: Sight::Summary(node),
            ..case
        },
        _ => case,
    };
    let applied = off.object.status.clone().unwrap().applied;
    let mut off = tried(off, "power off", 2, 1, None);
    off.object.status.as_mut().unwrap().applied = applied;
    for (case, said) in [
        (&mut kept, "(power sync: *** refused) in state enroll"),
        (&mut off, "no entry for ***, bye (tried 2 times: power off)"),
    ] {
        let (status, asked) = settle(case, |case| read(case, "1", PASSWORD));
        assert!(asked && ready(&status).contains(said), "{}", ready(&status));
        *case = row(case.clone());
        let (again, asked) = settle(case, |_| ());
        assert!(!asked && ready(&again) == ready(&status));
    }
}

#[test]
fn words_of_which_nobody_knows_what_they_hold_are_not_told() {
    let mut case = failed(&S::CleanFailed);
    let (status, asked) = settle(&mut case, |case| {
        unreadable(case, Some("Secret bmc cannot be read"));
    });
    let said = status.last_error.unwrap();
    assert!(
        asked && said.contains("not shown") && said.ends_with("Secret bmc cannot be read"),
        "{said}"
    );
    // As soon as it can be read.
    let (status, asked) = settle(&mut case, |case| read(case, "1", PASSWORD));
    assert!(asked && status.last_error.as_deref() == Some("no entry for ***, bye"));
}

/// What the new Secret holds does not tell what the old one did.
#[test]
fn words_about_a_secret_that_is_gone_or_was_changed_stay_untold_until_something_else_is_tried() {
    let lost: fn(&mut Case) = |case| unreadable(case, None);
    let changed: fn(&mut Case) = |case| read(case, "2", "another");
    for (put, why) in [
        (lost, "does not exist any more"),
        (changed, "was changed meanwhile"),
    ] {
        let mut case = failed(&S::Enroll);
        let (status, asked) = settle(&mut case, put);
        let said = status.last_error.unwrap();
        assert!(asked && said.ends_with(why), "{said}");
        // The new one is written.
        let applied = case.object.status.as_mut().unwrap().applied.as_mut().unwrap();
        applied.secrets.insert("bmc".into(), "2".into());
        let (status, asked) = settle(&mut case, |case| read(case, "2", "another"));
        assert!(!asked && status.last_error.as_deref() == Some(said.as_str()));
        // And tried.
        let after = case.with(|facts| outcome::taken(decide(facts).status, Step::Manage, facts));
        assert_eq!(after.last_error, None);
        case.object.status = Some(after);
        case = case.see(|node| node.last_error = Some("another is wrong, too".into()));
        let (status, asked) = settle(&mut case, |case| read(case, "2", "another"));
        assert!(asked && status.last_error.as_deref() == Some("*** is wrong, too"));
    }
}

#[test]
fn a_secret_that_was_never_given_to_ironic_holds_nothing_up() {
    let mut case = failed(&S::Enroll).see(|node| node.last_error = Some("BMC says no".into()));
    case.object.status.as_mut().unwrap().applied = Some(Applied::default());
    let (status, _) = settle(&mut case, |case| unreadable(case, None));
    assert_eq!(status.last_error.as_deref(), Some("BMC says no"));
    let mut none = case;
    none.object.spec.driver_info_from.clear();
    none.object.status = None;
    let (status, asked) = settle(&mut none, |_| ());
    assert!(!asked && status.last_error.as_deref() == Some("BMC says no"));
}

#[test]
fn a_secret_that_no_longer_counts_is_still_hidden() {
    let mut case = failed(&S::CleanFailed);
    case.object.spec.driver_info_from.clear();
    let (status, asked) = settle(&mut case, |case| read(case, "1", PASSWORD));
    assert!(asked && status.last_error.as_deref() == Some("no entry for ***, bye"));
}

#[test]
fn a_call_that_fails_tells_nothing_either() {
    let mut case = failed(&S::Manageable);
    let failure = CallFailure {
        reason: Reason::Rejected,
        words: format!("{} {PASSWORD}", "x".repeat(1015)),
        class: CallClass::Terminal,
    };
    let tell = |case: &Case| {
        let status = case.with(|facts| outcome::failed(decide(facts).status, Step::Provide, facts, &failure));
        let told = serde_json::to_string(&status).unwrap();
        assert!(!told.contains("calv"), "{told}");
        ready(&status)
    };
    assert!(case.with(lacks_secrets));
    assert!(tell(&case).contains("not shown"));
    read(&mut case, "1", PASSWORD);
    assert!(!case.with(lacks_secrets));
    assert!(
        tell(&case).contains("x *** (step provide)"),
        "hidden first, cut afterwards"
    );
    unreadable(&mut case, None);
    assert!(tell(&case).contains("Secret bmc does not exist any more (step provide)"));
}

#[test]
fn long_words_that_were_cut_are_recognised() {
    for at in 1000..1024 {
        let mut case = failed(&S::CleanFailed);
        let words = format!("{}{PASSWORD}{}", "x".repeat(at), "y".repeat(2000));
        case = case.see(|node| node.last_error = Some(words));
        assert!(settle(&mut case, |case| read(case, "1", PASSWORD)).1);
        assert!(!settle(&mut case, |_| ()).1, "{at}");
    }
}

/// A wrong prediction would cost words, never a secret.
#[test]
fn who_lets_go_reads_nothing() {
    let mut case = failed(&S::CleanFailed);
    case.object.spec.deletion_policy = Some(crate::api::node::DeletionPolicy::Detach);
    delete(&mut case.object);
    let plan = case.with(decide);
    assert_eq!(plan.choice, Choice::Release);
    assert!(matches!(plan.action, Some(Action::RemoveFinalizer(_))));
    assert!(case.with(|facts| wants_secrets(Choice::Look, &summarise(facts), facts)));
}
