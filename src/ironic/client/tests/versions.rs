//! Discovery and negotiation.
use futures::StreamExt;
use futures::future::join_all;
use wiremock::matchers::{header, method, path};
use wiremock::{Mock, MockServer, ResponseTemplate};

use super::{Fixture, NODE, client, install_tls, received, server, settings};
use crate::ironic::client::{
    Client, ConductorQuery, Error, NodeQuery, ProvisionRequest, Rejection, Settings,
};
use crate::ironic::model::{ApiVersion, PowerTarget, Verb};

/// A discovery document with these bounds.
fn document(min: &str, max: &str) -> ResponseTemplate {
    ResponseTemplate::new(200).set_body_json(serde_json::json!({
        "id": "v1", "version": {"id": "v1", "min_version": min, "version": max, "status": "CURRENT"}
    }))
}

/// A server that speaks these versions.
async fn old_server(min: &str, max: &str) -> MockServer {
    let server = MockServer::start().await;
    Mock::given(method("GET"))
        .and(path("/v1"))
        .respond_with(document(min, max))
        .mount(&server)
        .await;
    server
}

/// Ironic's refusal of a version out of its bounds.
fn version_refused(min: &str, max: &str) -> ResponseTemplate {
    ResponseTemplate::new(406)
        .insert_header("x-openstack-ironic-api-minimum-version", min)
        .insert_header("x-openstack-ironic-api-maximum-version", max)
        .set_body_json(serde_json::json!({"code": 406, "title": "Not Acceptable", "description": "no"}))
}

#[tokio::test]
async fn one_version_is_negotiated_once_and_sent_in_both_headers() {
    let server = server().await;
    let node = Mock::given(path(format!("/v1/nodes/{NODE}")))
        .and(header("x-openstack-ironic-api-version", "1.115"))
        .and(header("openstack-api-version", "baremetal 1.115"));
    node.respond_with(Fixture::read("node-active").answer())
        .expect(3)
        .mount(&server)
        .await;
    let client = client(&server);
    for node in join_all([
        client.get_node(NODE),
        client.get_node(NODE),
        client.get_node(NODE),
    ])
    .await
    {
        node.unwrap();
    }
    let discoveries = server.received_requests().await.unwrap();
    let discoveries: Vec<_> = discoveries
        .iter()
        .filter(|request| request.url.path() == "/v1")
        .collect();
    assert_eq!(discoveries.len(), 1);
    assert!(
        !discoveries[0]
            .headers
            .contains_key("x-openstack-ironic-api-version")
    );
}

#[tokio::test]
async fn the_newest_version_that_both_know_is_spoken() {
    for (max, negotiated) in [("1.90", 90), ("1.115", 115), ("1.300", 115)] {
        let range = client(&old_server("1.1", max).await).versions().await.unwrap();
        assert_eq!(
            (range.max.to_string().as_str(), range.negotiated),
            (max, ApiVersion::v1(negotiated))
        );
    }
    let error = client(&old_server("1.200", "1.300").await)
        .versions()
        .await
        .unwrap_err();
    assert!(matches!(error, Error::NotSupported { .. }), "{error}");
}

#[tokio::test]
async fn without_discovery_nothing_is_sent() {
    for answer in [
        ResponseTemplate::new(404),
        ResponseTemplate::new(200).set_body_string("<html>hello</html>"),
        ResponseTemplate::new(200).set_body_json(serde_json::json!({"id": "v1"})),
        document("one", "two"),
    ] {
        let server = MockServer::start().await;
        Mock::given(path("/v1")).respond_with(answer).mount(&server).await;
        client(&server).get_node(NODE).await.unwrap_err();
        assert!(received(&server).await.is_empty());
    }
}

#[tokio::test]
async fn a_failed_discovery_is_tried_again_by_the_next_call() {
    let server = MockServer::start().await;
    let broken = Mock::given(path("/v1"))
        .respond_with(ResponseTemplate::new(404))
        .up_to_n_times(1);
    broken.mount(&server).await;
    let client = client(&server);
    client.versions().await.unwrap_err();
    Mock::given(path("/v1"))
        .respond_with(document("1.1", "1.115"))
        .mount(&server)
        .await;
    client.versions().await.unwrap();
}

#[tokio::test]
async fn a_version_in_the_settings_is_spoken_or_nothing() {
    let settled = |server: &MockServer, minor| {
        Client::new(Settings {
            api_version: Some(ApiVersion::v1(minor)),
            ..settings(server)
        })
    };
    let server = old_server("1.1", "1.95").await;
    let right =
        Mock::given(path(format!("/v1/nodes/{NODE}"))).and(header("openstack-api-version", "baremetal 1.72"));
    right
        .respond_with(Fixture::read("node-active").answer())
        .expect(1)
        .mount(&server)
        .await;
    settled(&server, 72).unwrap().get_node(NODE).await.unwrap();
    let too_new = settled(&server, 96).unwrap().get_node(NODE).await.unwrap_err();
    assert!(matches!(too_new, Error::NotSupported { .. }), "{too_new}");
    assert!(
        settled(&server, 999).is_err(),
        "newer than this client was tested with"
    );
}

