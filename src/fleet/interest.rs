//! Who wants to know of which node: filled while facts are gathered, compared with every new snapshot.

use std::collections::HashMap;
use std::sync::Arc;

use super::snapshot::{Sight, Snapshot};
use crate::ironic::model::{Fingerprint, NodeSummary};

/// An object of Kubernetes, as the one to wake.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct ObjectKey {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
}

impl ObjectKey {
    /// The object of that name.
    pub fn new(namespace: impl Into<String>, name: impl Into<String>) -> Self {
        Self {
            namespace: namespace.into(),
            name: name.into(),
        }
    }
}

/// What an object knew of its node when it decided.
#[derive(Clone, Debug)]
pub enum Known {
    /// This row, and this fingerprint.
    Row(Arc<NodeSummary>, Option<Fingerprint>),
    /// A row older than our last write.
    Stale,
    /// That it is not in the list.
    Unlisted,
    /// Nothing that a row could differ from: the cloud is away, or no node is enrolled.
    Nothing,
}

impl From<Sight> for Known {
    fn from(sight: Sight) -> Self {
        match sight {
            Sight::Row(row, fingerprint) => Known::Row(row, fingerprint),
            Sight::Stale => Known::Stale,
            Sight::Unlisted => Known::Unlisted,
        }
    }
}

/// What an object says of itself after a decision.
#[derive(Clone, Debug)]
pub struct Note {
    /// The node; none as long as none is enrolled.
    pub id: Option<String>,
    /// What it knew.
    pub known: Known,
    /// It waits for something to happen in Ironic, so look often.
    pub waiting: bool,
    /// It wants to decide again after every listing, whatever that says of its node.
    pub each_listing: bool,
    /// It has a node to compare with its spec for the first time.
    pub first: bool,
}

#[derive(Debug)]
struct Entry {
    note: Note,
    /// How many rows had gone, and how many listings been taken in, by then.
    removals: u64,
    listings: u64,
}

impl Entry {
    fn has_changed(&self, snapshot: &Snapshot) -> bool {
        if self.note.each_listing && self.listings != snapshot.listings() {
            return true;
        }
        match (&self.note.id, &self.note.known) {
            // Without a node, another one that goes may make room.
            (None, _) | (_, Known::Nothing) => self.removals != snapshot.removals(),
            (Some(id), known) => differs(&snapshot.sight(id), known),
        }
    }
}

fn differs(now: &Sight, known: &Known) -> bool {
    match (now, known) {
        (Sight::Row(now, print), Known::Row(before, known)) => {
            print != known || (!Arc::ptr_eq(now, before) && now != before)
        }
        (Sight::Row(..), Known::Stale | Known::Unlisted)
        | (Sight::Unlisted, Known::Row(..) | Known::Stale) => true,
        (Sight::Unlisted, Known::Unlisted) | (Sight::Stale, _) | (_, Known::Nothing) => false,
    }
}

/// The table of interests.
#[derive(Debug, Default)]
pub struct Interest {
    entries: HashMap<ObjectKey, Entry>,
}

impl Interest {
    /// The object has decided.
    pub fn note(&mut self, key: &ObjectKey, note: Note, snapshot: &Snapshot) {
        let (removals, listings) = (snapshot.removals(), snapshot.listings());
        self.entries.insert(
            key.clone(),
            Entry {
                note,
                removals,
                listings,
            },
        );
    }

    /// The object is gone.
    pub fn forget(&mut self, key: &ObjectKey) {
        self.entries.remove(key);
    }

    /// The objects that decide again after every listing.
    pub fn restless(&self) -> Vec<ObjectKey> {
        let restless = self.entries.iter().filter(|(_, entry)| entry.note.each_listing);
        restless.map(|(key, _)| key.clone()).collect()
    }

    /// Every object.
    pub fn keys(&self) -> Vec<ObjectKey> {
        self.entries.keys().cloned().collect()
    }

    /// The objects whose node is not as they saw it.
    pub fn changed(&self, snapshot: &Snapshot) -> Vec<ObjectKey> {
        let changed = self
            .entries
            .iter()
            .filter(|(_, entry)| entry.has_changed(snapshot));
        changed.map(|(key, _)| key.clone()).collect()
    }

    /// Whether this object's node is not as it saw it.
    pub fn has_changed(&self, key: &ObjectKey, snapshot: &Snapshot) -> bool {
        self.entries
            .get(key)
            .is_some_and(|entry| entry.has_changed(snapshot))
    }

    /// How many have a node to compare with their spec for the first time.
    pub fn first_ones(&self) -> usize {
        self.entries.values().filter(|entry| entry.note.first).count()
    }

