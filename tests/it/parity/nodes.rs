//! Nodes: created, read, found, changed and deleted.

#![cfg(test)]

use ironwright::ironic::client::InitialState;
use ironwright::ironic::model::{InterfaceKind, NodeCreate, NodeUpdate, Verb};
use serde_json::{Value, json};
use uuid::Uuid;

use super::scene::{SIDES, Scene, Side, json_of};
use super::sdk::{Call, call};
use crate::client_lab::{LONG, object};

/// A node of a side, whose interfaces do as `script` says.
pub fn draft(scene: &Scene<'_>, side: Side, name: &str, script: &Value) -> NodeCreate {
    use InterfaceKind::{Deploy, Inspect, Power, Rescue};
    NodeCreate {
        name: Some(scene.name(side, name)),
        driver: "fake-hardware".into(),
        resource_class: Some(scene.class(side)),
        interfaces: [Deploy, Inspect, Power, Rescue]
            .map(|kind| (kind, "testkit".to_owned()))
            .into(),
        extra: object(json!({ "testkit": script })),
        ..NodeCreate::default()
    }
}

/// openstacksdk's creation of the same.
fn creation(draft: &NodeCreate) -> Call {
    call("create_node", json!([]), json_of(draft))
}

/// One node for each side, made by our client.
pub async fn pair(scene: &Scene<'_>, name: &str, script: &Value) -> [String; 2] {
    scripted(scene, name, |_| script.clone()).await
}

/// The same, each with a script of its own.
pub async fn scripted(scene: &Scene<'_>, name: &str, script: impl Fn(Side) -> Value) -> [String; 2] {
    let mut uuids = Vec::new();
    for side in SIDES {
        let made = scene
            .ours()
            .create_node(&draft(scene, side, name, &script(side)))
            .await;
        uuids.push(made.expect("a node").value.uuid);
    }
    let [sdk, ours] = uuids.try_into().expect("two");
    [sdk, ours]
}

/// The same, taken through verbs.
pub async fn walked(scene: &Scene<'_>, name: &str, script: &Value, verbs: &[Verb]) -> [String; 2] {
    let pair = pair(scene, name, script).await;
    let client = scene.ours().retry_on_conflict(LONG);
    for &verb in verbs {
        let request = ironwright::ironic::client::ProvisionRequest::new(verb);
        let (one, other) = tokio::join!(
            client.set_node_provision_state_and_wait(&pair[0], &request, LONG),
            client.set_node_provision_state_and_wait(&pair[1], &request, LONG)
        );
        assert!(one.is_ok() && other.is_ok(), "{verb}: {one:?} {other:?}");
    }
    scene.rest(&pair).await;
    pair
}

/// A draft of each side's, with more than API 1.10 knows.
fn drafts(scene: &Scene<'_>, name: &str) -> [NodeCreate; 2] {
    SIDES.map(|side| NodeCreate {
        description: Some("one".into()),
        properties: object(json!({"cpus": 4})),
        ..draft(scene, side, name, &json!({}))
    })
}

pub async fn created(scene: &mut Scene<'_>) {
    let ours = scene.ours();
    let [sdk, our] = drafts(scene, "a");
    scene
        .same(
            "in `enroll`, every field as given",
            &creation(&sdk),
            ours.create_node(&our),
        )
        .await;
    let held = scene.held_node("a").await;
    assert_eq!(
        (
            held["provision_state"].as_str(),
            held["properties"]["cpus"].as_i64()
        ),
        (Some("enroll"), Some(4))
    );
    scene
        .better(
            "a name that is taken is told at once, not after six requests",
            &creation(&sdk),
            ours.create_node(&our),
            |sdk, ours| {
                assert_eq!((sdk.kind(), sdk.count("POST")), ("409", 6));
                assert_eq!((ours.kind(), ours.count("POST")), ("409", 1));
            },
        )
        .await;
}

