//! The process's own HTTP endpoints: `/healthz`, `/readyz` and `/metrics`.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use thiserror::Error;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::metrics::Metrics;

/// How long open connections may take to end after the order to stop; a scrape takes milliseconds.
const DRAIN: Duration = Duration::from_secs(5);

/// Why the endpoints could not be served.
#[derive(Debug, Error)]
pub enum Error {
    /// The address is taken or not ours.
    #[error("cannot listen on {address}")]
    Bind {
        /// The address asked for.
        address: SocketAddr,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// Serving ended by itself.
    #[error("serving HTTP failed")]
    Serve(#[source] io::Error),
}

/// What the endpoints ask the rest of the process.
pub struct Probes {
    /// Whether every task of the process still makes progress.
    pub alive: Box<dyn Fn() -> bool + Send + Sync>,
    /// What is not there yet: the kinds whose watch has not been synced, for instance. Empty is ready.
    pub missing: Box<dyn Fn() -> Vec<&'static str> + Send + Sync>,
}

/// A bound, not yet serving server.
pub struct Server {
    listener: TcpListener,
    router: Router,
}

impl Server {
    /// Binds `address`, so that a taken port is an error before anything else starts.
    pub async fn bind(address: SocketAddr, probes: Probes, metrics: Metrics) -> Result<Self, Error> {
        let listener = TcpListener::bind(address)
            .await
            .map_err(|source| Error::Bind { address, source })?;
        Ok(Self {
            listener,
            router: router(probes, metrics),
        })
    }

    /// The address really bound (port 0 asks the system for one).
    pub fn local_address(&self) -> Result<SocketAddr, Error> {
        self.listener.local_addr().map_err(Error::Serve)
    }

    /// Serves until `stop`, then lets open connections end, for at most five seconds.
    pub async fn serve(self, stop: CancellationToken) -> Result<(), Error> {
        let drained = stop.clone();
        let serving = axum::serve(self.listener, self.router)
            .with_graceful_shutdown(async move { stop.cancelled().await });
        let too_long = async {
            drained.cancelled().await;
            tokio::time::sleep(DRAIN).await;
        };
        tokio::select! {
            ended = serving.into_future() => ended.map_err(Error::Serve),
            () = too_long => Ok(()),
        }
    }
}

fn router(probes: Probes, metrics: Metrics) -> Router {
    Router::new()
        .route("/healthz", get(healthz))
        .route("/readyz", get(readyz))
        .route("/metrics", get(scrape))
        .with_state((Arc::new(probes), metrics))
}

type Shared = State<(Arc<Probes>, Metrics)>;

async fn healthz(State((probes, _)): Shared) -> Response {
    if (probes.alive)() {
        "ok\n".into_response()
    } else {
        (
            StatusCode::SERVICE_UNAVAILABLE,
            "a task of the process has stopped\n",
        )
            .into_response()
    }
}

async fn readyz(State((probes, _)): Shared) -> Response {
    let missing = (probes.missing)();
    if missing.is_empty() {
        "ok\n".into_response()
    } else {
        (
            StatusCode::SERVICE_UNAVAILABLE,
            format!("waiting for: {}\n", missing.join(", ")),
        )
            .into_response()
    }
}

async fn scrape(State((_, metrics)): Shared) -> Response {
    match metrics.encode() {
        Ok(page) => ([(header::CONTENT_TYPE, prometheus::TEXT_FORMAT)], page).into_response(),
        Err(error) => {
            tracing::error!(%error, "metrics could not be written");
            (
                StatusCode::INTERNAL_SERVER_ERROR,
                "metrics could not be written\n",
            )
                .into_response()
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, Ordering};

    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpStream;
    use tokio_util::sync::CancellationToken;

    use super::{Error, Probes, Server};
    use crate::metrics::Metrics;

    async fn start(well: Arc<AtomicBool>) -> (Server, Metrics) {
        let metrics = Metrics::new().unwrap();
        let synced = Arc::clone(&well);
        let probes = Probes {
            alive: Box::new(move || well.load(Ordering::Relaxed)),
            missing: Box::new(move || {
                if synced.load(Ordering::Relaxed) {
                    vec![]
                } else {
                    vec!["BareMetalNode", "Secret"]
                }
            }),
        };
        let server = Server::bind("127.0.0.1:0".parse().unwrap(), probes, metrics.clone())
            .await
            .unwrap();
        (server, metrics)
    }

    async fn get(address: std::net::SocketAddr, path: &str) -> String {
        let mut stream = TcpStream::connect(address).await.unwrap();
        let request = format!("GET {path} HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        answer
    }

    #[tokio::test]
    async fn answers_follow_the_process_until_it_is_told_to_stop() {
        let well = Arc::new(AtomicBool::new(true));
        let (server, metrics) = start(Arc::clone(&well)).await;
        let address = server.local_address().unwrap();
        let stop = CancellationToken::new();
        let serving = tokio::spawn(server.serve(stop.clone()));

        assert!(get(address, "/healthz").await.starts_with("HTTP/1.1 200"));
        assert!(get(address, "/readyz").await.starts_with("HTTP/1.1 200"));
        metrics.panic("BareMetalNode");
        let page = get(address, "/metrics").await;
        assert!(page.contains("content-type: text/plain; version=0.0.4"), "{page}");
        assert!(
            page.contains(r#"ironwright_panics_total{kind="BareMetalNode"} 1"#),
            "{page}"
        );
        assert!(get(address, "/elsewhere").await.starts_with("HTTP/1.1 404"));

        well.store(false, Ordering::Relaxed);
        assert!(get(address, "/healthz").await.starts_with("HTTP/1.1 503"));
        let unready = get(address, "/readyz").await;
        assert!(unready.starts_with("HTTP/1.1 503"), "{unready}");
        assert!(
            unready.ends_with("waiting for: BareMetalNode, Secret\n"),
            "{unready}"
        );

        stop.cancel();
        serving.await.unwrap().unwrap();
        assert!(TcpStream::connect(address).await.is_err());
    }

    #[tokio::test]
    async fn a_taken_port_is_an_error_before_serving() {
        let (server, metrics) = start(Arc::default()).await;
        let probes = Probes {
            alive: Box::new(|| true),
            missing: Box::new(Vec::new),
        };
        let second = Server::bind(server.local_address().unwrap(), probes, metrics).await;
        assert!(matches!(second, Err(Error::Bind { .. })));
    }
}
