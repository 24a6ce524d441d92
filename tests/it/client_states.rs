//! What moves nodes, and the waits for it, on a real Ironic.

#![cfg(test)]

use std::time::Duration;

use futures::future::join;
use ironwright::ironic::client::{ConfigDrive, Error, NodesWait, ProvisionRequest, Rejection};
use ironwright::ironic::configdrive::Content;
use ironwright::ironic::model::{
    Edit, Goal, InterfaceKind, NodeUpdate, PowerState, PowerTarget, Progress, ProvisionState, Verb,
};
use secrecy::SecretString;
use serde_json::{Value, json};

use crate::client_lab::{LONG, Lab, object, state};

fn with(verb: Verb) -> ProvisionRequest {
    ProvisionRequest::new(verb)
}

/// A change of a node's script.
fn script(keys: Value) -> NodeUpdate {
    NodeUpdate {
        extra: Edit::set("testkit", keys),
        ..NodeUpdate::default()
    }
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

#[tokio::test]
async fn the_power_is_seen_through() {
    let lab = Lab::new("cs-power").await;
    let node = lab.node("a", json!({"power_delay": 1.5})).await;
    let client = lab.client.retry_on_conflict(LONG);
    lab.walk(&node.uuid, &[Verb::Manage]).await;
    for (target, expected) in [
        (PowerTarget::On, PowerState::On),
        (PowerTarget::Reboot, PowerState::On),
        (PowerTarget::Off, PowerState::Off),
    ] {
        let done = client
            .set_node_power_state_and_wait(&node.uuid, target, None, LONG)
            .await;
        let done = done.unwrap().value;
        assert_eq!(
            (done.power_state, done.target_power_state),
            (Some(expected), None),
            "{target:?}"
        );
    }
    // A reboot ends where it begins: only its end is the end.
    client
        .set_node_power_state_and_wait(&node.uuid, PowerTarget::On, None, LONG)
        .await
        .unwrap();
    client
        .set_node_power_state(&node.uuid, PowerTarget::Reboot, None)
        .await
        .unwrap();
    let begun = client.get_node(&node.uuid).await.unwrap().value;
    assert_eq!(begun.power_state, Some(PowerState::On));
    let early = client
        .wait_for_node_power_state(&node.uuid, PowerTarget::Reboot, Duration::ZERO)
        .await;
    assert!(matches!(early, Err(Error::StillWaiting { .. })), "{early:?}");
    client
        .wait_for_node_power_state(&node.uuid, PowerTarget::Reboot, LONG)
        .await
        .unwrap();
    client
        .update_node(&node.uuid, &script(json!({"power_fail": "no current"})))
        .await
        .unwrap();
    let failed = client
        .set_node_power_state_and_wait(&node.uuid, PowerTarget::Off, None, LONG)
        .await;
    let failed = failed.unwrap_err();
    assert!(
        matches!(failed, Error::PowerUnreached { .. }) && failed.words().contains("no current"),
        "{failed:?}"
    );
}

#[tokio::test]
async fn soft_power_has_a_time_limit() {
    let lab = Lab::new("cs-soft").await;
    let node = lab.node("a", json!({})).await;
    let client = lab.client.retry_on_conflict(LONG);
    let minute = Some(Duration::from_mins(1));
    for (target, expected) in [
        (PowerTarget::On, PowerState::On),
        (PowerTarget::SoftReboot, PowerState::On),
        (PowerTarget::SoftOff, PowerState::Off),
    ] {
        let done = client
            .set_node_power_state_and_wait(&node.uuid, target, minute, LONG)
            .await;
        let done = done.unwrap().value;
        assert_eq!(done.power_state, Some(expected), "{target:?}");
    }
    let pinned = NodeUpdate {
        disable_power_off: Some(true),
        ..NodeUpdate::default()
    };
    client.update_node(&node.uuid, &pinned).await.unwrap();
    let error = client
        .set_node_power_state(&node.uuid, PowerTarget::Off, None)
        .await
        .unwrap_err();
    assert_eq!(error.status(), Some(409), "{error}");
}

#[tokio::test]
async fn a_lock_is_waited_for_by_name_too() {
    let lab = Lab::new("cs-lock").await;
    let node = lab.node("a", json!({"power_delay": 2})).await;
    lab.client
        .wait_for_node_reservation(&lab.name("a"), Duration::ZERO)
        .await
        .unwrap();
    lab.client
        .set_node_power_state(&node.uuid, PowerTarget::On, None)
        .await
        .unwrap();
    lab.proxy.clear_log();
    let free = lab
        .client
        .wait_for_node_reservation(&lab.name("a"), LONG)
        .await
        .unwrap();
    assert_eq!((free.reservation, free.power_state), (None, Some(PowerState::On)));
    assert!(lab.sent().len() > 1, "it was locked at first");
    // A change that comes while the lock is held is made when it is free.
    lab.client
        .set_node_power_state(&node.uuid, PowerTarget::Reboot, None)
        .await
        .unwrap();
    let patient = lab.client.retry_on_conflict(LONG);
    let change = NodeUpdate {
        description: "after it".into(),
        ..NodeUpdate::default()
    };
    let changed = patient.update_node(&lab.name("a"), &change).await.unwrap().value;
    assert_eq!(changed.description.as_deref(), Some("after it"));
}

#[tokio::test]
async fn many_nodes_are_waited_for_at_the_cost_of_one_listing() {
    let lab = Lab::new("cs-many").await;
    let mut asked = Vec::new();
    for number in 0..4 {
        let fails = if number == 3 {
            json!({"verify_fail": "no such BMC"})
        } else {
            json!({"verify_delay": number})
        };
        let node = lab.node(&number.to_string(), fails).await;
        lab.client
            .set_node_provision_state(&node.uuid, &with(Verb::Manage))
            .await
            .unwrap();
        asked.push(if number % 2 == 0 {
            node.uuid.to_uppercase()
        } else {
            lab.name(&number.to_string())
        });
    }
    asked.push(asked[0].clone());
    asked.push(lab.name("nobody"));
    lab.proxy.clear_log();
    let wait = lab
        .client
        .wait_for_nodes_provision_state(&asked, Goal::Manageable, NodesWait::new(LONG));
    let outcome = wait.await.unwrap();
    assert_eq!(
        (outcome.reached.len(), outcome.unreached.len()),
        (3, 2),
        "{outcome:?}"
    );
    for (name, error) in &outcome.unreached {
        let right = match error {
            Error::Unreached { .. } => *name == lab.name("3"),
            error => error.is_not_found() && *name == lab.name("nobody"),
        };
        assert!(right, "{name}: {error}");
    }
    let sent = lab.sent();
    let nobody = format!("GET /v1/nodes/{}", lab.name("nobody"));
    let others: Vec<_> = sent.iter().filter(|request| **request != nobody).collect();
    let listings = others
        .iter()
        .take_while(|request| **request == "GET /v1/nodes")
        .count();
    let last = others.get(listings..).expect("the rest");
    // The last one is looked at by itself, which is one request too.
    assert!(
        last.windows(2).all(|two| two[0] == two[1]) && listings > 0,
        "{sent:?}"
    );
    assert_eq!(sent.len(), others.len() + 1, "what no listing shows is asked for");
    assert!(outcome.all().is_err());
}

#[tokio::test]
async fn a_wait_for_many_gives_up_as_it_is_told() {
    let lab = Lab::new("cs-give-up").await;
    let slow = lab.node("slow", json!({"clean_wait": true})).await;
    let bad = lab.node("bad", json!({"clean_fail": "dust"})).await;
    let ids = [slow.uuid.clone(), bad.uuid.clone()];
    for id in &ids {
        lab.walk(id, &[Verb::Manage]).await;
        lab.client
            .set_node_provision_state(id, &with(Verb::Provide))
            .await
            .unwrap();
    }
    let failed = lab
        .client
        .wait_for_node_provision_state(&bad.uuid, state("clean failed"), LONG);
    let waiting = lab
        .client
        .wait_for_node_provision_state(&slow.uuid, state("clean wait"), LONG);
    let (failed, waiting) = join(failed, waiting).await;
    failed.unwrap();
    waiting.unwrap();
    let outcome = async |wait| {
        let waited = lab
            .client
            .wait_for_nodes_provision_state(&ids, Goal::Available, wait)
            .await
            .unwrap();
        let why = |error: &Error| match error {
            Error::Unreached { progress, .. } => format!("{progress:?}"),
            Error::StillWaiting { .. } => "late".to_owned(),
            other => panic!("{other}"),
        };
        let mut ends: Vec<_> = waited
            .unreached
            .iter()
            .map(|(id, error)| (id == &bad.uuid, why(error)))
            .collect();
        ends.sort();
        ends
    };
    let short = NodesWait::new(Duration::from_millis(1200));
    let both = |bad: &str| vec![(false, "late".to_owned()), (true, bad.to_owned())];
    assert_eq!(outcome(short).await, both("Failed"));
    assert_eq!(
        outcome(NodesWait {
            abort_on_failed_state: false,
            ..short
        })
        .await,
        both("late")
    );
    let fast = NodesWait {
        fail_fast: true,
        ..NodesWait::new(Duration::from_hours(1))
    };
    assert_eq!(outcome(fast).await, both("Failed"), "the first failure ends it");
}

#[tokio::test]
async fn a_node_that_vanishes_ends_the_wait() {
    let lab = Lab::new("cs-gone").await;
    let node = lab.node("a", json!({})).await;
    let wait = lab
        .client
        .wait_for_node_provision_state(&node.uuid, Goal::Manageable, LONG);
    assert!(matches!(
        wait.await,
        Err(Error::Unreached {
            progress: Progress::Elsewhere,
            ..
        })
    ));
    lab.client.delete_node(&node.uuid).await.unwrap();
    let wait = lab
        .client
        .wait_for_node_provision_state(&node.uuid, Goal::Manageable, LONG);
    assert!(wait.await.unwrap_err().is_not_found());
}

#[tokio::test]
async fn a_node_is_valid_if_what_is_required_is() {
    use InterfaceKind::{Boot, Deploy, Inspect, Power, Vendor};
    let lab = Lab::new("cs-valid").await;
    let node = lab.node("a", json!({})).await;
    let judged = lab
        .client
        .validate_node(&node.uuid, &[Deploy, Power])
        .await
        .unwrap();
    assert_eq!(
        (judged["power"].result, judged["power"].reason.clone()),
        (Some(true), None)
    );
    let redfish = ironwright::ironic::model::NodeCreate {
        name: Some(lab.name("r")),
        driver: "redfish".into(),
        ..Default::default()
    };
    let redfish = lab.client.create_node(&redfish).await.unwrap().value.uuid;
    let bad = lab
        .client
        .validate_node(&redfish, &[Boot, Power, Inspect])
        .await
        .unwrap_err();
    let Error::Invalid { problems, .. } = &bad else {
        panic!("{bad:?}")
    };
    assert!(
        problems.contains("power: ") && problems.contains("redfish_address"),
        "{problems}"
    );
    let judged = lab.client.validate_node(&redfish, &[]).await.unwrap();
    assert_eq!(judged["power"].result, Some(false));
    let unjudged = lab.client.validate_node(&node.uuid, &[Vendor]).await.unwrap_err();
    assert!(
        matches!(&unjudged, Error::Invalid { problems, .. } if problems == "vendor: not judged"),
        "{unjudged}"
    );
}
