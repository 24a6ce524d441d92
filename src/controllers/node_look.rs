//! What is seen of a node's machine: in the snapshot, in a node just read, or not at all.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::node_gather::Pass;
use crate::domain::node::Look;
use crate::domain::node::identity::{Candidate, Claim, Conflict, Found};
use crate::domain::ownership::Whose;
use crate::fleet::{Clue, Health, Known, Observer, Sight};
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
    /// See [`Look::Summary`]; with the fingerprint and the BMC of the whole node, as far as known.
    Summary(Arc<NodeSummary>, Option<Fingerprint>, Option<Bmc>),
    /// See [`Look::Full`].
    Full(Arc<NodeSummary>, Box<Node>),
}

impl Seen {
    /// What the interest table is told.
    pub fn known(&self) -> Known {
        match self {
            Seen::Summary(row, ..) | Seen::Full(row, _) => Known::Row(Arc::clone(row), self.fingerprint()),
            Seen::Stale => Known::Stale,
            Seen::Unlisted | Seen::Lost => Known::Unlisted,
            Seen::NoCloud | Seen::NotYet | Seen::Down(_) | Seen::Absent | Seen::Taken(_) => Known::Nothing,
        }
    }

    /// The fingerprint of the node as it is seen.
    pub fn fingerprint(&self) -> Option<Fingerprint> {
        match self {
            Seen::Summary(_, fingerprint, _) => *fingerprint,
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

    /// Where the BMC of the node is, as far as a list in detail has told.
    pub fn bmc(&self) -> Option<&Bmc> {
        match self {
            Seen::Summary(_, _, bmc) => bmc.as_ref(),
            Seen::Full(..)
            | Seen::NoCloud
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
            Seen::Summary(row, ..) => Look::Summary(row),
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
            Seen::Summary(row, ..) | Seen::Full(row, _) => Some(&row.uuid),
            Seen::Stale => self.enrolled().or(self.object.metadata.uid.as_deref()),
            _ => self.enrolled(),
        }
    }

    /// Whether the object is being deleted.
    pub fn deleting(&self) -> bool {
        self.object.metadata.deletion_timestamp.is_some()
    }

    fn look_in(&self, observer: &Observer) -> Seen {
        if let Some((summary, node)) = &self.full {
            return Seen::Full(Arc::clone(summary), Box::new(node.clone()));
        }
        let enrolled = self.enrolled();
        let id = enrolled
            .or(self.object.metadata.uid.as_deref())
            .unwrap_or_default();
        let claim = self.claim();
        let (seen, id) = match observer.sight(id) {
            Sight::Stale => (Seen::Stale, id.to_owned()),
            Sight::Row(row, print) if self.is_ours(&claim, observer, &row) => {
                (found(observer, row, print), id.to_owned())
            }
            sight @ (Sight::Row(..) | Sight::Unlisted) => match self.search(&claim, observer, &sight) {
                Seen::Summary(row, print, bmc) => {
                    let id = row.uuid.clone();
                    (Seen::Summary(row, print, bmc), id)
                }
                other => return other,
            },
        };
        match moved_onto_another(&claim, observer, &id) {
            Some(who) if !self.deleting() => Seen::Taken(who),
            Some(_) | None => seen,
        }
    }

    /// What the object says of its machine.
    pub(super) fn claim(&self) -> Claim<'_> {
        Claim::of(
            &self.object,
            &self.secrets,
            &self.context.cluster,
            self.namespace_uid.as_deref(),
        )
    }

    /// Whether the node that the status has, or the one under the object's uid, is the object's own.
    pub(super) fn has_its_node(&self, claim: &Claim, observer: &Observer) -> bool {
        let id = self.enrolled().or(self.object.metadata.uid.as_deref());
        match observer.sight(id.unwrap_or_default()) {
            Sight::Row(row, _) => self.is_ours(claim, observer, &row),
            Sight::Stale => true,
            Sight::Unlisted => false,
        }
    }

    fn is_ours(&self, claim: &Claim, observer: &Observer, row: &NodeSummary) -> bool {
        let bmc = observer.bmc(&row.uuid);
        let whose = claim.whose(Candidate {
            row,
            bmc: bmc.as_ref(),
            holder: self.holder(row),
        });
        whose == Whose::Ours
    }

    /// Looks among all nodes for the one that the object stands for. `recorded` is what is seen of the node that the status has.
    fn search(&self, claim: &Claim, observer: &Observer, recorded: &Sight) -> Seen {
        let enrolled = self.enrolled().is_some();
        let rows = concerned(claim, observer);
        let candidates: Vec<_> = rows
            .iter()
            .map(|(row, bmc)| Candidate {
                row,
                bmc: bmc.as_ref(),
                holder: self.holder(row),
            })
            .collect();
        match claim.find(&candidates, enrolled && matches!(recorded, Sight::Unlisted)) {
            Found::Node(node) if !self.may_take(observer, claim, node) => Seen::NotYet,
            Found::Node(node) => match observer.sight(&node.uuid) {
                Sight::Row(row, print) => found(observer, row, print),
                Sight::Stale => Seen::Stale,
                Sight::Unlisted => Seen::Unlisted,
            },
            // What the status has is another's by now.
            Found::Conflict(_) | Found::Nothing if self.deleting() => self.without_node(recorded),
            Found::Conflict(conflict) => Seen::Taken(claim.say(conflict)),
            Found::Nothing => match self.without_node(recorded) {
                Seen::Absent => self.look_for_it(claim, observer),
                other => other,
            },
        }
    }

    /// A node that the object does not have yet is taken over only after a listing that began after the object asked: then it is known
    /// whether another one might be meant as well.
    fn may_take(&self, observer: &Observer, claim: &Claim, node: &NodeSummary) -> bool {
        self.is_ours(claim, observer, node) || self.has_been_looked_for(observer)
    }

    /// The object has no node in the list.
    fn without_node(&self, recorded: &Sight) -> Seen {
        match recorded {
            Sight::Unlisted if self.lost => Seen::Lost,
            Sight::Unlisted if self.enrolled().is_some() => Seen::Unlisted,
            Sight::Unlisted | Sight::Row(..) | Sight::Stale => Seen::Absent,
        }
    }
}

/// The spec of an enrolled node names another BMC than the node has: one that serves another node would make two nodes of
/// one machine.
fn moved_onto_another(claim: &Claim, observer: &Observer, id: &str) -> Option<String> {
    let wanted = claim.bmc.as_ref()?;
    if observer.bmc(id).is_some_and(|live| live.may_be_same(wanted)) {
        return None;
    }
    let other = observer.by_bmc(wanted).into_iter().find(|row| row.uuid != id)?;
    Some(claim.say(Conflict::Machine(&other)))
}

/// Every node that may be the object's, or in its way, with its BMC as far as it is known.
pub(super) fn concerned(claim: &Claim, observer: &Observer) -> Vec<(Arc<NodeSummary>, Option<Bmc>)> {
    let owner = &claim.marker.owner;
    let by_id = claim.ids().into_iter().filter_map(|id| observer.by_id(id));
    let by_name = claim.names().into_iter().flat_map(|name| observer.by_name(name));
    let by_bmc = claim.bmc.iter().flat_map(|bmc| observer.by_bmc(bmc));
    let marks = [Clue::Object(&owner.namespace, &owner.name), Clue::Uid(&owner.uid)];
    let by_mark = marks.into_iter().flat_map(|clue| observer.by_mark(clue));
    let all = by_id.chain(by_name).chain(by_bmc).chain(by_mark);
    // In the order of their ids, so that the answer does not depend on how a node was found.
    let rows: BTreeMap<_, _> = all.map(|row| (row.uuid.clone(), row)).collect();
    rows.into_iter()
        .map(|(id, row)| (row, observer.bmc(&id)))
        .collect()
}

/// A row that was found, with what else is known of its node.
fn found(observer: &Observer, row: Arc<NodeSummary>, fingerprint: Option<Fingerprint>) -> Seen {
    let bmc = observer.bmc(&row.uuid);
    Seen::Summary(row, fingerprint, bmc)
}
