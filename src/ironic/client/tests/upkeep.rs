//! Traits and maintenance.
use serde_json::{Value, json};
use wiremock::matchers::{path, path_regex};
use wiremock::{Mock, ResponseTemplate};

use super::{Fixture, NODE, client, received, server};
use crate::ironic::client::Error;

#[tokio::test]
async fn a_trait_is_set_and_removed_by_itself_and_one_that_is_gone_is_removed() {
    let server = server().await;
    for answer in [ResponseTemplate::new(204), Fixture::read("err-404").answer()] {
        Mock::given(path(format!("/v1/nodes/{NODE}/traits/CUSTOM_A")))
            .respond_with(answer)
            .up_to_n_times(2)
            .mount(&server)
            .await;
    }
    let client = client(&server);
    client.add_node_trait(NODE, "CUSTOM_A").await.unwrap();
    assert!(client.remove_node_trait(NODE, "CUSTOM_A").await.unwrap());
    assert!(!client.remove_node_trait(NODE, "CUSTOM_A").await.unwrap());
    assert!(
        client
            .add_node_trait(NODE, "CUSTOM_A")
            .await
            .unwrap_err()
            .is_not_found()
    );
    assert!(matches!(
        client.add_node_trait(NODE, "").await,
        Err(Error::Argument { .. })
    ));
    let sent = received(&server).await;
    let methods: Vec<_> = sent.iter().map(|(method, ..)| method.as_str()).collect();
    assert_eq!(methods, ["PUT", "DELETE", "DELETE", "PUT"]);
    assert!(
        sent.iter().all(|(_, _, body)| body.is_empty()),
        "Ironic refuses a body"
    );
}

#[tokio::test]
async fn a_maintenance_is_set_with_its_reason_and_lifted() {
    let server = server().await;
    Mock::given(path_regex("^/v1/."))
        .respond_with(ResponseTemplate::new(202))
        .mount(&server)
        .await;
    let client = client(&server);
    client.set_node_maintenance(NODE, "disk swap").await.unwrap();
    client.clear_node_maintenance(NODE).await.unwrap();
    let [(set, at, body), (clear, same, nothing)] = received(&server).await.try_into().unwrap();
    assert_eq!((set.as_str(), clear.as_str()), ("PUT", "DELETE"));
    assert_eq!(at, format!("/v1/nodes/{NODE}/maintenance"));
    assert_eq!((same, nothing.as_str()), (at, ""));
    assert_eq!(
        serde_json::from_str::<Value>(&body).unwrap(),
        json!({"reason": "disk swap"})
    );
}
