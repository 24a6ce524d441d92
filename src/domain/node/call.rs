//! The call that a step makes.

use std::time::Duration;

use json_patch::Patch;
use serde_json::{Value, json};

use super::configdrive::ConfigDrive;
use super::desired::{self, Desired};
use super::facts::NodeFacts;
use super::marker::{self, InstanceMark, KEY, Marker};
use super::rules::Step;
use super::upkeep::{self, TraitChange};
use super::{capabilities, fields, power};
use crate::ironic::model::{InterfaceKind, NodeCreate, Object, PowerTarget, Verb};

/// A call, of which all but one change something. Not `Debug`: it holds what Secrets hold.
pub enum Call {
    /// `POST /v1/nodes`.
    Create(Box<NodeCreate>),
    /// `PATCH /v1/nodes/{id}`.
    Patch {
        /// The node.
        id: String,
        /// The operations.
        patch: Patch,
        /// Interfaces that are not named go back to the new driver's defaults (API 1.45).
        reset_interfaces: bool,
    },
    /// `PUT /v1/nodes/{id}/states/provision`.
    Provision {
        /// The node.
        id: String,
        /// The verb.
        verb: Verb,
        /// With `active`.
        config_drive: Option<ConfigDrive>,
        /// With `rescue`.
        rescue_password: Option<String>,
    },
    /// `PUT` or `DELETE /v1/nodes/{id}/traits/{name}` (API 1.37).
    Trait {
        /// The node.
        id: String,
        /// The trait.
        name: String,
        /// Whether it is to be there.
        present: bool,
    },
    /// `PUT` (with a reason) or `DELETE /v1/nodes/{id}/maintenance`.
    Maintenance {
        /// The node.
        id: String,
        /// Why it is in maintenance; none lifts it.
        reason: Option<String>,
    },
    /// `PUT /v1/nodes/{id}/states/power`.
    Power {
        /// The node.
        id: String,
        /// What is asked for.
        target: PowerTarget,
        /// How long Ironic is to wait for it (API 1.27).
        timeout: Option<Duration>,
    },
    /// Has Ironic reach the BMC. Nothing is changed.
    Prove {
        /// The node.
        id: String,
    },
    /// `DELETE /v1/nodes/{id}`.
    Delete {
        /// The node.
        id: String,
    },
}

/// The call of a step.
pub fn call(step: Step, facts: &NodeFacts) -> Call {
    let id = facts
        .look
        .summary()
        .map(|node| node.uuid.clone())
        .unwrap_or_default();
    let provision = |verb| Call::Provision {
        id: id.clone(),
        verb,
        config_drive: (verb == Verb::Active).then(|| ConfigDrive::of(facts)).flatten(),
        rescue_password: (verb == Verb::Rescue).then(|| rescue_password(facts)).flatten(),
    };
    match step {
        Step::Create => Call::Create(Box::new(create(facts))),
        Step::Patch => patch(facts, id),
        Step::AddTrait | Step::RemoveTrait => change_trait(facts, id),
        Step::EnterMaintenance => Call::Maintenance {
            id,
            reason: facts.object.spec.maintenance.as_ref().map(upkeep::reason),
        },
        Step::LeaveMaintenance => Call::Maintenance { id, reason: None },
        Step::PowerOn | Step::PowerOff => Call::Power {
            id,
            target: power::target(step == Step::PowerOn, facts),
            timeout: facts.object.spec.power.as_ref().and_then(power::timeout),
        },
        Step::Claim => Call::Patch {
            id,
            patch: claim(facts),
            reset_interfaces: false,
        },
        Step::Unclaim => Call::Patch {
            id,
            patch: unclaim(facts),
            reset_interfaces: false,
        },
        Step::Prove => Call::Prove { id },
        Step::Manage => provision(Verb::Manage),
        Step::Inspect => provision(Verb::Inspect),
        Step::Abort => provision(Verb::Abort),
        Step::Provide => provision(Verb::Provide),
        Step::Deploy => provision(Verb::Active),
        Step::Rescue => provision(Verb::Rescue),
        Step::Unrescue => provision(Verb::Unrescue),
        Step::Undeploy => provision(Verb::Deleted),
        Step::Delete => Call::Delete { id },
    }
}