pub async fn created_in_a_state(scene: &mut Scene<'_>) {
    let ours = scene.ours();
    let [sdk, our] = drafts(scene, "e");
    scene
        .same(
            "handed over in `enroll`",
            &state(&sdk, "enroll"),
            ours.create_node_in(&our, InitialState::Enroll, LONG),
        )
        .await;
    let [sdk, our] = drafts(scene, "m");
    scene
        .same(
            "handed over `manageable`",
            &state(&sdk, "manageable"),
            ours.create_node_in(&our, InitialState::Manageable, LONG),
        )
        .await;
    scene.held_node("m").await;
    let [sdk, our] = drafts(scene, "v");
    scene
        .better(
            "handed over `available` by way of `manage` and `provide`, with any field and cleaned; openstacksdk goes back to API 1.10 for it",
            &state(&sdk, "available"),
            ours.create_node_in(&our, InitialState::Available, LONG),
            |sdk, ours| {
                assert_eq!(sdk.kind(), "406", "API 1.10 has no description");
                assert_eq!(ours.value()["provision_state"], "available");
            },
        )
        .await;
    let [sdk, _] = drafts(scene, "x");
    let active = async { "active".parse::<InitialState>().map(|_| ()) };
    scene
        .same(
            "`active` is refused without a request",
            &state(&sdk, "active"),
            active,
        )
        .await;
}

fn state(draft: &NodeCreate, state: &str) -> Call {
    let mut kwargs = json_of(draft);
    kwargs["provision_state"] = state.into();
    call("create_node", json!([]), kwargs)
}

pub async fn deleted(scene: &mut Scene<'_>) {
    let ours = scene.ours();
    let [_, _] = pair(scene, "a", &json!({})).await;
    let (sdk, our) = (scene.sdk("a"), scene.our("a"));
    let delete = |name: &str, kwargs| call("delete_node", json!([name]), kwargs);
    let there = async { ours.delete_node(&our).await.map(Value::from) };
    scene
        .alike(
            "a node that is there",
            &delete(&sdk, json!({})),
            there,
            |sdk, ours| {
                assert!(
                    sdk.value().is_object() && *ours.value() == json!(true),
                    "{sdk:?} {ours:?}"
                );
            },
        )
        .await;
    for name in [&sdk, &our] {
        assert!(ours.find_node(name).await.unwrap().is_none(), "it is gone");
    }
    let gone = async { ours.delete_node(&our).await.map(Value::from) };
    scene
        .alike(
            "one that is not there is no error",
            &delete(&sdk, json!({})),
            gone,
            |sdk, ours| {
                assert_eq!((sdk.value(), ours.value()), (&Value::Null, &json!(false)));
            },
        )
        .await;
    let strict = async { ours.delete_node(&our).await.map(Value::from) };
    scene
        .alike(
            "`ignore_missing=False`: an error; ours tells it as `false`",
            &delete(&sdk, json!({"ignore_missing": false})),
            strict,
            |sdk, ours| {
                assert_eq!((sdk.kind(), ours.value()), ("404", &json!(false)));
            },
        )
        .await;
}

pub async fn deleted_in_use(scene: &mut Scene<'_>) {
    let ours = scene.ours();
    let delete = |name: &str, kwargs| call("delete_node", json!([name]), kwargs);
    let pair = pair(scene, "b", &json!({})).await;
    let claim = || NodeUpdate {
        instance_uuid: Uuid::new_v4().to_string().as_str().into(),
        ..NodeUpdate::default()
    };
    for uuid in &pair {
        ours.update_node(uuid, &claim()).await.unwrap();
    }
    let busy = async { ours.delete_node(&pair[1]).await.map(Value::from) };
    scene
        .better(
            "one with an instance is refused at once, not after six requests",
            &delete(&pair[0], json!({})),
            busy,
            |sdk, ours| {
                assert_eq!((sdk.kind(), sdk.count("DELETE")), ("409", 6));
                assert_eq!((ours.kind(), ours.count("DELETE")), ("409", 1));
            },
        )
        .await;
}

