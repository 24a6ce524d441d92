//! Where a client does not go.
use serde_json::json;
use wiremock::matchers::path;
use wiremock::{Mock, MockServer, ResponseTemplate};

use super::{Fixture, NODE, install_tls, server};
use crate::ironic::client::{Auth, AuthError, Class, Client, Credentials, Error, Keystone, Reach, Settings};

fn guarded(settings: Settings, entries: &[&str]) -> Result<Client, Error> {
    install_tls();
    let entries: Vec<_> = entries.iter().map(|entry| (*entry).to_owned()).collect();
    let reach = Reach::new(&entries, vec![]).unwrap();
    Client::new(Settings { reach, ..settings })
}

#[tokio::test]
async fn an_address_that_is_not_allowed_is_refused_before_anything_is_sent() {
    let server = server().await;
    let error = guarded(Settings::new(server.uri()), &[]).unwrap_err();
    assert!(
        error.is_not_allowed() && error.class() == Class::Blocked,
        "{error}"
    );
    assert!(
        error.words().contains("127.0.0.1 may not be talked to"),
        "{error}"
    );
    let node = Fixture::read("node-active").answer();
    Mock::given(path(format!("/v1/nodes/{NODE}")))
        .respond_with(node)
        .mount(&server)
        .await;
    let client = guarded(Settings::new(server.uri()), &["127.0.0.0/8"]).unwrap();
    client.get_node(NODE).await.unwrap();
}

#[tokio::test]
async fn a_name_that_means_this_machine_is_refused_when_it_is_resolved() {
    let server = server().await;
    let named = format!("http://localhost:{}", server.address().port());
    let settings = || Settings {
        attempts: 1,
        ..Settings::new(named.clone())
    };
    let error = guarded(settings(), &[])
        .unwrap()
        .get_node(NODE)
        .await
        .unwrap_err();
    assert!(matches!(error, Error::NotAllowed(_)), "{error:?}");
    let error = guarded(settings(), &["localhost"])
        .unwrap()
        .get_node(NODE)
        .await
        .unwrap_err();
    assert!(
        error.is_not_allowed(),
        "a name does not lead to this machine: {error:?}"
    );
    assert!(server.received_requests().await.unwrap().is_empty());
    let node = Fixture::read("node-active").answer();
    Mock::given(path(format!("/v1/nodes/{NODE}")))
        .respond_with(node)
        .mount(&server)
        .await;
    guarded(settings(), &["127.0.0.0/8"])
        .unwrap()
        .get_node(NODE)
        .await
        .unwrap();
}

fn keystone(url: &str) -> Settings {
    let credentials = Credentials::Token("t".into());
    Settings {
        attempts: 1,
        ..Settings::keystone(Keystone::new(url, credentials))
    }
}

#[tokio::test]
async fn neither_keystone_nor_the_catalog_lead_where_it_is_not_allowed() {
    let token = |url: &str| {
        let issued = json!({"token": {
            "issued_at": "2026-01-01T00:00:00.000000Z", "expires_at": "2026-01-01T01:00:00.000000Z",
            "user": {"id": "u", "name": "metal"},
            "catalog": [{"type": "baremetal", "endpoints": [{"interface": "public", "url": url}]}],
        }});
        ResponseTemplate::new(201)
            .insert_header("x-subject-token", "t2")
            .set_body_json(issued)
    };
    let server = MockServer::start().await;
    assert!(
        guarded(keystone(&server.uri()), &[])
            .unwrap_err()
            .is_not_allowed()
    );
    let named = format!("http://localhost:{}", server.address().port());
    let error = guarded(keystone(&named), &[])
        .unwrap()
        .get_node(NODE)
        .await
        .unwrap_err();
    assert!(
        matches!(error, Error::Auth(AuthError::NotAllowed(_))),
        "{error:?}"
    );
    for elsewhere in ["http://169.254.169.254", "http://10.0.0.1:6385"] {
        server.reset().await;
        Mock::given(path("/v3/auth/tokens"))
            .respond_with(token(elsewhere))
            .mount(&server)
            .await;
        let client = guarded(keystone(&server.uri()), &["127.0.0.1"]).unwrap();
        let error = client.get_node(NODE).await.unwrap_err();
        assert!(error.is_not_allowed(), "{elsewhere}: {error:?}");
    }
}

#[test]
fn it_is_known_where_credentials_can_be_read_on_the_way() {
    install_tls();
    let basic = |endpoint: &str| Settings {
        auth: Auth::HttpBasic {
            username: "admin".to_owned(),
            password: "hunter2".into(),
        },
        ..Settings::new(endpoint)
    };
    for (settings, told) in [
        (
            basic("http://Ironic.example:80/v1"),
            Some("http://ironic.example"),
        ),
        (basic("https://ironic.example"), None),
        (basic("http://127.0.0.1:6385"), None),
        (basic("http://[::1]:6385"), None),
        (basic("http://localhost"), None),
        (Settings::new("http://ironic.example"), None),
        (
            keystone("http://keystone.example:5000"),
            Some("http://keystone.example:5000"),
        ),
        (keystone("https://keystone.example:5000"), None),
    ] {
        let shown = format!("{settings:?}");
        let clear = Client::new(settings).unwrap().tells_in_clear();
        assert_eq!(clear.as_deref(), told, "{shown}");
    }
}

#[test]
fn an_address_has_one_spelling() {
    let place = |endpoint: &str| Settings::new(endpoint).place();
    for other in [
        "http://i/",
        "http://I",
        "http://i:80",
        "http://i/v1",
        " http://i/v1/ ",
    ] {
        assert_eq!(place(other), place("http://i"), "{other}");
    }
    for other in ["https://i", "http://i:81", "http://i/x", "http://j"] {
        assert_ne!(place(other), place("http://i"), "{other}");
    }
    assert_eq!(place("nothing").as_deref(), Some("nothing"));
}
