//! What must be done before a step may be taken. A step passes only when everything here is in order.

use jiff::{SignedDuration, Timestamp};

use super::credentials::{basis_of, tries_of};
use super::facts::NodeFacts;
use super::power;
use super::rules::Step;
use super::upkeep::{self, TraitChange};
use crate::api::FINALIZER;

/// Tries of a verification, or of credentials written later, before a person is asked: BMCs lock accounts.
pub const MOST_VERIFICATIONS: i32 = 3;

/// Times that an operating system is asked to shut down before a person is.
const MOST_SHUTDOWNS: i32 = 3;

/// The first pause after a failure; it doubles with every further one.
const FIRST_PAUSE: SignedDuration = SignedDuration::from_secs(5);

/// The longest pause after a failure.
const LONGEST_PAUSE: SignedDuration = SignedDuration::from_mins(5);

/// A step that can cost data, or a machine: it needs an intent, written under the object's current `resourceVersion`,
/// and a look made after that.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Destructive(Step);

impl Destructive {
    /// The step, if it is destructive.
    pub fn of(step: Step) -> Option<Self> {
        match step {
            Step::Provide | Step::Undeploy | Step::Delete | Step::PowerOff => Some(Self(step)),
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

/// How often the step at hand was tried.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Tries {
    /// Not yet, or with something else, or long enough ago.
    Fresh,
    /// It failed, and the pause is not over.
    CoolingDown,
    /// It is given up until something changes.
    Spent,
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

/// Whether the step needs to know what Secrets hold.
fn needs_secrets(step: Step, facts: &NodeFacts) -> bool {
    match step {
        // To prove them, it must be known what not to repeat of an answer.
        Step::Create | Step::Prove => !facts.object.spec.driver_info_from.is_empty(),
        Step::Patch => super::fields::secrets_wanted(facts),
        Step::Deploy => super::desired::user_data_ref(facts.object).is_some(),
        Step::AddTrait
        | Step::RemoveTrait
        | Step::EnterMaintenance
        | Step::LeaveMaintenance
        | Step::PowerOn
        | Step::PowerOff
        | Step::Claim
        | Step::Unclaim
        | Step::Manage
        | Step::Provide
        | Step::Undeploy
        | Step::Delete => false,
    }
}

/// The step as it is counted: every trait by itself.
pub fn attempt(step: Step, facts: &NodeFacts) -> String {
    let change = facts.look.full().and_then(|node| upkeep::next_trait(facts, node));
    match (step, change) {
        (Step::AddTrait | Step::RemoveTrait, Some(TraitChange::Add(name) | TraitChange::Remove(name))) => {
            format!("{} {name}", step.as_str())
        }
        _ => step.as_str().to_owned(),
    }
}

fn tries(step: Step, facts: &NodeFacts) -> Tries {
    let Some(attempts) = facts
        .object
        .status
        .as_ref()
        .and_then(|status| tries_of(step, status))
    else {
        return Tries::Fresh;
    };
    if attempts.step != attempt(step, facts) || attempts.basis != basis_of(step, facts) {
        Tries::Fresh
    } else if attempts.failure.as_ref().is_some_and(|failure| failure.terminal)
        || (matches!(step, Step::Manage | Step::Prove) && attempts.count >= MOST_VERIFICATIONS)
        || (step == Step::PowerOff && power::is_soft(facts) && attempts.count >= MOST_SHUTDOWNS)
    {
        Tries::Spent
    } else if facts.now < next_try(attempts.last.0, attempts.count) {
        Tries::CoolingDown
    } else {
        Tries::Fresh
    }
}

/// When the next try may be made.
pub fn next_try(last: Timestamp, count: i32) -> Timestamp {
    let doublings = u32::try_from(count.saturating_sub(1)).unwrap_or_default().min(10);
    let pause = FIRST_PAUSE
        .checked_mul(1 << doublings)
        .unwrap_or(LONGEST_PAUSE)
        .min(LONGEST_PAUSE);
    last.checked_add(pause).unwrap_or(last)
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

    #[test]
    fn the_pause_doubles_and_ends_at_five_minutes() {
        let start = Timestamp::UNIX_EPOCH;
        let seconds: Vec<_> = (0..9).map(|count| next_try(start, count).as_second()).collect();
        assert_eq!(seconds, [5, 5, 10, 20, 40, 80, 160, 300, 300]);
        assert_eq!(next_try(start, i32::MAX).as_second(), 300);
    }
}
