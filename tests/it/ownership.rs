//! Machines that others use too: what is not ours is left alone, and what is ours stays ours.

#![cfg(test)]

use ironwright_stack::proxy::Action;
use serde_json::{Value, json};

use crate::harness::{World, active, message, status};
use crate::probe::{faster, target};

const IMAGE: &str = "http://images.example/one.qcow2";

/// Somebody deploys a node without Kubernetes.
const DEPLOY: &str = "
import sys, openstack
baremetal = openstack.connect().baremetal
node = baremetal.get_node(sys.argv[1])
node = baremetal.update_node(node, instance_info={'image_source': 'http://images.example/theirs.qcow2'})
baremetal.set_node_provision_state(node, 'active', wait=True, timeout=60)
";

/// An `available` node of ours and its id.
async fn offered(world: &World, name: &str) -> String {
    world
        .apply_node(name, &json!({"provision": {"state": "available"}}))
        .await;
    status(&world.ready(name, "Available").await).id.clone().unwrap()
}

#[tokio::test]
async fn an_instance_of_somebody_else_is_left_alone_under_every_edit() {
    let world = World::quiet("ownership-foreign", 2).await;
    let id = offered(&world, "a").await;
    world.python(DEPLOY, &[&id]).await;
    let node = world.ready("a", "InUse").await;
    assert_eq!(status(&node).provision_state.as_deref(), Some("active"));
    let verbs = world.verbs();
    let theirs = world.live_by_id(&id).await.unwrap();

    world.edit("a", &json!({"properties": {"cpus": 8}})).await;
    world
        .live_is(&id, "the property is written", |live| {
            live["properties"]["cpus"] == 8
        })
        .await;
    world.ready("a", "InUse").await;
    world
        .edit("a", &json!({"provision": {"state": "manageable"}}))
        .await;
    world.condition("a", "Stalled", "True", "ForeignInstance").await;
    world.edit("a", &active(IMAGE)).await;
    world.condition("a", "Stalled", "True", "ForeignInstance").await;
    world
        .edit(
            "a",
            &json!({"provision": {"state": "available", "instance": null}}),
        )
        .await;
    world.ready("a", "InUse").await;
    world.edit("a", &json!({"provision": null})).await;
    world.ready("a", "InUse").await;
    world.edit("a", &json!({"deletionPolicy": "Undeploy"})).await;
    world.delete("a").await;
    let node = world.condition("a", "Stalled", "True", "ForeignInstance").await;
    assert!(message(&node, "Stalled").contains("Detach"));
    world.lists(2).await;

    assert_eq!(world.verbs(), verbs, "no verb is sent");
    assert_eq!(world.proxy.count("DELETE", "/v1/nodes/{}"), 0);
    let now = world.live_by_id(&id).await.unwrap();
    for field in ["provision_state", "instance_uuid", "instance_info", "power_state"] {
        assert_eq!(now[field], theirs[field], "{field}");
    }
    world.edit("a", &json!({"deletionPolicy": "Detach"})).await;
    world.gone("a").await;
}

#[tokio::test]
async fn a_claim_that_somebody_makes_first_wins() {
    let world = World::quiet("ownership-claimed", 2).await;
    let id = offered(&world, "a").await;
    let theirs = uuid::Uuid::new_v4().to_string();
    let node = format!("{}/v1/nodes/{id}", world.stack.ironic.endpoint());
    let claim = json!([{"op": "add", "path": "/instance_uuid", "value": theirs}]);
    world
        .proxy
        .when("PATCH", "/v1/nodes/{}")
        .nth(1)
        .then(faster(node, "PATCH", claim));
    world.edit("a", &active(IMAGE)).await;
    let node = world.condition("a", "Stalled", "True", "ForeignInstance").await;
    assert!(message(&node, "Stalled").contains(&theirs));
    world.lists(2).await;
    let refused = world
        .mutations()
        .iter()
        .filter(|sent| sent.contains("PATCH"))
        .count();
    assert_eq!(
        refused,
        1,
        "Ironic's refusal is heard once: {:?}",
        world.mutations()
    );
    assert_eq!(world.verbs_of(&id), ["manage", "provide"]);
    let live = world.live_by_id(&id).await.unwrap();
    assert_eq!(live["instance_uuid"], theirs);
    assert_eq!(live["instance_info"], json!({}), "nothing of ours is written");
    assert_eq!(live["extra"]["ironwright"]["instance"], Value::Null);
}

#[tokio::test]
async fn a_deployment_that_somebody_begins_between_claim_and_verb_is_not_repeated() {
    let world = World::quiet("ownership-verb", 2).await;
    let id = offered(&world, "a").await;
    let url = format!("{}/v1/nodes/{id}/states/provision", world.stack.ironic.endpoint());
    world
        .proxy
        .when_request(|seen| target(seen).as_deref() == Some("active"))
        .nth(1)
        .then(faster(url, "PUT", json!({"target": "active"})));
    world.edit("a", &active(IMAGE)).await;
    world.ready("a", "Deployed").await;
    world.lists(2).await;
    let sent: Vec<_> = world
        .verbs()
        .into_iter()
        .filter(|sent| sent.verb == "active")
        .collect();
    assert_eq!(sent.len(), 1);
    assert!(matches!(sent[0].status, Some(400 | 409)), "{sent:?}");
    assert_eq!(world.verbs_of(&id), ["manage", "provide", "active"]);
}

