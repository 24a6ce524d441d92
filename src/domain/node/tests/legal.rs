//! What Ironic permits where.

use super::super::rules::{Choice, Step};
use super::super::situation::{Grip, Place, Situation, place};
use super::safety::step;
use crate::ironic::model::{NodeSummary, ProvisionState, Verb};

/// Whether Ironic takes the verb in every state that the place stands for.
pub fn legal(s: &Situation, choice: Choice) -> bool {
    let verb = match step(choice) {
        Some(Step::Manage) => Verb::Manage,
        Some(Step::Inspect) => Verb::Inspect,
        Some(Step::Abort) => Verb::Abort,
        Some(Step::Provide) => Verb::Provide,
        Some(Step::Rescue) => Verb::Rescue,
        Some(Step::Unrescue) => Verb::Unrescue,
        Some(Step::Deploy) => Verb::Active,
        Some(Step::Undeploy) => Verb::Deleted,
        Some(Step::Create) => return s.place == Place::Absent,
        Some(Step::Delete) => return deletable(s.place),
        Some(
            Step::Patch
            | Step::AddTrait
            | Step::RemoveTrait
            | Step::EnterMaintenance
            | Step::LeaveMaintenance
            | Step::PowerOn
            | Step::PowerOff
            | Step::Prove
            | Step::Claim
            | Step::Unclaim,
        ) => return s.place.seen(),
        None => return true,
    };
    states(s.place).all(|state| verb.legal_from(state))
}

/// Nothing is sent where Ironic takes nothing, or what it takes cannot be told.
pub fn sendable(s: &Situation, choice: Choice) -> bool {
    // A wait for the ramdisk is left by the one verb that Ironic takes there.
    let leaves = matches!(step(choice), Some(Step::Undeploy | Step::LeaveMaintenance));
    let waiting = (s.place == Place::Awaiting && !leaves)
        || (s.place == Place::InspectWait && step(choice) != Some(Step::Abort));
    let moving =
        matches!(s.place, Place::Running | Place::Held | Place::Unknown) || s.grip == Grip::Busy || waiting;
    let unsure = matches!(
        s.place,
        Place::Taken | Place::Unlisted | Place::Lost | Place::LostInstance
    );
    step(choice).is_none() || !(moving || unsure)
}

/// Where Ironic removes a node (`DELETE /v1/nodes`, without maintenance).
fn deletable(place: Place) -> bool {
    matches!(
        place,
        Place::Enroll | Place::VerifyFailed | Place::Manageable | Place::Available | Place::AdoptFailed
    )
}

/// The states that are folded into a place.
pub fn states(wanted: Place) -> impl Iterator<Item = &'static ProvisionState> {
    ProvisionState::ALL.iter().filter(move |state| {
        let node = |error: Option<&str>| NodeSummary {
            provision_state: (*state).clone(),
            last_error: error.map(str::to_owned),
            ..NodeSummary::default()
        };
        place(&node(None)) == wanted || place(&node(Some("no"))) == wanted
    })
}
