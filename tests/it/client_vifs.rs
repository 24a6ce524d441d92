//! VIFs on a real Ironic without Neutron; what Neutron's interfaces say is answered by a proxy.

#![cfg(test)]

use ironwright::ironic::client::VifTarget;
use ironwright::ironic::model::PortCreate;
use ironwright_stack::proxy::{Action, Answer};
use serde_json::json;
use uuid::Uuid;

use crate::client_lab::{Lab, mac};
use crate::harness;

#[tokio::test]
async fn vifs_are_attached_and_detached() {
    let lab = Lab::new("cp-vif").await;
    let client = &lab.client;
    let node = lab.node("n", json!({})).await;
    let vif = Uuid::new_v4().to_string();
    client
        .attach_vif_to_node(&node.uuid, &vif, VifTarget::Any)
        .await
        .unwrap();
    let draft = PortCreate {
        address: mac(5, 1),
        node_uuid: node.uuid.clone(),
        ..PortCreate::default()
    };
    let port = client.create_port(&draft).await.unwrap().value;
    client
        .attach_vif_to_node(&node.uuid, &vif, VifTarget::Port(&port.uuid))
        .await
        .unwrap();
    assert_eq!(
        client.list_node_vifs(&node.uuid).await.unwrap(),
        Vec::<String>::new(),
        "noop keeps none"
    );
    assert!(client.detach_vif_from_node(&node.uuid, &vif).await.unwrap());
    assert!(
        client
            .detach_vif_from_node(&lab.name("nobody"), &vif)
            .await
            .unwrap_err()
            .is_not_found()
    );
}

#[tokio::test]
async fn only_a_vif_that_is_not_attached_is_no_error() {
    let lab = Lab::new("cp-no-vif").await;
    let client = &lab.client;
    let node = lab.node("n", json!({})).await;
    let vif = Uuid::new_v4().to_string();
    // Only the network interfaces of Neutron know what is attached; these are their words.
    let words = format!(
        "Unable to detach VIF {vif} from node {} because it is not attached to it.",
        node.uuid
    );
    let route = lab.proxy.when("DELETE", "/v1/nodes/{}/vifs/{}");
    let rule = route.then(Action::Answer(Answer::ironic_error(400, &words)));
    assert!(!client.detach_vif_from_node(&node.uuid, &vif).await.unwrap());
    lab.proxy.remove(rule);
    let odd = Answer::ironic_error(400, "Something else is wrong.");
    lab.proxy
        .when("DELETE", "/v1/nodes/{}/vifs/{}")
        .then(Action::Answer(odd));
    assert_eq!(
        client
            .detach_vif_from_node(&node.uuid, &vif)
            .await
            .unwrap_err()
            .status(),
        Some(400)
    );
    let words = format!(
        "Unable to attach VIF because VIF {vif} is already attached to Ironic Port {}",
        node.uuid
    );
    let taken = Action::Answer(Answer::ironic_error(409, &words));
    lab.proxy.when("POST", "/v1/nodes/{}/vifs").then(taken);
    lab.proxy.clear_log();
    let patient = client.retry_on_conflict(harness::LIMIT);
    let error = patient
        .attach_vif_to_node(&node.uuid, &vif, VifTarget::Any)
        .await
        .unwrap_err();
    assert!(error.status() == Some(409) && !error.is_locked(), "{error:?}");
    assert_eq!(lab.writes(), 1);
}
