//! What is sent again, how often and when.
use std::time::{Duration, Instant};

use jiff::Timestamp;
use reqwest::header::{HeaderMap, HeaderValue, RETRY_AFTER};
use wiremock::matchers::{method, path};
use wiremock::{Mock, MockServer, ResponseTemplate};

use super::{Fixture, NODE, client, in_turn, received, server, settings};
use crate::ironic::client::retry::{backoff, retry_after};
use crate::ironic::client::{Client, Error, ProvisionRequest, Settings};
use crate::ironic::model::{NodeCreate, Verb};

/// How many requests a call makes that is answered with `status` first and with success afterwards.
#[derive(Clone, Copy, Debug)]
enum Call {
    Get,
    Patch,
    Provision,
    Create,
    CreateOwn,
    Delete,
}

impl Call {
    async fn make(self, client: &Client) -> Result<(), Error> {
        let uuid = Some(NODE.to_owned());
        match self {
            Self::Get => client.get_node(NODE).await.map(drop),
            Self::Patch => {
                let patch = serde_json::json!([{"op": "remove", "path": "/extra/a"}]);
                client
                    .patch_node(NODE, &serde_json::from_value(patch).unwrap(), false)
                    .await
                    .map(drop)
            }
            Self::Provision => {
                client
                    .set_node_provision_state(NODE, &ProvisionRequest::new(Verb::Manage))
                    .await
            }
            Self::Create => client.create_node(&NodeCreate::default()).await.map(drop),
            Self::CreateOwn => client
                .create_node(&NodeCreate {
                    uuid,
                    ..NodeCreate::default()
                })
                .await
                .map(drop),
            Self::Delete => client.delete_node(NODE).await.map(drop),
        }
    }
}

/// The number of requests when the first is answered like this.
async fn requests(call: Call, first: ResponseTemplate) -> usize {
    let server = server().await;
    let answers = in_turn([first, Fixture::read("node-active").answer()]);
    Mock::given(wiremock::matchers::path_regex("^/v1/nodes"))
        .respond_with(answers)
        .mount(&server)
        .await;
    let _either = call.make(&client(&server)).await;
    received(&server).await.len()
}

/// A transaction that SQLite refused, in Ironic's words.
fn database_locked() -> ResponseTemplate {
    let words = "(sqlite3.OperationalError) database is locked\n[SQL: UPDATE nodes SET ...]";
    let fault = serde_json::json!({"faultcode": "Server", "faultstring": words, "debuginfo": null});
    ResponseTemplate::new(500).set_body_json(serde_json::json!({"error_message": fault.to_string()}))
}

#[tokio::test]
async fn a_patch_whose_transaction_was_taken_back_is_sent_again() {
    for call in [Call::Get, Call::Patch, Call::Create, Call::Delete] {
        assert_eq!(requests(call, database_locked()).await, 2, "{call:?}");
    }
    assert_eq!(
        requests(Call::Provision, database_locked()).await,
        1,
        "a verb may have begun"
    );
}

/// The first answer to a call, and how many requests are made then: of a call that reads, of one that acts
/// twice when it is made twice, of one that does not.
fn first_answers() -> Vec<(ResponseTemplate, [usize; 3])> {
    let fixture = |name| Fixture::read(name).answer();
    let status = ResponseTemplate::new;
    vec![
        (fixture("err-503-concurrency-limit"), [2, 2, 2]),
        (fixture("err-500-rebuild-no-image_source"), [2, 1, 1]),
        (fixture("err-500-drivers-project-scope"), [1, 1, 1]),
        (fixture("err-409-node-locked-power"), [1, 1, 1]),
        (fixture("err-409-dup-name"), [1, 1, 1]),
        (fixture("err-404"), [1, 1, 1]),
        (fixture("err-400-bad-driver"), [1, 1, 1]),
        (fixture("err-401-basic"), [1, 1, 1]),
        (status(429), [2, 2, 2]),
        (status(502), [2, 1, 2]),
        (status(504), [2, 1, 2]),
    ]
}

