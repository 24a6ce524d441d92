//! The capabilities of a node: a map in the spec, one text `k:v,k:v` in Ironic's `properties.capabilities`.

use std::collections::BTreeMap;

use serde_json::Value;

/// The key in `properties`.
pub const KEY: &str = "capabilities";

/// The text of a map, sorted by name.
pub fn text(capabilities: &BTreeMap<String, String>) -> String {
    let pairs: Vec<_> = capabilities
        .iter()
        .map(|(key, value)| format!("{key}:{value}"))
        .collect();
    pairs.join(",")
}

/// The entries of a live text. One without a colon is kept as it is.
fn parse(text: &str) -> BTreeMap<&str, &str> {
    text.split(',')
        .map(str::trim)
        .filter(|entry| !entry.is_empty())
        .map(|entry| entry.split_once(':').unwrap_or((entry, "")))
        .collect()
}

/// The value to have: the live one where it says the same in another order, none where nothing is left. What is wanted is in it,
/// what we set (`ours`) and is no longer wanted is not, everything else is as it was.
pub fn merge(wanted: &BTreeMap<String, String>, ours: &[String], live: Option<&Value>) -> Option<Value> {
    let before = live.and_then(Value::as_str).unwrap_or_default();
    let known = parse(before);
    let mut merged = known.clone();
    merged.retain(|key, _| !ours.iter().any(|ours| ours == key));
    merged.extend(wanted.iter().map(|(key, value)| (key.as_str(), value.as_str())));
    if merged.is_empty() {
        return None;
    }
    if merged == known {
        return live.cloned();
    }
    let entries: Vec<_> = merged
        .iter()
        .map(|(key, value)| {
            let bare = value.is_empty() && !wanted.contains_key(*key);
            if bare {
                (*key).to_owned()
            } else {
                format!("{key}:{value}")
            }
        })
        .collect();
    Some(Value::from(entries.join(",")))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn map(text: &str) -> BTreeMap<String, String> {
        parse(text)
            .into_iter()
            .map(|(key, value)| (key.to_owned(), value.to_owned()))
            .collect()
    }

    #[test]
    fn what_others_set_survives_and_the_order_is_no_difference() {
        let merged = |wanted: &str, ours: &[&str], live: Option<&str>| {
            let ours: Vec<_> = ours.iter().map(|&key| key.to_owned()).collect();
            let live = live.map(Value::from);
            merge(&map(wanted), &ours, live.as_ref()).map(|value| value.as_str().unwrap().to_owned())
        };
        let some = |text: &str| Some(text.to_owned());
        assert_eq!(merged("b:2,a:1", &[], None), some("a:1,b:2"));
        assert_eq!(merged("a:1", &[], Some("z:9,a:0")), some("a:1,z:9"));
        assert_eq!(merged("a:1", &[], Some("z:9, a:1")), some("z:9, a:1"), "as it is");
        assert_eq!(merged("a:1", &["a", "b"], Some("b:2,odd")), some("a:1,odd"));
        assert_eq!(merged("", &["b"], Some("b:2")), None);
        assert_eq!(merged("", &["b"], Some("b:2,c:3")), some("c:3"));
        assert_eq!(
            merge(&map("a:1"), &[], Some(&json!({"odd": 1}))),
            Some(json!("a:1"))
        );
        assert_eq!(text(&map("b:2,a:1")), "a:1,b:2");
    }
}
