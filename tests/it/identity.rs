//! Which machine an object stands for: told by its current spec and by the mark on the node, never by the object's name alone.

#![cfg(test)]

use kube::ResourceExt;
use kube::api::{DeleteParams, Patch, PatchParams, PostParams};
use serde_json::{Value, json};

use crate::harness::{World, active, condition, message, status};

const IMAGE: &str = "http://images.example/one.qcow2";

/// A machine at this BMC, with this on top.
fn at(bmc: &str, spec: &Value) -> Value {
    let mut whole = json!({"driverInfo": {"redfish_address": format!("https://{bmc}.bmc.example")}});
    json_patch::merge(&mut whole, spec);
    whole
}

fn offered() -> Value {
    json!({"provision": {"state": "available", "instance": null}})
}

/// Deploys a machine and lets go of it: it stays in Ironic, `active`, marked as released (also if Ironic was too busy for that).
async fn detached(world: &World, name: &str, bmc: &str) -> String {
    let mut spec = at(bmc, &active(IMAGE));
    spec["deletionPolicy"] = json!("Detach");
    world.apply_node(name, &spec).await;
    let id = status(&world.ready(name, "Deployed").await).id.clone().unwrap();
    world.delete(name).await;
    world.gone(name).await;
    let lets_go = |sent: &String| sent.contains(&id) && sent.ends_with("releases the mark");
    assert!(world.mutations().iter().any(lets_go));
    let released = json!([{"op": "add", "path": "/extra/ironwright/released", "value": true}]);
    world.meddle("PATCH", &format!("/v1/nodes/{id}"), &released).await;
    id
}

/// Deploys a machine whose object then vanishes without a word, as after a restored backup or a forced finalizer.
async fn orphaned(world: &mut World, name: &str, bmc: &str) -> String {
    world.apply_node(name, &at(bmc, &active(IMAGE))).await;
    let id = status(&world.ready(name, "Deployed").await).id.clone().unwrap();
    let operator = world.operator.take().expect("an operator");
    operator.stop().await;
    world.delete(name).await;
    let forced = Patch::Merge(json!({"metadata": {"finalizers": null}}));
    let forced = world.nodes.patch(name, &PatchParams::default(), &forced).await;
    forced.expect("the finalizer is forced off");
    world.gone(name).await;
    world.start_operator().await;
    id
}

async fn untouched(world: &World, id: &str, was: &Value) {
    let now = world.live_by_id(id).await.expect("it is there");
    for field in [
        "provision_state",
        "instance_uuid",
        "instance_info",
        "driver_info",
        "power_state",
    ] {
        assert_eq!(now[field], was[field], "{field}");
    }
}

#[tokio::test]
async fn a_new_object_of_an_old_name_acts_on_the_machine_that_its_import_names() {
    let world = World::quiet("identity-import", 2).await;
    for (name, by) in [("a", "id"), ("b", "name")] {
        let left = detached(&world, name, &format!("identity-import-{name}")).await;
        let was = world.live_by_id(&left).await.unwrap();
        let theirs = json!({"name": format!("theirs-{name}"), "driver": "fake-hardware"});
        let (code, other) = world.meddle("POST", "/v1/nodes", &theirs).await;
        assert_eq!(code, 201);
        let id = other["uuid"].as_str().unwrap();
        let verbs = world.verbs();
        world.lists(2).await;
        let mut spec = offered();
        spec["import"] = if by == "id" {
            json!({"id": id})
        } else {
            json!({"name": theirs["name"]})
        };
        world.apply_node(name, &spec).await;
        let node = world.ready(name, "Available").await;
        assert_eq!(status(&node).id.as_deref(), Some(id), "by {by}");
        let sent = &world.verbs()[verbs.len()..];
        assert!(sent.iter().all(|sent| sent.id == id), "{sent:?}");
        untouched(&world, &left, &was).await;
    }
}

