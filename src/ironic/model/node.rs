//! A node in full.
use serde::{Deserialize, Serialize};

use super::{InterfaceKind, Object, PowerState, ProvisionState, null_as_default};

/// A node as `GET /v1/nodes/{node}` shows it up to API 1.115. Any part of it may be missing; `null` and
/// missing are the same; what this crate does not know is in `other`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[expect(clippy::struct_excessive_bools, reason = "the fields are Ironic's")]
pub struct Node {
    /// Its id; lower case.
    #[serde(default, deserialize_with = "null_as_default")]
    pub uuid: String,
    /// Its name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The hardware type.
    #[serde(default, deserialize_with = "null_as_default")]
    pub driver: String,
    /// How to reach the BMC; Ironic masks secrets with `******`, which must never be written back.
    #[serde(default, deserialize_with = "null_as_default")]
    pub driver_info: Object,
    /// What the driver remembers.
    #[serde(default, deserialize_with = "null_as_default")]
    pub driver_internal_info: Object,
    /// What the machine is made of.
    #[serde(default, deserialize_with = "null_as_default")]
    pub properties: Object,
    /// Anything.
    #[serde(default, deserialize_with = "null_as_default")]
    pub extra: Object,
    /// The resource class.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resource_class: Option<String>,
    /// Free text (API 1.51).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// The conductor that serves it; none: no live one does (API 1.49).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub conductor: Option<String>,
    /// The conductors that may serve it (API 1.46).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub conductor_group: Option<String>,
    /// The project that owns it (API 1.50).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
    /// The project that uses it (API 1.65).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lessee: Option<String>,
    /// The shard (API 1.82).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shard: Option<String>,
    /// The machine it is a part of (API 1.83).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent_node: Option<String>,
    /// The chassis it is in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chassis_uuid: Option<String>,
    /// The allocation that claims it (API 1.52).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub allocation_uuid: Option<String>,
    /// Who claims it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instance_uuid: Option<String>,
    /// The name of what is deployed (API 1.104).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instance_name: Option<String>,
    /// What to deploy, or what is deployed; a config drive and image URLs are masked.
    #[serde(default, deserialize_with = "null_as_default")]
    pub instance_info: Object,
    /// Where it is.
    #[serde(default)]
    pub provision_state: ProvisionState,
    /// Where it is going. A failed state keeps its target.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target_provision_state: Option<ProvisionState>,
    /// When the provision state last changed, RFC 3339.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub provision_updated_at: Option<String>,
    /// The power; none was never read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub power_state: Option<PowerState>,
    /// Where the power is going.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target_power_state: Option<PowerState>,
    /// What last went wrong; evidence in a failed state only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_error: Option<String>,
    /// The conductor that holds the lock, or a redaction.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reservation: Option<String>,
    /// Whether Ironic leaves it alone.
    #[serde(default, deserialize_with = "null_as_default")]
    pub maintenance: bool,
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub maintenance_reason: Option<String>,
    /// The failure that made Ironic set the maintenance (API 1.42).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fault: Option<String>,
    /// Protected from removal and rebuild (API 1.48).
    #[serde(default, deserialize_with = "null_as_default")]
    pub protected: bool,
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub protected_reason: Option<String>,
    /// Not to be offered (API 1.61).
    #[serde(default, deserialize_with = "null_as_default")]
    pub retired: bool,
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retired_reason: Option<String>,
    /// Whether `provide` cleans; none inherits (API 1.47).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub automated_clean: Option<bool>,
    /// Never to be powered off (API 1.95).
    #[serde(default, deserialize_with = "null_as_default")]
    pub disable_power_off: bool,
    /// Whether the console is on.
    #[serde(default, deserialize_with = "null_as_default")]
    pub console_enabled: bool,
    /// `bios` or `uefi`, as last read (API 1.75).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub boot_mode: Option<String>,
    /// Secure boot, as last read (API 1.75).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secure_boot: Option<bool>,
    /// What the BMC says of the hardware: `OK`, `Warning`, `Critical` (API 1.109).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub health: Option<String>,
    /// Static network of the ramdisk (API 1.66).
    #[serde(default, deserialize_with = "null_as_default")]
    pub network_data: Object,
    /// Its traits (API 1.37).
    #[serde(default, deserialize_with = "null_as_default")]
    pub traits: Vec<String>,
    /// The step that runs while cleaning.
    #[serde(default, deserialize_with = "null_as_default")]
    pub clean_step: Object,
    /// The step that runs while deploying (API 1.44).
    #[serde(default, deserialize_with = "null_as_default")]
    pub deploy_step: Object,
    /// The step that runs while servicing (API 1.87).
    #[serde(default, deserialize_with = "null_as_default")]
    pub service_step: Object,
    /// The RAID as last read.
    #[serde(default, deserialize_with = "null_as_default")]
    pub raid_config: Object,
    /// The RAID wanted.
    #[serde(default, deserialize_with = "null_as_default")]
    pub target_raid_config: Object,
    /// RFC 3339.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub inspection_started_at: Option<String>,
    /// RFC 3339.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub inspection_finished_at: Option<String>,
    /// RFC 3339.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created_at: Option<String>,
    /// RFC 3339.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub updated_at: Option<String>,
    /// Its bios interface.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bios_interface: Option<String>,
    /// Its boot interface.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub boot_interface: Option<String>,
    /// Its console interface.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub console_interface: Option<String>,
    /// Its deploy interface.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deploy_interface: Option<String>,
    /// Its firmware interface.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub firmware_interface: Option<String>,
    /// Its inspect interface.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub inspect_interface: Option<String>,
    /// Its management interface.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub management_interface: Option<String>,
    /// Its network interface.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub network_interface: Option<String>,
    /// Its power interface.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub power_interface: Option<String>,
    /// Its raid interface.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub raid_interface: Option<String>,
    /// Its rescue interface.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rescue_interface: Option<String>,
    /// Its storage interface.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub storage_interface: Option<String>,
    /// Its vendor interface.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vendor_interface: Option<String>,
    /// Everything else: links, and what newer Ironics say.
    #[serde(flatten)]
    pub other: Object,
}

