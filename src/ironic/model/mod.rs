//! Ironic's objects and its state machine, as Ironic spells them: serde and pure functions, no I/O.
//!
//! Everything read from Ironic is lenient (absent and `null` are the same, unknown fields are kept, unknown
//! states are [`ProvisionState::Unknown`]), so that a newer or an older Ironic is never unreadable.
mod bmc;
mod create;
mod driver;
mod events;
mod fingerprint;
mod history;
mod interface;
mod node;
mod power;
mod progress;
mod stamp;
mod state;
mod summary;
mod validation;
mod verb;
mod version;
mod work;

pub use bmc::Bmc;
pub use create::NodeCreate;
pub use driver::{Conductor, Driver};
pub use events::{Event, events};
pub use fingerprint::Fingerprint;
pub use history::HistoryEvent;
pub use interface::InterfaceKind;
pub use node::Node;
pub use power::{PowerState, PowerTarget};
pub use progress::{Goal, Progress, progress};
pub use stamp::{Seen, Stamp};
pub use state::{Life, ProvisionState, life};
pub use summary::NodeSummary;
pub use validation::{BootDevice, Judgement, Validation};
pub use verb::Verb;
pub use version::ApiVersion;
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
