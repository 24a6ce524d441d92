//! What moves nodes, on a real Ironic.

#![cfg(test)]

use std::time::Duration;

use ironwright::ironic::client::{ConfigDrive, Error, ProvisionRequest, Rejection};
use ironwright::ironic::configdrive::Content;
use ironwright::ironic::model::{Edit, Goal, NodeUpdate, Progress, ProvisionState, Verb};
use secrecy::SecretString;
use serde_json::{Value, json};

use crate::client_lab::{LONG, Lab, object, state};

fn with(verb: Verb) -> ProvisionRequest {
    ProvisionRequest::new(verb)
}

#[tokio::test]
async fn a_node_goes_through_its_whole_life() {
    let lab = Lab::new("cs-life").await;
    let node = lab.node("a", json!({})).await;
    let id = node.uuid.as_str();
    let image = NodeUpdate {
        instance_info: Edit::keys([
            ("image_source", Some(json!("http://images.example/a"))),
            ("image_checksum", Some(json!("0123456789abcdef0123456789abcdef"))),
        ]),
        ..NodeUpdate::default()
    };
    lab.client.update_node(id, &image).await.unwrap();
    let inspected = lab.walk(id, &[Verb::Manage, Verb::Inspect]).await;
    assert_eq!(inspected.properties["cpus"], 8);
    let clean = ProvisionRequest {
        steps: vec![object(json!({"interface": "deploy", "step": "testkit_clean"}))],
        ..with(Verb::Clean)
    };
    let cleaned = lab.go(id, &clean).await.unwrap().value;
    assert_eq!(cleaned.provision_state, ProvisionState::Manageable);
    lab.walk(id, &[Verb::Provide]).await;
    let drive = ProvisionRequest {
        configdrive: Some(ConfigDrive::Parts {
            meta_data: Some(object(json!({"name": "a"}))),
            user_data: Some("#cloud-config\n".into()),
            network_data: None,
            vendor_data: None,
        }),
        ..with(Verb::Active)
    };
    let active = lab.go(id, &drive).await.unwrap().value;
    assert_eq!(active.instance_info["configdrive"], "******");
    let changed = NodeUpdate {
        instance_info: Edit::set("image_source", "http://images.example/b"),
        ..NodeUpdate::default()
    };
    lab.client.update_node(id, &changed).await.unwrap();
    let again = ProvisionRequest {
        configdrive: Some(ConfigDrive::build(&Content::default()).unwrap()),
        ..with(Verb::Rebuild)
    };
    assert_eq!(
        lab.go(id, &again).await.unwrap().value.provision_state,
        ProvisionState::Active
    );
    let free = lab.walk(id, &[Verb::Deleted]).await;
    assert_eq!(
        (free.provision_state, free.instance_info),
        (ProvisionState::Available, object(json!({})))
    );
}

#[tokio::test]
async fn an_active_node_is_rescued_and_serviced() {
    let lab = Lab::new("cs-rescue").await;
    let node = lab.node("a", json!({})).await;
    let id = node.uuid.as_str();
    lab.walk(id, &[Verb::Manage, Verb::Provide, Verb::Active]).await;
    let rescue = ProvisionRequest {
        rescue_password: Some(SecretString::from("not for logs")),
        ..with(Verb::Rescue)
    };
    assert_eq!(
        lab.go(id, &rescue).await.unwrap().value.provision_state,
        ProvisionState::Rescue
    );
    let over = lab.walk(id, &[Verb::Unrescue]).await;
    assert_eq!(over.provision_state, ProvisionState::Active);
    let service = ProvisionRequest {
        steps: vec![object(json!({"interface": "vendor", "step": "log_passthrough"}))],
        ..with(Verb::Service)
    };
    let served = lab.go(id, &service).await.unwrap().value;
    assert_eq!(served.provision_state, ProvisionState::Active);
}

#[tokio::test]
async fn a_retired_node_ends_in_manageable() {
    let lab = Lab::new("cs-retired").await;
    let node = lab.node("a", json!({})).await;
    lab.walk(&node.uuid, &[Verb::Manage, Verb::Provide, Verb::Active])
        .await;
    let retired = NodeUpdate {
        retired: Some(true),
        ..NodeUpdate::default()
    };
    lab.client.update_node(&node.uuid, &retired).await.unwrap();
    let end = lab.walk(&node.uuid, &[Verb::Deleted]).await;
    assert_eq!(end.provision_state, ProvisionState::Manageable);
    let error = lab.go(&node.uuid, &with(Verb::Provide)).await.unwrap_err();
    assert_eq!(error.rejection(), Some(Rejection::Retired), "{error}");
}

