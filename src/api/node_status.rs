//! The status of a `BareMetalNode`: what is seen, and the journal of what was done.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use kube::KubeSchema;
use serde::{Deserialize, Serialize};

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
    /// The maintenance that the node is in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub maintenance: Option<Maintenance>,
    /// The fault for which Ironic put the node into maintenance: `power failure`, `clean failure`, `rescue abort failure` or
    /// `service failure`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fault: Option<String>,
    /// What the BMC says of the hardware, if Ironic asks it (API 1.109): `OK`, `Warning` or `Critical`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub health: Option<String>,
    /// Ironic's `last_error`, as long as the node is in a failed state. At most 1 KiB, with `***` for what the Secrets of the spec hold;
    /// where that cannot be told, it is said why the words are not shown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_error: Option<String>,
    /// The rule that decided last (see the documentation of the decision).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rule: Option<String>,
    /// The instance that this object put on the node, or confirmed: what is known of it if Ironic forgets.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instance: Option<InstanceRecord>,
    /// When Ironic last changed the provision state, as far as was seen. A time that runs backwards tells of a restored database.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub provision_updated_at: Option<String>,
    /// A destructive step about to be taken: written before it, removed after it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub intent: Option<Intent>,
    /// What the node stands in line for, and since when: its place is kept over restarts of the operator.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waiting: Option<Waiting>,
    /// Tries of the current step that have not led on yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attempts: Option<Attempts>,
    /// What became of the inspection that `onEnroll` asks for: it is made once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub inspection: Option<Inspection>,
    /// Tries of the credentials that `driverInfoFrom` gave last, as long as the machine has not taken them: three for each version
    /// of the Secrets.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub credentials: Option<Attempts>,
    /// What was written to Ironic last: the basis for removing what is no longer wanted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub applied: Option<Applied>,
    /// What was found to differ when the whole node was last read, and is not corrected now. It is read again when something has changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub drift: Option<Drift>,
    /// Ready, Reconciling, Stalled, Healthy once a machine is seen, and Drifted where it applies.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["type"]))]
    pub conditions: Vec<Condition>,
}

/// A maintenance.
#[derive(Clone, Debug, Deserialize, KubeSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Maintenance {
    /// Who set it: `Spec` (this object), `Ironic` (after a fault) or `Other`.
    pub by: String,
    /// Why, at most 1 KiB, without what the Secrets of the spec hold.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Since when it is seen.
    pub since: Time,
}

/// What differs from the spec and is not corrected: for want of permission, or because Ironic does not allow it in the node's state.
#[derive(Clone, Debug, Deserialize, KubeSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Drift {
    /// The fields, as the spec names them.
    #[schemars(extend("x-kubernetes-list-type" = "atomic"))]
    pub fields: Vec<String>,
    /// What this was found with: digest of the spec, fingerprint and state of the node.
    pub basis: String,
}

/// A destructive step that is about to be taken.
#[derive(Clone, Debug, Deserialize, KubeSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Intent {
    /// The step: `provide`, `active` (deploy), `deleted` (undeploy), `rescue`, `unrescue`, `inspect`, `power off` or `delete` (remove from Ironic).
    pub verb: String,
    /// The generation of the spec that asks for it.
    pub generation: i64,
    /// When it was decided.
    pub at: Time,
}

/// An instance of this object.
#[derive(Clone, Debug, Deserialize, KubeSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct InstanceRecord {
    /// The `instance_uuid` under which the node was claimed.
    pub id: String,
    /// It was seen deployed: `active`, or in `rescue`.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub deployed: bool,
    /// Digest of `spec.provision` and of the annotation `ironwright.dev/retry` when it was last seen.
    pub basis: String,
}

/// A place in a line.
#[derive(Clone, Debug, Deserialize, KubeSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Waiting {
    /// `deploy`, `clean` (also undeploying) or `destroy` (switching off, removing).
    #[serde(rename = "for")]
    pub work: String,
    /// Since when.
    pub since: Time,
}

/// The inspection of a machine that was enrolled.
#[derive(Clone, Debug, Deserialize, KubeSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Inspection {
    /// `Done`, by whomever, or `Failed`: it failed too often, and the node went on without.
    pub outcome: String,
    /// When that was seen.
    pub at: Time,
    /// Why it failed, in Ironic's words, at most 1 KiB.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands over a reference")]
fn is_zero(number: &i32) -> bool {
    *number == 0
}

/// How often a step was tried, and others on the same way. Reset once the node is as wanted.
#[derive(Clone, Debug, Deserialize, KubeSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Attempts {
    /// The step.
    pub step: String,
    /// How often.
    #[schemars(range(min = 0, max = 1_000_000))]
    pub count: i32,
    /// How many of these tries Ironic refused: the machine never heard of them.
    #[serde(default, skip_serializing_if = "is_zero")]
    #[schemars(range(min = 0, max = 1_000_000))]
    pub refused: i32,
    /// The last time.
    pub last: Time,
    /// What the tries were made with: a new value starts afresh.
    pub basis: String,
    /// Why the request itself failed, in Ironic's words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<Failure>,
    /// Other steps of the same way that were tried before: where they come up again, their count goes on.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16), extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["step"]))]
    pub earlier: Vec<Tried>,
}

/// How often an earlier step was tried.
#[derive(Clone, Debug, Deserialize, KubeSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Tried {
    /// The step.
    pub step: String,
    /// How often.
    #[schemars(range(min = 0, max = 1_000_000))]
    pub count: i32,
    /// How many of these tries Ironic refused: the machine never heard of them.
    #[serde(default, skip_serializing_if = "is_zero")]
    #[schemars(range(min = 0, max = 1_000_000))]
    pub refused: i32,
    /// The last time.
    pub last: Time,
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
    /// Capabilities, in `properties.capabilities`, that were set.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(extend("x-kubernetes-list-type" = "atomic"))]
    pub capabilities: Vec<String>,
    /// Traits that were set.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(extend("x-kubernetes-list-type" = "atomic"))]
    pub traits: Vec<String>,
    /// Keys of `extra` that were set.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(extend("x-kubernetes-list-type" = "atomic"))]
    pub extra: Vec<String>,
    /// Secret name → the version (resourceVersion) that was written, and a digest of the keys if not all were taken.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub secrets: BTreeMap<String, String>,
    /// Fingerprint of the whole node when it was last found to be as wanted, over all that a spec can name. Another one in the sweep
    /// of all details makes the operator read the node again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verified: Option<String>,
    /// Digest of `secrets` when Ironic last reached the machine with them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proven: Option<String>,
}
