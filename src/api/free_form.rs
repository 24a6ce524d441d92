//! Maps whose content is Ironic's business, kept as they are however deeply they nest.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// Keys at the top level of a free-form map, at most.
const MAX_KEYS: u32 = 256;

/// Any JSON object.
///
/// A `BTreeMap<String, Value>` would get a schema under which the apiserver silently drops nested values; this type
/// keeps them (`x-kubernetes-preserve-unknown-fields`).
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(transparent)]
pub struct FreeForm(pub Map<String, Value>);

impl FreeForm {
    /// Whether there is no key at all.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl JsonSchema for FreeForm {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "FreeForm".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "object",
            "maxProperties": MAX_KEYS,
            "x-kubernetes-preserve-unknown-fields": true,
        })
    }
}

/// A node's `extra`: free-form, except for the key under which the operator keeps its marker.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(transparent)]
pub struct Extra(pub Map<String, Value>);

impl JsonSchema for Extra {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Extra".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        // The key must be declared: CEL cannot see unknown fields.
        json_schema!({
            "type": "object",
            "maxProperties": MAX_KEYS,
            "x-kubernetes-preserve-unknown-fields": true,
            "properties": {
                "ironwright": {
                    "type": "object",
                    "maxProperties": 1,
                    "x-kubernetes-preserve-unknown-fields": true,
                },
            },
            "x-kubernetes-validations": [{
                "rule": "!has(self.ironwright)",
                "message": "extra.ironwright is the operator's own key and cannot be set",
            }],
        })
    }
}
