//! Ironic's objects and its state machine, as Ironic spells them: serde and pure functions, no I/O.
//!
//! Everything read from Ironic is lenient (absent and `null` are the same, unknown fields are kept, unknown
//! states are [`ProvisionState::Unknown`]), so that a newer or an older Ironic is never unreadable.
mod allocation;
mod bmc;
mod change;
mod chassis;
mod create;
mod driver;
mod events;
mod fingerprint;
mod hardware;
mod history;
mod interface;
mod lenient;
mod node;
mod node_update;
mod outline;
mod port;
mod port_group;
mod power;
mod progress;
mod records;
mod row;
mod same;
mod stamp;
mod state;
mod steps;
mod summary;
mod trouble;
mod verb;
mod version;
mod volume;
mod work;

pub use allocation::{Allocation, AllocationCreate, AllocationState, AllocationUpdate};
pub use bmc::Bmc;
pub use change::{CannotPatch, Change, Edit, FieldChange, Update, diff, patch};
pub use chassis::{Chassis, ChassisCreate, ChassisUpdate};
pub use create::NodeCreate;
pub use driver::{Conductor, Driver};
pub use events::{Event, events};
pub use fingerprint::{Fingerprint, VENDOR};
pub use hardware::{
    BiosSetting, BootDevice, Console, FirmwareComponent, Indicator, Inventory, Judgement, Shard, Validation,
    VendorMethod,
};
pub use history::HistoryEvent;
pub use interface::InterfaceKind;
pub use lenient::{Lenient, is_unreadable};
pub use node::Node;
pub use node_update::NodeUpdate;
pub use outline::{NodeOutline, NodeText};
pub use port::{Port, PortCreate, PortUpdate, normalised_mac};
pub use port_group::{PortGroup, PortGroupCreate, PortGroupUpdate};
pub use power::{PowerState, PowerTarget};
pub use progress::{Goal, Progress, power_progress, progress, progress_to};
pub use row::Row;
pub use same::same;
pub use stamp::{Seen, Stamp};
pub use state::{Life, ProvisionState, life};
pub use steps::{
    DeployTemplate, DeployTemplateCreate, DeployTemplateUpdate, InspectionRule, InspectionRuleCreate,
    InspectionRuleUpdate, Runbook, RunbookCreate, RunbookUpdate,
};
pub use summary::NodeSummary;
pub use trouble::{Trouble, is_critical};
pub use verb::Verb;
pub use version::ApiVersion;
pub use volume::{
    VolumeConnector, VolumeConnectorCreate, VolumeConnectorUpdate, VolumeTarget, VolumeTargetCreate,
    VolumeTargetUpdate,
};
pub use work::{Pool, Queue, Standing, Work};

use serde::{Deserialize, Deserializer};

/// A free-form JSON object.
pub type Object = serde_json::Map<String, serde_json::Value>;

/// Reads `null` as the default value: Ironic writes `null` where it means "none" or "not set".
fn null_as_default<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de> + Default,
{
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}
