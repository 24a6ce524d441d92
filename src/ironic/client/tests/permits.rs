//! Who may send, and under which name.
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

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
    assert_eq!(of_node(&server).await, 1);
}

/// A permit that can be withdrawn.
fn withdrawable() -> (Arc<AtomicBool>, Permit) {
    let granted = Arc::new(AtomicBool::new(true));
    let asked = Arc::clone(&granted);
    (granted, Permit::new(move || asked.load(Ordering::SeqCst)))
}

/// A server that removes the node whenever it is asked to.
async fn removing() -> wiremock::MockServer {
    let server = server().await;
    Mock::given(path(NODE))
        .respond_with(ResponseTemplate::new(204))
        .mount(&server)
        .await;
    server
}

/// How many requests came for the node.
async fn of_node(server: &wiremock::MockServer) -> usize {
    let requests = server.received_requests().await.unwrap();
    requests
        .iter()
        .filter(|request| request.url.path() == NODE)
        .count()
}

#[tokio::test]
async fn what_waits_for_a_slot_is_not_sent_once_it_is_not_meant_any_more() {
    let server = removing().await;
    let client = Client::new(Settings {
        requests_in_flight: 1,
        ..settings(&server)
    })
    .unwrap();
    client.versions().await.unwrap();
    let (granted, permit) = withdrawable();
    let taken = client.slots().acquire().await.unwrap();
    let withdrawing = async {
        granted.store(false, Ordering::SeqCst);
        drop(taken);
    };
    let meant = client.with_permit(permit);
    let (ended, ()) = tokio::join!(meant.delete_node("n"), withdrawing);
    let ended = ended.unwrap_err();
    assert!(ended.is_withdrawn() && !ended.is_closed(), "{ended}");
    assert_eq!(of_node(&server).await, 0);
    assert!(client.delete_node("n").await.unwrap(), "others are as they were");
    granted.store(true, Ordering::SeqCst);
    assert!(meant.delete_node("n").await.unwrap());
}

#[tokio::test]
async fn an_answer_on_its_way_is_heard_though_the_permit_has_gone() {
    let server = server().await;
    let (granted, permit) = withdrawable();
    let answer = move |_: &wiremock::Request| {
        granted.store(false, Ordering::SeqCst);
        ResponseTemplate::new(204).set_delay(Duration::from_millis(50))
    };
    Mock::given(path(NODE)).respond_with(answer).mount(&server).await;
    let client = Client::new(settings(&server)).unwrap();
    assert!(client.with_permit(permit).delete_node("n").await.unwrap());
}

/// What the first attempt met may have been acted on: that nothing more is sent must not hide it.
#[tokio::test]
async fn a_permit_that_goes_between_two_attempts_leaves_what_the_first_one_met() {
    let server = server().await;
    let (granted, permit) = withdrawable();
    let answer = move |_: &wiremock::Request| {
        granted.store(false, Ordering::SeqCst);
        ResponseTemplate::new(502)
    };
    Mock::given(path(NODE)).respond_with(answer).mount(&server).await;
    let client = Client::new(settings(&server)).unwrap();
    let ended = client.with_permit(permit).delete_node("n").await.unwrap_err();
    assert_eq!(ended.status(), Some(502), "{ended}");
    assert_eq!(of_node(&server).await, 1);
}

#[tokio::test]
async fn of_two_permits_both_are_needed() {
    let server = server().await;
    let client = Client::new(settings(&server)).unwrap();
    let never = || Permit::new(|| false);
    for (first, second) in [(never(), Permit::default()), (Permit::default(), never())] {
        let client = client.with_permit(first).with_permit(second);
        assert!(client.delete_node("n").await.unwrap_err().is_withdrawn());
    }
    assert_eq!(of_node(&server).await, 0);
}

/// Whatever is added to the client: who has to vouch for each write cannot forget it.
#[tokio::test]
async fn a_client_that_needs_a_permit_for_each_write_sends_none_without() {
    let server = removing().await;
    let client = Client::new(Settings {
        each_write_needs_permit: true,
        ..settings(&server)
    })
    .unwrap();
    client.versions().await.unwrap();
    for &route in crate::ironic::client::ROUTES {
        let sent = client.is_meant(route);
        assert_eq!(sent.is_err(), route.mutating, "{route}");
    }
    let refused = client.delete_node("n").await.unwrap_err();
    assert!(matches!(refused, Error::Unpermitted { .. }), "{refused}");
    assert_eq!(of_node(&server).await, 0);
    let client = client.with_permit(Permit::default());
    assert!(client.delete_node("n").await.unwrap());
}

/// A slot at hand is waited for once, serves one request after the other, and is nobody else's.
#[tokio::test]
async fn a_slot_at_hand_needs_no_wait() {
    let server = removing().await;
    let client = Client::new(Settings {
        requests_in_flight: 1,
        deadline: Duration::from_millis(200),
        ..settings(&server)
    })
    .unwrap();
    client.versions().await.unwrap();
    let ready = client.with_slot().await.unwrap();
    assert!(client.with_slot().await.is_none(), "there is one");
    assert!(client.delete_node("n").await.is_err(), "it is taken");
    for _ in 0..2 {
        let same = ready.with_slot().await.unwrap();
        assert!(
            same.with_permit(Permit::default())
                .delete_node("n")
                .await
                .unwrap()
        );
    }
    drop(ready);
    assert!(client.delete_node("n").await.unwrap());
    let ready = client.with_slot().await.unwrap();
    client.close();
    let ended = ready.delete_node("n").await.unwrap_err();
    assert!(ended.is_closed(), "{ended}");
    assert!(client.with_slot().await.is_none());
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
