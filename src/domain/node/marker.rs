//! The marker `extra.ironwright` on a node in Ironic: whose it is, and which instance on it is ours.

use json_patch::PatchOperation;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::facts::NodeFacts;
use super::operations::add;
use super::situation::place;
use super::{deployment, desired};
use crate::api::BareMetalNode;
use crate::api::node::WantedState;
use crate::domain::ownership::Owner;
use crate::domain::writers::Signature;
use crate::ironic::model::{Node, NodeSummary, Object};

/// The key in `extra`. The schema keeps users from writing it.
pub const KEY: &str = "ironwright";

/// Whose a node is.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub struct Marker {
    /// The BareMetalNode.
    #[serde(flatten)]
    pub owner: Owner,
    /// The BareMetalNode was deleted with `deletionPolicy: Detach`: whoever names the node may take it over.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub released: bool,
    /// The instance that the node was claimed for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instance: Option<InstanceMark>,
    /// An instance of ours was put on the node, be it long gone.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub used: bool,
    /// Who wrote the marker. Absent in markers of earlier versions, and where there is no Lease.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub written: Option<Signature>,
}

/// An instance that a BareMetalNode put on the node.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub struct InstanceMark {
    /// The `instance_uuid` under which the node was claimed.
    pub id: String,
    /// Digest of the instance as it was in the spec.
    pub digest: String,
    /// The uid of the BareMetalNode that deployed the instance, or confirmed it by wanting the node `active`. Empty in markers of earlier
    /// versions: then it is the node's owner.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub by: String,
}

impl Marker {
    /// The marker this object puts on its node, without an instance.
    pub fn of(object: &BareMetalNode, cluster: &str, namespace_uid: Option<&str>) -> Self {
        let text = |value: &Option<String>| value.clone().unwrap_or_default();
        Self {
            owner: Owner {
                cluster: cluster.to_owned(),
                namespace: text(&object.metadata.namespace),
                namespace_uid: namespace_uid.map(str::to_owned),
                name: text(&object.metadata.name),
                uid: text(&object.metadata.uid),
            },
            ..Self::default()
        }
    }

    /// Whether an instance of ours is, or ever was, on the node.
    pub fn was_used(&self) -> bool {
        self.used || self.instance.is_some()
    }

    /// The marker on a node, if there is one. One that cannot be read names nobody, and so nobody here.
    pub fn read(extra: &Object) -> Option<Self> {
        let found = extra.get(KEY).filter(|value| !value.is_null())?;
        Some(serde_json::from_value(found.clone()).unwrap_or_default())
    }

    /// The value written to `extra.ironwright`.
    pub fn value(&self) -> Value {
        serde_json::to_value(self).unwrap_or(Value::Null)
    }

    /// The instance, with the uid of the object that deployed or confirmed it.
    pub fn instance(&self) -> Option<InstanceMark> {
        let mut instance = self.instance.clone()?;
        if instance.by.is_empty() {
            instance.by.clone_from(&self.owner.uid);
        }
        Some(instance)
    }
}

/// The object's own marker on the node, if the node carries it.
pub fn own(facts: &NodeFacts, node: &NodeSummary) -> Option<Marker> {
    Marker::read(&node.extra).filter(|marker| marker.owner.is(&facts.marker().owner))
}

/// The marker that the node is to carry, where it carries another one. An object that only observes leaves no mark.
///
/// What an earlier object put on the node stays marked as its own: the object that takes the node over makes it its own only by wanting it
/// `active`.
pub fn wanted(facts: &NodeFacts, node: &NodeSummary) -> Option<Marker> {
    if facts.observes() || facts.deleting() {
        return None;
    }
    let live = Marker::read(&node.extra);
    let instance = instance(facts, node, live.as_ref());
    let own = live.as_ref().filter(|live| live.owner.is(&facts.marker().owner));
    let confirmed = own.is_some_and(|own| own.instance().map(|mark| mark.by) == by(instance.as_ref()));
    if own.is_some_and(|own| !own.released && (confirmed || own.instance.is_some() && instance.is_none())) {
        return None;
    }
    Some(Marker {
        instance,
        used: live.as_ref().is_some_and(Marker::was_used),
        ..facts.marker()
    })
}

fn by(instance: Option<&InstanceMark>) -> Option<String> {
    instance.map(|mark| mark.by.clone())
}

/// The instance part of the marker, as far as an instance is on the node.
fn instance(facts: &NodeFacts, node: &NodeSummary, live: Option<&Marker>) -> Option<InstanceMark> {
    let claim = node.instance_uuid.as_deref();
    let confirms = wants_instance(facts.object);
    let marked = live.and_then(Marker::instance).filter(|_| !is_left(node));
    let lost = || {
        // Somebody removed the marker. The journal knows the instance, but only a spec that wants it makes it ours again.
        let journal = deployment::journal(facts).filter(|_| confirms)?;
        Some(InstanceMark {
            id: journal.id.clone(),
            digest: desired::instance_digest(facts.object).unwrap_or_default(),
            by: String::new(),
        })
        .filter(|mark| Some(mark.id.as_str()) == claim)
    };
    let mut instance = marked.or_else(lost)?;
    if confirms && Some(instance.id.as_str()) == claim {
        instance.by = facts.marker().owner.uid;
    }
    Some(instance)
}

/// Whether the spec wants an instance on the machine.
pub fn wants_instance(object: &BareMetalNode) -> bool {
    let state = object
        .spec
        .provision
        .as_ref()
        .and_then(|provision| provision.state);
    matches!(state, Some(WantedState::Active | WantedState::Rescue))
}

/// Clears the marker of an instance that is no longer on the node. It says nothing that is not so, since nobody claims the node
/// any more; it goes along with the next change, and asks for none of its own.
pub fn outlived(facts: &NodeFacts, node: &Node) -> Option<PatchOperation> {
    let row = NodeSummary::from(node);
    let outlived = |marker: &Marker| marker.instance.is_some() && is_left(&row);
    let cleared = Marker {
        instance: None,
        used: true,
        written: facts.marker().written,
        ..own(facts, &row).filter(outlived)?
    };
    Some(add(&["extra", KEY], cleared.value()))
}

/// Whether there is no instance on the node any more, and none whose teardown is under way.
pub fn is_left(node: &NodeSummary) -> bool {
    node.instance_uuid.is_none() && place(node).unoccupied()
}

/// What lets go of the node: the marker says from then on that whoever names the node may take it over.
pub fn release(facts: &NodeFacts) -> Option<PatchOperation> {
    let marker = own(facts, facts.look.summary()?).filter(|marker| !marker.released)?;
    let released = Marker {
        released: true,
        instance: marker.instance(),
        written: facts.marker().written,
        ..marker
    };
    Some(add(&["extra", KEY], released.value()))
}
