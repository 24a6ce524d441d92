//! What Ironic permits where.

use super::super::rules::{Choice, Step};
use super::super::situation::{Place, Situation, place};
use super::safety::step;
use crate::ironic::model::{NodeSummary, ProvisionState, Verb};

/// Whether Ironic takes the verb in every state that the place stands for.
pub fn legal(s: &Situation, choice: Choice) -> bool {
    let verb = match step(choice) {
        Some(Step::Manage) => Verb::Manage,
        Some(Step::Inspect) => Verb::Inspect,
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
