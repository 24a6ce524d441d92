//! What is seen of a node's machine: in the snapshot, in a node just read, or not at all.

use std::sync::Arc;

use super::node_gather::Pass;
use crate::domain::node::Look;
use crate::domain::node::marker::Marker;
use crate::fleet::{Health, Known, Observer, Sight};
use crate::ironic::model::{Bmc, Fingerprint, Node, NodeSummary};

/// [`Look`], owned.
pub enum Seen {
    /// See [`Look::NoCloud`].
    NoCloud,
    /// See [`Look::NotYet`].
    NotYet,
    /// See [`Look::Down`].
    Down(String),
    /// See [`Look::Stale`].
    Stale,
    /// See [`Look::Absent`].
    Absent,
    /// See [`Look::Taken`].
    Taken(String),
    /// See [`Look::Unlisted`].
    Unlisted,
    /// See [`Look::Lost`].
    Lost,
    /// See [`Look::Summary`]; with the fingerprint of the whole node, as far as known.
    Summary(Arc<NodeSummary>, Option<Fingerprint>),
    /// See [`Look::Full`].
    Full(Arc<NodeSummary>, Box<Node>),
}

impl Seen {
    /// What the interest table is told.
    pub fn known(&self) -> Known {
        match self {
            Seen::Summary(row, _) | Seen::Full(row, _) => Known::Row(Arc::clone(row), self.fingerprint()),
            Seen::Stale => Known::Stale,
            Seen::Unlisted | Seen::Lost => Known::Unlisted,
            Seen::NoCloud | Seen::NotYet | Seen::Down(_) | Seen::Absent | Seen::Taken(_) => Known::Nothing,
        }
    }

    /// The fingerprint of the node as it is seen.
    pub fn fingerprint(&self) -> Option<Fingerprint> {
        match self {
            Seen::Summary(_, fingerprint) => *fingerprint,
            Seen::Full(_, node) => Some(Fingerprint::of(node)),
            Seen::NoCloud
            | Seen::NotYet
            | Seen::Down(_)
            | Seen::Stale
            | Seen::Absent
            | Seen::Taken(_)
            | Seen::Unlisted
            | Seen::Lost => None,
        }
    }

    /// As the decision knows it.
    pub fn look(&self) -> Look<'_> {
        match self {
            Seen::NoCloud => Look::NoCloud,
            Seen::NotYet => Look::NotYet,
            Seen::Down(why) => Look::Down(why),
            Seen::Stale => Look::Stale,
            Seen::Absent => Look::Absent,
            Seen::Taken(who) => Look::Taken(who),
            Seen::Unlisted => Look::Unlisted,
            Seen::Lost => Look::Lost,
            Seen::Summary(row, _) => Look::Summary(row),
            Seen::Full(row, node) => Look::Full(row, node),
        }
    }
}

impl Pass<'_> {
    /// What is seen of the machine.
    pub fn look(&self) -> Seen {
        let Some(cloud) = &self.cloud else {
            return Seen::NoCloud;
        };
        let enrolled = self.enrolled().is_some();
        // A cloud that goes takes no new nodes: it waits only for those it has.
        if cloud.metadata.deletion_timestamp.is_some() && !enrolled && !self.deleting() {
            return Seen::NoCloud;
        }
        if let Some(why) = &self.broken {
            return Seen::Down(why.clone());
        }
        let Some(observer) = &self.observer else {
            return Seen::NotYet;
        };
        if let Health::Down { words, .. } = observer.health() {
            return Seen::Down(words);
        }
        if !observer.is_complete() || self.identity().is_none() {
            return Seen::NotYet;
        }
        self.look_in(observer)
    }

    /// The node's uuid, once it is enrolled.
    pub fn enrolled(&self) -> Option<&str> {
        self.object.status.as_ref()?.id.as_deref()
    }

    /// The uuid of the node that a look is of. That may be known before the object's status has it: a node is created under the
    /// object's uid, and the write of the status that says so may have been refused.
    pub fn looked_at<'s>(&'s self, look: &'s Seen) -> Option<&'s str> {
        match look {
            Seen::Summary(row, _) | Seen::Full(row, _) => Some(&row.uuid),
            Seen::Stale => self.enrolled().or(self.object.metadata.uid.as_deref()),
            _ => self.enrolled(),
        }
    }

    /// Whether the object is being deleted.
    pub fn deleting(&self) -> bool {
        self.object.metadata.deletion_timestamp.is_some()
    }

    fn look_in(&self, observer: &Observer) -> Seen {
        let enrolled = self.enrolled();
        let id = enrolled
            .or(self.object.metadata.uid.as_deref())
            .unwrap_or_default();
        let seen = match (&self.full, observer.sight(id)) {
            (Some((summary, node)), _) => Seen::Full(Arc::clone(summary), Box::new(node.clone())),
            (None, Sight::Row(row, fingerprint)) => Seen::Summary(row, fingerprint),
            (None, Sight::Stale) => Seen::Stale,
            (None, Sight::Unlisted) if self.lost => Seen::Lost,
            (None, Sight::Unlisted) if enrolled.is_some() => Seen::Unlisted,
            (None, Sight::Unlisted) => return self.look_for_it(observer),
        };
        match self.moved_onto_another(observer, id) {
            Some(who) if !self.deleting() => Seen::Taken(who),
            Some(_) | None => seen,
        }
    }

    /// The spec of an enrolled node names another BMC than the node has: one that serves another node would make two nodes of
    /// one machine.
    fn moved_onto_another(&self, observer: &Observer, id: &str) -> Option<String> {
        let wanted = self.wanted_bmc()?;
        if observer.bmc(id).is_some_and(|live| live.same_machine(&wanted)) {
            return None;
        }
        enrolled_at(observer, &wanted, id)
    }
}

/// Another node at this BMC, in a sentence.
pub(super) fn enrolled_at(observer: &Observer, wanted: &Bmc, id: &str) -> Option<String> {
    observer.find(|row, other| {
        let same = row.uuid != id && other.is_some_and(|other| other.same_machine(wanted));
        same.then(|| format!("The machine at {wanted} is enrolled already, as {}.", owner(row)))
    })
}

/// Who enrolled a node, for a sentence.
pub(super) fn owner(row: &NodeSummary) -> String {
    let node = row.name.as_ref().map_or_else(
        || format!("node {}", row.uuid),
        |name| format!("node {name} ({})", row.uuid),
    );
    match Marker::read(&row.extra) {
        Some(marker) => format!("{node}, by {marker}"),
        None => node,
    }
}
