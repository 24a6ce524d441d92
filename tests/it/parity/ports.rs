//! Ports.

#![cfg(test)]

use ironwright::ironic::client::{PortQuery, SortDirection};
use ironwright::ironic::model::{Edit, PortCreate, PortUpdate, Verb};
use serde_json::{Value, json};

use super::nodes::{pair, walked};
use super::scene::{SIDES, Scene, Side, all, json_of, mac};
use super::sdk::{Call, call};
use crate::client_lab::{object, patch};

pub fn draft(side: Side, node: &str, test: u8, number: u8) -> PortCreate {
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

pub async fn ports_filtered_by_nothing(scene: &mut Scene<'_>) {
    let ours = scene.ours();
    let nodes = pair(scene, "n", &json!({})).await;
    ports(scene, &nodes, 12, 1).await;
    let strange = call("ports", json!([]), json!({"driver": "redfish"}));
    scene
        .better(
            "a filter that is none does not compile; openstacksdk lists everything",
            &strange,
            all(ours.list_ports(PortQuery::default())),
            |sdk, _| {
                let rows = sdk.value().as_array().map_or(0, Vec::len);
                assert!(rows >= 2, "{sdk:?}");
            },
        )
        .await;
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
