//! What the apiserver makes of a manifest: refused in one sentence, kept as it is, and shown.

#![cfg(test)]

mod rows;

use ironwright::api::{BareMetalCloud, BareMetalNode};
use kube::Api;
use kube::api::{ApiResource, DynamicObject, Patch, PatchParams, ValidationDirective};
use serde_json::{Value, json};

use self::rows::{CLOUD, NODE};
use crate::harness::{World, active, manifest};
use crate::sight::kubectl;

/// What the apiserver says to a dry run, and how many things it finds; none if it accepts.
async fn refusal(world: &World, manifest: &Value) -> Option<(String, usize)> {
    let resource = match manifest["kind"].as_str() {
        Some(CLOUD) => ApiResource::erase::<BareMetalCloud>(&()),
        _ => ApiResource::erase::<BareMetalNode>(&()),
    };
    let api = Api::<DynamicObject>::namespaced_with(world.client.clone(), &world.namespace, &resource);
    let parameters = PatchParams {
        dry_run: true,
        field_validation: Some(ValidationDirective::Strict),
        ..PatchParams::apply("test")
    };
    let name = manifest["metadata"]["name"].as_str().unwrap();
    match api.patch(name, &parameters, &Patch::Apply(manifest)).await {
        Ok(_) => None,
        Err(kube::Error::Api(status)) => {
            let causes = status.details.as_ref().map(|details| details.causes.as_slice());
            // The apiserver's own remark that it stopped at the first kind of error.
            let causes = causes.unwrap_or_default().iter();
            let causes =
                causes.filter(|cause| !cause.message.contains("some validation rules were not checked"));
            Some((status.message.clone(), causes.count()))
        }
        Err(error) => panic!("{manifest}: {error:#}"),
    }
}

