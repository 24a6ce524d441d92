//! What a node has beside its provision state: traits, maintenance, power, switches; and objects that only watch or import.

#![cfg(test)]

use serde_json::{Value, json};

use crate::harness::{World, active, condition, message, status};

async fn ready(world: &World, mut spec: Value) -> String {
    spec["provision"] = json!({"state": "available"});
    world.apply_node("a", &spec).await;
    status(&world.ready("a", "Available").await).id.clone().unwrap()
}

#[tokio::test]
async fn a_trait_that_ironic_refuses_is_tried_once_for_each_spec() {
    let world = World::new("upkeep-refused").await;
    let id = ready(&world, json!({"traits": ["CUSTOM_NVME"]})).await;
    for (tries, traits) in [
        (1, json!(["CUSTOM_NVME", "NO_SUCH_TRAIT"])),
        (2, json!(["NO_SUCH_TRAIT"])),
    ] {
        world.edit("a", &json!({"traits": traits})).await;
        world.condition("a", "Stalled", "True", "Rejected").await;
        world.lists(4).await;
        let route = format!("/v1/nodes/{id}/traits/NO_SUCH_TRAIT");
        assert_eq!(world.proxy.count("PUT", &route), tries);
    }
    world.edit("a", &json!({"traits": ["CUSTOM_GPU"]})).await;
    world
        .live_is(&id, "the right one", |live| {
            live["traits"] == json!(["CUSTOM_GPU"])
        })
        .await;
}

