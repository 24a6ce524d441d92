//! Drivers, chassis, VIFs and config drives.

#![cfg(test)]

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ironwright::ironic::client::{ChassisQuery, VifTarget};
use ironwright::ironic::configdrive::{Content, build, pack, populate};
use ironwright::ironic::model::{ChassisCreate, ChassisUpdate, Edit, NodeUpdate};
use ironwright_stack::proxy::{Action, Answer};
use serde_json::{Value, json};
use uuid::Uuid;

use super::nodes::pair;
use super::scene::{SIDES, Scene, Side, all, json_of};
use super::sdk::call;
use crate::client_lab::{object, patch};

pub async fn drivers(scene: &mut Scene<'_>) {
    let ours = scene.ours();
    let names = call("drivers", json!([]), json!({}));
    scene
        .same("names and hosts", &names, ours.list_driver_names())
        .await;
    let details = call("drivers", json!([]), json!({"details": true}));
    scene
        .same("`details`: the interfaces of each", &details, ours.list_drivers())
        .await;
    let one = |name: &str| call("get_driver", json!([name]), json!({}));
    let fake = async {
        ours.get_driver("fake-hardware")
            .await
            .map(|driver| json_of(&driver))
    };
    scene.same("by name", &one("fake-hardware"), fake).await;
    let none = async { ours.get_driver("nothing").await.map(|driver| json_of(&driver)) };
    scene
        .alike(
            "what is not there is `404`",
            &one("nothing"),
            none,
            |sdk, ours| {
                assert_eq!((sdk.kind(), ours.kind()), ("404", "404"));
            },
        )
        .await;
}

fn chassis_draft(side: Side) -> ChassisCreate {
    ChassisCreate {
        description: Some("rack 7".into()),
        extra: object(json!({"a": 1, "side": format!("{side:?}").len()})),
        ..ChassisCreate::default()
    }
}

