//! Nodes: changed.

#![cfg(test)]

use ironwright::ironic::model::{Change, Edit, NodeUpdate};
use ironwright_stack::proxy::{Action, Answer};
use serde_json::{Value, json};
use uuid::Uuid;

use super::nodes::pair;
use super::scene::Scene;
use super::sdk::{Call, call};
use crate::client_lab::{LONG, patch};

/// openstacksdk's update of a node that it has read before, which it has to.
fn update(name: &str, changes: Value) -> Call {
    let read = call("get_node", json!([name]), json!({})).order();
    call("update_node", json!([read]), changes)
}

pub async fn updated(scene: &mut Scene<'_>) {
    let ours = scene.ours();
    let uuids = pair(scene, "a", &json!({})).await;
    let (sdk, our) = (scene.sdk("a"), scene.our("a"));
    let keys = NodeUpdate {
        extra: Edit::set("x", json!({"y": 1})),
        description: "rack 7".into(),
        automated_clean: Change::Set(false),
        ..NodeUpdate::default()
    };
    let whole = json!({"extra": {"testkit": {}, "x": {"y": 1}}, "description": "rack 7", "is_automated_clean_enabled": false});
    scene
        .same(
            "fields and keys, the others stay",
            &update(&sdk, whole.clone()),
            ours.update_node(&our, &keys),
        )
        .await;
    scene.held_node("a").await;
    scene
        .alike(
            "nothing is sent where nothing changes",
            &update(&sdk, whole),
            ours.update_node(&our, &keys),
            |sdk, ours| {
                assert_eq!((sdk.count("PATCH"), ours.count("PATCH")), (0, 0));
            },
        )
        .await;
    let other = NodeUpdate {
        description: "rack 8".into(),
        ..NodeUpdate::default()
    };
    scene
        .same(
            "by uuid",
            &call("update_node", json!([uuids[0]]), json!({"description": "rack 8"})),
            ours.update_node(&uuids[1], &other),
        )
        .await;
    let bare = call("update_node", json!([sdk]), json!({"extra": {"z": 1}}));
    let key = NodeUpdate {
        extra: Edit::set("z", 1),
        ..NodeUpdate::default()
    };
    scene
        .better(
            "by name: the other keys of an object stay; openstacksdk overwrites them",
            &bare,
            ours.update_node(&our, &key),
            |sdk, ours| {
                assert_eq!(sdk.value()["extra"], json!({"z": 1}));
                assert_eq!(
                    ours.value()["extra"],
                    json!({"testkit": {}, "x": {"y": 1}, "z": 1})
                );
            },
        )
        .await;
}

pub async fn emptied(scene: &mut Scene<'_>) {
    let ours = scene.ours();
    let pair = pair(scene, "a", &json!({})).await;
    let described = NodeUpdate {
        description: "rack 7".into(),
        ..NodeUpdate::default()
    };
    for uuid in &pair {
        ours.update_node(uuid, &described).await.expect("it is described");
    }
    let (sdk, our) = (scene.sdk("a"), scene.our("a"));
    let none = NodeUpdate {
        description: Change::Unset,
        ..NodeUpdate::default()
    };
    scene
        .better(
            "a description goes; what openstacksdk sends for `None` is an error in Ironic 39",
            &update(&sdk, json!({"description": null})),
            ours.update_node(&our, &none),
            |sdk, ours| {
                assert_eq!(sdk.kind(), "500");
                assert_eq!(ours.value()["description"], Value::Null);
            },
        )
        .await;
}

pub async fn renamed(scene: &mut Scene<'_>) {
    let ours = scene.ours();
    let [_, _] = pair(scene, "a", &json!({})).await;
    let (sdk, our) = (scene.sdk("a"), scene.our("a"));
    let [sdk_new, our_new] = [scene.sdk("b"), scene.our("b")];
    let rename = NodeUpdate {
        name: our_new.as_str().into(),
        ..NodeUpdate::default()
    };
    scene
        .same(
            "a new name, the uuid stays",
            &update(&sdk, json!({"name": sdk_new})),
            ours.update_node(&our, &rename),
        )
        .await;
}

pub async fn updated_in_trouble(scene: &mut Scene<'_>) {
    let ours = scene.ours();
    let [_, _] = pair(scene, "a", &json!({})).await;
    let [sdk_b, our_b] = pair(scene, "b", &json!({})).await;
    let (sdk, our) = (scene.sdk("a"), scene.our("a"));
    let both = NodeUpdate {
        maintenance_reason: Some("disk".into()),
        extra: Edit::set("x", 1),
        ..NodeUpdate::default()
    };
    let changes =
        json!({"is_maintenance": true, "maintenance_reason": "disk", "extra": {"testkit": {}, "x": 1}});
    scene
        .same(
            "maintenance with its reason, and other fields",
            &update(&sdk, changes),
            ours.update_node(&our, &both),
        )
        .await;
    scene.held_node("a").await;
    let claim = |uuid: &str| NodeUpdate {
        instance_uuid: uuid.into(),
        ..NodeUpdate::default()
    };
    let [of_sdk, of_ours] = [Uuid::new_v4().to_string(), Uuid::new_v4().to_string()];
    scene
        .same(
            "a claim (`instance_id`)",
            &update(&sdk, json!({"instance_id": of_sdk})),
            ours.update_node(&our, &claim(&of_ours)),
        )
        .await;
    let patient = ours.retry_on_conflict(LONG);
    scene
        .better(
            "a claim that another node has is told at once, not after six requests, patient or not",
            &update(&sdk_b, json!({"instance_id": of_sdk})),
            patient.update_node(&our_b, &claim(&of_ours)),
            |sdk, ours| {
                assert_eq!((sdk.kind(), sdk.count("PATCH")), ("409", 6));
                assert_eq!((ours.kind(), ours.count("PATCH")), ("409", 1));
            },
        )
        .await;
}

