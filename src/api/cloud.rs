//! `BareMetalCloud`: one Ironic to talk to.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use kube::{CustomResource, KubeSchema};
use serde::{Deserialize, Serialize};

use super::refs::SecretRef;

/// How to reach one Ironic, and how gently.
#[derive(Clone, CustomResource, Debug, Default, Deserialize, KubeSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
#[kube(
    group = "ironwright.dev",
    version = "v1alpha1",
    kind = "BareMetalCloud",
    plural = "baremetalclouds",
    shortname = "bmcloud",
    category = "ironwright",
    namespaced,
    status = "BareMetalCloudStatus",
    derive = "Default",
    derive = "PartialEq",
    doc = "One OpenStack Ironic that BareMetalNodes of the same namespace are enrolled in.",
    printcolumn(name = "Endpoint", type_ = "string", json_path = ".status.identity"),
    printcolumn(name = "API", type_ = "string", json_path = ".status.api.negotiated"),
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
        name = "Message",
        type_ = "string",
        json_path = ".status.conditions[?(@.type==\"Ready\")].message",
        priority = "1"
    )
)]
#[x_kube(validation = Rule::new("has(self.endpoint) != has(self.credentialsSecretRef)")
    .message("give exactly one of endpoint (an Ironic without authentication) and credentialsSecretRef"))]
#[x_kube(validation = Rule::new("has(self.credentialsSecretRef) == has(self.cloudName)")
    .message("cloudName names the entry in the clouds.yaml of credentialsSecretRef: give both or neither"))]
pub struct BareMetalCloudSpec {
    /// URL of an Ironic that asks for no authentication, e.g. `http://ironic.example:6385`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(
        length(min = 1, max = 2048),
        regex(pattern = "^https?://[^/@?#]+(/[^@?#]*)?$")
    )]
    pub endpoint: Option<String>,
    /// A Secret whose key `clouds.yaml` holds a standard OpenStack clouds.yaml: `auth_type` none, http_basic, password,
    /// v3applicationcredential or token. `secure.yaml` and `clouds-public.yaml` in it are merged as usual. What the file calls
    /// `cacert`, `cert` and `key` is PEM, or the name of another key of the Secret, never a local file; a key `cacert` is used
    /// even without being named. A changed Secret is taken over at once. Credentials that Keystone refuses are tried three
    /// times for each version of the Secret, because Keystone can lock accounts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub credentials_secret_ref: Option<SecretRef>,
    /// The entry of that file to use.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253))]
    pub cloud_name: Option<String>,
    /// Certificates (PEM) of the authorities that sign Ironic's certificate, in place of the usual ones.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 65536))]
    pub ca_certificate: Option<String>,
    /// No write to this Ironic while true; looking goes on.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub paused: bool,
    /// How often to look.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub intervals: Option<Intervals>,
    /// How much at once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limits: Option<Limits>,
}

/// How often the nodes are listed. One list costs one request per 1,000 nodes.
#[derive(Clone, Debug, Default, Deserialize, KubeSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Intervals {
    /// Seconds between two looks while something moves. Default 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 60))]
    pub busy_seconds: Option<i32>,
    /// Seconds between two looks while nothing moves. Default 15.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 3600))]
    pub quiet_seconds: Option<i32>,
    /// Seconds between two looks at every detail, in which a change that somebody else made to a field of the spec is noticed. Default
    /// 120.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 5, max = 86400))]
    pub sweep_seconds: Option<i32>,
}

/// How much of this Ironic's capacity the operator may take. Clouds with the same endpoint and credentials share one line: what
/// counts is the smallest value of any of them, for all of them; one that gives none counts with the default
/// (`destructive.perHour` is each cloud's own).
#[derive(Clone, Debug, Default, Deserialize, KubeSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Limits {
    /// Requests under way at once. Default 8.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 64))]
    pub requests_in_flight: Option<i32>,
    /// Nodes of this Ironic being deployed at once (`deploying` or `wait call-back`), whoever deploys them. Default 250, as
    /// many as Ironic takes by default (`[conductor]max_concurrent_deploy`). Others wait, each namespace in turn, with the
    /// reason `WaitingForRoom`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 10_000))]
    pub deploys: Option<i32>,
    /// Nodes of this Ironic being torn down or cleaned at once (`deleting`, `cleaning` or `clean wait`), whoever asked for it:
    /// undeploying ends in cleaning, and so does making a node available. Default 50, as many as Ironic takes by default
    /// (`[conductor]max_concurrent_clean`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 10_000))]
    pub cleans: Option<i32>,
    /// A budget of steps that can cost data or a machine: deploy, undeploy, clean on the way to available, power off, remove; by the
    /// hour also inspect, rescue and unrescue, which boot the machine. Absent: none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub destructive: Option<DestructiveLimits>,
}

/// How much may be destroyed before a person has had a look.
#[derive(Clone, Debug, Default, Deserialize, KubeSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DestructiveLimits {
    /// Nodes of this Ironic being deployed, torn down, cleaned, switched off or removed at once. Absent: only `deploys` and `cleans`
    /// count.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 10_000))]
    pub at_once: Option<i32>,
    /// Destructive steps announced for the nodes of this BareMetalCloud within any 60 minutes, also for nodes that are gone
    /// since, and over restarts of the operator. Beyond them nodes wait with the reason `BudgetSpent` until the hour is over
    /// or this is raised. Absent: no such limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 100_000))]
    pub per_hour: Option<i32>,
}

/// What is known of the cloud.
#[derive(Clone, Debug, Default, Deserialize, KubeSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct BareMetalCloudStatus {
    /// The `metadata.generation` this status speaks of; -1 before the first look.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// Endpoint, region, user and scope under which the nodes were seen. While they are others now, nothing is written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub identity: Option<String>,
    /// Credentials that Keystone refuses; absent while it does not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refused: Option<RefusedCredentials>,
    /// The API versions the service offers and the one in use.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub api: Option<ApiVersions>,
    /// Drivers with a live conductor.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(extend("x-kubernetes-list-type" = "set"))]
    pub drivers: Vec<String>,
    /// Nodes in this Ironic by provision state, as of at most a minute ago.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub nodes: BTreeMap<String, i32>,
    /// Destructive steps announced in the last hour, by minute; kept only under `limits.destructive.perHour`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 128), extend("x-kubernetes-list-type" = "atomic"))]
    pub destructive_steps: Vec<DestructiveSteps>,
    /// Ready, Reconciling, Stalled.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["type"]))]
    pub conditions: Vec<Condition>,
}

/// How often the credentials were refused. Three times is enough: then the Secret, or the spec, has to change.
#[derive(Clone, Debug, Default, Deserialize, KubeSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RefusedCredentials {
    /// The `resourceVersion` of the Secret.
    pub secret_version: String,
    /// The `metadata.generation` of the cloud.
    pub generation: i64,
    /// How often in a row.
    pub tries: i32,
}

/// The destructive steps of one minute.
#[derive(Clone, Debug, Deserialize, KubeSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DestructiveSteps {
    /// When the minute began.
    pub minute: Time,
    /// How many steps were announced in it.
    #[schemars(range(min = 1))]
    pub count: i32,
}

/// API versions, e.g. `1.115`.
#[derive(Clone, Debug, Default, Deserialize, KubeSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ApiVersions {
    /// The oldest offered.
    pub minimum: String,
    /// The newest offered.
    pub maximum: String,
    /// The one every request asks for.
    pub negotiated: String,
}
