//! Carries a decision out. Makes no choices: every one was made in `domain`.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use super::node::Ended;
use super::node_gather::Pass;
use super::node_report::{report, store};
use crate::api::BareMetalNodeStatus;
use crate::api::conditions::Reason;
use crate::domain::node::outcome::{self, CallClass, CallFailure};
use crate::domain::node::plan::{Action, Call, ConfigDrive};
use crate::domain::node::rules::{Choice, Step};
use crate::domain::node::{NodePlan, gate};
use crate::fleet::Sight;
use crate::ironic::client::{self, Class, Error, ProvisionRequest, Rejection};
use crate::ironic::model::{self, Node, NodeSummary};
use crate::kubernetes::finalizer;

/// What comes after a decision was carried out.
pub enum Next {
    /// Decide again at once.
    Again,
    /// Nothing more to do now.
    Ended(Ended),
}

/// Carries out one decision.
pub async fn execute(pass: &mut Pass<'_>, plan: NodePlan, sight: Option<&Sight>) -> Next {
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
    match action {
        None => {
            note(pass, choice, sight);
            let again = again_at.map(until);
            Next::Ended(report(pass, Ended::new(outcome_of(choice), again)).await)
        }
        Some(Action::Look) => look(pass).await,
        Some(Action::ReadSecrets) => {
            pass.read_secrets().await;
            Next::Again
        }
        Some(Action::AddFinalizer) => add_finalizer(pass).await,
        Some(Action::RemoveFinalizer) => remove_finalizer(pass).await,
        Some(Action::Confirm(destructive)) => confirm(pass, destructive).await,
        Some(Action::Call(step, call)) => call_ironic(pass, step, call).await,
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

/// Tells the observer what this object knows, and whether it waits for Ironic.
fn note(pass: &Pass<'_>, choice: Choice, sight: Option<&Sight>) {
    let Some(observer) = &pass.observer else { return };
    let waits = matches!(choice, Choice::Wait(Reason::Transitioning | Reason::Reserved));
    let id = pass
        .object
        .status
        .as_ref()
        .and_then(|status| status.id.as_deref());
    observer.note(&pass.key, id, sight, waits);
}

fn until(at: Timestamp) -> Duration {
    // A little later, so that the pause is surely over.
    let left = at.duration_since(Timestamp::now()).unsigned_abs();
    if at <= Timestamp::now() {
        Duration::from_millis(50)
    } else {
        left + Duration::from_millis(50)
    }
}

/// Reads the whole node.
async fn look(pass: &mut Pass<'_>) -> Next {
    let id = pass
        .object
        .status
        .as_ref()
        .and_then(|status| status.id.clone())
        .unwrap_or_default();
    let Some(observer) = pass.observer.clone() else {
        return Next::Again;
    };
    match observer.client.get_node(&id).await {
        Ok(seen) => {
            pass.lost = false;
            observer.learn(seen.clone());
            pass.full = Some((summary(&observer, &seen.value), seen.value));
            Next::Again
        }
        Err(error) if error.is_not_found() => {
            observer.removed(&id);
            pass.full = None;
            pass.lost = true;
            Next::Again
        }
        Err(error) => Next::Ended(failed_reading(pass, &error).await),
    }
}

/// The row that the snapshot now has of a node just read, so that the interest table compares like with like.
fn summary(observer: &crate::fleet::Observer, node: &Node) -> Arc<NodeSummary> {
    match observer.sight(&node.uuid) {
        Sight::Row(row) => row,
        Sight::Stale | Sight::Unlisted => Arc::new(NodeSummary::from(node)),
    }
}

async fn failed_reading(pass: &mut Pass<'_>, error: &Error) -> Ended {
    tracing::info!(node = %pass.key.name, %error, "cannot read the node");
    let pause = pass.context.nodes.failed(&pass.object);
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

async fn remove_finalizer(pass: &mut Pass<'_>) -> Next {
    match finalizer::remove(&pass.api, &pass.object).await {
        Ok(_) => {
            if let Some(observer) = &pass.observer {
                observer.forget(&pass.key);
            }
            pass.context.nodes.forget(&pass.object);
            Next::Ended(Ended::new("released", None))
        }
        Err(error) => Next::Ended(super::node_report::refused(pass, &error)),
    }
}

/// One write proves the spec current, fences a second operator and is the record of a crash; then the node is read anew.
async fn confirm(pass: &mut Pass<'_>, destructive: gate::Destructive) -> Next {
    let look = pass.look();
    let intended = {
        let facts = pass.facts(&look, Timestamp::now());
        outcome::intended(
            pass.object.status.clone().unwrap_or_default(),
            destructive,
            &facts,
        )
    };
    pass.object.status = Some(intended);
    if let Err(error) = store(pass).await {
        return Next::Ended(super::node_report::refused(pass, &error));
    }
    pass.confirmed = Some(destructive);
    pass.full = None;
    self::look(pass).await
}

async fn call_ironic(pass: &mut Pass<'_>, step: Step, call: Call) -> Next {
    let Some(observer) = pass.observer.clone() else {
        return Next::Again;
    };
    let id = call_id(&call);
    let result = send(&observer.client, call).await;
    pass.confirmed = None;
    match result {
        Ok(node) => {
            record(pass, |status, facts| outcome::taken(status, step, facts));
            pass.full = None;
            pass.context.nodes.succeeded(&pass.object);
            tracing::info!(node = %pass.key.name, namespace = %pass.key.namespace, step = step.as_str(), "step taken");
            settle(pass, &observer, step, id, node);
            if is_done_at_once(step) {
                return look(pass).await;
            }
            Next::Again
        }
        Err(error) => {
            pass.full = None;
            // Whether or not Ironic acted: only what is read from now on tells.
            if let Some(id) = &id {
                observer.wrote(id);
            }
            Next::Ended(failed_call(pass, step, &error).await)
        }
    }
}

/// Whether Ironic has done what it was asked when it answers, but does not show the node: a look is worth it.
fn is_done_at_once(step: Step) -> bool {
    matches!(
        step,
        Step::AddTrait | Step::RemoveTrait | Step::EnterMaintenance | Step::LeaveMaintenance
    )
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
            observer.learn(seen.clone());
            pass.full = Some((summary(observer, &seen.value), seen.value));
        }
        (None, Some(id)) if step == Step::Delete => observer.removed(&id),
        (None, Some(id)) => {
            if matches!(step, Step::Manage | Step::Provide | Step::Deploy | Step::Undeploy) {
                pass.context.nodes.began(&pass.object, step.as_str());
            }
            observer.wrote(&id);
        }
        (None, None) => {}
    }
}

/// Writes the outcome into the journal, under the facts of the decision.
fn record(
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

fn call_id(call: &Call) -> Option<String> {
    match call {
        Call::Create(_) => None,
        Call::Patch { id, .. }
        | Call::Provision { id, .. }
        | Call::Trait { id, .. }
        | Call::Maintenance { id, .. }
        | Call::Power { id, .. }
        | Call::Delete { id } => Some(id.clone()),
    }
}

async fn send(client: &client::Client, call: Call) -> Result<Option<model::Seen<Node>>, Error> {
    match call {
        Call::Create(node) => client.create_node(&node).await.map(Some),
        Call::Patch {
            id,
            patch,
            reset_interfaces,
        } => client.patch_node(&id, &patch, reset_interfaces).await.map(Some),
        Call::Provision {
            id,
            verb,
            config_drive,
        } => {
            let mut request = ProvisionRequest::new(verb);
            request.configdrive = config_drive.map(drive);
            client
                .set_node_provision_state(&id, &request)
                .await
                .map(|()| None)
        }
        Call::Trait { id, name, present } => {
            let done = if present {
                client.add_node_trait(&id, &name).await
            } else {
                client.remove_node_trait(&id, &name).await
            };
            done.map(|()| None)
        }
        Call::Maintenance { id, reason } => {
            let done = match reason {
                Some(reason) => client.set_node_maintenance(&id, &reason).await,
                None => client.clear_node_maintenance(&id).await,
            };
            done.map(|()| None)
        }
        Call::Power { id, target, timeout } => {
            let done = client.set_node_power_state(&id, target, timeout).await;
            done.map(|()| None)
        }
        Call::Delete { id } => client.delete_node(&id).await.map(|()| None),
    }
}

fn drive(drive: ConfigDrive) -> client::ConfigDrive {
    match drive {
        ConfigDrive::Url(url) => client::ConfigDrive::Text(url),
        ConfigDrive::Parts {
            meta_data,
            user_data,
            network_data,
            vendor_data,
        } => client::ConfigDrive::Parts {
            meta_data,
            user_data,
            network_data,
            vendor_data,
        },
    }
}

async fn failed_call(pass: &mut Pass<'_>, step: Step, error: &Error) -> Ended {
    let failure = CallFailure {
        reason: reason(error),
        words: error.words().into_owned(),
        class: class(error),
    };
    tracing::warn!(node = %pass.key.name, namespace = %pass.key.namespace, step = step.as_str(), %error, "step failed");
    record(pass, |status, facts| {
        outcome::failed(status, step, facts, &failure)
    });
    let pause = match failure.class {
        CallClass::Transient => pass.context.nodes.failed(&pass.object),
        // The journal has the pause: decide again when it is over.
        CallClass::Blocked | CallClass::Terminal => Duration::from_millis(100),
    };
    report(pass, Ended::new("failed", Some(pause))).await
}

/// A node that has vanished is no reason to give up: the next look tells.
fn class(error: &Error) -> CallClass {
    match (error.class(), error.rejection()) {
        (Class::Transient, _) | (_, Some(Rejection::NotFound)) => CallClass::Transient,
        (Class::Blocked, _) => CallClass::Blocked,
        (Class::Terminal, _) => CallClass::Terminal,
    }
}

fn reason(error: &Error) -> Reason {
    match error.rejection() {
        Some(Rejection::Locked | Rejection::InTransition) => Reason::Reserved,
        Some(Rejection::NoValidHost) => Reason::DriverUnavailable,
        Some(Rejection::Unauthorized) => Reason::Unauthorized,
        Some(Rejection::Forbidden | Rejection::ScopeRequired) => Reason::Forbidden,
        Some(Rejection::AlreadyExists) => Reason::MachineAlreadyEnrolled,
        Some(Rejection::InstanceAssociated) => Reason::ForeignInstance,
        Some(Rejection::Protected) => Reason::Protected,
        Some(Rejection::Maintenance) => Reason::Maintenance,
        Some(Rejection::Retired) => Reason::Retired,
        _ if error.class() == Class::Transient => Reason::IronicUnavailable,
        _ => Reason::Rejected,
    }
}
