//! A fleet that is taken over as it is costs Ironic its listings, and no request for each node.

#![cfg(test)]

use futures::future::join_all;
use serde_json::{Value, json};

use crate::harness::{World, manifest};

const MANY: usize = 20;

/// Enrols a node by hand, as an administrator did long ago; its id.
async fn enrolled(world: &World, name: &str) -> String {
    let node = json!({"name": name, "driver": "fake-hardware", "resource_class": "baremetal"});
    let (code, node) = world.meddle("POST", "/v1/nodes", &node).await;
    assert_eq!(code, 201);
    node["uuid"].as_str().unwrap().to_owned()
}

fn spec(id: &str, policy: &str) -> Value {
    json!({"import": {"id": id}, "managementPolicy": policy, "resourceClass": "baremetal"})
}

#[tokio::test]
async fn nodes_that_are_as_the_spec_says_are_not_read_one_by_one() {
    let mut world = World::empty("imports").await;
    let mut lab = world.lab();
    lab["spec"]["intervals"] = json!({"quietSeconds": 2, "sweepSeconds": 3600});
    world.apply(&lab).await.unwrap();
    let names: Vec<_> = (0..MANY).map(|node| format!("n{node:02}")).collect();
    let mut ids = vec![];
    for name in &names {
        ids.push(enrolled(&world, &format!("imports~{name}")).await);
    }
    join_all(names.iter().zip(&ids).map(|(name, id)| {
        let node = manifest(name, &spec(id, "Observe"));
        let world = &world;
        async move { world.apply(&node).await.unwrap() }
    }))
    .await;
    world.start_operator().await;
    for name in &names {
        world.ready(name, "Observing").await;
    }
    assert_eq!(
        world.proxy.count("GET", "/v1/nodes/{}"),
        0,
        "at the start of the operator"
    );
    let listings = world.proxy.count("GET", "/v1/nodes");
    assert!(listings <= 8, "{listings}");

    // What is not as the spec says is read before anything is written.
    world
        .edit(&names[0], &json!({"managementPolicy": "Managed"}))
        .await;
    world.ready(&names[0], "Enrolled").await;
    assert_eq!(world.proxy.count("PATCH", "/v1/nodes/{}"), 1, "its mark");
    assert!(world.proxy.count("GET", "/v1/nodes/{}") >= 1);
}
