//! The process's own HTTP endpoints: `/healthz`, `/readyz` and `/metrics`.
//!
//! Whoever reaches the port may connect, so that connections are few, short, and bounded in memory; who holds most of them loses one
//! to whoever comes ([`crate::http::guests`]).

mod guests;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use thiserror::Error;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinSet, yield_now};
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use self::guests::{Guest, Guests};
use crate::metrics::Metrics;

/// How long open connections may take to end after the order to stop; a scrape takes milliseconds.
const DRAIN: Duration = Duration::from_secs(5);

/// Connections at once. A kubelet and a few Prometheus servers need two or three.
const CONNECTIONS: usize = 64;

/// How long a request's head may take, and how long a connection may be idle.
const HEAD: Duration = Duration::from_secs(5);

/// How long a connection may last, whatever happens on it: a peer that does not read what it asked for holds a page of metrics.
const LIFE: Duration = Duration::from_mins(1);

/// What is read of a request before it is refused.
const HEAD_BYTES: usize = 16 * 1024;

/// The pause after a connection could not be accepted: there are no file descriptors left, most likely.
const OUT_OF_BREATH: Duration = Duration::from_millis(100);

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
    /// The address is not known.
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
        let (guests, mut connections) = (Guests::new(CONNECTIONS), JoinSet::new());
        while let Some(accepted) = stop.run_until_cancelled(self.listener.accept()).await {
            match accepted {
                Ok((stream, peer)) => {
                    let guest = guests.welcome(peer.ip());
                    connections.spawn(attend(stream, guest, self.router.clone(), stop.clone()));
                    // Who was let in gets its turn before the next one comes: a probe is answered between two of a flood.
                    yield_now().await;
                    while connections.try_join_next().is_some() {}
                }
                Err(error) => {
                    tracing::debug!(%error, "a connection was not accepted");
                    sleep(OUT_OF_BREATH).await;
                }
            }
        }
        drop(self.listener);
        timeout(DRAIN, async { while connections.join_next().await.is_some() {} })
            .await
            .ok();
        Ok(())
    }
}

/// Serves one connection until it ends, has to make room, has lasted long enough, or the order to stop. What goes wrong on it is
/// the peer's concern.
async fn attend(stream: TcpStream, guest: Guest, router: Router, stop: CancellationToken) {
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD)
        .max_buf_size(HEAD_BYTES)
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(router));
    let mut connection = std::pin::pin!(connection);
    let ended = timeout(LIFE, async {
        tokio::select! {
            ended = connection.as_mut() => return ended.is_ok(),
            () = guest.asked_to_leave() => return false,
            () = stop.cancelled() => {}
        }
        connection.as_mut().graceful_shutdown();
        connection.await.is_ok()
    });
    ended.await.ok();
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

    use super::{CONNECTIONS, Error, HEAD, HEAD_BYTES, Probes, Server};
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

    /// Connects and sends the beginning of a request.
    async fn half_sent(address: std::net::SocketAddr) -> TcpStream {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream
            .write_all(b"GET /healthz HTTP/1.1\r\nHost: te")
            .await
            .unwrap();
        stream
    }

    #[tokio::test]
    async fn half_sent_requests_neither_stay_nor_keep_others_out() {
        let (server, _metrics) = start(Arc::new(AtomicBool::new(true))).await;
        let address = server.local_address().unwrap();
        let stop = CancellationToken::new();
        let serving = tokio::spawn(server.serve(stop.clone()));
        let mut flood = Vec::new();
        for round in 0..CONNECTIONS * 3 {
            flood.push(half_sent(address).await);
            if round % 16 == 0 {
                assert!(get(address, "/healthz").await.starts_with("HTTP/1.1 200"));
            }
        }
        // The first of them had to make room, long before its time was over.
        let mut rest = Vec::new();
        let mut first = flood.swap_remove(0);
        let left = tokio::time::timeout(HEAD / 2, first.read_to_end(&mut rest)).await;
        assert!(left.is_ok(), "the first is still connected");
        // The last of them is let go because it never finishes.
        let mut last = flood.pop().unwrap();
        let left = tokio::time::timeout(HEAD * 3, last.read_to_end(&mut rest)).await;
        assert!(left.is_ok(), "half a request may wait for ever");
        stop.cancel();
        serving.await.unwrap().unwrap();
    }

    #[tokio::test]
    async fn a_head_without_end_is_refused() {
        let (server, _metrics) = start(Arc::new(AtomicBool::new(true))).await;
        let address = server.local_address().unwrap();
        let stop = CancellationToken::new();
        let serving = tokio::spawn(server.serve(stop.clone()));
        let mut stream = half_sent(address).await;
        let line = [b'a'; 1024];
        let mut sent = 0;
        while sent < 1024 * HEAD_BYTES && stream.write_all(&line).await.is_ok() {
            sent += line.len();
        }
        let mut answer = Vec::new();
        // A reset or a refusal: either way it is over.
        stream.read_to_end(&mut answer).await.ok();
        assert!(sent < 1024 * HEAD_BYTES, "{sent} bytes were taken");
        stop.cancel();
        serving.await.unwrap().unwrap();
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