#[tokio::test]
async fn every_manifest_that_breaks_the_schema_is_refused_in_one_sentence() {
    let world = World::empty("schema-refused").await;
    assert_eq!(refusal(&world, &manifest("good", &json!({}))).await, None);
    assert_eq!(refusal(&world, &world.lab()).await, None);
    let mut wrong = vec![];
    for (row, kind, spec, words) in rows::all() {
        let mut manifest = if kind == NODE {
            manifest("bad", &json!({}))
        } else {
            world.lab()
        };
        json_patch::merge(&mut manifest["spec"], &spec);
        match refusal(&world, &manifest).await {
            None => wrong.push(format!("{row}: accepted")),
            Some((said, causes)) if causes > 1 || words.iter().any(|word| !said.contains(word)) => {
                wrong.push(format!("{row}: {causes} causes, wanted {words:?} in: {said}"));
            }
            Some(_) => {}
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[tokio::test]
async fn the_cloud_of_a_node_cannot_be_changed() {
    let world = World::empty("schema-immutable").await;
    world.apply_node("a", &json!({})).await;
    let moved = manifest("a", &json!({"cloudRef": {"name": "other"}}));
    let (said, _) = refusal(&world, &moved).await.expect("it is refused");
    assert!(
        said.contains("cloudRef cannot be changed: delete the object with deletionPolicy Detach"),
        "{said}"
    );
}

#[tokio::test]
async fn an_object_nobody_has_looked_at_is_in_progress() {
    let world = World::empty("schema-unobserved").await;
    world.apply(&world.lab()).await.unwrap();
    world.apply_node("a", &json!({})).await;
    let node = world.nodes.get("a").await.unwrap().status.unwrap();
    let cloud = world.clouds.get("lab").await.unwrap().status.unwrap();
    // kstatus: a generation that was not observed is in progress, whatever the conditions say.
    assert_eq!(
        (node.observed_generation, cloud.observed_generation),
        (Some(-1), Some(-1))
    );
    assert!(node.conditions.is_empty() && cloud.conditions.is_empty());
}

#[tokio::test]
async fn kubectl_shows_what_a_machine_is_doing() {
    let world = World::new("schema-columns").await;
    world
        .apply_node("a", &json!({"provision": {"state": "manageable"}}))
        .await;
    world.ready("a", "Manageable").await;
    let table = kubectl(&world, &["get", "bmn"]).await;
    let lines: Vec<Vec<&str>> = table
        .lines()
        .map(|line| line.split_whitespace().collect())
        .collect();
    let columns = ["NAME", "STATE", "TARGET", "POWER", "READY", "REASON", "AGE"];
    assert_eq!(lines[0], columns, "{table}");
    // An empty TARGET is blank: it is there.
    let cells = &lines[1];
    assert_eq!(cells[..2], ["a", "manageable"], "{table}");
    assert_eq!(
        cells[cells.len() - 3..cells.len() - 1],
        ["True", "Manageable"],
        "{table}"
    );
    let wide = kubectl(&world, &["get", "bmn", "a", "-o", "wide"]).await;
    for part in ["MESSAGE", "lab", "fake-hardware", "as wanted"] {
        assert!(wide.contains(part), "{part}: {wide}");
    }
    let clouds = kubectl(&world, &["get", "bmcloud"]).await;
    assert!(
        clouds.contains("ENDPOINT") && clouds.contains(&world.proxy.endpoint()),
        "{clouds}"
    );
    let all = kubectl(&world, &["get", "ironwright", "-o", "name"]).await;
    assert_eq!(all.lines().count(), 2, "both kinds are in the category: {all}");
}

#[tokio::test]
async fn maps_of_any_depth_survive_from_the_apiserver_to_ironic() {
    let deep =
        |leaf: &str| json!({"one": {"two": [{"three": {"four": leaf, "n": 1.5, "no": null, "off": false}}]}});
    let world = World::new("schema-deep").await;
    let mut spec = active("http://images.example/one.qcow2");
    // Without network data Ironic gets the parts as they are.
    spec["provision"]["instance"]["configDrive"] =
        json!({"metaData": {"deep": deep("meta")}, "vendorData": {"deep": deep("vendor")}});
    json_patch::merge(
        &mut spec,
        &json!({"properties": {"deep": 0}, "extra": {"deep": 0}, "driverInfo": {"deep": 0}}),
    );
    // Not by merge: it would drop the nulls.
    for (map, leaf) in [("properties", "p"), ("extra", "e"), ("driverInfo", "d")] {
        spec[map]["deep"] = deep(leaf);
    }
    let mut whole = manifest("a", &json!({}));
    for (key, value) in spec.as_object().unwrap() {
        whole["spec"][key] = value.clone();
    }
    world.apply(&whole).await.unwrap();
    world.ready("a", "Deployed").await;

    let stored = serde_json::to_value(world.nodes.get("a").await.unwrap()).unwrap();
    let live = world.live("a").await.unwrap();
    for (map, theirs, leaf) in [
        ("properties", "properties", "p"),
        ("extra", "extra", "e"),
        ("driverInfo", "driver_info", "d"),
    ] {
        assert_eq!(stored["spec"][map]["deep"], deep(leaf), "{map} in the apiserver");
        assert_eq!(live[theirs]["deep"], deep(leaf), "{theirs} in Ironic");
    }
    let deploy = world.bodies("PUT", "/states/provision").pop().unwrap();
    assert_eq!(deploy["configdrive"]["meta_data"]["deep"], deep("meta"));
    assert_eq!(deploy["configdrive"]["vendor_data"]["deep"], deep("vendor"));

    // A leaf alone changes, and nothing is lost on the way of an update either.
    let mut whole = manifest("a", &json!({}));
    whole["spec"] = stored["spec"].clone();
    whole["spec"]["extra"]["deep"] = deep("changed");
    world.apply(&whole).await.unwrap();
    world.ready("a", "Deployed").await;
    let live = world.live("a").await.unwrap();
    assert_eq!(live["extra"]["deep"], deep("changed"));
    assert_eq!(live["properties"]["deep"], deep("p"));
}
