//! What must be done before a step may be taken. A step passes only when everything here is in order.

use super::facts::NodeFacts;
use super::room::{self, Price, Room};
use super::rules::Step;
pub use super::tries::Tries;
use super::tries::tries;
use crate::api::FINALIZER;
use crate::ironic::model::{NodeSummary, Work};

/// A step that can cost data, or a machine: it needs an intent, written under the object's current `resourceVersion`,
/// and a look made after that.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Destructive(Step);

impl Destructive {
    /// The step, if it is destructive.
    pub fn of(step: Step) -> Option<Self> {
        match step {
            Step::Provide
            | Step::Undeploy
            | Step::Delete
            | Step::PowerOff
            // These boot the machine.
            | Step::Inspect
            | Step::Rescue
            | Step::Unrescue => Some(Self(step)),
            Step::Create
            | Step::Patch
            | Step::AddTrait
            | Step::RemoveTrait
            | Step::EnterMaintenance
            | Step::LeaveMaintenance
            | Step::PowerOn
            | Step::Claim
            | Step::Unclaim
            | Step::Prove
            | Step::Manage
            | Step::Deploy => None,
        }
    }

    /// The step.
    pub fn step(self) -> Step {
        self.0
    }
}

/// What shows on the node whether the step was taken: as long as it is the same as before, it was not. None if nothing does: a
/// machine that was switched off may have been switched on again by anybody.
pub fn trace(destructive: Destructive, node: &NodeSummary) -> Option<String> {
    match destructive.step() {
        // It would not be there.
        Step::Delete => Some(String::new()),
        Step::PowerOff => None,
        // Ironic moves the state, and the time with it, before it begins.
        _ => Some(format!(
            "{} {:?} {:?}",
            node.provision_state, node.target_provision_state, node.provision_updated_at
        )),
    }
}

/// What stands at the gate.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Gate {
    /// How often the step was tried.
    pub tries: Tries,
    /// The budget of destructive steps allows it, or it is paid for.
    pub price: Price,
    /// There is room for what the step sets in motion.
    pub room: Room,
    /// The finalizer is on the object (or the step is part of a deletion).
    pub finalizer: bool,
    /// The content of Secrets is known, or not needed.
    pub secrets: bool,
    /// The step is not destructive, or its intent is confirmed.
    pub confirmed: bool,
}

/// What comes before the step.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Verdict {
    /// Nothing: take it.
    Pass,
    /// Wait until the pause is over.
    CoolDown,
    /// A person has to change something.
    GiveUp,
    /// Wait until the budget has something left.
    Save,
    /// Ask for room and decide again.
    Ask(Work),
    /// Wait in line.
    Queue,
    /// Read the Secrets.
    ReadSecrets,
    /// Put the finalizer on the object.
    AddFinalizer,
    /// Write the intent, look again, decide again.
    Confirm(Destructive),
}

/// Judges a step: the cheap refusals first, the intent last.
pub fn judge(step: Step, gate: Gate) -> Verdict {
    match (gate.tries, Destructive::of(step)) {
        (Tries::CoolingDown, _) => Verdict::CoolDown,
        (Tries::Spent, _) => Verdict::GiveUp,
        (Tries::Fresh, Some(_)) if gate.price == Price::TooHigh => Verdict::Save,
        (Tries::Fresh, proof) => queue(step, gate).unwrap_or_else(|| prepare(proof, gate)),
    }
}

/// Whoever needs room has it before anything is read or written for the step.
fn queue(step: Step, gate: Gate) -> Option<Verdict> {
    let work = room::work(step)?;
    match gate.room {
        Room::Free => None,
        Room::Unasked => Some(Verdict::Ask(work)),
        Room::Full => Some(Verdict::Queue),
    }
}

fn prepare(proof: Option<Destructive>, gate: Gate) -> Verdict {
    match proof {
        _ if !gate.secrets => Verdict::ReadSecrets,
        _ if !gate.finalizer => Verdict::AddFinalizer,
        Some(destructive) if !gate.confirmed => Verdict::Confirm(destructive),
        _ => Verdict::Pass,
    }
}

