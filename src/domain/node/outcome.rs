//! What a step leaves in the journal: taken, refused, or announced.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

use super::facts::NodeFacts;
use super::gate::Destructive;
use super::rules::Step;
use super::tries::count;
use super::upkeep::{self, TraitChange};
use super::{credentials, fields, quotes};
use crate::api::BareMetalNodeStatus;
use crate::api::conditions::Reason;
use crate::api::node::{Applied, Failure, Intent};
use crate::domain::conditions::{Saying, Standing, stand};

/// Why a call failed, as its class has it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct CallFailure {
    /// The condition's reason.
    pub reason: Reason,
    /// Ironic's words, as it said them.
    pub words: String,
    /// What repeating it would bring.
    pub class: CallClass,
}

/// What repeating a failed call would bring.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum CallClass {
    /// Success, soon: it does not count as a try.
    Transient,
    /// Success, once somebody has done something elsewhere: repeated with growing pauses.
    Blocked,
    /// The same refusal: not repeated.
    Terminal,
}

/// The journal after a step was accepted.
pub fn taken(mut status: BareMetalNodeStatus, step: Step, facts: &NodeFacts) -> BareMetalNodeStatus {
    count(&mut status, step, facts, None);
    (status.intent, status.waiting) = (None, None);
    quotes::begin_anew(&mut status, step);
    match step {
        Step::Create => {
            status.id.clone_from(&facts.object.metadata.uid);
            status.applied = Some(fields::applied(facts));
        }
        // What the node is like now is not known before it was seen.
        Step::Patch => {
            status.applied = Some(Applied {
                verified: None,
                ..fields::applied(facts)
            });
        }
        Step::Prove => {
            status.credentials = None;
            if let Some(applied) = &mut status.applied {
                applied.proven = credentials::mark(applied);
            }
        }
        Step::AddTrait | Step::RemoveTrait => record_trait(&mut status, facts),
        Step::EnterMaintenance
        | Step::LeaveMaintenance
        | Step::PowerOn
        | Step::PowerOff
        | Step::Claim
        | Step::Unclaim
        | Step::Manage
        | Step::Inspect
        | Step::Provide
        | Step::Deploy
        | Step::Rescue
        | Step::Unrescue
        | Step::Undeploy
        | Step::Delete => {}
    }
    status
}

/// A trait that was set is ours from now on, one that was removed no longer.
fn record_trait(status: &mut BareMetalNodeStatus, facts: &NodeFacts) {
    let change = facts.look.full().and_then(|node| upkeep::next_trait(facts, node));
    let applied = status.applied.get_or_insert_default();
    match change {
        Some(TraitChange::Add(name)) => applied.traits.push(name),
        Some(TraitChange::Remove(name)) => applied.traits.retain(|ours| *ours != name),
        None => {}
    }
    applied.traits.sort_unstable();
    applied.traits.dedup();
}

/// The journal after a call failed, and the condition that says why.
pub fn failed(
    mut status: BareMetalNodeStatus,
    step: Step,
    facts: &NodeFacts,
    failure: &CallFailure,
) -> BareMetalNodeStatus {
    if failure.class != CallClass::Transient {
        status.waiting = None;
    }
    let words = quotes::of_call(&failure.words, Some(step), facts);
    let recorded = |terminal| Failure {
        reason: failure.reason.as_str().to_owned(),
        message: words.clone(),
        terminal,
    };
    let standing = match failure.class {
        CallClass::Transient => Standing::Reconciling,
        CallClass::Blocked => {
            count(&mut status, step, facts, Some(recorded(false)));
            Standing::Reconciling
        }
        CallClass::Terminal => {
            count(&mut status, step, facts, Some(recorded(true)));
            Standing::Stalled
        }
    };
    let said = words.trim_end().trim_end_matches('.');
    let message = format!("{said} (step {}).", step.as_str());
    let saying = Saying {
        generation: Some(facts.generation()),
        now: facts.now,
        reason: failure.reason,
        message: &message,
    };
    stand(&mut status.conditions, standing, saying);
    status
}

/// The journal that announces a destructive step.
pub fn intended(
    mut status: BareMetalNodeStatus,
    destructive: Destructive,
    facts: &NodeFacts,
) -> BareMetalNodeStatus {
    status.intent = Some(Intent {
        verb: destructive.step().as_str().to_owned(),
        generation: facts.generation(),
        at: Time(facts.now),
    });
    status
}
