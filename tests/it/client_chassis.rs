//! Chassis on a real Ironic.

#![cfg(test)]

use ironwright::ironic::client::ChassisQuery;
use ironwright::ironic::model::{Change, ChassisCreate, ChassisUpdate, Edit, NodeCreate};
use serde_json::json;

use crate::client_lab::{Lab, object, patch, rows};

#[tokio::test]
async fn a_chassis_is_created_changed_and_deleted() {
    let lab = Lab::new("cp-chassis").await;
    let client = &lab.client;
    let draft = ChassisCreate {
        description: Some("rack".into()),
        ..ChassisCreate::default()
    };
    let chassis = client.create_chassis(&draft).await.unwrap().value;
    let update = ChassisUpdate {
        description: Change::Unset,
        extra: Edit::set("row", 3),
    };
    let now = client.update_chassis(&chassis.uuid, &update).await.unwrap().value;
    assert_eq!((now.description, now.extra), (None, object(json!({"row": 3}))));
    let operations = patch(json!([{"op": "add", "path": "/description", "value": "other"}]));
    client.patch_chassis(&chassis.uuid, &operations).await.unwrap();
    let narrow = client
        .get_chassis_fields(&chassis.uuid, &["description"])
        .await
        .unwrap()
        .value;
    assert_eq!(
        (narrow.description.as_deref(), narrow.created_at),
        (Some("other"), None)
    );
    let query = ChassisQuery {
        page_size: Some(1),
        ..ChassisQuery::default()
    };
    let all = rows(client.list_chassis(query)).await.unwrap();
    assert!(
        all.iter()
            .any(|other| other.uuid == chassis.uuid && other.extra["row"] == 3)
    );
    let inside = NodeCreate {
        chassis_uuid: Some(chassis.uuid.clone()),
        ..lab.draft("n", &json!({}))
    };
    let inside = client.create_node(&inside).await.unwrap().value;
    assert_eq!(
        client.delete_chassis(&chassis.uuid).await.unwrap_err().status(),
        Some(400),
        "it has a node"
    );
    client.delete_node(&inside.uuid).await.unwrap();
    assert!(client.delete_chassis(&chassis.uuid).await.unwrap());
    assert!(!client.delete_chassis(&chassis.uuid).await.unwrap());
    // It has no name, so what is no uuid is none.
    assert!(client.find_chassis("rack").await.unwrap().is_none());
    assert!(!client.delete_chassis("rack").await.unwrap());
    assert_eq!(client.get_chassis("rack").await.unwrap_err().status(), Some(400));
}
