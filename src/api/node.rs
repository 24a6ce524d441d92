//! `BareMetalNode`: one machine.

use std::collections::BTreeMap;

use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::free_form::{Extra, FreeForm};
pub use super::node_status::{
    Applied, Attempts, BareMetalNodeStatus, Drift, Failure, Inspection, InstanceRecord, Intent, Maintenance,
    Tried, Waiting,
};
pub use super::provision::{OnEnroll, Provision, RescuePasswordFrom, WantedState};
use super::refs::{CloudRef, SecretRef};

/// What is wanted of one machine. A field that is absent is not managed.
#[derive(Clone, CustomResource, Debug, Default, Deserialize, KubeSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
#[kube(
    group = "ironwright.dev",
    version = "v1alpha1",
    kind = "BareMetalNode",
    plural = "baremetalnodes",
    shortname = "bmn",
    category = "ironwright",
    namespaced,
    status = "BareMetalNodeStatus",
    derive = "Default",
    derive = "PartialEq",
    doc = "One machine in an OpenStack Ironic: declared here, enrolled, driven and reported by ironwright.",
    printcolumn(
        name = "State",
        type_ = "string",
        json_path = ".status.provisionState",
        description = "Ironic's provision state"
    ),
    printcolumn(
        name = "Target",
        type_ = "string",
        json_path = ".status.target",
        description = "The state on the way to which the node is; empty once it is there"
    ),
    printcolumn(name = "Power", type_ = "string", json_path = ".status.power"),
    printcolumn(
        name = "Ready",
        type_ = "string",
        json_path = ".status.conditions[?(@.type==\"Ready\")].status"
    ),
    printcolumn(
        name = "Reason",
        type_ = "string",
        json_path = ".status.conditions[?(@.type==\"Ready\")].reason"
    ),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp"),
    printcolumn(
        name = "Cloud",
        type_ = "string",
        json_path = ".spec.cloudRef.name",
        priority = "1"
    ),
    printcolumn(name = "Driver", type_ = "string", json_path = ".spec.driver", priority = "1"),
    printcolumn(name = "ID", type_ = "string", json_path = ".status.id", priority = "1"),
    printcolumn(
        name = "Message",
        type_ = "string",
        json_path = ".status.conditions[?(@.type==\"Ready\")].message",
        priority = "1"
    ),
    selectable = ".spec.cloudRef.name"
)]
#[x_kube(validation = Rule::new("!(has(self.onEnroll) && has(self.__import__))").message("onEnroll goes with a machine that this object enrols, not with import"))]
#[x_kube(validation = Rule::new("self.cloudRef == oldSelf.cloudRef").message("cloudRef cannot be changed: delete the object with deletionPolicy Detach and create it anew"))]
// CEL reserves the word `import`; this is how Kubernetes spells a field of that name.
#[x_kube(validation = Rule::new("has(self.__import__) == has(oldSelf.__import__) && (!has(self.__import__) || self.__import__ == oldSelf.__import__)").message("import cannot be changed: delete the object with deletionPolicy Detach and create it anew"))]
pub struct BareMetalNodeSpec {
    /// The cloud (one Ironic) the machine is enrolled in. Cannot be changed.
    pub cloud_ref: CloudRef,
    /// A node that is in Ironic already. It is waited for, and never enrolled. An instance on it is
    /// somebody else's, unless an earlier object put it there and `provision.state` is `active`. Cannot be changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub import: Option<Import>,
    /// The node's name in Ironic. Default: `<namespace>~<name>`; for an import, the name it has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 255), regex(pattern = "^[A-Za-z0-9._~-]+$"))]
    pub name: Option<String>,
    /// The hardware type, e.g. `redfish` or `ipmi`.
    #[schemars(length(min = 1, max = 255), regex(pattern = "^[A-Za-z0-9_.-]+$"))]
    pub driver: String,
    /// How the driver reaches the machine, e.g. `redfish_address`. Credentials belong into `driverInfoFrom`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub driver_info: Option<FreeForm>,
    /// Secrets whose keys are added to `driverInfo`. Of two that give the same key the later one wins; a key that `driverInfo`
    /// itself gives wins over all of them. Ironic does not show secrets: one that somebody else changed there is not noticed. After a
    /// new version is written, Ironic is asked whether it reaches the machine with it, three times at most.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 8), extend("x-kubernetes-list-type" = "atomic"))]
    pub driver_info_from: Vec<DriverInfoFrom>,
    /// Which interface of the driver does what. Absent ones are the driver's defaults.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interfaces: Option<Interfaces>,
    /// The resource class that allocations and schedulers ask for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 80), regex(pattern = "\\S"))]
    pub resource_class: Option<String>,
    /// Physical properties, e.g. `cpu_arch`. Each key named here is managed, others are left alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub properties: Option<FreeForm>,
    /// Free metadata on the node. Each key named here is managed, others are left alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub extra: Option<Extra>,
    /// What schedulers may ask for: written into the node's `properties.capabilities` as `k:v,k:v`. Each one named here is managed,
    /// others are left alone. Neither names nor values may hold a comma, nor names a colon; values neither begin nor end with a blank.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(extend("maxProperties" = 64))]
    pub capabilities: BTreeMap<String, Capability>,
    /// The group of conductors that may serve the node (API 1.46); Ironic keeps it in lower case.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 255), regex(pattern = "^[A-Za-z0-9_.-]+$"))]
    pub conductor_group: Option<String>,
    /// The project that owns the node (API 1.50).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 255), regex(pattern = "\\S"))]
    pub owner: Option<String>,
    /// The project that uses the node (API 1.65).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 255), regex(pattern = "\\S"))]
    pub lessee: Option<String>,
    /// Free text (API 1.51).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 4096), regex(pattern = "\\S"))]
    pub description: Option<String>,
    /// The shard that a service which splits the nodes among its workers sees the node in (API 1.82).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 255), regex(pattern = "\\S"))]
    pub shard: Option<String>,
    /// Static network of the ramdisk, in the format of OpenStack's `network_data.json` (API 1.66).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub network_data: Option<FreeForm>,
    /// Whether Ironic cleans the node on its way to `available` (API 1.47). Absent: as its conductor is set up.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub automated_clean: Option<AutomatedClean>,
    /// Ironic never powers the machine off (API 1.95): it serves others, like a chassis manager.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub disable_power_off: Option<bool>,
    /// The uuid of the chassis that the machine is in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(
        length(max = 36),
        regex(pattern = "^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$")
    )]
    pub chassis_id: Option<String>,
    /// Protected: neither torn down, rebuilt nor removed (API 1.48). Can be switched on while the node is `active` or in `rescue`.
    /// Absent: left as it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub protected: Option<Switch>,
    /// Retired: not offered any more (API 1.61). Cannot be switched on while the node is `available`. Absent: left as it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retired: Option<Switch>,
    /// Traits that schedulers may ask for (API 1.37). Each one named here is managed, others are left alone.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 50), extend("x-kubernetes-list-type" = "set"))]
    pub traits: Vec<Trait>,
    /// Maintenance: Ironic leaves the machine alone, and so does the operator. Only a maintenance set by this field is lifted by it;
    /// somebody else's stays. Absent: left as it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub maintenance: Option<Switch>,
    /// Whether the machine is to be on. Seen to once it is where `provision` wants it, and never under maintenance or somebody
    /// else's instance. Absent: left as it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub power: Option<Power>,
    /// What is done once with a machine that this object enrols.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on_enroll: Option<OnEnroll>,
    /// Where in Ironic's life cycle the machine is wanted. Absent: it is never moved (but a node that has just been
    /// enrolled is verified, to `manageable`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub provision: Option<Provision>,
    /// Whether the node is managed or only watched.
    #[serde(default, skip_serializing_if = "ManagementPolicy::is_default")]
    pub management_policy: ManagementPolicy,
    /// No write to Ironic while true; looking goes on, and what differs is reported in the condition `Drifted`.
    #[serde(default, skip_serializing_if = "is_false")]
    pub paused: bool,
    /// What deleting this object does to the machine. Default: `Delete`; for an import `Detach`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deletion_policy: Option<DeletionPolicy>,
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "the signature serde calls it with"
)]
fn is_false(value: &bool) -> bool {
    !value
}

