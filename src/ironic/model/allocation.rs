//! Allocations: claims on any node that fits.
use std::borrow::Cow;
use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::records::{Field, creation, record, update};
use super::{Change, Edit, Object};

/// How far an allocation is.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum AllocationState {
    /// Ironic is looking for a node.
    Allocating,
    /// It has a node.
    Active,
    /// There was no node for it; Ironic does not try again: delete it and create another one.
    Error,
    /// Something this crate does not know, or (empty) nothing.
    Unknown(String),
}

impl AllocationState {
    /// As Ironic spells it.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Allocating => "allocating",
            Self::Active => "active",
            Self::Error => "error",
            Self::Unknown(text) => text,
        }
    }
}

impl From<&str> for AllocationState {
    fn from(text: &str) -> Self {
        match text {
            "allocating" => Self::Allocating,
            "active" => Self::Active,
            "error" => Self::Error,
            other => Self::Unknown(other.to_owned()),
        }
    }
}

impl Default for AllocationState {
    fn default() -> Self {
        Self::Unknown(String::new())
    }
}

impl Field for AllocationState {
    fn is_missing(&self) -> bool {
        self.as_str().is_empty()
    }
}

impl fmt::Display for AllocationState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl Serialize for AllocationState {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for AllocationState {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Self::from(Cow::<'de, str>::deserialize(deserializer)?.as_ref()))
    }
}

record! {
    /// A claim on a node, as `GET /v1/allocations/{allocation}` shows it (API 1.52).
    Allocation {
        /// Its id, and the `instance_uuid` of its node; lower case.
        uuid: String,
        /// Its name.
        name: Option<String>,
        /// How far it is.
        state: AllocationState,
        /// The node it has.
        node_uuid: Option<String>,
        /// Why it has none.
        last_error: Option<String>,
        /// The resource class asked for.
        resource_class: Option<String>,
        /// The uuids of the nodes that it could have; empty: any.
        candidate_nodes: Vec<String>,
        /// The traits that its node must have.
        traits: Vec<String>,
        /// The project that owns it (API 1.60).
        owner: Option<String>,
        /// Anything.
        extra: Object,
        /// RFC 3339.
        created_at: Option<String>,
        /// RFC 3339.
        updated_at: Option<String>,
    }
}

creation! {
    /// The body of `POST /v1/allocations` (API 1.52).
    ///
    /// A node fits if it is `available`, not in maintenance, without an instance, of a known power state, of the resource class,
    /// among the candidates, and has the traits; a node of the same name is preferred (API 1.79).
    AllocationCreate {
        /// Chosen by the client; none: the client makes one up, so that a creation can be repeated.
        uuid: Option<String>,
        /// Unreserved URL characters only.
        name: Option<String>,
        /// At most 80 characters; needed unless there is a `node`.
        resource_class: Option<String>,
        /// Names or uuids; empty: any node.
        candidate_nodes: Vec<String>,
        /// The traits that the node must have.
        traits: Vec<String>,
        /// The project that owns it (API 1.60).
        owner: Option<String>,
        /// Record that this `active` node (name or uuid) is already allocated, instead of looking for one (API 1.58). Without a
        /// `uuid` the allocation gets the node's `instance_uuid`.
        node: Option<String>,
        /// Anything.
        extra: Object,
    }
}

update! {
    /// What can be changed of an allocation (API 1.57).
    AllocationUpdate {
        /// Its name.
        name = "name": Change<String>,
        /// Anything.
        extra = "extra": Edit,
    }
}
