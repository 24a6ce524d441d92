//! What an object may do to its machine: told by its spec, by its cloud, and by what others have said about the machine.

#![cfg(test)]

use std::time::Duration;

use ironwright_stack::proxy::Action;
use serde_json::{Value, json};

use crate::harness::{LIMIT, World, active, condition, message, stack, status};
use crate::probe::{names, node_of};

const IMAGE: &str = "http://images.example/one.qcow2";

async fn deployed(world: &World, name: &str, spec: &Value) -> String {
    let mut whole = active(IMAGE);
    json_patch::merge(&mut whole, spec);
    world.apply_node(name, &whole).await;
    status(&world.ready(name, "Deployed").await).id.clone().unwrap()
}

#[tokio::test]
async fn a_machine_of_another_cluster_is_not_taken() {
    let ours = stack().await;
    let theirs = ours.with_own_control_plane().await.expect("another cluster");
    let name = "policies-clusters";
    // One Ironic, and in both clusters the same manifest in the same namespace.
    let mut first = World::before(&theirs, &ours.ironic.endpoint(), name).await;
    let mut second = World::before(ours, &ours.ironic.endpoint(), name).await;
    let spec = json!({
        "provision": {"state": "available"},
        "driverInfo": {"redfish_address": "https://policies-clusters.bmc.example"},
    });
    for world in [&mut first, &mut second] {
        world.apply(&world.lab()).await.unwrap();
        world.start_operator().await;
    }
    first.apply_node("a", &spec).await;
    first.ready("a", "Available").await;
    second.lists(2).await;
    second.apply_node("a", &spec).await;
    let node = second
        .condition("a", "Stalled", "True", "MachineAlreadyEnrolled")
        .await;
    let said = message(&node, "Stalled");
    let namespaces = kube::Api::<k8s_openapi::api::core::v1::Namespace>::all(first.client.clone());
    let cluster = namespaces.get("kube-system").await.unwrap().metadata.uid.unwrap();
    assert!(
        said.contains(&format!("BareMetalNode {name}/a of cluster {cluster}")),
        "{said}"
    );
    second.edit("a", &active(IMAGE)).await;
    second
        .condition("a", "Stalled", "True", "MachineAlreadyEnrolled")
        .await;
    second.lists(2).await;
    assert_eq!(second.mutations(), Vec::<String>::new(), "nothing is written");
    first.ready("a", "Available").await;

    first.delete("a").await;
    first.gone("a").await;
    second.ready("a", "Deployed").await;
}

/// Says in Ironic, past the operator, whether a machine is protected.
async fn protect(world: &World, id: &str, protected: bool) {
    let patch = json!([{"op": "replace", "path": "/protected", "value": protected}]);
    let (code, said) = world.meddle("PATCH", &format!("/v1/nodes/{id}"), &patch).await;
    assert_eq!(code, 200, "{said}");
}

#[tokio::test]
async fn a_protected_machine_is_not_torn_down_under_any_policy() {
    let world = World::quiet("policies-protected", 2).await;
    let all = ["edited", "deleted", "undeployed", "detached"];
    let mut ids = vec![];
    for name in all {
        let policy = match name {
            "undeployed" => json!("Undeploy"),
            "detached" => json!("Detach"),
            _ => Value::Null,
        };
        let id = deployed(&world, name, &json!({"deletionPolicy": policy})).await;
        protect(&world, &id, true).await;
        ids.push(id);
    }
    world.lists(2).await;
    let sent = world.writes();
    let leave = json!({"provision": {"state": "available", "instance": null}});
    world.edit("edited", &leave).await;
    for name in &all[1..] {
        world.delete(name).await;
    }
    for name in &all[..3] {
        let node = world.condition(name, "Stalled", "True", "Protected").await;
        assert!(message(&node, "Ready").contains("protected"));
    }
    world.gone("detached").await;
    world.lists(2).await;
    assert_eq!(world.writes(), sent, "nothing is sent");
    for id in &ids {
        assert_eq!(world.live_by_id(id).await.unwrap()["provision_state"], "active");
        protect(&world, id, false).await;
    }
    world.ready("edited", "Available").await;
    world.gone("undeployed").await;
    assert_eq!(world.live_by_id(&ids[2]).await, None);
    // Lifting the protection is no leave to wipe.
    world
        .condition("deleted", "Stalled", "True", "InstancePresent")
        .await;
    for id in [&ids[1], &ids[3]] {
        assert_eq!(world.live_by_id(id).await.unwrap()["provision_state"], "active");
    }
    world.assert_no_verb_repeated();
}

