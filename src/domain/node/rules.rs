//! Situation → choice: an ordered table of small functions, the first answer wins.
//!
//! The name of the rule that answered goes to the object's status and to the documentation.

use super::credentials::prove;
use super::gate::Destructive;
use super::hands_off::{observe, paused};
use super::leaving;
use super::provision::{provision, undeploy, with_full_view};
use super::situation::{Gap, Grip, Guard, Place, Refs, Situation, Tenant, View, Want, Writes};
pub use super::step::Step;
use crate::api::conditions::Reason;

/// What is to be done.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Choice {
    /// All is as wanted.
    Settled(Reason),
    /// Read the whole node, then decide again.
    Look,
    /// Take a step.
    Step(Step),
    /// Wait for something that needs no person.
    Wait(Reason),
    /// Wait for a person.
    Stalled(Reason),
    /// Let the object go: nothing is left to do in Ironic.
    Release,
}

type Rule = fn(&Situation) -> Option<Choice>;

/// The rules, in order.
pub const RULES: &[(&str, Rule)] = &[
    ("detach", detach),
    ("look", look),
    ("trust", trust),
    ("lost", lost),
    ("taken", taken),
    ("observe", observe),
    ("paused", paused),
    ("enrol", enrol),
    ("transition", transition),
    ("leave", leave),
    ("edit", edit),
    ("prove", prove),
    ("tenant", tenant),
    ("guard", guard),
    ("provision", provision),
];

/// The name of the answer when no rule gave one.
pub const NO_RULE: &str = "none";

/// Chooses, and says which rule did.
pub fn choose(situation: &Situation) -> (Choice, &'static str) {
    RULES
        .iter()
        .find_map(|(name, rule)| rule(situation).map(|choice| (choice, *name)))
        .unwrap_or((Choice::Stalled(Reason::UnexpectedState), NO_RULE))
}

/// Detaching asks nothing of Ironic, so nothing can hold it up.
fn detach(s: &Situation) -> Option<Choice> {
    (s.want == Want::Released).then_some(Choice::Release)
}

/// Nothing is decided on what is not seen.
fn look(s: &Situation) -> Option<Choice> {
    match s.view {
        View::NoCloud => Some(Choice::Wait(Reason::CloudMissing)),
        View::NotYet => Some(Choice::Wait(Reason::AwaitingObservation)),
        View::Down => Some(Choice::Wait(Reason::CloudUnavailable)),
        View::Stale => Some(Choice::Wait(Reason::Transitioning)),
        View::Summary | View::Full => None,
    }
}

/// A cloud that may not be the one we knew is not written to, and its absences mean nothing.
fn trust(s: &Situation) -> Option<Choice> {
    (s.writes == Writes::Suspect).then_some(Choice::Stalled(Reason::IdentityChanged))
}

/// Absence from a list is no evidence; a 404 by id is, and never leads to a second enrolment.
fn lost(s: &Situation) -> Option<Choice> {
    match (s.place, s.want.is_deletion()) {
        (Place::Unlisted, _) => Some(Choice::Look),
        (Place::Lost, true) => Some(Choice::Release),
        // A 404 may also mean that the right to see the node was lost. What was on its disks is not known to be wiped.
        (Place::LostInstance, _) | (Place::Lost, false) => Some(Choice::Stalled(Reason::NodeLost)),
        _ => None,
    }
}

/// What somebody else enrolled is theirs.
fn taken(s: &Situation) -> Option<Choice> {
    match (s.place, s.want.is_deletion()) {
        (Place::Taken, true) => Some(Choice::Release),
        (Place::Taken, false) => Some(Choice::Stalled(Reason::MachineAlreadyEnrolled)),
        _ => None,
    }
}

/// A machine nobody knows is enrolled; one that never was needs no removal.
fn enrol(s: &Situation) -> Option<Choice> {
    if s.place != Place::Absent {
        return None;
    }
    if s.want.is_deletion() {
        return Some(Choice::Release);
    }
    Some(refs(s).unwrap_or(Choice::Step(Step::Create)))
}

/// What the spec refers to must be there before anything is written from it.
pub fn refs(s: &Situation) -> Option<Choice> {
    match s.refs {
        Refs::Ready => None,
        Refs::Missing => Some(Choice::Wait(Reason::SecretMissing)),
        Refs::NoNode => Some(Choice::Wait(Reason::AwaitingNode)),
        Refs::NoDriver => Some(Choice::Wait(Reason::DriverUnavailable)),
        Refs::Invalid => Some(Choice::Stalled(Reason::InvalidSpec)),
    }
}

