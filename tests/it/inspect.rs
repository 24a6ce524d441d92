//! The inspection of a machine that was just enrolled: once, and not for ever.

#![cfg(test)]

use serde_json::{Value, json};

use crate::failures::{TOLD, failed_in_ironic, told};
use crate::harness::{World, manifest, status};

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
    world.apply_node("a", &machine("available", &script)).await;
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
    let mut spec = machine("manageable", &script);
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
