//! Changes made behind the operator's back, in what a row of the list does not show.

use serde_json::json;

use super::super::desired::Desired;
use super::super::outcome;
use super::super::plan::decide;
use super::super::rules::{Choice, Step};
use super::fixture::{Case, Sight};
use crate::api::conditions::{Reason, types};
use crate::api::node::{DriverInfoFrom, ManagementPolicy, WantedState};
use crate::api::refs::SecretRef;
use crate::ironic::model::{Fingerprint, Node, ProvisionState as S};

/// As wanted, and so recorded; seen as a row of the list.
fn verified() -> Case {
    let mut case = Case::new(&S::Manageable).want(Some(WantedState::Manageable));
    case.object.spec.description = Some("rack 7".into());
    case = case.see(|node| node.description = Some("rack 7".into()));
    record(&mut case);
    assert_eq!(choice(&case), Choice::Settled(Reason::Manageable));
    row(case)
}

fn record(case: &mut Case) {
    case.object.status = Some(case.with(|facts| decide(facts).status));
}

fn row(mut case: Case) -> Case {
    if let Sight::Full(node) = case.sight {
        case.sight = Sight::Summary(node);
    }
    case
}

fn whole(mut case: Case) -> Case {
    if let Sight::Summary(node) = case.sight {
        case.sight = Sight::Full(node);
    }
    case
}

fn choice(case: &Case) -> Choice {
    case.with(|facts| decide(facts).choice)
}

/// What `Drifted` says, if it is there.
fn drifted(case: &Case) -> Option<String> {
    let status = case.with(|facts| decide(facts).status);
    let drifted = status
        .conditions
        .into_iter()
        .find(|one| one.type_ == types::DRIFTED)?;
    (drifted.status == "True").then_some(drifted.message)
}

fn stray(node: &mut Node) {
    node.description = Some("rack 8".into());
}

#[test]
fn a_changed_fingerprint_is_looked_into_and_an_unchanged_one_is_not() {
    let case = verified();
    assert_eq!(choice(&case), Choice::Settled(Reason::Manageable));
    let strayed = case.clone().see(stray);
    assert_eq!(choice(&strayed), Choice::Look);
    assert_eq!(choice(&whole(strayed)), Choice::Step(Step::Patch));
    // What nobody manages costs one look, and one record of it.
    let mut other = case.see(|node| _ = node.properties.insert("cpus".into(), json!(8)));
    assert_eq!(choice(&other), Choice::Look);
    other = whole(other);
    assert_eq!(choice(&other), Choice::Settled(Reason::Manageable));
    record(&mut other);
    assert_eq!(choice(&row(other)), Choice::Settled(Reason::Manageable));
}

/// Ironic fills in the vendor while it verifies a machine: that is no change, unless the spec names it.
#[test]
fn what_ironic_fills_in_by_itself_costs_no_look() {
    let vendor = |value: &str| {
        let value = json!(value);
        move |node: &mut Node| _ = node.properties.insert("vendor".into(), value)
    };
    let case = verified();
    assert_eq!(
        choice(&case.clone().see(vendor("ACME"))),
        Choice::Settled(Reason::Manageable)
    );
    let mut named = whole(case).see(vendor("ACME"));
    named.object.spec.properties = Some(crate::api::FreeForm(
        json!({"vendor": "ACME"}).as_object().unwrap().clone(),
    ));
    record(&mut named);
    let named = row(named);
    assert_eq!(choice(&named), Choice::Settled(Reason::Manageable));
    let strayed = named.see(vendor("other"));
    assert_eq!(choice(&strayed), Choice::Look);
    assert_eq!(choice(&whole(strayed)), Choice::Step(Step::Patch));
}

#[test]
fn a_list_that_has_not_told_yet_is_no_reason_to_look() {
    let case = verified();
    let blind = case.with(|facts| {
        let facts = super::super::facts::NodeFacts {
            fingerprint: None,
            ..*facts
        };
        decide(&facts).choice
    });
    assert_eq!(blind, Choice::Settled(Reason::Manageable));
}

#[test]
fn after_a_patch_only_the_answer_tells_what_the_node_is_like() {
    let mut case = whole(verified()).see(stray);
    let before = Fingerprint::of(&Node::default());
    let written = case.with(|facts| outcome::taken(decide(facts).status, Step::Patch, facts));
    assert_eq!(written.applied.as_ref().unwrap().verified, None);
    case.object.status = Some(written);
    case.swept = Some(before);
    assert_eq!(choice(&row(case)), Choice::Look, "until it is read");
}

#[test]
fn who_does_not_correct_it_tells_it_while_it_lasts() {
    let observe: fn(&mut Case) = |case| case.object.spec.management_policy = ManagementPolicy::Observe;
    let pause: fn(&mut Case) = |case| case.object.spec.paused = true;
    let pause_cloud: fn(&mut Case) = |case| case.paused = true;
    for (how, put) in [("Observe", observe), ("paused", pause), ("paused", pause_cloud)] {
        let mut case = verified();
        put(&mut case);
        let rest = choice(&case);
        assert_ne!(rest, Choice::Look);
        assert_eq!(drifted(&case), None);
        let strayed = case.clone().see(stray);
        assert_eq!(choice(&strayed), Choice::Look, "{how}");
        let mut strayed = whole(strayed);
        assert!(strayed.with(|facts| decide(facts).action.is_none()), "{how}");
        let said = drifted(&strayed).unwrap();
        assert!(said.contains("description") && said.contains(how), "{said}");
        record(&mut strayed);
        let back = row(strayed.see(|node| node.description = Some("rack 7".into())));
        assert_eq!(drifted(&back), None, "{how}");
        assert_eq!(choice(&back), rest, "{how}: the record is still true");
    }
}

