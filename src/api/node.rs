//! `BareMetalNode`: one machine.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::free_form::{Extra, FreeForm};
use super::instance::InstanceSpec;
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
#[x_kube(validation = Rule::new("self.cloudRef == oldSelf.cloudRef").message("cloudRef cannot be changed: delete the object with deletionPolicy Detach and create it anew"))]
pub struct BareMetalNodeSpec {
    /// The cloud (one Ironic) the machine is enrolled in. Cannot be changed.
    pub cloud_ref: CloudRef,
    /// The node's name in Ironic. Default: `<namespace>~<name>`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 255), regex(pattern = "^[A-Za-z0-9._~-]+$"))]
    pub name: Option<String>,
    /// The hardware type, e.g. `redfish` or `ipmi`.
    #[schemars(length(min = 1, max = 255))]
    pub driver: String,
    /// How the driver reaches the machine, e.g. `redfish_address`. Credentials belong into `driverInfoFrom`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub driver_info: Option<FreeForm>,
    /// Secrets whose keys are added to `driverInfo`; the later one wins, and a key given in `driverInfo` wins over all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 8), extend("x-kubernetes-list-type" = "atomic"))]
    pub driver_info_from: Vec<DriverInfoFrom>,
    /// Which interface of the driver does what. Absent ones are the driver's defaults.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interfaces: Option<Interfaces>,
    /// The resource class that allocations and schedulers ask for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 80))]
    pub resource_class: Option<String>,
    /// Physical properties, e.g. `cpu_arch`, `capabilities`. Each key named here is managed, others are left alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub properties: Option<FreeForm>,
    /// Free metadata on the node. Each key named here is managed, others are left alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub extra: Option<Extra>,
    /// Where in Ironic's life cycle the machine is wanted. Absent: it is never moved (but a node that has just been
    /// enrolled is verified, to `manageable`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub provision: Option<Provision>,
    /// No write to Ironic while true; looking goes on.
    #[serde(default, skip_serializing_if = "is_false")]
    pub paused: bool,
    /// What deleting this object does to the machine.
    #[serde(default)]
    pub deletion_policy: DeletionPolicy,
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

/// The wanted place in the life cycle.
#[derive(Clone, Debug, Default, Deserialize, KubeSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("(has(self.state) && self.state == 'active') == has(self.instance)")
    .message("provision.instance is given exactly when provision.state is active"))]
pub struct Provision {
    /// `manageable`, `available` (offered to whoever claims it) or `active`. No default: absent means never moved.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<WantedState>,
    /// What to deploy; required with `active`, refused otherwise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instance: Option<InstanceSpec>,
}

/// The provision states that can be asked for, in Ironic's spelling.
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum WantedState {
    /// Verified, under management, not offered to anybody.
    Manageable,
    /// Cleaned and offered.
    Available,
    /// Deployed with `instance`.
    Active,
}

/// What deleting the object does.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub enum DeletionPolicy {
    /// Leave the node in Ironic as it is.
    Detach,
    /// Remove the node from Ironic if there is no instance on it; otherwise wait, saying so.
    #[default]
    Delete,
    /// Tear our instance down (the disks are wiped as Ironic's cleaning is configured), then remove the node.
    Undeploy,
}

/// What the operator has seen and done.
#[derive(Clone, Debug, Default, Deserialize, KubeSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct BareMetalNodeStatus {
    /// The `metadata.generation` this status speaks of; -1 before the first look.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// The node's uuid in Ironic.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// Endpoint and user under which the node was enrolled: only there does its absence mean anything.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub identity: Option<String>,
    /// The node's name in Ironic.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Ironic's provision state.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub provision_state: Option<String>,
    /// The state on the way to which the node is; absent once it is there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
    /// `on`, `off` or as Ironic says; absent while unknown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub power: Option<String>,
    /// Ironic's `last_error`, as long as the node is in a failed state. At most 1 KiB.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_error: Option<String>,
    /// The rule that decided last (see the documentation of the decision).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rule: Option<String>,
    /// A destructive step about to be taken: written before it, removed after it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub intent: Option<Intent>,
    /// Tries of the current step that have not led on yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attempts: Option<Attempts>,
    /// What was written to Ironic last: the basis for removing what is no longer wanted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub applied: Option<Applied>,
    /// Ready, Reconciling, Stalled, and Drifted where it applies.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["type"]))]
    pub conditions: Vec<Condition>,
}

/// A destructive step that is about to be taken.
#[derive(Clone, Debug, Deserialize, KubeSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Intent {
    /// The step: `provide`, `deleted` (undeploy) or `delete` (remove from Ironic).
    pub verb: String,
    /// The generation of the spec that asks for it.
    pub generation: i64,
    /// When it was decided.
    pub at: Time,
}

/// How often a step was tried.
#[derive(Clone, Debug, Deserialize, KubeSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Attempts {
    /// The step.
    pub step: String,
    /// How often.
    #[schemars(range(min = 0, max = 1_000_000))]
    pub count: i32,
    /// The last time.
    pub last: Time,
    /// What the tries were made with: a new value starts afresh.
    pub basis: String,
    /// Why the request itself failed, in Ironic's words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<Failure>,
}

/// Why a request failed.
#[derive(Clone, Debug, Deserialize, KubeSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Failure {
    /// Condition reason.
    pub reason: String,
    /// Ironic's words, at most 1 KiB.
    pub message: String,
    /// Repeating it would change nothing: it is not repeated until spec, Secret or `retry` annotation change.
    pub terminal: bool,
}

/// Which fields and keys were written, and from what.
#[derive(Clone, Debug, Default, Deserialize, KubeSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Applied {
    /// Digest of the fields as wanted, without the content of Secrets.
    pub digest: String,
    /// Top-level fields of the node that were set.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(extend("x-kubernetes-list-type" = "atomic"))]
    pub fields: Vec<String>,
    /// Keys of `driver_info` that were set.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(extend("x-kubernetes-list-type" = "atomic"))]
    pub driver_info: Vec<String>,
    /// Keys of `properties` that were set.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(extend("x-kubernetes-list-type" = "atomic"))]
    pub properties: Vec<String>,
    /// Keys of `extra` that were set.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(extend("x-kubernetes-list-type" = "atomic"))]
    pub extra: Vec<String>,
    /// Secret name → the version (resourceVersion) that was written, and a digest of the keys if not all were taken.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub secrets: BTreeMap<String, String>,
}
