//! Whatever a server says can be read: any bytes, and what a real Ironic says with some of it broken. More of them with
//! `PROPTEST_CASES`.
use std::path::Path;
use std::sync::LazyLock;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};
use reqwest::header::HeaderMap;
use serde_json::{Map, Value, json};

use super::Fixture;
use crate::ironic::client::{Error, Rejection, words};
use crate::ironic::model::{Node, NodeSummary, ProvisionState};

/// The bodies of all recorded answers whose names begin so.
fn bodies(prefix: &str) -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/ironic");
    let names = std::fs::read_dir(folder).unwrap().map(|entry| {
        let path = entry.unwrap().path();
        path.file_stem().unwrap().to_string_lossy().into_owned()
    });
    let mut names: Vec<_> = names.filter(|name| name.starts_with(prefix)).collect();
    names.sort_unstable();
    names.iter().map(|name| Fixture::read(name).bytes()).collect()
}

static REFUSALS: LazyLock<Vec<Vec<u8>>> = LazyLock::new(|| bodies("err-"));
static NODES: LazyLock<Vec<Vec<u8>>> = LazyLock::new(|| bodies("node-"));

/// A body with some of its bytes replaced, doubled or cut off.
fn broken(bodies: &'static [Vec<u8>]) -> impl Strategy<Value = Vec<u8>> {
    let damage = (any::<Index>(), any::<u8>(), 0..4_u8);
    (select(bodies), vec(damage, 0..6)).prop_map(|(mut body, damages)| {
        for (at, byte, kind) in damages {
            let at = at.index(body.len() + 1);
            match kind {
                0 => body.truncate(at),
                1 => body.insert(at, byte),
                2 => body.extend_from_within(..at.min(200)),
                _ => body.iter_mut().skip(at).take(1).for_each(|old| *old = byte),
            }
        }
        body
    })
}

/// Any JSON, whose objects like the names that refusals and nodes have.
fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        // serde_json reads the last bit of a long fraction as it likes.
        any::<i32>().prop_map(|eighths| Value::from(f64::from(eighths) / 8.0)),
        "\\PC{0,40}".prop_map(Value::from),
    ];
    let name = prop_oneof![
        select(
            &[
                "error_message",
                "error",
                "errors",
                "faultstring",
                "message",
                "description",
                "title",
                "detail"
            ][..]
        )
        .prop_map(str::to_owned),
        select(NodeSummary::FIELDS).prop_map(str::to_owned),
        "[a-z_]{0,12}",
    ];
    leaf.prop_recursive(5, 60, 6, move |inner| {
        prop_oneof![
            vec(inner.clone(), 0..6).prop_map(Value::from),
            vec((name.clone(), inner.clone()), 0..6)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
            // As Ironic nests: JSON in a string.
            inner.prop_map(|inner| Value::String(inner.to_string())),
        ]
    })
}

/// What a refusal is taken for; its words are no longer than the body lets them be.
fn check_refusal(status: u16, body: &[u8]) -> Result<(), TestCaseError> {
    let message = words::of(&HeaderMap::new(), body);
    // A byte that is not UTF-8 is shown as a character of three.
    prop_assert!(message.len() <= 3 * body.len());
    Rejection::of(status, &message, false).class();
    prop_assert!(Error::argument(message).words().len() <= 1024);
    Ok(())
}

/// What can be read can be written, and read again for the same.
fn check_node(body: &[u8]) -> Result<(), TestCaseError> {
    if let Ok(node) = serde_json::from_slice::<Node>(body) {
        let again = serde_json::to_vec(&node).unwrap();
        prop_assert_eq!(&serde_json::from_slice::<Node>(&again).unwrap(), &node);
        let _summary = NodeSummary::from(&node);
    }
    let _row: Result<NodeSummary, _> = serde_json::from_slice(body);
    Ok(())
}

#[test]
fn there_is_something_to_break() {
    assert!(REFUSALS.len() > 20 && NODES.len() > 20);
    for body in NODES.iter() {
        assert!(body.len() > 2);
    }
}

proptest! {
    #[test]
    fn a_broken_refusal_is_a_refusal(status: u16, body in broken(&REFUSALS)) {
        check_refusal(status, &body)?;
    }

    #[test]
    fn any_json_is_a_refusal(status: u16, body in any_json()) {
        check_refusal(status, body.to_string().as_bytes())?;
    }

    #[test]
    fn a_broken_node_is_a_node_or_an_error(body in broken(&NODES)) {
        check_node(&body)?;
    }

    #[test]
    fn any_json_is_a_node_or_an_error(body in any_json()) {
        check_node(body.to_string().as_bytes())?;
    }

    #[test]
    fn what_a_node_has_beyond_its_fields_is_kept(body in select(NODES.as_slice()), name in "x_[a-z]{1,12}", value in any_json()) {
        let mut json: Map<String, Value> = serde_json::from_slice(&body).unwrap_or_default();
        json.insert(name.clone(), value.clone());
        let node: Node = serde_json::from_value(Value::Object(json)).unwrap();
        prop_assert_eq!(node.other.get(&name), Some(&value));
        let written = serde_json::to_value(&node).unwrap();
        prop_assert_eq!(&written[&name], &value);
    }

    #[test]
    fn any_state_keeps_its_spelling(state in "\\PC{0,30}") {
        let json = json!(state);
        let read: ProvisionState = serde_json::from_value(json.clone()).unwrap();
        prop_assert_eq!(serde_json::to_value(&read).unwrap(), json);
    }
}