/// A Secret as a source of `driver_info` keys.
#[derive(Clone, Debug, Default, Deserialize, KubeSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DriverInfoFrom {
    /// The Secret.
    pub secret_ref: SecretRef,
    /// `driver_info` key → key in the Secret. Absent: every key of the Secret, under its own name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("maxProperties" = 64))]
    pub keys: Option<BTreeMap<String, SecretKey>>,
}

/// The name of a key in a Secret's data.
#[derive(Clone, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(transparent)]
pub struct SecretKey(#[schemars(length(min = 1, max = 253))] pub String);

/// The value of a capability.
#[derive(Clone, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(transparent)]
pub struct Capability(
    #[schemars(length(max = 255), regex(pattern = "^([^,\\s]([^,]*[^,\\s])?)?$"))] pub String,
);

/// The wanted power.
#[derive(Clone, Debug, Deserialize, Eq, KubeSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Power {
    /// On or off.
    pub state: PowerWanted,
    /// How it is switched off. `Soft` asks the operating system; if that does not answer in time it is reported, and the machine
    /// stays on.
    #[serde(default)]
    pub shutdown: Shutdown,
    /// How long Ironic waits for the power to change, in seconds (API 1.27). Absent: as its conductor is set up.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 86400))]
    pub timeout_seconds: Option<i32>,
}