impl Node {
    /// The name of its interface of a kind.
    pub fn interface(&self, kind: InterfaceKind) -> Option<&str> {
        match kind {
            InterfaceKind::Bios => self.bios_interface.as_deref(),
            InterfaceKind::Boot => self.boot_interface.as_deref(),
            InterfaceKind::Console => self.console_interface.as_deref(),
            InterfaceKind::Deploy => self.deploy_interface.as_deref(),
            InterfaceKind::Firmware => self.firmware_interface.as_deref(),
            InterfaceKind::Inspect => self.inspect_interface.as_deref(),
            InterfaceKind::Management => self.management_interface.as_deref(),
            InterfaceKind::Network => self.network_interface.as_deref(),
            InterfaceKind::Power => self.power_interface.as_deref(),
            InterfaceKind::Raid => self.raid_interface.as_deref(),
            InterfaceKind::Rescue => self.rescue_interface.as_deref(),
            InterfaceKind::Storage => self.storage_interface.as_deref(),
            InterfaceKind::Vendor => self.vendor_interface.as_deref(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use serde_json::{Value, json};

    use super::*;
    use crate::ironic::model::NodeSummary;

    /// Every node that a real Ironic 39 showed.
    fn nodes() -> Vec<(String, Value)> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/ironic");
        let read = |path: &Path| -> Value { serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap() };
        let mut nodes = Vec::new();
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_stem().unwrap().to_string_lossy().into_owned();
            if name.starts_with("node-") && name != "node-history" {
                nodes.push((name, read(&path)["body"].take()));
            } else if name == "nodes-detail" {
                let rows = read(&path)["body"]["nodes"].take();
                nodes.extend(
                    rows.as_array()
                        .unwrap()
                        .iter()
                        .map(|row| (name.clone(), row.clone())),
                );
            }
        }
        nodes
    }

    #[test]
    fn a_node_survives_reading_and_writing_but_for_its_nulls() {
        let nodes = nodes();
        assert!(nodes.len() > 20);
        for (name, json) in nodes {
            let node: Node = serde_json::from_value(json.clone()).expect(&name);
            let mut expected = json;
            expected
                .as_object_mut()
                .unwrap()
                .retain(|_, value| !value.is_null());
            assert_eq!(serde_json::to_value(&node).unwrap(), expected, "{name}");
        }
    }

    #[test]
    fn only_links_are_left_over() {
        let links = ["links", "ports", "portgroups", "states", "volume"];
        for (name, json) in nodes() {
            let node: Node = serde_json::from_value(json).unwrap();
            let left: Vec<_> = node
                .other
                .keys()
                .filter(|key| !links.contains(&key.as_str()))
                .collect();
            assert!(left.is_empty(), "{name}: {left:?}");
        }
    }

    #[test]
    fn a_summary_of_a_node_is_what_a_narrow_listing_shows() {
        for (name, json) in nodes() {
            let node: Node = serde_json::from_value(json.clone()).unwrap();
            let fields = |name: &&str| Some(((*name).to_owned(), json.get(*name)?.clone()));
            let row: Object = NodeSummary::FIELDS.iter().filter_map(fields).collect();
            assert_eq!(row.len(), NodeSummary::FIELDS.len(), "{name}");
            let row: NodeSummary = serde_json::from_value(Value::Object(row)).unwrap();
            assert_eq!(NodeSummary::from(&node), row, "{name}");
        }
    }

    #[test]
    fn any_part_of_a_node_is_readable() {
        for (_, json) in nodes() {
            for (field, value) in json.as_object().unwrap() {
                serde_json::from_value::<Node>(json!({ field: value })).expect(field);
                serde_json::from_value::<Node>(json!({ field: null })).expect(field);
            }
        }
        assert_eq!(serde_json::from_str::<Node>("{}").unwrap(), Node::default());
    }

    #[test]
    fn an_interface_is_found_by_its_kind() {
        for (name, json) in nodes() {
            let node: Node = serde_json::from_value(json.clone()).unwrap();
            for &kind in InterfaceKind::ALL {
                assert_eq!(node.interface(kind), json[kind.field()].as_str(), "{name} {kind}");
            }
        }
    }
}
