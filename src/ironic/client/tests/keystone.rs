//! Tokens: what a real Keystone cannot be made to do on demand. (`tests/it/keystone.rs` asks a real one.)
use std::time::Duration;

use futures::future::join_all;
use serde_json::{Value, json};
use wiremock::matchers::{header, method, path};
use wiremock::{Mock, MockServer, Request, Respond, ResponseTemplate};

use super::{Fixture, NODE, in_turn, install_tls};
use crate::ironic::client::{AuthError, Client, Credentials, Error, Keystone, Named, NodeQuery, Settings};

const TOKENS: &str = "/v3/auth/tokens";

/// A token for so long, with an Ironic at this address in the catalog.
fn token(name: &str, life: Duration, ironic: &str) -> ResponseTemplate {
    let issued = jiff::Timestamp::now();
    let owner = json!({"id": "1", "name": "me", "domain": {"id": "default", "name": "Default"}});
    let endpoint = json!({"interface": "public", "region_id": "one", "url": ironic});
    ResponseTemplate::new(201)
        .insert_header("x-subject-token", name)
        .set_body_json(json!({"token": {
            "issued_at": issued.to_string(), "expires_at": (issued + life).to_string(),
            "user": owner, "project": owner,
            "catalog": [{"type": "baremetal", "name": "ironic", "endpoints": [endpoint]}],
        }}))
}

const HOUR: Duration = Duration::from_hours(1);

async fn keystone(answers: impl Respond + 'static) -> MockServer {
    let server = MockServer::start().await;
    Mock::given(method("POST"))
        .and(path(TOKENS))
        .respond_with(answers)
        .mount(&server)
        .await;
    server
}

/// An Ironic that lives under `/baremetal` and takes these tokens.
async fn ironic(tokens: &[&str]) -> MockServer {
    let server = MockServer::start().await;
    let at = |place: &str| path(format!("/baremetal/v1{place}"));
    let v1 = Fixture::read("v1").answer();
    Mock::given(at("")).respond_with(v1).mount(&server).await;
    for token in tokens {
        let known = Mock::given(at(&format!("/nodes/{NODE}"))).and(header("x-auth-token", *token));
        let node = Fixture::read("node-active").answer();
        known.respond_with(node).mount(&server).await;
    }
    let refused = Fixture::read("err-401-keystone").answer();
    let unknown = Mock::given(at(&format!("/nodes/{NODE}")));
    unknown.respond_with(refused).mount(&server).await;
    server
}

fn place(ironic: &MockServer) -> String {
    format!("{}/baremetal/v1/", ironic.uri())
}

fn settings(keystone: &MockServer) -> Settings {
    install_tls();
    let credentials = Credentials::Password {
        user: Named::Id("1".to_owned()),
        password: "hunter2".into(),
    };
    Settings::keystone(Keystone {
        tries: Some(2),
        ..Keystone::new(keystone.uri(), credentials)
    })
}

fn client(keystone: &MockServer) -> Client {
    Client::new(settings(keystone)).unwrap()
}

async fn asked(keystone: &MockServer) -> usize {
    keystone.received_requests().await.unwrap().len()
}

#[tokio::test]
async fn many_requests_share_a_token_and_its_renewal() {
    let ironic = ironic(&["second"]).await;
    let there = place(&ironic);
    let keystone = keystone(in_turn([
        token("first", HOUR, &there),
        token("second", HOUR, &there),
    ]))
    .await;
    let client = client(&keystone);
    assert_eq!(client.identity(), None);
    for node in join_all((0..6).map(|_| client.get_node(NODE))).await {
        node.unwrap();
    }
    assert_eq!(asked(&keystone).await, 2, "one token, refused, and one renewal");
    let identity = client.identity().unwrap();
    let expected = format!(
        "{}/baremetal as user me of Default (1) in project me of Default (1)",
        ironic.uri()
    );
    assert_eq!(identity, expected);
}

#[tokio::test]
async fn a_second_401_is_the_callers() {
    let ironic = ironic(&[]).await;
    let there = place(&ironic);
    let keystone = keystone(in_turn([
        token("first", HOUR, &there),
        token("second", HOUR, &there),
    ]))
    .await;
    let error = client(&keystone).get_node(NODE).await.unwrap_err();
    assert!(
        error.is_unauthorized() && error.status() == Some(401),
        "{error:?}"
    );
    assert_eq!(asked(&keystone).await, 2);
}

#[tokio::test]
async fn a_token_is_renewed_before_it_expires_and_used_on_while_keystone_is_down() {
    let ironic = ironic(&["first", "second"]).await;
    let there = place(&ironic);
    let short = Duration::from_secs(2);
    let keystone = keystone(in_turn([
        token("first", short, &there),
        ResponseTemplate::new(503),
        token("second", HOUR, &there),
    ]))
    .await;
    // One attempt: a failure of Keystone would be the caller's.
    let client = Client::new(Settings {
        attempts: 1,
        ..settings(&keystone)
    })
    .unwrap();
    let used = async || {
        client.get_node(NODE).await.unwrap();
        let requests = ironic.received_requests().await.unwrap();
        requests.last().unwrap().headers["x-auth-token"]
            .to_str()
            .unwrap()
            .to_owned()
    };
    assert_eq!(used().await, "first");
    let mut tokens = vec![];
    while asked(&keystone).await < 3 {
        tokens.push(used().await);
    }
    assert!(tokens.contains(&"first".to_owned()), "used on while it was good");
    assert_eq!(used().await, "second");
}

