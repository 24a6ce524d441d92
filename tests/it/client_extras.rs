//! What goes beyond the page of openstacksdk, on a real Ironic.

#![cfg(test)]

use ironwright::ironic::client::{
    BootMode, Client, DeployTemplateQuery, InspectionRuleQuery, ProvisionRequest, RunbookQuery,
    VirtualMedium, VolumeConnectorQuery, VolumeTargetQuery,
};
use ironwright::ironic::model::{
    Change, DeployTemplateCreate, DeployTemplateUpdate, Edit, InspectionRuleCreate, InspectionRuleUpdate,
    InterfaceKind, NodeCreate, PowerTarget, RunbookCreate, RunbookUpdate, Verb, VolumeConnectorCreate,
    VolumeConnectorUpdate, VolumeTargetCreate, VolumeTargetUpdate,
};
use ironwright_stack::wait;
use serde_json::json;

use crate::client_lab::{LONG, Lab, object, rows};

#[tokio::test]
async fn traits_are_set_one_by_one_and_together() {
    let lab = Lab::new("cx-traits").await;
    let client = &lab.client;
    let node = lab.node("a", json!({})).await.uuid;
    client
        .set_node_traits(&node, &["CUSTOM_A", "CUSTOM_B"])
        .await
        .unwrap();
    client.add_node_trait(&node, "CUSTOM_C").await.unwrap();
    client.add_node_trait(&node, "CUSTOM_C").await.unwrap();
    assert!(client.remove_node_trait(&node, "CUSTOM_A").await.unwrap());
    assert!(!client.remove_node_trait(&node, "CUSTOM_A").await.unwrap());
    let mut traits = client.list_node_traits(&node).await.unwrap();
    traits.sort();
    assert_eq!(traits, ["CUSTOM_B", "CUSTOM_C"]);
    assert_eq!(
        client
            .add_node_trait(&node, "not one")
            .await
            .unwrap_err()
            .status(),
        Some(400)
    );
    client.remove_node_traits(&node).await.unwrap();
    assert!(client.list_node_traits(&node).await.unwrap().is_empty());
}

/// Waits until Ironic says of a node what did not work.
async fn complaint(client: &Client, node: &str, what: &str) {
    let said = wait::until(what, LONG, async || {
        let now = client.get_node(node).await?.value;
        Ok(now.last_error.filter(|words| words.to_lowercase().contains(what)))
    });
    said.await.unwrap();
}

#[tokio::test]
async fn the_bmc_does_what_it_can() {
    let lab = Lab::new("cx-bmc").await;
    let client = &lab.client.retry_on_conflict(LONG);
    let node = lab.node("a", json!({})).await.uuid;
    lab.walk(&node, &[Verb::Manage]).await;
    assert_eq!(client.list_node_boot_devices(&node).await.unwrap(), ["pxe"]);
    client.set_node_boot_device(&node, "pxe", true).await.unwrap();
    assert_eq!(
        client
            .get_node_boot_device(&node)
            .await
            .unwrap()
            .boot_device
            .as_deref(),
        Some("pxe")
    );
    let odd = client
        .set_node_boot_device(&node, "floppy", false)
        .await
        .unwrap_err();
    assert_eq!(odd.status(), Some(400));

    // The fake BMC cannot do these, and only `last_error` tells.
    for uefi in [true, false] {
        if uefi {
            client.set_node_boot_mode(&node, BootMode::Uefi).await.unwrap();
        } else {
            client.set_node_secure_boot(&node, true).await.unwrap();
        }
        let what = if uefi { "boot mode" } else { "secure_boot" };
        complaint(client, &node, what).await;
    }
    assert_eq!(
        client.inject_nmi_to_node(&node).await.unwrap_err().status(),
        Some(400)
    );
    let medium = VirtualMedium {
        device_type: "cdrom".into(),
        image_url: "http://images.example/a.iso".into(),
        image_download_source: Some("http".into()),
    };
    let odd = VirtualMedium {
        image_url: "gopher://a".into(),
        ..medium.clone()
    };
    let refused = client.attach_vmedia_to_node(&node, &odd).await.unwrap_err();
    assert!(refused.words().contains("gopher"), "{refused}");
    client.attach_vmedia_to_node(&node, &medium).await.unwrap();
    complaint(client, &node, "attach").await;
    client
        .detach_vmedia_from_node(&node, &["cdrom", "disk"])
        .await
        .unwrap();
    complaint(client, &node, "detach").await;
    assert!(
        client.get_node_virtual_media(&node).await.is_err(),
        "the fake BMC has none"
    );
    assert!(!client.list_node_vendor_methods(&node).await.unwrap().is_empty());
}

#[tokio::test]
async fn lights_and_console_are_switched() {
    let lab = Lab::new("cx-lights").await;
    let client = &lab.client.retry_on_conflict(LONG);
    let draft = NodeCreate {
        interfaces: [(InterfaceKind::Console, "fake".to_owned())].into(),
        ..lab.draft("a", &json!({}))
    };
    let node = client.create_node(&draft).await.unwrap().value.uuid;
    let lights = client.list_node_indicators(&node).await.unwrap();
    let light = lights
        .iter()
        .find(|light| !light.readonly)
        .expect("one can be switched");
    assert!(light.states.contains(&"on".to_owned()), "{light:?}");
    let shows = client.get_node_indicator(&node, &light.name).await.unwrap();
    assert!(light.states.contains(&shows), "{shows}");
    let refused = client
        .set_node_indicator(&node, &light.name, "on")
        .await
        .unwrap_err();
    assert!(
        refused.words().contains("does not support"),
        "the fake BMC cannot: {refused}"
    );

    assert!(!client.get_node_console(&node).await.unwrap().console_enabled);
    client.set_node_console(&node, true).await.unwrap();
    let on = wait::until("the console is on", LONG, async || {
        let console = client.get_node_console(&node).await?;
        Ok(console.console_enabled.then_some(console))
    });
    on.await.unwrap();
    client.set_node_console(&node, false).await.unwrap();
}

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

