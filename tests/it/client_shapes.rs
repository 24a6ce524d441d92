//! The calls that every resource has and nobody needs every day: one by its id, some fields of it, a patch of one's own.

#![cfg(test)]

use ironwright::ironic::model::{
    DeployTemplateCreate, InspectionRuleCreate, PowerTarget, RunbookCreate, Verb, VolumeConnectorCreate,
    VolumeTargetCreate,
};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::client_lab::{LONG, Lab, object, patch};

/// What is given to a resource whose `extra` is nothing to it.
fn mark() -> json_patch::Patch {
    patch(json!([{"op": "add", "path": "/extra", "value": {"row": 3}}]))
}

/// A resource is created, read in full and in part, found, patched and deleted.
macro_rules! shape {
    ($client:expr, $draft:expr, $field:literal, $patch:expr, $changed:expr,
     $create:ident $get:ident $fields:ident $find:ident $patched:ident $delete:ident) => {{
        let made = $client.$create(&$draft).await.expect("it is created").value;
        let id = made.uuid.as_str();
        let whole = json!(made);
        assert_eq!(json!($client.$get(id).await.unwrap().value), whole);
        let part = json!($client.$fields(id, &[$field]).await.unwrap().value);
        assert_eq!((&part["uuid"], &part[$field]), (&whole["uuid"], &whole[$field]));
        assert_eq!(part["created_at"], Value::Null, "only what was asked for");
        assert_eq!(
            $client.$find(id).await.unwrap().expect("it is there").value.uuid,
            id
        );
        let nobody = Uuid::new_v4().to_string();
        assert!($client.$find(&nobody).await.unwrap().is_none());
        assert!($client.$get(&nobody).await.unwrap_err().is_not_found());
        let now = json!($client.$patched(id, &$patch).await.expect("it is changed").value);
        let (pointer, value) = $changed;
        assert_eq!(now.pointer(pointer), Some(&json!(value)));
        let empty = $client.$patched(id, &patch(json!([]))).await;
        assert!(empty.is_err(), "an empty patch is no change");
        assert!($client.$delete(id).await.unwrap());
        assert!($client.$find(id).await.unwrap().is_none());
    }};
}

#[tokio::test]
async fn steps_and_rules_have_the_shape_of_all_resources() {
    let lab = Lab::new("shapes-steps").await;
    let client = &lab.client;
    let template = DeployTemplateCreate {
        name: "CUSTOM_SHAPES_TEMPLATE".into(),
        steps: vec![object(
            json!({"interface": "deploy", "step": "x", "args": {}, "priority": 10}),
        )],
        ..DeployTemplateCreate::default()
    };
    shape!(client, template, "name", mark(), ("/extra/row", 3),
        create_deploy_template get_deploy_template get_deploy_template_fields find_deploy_template
        patch_deploy_template delete_deploy_template);
    let runbook = RunbookCreate {
        name: "CUSTOM_SHAPES_RUNBOOK".into(),
        steps: vec![object(
            json!({"interface": "deploy", "step": "x", "args": {}, "order": 1}),
        )],
        ..RunbookCreate::default()
    };
    shape!(client, runbook, "name", mark(), ("/extra/row", 3),
        create_runbook get_runbook get_runbook_fields find_runbook patch_runbook delete_runbook);
    let rule = InspectionRuleCreate {
        description: Some(lab.name("rule")),
        actions: vec![object(json!({"op": "fail", "args": {"msg": "never"}}))],
        conditions: vec![object(
            json!({"op": "is-true", "args": {"value": "{node.retired}"}}),
        )],
        ..InspectionRuleCreate::default()
    };
    let priority = patch(json!([{"op": "replace", "path": "/priority", "value": 7}]));
    shape!(client, rule, "description", priority, ("/priority", 7),
        create_inspection_rule get_inspection_rule get_inspection_rule_fields find_inspection_rule
        patch_inspection_rule delete_inspection_rule);
}

#[tokio::test]
async fn volumes_have_the_shape_of_all_resources() {
    let lab = Lab::new("shapes-volume").await;
    let client = &lab.client.retry_on_conflict(LONG);
    let node = lab.node("a", json!({})).await.uuid;
    lab.walk(&node, &[Verb::Manage]).await;
    let off = client.set_node_power_state_and_wait(&node, PowerTarget::Off, None, LONG);
    off.await.expect("it is off");
    let connector = VolumeConnectorCreate {
        node_uuid: node.clone(),
        kind: "iqn".into(),
        connector_id: lab.name("iqn"),
        ..VolumeConnectorCreate::default()
    };
    shape!(client, connector, "connector_id", mark(), ("/extra/row", 3),
        create_volume_connector get_volume_connector get_volume_connector_fields find_volume_connector
        patch_volume_connector delete_volume_connector);
    let target = VolumeTargetCreate {
        node_uuid: node,
        volume_type: "iscsi".into(),
        volume_id: lab.name("volume"),
        ..VolumeTargetCreate::default()
    };
    shape!(client, target, "volume_id", mark(), ("/extra/row", 3),
        create_volume_target get_volume_target get_volume_target_fields find_volume_target patch_volume_target
        delete_volume_target);
}

#[tokio::test]
async fn a_maintenance_is_lifted_whoever_set_it_and_an_allocation_is_found() {
    let lab = Lab::new("shapes-rest").await;
    let client = &lab.client.retry_on_conflict(LONG);
    let node = lab.node("a", json!({})).await.uuid;
    client.set_node_maintenance(&node, "dust").await.unwrap();
    assert_eq!(
        client
            .get_node(&node)
            .await
            .unwrap()
            .value
            .maintenance_reason
            .as_deref(),
        Some("dust")
    );
    for _ in 0..2 {
        client.clear_node_maintenance(&node).await.unwrap();
    }
    let now = client.get_node(&node).await.unwrap().value;
    assert_eq!((now.maintenance, now.maintenance_reason), (false, None));
    let nobody = client.clear_node_maintenance(&lab.name("nobody")).await;
    assert!(nobody.unwrap_err().is_not_found());
    assert!(client.find_allocation(&lab.name("none")).await.unwrap().is_none());
}