#[tokio::test]
async fn a_new_object_of_an_old_name_that_names_another_machine_or_none_touches_nothing() {
    let world = World::quiet("identity-unnamed", 2).await;
    let left = detached(&world, "a", "identity-unnamed-x").await;
    let was = world.live_by_id(&left).await.unwrap();
    world.lists(2).await;
    let sent = world.mutations();
    for spec in [at("identity-unnamed-y", &offered()), offered()] {
        world.apply_node("a", &spec).await;
        let node = world
            .condition("a", "Stalled", "True", "MachineAlreadyEnrolled")
            .await;
        let why = message(&node, "Stalled");
        assert!(why.contains(&left) && why.contains("identity-unnamed/a"), "{why}");
        world.lists(2).await;
        // An object that never had a machine leaves none.
        world.edit("a", &json!({"deletionPolicy": "Delete"})).await;
        world.delete("a").await;
        world.gone("a").await;
    }
    assert_eq!(world.mutations(), sent, "nothing is sent");
    untouched(&world, &left, &was).await;

    // Under another name in Ironic the other machine is enrolled, beside the one that was left.
    let mut spec = at("identity-unnamed-y", &offered());
    spec["name"] = json!("identity-unnamed-y");
    world.apply_node("a", &spec).await;
    let node = world.ready("a", "Available").await;
    assert_eq!(status(&node).id, node.metadata.uid);
    untouched(&world, &left, &was).await;
}

#[tokio::test]
async fn what_an_earlier_object_left_is_destroyed_only_by_one_that_wanted_it_before() {
    let mut world = World::quiet("identity-heir", 2).await;
    let id = orphaned(&mut world, "a", "identity-heir").await;
    let was = world.live_by_id(&id).await.unwrap();
    let verbs = world.verbs();
    world.apply_node("a", &at("identity-heir", &offered())).await;
    let node = world.ready("a", "InUse").await;
    assert_eq!(status(&node).id.as_deref(), Some(id.as_str()));
    world
        .edit("a", &json!({"provision": {"state": "manageable"}}))
        .await;
    let node = world.condition("a", "Stalled", "True", "ForeignInstance").await;
    let why = message(&node, "Stalled");
    assert!(
        why.contains("earlier BareMetalNode") && why.contains("active"),
        "{why}"
    );
    world.edit("a", &json!({"deletionPolicy": "Undeploy"})).await;
    world.lists(2).await;
    assert_eq!(world.verbs().len(), verbs.len(), "no verb is sent");
    untouched(&world, &id, &was).await;

    // To want it is to make it one's own, without a verb; from then on it may be given up.
    world.edit("a", &active(IMAGE)).await;
    world.ready("a", "Deployed").await;
    assert_eq!(world.verbs().len(), verbs.len(), "no verb is sent");
    untouched(&world, &id, &was).await;
    world.edit("a", &offered()).await;
    world.ready("a", "Available").await;
    assert_eq!(world.verbs_of(&id).last().map(String::as_str), Some("deleted"));
}

#[tokio::test]
async fn of_two_machines_that_carry_one_mark_none_is_taken() {
    let mut world = World::quiet("identity-two", 2).await;
    let id = orphaned(&mut world, "a", "identity-two").await;
    let first = world.live_by_id(&id).await.unwrap();
    let copy =
        json!({"driver": "fake-hardware", "extra": first["extra"], "driver_info": first["driver_info"]});
    let (code, second) = world.meddle("POST", "/v1/nodes", &copy).await;
    assert_eq!(code, 201);
    world.lists(2).await;
    let sent = world.mutations();
    world.apply_node("a", &at("identity-two", &offered())).await;
    let node = world
        .condition("a", "Stalled", "True", "MachineAlreadyEnrolled")
        .await;
    let why = message(&node, "Stalled");
    let other = second["uuid"].as_str().unwrap();
    assert!(why.contains(&id) && why.contains(other), "{why}");
    world.lists(2).await;
    assert_eq!(world.mutations(), sent);
}

