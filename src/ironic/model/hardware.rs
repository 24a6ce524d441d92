//! What Ironic says of a machine's parts and of how it is managed.
use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::Object;
use super::records::record;

record! {
    /// From where a machine boots: `GET /v1/nodes/{node}/management/boot_device`.
    BootDevice {
        /// Such as `disk` or `pxe`; none if the BMC does not tell.
        boot_device: Option<String>,
        /// Whether for more than the next boot; none if the BMC does not tell.
        persistent: Option<bool>,
    }
}

record! {
    /// A machine's console: `GET /v1/nodes/{node}/states/console`.
    Console {
        /// Whether it is on.
        console_enabled: bool,
        /// How to get to it, if it is on: `type` and `url`.
        console_info: Option<Object>,
    }
}

record! {
    /// A setting of a machine's firmware: `GET /v1/nodes/{node}/bios` (API 1.40).
    BiosSetting {
        /// Its name.
        name: String,
        /// Its value.
        value: Option<String>,
        /// `Enumeration`, `String`, `Integer`, `Boolean`, `Password` (API 1.74).
        attribute_type: Option<String>,
        /// The values it can have (API 1.74).
        allowable_values: Option<Vec<String>>,
        /// The smallest number it can be (API 1.74).
        lower_bound: Option<i64>,
        /// The greatest number it can be (API 1.74).
        upper_bound: Option<i64>,
        /// The shortest text it can be, characters (API 1.74).
        min_length: Option<i64>,
        /// The longest text it can be, characters (API 1.74).
        max_length: Option<i64>,
        /// Whether it cannot be changed (API 1.74).
        read_only: Option<bool>,
        /// Whether a change needs a reboot (API 1.74).
        reset_required: Option<bool>,
        /// Whether it belongs to this very machine (API 1.74).
        unique: Option<bool>,
    }
}

record! {
    /// A component with a firmware of its own: `GET /v1/nodes/{node}/firmware` (API 1.86).
    FirmwareComponent {
        /// `bios`, `bmc`, `nic:…`.
        component: String,
        /// What it had when Ironic first looked.
        initial_version: Option<String>,
        /// What it has.
        current_version: Option<String>,
        /// What Ironic last put on it.
        last_version_flashed: Option<String>,
        /// RFC 3339.
        created_at: Option<String>,
        /// RFC 3339.
        updated_at: Option<String>,
    }
}

record! {
    /// What the last inspection found: `GET /v1/nodes/{node}/inventory` (API 1.81).
    Inventory {
        /// The parts of the machine.
        inventory: Object,
        /// What else the inspection noted.
        plugin_data: Object,
    }
}

record! {
    /// A light on a machine: `GET /v1/nodes/{node}/management/indicators` (API 1.63).
    Indicator {
        /// Under which it is read and switched, `led@chassis`.
        name: String,
        /// The part of the machine it is on: `chassis`, `system`, `disk`, `power`, `nic`.
        component: String,
        /// Whether it cannot be switched.
        readonly: bool,
        /// The states it can have: `on`, `off`, `blinking`, `unknown`.
        states: Vec<String>,
    }
}

record! {
    /// A method of a driver's own: `…/vendor_passthru/methods`.
    VendorMethod {
        /// What it does.
        description: Option<String>,
        /// The HTTP methods it answers to.
        http_methods: Vec<String>,
        /// Whether it is answered before it is done.
        #[serde(rename = "async")]
        is_async: bool,
    }
}

record! {
    /// A shard with its nodes: `GET /v1/shards` (API 1.82).
    Shard {
        /// Its name; none: the nodes without one.
        name: Option<String>,
        /// How many nodes it has.
        count: i64,
    }
}

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