pub async fn protected(scene: &mut Scene<'_>) {
    let ours = scene.ours();
    let pair = walked(
        scene,
        "a",
        &json!({}),
        &[Verb::Manage, Verb::Provide, Verb::Active],
    )
    .await;
    let protect = NodeUpdate {
        protected: Some(true),
        ..NodeUpdate::default()
    };
    for uuid in &pair {
        ours.update_node(uuid, &protect).await.unwrap();
        ours.set_node_maintenance(uuid, "parity").await.unwrap();
    }
    let ours_deletes = async { ours.delete_node(&pair[1]).await.map(Value::from) };
    scene
        .same(
            "a protected one is refused",
            &call("delete_node", json!([pair[0]]), json!({})),
            ours_deletes,
        )
        .await;
}

pub async fn read(scene: &mut Scene<'_>) {
    let ours = scene.ours();
    let uuids = pair(scene, "a", &json!({})).await;
    let (sdk, our) = (scene.sdk("a"), scene.our("a"));
    let get = |id: &str, kwargs| call("get_node", json!([id]), kwargs);
    scene
        .same("by name", &get(&sdk, json!({})), ours.get_node(&our))
        .await;
    scene
        .same("by uuid", &get(&uuids[0], json!({})), ours.get_node(&uuids[1]))
        .await;
    let fields = get(&sdk, json!({"fields": ["id", "name", "is_maintenance"]}));
    scene
        .same(
            "some fields",
            &fields,
            ours.get_node_fields(&our, &["name", "maintenance"]),
        )
        .await;
    let nameless = get(&sdk, json!({"fields": ["driver"]}));
    scene
        .better(
            "some fields: the uuid is always among them",
            &nameless,
            ours.get_node_fields(&our, &["driver"]),
            |_, ours| {
                assert_eq!(ours.value()["uuid"], json!(uuids[1]));
            },
        )
        .await;
    let upper = uuids.clone().map(|uuid| uuid.to_uppercase());
    scene
        .better(
            "a uuid in capitals",
            &get(&upper[0], json!({})),
            ours.get_node(&upper[1]),
            |sdk, ours| {
                assert_eq!((sdk.kind(), ours.kind()), ("404", ""));
            },
        )
        .await;
    for (what, name, status) in [
        ("what is not there is `404`", "nobody", "404"),
        ("what cannot be a name is `400`", "no name", "400"),
    ] {
        scene
            .alike(what, &get(name, json!({})), ours.get_node(name), |sdk, ours| {
                assert_eq!((sdk.kind(), ours.kind()), (status, status));
            })
            .await;
    }
}

pub async fn found(scene: &mut Scene<'_>) {
    let ours = scene.ours();
    let uuids = pair(scene, "a", &json!({})).await;
    let (sdk, our) = (scene.sdk("a"), scene.our("a"));
    let find = |id: &str| call("find_node", json!([id]), json!({}));
    scene.same("by name", &find(&sdk), ours.find_node(&our)).await;
    scene
        .same("by uuid", &find(&uuids[0]), ours.find_node(&uuids[1]))
        .await;
    scene
        .better(
            "what is not there costs one request, not a listing of everything in full",
            &find("nobody"),
            ours.find_node("nobody"),
            |sdk, ours| {
                assert_eq!((sdk.value(), ours.value()), (&Value::Null, &Value::Null));
                assert!(
                    sdk.sent
                        .iter()
                        .any(|request| request.contains("/v1/nodes/detail")),
                    "{sdk:?}"
                );
                assert_eq!(ours.sent.len(), 1);
            },
        )
        .await;
    let strict = call("find_node", json!(["nobody"]), json!({"ignore_missing": false}));
    let none = async { ours.find_node("nobody").await };
    scene
        .alike(
            "`ignore_missing=False`: `404`; ours tells it as `None`, and `get_node` as `404`",
            &strict,
            none,
            |sdk, ours| {
                assert_eq!((sdk.kind(), ours.value()), ("404", &Value::Null));
            },
        )
        .await;
}
