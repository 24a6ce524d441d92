//! What is set by requests of its own rather than by PATCH: traits, one by one, and maintenance.

use super::applied::journal;
use super::desired::Desired;
use super::facts::NodeFacts;
use crate::api::BareMetalNode;
use crate::api::node::Switch;
use crate::ironic::model::{Node, NodeSummary};

/// How the reason of a maintenance begins that we set. Only such a one is ours to lift.
const PREFIX: &str = "ironwright: ";

/// A change of one trait.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum TraitChange {
    /// The spec names it and the node lacks it.
    Add(String),
    /// We set it and the spec no longer names it.
    Remove(String),
}

/// The next trait to change. What others set is left alone.
pub fn next_trait(facts: &NodeFacts, node: &Node) -> Option<TraitChange> {
    let wanted = Desired::of(facts).traits;
    let missing = wanted.iter().find(|wanted| !node.traits.contains(*wanted));
    if let Some(missing) = missing {
        return Some(TraitChange::Add(missing.clone()));
    }
    let ours = journal(facts).map(|applied| applied.traits.as_slice());
    let surplus = ours
        .unwrap_or_default()
        .iter()
        .find(|ours| !wanted.contains(*ours) && node.traits.contains(*ours));
    surplus.cloned().map(TraitChange::Remove)
}

/// A change of the maintenance.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum MaintenanceChange {
    /// Put the node into maintenance, or correct our reason.
    Enter,
    /// Lift our own.
    Leave,
}

/// What the spec asks of the maintenance, if anything. Somebody else's, and one that Ironic itself set after a fault, is neither
/// lifted nor renamed.
pub fn maintenance(object: &BareMetalNode, node: &NodeSummary) -> Option<MaintenanceChange> {
    let switch = object.spec.maintenance.as_ref()?;
    if switch.enabled {
        let renamed = is_ours(node) && node.maintenance_reason.as_deref() != Some(&reason(switch));
        (!node.maintenance || renamed).then_some(MaintenanceChange::Enter)
    } else {
        is_ours(node).then_some(MaintenanceChange::Leave)
    }
}

/// Whether the node is in a maintenance that we set.
pub fn is_ours(node: &NodeSummary) -> bool {
    let reason = node.maintenance_reason.as_deref().unwrap_or_default();
    node.maintenance && node.fault.is_none() && reason.starts_with(PREFIX)
}

/// The reason as it is written to Ironic.
pub fn reason(switch: &Switch) -> String {
    format!(
        "{PREFIX}{}",
        switch.reason.as_deref().unwrap_or("no reason given")
    )
}
