//! The decision put together: facts → choice → the one action to take and the status to report.

pub use super::call::Call;
use super::call::{call, release};
pub use super::configdrive::ConfigDrive;
use super::facts::NodeFacts;
use super::gate::{self, Destructive};
use super::room;
use super::rules::{Choice, Step, choose};
use super::situation::{Place, Situation, Want, Writes, summarise};
use super::status::{Verdict, keeps, last_error, status};
use super::{health, quotes, tries, words};
use crate::api::BareMetalNodeStatus;
use crate::api::conditions::Reason;
use crate::domain::conditions::Standing;
use crate::ironic::model::Work;

/// The decision.
pub struct NodePlan {
    /// What was chosen.
    pub choice: Choice,
    /// The rule that chose it.
    pub rule: &'static str,
    /// What to do, if anything. At most one of them reaches Ironic.
    pub action: Option<Action>,
    /// What to report, whether or not the action succeeds.
    pub status: BareMetalNodeStatus,
    /// Decide again at this time even if nothing happens.
    pub again_at: Option<jiff::Timestamp>,
    /// The work that it stands in line for, or has room for and is about to begin.
    pub work: Option<Work>,
}

/// What the executor does. It makes no choices.
pub enum Action {
    /// Read the node in full and decide again.
    Look,
    /// The same for a destructive step, which is decided on what is read now: as the last thing before its intent.
    LookNow,
    /// Ask for room for this work and decide again.
    AskRoom(Work),
    /// Read the Secrets and decide again.
    ReadSecrets,
    /// Put the finalizer on the object and decide again.
    AddFinalizer,
    /// Take the finalizer off: the last thing done for an object. Before that the node's marker is released, if that can be done at once.
    RemoveFinalizer(Option<Call>),
    /// Write the intent under the object's `resourceVersion`, and decide again.
    Confirm(Destructive),
    /// Call Ironic.
    Call(Step, Call),
}

/// Decides.
pub fn decide(facts: &NodeFacts) -> NodePlan {
    let situation = summarise(facts);
    let (choice, rule) = choose(&situation);
    let (choice, rule) = health::judge(choice, rule, facts);
    compose(choice, rule, &situation, facts)
}

/// Turns a choice into an action and a status. Total.
pub fn compose(choice: Choice, rule: &'static str, situation: &Situation, facts: &NodeFacts) -> NodePlan {
    if lacks_finalizer(situation, facts) {
        return kept(choice, rule, Some(Action::AddFinalizer), facts);
    }
    // Nothing holds up letting go.
    if choice != Choice::Release && keeps(facts, situation) {
        return kept(choice, rule, None, facts);
    }
    // Who lets go tells nothing.
    if choice != Choice::Release && quotes::wants_secrets(choice, situation, facts) {
        return kept(choice, rule, Some(Action::ReadSecrets), facts);
    }
    match choice {
        Choice::Step(step) => step_plan(step, rule, situation, facts),
        Choice::Look => looking(rule, situation, facts),
        Choice::Release => plan(choice, rule, Some(letting_go(situation, facts)), situation, facts),
        Choice::Settled(_) | Choice::Wait(_) | Choice::Stalled(_) => {
            plan(choice, rule, None, situation, facts)
        }
    }
}

/// An object that is bound to a node in Ironic has the finalizer, also at rest: somebody may have replaced the object without it.
fn lacks_finalizer(situation: &Situation, facts: &NodeFacts) -> bool {
    let known = facts
        .object
        .status
        .as_ref()
        .is_some_and(|status| status.id.is_some());
    let bound = known || situation.place.seen();
    bound && !facts.observes() && !facts.deleting() && !facts.has_finalizer()
}

/// Detaching releases the marker. Nothing is written to Ironic for an object that observes or is paused, nor to a node that is not seen.
fn letting_go(situation: &Situation, facts: &NodeFacts) -> Action {
    let may = situation.want == Want::Released && situation.writes == Writes::Allowed;
    Action::RemoveFinalizer(may.then(|| release(facts)).flatten())
}

/// Nothing is told yet: the status stays as it is.
fn kept(choice: Choice, rule: &'static str, action: Option<Action>, facts: &NodeFacts) -> NodePlan {
    NodePlan {
        choice,
        rule,
        work: action.is_some().then(|| work(choice)).flatten(),
        action,
        status: facts.object.status.clone().unwrap_or_default(),
        again_at: None,
    }
}

fn work(choice: Choice) -> Option<Work> {
    match choice {
        Choice::Step(step) => room::work(step),
        Choice::Look | Choice::Release | Choice::Settled(_) | Choice::Wait(_) | Choice::Stalled(_) => None,
    }
}

fn plan(
    choice: Choice,
    rule: &'static str,
    action: Option<Action>,
    situation: &Situation,
    facts: &NodeFacts,
) -> NodePlan {
    let verdict = Verdict::on(choice, facts);
    let mut status = status(facts, situation, &verdict, rule);
    // Who is on the way to a step keeps its place in line until that is taken: something may come in between.
    if action.is_some() && work(choice).is_some() {
        room::record(&mut status, facts);
    } else {
        status.waiting = None;
    }
    NodePlan {
        choice,
        rule,
        action,
        status,
        again_at: None,
        work: work(choice),
    }
}

