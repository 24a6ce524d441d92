//! Real objects and real facts for the tests, and what Ironic does with a PATCH.

use std::collections::BTreeMap;

use json_patch::PatchOperation;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::api::ObjectMeta;
use serde_json::{Map, Value, json};

use super::super::desired::MASK;
use super::super::facts::{CloudFacts, Look, NodeFacts, SecretContent, SecretFacts};
use super::super::fields::is_plain_key;
use super::super::gate::Destructive;
use super::super::marker::{KEY, Marker};
use super::super::rules::Step;
use crate::api::conditions::Reason;
use crate::api::node::{Provision, RescuePasswordFrom, WantedState};
use crate::api::refs::{CloudRef, SecretKeyRef};
use crate::api::{BareMetalNode, BareMetalNodeSpec, FINALIZER, instance};
use crate::domain::budget::Budget;
use crate::ironic::model::{Fingerprint, InterfaceKind, Node, NodeSummary, ProvisionState, Standing};

pub const CLUSTER: &str = "5d3c7a52-0000-0000-0000-000000000001";
pub const UID: &str = "0b9fbd3e-3a3c-4a76-9c55-2b0b9d6e1001";
/// The id that a claim of ours gets.
pub const OURS: &str = "7c6bd7a3-85b6-44f9-a0a2-0000000000aa";
/// The id of somebody else's claim.
pub const THEIRS: &str = "7c6bd7a3-85b6-44f9-a0a2-0000000000ff";
/// The time of a test, in seconds.
pub const NOW: i64 = 1_800_000_000;

/// What is seen, owned.
#[derive(Clone)]
pub enum Sight {
    NoCloud,
    NotYet,
    Down,
    Stale,
    Absent,
    Taken,
    Unlisted,
    Lost,
    Summary(Node),
    Full(Node),
}

/// Facts, owned.
#[derive(Clone)]
pub struct Case {
    pub object: BareMetalNode,
    pub sight: Sight,
    pub secrets: SecretFacts,
    pub paused: bool,
    pub suspect: Option<Reason>,
    pub drivers: Option<Vec<String>>,
    pub confirmed: Option<Step>,
    pub room: Standing,
    pub budget: Option<Budget>,
    pub paid: bool,
    pub history: Option<String>,
    pub bulk_deletion: bool,
    pub now: i64,
    /// What the last list in detail told, if that is not what is seen.
    pub swept: Option<Fingerprint>,
}

impl Case {
    /// An object that manages nothing but the driver, and its node in this state.
    pub fn new(state: &ProvisionState) -> Self {
        Self {
            object: object(),
            sight: Sight::Full(node(state)),
            secrets: SecretFacts::default(),
            paused: false,
            suspect: None,
            drivers: None,
            confirmed: None,
            room: Standing::Unlimited,
            budget: None,
            paid: false,
            history: None,
            bulk_deletion: false,
            now: NOW,
            swept: None,
        }
    }

    /// Changes the node that is seen.
    pub fn see(mut self, change: impl FnOnce(&mut Node)) -> Self {
        if let Sight::Summary(node) | Sight::Full(node) = &mut self.sight {
            change(node);
        }
        self
    }

    /// Wants a provision state.
    pub fn want(mut self, state: Option<WantedState>) -> Self {
        self.object.spec.provision = state.map(|state| Provision {
            state: Some(state),
            instance: matches!(state, WantedState::Active | WantedState::Rescue).then(|| instance("a")),
            rescue_password_from: (state == WantedState::Rescue).then(rescue_password),
        });
        if state == Some(WantedState::Rescue) {
            let content = SecretContent {
                version: "1".into(),
                data: BTreeMap::from([("password".into(), "hunter2-r".into())]),
                ..SecretContent::default()
            };
            self.secrets.versions.insert("rescue".into(), Some("1".into()));
            let contents = self.secrets.contents.get_or_insert_default();
            contents.insert("rescue".into(), content);
        }
        self
    }

