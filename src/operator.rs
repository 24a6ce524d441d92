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
use crate::kubernetes::Connector;
use crate::kubernetes::events::{Events, Publisher};
use crate::kubernetes::watch::{Scope, Synced};
use crate::leader::{Candidate, Leadership};
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
    /// Nowhere to look for the Lease.
    #[error(
        "there is no namespace for the lease outside of a pod; give --lease-namespace, or --leader-elect=false if nobody else runs"
    )]
    NoLeaseNamespace,
    /// Another replica may write from now on.
    #[error("the lease is lost: another replica may be the one that writes")]
    LeaseLost,
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

/// Runs until SIGTERM or SIGINT: then no new step is begun, what is under way is finished, and the Lease is let go last.
///
/// A replica that waits for the Lease serves its endpoints and does nothing else: it neither watches nor looks at Ironic. What
/// it would save by that, one listing of each kind, takes a second; what it would cost is the memory of a second cache and
/// everything that two readers of one cloud ask of it.
pub async fn run(settings: &Run) -> Result<(), Error> {
    let metrics = Metrics::new()?;
    let connector = Connector::infer().await.map_err(Error::Connect)?;
    let (leadership, candidate) = election(settings, &connector, &metrics)?;
    let kube = connector.guarded(leadership.permit()).map_err(Error::Connect)?;
    let cluster = cluster(&kube, settings.cluster_id()).await?;
    let (events, publisher) = Events::new(kube.clone(), settings.instance(), metrics.clone());
    let stop = CancellationToken::new();
    let controllers = Controllers::new(Start {
        stop: stop.clone(),
        kube,
        scope: Scope::new(settings.namespace()),
        cluster,
        concurrency: settings.concurrency.get(),
        events,
        metrics: metrics.clone(),
        permit: leadership.permit(),
        instance: leadership.identity().to_owned(),
    });
    controllers.observe_fleet();
    let alive = Arc::new(AtomicBool::new(true));
    let probes = probes(&alive, controllers.synced.clone(), leadership.clone());
    let server = Server::bind(settings.listen, probes, metrics).await?;
    tokio::spawn(stop_on_signal(stop.clone())?);
    tracing::info!(listen = %settings.listen, identity = leadership.identity(), "ironwright runs");
    let stop_serving = CancellationToken::new();
    let work = async {
        work(candidate, controllers, publisher, &stop).await;
        alive.store(false, Ordering::Release);
        stop_serving.cancel();
    };
    let all = async { tokio::join!(work, server.serve(stop_serving.clone())) };
    let ((), serving) = tokio::select! {
        biased;
        // Nothing is finished and nothing is waited for: whatever goes on here is no longer ours to do.
        () = leadership.lost() => return Err(Error::LeaseLost),
        ended = all => ended,
    };
    serving?;
    if stop.is_cancelled() {
        Ok(())
    } else {
        Err(Error::Ended)
    }
}

/// What this replica is to become, and how.
fn election(
    settings: &Run,
    connector: &Connector,
    metrics: &Metrics,
) -> Result<(Leadership, Option<Candidate>), Error> {
    let instance = settings.instance();
    if !settings.leader_elect {
        let leadership = Leadership::alone(instance.as_deref(), metrics.clone());
        return Ok((leadership, None));
    }
    let namespace = settings.lease_namespace().ok_or(Error::NoLeaseNamespace)?;
    let leadership = Leadership::new(instance.as_deref(), metrics.clone());
    let client = connector.unguarded().map_err(Error::Connect)?;
    let candidate = Candidate::new(client, &namespace, &settings.lease_name, leadership.clone());
    Ok((leadership, Some(candidate)))
}

/// Waits for the Lease, works until the order to stop, and lets go of the Lease when all of it is done.
async fn work(
    candidate: Option<Candidate>,
    controllers: Controllers,
    publisher: Publisher,
    stop: &CancellationToken,
) {
    let mut reign = None;
    if let Some(candidate) = candidate {
        reign = stop.run_until_cancelled(candidate.win()).await;
        if reign.is_none() {
            return;
        }
    }
    tokio::join!(controllers.run(), publisher.run(stop.clone()));
    if let Some(reign) = reign {
        reign.end().await;
    }
}

/// One that stands by is ready: it does all it should, and a rollout or a second replica must not wait for a turn that may
/// never come. One that leads is ready when its watches are in step, and nobody is before the Lease was read once, so that a
/// missing right to it shows.
fn probes(alive: &Arc<AtomicBool>, synced: Vec<Synced>, leadership: Leadership) -> Probes {
    let alive = Arc::clone(alive);
    Probes {
        alive: Box::new(move || alive.load(Ordering::Acquire)),
        missing: Box::new(move || {
            if !leadership.is_known() {
                vec!["Lease"]
            } else if leadership.is_waiting() {
                Vec::new()
            } else {
                Synced::missing(&synced)
            }
        }),
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
