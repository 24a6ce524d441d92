//! Servers that say too much, or nothing at all.
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use futures::StreamExt;
use futures::future::join_all;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use wiremock::matchers::{method, path};
use wiremock::{Mock, Request, Respond, ResponseTemplate};

use super::{Fixture, NODE, client, install_tls, received, server, settings};
use crate::ironic::client::routes::{LITTLE, MANY, ONE};
use crate::ironic::client::{Client, Credentials, Error, Keystone, NodeQuery, Settings};
use crate::ironic::model::{NodeCreate, NodeSummary, Seen};

/// A server that answers every request with this head and then with spaces for as long as somebody reads; how much was written.
async fn flood(head: &'static str) -> (String, Arc<AtomicUsize>) {
    install_tls();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    let written = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&written);
    tokio::spawn(async move {
        let spaces = vec![b' '; 64 * 1024];
        loop {
            let (mut peer, _) = listener.accept().await.unwrap();
            let count = Arc::clone(&count);
            let spaces = spaces.clone();
            tokio::spawn(async move {
                let mut request = [0; 8192];
                if peer.read(&mut request).await.is_err() || peer.write_all(head.as_bytes()).await.is_err() {
                    return;
                }
                while peer.write_all(&spaces).await.is_ok() {
                    count.fetch_add(spaces.len(), Ordering::SeqCst);
                }
            });
        }
    });
    (endpoint, written)
}

const ENDLESS: &str = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n\r\n";
const ENDLESS_TOKEN: &str = "HTTP/1.1 201 Created\r\nx-subject-token: t\r\n\r\n";
const ENDLESS_REFUSAL: &str = "HTTP/1.1 500 Oh\r\nx-openstack-ironic-api-version: 1.95\r\n\r\n";

/// What sockets hold beside what was read.
const ON_THE_WAY: usize = 16 * 1024 * 1024;

#[tokio::test]
async fn an_answer_without_end_is_not_read_to_its_end() {
    let (endpoint, written) = flood(ENDLESS).await;
    let error = Client::new(Settings::new(endpoint))
        .unwrap()
        .get_node(NODE)
        .await
        .unwrap_err();
    assert!(
        matches!(error, Error::TooLong { most: LITTLE, .. }),
        "discovery: {error}"
    );
    assert!(written.load(Ordering::SeqCst) < LITTLE + ON_THE_WAY);
    let (endpoint, written) = flood(ENDLESS_TOKEN).await;
    let keystone = Keystone::new(endpoint, Credentials::Token("t".into()));
    let error = Client::new(Settings::keystone(keystone))
        .unwrap()
        .get_node(NODE)
        .await
        .unwrap_err();
    assert!(error.words().contains("longer than"), "{}", error.words());
    assert!(written.load(Ordering::SeqCst) < 4 * (ONE + ON_THE_WAY));
    let (endpoint, _) = flood(ENDLESS_REFUSAL).await;
    let settings = Settings {
        attempts: 1,
        ..Settings::new(endpoint)
    };
    let error = Client::new(settings).unwrap().get_node(NODE).await.unwrap_err();
    assert_eq!(error.status(), Some(500), "{error}");
}

/// A page with as many rows as asked for, of three, each so long.
struct Wide(usize);

