//! How a node's fields differ from the spec, and which of the differences can be settled in its state.

use json_patch::PatchOperation;
use serde_json::Value;

pub use super::applied::{applied, secrets_changed, secrets_wanted};
use super::applied::{driver_info_owned, is_as_verified, is_gone, is_untold, journal, written};
use super::desired::{self, Desired};
use super::facts::NodeFacts;
use super::marker;
pub use super::operations::{add, remove};
use super::situation::{Gap, Tenant};
pub use super::table::Editable;
use super::upkeep::{self, MaintenanceChange, TraitChange};
use super::{capabilities, credentials, drift, leaving, power, table};
use crate::api::node::Applied;
use crate::ironic::model::{Node, NodeSummary, Object, same};

/// The differences of one field.
pub struct Difference {
    /// The field as Ironic names it.
    pub field: String,
    /// When it may be changed.
    pub when: Editable,
    /// How.
    pub operations: Vec<PatchOperation>,
}

/// What differs, split by whether it may be changed in the node's state.
#[derive(Default)]
pub struct Edits {
    /// Changes to make now.
    pub now: Vec<PatchOperation>,
    /// Names of the fields changed now.
    pub now_fields: Vec<String>,
    /// The fields that wait for another state.
    pub later: Vec<Later>,
    /// The driver changes: interfaces that are not set go back to its defaults.
    pub reset_interfaces: bool,
}

/// A field that waits for another state.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Later {
    /// The field as Ironic names it.
    pub field: String,
    /// When it may be changed.
    pub when: Editable,
}

/// What has to be changed next, as far as the look tells: by digest, fingerprint and marker on a row of the list, in truth on the whole node.
///
/// Maintenance comes first and goes last, so that what is changed under it is. The power is seen to when nothing else is left.
/// Credentials are not tried on a machine that somebody else uses.
pub fn gap(facts: &NodeFacts, tenant: Tenant) -> Gap {
    let Some(row) = facts.look.summary() else {
        return Gap::None;
    };
    // Before anything else the node carries the object's own mark.
    if marker::wanted(facts, row).is_some() {
        return Gap::Mark;
    }
    let maintenance = upkeep::maintenance(facts.object, row);
    if maintenance == Some(MaintenanceChange::Enter) {
        return Gap::Enter;
    }
    let (now, later) = match facts.look.full() {
        Some(node) => change(facts, node),
        None => row_change(facts),
    };
    let proves = || !tenant.is_anothers() && credentials::are_unproven(facts, row);
    now.or(maintenance.map(|_| Gap::Lift))
        .or_else(|| proves().then_some(Gap::Unproven))
        .or_else(|| power::gap(facts, row))
        .unwrap_or(later)
}

/// Whether a PATCH is needed that the node's state permits.
pub fn unwritten(facts: &NodeFacts, node: &Node) -> bool {
    !edits(facts, node).now.is_empty() || is_untold(facts)
}

/// What can be changed now, and whether something can only be changed later.
fn change(facts: &NodeFacts, node: &Node) -> (Option<Gap>, Gap) {
    let edits = edits(facts, node);
    let now = if !edits.now.is_empty() || is_untold(facts) {
        Some(Gap::Now)
    } else {
        upkeep::next_trait(facts, node).map(|change| match change {
            TraitChange::Add(_) => Gap::TraitMissing,
            TraitChange::Remove(_) => Gap::TraitSurplus,
        })
    };
    let waits = !edits.later.is_empty();
    (now, if waits { Gap::Later } else { Gap::None })
}

/// The same as far as a row of the list tells: what was found not to be corrected now needs no second look.
fn row_change(facts: &NodeFacts) -> (Option<Gap>, Gap) {
    match drift::known(facts) {
        Some(_) if drift::uncorrected(facts).is_some() => (None, Gap::None),
        Some(_) => (None, Gap::Later),
        None => (row_differs(facts).then_some(Gap::Now), Gap::None),
    }
}

/// Whether a row of the list tells that the node may not be as the spec has it.
pub fn row_differs(facts: &NodeFacts) -> bool {
    let applied = journal(facts).map(|applied| applied.digest.as_str());
    !is_as_verified(facts) || applied != Some(Desired::of(facts).digest(facts).as_str())
}

/// Every difference of the node, computed from the whole of it.
pub fn edits(facts: &NodeFacts, node: &Node) -> Edits {
    let mut edits = Edits::default();
    for difference in differences(facts, node) {
        if difference.when.permits(node) {
            edits.reset_interfaces |= difference.field == "driver";
            edits.now.extend(difference.operations);
            edits.now_fields.push(difference.field);
        } else {
            edits.later.push(Later {
                field: difference.field,
                when: difference.when,
            });
        }
    }
    if let Some(outlived) = marker::outlived(facts, node).filter(|_| !edits.now.is_empty()) {
        edits.now.push(outlived);
    }
    edits
}

fn differences(facts: &NodeFacts, node: &Node) -> Vec<Difference> {
    let desired = Desired::of(facts);
    let nothing = Applied::default();
    let applied = journal(facts).unwrap_or(&nothing);
    let mut all = top_level(&desired, applied, node);
    let at_rest = |field: &str, operations| Difference {
        field: field.to_owned(),
        when: Editable::AtRest,
        operations,
    };
    all.push(at_rest(
        "driver_info",
        driver_info(facts, &desired, applied, node),
    ));
    all.push(at_rest(
        "properties",
        properties(&desired, applied, &node.properties),
    ));
    all.push(at_rest("extra", extra(facts, &desired, applied, node)));
    all.retain(|difference| !difference.operations.is_empty() && leaving::is_due(facts, &difference.field));
    all
}

