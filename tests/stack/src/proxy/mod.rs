//! An HTTP proxy for tests: it stands in front of a real server, remembers every request, and misbehaves as told.
//!
//! ```no_run
//! # use std::time::Duration;
//! # use ironwright_stack::proxy::{Action, Proxy};
//! # async fn example() -> anyhow::Result<()> {
//! let proxy = Proxy::start("http://127.0.0.1:6385").await?;
//! // Ironic creates the node, but its answer never arrives:
//! proxy.when("POST", "/v1/nodes").nth(1).then(Action::DropAfter);
//! // The third deployment is slow to be accepted:
//! proxy.when("PUT", "/v1/nodes/{}/states/provision").nth(3).then(Action::Delay(Duration::from_secs(2)));
//! // … point the client at proxy.endpoint() …
//! assert_eq!(proxy.count("POST", "/v1/nodes"), 1);
//! # Ok(()) }
//! ```
//!
//! It speaks plain HTTP and may stand in front of a server that speaks TLS.
//!
//! Requests and answers pass unchanged, `Host` included. Rules are looked at in the order they were made, and each
//! counts the requests that match it; the first rule that wants a request, gets it.

mod forward;
mod journal;
mod rules;
#[cfg(test)]
mod tests;
mod upstream;

use std::net::Ipv4Addr;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context, Result};
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};

pub use journal::Entry;
pub use rules::{Action, Answer, Callback, Edit, RuleId, Seen, When};

use crate::wait::until;
use journal::Journal;
use rules::{Matcher, Rules};
use upstream::Upstream;

/// A running proxy. It ends, with all connections, when dropped.
#[derive(Debug)]
pub struct Proxy {
    port: u16,
    shared: Arc<Shared>,
    server: JoinHandle<()>,
}

/// What connections share.
#[derive(Debug)]
struct Shared {
    upstream: Upstream,
    journal: Journal,
    rules: Rules,
}

impl Proxy {
    /// Starts one on a port of its own, in front of `upstream`, a URL such as `http://127.0.0.1:6385`.
    /// It belongs to the async runtime that it is started on.
    pub async fn start(upstream: &str) -> Result<Self> {
        Self::before(Upstream::plain(upstream)?).await
    }

    /// The same in front of a server with TLS, such as `https://127.0.0.1:6443`, whose certificate one of those in the file
    /// `authorities` (PEM) has signed. Whoever asks speaks plain HTTP to the proxy.
    pub async fn start_tls(upstream: &str, authorities: &Path) -> Result<Self> {
        Self::before(Upstream::tls(upstream, authorities)?).await
    }

    async fn before(upstream: Upstream) -> Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
            .await
            .context("cannot start a proxy")?;
        let port = listener.local_addr()?.port();
        let shared = Shared {
            upstream,
            journal: Journal::default(),
            rules: Rules::default(),
        };
        let shared = Arc::new(shared);
        let server = tokio::spawn(serve(listener, Arc::clone(&shared)));
        Ok(Self { port, shared, server })
    }

    /// Its URL.
    pub fn endpoint(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Begins a rule for requests with this method (`*`: any) and route. In the route, `{}` stands for one
    /// segment of the path. Does nothing until [`When::then`].
    pub fn when(&self, method: &str, route: &str) -> When<'_> {
        When::new(&self.shared.rules, Matcher::route(method, route))
    }

    /// Begins a rule for the requests that `wanted` picks.
    pub fn when_request(&self, wanted: impl Fn(&Seen) -> bool + Send + Sync + 'static) -> When<'_> {
        When::new(&self.shared.rules, Matcher::Custom(Arc::new(wanted)))
    }

    /// Takes a rule back.
    pub fn remove(&self, rule: RuleId) {
        self.shared.rules.remove(rule);
    }

    /// Takes all rules back.
    pub fn clear_rules(&self) {
        self.shared.rules.clear();
    }

    /// All requests since the start or the last [`Proxy::clear_log`], in the order they came.
    pub fn log(&self) -> Vec<Entry> {
        self.shared.journal.entries()
    }

    /// Forgets the requests so far. Those under way are not seen again.
    pub fn clear_log(&self) {
        self.shared.journal.clear();
    }

    /// How many requests came with this method (`*`: any) and route, whatever became of them.
    pub fn count(&self, method: &str, route: &str) -> usize {
        let matcher = Matcher::route(method, route);
        self.shared.journal.count(|entry| matcher.matches(&entry.seen))
    }

    /// Waits until so many requests with this method and route came.
    pub async fn wait_for(&self, method: &str, route: &str, count: usize, limit: Duration) -> Result<()> {
        let what = format!("{count} × {method} {route}");
        until(&what, limit, async || {
            Ok((self.count(method, route) >= count).then_some(()))
        })
        .await
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.server.abort();
    }
}

/// Accepts connections until it is aborted; they end with it.
async fn serve(listener: TcpListener, shared: Arc<Shared>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => if let Ok((stream, _)) = accepted {
                connections.spawn(serve_connection(stream, Arc::clone(&shared)));
            },
            Some(_) = connections.join_next() => {}
        }
    }
}

/// What is to be done when the answers of a connection have arrived.
type Arrivals = Mutex<Vec<(Callback, Entry)>>;

async fn serve_connection(stream: TcpStream, shared: Arc<Shared>) {
    let arrivals = Arrivals::default();
    let service = service_fn(|request| forward::handle(&shared, &arrivals, request));
    let server = hyper::server::conn::http1::Builder::new()
        .preserve_header_case(true)
        .serve_connection(TokioIo::new(stream), service);
    // An error is either a rule's doing (hyper closes the connection when the service fails, which is all a rule
    // wants) or a client that went away: neither is news.
    let Ok(parts) = server.without_shutdown().await else {
        return;
    };
    let mut stream = parts.io.into_inner();
    let arrived = std::mem::take(&mut *arrivals.lock().unwrap_or_else(PoisonError::into_inner));
    if stream.shutdown().await.is_err() || arrived.is_empty() {
        return;
    }
    // It was told that the connection is closed behind the answer: that it closes its side shows that it has the answer.
    let _ = stream.read_to_end(&mut Vec::new()).await;
    for (callback, entry) in arrived {
        callback.call(entry).await;
    }
}
