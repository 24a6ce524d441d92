//! Traits on a real Ironic.

#![cfg(test)]

use serde_json::json;

use crate::client_lab::Lab;

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
