//! The one table of a node's top-level fields: their names in the spec, and in which states Ironic lets them be changed.
//!
//! Source: `update_node` and its checks in the conductor of Ironic 39, and the handler of PATCH /v1/nodes in its API.

use serde_json::Value;

use crate::ironic::model::{Node, ProvisionState};

/// In which states Ironic lets a field be changed. A node in transition takes no PATCH at all.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Editable {
    /// In every state at rest.
    AtRest,
    /// Only without an instance: `enroll`, `manageable`, `available`, `inspect wait`. (Interfaces could also be changed in
    /// maintenance, but not the driver that has to go with them.)
    Unoccupied,
    /// Only in `active` and `rescue`.
    Deployed,
    /// Not in `available`.
    NotAvailable,
}

impl Editable {
    /// Whether the node's state permits it.
    pub fn permits(self, node: &Node) -> bool {
        use ProvisionState as S;
        let state = &node.provision_state;
        match self {
            Editable::AtRest => true,
            Editable::Unoccupied => matches!(
                state,
                S::Enroll | S::Manageable | S::Available | S::InspectWait | S::Inspecting
            ),
            Editable::Deployed => matches!(state, S::Active | S::Rescue),
            Editable::NotAvailable => *state != S::Available,
        }
    }

    /// The states, for a sentence.
    pub fn states(self) -> &'static str {
        match self {
            Editable::AtRest => "in any state at rest",
            Editable::Unoccupied => "in state enroll, manageable or available",
            Editable::Deployed => "in state active or rescue",
            Editable::NotAvailable => "in any state but available",
        }
    }
}

/// When a top-level field may be set to `wanted` (none: back to its default), given what is live.
pub fn editable(field: &str, wanted: Option<&Value>, node: &Node) -> Editable {
    let on = wanted == Some(&Value::Bool(true));
    match field {
        "protected" if on => Editable::Deployed,
        "protected_reason" if !node.protected => Editable::Deployed,
        "retired" if on => Editable::NotAvailable,
        "retired_reason" if !node.retired => Editable::NotAvailable,
        // Once set, a resource class is what schedulers count by.
        "resource_class" if node.resource_class.is_some() => Editable::Unoccupied,
        "driver" => Editable::Unoccupied,
        _ if field.ends_with("_interface") => Editable::Unoccupied,
        _ => Editable::AtRest,
    }
}

/// Whether a field that we set and the spec no longer names goes back to Ironic's default. Switches do not: to remove the block is
/// to leave them alone, and only `enabled: false` switches off. The reason of a switch that is on does.
pub fn reverts(field: &str, is_on: impl Fn(&str) -> bool) -> bool {
    match field {
        // An import keeps the name it has: to take it away would be no default of anybody.
        "name" | "protected" | "retired" => false,
        "protected_reason" => is_on("protected"),
        "retired_reason" => is_on("retired"),
        _ => true,
    }
}

/// The value by which a field is reset where `remove` is not taken: Ironic 39 answers 500 to the removal of these.
pub fn default_to_write(field: &str) -> Option<Value> {
    match field {
        "conductor_group" => Some(Value::from("")),
        "automated_clean" => Some(Value::Null),
        _ => None,
    }
}

/// Whether a value is what Ironic gives a field that nobody set. Of cleaning, which Ironic's own settings decide unless a node says
/// otherwise, "no" is a word like another.
pub fn is_default(field: &str, value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Bool(on) => !on && field != "automated_clean",
        Value::String(text) => text.is_empty(),
        Value::Object(map) => map.is_empty(),
        Value::Number(_) | Value::Array(_) => false,
    }
}

/// The field as the spec names it.
pub fn spec_name(field: &str) -> String {
    match field {
        "chassis_uuid" => "chassisId".to_owned(),
        "automated_clean" => "automatedClean.enabled".to_owned(),
        "protected" | "retired" => format!("{field}.enabled"),
        "protected_reason" | "retired_reason" => field.replace('_', "."),
        _ => match field.strip_suffix("_interface") {
            Some(kind) => format!("interfaces.{kind}"),
            None => camel_case(field),
        },
    }
}

fn camel_case(field: &str) -> String {
    let mut words = field.split('_');
    let mut name = words.next().unwrap_or_default().to_owned();
    for word in words {
        let mut letters = word.chars();
        name.extend(letters.next().map(|first| first.to_ascii_uppercase()));
        name.push_str(letters.as_str());
    }
    name
}
