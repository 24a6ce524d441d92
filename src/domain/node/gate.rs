//! What must be done before a step may be taken. A step passes only when everything here is in order.

use super::facts::NodeFacts;
use super::room::{self, Price, Room};
use super::rules::Step;
pub use super::tries::Tries;
use super::tries::tries;
use crate::ironic::model::{NodeSummary, Verb, Work};

/// A step that can cost data, or a machine: it needs the whole node, read a moment ago, and then an intent, written under the
/// object's current `resourceVersion`; it is sent at once, or announced anew (see [`crate::domain::freshness`]).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Destructive(Step);

impl Destructive {
    /// The step, if it is destructive.
    pub fn of(step: Step) -> Option<Self> {
        let destroys = match step {
            Step::Delete | Step::PowerOff => true,
            // Ironic's verb tells, so that one which writes over disks is never forgotten here.
            Step::Manage
            | Step::Inspect
            | Step::Abort
            | Step::Provide
            | Step::Deploy
            | Step::Rescue
            | Step::Unrescue
            | Step::Undeploy => step.verb().is_some_and(Verb::is_destructive),
            Step::Create
            | Step::Patch
            | Step::AddTrait
            | Step::RemoveTrait
            | Step::EnterMaintenance
            | Step::LeaveMaintenance
            | Step::PowerOn
            | Step::Claim
            | Step::Unclaim
            | Step::Prove => false,
        };
        destroys.then_some(Self(step))
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
    /// What a destructive step lacks.
    pub lacks: Proof,
}

/// What a destructive step lacks before it may be taken.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Proof {
    /// The whole node, read a moment ago.
    Look,
    /// Its intent.
    Intent,
    /// Nothing, or the step is not destructive.
    Nothing,
}

impl Proof {
    fn lacking(step: Step, facts: &NodeFacts) -> Self {
        let seen = facts.look_holds && facts.look.full().is_some();
        if Destructive::of(step).is_none() {
            Proof::Nothing
        } else if !seen {
            Proof::Look
        } else if facts.confirmed.is_some_and(|confirmed| confirmed.step() == step) {
            Proof::Nothing
        } else {
            Proof::Intent
        }
    }
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
    /// Read the whole node now, and decide again.
    Look,
    /// Write the intent, decide again.
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
        Some(_) if gate.lacks == Proof::Look => Verdict::Look,
        Some(destructive) if gate.lacks == Proof::Intent => Verdict::Confirm(destructive),
        _ => Verdict::Pass,
    }
}

/// The gate as the facts have it.
pub fn gate(step: Step, facts: &NodeFacts) -> Gate {
    Gate {
        tries: tries(step, facts),
        price: room::price(step, facts),
        room: Room::of(step, facts),
        finalizer: facts.deleting() || facts.has_finalizer(),
        secrets: facts.secrets.contents.is_some() || !needs_secrets(step, facts),
        lacks: Proof::lacking(step, facts),
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
        | Step::Abort
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
        let proofs = [Proof::Look, Proof::Intent, Proof::Nothing];
        let all = rooms.flat_map(move |(tries, room)| proofs.map(|lacks| (tries, room, lacks)));
        all.flat_map(|(tries, room, lacks)| {
            (0..8).map(move |bits| Gate {
                tries,
                room,
                price: if bits & 4 > 0 {
                    Price::Affordable
                } else {
                    Price::TooHigh
                },
                finalizer: bits & 1 > 0,
                secrets: bits & 2 > 0,
                lacks,
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
                | Step::Deploy
                | Step::Inspect
                | Step::Rescue
                | Step::Unrescue
        );
        let boots = matches!(step, Step::Inspect | Step::Rescue | Step::Unrescue);
        let needs_room = needs_proof && !boots;
        gate.tries == Tries::Fresh
            && gate.finalizer
            && gate.secrets
            && (!needs_room || gate.room == Room::Free)
            && (!needs_proof || (gate.lacks == Proof::Nothing && gate.price == Price::Affordable))
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

    /// The last thing before the request is the intent, and before that the look: all that may take long comes before them.
    #[test]
    fn the_look_and_the_intent_come_last() {
        for &step in Step::ALL {
            for gate in gates() {
                match judge(step, gate) {
                    Verdict::Look => assert!(gate.finalizer && gate.secrets, "{step:?} {gate:?}"),
                    Verdict::Confirm(_) => {
                        assert!(gate.finalizer && gate.secrets && gate.lacks == Proof::Intent);
                    }
                    _ => {}
                }
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
                    Verdict::ReadSecrets
                    | Verdict::AddFinalizer
                    | Verdict::Look
                    | Verdict::Confirm(_)
                    | Verdict::Pass => {
                        assert!(gate.room == Room::Free || room::work(step).is_none());
                    }
                    Verdict::CoolDown | Verdict::GiveUp | Verdict::Save => {}
                }
            }
        }
    }
}
