//! The marker `extra.ironwright` on a node in Ironic: whose it is, and which instance on it is ours.

use json_patch::PatchOperation;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::facts::NodeFacts;
use super::fields;
use super::situation::place;
use crate::api::BareMetalNode;
use crate::ironic::model::{Node, NodeSummary, Object};

/// The key in `extra`. The schema keeps users from writing it.
pub const KEY: &str = "ironwright";

/// Whose a node is.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub struct Marker {
    /// The cluster: the uid of its `kube-system` namespace unless configured.
    #[serde(default)]
    pub cluster: String,
    /// Namespace of the BareMetalNode.
    #[serde(default)]
    pub namespace: String,
    /// Name of the BareMetalNode.
    #[serde(default)]
    pub name: String,
    /// Uid of the BareMetalNode.
    #[serde(default)]
    pub uid: String,
    /// The instance we claimed the node for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instance: Option<InstanceMark>,
    /// An instance of ours was put on the node, be it long gone.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub used: bool,
}

/// An instance of ours.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub struct InstanceMark {
    /// The `instance_uuid` under which we claimed the node.
    pub id: String,
    /// Digest of the instance as it was in the spec.
    pub digest: String,
}

impl Marker {
    /// The marker this object puts on its node, without an instance.
    pub fn of(object: &BareMetalNode, cluster: &str) -> Self {
        let text = |value: &Option<String>| value.clone().unwrap_or_default();
        Self {
            cluster: cluster.to_owned(),
            namespace: text(&object.metadata.namespace),
            name: text(&object.metadata.name),
            uid: text(&object.metadata.uid),
            instance: None,
            used: false,
        }
    }

    /// Whether an instance of ours is, or ever was, on the node.
    pub fn was_used(&self) -> bool {
        self.used || self.instance.is_some()
    }

    /// The marker on a node; none if there is none or it cannot be read.
    pub fn read(extra: &Object) -> Option<Self> {
        serde_json::from_value(extra.get(KEY)?.clone()).ok()
    }

    /// The value written to `extra.ironwright`.
    pub fn value(&self) -> Value {
        serde_json::to_value(self).unwrap_or(Value::Null)
    }

    /// Whether both name the same object (perhaps re-created, with another uid).
    pub fn same_object(&self, other: &Self) -> bool {
        (&self.cluster, &self.namespace, &self.name) == (&other.cluster, &other.namespace, &other.name)
    }

    /// Whether both name the very same object.
    pub fn same_uid(&self, other: &Self) -> bool {
        self.same_object(other) && self.uid == other.uid
    }
}

impl std::fmt::Display for Marker {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "BareMetalNode {}/{} of cluster {}",
            self.namespace, self.name, self.cluster
        )
    }
}

/// Clears the marker of an instance that is no longer on the node. It says nothing that is not so, since nobody claims the node
/// any more; it goes along with the next change, and asks for none of its own.
pub fn outlived(facts: &NodeFacts, node: &Node) -> Option<PatchOperation> {
    let outlived =
        |marker: &Marker| marker.instance.is_some() && marker.same_uid(&facts.marker()) && is_left(node);
    let cleared = Marker {
        instance: None,
        used: true,
        ..Marker::read(&node.extra).filter(outlived)?
    };
    Some(fields::add(&["extra", KEY], cleared.value()))
}

/// Whether there is no instance on the node any more, and none whose teardown is under way.
pub fn is_left(node: &Node) -> bool {
    let row = NodeSummary::from(node);
    node.instance_uuid.is_none() && place(&row).unoccupied()
}
