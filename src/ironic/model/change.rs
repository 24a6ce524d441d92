//! What is to change of an object, and the JSON patch that does it.
//!
//! A change names the fields and keys it is about and leaves all others alone, whoever set them. The rules of a patch are those
//! of Ironic 39.0.0 (`ironic/api/controllers/v1/utils.py`): `add` sets, `remove` resets (`replace` with `null` is not the same),
//! and a path has only letters, digits, `_` and `-`, so that other keys are written with their whole parent.
use std::collections::BTreeMap;
use std::fmt;

use json_patch::jsonptr::PointerBuf;
use json_patch::{AddOperation, Patch, PatchOperation, RemoveOperation};
use serde::Serialize;
use serde_json::Value;

use super::{Object, same};

/// What Ironic shows instead of a secret.
const MASK: &str = "******";

/// What is to become of a field.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Change<T> {
    /// What it is.
    #[default]
    Keep,
    /// This.
    Set(T),
    /// Ironic's default; for most fields that is none.
    Unset,
}

impl<T> From<T> for Change<T> {
    fn from(value: T) -> Self {
        Self::Set(value)
    }
}

impl<T> From<Option<T>> for Change<T> {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Unset, Self::Set)
    }
}

impl From<&str> for Change<String> {
    fn from(value: &str) -> Self {
        Self::Set(value.to_owned())
    }
}

/// What is to become of a free-form object.
#[derive(Clone, Default, PartialEq)]
pub enum Edit {
    /// What it is.
    #[default]
    Keep,
    /// These keys get these values, or (none) go; the others stay.
    Keys(BTreeMap<String, Option<Value>>),
    /// Exactly this: keys that are not in it go.
    Whole(Object),
}

impl Edit {
    /// A change of these keys; none removes one.
    pub fn keys<K: Into<String>>(keys: impl IntoIterator<Item = (K, Option<Value>)>) -> Self {
        Self::Keys(keys.into_iter().map(|(key, value)| (key.into(), value)).collect())
    }

    /// One key gets a value.
    pub fn set(key: impl Into<String>, value: impl Into<Value>) -> Self {
        Self::keys([(key, Some(value.into()))])
    }

    /// One key goes.
    pub fn remove(key: impl Into<String>) -> Self {
        Self::keys([(key, None)])
    }
}

/// The keys without their values, which may be secret.
impl fmt::Debug for Edit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Keep => f.write_str("Keep"),
            Self::Keys(keys) => write!(f, "Keys({:?})", keys.keys()),
            Self::Whole(object) => write!(f, "Whole({:?})", object.keys()),
        }
    }
}

/// What is to become of a field, whatever its type.
#[derive(Clone, PartialEq)]
pub enum FieldChange {
    /// This value.
    Set(Value),
    /// Its default.
    Unset,
    /// An object in which these keys change.
    Keys(BTreeMap<String, Option<Value>>),
    /// Exactly this object.
    Whole(Object),
}

/// The keys without their values, which may be secret.
impl fmt::Debug for FieldChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Set(_) => f.write_str("Set(..)"),
            Self::Unset => f.write_str("Unset"),
            Self::Keys(keys) => write!(f, "Keys({:?})", keys.keys()),
            Self::Whole(object) => write!(f, "Whole({:?})", object.keys()),
        }
    }
}

/// Something that changes an object.
pub trait Update {
    /// The fields that are to change, as Ironic names them.
    fn changes(&self) -> Vec<(&'static str, FieldChange)>;
}

/// A field of an update.
pub(super) trait Changing {
    /// What is to become of it; none: what it is.
    fn change(&self) -> Option<FieldChange>;
}

impl<T: Serialize> Changing for Change<T> {
    fn change(&self) -> Option<FieldChange> {
        match self {
            Self::Keep => None,
            // What cannot be said in JSON does not occur in the fields of an update.
            Self::Set(value) => serde_json::to_value(value).ok().map(FieldChange::Set),
            Self::Unset => Some(FieldChange::Unset),
        }
    }
}

/// A field that always has a value.
impl<T: Serialize> Changing for Option<T> {
    fn change(&self) -> Option<FieldChange> {
        let value = serde_json::to_value(self.as_ref()?).ok()?;
        Some(FieldChange::Set(value))
    }
}

impl Changing for Edit {
    fn change(&self) -> Option<FieldChange> {
        match self {
            Self::Keep => None,
            Self::Keys(keys) => Some(FieldChange::Keys(keys.clone())),
            Self::Whole(object) => Some(FieldChange::Whole(object.clone())),
        }
    }
}

/// A change that no patch can make.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "a key of {field} can only be written with the whole of it, in which Ironic masks secrets: they would be lost"
)]
pub struct CannotPatch {
    field: String,
}

