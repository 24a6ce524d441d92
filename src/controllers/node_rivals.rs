//! Whose a machine is that our object never enrolled: under an earlier uid of it, somebody else's, or another object's.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use kube::ResourceExt;

use super::node::key;
use super::node_gather::Pass;
use super::node_look::{Seen, enrolled_at, owner};
use super::node_trust::is_seen_through;
use crate::api::BareMetalNode;
use crate::domain::node::desired;
use crate::domain::node::facts::ironic_name;
use crate::domain::node::marker::Marker;
use crate::fleet::{Observer, Sight};
use crate::ironic::model::{Bmc, NodeSummary};

/// The objects that were told that their machine is free: uid → generation of the spec that names it.
///
/// Between that word and the node's row in the snapshot lies the request that enrols it; an object that asks meanwhile must
/// not get the same word.
#[derive(Default)]
pub struct Claims {
    granted: Mutex<HashMap<String, i64>>,
}

impl Claims {
    /// Grants the machine to `object` unless `rival`, which is told who was granted theirs, names another object.
    fn ask<T>(
        &self,
        object: &BareMetalNode,
        rival: impl FnOnce(&dyn Fn(&BareMetalNode) -> bool) -> Option<T>,
    ) -> Option<T> {
        let (Some(uid), Some(generation)) = (object.uid(), object.metadata.generation) else {
            return None;
        };
        let mut granted = self.granted.lock().unwrap_or_else(PoisonError::into_inner);
        if granted.get(&uid) == Some(&generation) {
            return None;
        }
        granted.remove(&uid);
        let rival = rival(&|other| other.uid().is_some_and(|uid| granted.contains_key(&uid)));
        if rival.is_none() {
            granted.insert(uid, generation);
        }
        rival
    }

    /// The object is gone.
    pub fn forget(&self, object: &BareMetalNode) {
        if let Some(uid) = object.uid() {
            let mut granted = self.granted.lock().unwrap_or_else(PoisonError::into_inner);
            granted.remove(&uid);
        }
    }
}

/// A row that was found, with what else is known of its node.
fn found(observer: &Observer, row: Arc<NodeSummary>) -> Seen {
    let fingerprint = match observer.sight(&row.uuid) {
        Sight::Row(_, fingerprint) => fingerprint,
        Sight::Stale | Sight::Unlisted => None,
    };
    Seen::Summary(row, fingerprint)
}

impl Pass<'_> {
    /// Never enrolled under this uid: perhaps under an earlier one, or by somebody else.
    pub(super) fn look_for_it(&self, observer: &Observer) -> Seen {
        let ours = Marker::of(&self.object, &self.context.cluster);
        let marked =
            |row: &NodeSummary| Marker::read(&row.extra).is_some_and(|marker| marker.same_object(&ours));
        if let Some(row) = observer.find(|row, _| marked(row).then(|| Arc::clone(row))) {
            return found(observer, row);
        }
        if self.deleting() {
            return Seen::Absent;
        }
        // A machine that was enrolled after the last listing would be taken for free.
        if !observer.has_looked_for(&self.key, self.object.metadata.generation.unwrap_or_default()) {
            return Seen::NotYet;
        }
        if let Some(import) = &self.object.spec.import {
            let named = |row: &NodeSummary| {
                import.id.as_ref() == Some(&row.uuid) || (import.name.is_some() && import.name == row.name)
            };
            let node = observer.find(|row, _| named(row).then(|| Arc::clone(row)));
            return node.map_or(Seen::Absent, |row| found(observer, row));
        }
        let name = ironic_name(&self.object);
        let bmc = self.wanted_bmc();
        let named = |row: &NodeSummary| row.name.as_deref() == Some(&name);
        let taken = bmc.as_ref().and_then(|bmc| enrolled_at(observer, bmc, ""));
        taken
            .or_else(|| {
                observer.find(|row, _| {
                    named(row).then(|| format!("The name {name} is enrolled already, as {}.", owner(row)))
                })
            })
            .or_else(|| self.claimed_by_another_object(bmc.as_ref(), &name))
            .map_or(Seen::Absent, Seen::Taken)
    }

    /// The BMC that the spec names: in the clear, or in Secrets as far as they were read.
    pub(super) fn wanted_bmc(&self) -> Option<Bmc> {
        let mut info = desired::read_driver_info(&self.object, &self.secrets);
        info.extend(
            self.object
                .spec
                .driver_info
                .iter()
                .flat_map(|info| info.0.clone()),
        );
        Bmc::of(&info)
    }

    /// Another object of this cluster that wants the same machine and was granted it, or was created earlier.
    fn claimed_by_another_object(&self, bmc: Option<&Bmc>, name: &str) -> Option<String> {
        let age = |object: &BareMetalNode| (object.metadata.creation_timestamp.clone(), key(object));
        let mine = age(&self.object);
        let same_bmc = |other: &BareMetalNode| {
            let pair = bmc.zip(self::bmc(other));
            pair.is_some_and(|(one, other)| one.same_machine(&other))
        };
        let other = self.context.claims.ask(&self.object, |granted| {
            self.context.node_store.find(|other| {
                other.metadata.uid != self.object.metadata.uid
                    && (same_bmc(other) || ironic_name(other) == name)
                    && (granted(other) || age(other) < mine)
                    && self
                        .observer
                        .as_ref()
                        .is_some_and(|ours| is_seen_through(other, ours, self.context))
            })
        })?;
        let what = bmc.filter(|_| same_bmc(&other)).map_or_else(
            || format!("The name {name}"),
            |bmc| format!("The machine at {bmc}"),
        );
        Some(format!(
            "{what} belongs to BareMetalNode {}/{} already.",
            other.namespace().unwrap_or_default(),
            other.name_any()
        ))
    }
}

/// The BMC that the spec names in the clear.
fn bmc(object: &BareMetalNode) -> Option<Bmc> {
    Bmc::of(&object.spec.driver_info.as_ref()?.0)
}
