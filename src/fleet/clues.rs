//! What a node is found by, without looking at every row.

use std::sync::{Arc, MutexGuard};

use super::observer::{Observer, State};
use crate::ironic::model::{Bmc, NodeSummary, Stamp};

/// The key of `extra` under which a node says which object it belongs to.
pub const MARK: &str = "ironwright";

/// Something that few nodes share.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Clue<'a> {
    /// Its name.
    Name(&'a str),
    /// Where its BMC is ([`Bmc::place`]). There may be several machines at one place.
    Bmc(&'a str),
    /// Namespace and name of the object that its mark names, of whichever cluster and uid.
    Object(&'a str, &'a str),
    /// The uid of the object that its mark names.
    Uid(&'a str),
}

impl<'a> Clue<'a> {
    /// All that a node is found by.
    pub fn of(row: &'a NodeSummary, bmc: Option<&'a Bmc>) -> [Option<Self>; 4] {
        let mark = row.extra.get(MARK);
        let told = |part: &str| mark?.get(part)?.as_str();
        let object = told("namespace").zip(told("name"));
        [
            row.name.as_deref().map(Clue::Name),
            bmc.map(|bmc| Clue::Bmc(bmc.place())),
            object.map(|(namespace, name)| Clue::Object(namespace, name)),
            told("uid").map(Clue::Uid),
        ]
    }
}

impl Observer {
    /// Which observer of this process it is: no other ever has the same.
    pub fn serial(&self) -> u64 {
        self.serial
    }

    /// Whether a complete listing has begun after this, and told of every BMC.
    pub fn has_listed_since(&self, stamp: Stamp) -> bool {
        self.state().snapshot.tells_every_bmc_since(stamp)
    }

    /// Whether every node that was there when this one came to its BMC is known with its own. If not, a look that tells begins soon.
    pub fn knows_rivals_of(&self, id: &str) -> bool {
        let state = self.state();
        let placed = state.snapshot.placed(id);
        self.tells_every_bmc_since(state, placed, false)
    }

    /// Whether every node that was there by then is known with its BMC. If not, a look begins soon, in detail if it must be.
    pub(super) fn tells_every_bmc_since(
        &self,
        mut state: MutexGuard<'_, State>,
        stamp: Stamp,
        prefers_detail: bool,
    ) -> bool {
        let told = state.snapshot.tells_every_bmc_since(stamp);
        if !told {
            if prefers_detail || !state.snapshot.knows_every_bmc() {
                state.swept = None;
            }
            drop(state);
            self.look_soon();
        }
        told
    }

    /// The row of a node, be it older than our last write to it.
    pub fn by_id(&self, id: &str) -> Option<Arc<NodeSummary>> {
        self.state().snapshot.by_id(id).cloned()
    }

    /// The nodes of this name: one at most, but for one that was renamed while it was looked at.
    pub fn by_name(&self, name: &str) -> Vec<Arc<NodeSummary>> {
        self.state().snapshot.by_name(name).cloned().collect()
    }

    /// The nodes of the machine at this BMC.
    pub fn by_bmc(&self, bmc: &Bmc) -> Vec<Arc<NodeSummary>> {
        self.state().snapshot.by_bmc(bmc).cloned().collect()
    }

    /// The nodes whose mark names an object: [`Clue::Object`] or [`Clue::Uid`].
    pub fn by_mark(&self, object: Clue<'_>) -> Vec<Arc<NodeSummary>> {
        self.state().snapshot.by_mark(object).cloned().collect()
    }
}