/// The patch that makes the changes of an object as it is now; empty if they are made already.
pub fn patch(now: &Object, changes: &[(&str, FieldChange)]) -> Result<Patch, CannotPatch> {
    let mut operations = Vec::new();
    for (field, change) in changes {
        let current = now.get(*field).filter(|value| !value.is_null());
        match change {
            FieldChange::Set(value) if value.is_null() => unset(field, current, &mut operations),
            FieldChange::Set(value) if current.is_some_and(|current| same(current, value)) => {}
            FieldChange::Set(value) => operations.push(add(&[field], value.clone())),
            FieldChange::Unset => unset(field, current, &mut operations),
            FieldChange::Keys(keys) => merge(field, current, keys, &mut operations)?,
            FieldChange::Whole(object) => {
                merge(field, current, &difference(current, object), &mut operations)?;
            }
        }
    }
    Ok(Patch(operations))
}

/// The patch that makes one object another; objects in them are changed key by key. Null and missing are the same.
pub fn diff(from: &Object, to: &Object) -> Result<Patch, CannotPatch> {
    let change = |field: &String| match (from.get(field), to.get(field)) {
        (_, None | Some(Value::Null)) => FieldChange::Unset,
        (Some(Value::Object(_)), Some(Value::Object(object))) => FieldChange::Whole(object.clone()),
        (_, Some(value)) => FieldChange::Set(value.clone()),
    };
    let fields: std::collections::BTreeSet<&String> = from.keys().chain(to.keys()).collect();
    let changes: Vec<_> = fields
        .into_iter()
        .map(|field| (field.as_str(), change(field)))
        .collect();
    patch(from, &changes)
}

/// Removes a field that is set.
fn unset(field: &str, current: Option<&Value>, operations: &mut Vec<PatchOperation>) {
    if current.is_none_or(|value| value.as_object().is_some_and(Object::is_empty)) {
        return;
    }
    // Ironic 39 answers 500 when it is to remove this one.
    operations.push(if field == "automated_clean" {
        add(&[field], Value::Null)
    } else {
        remove(&[field])
    });
}

/// Which keys change so that an object gets to be exactly this one.
fn difference(current: Option<&Value>, object: &Object) -> BTreeMap<String, Option<Value>> {
    let gone = current
        .and_then(Value::as_object)
        .into_iter()
        .flat_map(Object::keys);
    let gone = gone
        .filter(|key| !object.contains_key(*key))
        .map(|key| (key.clone(), None));
    let there = object
        .iter()
        .map(|(key, value)| (key.clone(), Some(value.clone())));
    gone.chain(there).collect()
}

/// Changes keys of an object, one by one where a path can name them.
fn merge(
    field: &str,
    current: Option<&Value>,
    keys: &BTreeMap<String, Option<Value>>,
    operations: &mut Vec<PatchOperation>,
) -> Result<(), CannotPatch> {
    let empty = Object::new();
    let object = current.and_then(Value::as_object);
    let now = object.unwrap_or(&empty);
    let different: Vec<_> = keys
        .iter()
        .filter(|(key, value)| match (now.get(*key), value) {
            (Some(now), Some(value)) => !same(now, value),
            (now, value) => now.is_some() != value.is_some(),
        })
        .collect();
    if different.is_empty() && object.is_some() == current.is_some() {
        return Ok(());
    }
    // A parent that is none has nothing to lose.
    if object.is_none() || !different.iter().all(|(key, _)| is_plain(key)) {
        operations.push(add(&[field], Value::Object(whole(field, now, &different)?)));
        return Ok(());
    }
    operations.extend(different.into_iter().map(|(key, value)| match value {
        Some(value) => add(&[field, key], value.clone()),
        None => remove(&[field, key]),
    }));
    Ok(())
}

/// The object with the changes made, to be written as a whole.
fn whole(field: &str, now: &Object, changes: &[(&String, &Option<Value>)]) -> Result<Object, CannotPatch> {
    let mut object = now.clone();
    for (key, _) in changes {
        object.remove(*key);
    }
    if object.values().any(is_masked) {
        return Err(CannotPatch {
            field: field.to_owned(),
        });
    }
    let set = changes
        .iter()
        .filter_map(|(key, value)| Some(((*key).clone(), (*value).clone()?)));
    object.extend(set);
    Ok(object)
}

/// Whether a mask is somewhere in it.
fn is_masked(value: &Value) -> bool {
    match value {
        Value::String(text) => text == MASK,
        Value::Array(items) => items.iter().any(is_masked),
        Value::Object(object) => object.values().any(is_masked),
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
    }
}

/// Whether a path can name the key.
fn is_plain(key: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
    !key.is_empty() && key.bytes().all(plain)
}

fn add(path: &[&str], value: Value) -> PatchOperation {
    PatchOperation::Add(AddOperation {
        path: PointerBuf::from_tokens(path.iter().copied()),
        value,
    })
}

fn remove(path: &[&str]) -> PatchOperation {
    PatchOperation::Remove(RemoveOperation {
        path: PointerBuf::from_tokens(path.iter().copied()),
    })
}

#[cfg(test)]
#[path = "change_tests.rs"]
mod tests;
