//! What is known of every node of one Ironic, each row with the stamp of the request that read it.

use std::collections::HashMap;
use std::sync::Arc;

use super::clues::Clue;
use super::listed::{Detail, Listed};
use crate::buckets::Buckets;
use crate::ironic::model::{Bmc, Fingerprint, NodeSummary, Stamp, Trouble};

/// What the snapshot tells of one node.
#[derive(Clone, Debug, PartialEq)]
pub enum Sight {
    /// Its row, and the fingerprint of the whole node as far as a reading in detail has told.
    Row(Arc<NodeSummary>, Option<Fingerprint>),
    /// Its row is older than our last write to it.
    Stale,
    /// It is not in the list: no evidence of anything yet.
    Unlisted,
}

/// A node as last read.
#[derive(Clone, Debug)]
struct Row {
    summary: Arc<NodeSummary>,
    asked: Stamp,
    /// What the newest reading in detail has told.
    detail: Option<(Stamp, Detail)>,
    /// Since when its BMC is known to be this one.
    placed: Stamp,
}

impl Row {
    fn bmc(&self) -> Option<&Bmc> {
        self.detail.as_ref()?.1.bmc.as_ref()
    }

    fn fingerprint(&self) -> Option<Fingerprint> {
        self.detail.as_ref().map(|(_, detail)| detail.fingerprint)
    }

    fn clues(&self) -> impl Iterator<Item = Clue<'_>> {
        Clue::of(&self.summary, self.bmc()).into_iter().flatten()
    }

    /// Whether the name, the BMC or the mark is another now, so that somebody else may have the former.
    fn frees(&self, now: &Self) -> bool {
        self.clues().any(|clue| now.clues().all(|kept| kept != clue))
    }
}

/// Every node, newest reading each.
#[derive(Default)]
pub struct Snapshot {
    rows: HashMap<Arc<str>, Row>,
    /// The rows by what they are found by.
    found: Buckets<Arc<str>>,
    /// How many rows were never read in detail.
    narrow: usize,
    /// Readings below a node's floor were asked before our last write to it had ended.
    floors: HashMap<String, Stamp>,
    listed: bool,
    /// How often a row has gone, or a name or a BMC has become free, so far.
    removals: u64,
    /// How many listings were taken in so far, and when the last of them began.
    listings: u64,
    began: Stamp,
    /// When the last of those in detail began, if there was one.
    swept: Option<Stamp>,
}

impl Snapshot {
    /// Whether every node was listed once, in detail: only then does it mean anything that a machine is not there.
    pub fn is_complete(&self) -> bool {
        self.listed && self.swept.is_some()
    }

    /// Takes in a complete listing that began at `began`.
    pub fn list(&mut self, began: Stamp, listing: Vec<Listed>, in_detail: bool) {
        self.listed = true;
        self.listings += 1;
        self.began = self.began.max(began);
        if in_detail {
            self.swept = self.swept.max(Some(began));
        }
        let mut gone: HashMap<_, _> = self
            .rows
            .iter()
            .map(|(id, row)| (Arc::clone(id), row.asked))
            .collect();
        for row in listing {
            gone.remove(row.summary.uuid.as_str());
            self.take(row);
        }
        // What was read after the listing began may have been created after its page went by.
        for (id, asked) in gone {
            if asked < began {
                self.drop_row(&id);
            }
        }
        let rows = &self.rows;
        self.floors.retain(|id, _| rows.contains_key(id.as_str()));
    }

    /// Takes in one reading, unless a newer one is known. What it tells in detail may be news all the same.
    pub fn take(&mut self, row: Listed) {
        let known = self.rows.remove_entry(row.summary.uuid.as_str());
        let detail = row.detail.map(|detail| (row.asked, detail));
        let Some((id, known)) = known else {
            let id = Arc::from(row.summary.uuid.as_str());
            return self.put(
                id,
                Row {
                    summary: row.summary,
                    asked: row.asked,
                    detail,
                    placed: row.asked,
                },
            );
        };
        let newer = |(asked, _): &(Stamp, Detail)| *asked <= row.asked;
        let late = known.asked > row.asked;
        let detail = match detail {
            Some(detail) if !late || known.detail.as_ref().is_none_or(newer) => Some(detail),
            Some(_) | None => known.detail.clone(),
        };
        // An unchanged row keeps its allocation: whoever holds it sees by address that nothing changed.
        let (summary, asked) = if late || known.summary == row.summary {
            (Arc::clone(&known.summary), known.asked.max(row.asked))
        } else {
            (row.summary, row.asked)
        };
        let mut now = Row {
            summary,
            asked,
            detail,
            placed: known.placed,
        };
        if now.bmc() != known.bmc() {
            now.placed = row.asked;
        }
        self.exchange(id, &known, now);
    }

    /// Puts a row in place of another of the same node.
    fn exchange(&mut self, id: Arc<str>, before: &Row, now: Row) {
        if Arc::ptr_eq(&before.summary, &now.summary) && before.bmc() == now.bmc() {
            self.narrow -= usize::from(before.detail.is_none() && now.detail.is_some());
            self.rows.insert(id, now);
            return;
        }
        let frees = before.frees(&now);
        self.forget(&id, before);
        self.put(id, now);
        self.removals += u64::from(frees);
    }

