//! Two that want one machine.

#![cfg(test)]

use std::time::Duration;

use ironwright_stack::proxy::Action;
use serde_json::{Value, json};

use crate::harness::{World, message, status};

fn at(bmc: &str) -> Value {
    json!({
        "provision": {"state": "available"},
        "driverInfo": {"redfish_address": format!("https://{bmc}.bmc.example")},
    })
}

#[tokio::test]
async fn the_second_of_two_objects_with_one_bmc_waits_until_the_first_is_gone() {
    let world = World::quiet("rivals-later", 2).await;
    world.apply_node("a", &at("rivals-later")).await;
    world.ready("a", "Available").await;
    world.apply_node("b", &at("rivals-later")).await;
    let second = world
        .condition("b", "Stalled", "True", "MachineAlreadyEnrolled")
        .await;
    let why = message(&second, "Stalled");
    assert!(why.contains("BareMetalNode rivals-later/a"), "{why}");
    assert_eq!(status(&second).id, None);
    world.lists(2).await;
    assert_eq!(world.proxy.count("POST", "/v1/nodes"), 1);

    world.delete("a").await;
    world.gone("a").await;
    world.ready("b", "Available").await;
    assert_eq!(world.proxy.count("POST", "/v1/nodes"), 2);
}

/// Names are ordered against the order of creation: within one second, age does not tell who was first.
#[tokio::test]
async fn of_objects_with_one_bmc_applied_at_once_exactly_one_is_enrolled() {
    let world = World::quiet("rivals-at-once", 2).await;
    // The others are decided on while the first is on its way.
    let slow = Action::Delay(Duration::from_secs(2));
    world.proxy.when("POST", "/v1/nodes").nth(1).then(slow);
    let names = ["d", "c", "b", "a"];
    for name in names {
        world.apply_node(name, &at("rivals-at-once")).await;
    }
    let first = world.wait("d", "one is enrolled or refused", |node| {
        let conditions = node.status.iter().flat_map(|status| &status.conditions);
        conditions
            .clone()
            .any(|condition| condition.reason == "Available" || condition.reason == "MachineAlreadyEnrolled")
    });
    first.await;
    world.lists(3).await;
    let mut refused = 0;
    for name in names {
        let node = world.nodes.get(name).await.unwrap();
        let why = message(&node, "Stalled");
        refused += usize::from(why.contains("BareMetalNode rivals-at-once/"));
    }
    assert_eq!((world.proxy.count("POST", "/v1/nodes"), refused), (1, 3));
}

#[tokio::test]
async fn what_somebody_else_enrolled_is_theirs_by_bmc_and_by_name() {
    let world = World::quiet("rivals-foreign", 2).await;
    // The sweep of the start is over: what is enrolled from now on is seen by the frequent lists only.
    world.lists(2).await;
    let theirs = json!([
        {"name": "theirs-by-bmc", "driver": "fake-hardware",
            "driver_info": {"redfish_address": "rivals-foreign.bmc.example:443"}},
        {"name": "theirs-by-name", "driver": "fake-hardware"},
    ]);
    for node in theirs.as_array().unwrap() {
        assert_eq!(world.meddle("POST", "/v1/nodes", node).await.0, 201);
    }
    world.lists(2).await;
    world.apply_node("by-bmc", &at("rivals-foreign")).await;
    world
        .apply_node(
            "by-name",
            &json!({"name": "theirs-by-name", "provision": {"state": "available"}}),
        )
        .await;
    for name in ["by-bmc", "by-name"] {
        let node = world
            .condition(name, "Stalled", "True", "MachineAlreadyEnrolled")
            .await;
        let why = message(&node, "Stalled");
        assert!(why.contains(&format!("theirs-{name}")), "{why}");
    }
    world.lists(2).await;
    assert_eq!(world.mutations(), Vec::<String>::new());

    for node in ["theirs-by-bmc", "theirs-by-name"] {
        assert_eq!(
            world
                .meddle("DELETE", &format!("/v1/nodes/{node}"), &Value::Null)
                .await
                .0,
            204
        );
    }
    for name in ["by-bmc", "by-name"] {
        world.ready(name, "Available").await;
    }
}

#[tokio::test]
async fn a_machine_of_another_namespace_is_not_taken() {
    let (ours, theirs) = (
        World::quiet("rivals-ours", 2).await,
        World::quiet("rivals-theirs", 2).await,
    );
    ours.lists(2).await;
    theirs.apply_node("a", &at("rivals-namespaces")).await;
    theirs.ready("a", "Available").await;
    ours.lists(2).await;
    ours.apply_node("a", &at("rivals-namespaces")).await;
    let node = ours
        .condition("a", "Stalled", "True", "MachineAlreadyEnrolled")
        .await;
    let why = message(&node, "Stalled");
    assert!(why.contains("BareMetalNode of another namespace"), "{why}");
    assert!(!why.contains("rivals-theirs"), "{why}");
    ours.lists(2).await;
    assert_eq!(ours.mutations(), Vec::<String>::new());
    theirs.delete("a").await;
    theirs.gone("a").await;
    ours.ready("a", "Available").await;
}