impl Respond for Wide {
    fn respond(&self, request: &Request) -> ResponseTemplate {
        let query: std::collections::BTreeMap<_, _> = request.url.query_pairs().into_owned().collect();
        let limit: usize = query["limit"].parse().unwrap();
        let first: usize = query
            .get("marker")
            .map_or(0, |marker| marker.parse::<usize>().unwrap() + 1);
        let last = (first + limit).min(3);
        let long = "y".repeat(self.0);
        let rows: Vec<_> = (first..last)
            .map(|row| format!(r#"{{"uuid": "{row}", "extra": {{"x": "{long}"}}}}"#))
            .collect();
        let next = if last < 3 {
            format!(r#", "next": "/v1/nodes?marker={}""#, last - 1)
        } else {
            String::new()
        };
        let page = format!(r#"{{"nodes": [{}]{next}}}"#, rows.join(","));
        ResponseTemplate::new(200).set_body_raw(page, "application/json")
    }
}

#[tokio::test]
async fn a_page_that_is_too_long_is_asked_for_in_parts() {
    let server = server().await;
    Mock::given(path("/v1/nodes"))
        .respond_with(Wide(MANY / 2 - 1000))
        .mount(&server)
        .await;
    let rows: Vec<_> = client(&server).list_nodes(NodeQuery::default()).collect().await;
    let ids: Vec<_> = rows.into_iter().map(|row| row.unwrap().value.uuid).collect();
    assert_eq!(ids, ["0", "1", "2"]);
    let asked: Vec<_> = received(&server)
        .await
        .into_iter()
        .map(|(_, path, _)| path)
        .collect();
    let limits: Vec<_> = asked
        .iter()
        .filter_map(|path| path.split_once("limit=")?.1.split('&').next())
        .collect();
    assert_eq!(limits, ["1000", "125", "15", "1", "1", "1"]);
}

/// Ever new pages, each with a new marker.
struct Endless(AtomicUsize);

impl Respond for Endless {
    fn respond(&self, _: &Request) -> ResponseTemplate {
        let page = self.0.fetch_add(1, Ordering::SeqCst);
        let rows: Vec<_> = (0..1000)
            .map(|row| json!({"uuid": format!("{page}-{row}")}))
            .collect();
        ResponseTemplate::new(200)
            .set_body_json(json!({"nodes": rows, "next": format!("/v1/nodes?marker={page}")}))
            .set_delay(Duration::from_millis(50))
    }
}

#[tokio::test]
async fn a_listing_without_end_is_given_up_in_time() {
    let server = server().await;
    Mock::given(path("/v1/nodes"))
        .respond_with(Endless(AtomicUsize::new(0)))
        .mount(&server)
        .await;
    let deadline = Duration::from_millis(500);
    let client = Client::new(Settings {
        deadline,
        ..settings(&server)
    })
    .unwrap();
    let rows: Vec<_> = client.list_nodes(NodeQuery::default()).collect().await;
    let error = rows.into_iter().next_back().unwrap().unwrap_err();
    assert!(matches!(error, Error::Deadline { .. }), "{error}");
    assert!(received(&server).await.len() <= 41, "four times the deadline");
}

/// A way back to any page is noticed, not only to the one before.
#[tokio::test]
async fn a_listing_that_goes_round_in_a_wide_circle_is_given_up() {
    let server = server().await;
    for (marker, next) in [(None, "a"), (Some("a"), "b"), (Some("b"), "c"), (Some("c"), "a")] {
        let page = json!({"nodes": [{"uuid": next}], "next": format!("/v1/nodes?marker={next}")});
        let mock = Mock::given(path("/v1/nodes"));
        let mock = match marker {
            Some(marker) => mock.and(wiremock::matchers::query_param("marker", marker)),
            None => mock.and(wiremock::matchers::query_param_is_missing("marker")),
        };
        mock.respond_with(ResponseTemplate::new(200).set_body_json(page))
            .mount(&server)
            .await;
    }
    let rows: Vec<_> = client(&server).list_nodes(NodeQuery::default()).collect().await;
    assert!(
        matches!(rows.last(), Some(Err(Error::EndlessListing { .. }))),
        "{rows:?}"
    );
    assert_eq!(received(&server).await.len(), 4);
}

/// The rows of one page, each read or not.
async fn read(page: String) -> Vec<Result<Seen<NodeSummary>, Error>> {
    let server = server().await;
    let page = ResponseTemplate::new(200).set_body_raw(page, "application/json");
    Mock::given(path("/v1/nodes"))
        .respond_with(page)
        .mount(&server)
        .await;
    client(&server).list_nodes(NodeQuery::default()).collect().await
}

#[tokio::test]
async fn an_odd_row_does_not_hide_the_others() {
    let deep = format!("{}{}", "[".repeat(200), "]".repeat(200));
    for odd in [
        format!(r#"{{"uuid": "odd", "extra": {{"x": {deep}}}}}"#),
        r#"{"uuid": "odd", "extra": {"x": 1e400}}"#.to_owned(),
        r#"{"uuid": "odd", "maintenance": "perhaps"}"#.to_owned(),
        r#"{"uuid": "odd", "name": {"first": "a", "last": "b"}}"#.to_owned(),
    ] {
        let rows = read(format!(
            r#"{{"nodes": [{{"uuid": "a"}}, {odd}, {{"uuid": "b"}}]}}"#
        ))
        .await;
        assert_eq!(rows.len(), 3, "{odd}");
        assert_eq!(rows[0].as_ref().unwrap().value.uuid, "a");
        assert_eq!(rows[2].as_ref().unwrap().value.uuid, "b");
        let Err(Error::Row { id, problem, .. }) = &rows[1] else {
            panic!("{odd}")
        };
        assert_eq!(id.as_deref(), Some("odd"), "{odd}");
        assert!(!problem.contains("perhaps"), "{problem}");
    }
    let rows = read(r#"{"nodes": [{"uuid": "a"}, 7, {"uuid": 7}, {"uuid": "b"}]}"#.to_owned()).await;
    let read: Vec<_> = rows.iter().map(Result::is_ok).collect();
    assert_eq!(read, [true, false, false, true]);
}

/// Python writes numbers that JSON does not have, and one of them would make the whole page unreadable.
#[tokio::test]
async fn what_python_takes_for_a_number_is_none() {
    let page = r#"{"nodes": [{"uuid": "a", "extra": {"x": [NaN, -Infinity, Infinity], "NaN\"": "Infinity"}}, {"uuid": "b"}]}"#;
    let rows = read(page.to_owned()).await;
    let extra = Value::Object(rows[0].as_ref().unwrap().value.extra.clone());
    assert_eq!(extra, json!({"x": [null, null, null], "NaN\"": "Infinity"}));
    assert_eq!(rows.len(), 2);
}

#[tokio::test]
async fn an_ironic_that_leaves_writes_unanswered_is_sent_none_and_one_answer_ends_that() {
    let server = server().await;
    let late = Fixture::read("node-active")
        .answer()
        .set_delay(Duration::from_mins(5));
    let hanging = Mock::given(method("POST"))
        .respond_with(late)
        .mount_as_scoped(&server)
        .await;
    let node = Fixture::read("node-active").answer();
    Mock::given(method("GET"))
        .and(path(format!("/v1/nodes/{NODE}")))
        .respond_with(node)
        .mount(&server)
        .await;
    let client = Client::new(Settings {
        deadline: Duration::from_millis(300),
        suspends_writes: true,
        ..settings(&server)
    })
    .unwrap();
    client.get_node(NODE).await.unwrap();
    let create = async || client.create_node(&NodeCreate::default()).await.unwrap_err();
    for _ in 0..5 {
        assert!(client.suspended().is_none());
        assert!(matches!(create().await, Error::Deadline { .. }));
    }
    let sent = received(&server).await.len();
    for _ in 0..100 {
        assert!(matches!(create().await, Error::Suspended));
    }
    assert!(client.suspends_writes() && client.suspended().is_some());
    assert_eq!(received(&server).await.len(), sent, "no further write was sent");
    client.get_node(NODE).await.unwrap();
    assert!(client.suspends_writes(), "a read says nothing of writes");
    drop(hanging);
    Mock::given(method("POST"))
        .respond_with(Fixture::read("err-409-dup-name").answer())
        .mount(&server)
        .await;
    let started = Instant::now();
    while client.suspended().is_some() {
        assert!(started.elapsed() < Duration::from_mins(1));
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert!(client.suspends_writes(), "one is let through");
    assert!(create().await.is_already_exists());
    assert!(
        !client.suspends_writes(),
        "an answer is an answer, whatever it says"
    );
}

/// What had leave to be sent, and waited for its turn while the others were left without an answer, is not sent any more.
#[tokio::test]
async fn who_waited_for_a_turn_while_the_others_got_no_answer_is_not_sent() {
    let server = server().await;
    let late = Fixture::read("node-active")
        .answer()
        .set_delay(Duration::from_mins(5));
    Mock::given(method("POST"))
        .respond_with(late)
        .mount(&server)
        .await;
    let deadline = Duration::from_secs(2);
    let client = Client::new(Settings {
        deadline,
        requests_in_flight: 8,
        suspends_writes: true,
        ..settings(&server)
    })
    .unwrap();
    client.versions().await.unwrap();
    let create = async || client.create_node(&NodeCreate::default()).await.unwrap_err();
    let eight = async || join_all((0..8).map(|_| create())).await;
    let later = async {
        tokio::time::sleep(deadline / 2).await;
        eight().await
    };
    let (first, later) = tokio::join!(eight(), later);
    assert!(
        first.iter().all(|error| matches!(error, Error::Deadline { .. })),
        "{first:?}"
    );
    // Four may take the turns of those that end before the fifth.
    let suspended = later
        .iter()
        .filter(|error| matches!(error, Error::Suspended))
        .count();
    assert!(suspended >= 4, "{later:?}");
    assert_eq!(received(&server).await.len(), 16 - suspended);
}
