//! Reports: the status, only when it differs, and an Event for every transition.

use jiff::Timestamp;
use kube::Resource;

use super::context::Context;
use super::node::Ended;
use super::node_gather::Pass;
use crate::api::conditions::{Reason, types};
use crate::api::{BareMetalNode, BareMetalNodeStatus};
use crate::domain::conditions::keep_times;
use crate::domain::node::quotes;
use crate::domain::node::rules::Step;
use crate::ironic::client;
use crate::ironic::model::{Life, ProvisionState, life};
use crate::kubernetes::events::Severity;
use crate::kubernetes::{Error, status};

/// Writes the status if it differs from the stored one, and ends the reconcile so.
pub async fn report(pass: &mut Pass<'_>, ended: Ended) -> Ended {
    settle_times(pass);
    if pass.object.status == pass.stored {
        return ended;
    }
    if let Some(left) = silence(pass) {
        return Ended::new("waiting", Some(left));
    }
    match store(pass).await {
        Ok(()) => ended,
        Err(error) => refused(pass, &error),
    }
}

/// How much longer an object says nothing that nobody has looked at: all it could say is that a listing is awaited, which is there soon.
fn silence(pass: &Pass<'_>) -> Option<std::time::Duration> {
    let looked_at = |status: &BareMetalNodeStatus| status.observed_generation.is_some_and(|seen| seen > 0);
    if pass.stored.as_ref().is_some_and(looked_at) {
        return None;
    }
    let conditions = &pass.object.status.as_ref()?.conditions;
    let ready = conditions
        .iter()
        .find(|condition| condition.type_ == types::READY)?;
    let awaits = ready.reason == Reason::AwaitingObservation.as_str();
    awaits.then(|| pass.context.nodes.silence(&pass.object)).flatten()
}

/// What a reconcile went through between two reports is no transition.
fn settle_times(pass: &mut Pass<'_>) {
    if let (Some(status), Some(stored)) = (&mut pass.object.status, &pass.stored) {
        keep_times(&mut status.conditions, &stored.conditions);
    }
}

/// Writes the status and publishes what happened; the object's `resourceVersion` is the precondition.
pub async fn store(pass: &mut Pass<'_>) -> Result<(), Error> {
    settle_times(pass);
    let before = pass.stored.take();
    let stored = match status::write(&pass.api, &pass.object).await {
        Ok(stored) => stored,
        Err(error) => {
            if let Some(done) = pass.done.clone() {
                pass.context.unwritten.keep(&pass.object, before.clone(), done);
            }
            pass.stored = before;
            return Err(error);
        }
    };
    pass.done = None;
    pass.context.unwritten.forget(&stored);
    pass.context.nodes.wrote(&stored);
    pass.stored.clone_from(&stored.status);
    pass.object = stored;
    publish(pass.context, &pass.object, before.as_ref());
    Ok(())
}

impl Pass<'_> {
    /// An error of Ironic's, for the log.
    pub fn told(&self, error: &client::Error, step: Option<Step>) -> String {
        let look = self.look();
        let words = error.words_in_full();
        quotes::of_call(&words, step, &self.facts(&look, Timestamp::now()))
    }
}

/// The apiserver refused a write: how the reconcile ends.
pub fn refused(pass: &Pass<'_>, error: &Error) -> Ended {
    match error {
        // Somebody wrote in between: the cache hears of it within milliseconds and wakes us; this is for a lost wake-up.
        Error::Conflict | Error::Deleting => {
            Ended::new("conflict", Some(std::time::Duration::from_millis(200)))
        }
        Error::Gone => {
            pass.context.nodes.forget(&pass.object);
            pass.context.claims.forget(&pass.key);
            Ended::new("gone", None)
        }
        _ => {
            tracing::warn!(node = %pass.key.name, namespace = %pass.key.namespace, error = %chain(error), "cannot write to the Kubernetes API");
            Ended::new("failed", Some(pass.hold()))
        }
    }
}

/// An error and its sources in one line.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        text.push_str(": ");
        text.push_str(&error.to_string());
        source = error.source();
    }
    text
}