/// On or off.
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub enum PowerWanted {
    /// On.
    PoweredOn,
    /// Off.
    PoweredOff,
}

/// How a machine is switched off.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub enum Shutdown {
    /// By asking the operating system.
    #[default]
    Soft,
    /// By cutting the power.
    Hard,
}

/// A trait: a standard one, or `CUSTOM_…`.
#[derive(Clone, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(transparent)]
pub struct Trait(#[schemars(length(min = 1, max = 255), regex(pattern = "^[A-Z][A-Z0-9_]*$"))] pub String);

/// Whether Ironic cleans a node before it is offered.
#[derive(Clone, Debug, Default, Deserialize, Eq, KubeSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AutomatedClean {
    /// On or off.
    pub enabled: bool,
}

/// A switch with a reason.
#[derive(Clone, Debug, Default, Deserialize, Eq, KubeSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("self.enabled || !has(self.reason)").message("a reason goes with enabled: true only"))]
pub struct Switch {
    /// On or off.
    pub enabled: bool,
    /// Why, for whoever finds it switched on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 255))]
    pub reason: Option<String>,
}

macro_rules! interfaces {
    ($($(#[doc = $doc:literal])+ $field:ident => $ironic:literal,)+) => {
        /// Interface names, e.g. `{deploy: direct, power: redfish}`.
        #[derive(Clone, Debug, Default, Deserialize, KubeSchema, PartialEq, Serialize)]
        #[serde(rename_all = "camelCase")]
        pub struct Interfaces {
            $($(#[doc = $doc])+
            #[serde(default, skip_serializing_if = "Option::is_none")]
            #[schemars(length(min = 1, max = 255))]
            pub $field: Option<String>,)+
        }

        impl Interfaces {
            /// The interfaces that are set: Ironic's field name and the value.
            pub fn set(&self) -> impl Iterator<Item = (&'static str, &str)> {
                [$(($ironic, self.$field.as_deref()),)+].into_iter().filter_map(|(field, value)| Some((field, value?)))
            }
        }
    };
}

interfaces! {
    /// `bios_interface`
    bios => "bios_interface",
    /// `boot_interface`
    boot => "boot_interface",
    /// `console_interface`
    console => "console_interface",
    /// `deploy_interface`
    deploy => "deploy_interface",
    /// `firmware_interface` (API 1.86)
    firmware => "firmware_interface",
    /// `inspect_interface`
    inspect => "inspect_interface",
    /// `management_interface`
    management => "management_interface",
    /// `network_interface`
    network => "network_interface",
    /// `power_interface`
    power => "power_interface",
    /// `raid_interface`
    raid => "raid_interface",
    /// `rescue_interface`
    rescue => "rescue_interface",
    /// `storage_interface`
    storage => "storage_interface",
    /// `vendor_interface`
    vendor => "vendor_interface",
}

/// Names a node that is in Ironic already.
#[derive(Clone, Debug, Default, Deserialize, Eq, KubeSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("has(self.id) != has(self.name)").message("give exactly one of id and name"))]
pub struct Import {
    /// Its uuid.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(
        length(max = 36),
        regex(pattern = "^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$")
    )]
    pub id: Option<String>,
    /// Its name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 255))]
    pub name: Option<String>,
}

/// Whether anything is written to Ironic.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub enum ManagementPolicy {
    /// The node is brought to what the spec says.
    #[default]
    Managed,
    /// Nothing is written to Ironic, also not in the middle of a deployment; what differs is reported in the condition `Drifted`.
    /// Deleting the object leaves the machine as it is, whatever `deletionPolicy` says.
    Observe,
}

impl ManagementPolicy {
    #[expect(
        clippy::trivially_copy_pass_by_ref,
        reason = "the signature serde calls it with"
    )]
    fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

/// What deleting the object does.
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub enum DeletionPolicy {
    /// Leave the node in Ironic as it is.
    Detach,
    /// Remove the node from Ironic if there is no instance on it; otherwise wait, saying so. It never wipes: whoever wants the instance
    /// gone sets `provision.state` to `available` and deletes the object once the instance is gone, or chooses `Undeploy`.
    Delete,
    /// Tear our instance down (the disks are wiped as Ironic's cleaning is configured), then remove the node.
    Undeploy,
}
