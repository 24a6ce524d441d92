//! What refusals of a real Ironic, and of what stands in front of it, are taken for.
use proptest::prelude::*;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};

use super::{Fixture, NODE, client, server};
use crate::ironic::client::{Class, Client, Error, Rejection, Settings, words};
use crate::ironic::model::NodeCreate;
use wiremock::matchers::path;
use wiremock::{Mock, ResponseTemplate};

/// A refusal by a fixture.
fn refusal(name: &str) -> (Rejection, String) {
    let fixture = Fixture::read(name);
    let message = words::of(&HeaderMap::new(), &fixture.bytes());
    let effective =
        |(name, _): &(String, String)| name.eq_ignore_ascii_case("x-openstack-ironic-api-version");
    let versioned = fixture.headers.iter().any(effective);
    (Rejection::of(fixture.status, &message, versioned), message)
}

/// Each refusal with its meaning and how its words begin.
const REFUSALS: &[(&str, Rejection, &str)] = &[
    (
        "err-400-bad-driver",
        Rejection::NoValidHost,
        "No valid host was found. Reason: No conductor",
    ),
    (
        "err-400-bad-field",
        Rejection::Invalid,
        "Schema error for node: Additional properties",
    ),
    (
        "err-400-bad-iface",
        Rejection::Invalid,
        "Could not find the following interface",
    ),
    (
        "err-400-bad-target",
        Rejection::InvalidState,
        "The requested action \"bogus\"",
    ),
    (
        "err-400-invalid-transition",
        Rejection::InvalidState,
        "The requested action \"rescue\"",
    ),
    (
        "err-401-basic",
        Rejection::Unauthorized,
        "Incorrect username or password",
    ),
    (
        "err-401-keystone",
        Rejection::Unauthorized,
        "The request you have made requires",
    ),
    (
        "err-403-keystone",
        Rejection::Forbidden,
        "Access was denied to the following resource",
    ),
    ("err-404-path", Rejection::NoSuchRoute, "Not Found"),
    (
        "err-404",
        Rejection::NotFound,
        "Node nosuch-node could not be found.",
    ),
    (
        "err-406",
        Rejection::VersionRefused,
        "Version 1.999 was requested",
    ),
    (
        "err-409-allocation-delete-active",
        Rejection::InvalidState,
        "Cannot remove allocation",
    ),
    (
        "err-409-delete-active",
        Rejection::InvalidState,
        "Can not delete node",
    ),
    ("err-409-delete-deploying", Rejection::Locked, "Node 87a47629"),
    (
        "err-409-dup-mac",
        Rejection::AlreadyExists,
        "A port with MAC address",
    ),
    (
        "err-409-dup-name",
        Rejection::AlreadyExists,
        "A node with name n-94ea7d already exists.",
    ),
    (
        "err-409-instance-uuid",
        Rejection::InstanceAssociated,
        "Node f404f6d4",
    ),
    ("err-409-node-locked-power", Rejection::Locked, "Node cfc35cba"),
    (
        "err-409-node-locked-provision",
        Rejection::Locked,
        "Node cea2dc2a",
    ),
    (
        "err-409-patch-during-transition",
        Rejection::InTransition,
        "Node l1 can not be updated",
    ),
    (
        "err-500-drivers-project-scope",
        Rejection::ScopeRequired,
        "\"baremetal:driver:get\"",
    ),
    (
        "err-500-rebuild-no-image_source",
        Rejection::Server,
        "cannot access local variable",
    ),
    (
        "err-503-concurrency-limit",
        Rejection::Busy,
        "Unable to process request at this time.",
    ),
];

#[test]
fn every_refusal_of_a_real_ironic_is_understood() {
    for (name, rejection, beginning) in REFUSALS.iter().copied() {
        let (found, message) = refusal(name);
        assert_eq!(found, rejection, "{name}: {message}");
        assert!(message.starts_with(beginning), "{name}: {message}");
    }
}

