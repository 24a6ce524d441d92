//! What a cloud as a whole looks like.

use std::collections::BTreeMap;

use super::interest::ObjectKey;
use crate::ironic::client::{Class, VersionRange};

/// Whether the cloud answers.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub enum Health {
    /// Nobody has asked yet.
    #[default]
    Unknown,
    /// It answers.
    Up,
    /// It does not.
    Down {
        /// What kind of trouble it is.
        class: Class,
        /// The credentials are refused.
        unauthorized: bool,
        /// Why, for a person.
        words: String,
    },
}

/// Something to wake: a node's object, or everything that depends on the cloud as a whole.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Wake {
    /// The object's node changed.
    Node(ObjectKey),
    /// The health, drivers, versions or counts of the observed cloud changed.
    Cloud,
}

/// What a cloud as a whole looks like.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Overview {
    /// Whether it answers.
    pub health: Health,
    /// The API versions.
    pub versions: Option<VersionRange>,
    /// Drivers with a live conductor; none: not known.
    pub drivers: Option<Vec<String>>,
    /// Nodes by provision state.
    pub counts: BTreeMap<String, u32>,
}
