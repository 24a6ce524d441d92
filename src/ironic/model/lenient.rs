//! A row of a list of nodes, as far as it can be read.
use std::collections::BTreeMap;

use bytes::Bytes;
use serde::de::Error as _;
use serde_json::Value;
use serde_json::value::RawValue;

use super::row::Row;
use super::{Node, NodeSummary, Object, ProvisionState};

/// A node of a list, or what can be read of one that is odd: who and where it is.
///
/// An odd row must neither hide the others nor look as if its node were gone. It is a node in a state of its own, which nobody acts on.
#[derive(Clone, Debug, PartialEq)]
pub struct Lenient<T> {
    /// The node.
    pub value: T,
    /// What is wrong with it, if something is.
    pub odd: Option<String>,
}

/// How the state of such a node begins.
const UNREADABLE: &str = "unreadable";

/// Whether it is what was left of an odd row.
pub fn is_unreadable(node: &NodeSummary) -> bool {
    matches!(&node.provision_state, ProvisionState::Unknown(state) if state.starts_with(UNREADABLE))
}

impl<T: From<Node> + Row> Row for Lenient<T> {
    fn read(text: &Bytes) -> serde_json::Result<Self> {
        let error = match T::read(text) {
            Ok(value) => return Ok(Self { value, odd: None }),
            Err(error) => error,
        };
        let odd = problem(&error);
        let node = what_is_left(text, &odd).ok_or_else(|| serde_json::Error::custom(&odd))?;
        Ok(Self {
            value: T::from(node),
            odd: Some(odd),
        })
    }
}

/// What is wrong, without quoting what may be a credential.
fn problem(error: &serde_json::Error) -> String {
    let text = error.to_string();
    if text.contains(['"', '`']) {
        format!(
            "something in it has another type than it should (column {})",
            error.column()
        )
    } else {
        text
    }
}

/// The parts that tell a machine from others, each by itself; none without an id.
fn what_is_left(row: &[u8], odd: &str) -> Option<Node> {
    let fields: BTreeMap<&str, &RawValue> = serde_json::from_slice(row).ok()?;
    let text = |field: &str| -> Option<String> { serde_json::from_str(fields.get(field)?.get()).ok()? };
    let object = |field: &str| {
        fields
            .get(field)
            .map(|object| readable(object.get()))
            .unwrap_or_default()
    };
    Some(Node {
        uuid: text("uuid").filter(|id| !id.is_empty())?,
        name: text("name"),
        driver: text("driver").unwrap_or_default(),
        driver_info: object("driver_info"),
        extra: object("extra"),
        provision_state: ProvisionState::Unknown(format!("{UNREADABLE}: {odd}")),
        ..Node::default()
    })
}

/// The members of an object that can be read.
fn readable(object: &str) -> Object {
    let members: BTreeMap<String, &RawValue> = serde_json::from_str(object).unwrap_or_default();
    let read =
        |(key, value): (String, &RawValue)| Some((key, serde_json::from_str::<Value>(value.get()).ok()?));
    members.into_iter().filter_map(read).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::{Life, NodeOutline, NodeSummary, life};
    use super::*;

    #[test]
    fn what_can_be_read_is_read_as_always() {
        let row = json!({"uuid": "u", "name": "n", "provision_state": "active", "extra": {"a": 1}});
        let read = Lenient::<NodeSummary>::read(&row.to_string().into()).unwrap();
        assert_eq!(read.odd, None);
        assert_eq!(read.value, serde_json::from_value(row).unwrap());
    }

    #[test]
    fn an_odd_row_still_says_who_and_where_it_is() {
        let deep = format!("{}{}", "[".repeat(200), "]".repeat(200));
        let mark = r#""ironwright": {"name": "n1"}"#;
        let bmc = r#""driver_info": {"redfish_address": "https://10.0.0.1", "x": 1e400}"#;
        for odd in [
            format!(r#"{{"uuid": "u", "name": "n", {bmc}, "extra": {{{mark}, "x": {deep}}}}}"#),
            format!(r#"{{"uuid": "u", "name": "n", {bmc}, "extra": {{{mark}}}, "maintenance": "hunter2"}}"#),
        ] {
            let read = Lenient::<NodeOutline>::read(&odd.clone().into()).unwrap();
            let NodeOutline { summary, bmc, .. } = read.value;
            assert!(read.odd.is_some_and(|odd| !odd.contains("hunter2")), "{odd}");
            assert_eq!((summary.uuid.as_str(), summary.name.as_deref()), ("u", Some("n")));
            assert_eq!(
                Value::Object(summary.extra),
                json!({"ironwright": {"name": "n1"}})
            );
            assert!(bmc.is_some());
            assert_eq!(life(&summary.provision_state), Life::Unknown);
            assert!(summary.provision_state.as_str().starts_with(UNREADABLE));
        }
    }

    #[test]
    fn what_has_no_id_is_no_node() {
        for row in [
            "7",
            "{}",
            r#"{"uuid": 7}"#,
            r#"{"uuid": "", "maintenance": 7}"#,
            "[]",
        ] {
            let read = Lenient::<Node>::read(&row.into());
            assert!(read.is_err() || row == "{}", "{row}");
        }
    }
}
