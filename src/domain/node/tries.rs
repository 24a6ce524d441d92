//! How often a step was tried, and when it may be tried again.
//!
//! The tries of every step are counted on the whole way to what is wanted, not only as long as that step alone is repeated: a
//! cleaning that is always broken off alternates `provide` with `manage`, and would never be slowed otherwise. They start afresh
//! once the node is as wanted, and with another basis (spec, Secrets, the `retry` annotation).

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

use super::facts::NodeFacts;
use super::reach::{self, Reach};
use super::rules::Step;
use super::situation::place;
use super::upkeep::{self, TraitChange};
use super::{credentials, power, quotes, words};
use crate::api::BareMetalNodeStatus;
use crate::api::conditions::Reason;
use crate::api::node::{Attempts, Failure, Tried};
use crate::ironic::model::ProvisionState;

/// Tries of a verification, or of credentials written later, before a person is asked: BMCs lock accounts.
pub const MOST_VERIFICATIONS: i32 = 3;

/// Tries of an inspection before the node goes on without.
pub const MOST_INSPECTIONS: i32 = 3;

/// Times that an operating system is asked to shut down before a person is.
const MOST_SHUTDOWNS: i32 = 3;

/// Steps that are remembered beside the current one, at most: there are no more kinds.
const MOST_REMEMBERED: usize = 16;

/// The first pause after a failure; it doubles with every further one.
const FIRST_PAUSE: SignedDuration = SignedDuration::from_secs(5);

/// The longest pause after a failure.
const LONGEST_PAUSE: SignedDuration = SignedDuration::from_mins(5);

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

/// Whether a step verifies the BMC's credentials; elsewhere `manage` is the way out of a failure or of the offer.
fn verifies(step: Step, state: &str) -> bool {
    step == Step::Manage && state == ProvisionState::Enroll.as_str()
}

/// The provision state that the look shows; empty if it shows none.
fn state<'a>(facts: &NodeFacts<'a>) -> &'a str {
    let node = facts.look.summary();
    node.map(|node| node.provision_state.as_str()).unwrap_or_default()
}

/// The step as it is counted, from this provision state: every trait by itself, and a verification apart from other uses of its
/// verb.
fn attempt(step: Step, state: &str, facts: &NodeFacts) -> String {
    let change = facts.look.full().and_then(|node| upkeep::next_trait(facts, node));
    match (step, change) {
        (Step::AddTrait | Step::RemoveTrait, Some(TraitChange::Add(name) | TraitChange::Remove(name))) => {
            format!("{} {name}", step.as_str())
        }
        (Step::Manage, _) if !verifies(step, state) => format!("{} from {state}", step.as_str()),
        _ => step.as_str().to_owned(),
    }
}

/// The tries made so far of a step, with what the next would be made with.
pub fn tried(step: Step, facts: &NodeFacts) -> Option<Tried> {
    let name = attempt(step, state(facts), facts);
    let attempts = credentials::tries_of(step, facts.object.status.as_ref()?)?;
    let attempts = (attempts.basis == credentials::basis_of(step, facts)).then_some(attempts)?;
    if attempts.step == name {
        return Some(current(attempts.clone()));
    }
    attempts
        .earlier
        .iter()
        .find(|earlier| earlier.step == name)
        .cloned()
}

fn current(attempts: Attempts) -> Tried {
    Tried {
        step: attempts.step,
        count: attempts.count,
        refused: attempts.refused,
        last: attempts.last,
        failure: attempts.failure,
    }
}

/// Whether the step may be tried now.
pub fn tries(step: Step, facts: &NodeFacts) -> Tries {
    let Some(tried) = tried(step, facts) else {
        return Tries::Fresh;
    };
    let most = match step {
        Step::PowerOff if power::is_soft(facts) => Some(MOST_SHUTDOWNS),
        Step::Prove => Some(MOST_VERIFICATIONS),
        _ if verifies(step, state(facts)) && !is_unreached(facts) => Some(MOST_VERIFICATIONS),
        _ => None,
    };
    if tried.failure.as_ref().is_some_and(|failure| failure.terminal)
        || most.is_some_and(|most| is_enough(&tried, most))
    {
        Tries::Spent
    } else if facts.now < next_try(began(facts, &tried), tried.count) {
        Tries::CoolingDown
    } else {
        Tries::Fresh
    }
}

