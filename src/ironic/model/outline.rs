//! What is worth keeping of a node that was read in full.
use bytes::Bytes;
use serde::Deserialize;

use super::row::Row;
use super::{Bmc, Fingerprint, Node, NodeSummary};

/// A node read in full, and forgotten but for this.
///
/// It is read as a [`Node`], one at a time: of a page of a thousand rows never more than one is there in full, which would be several
/// times the page itself.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(from = "Node")]
pub struct NodeOutline {
    /// What a frequent listing asks for.
    pub summary: NodeSummary,
    /// Where its BMC is.
    pub bmc: Option<Bmc>,
    /// All that a person can write to it.
    pub fingerprint: Fingerprint,
}

impl From<Node> for NodeOutline {
    fn from(node: Node) -> Self {
        Self {
            bmc: Bmc::of(&node.driver_info),
            fingerprint: Fingerprint::of(&node),
            summary: NodeSummary::from(&node),
        }
    }
}

/// The same with the text that it was read from, for who wants to read it once more.
#[derive(Clone, Debug, PartialEq)]
pub struct NodeText {
    /// The outline.
    pub outline: NodeOutline,
    /// The node as JSON, a piece of its page; empty where it could not be read as a whole.
    pub text: Bytes,
}

impl From<Node> for NodeText {
    fn from(node: Node) -> Self {
        Self {
            outline: node.into(),
            text: Bytes::new(),
        }
    }
}

impl Row for NodeText {
    fn read(text: &Bytes) -> serde_json::Result<Self> {
        Ok(Self {
            outline: serde_json::from_slice(text)?,
            text: text.clone(),
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn it_is_read_from_a_full_node() {
        let json = json!({
            "uuid": "u", "provision_state": "active", "extra": {"a": {"b": 1}}, "properties": {"cpus": 4},
            "driver_info": {"redfish_address": "https://10.0.0.1"}, "power_state": null,
        });
        let node: Node = serde_json::from_value(json.clone()).unwrap();
        let outline: NodeOutline = serde_json::from_value(json).unwrap();
        assert_eq!(outline.summary, NodeSummary::from(&node));
        assert!(outline.bmc.is_some() && outline.bmc == Bmc::of(&node.driver_info));
        assert_eq!(outline.fingerprint, Fingerprint::of(&node));
        let text = json!({"uuid": "u", "extra": {"x": 1.50}}).to_string();
        let kept = NodeText::read(&text.into()).unwrap();
        let again: Node = serde_json::from_slice(&kept.text).unwrap();
        assert_eq!(kept.outline, NodeOutline::from(again));
    }
}