/// Six machines on different steps of their way to an instance; `n00` is being deployed at this moment.
async fn under_way(world: &World) -> Vec<String> {
    let deploys = "/v1/nodes/{}/states/provision";
    let slow = Action::Delay(Duration::from_millis(300));
    world.proxy.when("PUT", deploys).then(slow);
    let nodes = names(6);
    let mut spec = active(IMAGE);
    spec["interfaces"] = json!({"deploy": "testkit"});
    spec["extra"] = json!({"testkit": {"deploy_delay": 3}});
    spec["deletionPolicy"] = json!("Undeploy");
    world.apply_nodes(&nodes[..3], &spec).await;
    world
        .wait("n00", "it is being deployed", |node| {
            let status = node.status.as_ref();
            status.and_then(|status| status.provision_state.as_deref()) == Some("deploying")
        })
        .await;
    let live = world.live("n00").await.unwrap();
    assert_eq!(live["provision_state"], "deploying", "switched in mid-deploy");
    world.apply_nodes(&nodes[3..], &spec).await;
    let created = world.proxy.wait_for("POST", "/v1/nodes", 4, LIMIT).await;
    created.expect("the others are on their way");
    nodes
}

#[tokio::test]
async fn observing_may_begin_at_any_moment_and_from_then_on_nothing_is_written() {
    let world = World::quiet("policies-observe", 2).await;
    let nodes = under_way(&world).await;
    let observe = json!({"managementPolicy": "Observe", "properties": {"cpus": 9}});
    for name in &nodes {
        world.edit(name, &observe).await;
    }
    for name in &nodes {
        world
            .wait(name, "the switch is seen", |node| {
                status(node).observed_generation == node.metadata.generation
            })
            .await;
    }
    let sent = world.mutations();
    let node = world.ready("n00", "Observing").await;
    assert_eq!(
        status(&node).provision_state.as_deref(),
        Some("active"),
        "it is watched to its end"
    );
    let drift = message(&node, "Drifted");
    assert!(drift.contains("properties"), "{drift}");
    world.lists(3).await;
    assert_eq!(world.mutations(), sent, "nothing is written");
    let ids: Vec<_> = world.proxy.log().iter().filter_map(node_of).collect();
    for name in &nodes {
        world.delete(name).await;
        world.gone(name).await;
    }
    assert_eq!(world.mutations(), sent, "to delete the object is to look away");
    for id in ids {
        assert!(world.live_by_id(&id).await.is_some(), "{id} stays");
    }
}

#[tokio::test]
async fn a_paused_cloud_is_looked_at_and_none_of_its_nodes_is_written_for() {
    let world = World::quiet("policies-paused", 2).await;
    let id = deployed(&world, "a", &json!({"deletionPolicy": "Undeploy"})).await;
    deployed(&world, "b", &json!({"deletionPolicy": "Detach"})).await;
    deployed(&world, "c", &json!({})).await;
    world.edit_cloud(json!({"spec": {"paused": true}})).await;
    world.condition("c", "Reconciling", "True", "Paused").await;
    let sent = world.mutations();
    world.delete("a").await;
    world.condition("a", "Reconciling", "True", "Paused").await;
    world.edit("c", &json!({"properties": {"cpus": 8}})).await;
    world.apply_node("d", &json!({})).await;
    for name in ["c", "d"] {
        world.condition(name, "Reconciling", "True", "Paused").await;
    }
    // To let go is no write to Ironic.
    world.delete("b").await;
    world.gone("b").await;
    // What others do is still seen.
    let c = world.live("c").await.unwrap();
    let path = format!("/v1/nodes/{}/states/power", c["uuid"].as_str().unwrap());
    let on = c["power_state"] == "power on";
    let target = if on { "power off" } else { "power on" };
    assert_eq!(
        world.meddle("PUT", &path, &json!({"target": target})).await.0,
        202
    );
    let seen = if on { "off" } else { "on" };
    let node = world
        .wait("c", "the power is seen", |node| {
            status(node).power.as_deref() == Some(seen)
        })
        .await;
    assert_eq!(
        condition(&node, "Ready").map(|(_, reason, _)| reason),
        Some("Paused")
    );
    world.lists(2).await;
    assert_eq!(world.mutations(), sent, "nothing is written");

    world.edit_cloud(json!({"spec": {"paused": false}})).await;
    world.gone("a").await;
    assert_eq!(world.live_by_id(&id).await, None);
    world.ready("c", "Deployed").await;
    world.ready("d", "Enrolled").await;
    assert_eq!(world.live("c").await.unwrap()["properties"]["cpus"], 8);
    world.assert_no_verb_repeated();
}
