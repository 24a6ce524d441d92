//! Carries a decision out. Makes no choices: every one was made in `domain`.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use super::node::Ended;
use super::node_call;
use super::node_fresh::{Looks, confirm, look_now, withdrawn};
use super::node_gather::Pass;
use super::node_listed::take_listed;
use super::node_look::Seen;
use super::node_release::remove_finalizer;
use super::node_report::report;
use crate::api::BareMetalNodeStatus;
use crate::api::conditions::Reason;
use crate::domain::node::gate::Destructive;
use crate::domain::node::outcome::{self, CallClass, CallFailure};
use crate::domain::node::plan::{Action, Call};
use crate::domain::node::rules::{Choice, Step};
use crate::domain::node::{NodePlan, quotes};
use crate::fleet::Sight;
use crate::ironic::client::Error;
use crate::ironic::model::{self, Node, NodeSummary};
use crate::kubernetes::finalizer;
use crate::permit::Moment;

/// What comes after a decision was carried out.
pub enum Next {
    /// Decide again at once.
    Again,
    /// Nothing more to do now.
    Ended(Ended),
}

/// Carries out one decision.
pub async fn execute(pass: &mut Pass<'_>, plan: NodePlan, seen: &Seen) -> Next {
    let NodePlan {
        choice,
        action,
        status,
        again_at,
        ..
    } = plan;
    // A decision that keeps the status as it is must not be told from one that has none.
    if pass.object.status.is_some() || status != BareMetalNodeStatus::default() {
        pass.object.status = Some(status);
    }
    let sends = matches!(
        action,
        Some(Action::LookNow | Action::Confirm(_) | Action::Call(..))
    );
    if !sends {
        pass.slot = None; // It is for who looks, announces and sends.
    }
    // What cannot be sent now is neither looked at for, nor announced.
    let suspended = sends && pass.is_suspended();
    match (action, choice) {
        (Some(_), Choice::Step(step)) if suspended => pass.suspended(step).await,
        (None, _) => {
            pass.note(
                seen,
                matches!(choice, Choice::Wait(Reason::Transitioning | Reason::Reserved)),
            );
            // No Event will tell that a Secret can be read again.
            let unreadable = pass.secrets.unreadable.is_some().then(|| pass.hold());
            let again = again_at.map(until).or(unreadable);
            Next::Ended(report(pass, Ended::new(outcome_of(choice), again)).await)
        }
        (Some(Action::Look), _) if take_listed(pass) => Next::Again,
        (Some(Action::Look), _) => look(pass).await,
        (Some(Action::LookNow), choice) => look_now(pass, choice).await,
        (Some(Action::AskRoom(work)), _) => {
            pass.ask_room(work);
            Next::Again
        }
        (Some(Action::ReadSecrets), _) => {
            pass.read_secrets().await;
            Next::Again
        }
        (Some(Action::AddFinalizer), _) => add_finalizer(pass).await,
        (Some(Action::RemoveFinalizer(parting)), _) => remove_finalizer(pass, parting).await,
        (Some(Action::Confirm(destructive)), _) => confirm(pass, destructive).await,
        (Some(Action::Call(step, call)), _) => call_ironic(pass, step, call).await,
    }
}

fn outcome_of(choice: Choice) -> &'static str {
    match choice {
        Choice::Settled(_) => "settled",
        Choice::Look | Choice::Step(_) | Choice::Release => "retrying",
        Choice::Wait(_) => "waiting",
        Choice::Stalled(_) => "stalled",
    }
}

fn until(at: Timestamp) -> Duration {
    // A little later, so that the pause is surely over.
    let left = Duration::try_from(at.duration_since(Timestamp::now()));
    left.unwrap_or_default() + Duration::from_millis(50)
}

/// Reads the whole node.
pub(super) async fn look(pass: &mut Pass<'_>) -> Next {
    let id = pass
        .object
        .status
        .as_ref()
        .and_then(|status| status.id.clone())
        .unwrap_or_default();
    let (Some(observer), Some(client)) = (pass.observer.clone(), pass.ironic()) else {
        return Next::Again;
    };
    pass.listed = false;
    let began = Moment::now();
    match client.get_node(&id).await {
        Ok(seen) => {
            pass.lost = false;
            observer.learn(seen.clone());
            pass.full = Some((summary(&observer, &seen.value), seen.value));
            pass.looked = Some(began);
            Next::Again
        }
        Err(error) if error.is_not_found() => {
            observer.removed(&id);
            pass.full = None;
            pass.lost = true;
            if pass.deleting() {
                observer.forget(&pass.key);
            }
            Next::Again
        }
        Err(error) => Next::Ended(failed_reading(pass, &error).await),
    }
}

/// The row that the snapshot now has of a node just read, so that the interest table compares like with like.
fn summary(observer: &crate::fleet::Observer, node: &Node) -> Arc<NodeSummary> {
    match observer.sight(&node.uuid) {
        Sight::Row(row, _) => row,
        Sight::Stale | Sight::Unlisted => Arc::new(NodeSummary::from(node)),
    }
}

async fn failed_reading(pass: &mut Pass<'_>, error: &Error) -> Ended {
    pass.slot = None;
    if error.is_closed() {
        return report(pass, Ended::new("stopped", None)).await;
    }
    tracing::info!(node = %pass.key.name, error = %pass.told(error, None), "cannot read the node");
    // What was about to be done is not: what was last said of the node still holds, unless a step was taken since.
    if pass.stored.is_some() && pass.done.is_none() {
        pass.object.status.clone_from(&pass.stored);
    }
    let pause = pass.hold();
    pass.note(&pass.look(), false);
    report(pass, Ended::new("failed", Some(pause))).await
}