#[tokio::test]
async fn maintenance_suspends_every_verb_until_it_is_lifted() {
    let world = World::quiet("ownership-maintenance", 2).await;
    let id = offered(&world, "a").await;
    let maintenance = format!("/v1/nodes/{id}/maintenance");
    let reason = json!({"reason": "waiting for a new disk"});
    assert_eq!(world.meddle("PUT", &maintenance, &reason).await.0, 202);
    world.lists(2).await;
    world.edit("a", &active(IMAGE)).await;
    let node = world.condition("a", "Stalled", "True", "Maintenance").await;
    assert!(message(&node, "Stalled").contains("waiting for a new disk"));
    world.lists(2).await;
    assert_eq!(world.verbs_of(&id), ["manage", "provide"]);
    world.meddle("DELETE", &maintenance, &Value::Null).await;
    world.ready("a", "Deployed").await;
    assert_eq!(world.verbs_of(&id), ["manage", "provide", "active"]);
}

#[tokio::test]
async fn an_object_that_is_created_again_has_its_machine_back() {
    let world = World::quiet("ownership-again", 2).await;
    let mut spec = active(IMAGE);
    spec["deletionPolicy"] = json!("Detach");
    spec["driverInfo"] = json!({"redfish_address": "https://ownership-again.bmc.example"});
    world.apply_node("a", &spec).await;
    let before = world.ready("a", "Deployed").await;
    let id = status(&before).id.clone().unwrap();
    let (verbs, was) = (world.verbs(), world.live_by_id(&id).await.unwrap());
    world.delete("a").await;
    world.gone("a").await;

    world.apply_node("a", &spec).await;
    let after = world.ready("a", "Deployed").await;
    assert_ne!(after.metadata.uid, before.metadata.uid);
    assert_eq!(status(&after).id.as_deref(), Some(id.as_str()));
    let live = world.live_by_id(&id).await.unwrap();
    assert_eq!(live["extra"]["ironwright"]["uid"], json!(after.metadata.uid));
    let instance = &live["extra"]["ironwright"]["instance"];
    assert_eq!(instance["id"], was["extra"]["ironwright"]["instance"]["id"]);
    assert_eq!(
        instance["by"],
        json!(after.metadata.uid),
        "wanted, and so confirmed"
    );
    assert_eq!(live["instance_uuid"], was["instance_uuid"]);
    assert_eq!(world.verbs(), verbs, "no verb is sent");

    world
        .edit(
            "a",
            &json!({"provision": {"state": "available", "instance": null}, "deletionPolicy": "Delete"}),
        )
        .await;
    world.ready("a", "Available").await;
    world.delete("a").await;
    world.gone("a").await;
    assert_eq!(world.live_by_id(&id).await, None);
    assert_eq!(world.proxy.count("POST", "/v1/nodes"), 1);
}

#[tokio::test]
async fn a_node_that_somebody_removed_is_lost_and_not_enrolled_again() {
    let world = World::quiet("ownership-lost", 2).await;
    let id = offered(&world, "a").await;
    let sent = world.mutations();
    assert_eq!(
        world
            .meddle("DELETE", &format!("/v1/nodes/{id}"), &Value::Null)
            .await
            .0,
        204
    );
    let node = world.condition("a", "Stalled", "True", "NodeLost").await;
    assert!(message(&node, "Stalled").contains(&id));
    world.edit("a", &json!({"properties": {"cpus": 8}})).await;
    world.condition("a", "Stalled", "True", "NodeLost").await;
    world.lists(2).await;
    assert_eq!(world.mutations(), sent, "nothing is sent");
    world.delete("a").await;
    world.gone("a").await;
}

#[tokio::test]
async fn a_cloud_that_becomes_another_is_not_written_to_until_that_is_confirmed() {
    let mut world = World::quiet("ownership-identity", 2).await;
    let id = offered(&world, "a").await;
    let other = ironwright_stack::Proxy::start(&world.stack.ironic.endpoint())
        .await
        .unwrap();
    let (old, new) = (world.proxy.endpoint(), other.endpoint());
    world.proxy = other;
    world.edit_cloud(json!({"spec": {"endpoint": new}})).await;
    let cloud = world.cloud_is("Stalled", "True", "IdentityChanged").await;
    assert_eq!(cloud.status.unwrap().identity, Some(old));
    world.edit("a", &active(IMAGE)).await;
    world.apply_node("b", &json!({})).await;
    for name in ["a", "b"] {
        world.condition(name, "Stalled", "True", "IdentityChanged").await;
    }
    world.lists(2).await;
    assert_eq!(world.mutations(), Vec::<String>::new(), "nothing is written");

    let accepted = json!({"metadata": {"annotations": {ironwright::api::ACCEPT_IDENTITY_ANNOTATION: new}}});
    world.edit_cloud(accepted).await;
    world.ready("a", "Deployed").await;
    world.ready("b", "Enrolled").await;
    assert_eq!(world.verbs_of(&id), ["active"]);
    let cloud = world.cloud_is("Ready", "True", "Observed").await;
    assert_eq!(cloud.status.unwrap().identity, Some(new));
}

#[tokio::test]
async fn a_lost_answer_to_a_creation_costs_nothing() {
    let world = World::quiet("ownership-answer", 2).await;
    world
        .proxy
        .when("POST", "/v1/nodes")
        .nth(1)
        .then(Action::DropAfter);
    world
        .apply_node("a", &json!({"provision": {"state": "available"}}))
        .await;
    let node = world.ready("a", "Available").await;
    assert_eq!(status(&node).id, node.metadata.uid);
    world.assert_no_verb_repeated();
}
