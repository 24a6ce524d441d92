//! RAID, firmware settings and history of a machine on a real Ironic.

#![cfg(test)]

use ironwright::ironic::client::ProvisionRequest;
use ironwright::ironic::model::{InterfaceKind, NodeCreate, Verb};
use serde_json::json;

use crate::client_lab::{LONG, Lab, object};

/// A node in `manageable` with hardware that fakes what it can, and no light to inspect it by.
async fn hardware(lab: &Lab) -> String {
    let draft = NodeCreate {
        interfaces: [
            (InterfaceKind::Bios, "fake".to_owned()),
            (InterfaceKind::Firmware, "fake".to_owned()),
            (InterfaceKind::Raid, "fake".to_owned()),
            (InterfaceKind::Power, "testkit".to_owned()),
            (InterfaceKind::Inspect, "testkit".to_owned()),
        ]
        .into(),
        extra: object(json!({"testkit": {"inspect_fail": "no light"}})),
        ..lab.draft("a", &json!({}))
    };
    let node = lab.client.create_node(&draft).await.unwrap().value.uuid;
    lab.walk(&node, &[Verb::Manage]).await;
    node
}

#[tokio::test]
async fn the_raid_wanted_is_written_down() {
    let lab = Lab::new("cx-raid").await;
    let client = &lab.client.retry_on_conflict(LONG);
    let node = hardware(&lab).await;
    assert!(client.get_node_inventory(&node).await.unwrap_err().is_not_found());
    let disks = object(json!({"logical_disks": [{"size_gb": 100, "raid_level": "1"}]}));
    client.set_node_target_raid_config(&node, &disks).await.unwrap();
    let target = client.get_node(&node).await.unwrap().value.target_raid_config;
    assert_eq!(target["logical_disks"][0]["size_gb"], 100);
    client
        .set_node_target_raid_config(&node, &object(json!({})))
        .await
        .unwrap();
    assert!(
        client
            .get_node(&node)
            .await
            .unwrap()
            .value
            .target_raid_config
            .is_empty()
    );
}

#[tokio::test]
async fn firmware_settings_are_read() {
    let lab = Lab::new("cx-bios").await;
    let client = &lab.client.retry_on_conflict(LONG);
    let node = hardware(&lab).await;
    let step = json!({"interface": "bios", "step": "apply_configuration",
        "args": {"settings": [{"name": "turbo", "value": "on"}]}});
    let clean = ProvisionRequest {
        steps: vec![object(step)],
        ..ProvisionRequest::new(Verb::Clean)
    };
    lab.go(&node, &clean).await.unwrap();
    let settings = client.list_node_bios_settings(&node).await.unwrap();
    assert!(
        settings
            .iter()
            .any(|setting| (setting.name.as_str(), setting.value.as_deref()) == ("turbo", Some("on")))
    );
    assert_eq!(
        client
            .get_node_bios_setting(&node, "turbo")
            .await
            .unwrap()
            .value
            .as_deref(),
        Some("on")
    );
    assert!(
        client
            .get_node_bios_setting(&node, "warp")
            .await
            .unwrap_err()
            .is_not_found()
    );
    client.list_node_firmware(&node).await.unwrap();
}

#[tokio::test]
async fn what_happened_is_remembered() {
    let lab = Lab::new("cx-history").await;
    let client = &lab.client.retry_on_conflict(LONG);
    let node = hardware(&lab).await;
    lab.go(&node, &ProvisionRequest::new(Verb::Inspect))
        .await
        .unwrap_err();
    let history = client.node_history(&node).await.unwrap();
    let failed = history.iter().find(|event| {
        event
            .event
            .as_ref()
            .is_some_and(|words| words.contains("no light"))
    });
    let failed = failed.expect("it is remembered");
    assert!(failed.is_error() && failed.conductor.is_some(), "{failed:?}");
    let one = client.get_node_history_event(&node, &failed.uuid).await.unwrap();
    assert_eq!(one.event, failed.event);
}
