//! What must never be seen: credentials, and what a request carries.
use wiremock::matchers::{header, path};
use wiremock::{Mock, Request, Respond, ResponseTemplate};

use super::{Fixture, NODE, server, settings};
use crate::ironic::client::{Auth, Client, ConfigDrive, Error, ProvisionRequest, Settings};
use crate::ironic::model::Verb;

const PASSWORD: &str = "hunter2 ü";
/// `admin:hunter2 ü`, encoded.
const ENCODED: &str = "YWRtaW46aHVudGVyMiDDvA==";

fn basic(username: &str) -> Auth {
    Auth::HttpBasic {
        username: username.into(),
        password: PASSWORD.into(),
    }
}

/// Refuses by showing everything it was sent.
struct Echo;

impl Respond for Echo {
    fn respond(&self, request: &Request) -> ResponseTemplate {
        let words = format!("no: {:?} for {PASSWORD}", request.headers);
        ResponseTemplate::new(400)
            .insert_header("x-openstack-ironic-api-version", "1.95")
            .set_body_json(serde_json::json!({"faultstring": words}))
    }
}

#[tokio::test]
async fn the_user_and_the_password_are_sent_and_never_shown() {
    let server = server().await;
    let node = Mock::given(path(format!("/v1/nodes/{NODE}")));
    let authenticated = node.and(header("authorization", format!("Basic {ENCODED}")));
    authenticated.respond_with(Echo).expect(1).mount(&server).await;
    let settings = Settings {
        auth: basic("admin"),
        ..settings(&server)
    };
    let shown = format!("{settings:?}");
    let client = Client::new(settings).unwrap();
    assert_eq!(
        client.identity(),
        Some(format!("{} as admin", server.uri()).as_str())
    );
    let error = client.get_node(NODE).await.unwrap_err();
    let shown = format!("{shown} {client:?} {error} {error:?} {}", error.words());
    assert!(shown.contains("no: ") && shown.contains("***"), "{shown}");
    assert!(!shown.contains("hunter2") && !shown.contains(ENCODED), "{shown}");
}

#[tokio::test]
async fn wrong_credentials_are_not_tried_again() {
    let server = server().await;
    let refused = Fixture::read("err-401-basic").answer();
    Mock::given(path(format!("/v1/nodes/{NODE}")))
        .respond_with(refused)
        .expect(1)
        .mount(&server)
        .await;
    let client = Client::new(Settings {
        auth: basic("admin"),
        ..settings(&server)
    })
    .unwrap();
    let error = client.get_node(NODE).await.unwrap_err();
    assert!(error.is_unauthorized());
    assert_eq!(error.words(), "Incorrect username or password");
}

#[tokio::test]
async fn a_user_name_that_cannot_be_sent_is_refused() {
    let server = server().await;
    for name in ["", "a:b"] {
        let client = Client::new(Settings {
            auth: basic(name),
            ..settings(&server)
        });
        assert!(matches!(client, Err(Error::Settings { .. })), "{name}");
    }
}

#[tokio::test]
async fn a_redirect_is_not_followed_and_gets_no_credentials() {
    let other = wiremock::MockServer::start().await;
    let server = server().await;
    let moved =
        ResponseTemplate::new(307).insert_header("location", format!("{}/v1/nodes/x?a=b", other.uri()));
    Mock::given(path(format!("/v1/nodes/{NODE}")))
        .respond_with(moved)
        .mount(&server)
        .await;
    let client = Client::new(Settings {
        auth: basic("admin"),
        ..settings(&server)
    })
    .unwrap();
    let error = client.get_node(NODE).await.unwrap_err();
    assert_eq!(
        error.words(),
        format!("redirected to {}, which is not followed", other.uri())
    );
    assert!(other.received_requests().await.unwrap().is_empty());
}

#[test]
fn debugging_a_request_shows_no_secret() {
    let request = ProvisionRequest {
        configdrive: Some(ConfigDrive::Text(PASSWORD.into())),
        rescue_password: Some(PASSWORD.into()),
        ..ProvisionRequest::new(Verb::Rescue)
    };
    assert!(!format!("{request:?}").contains("hunter2"));
}
