//! Who does the work: drivers and conductors.
use serde::{Deserialize, Serialize};

use super::{InterfaceKind, Object, null_as_default};

/// A hardware type that at least one live conductor offers (`/v1/drivers?detail=true`, API 1.30).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Driver {
    /// Its name, the `driver` of a node.
    pub name: String,
    /// The conductors that offer it.
    #[serde(default, deserialize_with = "null_as_default")]
    pub hosts: Vec<String>,
    /// `dynamic`; `classic` ones are history.
    #[serde(default, rename = "type", skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// Everything else, `default_*_interface` and `enabled_*_interfaces` among it.
    #[serde(flatten)]
    pub other: Object,
}

impl Driver {
    /// The interface of a kind that a node gets when it names none.
    pub fn default_interface(&self, kind: InterfaceKind) -> Option<&str> {
        self.other.get(&format!("default_{kind}_interface"))?.as_str()
    }

    /// The interfaces of a kind that a node may name.
    pub fn enabled_interfaces(&self, kind: InterfaceKind) -> Vec<&str> {
        let names = self
            .other
            .get(&format!("enabled_{kind}_interfaces"))
            .and_then(|names| names.as_array());
        names
            .into_iter()
            .flatten()
            .filter_map(|name| name.as_str())
            .collect()
    }
}

/// One conductor (`/v1/conductors?detail=true`, API 1.49).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Conductor {
    /// Its host name, its id.
    pub hostname: String,
    /// The group it works for; empty is the default one.
    #[serde(default, deserialize_with = "null_as_default")]
    pub conductor_group: String,
    /// Whether its heartbeat is recent.
    #[serde(default, deserialize_with = "null_as_default")]
    pub alive: bool,
    /// The drivers it offers.
    #[serde(default, deserialize_with = "null_as_default")]
    pub drivers: Vec<String>,
    /// Everything else.
    #[serde(flatten)]
    pub other: Object,
}