#[tokio::test]
async fn only_what_was_surely_not_done_or_may_be_done_twice_is_sent_again() {
    let (writes, onces) = (
        [Call::Patch, Call::Provision],
        [Call::Create, Call::CreateOwn, Call::Delete],
    );
    let mut checks = Vec::new();
    for (first, expected) in first_answers() {
        let calls = [&[Call::Get][..], &writes, &onces];
        for (calls, expected) in calls.into_iter().zip(expected) {
            checks.extend(calls.iter().map(|&call| {
                let first = first.clone();
                async move {
                    assert_eq!(
                        requests(call, first.clone()).await,
                        expected,
                        "{call:?} {first:?}"
                    );
                }
            }));
        }
    }
    futures::future::join_all(checks).await;
}

#[tokio::test]
async fn a_failure_that_stays_is_the_callers_after_the_last_attempt() {
    let server = server().await;
    let busy = Fixture::read("err-503-concurrency-limit").answer();
    Mock::given(path(format!("/v1/nodes/{NODE}")))
        .respond_with(busy)
        .expect(3)
        .mount(&server)
        .await;
    let client = Client::new(Settings {
        attempts: 3,
        ..settings(&server)
    })
    .unwrap();
    assert_eq!(client.get_node(NODE).await.unwrap_err().status(), Some(503));
}

/// Breaks the connection of the first request with this method, and answers nothing.
async fn breaks_first(server: &MockServer, verb: &str) {
    let broken = |_: &wiremock::Request| std::io::Error::other("broken on purpose");
    Mock::given(method(verb))
        .and(wiremock::matchers::path_regex("^/v1/nodes"))
        .respond_with_err(broken)
        .up_to_n_times(1)
        .with_priority(1)
        .mount(server)
        .await;
}

#[tokio::test]
async fn a_broken_connection_is_tried_again_only_where_that_is_safe() {
    for (call, verb, expected) in [
        (Call::Get, "GET", 2),
        (Call::Patch, "PATCH", 1),
        (Call::Provision, "PUT", 1),
        (Call::Create, "POST", 2),
        (Call::CreateOwn, "POST", 2),
        (Call::Delete, "DELETE", 2),
    ] {
        let server = server().await;
        breaks_first(&server, verb).await;
        let node = Fixture::read("node-active").answer();
        Mock::given(method(verb)).respond_with(node).mount(&server).await;
        let result = call.make(&client(&server)).await;
        assert_eq!(result.is_ok(), expected == 2, "{call:?}: {result:?}");
        assert_eq!(received(&server).await.len(), expected, "{call:?}");
    }
}

/// The node is there, and is asked for once.
async fn has_the_node(server: &MockServer) {
    let node = Fixture::read("node-active").answer();
    Mock::given(method("GET"))
        .and(path(format!("/v1/nodes/{NODE}")))
        .respond_with(node)
        .expect(1)
        .mount(server)
        .await;
}

#[tokio::test]
async fn a_creation_whose_answer_was_lost_finds_what_it_created() {
    let server = server().await;
    breaks_first(&server, "POST").await;
    let exists = Fixture::read("err-409-dup-name").answer();
    Mock::given(method("POST"))
        .respond_with(exists)
        .expect(1)
        .mount(&server)
        .await;
    has_the_node(&server).await;
    Call::CreateOwn.make(&client(&server)).await.unwrap();
}

#[tokio::test]
async fn a_creation_that_a_locked_database_left_half_done_is_found() {
    let server = server().await;
    let exists = Fixture::read("err-409-dup-name").answer();
    Mock::given(method("POST"))
        .respond_with(in_turn([database_locked(), exists]))
        .expect(2)
        .mount(&server)
        .await;
    has_the_node(&server).await;
    Call::CreateOwn.make(&client(&server)).await.unwrap();
}

