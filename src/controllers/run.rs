//! Watches, triggers, and the life of the controllers from start to stop.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, OnceLock};

use futures::StreamExt;
use jiff::Timestamp;
use k8s_openapi::api::core::v1::Secret;
use kube::Client;
use kube::core::PartialObjectMeta;
use kube::runtime::reflector::ObjectRef;
use kube::runtime::{Controller, controller};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::context::Context;
use super::memory::Memory;
use super::node_keys::{self, NodeKey};
use super::{cloud, node, triggers, unreadable};
use crate::api::{BareMetalCloud, BareMetalNode};
use crate::domain::budget::budget;
use crate::domain::writers::Writers;
use crate::fleet::Turns;
use crate::fleet::clouds::Woken;
use crate::fleet::rooms::Figures;
use crate::ironic::client::Reach;
use crate::kubernetes::events::Events;
use crate::kubernetes::secrets::{SecretVersions, Secrets};
use crate::kubernetes::watch::{self, Scope, Synced, Watch};
use crate::metrics::{Metrics, Work};
use crate::permit::Permit;

/// What the controllers are started with.
pub struct Start {
    /// The Kubernetes API.
    pub kube: Client,
    /// Which namespaces.
    pub scope: Scope,
    /// This cluster's name in markers.
    pub cluster: String,
    /// Objects reconciled at once: nodes of one Ironic, or clouds.
    pub concurrency: u16,
    /// Where connections to Ironic and Keystone may go.
    pub reach: Reach,
    /// Events.
    pub events: Events,
    /// Metrics.
    pub metrics: Metrics,
    /// Whether this process may write; the client asks it as well.
    pub permit: Permit,
    /// Who this process is, for Ironic's logs.
    pub instance: String,
    /// Who writes marks for this cluster, once that is known.
    pub writers: Arc<OnceLock<Writers>>,
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
    cloud_triggers: mpsc::UnboundedReceiver<ObjectRef<BareMetalCloud>>,
    concurrency: u16,
}

