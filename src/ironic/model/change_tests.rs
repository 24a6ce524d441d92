//! Patches against an independent meaning of "change", over objects of every shape.
use proptest::prelude::*;
use serde_json::json;

use super::*;

fn object(value: Value) -> Object {
    serde_json::from_value(value).unwrap()
}

/// Any JSON, not too deep; null only inside (a null field is a missing one).
fn json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        any::<bool>().prop_map(Value::from),
        (-3..3_i64).prop_map(Value::from),
        "[a-c~/.]{0,2}".prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 12, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..3).prop_map(Value::from),
            keys(inner).prop_map(Value::Object),
        ]
    })
}

/// Objects with few keys, so that two of them share some; awkward ones among them.
fn keys(value: impl Strategy<Value = Value>) -> impl Strategy<Value = Object> {
    let key = prop_oneof![Just("a"), Just("b-1"), Just("c.d"), Just("e~f/g"), Just("")];
    prop::collection::btree_map(key.prop_map(str::to_owned), value, 0..4)
        .prop_map(|keys| keys.into_iter().collect())
}

/// An object of Ironic: its fields have plain names.
fn resource() -> impl Strategy<Value = Object> {
    let field = prop_oneof![Just("name"), Just("extra"), Just("properties"), Just("owner")];
    prop::collection::btree_map(field.prop_map(str::to_owned), json(), 0..4)
        .prop_map(|fields| fields.into_iter().collect())
}

fn change() -> impl Strategy<Value = FieldChange> {
    prop_oneof![
        json().prop_map(FieldChange::Set),
        Just(FieldChange::Unset),
        keys(json()).prop_map(|keys| {
            let kept = |value: Value| (value != json!(1)).then_some(value);
            FieldChange::Keys(keys.into_iter().map(|(key, value)| (key, kept(value))).collect())
        }),
        keys(json()).prop_map(FieldChange::Whole),
    ]
}

/// What a change means, without any patch.
fn meant(now: &Object, field: &str, change: &FieldChange) -> Object {
    let mut after = now.clone();
    match change {
        FieldChange::Set(value) => drop(after.insert(field.into(), value.clone())),
        FieldChange::Unset => drop(after.remove(field)),
        FieldChange::Whole(object) => drop(after.insert(field.into(), object.clone().into())),
        FieldChange::Keys(keys) => {
            let mut inner = now
                .get(field)
                .and_then(Value::as_object)
                .cloned()
                .unwrap_or_default();
            for (key, value) in keys {
                match value {
                    Some(value) => drop(inner.insert(key.clone(), value.clone())),
                    None => drop(inner.remove(key)),
                }
            }
            drop(after.insert(field.into(), inner.into()));
        }
    }
    after
}

/// Objects as Ironic means them: an empty object and none are the same.
fn settled(mut object: Object) -> Object {
    object.retain(|_, value| !value.is_null() && *value != json!({}));
    object
}

fn applied(patch: &Patch, to: &Object) -> Object {
    let mut document = Value::Object(to.clone());
    json_patch::patch(&mut document, patch).unwrap();
    serde_json::from_value(document).unwrap()
}

/// Ironic takes it: `add` and `remove` only, paths of one or two plain names.
fn assert_ironic_takes(patch: &Patch) {
    for operation in &patch.0 {
        assert!(matches!(
            operation,
            PatchOperation::Add(_) | PatchOperation::Remove(_)
        ));
        let pointer = operation.path().as_str();
        let names: Vec<_> = pointer.split('/').skip(1).collect();
        assert!(matches!(names.len(), 1 | 2), "{pointer}");
        let plain = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
        let allowed = |name: &&str| !name.is_empty() && name.chars().all(plain);
        assert!(names.iter().all(allowed), "{pointer}");
    }
}

proptest! {
    #[test]
    fn a_difference_applied_gives_the_other(from in resource(), to in resource()) {
        let made = diff(&from, &to).unwrap();
        assert_ironic_takes(&made);
        prop_assert_eq!(settled(applied(&made, &from)), settled(to.clone()));
        prop_assert!(diff(&from, &from).unwrap().0.is_empty());
        let again = diff(&applied(&made, &from), &to).unwrap();
        prop_assert!(again.0.is_empty(), "{:?}", again);
    }

    #[test]
    fn a_change_does_what_it_means_and_nothing_twice(now in resource(), change in change()) {
        let changes = [("extra", change.clone())];
        let patch = super::patch(&now, &changes).unwrap();
        assert_ironic_takes(&patch);
        let after = applied(&patch, &now);
        prop_assert_eq!(settled(after.clone()), settled(meant(&now, "extra", &change)));
        prop_assert!(super::patch(&after, &changes).unwrap().0.is_empty());
    }

    #[test]
    fn what_a_change_does_not_name_is_not_in_its_patch(now in resource(), change in change()) {
        let patch = super::patch(&now, &[("extra", change.clone())]).unwrap();
        let own = |operation: &PatchOperation| operation.path().as_str().starts_with("/extra");
        prop_assert!(patch.0.iter().all(own));
        let FieldChange::Keys(keys) = change else { return Ok(()) };
        let (before, after) = (now.get("extra"), applied(&patch, &now));
        for (key, value) in before.and_then(Value::as_object).into_iter().flatten() {
            if !keys.contains_key(key) {
                prop_assert_eq!(after["extra"].get(key), Some(value));
            }
        }
        // Somebody else's key that came in between survives where paths can name the keys.
        if before.is_some_and(Value::is_object) && keys.keys().all(|key| is_plain(key)) {
            let mut meanwhile = now.clone();
            meanwhile["extra"]["theirs"] = json!(7);
            prop_assert_eq!(&applied(&patch, &meanwhile)["extra"]["theirs"], &json!(7));
        }
    }
}

#[test]
fn a_masked_secret_is_never_written_back() {
    let now = object(json!({"driver_info": {"redfish_password": "******", "redfish_address": "a"}}));
    let plain = Edit::set("redfish_address", "b").change().unwrap();
    let patch = super::patch(&now, &[("driver_info", plain)]).unwrap();
    assert_eq!(
        serde_json::to_value(&patch).unwrap(),
        json!([{"op": "add", "path": "/driver_info/redfish_address", "value": "b"}])
    );
    let awkward = Edit::set("a.b", "c").change().unwrap();
    let error = super::patch(&now, &[("driver_info", awkward)]).unwrap_err();
    assert!(error.to_string().contains("driver_info"), "{error}");
    // With the secret named as well there is nothing to lose.
    let both = Edit::keys([
        ("a.b", Some(json!("c"))),
        ("redfish_password", Some(json!("new"))),
    ]);
    let patch = super::patch(&now, &[("driver_info", both.change().unwrap())]).unwrap();
    assert_eq!(patch.0.len(), 1);
    assert!(!serde_json::to_string(&patch).unwrap().contains(MASK));
}

#[test]
fn what_cannot_be_removed_is_nulled() {
    let now = object(json!({"automated_clean": false, "description": "d"}));
    let changes = [
        ("automated_clean", FieldChange::Unset),
        ("description", FieldChange::Unset),
        ("owner", FieldChange::Unset),
    ];
    let patch = super::patch(&now, &changes).unwrap();
    let expected = json!([
        {"op": "add", "path": "/automated_clean", "value": null}, {"op": "remove", "path": "/description"}
    ]);
    assert_eq!(serde_json::to_value(&patch).unwrap(), expected);
}

#[test]
fn debugging_shows_no_values() {
    let edit = Edit::set("password", "hunter2");
    let change = edit.change();
    assert!(!format!("{edit:?} {change:?}").contains("hunter2"));
}
