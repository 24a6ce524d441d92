//! What is known of every node of one Ironic, each row with the stamp of the request that read it.

use std::collections::HashMap;
use std::sync::Arc;

use crate::ironic::model::{Bmc, Fingerprint, Node, NodeOutline, NodeSummary, Seen, Stamp};

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
}

/// What is kept of a node read in detail.
#[derive(Clone, Debug)]
pub struct Detail {
    /// Where its BMC is.
    bmc: Option<Bmc>,
    /// All that a person can write to it.
    fingerprint: Fingerprint,
}

impl Row {
    fn bmc(&self) -> Option<&Bmc> {
        self.detail.as_ref()?.1.bmc.as_ref()
    }

    fn fingerprint(&self) -> Option<Fingerprint> {
        self.detail.as_ref().map(|(_, detail)| detail.fingerprint)
    }
}

/// A row of a listing.
pub struct Listed {
    /// The node.
    pub summary: Arc<NodeSummary>,
    /// The stamp of its page.
    pub asked: Stamp,
    /// More of it, if the listing was in detail.
    pub detail: Option<Detail>,
}

impl From<Seen<NodeSummary>> for Listed {
    fn from(seen: Seen<NodeSummary>) -> Self {
        Self {
            summary: Arc::new(seen.value),
            asked: seen.asked,
            detail: None,
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
            summary: Arc::new(summary),
            asked: seen.asked,
            detail: Some(Detail { bmc, fingerprint }),
        }
    }
}

impl From<Seen<Node>> for Listed {
    fn from(seen: Seen<Node>) -> Self {
        seen.map(NodeOutline::from).into()
    }
}

/// Every node, newest reading each.
#[derive(Default)]
pub struct Snapshot {
    rows: HashMap<String, Row>,
    /// Readings below a node's floor were asked before our last write to it had ended.
    floors: HashMap<String, Stamp>,
    listed: bool,
    /// How many rows have gone so far.
    removals: u64,
    /// How many listings were taken in so far, and when the last of them began.
    listings: u64,
    began: Stamp,
    swept: bool,
}

impl Snapshot {
    /// Whether every node was listed once, in detail: only then does it mean anything that a machine is not there.
    pub fn is_complete(&self) -> bool {
        self.listed && self.swept
    }

    /// Takes in a complete listing that began at `began`.
    pub fn list(&mut self, began: Stamp, listing: Vec<Listed>, in_detail: bool) {
        self.listed = true;
        self.listings += 1;
        self.began = self.began.max(began);
        self.swept |= in_detail;
        let mut gone: HashMap<String, Stamp> = self
            .rows
            .iter()
            .map(|(id, row)| (id.clone(), row.asked))
            .collect();
        for row in listing {
            gone.remove(&row.summary.uuid);
            self.take(row);
        }
        // What was read after the listing began may have been created after its page went by.
        for (id, asked) in gone {
            if asked < began {
                self.rows.remove(&id);
                self.removals += 1;
            }
        }
        self.floors.retain(|id, _| self.rows.contains_key(id));
    }

    /// Takes in one reading, unless a newer one is known. What it tells in detail may be news all the same.
    pub fn take(&mut self, row: Listed) {
        let id = row.summary.uuid.clone();
        let known = self.rows.get_mut(&id);
        let detail = row.detail.map(|detail| (row.asked, detail));
        let newer = |known: &Row| known.detail.as_ref().is_none_or(|(asked, _)| *asked <= row.asked);
        let known = match known {
            Some(known) if known.asked > row.asked => {
                if detail.is_some() && newer(known) {
                    known.detail = detail;
                }
                return;
            }
            known => known,
        };
        let detail = detail.or_else(|| known.as_ref()?.detail.clone());
        // An unchanged row keeps its allocation: whoever holds it sees by address that nothing changed.
        let summary = match known {
            Some(known) if known.summary == row.summary => Arc::clone(&known.summary),
            Some(_) | None => row.summary,
        };
        self.rows.insert(
            id,
            Row {
                summary,
                asked: row.asked,
                detail,
            },
        );
    }

    /// A write to the node ended before the request stamped `floor` was started.
    pub fn raise_floor(&mut self, id: &str, floor: Stamp) {
        let known = self.floors.entry(id.to_owned()).or_default();
        *known = floor.max(*known);
    }

    /// The node was removed.
    pub fn remove(&mut self, id: &str) {
        self.removals += u64::from(self.rows.remove(id).is_some());
        self.floors.remove(id);
    }

    /// How many rows have gone so far: a machine or a name may be free now.
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

    /// Every node with its BMC, where that is known.
    pub fn rows(&self) -> impl Iterator<Item = (&Arc<NodeSummary>, Option<&Bmc>)> {
        self.rows.values().map(|row| (&row.summary, row.bmc()))
    }

    /// The BMC of a node, as far as a reading in detail has told.
    pub fn bmc(&self, id: &str) -> Option<&Bmc> {
        self.rows.get(id)?.bmc()
    }