/// While Ironic, or somebody else, is at work on the node, we are not. A wait that the spec no longer wants is ended.
fn transition(s: &Situation) -> Option<Choice> {
    match (s.place, s.grip) {
        (Place::Awaiting, Grip::Free) => {
            Some(leaving::out_of_a_wait(s).unwrap_or(Choice::Wait(Reason::Transitioning)))
        }
        (Place::InspectWait, Grip::Free) => {
            Some(leaving::out_of_an_inspection(s).unwrap_or(Choice::Wait(Reason::Transitioning)))
        }
        (place, _) if place.moves() => Some(Choice::Wait(Reason::Transitioning)),
        (Place::Held, _) => Some(Choice::Stalled(Reason::Held)),
        (_, Grip::Busy) => Some(Choice::Wait(Reason::Reserved)),
        (_, Grip::Free) => None,
    }
}

/// Deletion: only what is free of instances is removed, only an explicit `Undeploy` tears ours down, after what decides how.
fn leave(s: &Situation) -> Option<Choice> {
    if !s.want.is_deletion() {
        return None;
    }
    if s.guard != Guard::Maintenance
        && let Some(first) = leaving::settle(s)
    {
        return Some(first);
    }
    Some(match (s.guard, s.tenant, s.place) {
        (Guard::Maintenance, ..) if s.edit == Gap::Lift => Choice::Step(Step::LeaveMaintenance),
        (Guard::Maintenance, ..) => Choice::Stalled(Reason::Maintenance),
        (Guard::Protected, ..) => Choice::Stalled(Reason::Protected),
        (_, Tenant::Foreign | Tenant::Inherited, _) => Choice::Stalled(Reason::ForeignInstance),
        (_, Tenant::Gone, _) => Choice::Stalled(Reason::InstanceGone),
        (_, Tenant::Ours | Tenant::OursChanged, place) if place.unoccupied() => Choice::Step(Step::Unclaim),
        (_, Tenant::Ours | Tenant::OursChanged, _) if s.want == Want::Wiped => undeploy(s),
        (_, Tenant::Ours | Tenant::OursChanged, _) => Choice::Stalled(Reason::InstancePresent),
        (_, Tenant::Nobody, Place::CleanFailed | Place::InspectFailed) => Choice::Step(Step::Manage),
        (_, Tenant::Nobody, _) if removable(s.place) => Choice::Step(Step::Delete),
        (_, Tenant::Nobody, _) => Choice::Stalled(Reason::UnexpectedState),
    })
}

fn removable(place: Place) -> bool {
    matches!(
        place,
        Place::Enroll | Place::VerifyFailed | Place::Manageable | Place::Available
    )
}

/// Fields are brought to what the spec says wherever Ironic allows it, also under an instance or in maintenance.
fn edit(s: &Situation) -> Option<Choice> {
    let step = match s.edit {
        // The power comes last: see `settled`. An inspection is a step on the way.
        Gap::None
        | Gap::Unproven
        | Gap::Inspect
        | Gap::InspectedInVain
        | Gap::PowerOn
        | Gap::PowerOff
        | Gap::PowerPinned
        | Gap::Later => return None,
        Gap::Enter => return Some(Choice::Step(Step::EnterMaintenance)),
        Gap::Lift => return Some(Choice::Step(Step::LeaveMaintenance)),
        Gap::Mark | Gap::Now => Step::Patch,
        Gap::TraitMissing => Step::AddTrait,
        Gap::TraitSurplus => Step::RemoveTrait,
    };
    Some(refs(s).unwrap_or_else(|| with_full_view(s, step)))
}

/// Somebody else's instance: fine where we only offered the node, otherwise not ours to touch. One of ours that went without a step of
/// ours: whether the disks still hold it, only a person can tell.
fn tenant(s: &Situation) -> Option<Choice> {
    if s.tenant == Tenant::Gone {
        return Some(Choice::Stalled(Reason::InstanceGone));
    }
    if !s.tenant.is_anothers() {
        return None;
    }
    Some(match s.want {
        Want::Available | Want::Untouched if s.edit == Gap::Later => Choice::Wait(Reason::AwaitingState),
        // Its power is its user's.
        Want::Available | Want::Untouched => Choice::Settled(Reason::InUse),
        _ => Choice::Stalled(Reason::ForeignInstance),
    })
}

/// Maintenance, protection and retirement suspend what would move the node, not what is already as wanted.
fn guard(s: &Situation) -> Option<Choice> {
    let way = provision(s)?;
    let at_rest = matches!(
        way,
        Choice::Settled(_) | Choice::Wait(Reason::AwaitingState) | Choice::Stalled(Reason::PowerOffDisabled)
    );
    match (s.guard, way) {
        (Guard::Maintenance, _) if !at_rest => Some(Choice::Stalled(Reason::Maintenance)),
        (Guard::Protected, Choice::Step(step)) if Destructive::of(step).is_some() => {
            Some(Choice::Stalled(Reason::Protected))
        }
        (Guard::Retired, Choice::Step(Step::Provide)) => Some(Choice::Stalled(Reason::Retired)),
        _ => None,
    }
}
