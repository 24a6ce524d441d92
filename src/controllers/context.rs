//! What every reconcile has at hand.

use k8s_openapi::api::core::v1::Secret;
use kube::core::PartialObjectMeta;
use kube::runtime::reflector::{ObjectRef, Store};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::memory::Memory;
use crate::api::{BareMetalCloud, BareMetalNode};
use crate::fleet::Clouds;
use crate::fleet::clouds::Woken;
use crate::kubernetes::events::Events;
use crate::kubernetes::secrets::{SecretVersions, Secrets};
use crate::metrics::Metrics;
use crate::permit::Permit;

/// Shared by all controllers.
pub struct Context {
    /// The Kubernetes API.
    pub kube: kube::Client,
    /// This cluster, as markers name it.
    pub cluster: String,
    /// The clouds and their observers.
    pub clouds: Clouds,
    /// Where observers send their wake-ups.
    pub woken: mpsc::UnboundedSender<Woken>,
    /// Wakes nodes.
    pub node_triggers: mpsc::UnboundedSender<ObjectRef<BareMetalNode>>,
    /// Every BareMetalCloud.
    pub cloud_store: Store<BareMetalCloud>,
    /// Every BareMetalNode.
    pub node_store: Store<BareMetalNode>,
    /// The metadata of every Secret.
    pub secret_store: Store<PartialObjectMeta<Secret>>,
    /// The versions of Secrets.
    pub secret_versions: SecretVersions,
    /// The content of Secrets.
    pub secrets: Secrets,
    /// Events.
    pub events: Events,
    /// Metrics.
    pub metrics: Metrics,
    /// Whether this process may write.
    pub permit: Permit,
    /// Who this process is, for Ironic's logs.
    pub instance: String,
    /// The order to stop: no new call to Ironic is begun after it.
    pub stop: CancellationToken,
    /// What is remembered of nodes.
    pub nodes: Memory<BareMetalNode>,
    /// What is remembered of clouds.
    pub cloud_memory: Memory<BareMetalCloud>,
}
