//! Whose a machine is that our object never enrolled: under an earlier uid of it, somebody else's, or another object's.

use kube::runtime::reflector::ObjectRef;

use super::claims::{Rival, Wants};
use super::context::Context;
use super::node::key;
use super::node_gather::Pass;
use super::node_keys::{self, NodeKey};
use super::node_look::Seen;
use super::node_trust::is_seen_through;
use crate::api::BareMetalNode;
use crate::domain::node::facts::ironic_name;
use crate::domain::node::identity::Claim;
use crate::domain::node::outcome::Twin;
use crate::domain::node::rules::Step;
use crate::fleet::{ObjectKey, Observer};
use crate::ironic::model::{Bmc, NodeSummary, Stamp};

/// Older objects of the namespace that are looked at, at most: of so many that name one machine, none has it without the others' leave.
const MOST: usize = 32;

impl Pass<'_> {
    /// Whether every node was listed, in detail, since the object first asked for its machine: one that was enrolled after the last listing
    /// would be taken for free.
    pub(super) fn has_been_looked_for(&self, observer: &Observer) -> bool {
        observer.has_looked_for(&self.key, self.object.metadata.generation.unwrap_or_default())
    }

    /// No node is the object's, nor in its way: the machine is free, unless another object was told so before.
    pub(super) fn look_for_it(&self, claim: &Claim, observer: &Observer) -> Seen {
        if self.deleting() {
            return Seen::Absent;
        }
        if !self.has_been_looked_for(observer) {
            return Seen::NotYet;
        }
        let Some(wants) = wants(claim, observer) else {
            return Seen::Absent;
        };
        let (rival, ended) = match self.older_rival(&wants) {
            Some(older) => (Some(older), false),
            None => match self.context.claims.rival(&self.key, &wants, shown_by(observer)) {
                Some(Rival { key, ended }) => (Some(key), ended),
                None => (None, false),
            },
        };
        let Some(rival) = rival else {
            self.context.claims.stop_waiting(&self.key);
            return Seen::Absent;
        };
        self.context.claims.wait(&self.key, &rival);
        // What came of the other's request shows in the next listing.
        if ended {
            Seen::NotYet
        } else {
            Seen::Taken(self.belongs_to(&wants, &rival))
        }
    }

    /// An object of the namespace that wants the same and was created earlier. Those of other namespaces may never get as far as to enrol
    /// it: they count once they do.
    fn older_rival(&self, wants: &Wants) -> Option<ObjectKey> {
        let observer = self.observer.as_ref()?;
        let namespace = self.namespace();
        let age = |object: &BareMetalNode| (object.metadata.creation_timestamp.clone(), key(object));
        let name = NodeKey::Name(namespace.to_owned(), wants.name.clone());
        let place = wants.bmc.as_ref().map(|bmc| NodeKey::bmc(namespace, bmc));
        let named = place.into_iter().chain([name]);
        let mut others = named.flat_map(|named| self.context.nodes_by.first(&named, MOST));
        let meets = |other: &BareMetalNode| {
            let same_bmc = wants.bmc.as_ref().zip(node_keys::bmc(other));
            same_bmc.is_some_and(|(one, other)| one.may_be_same(&other)) || ironic_name(other) == wants.name
        };
        let older = others.find(|other| {
            other.metadata.uid != self.object.metadata.uid
                && meets(other)
                && age(other) < age(&self.object)
                && is_seen_through(other, observer, self.context)
        })?;
        Some(key(&older))
    }

    /// Who has what the object wants, in a sentence. Objects of other namespaces are not named.
    fn belongs_to(&self, wants: &Wants, rival: &ObjectKey) -> String {
        let what = wants.bmc.as_ref().map_or_else(
            || format!("The name {}", wants.name),
            |bmc| format!("The machine at {bmc}, or the name {},", wants.name),
        );
        if rival.namespace == self.namespace() {
            let ObjectKey { namespace, name } = rival;
            format!("{what} belongs to BareMetalNode {namespace}/{name} already.")
        } else {
            format!("{what} belongs to a BareMetalNode of another namespace already.")
        }
    }

    /// Why the machine must not be written over: another node of this Ironic has its BMC. Two clouds may lead to one Ironic by two addresses,
    /// and neither object knew of the other when it enrolled the machine; whoever looks later sees the node of the earlier one.
    pub(super) fn twin(&self, step: Step) -> Twin {
        let writes = matches!(step, Step::Provide | Step::Deploy);
        let own = self.enrolled().or(self.object.metadata.uid.as_deref());
        let own = own.unwrap_or_default();
        let Some((observer, bmc)) = self
            .observer
            .as_ref()
            .filter(|_| writes)
            .and_then(|observer| Some((observer, observer.bmc(own)?)))
        else {
            return Twin::None;
        };
        if !observer.knows_rivals_of(own) {
            return Twin::NotYet;
        }
        let is_twin = |row: &NodeSummary| {
            row.uuid != own
                && observer
                    .bmc(&row.uuid)
                    .is_some_and(|other| other.may_be_same(&bmc))
        };
        match observer.by_bmc(&bmc).into_iter().find(|row| is_twin(row)) {
            Some(twin) => Twin::Node(twin.uuid.clone()),
            None => Twin::None,
        }
    }

    /// Whether nobody else is about to take what this step takes: then it is this object's as long as its request is under way.
    pub(super) fn takes(&self, step: Step, observer: &Observer) -> bool {
        let claim = self.claim();
        let Some(wants) = wants(&claim, observer).filter(|_| self.may_take_more(step, observer, &claim))
        else {
            return true;
        };
        self.context.claims.take(&self.key, wants, shown_by(observer))
    }

    /// Whether the step may give the object a machine that it does not have yet.
    fn may_take_more(&self, step: Step, observer: &Observer, claim: &Claim) -> bool {
        let moves = |bmc: &Bmc| {
            let id = self.enrolled().unwrap_or_default();
            observer.bmc(id).is_none_or(|live| !live.same_machine(bmc))
        };
        step == Step::Create || (step == Step::Patch && claim.bmc.as_ref().is_some_and(moves))
    }

    /// The request has ended; what came of it shows in whatever is listed from now on.
    pub(super) fn has_taken(&self, observer: &Observer) {
        end_claim(&self.key, Some(observer.client.stamp()), self.context);
    }
}

/// A request that takes something has ended, if there was one: those who wait for its outcome look again.
pub fn end_claim(key: &ObjectKey, at: Option<Stamp>, context: &Context) {
    if context.claims.end(key, at) {
        for waiting in context.claims.waiters(key) {
            let waiting = ObjectRef::new(&waiting.name).within(&waiting.namespace);
            context.node_triggers.send(waiting).ok();
        }
    }
}

fn wants(claim: &Claim, observer: &Observer) -> Option<Wants> {
    Some(Wants {
        ironic: observer.serial(),
        bmc: claim.bmc.clone(),
        name: claim.name.clone()?,
    })
}

fn shown_by(observer: &Observer) -> impl Fn(Stamp) -> bool {
    |stamp| observer.has_listed_since(stamp)
}
