//! The client against scripted servers: what a real Ironic cannot be made to do on demand.
mod bmc;
mod configdrive;
mod deadlines;
mod errors;
mod floods;
mod keystone;
mod listings;
mod nodes;
mod parsers;
mod permits;
mod reach;
mod retries;
mod secrets;
mod strangers;
mod tls;
mod upkeep;
mod versions;
mod waits;

use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use serde_json::Value;
use wiremock::matchers::{method, path};
use wiremock::{Mock, MockServer, Request, Respond, ResponseTemplate};

use super::{Client, Observe, RequestOutcome, Settings};

/// The id of the node that tests talk about.
const NODE: &str = "f404f6d4-6c46-46a8-9242-6b37002edd57";

/// An answer of a real Ironic 39.
struct Fixture {
    status: u16,
    headers: Vec<(String, String)>,
    body: Value,
}

impl Fixture {
    fn read(name: &str) -> Self {
        let path = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("tests/fixtures/ironic")
            .join(name);
        let text = std::fs::read(path.with_extension("json")).expect(name);
        let json: Value = serde_json::from_slice(&text).expect(name);
        let headers = json["headers"].as_object().into_iter().flatten();
        Self {
            status: json["status"]
                .as_u64()
                .and_then(|status| status.try_into().ok())
                .expect(name),
            headers: headers
                .map(|(name, value)| (name.clone(), value.as_str().unwrap().into()))
                .collect(),
            body: json["body"].clone(),
        }
    }

    /// The body as it went over the wire (a fixture keeps a body that was no object as a string).
    fn bytes(&self) -> Vec<u8> {
        match &self.body {
            Value::String(text) => text.clone().into_bytes(),
            body => body.to_string().into_bytes(),
        }
    }

    fn answer(&self) -> ResponseTemplate {
        let answer = ResponseTemplate::new(self.status).set_body_bytes(self.bytes());
        let skipped = |name: &str| name.eq_ignore_ascii_case("content-length");
        let kept = self.headers.iter().filter(|(name, _)| !skipped(name));
        kept.fold(answer, |answer, (name, value)| {
            answer.insert_header(name.as_str(), value.as_str())
        })
    }
}

/// Installs the TLS provider, once for all tests of the process.
fn install_tls() {
    let _already = rustls::crypto::ring::default_provider().install_default();
}

/// A server that answers version discovery as Ironic 39 does.
async fn server() -> MockServer {
    let server = MockServer::start().await;
    Mock::given(method("GET"))
        .and(path("/v1"))
        .respond_with(Fixture::read("v1").answer())
        .mount(&server)
        .await;
    server
}

fn settings(server: &MockServer) -> Settings {
    install_tls();
    Settings::new(server.uri())
}

fn client(server: &MockServer) -> Client {
    Client::new(settings(server)).unwrap()
}

/// Answers each request in turn; more requests than answers are a failure of the test.
struct InTurn {
    answers: Vec<ResponseTemplate>,
    next: AtomicUsize,
}

fn in_turn(answers: impl IntoIterator<Item = ResponseTemplate>) -> InTurn {
    InTurn {
        answers: answers.into_iter().collect(),
        next: AtomicUsize::new(0),
    }
}

impl Respond for InTurn {
    fn respond(&self, _: &Request) -> ResponseTemplate {
        let turn = self.next.fetch_add(1, Ordering::SeqCst);
        self.answers
            .get(turn)
            .cloned()
            .unwrap_or_else(|| ResponseTemplate::new(599))
    }
}

/// The requests that were received, without discovery: method, path with query, body.
async fn received(server: &MockServer) -> Vec<(String, String, String)> {
    let requests = server.received_requests().await.unwrap();
    let told = |request: &Request| {
        let query = request
            .url
            .query()
            .map(|query| format!("?{query}"))
            .unwrap_or_default();
        let path = format!("{}{query}", request.url.path());
        (
            request.method.to_string(),
            path,
            String::from_utf8_lossy(&request.body).into_owned(),
        )
    };
    requests
        .iter()
        .filter(|request| request.url.path() != "/v1")
        .map(told)
        .collect()
}

/// Remembers what it is told.
#[derive(Default)]
struct Observed(Mutex<Vec<RequestOutcome>>);

impl Observe for Observed {
    fn request(&self, outcome: &RequestOutcome) {
        self.0.lock().unwrap().push(*outcome);
    }
}

#[tokio::test]
async fn every_attempt_is_observed_with_its_route_and_status() {
    let server = server().await;
    let answers = in_turn([
        Fixture::read("err-503-concurrency-limit").answer(),
        Fixture::read("node-active").answer(),
    ]);
    Mock::given(path(format!("/v1/nodes/{NODE}")))
        .respond_with(answers)
        .mount(&server)
        .await;
    let observed = Arc::new(Observed::default());
    let client = Client::new(Settings {
        observe: observed.clone(),
        ..settings(&server)
    })
    .unwrap();
    client.get_node(NODE).await.unwrap();
    let told = observed.0.lock().unwrap();
    let told: Vec<_> = told
        .iter()
        .map(|it| (it.route.template, it.status, it.attempt))
        .collect();
    let node = "/v1/nodes/{node}";
    assert_eq!(
        told,
        [("/v1", Some(200), 1), (node, Some(503), 1), (node, Some(200), 2)]
    );
}

#[tokio::test]
async fn a_later_request_has_a_later_stamp() {
    let server = server().await;
    let node = Fixture::read("node-active").answer();
    Mock::given(path(format!("/v1/nodes/{NODE}")))
        .respond_with(node)
        .mount(&server)
        .await;
    let client = client(&server);
    let first = client.get_node(NODE).await.unwrap().asked;
    let between = client.stamp();
    let second = client.clone().get_node(NODE).await.unwrap().asked;
    assert!(first < between && between < second);
}