/// One look, and no more as long as neither the node nor the spec changes.
#[test]
fn what_is_not_corrected_is_looked_at_once() {
    let observe: fn(&mut Case) = |case| case.object.spec.management_policy = ManagementPolicy::Observe;
    let pause: fn(&mut Case) = |case| case.object.spec.paused = true;
    for put in [observe, pause] {
        let mut case = verified();
        put(&mut case);
        let mut case = whole(case.see(stray));
        record(&mut case);
        let said = drifted(&case).unwrap();
        let mut seen = row(case);
        assert!(!matches!(choice(&seen), Choice::Look));
        assert_eq!(drifted(&seen), Some(said));
        record(&mut seen);
        assert!(!matches!(choice(&seen), Choice::Look), "nor the next time");
        let again = seen.clone().see(|node| node.description = Some("rack 9".into()));
        assert_eq!(choice(&again), Choice::Look);
        let mut edited = seen.clone();
        edited.object.spec.description = Some("rack 8".into());
        assert_eq!(choice(&edited), Choice::Look);
        seen.object.spec.management_policy = ManagementPolicy::Managed;
        seen.object.spec.paused = false;
        assert_eq!(choice(&seen), Choice::Look, "it is corrected now");
        seen = whole(seen);
        record(&mut seen);
        assert_eq!(seen.object.status.unwrap().drift, None);
    }
}

#[test]
fn what_waits_for_another_state_is_looked_at_once_in_each() {
    let mut case = whole(verified());
    case = case.see(|node| (node.provision_state, node.resource_class) = (S::DeployFailed, Some("b".into())));
    case.object.spec.resource_class = Some("a".into());
    case.object.spec.provision = None;
    record(&mut case);
    let told = |case: &Case| case.with(|facts| decide(facts).status);
    let (said, status) = (drifted(&case).unwrap(), told(&case));
    assert!(said.contains("resourceClass (in state enroll"), "{said}");
    let mut seen = row(case);
    assert_ne!(choice(&seen), Choice::Look);
    assert_eq!(drifted(&seen), Some(said));
    assert_eq!(told(&seen).drift, status.drift);
    seen = seen.see(|node| node.provision_state = S::Manageable);
    assert_eq!(choice(&seen), Choice::Look);
    assert_eq!(choice(&whole(seen)), Choice::Step(Step::Patch));
}

#[test]
fn who_only_observes_misses_no_mark_of_ours() {
    let mut case = whole(verified()).see(|node| node.extra.clear());
    case.object.spec.management_policy = ManagementPolicy::Observe;
    assert_eq!(drifted(&case), None);
    record(&mut case);
    assert_eq!(choice(&row(case)), Choice::Settled(Reason::Observing));
}

#[test]
fn whatever_a_spec_can_name_is_in_the_fingerprint() {
    let mut case = Case::new(&S::Manageable);
    let names = [
        "bios",
        "boot",
        "console",
        "deploy",
        "firmware",
        "inspect",
        "management",
        "network",
        "power",
    ];
    let more = ["raid", "rescue", "storage", "vendor"];
    let interfaces: serde_json::Map<_, _> = names
        .into_iter()
        .chain(more)
        .map(|kind| (kind.to_owned(), json!("fake")))
        .collect();
    case.object.spec = serde_json::from_value(json!({
        "cloudRef": {"name": "lab"}, "name": "n", "driver": "redfish", "interfaces": interfaces, "resourceClass": "r",
        "conductorGroup": "g", "owner": "o", "lessee": "l", "description": "d", "shard": "s", "networkData": {"links": []},
        "automatedClean": {"enabled": true}, "disablePowerOff": true, "chassisId": "0b9fbd3e-3a3c-4a76-9c55-2b0b9d6e1001",
        "protected": {"enabled": true, "reason": "p"}, "retired": {"enabled": true, "reason": "r"},
    }))
    .unwrap();
    let fields: Vec<_> = case.with(|facts| Desired::of(facts).fields.into_keys().collect());
    let of = |node: &serde_json::Value| Fingerprint::of(&serde_json::from_value(node.clone()).unwrap());
    let node = json!({"uuid": "u", "driver": "redfish"});
    let maps = ["driver_info", "properties", "extra"];
    assert!(fields.len() > 20, "{fields:?}");
    for field in fields.iter().chain(&maps) {
        let changes = [json!("x"), json!(true), json!({"a": 1})]
            .into_iter()
            .any(|value| {
                let mut changed = node.clone();
                changed[*field] = value;
                serde_json::from_value::<Node>(changed.clone()).is_ok() && of(&changed) != of(&node)
            });
        assert!(changes, "{field}");
    }
}

/// Secrets that nobody here has written cannot be told from those that Ironic has: it shows neither.
#[test]
fn secrets_that_were_never_written_are_no_drift_for_who_only_watches() {
    let mut case = whole(verified());
    case.object.spec.management_policy = ManagementPolicy::Observe;
    case.object.spec.driver_info_from = vec![DriverInfoFrom {
        secret_ref: SecretRef { name: "bmc".into() },
        keys: None,
    }];
    case.secrets.versions.insert("bmc".into(), Some("1".into()));
    assert!(drifted(&case).is_some_and(|said| said.contains("driverInfoFrom")));
    if let Some(status) = case.object.status.as_mut() {
        status.applied = None;
    }
    assert_eq!(drifted(&case), None);
}