#[tokio::test]
async fn traits_are_set_one_by_one_and_those_of_others_stay() {
    let world = World::new("upkeep-traits").await;
    let id = ready(&world, json!({"traits": ["CUSTOM_NVME", "CUSTOM_GPU"]})).await;
    let theirs = format!("/v1/nodes/{id}/traits/CUSTOM_THEIRS");
    assert_eq!(world.meddle("PUT", &theirs, &Value::Null).await.0, 204);
    world
        .edit("a", &json!({"traits": ["CUSTOM_GPU", "CUSTOM_NEW"]}))
        .await;
    world.ready("a", "Available").await;
    let live = world.live_by_id(&id).await.unwrap();
    let mut traits: Vec<_> = live["traits"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(Value::as_str)
        .collect();
    traits.sort_unstable();
    assert_eq!(traits, ["CUSTOM_GPU", "CUSTOM_NEW", "CUSTOM_THEIRS"]);
}

#[tokio::test]
async fn our_maintenance_comes_and_goes_and_somebody_elses_stays() {
    let world = World::new("upkeep-maintenance").await;
    world
        .apply_node("a", &json!({"provision": {"state": "manageable"}}))
        .await;
    let id = status(&world.ready("a", "Manageable").await).id.clone().unwrap();
    let on = json!({"maintenance": {"enabled": true, "reason": "new disks"}});
    world.edit("a", &on).await;
    let live = world
        .live_is(&id, "in maintenance", |live| live["maintenance"] == true)
        .await;
    let reason = live["maintenance_reason"].as_str().unwrap();
    assert!(
        reason.starts_with("ironwright") && reason.contains("new disks"),
        "{reason}"
    );
    world
        .edit("a", &json!({"maintenance": {"enabled": false, "reason": null}}))
        .await;
    world
        .live_is(&id, "out of maintenance", |live| live["maintenance"] == false)
        .await;
    world.ready("a", "Manageable").await;

    let theirs = json!({"reason": "hands off"});
    let path = format!("/v1/nodes/{id}/maintenance");
    assert_eq!(world.meddle("PUT", &path, &theirs).await.0, 202);
    world
        .edit("a", &json!({"provision": {"state": "available"}}))
        .await;
    let node = world.condition("a", "Stalled", "True", "Maintenance").await;
    assert!(message(&node, "Ready").contains("hands off"));
    let live = world.live_by_id(&id).await.unwrap();
    assert_eq!(
        (&live["maintenance"], &live["provision_state"]),
        (&json!(true), &json!("manageable"))
    );
}

#[tokio::test]
async fn the_power_follows_the_spec_and_is_left_alone_without_one() {
    let world = World::new("upkeep-power").await;
    let id = ready(&world, json!({"power": {"state": "PoweredOn"}})).await;
    world
        .live_is(&id, "on", |live| live["power_state"] == "power on")
        .await;
    world
        .edit(
            "a",
            &json!({"power": {"state": "PoweredOff", "shutdown": "Hard"}}),
        )
        .await;
    world
        .live_is(&id, "off", |live| live["power_state"] == "power off")
        .await;
    world.ready("a", "Available").await;
    world.edit("a", &json!({"power": null})).await;
    world.ready("a", "Available").await;
    let sent = world.mutations();
    let path = format!("/v1/nodes/{id}/states/power");
    assert_eq!(
        world.meddle("PUT", &path, &json!({"target": "power on"})).await.0,
        202
    );
    world
        .wait("a", "it is seen on", |node| {
            status(node).power.as_deref() == Some("on")
        })
        .await;
    assert_eq!(world.mutations(), sent, "absent is not managed");
}

#[tokio::test]
async fn who_only_observes_writes_nothing_and_lets_go_of_everything() {
    let world = World::new("upkeep-observe").await;
    world.apply_node("a", &active("http://images.example/a")).await;
    let id = status(&world.ready("a", "Deployed").await).id.clone().unwrap();
    let sent = world.mutations();
    let watched = json!({
        "managementPolicy": "Observe", "properties": {"cpus": 9}, "deletionPolicy": "Undeploy",
        "provision": {"state": "available", "instance": null},
    });
    world.edit("a", &watched).await;
    let node = world
        .wait("a", "the difference is told", |node| {
            condition(node, "Drifted").is_some()
        })
        .await;
    assert!(
        message(&node, "Drifted").contains("properties"),
        "{}",
        message(&node, "Drifted")
    );
    world.delete("a").await;
    world.gone("a").await;
    assert_eq!(world.mutations(), sent);
    assert_eq!(world.live_by_id(&id).await.unwrap()["provision_state"], "active");
}

#[tokio::test]
async fn an_import_waits_for_its_node_and_never_makes_one() {
    let world = World::new("upkeep-import").await;
    world
        .apply_node(
            "a",
            &json!({"import": {"name": "upkeep-import-there"}, "properties": {"cpus": 3}}),
        )
        .await;
    world.condition("a", "Reconciling", "True", "AwaitingNode").await;
    assert_eq!(world.mutations(), Vec::<String>::new());
    let node = json!({"driver": "fake-hardware", "name": "upkeep-import-there", "extra": {"kept": 1}});
    let (code, made) = world.meddle("POST", "/v1/nodes", &node).await;
    assert_eq!(code, 201);
    world.ready("a", "Enrolled").await;
    let live = world.live("a").await.unwrap();
    assert_eq!(live["uuid"], made["uuid"]);
    assert_eq!(
        (&live["properties"]["cpus"], &live["extra"]["kept"]),
        (&json!(3), &json!(1))
    );
    world.delete("a").await;
    world.gone("a").await;
    let left = world.live_by_id(made["uuid"].as_str().unwrap()).await.unwrap();
    assert_eq!(
        left["name"], "upkeep-import-there",
        "an import is detached unless the spec says more"
    );
}

#[tokio::test]
async fn who_begins_to_observe_in_mid_deployment_goes_on_telling_and_sends_nothing_more() {
    let world = World::new("upkeep-observe-midway").await;
    let mut spec = active("http://images.example/a");
    spec["interfaces"] = json!({"deploy": "testkit"});
    spec["extra"] = json!({"testkit": {"deploy_delay": 5}});
    world.apply_node("a", &spec).await;
    let in_state =
        |state: &'static str| move |node: &_| status(node).provision_state.as_deref() == Some(state);
    world.wait("a", "it is deploying", in_state("deploying")).await;
    let watched =
        json!({"managementPolicy": "Observe", "description": "watched", "power": {"state": "PoweredOff"}});
    world.edit("a", &watched).await;
    let live = world.live("a").await.unwrap();
    assert_eq!(live["provision_state"], "deploying", "it is in the middle");
    let sent = world.mutations();
    world.wait("a", "it is deployed", in_state("active")).await;
    let node = world.ready("a", "Observing").await;
    let said = message(&node, "Drifted");
    assert!(
        said.contains("description") && said.contains("power.state"),
        "{said}"
    );
    world.lists(2).await;
    assert_eq!(world.mutations(), sent);
}
