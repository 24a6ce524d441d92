//! The journal of what was written: whose fields and keys are ours, and which Secrets were written last.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::json;

use serde_json::Value;

use super::desired::{self, Desired, MASK};
use super::facts::NodeFacts;
use super::fields::edits;
use super::{credentials, table, upkeep};
use crate::api::node::Applied;
use crate::ironic::model::{Node, Object, ProvisionState, VENDOR};

/// Ends the digest of a spec that is written but for fields that wait for another state: it equals no digest, so that a row of the
/// list never passes for the whole of it.
const PENDING: &str = "-pending";

/// What was written last, as far as the status knows.
pub fn journal<'a>(facts: &NodeFacts<'a>) -> Option<&'a Applied> {
    facts.object.status.as_ref()?.applied.as_ref()
}

/// What is recorded once all that can be written in the node's state is written.
pub fn applied(facts: &NodeFacts) -> Applied {
    let desired = Desired::of(facts);
    let nothing = Applied::default();
    let before = journal(facts).unwrap_or(&nothing);
    // A node that is not seen is about to be created.
    let later = match facts.look.full() {
        Some(node) => edits(facts, node)
            .later
            .into_iter()
            .map(|later| later.field)
            .collect(),
        None => after_creation(&desired),
    };
    let mut digest = desired.digest(facts);
    let traits_wait = match facts.look.full() {
        Some(node) => upkeep::next_trait(facts, node).is_some(),
        None => !desired.traits.is_empty(),
    };
    if traits_wait || !later.is_empty() {
        digest.push_str(PENDING);
    }
    let mut applied = Applied {
        digest,
        fields: fields(&desired, before, &later),
        driver_info: driver_info(facts, &desired, before),
        properties: desired.properties.keys().cloned().collect(),
        capabilities: desired.capabilities.keys().cloned().collect(),
        traits: traits(facts, &desired, before),
        extra: desired.extra.keys().cloned().collect(),
        secrets: secrets(facts),
        verified: facts.look.full().and_then(|_| fingerprint(facts)),
        proven: None,
    };
    applied.proven = credentials::proven(facts, &applied);
    applied
}

/// Whether the node is as it was when it was last found to be as wanted, in all that a spec can name. What is not known is no reason
/// to look closer.
pub fn is_as_verified(facts: &NodeFacts) -> bool {
    let verified = journal(facts).and_then(|applied| applied.verified.as_deref());
    fingerprint(facts).is_none_or(|now| verified == Some(now.as_str()))
}

/// The fingerprint of the node as it is seen, over all that the spec can name. What Ironic fills in by itself is part of it only if the
/// spec names it, or did.
pub fn fingerprint(facts: &NodeFacts) -> Option<String> {
    let seen = facts.fingerprint?;
    let named = facts.object.spec.properties.as_ref();
    let named = named.is_some_and(|properties| properties.0.contains_key(VENDOR));
    let set = journal(facts).is_some_and(|applied| applied.properties.iter().any(|key| key == VENDOR));
    Some(if named || set {
        seen.with_vendor()
    } else {
        seen.to_string()
    })
}

/// Of the traits on the node those that the spec names, or that we set before.
fn traits(facts: &NodeFacts, desired: &Desired, before: &Applied) -> Vec<String> {
    let live = facts.look.full().map(|node| node.traits.as_slice());
    let ours = |live: &&String| desired.traits.contains(*live) || before.traits.contains(*live);
    let all: BTreeSet<_> = live.unwrap_or_default().iter().filter(ours).cloned().collect();
    all.into_iter().collect()
}

/// The fields that a node is not created with: Ironic refuses them then, and takes them later.
pub fn after_creation(desired: &Desired) -> Vec<String> {
    let fresh = Node {
        provision_state: ProvisionState::Enroll,
        ..Node::default()
    };
    let waits = |(field, value): &(&&str, &Value)| {
        let permitted = **field != "owner" && table::editable(field, Some(value), &fresh).permits(&fresh);
        !table::is_default(field, value) && !permitted
    };
    let fields = desired.fields.iter().filter(waits);
    fields.map(|(field, _)| (*field).to_owned()).collect()
}

/// A field that waits is ours only if it was before.
fn fields(desired: &Desired, before: &Applied, later: &[String]) -> Vec<String> {
    let waits = |field: &str| later.iter().any(|waiting| waiting == field);
    let now = desired
        .fields
        .keys()
        .copied()
        .filter(|field| !waits(field))
        .map(str::to_owned);
    let all: BTreeSet<_> = now
        .chain(before.fields.iter().filter(|field| waits(field)).cloned())
        .collect();
    all.into_iter().collect()
}