#[tokio::test]
async fn a_server_that_was_pinned_to_an_older_version_is_followed() {
    let server = server().await;
    let new = Mock::given(path(format!("/v1/nodes/{NODE}")))
        .and(header("openstack-api-version", "baremetal 1.115"));
    new.respond_with(version_refused("1.1", "1.101"))
        .expect(1)
        .mount(&server)
        .await;
    let old = Mock::given(path(format!("/v1/nodes/{NODE}")))
        .and(header("openstack-api-version", "baremetal 1.101"));
    old.respond_with(Fixture::read("node-active").answer())
        .expect(2)
        .mount(&server)
        .await;
    let client = client(&server);
    client.get_node(NODE).await.unwrap();
    client.get_node(NODE).await.unwrap();
    assert_eq!(client.versions().await.unwrap().negotiated, ApiVersion::v1(101));
}

#[tokio::test]
async fn a_server_that_refuses_every_version_is_asked_twice() {
    let server = server().await;
    let answers = super::in_turn([version_refused("1.1", "1.101"), version_refused("1.1", "1.100")]);
    Mock::given(path(format!("/v1/nodes/{NODE}")))
        .respond_with(answers)
        .expect(2)
        .mount(&server)
        .await;
    let error = client(&server).get_node(NODE).await.unwrap_err();
    assert_eq!(error.rejection(), Some(Rejection::VersionRefused));
}

#[tokio::test]
async fn what_is_too_new_for_the_version_is_not_asked() {
    let server = old_server("1.1", "1.26").await;
    let client = client(&server);
    let power = client
        .set_node_power_state(NODE, PowerTarget::SoftOff, None)
        .await
        .unwrap_err();
    let rescue = ProvisionRequest {
        rescue_password: Some("pw".into()),
        ..ProvisionRequest::new(Verb::Rescue)
    };
    let rescue = client.set_node_provision_state(NODE, &rescue).await.unwrap_err();
    let history = client.node_history(NODE).await.unwrap_err();
    let drivers = client.list_drivers().await.unwrap_err();
    let mut conductors = Box::pin(client.list_conductors(ConductorQuery::default()));
    let conductors = conductors.next().await.unwrap().unwrap_err();
    for error in [power, rescue, history, drivers, conductors] {
        assert!(matches!(error, Error::NotSupported { .. }), "{error}");
    }
    assert!(received(&server).await.is_empty());
}

#[tokio::test]
async fn a_narrow_listing_asks_an_old_server_only_for_what_it_knows() {
    let server = old_server("1.1", "1.50").await;
    let empty = ResponseTemplate::new(200).set_body_json(serde_json::json!({"nodes": []}));
    Mock::given(path("/v1/nodes"))
        .respond_with(empty)
        .mount(&server)
        .await;
    let rows: Vec<_> = futures::StreamExt::collect(client(&server).list_nodes(NodeQuery::default())).await;
    assert!(rows.is_empty());
    let (_, path, _) = received(&server).await.remove(0);
    assert!(
        path.contains("protected") && !path.contains("retired") && !path.contains("include_children"),
        "{path}"
    );
}

#[test]
fn the_endpoint_is_normalised_and_never_holds_a_secret() {
    install_tls();
    let identity = |endpoint: &str| {
        Client::new(Settings::new(endpoint)).map(|client| client.identity().unwrap().to_owned())
    };
    for endpoint in [
        "http://h:6385",
        "http://h:6385/",
        "http://h:6385/v1",
        " http://h:6385/v1/ ",
    ] {
        assert_eq!(identity(endpoint).unwrap(), "http://h:6385", "{endpoint}");
    }
    assert_eq!(
        identity("https://h/baremetal/v1/").unwrap(),
        "https://h/baremetal"
    );
    for endpoint in [
        "",
        "h:6385",
        "ftp://h",
        "http://",
        "http://u:hunter2@h",
        "http://h?a=b",
        "http://h/#a",
    ] {
        let error = identity(endpoint).unwrap_err();
        assert!(matches!(error, Error::Settings { .. }), "{endpoint}");
        assert!(!error.to_string().contains("hunter2"));
    }
}

#[tokio::test]
async fn limits_of_zero_are_refused() {
    let server = server().await;
    let zero = std::time::Duration::ZERO;
    for settings in [
        Settings {
            requests_in_flight: 0,
            ..settings(&server)
        },
        Settings {
            attempts: 0,
            ..settings(&server)
        },
        Settings {
            deadline: zero,
            ..settings(&server)
        },
        Settings {
            ca_certificate_pem: Some(b"no".to_vec()),
            ..settings(&server)
        },
    ] {
        assert!(matches!(Client::new(settings), Err(Error::Settings { .. })));
    }
}
