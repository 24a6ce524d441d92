//! Ports on a real Ironic.

#![cfg(test)]

use ironwright::ironic::client::{Error, PortQuery, SortDirection};
use ironwright::ironic::model::{Edit, Node, PortCreate, PortGroup, PortGroupCreate, PortUpdate, Verb};
use serde_json::json;
use uuid::Uuid;

use crate::client_lab::{Lab, mac, object, patch, rows, with};
use crate::harness;

#[tokio::test]
async fn a_port_is_created_read_and_deleted() {
    let lab = Lab::new("cp-crud").await;
    let client = &lab.client;
    let node = lab.node("n", json!({})).await;
    let draft = PortCreate {
        name: Some(lab.name("eth0")),
        address: mac(1, 1).replace(':', "-"),
        node_uuid: node.uuid.clone(),
        local_link_connection: object(json!({"switch_id": "0a:1b:2c:3d:4e:5f", "port_id": "Eth1"})),
        extra: object(json!({"a": 1})),
        ..PortCreate::default()
    };
    let port = client.create_port(&draft).await.unwrap().value;
    assert_eq!(port.address, mac(1, 1).to_lowercase());
    assert_eq!(
        (port.pxe_enabled, port.node_uuid.as_str()),
        (Some(true), node.uuid.as_str())
    );
    let again = PortCreate {
        name: None,
        ..draft.clone()
    };
    let taken = client.create_port(&again).await.unwrap_err();
    assert!(taken.is_already_exists(), "{taken}");
    let nowhere = PortCreate {
        address: mac(1, 2),
        node_uuid: Uuid::new_v4().to_string(),
        ..PortCreate::default()
    };
    assert_eq!(
        client.create_port(&nowhere).await.unwrap_err().status(),
        Some(400)
    );

    let name = lab.name("eth0");
    assert_eq!(
        client.get_port(&name).await.unwrap().value,
        client.get_port(&port.uuid).await.unwrap().value
    );
    let narrow = client
        .get_port_fields(&port.uuid, &["address"])
        .await
        .unwrap()
        .value;
    assert_eq!(
        (narrow.address, narrow.node_uuid.as_str()),
        (port.address.clone(), "")
    );
    assert!(client.find_port(&lab.name("eth1")).await.unwrap().is_none());
    assert!(client.delete_port(&name).await.unwrap());
    assert!(!client.delete_port(&name).await.unwrap());
    assert!(!client.delete_port(&port.uuid).await.unwrap());
    assert!(client.get_port(&port.uuid).await.unwrap_err().is_not_found());
}

#[tokio::test]
async fn a_port_is_changed() {
    let lab = Lab::new("cp-change").await;
    let client = &lab.client;
    let node = lab.node("n", json!({})).await;
    let draft = PortCreate {
        name: Some(lab.name("eth0")),
        address: mac(6, 1),
        node_uuid: node.uuid.clone(),
        local_link_connection: object(json!({"switch_id": "0a:1b:2c:3d:4e:5f", "port_id": "Eth1"})),
        extra: object(json!({"a": 1})),
        ..PortCreate::default()
    };
    client.create_port(&draft).await.unwrap();
    let name = lab.name("eth0");
    let update = PortUpdate {
        address: Some(mac(6, 3)),
        extra: Edit::keys([("a", None), ("b", Some(json!({"c": 2})))]),
        description: "left".into(),
        pxe_enabled: Some(false),
        local_link_connection: Edit::set("switch_info", "s1"),
        ..PortUpdate::default()
    };
    let now = client.update_port(&name, &update).await.unwrap().value;
    assert_eq!(
        (now.address.clone(), now.extra),
        (mac(6, 3).to_lowercase(), object(json!({"b": {"c": 2}})))
    );
    assert_eq!(now.local_link_connection["port_id"], "Eth1");
    lab.proxy.clear_log();
    client.update_port(&name, &update).await.unwrap();
    assert_eq!(lab.writes(), 0);
    let operations = patch(json!([{"op": "remove", "path": "/extra/b"}]));
    assert!(
        client
            .patch_port(&name, &operations)
            .await
            .unwrap()
            .value
            .extra
            .is_empty()
    );
}