    /// Hands the facts to a function.
    pub fn with<T>(&self, ask: impl FnOnce(&NodeFacts) -> T) -> T {
        let shown = match &self.sight {
            Sight::Summary(node) | Sight::Full(node) => masked(node),
            _ => Node::default(),
        };
        let summary = NodeSummary::from(&shown);
        let look = match &self.sight {
            Sight::NoCloud => Look::NoCloud,
            Sight::NotYet => Look::NotYet,
            Sight::Down => Look::Down("connection refused"),
            Sight::Stale => Look::Stale,
            Sight::Absent => Look::Absent,
            Sight::Taken => Look::Taken("BareMetalNode other/n1 of cluster c"),
            Sight::Unlisted => Look::Unlisted,
            Sight::Lost => Look::Lost,
            Sight::Summary(_) => Look::Summary(&summary),
            Sight::Full(_) => Look::Full(&summary, &shown),
        };
        ask(&NodeFacts {
            object: &self.object,
            look,
            fingerprint: look
                .summary()
                .and(self.swept.or_else(|| Some(Fingerprint::of(&shown)))),
            secrets: &self.secrets,
            cloud: CloudFacts {
                paused: self.paused,
                suspect: self.suspect.map(|reason| (reason, "The endpoint is another one")),
                drivers: self.drivers.as_deref(),
                room: self.room,
                budget: self.budget,
                paid: self.paid,
            },
            cluster: CLUSTER,
            bulk_deletion: self.bulk_deletion,
            confirmed: self.confirmed.and_then(Destructive::of),
            fresh_instance_id: uuid::Uuid::parse_str(OURS).unwrap(),
            history: self.history.as_deref(),
            now: jiff::Timestamp::from_second(self.now).unwrap(),
        })
    }
}

pub fn object() -> BareMetalNode {
    BareMetalNode {
        metadata: ObjectMeta {
            namespace: Some("metal".into()),
            name: Some("n1".into()),
            uid: Some(UID.into()),
            generation: Some(1),
            finalizers: Some(vec![FINALIZER.into()]),
            ..ObjectMeta::default()
        },
        spec: BareMetalNodeSpec {
            cloud_ref: CloudRef { name: "lab".into() },
            driver: "redfish".into(),
            ..BareMetalNodeSpec::default()
        },
        status: None,
    }
}

/// Marks the object as being deleted.
pub fn delete(object: &mut BareMetalNode) {
    object.metadata.deletion_timestamp = Some(Time(jiff::Timestamp::from_second(NOW).unwrap()));
}

/// Where the rescue password is.
pub fn rescue_password() -> RescuePasswordFrom {
    RescuePasswordFrom {
        secret_ref: SecretKeyRef {
            name: "rescue".into(),
            key: "password".into(),
        },
    }
}

pub fn instance(image: &str) -> instance::InstanceSpec {
    instance::InstanceSpec {
        image: instance::Image {
            source: format!("http://images/{image}"),
            ..instance::Image::default()
        },
        ..instance::InstanceSpec::default()
    }
}

/// The object's node as Ironic has it after its creation.
pub fn node(state: &ProvisionState) -> Node {
    let marker = Marker::of(&object(), CLUSTER).value();
    Node {
        uuid: UID.into(),
        name: Some("metal~n1".into()),
        driver: "redfish".into(),
        provision_state: state.clone(),
        deploy_interface: Some("default".into()),
        conductor_group: Some(String::new()),
        extra: Map::from_iter([(KEY.to_owned(), marker)]),
        ..Node::default()
    }
}

/// As Ironic shows it: with secrets masked.
pub fn masked(node: &Node) -> Node {
    let mut shown = node.clone();
    for (key, value) in &mut shown.driver_info {
        if key.contains("password") {
            *value = json!(MASK);
        }
    }
    shown
}

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
