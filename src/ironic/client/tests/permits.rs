//! Who may send, and under which name.
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use wiremock::matchers::path;
use wiremock::{Mock, ResponseTemplate};

use super::{server, settings};
use crate::ironic::client::{Client, Error, Settings};
use crate::permit::Permit;

const NODE: &str = "/v1/nodes/n";

#[tokio::test]
async fn without_a_permit_nothing_is_sent_not_even_a_question() {
    let server = server().await;
    let client = Client::new(Settings {
        permit: Permit::new(|| false),
        ..settings(&server)
    })
    .unwrap();
    let refused = client.get_node("n").await.unwrap_err();
    assert!(matches!(refused, Error::NotPermitted { .. }), "{refused}");
    assert_eq!(server.received_requests().await.unwrap().len(), 0);
}

#[tokio::test]
async fn a_permit_that_is_withdrawn_between_two_attempts_ends_the_call() {
    let server = server().await;
    let left = Arc::new(AtomicU32::new(1));
    let seen = Arc::clone(&left);
    let answer = move |_: &wiremock::Request| {
        seen.store(0, Ordering::SeqCst);
        ResponseTemplate::new(503)
    };
    Mock::given(path(NODE)).respond_with(answer).mount(&server).await;
    let client = Client::new(Settings {
        permit: Permit::new(move || left.load(Ordering::SeqCst) > 0),
        ..settings(&server)
    })
    .unwrap();
    let ended = client.delete_node("n").await.unwrap_err();
    assert!(matches!(ended, Error::NotPermitted { .. }), "{ended}");
    let requests = server.received_requests().await.unwrap();
    assert_eq!(
        requests
            .iter()
            .filter(|request| request.url.path() == NODE)
            .count(),
        1
    );
}

#[tokio::test]
async fn ironic_sees_which_process_asks() {
    for (instance, expected) in [
        (Some("ironwright-0_1a2b"), " (ironwright-0_1a2b)"),
        (Some("a\r\nb"), ""),
        (Some(""), ""),
        (None, ""),
    ] {
        let server = server().await;
        let client = Client::new(Settings {
            instance: instance.map(str::to_owned),
            ..settings(&server)
        })
        .unwrap();
        client.versions().await.unwrap();
        let requests = server.received_requests().await.unwrap();
        let agent = requests[0].headers["user-agent"].to_str().unwrap();
        let program = concat!("ironwright/", env!("CARGO_PKG_VERSION"));
        assert_eq!(agent, format!("{program}{expected}"));
    }
}
