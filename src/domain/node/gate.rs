//! What must be done before a step may be taken. A step passes only when everything here is in order.

use super::facts::NodeFacts;
use super::rules::Step;
pub use super::tries::Tries;
use super::tries::tries;
use crate::api::FINALIZER;

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
            | Step::Manage
            | Step::Deploy => None,
        }
    }

    /// The step.
    pub fn step(self) -> Step {
        self.0
    }
}

/// What stands at the gate.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Gate {
    /// How often the step was tried.
    pub tries: Tries,
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
        (Tries::Fresh, _) if !gate.secrets => Verdict::ReadSecrets,
        (Tries::Fresh, _) if !gate.finalizer => Verdict::AddFinalizer,
        (Tries::Fresh, Some(destructive)) if !gate.confirmed => Verdict::Confirm(destructive),
        (Tries::Fresh, _) => Verdict::Pass,
    }
}

/// The gate as the facts have it.
pub fn gate(step: Step, facts: &NodeFacts) -> Gate {
    let finalizers = facts.object.metadata.finalizers.as_deref().unwrap_or_default();
    Gate {
        tries: tries(step, facts),
        finalizer: facts.deleting() || finalizers.iter().any(|finalizer| finalizer == FINALIZER),
        secrets: facts.secrets.contents.is_some() || !needs_secrets(step, facts),
        confirmed: facts.confirmed.is_some_and(|confirmed| confirmed.step() == step),
    }
}

/// Whether the step writes what Secrets hold.
fn needs_secrets(step: Step, facts: &NodeFacts) -> bool {
    match step {
        Step::Create => !facts.object.spec.driver_info_from.is_empty(),
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
mod tests {
    use super::*;

    #[test]
    fn a_step_passes_only_when_everything_is_in_order() {
        for &step in Step::ALL {
            for tries in [Tries::Fresh, Tries::CoolingDown, Tries::Spent] {
                for bits in 0..8 {
                    let gate = Gate {
                        tries,
                        finalizer: bits & 1 > 0,
                        secrets: bits & 2 > 0,
                        confirmed: bits & 4 > 0,
                    };
                    let passes = judge(step, gate) == Verdict::Pass;
                    let needs_proof = Destructive::of(step).is_some();
                    let in_order = tries == Tries::Fresh
                        && gate.finalizer
                        && gate.secrets
                        && (gate.confirmed || !needs_proof);
                    assert_eq!(passes, in_order, "{step:?} {gate:?}");
                }
            }
        }
    }
}