impl Controllers {
    /// Sets everything up; nothing runs yet.
    pub fn new(start: Start) -> Self {
        let (kube, scope) = (start.kube, start.scope);
        let (metrics, concurrency) = (start.metrics, start.concurrency);
        let nodes = watch::objects(scope.api(kube.clone()), node::KIND, metrics.clone());
        let clouds = watch::objects(scope.api(kube.clone()), cloud::KIND, metrics.clone());
        let secrets = watch::metadata(scope.api(kube.clone()), "Secret", metrics.clone());
        let (woken_sender, woken) = mpsc::unbounded_channel();
        let (trigger_sender, node_triggers) = mpsc::unbounded_channel();
        let (cloud_trigger_sender, cloud_triggers) = mpsc::unbounded_channel();
        let context = Arc::new(Context {
            kube: kube.clone(),
            cluster: start.cluster,
            clouds: Arc::default(),
            woken: woken_sender,
            node_triggers: trigger_sender,
            cloud_triggers: cloud_trigger_sender,
            synced: [&nodes.synced, &clouds.synced, &secrets.synced]
                .map(Clone::clone)
                .to_vec(),
            census: super::node_trust::Census::default(),
            writers: start.writers,
            cloud_store: clouds.store.clone(),
            node_store: nodes.store.clone(),
            unread_clouds: clouds.unread.clone(),
            unread_nodes: nodes.unread.clone(),
            nodes_by: nodes.index(NodeKey::of),
            clouds_by: clouds.index(node_keys::secret_of_cloud),
            secret_store: secrets.store.clone(),
            secret_versions: SecretVersions::new(secrets.store.clone()),
            secrets: Secrets::new(kube),
            events: start.events,
            metrics,
            permit: start.permit,
            instance: start.instance,
            stop: start.stop,
            payments: super::node_room::Payments::default(),
            holders: super::node_holders::Holders::default(),
            turns: Mutex::new(Turns::new(usize::from(concurrency))),
            reach: start.reach,
            claims: super::claims::Claims::default(),
            nodes: Memory::of(&nodes),
            unwritten: super::unwritten::Unwritten::default(),
            cloud_memory: Memory::of(&clouds),
        });
        Self {
            synced: context.synced.clone(),
            context,
            nodes,
            clouds,
            secrets,
            woken,
            node_triggers,
            cloud_triggers,
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
        self.context.metrics.on_scrape_unhealthy(move || {
            let troubles = context.upgrade().map(|context| context.clouds.troubles());
            troubles.unwrap_or_default().into_iter().collect()
        });
        let context = Arc::downgrade(&self.context);
        self.context.metrics.on_scrape_observation_age(move || {
            Some(context.upgrade()?.clouds.oldest_observation()?.as_secs_f64())
        });
        let context = Arc::downgrade(&self.context);
        self.context.metrics.on_scrape_work(move || {
            context
                .upgrade()
                .map(|context| work(&context))
                .unwrap_or_default()
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
            cloud_triggers,
            concurrency,
            ..
        } = self;
        let stop = context.stop.clone();
        // Nodes take turns for each Ironic (`node_turn`): a bound on all of them would be one hung Ironic's to use up.
        let unbounded = controller::Config::default();
        let config = controller::Config::default().concurrency(concurrency);
        let node_touched = triggers::of_nodes(nodes.touched, Arc::clone(&context));
        let cloud_touched = triggers::of_clouds(clouds.touched, Arc::clone(&context));
        let node_controller = Controller::for_stream(node_touched, nodes.store)
            .with_config(unbounded)
            .reconcile_on(triggers::received(node_triggers))
            .graceful_shutdown_on(stop.clone().cancelled_owned())
            .run(
                node::reconcile,
                |_, never, _| match *never {},
                Arc::clone(&context),
            )
            .for_each(|_| std::future::ready(()));
        let cloud_controller = Controller::for_stream(cloud_touched, clouds.store)
            .with_config(config)
            .reconcile_on(triggers::received(cloud_triggers))
            .graceful_shutdown_on(stop.clone().cancelled_owned())
            .run(
                cloud::reconcile,
                |_, never, _| match *never {},
                Arc::clone(&context),
            )
            .for_each(|_| std::future::ready(()));
        let pumps = stop.run_until_cancelled(async {
            tokio::join!(
                triggers::pump_wakes(woken, &context),
                triggers::pump_secrets(secrets.touched, &context),
                unreadable::look_after(&context),
            )
        });
        tokio::join!(node_controller, cloud_controller, pumps, close(&stop, &context));
    }
}

/// Where connections to Ironic and Keystone may go: what is listed, or else everything but this machine, its link and the apiserver.
pub fn reach(entries: &[String], apiserver: Vec<SocketAddr>) -> Result<Reach, String> {
    Reach::new(entries, apiserver)
}

/// What waits for its turn is not under way: a queue of verbs would outlast any patience with our end.
async fn close(stop: &CancellationToken, context: &Context) {
    stop.cancelled().await;
    context.clouds.close();
}

/// Limited work of all clouds, and the budgets that there are.
fn work(context: &Context) -> Vec<Work> {
    let count = |count: usize| u64::try_from(count).unwrap_or(u64::MAX);
    let figures = context.clouds.observers().into_iter().flat_map(|observer| {
        let Figures {
            deploys,
            cleans,
            destructive,
            waiting: [deploy, clean, destroy],
        } = observer.figures();
        [
            Work::Running("deploy", count(deploys)),
            Work::Running("clean", count(cleans)),
            Work::Running("destructive", count(destructive)),
            Work::Waiting("deploy", count(deploy)),
            Work::Waiting("clean", count(clean)),
            Work::Waiting("destroy", count(destroy)),
        ]
    });
    let observers = context.clouds.observers();
    let suspended = observers
        .iter()
        .filter(|observer| observer.client.suspends_writes());
    let odd = observers.iter().map(|observer| observer.overview().odd.count);
    let turns = [
        Work::Odd(count(odd.sum())),
        Work::Suspended(count(suspended.count())),
        Work::Queued(count(context.turns().waiting())),
    ];
    let clouds = context.cloud_store.state();
    let budgets = clouds.iter().filter_map(|cloud| {
        let per_hour = cloud.spec.limits.as_ref()?.destructive.as_ref()?.per_hour?;
        let record = cloud
            .status
            .as_ref()
            .map_or(&[][..], |status| &status.destructive_steps);
        let left = budget(record, per_hour, Timestamp::now()).left();
        Some(Work::BudgetLeft(u64::try_from(left).unwrap_or_default()))
    });
    figures.chain(turns).chain(budgets).collect()
}

/// A state as a label: Ironic's own spelling, or `unknown`.
fn state_label(state: &str) -> &'static str {
    use crate::ironic::model::ProvisionState;
    ProvisionState::ALL
        .iter()
        .find(|known| known.as_str() == state)
        .map_or("unknown", ProvisionState::as_str)
}