fn top_level(desired: &Desired, applied: &Applied, node: &Node) -> Vec<Difference> {
    let live = match serde_json::to_value(node) {
        Ok(Value::Object(live)) => live,
        Ok(_) | Err(_) => Object::new(),
    };
    let set = desired.fields.iter().filter_map(|(field, value)| {
        let differs = !same(live.get(*field).unwrap_or(&Value::Null), value);
        differs.then(|| (*field, Some(value), add(&[field], value.clone())))
    });
    let is_on = |switch: &str| desired.fields.get(switch) == Some(&Value::Bool(true));
    // A field that we set and the spec no longer names goes back to Ironic's default.
    let unset = applied
        .fields
        .iter()
        .map(String::as_str)
        .filter(|field| !desired.fields.contains_key(field) && table::reverts(field, is_on))
        .filter(|field| is_set(field, live.get(*field)))
        .map(|field| (field, None, reset(field)));
    set.chain(unset)
        .map(|(field, wanted, operation)| Difference {
            field: field.to_owned(),
            when: table::editable(field, wanted, node),
            operations: vec![operation],
        })
        .collect()
}

fn is_set(field: &str, live: Option<&Value>) -> bool {
    live.is_some_and(|value| !table::is_default(field, value))
}

fn reset(field: &str) -> PatchOperation {
    match table::default_to_write(field) {
        Some(default) => add(&[field], default),
        None => remove(&[field]),
    }
}

/// Differences of `properties`, in which the capabilities are one text.
fn properties(desired: &Desired, applied: &Applied, live: &Object) -> Vec<PatchOperation> {
    let mut wanted = desired.properties.clone();
    let mut ours = applied.properties.clone();
    let managed = !(desired.capabilities.is_empty() && applied.capabilities.is_empty());
    if managed && !wanted.contains_key(capabilities::KEY) {
        let before = live.get(capabilities::KEY);
        match capabilities::merge(&desired.capabilities, &applied.capabilities, before) {
            Some(text) => _ = wanted.insert(capabilities::KEY.to_owned(), text),
            None => ours.push(capabilities::KEY.to_owned()),
        }
    }
    keys("properties", &wanted, &ours, live)
}

/// Three-way differences of a map: what is wanted and differs is set, what we once set and is no longer wanted is removed,
/// everything else is left alone.
fn keys(parent: &str, wanted: &Object, applied: &[String], live: &Object) -> Vec<PatchOperation> {
    let set: Vec<_> = wanted
        .iter()
        .filter(|(key, value)| !has(live, key, value))
        .collect();
    let gone: Vec<_> = applied
        .iter()
        .filter(|key| !wanted.contains_key(*key) && live.contains_key(*key))
        .collect();
    if set
        .iter()
        .map(|(key, _)| *key)
        .chain(gone.iter().copied())
        .all(|key| is_plain_key(key))
    {
        let set = set
            .into_iter()
            .map(|(key, value)| add(&[parent, key], value.clone()));
        return set
            .chain(gone.into_iter().map(|key| remove(&[parent, key])))
            .collect();
    }
    // Ironic takes no path with other characters: replace the parent, merged from this fresh read.
    let mut merged = live.clone();
    merged.retain(|key, _| !gone.contains(&key));
    merged.extend(wanted.iter().map(|(key, value)| (key.clone(), value.clone())));
    vec![add(&[parent], Value::Object(merged))]
}

/// Whether the key is there with this value, however it is written.
fn has(live: &Object, key: &str, value: &Value) -> bool {
    live.get(key).is_some_and(|live| same(live, value))
}

/// Whether Ironic takes the key in the path of a PATCH: `^(/[\w-]+)+$`.
pub fn is_plain_key(key: &str) -> bool {
    !key.is_empty() && key.chars().all(|c| c.is_alphanumeric() || c == '_' || c == '-')
}

/// Differences of `driver_info`, key by key and never as a whole: what Ironic masks would be written back masked.
fn driver_info(facts: &NodeFacts, desired: &Desired, applied: &Applied, node: &Node) -> Vec<PatchOperation> {
    let live = &node.driver_info;
    let set = |(key, value): (&String, &Value)| add(&["driver_info", key], value.clone());
    let clear = desired
        .driver_info
        .iter()
        .filter(|(key, value)| !has(live, key, value) && !written(facts, desired, key, live));
    // Ironic masks secrets, so they cannot be compared: they are written when their Secret is another than the one written last,
    // and those that are no longer there.
    let changed = secrets_changed(facts);
    let secret = desired::secret_driver_info(facts);
    let secret = secret
        .iter()
        .filter(|(key, value)| (changed || is_gone(live.get(*key))) && !has(live, key, value));
    let gone = driver_info_owned(facts, applied);
    let gone = gone.iter().filter(|key| {
        !desired.driver_info.contains_key(*key) && live.contains_key(*key) && is_plain_key(key)
    });
    clear
        .chain(secret)
        .map(set)
        .chain(gone.map(|key| remove(&["driver_info", key])))
        .collect()
}

fn extra(facts: &NodeFacts, desired: &Desired, applied: &Applied, node: &Node) -> Vec<PatchOperation> {
    let mut wanted = desired.extra.clone();
    if let Some(marker) = marker::wanted(facts, &NodeSummary::from(node)) {
        wanted.insert(marker::KEY.to_owned(), marker.value());
    }
    keys("extra", &wanted, &applied.extra, &node.extra)
}
