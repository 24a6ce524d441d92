//! Facts → situation.

use super::facts::{Look, NodeFacts};
use super::marker::Marker;
use super::situation::{Gap, Grip, Guard, Place, Refs, Situation, Tenant, View, Want, Writes};
use super::upkeep::{self, MaintenanceChange};
use super::{deployment, desired, earlier, fields, identity, inspection, leaving, marker};
use crate::api::node::{DeletionPolicy, WantedState};
use crate::domain::ownership::Whose;
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
        situation.edit = edit(facts, node, &situation);
    }
    situation
}

/// A deletion, and who leaves a wait, changes nothing but what decides how the machine is left. Our own maintenance must not be in the way.
fn edit(facts: &NodeFacts, node: &NodeSummary, situation: &Situation) -> Gap {
    let leaves = situation.want.is_deletion() || leaving::breaks_off(situation);
    let lift = upkeep::maintenance(facts.object, node) == Some(MaintenanceChange::Leave);
    if leaves && lift {
        Gap::Lift
    } else if !situation.want.is_deletion() && fields::gap(facts, situation.tenant) == Gap::Mark {
        Gap::Mark
    } else if leaving::wipes(situation) || leaving::breaks_off(situation) {
        leaving::gap(facts, situation.place)
    } else if leaves {
        Gap::None
    } else {
        let gap = fields::gap(facts, situation.tenant);
        inspection::gap(facts, situation.place, situation.tenant, gap)
    }
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
    if facts.cloud.suspect.is_some() || earlier::known(facts).is_some() || facts.stranger().is_some() {
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
        match identity::whose(facts, node) {
            // To be deleted is only what is the object's own.
            Whose::ToTakeOver | Whose::Unfit | Whose::Anothers if facts.deleting() => {
                not_ours(facts, Place::Taken)
            }
            Whose::Ours | Whose::ToTakeOver => place(node),
            Whose::Unfit | Whose::Anothers => Place::Taken,
        }
    };
    match facts.look {
        Look::NoCloud => (View::NoCloud, Place::Absent),
        Look::NotYet => (View::NotYet, Place::Absent),
        Look::Down(_) => (View::Down, Place::Absent),
        Look::Stale => (View::Stale, Place::Absent),
        Look::Absent => (View::Summary, not_ours(facts, Place::Absent)),
        Look::Taken(_) => (View::Summary, not_ours(facts, Place::Taken)),
        Look::Unlisted => (View::Summary, Place::Unlisted),
        Look::Lost if deployment::deployed(facts).is_some() => (View::Full, Place::LostInstance),
        Look::Lost => (View::Full, Place::Lost),
        Look::Summary(node) => (View::Summary, place(node)),
        Look::Full(node, _) => (View::Full, place(node)),
    }
}

/// A node that is not the object's, or no longer: an instance that is to be wiped along with the object would be left, and nobody told.
fn not_ours(facts: &NodeFacts, place: Place) -> Place {
    if deployment::is_beyond_reach(facts) {
        Place::LostInstance
    } else {
        place
    }
}

/// Where a node is. The states that Ironic leaves by itself are one place.
pub fn place(node: &NodeSummary) -> Place {
    match (life(&node.provision_state), &node.provision_state) {
        (_, ProvisionState::DeployWait | ProvisionState::RescueWait | ProvisionState::ServiceWait) => {
            Place::Awaiting
        }
        (_, ProvisionState::InspectWait) => Place::InspectWait,
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

/// An instance is ours when the node is claimed under the id that our own marker names, and this object deployed or confirmed it. It
/// is ours, too, where Ironic itself gave the claim up in a failed state: marker and journal tell. Everything else on an occupied node is
/// foreign.
fn tenant(facts: &NodeFacts, node: &NodeSummary, place: Place) -> Tenant {
    let marker = marker::own(facts, node);
    let mark = marker.as_ref().and_then(Marker::instance);
    let present = match (&node.instance_uuid, &mark) {
        (Some(claim), Some(mark)) => *claim == mark.id,
        (None, Some(mark)) => was_given_up(facts, mark, place),
        (_, None) => false,
    };
    let uid = facts.object.metadata.uid.as_deref();
    match mark.filter(|_| present) {
        Some(mark) if Some(mark.by.as_str()) != uid => Tenant::Inherited,
        Some(_) if deployment::is_gone(facts, place) => Tenant::Gone,
        // A claim that Ironic gave up is made anew before anything is deployed under it.
        Some(_) if node.instance_uuid.is_none() && place == Place::DeployFailed => Tenant::OursChanged,
        Some(mark) => {
            let wanted = desired::instance_digest(facts.object);
            let same = wanted.is_none_or(|wanted| wanted == mark.digest);
            if same { Tenant::Ours } else { Tenant::OursChanged }
        }
        None if node.instance_uuid.is_some() || place.occupied() => Tenant::Foreign,
        None if deployment::is_gone(facts, place) => Tenant::Gone,
        None => Tenant::Nobody,
    }
}

/// Whether the instance may still be there although nobody claims the node: its teardown failed, or Ironic gave the claim up along with a
/// deployment. Of the latter only the journal tells that it was ours.
fn was_given_up(facts: &NodeFacts, mark: &marker::InstanceMark, place: Place) -> bool {
    let known = deployment::journal(facts).is_some_and(|record| record.id == mark.id);
    place == Place::Error
        || (known
            && matches!(
                place,
                Place::DeployFailed | Place::RescueFailed | Place::UnrescueFailed | Place::ServiceFailed
            ))
}