/// Phrases of Ironic's sources that have no fixture.
const PHRASES: &[(u16, &str, Rejection)] = &[
    (
        403,
        "Node n is protected and cannot be undeployed, rebuilt or deleted",
        Rejection::Protected,
    ),
    (
        400,
        "The active operation can't be performed on node n because it's in maintenance mode.",
        Rejection::Maintenance,
    ),
    (
        400,
        "The provide operation can't be performed on node n because it is retired.",
        Rejection::Retired,
    ),
    (
        409,
        "Instance u is already associated with a node, it cannot be associated with this other node n",
        Rejection::InstanceAssociated,
    ),
    (
        409,
        "Node n parent_node p is presently locked and we are unable to perform any action",
        Rejection::Locked,
    ),
    (
        409,
        "Cannot update node \"n\" while it is in state \"inspecting\".",
        Rejection::InTransition,
    ),
    (
        409,
        "Node n can only be made protected in provision states 'active' or 'rescue'",
        Rejection::InvalidState,
    ),
    (
        409,
        "Node n can not have deploy_interface updated unless it is in one of allowed (enroll, manageable) states or in maintenance mode.",
        Rejection::InvalidState,
    ),
    (409, "Something else", Rejection::Conflict),
    (404, "is locked by host", Rejection::NotFound),
    (406, "Request not acceptable.", Rejection::NotAcceptable),
    (413, "Request body too large", Rejection::TooLarge),
    (418, "", Rejection::Invalid),
    (429, "", Rejection::TooMany),
    (502, "", Rejection::Gateway),
    (504, "", Rejection::Gateway),
    (507, "", Rejection::Server),
];

#[test]
fn what_a_phrase_means_depends_on_the_status_too() {
    for (status, words, rejection) in PHRASES.iter().copied() {
        assert_eq!(Rejection::of(status, words, true), rejection, "{status} {words}");
    }
}

