//! The body of a creation.
use std::collections::BTreeMap;
use std::fmt;

use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};

use super::{InterfaceKind, Object};

/// The body of `POST /v1/nodes`; only what is set is sent, and what is not set is Ironic's default.
#[derive(Clone, Default, PartialEq, Serialize)]
pub struct NodeCreate {
    /// Chosen by the client, which makes the creation repeatable; lower case.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub uuid: Option<String>,
    /// Unreserved URL characters only, at most 255, not a UUID.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The hardware type.
    pub driver: String,
    /// How to reach the BMC; secrets among it.
    #[serde(skip_serializing_if = "Object::is_empty")]
    pub driver_info: Object,
    /// What the machine is made of.
    #[serde(skip_serializing_if = "Object::is_empty")]
    pub properties: Object,
    /// Anything.
    #[serde(skip_serializing_if = "Object::is_empty")]
    pub extra: Object,
    /// At most 80 characters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resource_class: Option<String>,
    /// Interface names by kind, sent as `<kind>_interface`.
    #[serde(flatten, serialize_with = "interface_fields")]
    pub interfaces: BTreeMap<InterfaceKind, String>,
    /// What to deploy.
    #[serde(skip_serializing_if = "Object::is_empty")]
    pub instance_info: Object,
    /// The claim.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub instance_uuid: Option<String>,
    /// The name of what is deployed (API 1.104).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub instance_name: Option<String>,
    /// The chassis it is in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub chassis_uuid: Option<String>,
    /// The conductors that may serve it (API 1.46); Ironic makes it lower case.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub conductor_group: Option<String>,
    /// The project that owns it (API 1.50).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
    /// The project that uses it (API 1.65).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lessee: Option<String>,
    /// At most 4096 characters (API 1.51).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Whether `provide` cleans; none inherits the conductor's setting (API 1.47).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub automated_clean: Option<bool>,
    /// Created in maintenance.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub maintenance: Option<bool>,
    /// Created with the console on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub console_enabled: Option<bool>,
    /// Not to be offered (API 1.61).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retired: Option<bool>,
    /// Why.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retired_reason: Option<String>,
    /// Static network of the ramdisk (API 1.66).
    #[serde(skip_serializing_if = "Object::is_empty")]
    pub network_data: Object,
    /// The shard (API 1.82).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shard: Option<String>,
    /// The machine it is a part of (API 1.83).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parent_node: Option<String>,
    /// Never to be powered off (API 1.95).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub disable_power_off: Option<bool>,
    /// `bios` or `uefi` (API 1.75).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub boot_mode: Option<String>,
    /// Secure boot on or off (API 1.75).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub secure_boot: Option<bool>,
}

/// Writes each kind as the field of a node.
fn interface_fields<S: Serializer>(
    names: &BTreeMap<InterfaceKind, String>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    let mut fields = serializer.serialize_map(Some(names.len()))?;
    for (kind, name) in names {
        fields.serialize_entry(kind.field(), name)?;
    }
    fields.end()
}

/// Without what may be secret.
impl fmt::Debug for NodeCreate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NodeCreate")
            .field("uuid", &self.uuid)
            .field("name", &self.name)
            .field("driver", &self.driver)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_what_is_set_is_sent() {
        let node = NodeCreate {
            driver: "redfish".into(),
            ..NodeCreate::default()
        };
        assert_eq!(serde_json::to_value(&node).unwrap(), json!({"driver": "redfish"}));
    }

    #[test]
    fn interfaces_are_fields_of_the_node() {
        let interfaces = [
            (InterfaceKind::Deploy, "direct".into()),
            (InterfaceKind::Network, "noop".into()),
        ];
        let node = NodeCreate {
            uuid: Some("u".into()),
            driver: "redfish".into(),
            interfaces: interfaces.into(),
            automated_clean: Some(false),
            ..NodeCreate::default()
        };
        let expected = json!({"uuid": "u", "driver": "redfish", "deploy_interface": "direct",
            "network_interface": "noop", "automated_clean": false});
        assert_eq!(serde_json::to_value(&node).unwrap(), expected);
    }

    #[test]
    fn debugging_shows_no_secret() {
        let mut node = NodeCreate {
            driver: "redfish".into(),
            ..NodeCreate::default()
        };
        node.driver_info
            .insert("redfish_password".into(), json!("hunter2"));
        assert!(!format!("{node:?}").contains("hunter2"));
    }
}
