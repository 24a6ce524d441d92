//! Neighbours on one Ironic: what becomes of the machines of one stops nobody else.

#![cfg(test)]

use std::time::Duration;

use serde_json::{Value, json};

use crate::harness::{World, active, message, status};
use crate::sight::cloud_message;

/// A second cloud of the namespace, on the same Ironic and so seen through the same observer.
async fn neighbour(world: &World) {
    let mut cloud = world.lab();
    cloud["metadata"]["name"] = json!("neighbour");
    cloud["spec"]["intervals"] = json!({"quietSeconds": 2});
    world.apply(&cloud).await.expect("the cloud is accepted");
}

#[tokio::test]
async fn nodes_that_a_neighbour_loses_stop_the_neighbour_alone() {
    let world = World::quiet("neighbours-missing", 2).await;
    neighbour(&world).await;
    let theirs = ["t1", "t2", "t3", "t4"];
    for name in theirs {
        world
            .apply_node(name, &json!({"cloudRef": {"name": "neighbour"}}))
            .await;
    }
    world.apply_node("a", &json!({})).await;
    world.ready("a", "Enrolled").await;
    for name in theirs {
        let node = world.ready(name, "Enrolled").await;
        let id = status(&node).id.clone().unwrap();
        let (answer, _) = world
            .meddle("DELETE", &format!("/v1/nodes/{id}"), &Value::Null)
            .await;
        assert_eq!(answer, 204);
    }
    let cloud = world
        .cloud_condition("neighbour", "Stalled", "True", "NodesMissing")
        .await;
    let said = cloud_message(&cloud, "Ready");
    assert!(said.contains("4 of 4 nodes are missing"), "{said}");
    let node = world.condition("t1", "Stalled", "True", "NodesMissing").await;
    assert!(message(&node, "Ready").contains("4 of 4 nodes"));

    world.edit("a", &json!({"properties": {"cpus": 8}})).await;
    let id = status(&world.ready("a", "Enrolled").await).id.clone().unwrap();
    world
        .live_is(&id, "the property is written", |live| {
            live["properties"]["cpus"] == 8
        })
        .await;
    world.cloud_condition("lab", "Ready", "True", "Observed").await;

    for name in theirs {
        world.edit(name, &json!({"deletionPolicy": "Detach"})).await;
        world.delete(name).await;
        world.gone(name).await;
    }
    world
        .cloud_condition("neighbour", "Ready", "True", "Observed")
        .await;
}

/// What a mark says is somebody's word: one with another's uid, under a name that never was, makes nobody gone.
#[tokio::test]
async fn a_forged_mark_opens_no_machine_to_others() {
    let world = World::new("neighbours-forged").await;
    world
        .apply_node("victim", &active("http://images.example/one.qcow2"))
        .await;
    let victim = status(&world.ready("victim", "Deployed").await)
        .id
        .clone()
        .unwrap();
    let live = world.live_by_id(&victim).await.unwrap();
    let mut mark = live["extra"]["ironwright"].clone();
    mark["name"] = json!("nobody");
    let lure =
        json!({"name": "neighbours-forged~lure", "driver": "fake-hardware", "extra": {"ironwright": mark}});
    let (code, lure) = world.meddle("POST", "/v1/nodes", &lure).await;
    assert_eq!(code, 201);
    world
        .apply_node("bait", &json!({"import": {"id": lure["uuid"]}}))
        .await;
    world.ready("bait", "Enrolled").await;

    let mut thief = active("http://images.example/two.qcow2");
    thief["import"] = json!({"id": victim});
    world.apply_node("thief", &thief).await;
    let node = world
        .condition("thief", "Stalled", "True", "MachineAlreadyEnrolled")
        .await;
    assert!(
        message(&node, "Ready").contains("victim"),
        "{}",
        message(&node, "Ready")
    );
    world.lists(3).await;
    world
        .condition("thief", "Stalled", "True", "MachineAlreadyEnrolled")
        .await;
    world.ready("victim", "Deployed").await;
    let now = world.live_by_id(&victim).await.unwrap();
    assert_eq!(now["extra"]["ironwright"], live["extra"]["ironwright"]);
    assert_eq!(now["instance_uuid"], live["instance_uuid"]);
}

/// Two clouds that lead to one Ironic by two addresses are two to the operator; whoever enrolled the machine, it is written over for neither.
#[tokio::test]
async fn a_machine_that_two_nodes_have_is_neither_cleaned_nor_deployed() {
    let world = World::quiet("neighbours-twins", 2).await;
    let bmc = json!({"redfish_address": "https://neighbours-twins.example"});
    let spec = json!({"driverInfo": bmc, "provision": {"state": "manageable"}});
    world.apply_node("a", &spec).await;
    world.ready("a", "Manageable").await;
    let twin = json!({"name": "neighbours-twins~other", "driver": "fake-hardware", "driver_info": bmc});
    let (code, twin) = world.meddle("POST", "/v1/nodes", &twin).await;
    assert_eq!(code, 201);
    world.lists(2).await;
    world
        .edit("a", &json!({"provision": {"state": "available"}}))
        .await;
    let node = world
        .condition("a", "Stalled", "True", "MachineAlreadyEnrolled")
        .await;
    let said = message(&node, "Ready");
    assert!(said.contains(twin["uuid"].as_str().unwrap()), "{said}");
    let cleaned = |sent: &&String| sent.contains("provide");
    assert_eq!(world.mutations().iter().find(cleaned), None);
    let path = format!("/v1/nodes/{}", twin["uuid"].as_str().unwrap());
    assert_eq!(world.meddle("DELETE", &path, &Value::Null).await.0, 204);
    // While others go on enrolling machines there is always one whose BMC the operator does not know yet.
    tokio::select! {
        () = enrols_without_end(&world) => {}
        _ = world.ready("a", "Available") => {}
    }
}

async fn enrols_without_end(world: &World) {
    for n in 0.. {
        let name = format!("{}~churn-{n}", world.namespace);
        let node = json!({"name": name, "driver": "fake-hardware"});
        assert_eq!(world.meddle("POST", "/v1/nodes", &node).await.0, 201);
        tokio::time::sleep(Duration::from_millis(300)).await;
    }
}
