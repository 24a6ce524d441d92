//! An object on which the operator panics stops nothing else.

#![cfg(test)]

use serde_json::json;

use crate::harness::{World, active, condition, message, status};
use crate::sight::cloud_message;

/// A world whose operator panics on this object of the namespace.
async fn poisoned(name: &str, object: &str) -> World {
    let mut world = World::empty(name).await;
    world.apply(&world.lab()).await.expect("the cloud is accepted");
    let mut options = world.operator_options().await.expect("the options");
    let (kind, object) = object.split_once('/').expect("kind and name");
    let poison = format!("{kind}/{name}/{object}");
    options.env.push(("IRONWRIGHT_PANIC_ON".to_owned(), poison));
    let operator = ironwright_stack::Operator::start(&world.stack.run, &options).await;
    world.operator = Some(operator.expect("the operator gets ready"));
    world
}

/// How often the operator has panicked on a kind.
async fn panics(world: &World, kind: &str) -> u32 {
    let metrics = world.operator().metrics().await.expect("metrics");
    let name = format!("ironwright_panics_total{{kind=\"{kind}\"}} ");
    let line = metrics.lines().find_map(|line| line.strip_prefix(&name));
    line.and_then(|count| count.parse().ok()).unwrap_or_default()
}

#[tokio::test]
async fn a_node_that_panics_says_so_and_the_others_go_on() {
    let mut world = poisoned("panics-node", "BareMetalNode/b").await;
    let available = json!({"provision": {"state": "available"}});
    for name in ["a", "b", "c"] {
        world.apply_node(name, &available).await;
    }
    let node = world.condition("b", "Stalled", "True", "InternalError").await;
    assert!(message(&node, "Ready").contains("an error of its own"));
    assert_eq!(condition(&node, "Ready").map(|(ready, ..)| ready), Some("False"));
    for name in ["a", "c"] {
        world.ready(name, "Available").await;
    }
    // Also after the panic, and after a further one.
    world.edit("b", &json!({"properties": {"cpus": 8}})).await;
    world.condition("b", "Stalled", "True", "InternalError").await;
    world.edit("a", &active("http://images.example/one.qcow2")).await;
    world.ready("a", "Deployed").await;
    // Once for each change of the object, of its status and of its cloud, and then no more.
    let counted = panics(&world, "BareMetalNode").await;
    assert!((2..=8).contains(&counted), "{counted} panics");
    world.lists(3).await;
    assert_eq!(panics(&world, "BareMetalNode").await, counted);
    assert_eq!(status(&world.nodes.get("b").await.unwrap()).id, None);
    assert_eq!(
        world.proxy.count("POST", "/v1/nodes"),
        2,
        "nothing is asked for it"
    );

    // Healed, as by a new release.
    world.restart_operator(false).await;
    world.ready("b", "Available").await;
    assert_eq!(panics(&world, "BareMetalNode").await, 0);
}

#[tokio::test]
async fn a_cloud_that_panics_says_so_and_the_others_go_on() {
    let world = poisoned("panics-cloud", "BareMetalCloud/other").await;
    let mut other = world.lab();
    other["metadata"]["name"] = json!("other");
    world.apply(&other).await.unwrap();
    let cloud = world
        .cloud_condition("other", "Stalled", "True", "InternalError")
        .await;
    assert!(cloud_message(&cloud, "Ready").contains("an error of its own"));
    world
        .apply_node("a", &json!({"provision": {"state": "available"}}))
        .await;
    world.ready("a", "Available").await;
    world.cloud_condition("lab", "Ready", "True", "Observed").await;
    world
        .edit_cloud(json!({"spec": {"intervals": {"quietSeconds": 1}}}))
        .await;
    world.cloud_condition("lab", "Ready", "True", "Observed").await;
    let counted = panics(&world, "BareMetalCloud").await;
    assert!((1..=4).contains(&counted), "{counted} panics");
    world.lists(3).await;
    assert_eq!(panics(&world, "BareMetalCloud").await, counted);
}