pub async fn updated_while_locked(scene: &mut Scene<'_>) {
    let ours = scene.ours();
    let patient = ours.retry_on_conflict(LONG);
    let [_, _] = pair(scene, "a", &json!({})).await;
    let (sdk, our) = (scene.sdk("a"), scene.our("a"));
    let locked = Answer::ironic_error(
        409,
        "Node 1 is locked by host h, please retry after the current operation is completed.",
    );
    let describe = NodeUpdate {
        description: "d".into(),
        ..NodeUpdate::default()
    };
    scene.both_proxies("PATCH", "/v1/nodes/{}", 2, &Action::Answer(locked.clone()));
    scene
        .alike(
            "a lock is waited for",
            &update(&sdk, json!({"description": "d"})),
            patient.update_node(&our, &describe),
            |sdk, ours| {
                assert_eq!(
                    (
                        sdk.value()["description"].as_str(),
                        ours.value()["description"].as_str()
                    ),
                    (Some("d"), Some("d"))
                );
                assert_eq!((sdk.count("PATCH"), ours.count("PATCH")), (3, 3));
            },
        )
        .await;
    scene.both_proxies("PATCH", "/v1/nodes/{}", 1, &Action::Answer(locked));
    let other = NodeUpdate {
        description: "e".into(),
        ..NodeUpdate::default()
    };
    let hasty = update(&sdk, json!({"description": "e", "retry_on_conflict": false}));
    scene
        .alike(
            "`retry_on_conflict=False`: the lock is told at once; ours does so unless told otherwise",
            &hasty,
            ours.update_node(&our, &other),
            |sdk, ours| {
                assert_eq!((sdk.kind(), ours.kind()), ("409", "409"));
                assert_eq!((sdk.count("PATCH"), ours.count("PATCH")), (1, 1));
            },
        )
        .await;
    scene.clear_rules();
}

pub async fn patched(scene: &mut Scene<'_>) {
    let ours = scene.ours();
    let [_, _] = pair(scene, "a", &json!({})).await;
    let (sdk, our) = (scene.sdk("a"), scene.our("a"));
    let patch_call = |operations: &Value, kwargs: Value| call("patch_node", json!([sdk, operations]), kwargs);
    for (what, operations) in [
        (
            "a list of operations",
            json!([{"op": "add", "path": "/extra/x", "value": 1}, {"op": "remove", "path": "/extra/testkit"}]),
        ),
        (
            "a path that cannot be is refused in Ironic's words",
            json!([{"op": "add", "path": "/traits", "value": []}]),
        ),
        (
            "all or nothing",
            json!([{"op": "add", "path": "/extra/n", "value": 1}, {"op": "replace", "path": "/properties/no", "value": 1}]),
        ),
    ] {
        scene
            .same(
                what,
                &patch_call(&operations, json!({})),
                ours.patch_node(&our, &patch(operations.clone()), false),
            )
            .await;
        scene.held_node("a").await;
    }
    let translated = json!([{"op": "add", "path": "/is_maintenance", "value": true}]);
    let plain = json!([{"op": "add", "path": "/maintenance", "value": true}]);
    scene
        .same(
            "openstacksdk's own names are translated; ours are Ironic's",
            &patch_call(&translated, json!({})),
            ours.patch_node(&our, &patch(plain), false),
        )
        .await;
    scene.held_node("a").await;
    let driver = json!([{"op": "replace", "path": "/driver", "value": "fake-hardware"}]);
    scene
        .same(
            "`reset_interfaces` with a driver",
            &patch_call(&driver, json!({"reset_interfaces": true})),
            ours.patch_node(&our, &patch(driver.clone()), true),
        )
        .await;
    scene.held_node("a").await;
    let extra = json!([{"op": "add", "path": "/extra/x", "value": 2}]);
    scene
        .better(
            "`reset_interfaces` without a driver is refused without a request",
            &patch_call(&extra, json!({"reset_interfaces": true})),
            ours.patch_node(&our, &patch(extra.clone()), true),
            |sdk, ours| {
                assert_eq!((sdk.kind(), sdk.count("PATCH")), ("400", 1));
                assert_eq!((ours.kind(), ours.sent.len()), ("argument", 0));
            },
        )
        .await;
}
