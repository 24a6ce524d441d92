//! Whether a cloud is the one that was known, and this cluster the only one of its name: whom the cloud shows itself as, and what its newest
//! listing shows of the nodes of its objects.

use std::collections::BTreeSet;
use std::fmt;

use jiff::Timestamp;

use super::node::earlier;
use super::node::marker::{KEY, Marker};
use super::writers::{self, Writers};
use crate::api::conditions::Reason;
use crate::api::{ACCEPT_EARLIER_STATE_ANNOTATION, ACCEPT_WRITERS_ANNOTATION, BareMetalNode};
use crate::ironic::model::NodeSummary;

/// Nodes of a cloud that may be missing, or in an earlier state, before its rows are no longer believed: this many, or one in [`SHARE`].
const UNSUSPICIOUS: usize = 3;

/// See [`UNSUSPICIOUS`].
const SHARE: usize = 10;

/// So many unknown writers are named.
const MOST_STRANGERS: usize = 5;

/// What the newest listing shows of one node.
#[derive(Clone, Copy, Debug)]
pub enum Shown<'a> {
    /// It is not there.
    Unlisted,
    /// It was written since.
    Stale,
    /// This.
    Row(&'a NodeSummary),
}

/// What a listing is compared with.
#[derive(Clone, Copy, Debug, Default)]
pub struct Known<'a> {
    /// This cluster, as marks name it.
    pub cluster: &'a str,
    /// Who wrote marks for it; none: nobody keeps account.
    pub writers: Option<&'a Writers>,
    /// What a person has accepted.
    pub accepts: Accepts<'a>,
}

/// What a person said on the BareMetalCloud.
#[derive(Clone, Copy, Debug, Default)]
pub struct Accepts<'a> {
    /// States that were seen until this time are over.
    pub earlier: Option<&'a str>,
    /// Marks by these runs are all right.
    pub writers: Option<&'a str>,
}

impl<'a> Accepts<'a> {
    /// As the annotations have it.
    pub fn read(annotations: &'a std::collections::BTreeMap<String, String>) -> Self {
        let value = |name: &str| annotations.get(name).map(String::as_str);
        Self {
            earlier: value(ACCEPT_EARLIER_STATE_ANNOTATION),
            writers: value(ACCEPT_WRITERS_ANNOTATION),
        }
    }
}

/// What the newest listing shows of a cloud's own nodes.
///
/// They are counted by BareMetalCloud, also where several see one Ironic: what one namespace removes there must not stop the others.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Signs {
    /// Enrolled.
    pub nodes: usize,
    /// Enrolled, not being deleted, and not listed.
    pub missing: usize,
    /// In an earlier state than was seen before.
    pub earlier: usize,
    /// Until when their later states were seen.
    pub seen_until: Option<Timestamp>,
    /// Runs of the operator that signed marks of these objects, and that this cluster does not know.
    pub strangers: BTreeSet<String>,
}

impl Signs {
    /// Counts one enrolled node. One that is being deleted is expected to go.
    pub fn count(&mut self, node: &BareMetalNode, shown: Shown, known: Known) {
        let deleting = node.metadata.deletion_timestamp.is_some();
        self.nodes += 1;
        let row = match shown {
            Shown::Unlisted => return self.missing += usize::from(!deleting),
            Shown::Stale => return,
            Shown::Row(row) => row,
        };
        if let Some(seen) = earlier::of(node, row, known.accepts.earlier) {
            self.earlier += 1;
            self.seen_until = self.seen_until.max(seen.parse().ok());
        }
        let stranger = stranger(node, row, known);
        self.strangers
            .extend(stranger.filter(|_| self.strangers.len() < MOST_STRANGERS));
    }

    /// Why nothing may be written to the cloud, if so.
    pub fn suspicion(&self) -> Option<Reason> {
        let many = |count: usize| count > UNSUSPICIOUS.max(self.nodes / SHARE);
        if !self.strangers.is_empty() {
            Some(Reason::IdentityShared)
        } else if many(self.missing) {
            Some(Reason::NodesMissing)
        } else {
            many(self.earlier).then_some(Reason::EarlierState)
        }
    }
}

impl fmt::Display for Signs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            nodes,
            missing,
            earlier,
            seen_until,
            strangers,
        } = self;
        match self.suspicion() {
            Some(Reason::IdentityShared) => f.write_str(&writers::say(strangers, ACCEPT_WRITERS_ANNOTATION)),
            Some(Reason::EarlierState) => {
                let until = seen_until.map(|until| until.to_string()).unwrap_or_default();
                write!(
                    f,
                    "{earlier} of {nodes} nodes are in earlier states than were seen before: Ironic's database was restored from a backup, it seems, and machines may be in other states than it says. Nothing is written to this cloud. If the machines are as Ironic says now, annotate the BareMetalCloud with {ACCEPT_EARLIER_STATE_ANNOTATION}=\"{until}\"."
                )
            }
            _ => write!(
                f,
                "{missing} of {nodes} nodes are missing from Ironic at once: nothing is written to this cloud until they are back, or their objects are deleted with deletionPolicy Detach."
            ),
        }
    }
}

/// The run that signed the object's own mark, if this cluster does not know it.
pub fn stranger(node: &BareMetalNode, row: &NodeSummary, known: Known) -> Option<String> {
    let writers = known.writers?;
    // Decoding is dear, and most marks were written by this very run.
    let by = row.extra.get(KEY)?.get("written")?.get("by")?;
    if by.as_str() == Some(&writers.run) {
        return None;
    }
    let marker = Marker::read(&row.extra)?;
    let own = marker.owner.cluster == known.cluster && Some(&marker.owner.uid) == node.metadata.uid.as_ref();
    let signature = marker.written.filter(|_| own)?;
    (!writers.know(&signature, known.accepts.writers)).then_some(signature.by)
}

/// Whether a cloud shows itself as another one than it was known as, and nobody has accepted that. What is not known is no evidence.
pub fn is_another(known: Option<&str>, now: Option<&str>, accepted: Option<&str>) -> bool {
    known
        .zip(now)
        .is_some_and(|(known, now)| known != now && accepted != Some(now))
}

#[cfg(test)]
#[path = "cloud_identity_tests.rs"]
mod tests;
