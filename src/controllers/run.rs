//! Watches, triggers, and the life of the controllers from start to stop.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use futures::{Stream, StreamExt};
use k8s_openapi::api::core::v1::Secret;
use kube::core::PartialObjectMeta;
use kube::runtime::reflector::{ObjectRef, Store};
use kube::runtime::{Controller, controller};
use kube::{Client, ResourceExt};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::context::Context;
use super::{cloud, node};
use crate::api::conditions::{Reason, types};
use crate::api::{ACCEPT_IDENTITY_ANNOTATION, BareMetalCloud, BareMetalNode};
use crate::domain::node::desired;
use crate::fleet::clouds::Woken;
use crate::fleet::observer::Wake;
use crate::fleet::{Clouds, ObjectKey};
use crate::kubernetes::events::Events;
use crate::kubernetes::secrets::{SecretVersions, Secrets};
use crate::kubernetes::watch::{self, Scope, Synced, Watch};
use crate::metrics::Metrics;
use crate::permit::Permit;

/// What the controllers are started with.
pub struct Start {
    /// The Kubernetes API.
    pub kube: Client,
    /// Which namespaces.
    pub scope: Scope,
    /// This cluster's name in markers.
    pub cluster: String,
    /// Objects of a kind reconciled at once.
    pub concurrency: u16,
    /// Events.
    pub events: Events,
    /// Metrics.
    pub metrics: Metrics,
    /// Whether this process may write; the client asks it as well.
    pub permit: Permit,
    /// Who this process is, for Ironic's logs.
    pub instance: String,
    /// The order to stop.
    pub stop: CancellationToken,
}

/// The controllers, ready to run.
pub struct Controllers {
    /// What must be synced before they are ready.
    pub synced: Vec<Synced>,
    context: Arc<Context>,
    nodes: Watch<BareMetalNode>,
    clouds: Watch<BareMetalCloud>,
    secrets: Watch<PartialObjectMeta<Secret>>,
    woken: mpsc::UnboundedReceiver<Woken>,
    node_triggers: mpsc::UnboundedReceiver<ObjectRef<BareMetalNode>>,
    concurrency: u16,
}

impl Controllers {
    /// Sets everything up; nothing runs yet.
    pub fn new(start: Start) -> Self {
        let Start {
            kube,
            scope,
            cluster,
            concurrency,
            events,
            metrics,
            permit,
            instance,
            stop,
        } = start;
        let nodes = watch::objects(scope.api(kube.clone()), node::KIND, metrics.clone());
        let clouds = watch::objects(scope.api(kube.clone()), cloud::KIND, metrics.clone());
        let secrets = watch::metadata(scope.api(kube.clone()), "Secret", metrics.clone());
        let (woken_sender, woken) = mpsc::unbounded_channel();
        let (trigger_sender, node_triggers) = mpsc::unbounded_channel();
        let context = Arc::new(Context {
            kube: kube.clone(),
            cluster,
            clouds: Clouds::default(),
            woken: woken_sender,
            node_triggers: trigger_sender,
            cloud_store: clouds.store.clone(),
            node_store: nodes.store.clone(),
            secret_store: secrets.store.clone(),
            secret_versions: SecretVersions::new(secrets.store.clone()),
            secrets: Secrets::new(kube),
            events,
            metrics,
            permit,
            instance,
            stop,
            nodes: super::memory::Memory::default(),
            cloud_memory: super::memory::Memory::default(),
        });
        let synced = vec![
            nodes.synced.clone(),
            clouds.synced.clone(),
            secrets.synced.clone(),
        ];
        Self {
            synced,
            context,
            nodes,
            clouds,
            secrets,
            woken,
            node_triggers,
            concurrency,
        }
    }

    /// What the metrics ask at every scrape.
    pub fn observe_fleet(&self) {
        let context = Arc::downgrade(&self.context);
        self.context.metrics.on_scrape_nodes(move || {
            let counts = context
                .upgrade()
                .map(|context| context.clouds.counts())
                .unwrap_or_default();
            counts
                .into_iter()
                .map(|(state, nodes)| (state_label(&state), u64::from(nodes)))
                .collect()
        });
        let context = Arc::downgrade(&self.context);
        self.context.metrics.on_scrape_observation_age(move || {
            Some(context.upgrade()?.clouds.oldest_observation()?.as_secs_f64())
        });
    }

    /// Runs until the order to stop; then no new reconcile begins and those under way are finished.
    pub async fn run(self) {
        let Self {
            context,
            nodes,
            clouds,
            secrets,
            woken,
            node_triggers,
            concurrency,
            ..
        } = self;
        let stop = context.stop.clone();
        let (cloud_triggers, cloud_triggered) = mpsc::unbounded_channel();
        let config = controller::Config::default().concurrency(concurrency);
        let node_touched = nodes.touched.inspect({
            let context = Arc::clone(&context);
            move |touched| {
                if let Ok(object) = touched {
                    wake_rivals(object, &context);
                }
            }
        });
        let cloud_touched = clouds.touched.inspect({
            let (context, mut seen) = (Arc::clone(&context), HashMap::new());
            move |touched| {
                if let Ok(object) = touched {
                    wake_users(object, &context, &mut seen);
                }
            }
        });
        let node_controller = Controller::for_stream(node_touched, nodes.store)
            .with_config(config.clone())
            .reconcile_on(received(node_triggers))
            .graceful_shutdown_on(stop.clone().cancelled_owned())
            .run(
                node::reconcile,
                |_, never, _| match *never {},
                Arc::clone(&context),
            )
            .for_each(|_| std::future::ready(()));
        let cloud_controller = Controller::for_stream(cloud_touched, clouds.store)
            .with_config(config)
            .reconcile_on(received(cloud_triggered))
            .graceful_shutdown_on(stop.clone().cancelled_owned())
            .run(
                cloud::reconcile,
                |_, never, _| match *never {},
                Arc::clone(&context),
            )
            .for_each(|_| std::future::ready(()));
        let pumps = stop.run_until_cancelled(async {
            tokio::join!(
                pump_wakes(woken, &context, &cloud_triggers),
                pump_secrets(secrets.touched, &context, &cloud_triggers)
            )
        });
        tokio::join!(node_controller, cloud_controller, pumps);
    }
}