fn driver_info(facts: &NodeFacts, desired: &Desired, before: &Applied) -> Vec<String> {
    let from = secret_keys(facts).unwrap_or_else(|| before.driver_info.iter().cloned().collect());
    let all: BTreeSet<_> = desired.driver_info.keys().cloned().chain(from).collect();
    all.into_iter().collect()
}

fn secrets(facts: &NodeFacts) -> BTreeMap<String, String> {
    let names = facts
        .object
        .spec
        .driver_info_from
        .iter()
        .map(|from| &from.secret_ref.name);
    names
        .filter_map(|name| Some((name.clone(), taken(facts, name)?)))
        .collect()
}

/// The version of a Secret and, where only some of its keys are taken, a digest of which.
fn taken(facts: &NodeFacts, secret: &str) -> Option<String> {
    let version = desired::version(facts, secret)?;
    let from = facts.object.spec.driver_info_from.iter();
    let keys: Vec<_> = from
        .filter(|from| from.secret_ref.name == secret)
        .map(|from| &from.keys)
        .collect();
    if keys.iter().all(|keys| keys.is_none()) {
        Some(version.to_owned())
    } else {
        Some(format!("{version}/{}", desired::digest(&json!(keys))))
    }
}

/// The `driver_info` keys that come from Secrets; none while that cannot be told without their content.
fn secret_keys(facts: &NodeFacts) -> Option<BTreeSet<String>> {
    let mut all = BTreeSet::new();
    for from in &facts.object.spec.driver_info_from {
        if let Some(keys) = &from.keys {
            all.extend(keys.keys().cloned());
        } else {
            let contents = facts.secrets.contents.as_ref()?;
            let content = contents.get(&from.secret_ref.name);
            all.extend(content.iter().flat_map(|content| content.data.keys().cloned()));
        }
    }
    Some(all)
}

/// Keys of `driver_info` that we set and that no Secret adds now.
pub fn driver_info_owned(facts: &NodeFacts, applied: &Applied) -> Vec<String> {
    let Some(added) = secret_keys(facts) else {
        return vec![];
    };
    let ours = applied.driver_info.iter();
    ours.filter(|key| !added.contains(*key)).cloned().collect()
}

/// Whether a value given in the clear that Ironic masks all the same was written already. It cannot be compared.
pub fn written(facts: &NodeFacts, desired: &Desired, key: &str, live: &Object) -> bool {
    let masked = live.get(key).and_then(|value| value.as_str()) == Some(MASK);
    masked
        && journal(facts).is_some_and(|applied| {
            same_spec(facts, desired, applied) && applied.driver_info.iter().any(|ours| ours == key)
        })
}

fn same_spec(facts: &NodeFacts, desired: &Desired, applied: &Applied) -> bool {
    let recorded = applied.digest.strip_suffix(PENDING).unwrap_or(&applied.digest);
    recorded == desired.digest(facts)
}

/// Whether a Secret of `driverInfoFrom`, or what is taken from it, is another than the one written last.
pub fn secrets_changed(facts: &NodeFacts) -> bool {
    facts.object.spec.driver_info_from.iter().any(|from| {
        let name = &from.secret_ref.name;
        let written = journal(facts).and_then(|applied| applied.secrets.get(name));
        taken(facts, name).as_ref() != written
    })
}

/// Whether a change of fields needs the content of Secrets: to write it, or to tell which of our keys are no longer wanted.
pub fn secrets_wanted(facts: &NodeFacts) -> bool {
    let unclear = || {
        let desired = Desired::of(facts);
        journal(facts).is_some_and(|applied| {
            let mut ours = applied.driver_info.iter();
            !same_spec(facts, &desired, applied) && ours.any(|key| !desired.driver_info.contains_key(key))
        })
    };
    secrets_changed(facts) || removed(facts) || (secret_keys(facts).is_none() && unclear())
}

/// Whether a PATCH is due of which it cannot be told what it says. A Secret that was touched may still say the same: once its content is
/// known, the edits tell, unless that cannot be used.
pub fn is_untold(facts: &NodeFacts) -> bool {
    let known = facts.secrets.contents.is_some() && !desired::are_unusable(facts);
    !known && secrets_wanted(facts)
}

/// Whether a key that a Secret gave is no longer in the node's `driver_info`. What it held cannot be compared; that it is gone shows.
pub fn removed(facts: &NodeFacts) -> bool {
    let (Some(node), Some(applied)) = (facts.look.full(), journal(facts)) else {
        return false;
    };
    let desired = Desired::of(facts).driver_info;
    let given = secret_keys(facts);
    applied.driver_info.iter().any(|key| {
        let from_secret = given.as_ref().is_none_or(|given| given.contains(key));
        from_secret && !desired.contains_key(key) && is_gone(node.driver_info.get(key))
    })
}

/// Whether Ironic holds nothing under a key.
pub fn is_gone(live: Option<&Value>) -> bool {
    live.is_none_or(Value::is_null)
}
