//! What drivers have of their own, on a real Ironic.

#![cfg(test)]

use ironwright::ironic::client::{Client, Error, Result, VendorAnswer, VendorVerb};
use ironwright::ironic::model::{InterfaceKind, NodeCreate};
use ironwright_stack::proxy::{Action, Answer};
use serde_json::{Value, json};

use crate::client_lab::{LONG, Lab, object};
use crate::openstack::{Doors, client};

const VERBS: [(VendorVerb, &str); 5] = [
    (VendorVerb::Get, "GET"),
    (VendorVerb::Post, "POST"),
    (VendorVerb::Put, "PUT"),
    (VendorVerb::Patch, "PATCH"),
    (VendorVerb::Delete, "DELETE"),
];
const NODE: &str = "/v1/nodes/{}/vendor_passthru/{}";

/// A node whose driver has methods that answer, and a client that waits for its lock.
async fn scene(name: &'static str) -> (Lab, Client, String) {
    let lab = Lab::new(name).await;
    let draft = NodeCreate {
        interfaces: [(InterfaceKind::Vendor, "testkit".to_owned())].into(),
        ..lab.draft("n", &json!({}))
    };
    let node = lab.client.create_node(&draft).await.expect("a node").value.uuid;
    lab.proxy.clear_log();
    let patient = lab.client.retry_on_conflict(LONG);
    (lab, patient, node)
}

/// Calls a method of a node's.
async fn on_node(
    client: &Client,
    node: &str,
    verb: VendorVerb,
    method: &str,
    with: Value,
) -> Result<VendorAnswer> {
    let with = object(with);
    client.call_node_vendor_method(node, verb, method, &with).await
}

/// Calls a method of a driver's.
async fn on_driver(
    client: &Client,
    driver: &str,
    verb: VendorVerb,
    method: &str,
    with: Value,
) -> Result<VendorAnswer> {
    let with = object(with);
    client
        .call_driver_vendor_method(driver, verb, method, &with)
        .await
}

/// What Ironic says no with.
fn refusal(answer: Result<VendorAnswer>) -> (Option<u16>, String) {
    let error = answer.expect_err("it is refused");
    (error.status(), error.words().into_owned())
}

#[tokio::test]
async fn methods_of_a_node_are_called_with_any_verb() {
    let (lab, client, node) = scene("vendor-node").await;
    for (verb, name) in VERBS {
        for arguments in [json!({}), json!({"a": {"b": [1, null]}, "c": "ü"})] {
            let answer = on_node(&client, &node, verb, "echo", arguments.clone()).await;
            let said = json!({"verb": name, "arguments": arguments});
            assert_eq!(answer.unwrap(), VendorAnswer::Returned(said));
        }
        let begun = on_node(&client, &lab.name("n"), verb, "begin", json!({})).await;
        assert_eq!(begun.unwrap(), VendorAnswer::Begun);
    }
    let with = |method, bar| on_node(&client, &node, VendorVerb::Post, method, bar);
    for (method, bar, answer) in [
        ("second_method", "kazoo", VendorAnswer::Begun),
        ("third_method_sync", "meow", VendorAnswer::Returned(true.into())),
        ("third_method_sync", "woof", VendorAnswer::Returned(false.into())),
        ("fourth_method_shared_lock", "woof", VendorAnswer::Begun),
    ] {
        assert_eq!(
            with(method, json!({"bar": bar})).await.unwrap(),
            answer,
            "{method}"
        );
    }
    for (method, bar, words) in [
        ("fifth", json!({}), "No handler for method fifth"),
        (
            "second_method",
            json!({}),
            "Parameter 'bar' not passed to method 'second_method'.",
        ),
    ] {
        let refused = with(method, bar).await;
        assert_eq!(refusal(refused), (Some(400), words.to_owned()));
    }
    let get = on_node(&client, &node, VendorVerb::Get, "second_method", json!({})).await;
    let words = "The method second_method does not support HTTP GET".to_owned();
    assert_eq!(refusal(get), (Some(400), words));
    let nobody = on_node(&client, "vendor-nobody", VendorVerb::Get, "echo", json!({})).await;
    assert!(nobody.expect_err("no such node").is_not_found());
    let listing = on_node(&client, &node, VendorVerb::Get, "methods", json!({})).await;
    assert!(matches!(listing, Err(Error::Argument { .. })), "{listing:?}");
    let methods = client.list_node_vendor_methods(&node).await.unwrap();
    let third = &methods["third_method_sync"];
    assert_eq!(third.http_methods, ["POST"]);
}

#[tokio::test]
async fn a_method_that_may_have_been_begun_is_not_called_again() {
    let (lab, client, node) = scene("vendor-again").await;
    let count = |name| lab.proxy.count(name, NODE);
    for (verb, name) in VERBS {
        let lost = lab.proxy.when(name, NODE).then(Action::DropAfter);
        let answer = on_node(&client, &node, verb, "begin", json!({})).await;
        let error = answer.expect_err("nobody knows");
        assert!(matches!(error, Error::Transport { sent: true, .. }), "{error:?}");
        lab.proxy.remove(lost);
        let failed = Action::Answer(Answer::ironic_error(502, "The proxy got no answer."));
        let failed = lab.proxy.when(name, NODE).then(failed);
        let answer = on_node(&client, &node, verb, "begin", json!({})).await;
        assert_eq!(refusal(answer).0, Some(502));
        assert_eq!(count(name), 2, "one each");
        lab.proxy.remove(failed);

        // What Ironic did not take on is called again.
        let busy = Answer::ironic_error(503, "Requested action cannot be performed: no free worker.");
        lab.proxy.when(name, NODE).nth(1).then(Action::Answer(busy));
        let answer = on_node(&client, &node, verb, "begin", json!({})).await;
        assert_eq!(answer.unwrap(), VendorAnswer::Begun);
        assert_eq!(count(name), 4);
    }
}

#[tokio::test]
async fn methods_of_a_driver_need_no_node() {
    let doors = Doors::new("vendor-driver").await;
    let client = client(&doors.system());
    for (verb, name) in VERBS {
        let arguments = json!({"a": {"b": [1, null]}});
        let answer = on_driver(&client, "testkit", verb, "echo", arguments.clone()).await;
        let said = json!({"verb": name, "arguments": arguments});
        assert_eq!(answer.unwrap(), VendorAnswer::Returned(said));
        let begun = on_driver(&client, "testkit", verb, "begin", json!({})).await;
        assert_eq!(begun.unwrap(), VendorAnswer::Begun);
    }
    let methods = client.list_driver_vendor_methods("testkit").await.unwrap();
    let names: Vec<_> = methods.keys().map(String::as_str).collect();
    assert_eq!(names, ["begin", "echo"]);
    let all: Vec<_> = VERBS.iter().map(|(_, name)| *name).collect();
    assert_eq!(methods["echo"].http_methods, all);

    let no = json!({"refuse": "not today"});
    let refused = on_driver(&client, "testkit", VendorVerb::Put, "echo", no).await;
    assert_eq!(refusal(refused), (Some(400), "not today".to_owned()));
    let none = on_driver(&client, "fake-hardware", VendorVerb::Get, "echo", json!({})).await;
    let words = "No handler for method echo".to_owned();
    assert_eq!(refusal(none), (Some(400), words));
    let unknown = on_driver(&client, "levitation", VendorVerb::Get, "echo", json!({})).await;
    assert!(unknown.expect_err("no such driver").is_not_found());
}
