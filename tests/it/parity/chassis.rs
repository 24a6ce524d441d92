//! Chassis.

#![cfg(test)]

use ironwright::ironic::client::ChassisQuery;
use ironwright::ironic::model::{ChassisCreate, ChassisUpdate, Edit, NodeUpdate};
use serde_json::{Value, json};
use uuid::Uuid;

use super::nodes::pair;
use super::scene::{SIDES, Scene, Side, all};
use super::sdk::call;
use crate::client_lab::{object, patch};

fn draft(side: Side) -> ChassisCreate {
    ChassisCreate {
        description: Some("rack 7".into()),
        extra: object(json!({"a": 1, "side": format!("{side:?}").len()})),
        ..ChassisCreate::default()
    }
}

pub async fn life(scene: &mut Scene<'_>) {
    let ours = scene.ours();
    let kwargs = json!({"description": "rack 7", "extra": {"a": 1}, "uuid": Uuid::new_v4()});
    let sdk = kwargs["uuid"].as_str().unwrap_or_default().to_owned();
    let mine = ChassisCreate {
        uuid: Some(Uuid::new_v4().to_string()),
        extra: object(json!({"a": 1})),
        ..draft(Side::Ours)
    };
    let our = mine.uuid.clone().unwrap_or_default();
    scene
        .same(
            "every field as given",
            &call("create_chassis", json!([]), kwargs),
            ours.create_chassis(&mine),
        )
        .await;
    let path = |side| format!("/v1/chassis/{}", if side == Side::Sdk { &sdk } else { &our });
    scene.held(path).await;
    let read = call("get_chassis", json!([sdk]), json!({})).order();
    let update = ChassisUpdate {
        description: "rack 8".into(),
        extra: Edit::set("b", 2),
    };
    let changes = json!({"description": "rack 8", "extra": {"a": 1, "b": 2}});
    scene
        .same(
            "fields and keys, the others stay",
            &call("update_chassis", json!([read]), changes),
            ours.update_chassis(&our, &update),
        )
        .await;
    scene.held(path).await;
    let operations = json!([{"op": "remove", "path": "/extra/a"}]);
    scene
        .same(
            "a list of operations",
            &call("patch_chassis", json!([sdk, operations]), json!({})),
            ours.patch_chassis(&our, &patch(operations.clone())),
        )
        .await;
    scene.held(path).await;
    let by = |function, kwargs| call(function, json!([sdk]), kwargs);
    scene
        .same("by uuid", &by("get_chassis", json!({})), ours.get_chassis(&our))
        .await;
    let fields = by("get_chassis", json!({"fields": ["id", "extra"]}));
    scene
        .same("some fields", &fields, ours.get_chassis_fields(&our, &["extra"]))
        .await;
    scene
        .same("by uuid", &by("find_chassis", json!({})), ours.find_chassis(&our))
        .await;
    deleted(scene, &sdk, &our).await;
}

async fn deleted(scene: &mut Scene<'_>, sdk: &str, our: &str) {
    let ours = scene.ours();
    let all_of_them = ChassisQuery::default();
    scene
        .alike(
            "all, with `details`",
            &call("chassis", json!([]), json!({"details": true})),
            all(ours.list_chassis(all_of_them)),
            |theirs, ours| {
                let of = |rows: &Value| {
                    let rows = rows.as_array().cloned().unwrap_or_default();
                    let known = |row: &Value| row["uuid"] == sdk || row["uuid"] == our;
                    rows.into_iter()
                        .filter(known)
                        .map(|row| (row["uuid"].clone(), row["extra"].clone()))
                        .collect::<Vec<_>>()
                };
                assert_eq!(
                    (of(theirs.value()).len(), of(theirs.value())),
                    (2, of(ours.value()))
                );
            },
        )
        .await;
    let delete = |id: &str| call("delete_chassis", json!([id]), json!({}));
    for (what, there) in [
        ("one that is there", true),
        ("one that is not there is no error", false),
    ] {
        let gone = async { ours.delete_chassis(our).await.map(Value::from) };
        scene
            .alike(what, &delete(sdk), gone, |sdk, ours| {
                assert_eq!((sdk.value().is_object(), ours.value()), (there, &json!(there)));
            })
            .await;
    }
    let nope = async { ours.delete_chassis("nope").await.map(Value::from) };
    scene
        .better(
            "what is no uuid is nobody's; openstacksdk fails",
            &delete("nope"),
            nope,
            |sdk, ours| {
                assert_eq!((sdk.kind(), ours.value()), ("400", &json!(false)));
            },
        )
        .await;
}

pub async fn with_nodes(scene: &mut Scene<'_>) {
    let ours = scene.ours();
    let nodes = pair(scene, "n", &json!({})).await;
    let mut chassis = Vec::new();
    for (side, node) in SIDES.into_iter().zip(&nodes) {
        let made = ours
            .create_chassis(&draft(side))
            .await
            .expect("a chassis")
            .value
            .uuid;
        let update = NodeUpdate {
            chassis_uuid: made.as_str().into(),
            ..NodeUpdate::default()
        };
        ours.update_node(node, &update).await.expect("it is mounted");
        chassis.push(made);
    }
    let full = async { ours.delete_chassis(&chassis[1]).await.map(Value::from) };
    scene
        .same(
            "one with nodes is refused, in Ironic's words",
            &call("delete_chassis", json!([chassis[0]]), json!({})),
            full,
        )
        .await;
}
