//! An object of a list or a watch: decoded by itself, or an outline of it and why there is no more.

use std::borrow::Cow;
use std::fmt::Debug;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, ObjectMeta};
use kube::Resource;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer};
use serde_json::Value;

use super::{REFUSED, without_values};

/// An object that cannot be used: too large, nested too deeply, or not what its schema says.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Unreadable {
    /// As much of its metadata as can be read.
    pub metadata: ObjectMeta,
    /// `spec.deletionPolicy`, if it can be read by itself.
    pub deletion_policy: Option<String>,
    /// `spec.cloudRef.name`, if it can be read by itself.
    pub cloud: Option<String>,
    /// `status.observedGeneration`, if it can be read by itself.
    pub observed_generation: Option<i64>,
    /// `status.conditions`, as far as they can be read by themselves.
    pub conditions: Vec<Condition>,
    /// What is wrong; no value of the object is in it.
    pub why: String,
}

impl Unreadable {
    fn new(value: &Value, why: String) -> Self {
        let text = |pointer: &str| value.pointer(pointer).and_then(Value::as_str).map(str::to_owned);
        let part = |pointer: &str| value.pointer(pointer).unwrap_or(&Value::Null);
        let metadata = ObjectMeta::deserialize(part("/metadata")).unwrap_or_default();
        Self {
            metadata: ObjectMeta {
                annotations: None,
                labels: None,
                managed_fields: None,
                owner_references: None,
                ..metadata
            },
            deletion_policy: text("/spec/deletionPolicy"),
            cloud: text("/spec/cloudRef/name"),
            observed_generation: part("/status/observedGeneration").as_i64(),
            conditions: Vec::deserialize(part("/status/conditions")).unwrap_or_default(),
            why,
        }
    }
}

/// What a list or a watch has of one object.
#[derive(Clone, Debug)]
pub enum Item<K> {
    /// The object.
    Whole(K),
    /// What is known of one that cannot be used.
    Unreadable(Box<Unreadable>),
}

impl<'de, K: DeserializeOwned> Deserialize<'de> for Item<K> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = Value::deserialize(deserializer)?;
        let refused = value.get(REFUSED).and_then(Value::as_str);
        let decoded = match refused {
            Some(why) => Err(why.to_owned()),
            None => K::deserialize(&value).map_err(|error| without_values(&error.to_string())),
        };
        Ok(match decoded {
            Ok(object) => Self::Whole(object),
            Err(why) => Self::Unreadable(Box::new(Unreadable::new(&value, why))),
        })
    }
}

impl<K> Resource for Item<K>
where
    K: Resource<DynamicType = ()>,
{
    type DynamicType = ();
    type Scope = K::Scope;

    fn kind((): &()) -> Cow<'_, str> {
        K::kind(&())
    }

    fn group((): &()) -> Cow<'_, str> {
        K::group(&())
    }

    fn version((): &()) -> Cow<'_, str> {
        K::version(&())
    }

    fn plural((): &()) -> Cow<'_, str> {
        K::plural(&())
    }

    fn meta(&self) -> &ObjectMeta {
        match self {
            Self::Whole(object) => object.meta(),
            Self::Unreadable(unreadable) => &unreadable.metadata,
        }
    }

    fn meta_mut(&mut self) -> &mut ObjectMeta {
        match self {
            Self::Whole(object) => object.meta_mut(),
            Self::Unreadable(unreadable) => &mut unreadable.metadata,
        }
    }
}
