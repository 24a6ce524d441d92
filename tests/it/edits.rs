//! Edits of the fields of a node: at once, three-way, and only what the spec names.

#![cfg(test)]

use std::time::{Duration, Instant};

use ironwright_stack::proxy::{Action, Callback, Entry};
use kube::api::{Patch, PatchParams};
use serde_json::{Value, json};

use crate::harness::{LIMIT, World, active, status};
use crate::probe::PROMPT;

async fn available(world: &World, mut spec: Value) -> String {
    spec["provision"] = json!({"state": "available"});
    world.apply_node("a", &spec).await;
    status(&world.ready("a", "Available").await).id.clone().unwrap()
}

#[tokio::test]
async fn what_the_spec_names_is_changed_and_removed_and_what_others_wrote_stays() {
    let world = World::new("edits-fields").await;
    let id = available(
        &world,
        json!({
            "resourceClass": "small",
            "properties": {"cpus": 4, "memory_mb": 1024},
            "extra": {"rack": "1", "nested": {"deep": [1, {"er": true}]}},
            "driverInfo": {"deploy_kernel": "http://k.example/1", "deploy_ramdisk": "http://r.example/1"},
        }),
    )
    .await;
    let theirs = json!([
        {"op": "add", "path": "/properties/theirs", "value": "kept"},
        {"op": "add", "path": "/extra/theirs", "value": {"kept": true}},
        {"op": "add", "path": "/driver_info/theirs", "value": "kept"},
    ]);
    assert_eq!(
        world.meddle("PATCH", &format!("/v1/nodes/{id}"), &theirs).await.0,
        200
    );
    world
        .edit(
            "a",
            &json!({
                "resourceClass": "large",
                "properties": {"cpus": 8, "memory_mb": null},
                "extra": {"rack": null, "row": "2"},
                "driverInfo": {"deploy_kernel": null, "deploy_ramdisk": "http://r.example/2"},
            }),
        )
        .await;
    world.ready("a", "Available").await;
    let live = world.live_by_id(&id).await.unwrap();
    assert_eq!(live["resource_class"], "large");
    assert_eq!(live["properties"], json!({"cpus": 8, "theirs": "kept"}));
    let mut extra = live["extra"].clone();
    extra.as_object_mut().unwrap().remove("ironwright");
    let expected = json!({"row": "2", "nested": {"deep": [1, {"er": true}]}, "theirs": {"kept": true}});
    assert_eq!(extra, expected);
    assert_eq!(
        live["driver_info"],
        json!({"deploy_ramdisk": "http://r.example/2", "theirs": "kept"})
    );
    let patches = world.proxy.count("PATCH", "/v1/nodes/{}");
    assert_eq!(patches, 1, "one edit, one PATCH");

    world.edit("a", &json!({"resourceClass": null})).await;
    world.ready("a", "Available").await;
    assert_eq!(
        world.live_by_id(&id).await.unwrap()["resource_class"],
        Value::Null
    );
}

#[tokio::test]
async fn an_edit_while_the_node_is_created_holds_nothing_up() {
    let world = World::new("edits-created").await;
    let nodes = world.nodes.clone();
    // The status is written when the step is taken, and is refused then.
    let edit = Callback::new(move |_| {
        let nodes = nodes.clone();
        async move {
            let patch = Patch::Merge(json!({"spec": {"description": "edited"}}));
            let edited = nodes.patch("a", &PatchParams::default(), &patch).await;
            edited.expect("the edit is accepted");
        }
    });
    world
        .proxy
        .when("PUT", "/v1/nodes/{}/states/provision")
        .nth(1)
        .then(Action::CallAfter(edit));
    let id = available(&world, json!({})).await;
    assert_eq!(world.live_by_id(&id).await.unwrap()["description"], "edited");
    world.assert_no_verb_repeated();
}

