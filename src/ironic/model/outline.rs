//! What is worth keeping of a node that was read in full.
use serde::Deserialize;

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
    }
}
