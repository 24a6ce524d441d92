//! The rules' way through the provision states.

use super::rules::{Choice, Step, refs};
use super::situation::{Gap, Place, Refs, Situation, Tenant, View, Want};
use crate::api::conditions::Reason;

/// The way through the provision states.
pub fn provision(s: &Situation) -> Option<Choice> {
    let way = match s.want {
        Want::Untouched => untouched(s),
        Want::Manageable => to_manageable(s),
        Want::Available => to_available(s),
        Want::Active => to_active(s),
        Want::Rescue => to_rescue(s),
        Want::Gone | Want::Wiped | Want::Released => return None,
    };
    Some(inspection(s).unwrap_or(way))
}

/// A machine that was just enrolled is inspected before it goes on, and goes on without where that fails for good.
fn inspection(s: &Situation) -> Option<Choice> {
    match (s.tenant, s.edit, s.place) {
        // Only the whole node tells whether it was inspected.
        (Tenant::Nobody, Gap::Inspect, Place::Manageable | Place::InspectFailed) => {
            Some(with_full_view(s, Step::Inspect))
        }
        (Tenant::Nobody, Gap::InspectedInVain, Place::InspectFailed) => Some(Choice::Step(Step::Manage)),
        _ => None,
    }
}

/// A node just enrolled is verified, which touches no disk; nothing else is moved.
fn untouched(s: &Situation) -> Choice {
    match s.place {
        Place::Enroll | Place::VerifyFailed => verify(s),
        _ => settled(s, Reason::Enrolled),
    }
}

fn to_manageable(s: &Situation) -> Choice {
    match s.place {
        _ if idle_claim(s) => Choice::Step(Step::Unclaim),
        Place::Manageable => settled(s, Reason::Manageable),
        Place::Available => Choice::Step(Step::Manage),
        _ => approach(s),
    }
}

fn to_available(s: &Situation) -> Choice {
    match s.place {
        _ if idle_claim(s) => Choice::Step(Step::Unclaim),
        Place::Available => settled(s, Reason::Available),
        Place::Manageable => Choice::Step(Step::Provide),
        _ => approach(s),
    }
}

/// Into the rescue ramdisk from the deployed instance, and again after either way failed; to that instance from anywhere else.
fn to_rescue(s: &Situation) -> Choice {
    match (s.place, s.tenant) {
        (Place::Rescue, _) => settled(s, Reason::Rescued),
        (Place::Active | Place::RescueFailed | Place::UnrescueFailed, tenant) if tenant.is_ours() => {
            refs(s).unwrap_or(Choice::Step(Step::Rescue))
        }
        (Place::Active, _) => Choice::Stalled(Reason::UnexpectedState),
        _ => to_active(s),
    }
}

fn is_rescue(place: Place) -> bool {
    matches!(place, Place::Rescue | Place::RescueFailed | Place::UnrescueFailed)
}

fn to_active(s: &Situation) -> Choice {
    match (s.place, s.tenant) {
        (Place::Active, _) => settled(s, Reason::Deployed),
        (place, tenant) if is_rescue(place) && tenant.is_ours() => Choice::Step(Step::Unrescue),
        (Place::Available | Place::DeployFailed, Tenant::Ours) => {
            refs(s).unwrap_or(Choice::Step(Step::Deploy))
        }
        // The claim carries the instance it was made for: renew it, under the same id, before that is deployed.
        (Place::Available, _) | (Place::DeployFailed, Tenant::OursChanged) => {
            refs(s).unwrap_or_else(|| with_full_view(s, Step::Claim))
        }
        // Cleaned is only what nobody claims, not even we.
        _ if idle_claim(s) => Choice::Step(Step::Unclaim),
        (Place::Manageable, _) => Choice::Step(Step::Provide),
        (place, _) if place.unoccupied() => verify(s),
        _ => Choice::Stalled(Reason::UnexpectedState),
    }
}

/// A claim of ours without an instance: left over from a deployment that was called off.
fn idle_claim(s: &Situation) -> bool {
    s.tenant.is_ours() && s.place.unoccupied()
}

/// Verb `manage`; out of `enroll` it needs the driver's conductor.
fn verify(s: &Situation) -> Choice {
    match (s.place, s.refs) {
        (Place::Enroll | Place::VerifyFailed, Refs::NoDriver) => Choice::Wait(Reason::DriverUnavailable),
        _ => Choice::Step(Step::Manage),
    }
}

/// A change is computed from the whole node.
pub fn with_full_view(s: &Situation, step: Step) -> Choice {
    if s.view == View::Full {
        Choice::Step(step)
    } else {
        Choice::Look
    }
}

/// Towards `manageable`, from wherever it is: out of `enroll` and failures by `manage`, out of our instance by tearing it down.
fn approach(s: &Situation) -> Choice {
    if s.tenant.is_ours() {
        undeploy(s)
    } else if s.place.unoccupied() {
        verify(s)
    } else {
        Choice::Stalled(Reason::UnexpectedState)
    }
}

/// Verb `deleted`, from where Ironic takes it.
pub fn undeploy(s: &Situation) -> Choice {
    match s.place {
        Place::Active
        | Place::Rescue
        | Place::DeployFailed
        | Place::RescueFailed
        | Place::UnrescueFailed
        | Place::ServiceFailed
        | Place::Error => Choice::Step(Step::Undeploy),
        _ => Choice::Stalled(Reason::UnexpectedState),
    }
}

/// As wanted, unless the power is not, or fields still wait for another state.
fn settled(s: &Situation, reason: Reason) -> Choice {
    match s.edit {
        Gap::PowerOn => Choice::Step(Step::PowerOn),
        // Only the whole node tells whether it may be powered off.
        Gap::PowerOff => with_full_view(s, Step::PowerOff),
        Gap::PowerPinned => Choice::Stalled(Reason::PowerOffDisabled),
        Gap::Later => Choice::Wait(Reason::AwaitingState),
        Gap::None
        | Gap::Mark
        | Gap::Enter
        | Gap::Now
        | Gap::TraitMissing
        | Gap::TraitSurplus
        | Gap::Lift
        | Gap::Inspect
        | Gap::InspectedInVain
        | Gap::Unproven => Choice::Settled(reason),
    }
}