/// Whether so many tries, the last among them, got through to the machine. Of one that Ironic itself refused, for want of a conductor
/// or of a right, the machine never heard: it is repeated with pauses as long as that lasts.
pub fn is_enough(tried: &Tried, most: i32) -> bool {
    tried.count.saturating_sub(tried.refused) >= most && got_through(tried.failure.as_ref())
}

/// Whether Ironic says of the failure that the node is in that the BMC was not reached.
pub fn is_unreached(facts: &NodeFacts) -> bool {
    quotes::raw_failure(facts).is_some_and(says_unreached)
}

fn says_unreached(words: &str) -> bool {
    reach::of(words) == Reach::Unreached
}

fn got_through(failure: Option<&Failure>) -> bool {
    failure.is_none_or(|failure| failure.reason == Reason::CredentialsRejected.as_str())
}

/// When the pause after a try began: with the try itself, or when its failure was first seen. What fails after an hour would have
/// no pause at all otherwise.
pub fn began(facts: &NodeFacts, tried: &Tried) -> Timestamp {
    if fails_anew(facts) {
        facts.now
    } else {
        tried.last.0
    }
}

/// Whether the node is in a failed state that the status does not tell of yet.
pub fn fails_anew(facts: &NodeFacts) -> bool {
    let failed = facts.look.summary().map(place).and_then(words::failure).is_some();
    let status = facts.object.status.as_ref();
    let known = status.and_then(|status| status.provision_state.as_deref());
    failed && known.is_some_and(|known| known != state(facts))
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

/// Counts one more try in the journal of the decision that chose the step.
pub fn count(status: &mut BareMetalNodeStatus, step: Step, facts: &NodeFacts, failure: Option<Failure>) {
    // By now the node may be seen in the state that the step has led to.
    let from = status.provision_state.as_deref().unwrap_or_default();
    let (basis, name) = (credentials::basis_of(step, facts), attempt(step, from, facts));
    let slot = match step {
        Step::Prove => &mut status.credentials,
        _ => &mut status.attempts,
    };
    let mut all = slot
        .take()
        .filter(|attempts| attempts.basis == basis)
        .map(|mut attempts| {
            let mut all = std::mem::take(&mut attempts.earlier);
            all.push(current(attempts));
            all
        })
        .unwrap_or_default();
    let place = all.iter().position(|tried| tried.step == name);
    let so_far = place.map(|place| all.remove(place));
    let (tried, refused) = so_far.map_or((0, 0), |so_far| (so_far.count, so_far.refused));
    // What became of the verification before is known by now.
    let unheard = verifies(step, from) && status.last_error.as_deref().is_some_and(says_unreached);
    let missed = i32::from(unheard && refused < tried) + i32::from(!got_through(failure.as_ref()));
    all.retain(|tried| is_remembered(&tried.step));
    all.truncate(MOST_REMEMBERED);
    *slot = Some(Attempts {
        step: name,
        count: tried.saturating_add(1),
        refused: refused.saturating_add(missed),
        last: Time(facts.now),
        basis,
        failure,
        earlier: all,
    });
}

/// Whether a step's tries outlast that another step is taken: what Ironic works on after it has answered can fail later. What is
/// done with the answer has led on when another step is due.
fn is_remembered(name: &str) -> bool {
    let power = |step: Step| matches!(step, Step::PowerOn | Step::PowerOff);
    let mut slow = Step::ALL
        .iter()
        .filter(|step| step.begins_transition() || power(**step));
    // `manage` is counted by the state that it leads from.
    name.starts_with(Step::Manage.as_str()) || slow.any(|step| step.as_str() == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pause_doubles_and_ends_at_five_minutes() {
        let start = Timestamp::UNIX_EPOCH;
        let seconds: Vec<_> = (0..9).map(|count| next_try(start, count).as_second()).collect();
        assert_eq!(seconds, [5, 5, 10, 20, 40, 80, 160, 300, 300]);
        assert_eq!(next_try(start, i32::MAX).as_second(), 300);
    }
}
