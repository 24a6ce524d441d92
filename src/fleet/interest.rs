//! Who wants to know of which node: filled while facts are gathered, compared with every new snapshot.

use std::collections::HashMap;
use std::sync::Arc;

use super::snapshot::{Sight, Snapshot};
use crate::ironic::model::NodeSummary;

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

/// What an object knew of its node when it last decided.
#[derive(Debug)]
struct Entry {
    /// The node; none as long as none is enrolled.
    id: Option<String>,
    seen: Option<Arc<NodeSummary>>,
    /// It waits for something to happen in Ironic.
    waiting: bool,
    /// How many rows had gone by then.
    removals: u64,
}

impl Entry {
    fn has_changed(&self, snapshot: &Snapshot) -> bool {
        let Some(id) = &self.id else {
            // Without a node, another one that goes may make room.
            return self.removals != snapshot.removals();
        };
        match (snapshot.sight(id), &self.seen) {
            (Sight::Row(now), Some(before)) => !Arc::ptr_eq(&now, before) && now != *before,
            (Sight::Row(_), None) | (Sight::Unlisted, Some(_)) => true,
            (Sight::Unlisted, None) | (Sight::Stale, _) => false,
        }
    }
}

/// The table of interests.
#[derive(Debug, Default)]
pub struct Interest {
    entries: HashMap<ObjectKey, Entry>,
}

impl Interest {
    /// The object decided on this sight of its node, and waits (or not) for something to happen in Ironic.
    pub fn note(
        &mut self,
        key: &ObjectKey,
        id: Option<&str>,
        sight: Option<&Sight>,
        waiting: bool,
        removals: u64,
    ) {
        let seen = match sight {
            Some(Sight::Row(row)) => Some(Arc::clone(row)),
            Some(Sight::Stale | Sight::Unlisted) | None => None,
        };
        self.entries.insert(
            key.clone(),
            Entry {
                id: id.map(str::to_owned),
                seen,
                waiting,
                removals,
            },
        );
    }

    /// The object is gone.
    pub fn forget(&mut self, key: &ObjectKey) {
        self.entries.remove(key);
    }

    /// Every object.
    pub fn keys(&self) -> Vec<ObjectKey> {
        self.entries.keys().cloned().collect()
    }

    /// The objects without a node.
    pub fn unplaced(&self) -> impl Iterator<Item = ObjectKey> {
        let unplaced = self.entries.iter().filter(|(_, entry)| entry.id.is_none());
        unplaced.map(|(key, _)| key.clone())
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

    /// Whether anybody waits for something to happen in Ironic.
    pub fn anybody_waits(&self) -> bool {
        self.entries.values().any(|entry| entry.waiting)
    }

    /// How many enrolled nodes are missing from the snapshot, and how many there are.
    pub fn missing(&self, snapshot: &Snapshot) -> (usize, usize) {
        let ids = self.entries.values().filter_map(|entry| entry.id.as_deref());
        ids.fold((0, 0), |(missing, known), id| {
            (
                missing + usize::from(snapshot.sight(id) == Sight::Unlisted),
                known + 1,
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fleet::snapshot::Listed;
    use crate::ironic::model::{PowerState, Stamp};

    fn row(id: &str, power: PowerState, asked: u64) -> Listed {
        let summary = NodeSummary {
            uuid: id.to_owned(),
            power_state: Some(power),
            ..NodeSummary::default()
        };
        Listed {
            summary,
            asked: Stamp::new(asked),
            bmc: None,
        }
    }

    #[test]
    fn only_objects_whose_node_changed_are_woken() {
        let (a, b) = (ObjectKey::new("m", "a"), ObjectKey::new("m", "b"));
        let (mut snapshot, mut interest) = (Snapshot::default(), Interest::default());
        snapshot.list(
            Stamp::new(1),
            vec![row("1", PowerState::On, 1), row("2", PowerState::On, 1)],
            true,
        );
        interest.note(
            &a,
            Some("1"),
            Some(&snapshot.sight("1")),
            false,
            snapshot.removals(),
        );
        interest.note(
            &b,
            Some("2"),
            Some(&snapshot.sight("2")),
            false,
            snapshot.removals(),
        );
        assert!(interest.changed(&snapshot).is_empty());
        snapshot.list(
            Stamp::new(2),
            vec![row("1", PowerState::On, 2), row("2", PowerState::Off, 2)],
            false,
        );
        assert_eq!(interest.changed(&snapshot), [ObjectKey::new("m", "b")]);
        snapshot.list(Stamp::new(3), vec![row("2", PowerState::On, 3)], false);
        assert_eq!(
            interest.changed(&snapshot),
            [ObjectKey::new("m", "a")],
            "gone, and back to what was seen"
        );
        interest.note(
            &a,
            Some("1"),
            Some(&snapshot.sight("1")),
            false,
            snapshot.removals(),
        );
        assert!(interest.changed(&snapshot).is_empty(), "a loss is told once");
        assert_eq!(interest.missing(&snapshot), (1, 2));
    }
}
