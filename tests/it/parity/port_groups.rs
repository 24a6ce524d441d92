//! Port groups.

#![cfg(test)]

use ironwright::ironic::client::{PortGroupQuery, PortQuery, SortDirection};
use ironwright::ironic::model::{Edit, PortCreate, PortGroupCreate, PortGroupUpdate};
use serde_json::{Value, json};

use super::nodes::pair;
use super::ports::draft;
use super::scene::{SIDES, Scene, Side, all, json_of, mac};
use super::sdk::call;
use crate::client_lab::{object, patch};

pub async fn created_and_changed(scene: &mut Scene<'_>) {
    let ours = scene.ours();
    let nodes = pair(scene, "n", &json!({})).await;
    let draft = |side: Side, node: &str| PortGroupCreate {
        name: Some(scene.name(side, "bond")),
        node_uuid: node.to_owned(),
        address: Some(mac(side, 5, 1)),
        mode: Some("802.3ad".into()),
        properties: object(json!({"miimon": 100})),
        extra: object(json!({"a": 1})),
        ..PortGroupCreate::default()
    };
    let [sdk, our] = [draft(Side::Sdk, &nodes[0]), draft(Side::Ours, &nodes[1])];
    let create = call("create_port_group", json!([]), json_of(&sdk));
    scene
        .same("every field as given", &create, ours.create_port_group(&our))
        .await;
    let (sdk, our) = (scene.sdk("bond"), scene.our("bond"));
    let read = call("get_port_group", json!([sdk]), json!({})).order();
    let changes = json!({"mode": "active-backup", "extra": {"a": 1, "b": 2}});
    let update = PortGroupUpdate {
        mode: Some("active-backup".into()),
        extra: Edit::set("b", 2),
        ..PortGroupUpdate::default()
    };
    let path = |side| {
        format!(
            "/v1/portgroups/parity-{}-port_groups-created_and_changed-bond",
            if side == Side::Sdk { "sdk" } else { "our" }
        )
    };
    scene
        .same(
            "fields and keys, the others stay",
            &call("update_port_group", json!([read]), changes),
            ours.update_port_group(&our, &update),
        )
        .await;
    scene.held(path).await;
    let operations = json!([{"op": "add", "path": "/properties/miimon", "value": 50}]);
    scene
        .same(
            "a list of operations",
            &call("patch_port_group", json!([sdk, operations]), json!({})),
            ours.patch_port_group(&our, &patch(operations.clone())),
        )
        .await;
    scene.held(path).await;
}

/// A port group with a port for each side.
async fn bonds(scene: &Scene<'_>, test: u8) {
    let nodes = pair(scene, "n", &json!({})).await;
    for (side, node) in SIDES.into_iter().zip(&nodes) {
        let bond = PortGroupCreate {
            name: Some(scene.name(side, "bond")),
            node_uuid: node.clone(),
            address: Some(mac(side, test, 1)),
            ..PortGroupCreate::default()
        };
        let bond = scene.ours().create_port_group(&bond).await;
        let port = PortCreate {
            portgroup_uuid: Some(bond.expect("a port group").value.uuid),
            ..draft(side, node, test, 2)
        };
        scene.ours().create_port(&port).await.expect("a port");
    }
}

pub async fn read(scene: &mut Scene<'_>) {
    let ours = scene.ours();
    bonds(scene, 6).await;
    let (sdk, our) = (scene.sdk("bond"), scene.our("bond"));
    let by = |function, kwargs| call(function, json!([sdk]), kwargs);
    scene
        .same(
            "by name",
            &by("get_port_group", json!({})),
            ours.get_port_group(&our),
        )
        .await;
    let uuids = [ours.get_port_group(&sdk).await, ours.get_port_group(&our).await]
        .map(|group| group.expect("a port group").value.uuid);
    scene
        .same(
            "by uuid",
            &call("get_port_group", json!([uuids[0]]), json!({})),
            ours.get_port_group(&uuids[1]),
        )
        .await;
    let fields = by("get_port_group", json!({"fields": ["id", "name", "mode"]}));
    scene
        .same(
            "some fields",
            &fields,
            ours.get_port_group_fields(&our, &["name", "mode"]),
        )
        .await;
    scene
        .same(
            "by name",
            &by("find_port_group", json!({})),
            ours.find_port_group(&our),
        )
        .await;
    scene
        .same(
            "by uuid",
            &call("find_port_group", json!([uuids[0]]), json!({})),
            ours.find_port_group(&uuids[1]),
        )
        .await;
}

