//! The journal of the object's instance: which one was deployed, and whether it went without a step of ours.
//!
//! Ironic forgets. A database that was restored from a backup, or an administrator who undeploys a machine to stop it, leave a node
//! that looks as if nothing had ever been on it, while the disks hold what the object deployed. It is not deployed again by itself.

use serde_json::json;

use super::desired::digest;
use super::facts::NodeFacts;
use super::rules::Step;
use super::situation::{Place, Tenant};
use crate::api::RETRY_ANNOTATION;
use crate::api::node::{DeletionPolicy, InstanceRecord};

/// The instance of this object, as far as the status knows.
pub fn journal<'a>(facts: &NodeFacts<'a>) -> Option<&'a InstanceRecord> {
    facts.object.status.as_ref()?.instance.as_ref()
}

/// What the record is made with: another `provision`, or another value of the annotation, asks for an instance anew.
fn basis(facts: &NodeFacts) -> String {
    let annotations = facts.object.metadata.annotations.as_ref();
    let retry = annotations.and_then(|all| all.get(RETRY_ANNOTATION));
    digest(&json!([facts.object.spec.provision, retry]))
}

/// The record, if the instance was deployed and nothing that this object did or asked for explains that it is gone.
pub fn deployed<'a>(facts: &NodeFacts<'a>) -> Option<&'a InstanceRecord> {
    let wipes = facts.deleting() && facts.deletion_policy() == DeletionPolicy::Undeploy;
    let wanted = wipes || (!facts.deleting() && super::marker::wants_instance(facts.object));
    journal(facts).filter(|record| {
        record.deployed && wanted && !undeploys(facts) && (wipes || record.basis == basis(facts))
    })
}

/// Whether the teardown was announced: then it was our own, although nobody lived to write down that it was begun.
fn undeploys(facts: &NodeFacts) -> bool {
    let intent = facts
        .object
        .status
        .as_ref()
        .and_then(|status| status.intent.as_ref());
    intent.is_some_and(|intent| intent.verb == Step::Undeploy.as_str())
}

/// Whether the instance that was deployed is no longer there, or no longer as it was. A claim alone is no instance: it may be what an
/// older backup shows.
pub fn is_gone(facts: &NodeFacts, place: Place) -> bool {
    // Who wipes tears down what is left of a deployment that failed under our claim, whoever began it.
    let claimed = facts
        .look
        .summary()
        .is_some_and(|node| node.instance_uuid.is_some());
    let left = facts.deleting() && claimed && place == Place::DeployFailed;
    is_bare(place) && !left && deployed(facts).is_some()
}

/// Whether the object is deleted with its instance, which is known to have been deployed, and the node is no longer the object's to tear
/// down: it cannot be told as done.
pub fn is_beyond_reach(facts: &NodeFacts) -> bool {
    facts.deleting() && deployed(facts).is_some()
}

/// Whether a node there has no working instance.
fn is_bare(place: Place) -> bool {
    place.unoccupied() || place == Place::DeployFailed
}

/// The record after a look at the node.
pub fn recorded(facts: &NodeFacts, place: Place, tenant: Tenant) -> Option<InstanceRecord> {
    let before = journal(facts);
    let claim = facts.look.summary().and_then(|node| node.instance_uuid.clone());
    match tenant {
        Tenant::Ours | Tenant::OursChanged => {
            let id = claim.or_else(|| before.map(|record| record.id.clone()))?;
            let was = before.is_some_and(|record| record.id == id && record.deployed);
            Some(InstanceRecord {
                id,
                // A teardown that was announced, and is seen to be under way, is our own.
                deployed: matches!(place, Place::Active | Place::Rescue)
                    || (was && !is_bare(place) && !undeploys(facts)),
                basis: basis(facts),
            })
        }
        // Nothing is left of it, as the spec asked.
        Tenant::Nobody if place.unoccupied() => None,
        Tenant::Nobody if undeploys(facts) => None,
        Tenant::Nobody | Tenant::Gone | Tenant::Inherited | Tenant::Foreign => before.cloned(),
    }
}