#[test]
fn the_words_are_found_in_every_shape_of_body() {
    let shapes = [
        (
            r#"{"error_message": "{\"faultstring\": \"no\", \"faultcode\": \"Client\"}"}"#,
            "no",
        ),
        (r#"{"error_message": {"faultstring": "no"}}"#, "no"),
        (r#"{"error_message": "no"}"#, "no"),
        (r#"{"faultcode": "Client", "faultstring": "no"}"#, "no"),
        (
            r#"{"error": {"code": 401, "title": "Unauthorized", "message": "no"}}"#,
            "no",
        ),
        (r#"{"error": "no"}"#, "no"),
        (
            r#"{"code": 404, "title": "Not Found", "description": "no"}"#,
            "no",
        ),
        (
            r#"{"code": 404, "title": "Not Found", "description": ""}"#,
            "Not Found",
        ),
        (r#"{"errors": [{"status": 400, "detail": "no"}]}"#, "no"),
        ("\"no\"", "no"),
        ("{}", ""),
        ("[]", ""),
        ("null", ""),
        ("", ""),
        ("  upstream\n  timed out ", "upstream timed out"),
        (
            "<html><head><style>b{}</style><script>x</script><title>502 Bad Gateway</title></head><body><h1>nginx</h1></body></html>",
            "502 Bad Gateway nginx",
        ),
        ("<", ""),
        ("<html", "html"),
    ];
    for (body, expected) in shapes {
        assert_eq!(words::of(&HeaderMap::new(), body.as_bytes()), expected, "{body}");
    }
}

/// What is repeated of a refusal.
fn repeated(status: u16, headers: &[(&'static str, &'static str)], body: &str) -> String {
    let header = |(name, value): &(&'static str, &'static str)| {
        (HeaderName::from_static(name), HeaderValue::from_static(value))
    };
    let headers: HeaderMap = headers.iter().map(header).collect();
    let said = words::of(&headers, body.as_bytes());
    words::to_repeat(said, status, &headers, body.as_bytes(), "ironic")
}

#[test]
fn a_redirect_says_where_to_only_if_that_is_the_same_host() {
    let to = |place| repeated(301, &[("location", place)], "<html>moved</html>");
    assert_eq!(
        to("https://ironic:6385/v1?token=hunter2"),
        "redirected to https://ironic:6385, which is not followed"
    );
    for place in ["https://other/hunter2", "/hunter2", "", "hunter2"] {
        let said = to(place);
        assert!(
            said.starts_with("redirected elsewhere") && !said.contains("hunter2"),
            "{said}"
        );
    }
}

#[test]
fn nobody_is_repeated_but_ironic() {
    let id = ("x-openstack-request-id", "req-1");
    let version = ("x-openstack-ironic-api-maximum-version", "1.115");
    let ironics = r#"{"error_message": "{\"faultstring\": \"hunter2\"}"}"#;
    let keystones = r#"{"error": {"code": 500, "message": "hunter2"}}"#;
    for (headers, body, wanted) in [
        (&[version][..], "hunter2", true),
        (&[id][..], ironics, true),
        (&[id][..], keystones, true),
        (&[][..], ironics, false),
        (&[][..], keystones, false),
        (&[id][..], "postgres://me:hunter2@db", false),
        (&[id][..], r#"{"message": "hunter2"}"#, false),
        (
            &[id][..],
            r#"{"error": {"code": 404, "message": "hunter2"}}"#,
            false,
        ),
        (&[id][..], r#"{"error": "hunter2"}"#, false),
        (&[][..], "<html>hunter2</html>", false),
        (&[][..], "", false),
    ] {
        let said = repeated(500, headers, body);
        assert_eq!(said.contains("hunter2"), wanted, "{headers:?} {body}");
        assert!(wanted || said.contains("status 500"), "{said}");
    }
}

#[tokio::test]
async fn what_a_stranger_says_is_nowhere_in_an_error() {
    let strange = [
        ResponseTemplate::new(500).set_body_string("postgres://me:hunter2@db"),
        ResponseTemplate::new(404).set_body_json(serde_json::json!({"message": "hunter2"})),
        ResponseTemplate::new(200).set_body_string("hunter2"),
        ResponseTemplate::new(200).set_body_string(r#"{"uuid": ["hunter2"]}"#),
        ResponseTemplate::new(200).set_body_string(r#"{"uuid": 4711, "hunter2": 1}"#),
        ResponseTemplate::new(302).insert_header("location", "http://hunter2/hunter2"),
    ];
    for answer in strange {
        let server = server().await;
        let told = Mock::given(path(format!("/v1/nodes/{NODE}"))).respond_with(answer);
        told.mount(&server).await;
        let settings = Settings {
            attempts: 1,
            ..Settings::new(server.uri())
        };
        let error = Client::new(settings).unwrap().get_node(NODE).await.unwrap_err();
        let all = format!("{error} {error:?} {}", error.words());
        assert!(!all.contains("hunter2") && !all.contains("4711"), "{all}");
    }
}

proptest! {
    #[test]
    fn any_bytes_can_be_a_body(status: u16, body: Vec<u8>, versioned: bool) {
        let message = words::of(&HeaderMap::new(), &body);
        Rejection::of(status, &message, versioned).class();
    }

    #[test]
    fn any_text_in_any_wrapper_is_cut_to_words(text in "[<>\"{}a-z\\PC]{0,2000}", wrap: bool) {
        let inner = serde_json::json!({"faultstring": text}).to_string();
        let body = if wrap { serde_json::json!({"error_message": inner}).to_string() } else { text };
        let message = words::of(&HeaderMap::new(), body.as_bytes());
        let error = Error::Argument { problem: message };
        prop_assert!(error.words().len() <= 1024);
    }
}

#[tokio::test]
async fn a_refusal_has_ironics_words_and_request_id() {
    let server = server().await;
    let refused = Fixture::read("err-400-bad-driver").answer();
    Mock::given(path("/v1/nodes"))
        .respond_with(refused)
        .mount(&server)
        .await;
    let error = client(&server)
        .create_node(&NodeCreate::default())
        .await
        .unwrap_err();
    assert_eq!(error.class(), Class::Blocked);
    assert_eq!(error.status(), Some(400));
    assert_eq!(
        error.request_id(),
        Some("req-6c49a6ed-c1c0-4092-bf22-c9f1bc58c7a4")
    );
    assert!(error.words().starts_with("No valid host was found."), "{error}");
}

#[tokio::test]
async fn long_words_are_cut_between_characters() {
    let server = server().await;
    let refused = ResponseTemplate::new(400)
        .insert_header("x-openstack-ironic-api-version", "1.95")
        .set_body_string("ä".repeat(3000));
    Mock::given(path(format!("/v1/nodes/{NODE}")))
        .respond_with(refused)
        .mount(&server)
        .await;
    let error = client(&server).get_node(NODE).await.unwrap_err();
    assert_eq!(error.words().len(), 1024);
}