pub async fn listed(scene: &mut Scene<'_>) {
    let ours = scene.ours();
    bonds(scene, 9).await;
    let listing = |kwargs| call("port_groups", json!([]), kwargs);
    let query = |change: &dyn Fn(&mut PortGroupQuery)| {
        let mut query = PortGroupQuery::default();
        change(&mut query);
        query
    };
    let (node, address) = (scene.our("n"), mac(Side::Ours, 9, 1));
    for (what, call, query) in [
        (
            "`node`, `details`",
            listing(json!({"node": scene.sdk("n"), "details": true})),
            query(&|q| q.node = Some(node.clone())),
        ),
        (
            "`address`",
            listing(json!({"address": mac(Side::Sdk, 9, 1)})),
            query(&|q| q.address = Some(address.clone())),
        ),
        (
            "`fields`",
            listing(json!({"node": scene.sdk("n"), "fields": ["id", "mode"]})),
            query(&|q| {
                q.node = Some(node.clone());
                q.fields = vec!["mode".into()];
            }),
        ),
    ] {
        scene.same(what, &call, all(ours.list_port_groups(query))).await;
    }
}

pub async fn sorted(scene: &mut Scene<'_>) {
    let ours = scene.ours();
    let nodes = pair(scene, "n", &json!({})).await;
    for (side, node) in SIDES.into_iter().zip(&nodes) {
        for name in ["1", "2"] {
            let group = PortGroupCreate {
                name: Some(scene.name(side, name)),
                node_uuid: node.clone(),
                ..PortGroupCreate::default()
            };
            ours.create_port_group(&group).await.expect("a port group");
        }
    }
    let backwards = PortGroupQuery {
        node: Some(scene.our("n")),
        sort_key: Some("name".into()),
        sort_dir: Some(SortDirection::Descending),
        ..PortGroupQuery::default()
    };
    let listing = json!({"node": scene.sdk("n"), "sort_key": "name", "sort_dir": "desc"});
    let [sdk_first, our_first] = [scene.sdk("1"), scene.our("2")];
    scene
        .better(
            "`sort_key` and `sort_dir`; openstacksdk forgets them",
            &call("port_groups", json!([]), listing),
            all(ours.list_port_groups(backwards)),
            |sdk, ours| {
                assert_eq!(
                    (&sdk.value()[0]["name"], &ours.value()[0]["name"]),
                    (&json!(sdk_first), &json!(our_first))
                );
            },
        )
        .await;
}

pub async fn with_ports(scene: &mut Scene<'_>) {
    let ours = scene.ours();
    bonds(scene, 10).await;
    let (sdk, our) = (scene.sdk("bond"), scene.our("bond"));
    let by = |function, kwargs| call(function, json!([sdk]), kwargs);
    let inside = call("ports", json!([]), json!({"port_group": sdk}));
    let of_group = PortQuery {
        portgroup: Some(our.clone()),
        ..PortQuery::default()
    };
    scene
        .better(
            "of a port group (`portgroup`); openstacksdk lists everybody's",
            &inside,
            all(ours.list_ports(of_group)),
            |sdk, ours| {
                assert!(
                    sdk.value().as_array().is_some_and(|rows| rows.len() > 1),
                    "{sdk:?}"
                );
                assert_eq!(ours.value().as_array().map(Vec::len), Some(1));
            },
        )
        .await;
    let full = async { ours.delete_port_group(&our).await.map(Value::from) };
    scene
        .alike(
            "one with ports is refused, in Ironic's words",
            &by("delete_port_group", json!({})),
            full,
            |sdk, ours| {
                for failure in [sdk.failure(), ours.failure()] {
                    assert!(
                        failure.kind == "400" && failure.words.contains("contains ports"),
                        "{failure:?}"
                    );
                }
            },
        )
        .await;
    let gone = async { ours.delete_port_group("nobody").await.map(Value::from) };
    scene
        .alike(
            "one that is not there is no error",
            &call("delete_port_group", json!(["nobody"]), json!({})),
            gone,
            |sdk, ours| {
                assert_eq!((sdk.value(), ours.value()), (&Value::Null, &json!(false)));
            },
        )
        .await;
}
