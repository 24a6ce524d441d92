//! What becomes of the machine when its object is deleted.

#![cfg(test)]

use std::time::Instant;

use ironwright::api::BareMetalNode;
use ironwright_stack::proxy::{Action, Answer};
use ironwright_stack::wait;
use k8s_openapi::api::core::v1::Namespace;
use kube::Api;
use kube::api::DeleteParams;
use serde_json::{Value, json};

use crate::harness::{LIMIT, World, active, message, status};
use crate::probe::{PROMPT, names, target};

const IMAGE: &str = "http://images.example/one.qcow2";

/// Deployed nodes with this deletion policy (none: the default).
async fn deployed(world: &World, names: &[String], policy: Option<&str>) -> Vec<BareMetalNode> {
    let mut spec = active(IMAGE);
    if let Some(policy) = policy {
        spec["deletionPolicy"] = json!(policy);
    }
    world.apply_nodes(names, &spec).await;
    world.all_ready(names, "Deployed").await
}

fn id(node: &BareMetalNode) -> String {
    status(node).id.clone().unwrap()
}

#[tokio::test]
async fn a_machine_with_an_instance_stays_until_one_of_the_ways_out_is_taken() {
    let world = World::quiet("deletion-blocked", 2).await;
    let names = names(3);
    let nodes = deployed(&world, &names, None).await;
    let sent = world.mutations();
    for name in &names {
        world.delete(name).await;
    }
    for name in &names {
        let node = world.condition(name, "Stalled", "True", "InstancePresent").await;
        let message = message(&node, "Stalled");
        assert!(
            message.contains("Undeploy (wipes the machine)") && message.contains("Detach"),
            "{message}"
        );
        assert!(!message.contains("available"), "no way out: {message}");
    }
    let [available, undeploy, detach] = ["n00", "n01", "n02"];
    // What the spec wants of the machine no longer counts.
    let edited = json!({"provision": {"state": "available", "instance": null}});
    world.edit(available, &edited).await;
    world
        .wait(available, "the edit is seen", |node| {
            status(node).observed_generation == node.metadata.generation
        })
        .await;
    world
        .condition(available, "Stalled", "True", "InstancePresent")
        .await;
    world.lists(2).await;
    assert_eq!(world.mutations(), sent, "nothing is sent while it is blocked");

    for undeployed in [available, undeploy] {
        world
            .edit(undeployed, &json!({"deletionPolicy": "Undeploy"}))
            .await;
    }
    world.edit(detach, &json!({"deletionPolicy": "Detach"})).await;
    for name in &names {
        world.gone(name).await;
    }
    for node in &nodes[..2] {
        assert_eq!(
            world.live_by_id(&id(node)).await,
            None,
            "it is removed from Ironic"
        );
    }
    let left = world.live_by_id(&id(&nodes[2])).await.unwrap();
    assert_eq!(left["provision_state"], "active", "it is left as it is");
    assert_eq!(
        left["instance_uuid"],
        left["extra"]["ironwright"]["instance"]["id"]
    );
    assert_eq!(
        world.verbs_of(&id(&nodes[2])),
        ["manage", "provide", "active"],
        "nothing was sent for a detached one"
    );
    world.assert_no_verb_repeated();
}

#[tokio::test]
async fn an_instance_that_the_spec_undeployed_before_is_in_no_deletions_way() {
    let world = World::quiet("deletion-after", 2).await;
    let node = deployed(&world, &names(1), None).await.remove(0);
    let leave = json!({"provision": {"state": "available", "instance": null}});
    world.edit("n00", &leave).await;
    world.ready("n00", "Available").await;
    world.delete("n00").await;
    world.gone("n00").await;
    assert_eq!(world.live_by_id(&id(&node)).await, None);
    assert_eq!(
        world.verbs_of(&id(&node)),
        ["manage", "provide", "active", "deleted"]
    );
}

#[tokio::test]
async fn undeploy_announces_each_destructive_step_before_it_is_taken() {
    let world = World::new("deletion-undeploy").await;
    let names = names(1);
    let node = deployed(&world, &names, Some("Undeploy")).await.remove(0);
    let deleted = world.witness_intent("n00", |seen| {
        seen.method == "DELETE" || target(seen).as_deref() == Some("deleted")
    });
    world.delete("n00").await;
    world.gone("n00").await;
    assert_eq!(world.live_by_id(&id(&node)).await, None);
    let expected = [
        ("deleted".to_owned(), Some("deleted".to_owned())),
        ("DELETE".to_owned(), Some("delete".to_owned())),
    ];
    assert_eq!(
        *deleted.lock().unwrap(),
        expected,
        "the intent is stored before the step"
    );
    world.assert_no_verb_repeated();
}

#[tokio::test]
async fn detaching_takes_a_moment_whatever_ironic_does() {
    let world = World::quiet("deletion-detach", 2).await;
    let names = names(3);
    let nodes = deployed(&world, &names, Some("Detach")).await;
    let live = async || {
        let all = nodes.iter().map(async |node| {
            let mut live = world.live_by_id(&id(node)).await.unwrap();
            // Only the mark is released, and Ironic says when.
            for moves in ["extra", "updated_at"] {
                live[moves] = json!(null);
            }
            live
        });
        futures::future::join_all(all).await
    };
    let before = live().await;
    let sent = world.writes();

    detaches(&world, "n00").await;
    let down = world.proxy.when("*", "/v1/nodes").then(Action::DropBefore);
    world.cloud_is("Ready", "False", "CloudUnavailable").await;
    detaches(&world, "n01").await;
    world.proxy.remove(down);
    world
        .proxy
        .when_request(|_| true)
        .then(Action::Answer(Answer::ironic_error(
            401,
            "Incorrect username or password",
        )));
    world.cloud_is("Stalled", "True", "Unauthorized").await;
    detaches(&world, "n02").await;

    assert_eq!(before, live().await, "all is left as it is");
    assert_eq!(world.writes(), sent, "nothing is sent");
}

