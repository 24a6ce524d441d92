//! The few fields of a node that decisions need: what a frequent listing asks for.
use serde::{Deserialize, Serialize};

use super::{Node, Object, PowerState, ProvisionState, null_as_default};

/// Whether a text stands for one that the reader may not see. Ironic puts it there whether or not there is
/// one: `** Redacted - requires …` or `** Value Redacted - Requires …`.
fn is_redacted(text: &str) -> bool {
    text.starts_with("** ") && text.contains("Redacted - ")
}

/// A node, narrowly.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct NodeSummary {
    /// Its id; lower case.
    pub uuid: String,
    /// Its name.
    #[serde(default)]
    pub name: Option<String>,
    /// The hardware type.
    #[serde(default, deserialize_with = "null_as_default")]
    pub driver: String,
    /// The resource class.
    #[serde(default)]
    pub resource_class: Option<String>,
    /// Who claims it.
    #[serde(default)]
    pub instance_uuid: Option<String>,
    /// Whether Ironic leaves it alone.
    #[serde(default, deserialize_with = "null_as_default")]
    pub maintenance: bool,
    /// Why.
    #[serde(default)]
    pub maintenance_reason: Option<String>,
    /// The failure that made Ironic set the maintenance.
    #[serde(default)]
    pub fault: Option<String>,
    /// What the BMC says of the hardware: `OK`, `Warning`, `Critical` (API 1.109).
    #[serde(default)]
    pub health: Option<String>,
    /// The power; none was never read.
    #[serde(default)]
    pub power_state: Option<PowerState>,
    /// Where the power is going.
    #[serde(default)]
    pub target_power_state: Option<PowerState>,
    /// Where it is.
    #[serde(default)]
    pub provision_state: ProvisionState,
    /// Where it is going. A failed state keeps its target.
    #[serde(default)]
    pub target_provision_state: Option<ProvisionState>,
    /// When the provision state last changed, RFC 3339.
    #[serde(default)]
    pub provision_updated_at: Option<String>,
    /// The conductor that holds the lock, or a redaction: see [`NodeSummary::is_reserved`].
    #[serde(default)]
    pub reservation: Option<String>,
    /// What last went wrong. Evidence in a failed state only: elsewhere it can be stale.
    #[serde(default)]
    pub last_error: Option<String>,
    /// Protected from removal and rebuild.
    #[serde(default, deserialize_with = "null_as_default")]
    pub protected: bool,
    /// Not to be offered.
    #[serde(default, deserialize_with = "null_as_default")]
    pub retired: bool,
    /// Anything; our own marker among it.
    #[serde(default, deserialize_with = "null_as_default")]
    pub extra: Object,
}

impl NodeSummary {
    /// What to ask a listing for. (Ironic 39 answers 500 to a listing that asks for `conductor`,
    /// `allocation_uuid` or `chassis_uuid`, and 400 for `created_at` and `updated_at`.)
    pub const FIELDS: &'static [&'static str] = &[
        "uuid",
        "name",
        "driver",
        "resource_class",
        "instance_uuid",
        "maintenance",
        "maintenance_reason",
        "fault",
        "health",
        "power_state",
        "target_power_state",
        "provision_state",
        "target_provision_state",
        "provision_updated_at",
        "reservation",
        "last_error",
        "protected",
        "retired",
        "extra",
    ];

    /// Whether a conductor is known to hold the node's lock. A redacted reservation (the reader may not see
    /// it) is there even when nobody holds the lock, so it does not count.
    pub fn is_reserved(&self) -> bool {
        self.reservation
            .as_deref()
            .is_some_and(|holder| !holder.is_empty() && !is_redacted(holder))
    }

    /// What last went wrong, if there is something to show (a redaction shows nothing).
    pub fn failure(&self) -> Option<&str> {
        self.last_error
            .as_deref()
            .filter(|words| !words.trim().is_empty() && !is_redacted(words))
    }
}

impl From<Node> for NodeSummary {
    fn from(node: Node) -> Self {
        Self::from(&node)
    }
}

impl From<&Node> for NodeSummary {
    fn from(node: &Node) -> Self {
        Self {
            uuid: node.uuid.clone(),
            name: node.name.clone(),
            driver: node.driver.clone(),
            resource_class: node.resource_class.clone(),
            instance_uuid: node.instance_uuid.clone(),
            maintenance: node.maintenance,
            maintenance_reason: node.maintenance_reason.clone(),
            fault: node.fault.clone(),
            health: node.health.clone(),
            power_state: node.power_state.clone(),
            target_power_state: node.target_power_state.clone(),
            provision_state: node.provision_state.clone(),
            target_provision_state: node.target_provision_state.clone(),
            provision_updated_at: node.provision_updated_at.clone(),
            reservation: node.reservation.clone(),
            last_error: node.last_error.clone(),
            protected: node.protected,
            retired: node.retired,
            extra: node.extra.clone(),
        }
    }
}
