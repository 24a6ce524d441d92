//! What Ironic thinks of a node's interfaces.
use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// The judgement on every interface of a node, by its kind (`power`, `management`, …): `GET /v1/nodes/{node}/validate`.
pub type Validation = BTreeMap<String, Judgement>;

/// Whether an interface has what it needs. Most drivers only look at `driver_info` for that and ask no machine.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Judgement {
    /// None: not told.
    #[serde(default)]
    pub result: Option<bool>,
    /// Why not.
    #[serde(default)]
    pub reason: Option<String>,
}

/// From where a machine boots: `GET /v1/nodes/{node}/management/boot_device`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct BootDevice {
    /// Such as `disk` or `pxe`; none if the BMC does not tell.
    #[serde(default)]
    pub boot_device: Option<String>,
    /// Whether for more than the next boot; none if the BMC does not tell.
    #[serde(default)]
    pub persistent: Option<bool>,
}
