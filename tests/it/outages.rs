//! Ironic stops or dies in mid-deploy. Each test has an Ironic of its own to do that to.

#![cfg(test)]

use std::time::{Duration, Instant};

use serde_json::json;

use crate::harness::{World, active, condition, message, stack, status};
use crate::sight::cloud_message;

/// How long a deployment takes.
const DEPLOYMENT: u64 = 6;

/// How long Ironic stands still.
const STANDSTILL: Duration = Duration::from_mins(1);

/// An Ironic that answers again is seen within the pause between two looks at a quiet one, which is 15 s, and a busy machine's
/// time to act on it.
const SEEN: Duration = Duration::from_secs(15 + 10);

/// A world with an Ironic of its own that is deploying the node `a` at this moment.
async fn deploying(name: &str) -> World {
    let stack = stack().await.with_own_ironic(name).await.expect("an Ironic");
    let mut world = World::before(&stack, &stack.ironic.endpoint(), name).await;
    world.apply(&world.lab()).await.expect("the cloud is accepted");
    world.start_operator().await;
    let mut spec = active("http://images.example/one.qcow2");
    spec["interfaces"] = json!({"deploy": "testkit"});
    spec["extra"] = json!({"testkit": {"deploy_delay": DEPLOYMENT}});
    world.apply_node("a", &spec).await;
    world
        .wait("a", "it is seen deploying", |node| {
            let status = node.status.as_ref();
            status.and_then(|status| status.provision_state.as_deref()) == Some("deploying")
        })
        .await;
    let live = world.live("a").await.expect("it is enrolled");
    assert_eq!(live["provision_state"], "deploying", "struck in mid-deploy");
    world
}

#[tokio::test]
async fn an_ironic_that_stands_still_for_a_minute_in_mid_deploy_is_asked_once() {
    let world = deploying("outages-stopped").await;
    world.stack.ironic.process().await.pause();
    let stopped = Instant::now();
    let cloud = world
        .cloud_condition("lab", "Reconciling", "True", "CloudUnavailable")
        .await;
    assert!(stopped.elapsed() < STANDSTILL, "told while it lasts");
    let said = cloud_message(&cloud, "Ready");
    assert!(said.contains("gives no usable answer"), "{said}");
    let node = world.nodes.get("a").await.unwrap();
    assert_eq!(status(&node).provision_state.as_deref(), Some("deploying"));
    assert_eq!(condition(&node, "Ready").map(|(ready, ..)| ready), Some("False"));
    assert_eq!(
        condition(&node, "Stalled").map(|(stalled, ..)| stalled),
        Some("False")
    );
    // That is the fault: nothing to be waited for happens in a process that stands still.
    tokio::time::sleep(STANDSTILL.saturating_sub(stopped.elapsed())).await;
    world.stack.ironic.process().await.resume();
    let resumed = Instant::now();
    world.cloud_condition("lab", "Ready", "True", "Observed").await;
    world.ready("a", "Deployed").await;
    assert!(resumed.elapsed() < SEEN, "{:?}", resumed.elapsed());
    world.lists(2).await;
    let id = status(&node).id.clone().unwrap();
    assert_eq!(world.verbs_of(&id), ["manage", "provide", "active"]);
    let live = world.live_by_id(&id).await.unwrap();
    assert_eq!(live["provision_state"], "active");
}

#[tokio::test]
async fn a_deployment_that_died_with_ironic_is_told_and_made_again() {
    let world = deploying("outages-killed").await;
    world.stack.ironic.process().await.kill().await;
    let cloud = world
        .cloud_condition("lab", "Reconciling", "True", "CloudUnavailable")
        .await;
    assert!(cloud_message(&cloud, "Ready").contains("gives no usable answer"));
    world.stack.ironic.restart().await.expect("Ironic comes back");
    let node = world
        .wait("a", "the failure is told", |node| {
            condition(node, "Ready").is_some_and(|(.., reason, _)| reason == "DeployFailed")
        })
        .await;
    let said = message(&node, "Ready");
    assert!(said.contains("can't be resumed by conductor"), "{said}");
    assert_eq!(status(&node).provision_state.as_deref(), Some("deploy failed"));
    world.ready("a", "Deployed").await;
    world.lists(2).await;
    let id = status(&node).id.clone().unwrap();
    assert_eq!(world.verbs_of(&id), ["manage", "provide", "active", "active"]);
    let history = format!("/v1/nodes/{id}/history");
    let (_, history) = world.meddle("GET", &history, &serde_json::Value::Null).await;
    let events = history["history"].as_array().expect("events");
    let failures = events.iter().filter(|event| event["severity"] == "ERROR");
    assert_eq!(failures.count(), 1, "Ironic's own history: {history}");
}