    /// Whether every node was read in detail once: only then is it known whose BMC is whose.
    pub fn knows_every_bmc(&self) -> bool {
        self.rows.values().all(|row| row.detail.is_some())
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
            .any(|(id, floor)| self.rows.get(id).is_some_and(|row| row.asked < *floor))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ironic::model::ProvisionState;

    fn listed(id: &str, state: ProvisionState, asked: u64) -> Listed {
        let summary = NodeSummary {
            uuid: id.to_owned(),
            provision_state: state,
            ..NodeSummary::default()
        };
        Listed {
            summary: Arc::new(summary),
            asked: Stamp::new(asked),
            detail: None,
        }
    }

    fn state(snapshot: &Snapshot, id: &str) -> Option<ProvisionState> {
        match snapshot.sight(id) {
            Sight::Row(row, _) => Some(row.provision_state.clone()),
            Sight::Stale | Sight::Unlisted => None,
        }
    }

    #[test]
    fn an_older_reading_never_replaces_a_newer_one() {
        let mut snapshot = Snapshot::default();
        snapshot.take(listed("a", ProvisionState::Active, 5));
        snapshot.list(
            Stamp::new(4),
            vec![listed("a", ProvisionState::Deploying, 4)],
            true,
        );
        assert_eq!(state(&snapshot, "a"), Some(ProvisionState::Active));
        snapshot.list(
            Stamp::new(6),
            vec![listed("a", ProvisionState::Deleting, 6)],
            false,
        );
        assert_eq!(state(&snapshot, "a"), Some(ProvisionState::Deleting));
    }

    #[test]
    fn after_a_write_only_a_later_reading_counts() {
        let mut snapshot = Snapshot::default();
        snapshot.take(listed("a", ProvisionState::Available, 5));
        snapshot.raise_floor("a", Stamp::new(8));
        assert_eq!(snapshot.sight("a"), Sight::Stale);
        assert!(snapshot.awaits_reading());
        snapshot.list(
            Stamp::new(7),
            vec![listed("a", ProvisionState::Available, 7)],
            true,
        );
        assert_eq!(snapshot.sight("a"), Sight::Stale);
        snapshot.list(
            Stamp::new(9),
            vec![listed("a", ProvisionState::Deploying, 9)],
            false,
        );
        assert_eq!(state(&snapshot, "a"), Some(ProvisionState::Deploying));
        assert!(!snapshot.awaits_reading());
    }

    #[test]
    fn what_was_created_while_a_listing_went_by_is_not_taken_for_gone() {
        let mut snapshot = Snapshot::default();
        snapshot.take(listed("old", ProvisionState::Enroll, 1));
        snapshot.take(listed("new", ProvisionState::Enroll, 6));
        snapshot.list(Stamp::new(5), vec![], true);
        assert_eq!(snapshot.sight("old"), Sight::Unlisted);
        assert_eq!(state(&snapshot, "new"), Some(ProvisionState::Enroll));
    }

    fn detailed(description: &str, asked: u64) -> Listed {
        let value = Node {
            uuid: "a".to_owned(),
            description: Some(description.to_owned()),
            ..Node::default()
        };
        let asked = Stamp::new(asked);
        Seen { value, asked }.into()
    }

    fn fingerprint(snapshot: &Snapshot) -> Option<Fingerprint> {
        match snapshot.sight("a") {
            Sight::Row(_, fingerprint) => fingerprint,
            Sight::Stale | Sight::Unlisted => None,
        }
    }

    #[test]
    fn the_newest_reading_in_detail_counts_also_when_a_narrow_one_is_newer() {
        let of = |description: &str| {
            let mut snapshot = Snapshot::default();
            snapshot.take(detailed(description, 1));
            fingerprint(&snapshot)
        };
        let mut snapshot = Snapshot::default();
        snapshot.take(listed("a", ProvisionState::Enroll, 1));
        assert_eq!(fingerprint(&snapshot), None);
        snapshot.take(detailed("one", 2));
        snapshot.take(listed("a", ProvisionState::Enroll, 6));
        assert_eq!(fingerprint(&snapshot), of("one"), "kept");
        snapshot.take(detailed("two", 5));
        assert_eq!(
            fingerprint(&snapshot),
            of("two"),
            "asked before the row, but after what was known in detail"
        );
        snapshot.take(detailed("one", 4));
        assert_eq!(fingerprint(&snapshot), of("two"));
        assert_ne!(of("one"), of("two"));
    }

    #[test]
    fn only_a_sweep_makes_it_complete() {
        let mut snapshot = Snapshot::default();
        snapshot.list(Stamp::new(1), vec![], false);
        assert!(!snapshot.is_complete());
        snapshot.list(Stamp::new(2), vec![], true);
        assert!(snapshot.is_complete());
    }

    #[test]
    fn an_unchanged_row_keeps_its_allocation() {
        let mut snapshot = Snapshot::default();
        snapshot.take(listed("a", ProvisionState::Active, 1));
        let Sight::Row(before, _) = snapshot.sight("a") else {
            panic!()
        };
        snapshot.take(listed("a", ProvisionState::Active, 2));
        let Sight::Row(after, _) = snapshot.sight("a") else {
            panic!()
        };
        assert!(Arc::ptr_eq(&before, &after));
    }
}