pub async fn chassis(scene: &mut Scene<'_>) {
    let ours = scene.ours();
    let kwargs = json!({"description": "rack 7", "extra": {"a": 1}, "uuid": Uuid::new_v4()});
    let sdk = kwargs["uuid"].as_str().unwrap_or_default().to_owned();
    let draft = ChassisCreate {
        uuid: Some(Uuid::new_v4().to_string()),
        extra: object(json!({"a": 1})),
        ..chassis_draft(Side::Ours)
    };
    let our = draft.uuid.clone().unwrap_or_default();
    scene
        .same(
            "every field as given",
            &call("create_chassis", json!([]), kwargs),
            ours.create_chassis(&draft),
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
    chassis_deleted(scene, &sdk, &our).await;
}

async fn chassis_deleted(scene: &mut Scene<'_>, sdk: &str, our: &str) {
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

pub async fn chassis_with_nodes(scene: &mut Scene<'_>) {
    let ours = scene.ours();
    let nodes = pair(scene, "n", &json!({})).await;
    let mut chassis = Vec::new();
    for (side, node) in SIDES.into_iter().zip(&nodes) {
        let made = ours
            .create_chassis(&chassis_draft(side))
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

pub async fn vifs(scene: &mut Scene<'_>) {
    let ours = scene.ours();
    let nodes = pair(scene, "n", &json!({})).await;
    let vif = Uuid::new_v4().to_string();
    let attach = call("attach_vif_to_node", json!([nodes[0], vif]), json!({}));
    let plain = async { ours.attach_vif_to_node(&nodes[1], &vif, VifTarget::Any).await };
    scene
        .same("to any port (network interface `noop`)", &attach, plain)
        .await;
    let listed = call("list_node_vifs", json!([nodes[0]]), json!({}));
    scene
        .same(
            "what is attached (`noop` attaches nothing)",
            &listed,
            ours.list_node_vifs(&nodes[1]),
        )
        .await;
    let detach = |kwargs| call("detach_vif_from_node", json!([nodes[0], vif]), kwargs);
    let there = async { ours.detach_vif_from_node(&nodes[1], &vif).await.map(Value::from) };
    scene
        .same("one that is attached", &detach(json!({})), there)
        .await;
    let route = "/v1/nodes/{}/vifs/{}";
    let lost = Answer::ironic_error(
        400,
        &format!("Unable to detach VIF {vif} from node x because it is not attached to it."),
    );
    scene.both_proxies("DELETE", route, 1, &Action::Answer(lost));
    let lost = async { ours.detach_vif_from_node(&nodes[1], &vif).await.map(Value::from) };
    scene
        .same(
            "one that is not attached is no error (as Ironic says it with Neutron)",
            &detach(json!({})),
            lost,
        )
        .await;
}

pub async fn vifs_refused(scene: &mut Scene<'_>) {
    let ours = scene.ours();
    let nodes = pair(scene, "n", &json!({})).await;
    let vif = Uuid::new_v4().to_string();
    let attach = call("attach_vif_to_node", json!([nodes[0], vif]), json!({}));
    let detach = |kwargs| call("detach_vif_from_node", json!([nodes[0], vif]), kwargs);
    let route = "/v1/nodes/{}/vifs/{}";
    let other = Answer::ironic_error(
        400,
        "No valid host was found. Reason: No conductor service registered.",
    );
    scene.both_proxies("DELETE", route, 1, &Action::Answer(other));
    let other = async { ours.detach_vif_from_node(&nodes[1], &vif).await.map(Value::from) };
    scene
        .better(
            "any other refusal is an error; openstacksdk says that it was not attached",
            &detach(json!({})),
            other,
            |sdk, ours| {
                assert_eq!((sdk.value(), ours.kind()), (&json!(false), "400"));
            },
        )
        .await;
    let taken = Answer::ironic_error(
        409,
        &format!("Unable to attach VIF because VIF {vif} is already attached to Ironic Port 1"),
    );
    scene.both_proxies("POST", "/v1/nodes/{}/vifs", 6, &Action::Answer(taken));
    let patient = ours.retry_on_conflict(crate::client_lab::LONG);
    let taken = async { patient.attach_vif_to_node(&nodes[1], &vif, VifTarget::Any).await };
    scene
        .better(
            "one that is attached already is told at once, not after six requests",
            &attach,
            taken,
            |sdk, ours| {
                assert_eq!((sdk.kind(), sdk.count("POST")), ("409", 6));
                assert_eq!((ours.kind(), ours.count("POST")), ("409", 1));
            },
        )
        .await;
    scene.clear_rules();
}

pub async fn config_drives(scene: &mut Scene<'_>) {
    let parts = json!({"metadata": {"uuid": "1", "name": "nöde"}, "user_data": "#cloud-config\nhostname: ü\n",
        "network_data": {"links": [{"id": "eth0"}]}, "vendor_data": {"a": "b"}});
    let full = Content {
        meta_data: object(parts["metadata"].clone()),
        user_data: parts["user_data"].as_str().unwrap_or_default().into(),
        network_data: object(parts["network_data"].clone()),
        vendor_data: object(parts["vendor_data"].clone()),
        versions: Vec::new(),
    };
    let little = Content {
        meta_data: object(json!({"uuid": "1"})),
        ..Content::default()
    };
    let versions = Content {
        versions: vec!["2018-08-27".into()],
        ..little.clone()
    };
    for (what, kwargs, content) in [
        ("the same files, to the byte", parts.clone(), &full),
        (
            "what is not given is no file",
            json!({"metadata": {"uuid": "1"}}),
            &little,
        ),
        (
            "`versions`",
            json!({"metadata": {"uuid": "1"}, "versions": ["2018-08-27"]}),
            &versions,
        ),
    ] {
        let tree = populate(content).expect("a tree");
        let encoded = |path: String| {
            let bytes = tree.get(&path).expect("a file");
            let text = Value::from(STANDARD.encode(bytes));
            (path, text)
        };
        let files: Value = tree.paths().into_iter().map(encoded).collect();
        scene
            .same(
                what,
                &call("configdrive.populate_directory", json!([]), kwargs),
                async { Ok(files) },
            )
            .await;
    }
    let made = [build(&full).expect("a drive"), build(&full).expect("a drive")];
    assert_eq!(made[0], made[1], "always the same bytes");
    let built = call("configdrive.build", json!([]), parts.clone());
    scene
        .same_drive("the same tree, read back by another program; without an external tool, and always the same bytes", true, &built, &made[0])
        .await;
    let packed = pack(&populate(&full).expect("a tree")).expect("a drive");
    let call = call("configdrive.pack", json!([]), parts);
    scene
        .same_drive("a directory; ours takes a tree in memory", false, &call, &packed)
        .await;
}
