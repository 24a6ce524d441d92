//! The inspection of a machine that was just enrolled: once, and not for ever.

#![cfg(test)]

use serde_json::{Value, json};

use crate::failures::{TOLD, failed_in_ironic, told};
use crate::harness::{World, manifest, message, status};

fn machine(state: &str, script: &Value) -> Value {
    json!({
        "interfaces": {"inspect": "testkit"}, "extra": {"testkit": script},
        "onEnroll": {"inspect": true}, "provision": {"state": state},
    })
}

#[tokio::test]
async fn a_machine_is_inspected_once_before_it_is_offered() {
    let world = World::new("inspect-once").await;
    let script = json!({"inventory": {"cpus": 96}});
    // By its BMC an object that is made anew finds its machine again.
    let machine = |state: &str| {
        let mut spec = machine(state, &script);
        spec["driverInfo"] = json!({"redfish_address": "https://inspect-once.bmc.example"});
        spec
    };
    world.apply_node("a", &machine("available")).await;
    let node = world.ready("a", "Available").await;
    let id = status(&node).id.clone().unwrap();
    assert_eq!(world.verbs_of(&id), ["manage", "inspect", "provide"]);
    assert_eq!(world.live("a").await.unwrap()["properties"]["cpus"], 96);
    let record = status(&node).inspection.as_ref().expect("it is recorded");
    assert_eq!(
        (record.outcome.as_str(), record.message.as_deref()),
        ("Done", None)
    );

    // An object that is made anew, without a record, finds what Ironic knows.
    world.edit("a", &json!({"deletionPolicy": "Detach"})).await;
    world.delete("a").await;
    world.gone("a").await;
    let mut spec = machine("manageable");
    spec["deletionPolicy"] = json!("Detach");
    world.apply(&manifest("a", &spec)).await.unwrap();
    let node = world.ready("a", "Manageable").await;
    assert_eq!(status(&node).id.as_deref(), Some(id.as_str()));
    assert_eq!(world.verbs_of(&id), ["manage", "inspect", "provide", "manage"]);
    assert!(status(&node).inspection.is_some());
}

#[tokio::test]
async fn a_failed_inspection_is_told_and_tried_again() {
    let world = World::new("inspect-fails").await;
    let script = json!({"inspect_fail": "the ramdisk does not answer"});
    world.apply_node("a", &machine("available", &script)).await;
    let failed = failed_in_ironic(&world, "a", "inspect failed").await;
    let node = told(&world, "a", "InspectFailed", "the ramdisk does not answer").await;
    assert!(failed.elapsed() < TOLD, "{:?}", failed.elapsed());
    assert_eq!(status(&node).inspection, None);
    world
        .edit("a", &json!({"extra": {"testkit": {"inspect_fail": null}}}))
        .await;
    let node = world.ready("a", "Available").await;
    assert_eq!(status(&node).inspection.as_ref().unwrap().outcome, "Done");
    let mut verbs = world.verbs_of(status(&node).id.as_deref().unwrap());
    verbs.dedup();
    assert_eq!(
        verbs,
        ["manage", "inspect", "provide"],
        "inspected again where it failed"
    );
}

#[tokio::test]
async fn without_the_request_nothing_is_inspected_and_a_failure_can_be_waived() {
    let world = World::new("inspect-waived").await;
    let script = json!({"inspect_fail": "the ramdisk does not answer"});
    world.apply_node("a", &machine("available", &script)).await;
    told(&world, "a", "InspectFailed", "the ramdisk does not answer").await;
    world.edit("a", &json!({"onEnroll": null})).await;
    let node = world.ready("a", "Available").await;
    let id = status(&node).id.clone().unwrap();
    assert_eq!(world.verbs_of(&id), ["manage", "inspect", "manage", "provide"]);
}

#[tokio::test]
async fn an_inspection_that_waits_for_its_ramdisk_is_ended_when_its_object_goes() {
    let world = World::new("inspect-ended").await;
    let waits = json!({
        "interfaces": {"inspect": "testkit"}, "extra": {"testkit": {"inspect_wait": true}},
        "onEnroll": {"inspect": true}, "provision": {"state": "available"}, "deletionPolicy": "Delete",
    });
    world.apply_node("a", &waits).await;
    let node = world
        .wait("a", "it waits and says for how long", |node| {
            let waits = status(node).provision_state.as_deref() == Some("inspect wait");
            waits && message(node, "Ready").contains("inspect_wait_timeout")
        })
        .await;
    let id = status(&node).id.clone().unwrap();
    world.delete("a").await;
    world.gone("a").await;
    assert_eq!(world.live_by_id(&id).await, None);
    assert_eq!(world.verbs_of(&id), ["manage", "inspect", "abort", "manage"]);
}
