//! Watches, triggers, and the life of the controllers from start to stop.

use std::sync::Arc;

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
use super::{cloud, node, triggers};
use crate::api::{BareMetalCloud, BareMetalNode};
use crate::domain::budget::budget;
use crate::fleet::Clouds;
use crate::fleet::clouds::Woken;
use crate::fleet::rooms::Figures;
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
    cloud_triggers: mpsc::UnboundedReceiver<ObjectRef<BareMetalCloud>>,
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
        let (cloud_trigger_sender, cloud_triggers) = mpsc::unbounded_channel();
        let context = Arc::new(Context {
            kube: kube.clone(),
            cluster,
            clouds: Clouds::default(),
            woken: woken_sender,
            node_triggers: trigger_sender,
            cloud_triggers: cloud_trigger_sender,
            synced: vec![
                nodes.synced.clone(),
                clouds.synced.clone(),
                secrets.synced.clone(),
            ],
            missing: super::node_trust::Missing::default(),
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
            payments: tokio::sync::Mutex::default(),
            claims: super::node_rivals::Claims::default(),
            nodes: super::memory::Memory::default(),
            cloud_memory: super::memory::Memory::default(),
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
        let config = controller::Config::default().concurrency(concurrency);
        let node_touched = triggers::of_nodes(nodes.touched, Arc::clone(&context));
        let cloud_touched = triggers::of_clouds(clouds.touched, Arc::clone(&context));
        let node_controller = Controller::for_stream(node_touched, nodes.store)
            .with_config(config.clone())
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
                triggers::pump_secrets(secrets.touched, &context)
            )
        });
        tokio::join!(node_controller, cloud_controller, pumps, close(&stop, &context));
    }
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
    figures.chain(budgets).collect()
}

/// A state as a label: Ironic's own spelling, or `unknown`.
fn state_label(state: &str) -> &'static str {
    use crate::ironic::model::ProvisionState;
    ProvisionState::ALL
        .iter()
        .find(|known| known.as_str() == state)
        .map_or("unknown", ProvisionState::as_str)
}