#[tokio::test]
async fn a_machine_is_detached_and_imported_again_under_other_names_without_a_verb() {
    let world = World::quiet("identity-move", 2).await;
    let elsewhere = World::quiet("identity-moved", 2).await;
    let id = detached(&world, "a", "identity-move").await;
    let was = world.live_by_id(&id).await.unwrap();
    let verbs = world.verbs();
    world.lists(2).await;
    let mut spec = active(IMAGE);
    spec["import"] = json!({"id": id});
    spec["managementPolicy"] = json!("Observe");
    let sent = world.mutations();
    world.apply_node("b", &spec).await;
    world.ready("b", "Observing").await;
    assert_eq!(world.mutations(), sent, "observing leaves no mark");
    world.edit("b", &json!({"managementPolicy": "Managed"})).await;
    world.ready("b", "Deployed").await;
    world.delete("b").await;
    world.gone("b").await;

    elsewhere.lists(2).await;
    spec["import"] = json!({"name": was["name"]});
    spec["managementPolicy"] = json!("Managed");
    elsewhere.apply_node("c", &spec).await;
    let node = elsewhere.ready("c", "Deployed").await;
    assert_eq!(status(&node).id.as_deref(), Some(id.as_str()));
    assert_eq!(world.verbs().len(), verbs.len());
    assert!(elsewhere.verbs().is_empty());
    untouched(&world, &id, &was).await;
    let mark = world.live_by_id(&id).await.unwrap()["extra"]["ironwright"].clone();
    assert_eq!(
        (&mark["namespace"], &mark["name"]),
        (&json!("identity-moved"), &json!("c"))
    );

    // While it lives, nobody else has it; and who it is, is not told in other namespaces.
    world.lists(2).await;
    let mut again = offered();
    again["import"] = json!({"id": id});
    world.apply_node("d", &again).await;
    let node = world
        .condition("d", "Stalled", "True", "MachineAlreadyEnrolled")
        .await;
    let why = message(&node, "Stalled");
    assert!(
        why.contains("another namespace") && !why.contains("identity-moved"),
        "{why}"
    );
}

#[tokio::test]
async fn an_instance_that_ironic_has_lost_is_not_deployed_again_by_itself() {
    let world = World::quiet("identity-gone", 2).await;
    for name in ["undeployed", "restored"] {
        world.apply_node(name, &active(IMAGE)).await;
    }
    let mut ids = vec![];
    for name in ["undeployed", "restored"] {
        ids.push(status(&world.ready(name, "Deployed").await).id.clone().unwrap());
    }
    let sent = world.mutations();
    // An administrator stops one, …
    let states = format!("/v1/nodes/{}/states/provision", ids[0]);
    assert_eq!(
        world
            .meddle("PUT", &states, &json!({"target": "deleted"}))
            .await
            .0,
        202
    );
    // … and of the other an older row is put back.
    let row = format!(
        "UPDATE nodes SET provision_state='available', instance_uuid=NULL, instance_info='{{}}' WHERE uuid='{}'",
        ids[1]
    );
    world.sql(&row).await;
    for name in ["undeployed", "restored"] {
        let node = world.condition(name, "Stalled", "True", "InstanceGone").await;
        let why = message(&node, "Stalled");
        assert!(why.contains("retry") && why.contains("Instance "), "{why}");
    }
    world.lists(2).await;
    assert_eq!(world.mutations(), sent, "nothing is sent");

    // An explicit word deploys it.
    let retry = json!({"metadata": {"annotations": {ironwright::api::RETRY_ANNOTATION: "yes"}}});
    let patch = Patch::Merge(retry);
    world
        .nodes
        .patch("undeployed", &PatchParams::default(), &patch)
        .await
        .unwrap();
    world.ready("undeployed", "Deployed").await;
    let changed = active("http://images.example/two.qcow2");
    world.edit("restored", &changed).await;
    world.ready("restored", "Deployed").await;
    for id in &ids {
        assert_eq!(world.verbs_of(id), ["manage", "provide", "active", "active"]);
    }
}