/// The gate as the facts have it.
pub fn gate(step: Step, facts: &NodeFacts) -> Gate {
    let finalizers = facts.object.metadata.finalizers.as_deref().unwrap_or_default();
    Gate {
        tries: tries(step, facts),
        price: room::price(step, facts),
        room: Room::of(step, facts),
        finalizer: facts.deleting() || finalizers.iter().any(|finalizer| finalizer == FINALIZER),
        secrets: facts.secrets.contents.is_some() || !needs_secrets(step, facts),
        confirmed: facts.confirmed.is_some_and(|confirmed| confirmed.step() == step),
    }
}

/// Whether the step needs to know what Secrets hold.
fn needs_secrets(step: Step, facts: &NodeFacts) -> bool {
    match step {
        // To prove them, it must be known what not to repeat of an answer.
        Step::Create | Step::Prove => !facts.object.spec.driver_info_from.is_empty(),
        Step::Patch => super::fields::secrets_wanted(facts),
        Step::Deploy => super::desired::user_data_ref(facts.object).is_some(),
        Step::Rescue => true,
        Step::AddTrait
        | Step::RemoveTrait
        | Step::EnterMaintenance
        | Step::LeaveMaintenance
        | Step::PowerOn
        | Step::PowerOff
        | Step::Claim
        | Step::Unclaim
        | Step::Manage
        | Step::Inspect
        | Step::Provide
        | Step::Unrescue
        | Step::Undeploy
        | Step::Delete => false,
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// Every gate.
    pub fn gates() -> impl Iterator<Item = Gate> {
        let tries = [Tries::Fresh, Tries::CoolingDown, Tries::Spent].into_iter();
        let rooms = tries.flat_map(|tries| [Room::Free, Room::Unasked, Room::Full].map(|room| (tries, room)));
        rooms.flat_map(|(tries, room)| {
            (0..16).map(move |bits| Gate {
                tries,
                room,
                price: if bits & 8 > 0 {
                    Price::Affordable
                } else {
                    Price::TooHigh
                },
                finalizer: bits & 1 > 0,
                secrets: bits & 2 > 0,
                confirmed: bits & 4 > 0,
            })
        })
    }

    /// What must be so for a step to pass.
    pub fn in_order(step: Step, gate: Gate) -> bool {
        let needs_proof = matches!(
            step,
            Step::Provide
                | Step::Undeploy
                | Step::Delete
                | Step::PowerOff
                | Step::Inspect
                | Step::Rescue
                | Step::Unrescue
        );
        let boots = matches!(step, Step::Inspect | Step::Rescue | Step::Unrescue);
        let needs_room = (needs_proof && !boots) || step == Step::Deploy;
        gate.tries == Tries::Fresh
            && gate.finalizer
            && gate.secrets
            && (!needs_room || gate.room == Room::Free)
            && (!needs_proof || (gate.confirmed && gate.price == Price::Affordable))
    }

    #[test]
    fn a_step_passes_only_when_everything_is_in_order() {
        for &step in Step::ALL {
            for gate in gates() {
                let passes = judge(step, gate) == Verdict::Pass;
                assert_eq!(passes, in_order(step, gate), "{step:?} {gate:?}");
            }
        }
    }

    /// Nothing is read, written or announced for a step that has to wait, and no room is held by one that may not be paid for.
    #[test]
    fn whoever_waits_has_spent_nothing() {
        for &step in Step::ALL {
            for gate in gates() {
                match judge(step, gate) {
                    Verdict::Ask(_) | Verdict::Queue => {
                        assert_eq!(gate.tries, Tries::Fresh);
                        assert!(gate.price == Price::Affordable || Destructive::of(step).is_none());
                    }
                    Verdict::ReadSecrets | Verdict::AddFinalizer | Verdict::Confirm(_) | Verdict::Pass => {
                        assert!(gate.room == Room::Free || room::work(step).is_none());
                    }
                    Verdict::CoolDown | Verdict::GiveUp | Verdict::Save => {}
                }
            }
        }
    }
}