/// Lets go of the node: see [`marker::release`].
pub fn release(facts: &NodeFacts) -> Option<Call> {
    let id = facts.look.summary()?.uuid.clone();
    let patch = Patch(vec![marker::release(facts)?]);
    Some(Call::Patch {
        id,
        patch,
        reset_interfaces: false,
    })
}

/// The node as it is enrolled. Its uuid is the object's uid, so that a lost answer costs nothing.
fn create(facts: &NodeFacts) -> NodeCreate {
    let mut desired = Desired::of(facts);
    desired.driver_info.extend(desired::secret_driver_info(facts));
    desired.extra.insert(KEY.to_owned(), facts.marker().value());
    if !desired.capabilities.is_empty() {
        let text = capabilities::text(&desired.capabilities);
        desired
            .properties
            .insert(capabilities::KEY.to_owned(), text.into());
    }
    let fields = &desired.fields;
    let text = |field: &str| fields.get(field)?.as_str().map(str::to_owned);
    let flag = |field: &str| fields.get(field)?.as_bool();
    let interfaces = InterfaceKind::ALL
        .iter()
        .filter_map(|kind| Some((*kind, text(kind.field())?)))
        .collect();
    NodeCreate {
        uuid: facts.object.metadata.uid.clone(),
        name: text("name"),
        driver: facts.object.spec.driver.clone(),
        resource_class: text("resource_class"),
        interfaces,
        chassis_uuid: text("chassis_uuid"),
        conductor_group: text("conductor_group"),
        // The owner comes afterwards: Ironic refuses to whoever is bound to a project (also where it asks nobody who he is) a creation for
        // another owner, but not the change.
        lessee: text("lessee"),
        description: text("description"),
        shard: text("shard"),
        automated_clean: flag("automated_clean"),
        disable_power_off: flag("disable_power_off"),
        retired: flag("retired"),
        retired_reason: text("retired_reason"),
        network_data: network_data(fields.get("network_data")),
        driver_info: desired.driver_info,
        properties: desired.properties,
        extra: desired.extra,
        ..NodeCreate::default()
    }
}

fn network_data(given: Option<&Value>) -> Object {
    given.and_then(Value::as_object).cloned().unwrap_or_default()
}

fn change_trait(facts: &NodeFacts, id: String) -> Call {
    let change = facts.look.full().and_then(|node| upkeep::next_trait(facts, node));
    let (name, present) = match change {
        Some(TraitChange::Add(name)) => (name, true),
        Some(TraitChange::Remove(name)) => (name, false),
        None => (String::new(), false),
    };
    Call::Trait { id, name, present }
}

fn patch(facts: &NodeFacts, id: String) -> Call {
    let edits = facts
        .look
        .full()
        .map(|node| fields::edits(facts, node))
        .unwrap_or_default();
    Call::Patch {
        id,
        patch: Patch(edits.now),
        reset_interfaces: edits.reset_interfaces,
    }
}

/// `instance_uuid`, `instance_info` and marker in one PATCH: Ironic refuses the whole of it if somebody was faster.
fn claim(facts: &NodeFacts) -> Patch {
    let mut marker = facts.marker();
    let held = facts.look.summary().and_then(|node| node.instance_uuid.clone());
    let id = held.unwrap_or_else(|| facts.fresh_instance_id.to_string());
    let digest = desired::instance_digest(facts.object).unwrap_or_default();
    marker.instance = Some(InstanceMark {
        id: id.clone(),
        digest,
        by: marker.owner.uid.clone(),
    });
    marker.used = true;
    let info = desired::instance(facts.object)
        .map(desired::instance_info)
        .unwrap_or_default();
    Patch(vec![
        fields::add(&["instance_uuid"], json!(id)),
        fields::add(&["instance_info"], Value::Object(info)),
        fields::add(&["extra", KEY], marker.value()),
    ])
}

fn unclaim(facts: &NodeFacts) -> Patch {
    // The claim was for an instance that may have been on the node.
    let marker = Marker {
        used: true,
        ..facts.marker()
    };
    Patch(vec![
        fields::remove(&["instance_uuid"]),
        fields::remove(&["instance_info"]),
        fields::add(&["extra", KEY], marker.value()),
    ])
}

fn rescue_password(facts: &NodeFacts) -> Option<String> {
    desired::secret_value(facts, desired::rescue_password_ref(facts.object)?)
}
