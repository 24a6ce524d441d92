//! What is kept of a row of a listing.

use std::sync::Arc;

use bytes::Bytes;

use super::clues::MARK;
use crate::ironic::model::{Bmc, Fingerprint, Node, NodeOutline, NodeSummary, NodeText, Seen, Stamp};

/// What is kept of a node read in detail.
#[derive(Clone, Debug)]
pub struct Detail {
    /// Where its BMC is.
    pub(super) bmc: Option<Bmc>,
    /// All that a person can write to it.
    pub(super) fingerprint: Fingerprint,
}

/// A row of a listing.
pub struct Listed {
    /// The node.
    pub summary: Arc<NodeSummary>,
    /// The stamp of its page.
    pub asked: Stamp,
    /// More of it, if the listing was in detail.
    pub detail: Option<Detail>,
    /// All of it, where that was asked for.
    pub text: Option<Bytes>,
}

/// The longest mark, as JSON, bytes: one that is longer is not ours.
const LONGEST_MARK: usize = 4096;

/// How many times its text JSON takes in memory, at most.
const IN_MEMORY: usize = 10;

/// Of `extra` nothing is kept but the mark: whoever fills it does not fill our memory.
fn without_extra(mut summary: NodeSummary) -> NodeSummary {
    summary
        .extra
        .retain(|key, value| key == MARK && value.to_string().len() <= LONGEST_MARK);
    summary
}

impl Listed {
    /// About how much memory it takes, bytes.
    pub fn weight(&self) -> usize {
        let row = &self.summary;
        let texts = [
            Some(&row.uuid),
            Some(&row.driver),
            row.name.as_ref(),
            row.resource_class.as_ref(),
            row.instance_uuid.as_ref(),
            row.maintenance_reason.as_ref(),
            row.fault.as_ref(),
            row.provision_updated_at.as_ref(),
            row.reservation.as_ref(),
            row.last_error.as_ref(),
        ];
        let texts: usize = texts.into_iter().flatten().map(String::len).sum();
        let mark: usize = row
            .extra
            .values()
            .map(|mark| mark.to_string().len() * IN_MEMORY)
            .sum();
        size_of::<NodeSummary>() + size_of::<Self>() + texts + mark + row.provision_state.as_str().len()
    }
}

impl From<Seen<NodeSummary>> for Listed {
    fn from(seen: Seen<NodeSummary>) -> Self {
        Self {
            summary: Arc::new(without_extra(seen.value)),
            asked: seen.asked,
            detail: None,
            text: None,
        }
    }
}

impl From<Seen<NodeOutline>> for Listed {
    fn from(seen: Seen<NodeOutline>) -> Self {
        let NodeOutline {
            summary,
            bmc,
            fingerprint,
        } = seen.value;
        Self {
            summary: Arc::new(without_extra(summary)),
            asked: seen.asked,
            detail: Some(Detail { bmc, fingerprint }),
            text: None,
        }
    }
}

impl From<Seen<NodeText>> for Listed {
    fn from(seen: Seen<NodeText>) -> Self {
        let NodeText { outline, text } = seen.value;
        Self {
            text: (!text.is_empty()).then_some(text),
            ..Self::from(Seen {
                value: outline,
                asked: seen.asked,
            })
        }
    }
}

impl From<Seen<Node>> for Listed {
    fn from(seen: Seen<Node>) -> Self {
        seen.map(NodeOutline::from).into()
    }
}