#[tokio::test]
async fn connectivity_changes_only_where_ironic_lets_it() {
    let lab = Lab::new("cp-rules").await;
    let node = lab.node("n", json!({})).await;
    let draft = PortCreate {
        address: mac(2, 1),
        node_uuid: node.uuid.clone(),
        ..PortCreate::default()
    };
    let port = lab.client.create_port(&draft).await.unwrap().value;
    lab.walk(&node.uuid, &[Verb::Manage, Verb::Provide]).await;
    lab.proxy.clear_log();
    let boots = PortUpdate {
        pxe_enabled: Some(false),
        ..PortUpdate::default()
    };
    let patient = lab.client.retry_on_conflict(harness::LIMIT);
    let error = patient.update_port(&port.uuid, &boots).await.unwrap_err();
    assert!(error.status() == Some(409) && !error.is_locked(), "{error:?}");
    assert_eq!(lab.writes(), 1, "waiting for a lock would not help");
    let harmless = PortUpdate {
        extra: Edit::set("x", 1),
        ..PortUpdate::default()
    };
    assert_eq!(
        lab.client
            .update_port(&port.uuid, &harmless)
            .await
            .unwrap()
            .value
            .extra["x"],
        1
    );
}

/// Two nodes, `a` with the ports 1 to 3, of which 2 is in a port group, and `b` with 4.
async fn four(lab: &Lab) -> (Node, Node, PortGroup) {
    let (a, b) = (lab.node("a", json!({})).await, lab.node("b", json!({})).await);
    let group = PortGroupCreate {
        node_uuid: a.uuid.clone(),
        ..PortGroupCreate::default()
    };
    let group = lab.client.create_port_group(&group).await.unwrap().value;
    for (number, node) in [(1, &a), (2, &a), (3, &a), (4, &b)] {
        let draft = PortCreate {
            address: mac(3, number),
            node_uuid: node.uuid.clone(),
            portgroup_uuid: (number == 2).then(|| group.uuid.clone()),
            description: (number == 4).then(|| lab.name("needle")),
            ..PortCreate::default()
        };
        lab.client.create_port(&draft).await.unwrap();
    }
    (a, b, group)
}

#[tokio::test]
async fn ports_are_filtered() {
    let lab = Lab::new("cp-list").await;
    let (_, b, group) = four(&lab).await;
    let any = PortQuery::default;
    let of_a = || with(any(), |q| q.node = Some(lab.name("a")));
    let sorted = with(of_a(), |q| q.sort_key = Some("address".into()));
    for (query, expected) in [
        (of_a(), "123"),
        (with(any(), |q| q.node = Some(b.uuid.clone())), "4"),
        (
            with(any(), |q| q.address = Some(mac(3, 3).replace(':', "-"))),
            "3",
        ),
        (with(any(), |q| q.portgroup = Some(group.uuid.clone())), "2"),
        (
            with(any(), |q| q.description_contains = Some(lab.name("needle"))),
            "4",
        ),
        (with(of_a(), |q| q.page_size = Some(1)), "123"),
        (with(of_a(), |q| q.at_most = Some(1)), "1"),
        (
            with(sorted, |q| q.sort_dir = Some(SortDirection::Descending)),
            "321",
        ),
        (with(of_a(), |q| q.fields = vec!["address".into()]), "123"),
    ] {
        let found = rows(lab.client.list_ports(query.clone()))
            .await
            .expect("a listing");
        let numbers: String = found
            .iter()
            .filter_map(|port| port.address.chars().last())
            .collect();
        assert_eq!(numbers, expected, "{query:?}");
        assert!(
            found
                .iter()
                .all(|port| port.created_at.is_some() == query.fields.is_empty())
        );
    }
    let missing = with(any(), |q| q.node = Some(lab.name("nobody")));
    assert!(
        rows(lab.client.list_ports(missing))
            .await
            .unwrap_err()
            .is_not_found()
    );
    let both = with(of_a(), |q| q.address = Some(mac(3, 1)));
    let refused = rows(lab.client.list_ports(both)).await.unwrap_err();
    assert!(
        matches!(refused, Error::Argument { .. }),
        "Ironic would forget one: {refused}"
    );
}
