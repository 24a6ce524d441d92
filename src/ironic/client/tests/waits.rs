//! Waits: when they end, and with what.
use std::time::Duration;

use serde_json::json;
use wiremock::matchers::path;
use wiremock::{Mock, MockServer, ResponseTemplate};

use super::{Fixture, NODE, client, in_turn, received, server};
use crate::ironic::client::{Class, Error, ProvisionRequest};
use crate::ironic::model::{Goal, Progress, ProvisionState, Verb};

/// A server whose node is in these states, one after the other.
async fn moving(states: &[&str]) -> MockServer {
    let server = server().await;
    let answers = in_turn(states.iter().map(|name| Fixture::read(name).answer()));
    Mock::given(path(format!("/v1/nodes/{NODE}")))
        .respond_with(answers)
        .mount(&server)
        .await;
    server
}

#[tokio::test]
async fn a_wait_ends_where_the_node_ends() {
    let long = Duration::from_mins(1);
    let server = moving(&["node-deploying", "node-active"]).await;
    let node = client(&server)
        .wait_for_node_provision_state(NODE, Goal::Active, long)
        .await
        .unwrap();
    assert_eq!(node.provision_state.as_str(), "active");
    for (state, ended) in [
        ("node-deploy_failed", Progress::Failed),
        ("node-available", Progress::Elsewhere),
    ] {
        let server = moving(&[state]).await;
        let error = client(&server)
            .wait_for_node_provision_state(NODE, Goal::Active, long)
            .await
            .unwrap_err();
        assert!(
            matches!(&error, Error::Unreached { progress, .. } if *progress == ended),
            "{error}"
        );
    }
}

#[tokio::test]
async fn a_failed_wait_has_ironics_words_and_another_one_no_old_ones() {
    let minute = Duration::from_mins(1);
    let failed = Fixture::read("node-enroll-verify-failed");
    let words = failed.body["last_error"].as_str().unwrap();
    let (moved, stayed) = (
        &["node-manageable", "node-enroll-verify-failed"],
        &["node-enroll-verify-failed"],
    );
    for (goal, seen, ended) in [
        (ProvisionState::Manageable, &stayed[..], Progress::Elsewhere),
        (ProvisionState::Available, &stayed[..], Progress::Elsewhere),
        (ProvisionState::Active, &stayed[..], Progress::Elsewhere),
        (ProvisionState::Manageable, &moved[..], Progress::Failed),
    ] {
        let server = server().await;
        let mut first = Fixture::read(seen[0]);
        if seen.len() > 1 {
            first.body["provision_state"] = json!("verifying");
            first.body["provision_updated_at"] = json!("2000-01-01T00:00:00+00:00");
        }
        let rest = seen[1..].iter().map(|name| Fixture::read(name).answer());
        let answers = in_turn(std::iter::once(first.answer()).chain(rest));
        Mock::given(path(format!("/v1/nodes/{NODE}")))
            .respond_with(answers)
            .mount(&server)
            .await;
        let client = client(&server);
        let wait = client.wait_for_node_provision_state(NODE, goal, minute);
        let error = wait.await.unwrap_err();
        assert_eq!(error.class(), Class::Blocked);
        assert!(
            matches!(&error, Error::Unreached { progress, .. } if *progress == ended),
            "{error:?}"
        );
        assert_eq!(error.words() == words, ended == Progress::Failed, "{error}");
    }
}

#[tokio::test]
async fn who_sent_the_verb_knows_that_its_failure_is_new() {
    let server = server().await;
    let failed = Fixture::read("node-enroll-verify-failed");
    Mock::given(path(format!("/v1/nodes/{NODE}/states/provision")))
        .respond_with(ResponseTemplate::new(202))
        .mount(&server)
        .await;
    Mock::given(path(format!("/v1/nodes/{NODE}")))
        .respond_with(failed.answer())
        .mount(&server)
        .await;
    let request = ProvisionRequest::new(Verb::Manage);
    let wait = Duration::from_mins(1);
    let client = client(&server);
    let error = client
        .set_node_provision_state_and_wait(NODE, &request, wait)
        .await
        .unwrap_err();
    assert_eq!(error.words(), failed.body["last_error"].as_str().unwrap());
}

#[tokio::test]
async fn a_wait_looks_at_least_once_and_ends_in_time() {
    let server = moving(&["node-deploying"]).await;
    let wait = client(&server)
        .wait_for_node_provision_state(NODE, Goal::Active, Duration::ZERO)
        .await;
    assert!(matches!(wait, Err(Error::StillWaiting { .. })));
    let server = moving(&["node-active"]).await;
    client(&server)
        .wait_for_node_reservation(NODE, Duration::ZERO)
        .await
        .unwrap();
    assert_eq!(received(&server).await.len(), 1);
}

#[tokio::test]
async fn a_lock_is_waited_for() {
    let server = server().await;
    let mut locked = Fixture::read("node-active");
    locked.body["reservation"] = json!("conductor");
    let answers = in_turn([locked.answer(), Fixture::read("node-active").answer()]);
    Mock::given(path(format!("/v1/nodes/{NODE}")))
        .respond_with(answers)
        .expect(2)
        .mount(&server)
        .await;
    client(&server)
        .wait_for_node_reservation(NODE, Duration::from_mins(1))
        .await
        .unwrap();
}