#[tokio::test]
async fn refused_credentials_are_tried_a_few_times_and_never_shown() {
    struct Echo;
    impl Respond for Echo {
        fn respond(&self, request: &Request) -> ResponseTemplate {
            let body: Value = request.body_json().unwrap();
            let words = format!("wrong: {body}");
            ResponseTemplate::new(401)
                .insert_header("x-openstack-request-id", "req-1")
                .set_body_json(json!({"error": {"code": 401, "message": words}}))
        }
    }
    let keystone = keystone(Echo).await;
    let client = client(&keystone);
    let first = client.get_node(NODE).await.unwrap_err();
    assert!(
        matches!(first, Error::Auth(AuthError::Refused { status: 401, .. })),
        "{first:?}"
    );
    let shown = format!(
        "{first} {first:?} {} {client:?} {:?}",
        first.words(),
        settings(&keystone)
    );
    assert!(shown.contains("wrong") && !shown.contains("hunter2"), "{shown}");
    for _ in 0..3 {
        let spent = client.get_node(NODE).await.unwrap_err();
        assert!(spent.is_unauthorized());
        assert!(spent.words().contains("refused 2 times"), "{}", spent.words());
    }
    assert_eq!((asked(&keystone).await, client.refusals()), (2, 2));
    client.forget_refusals();
    client.get_node(NODE).await.unwrap_err();
    assert_eq!((asked(&keystone).await, client.refusals()), (3, 1));
}

#[tokio::test]
async fn a_given_token_that_expired_is_not_sent_to_keystone_again() {
    let ironic = ironic(&["first"]).await;
    let keystone = keystone(in_turn([token(
        "first",
        Duration::from_millis(400),
        &place(&ironic),
    )]))
    .await;
    install_tls();
    let given = Keystone::new(keystone.uri(), Credentials::Token("given".into()));
    let client = Client::new(Settings::keystone(given)).unwrap();
    client.get_node(NODE).await.unwrap();
    let error = loop {
        if let Err(error) = client.get_node(NODE).await {
            break error;
        }
    };
    assert!(matches!(error, Error::Auth(AuthError::Expired)), "{error:?}");
    assert_eq!(asked(&keystone).await, 1);
}

#[tokio::test]
async fn a_session_that_turns_out_to_be_with_another_ironic_ends() {
    let one = ironic(&[]).await;
    let two = ironic(&["second"]).await;
    let keystone = keystone(in_turn([
        token("first", HOUR, &place(&one)),
        token("second", HOUR, &place(&two)),
    ]))
    .await;
    let client = client(&keystone);
    let error = client.get_node(NODE).await.unwrap_err();
    assert!(matches!(error, Error::Auth(AuthError::Moved { .. })), "{error:?}");
    assert!(client.has_moved() && client.identity().unwrap().contains(&one.uri()));
    let sent = two.received_requests().await.unwrap();
    assert!(sent.is_empty(), "nothing goes to the other one");
}

#[tokio::test]
async fn what_keystone_does_not_answer_is_said_and_passes() {
    for (answer, words) in [
        (
            ResponseTemplate::new(200).set_body_string("<html>"),
            "no x-subject-token",
        ),
        (
            ResponseTemplate::new(201).insert_header("x-subject-token", "t"),
            "line 1, column 0",
        ),
        (token("t", HOUR, "gopher://ironic"), "not an http or https URL"),
    ] {
        let keystone = keystone(in_turn([answer])).await;
        let client = Client::new(Settings {
            attempts: 1,
            ..settings(&keystone)
        })
        .unwrap();
        let error = client.get_node(NODE).await.unwrap_err();
        assert!(error.words().contains(words), "{}", error.words());
        assert_eq!(error.class(), crate::ironic::client::Class::Transient);
    }
}

#[tokio::test]
async fn a_listing_of_an_ironic_below_a_path_keeps_its_query() {
    let ironic = ironic(&[]).await;
    let keystone = keystone(in_turn([token("first", HOUR, &place(&ironic))])).await;
    Mock::given(path("/baremetal/v1/nodes"))
        .respond_with(ResponseTemplate::new(200).set_body_json(json!({"nodes": []})))
        .mount(&ironic)
        .await;
    let rows: Vec<_> = futures::StreamExt::collect(client(&keystone).list_nodes(NodeQuery::default())).await;
    assert!(rows.is_empty());
    let requests = ironic.received_requests().await.unwrap();
    let query = requests.last().unwrap().url.query().unwrap();
    assert!(query.contains("include_children=true"), "{query}");
}
