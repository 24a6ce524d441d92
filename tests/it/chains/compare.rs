//! What a node in Ironic has, against what a spec says, and against a node that came to the same spec another way.

#![cfg(test)]

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

/// Fields of the spec that are one field in Ironic.
const SAME: [(&str, &str); 9] = [
    ("/name", "/name"),
    ("/driver", "/driver"),
    ("/resourceClass", "/resource_class"),
    ("/owner", "/owner"),
    ("/lessee", "/lessee"),
    ("/description", "/description"),
    ("/shard", "/shard"),
    ("/automatedClean/enabled", "/automated_clean"),
    ("/disablePowerOff", "/disable_power_off"),
];

/// Switches, which stay as they are when the spec no longer names them, and their reasons.
const SWITCHES: [&str; 3] = ["protected", "retired", "maintenance"];

/// Maps of which each key that the spec names is managed.
const MAPS: [(&str, &str); 3] = [
    ("driverInfo", "driver_info"),
    ("properties", "properties"),
    ("extra", "extra"),
];

/// The fields of the spec that Ironic does not show.
pub fn differences(spec: &Value, live: &Value) -> Vec<String> {
    let mut differ = Differences::default();
    for (wanted, shown) in SAME {
        differ.expect(wanted, spec.pointer(wanted), live.pointer(shown));
    }
    for (wanted, shown) in MAPS {
        for (key, value) in object(&spec[wanted]) {
            differ.expect(&format!("{wanted}.{key}"), Some(value), live[shown].get(key));
        }
    }
    for (kind, name) in object(&spec["interfaces"]) {
        let shown = live.get(format!("{kind}_interface"));
        differ.expect(&format!("interfaces.{kind}"), Some(name), shown);
    }
    for switch in SWITCHES {
        differ.expect(switch, spec[switch].get("enabled"), live.get(switch));
        let reason = spec[switch]["reason"].as_str().unwrap_or_default();
        let shown = live[format!("{switch}_reason")].as_str().unwrap_or_default();
        if !shown.contains(reason) {
            differ.0.push(format!("{switch}.reason: {reason:?} is {shown:?}"));
        }
    }
    let has = capabilities(&live["properties"]);
    for (key, value) in object(&spec["capabilities"]) {
        let wanted = format!("{key}:{}", value.as_str().unwrap_or_default());
        if !has.contains(&wanted) {
            differ.0.push(format!("capabilities: no {wanted} in {has:?}"));
        }
    }
    for wanted in list(&spec["traits"]) {
        if !list(&live["traits"]).contains(&wanted) {
            differ
                .0
                .push(format!("traits: no {wanted} in {}", live["traits"]));
        }
    }
    if let Some(data) = spec.get("networkData") {
        differ.expect("networkData", Some(data), live.get("network_data"));
    }
    differ.movement(spec, live);
    differ.0
}

#[derive(Default)]
struct Differences(Vec<String>);

impl Differences {
    fn expect(&mut self, name: &str, wanted: Option<&Value>, shown: Option<&Value>) {
        let name = name.trim_start_matches('/').replace('/', ".");
        let Some(wanted) = wanted.filter(|wanted| !wanted.is_null()) else {
            return;
        };
        let shown = shown.unwrap_or(&Value::Null);
        let masked = shown == "******";
        if !masked && plain(wanted) != plain(shown) {
            self.0.push(format!("{name}: {wanted} is {shown}"));
        }
    }

    /// Where the machine is, what is on it, and its power.
    fn movement(&mut self, spec: &Value, live: &Value) {
        let wanted = spec.pointer("/provision/state").and_then(Value::as_str);
        let shown = live["provision_state"].as_str().unwrap_or_default();
        let used = wanted == Some("available") && !live["instance_uuid"].is_null();
        if let Some(wanted) = wanted.filter(|wanted| *wanted != shown && !used) {
            self.0.push(format!("provision.state: {wanted} is {shown}"));
        }
        let image = spec.pointer("/provision/instance/image/source");
        self.expect(
            "provision.instance",
            image,
            live.pointer("/instance_info/image_source"),
        );
        let power = match spec.pointer("/power/state").and_then(Value::as_str) {
            Some("PoweredOn") => Some(json!("power on")),
            Some(_) => Some(json!("power off")),
            None => None,
        };
        if !used && live["maintenance"] != true {
            self.expect("power.state", power.as_ref(), live.get("power_state"));
        }
    }
}

