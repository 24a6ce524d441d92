//! The status an object gets: what is seen, what was done, and the conditions.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

use super::facts::{Look, NodeFacts};
use super::rules::{Choice, NO_RULE};
use super::situation::{Gap, Place, Situation, Tenant, View, Want};
use super::{
    credentials, deployment, desired, drift, earlier, fields, health, inspection, quotes, tries, words,
};
use crate::api::conditions::{Reason, types};
use crate::api::{ACCEPT_WRITERS_ANNOTATION, BareMetalNodeStatus};
use crate::domain::conditions::{Saying, Standing, clear, set, stand};
use crate::domain::writers;
use crate::ironic::model::{Goal, PowerState};

/// What is said about the choice.
pub struct Verdict {
    /// Ready, reconciling or stalled.
    pub standing: Standing,
    /// Why.
    pub reason: Reason,
    /// The sentence.
    pub message: String,
}

impl Verdict {
    /// The verdict on a choice that needs no more than its reason.
    pub fn on(choice: Choice, facts: &NodeFacts) -> Self {
        let (standing, reason) = match choice {
            Choice::Settled(reason) => (Standing::Ready, reason),
            Choice::Wait(reason) => (Standing::Reconciling, reason),
            Choice::Stalled(reason) => (Standing::Stalled, reason),
            Choice::Step(step) => (Standing::Reconciling, words::step(step)),
            Choice::Look => (Standing::Reconciling, Reason::Updating),
            Choice::Release => (Standing::Reconciling, Reason::Deleting),
        };
        let reason = refine(reason, facts);
        Self {
            standing,
            reason,
            message: message(reason, facts),
        }
    }
}

/// The reason in full: which transition, what a Secret lacks, and why a cloud is not trusted.
fn refine(reason: Reason, facts: &NodeFacts) -> Reason {
    match (reason, facts.look.summary(), facts.cloud.suspect) {
        (Reason::SecretMissing, _, _) => desired::missing(facts).map_or(reason, |(exactly, _)| exactly),
        (Reason::Transitioning, Some(node), _) => words::transition(&node.provision_state),
        (Reason::IdentityChanged, _, Some((suspicion, _))) => suspicion,
        (Reason::IdentityChanged, Some(_), None) if facts.stranger().is_some() => Reason::IdentityShared,
        (Reason::IdentityChanged, Some(_), None) if earlier::known(facts).is_some() => Reason::EarlierState,
        _ => reason,
    }
}

fn message(reason: Reason, facts: &NodeFacts) -> String {
    match facts.cloud.suspect {
        Some((suspicion, why)) if suspicion == reason => words::ended(why),
        _ => match (reason, earlier::known(facts), facts.stranger()) {
            (Reason::EarlierState, Some(known), _) => earlier::say(facts, known),
            (Reason::IdentityShared, _, Some(run)) => writers::say(&[run].into(), ACCEPT_WRITERS_ANNOTATION),
            _ => words::say(reason, facts),
        },
    }
}

/// Whether the choice tells nothing new, so that the object keeps the status it has: right after our own write, and while a
/// cloud is away (then only the BareMetalCloud says so; but an object nobody has looked at must not wait in silence).
pub fn keeps(facts: &NodeFacts, situation: &Situation) -> bool {
    let status = facts.object.status.as_ref();
    let looked_at = status.and_then(|status| status.observed_generation) == Some(facts.generation());
    match situation.view {
        View::Stale => true,
        View::Down | View::NotYet => looked_at && !facts.deleting() && !outdated(facts, situation.view),
        View::NoCloud | View::Summary | View::Full => false,
    }
}

/// Whether what the object says of its cloud is no longer so: it exists by now, or it does not answer.
fn outdated(facts: &NodeFacts, view: View) -> bool {
    let conditions = facts.object.status.iter().flat_map(|status| &status.conditions);
    let said = conditions
        .filter(|condition| condition.type_ == types::READY)
        .find_map(|condition| Reason::parse(&condition.reason));
    match said {
        Some(Reason::CloudMissing) => true,
        Some(Reason::AwaitingObservation) => view == View::Down,
        _ => false,
    }
}

/// The status that goes with a verdict.
pub fn status(
    facts: &NodeFacts,
    situation: &Situation,
    verdict: &Verdict,
    rule: &'static str,
) -> BareMetalNodeStatus {
    let mut status = facts.object.status.clone().unwrap_or_default();
    observe(&mut status, facts, situation);
    status.observed_generation = Some(facts.generation());
    status.rule = (rule != NO_RULE).then(|| rule.to_owned());
    if verdict.standing == Standing::Ready {
        status.attempts = None;
    }
    let saying = Saying {
        generation: Some(facts.generation()),
        now: facts.now,
        reason: verdict.reason,
        message: &verdict.message,
    };
    stand(&mut status.conditions, verdict.standing, saying);
    drifted(&mut status, facts, situation);
    match situation.view {
        _ if situation.place.seen() => health::record(&mut status, facts),
        View::Summary | View::Full => health::forget(&mut status),
        View::NoCloud | View::NotYet | View::Down | View::Stale => {}
    }
    if facts.look.summary().is_some() {
        status.drift = drift::record(facts);
    }
    status
}

