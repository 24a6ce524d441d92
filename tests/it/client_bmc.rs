//! What a BMC does besides power: boot device and mode, media, lights and console, on a real Ironic.

#![cfg(test)]

use ironwright::ironic::client::{BootMode, Client, VirtualMedium};
use ironwright::ironic::model::{InterfaceKind, NodeCreate, Verb};
use ironwright_stack::wait;
use serde_json::json;

use crate::client_lab::{LONG, Lab};

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
