//! The nodes as the last listing in detail had them, kept for a while for those who compare one with its spec for the first time.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;

use super::listed::Listed;
use super::listing::Depth;
use super::observer::{Observer, State};
use crate::ironic::model::{Node, NodeSummary};

/// How long they are kept.
const AGE: Duration = Duration::from_mins(1);

/// Texts by node, pieces of the pages that they came with.
#[derive(Default)]
pub struct Texts {
    texts: HashMap<String, Text>,
    read: Option<Instant>,
    /// What the pages take, bytes.
    pub(super) weight: usize,
}

struct Text {
    /// The row as it was then; as long as that is the same object, the row is unchanged.
    row: Option<Arc<NodeSummary>>,
    text: Bytes,
}

impl Texts {
    /// Takes the texts out of the rows of a listing.
    pub fn of(rows: &mut [Listed]) -> Self {
        let text = |row: &mut Listed| {
            let text = row.text.take()?;
            Some((row.summary.uuid.clone(), Text { row: None, text }))
        };
        let texts: HashMap<_, _> = rows.iter_mut().filter_map(text).collect();
        Self {
            weight: texts.values().map(|Text { text, .. }| text.len()).sum(),
            texts,
            read: Some(Instant::now()),
        }
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.texts.is_empty()
    }
}

impl State {
    /// How much of each node to list.
    pub(super) fn depth(&self, in_detail: bool) -> Depth {
        match (in_detail, self.interest.first_ones()) {
            (false, _) => Depth::Rows,
            (true, 0) => Depth::Detail,
            (true, _) => Depth::Texts,
        }
    }

    /// Keeps the texts of a listing that was taken in. What nobody has asked for within a while nobody will.
    pub(super) fn keep_texts(&mut self, mut texts: Texts, depth: Depth) {
        let old = self.texts.read.is_none_or(|read| read.elapsed() > AGE);
        if depth == Depth::Texts {
            for (id, text) in &mut texts.texts {
                text.row = self.snapshot.by_id(id).cloned();
            }
            self.texts = texts;
        } else if old || self.interest.first_ones() == 0 {
            self.texts = Texts::default();
        }
    }
}

impl Observer {
    /// The node as the last listing in detail had it, once, unless its row has changed or it was written since. It is good for finding that
    /// nothing is to be done.
    pub fn take_text(&self, id: &str) -> Option<Node> {
        let mut state = self.state();
        let Text { row, text } = state.texts.texts.remove(id)?;
        let now = state.snapshot.by_id(id).filter(|_| !state.snapshot.is_stale(id));
        let same = now.zip(row).is_some_and(|(now, then)| Arc::ptr_eq(now, &then));
        drop(state);
        serde_json::from_slice(&text).ok().filter(|_| same)
    }
}
