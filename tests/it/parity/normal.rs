//! Values without what must differ between the two sides.

#![cfg(test)]

use std::collections::BTreeMap;

use serde_json::Value;
use uuid::Uuid;

use super::scene::{Side, prefix};

/// The uuids of a scenario: each side's are told apart by the order in which they were first seen.
#[derive(Default)]
pub struct Uuids {
    known: BTreeMap<String, String>,
    count: [usize; 2],
}

impl Uuids {
    /// Without what must differ: whose it is, uuids (told apart by their order), times, links.
    pub fn normal(&mut self, side: Side, value: &Value) -> Value {
        match value {
            Value::Object(members) => {
                let kept = members
                    .iter()
                    .filter(|(name, value)| !VOLATILE.contains(&name.as_str()) && !is_nothing(value));
                kept.map(|(name, value)| (name.clone(), self.normal(side, value)))
                    .collect()
            }
            Value::Array(items) => items.iter().map(|item| self.normal(side, item)).collect(),
            Value::String(text) => self.normal_text(side, text).into(),
            other => other.clone(),
        }
    }

    fn normal_text(&mut self, side: Side, text: &str) -> String {
        if Uuid::try_parse(text).is_ok() {
            let count = &mut self.count[side as usize];
            let known = self.known.entry(text.to_owned()).or_insert_with(|| {
                *count += 1;
                format!("uuid {count}")
            });
            return known.clone();
        }
        // Links lead through each side's own proxy.
        let link = text
            .strip_prefix("http://127.0.0.1:")
            .and_then(|rest| rest.split_once('/'));
        plain_words(link.map_or(text, |(_, path)| path))
    }
}

/// What tells nothing: when, where, who works on it, and whether its power is still on its way (openstacksdk looks only at where it
/// is; what Ironic holds is compared when it rests).
const VOLATILE: &[&str] = &[
    "links",
    "location",
    "created_at",
    "updated_at",
    "provision_updated_at",
    "inspection_started_at",
    "inspection_finished_at",
    "last_power_state_change",
    "reservation",
    "target_power_state",
    "ports",
    "portgroups",
    "states",
    "volume",
    "id",
    "nodes",
];

fn is_nothing(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Object(members) => members.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::String(text) => text.is_empty(),
        Value::Bool(_) | Value::Number(_) => false,
    }
}

/// Words without whose they are.
pub fn plain_words(words: &str) -> String {
    let mut words = words
        .replace(prefix(Side::Sdk), "")
        .replace(prefix(Side::Ours), "")
        .replace("02:5d:", "02:")
        .replace("02:0a:", "02:");
    let start = |words: &str, from: usize| {
        (from..words.len()).find(|&at| {
            words
                .get(at..at + 36)
                .is_some_and(|text| Uuid::try_parse(text).is_ok())
        })
    };
    let mut from = 0;
    while let Some(at) = start(&words, from) {
        words.replace_range(at..at + 36, "(uuid)");
        from = at;
    }
    words
}

/// What is in the first and not in the second. Rows beside each other have to be as many.
pub fn missing(sdk: &Value, ours: &Value, at: &str) -> Vec<String> {
    match (sdk, ours) {
        (Value::Object(sdk), Value::Object(ours)) => sdk
            .iter()
            .flat_map(|(name, value)| {
                let ours = ours.get(name).unwrap_or(&Value::Null);
                missing(value, ours, &format!("{at}/{name}"))
            })
            .collect(),
        (Value::Array(sdk), Value::Array(ours)) if sdk.len() == ours.len() => sdk
            .iter()
            .zip(ours)
            .enumerate()
            .flat_map(|(row, (sdk, ours))| missing(sdk, ours, &format!("{at}/{row}")))
            .collect(),
        _ if sdk == ours => Vec::new(),
        _ => vec![format!("{at}: {sdk} is not {ours}")],
    }
}
