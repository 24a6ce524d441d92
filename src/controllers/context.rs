//! What every reconcile has at hand.

use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Instant;

use k8s_openapi::api::core::v1::Secret;
use kube::core::PartialObjectMeta;
use kube::runtime::reflector::{ObjectRef, Store};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::claims::Claims;
use super::memory::Memory;
use super::node_holders::Holders;
use super::node_keys;
use super::node_room::Payments;
use super::node_trust::Census;
use super::unwritten::Unwritten;
use crate::api::{BareMetalCloud, BareMetalNode};
use crate::domain::writers::Writers;
use crate::fleet::clouds::Woken;
use crate::fleet::{Clouds, Turns};
use crate::ironic::client::Reach;
use crate::kubernetes::events::Events;
use crate::kubernetes::secrets::{SecretVersions, Secrets};
use crate::kubernetes::unread::Unread;
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
    pub clouds: Arc<Clouds>,
    /// Where observers send their wake-ups.
    pub woken: mpsc::UnboundedSender<Woken>,
    /// Wakes nodes.
    pub node_triggers: mpsc::UnboundedSender<ObjectRef<BareMetalNode>>,
    /// Wakes clouds.
    pub cloud_triggers: mpsc::UnboundedSender<ObjectRef<BareMetalCloud>>,
    /// The stores; before all of them are filled, nothing is decided.
    pub synced: Vec<Synced>,
    /// What the newest listing of each cloud shows of its nodes.
    pub census: Census,
    /// Every BareMetalCloud.
    pub cloud_store: Store<BareMetalCloud>,
    /// Every BareMetalNode.
    pub node_store: Store<BareMetalNode>,
    /// The clouds that are there and cannot be used.
    pub unread_clouds: Unread,
    /// The nodes that are there and cannot be used.
    pub unread_nodes: Unread,
    /// The same, by what they name.
    pub nodes_by: Arc<node_keys::Nodes>,
    /// The BareMetalClouds by their Secrets.
    pub clouds_by: Arc<node_keys::Clouds>,
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
    /// Who wrote marks for this cluster, and who does now; empty where there is no Lease.
    pub writers: Arc<OnceLock<Writers>>,
    /// The order to stop: no new call to Ironic is begun after it.
    pub stop: CancellationToken,
    /// One payment out of the budget of a cloud at a time.
    pub payments: Payments,
    /// Which objects and namespaces that markers name still exist.
    pub holders: Holders,
    /// Whose turn it is to be reconciled.
    pub turns: Mutex<Turns<Instant>>,
    /// Where connections may go.
    pub reach: Reach,
    /// Who is about to take a machine, and who waits for whom.
    pub claims: Claims,
    /// What is remembered of nodes.
    pub nodes: Arc<Memory<BareMetalNode>>,
    /// What steps did to nodes and the store does not say yet.
    pub unwritten: Unwritten,
    /// What is remembered of clouds.
    pub cloud_memory: Arc<Memory<BareMetalCloud>>,
}

impl Context {
    /// Whose turn it is.
    pub fn turns(&self) -> MutexGuard<'_, Turns<Instant>> {
        self.turns.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether every store has been filled: an empty one would say that nothing needs a cloud, or that a Secret is missing.
    pub fn is_synced(&self) -> bool {
        self.synced.iter().all(Synced::is_done)
    }
}
