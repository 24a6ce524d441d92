//! Port groups on a real Ironic.

#![cfg(test)]

use ironwright::ironic::client::PortGroupQuery;
use ironwright::ironic::model::{Change, Edit, PortCreate, PortGroupCreate, PortGroupUpdate};
use serde_json::json;

use crate::client_lab::{Lab, mac, object, patch, rows};

#[tokio::test]
async fn a_port_group_is_created_and_read() {
    let lab = Lab::new("cp-group").await;
    let client = &lab.client;
    let node = lab.node("n", json!({})).await;
    let draft = PortGroupCreate {
        name: Some(lab.name("bond0")),
        address: Some(mac(4, 1)),
        node_uuid: node.uuid.clone(),
        mode: Some("802.3ad".into()),
        properties: object(json!({"miimon": 100})),
        ..PortGroupCreate::default()
    };
    let group = client.create_port_group(&draft).await.unwrap().value;
    assert_eq!(
        (group.address.clone(), group.mode.as_deref()),
        (Some(mac(4, 1).to_lowercase()), Some("802.3ad"))
    );
    assert!(
        client
            .create_port_group(&draft)
            .await
            .unwrap_err()
            .is_already_exists()
    );
    let name = lab.name("bond0");
    let narrow = client
        .get_port_group_fields(&name, &["mode"])
        .await
        .unwrap()
        .value;
    assert_eq!((narrow.mode.as_deref(), narrow.name), (Some("802.3ad"), None));
}

#[tokio::test]
async fn a_port_group_is_changed() {
    let lab = Lab::new("cp-regroup").await;
    let client = &lab.client;
    let node = lab.node("n", json!({})).await;
    let name = lab.name("bond0");
    let draft = PortGroupCreate {
        name: Some(name.clone()),
        node_uuid: node.uuid,
        properties: object(json!({"miimon": 100})),
        ..PortGroupCreate::default()
    };
    client.create_port_group(&draft).await.unwrap();
    let update = PortGroupUpdate {
        address: mac(4, 2).as_str().into(),
        properties: Edit::set("lacp_rate", "fast"),
        standalone_ports_supported: Some(false),
        extra: Edit::set("x", 1),
        ..PortGroupUpdate::default()
    };
    let now = client.update_port_group(&name, &update).await.unwrap().value;
    assert_eq!(
        now.properties,
        object(json!({"miimon": 100, "lacp_rate": "fast"}))
    );
    lab.proxy.clear_log();
    client.update_port_group(&name, &update).await.unwrap();
    assert_eq!(lab.writes(), 0);
    let gone = PortGroupUpdate {
        address: Change::Unset,
        ..PortGroupUpdate::default()
    };
    assert_eq!(
        client
            .update_port_group(&name, &gone)
            .await
            .unwrap()
            .value
            .address,
        None
    );
    let operations = patch(json!([{"op": "replace", "path": "/mode", "value": "active-backup"}]));
    assert_eq!(
        client
            .patch_port_group(&name, &operations)
            .await
            .unwrap()
            .value
            .mode
            .as_deref(),
        Some("active-backup")
    );
}

#[tokio::test]
async fn a_port_group_with_ports_stays() {
    let lab = Lab::new("cp-bond").await;
    let client = &lab.client;
    let node = lab.node("n", json!({})).await;
    let name = lab.name("bond0");
    let draft = PortGroupCreate {
        name: Some(name.clone()),
        node_uuid: node.uuid.clone(),
        standalone_ports_supported: Some(false),
        ..PortGroupCreate::default()
    };
    let group = client.create_port_group(&draft).await.unwrap().value;
    let query = PortGroupQuery {
        node: Some(lab.name("n")),
        ..PortGroupQuery::default()
    };
    assert_eq!(
        rows(client.list_port_groups(query)).await.unwrap()[0].uuid,
        group.uuid
    );
    let port = PortCreate {
        address: mac(4, 3),
        node_uuid: node.uuid.clone(),
        portgroup_uuid: Some(group.uuid.clone()),
        pxe_enabled: Some(false),
        ..PortCreate::default()
    };
    let port = client.create_port(&port).await.unwrap().value;
    assert_eq!(
        client.delete_port_group(&name).await.unwrap_err().status(),
        Some(400),
        "it has a port"
    );
    client.delete_port(&port.uuid).await.unwrap();
    assert!(client.delete_port_group(&name).await.unwrap());
    assert!(!client.delete_port_group(&name).await.unwrap());
    assert!(client.find_port_group(&name).await.unwrap().is_none());
}
