//! Facts → situation.

use super::facts::{Look, NodeFacts};
use super::marker::Marker;
use super::situation::{Gap, Grip, Guard, Place, Refs, Situation, Tenant, View, Want, Writes};
use super::upkeep::{self, MaintenanceChange};
use super::{desired, fields, inspection};
use crate::api::node::{DeletionPolicy, WantedState};
use crate::ironic::model::{Life, NodeSummary, ProvisionState, life};

/// Folds the facts.
pub fn summarise(facts: &NodeFacts) -> Situation {
    let want = want(facts);
    let (view, place) = view(facts);
    let mut situation = Situation {
        want,
        view,
        writes: writes(facts),
        refs: if want.is_deletion() {
            Refs::Ready
        } else {
            desired::refs(facts, place)
        },
        place,
        grip: Grip::Free,
        guard: Guard::None,
        tenant: Tenant::Nobody,
        edit: Gap::None,
    };
    if let Some(node) = facts.look.summary().filter(|_| place.seen()) {
        situation.grip = grip(node);
        situation.guard = guard(node);
        situation.tenant = tenant(facts, node, place);
        situation.edit = if want.is_deletion() {
            // A deletion changes nothing, but our own maintenance must not be in its way.
            let lift = upkeep::maintenance(facts.object, node) == Some(MaintenanceChange::Leave);
            if lift { Gap::Lift } else { Gap::None }
        } else {
            let gap = fields::gap(facts, situation.tenant);
            inspection::gap(facts, place, situation.tenant, gap)
        };
    }
    situation
}

fn want(facts: &NodeFacts) -> Want {
    if facts.deleting() {
        return match facts.deletion_policy() {
            DeletionPolicy::Detach => Want::Released,
            DeletionPolicy::Delete => Want::Gone,
            DeletionPolicy::Undeploy => Want::Wiped,
        };
    }
    match facts
        .object
        .spec
        .provision
        .as_ref()
        .and_then(|provision| provision.state)
    {
        None => Want::Untouched,
        Some(WantedState::Manageable) => Want::Manageable,
        Some(WantedState::Available) => Want::Available,
        Some(WantedState::Active) => Want::Active,
        Some(WantedState::Rescue) => Want::Rescue,
    }
}

fn writes(facts: &NodeFacts) -> Writes {
    if facts.cloud.suspect.is_some() {
        Writes::Suspect
    } else if facts.observes() {
        Writes::Observing
    } else if facts.cloud.paused || facts.object.spec.paused {
        Writes::Paused
    } else {
        Writes::Allowed
    }
}

fn view(facts: &NodeFacts) -> (View, Place) {
    let place = |node| {
        if is_anothers(facts, node) {
            Place::Taken
        } else {
            place(node)
        }
    };
    match facts.look {
        Look::NoCloud => (View::NoCloud, Place::Absent),
        Look::NotYet => (View::NotYet, Place::Absent),
        Look::Down(_) => (View::Down, Place::Absent),
        Look::Stale => (View::Stale, Place::Absent),
        Look::Absent => (View::Summary, Place::Absent),
        Look::Taken(_) => (View::Summary, Place::Taken),
        Look::Unlisted => (View::Summary, Place::Unlisted),
        Look::Lost => (View::Full, Place::Lost),
        Look::Summary(node) => (View::Summary, place(node)),
        Look::Full(node, _) => (View::Full, place(node)),
    }
}

/// Where a node is. The states that Ironic leaves by itself are one place.
pub fn place(node: &NodeSummary) -> Place {
    match (life(&node.provision_state), &node.provision_state) {
        (Life::Running, _) => Place::Running,
        (Life::Held, _) => Place::Held,
        (_, ProvisionState::Enroll) if node.failure().is_some() => Place::VerifyFailed,
        (_, ProvisionState::Enroll) => Place::Enroll,
        (_, ProvisionState::Manageable) => Place::Manageable,
        (_, ProvisionState::Available) => Place::Available,
        (_, ProvisionState::Active) => Place::Active,
        (_, ProvisionState::Rescue) => Place::Rescue,
        (_, ProvisionState::DeployFailed) => Place::DeployFailed,
        (_, ProvisionState::CleanFailed) => Place::CleanFailed,
        (_, ProvisionState::InspectFailed) => Place::InspectFailed,
        (_, ProvisionState::AdoptFailed) => Place::AdoptFailed,
        (_, ProvisionState::RescueFailed) => Place::RescueFailed,
        (_, ProvisionState::UnrescueFailed) => Place::UnrescueFailed,
        (_, ProvisionState::ServiceFailed) => Place::ServiceFailed,
        (_, ProvisionState::Error) => Place::Error,
        (Life::Stable | Life::Failed | Life::Unknown, _) => Place::Unknown,
    }
}

fn grip(node: &NodeSummary) -> Grip {
    if node.is_reserved() || node.target_power_state.is_some() {
        Grip::Busy
    } else {
        Grip::Free
    }
}

fn guard(node: &NodeSummary) -> Guard {
    if node.maintenance {
        Guard::Maintenance
    } else if node.protected {
        Guard::Protected
    } else if node.retired {
        Guard::Retired
    } else {
        Guard::None
    }
}

/// A marker that names another object: whoever wrote it has taken the node over, so it is theirs.
fn is_anothers(facts: &NodeFacts, node: &NodeSummary) -> bool {
    Marker::read(&node.extra).is_some_and(|marker| !marker.same_object(&facts.marker()))
}

/// An instance is ours when the node is claimed under the id that our marker names, or when its teardown failed half-way
/// (state `error`, claim already gone, our marker still there). Everything else on an occupied node is foreign.
fn tenant(facts: &NodeFacts, node: &NodeSummary, place: Place) -> Tenant {
    let mark = Marker::read(&node.extra)
        .filter(|marker| marker.same_object(&facts.marker()))
        .and_then(|m| m.instance);
    let ours = match (&node.instance_uuid, &mark) {
        (Some(claim), Some(mark)) => *claim == mark.id,
        (None, Some(_)) => place == Place::Error,
        (_, None) => false,
    };
    if ours {
        let wanted = desired::instance_digest(facts.object);
        let same = mark.is_none_or(|mark| wanted.is_none_or(|wanted| wanted == mark.digest));
        if same { Tenant::Ours } else { Tenant::OursChanged }
    } else if node.instance_uuid.is_some() || place.occupied() {
        Tenant::Foreign
    } else {
        Tenant::Nobody
    }
}
