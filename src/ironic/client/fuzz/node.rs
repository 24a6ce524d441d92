//! Nodes.
use serde_json::Value;

use super::super::call::Answer;
use super::super::routes::NODE_GET;
use super::tells;
use crate::ironic::model::{Node, NodeSummary, Stamp};

/// A node, in full and as a row of a narrow listing.
///
/// # Panics
///
/// If what was read cannot be written and read again for the same, if both readings do not agree, or if the error of one that
/// cannot be read quotes it: credentials could be among it.
pub fn node(body: &[u8]) {
    let answer = Answer {
        status: 200,
        body: body.to_vec().into(),
        asked: Stamp::default(),
        place: None,
    };
    let row = answer.json::<NodeSummary>(&NODE_GET);
    match answer.json::<Node>(&NODE_GET) {
        Ok(node) => {
            same_again(&node, body);
            if let Ok(row) = row {
                assert_eq!(NodeSummary::from(&node), row);
            }
        }
        Err(error) => {
            assert_eq!(error.status(), Some(200));
            assert!(!tells(&format!("{error} {error:?}")), "the node is quoted");
        }
    }
}

/// Writes and reads once more.
fn same_again(node: &Node, body: &[u8]) {
    let written = serde_json::to_vec(node);
    assert!(written.is_ok(), "{written:?}");
    let again = serde_json::from_slice::<Node>(&written.unwrap_or_default());
    assert!(again.is_ok(), "{again:?}");
    if is_exact(body) {
        assert_eq!(&again.unwrap_or_default(), node);
    }
}

/// Whether the JSON itself can be written and read for the same: `serde_json` reads the last bit of a long fraction as it likes.
fn is_exact(body: &[u8]) -> bool {
    let read = |body: &[u8]| serde_json::from_slice::<Value>(body).ok();
    let json = read(body);
    json.is_some() && read(json.as_ref().map(Value::to_string).unwrap_or_default().as_bytes()) == json
}
