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
