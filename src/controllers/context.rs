//! What every reconcile has at hand.

use k8s_openapi::api::core::v1::Secret;
use kube::core::PartialObjectMeta;
use kube::runtime::reflector::{ObjectRef, Store};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::memory::Memory;
use super::node_rivals::Claims;
use super::node_trust::Missing;
use crate::api::{BareMetalCloud, BareMetalNode};
use crate::fleet::Clouds;
use crate::fleet::clouds::Woken;
use crate::kubernetes::events::Events;
use crate::kubernetes::secrets::{SecretVersions, Secrets};
use crate::kubernetes::watch::Synced;
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
    /// Wakes clouds.
    pub cloud_triggers: mpsc::UnboundedSender<ObjectRef<BareMetalCloud>>,
    /// The stores; before all of them are filled, nothing is decided.
    pub synced: Vec<Synced>,
    /// How many nodes of each cloud are missing.
    pub missing: Missing,
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
    /// One payment out of a budget at a time.
    pub payments: tokio::sync::Mutex<()>,
    /// Who was told that a machine is free.
    pub claims: Claims,
    /// What is remembered of nodes.
    pub nodes: Memory<BareMetalNode>,
    /// What is remembered of clouds.
    pub cloud_memory: Memory<BareMetalCloud>,
}

impl Context {
    /// Whether every store has been filled: an empty one would say that nothing needs a cloud, or that a Secret is missing.
    pub fn is_synced(&self) -> bool {
        self.synced.iter().all(Synced::is_done)
    }
}
