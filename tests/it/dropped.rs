//! Connections that break before or after Ironic has acted: nothing is done twice.

#![cfg(test)]

use ironwright_stack::proxy::Action;
use serde_json::{Value, json};

use crate::harness::{World, active, status};

/// Names of the nodes that Ironic has with this prefix.
async fn names(world: &World) -> Vec<String> {
    let (_, answer) = world.meddle("GET", "/v1/nodes?fields=name", &Value::Null).await;
    let prefix = format!("{}~", world.namespace);
    let names = answer["nodes"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|node| node["name"].as_str());
    names
        .filter(|name| name.starts_with(&prefix))
        .map(str::to_owned)
        .collect()
}

/// The whole life of a machine, with the first request of every kind dropped so.
async fn lives_and_dies(name: &str, how: Action) -> World {
    let world = World::new(name).await;
    for (method, route) in [
        ("POST", "/v1/nodes"),
        ("PATCH", "/v1/nodes/{}"),
        ("DELETE", "/v1/nodes/{}"),
    ] {
        world.proxy.when(method, route).nth(1).then(how.clone());
    }
    for verb in ["manage", "provide", "active", "deleted"] {
        let wanted = format!("\"{verb}\"");
        let is_verb = move |seen: &ironwright_stack::proxy::Seen| {
            seen.method == "PUT" && String::from_utf8_lossy(&seen.body).contains(&wanted)
        };
        world.proxy.when_request(is_verb).nth(1).then(how.clone());
    }
    let mut spec = active("http://images.example/one.qcow2");
    spec["deletionPolicy"] = json!("Undeploy");
    world.apply_node("a", &spec).await;
    let node = world.ready("a", "Deployed").await;
    assert_eq!(status(&node).id, node.metadata.uid);
    assert_eq!(names(&world).await, [format!("{name}~a")]);
    world.delete("a").await;
    world.gone("a").await;
    assert_eq!(names(&world).await, Vec::<String>::new());
    world
}

#[tokio::test]
async fn what_ironic_did_before_the_connection_broke_is_not_done_again() {
    let world = lives_and_dies("dropped-after", Action::DropAfter).await;
    for verb in ["manage", "provide", "active", "deleted"] {
        assert_eq!(world.count_verb(verb), 1, "{verb}: {:#?}", world.mutations());
    }
    let patches = world.bodies("PATCH", "");
    assert_eq!(patches.len(), 1, "{patches:?}");
}

#[tokio::test]
async fn what_never_reached_ironic_is_done_once() {
    let world = lives_and_dies("dropped-before", Action::DropBefore).await;
    for verb in ["manage", "provide", "active", "deleted"] {
        let sent = world.count_verb(verb);
        assert_eq!(sent, 2, "{verb}, one of them lost: {:#?}", world.mutations());
    }
}
