//! What Ironic says of the machine's health: faults, maintenance and whose it is, and what the BMC reports of the hardware.
//!
//! A machine can be where the spec wants it and yet not be what the spec offers: Ironic refuses to deploy or to power one that is in
//! maintenance.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

use super::facts::NodeFacts;
use super::rules::Choice;
use super::{quotes, upkeep};
use crate::api::BareMetalNodeStatus;
use crate::api::conditions::{Reason, types};
use crate::api::node::Maintenance;
use crate::domain::conditions::{Saying, clear, set, shorten};
use crate::ironic::model::{NodeSummary, is_critical};

/// The rule whose word this is.
const RULE: &str = "guard";

/// Whose a maintenance is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum By {
    Spec,
    Ironic,
    Other,
}

impl By {
    fn as_str(self) -> &'static str {
        match self {
            By::Spec => "Spec",
            By::Ironic => "Ironic",
            By::Other => "Other",
        }
    }
}

fn maintained(node: &NodeSummary) -> Option<By> {
    match (node.maintenance, node.fault.is_some()) {
        (false, _) => None,
        (true, true) => Some(By::Ironic),
        (true, false) if upkeep::is_ours(node) => Some(By::Spec),
        (true, false) => Some(By::Other),
    }
}

/// A choice that says "as wanted" of a machine that is not what the spec offers says why instead. A maintenance that the spec asks for is
/// as wanted, whoever set it; of a machine that somebody else uses, or that is not managed, it is not this object's to say.
pub fn judge(choice: Choice, rule: &'static str, facts: &NodeFacts) -> (Choice, &'static str) {
    let asked = facts.object.spec.maintenance.as_ref();
    let kept = match facts.look.summary().and_then(maintained) {
        Some(by) if !asked.is_some_and(|asked| asked.enabled) => by,
        _ => return (choice, rule),
    };
    match (choice, kept) {
        (
            Choice::Settled(Reason::Manageable | Reason::Available | Reason::Deployed | Reason::Rescued),
            By::Ironic,
        ) => (Choice::Stalled(Reason::Fault), RULE),
        // Nobody can be given the machine. An instance that runs does so in maintenance, too.
        (Choice::Settled(Reason::Available), By::Other | By::Spec) => {
            (Choice::Stalled(Reason::Maintenance), RULE)
        }
        (Choice::Stalled(Reason::Maintenance), By::Ironic) => (Choice::Stalled(Reason::Fault), rule),
        _ => (choice, rule),
    }
}

/// Puts it into the status.
pub fn record(status: &mut BareMetalNodeStatus, facts: &NodeFacts) {
    let Some(node) = facts.look.summary() else {
        return;
    };
    let before = status.maintenance.take();
    status.maintenance = maintained(node).map(|by| Maintenance {
        by: by.as_str().to_owned(),
        reason: quotes::maintenance_reason(facts),
        since: before
            .filter(|before| before.by == by.as_str())
            .map_or(Time(facts.now), |before| before.since),
    });
    status.fault = node.fault.as_deref().map(|fault| shorten(fault, 64));
    status.health = node.health.as_deref().map(|health| shorten(health, 64));
    let (healthy, reason, message) = health(node, facts);
    let saying = Saying {
        generation: Some(facts.generation()),
        now: facts.now,
        reason,
        message: &message,
    };
    set(&mut status.conditions, types::HEALTHY, healthy, saying);
}

/// Nothing is known of a machine that is gone.
pub fn forget(status: &mut BareMetalNodeStatus) {
    (status.maintenance, status.fault, status.health) = (None, None, None);
    clear(&mut status.conditions, types::HEALTHY);
}

fn health(node: &NodeSummary, facts: &NodeFacts) -> (bool, Reason, String) {
    match (maintained(node), is_critical(node)) {
        (Some(By::Ironic), _) => (false, Reason::Fault, quotes::maintenance(facts)),
        (Some(By::Other), _) => (false, Reason::Maintenance, quotes::maintenance(facts)),
        (_, true) => (
            false,
            Reason::HardwareCritical,
            "The BMC reports a critical state of the hardware.".to_owned(),
        ),
        (Some(By::Spec), _) => (
            true,
            Reason::NothingWrong,
            "The node is in maintenance as spec.maintenance asked.".to_owned(),
        ),
        (None, _) if node.health.as_deref() == Some("Warning") => (
            true,
            Reason::HardwareWarning,
            "The BMC reports a warning of the hardware.".to_owned(),
        ),
        (None, _) => (
            true,
            Reason::NothingWrong,
            Reason::NothingWrong.meaning().trim().to_owned(),
        ),
    }
}
