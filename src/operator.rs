//! The operator: everything that `ironwright run` starts, and how it stops.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use k8s_openapi::api::core::v1::Namespace;
use kube::{Api, Client, ResourceExt};
use thiserror::Error;
use tokio::signal::unix::{SignalKind, signal};
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use crate::config::Run;
use crate::controllers::run::{Controllers, Start, reach};
use crate::http::{self, Probes, Server};
use crate::kubernetes::Connector;
use crate::kubernetes::events::{Events, Publisher};
use crate::kubernetes::watch::{Scope, Synced};
use crate::leader::{Candidate, Leadership};
use crate::metrics::Metrics;

/// How long the first question to the apiserver may take, and the pause before it is asked again.
const DEADLINE: Duration = Duration::from_secs(10);
const PAUSE: Duration = Duration::from_secs(2);

/// One line for so many failures in a row, which is about one a minute.
const LOG_EVERY: u32 = 30;

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
        "the uid of the namespace kube-system, which names this cluster in Ironic, may not be read; give --cluster-id"
    )]
    Cluster(#[source] Box<kube::Error>),
    /// The apiserver does not take this process for anybody.
    #[error("the Kubernetes API refuses this process")]
    Refused(#[source] Box<kube::Error>),
    /// Nowhere to look for the Lease.
    #[error(
        "there is no namespace for the lease outside of a pod; give --lease-namespace, or --leader-elect=false if nobody else runs"
    )]
    NoLeaseNamespace,
    /// The list of addresses that may be talked to has an entry that is none.
    #[error("--allow-endpoints: {0}")]
    Reach(String),
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
    let apart = connector.addresses().await;
    let reach = reach(&settings.allow_endpoints(), apart).map_err(Error::Reach)?;
    let stop = CancellationToken::new();
    tokio::spawn(stop_on_signal(stop.clone())?);
    let cluster = cluster(&kube, settings.cluster_id());
    let Some(cluster) = stop.run_until_cancelled(cluster).await.transpose()? else {
        return Ok(());
    };
    let (events, publisher) = Events::new(&kube, settings.instance(), metrics.clone());
    let controllers = Controllers::new(Start {
        stop: stop.clone(),
        kube,
        scope: Scope::new(settings.namespace()),
        cluster,
        concurrency: settings.concurrency.get(),
        reach,
        events,
        metrics: metrics.clone(),
        permit: leadership.permit(),
        instance: leadership.identity().to_owned(),
        writers: leadership.writers(),
    });
    controllers.observe_fleet();
    let alive = Arc::new(AtomicBool::new(true));
    let probes = probes(&alive, controllers.synced.clone(), leadership.clone());
    let server = Server::bind(settings.listen, probes, metrics).await?;
    tracing::info!(listen = %settings.listen, identity = leadership.identity(), "ironwright runs");
    let stop_serving = CancellationToken::new();
    let work = async {
        Box::pin(work(candidate, controllers, publisher, &stop)).await;
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

/// This cluster, as markers name it: configured, or the uid of `kube-system`, which lives exactly as long as the cluster. An
/// apiserver that is away is waited for: this process may well be started before it.
async fn cluster(kube: &Client, configured: Option<&str>) -> Result<String, Error> {
    if let Some(id) = configured {
        return Ok(id.to_owned());
    }
    let namespaces = Api::<Namespace>::all(kube.clone());
    let mut tries = 0_u32;
    loop {
        let error = match timeout(DEADLINE, namespaces.get("kube-system")).await {
            Ok(Ok(system)) => return Ok(system.uid().unwrap_or_default()),
            Ok(Err(error)) => judge(error)?,
            Err(_elapsed) => format!("no answer within {} s", DEADLINE.as_secs()),
        };
        if tries.is_multiple_of(LOG_EVERY) {
            tracing::warn!(error, "the Kubernetes API cannot be asked, trying again");
        }
        tries = tries.wrapping_add(1);
        sleep(PAUSE).await;
    }
}

/// What may pass by itself, in words; anything else is for a person.
fn judge(error: kube::Error) -> Result<String, Error> {
    match error {
        kube::Error::Api(status) if status.is_forbidden() || status.is_not_found() => {
            Err(Error::Cluster(Box::new(kube::Error::Api(status))))
        }
        kube::Error::Api(status) if status.code < 500 && status.code != 429 => {
            Err(Error::Refused(Box::new(kube::Error::Api(status))))
        }
        passing => Ok(passing.to_string()),
    }
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

#[cfg(test)]
mod tests {
    use kube::core::Status;

    use super::{Error, judge};

    fn answer(code: u16, reason: &str) -> kube::Error {
        kube::Error::Api(Status::failure("words", reason).with_code(code).boxed())
    }

    #[test]
    fn advice_about_the_cluster_id_is_for_those_who_may_not_read_it() {
        assert!(matches!(judge(answer(403, "Forbidden")), Err(Error::Cluster(_))));
        assert!(matches!(
            judge(answer(401, "Unauthorized")),
            Err(Error::Refused(_))
        ));
        for (code, reason) in [
            (429, "TooManyRequests"),
            (500, "InternalError"),
            (503, "ServiceUnavailable"),
        ] {
            assert!(judge(answer(code, reason)).is_ok(), "{code}");
        }
    }
}