#[tokio::test]
async fn deploy_templates_are_created_changed_and_deleted() {
    let lab = Lab::new("cx-steps").await;
    let client = &lab.client;
    let step = |order: &str| object(json!({"interface": "deploy", "step": "x", "args": {}, order: 10}));
    let draft = DeployTemplateCreate {
        name: "CUSTOM_CX_STEPS".into(),
        steps: vec![step("priority")],
        ..DeployTemplateCreate::default()
    };
    let template = client.create_deploy_template(&draft).await.unwrap().value;
    assert!(
        client
            .create_deploy_template(&draft)
            .await
            .unwrap_err()
            .is_already_exists()
    );
    let update = DeployTemplateUpdate {
        extra: Edit::set("x", 1),
        ..DeployTemplateUpdate::default()
    };
    let now = client
        .update_deploy_template("CUSTOM_CX_STEPS", &update)
        .await
        .unwrap()
        .value;
    assert_eq!(
        (now.extra["x"].clone(), now.steps[0]["priority"].clone()),
        (json!(1), json!(10))
    );
    let all = rows(client.list_deploy_templates(DeployTemplateQuery::default()))
        .await
        .unwrap();
    assert!(
        all.iter()
            .any(|other| other.uuid == template.uuid && other.steps.len() == 1)
    );
    assert!(client.delete_deploy_template("CUSTOM_CX_STEPS").await.unwrap());
    assert!(!client.delete_deploy_template("CUSTOM_CX_STEPS").await.unwrap());
}

#[tokio::test]
async fn runbooks_are_created_changed_and_deleted() {
    let lab = Lab::new("cx-runbook").await;
    let client = &lab.client;
    let draft = RunbookCreate {
        name: "CUSTOM_CX_RUNBOOK".into(),
        steps: vec![object(
            json!({"interface": "deploy", "step": "testkit_clean", "args": {}, "order": 1}),
        )],
        ..RunbookCreate::default()
    };
    let runbook = client.create_runbook(&draft).await.unwrap().value;
    client
        .set_runbook_traits(&runbook.uuid, &["CUSTOM_CX_RUNBOOK"])
        .await
        .unwrap();
    let update = RunbookUpdate {
        description: "dusts".into(),
        ..RunbookUpdate::default()
    };
    let now = client.update_runbook(&runbook.uuid, &update).await.unwrap().value;
    assert_eq!(
        (now.description.as_deref(), now.traits),
        (Some("dusts"), vec!["CUSTOM_CX_RUNBOOK".to_owned()])
    );
    let all = rows(client.list_runbooks(RunbookQuery::default())).await.unwrap();
    assert!(all.iter().any(|other| other.uuid == runbook.uuid));
    let node = lab.node("a", json!({})).await.uuid;
    lab.walk(&node, &[Verb::Manage]).await;
    client.add_node_trait(&node, "CUSTOM_CX_RUNBOOK").await.unwrap();
    let clean = ProvisionRequest {
        runbook: Some(runbook.name),
        ..ProvisionRequest::new(Verb::Clean)
    };
    lab.go(&node, &clean).await.unwrap();
    assert!(client.delete_runbook(&runbook.uuid).await.unwrap());
    assert!(client.find_runbook("CUSTOM_CX_RUNBOOK").await.unwrap().is_none());
}

#[tokio::test]
async fn inspection_rules_are_created_changed_and_deleted() {
    let lab = Lab::new("cx-rules").await;
    let client = &lab.client;
    let draft = InspectionRuleCreate {
        description: Some(lab.name("rule")),
        actions: vec![object(json!({"op": "fail", "args": {"msg": "never"}}))],
        conditions: vec![object(
            json!({"op": "is-true", "args": {"value": "{node.retired}"}}),
        )],
        ..InspectionRuleCreate::default()
    };
    let rule = client.create_inspection_rule(&draft).await.unwrap().value;
    let update = InspectionRuleUpdate {
        description: Change::Unset,
        priority: Some(7),
        ..InspectionRuleUpdate::default()
    };
    let now = client
        .update_inspection_rule(&rule.uuid, &update)
        .await
        .unwrap()
        .value;
    assert_eq!((now.description, now.priority), (None, Some(7)));
    let all = rows(client.list_inspection_rules(InspectionRuleQuery::default()))
        .await
        .unwrap();
    assert!(
        all.iter()
            .any(|other| other.uuid == rule.uuid && other.actions.is_some())
    );
    assert!(client.delete_inspection_rule(&rule.uuid).await.unwrap());
    assert!(!client.delete_inspection_rule(&rule.uuid).await.unwrap());
}

#[tokio::test]
async fn shards_are_counted() {
    let lab = Lab::new("cx-shards").await;
    for name in ["a", "b"] {
        let draft = NodeCreate {
            shard: Some(lab.name("shard")),
            ..lab.draft(name, &json!({}))
        };
        lab.client.create_node(&draft).await.unwrap();
    }
    let shards = lab.client.list_shards().await.unwrap();
    let own = shards.iter().find(|shard| shard.name == Some(lab.name("shard")));
    assert_eq!(own.expect("it is there").count, 2);
}
