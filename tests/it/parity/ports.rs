//! Ports and port groups.

#![cfg(test)]

use ironwright::ironic::client::{PortGroupQuery, PortQuery, SortDirection};
use ironwright::ironic::model::{Edit, PortCreate, PortGroupCreate, PortGroupUpdate, PortUpdate, Verb};
use serde_json::{Value, json};

use super::nodes::{pair, walked};
use super::scene::{SIDES, Scene, Side, all, json_of, mac};
use super::sdk::{Call, call};
use crate::client_lab::{object, patch};

fn draft(side: Side, node: &str, test: u8, number: u8) -> PortCreate {
    PortCreate {
        address: mac(side, test, number),
        node_uuid: node.to_owned(),
        extra: object(json!({"a": 1, "b": {"c": 2}})),
        local_link_connection: object(json!({"switch_id": "0a:1b:2c:3d:4e:5f", "port_id": "Eth1"})),
        ..PortCreate::default()
    }
}

/// A port of each side's node, made by our client.
async fn ports(scene: &Scene<'_>, nodes: &[String; 2], test: u8, number: u8) -> [String; 2] {
    let mut uuids = Vec::new();
    for (side, node) in SIDES.into_iter().zip(nodes) {
        let made = scene.ours().create_port(&draft(side, node, test, number)).await;
        uuids.push(made.expect("a port").value.uuid);
    }
    let [sdk, ours] = uuids.try_into().expect("two");
    [sdk, ours]
}

pub async fn port_created(scene: &mut Scene<'_>) {
    let ours = scene.ours();
    let nodes = pair(scene, "n", &json!({})).await;
    let [sdk, our] = [
        draft(Side::Sdk, &nodes[0], 1, 0x0a),
        draft(Side::Ours, &nodes[1], 1, 0x0a),
    ];
    let create = |port: &PortCreate| call("create_port", json!([]), json_of(port));
    scene
        .same("every field as given", &create(&sdk), ours.create_port(&our))
        .await;
    scene
        .better(
            "a MAC address that is taken is told at once, not after six requests",
            &create(&sdk),
            ours.create_port(&our),
            |sdk, ours| {
                assert_eq!((sdk.kind(), sdk.count("POST")), ("409", 6));
                assert_eq!((ours.kind(), ours.count("POST")), ("409", 1));
            },
        )
        .await;
    let dashed = |side, port: &PortCreate| PortCreate {
        address: mac(side, 1, 0x0b).replace(':', "").to_uppercase(),
        ..port.clone()
    };
    let [sdk, our] = [dashed(Side::Sdk, &sdk), dashed(Side::Ours, &our)];
    scene
        .better(
            "a MAC address in any notation",
            &create(&sdk),
            ours.create_port(&our),
            |sdk, ours| {
                assert_eq!(
                    (sdk.kind(), &ours.value()["address"]),
                    ("400", &json!(mac(Side::Ours, 1, 0x0b)))
                );
            },
        )
        .await;
    let nowhere = |side| PortCreate {
        node_uuid: "00000000-0000-4000-8000-000000000000".into(),
        ..draft(side, "", 1, 0x0c)
    };
    scene
        .same(
            "no such node, in Ironic's words",
            &create(&nowhere(Side::Sdk)),
            ours.create_port(&nowhere(Side::Ours)),
        )
        .await;
}