fn received<T: Send + 'static>(
    receiver: mpsc::UnboundedReceiver<T>,
) -> impl Stream<Item = T> + Send + 'static {
    futures::stream::unfold(receiver, |mut receiver| async {
        receiver.recv().await.map(|item| (item, receiver))
    })
}

/// From observers to the objects they concern.
async fn pump_wakes(
    mut woken: mpsc::UnboundedReceiver<Woken>,
    context: &Context,
    clouds: &mpsc::UnboundedSender<ObjectRef<BareMetalCloud>>,
) {
    while let Some(Woken { session, wake }) = woken.recv().await {
        match wake {
            Wake::Node(ObjectKey { namespace, name }) => {
                context
                    .node_triggers
                    .send(ObjectRef::new(&name).within(&namespace))
                    .ok();
            }
            Wake::Cloud => {
                for cloud in context.clouds.seen_through(&session) {
                    clouds
                        .send(ObjectRef::new(&cloud.name).within(&cloud.namespace))
                        .ok();
                }
            }
        }
    }
}

/// From Secrets to the nodes and clouds that name them.
async fn pump_secrets(
    mut touched: impl Stream<Item = kube::runtime::watcher::Result<PartialObjectMeta<Secret>>> + Unpin,
    context: &Context,
    clouds: &mpsc::UnboundedSender<ObjectRef<BareMetalCloud>>,
) {
    while let Some(touched) = touched.next().await {
        let Ok(secret) = touched else { continue };
        let (namespace, name) = (secret.namespace(), secret.name_any());
        let names_it = |node: &BareMetalNode| desired::secret_names(node).contains(&name.as_str());
        for node in within(&context.node_store, namespace.as_deref()).filter(|node| names_it(node)) {
            context
                .node_triggers
                .send(ObjectRef::from_obj(node.as_ref()))
                .ok();
        }
        let names_it = |cloud: &BareMetalCloud| {
            cloud
                .spec
                .credentials_secret_ref
                .as_ref()
                .is_some_and(|secret| secret.name == name)
        };
        for cloud in within(&context.cloud_store, namespace.as_deref()).filter(|cloud| names_it(cloud)) {
            clouds.send(ObjectRef::from_obj(cloud.as_ref())).ok();
        }
    }
}

fn within<K>(store: &Store<K>, namespace: Option<&str>) -> impl Iterator<Item = Arc<K>>
where
    K: kube::Resource<DynamicType = ()> + Clone + 'static,
{
    store
        .state()
        .into_iter()
        .filter(move |object| object.namespace().as_deref() == namespace)
}

/// A node that changed or went may have been in the way of another that wants the same machine; one that went, in the way of
/// its cloud.
fn wake_rivals(object: &BareMetalNode, context: &Context) {
    let gone = object.metadata.deletion_timestamp.is_some();
    for node in context.node_store.state() {
        if node.metadata.uid != object.metadata.uid && waits_for_rival(&node) {
            context
                .node_triggers
                .send(ObjectRef::from_obj(node.as_ref()))
                .ok();
        }
    }
    if gone {
        let cloud = ObjectKey::new(
            object.namespace().unwrap_or_default(),
            &object.spec.cloud_ref.name,
        );
        context.clouds.wake(&cloud, &context.woken);
    }
}

fn waits_for_rival(node: &BareMetalNode) -> bool {
    let conditions = node
        .status
        .as_ref()
        .map(|status| status.conditions.as_slice())
        .unwrap_or_default();
    let taken = Reason::MachineAlreadyEnrolled.as_str();
    conditions
        .iter()
        .any(|condition| condition.type_ == types::READY && condition.reason == taken)
}

/// A cloud's nodes are woken when something changed that they decide on, not by its counts.
fn wake_users(object: &BareMetalCloud, context: &Context, seen: &mut HashMap<ObjectKey, u64>) {
    let key = cloud::key(object);
    let mut hasher = DefaultHasher::new();
    object.metadata.uid.hash(&mut hasher);
    object.metadata.generation.hash(&mut hasher);
    object
        .annotations()
        .get(ACCEPT_IDENTITY_ANNOTATION)
        .hash(&mut hasher);
    object
        .status
        .as_ref()
        .and_then(|status| status.identity.as_ref())
        .hash(&mut hasher);
    // A deletion is delivered as the last known object.
    context
        .cloud_store
        .get(&ObjectRef::from_obj(object))
        .is_some()
        .hash(&mut hasher);
    let now = hasher.finish();
    if seen.insert(key.clone(), now) == Some(now) {
        return;
    }
    for node in within(&context.node_store, Some(&key.namespace)) {
        if node.spec.cloud_ref.name == key.name {
            context
                .node_triggers
                .send(ObjectRef::from_obj(node.as_ref()))
                .ok();
        }
    }
}

/// A state as a label: Ironic's own spelling, or `unknown`.
fn state_label(state: &str) -> &'static str {
    use crate::ironic::model::ProvisionState;
    ProvisionState::ALL
        .iter()
        .find(|known| known.as_str() == state)
        .map_or("unknown", ProvisionState::as_str)
}
