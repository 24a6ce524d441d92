//! The time of a call, and the bound on requests in flight.
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use futures::future::join_all;
use wiremock::matchers::path;
use wiremock::{Mock, ResponseTemplate};

use super::{Fixture, NODE, Observed, received, server, settings};
use crate::ironic::client::{Class, Client, Error, Settings};

/// Waited for in full, and long enough for everything else on a busy machine.
const PATIENCE: Duration = Duration::from_secs(3);

/// Long enough never to be waited for.
const NEVER: Duration = Duration::from_mins(5);

/// What a call that ran out of time was waiting for.
fn waited_for(error: &Error) -> &'static str {
    match error {
        Error::Deadline { waiting_for, .. } => waiting_for,
        other => panic!("not a deadline: {other}"),
    }
}

#[tokio::test]
async fn an_answer_that_does_not_come_is_given_up() {
    let server = server().await;
    let late = Fixture::read("node-active").answer().set_delay(NEVER);
    Mock::given(path(format!("/v1/nodes/{NODE}")))
        .respond_with(late)
        .mount(&server)
        .await;
    let observed = Arc::new(Observed::default());
    let deadline = PATIENCE;
    let client = Client::new(Settings {
        deadline,
        observe: observed.clone(),
        ..settings(&server)
    })
    .unwrap();
    let started = Instant::now();
    let error = client.get_node(NODE).await.unwrap_err();
    assert_eq!(
        (waited_for(&error), error.class()),
        ("the answer", Class::Transient)
    );
    assert!(started.elapsed() < NEVER / 10);
    let last = *observed.0.lock().unwrap().last().unwrap();
    assert_eq!((last.route.template, last.status), ("/v1/nodes/{node}", None));
}

#[tokio::test]
async fn the_wait_for_a_slot_counts() {
    let server = server().await;
    let deadline = PATIENCE;
    let client = Client::new(Settings {
        deadline,
        requests_in_flight: 1,
        ..settings(&server)
    })
    .unwrap();
    client.versions().await.unwrap();
    let _taken = client.slots().acquire().await.unwrap();
    let error = client.get_node(NODE).await.unwrap_err();
    assert_eq!(waited_for(&error), "a free slot");
    assert!(received(&server).await.is_empty());
}

/// Nobody would hear whether it was done.
#[tokio::test]
async fn a_write_is_not_sent_in_the_last_moment_and_a_read_is() {
    let server = server().await;
    let deadline = Duration::from_secs(2);
    let client = Client::new(Settings {
        deadline,
        requests_in_flight: 1,
        ..settings(&server)
    })
    .unwrap();
    client.versions().await.unwrap();
    let taken = client.slots().acquire().await.unwrap();
    let late = async {
        tokio::time::sleep(deadline.mul_f64(0.85)).await;
        drop(taken);
    };
    let (written, read, ()) = tokio::join!(client.delete_node(NODE), client.get_node(NODE), late);
    assert_eq!(waited_for(&written.unwrap_err()), "a free slot");
    // Whatever is made of it here.
    drop(read);
    let sent: Vec<_> = received(&server)
        .await
        .into_iter()
        .map(|(method, ..)| method)
        .collect();
    assert_eq!(sent, ["GET"]);
}

#[tokio::test]
async fn a_discovery_that_does_not_end_is_given_up_by_those_who_wait_for_it() {
    let server = wiremock::MockServer::start().await;
    Mock::given(path("/v1"))
        .respond_with(ResponseTemplate::new(200).set_delay(NEVER))
        .mount(&server)
        .await;
    let deadline = PATIENCE;
    let client = Client::new(Settings {
        deadline,
        ..settings(&server)
    })
    .unwrap();
    let errors = join_all([client.get_node(NODE), client.get_node(NODE)]).await;
    for error in errors.into_iter().map(Result::unwrap_err) {
        waited_for(&error);
    }
}

/// Counts how many requests are being answered at the same time.
async fn crowd(limit: usize) -> usize {
    let (now, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (count, peak) = (now.clone(), most.clone());
    let handler = move |uri: axum::http::Uri| {
        let (count, peak) = (count.clone(), peak.clone());
        async move {
            peak.fetch_max(count.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
            // Everybody who may come has come when the runtime has nothing else to do for a while.
            tokio::time::sleep(Duration::from_millis(20)).await;
            count.fetch_sub(1, Ordering::SeqCst);
            let name = if uri.path() == "/v1" { "v1" } else { "node-active" };
            Fixture::read(name).body.to_string()
        }
    };
    let app = axum::Router::new().fallback(handler);
    let serving = tokio::spawn(async move { axum::serve(listener, app).await });
    super::install_tls();
    let settings = Settings {
        requests_in_flight: limit,
        ..Settings::new(format!("http://{address}"))
    };
    let client = Client::new(settings).unwrap();
    for node in join_all((0..20).map(|_| client.get_node(NODE))).await {
        node.unwrap();
    }
    serving.abort();
    most.load(Ordering::SeqCst)
}

#[tokio::test]
async fn requests_in_flight_are_bounded() {
    assert_eq!(crowd(1).await, 1);
    let several = crowd(4).await;
    assert!((2..=4).contains(&several), "{several}");
}

#[tokio::test]
async fn a_slot_of_its_own_is_one_of_all_and_waits_behind_nobody() {
    let server = server().await;
    Mock::given(path(format!("/v1/nodes/{NODE}")))
        .respond_with(Fixture::read("node-active").answer())
        .mount(&server)
        .await;
    let client = |requests_in_flight| {
        let settings = Settings {
            requests_in_flight,
            ..settings(&server)
        };
        Client::new(settings).unwrap()
    };
    let two = client(2);
    let apart = two.with_own_slot();
    let _taken = two.slots().try_acquire().unwrap();
    assert!(two.slots().try_acquire().is_err(), "the second one is set apart");
    apart.get_node(NODE).await.unwrap();

    let one = client(1);
    let shared = one.with_own_slot();
    let _taken = shared.slots().try_acquire().unwrap();
    assert!(one.slots().try_acquire().is_err(), "there is one, shared by both");
}