pub async fn port_changed(scene: &mut Scene<'_>) {
    let ours = scene.ours();
    let nodes = pair(scene, "n", &json!({})).await;
    let [sdk, our] = ports(scene, &nodes, 2, 1).await;
    let read = call("get_port", json!([sdk]), json!({})).order();
    let changes =
        json!({"address": mac(Side::Sdk, 2, 2), "extra": {"a": 1, "b": 3}, "is_pxe_enabled": false});
    let update = PortUpdate {
        address: Some(mac(Side::Ours, 2, 2)),
        extra: Edit::set("b", 3),
        pxe_enabled: Some(false),
        ..PortUpdate::default()
    };
    let path = |side| format!("/v1/ports/{}", if side == Side::Sdk { &sdk } else { &our });
    scene
        .same(
            "fields and keys, the others stay",
            &call("update_port", json!([read]), changes),
            ours.update_port(&our, &update),
        )
        .await;
    scene.held(path).await;
    let operations =
        json!([{"op": "remove", "path": "/extra/a"}, {"op": "add", "path": "/extra/d", "value": [1]}]);
    scene
        .same(
            "a list of operations",
            &call("patch_port", json!([sdk, operations]), json!({})),
            ours.patch_port(&our, &patch(operations.clone())),
        )
        .await;
    scene.held(path).await;
    let offered = walked(scene, "o", &json!({}), &[Verb::Manage, Verb::Provide]).await;
    let [sdk, our] = ports(scene, &offered, 2, 3).await;
    let move_it = PortUpdate {
        pxe_enabled: Some(false),
        ..PortUpdate::default()
    };
    scene
        .better(
            "what the state of the node forbids is told at once, not after six requests",
            &call("update_port", json!([sdk]), json!({"is_pxe_enabled": false})),
            ours.update_port(&our, &move_it),
            |sdk, ours| {
                assert_eq!((sdk.kind(), sdk.count("PATCH")), ("409", 6));
                assert_eq!((ours.kind(), ours.count("PATCH")), ("409", 1));
            },
        )
        .await;
}

pub async fn port_read(scene: &mut Scene<'_>) {
    let ours = scene.ours();
    let nodes = pair(scene, "n", &json!({})).await;
    let [sdk, our] = ports(scene, &nodes, 3, 1).await;
    let by = |function, kwargs| call(function, json!([sdk]), kwargs);
    scene
        .same("by uuid", &by("get_port", json!({})), ours.get_port(&our))
        .await;
    let fields = by("get_port", json!({"fields": ["id", "address", "is_pxe_enabled"]}));
    scene
        .same(
            "some fields",
            &fields,
            ours.get_port_fields(&our, &["address", "pxe_enabled"]),
        )
        .await;
    scene
        .same("by uuid", &by("find_port", json!({})), ours.find_port(&our))
        .await;
    let nobody = "00000000-0000-4000-8000-000000000000";
    scene
        .better(
            "what is not there costs one request, not a listing of everything in full",
            &call("find_port", json!([nobody]), json!({})),
            ours.find_port(nobody),
            |sdk, ours| {
                assert_eq!(
                    (sdk.value(), ours.value(), ours.sent.len()),
                    (&Value::Null, &Value::Null, 1)
                );
                assert!(sdk.sent.len() > 1, "{sdk:?}");
            },
        )
        .await;
    scene
        .same(
            "what is not there is `404`",
            &call("get_port", json!([nobody]), json!({})),
            async { ours.get_port(nobody).await },
        )
        .await;
}

pub async fn port_deleted(scene: &mut Scene<'_>) {
    let ours = scene.ours();
    let nodes = pair(scene, "n", &json!({})).await;
    let [sdk, our] = ports(scene, &nodes, 7, 1).await;
    let by = |function, kwargs| call(function, json!([sdk]), kwargs);
    for (what, there) in [
        ("a port that is there", true),
        ("one that is not there is no error", false),
    ] {
        let gone = async { ours.delete_port(&our).await.map(Value::from) };
        scene
            .alike(what, &by("delete_port", json!({})), gone, |sdk, ours| {
                assert_eq!((sdk.value().is_object(), ours.value()), (there, &json!(there)));
            })
            .await;
    }
    let strict = async { ours.delete_port(&our).await.map(Value::from) };
    scene
        .alike(
            "`ignore_missing=False`: an error; ours tells it as `false`",
            &by("delete_port", json!({"ignore_missing": false})),
            strict,
            |sdk, ours| {
                assert_eq!((sdk.kind(), ours.value()), ("404", &json!(false)));
            },
        )
        .await;
}

