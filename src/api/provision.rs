//! Where in Ironic's life cycle a machine is wanted.

use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::instance::InstanceSpec;
use super::refs::SecretKeyRef;

/// The wanted place in the life cycle.
#[derive(Clone, Debug, Default, Deserialize, KubeSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("(has(self.state) && self.state in ['active', 'rescue']) == has(self.instance)")
    .message("provision.instance is given exactly when provision.state is active or rescue"))]
#[x_kube(validation = Rule::new("!has(self.state) || self.state != 'rescue' || has(self.rescuePasswordFrom)")
    .message("provision.state rescue needs provision.rescuePasswordFrom"))]
pub struct Provision {
    /// `manageable`, `available` (offered to whoever claims it), `active` or `rescue` (API 1.38). No default: absent means never moved.
    ///
    /// `rescue` boots our instance's machine into Ironic's rescue ramdisk, its disks untouched; a machine without the instance is
    /// deployed first. `active` boots it back, also out of a rescue that somebody else asked Ironic for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<WantedState>,
    /// What to deploy; required with `active` and `rescue`, refused otherwise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instance: Option<InstanceSpec>,
    /// The password of the user `rescue` in the rescue ramdisk. Required with `rescue`, and read only then, when a rescue begins: a
    /// password that changes later counts for the next one. It may stand here all the time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rescue_password_from: Option<RescuePasswordFrom>,
}

/// Where the rescue password comes from.
#[derive(Clone, Debug, Default, Deserialize, Eq, KubeSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RescuePasswordFrom {
    /// A key of a Secret.
    pub secret_ref: SecretKeyRef,
}

/// What is done once with a machine that was just enrolled.
#[derive(Clone, Debug, Default, Deserialize, Eq, KubeSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct OnEnroll {
    /// Ironic inspects the machine, which may boot it, the first time it is `manageable`, before it goes on from there: at most
    /// once, never a machine that was inspected before or that ever carried an instance of this object. A failed inspection is tried
    /// three times; then the node goes back to `manageable` and on to what `provision` asks for, and `status.inspection` keeps the
    /// reason. An inspection that Ironic refuses to begin holds the node until the spec changes or
    /// Ironic takes it.
    #[serde(default)]
    pub inspect: bool,
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
    /// Deployed with `instance`, and booted into the rescue ramdisk.
    Rescue,
}