    fn put(&mut self, id: Arc<str>, row: Row) {
        self.narrow += usize::from(row.detail.is_none());
        for clue in row.clues() {
            self.found.put(self.found.hash(&clue), Arc::clone(&id));
        }
        self.rows.insert(id, row);
    }

    /// The row is not, or no longer, among the rows.
    fn forget(&mut self, id: &Arc<str>, row: &Row) {
        self.narrow -= usize::from(row.detail.is_none());
        for clue in row.clues() {
            self.found.take(self.found.hash(&clue), id);
        }
    }

    fn drop_row(&mut self, id: &str) {
        if let Some((id, row)) = self.rows.remove_entry(id) {
            self.forget(&id, &row);
            self.removals += 1;
        }
    }

    /// A write to the node ended before the request stamped `floor` was started.
    pub fn raise_floor(&mut self, id: &str, floor: Stamp) {
        let known = self.floors.entry(id.to_owned()).or_default();
        *known = floor.max(*known);
    }

    /// The node was removed.
    pub fn remove(&mut self, id: &str) {
        self.drop_row(id);
        self.floors.remove(id);
    }

    /// How often a row has gone, or its name or BMC changed, so far: a machine or a name may be free now.
    pub fn removals(&self) -> u64 {
        self.removals
    }

    /// What is known of a node.
    pub fn sight(&self, id: &str) -> Sight {
        match self.rows.get(id) {
            Some(row) if self.floors.get(id).is_none_or(|floor| row.asked >= *floor) => {
                Sight::Row(Arc::clone(&row.summary), row.fingerprint())
            }
            Some(_) => Sight::Stale,
            None => Sight::Unlisted,
        }
    }

    /// How many nodes there are.
    pub fn size(&self) -> usize {
        self.rows.len()
    }

    /// Whether the row of a node is older than our last write to it.
    pub fn is_stale(&self, id: &str) -> bool {
        self.sight(id) == Sight::Stale
    }

    /// Every node with its BMC, where that is known.
    pub fn rows(&self) -> impl Iterator<Item = (&Arc<NodeSummary>, Option<&Bmc>)> {
        self.rows.values().map(|row| (&row.summary, row.bmc()))
    }

    /// What is wrong with its nodes, each once.
    pub fn troubles(&self) -> Vec<Trouble> {
        self.rows().filter_map(|(node, _)| Trouble::of(node)).collect()
    }

    /// The BMC of a node, as far as a reading in detail has told.
    pub fn bmc(&self, id: &str) -> Option<&Bmc> {
        self.rows.get(id)?.bmc()
    }

    /// Whether every node was read in detail once: only then is it known whose BMC is whose.
    pub fn knows_every_bmc(&self) -> bool {
        self.narrow == 0
    }

    /// Whether every node that was there at this stamp has a row, and its BMC is known. While others go on enrolling machines there is
    /// always one that was not read in detail yet; of those that were there a listing in detail has told all the same.
    pub fn tells_every_bmc_since(&self, stamp: Stamp) -> bool {
        let swept = self.swept.is_some_and(|swept| swept > stamp);
        swept || (self.knows_every_bmc() && self.listed_since(stamp))
    }

    /// Since when a node is known to be where it is: who enrols the same machine after that finds it there.
    pub fn placed(&self, id: &str) -> Stamp {
        self.rows.get(id).map(|row| row.placed).unwrap_or_default()
    }

    /// The row of a node, be it older than our last write to it.
    pub fn by_id(&self, id: &str) -> Option<&Arc<NodeSummary>> {
        self.rows.get(id).map(|row| &row.summary)
    }

    /// The nodes of this name. Ironic has one at most, but rows are of different times.
    pub fn by_name<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Arc<NodeSummary>> {
        self.having(Clue::Name(name)).map(|row| &row.summary)
    }

    /// The nodes of the machine at this BMC.
    pub fn by_bmc<'a>(&'a self, bmc: &'a Bmc) -> impl Iterator<Item = &'a Arc<NodeSummary>> {
        let same = |row: &&Row| row.bmc().is_some_and(|other| other.may_be_same(bmc));
        self.having(Clue::Bmc(bmc.place()))
            .filter(same)
            .map(|row| &row.summary)
    }

    /// The nodes whose mark names an object: [`Clue::Object`] or [`Clue::Uid`].
    pub fn by_mark<'a>(&'a self, object: Clue<'a>) -> impl Iterator<Item = &'a Arc<NodeSummary>> {
        self.having(object).map(|row| &row.summary)
    }

    fn having<'a>(&'a self, clue: Clue<'a>) -> impl Iterator<Item = &'a Row> {
        let found = self.found.get(self.found.hash(&clue));
        found
            .filter_map(|id| self.rows.get(id))
            .filter(move |row| row.clues().any(|known| known == clue))
    }

    /// How many listings were taken in so far.
    pub fn listings(&self) -> u64 {
        self.listings
    }

    /// Whether a complete listing has begun after this stamp.
    pub fn listed_since(&self, stamp: Stamp) -> bool {
        self.began > stamp
    }

    /// Whether a reading newer than some write is still awaited.
    pub fn awaits_reading(&self) -> bool {
        self.floors
            .iter()
            .any(|(id, floor)| self.rows.get(id.as_str()).is_some_and(|row| row.asked < *floor))
    }
}

#[cfg(test)]
#[path = "snapshot_tests.rs"]
mod tests;
