//! What the Kubernetes API says of the objects and the namespaces that markers name.

use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::core::v1::Namespace;
use kube::runtime::reflector::ObjectRef;
use kube::{Api, ResourceExt};

use super::node_gather::Pass;
use super::node_look::concerned;
use crate::api::BareMetalNode;
use crate::domain::node::marker::Marker;
use crate::domain::ownership::{Liveness, Owner};
use crate::ironic::model::NodeSummary;
use crate::kubernetes::{Error, answered};

/// An answer about a namespace is worth this much in any case: it is asked for again only for an object that is younger than it.
const FRESH: Duration = Duration::from_secs(5);

/// How far the clocks of the operator and of the apiserver may differ.
const SKEW: SignedDuration = SignedDuration::from_mins(1);

/// Objects that are gone, at most; beyond that all are forgotten, and those that matter asked for again.
const MOST_GONE: usize = 10_000;

/// The answers so far.
#[derive(Default)]
pub struct Holders {
    known: Mutex<Known>,
}

#[derive(Default)]
struct Known {
    /// Objects that no longer exist, and do not come back. What a mark says is somebody's word: only all of it together, name and uid, is
    /// what the Kubernetes API was asked about. By the uid alone a mark with another's uid under a name that never was would make the
    /// other gone.
    gone: HashSet<Owner>,
    namespaces: HashMap<String, Answer>,
}

/// What the Kubernetes API said of a namespace.
#[derive(Clone)]
struct Answer {
    /// Its uid; none where it may not be read.
    uid: Option<String>,
    /// When it was asked for, by the clock that objects are dated by, and by one that is never set.
    asked: Timestamp,
    since: Instant,
}

impl Known {
    fn remember_gone(&mut self, owner: Owner) {
        if self.gone.len() >= MOST_GONE {
            self.gone.clear();
        }
        self.gone.insert(owner);
    }
}

impl Holders {
    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The answer about a namespace, unless it has to be asked for. An object lives as long as its namespace at most, so that an answer that is newer
    /// than the object is about the right one.
    fn namespace(&self, name: &str, created: Option<Timestamp>) -> Option<Answer> {
        let known = self.known();
        let answer = known.namespaces.get(name)?;
        let newer = created.is_some_and(|created| answer.asked.duration_since(created) > SKEW);
        (newer || answer.since.elapsed() < FRESH).then(|| answer.clone())
    }
}

impl Pass<'_> {
    /// The uid of the object's namespace.
    pub(super) async fn gather_namespace(&mut self) {
        let created = self
            .object
            .metadata
            .creation_timestamp
            .as_ref()
            .map(|time| time.0);
        let holders = &self.context.holders;
        if let Some(known) = holders.namespace(self.namespace(), created) {
            self.namespace_uid = known.uid;
            return;
        }
        let asked = Timestamp::now();
        let namespaces = Api::<Namespace>::all(self.context.kube.clone());
        let uid = match answered(namespaces.get_metadata_opt(self.namespace())).await {
            Ok(found) => found.and_then(|found| found.uid()),
            Err(Error::Forbidden(_)) => None,
            // Not known now, and asked again the next time.
            Err(_) => return,
        };
        let answer = Answer {
            uid: uid.clone(),
            asked,
            since: Instant::now(),
        };
        let namespace = self.namespace().to_owned();
        holders.known().namespaces.insert(namespace, answer);
        self.namespace_uid = uid;
    }

    /// Asks for the objects that the markers on nodes name which this object might take over, where the store does not have them: an object
    /// that cannot be decoded is not in the store, and lives all the same.
    pub(super) async fn gather_holders(&mut self) {
        for marker in self.holders_to_ask() {
            let owner = marker.owner;
            let api = Api::<BareMetalNode>::namespaced(self.context.kube.clone(), &owner.namespace);
            let gone = match answered(api.get_metadata_opt(&owner.name)).await {
                Ok(found) => found.and_then(|found| found.uid()) != Some(owner.uid.clone()),
                Err(_) => false,
            };
            if gone {
                self.context.holders.known().remember_gone(owner);
            }
        }
    }

    fn holders_to_ask(&self) -> Vec<Marker> {
        let Some(observer) = self.observer.as_ref().filter(|_| !self.deleting()) else {
            return vec![];
        };
        let claim = self.claim();
        if self.has_its_node(&claim, observer) {
            return vec![];
        }
        let rows = concerned(&claim, observer);
        let asked = rows
            .iter()
            .filter_map(|(row, bmc)| claim.holder(row, bmc.as_ref()));
        asked
            .filter(|marker| !self.is_known_to_live(marker) && !self.is_known_to_be_gone(marker))
            .collect()
    }

    fn is_known_to_live(&self, marker: &Marker) -> bool {
        let reference = ObjectRef::new(&marker.owner.name).within(&marker.owner.namespace);
        let found = self.context.node_store.get(&reference);
        found.is_some_and(|found| found.uid().as_deref() == Some(&marker.owner.uid))
    }

    fn is_known_to_be_gone(&self, marker: &Marker) -> bool {
        self.context.holders.known().gone.contains(&marker.owner)
    }

    /// Whether the object that the marker on a node names still exists.
    pub(super) fn holder(&self, row: &NodeSummary) -> Liveness {
        match Marker::read(&row.extra) {
            Some(marker) if self.is_known_to_be_gone(&marker) => Liveness::Gone,
            Some(_) | None => Liveness::Living,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_is_gone_is_remembered_however_many_went_before() {
        let mut known = Known::default();
        for uid in 0..=MOST_GONE * 2 {
            let owner = Owner {
                uid: uid.to_string(),
                ..Owner::default()
            };
            known.remember_gone(owner.clone());
            assert!(known.gone.contains(&owner));
            assert!(known.gone.len() <= MOST_GONE);
        }
    }
}