/// What two nodes of one spec have in common, whichever way they came to it. What nobody's spec names and somebody else has
/// set is left out, as are switches that the spec leaves alone.
pub fn essence(spec: &Value, live: &Value, theirs: &[&str]) -> Value {
    let mut kept = Map::new();
    let always = [
        "driver",
        "resource_class",
        "owner",
        "lessee",
        "description",
        "shard",
        "network_data",
    ];
    let always = always
        .into_iter()
        .chain(["automated_clean", "conductor_group", "chassis_uuid"]);
    let interfaces = object(live)
        .map(|(key, _)| key.as_str())
        .filter(|key| key.ends_with("_interface"));
    for key in always.chain(interfaces) {
        kept.insert(key.to_owned(), plain(&live[key]));
    }
    for (named, key) in MAPS {
        let inspected = key == "properties" && spec["onEnroll"]["inspect"] == true;
        let keys = object(&live[key]).filter(|(name, _)| {
            let own = *name == "ironwright" || *name == "redfish_address" || *name == "capabilities";
            !own && (!inspected || spec[named].get(name.as_str()).is_some())
        });
        let keys = keys.map(|(name, value)| (name.clone(), plain(value))).collect();
        kept.insert(key.to_owned(), Value::Object(keys));
    }
    kept.insert(
        "capabilities".to_owned(),
        json!(capabilities(&live["properties"])),
    );
    kept.insert("traits".to_owned(), json!(list(&live["traits"])));
    for switch in SWITCHES.into_iter().filter(|switch| spec.get(switch).is_some()) {
        kept.insert(switch.to_owned(), live[switch].clone());
        let reason = format!("{switch}_reason");
        kept.insert(reason.clone(), plain(&live[reason]));
    }
    if spec["disablePowerOff"].is_boolean() {
        kept.insert("disable_power_off".to_owned(), live["disable_power_off"].clone());
    }
    let mut kept = Value::Object(kept);
    for path in theirs {
        let (parent, key) = path.rsplit_once('/').unwrap_or_default();
        if let Some(parent) = kept.pointer_mut(parent).and_then(Value::as_object_mut) {
            parent.remove(key);
        }
    }
    kept
}

/// Two values that mean the same are the same: nothing in whatever form, a group in whatever case, and numbers by their value.
fn plain(value: &Value) -> Value {
    match value {
        Value::String(text) if text.is_empty() => Value::Null,
        Value::Object(map) if map.is_empty() => Value::Null,
        Value::Array(list) if list.is_empty() => Value::Null,
        Value::Object(map) => {
            let plain = map.iter().map(|(key, value)| (key.clone(), plain(value)));
            Value::Object(plain.collect())
        }
        Value::Array(list) => list.iter().map(plain).collect(),
        Value::Number(number) => number
            .as_f64()
            .filter(|float| number.is_f64() && float.fract() == 0.0 && float.abs() < 1e15)
            .map_or_else(
                || value.clone(),
                |float| json!(format!("{float:.0}").parse::<i64>().ok()),
            ),
        other => other.clone(),
    }
}

fn object(value: &Value) -> impl Iterator<Item = (&String, &Value)> {
    value.as_object().into_iter().flatten()
}

fn list(value: &Value) -> BTreeSet<String> {
    let all = value.as_array().into_iter().flatten();
    all.filter_map(|item| Some(item.as_str()?.to_owned())).collect()
}

fn capabilities(properties: &Value) -> BTreeSet<String> {
    let text = properties["capabilities"].as_str().unwrap_or_default();
    text.split(',')
        .filter(|one| !one.is_empty())
        .map(ToOwned::to_owned)
        .collect()
}

#[test]
fn what_is_missing_is_named_and_what_is_another_form_of_the_same_is_not() {
    let spec = json!({
        "resourceClass": "small", "extra": {"a": 1.0, "b": {}}, "traits": ["CUSTOM_ONE"], "capabilities": {"k": "v"},
        "protected": {"enabled": true, "reason": "x"}, "provision": {"state": "available"}, "interfaces": {"power": "fake"},
    });
    let mut live = json!({
        "resource_class": "small", "extra": {"a": 1, "b": null}, "traits": ["CUSTOM_ONE", "OTHER"], "power_interface": "fake",
        "properties": {"capabilities": "a:b,k:v"}, "protected": true, "protected_reason": "x", "provision_state": "available",
    });
    assert_eq!(differences(&spec, &live), Vec::<String>::new());
    live["resource_class"] = json!("large");
    live["extra"] = json!({});
    live["provision_state"] = json!("manageable");
    assert_eq!(
        differences(&spec, &live).len(),
        3,
        "{:?}",
        differences(&spec, &live)
    );
    let theirs = ["/resource_class"];
    live["extra"] = json!({"a": 1, "ironwright": {}});
    let mut other = live.clone();
    other["resource_class"] = json!("other");
    assert_eq!(essence(&spec, &live, &theirs), essence(&spec, &other, &theirs));
    other["extra"]["left"] = json!("over");
    assert_ne!(essence(&spec, &live, &theirs), essence(&spec, &other, &theirs));
}
