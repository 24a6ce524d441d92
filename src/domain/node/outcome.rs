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
use crate::domain::freshness;

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
        // From here on it is no news that the instance is gone.
        Step::Undeploy => status.instance = None,
        Step::AddTrait | Step::RemoveTrait => record_trait(&mut status, facts),
        Step::EnterMaintenance
        | Step::LeaveMaintenance
        | Step::PowerOn
        | Step::PowerOff
        | Step::Claim
        | Step::Unclaim
        | Step::Manage
        | Step::Inspect
        | Step::Abort
        | Step::Provide
        | Step::Deploy
        | Step::Rescue
        | Step::Unrescue
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
    // Ironic may have begun it all the same: that the instance goes is no news from here on. One that is seen again is recorded again.
    if step == Step::Undeploy {
        status
            .instance
            .iter_mut()
            .for_each(|instance| instance.deployed = false);
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
    let said = format!("{said} (step {}).", step.as_str());
    let message = match failure.reason {
        Reason::CredentialsRejected => credentials::remarked(said, step, facts),
        _ => said,
    };
    let saying = Saying {
        generation: Some(facts.generation()),
        now: facts.now,
        reason: failure.reason,
        message: &message,
    };
    stand(&mut status.conditions, standing, saying);
    status
}

/// What took too long for a step that destroys.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Late {
    /// The look at the machine.
    Look,
    /// The wait for a slot.
    Slot,
    /// What comes between the look and the announcement: a slot, or a payment out of the budget.
    Before,
    /// This step was announced, and then not sent in time.
    Sent(Step),
}

/// The journal of a step that destroys and was not sent, because something before it took too long.
pub fn late(mut status: BareMetalNodeStatus, late: Late, facts: &NodeFacts) -> BareMetalNodeStatus {
    status.intent = None;
    let message = match late {
        Late::Sent(step) => format!(
            "The step {} was not sent within {} s after it was announced in this status; nothing has happened, and it is announced anew. The Kubernetes API, or Ironic, is slow.",
            step.as_str(),
            freshness::ANNOUNCED.as_secs()
        ),
        Late::Look => format!(
            "Ironic took so long to show the node that nothing may be destroyed on it, which needs a look of at most {} s ago; it is asked again.",
            freshness::LOOKED.as_secs()
        ),
        Late::Slot => "No request to this Ironic came to an end within the time of one, so that there was no turn for another (limits.requestsInFlight); it is tried again.".to_owned(),
        Late::Before => format!(
            "What comes between the look at the machine and the announcement of the step (a turn for the request, a payment out of limits.destructive.perHour) took so long that the look is more than {} s old; it is looked at again.",
            freshness::LOOKED.saturating_sub(freshness::ANNOUNCED).as_secs()
        ),
    };
    retrying(status, &message, facts)
}

/// The journal of a decision that depends on what cannot be told now. What was announced before stays: it explains what is seen of it later.
pub fn untold(mut status: BareMetalNodeStatus, untold: &Untold, facts: &NodeFacts) -> BareMetalNodeStatus {
    let message = format!(
        "{} Nothing is torn down before that is known; it is asked again.",
        untold.why
    );
    let (standing, reason) = if untold.forbidden {
        (Standing::Stalled, Reason::Forbidden)
    } else {
        (Standing::Reconciling, Reason::RetryingAfterFailure)
    };
    stands(&mut status, standing, reason, &message, facts);
    status
}

/// What a decision depends on and cannot be told now.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Untold {
    /// What, and why, in a sentence.
    pub why: String,
    /// The operator lacks the right to ask.
    pub forbidden: bool,
}

/// Whether another node of the same Ironic has the BMC of a machine that is to be written over.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Twin {
    /// None has.
    None,
    /// Not every node that was there when the machine was enrolled is known with its BMC.
    NotYet,
    /// This node has.
    Node(String),
}

impl Twin {
    /// Why the machine is not written over, and whether that is over with the next listing.
    fn why(&self) -> Option<(Standing, Reason, String)> {
        match self {
            Self::None => None,
            Self::NotYet => Some((
                Standing::Reconciling,
                Reason::AwaitingObservation,
                "Whether another node in Ironic has the BMC of this machine is known after the next listing. It is neither cleaned nor deployed before that.".to_owned(),
            )),
            Self::Node(uuid) => Some((
                Standing::Stalled,
                Reason::MachineAlreadyEnrolled,
                format!("Node {uuid} in Ironic has the BMC of this machine, too: one machine under two names, which is neither cleaned nor deployed. Remove one of the two."),
            )),
        }
    }
}

/// The journal of a step that waits until nobody else has the machine.
pub fn shared(mut status: BareMetalNodeStatus, twin: &Twin, facts: &NodeFacts) -> BareMetalNodeStatus {
    if let Some((standing, reason, message)) = twin.why() {
        stands(&mut status, standing, reason, &message, facts);
    }
    status
}

fn retrying(mut status: BareMetalNodeStatus, message: &str, facts: &NodeFacts) -> BareMetalNodeStatus {
    let reason = Reason::RetryingAfterFailure;
    stands(&mut status, Standing::Reconciling, reason, message, facts);
    status
}

/// The object stands so, in the generation that was decided on.
fn stands(
    status: &mut BareMetalNodeStatus,
    standing: Standing,
    reason: Reason,
    message: &str,
    facts: &NodeFacts,
) {
    let saying = Saying {
        generation: Some(facts.generation()),
        now: facts.now,
        reason,
        message,
    };
    stand(&mut status.conditions, standing, saying);
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