/// Copies what is seen of the node.
/// What Ironic said of the failure that the node is in. `last_error` can vanish while the node is still failed: what was once read
/// stays as long as the state does.
pub fn last_error(facts: &NodeFacts, situation: &Situation) -> Option<String> {
    let node = facts.look.summary()?;
    words::failure(situation.place)?;
    let before = facts.object.status.as_ref();
    let before =
        before.filter(|before| before.provision_state.as_deref() == Some(node.provision_state.as_str()));
    quotes::failure(facts).or_else(|| before?.last_error.clone())
}

fn observe(status: &mut BareMetalNodeStatus, facts: &NodeFacts, situation: &Situation) {
    let Some(node) = facts.look.summary() else { return };
    status.last_error = last_error(facts, situation);
    status.inspection = inspection::recorded(facts, situation.place, status.last_error.as_deref());
    // The pause begins when the failure is seen.
    if let Some(attempts) = status.attempts.as_mut().filter(|_| tries::fails_anew(facts)) {
        attempts.last = Time(facts.now);
    }
    status.id = Some(node.uuid.clone());
    status.name.clone_from(&node.name);
    status.provision_state = Some(node.provision_state.to_string());
    status.provision_updated_at = earlier::recorded(facts);
    status.instance = deployment::recorded(facts, situation.place, situation.tenant);
    status.power = node.power_state.as_ref().map(power);
    status.target = target(situation)
        .filter(|target| *target != node.provision_state.as_str())
        .map(str::to_owned);
    // What an intent announced has either happened or is decided anew.
    status.intent = None;
    // All that can be written now is: so it is ours, be it that we lost the answer.
    let written = facts
        .look
        .full()
        .is_some_and(|node| !fields::unwritten(facts, node));
    if written && !situation.want.is_deletion() {
        status.applied = Some(fields::applied(facts));
    }
    if status.applied.as_ref().is_none_or(credentials::are_proven) {
        status.credentials = None;
    }
}

fn power(state: &PowerState) -> String {
    match state {
        PowerState::On => "on".to_owned(),
        PowerState::Off => "off".to_owned(),
        other => other.to_string(),
    }
}

fn target(situation: &Situation) -> Option<&'static str> {
    let goal = match situation.want {
        Want::Manageable => Goal::Manageable,
        Want::Available if situation.tenant.is_anothers() => return None,
        Want::Available => Goal::Available,
        Want::Active => Goal::Active,
        Want::Rescue => Goal::Rescue,
        Want::Untouched if matches!(situation.place, Place::Enroll | Place::VerifyFailed) => Goal::Manageable,
        Want::Untouched | Want::Gone | Want::Wiped | Want::Released => return None,
    };
    Some(match goal {
        Goal::Manageable => "manageable",
        Goal::Available => "available",
        Goal::Active => "active",
        Goal::Rescue => "rescue",
    })
}

fn drifted(status: &mut BareMetalNodeStatus, facts: &NodeFacts, situation: &Situation) {
    let say = |reason, message: &str, status: &mut BareMetalNodeStatus| {
        let saying = Saying {
            generation: Some(facts.generation()),
            now: facts.now,
            reason,
            message,
        };
        set(&mut status.conditions, types::DRIFTED, true, saying);
    };
    let uncorrected = drift::uncorrected(facts);
    let differs = uncorrected.map(|_| drift::names(facts)).unwrap_or_default();
    if !differs.is_empty() {
        let message = format!(
            "Not as the spec has it, and not corrected {}: {}.",
            uncorrected.unwrap_or_default(),
            differs.join(", ")
        );
        say(Reason::Differs, &message, status);
    } else if situation.tenant == Tenant::OursChanged
        && matches!(situation.place, Place::Active | Place::Rescue)
    {
        say(
            Reason::InstanceChanged,
            "provision.instance is not the instance that was deployed. A machine is not rebuilt by itself: set provision.state to available and back to active with the new instance.",
            status,
        );
    } else if situation.edit == Gap::Later {
        say(
            Reason::AwaitingState,
            &words::say(Reason::AwaitingState, facts),
            status,
        );
    } else if facts.look.summary().is_some()
        || matches!(facts.look, Look::Lost | Look::Taken(_) | Look::Absent)
    {
        clear(&mut status.conditions, types::DRIFTED);
    }
}
