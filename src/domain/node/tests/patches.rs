//! What Ironic does with a PATCH.

use json_patch::PatchOperation;
use serde_json::{Map, Value, json};

use super::super::fields::is_plain_key;
use crate::ironic::model::{InterfaceKind, Node, ProvisionState};

/// What Ironic 39 does with a PATCH (ironic-behaviour: paths of `\w` and `-` only, `remove` of a top-level field is its default,
/// a missing nested key or parent is refused).
pub fn patch(node: &Node, operations: &[PatchOperation]) -> Result<Node, String> {
    let mut value = serde_json::to_value(node).unwrap();
    let fields = value.as_object_mut().unwrap();
    for operation in operations {
        let (path, set) = match operation {
            PatchOperation::Add(add) => (&add.path, Some(add.value.clone())),
            PatchOperation::Remove(remove) => (&remove.path, None),
            other => return Err(format!("not an operation for Ironic: {other}")),
        };
        let tokens: Vec<_> = path.tokens().map(|token| token.decoded().into_owned()).collect();
        if path.as_str().contains('~') || !tokens.iter().all(|token| is_plain_key(token)) {
            return Err(format!("not a path for Ironic: {path}"));
        }
        match (tokens.as_slice(), set) {
            ([field], Some(set)) => _ = fields.insert(field.clone(), set),
            ([field], None) if field == "automated_clean" => return Err(format!("500: {path}")),
            ([field], None) => reset(fields, field),
            ([field, key], set) => {
                let parent = fields.get_mut(field).and_then(Value::as_object_mut);
                let parent = parent.ok_or_else(|| format!("no parent for {path}"))?;
                match set {
                    Some(set) => _ = parent.insert(key.clone(), set),
                    None => _ = parent.remove(key).ok_or_else(|| format!("no {path} to remove"))?,
                }
            }
            _ => return Err(format!("too deep: {path}")),
        }
    }
    let after = serde_json::from_value(value).map_err(|error| error.to_string())?;
    admit(node, after)
}

/// What the conductor says to the changed node (Ironic 39: `update_node`, `_check_update_protected`, `_check_update_retired`).
fn admit(before: &Node, mut after: Node) -> Result<Node, String> {
    use ProvisionState as S;
    let state = &before.provision_state;
    let open = matches!(state, S::Enroll | S::Manageable | S::Available);
    let interfaces = InterfaceKind::ALL
        .iter()
        .any(|kind| before.interface(*kind) != after.interface(*kind));
    if interfaces && !(open || before.maintenance) {
        return Err(format!("no change of interfaces in {state}"));
    }
    if before.resource_class.is_some() && before.resource_class != after.resource_class && !open {
        return Err(format!("no change of the resource class in {state}"));
    }
    if after.protected && !before.protected && !matches!(state, S::Active | S::Rescue) {
        return Err(format!("no protection in {state}"));
    }
    if after.retired && !before.retired && *state == S::Available {
        return Err(format!("no retirement in {state}"));
    }
    if before.protected && !after.protected {
        after.protected_reason = None;
    }
    if before.retired && !after.retired {
        after.retired_reason = None;
    }
    let unfounded = |on: bool, was: &Option<String>, is: &Option<String>| !on && is.is_some() && was != is;
    if unfounded(after.protected, &before.protected_reason, &after.protected_reason)
        || unfounded(after.retired, &before.retired_reason, &after.retired_reason)
    {
        return Err("a reason without its switch".to_owned());
    }
    after.conductor_group.as_ref().ok_or("500: no conductor group")?;
    Ok(after)
}

fn reset(fields: &mut Map<String, Value>, field: &str) {
    if field.ends_with("_interface") {
        fields.insert(field.to_owned(), json!("default"));
    } else {
        fields.remove(field);
    }
}