/// Who only looks closer keeps its place in line, and what it says: that is decided on what is seen then.
fn looking(rule: &'static str, situation: &Situation, facts: &NodeFacts) -> NodePlan {
    let mut plan = plan(Choice::Look, rule, Some(Action::Look), situation, facts);
    if let Some(before) = &facts.object.status {
        plan.status.waiting.clone_from(&before.waiting);
        if !before.conditions.is_empty() {
            plan.status.conditions.clone_from(&before.conditions);
        }
    }
    plan
}

/// A step for which there is no room: the object stands in line.
fn queued(step: Step, rule: &'static str, situation: &Situation, facts: &NodeFacts) -> NodePlan {
    let mut status = status(facts, situation, &room::waiting(facts), rule);
    room::record(&mut status, facts);
    NodePlan {
        choice: Choice::Step(step),
        rule,
        action: None,
        status,
        again_at: None,
        work: room::work(step),
    }
}

/// A step that the budget does not allow now.
fn unaffordable(step: Step, rule: &'static str, situation: &Situation, facts: &NodeFacts) -> NodePlan {
    let budget = facts.cloud.budget;
    let verdict = budget.map_or_else(
        || Verdict::on(Choice::Step(step), facts),
        |budget| room::spent(&budget, facts),
    );
    let again_at = budget
        .and_then(|budget| budget.next)
        .map(|next| room::turn(next, facts));
    put_off(step, rule, status(facts, situation, &verdict, rule), again_at)
}

/// A step that is not taken before this time, and stands in no line until then.
fn put_off(
    step: Step,
    rule: &'static str,
    mut status: BareMetalNodeStatus,
    again_at: Option<jiff::Timestamp>,
) -> NodePlan {
    status.waiting = None;
    NodePlan {
        choice: Choice::Step(step),
        rule,
        action: None,
        status,
        again_at,
        work: None,
    }
}

/// A step goes through the gate.
fn step_plan(step: Step, rule: &'static str, situation: &Situation, facts: &NodeFacts) -> NodePlan {
    let choice = Choice::Step(step);
    match gate::judge(step, gate::gate(step, facts)) {
        gate::Verdict::CoolDown => halted(step, false, rule, situation, facts),
        gate::Verdict::GiveUp => halted(step, true, rule, situation, facts),
        gate::Verdict::Save => unaffordable(step, rule, situation, facts),
        gate::Verdict::Ask(work) => plan(choice, rule, Some(Action::AskRoom(work)), situation, facts),
        gate::Verdict::Queue => queued(step, rule, situation, facts),
        gate::Verdict::ReadSecrets => plan(choice, rule, Some(Action::ReadSecrets), situation, facts),
        gate::Verdict::AddFinalizer => plan(choice, rule, Some(Action::AddFinalizer), situation, facts),
        gate::Verdict::Look => plan(choice, rule, Some(Action::LookNow), situation, facts),
        gate::Verdict::Confirm(destructive) => {
            plan(choice, rule, Some(Action::Confirm(destructive)), situation, facts)
        }
        gate::Verdict::Pass => plan(
            choice,
            rule,
            Some(Action::Call(step, call(step, facts))),
            situation,
            facts,
        ),
    }
}

/// A step that failed before and is not taken now.
fn halted(
    step: Step,
    given_up: bool,
    rule: &'static str,
    situation: &Situation,
    facts: &NodeFacts,
) -> NodePlan {
    let tried = tries::tried(step, facts);
    let refusal = tried.as_ref().and_then(|tried| tried.failure.as_ref());
    // At rest, `last_error` is evidence of our own power verb only: Ironic cleared it when it took that.
    let (place, seen) = if matches!(step, Step::PowerOn | Step::PowerOff) {
        (Some(Reason::PowerFailed), quotes::failure(facts))
    } else if step == Step::Manage && situation.place == Place::VerifyFailed && tries::is_unreached(facts) {
        (Some(Reason::BmcUnreachable), last_error(facts, situation))
    } else if step == Step::Provide && situation.place == Place::Manageable {
        // It was cleaned in vain and brought back: Ironic clears its words when it is told to clean again.
        let said = quotes::failure(facts);
        (said.as_ref().map(|_| Reason::CleanFailed), said)
    } else {
        (words::failure(situation.place), last_error(facts, situation))
    };
    let (reason, said) = match refusal {
        Some(failure) => (Reason::parse(&failure.reason), Some(failure.message.as_str())),
        None => (place, seen.as_deref()),
    };
    let verdict = Verdict {
        standing: if given_up {
            Standing::Stalled
        } else {
            Standing::Reconciling
        },
        reason: reason.unwrap_or(Reason::RetryingAfterFailure),
        message: words::failed(facts, said, step, given_up),
    };
    let again_at = tried
        .filter(|_| !given_up)
        .map(|tried| tries::next_try(tries::began(facts, &tried), tried.count));
    put_off(step, rule, status(facts, situation, &verdict, rule), again_at)
}
