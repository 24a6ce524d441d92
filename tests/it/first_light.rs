//! From nothing to an active machine and back to nothing.

#![cfg(test)]

use serde_json::{Value, json};

use crate::harness::{World, active, status};

#[tokio::test]
async fn a_node_without_a_wanted_state_is_enrolled_and_verified_and_no_more() {
    let world = World::new("first-light-enrolled").await;
    world.apply_node("a", &json!({})).await;
    let node = world.ready("a", "Enrolled").await;
    assert_eq!(status(&node).provision_state.as_deref(), Some("manageable"));
    assert_eq!(
        status(&node).id,
        node.metadata.uid,
        "the uuid is the object's uid"
    );
    let live = world.live("a").await.unwrap();
    assert_eq!(live["name"], "first-light-enrolled~a");
    assert_eq!(
        live["extra"]["ironwright"]["uid"],
        Value::from(node.metadata.uid.clone())
    );
    let id = status(&node).id.clone().unwrap();
    let sent = world.mutations();
    assert_eq!(
        sent,
        [
            "POST /v1/nodes -> 201".to_owned(),
            format!("PUT /v1/nodes/{id}/states/provision manage -> 202")
        ]
    );
}

#[tokio::test]
async fn a_machine_goes_from_nothing_to_active_and_back_to_nothing() {
    let world = World::new("first-light-whole-way").await;
    world
        .secret(
            "user-data",
            &json!({"cloud-config": "#cloud-config\nhostname: a\n"}),
        )
        .await;
    world
        .apply_node(
            "a",
            &json!({"provision": {"state": "available"}, "resourceClass": "large"}),
        )
        .await;
    world.ready("a", "Available").await;

    let mut spec = active("http://images.example/one.qcow2");
    spec["provision"]["instance"]["configDrive"] = json!({
        "metaData": {"hostname": "a"}, "userDataFrom": {"secretRef": {"name": "user-data", "key": "cloud-config"}},
    });
    world.edit("a", &spec).await;
    world.ready("a", "Deployed").await;
    let live = world.live("a").await.unwrap();
    assert_eq!(live["provision_state"], "active");
    assert_eq!(
        live["instance_info"]["image_source"],
        "http://images.example/one.qcow2"
    );
    assert_eq!(
        live["instance_uuid"],
        live["extra"]["ironwright"]["instance"]["id"]
    );
    let deploy = world
        .proxy
        .log()
        .into_iter()
        .find(|entry| entry.seen.body.windows(8).any(|part| part == b"\"active\""));
    let body: Value = serde_json::from_slice(&deploy.unwrap().seen.body).unwrap();
    assert_eq!(
        body["configdrive"]["meta_data"],
        json!({"hostname": "a", "name": "a"})
    );
    assert_eq!(body["configdrive"]["user_data"], "#cloud-config\nhostname: a\n");

    world
        .edit(
            "a",
            &json!({"provision": {"state": "available", "instance": null}}),
        )
        .await;
    world.ready("a", "Available").await;
    let live = world.live("a").await.unwrap();
    assert_eq!(
        (&live["instance_uuid"], &live["provision_state"]),
        (&Value::Null, &Value::from("available"))
    );

    let id = live["uuid"].as_str().unwrap().to_owned();
    world.delete("a").await;
    world.gone("a").await;
    assert_eq!(world.live_by_id(&id).await, None);
}

#[tokio::test]
async fn a_paused_object_is_looked_at_and_not_written_for() {
    let world = World::new("first-light-paused").await;
    world
        .apply_node("a", &json!({"provision": {"state": "available"}}))
        .await;
    world.ready("a", "Available").await;
    let sent = world.mutations();
    let paused =
        json!({"paused": true, "properties": {"cpu_arch": "x86_64"}, "provision": {"state": "manageable"}});
    world.edit("a", &paused).await;
    world.condition("a", "Reconciling", "True", "Paused").await;
    // What others do is still seen.
    let id = world.live("a").await.unwrap()["uuid"]
        .as_str()
        .unwrap()
        .to_owned();
    let on = json!({"target": "power on"});
    let (status, _) = world
        .meddle("PUT", &format!("/v1/nodes/{id}/states/power"), &on)
        .await;
    assert_eq!(status, 202);
    world
        .wait("a", "the power is seen", |node| {
            self::status(node).power.as_deref() == Some("on")
        })
        .await;
    assert_eq!(world.mutations(), sent);
    world.edit("a", &json!({"paused": false})).await;
    world.ready("a", "Manageable").await;
    assert_eq!(world.live("a").await.unwrap()["properties"]["cpu_arch"], "x86_64");
}
