//! What one round of changes must have done to a node.

use std::collections::BTreeSet;

use serde_json::Value;

use super::super::desired::{self, Desired, MASK};
use super::super::fields::{edits, secrets_changed};
use super::super::table;
use super::fixture::{Case, Sight};
use crate::api::node::Applied;
use crate::ironic::model::{Node, Object};

pub fn live(case: &Case) -> &Node {
    let Sight::Full(node) = &case.sight else { panic!() };
    node
}

/// Wanted keys have their values, keys we set and no longer want are gone, every other key is as it was.
fn three_way(what: &str, wanted: &Object, ours: &[String], before: &Object, after: &Object) {
    let keys: BTreeSet<_> = wanted.keys().chain(before.keys()).chain(after.keys()).collect();
    for key in keys {
        let expected = match wanted.get(key) {
            Some(value) => Some(value),
            None if ours.contains(key) => None,
            None => before.get(key),
        };
        assert_eq!(after.get(key), expected, "{what}.{key}");
    }
}

/// The capabilities that a text holds.
fn entries(text: Option<&Value>) -> Object {
    let text = text.and_then(Value::as_str).unwrap_or_default();
    let pairs = text.split(',').filter_map(|entry| entry.split_once(':'));
    pairs
        .map(|(key, value)| (key.to_owned(), Value::from(value)))
        .collect()
}

/// Every field is as wanted, or waits for another state; what we set and is no longer named is at its default, but for switches;
/// everything else is as it was.
fn check_top_level(before: &Case, ours: &Applied, after: &Node) {
    let show = |node: &Node| serde_json::to_value(node).unwrap();
    let (old, new) = (show(live(before)), show(after));
    let waits = before.with(|facts| edits(facts, facts.look.full().unwrap()).later);
    let wanted = before.with(|facts| Desired::of(facts).fields);
    let maps = ["driver_info", "properties", "extra"];
    let fields: BTreeSet<_> = old
        .as_object()
        .unwrap()
        .keys()
        .chain(new.as_object().unwrap().keys())
        .collect();
    for field in fields.into_iter().filter(|field| !maps.contains(&field.as_str())) {
        let is_default = |value: &Value| value == "default" || table::is_default(field, value);
        let now = new.get(field).unwrap_or(&Value::Null);
        let switch = field.starts_with("protected") || field.starts_with("retired");
        if waits.iter().any(|later| later.field == *field) || (switch && !wanted.contains_key(field.as_str()))
        {
            continue;
        }
        match wanted.get(field.as_str()) {
            Some(value) => assert!(
                now == value || is_default(now) && is_default(value),
                "{field}: {now}"
            ),
            None if ours.fields.contains(field) => assert!(is_default(now), "{field}: {now}"),
            None => assert_eq!(now, old.get(field).unwrap_or(&Value::Null), "{field}"),
        }
    }
}

pub fn check_round(before: &Case, after: &Case) {
    let nothing = crate::api::node::Applied::default();
    let status = before.object.status.as_ref();
    let ours = status
        .and_then(|status| status.applied.as_ref())
        .unwrap_or(&nothing);
    let spec = &before.object.spec;
    let (old, new) = (live(before), live(after));
    let mixed = |node: &Node| {
        let mut properties = node.properties.clone();
        let text = properties.remove("capabilities");
        (properties, entries(text.as_ref()))
    };
    let ((old_properties, old_capabilities), (new_properties, new_capabilities)) = (mixed(old), mixed(new));
    three_way(
        "properties",
        &spec.properties.clone().unwrap().0,
        &ours.properties,
        &old_properties,
        &new_properties,
    );
    let wanted = spec
        .capabilities
        .iter()
        .map(|(key, value)| (key.clone(), Value::from(value.0.clone())));
    three_way(
        "capabilities",
        &wanted.collect(),
        &ours.capabilities,
        &old_capabilities,
        &new_capabilities,
    );
    check_top_level(before, ours, new);
    let mut extra = spec.extra.clone().unwrap().0;
    extra.insert("ironwright".into(), before.with(|facts| facts.marker().value()));
    three_way("extra", &extra, &ours.extra, &old.extra, &new.extra);
    check_driver_info(before, ours, new);
}

/// Of a secret that Ironic masks only its writing can be checked: it stays as it is while nobody changes it.
fn check_driver_info(before: &Case, ours: &Applied, new: &Node) {
    let (spec, old) = (&before.object.spec, live(before));
    let mut info = before.with(desired::secret_driver_info);
    info.extend(spec.driver_info.clone().unwrap().0);
    let open = |object: &Object| -> Object {
        object
            .iter()
            .filter(|(key, _)| !key.contains("password"))
            .map(|(k, v)| (k.clone(), v.clone()))
            .collect()
    };
    let changed = before.with(secrets_changed);
    let clear: Object = info
        .iter()
        .filter(|(key, _)| changed || spec.driver_info.as_ref().unwrap().0.contains_key(*key))
        .map(|(k, v)| (k.clone(), v.clone()))
        .collect();
    let kept: Vec<_> = ours
        .driver_info
        .iter()
        .filter(|key| !info.contains_key(*key))
        .cloned()
        .collect();
    three_way(
        "driver_info",
        &open(&clear),
        &kept,
        &open(&old.driver_info),
        &open(&new.driver_info),
    );
    assert!(
        !new.driver_info.values().any(|value| value == MASK),
        "a mask was written"
    );
    if changed {
        for (key, value) in info {
            assert_eq!(new.driver_info.get(&key), Some(&value), "secret {key}");
        }
    }
}
