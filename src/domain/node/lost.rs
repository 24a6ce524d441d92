//! What a condition says of an instance that is not ours to touch, and of what Ironic no longer has.

use super::facts::{Look, NodeFacts};
use super::{deployment, marker};
use crate::api::RETRY_ANNOTATION;
use crate::ironic::model::NodeSummary;

/// Somebody else's instance, or one that an earlier object left.
pub fn foreign(node: Option<&NodeSummary>, state: &str, facts: &NodeFacts) -> String {
    let claim = node.and_then(|node| node.instance_uuid.as_deref());
    let which = claim.map_or_else(String::new, |claim| format!(" (instance_uuid {claim})"));
    let inherited = node
        .and_then(|node| marker::own(facts, node))
        .and_then(|marker| marker.instance())
        .is_some_and(|mark| Some(mark.id.as_str()) == claim);
    let whose = if inherited {
        "that an earlier BareMetalNode put there"
    } else {
        "that is not ours"
    };
    let out = match (facts.deleting(), inherited) {
        (true, _) => "The node is not removed; set deletionPolicy to Detach to let go of it.",
        (false, true) => "It is left alone. To make it this object's own, set provision.state to active.",
        (false, false) => "It is left alone.",
    };
    format!("The node is in state {state} with an instance{which} {whose}. {out}")
}

/// An instance of ours that went without a step of ours.
pub fn instance(state: &str, facts: &NodeFacts) -> String {
    let id = deployment::journal(facts).map_or("", |record| record.id.as_str());
    let gone = format!(
        "Instance {id}, which this object deployed, is no longer on the node (state {state}), and no step of this object took it off: somebody undeployed the machine in Ironic, or Ironic's database was restored from a backup and the machine still runs."
    );
    if facts.deleting() {
        return format!(
            "{gone} Whether the disks were wiped is not known. Set deletionPolicy to Delete to remove the node all the same, or to Detach to let go of it."
        );
    }
    format!(
        "{gone} It is not deployed again by itself. To deploy it, which writes over the disks, change spec.provision or the annotation {RETRY_ANNOTATION}."
    )
}

/// A node that Ironic no longer shows.
pub fn node(facts: &NodeFacts) -> String {
    let status = facts.object.status.as_ref();
    let id = status.and_then(|status| status.id.as_deref()).unwrap_or_default();
    match deployment::deployed(facts) {
        Some(record) if facts.deleting() && !matches!(facts.look, Look::Lost) => format!(
            "Node {id} is not, or no longer, this object's: it does not carry the object's mark. Instance {}, which this object deployed, was on it and is not torn down. Set deletionPolicy to Detach to let go of it, or put the mark back (extra.ironwright).",
            record.id
        ),
        Some(record) if facts.deleting() => format!(
            "Node {id} is no longer in Ironic, or no longer shown to these credentials. Instance {} was on it, and it is not known whether its disks were wiped. Set deletionPolicy to Detach to let go of it.",
            record.id
        ),
        _ => format!(
            "Node {id} is no longer in Ironic. It is not enrolled again by itself: delete this object and create it anew to do so."
        ),
    }
}