/// What is asked for, in both languages.
fn port_listings(
    scene: &Scene<'_>,
    nodes: &[String; 2],
    first: &[String; 2],
) -> Vec<(&'static str, Call, PortQuery)> {
    let of = |change: &dyn Fn(&mut PortQuery)| {
        let mut query = PortQuery {
            node: Some(scene.our("n")),
            ..PortQuery::default()
        };
        change(&mut query);
        query
    };
    let by = |change: &dyn Fn(&mut Value)| {
        let mut kwargs = json!({"node": scene.sdk("n"), "details": true});
        change(&mut kwargs);
        call("ports", json!([]), kwargs)
    };
    vec![
        ("`node`, `details`", by(&|_| ()), of(&|_| ())),
        (
            "`limit` (the size of a page)",
            by(&|k| k["limit"] = 1.into()),
            of(&|q| q.page_size = Some(1)),
        ),
        (
            "`marker`",
            by(&|k| k["marker"] = json!(first[0])),
            of(&|q| q.marker = Some(first[1].clone())),
        ),
        (
            "`fields`",
            call(
                "ports",
                json!([]),
                json!({"node": scene.sdk("n"), "fields": ["id", "address"]}),
            ),
            of(&|q| q.fields = vec!["address".into()]),
        ),
        (
            "`node_id`",
            call("ports", json!([]), json!({"node_id": nodes[0]})),
            of(&|q| q.node = Some(nodes[1].clone())),
        ),
        (
            "`address`",
            call("ports", json!([]), json!({"address": mac(Side::Sdk, 4, 2)})),
            PortQuery {
                address: Some(mac(Side::Ours, 4, 2)),
                ..PortQuery::default()
            },
        ),
        (
            "no such node, in Ironic's words",
            call("ports", json!([]), json!({"node": "nobody"})),
            of(&|q| q.node = Some("nobody".into())),
        ),
    ]
}

pub async fn ports_listed(scene: &mut Scene<'_>) {
    let ours = scene.ours();
    let nodes = pair(scene, "n", &json!({})).await;
    let first = ports(scene, &nodes, 4, 1).await;
    ports(scene, &nodes, 4, 2).await;
    for (what, call, query) in port_listings(scene, &nodes, &first) {
        scene.same(what, &call, all(ours.list_ports(query))).await;
    }
}

pub async fn ports_sorted(scene: &mut Scene<'_>) {
    let ours = scene.ours();
    let nodes = pair(scene, "n", &json!({})).await;
    ports(scene, &nodes, 8, 1).await;
    ports(scene, &nodes, 8, 2).await;
    let sorted = PortQuery {
        node: Some(scene.our("n")),
        sort_key: Some("address".into()),
        sort_dir: Some(SortDirection::Descending),
        ..PortQuery::default()
    };
    let call = call(
        "ports",
        json!([]),
        json!({"node": scene.sdk("n"), "sort_key": "address", "sort_dir": "desc"}),
    );
    scene
        .better(
            "`sort_key` and `sort_dir`; openstacksdk forgets them",
            &call,
            all(ours.list_ports(sorted)),
            |sdk, ours| {
                let last = |rows: &Value| {
                    rows[0]["address"]
                        .as_str()
                        .map(|address| address[15..].to_owned())
                };
                assert_eq!(
                    (last(sdk.value()).as_deref(), last(ours.value()).as_deref()),
                    (Some("01"), Some("02"))
                );
            },
        )
        .await;
}

pub async fn group_created_and_changed(scene: &mut Scene<'_>) {
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
            "/v1/portgroups/parity-{}-ports-group_created_and_changed-bond",
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

pub async fn group_read(scene: &mut Scene<'_>) {
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
}

pub async fn groups_listed(scene: &mut Scene<'_>) {
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

pub async fn group_with_ports(scene: &mut Scene<'_>) {
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