#[tokio::test]
async fn a_failure_ends_the_wait_with_ironics_words() {
    let lab = Lab::new("cs-fail").await;
    let node = lab
        .node(
            "a",
            json!({"verify_fail": {"message": "wrong password", "times": 1}}),
        )
        .await;
    let error = lab.go(&node.uuid, &with(Verb::Manage)).await.unwrap_err();
    assert!(error.words().contains("wrong password"), "{error:?}");
    // Nobody asks now: the old error is no failure of anything, and the node is at rest.
    let wait = lab
        .client
        .wait_for_node_provision_state(&node.uuid, Goal::Manageable, LONG);
    let error = wait.await.unwrap_err();
    assert!(
        matches!(
            &error,
            Error::Unreached {
                progress: Progress::Elsewhere,
                ..
            }
        ),
        "{error:?}"
    );
    lab.walk(&node.uuid, &[Verb::Manage, Verb::Provide]).await;
    lab.client
        .update_node(&node.uuid, &script(json!({"deploy_fail": "disk on fire"})))
        .await
        .unwrap();
    let error = lab.go(&node.uuid, &with(Verb::Active)).await.unwrap_err();
    assert!(
        matches!(
            &error,
            Error::Unreached {
                progress: Progress::Failed,
                ..
            }
        ),
        "{error:?}"
    );
    assert!(error.words().contains("disk on fire"), "{}", error.words());
    // A failure can be what is waited for.
    let failed = lab
        .client
        .wait_for_node_provision_state(&node.uuid, state("deploy failed"), LONG);
    assert_eq!(failed.await.unwrap().uuid, node.uuid);
}

#[tokio::test]
async fn a_verb_that_makes_no_sense_is_refused() {
    let lab = Lab::new("cs-refuse").await;
    let node = lab.node("a", json!({})).await;
    let error = lab.go(&node.uuid, &with(Verb::Active)).await.unwrap_err();
    assert_eq!(error.rejection(), Some(Rejection::InvalidState), "{error}");
    lab.proxy.clear_log();
    let steps = ProvisionRequest {
        steps: vec![object(json!({"interface": "deploy", "step": "x"}))],
        ..with(Verb::Provide)
    };
    for refused in [steps, with(Verb::Rescue), with(Verb::Clean)] {
        let error = lab.go(&node.uuid, &refused).await.unwrap_err();
        assert!(matches!(error, Error::Argument { .. }), "{error}");
    }
    let unhold = ProvisionRequest {
        runbook: Some("r".into()),
        ..with(Verb::Unhold)
    };
    assert!(matches!(
        lab.go(&node.uuid, &unhold).await,
        Err(Error::Argument { .. })
    ));
    assert_eq!(lab.sent(), Vec::<String>::new());
}

/// A change of a node's script.
pub fn script(keys: Value) -> NodeUpdate {
    NodeUpdate {
        extra: Edit::set("testkit", keys),
        ..NodeUpdate::default()
    }
}

#[tokio::test]
async fn a_node_that_waits_is_waited_for_until_time_is_over_and_can_be_stopped() {
    let lab = Lab::new("cs-abort").await;
    let node = lab.node("a", json!({"clean_wait": true})).await;
    lab.walk(&node.uuid, &[Verb::Manage]).await;
    let short = Duration::from_millis(1500);
    let provide = with(Verb::Provide);
    let wait = lab
        .client
        .set_node_provision_state_and_wait(&node.uuid, &provide, short);
    let error = wait.await.unwrap_err();
    assert!(
        matches!(&error, Error::StillWaiting { state, .. } if state.starts_with("clean")),
        "{error:?}"
    );
    let waiting = lab
        .client
        .wait_for_node_provision_state(&node.uuid, state("clean wait"), LONG);
    waiting.await.unwrap();
    let stopped = lab.walk(&node.uuid, &[Verb::Abort]).await;
    assert_eq!(stopped.provision_state, ProvisionState::CleanFailed);
}