async fn add_finalizer(pass: &mut Pass<'_>) -> Next {
    match finalizer::add(&pass.api, &pass.object).await {
        Ok(stored) => {
            pass.context.nodes.wrote(&stored);
            let status = pass.object.status.take();
            pass.object = stored;
            pass.object.status = status;
            Next::Again
        }
        Err(error) => Next::Ended(super::node_report::refused(pass, &error)),
    }
}

async fn call_ironic(pass: &mut Pass<'_>, step: Step, call: Call) -> Next {
    let (Some(observer), Some(client)) = (pass.observer.clone(), pass.ironic()) else {
        return Next::Again;
    };
    // The last moment: after the order to stop nothing new is begun. Whether this process may write at all is asked by the
    // clients themselves, for every request.
    if pass.context.stop.is_cancelled() {
        return Next::Ended(report(pass, Ended::new("stopped", None)).await);
    }
    if !pass.takes(step, &observer) {
        return Next::Again;
    }
    pass.redeem(step);
    let id = node_call::id(&call);
    let (fresh, began) = (pass.freshness(step), Moment::now());
    let mut meant = client.with_permit(fresh.permit());
    if Destructive::of(step).is_some() {
        meant = meant.with_new_connections();
    }
    let result = node_call::send(&meant, call).await;
    // Whoever looks next waits for a slot, and must not keep the one that it waits for.
    drop((client, meant));
    (pass.announced, pass.slot) = (None, None);
    pass.has_taken(&observer);
    match result {
        Ok(node) => {
            record(pass, |status, facts| outcome::taken(status, step, facts));
            pass.done.clone_from(&pass.object.status);
            (pass.full, pass.looked, pass.looks) = (None, Some(began), Looks::Good);
            pass.context.nodes.succeeded(&pass.object);
            tracing::info!(node = %pass.key.name, namespace = %pass.key.namespace, step = step.as_str(), "step taken");
            settle(pass, &observer, step, id, node);
            if step.is_done_at_once() {
                return look(pass).await;
            }
            Next::Again
        }
        // The order to stop: nothing happened that needs a word.
        Err(error) if error.is_closed() => Next::Ended(report(pass, Ended::new("stopped", None)).await),
        Err(error) if error.is_withdrawn() => {
            pass.refund(step, &error);
            Next::Ended(withdrawn(pass, step, &fresh).await)
        }
        Err(error) => {
            pass.refund(step, &error);
            pass.doubt(step, pass.full.as_ref().map(|(row, _)| &**row), &error);
            // Whether or not Ironic acted: only what is read from now on tells.
            if let Some(id) = &id {
                observer.wrote(id);
            }
            Next::Ended(failed_call(pass, step, &error).await)
        }
    }
}

/// What the write means for what is known.
fn settle(
    pass: &mut Pass<'_>,
    observer: &crate::fleet::Observer,
    step: Step,
    id: Option<String>,
    node: Option<model::Seen<Node>>,
) {
    match (node, id) {
        (Some(seen), _) => {
            observer.learn_written(seen.clone());
            pass.context.claims.settle(&pass.key);
            pass.full = Some((summary(observer, &seen.value), seen.value));
        }
        // It has changed nothing.
        (None, Some(_)) if step == Step::Prove => {}
        (None, Some(id)) if step == Step::Delete => {
            observer.removed(&id);
            // What we removed ourselves is not missing.
            observer.forget(&pass.key);
        }
        (None, Some(id)) => {
            if step.begins_transition() {
                pass.context.nodes.began(&pass.object, step.as_str());
            }
            observer.wrote(&id);
        }
        (None, None) => {}
    }
}

/// Writes the outcome into the journal, under the facts of the decision.
pub(super) fn record(
    pass: &mut Pass<'_>,
    outcome: impl FnOnce(BareMetalNodeStatus, &crate::domain::node::NodeFacts) -> BareMetalNodeStatus,
) {
    let look = pass.look();
    let status = {
        let facts = pass.facts(&look, Timestamp::now());
        outcome(pass.object.status.clone().unwrap_or_default(), &facts)
    };
    pass.object.status = Some(status);
}

pub(super) async fn failed_call(pass: &mut Pass<'_>, step: Step, error: &Error) -> Ended {
    let failure = CallFailure {
        reason: node_call::reason(error),
        words: error.words_in_full().into_owned(),
        class: node_call::class(error),
    };
    let lacks = quotes::lacks_secrets(&pass.facts(&pass.look(), Timestamp::now()));
    if lacks {
        pass.read_secrets().await;
    }
    let told = pass.told(error, Some(step));
    tracing::warn!(node = %pass.key.name, namespace = %pass.key.namespace, step = step.as_str(), error = %told, "step failed");
    // On the node that was decided on: only the whole one tells which trait it was.
    record(pass, |status, facts| {
        outcome::failed(status, step, facts, &failure)
    });
    pass.done.clone_from(&pass.object.status);
    pass.full = None;
    let pause = match failure.class {
        CallClass::Transient => pass.hold(),
        // The journal has the pause: decide again when it is over.
        CallClass::Blocked | CallClass::Terminal => Duration::from_millis(100),
    };
    pass.note(&pass.look(), true);
    report(pass, Ended::new("failed", Some(pause))).await
}