/// Events on transitions only: of the provision state, and into a stall.
fn publish(context: &Context, object: &BareMetalNode, before: Option<&BareMetalNodeStatus>) {
    let Some(now) = &object.status else { return };
    let state = |status: &BareMetalNodeStatus| status.provision_state.clone().unwrap_or_default();
    let (old, new) = (before.map(state).unwrap_or_default(), state(now));
    if old != new && !new.is_empty() {
        let state = ProvisionState::from(new.as_str());
        let failed = life(&state) == Life::Failed;
        let severity = if failed {
            Severity::Warning
        } else {
            Severity::Normal
        };
        let words = now
            .last_error
            .as_deref()
            .map(|words| format!(": {words}"))
            .unwrap_or_default();
        let from = if old.is_empty() {
            String::new()
        } else {
            format!("{old} → ")
        };
        context.events.publish(
            object.object_ref(&()),
            severity,
            event(&state),
            "Transition",
            format!("{from}{new}{words}"),
        );
    }
    let stalled = newly_stalled(now, before);
    // A stall for the same reason is told once.
    let told = stalled.as_ref().map(|(reason, _)| *reason);
    if let Some((severity, reason, message)) =
        health(now, before).filter(|(_, reason, _)| told != Some(*reason))
    {
        context
            .events
            .publish(object.object_ref(&()), severity, reason, "Health", message);
    }
    if let Some((reason, message)) = stalled {
        context.events.publish(
            object.object_ref(&()),
            Severity::Warning,
            reason,
            "Stall",
            message,
        );
    }
}

/// The reason and sentence of a stall that is new, or new in kind.
fn newly_stalled(
    now: &BareMetalNodeStatus,
    before: Option<&BareMetalNodeStatus>,
) -> Option<(&'static str, String)> {
    let stalled = |status: &BareMetalNodeStatus| {
        let stalled = status
            .conditions
            .iter()
            .find(|condition| condition.type_ == types::STALLED)?;
        (stalled.status == "True").then(|| (stalled.reason.clone(), stalled.message.clone()))
    };
    let (reason, message) = stalled(now)?;
    let known = before.and_then(stalled).is_some_and(|(old, _)| old == reason);
    (!known).then_some(())?;
    Some((Reason::parse(&reason)?.as_str(), message))
}

/// What is told of the machine's health: that something is wrong, another thing than before, or that nothing is any more.
fn health(
    now: &BareMetalNodeStatus,
    before: Option<&BareMetalNodeStatus>,
) -> Option<(Severity, &'static str, String)> {
    let find = |status: &BareMetalNodeStatus| {
        let mut conditions = status.conditions.iter();
        let healthy = conditions.find(|condition| condition.type_ == types::HEALTHY)?;
        let reason = Reason::parse(&healthy.reason)?;
        Some((healthy.status == "True", reason, healthy.message.clone()))
    };
    let (healthy, reason, message) = find(now)?;
    let before = before
        .and_then(find)
        .map(|(healthy, reason, _)| (healthy, reason));
    let known = before.unwrap_or((true, Reason::NothingWrong));
    if healthy {
        let message = "Nothing is wrong with the machine any more.".to_owned();
        (!known.0).then_some((Severity::Normal, "Healthy", message))
    } else {
        (known != (false, reason)).then_some((Severity::Warning, reason.as_str(), message))
    }
}

/// The reason of the Event for arriving in a state.
fn event(state: &ProvisionState) -> &'static str {
    match state {
        ProvisionState::Enroll => "Enrolled",
        ProvisionState::Verifying => "Verifying",
        ProvisionState::Manageable => "Manageable",
        ProvisionState::Available => "Available",
        ProvisionState::Deploying | ProvisionState::DeployWait => "Deploying",
        ProvisionState::Active => "Deployed",
        ProvisionState::Deleting => "Undeploying",
        ProvisionState::Cleaning | ProvisionState::CleanWait => "Cleaning",
        ProvisionState::Inspecting | ProvisionState::InspectWait => "Inspecting",
        ProvisionState::DeployFailed => "DeployFailed",
        ProvisionState::CleanFailed => "CleanFailed",
        ProvisionState::InspectFailed => "InspectFailed",
        ProvisionState::AdoptFailed => "AdoptFailed",
        ProvisionState::Error => "UndeployFailed",
        ProvisionState::Rescue => "Rescued",
        ProvisionState::Rescuing | ProvisionState::RescueWait => "Rescuing",
        ProvisionState::Unrescuing => "Unrescuing",
        ProvisionState::RescueFailed => "RescueFailed",
        ProvisionState::UnrescueFailed => "UnrescueFailed",
        _ => "StateChanged",
    }
}
