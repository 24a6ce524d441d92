//! Why an object has no node although there is one that it might mean, and how that is said.

use super::identity::Claim;
use super::marker::Marker;
use crate::ironic::model::NodeSummary;

/// Why an object has no node although there is one that it might mean.
#[derive(Clone, Copy)]
pub enum Conflict<'a> {
    /// An earlier object of the same name left this node, and the spec does not name it.
    Unfit(&'a NodeSummary),
    /// Both might be meant.
    Ambiguous(&'a NodeSummary, &'a NodeSummary),
    /// The machine is enrolled as this node.
    Machine(&'a NodeSummary),
    /// The node that `import` names is somebody else's.
    Imported(&'a NodeSummary),
    /// This node has the name.
    Name(&'a NodeSummary),
    /// The status has this node, which is not, or no longer, the object's: another one is not enrolled in its place.
    Recorded(&'a NodeSummary),
}

impl Claim<'_> {
    /// The conflict in a sentence. Objects of other namespaces are not named.
    pub fn say(&self, conflict: Conflict) -> String {
        match conflict {
            Conflict::Unfit(row) => format!(
                "An earlier BareMetalNode {}/{} left {} in Ironic, and the spec of this one does not name that machine. To take it over, delete this object and create it anew with import.id {}; otherwise remove that node from Ironic.",
                self.marker.owner.namespace,
                self.marker.owner.name,
                node(row),
                row.uuid,
            ),
            Conflict::Ambiguous(one, other) if [one, other].into_iter().all(|row| self.is_namesakes(row)) => {
                format!(
                    "It cannot be told which node is meant: both {} and {} carry the mark of this BareMetalNode, or of an earlier one of its name. Remove extra.ironwright from the wrong one.",
                    node(one),
                    node(other),
                )
            }
            Conflict::Ambiguous(one, other) => format!(
                "It cannot be told which node is meant: both fit the spec, {}, and {}. Name one of them with import.id, in a new object.",
                self.owned(one),
                self.owned(other),
            ),
            Conflict::Machine(row) => {
                let at = self
                    .bmc
                    .as_ref()
                    .map_or_else(String::new, |bmc| format!(" at {bmc}"));
                format!("The machine{at} is enrolled already, as {}.", self.owned(row))
            }
            Conflict::Imported(row) => format!("What import names is {}.", self.owned(row)),
            Conflict::Recorded(row) => format!(
                "The node that status.id names, {}, does not carry the mark of this object, and the spec does not name it. No other one is enrolled in its place.",
                self.owned(row)
            ),
            Conflict::Name(row) => format!(
                "The name {} is taken in Ironic, by {}.",
                row.name.as_deref().unwrap_or_default(),
                self.owned(row)
            ),
        }
    }

    /// Whether the node carries the mark of this object, or of one of its name.
    fn is_namesakes(&self, row: &NodeSummary) -> bool {
        let ours = &self.marker.owner;
        Marker::read(&row.extra).is_some_and(|Marker { owner, .. }| {
            owner.is(ours) || (&owner.namespace, &owner.name) == (&ours.namespace, &ours.name)
        })
    }

    /// A node and who enrolled it.
    pub fn owned(&self, row: &NodeSummary) -> String {
        let (mut node, ours) = (node(row), &self.marker.owner);
        let Some(Marker { owner, .. }) = Marker::read(&row.extra) else {
            return node;
        };
        let who = if owner.uid.is_empty() {
            "with a mark in extra.ironwright that cannot be read".to_owned()
        } else if owner.namespace == ours.namespace {
            format!("by BareMetalNode {}/{}", owner.namespace, owner.name)
        } else {
            // A name in Ironic is made of namespace and name, unless the spec gives one.
            node = format!("node {}", row.uuid);
            "by a BareMetalNode of another namespace".to_owned()
        };
        let cluster = if owner.cluster == ours.cluster || owner.uid.is_empty() {
            String::new()
        } else {
            format!(" of cluster {}", owner.cluster)
        };
        format!("{node}, {who}{cluster}")
    }
}

/// A node, for a sentence.
fn node(row: &NodeSummary) -> String {
    row.name.as_ref().map_or_else(
        || format!("node {}", row.uuid),
        |name| format!("node {name} ({})", row.uuid),
    )
}