#[tokio::test]
async fn rows_of_a_restored_database_are_not_acted_on() {
    let world = World::quiet("identity-earlier", 2).await;
    let names = ["a", "b", "c"];
    let mut ids = vec![];
    for name in names {
        world.apply_node(name, &offered()).await;
    }
    for name in names {
        ids.push(status(&world.ready(name, "Available").await).id.clone().unwrap());
    }
    let sent = world.mutations();
    for id in &ids {
        let row = format!(
            "UPDATE nodes SET provision_state='manageable', provision_updated_at='2026-01-01 00:00:00' WHERE uuid='{id}'"
        );
        world.sql(&row).await;
    }
    let mut known = String::new();
    for name in names {
        let node = world.condition(name, "Stalled", "True", "EarlierState").await;
        known = status(&node).provision_updated_at.clone().unwrap();
        assert!(message(&node, "Stalled").contains(&known));
    }
    world.lists(2).await;
    assert_eq!(world.mutations(), sent, "nothing is sent");
    let accepted =
        json!({"metadata": {"annotations": {ironwright::api::ACCEPT_EARLIER_STATE_ANNOTATION: known}}});
    let patch = Patch::Merge(accepted);
    world
        .nodes
        .patch("c", &PatchParams::default(), &patch)
        .await
        .unwrap();
    world.ready("c", "Available").await;
    assert_eq!(world.verbs_of(&ids[2]), ["manage", "provide", "provide"]);
    assert_eq!(world.verbs_of(&ids[0]), ["manage", "provide"]);
}

#[tokio::test]
async fn a_node_that_vanishes_with_its_instance_is_not_counted_as_wiped() {
    let world = World::quiet("identity-vanished", 2).await;
    world.apply_node("a", &active(IMAGE)).await;
    let id = status(&world.ready("a", "Deployed").await).id.clone().unwrap();
    let maintenance = format!("/v1/nodes/{id}/maintenance");
    assert_eq!(world.meddle("PUT", &maintenance, &json!({})).await.0, 202);
    assert_eq!(
        world
            .meddle("DELETE", &format!("/v1/nodes/{id}"), &Value::Null)
            .await
            .0,
        204
    );
    world.condition("a", "Stalled", "True", "NodeLost").await;
    world.edit("a", &json!({"deletionPolicy": "Undeploy"})).await;
    world.delete("a").await;
    let node = world
        .wait("a", "it stays, and says why", |node| {
            message(node, "Stalled").contains("wiped")
        })
        .await;
    assert!(message(&node, "Stalled").contains("Detach"));
    world.edit("a", &json!({"deletionPolicy": "Detach"})).await;
    world.gone("a").await;
}

#[tokio::test]
async fn an_object_that_is_replaced_without_its_finalizer_gets_it_back_and_does_not_lose_its_machine() {
    let world = World::quiet("identity-replaced", 2).await;
    world.apply_node("a", &active(IMAGE)).await;
    let node = world.ready("a", "Deployed").await;
    let id = status(&node).id.clone().unwrap();
    let mut replaced = world.nodes.get("a").await.unwrap();
    replaced.metadata.finalizers = None;
    replaced.metadata.managed_fields = None;
    world
        .nodes
        .replace("a", &PostParams::default(), &replaced)
        .await
        .unwrap();
    world
        .wait("a", "the finalizer is back", |node| !node.finalizers().is_empty())
        .await;
    world.nodes.delete("a", &DeleteParams::default()).await.unwrap();
    world.condition("a", "Stalled", "True", "InstancePresent").await;
    assert_eq!(world.live_by_id(&id).await.unwrap()["provision_state"], "active");
    world.edit("a", &json!({"deletionPolicy": "Detach"})).await;
    world.gone("a").await;
}

#[tokio::test]
async fn a_status_that_names_another_node_misleads_nobody() {
    let world = World::quiet("identity-status", 2).await;
    world.apply_node("a", &offered()).await;
    let id = status(&world.ready("a", "Available").await).id.clone().unwrap();
    let theirs = json!({"name": "identity-status-theirs", "driver": "fake-hardware"});
    let other = world.meddle("POST", "/v1/nodes", &theirs).await.1;
    let other = other["uuid"].as_str().unwrap();
    world.lists(2).await;
    let sent = world.mutations();
    let patch = Patch::Merge(json!({"status": {"id": other}}));
    world
        .nodes
        .patch_status("a", &PatchParams::default(), &patch)
        .await
        .unwrap();
    let node = world
        .wait("a", "the status is put right", |node| {
            status(node).id.as_deref() == Some(&id)
        })
        .await;
    assert_eq!(condition(&node, "Ready").map(|(holds, ..)| holds), Some("True"));
    world.lists(2).await;
    assert_eq!(world.mutations(), sent);
    world.delete("a").await;
    world.gone("a").await;
    assert_eq!(world.live_by_id(&id).await, None);
    assert!(world.live_by_id(other).await.is_some());
}