async fn detaches(world: &World, name: &str) {
    world.delete(name).await;
    let since = Instant::now();
    world.gone(name).await;
    assert!(since.elapsed() < PROMPT, "{name} took {:?}", since.elapsed());
}

#[tokio::test]
async fn an_edit_to_detach_frees_a_deletion_that_waits_for_a_cloud_that_is_down() {
    let world = World::quiet("deletion-down", 2).await;
    let node = deployed(&world, &names(1), Some("Undeploy")).await.remove(0);
    world.proxy.when_request(|_| true).then(Action::DropBefore);
    world.cloud_is("Ready", "False", "CloudUnavailable").await;
    world.delete("n00").await;
    world.condition("n00", "Ready", "False", "CloudUnavailable").await;
    world.edit("n00", &json!({"deletionPolicy": "Detach"})).await;
    let since = Instant::now();
    world.gone("n00").await;
    assert!(since.elapsed() < PROMPT, "it took {:?}", since.elapsed());
    let live = world.live_by_id(&id(&node)).await.unwrap();
    assert_eq!(live["provision_state"], "active");
}

#[tokio::test]
async fn a_namespace_that_is_deleted_takes_no_instance_with_it() {
    let world = World::quiet("deletion-namespace", 2).await;
    let node = deployed(&world, &names(1), Some("Undeploy")).await.remove(0);
    let sent = world.writes();
    let namespaces = Api::<Namespace>::all(world.client.clone());
    namespaces
        .delete(&world.namespace, &DeleteParams::default())
        .await
        .unwrap();
    let blocked = world.condition("n00", "Stalled", "True", "InstancePresent").await;
    assert!(blocked.metadata.deletion_timestamp.is_some());
    world.lists(2).await;
    assert_eq!(world.writes(), sent, "the machine is untouched");
    let live = world.live_by_id(&id(&node)).await.unwrap();
    assert_eq!(live["provision_state"], "active");

    world.edit("n00", &json!({"deletionPolicy": "Detach"})).await;
    let gone = wait::until("the namespace goes", LIMIT, async || {
        Ok(namespaces
            .get_opt(&world.namespace)
            .await?
            .is_none()
            .then_some(()))
    });
    gone.await.unwrap();
    assert_eq!(world.writes(), sent);
}

#[tokio::test]
async fn a_cloud_stays_until_the_last_node_is_gone_and_can_do_without_its_secret() {
    let mut world = World::empty("deletion-cloud").await;
    let clouds = json!({"clouds": {"lab": {
        "auth_type": "none", "baremetal_endpoint_override": world.proxy.endpoint(),
    }}});
    world
        .secret("credentials", &json!({"clouds.yaml": clouds.to_string()}))
        .await;
    let mut lab = world.lab();
    lab["spec"] = json!({"credentialsSecretRef": {"name": "credentials"}, "cloudName": "lab"});
    world.apply(&lab).await.unwrap();
    world.start_operator().await;
    world
        .apply_node("a", &json!({"provision": {"state": "available"}}))
        .await;
    let node = world.ready("a", "Available").await;

    world.delete_cloud().await;
    world
        .secrets()
        .delete("credentials", &DeleteParams::default())
        .await
        .unwrap();
    let cloud = world.cloud_is("Reconciling", "True", "StillNeeded").await;
    assert!(cloud.metadata.deletion_timestamp.is_some());
    world.lists(2).await;
    assert!(world.secrets().get_opt("credentials").await.unwrap().is_none());

    world.delete("a").await;
    world.gone("a").await;
    assert_eq!(
        world.live_by_id(&id(&node)).await,
        None,
        "it could still be removed"
    );
    let gone = wait::until("the cloud goes", LIMIT, async || {
        let cloud = world.clouds.get_opt("lab").await?;
        Ok(cloud.is_none().then_some(()))
    });
    gone.await.unwrap();
}

#[tokio::test]
async fn protection_and_maintenance_hold_up_undeploy() {
    let world = World::quiet("deletion-protected", 2).await;
    let names = names(2);
    let nodes = deployed(&world, &names, Some("Undeploy")).await;
    let [protected, serviced] = [id(&nodes[0]), id(&nodes[1])];
    let protection = json!([{"op": "replace", "path": "/protected", "value": true}]);
    let (answer, _) = world
        .meddle("PATCH", &format!("/v1/nodes/{protected}"), &protection)
        .await;
    assert_eq!(answer, 200);
    let maintenance = format!("/v1/nodes/{serviced}/maintenance");
    let (answer, _) = world
        .meddle("PUT", &maintenance, &json!({"reason": "a fan is replaced"}))
        .await;
    assert_eq!(answer, 202);
    world.lists(2).await;
    let sent = world.mutations();
    for name in &names {
        world.delete(name).await;
    }
    world.condition("n00", "Stalled", "True", "Protected").await;
    let node = world.condition("n01", "Stalled", "True", "Maintenance").await;
    assert!(message(&node, "Stalled").contains("a fan is replaced"));
    world.lists(2).await;
    assert_eq!(world.mutations(), sent, "nothing is sent");

    let protection = json!([{"op": "replace", "path": "/protected", "value": false}]);
    world
        .meddle("PATCH", &format!("/v1/nodes/{protected}"), &protection)
        .await;
    world.meddle("DELETE", &maintenance, &Value::Null).await;
    for (name, id) in names.iter().zip([protected, serviced]) {
        world.gone(name).await;
        assert_eq!(world.live_by_id(&id).await, None, "it goes on by itself");
    }
    world.assert_no_verb_repeated();
}