#[tokio::test]
async fn what_a_spec_no_longer_says_goes_back_to_what_nobody_has_set() {
    let world = World::new("edits-reset").await;
    let fields = json!({
        "owner": "us", "lessee": "them", "description": "the third from the left", "shard": "east",
        "automatedClean": {"enabled": false}, "disablePowerOff": true, "traits": ["CUSTOM_ONE"],
    });
    let id = available(&world, fields.clone()).await;
    let live = world.live_by_id(&id).await.unwrap();
    let named = ["owner", "lessee", "description", "shard", "automated_clean"];
    let set: Vec<_> = named.map(|field| live[field].clone()).into();
    assert_eq!(
        json!(set),
        json!(["us", "them", "the third from the left", "east", false])
    );
    let nothing: serde_json::Map<_, _> = fields
        .as_object()
        .unwrap()
        .keys()
        .map(|key| (key.clone(), Value::Null))
        .collect();
    world.edit("a", &Value::Object(nothing)).await;
    let is_reset = |live: &Value| live["owner"].is_null() && live["traits"] == json!([]);
    world.live_is(&id, "nothing of it", is_reset).await;
    world.ready("a", "Available").await;
    let live = world.live_by_id(&id).await.unwrap();
    for field in named {
        assert_eq!(live[field], Value::Null, "{field}");
    }
    assert_ne!(live["disable_power_off"], true);
}

#[tokio::test]
async fn an_edit_acts_within_a_second() {
    let world = World::new("edits-prompt").await;
    available(&world, json!({})).await;
    world.lists(2).await;
    for cpus in 1..=3 {
        let since = Instant::now();
        world.edit("a", &json!({"properties": {"cpus": cpus}})).await;
        let took = world.took(since, |entry| entry.seen.method == "PATCH").await;
        assert!(took < PROMPT, "the edit took {took:?} to get to Ironic");
        world.ready("a", "Available").await;
    }
}

#[tokio::test]
async fn a_field_that_waits_for_another_state_is_named_and_written_when_it_can_be() {
    let world = World::new("edits-later").await;
    let mut spec = active("http://images.example/one.qcow2");
    spec["resourceClass"] = json!("small");
    world.apply_node("a", &spec).await;
    world.ready("a", "Deployed").await;
    world
        .edit("a", &json!({"resourceClass": "large", "properties": {"cpus": 2}}))
        .await;
    let node = world.condition("a", "Drifted", "True", "AwaitingState").await;
    assert!(crate::harness::message(&node, "Drifted").contains("resourceClass"));
    let live = world.live("a").await.unwrap();
    assert_eq!(
        (&live["resource_class"], &live["properties"]["cpus"]),
        (&json!("small"), &json!(2))
    );
    world
        .edit(
            "a",
            &json!({"provision": {"state": "available", "instance": null}}),
        )
        .await;
    world.ready("a", "Available").await;
    assert_eq!(world.live("a").await.unwrap()["resource_class"], "large");
}

/// The write of the status that says whose the field is meets an object that has changed.
#[tokio::test]
async fn what_is_taken_back_while_it_is_written_leaves_no_trace() {
    let world = World::new("edits-taken-back").await;
    let id = available(&world, json!({})).await;
    world.proxy.clear_log();
    let under_way = world
        .proxy
        .when("PATCH", "/v1/nodes/{}")
        .times(1)
        .then(Action::Delay(Duration::from_secs(2)));
    world
        .edit(
            "a",
            &json!({"extra": {"mistake": 1}, "networkData": {"links": [], "networks": [], "services": []}, "owner": "wrong"}),
        )
        .await;
    let sent = world.proxy.wait_for("PATCH", "/v1/nodes/{}", 1, LIMIT);
    sent.await.unwrap();
    let nothing = json!({"extra": null, "networkData": null, "owner": null});
    world.edit("a", &nothing).await;
    let done = |entry: &Entry| entry.seen.method == "PATCH" && entry.status.is_some();
    world.took(Instant::now(), done).await;
    let is_gone = |live: &Value| {
        live["extra"]["mistake"].is_null() && live["owner"].is_null() && live["network_data"] == json!({})
    };
    world.live_is(&id, "nothing of it", is_gone).await;
    world.proxy.remove(under_way);
}
