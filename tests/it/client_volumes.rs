//! Volume connectors and targets on a real Ironic.

#![cfg(test)]

use ironwright::ironic::client::{VolumeConnectorQuery, VolumeTargetQuery};
use ironwright::ironic::model::{
    Edit, PowerTarget, Verb, VolumeConnectorCreate, VolumeConnectorUpdate, VolumeTargetCreate,
    VolumeTargetUpdate,
};
use serde_json::json;

use crate::client_lab::{LONG, Lab, object, rows};

/// A node that is off: its volumes can be changed.
async fn switched_off(lab: &Lab) -> String {
    let node = lab.node("a", json!({})).await.uuid;
    lab.walk(&node, &[Verb::Manage]).await;
    let client = lab.client.retry_on_conflict(LONG);
    let off = client.set_node_power_state_and_wait(&node, PowerTarget::Off, None, LONG);
    off.await.expect("it is off").value.uuid
}

#[tokio::test]
async fn volume_connectors_are_created_changed_and_deleted() {
    let lab = Lab::new("cx-volume").await;
    let client = &lab.client.retry_on_conflict(LONG);
    let node = switched_off(&lab).await;
    let connector = VolumeConnectorCreate {
        node_uuid: node.clone(),
        kind: "iqn".into(),
        connector_id: lab.name("iqn"),
        ..VolumeConnectorCreate::default()
    };
    let connector = client.create_volume_connector(&connector).await.unwrap().value;
    assert_eq!(
        (connector.kind.as_str(), connector.connector_id.clone()),
        ("iqn", lab.name("iqn"))
    );
    let update = VolumeConnectorUpdate {
        connector_id: Some(lab.name("other")),
        extra: Edit::set("x", 1),
        ..VolumeConnectorUpdate::default()
    };
    let now = client
        .update_volume_connector(&connector.uuid, &update)
        .await
        .unwrap()
        .value;
    assert_eq!(
        (now.connector_id, now.extra),
        (lab.name("other"), object(json!({"x": 1})))
    );
    let query = VolumeConnectorQuery {
        node: Some(lab.name("a")),
        ..VolumeConnectorQuery::default()
    };
    assert_eq!(rows(client.list_volume_connectors(query)).await.unwrap().len(), 1);
    assert!(client.delete_volume_connector(&connector.uuid).await.unwrap());
    assert!(!client.delete_volume_connector(&connector.uuid).await.unwrap());
    assert!(
        client
            .find_volume_connector(&connector.uuid)
            .await
            .unwrap()
            .is_none()
    );
}

#[tokio::test]
async fn volume_targets_are_created_changed_and_deleted() {
    let lab = Lab::new("cx-target").await;
    let client = &lab.client.retry_on_conflict(LONG);
    let node = switched_off(&lab).await;
    let target = VolumeTargetCreate {
        node_uuid: node.clone(),
        volume_type: "iscsi".into(),
        volume_id: lab.name("volume"),
        ..VolumeTargetCreate::default()
    };
    let target = client.create_volume_target(&target).await.unwrap().value;
    let update = VolumeTargetUpdate {
        boot_index: Some(1),
        ..VolumeTargetUpdate::default()
    };
    assert_eq!(
        client
            .update_volume_target(&target.uuid, &update)
            .await
            .unwrap()
            .value
            .boot_index,
        1
    );
    let query = VolumeTargetQuery {
        node: Some(node),
        ..VolumeTargetQuery::default()
    };
    assert_eq!(
        rows(client.list_volume_targets(query)).await.unwrap()[0].volume_id,
        lab.name("volume")
    );
    assert!(client.delete_volume_target(&target.uuid).await.unwrap());
    assert!(!client.delete_volume_target(&target.uuid).await.unwrap());
}
