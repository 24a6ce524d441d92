//! Faults, maintenance and hardware: who is told of them, and when a machine that is where it is wanted is not as wanted.

use serde_json::json;

use super::super::plan::decide;
use super::super::rules::Choice;
use super::fixture::{Case, NOW};
use super::table::{active, at, available, foreign, says, with_ours};
use crate::api::conditions::{Reason, types};
use crate::api::node::{Switch, WantedState};
use crate::domain::conditions::Standing::{Ready, Stalled};
use crate::ironic::model::{Node, ProvisionState as S};

fn faulty(node: &mut Node) {
    node.maintenance = true;
    node.fault = Some("power failure".into());
    node.maintenance_reason = Some("During sync_power_state, max retries exceeded".into());
}

fn tended(node: &mut Node) {
    node.maintenance = true;
    node.maintenance_reason = Some("a fan is replaced".into());
}

fn ours(node: &mut Node) {
    node.maintenance = true;
    node.maintenance_reason = Some("ironwright: disk swap".into());
}

/// Status, reason and message of `Healthy`.
fn healthy(case: &Case) -> (String, String, String) {
    let conditions = case.with(decide).status.conditions;
    let mut found = conditions
        .into_iter()
        .filter(|condition| condition.type_ == types::HEALTHY);
    let condition = found.next().unwrap();
    (condition.status, condition.reason, condition.message)
}

#[test]
fn a_machine_that_ironic_gave_up_on_is_not_as_wanted() {
    let words = "During sync_power_state, max retries exceeded) in state";
    let all = vec![
        at(&S::Manageable, Some(WantedState::Manageable)),
        available(&S::Available),
        with_ours(active(&S::Active), "a"),
        with_ours(at(&S::Rescue, Some(WantedState::Rescue)), "a"),
    ];
    for case in all {
        let well = case.with(decide);
        assert!(matches!(well.choice, Choice::Settled(_)), "{:?}", well.choice);
        let (now, reason, _) = healthy(&case);
        assert_eq!((now.as_str(), reason.as_str()), ("True", "NothingWrong"));
        let ill = case.see(faulty);
        says(&ill, Stalled, Reason::Fault, words);
        says(&ill, Stalled, Reason::Fault, "after a fault (power failure)");
        let (now, reason, said) = healthy(&ill);
        assert_eq!((now.as_str(), reason.as_str()), ("False", "Fault"));
        assert!(said.contains(words), "{said}");
        let status = ill.with(decide).status;
        assert_eq!(status.fault.as_deref(), Some("power failure"));
        let maintenance = status.maintenance.unwrap();
        assert_eq!(maintenance.by, "Ironic");
        assert!(maintenance.reason.unwrap().contains("max retries"));
    }
}

#[test]
fn somebodys_maintenance_takes_an_offer_back_and_leaves_an_instance_running() {
    let offered = available(&S::Available).see(tended);
    says(&offered, Stalled, Reason::Maintenance, "a fan is replaced");
    let deployed = with_ours(active(&S::Active), "a").see(tended);
    says(&deployed, Ready, Reason::Deployed, "deployed");
    let manageable = at(&S::Manageable, Some(WantedState::Manageable)).see(tended);
    says(&manageable, Ready, Reason::Manageable, "as wanted");
    for case in [offered, deployed, manageable] {
        let (now, reason, said) = healthy(&case);
        assert_eq!((now.as_str(), reason.as_str()), ("False", "Maintenance"));
        assert!(said.contains("a fan is replaced"), "{said}");
    }
}

#[test]
fn what_others_use_or_nobody_manages_is_told_beside_ready() {
    let used = available(&S::Active).see(foreign).see(faulty);
    says(&used, Ready, Reason::InUse, "somebody else");
    let unmanaged = at(&S::Available, None).see(faulty);
    says(&unmanaged, Ready, Reason::Enrolled, "not moved");
    for case in [used, unmanaged] {
        assert_eq!(healthy(&case).0, "False");
    }
}

#[test]
fn a_maintenance_that_the_spec_asks_for_is_as_wanted() {
    let mut asked = available(&S::Available).see(ours);
    asked.object.spec.maintenance = Some(Switch {
        enabled: true,
        reason: Some("disk swap".into()),
    });
    says(&asked, Ready, Reason::Available, "as wanted");
    let (now, reason, said) = healthy(&asked);
    assert_eq!((now.as_str(), reason.as_str()), ("True", "NothingWrong"));
    assert!(said.contains("spec.maintenance"), "{said}");
    assert_eq!(asked.with(decide).status.maintenance.unwrap().by, "Spec");
    // The block is gone and the maintenance stays: nobody can be given the machine.
    let left = available(&S::Available).see(ours);
    says(&left, Stalled, Reason::Maintenance, "spec.maintenance");
}

#[test]
fn the_hardware_is_told_and_changes_nothing_else() {
    let of = |health: &str| available(&S::Available).see(|node| node.health = Some(health.into()));
    for (health, expected) in [
        ("OK", ("True", "NothingWrong")),
        ("Warning", ("True", "HardwareWarning")),
        ("Critical", ("False", "HardwareCritical")),
    ] {
        let case = of(health);
        let (now, reason, _) = healthy(&case);
        assert_eq!((now.as_str(), reason.as_str()), expected);
        says(&case, Ready, Reason::Available, "as wanted");
        assert_eq!(case.with(decide).status.health.as_deref(), Some(health));
    }
}

#[test]
fn since_when_is_kept_as_long_as_it_is_the_same_ones_maintenance() {
    let mut case = available(&S::Available).see(tended);
    let mut since = |change: fn(&mut Node)| {
        case = case.clone().see(change);
        case.object.status = Some(case.with(decide).status);
        case.now += 60;
        let status = case.object.status.clone().unwrap();
        status
            .maintenance
            .map(|maintenance| maintenance.since.0.as_second() - NOW)
    };
    assert_eq!(since(|_| ()), Some(0));
    let renamed = |node: &mut Node| node.maintenance_reason = Some("another fan".into());
    assert_eq!(since(renamed), Some(0));
    assert_eq!(since(faulty), Some(120));
    assert_eq!(since(|node| (node.maintenance, node.fault) = (false, None)), None);
    assert_eq!(since(tended), Some(240));
}

#[test]
fn the_reason_of_a_maintenance_is_hidden_like_any_words() {
    let mut case = super::credentials::settled(&S::Available);
    super::credentials::run(&mut case);
    case = case.see(|node| {
        tended(node);
        node.maintenance_reason = Some("BMC refuses calvin".into());
    });
    case.secrets.contents = None;
    let asked = case.with(|facts| {
        matches!(
            decide(facts).action,
            Some(super::super::plan::Action::ReadSecrets)
        )
    });
    assert!(asked, "what may be secret is not told before it is known");
    super::credentials::secret(&mut case, "1", "calvin");
    let status = case.with(decide).status;
    let told = json!(status).to_string();
    assert!(told.contains("BMC refuses ***"), "{told}");
    assert!(!told.contains("calvin"), "{told}");
    case.object.status = Some(status.clone());
    case.secrets.contents = None;
    let again = case.with(decide);
    assert!(again.action.is_none(), "what was told costs nothing");
    assert_eq!(again.status, status);
}
