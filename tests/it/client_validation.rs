//! What a node lacks, said by a real Ironic.

#![cfg(test)]

use ironwright::ironic::client::Error;
use ironwright::ironic::model::InterfaceKind;
use serde_json::json;

use crate::client_lab::Lab;

#[tokio::test]
async fn a_node_is_valid_if_what_is_required_is() {
    use InterfaceKind::{Boot, Deploy, Inspect, Power, Vendor};
    let lab = Lab::new("cs-valid").await;
    let node = lab.node("a", json!({})).await;
    let judged = lab
        .client
        .validate_node(&node.uuid, &[Deploy, Power])
        .await
        .unwrap();
    assert_eq!(
        (judged["power"].result, judged["power"].reason.clone()),
        (Some(true), None)
    );
    let redfish = ironwright::ironic::model::NodeCreate {
        name: Some(lab.name("r")),
        driver: "redfish".into(),
        ..Default::default()
    };
    let redfish = lab.client.create_node(&redfish).await.unwrap().value.uuid;
    let bad = lab
        .client
        .validate_node(&redfish, &[Boot, Power, Inspect])
        .await
        .unwrap_err();
    let Error::Invalid { problems, .. } = &bad else {
        panic!("{bad:?}")
    };
    assert!(
        problems.contains("power: ") && problems.contains("redfish_address"),
        "{problems}"
    );
    let judged = lab.client.validate_node(&redfish, &[]).await.unwrap();
    assert_eq!(judged["power"].result, Some(false));
    let unjudged = lab.client.validate_node(&node.uuid, &[Vendor]).await.unwrap_err();
    assert!(
        matches!(&unjudged, Error::Invalid { problems, .. } if problems == "vendor: not judged"),
        "{unjudged}"
    );
}
