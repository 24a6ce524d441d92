//! The operator: everything that `ironwright run` starts, and how it stops.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use k8s_openapi::api::core::v1::Namespace;
use kube::{Api, Client, ResourceExt};
use thiserror::Error;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

use crate::config::Run;
use crate::controllers::run::{Controllers, Start};
use crate::http::{self, Probes, Server};
use crate::kubernetes::events::Events;
use crate::kubernetes::watch::{Scope, Synced};
use crate::kubernetes::{self};
use crate::metrics::Metrics;

/// Why the operator did not start, or stopped.
#[derive(Debug, Error)]
pub enum Error {
    /// No metrics.
    #[error("the metrics cannot be registered")]
    Metrics(#[from] prometheus::Error),
    /// No way to the apiserver.
    #[error("there is no usable Kubernetes configuration")]
    Connect(#[source] Box<kube::Error>),
    /// The cluster has no name.
    #[error(
        "the uid of the namespace kube-system, which names this cluster in Ironic, cannot be read; give --cluster-id"
    )]
    Cluster(#[source] Box<kube::Error>),
    /// Probes and metrics.
    #[error("the probes cannot be served")]
    Http(#[from] http::Error),
    /// Signals.
    #[error("signals cannot be received")]
    Signals(#[from] std::io::Error),
    /// A part of it ended by itself.
    #[error("the controllers ended by themselves")]
    Ended,
}

/// Runs until SIGTERM or SIGINT: then no new reconcile begins, those under way are finished, and the probes stop last.
pub async fn run(settings: &Run) -> Result<(), Error> {
    let metrics = Metrics::new()?;
    let kube = kubernetes::connect().await.map_err(Error::Connect)?;
    let cluster = cluster(&kube, settings.cluster_id()).await?;
    let (events, publisher) = Events::new(kube.clone(), std::env::var("HOSTNAME").ok(), metrics.clone());
    let (stop, stop_serving) = (CancellationToken::new(), CancellationToken::new());
    let controllers = Controllers::new(Start {
        stop: stop.clone(),
        kube,
        scope: Scope::new(settings.namespace()),
        cluster,
        concurrency: settings.concurrency.get(),
        events,
        metrics: metrics.clone(),
    });
    controllers.observe_fleet();
    let alive = Arc::new(AtomicBool::new(true));
    let server = Server::bind(
        settings.listen,
        probes(&alive, controllers.synced.clone()),
        metrics,
    )
    .await?;
    tokio::spawn(stop_on_signal(stop.clone())?);
    tracing::info!(listen = %settings.listen, "ironwright runs");
    let work = async {
        tokio::join!(controllers.run(), publisher.run(stop.clone()));
        alive.store(false, Ordering::Release);
        stop_serving.cancel();
    };
    let ((), result) = tokio::join!(work, server.serve(stop_serving.clone()));
    result?;
    if stop.is_cancelled() {
        Ok(())
    } else {
        Err(Error::Ended)
    }
}

fn probes(alive: &Arc<AtomicBool>, synced: Vec<Synced>) -> Probes {
    let alive = Arc::clone(alive);
    Probes {
        alive: Box::new(move || alive.load(Ordering::Acquire)),
        missing: Box::new(move || Synced::missing(&synced)),
    }
}

/// This cluster, as markers name it: configured, or the uid of `kube-system`, which lives exactly as long as the cluster.
async fn cluster(kube: &Client, configured: Option<&str>) -> Result<String, Error> {
    if let Some(id) = configured {
        return Ok(id.to_owned());
    }
    let namespaces = Api::<Namespace>::all(kube.clone());
    let system = namespaces
        .get("kube-system")
        .await
        .map_err(|error| Error::Cluster(Box::new(error)))?;
    Ok(system.uid().unwrap_or_default())
}

/// Cancels `stop` at the first SIGTERM or SIGINT.
fn stop_on_signal(stop: CancellationToken) -> Result<impl Future<Output = ()>, std::io::Error> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        tracing::info!("stopping: no new step is begun");
        stop.cancel();
    })
}