#[tokio::test]
async fn a_creation_whose_name_is_another_nodes_is_refused() {
    let server = server().await;
    breaks_first(&server, "POST").await;
    let exists = Fixture::read("err-409-dup-name").answer();
    Mock::given(method("POST"))
        .respond_with(exists)
        .mount(&server)
        .await;
    let missing = Fixture::read("err-404").answer();
    Mock::given(method("GET"))
        .and(path(format!("/v1/nodes/{NODE}")))
        .respond_with(missing)
        .mount(&server)
        .await;
    assert!(
        Call::CreateOwn
            .make(&client(&server))
            .await
            .unwrap_err()
            .is_already_exists()
    );
}

#[tokio::test]
async fn a_creation_refused_at_once_is_not_looked_for() {
    let server = server().await;
    let exists = Fixture::read("err-409-dup-name").answer();
    Mock::given(method("POST"))
        .respond_with(exists)
        .expect(1)
        .mount(&server)
        .await;
    assert!(
        Call::CreateOwn
            .make(&client(&server))
            .await
            .unwrap_err()
            .is_already_exists()
    );
    assert_eq!(received(&server).await.len(), 1);
}

#[tokio::test]
async fn a_deletion_whose_answer_was_lost_is_done_when_the_node_is_gone() {
    let server = server().await;
    breaks_first(&server, "DELETE").await;
    let gone = Fixture::read("err-404").answer();
    Mock::given(method("DELETE"))
        .respond_with(gone.clone())
        .mount(&server)
        .await;
    let client = client(&server);
    assert!(client.delete_node(NODE).await.unwrap());
    // The same answer to a deletion that was surely not acted on before says that there was nothing.
    assert!(!client.delete_node(NODE).await.unwrap());
}

#[tokio::test]
async fn the_server_says_how_long_to_wait() {
    let server = server().await;
    let later = ResponseTemplate::new(503).insert_header("retry-after", "1");
    let answers = in_turn([later, Fixture::read("node-active").answer()]);
    Mock::given(path(format!("/v1/nodes/{NODE}")))
        .respond_with(answers)
        .mount(&server)
        .await;
    let started = Instant::now();
    client(&server).get_node(NODE).await.unwrap();
    assert!(started.elapsed() >= Duration::from_secs(1));
}

#[tokio::test]
async fn a_wait_beyond_the_deadline_is_not_begun() {
    let server = server().await;
    let later = ResponseTemplate::new(503).insert_header("retry-after", "3600");
    Mock::given(path(format!("/v1/nodes/{NODE}")))
        .respond_with(later)
        .expect(1)
        .mount(&server)
        .await;
    let started = Instant::now();
    assert_eq!(
        client(&server).get_node(NODE).await.unwrap_err().status(),
        Some(503)
    );
    assert!(started.elapsed() < Duration::from_secs(10));
}

#[test]
fn the_wait_can_be_seconds_or_a_date() {
    let now: Timestamp = "2026-11-23T00:42:26Z".parse().unwrap();
    let wait = |text: &'static str| {
        retry_after(
            &HeaderMap::from_iter([(RETRY_AFTER, HeaderValue::from_static(text))]),
            now,
        )
    };
    assert_eq!(wait("7"), Some(Duration::from_secs(7)));
    assert_eq!(
        wait("Mon, 23 Nov 2026 00:42:56 GMT"),
        Some(Duration::from_secs(30))
    );
    assert_eq!(wait("Mon, 23 Nov 2026 00:42:06 GMT"), Some(Duration::ZERO));
    for nonsense in ["", "soon", "-1", "1.5", "99999999999999999999"] {
        assert_eq!(wait(nonsense), None, "{nonsense}");
    }
    assert_eq!(retry_after(&HeaderMap::new(), now), None);
}

#[test]
fn the_pause_doubles_up_to_a_limit_and_jitters_from_zero() {
    let ceilings: Vec<u128> = (1..=8).map(|attempt| backoff(attempt, 1.0).as_millis()).collect();
    assert_eq!(ceilings, [250, 500, 1000, 2000, 4000, 8000, 10000, 10000]);
    for attempt in [0, 1, 5, u32::MAX] {
        assert_eq!(backoff(attempt, 0.0), Duration::ZERO);
        assert_eq!(backoff(attempt, 0.5) * 2, backoff(attempt, 1.0));
    }
}