    /// Whether anybody waits for something to happen in Ironic.
    pub fn anybody_waits(&self) -> bool {
        self.entries.values().any(|entry| entry.note.waiting)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fleet::listed::Listed;
    use crate::ironic::model::{Node, PowerState, Seen, Stamp};

    fn row(id: &str, power: PowerState, asked: u64) -> Listed {
        let summary = NodeSummary {
            uuid: id.to_owned(),
            power_state: Some(power),
            ..NodeSummary::default()
        };
        Listed {
            summary: Arc::new(summary),
            asked: Stamp::new(asked),
            detail: None,
            text: None,
        }
    }

    fn key(name: &str) -> ObjectKey {
        ObjectKey::new("m", name)
    }

    fn note(id: Option<&str>, known: Known) -> Note {
        Note {
            id: id.map(str::to_owned),
            known,
            waiting: false,
            each_listing: false,
            first: false,
        }
    }

    #[test]
    fn only_objects_whose_node_changed_are_woken() {
        let (mut snapshot, mut interest) = (Snapshot::default(), Interest::default());
        snapshot.list(
            Stamp::new(1),
            vec![row("1", PowerState::On, 1), row("2", PowerState::On, 1)],
            true,
        );
        interest.note(&key("a"), note(Some("1"), snapshot.sight("1").into()), &snapshot);
        interest.note(&key("b"), note(Some("2"), snapshot.sight("2").into()), &snapshot);
        assert!(interest.changed(&snapshot).is_empty());
        snapshot.list(
            Stamp::new(2),
            vec![row("1", PowerState::On, 2), row("2", PowerState::Off, 2)],
            false,
        );
        assert_eq!(interest.changed(&snapshot), [key("b")]);
        snapshot.list(Stamp::new(3), vec![row("2", PowerState::On, 3)], false);
        assert_eq!(
            interest.changed(&snapshot),
            [key("a")],
            "gone, and back to what was seen"
        );
        interest.note(&key("a"), note(Some("1"), snapshot.sight("1").into()), &snapshot);
        assert!(interest.changed(&snapshot).is_empty(), "a loss is told once");
    }

    #[test]
    fn a_change_that_only_a_sweep_shows_wakes_once() {
        let (mut snapshot, mut interest) = (Snapshot::default(), Interest::default());
        let detailed = |description: &str, asked| -> Listed {
            let value = Node {
                uuid: "1".to_owned(),
                description: Some(description.to_owned()),
                ..Node::default()
            };
            let asked = Stamp::new(asked);
            Seen { value, asked }.into()
        };
        snapshot.list(Stamp::new(1), vec![detailed("one", 1)], true);
        interest.note(&key("a"), note(Some("1"), snapshot.sight("1").into()), &snapshot);
        snapshot.list(Stamp::new(2), vec![detailed("one", 2)], true);
        assert!(interest.changed(&snapshot).is_empty());
        snapshot.list(Stamp::new(3), vec![detailed("two", 3)], true);
        assert_eq!(interest.changed(&snapshot), [key("a")]);
        interest.note(&key("a"), note(Some("1"), snapshot.sight("1").into()), &snapshot);
        snapshot.list(Stamp::new(4), vec![detailed("two", 4)], true);
        assert!(interest.changed(&snapshot).is_empty());
    }

    #[test]
    fn who_knew_nothing_is_not_woken_by_its_row_again_and_again() {
        let (mut snapshot, mut interest) = (Snapshot::default(), Interest::default());
        snapshot.list(Stamp::new(1), vec![row("1", PowerState::On, 1)], true);
        interest.note(&key("a"), note(Some("1"), Known::Nothing), &snapshot);
        assert!(!interest.has_changed(&key("a"), &snapshot));
    }

    #[test]
    fn who_waits_for_a_listing_is_woken_by_each() {
        let (mut snapshot, mut interest) = (Snapshot::default(), Interest::default());
        interest.note(
            &key("a"),
            Note {
                each_listing: true,
                ..note(None, Known::Nothing)
            },
            &snapshot,
        );
        assert!(!interest.has_changed(&key("a"), &snapshot));
        snapshot.list(Stamp::new(1), vec![], false);
        assert_eq!(interest.changed(&snapshot), [key("a")]);
        assert_eq!(interest.restless(), [key("a")]);
    }

    #[test]
    fn who_has_no_node_is_woken_when_one_goes() {
        let (mut snapshot, mut interest) = (Snapshot::default(), Interest::default());
        snapshot.list(Stamp::new(1), vec![row("1", PowerState::On, 1)], true);
        interest.note(&key("a"), note(None, Known::Nothing), &snapshot);
        assert!(!interest.has_changed(&key("a"), &snapshot));
        snapshot.remove("1");
        assert!(interest.has_changed(&key("a"), &snapshot));
    }
}
