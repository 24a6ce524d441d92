//! Whether a node is as it was, in all that a person can write to it.
use std::fmt;

use serde_json::Value;
use sha2::{Digest, Sha256};

use super::{Node, Object};

/// The fields of a node that a PATCH can set, and its traits.
///
/// Left out is what moves by itself: states, times, reservations, errors, maintenance, what the agent and the driver remember, and
/// the instance.
const FIELDS: &[&str] = &[
    "name",
    "driver",
    "driver_info",
    "properties",
    "extra",
    "resource_class",
    "description",
    "conductor_group",
    "owner",
    "lessee",
    "shard",
    "parent_node",
    "chassis_uuid",
    "protected",
    "protected_reason",
    "retired",
    "retired_reason",
    "automated_clean",
    "disable_power_off",
    "network_data",
    "traits",
];

/// The key of `properties` that Ironic fills by itself, while it verifies a machine.
pub const VENDOR: &str = "vendor";

/// A short digest of those fields of a node: equal as long as nobody changes them, also in another process. Ironic masks secrets in
/// `driver_info`, so another secret in place of one makes no difference.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct Fingerprint {
    /// Of all but the vendor.
    fields: u64,
    vendor: Option<u64>,
}

impl Fingerprint {
    /// The fingerprint of a node, be it of a list in detail or read by itself.
    pub fn of(node: &Node) -> Self {
        let mut fields = match serde_json::to_value(node) {
            Ok(Value::Object(fields)) => fields,
            // A node is an object with text for keys.
            Ok(_) | Err(_) => Object::new(),
        };
        fields.retain(|field, _| FIELDS.contains(&field.as_str()) || field.ends_with("_interface"));
        let mut traits = node.traits.clone();
        traits.sort_unstable();
        fields.insert("traits".to_owned(), traits.into());
        let properties = fields.get_mut("properties").and_then(Value::as_object_mut);
        let vendor = properties.and_then(|properties| properties.remove(VENDOR));
        Self {
            fields: digest(&Value::Object(fields)),
            vendor: vendor.as_ref().map(digest),
        }
    }

    /// The fingerprint for who manages the vendor, too: to nobody else it is news when Ironic fills that in.
    pub fn with_vendor(self) -> String {
        match self.vendor {
            Some(vendor) => format!("{self}{vendor:016x}"),
            None => self.to_string(),
        }
    }
}

/// Maps are ordered by their keys.
fn digest(value: &Value) -> u64 {
    let hash = Sha256::digest(value.to_string().as_bytes());
    let first = hash.iter().take(8);
    first.fold(0, |all, byte| (all << 8) | u64::from(*byte))
}

/// Without the vendor.
impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.fields)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn of(node: &Value) -> Fingerprint {
        Fingerprint::of(&serde_json::from_value(node.clone()).unwrap())
    }

    #[test]
    fn what_a_person_writes_makes_a_difference_and_what_moves_by_itself_does_not() {
        let node = json!({"uuid": "u", "driver": "redfish", "properties": {"cpus": 4}, "traits": ["B", "A"]});
        let with = |field: &str, value: Value| {
            let mut node = node.clone();
            node[field] = value;
            of(&node)
        };
        for field in FIELDS
            .iter()
            .chain(&["deploy_interface", "power_interface", "vendor_interface"])
        {
            let value = match *field {
                "traits" => json!(["A"]),
                "driver_info" | "properties" | "extra" | "network_data" => json!({"other": {"deep": 1}}),
                "protected" | "retired" | "automated_clean" | "disable_power_off" => json!(true),
                _ => json!("other"),
            };
            assert_ne!(with(field, value), of(&node), "{field}");
        }
        for (field, value) in [
            ("updated_at", json!("2026-01-01T00:00:00")),
            ("provision_updated_at", json!("2026-01-01T00:00:00")),
            ("provision_state", json!("active")),
            ("power_state", json!("power on")),
            ("reservation", json!("conductor")),
            ("last_error", json!("no")),
            ("driver_internal_info", json!({"agent_last_heartbeat": 1})),
            ("instance_info", json!({"image_source": "x"})),
            ("inspection_finished_at", json!("2026-01-01T00:00:00")),
            ("something_new", json!(1)),
            ("traits", json!(["A", "B"])),
            ("description", Value::Null),
            ("network_data", Value::Null),
        ] {
            assert_eq!(with(field, value), of(&node), "{field}");
        }
    }

    #[test]
    fn what_ironic_fills_in_makes_a_difference_to_who_manages_it_only() {
        let with = |properties: Value| of(&json!({"uuid": "u", "properties": properties}));
        let (bare, filled) = (with(json!({})), with(json!({"vendor": "ACME"})));
        assert_eq!(bare.to_string(), filled.to_string());
        assert_ne!(bare, filled);
        assert_ne!(bare.with_vendor(), filled.with_vendor());
        let other = with(json!({"vendor": "other"}));
        assert_eq!(other.to_string(), filled.to_string());
        assert_ne!(other.with_vendor(), filled.with_vendor());
        assert_ne!(with(json!({"vendors": "ACME"})).to_string(), bare.to_string());
    }

    /// It is kept in statuses: a new operator must find it as the old one left it.
    #[test]
    fn it_is_the_same_in_another_process() {
        let node = json!({"uuid": "u", "driver": "redfish", "properties": {"b": 1, "a": [true, null]}});
        assert_eq!(of(&node).to_string(), "7dfeb4041953f236");
    }
}
