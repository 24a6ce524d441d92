//! Reconciles a BareMetalNode: gather → decide → execute, again until nothing can be done right now, then report.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::FutureExt;
use jiff::Timestamp;
use kube::runtime::controller::Action;
use kube::runtime::reflector::ObjectRef;
use kube::{Api, ResourceExt};

use super::context::Context;
use super::node_execute::{Next, execute};
use super::node_fresh::untold;
use super::node_gather::Pass;
use super::node_listed::needs_a_look;
use super::node_report;
use super::node_rivals::end_claim;
use super::node_turn::Turn;
use super::{panics, triggers};
use crate::api::BareMetalNode;
use crate::domain::node::decide;
use crate::fleet::clouds::Entry;
use crate::fleet::{CloudKey, ObjectKey};

/// The kind, as metrics and logs have it.
pub const KIND: &str = "BareMetalNode";

/// Passes of one reconcile, at most. Sized for the longest way that needs no waiting: enrol (Secrets, finalizer, create),
/// verify, and room for a spec that changes under way; what is left is done in the next reconcile.
const MOST_PASSES: u32 = 16;

/// Decide again after this long even if nothing happened: a wake-up that was lost costs no more than this. It asks nothing of
/// Ironic.
pub const HEARTBEAT: Duration = Duration::from_mins(10);

/// The pause while the caches are being filled.
pub const STARTING: Duration = Duration::from_millis(200);

/// A reconcile never fails: what went wrong is in the object's conditions and in the pause it asks for.
#[derive(Debug, thiserror::Error)]
pub enum Never {}

/// Reconciles; a panic is contained to the object.
pub async fn reconcile(cached: Arc<BareMetalNode>, context: Arc<Context>) -> Result<Action, Never> {
    let started = Instant::now();
    let Some(_turn) = Turn::take(&cached, &context) else {
        context
            .metrics
            .reconcile(KIND, "queued", started.elapsed().as_secs_f64());
        forget_if_gone(&cached, &context);
        return Ok(Ended::new("queued", None).action());
    };
    // A reconcile holds whole nodes: too much for the stack of its caller.
    let run = AssertUnwindSafe(Box::pin(run(&cached, &context)))
        .catch_unwind()
        .await;
    let (outcome, action) = if let Ok(ended) = run {
        (ended.outcome, ended.action())
    } else {
        context.metrics.panic(KIND);
        tracing::error!(node = %key(&cached).name, "a reconcile panicked; the object is left alone for a minute");
        let cloud = CloudKey::new(
            cached.namespace().unwrap_or_default(),
            &cached.spec.cloud_ref.name,
        );
        let at = match context.clouds.get(&cloud) {
            Some(Entry::Observed(observer)) => Some(observer.client.stamp()),
            Some(Entry::Broken(_)) | None => None,
        };
        end_claim(&key(&cached), at, &context);
        panics::tell_node(&cached, &context).await;
        ("panic", Action::requeue(panics::PAUSE))
    };
    context
        .metrics
        .reconcile(KIND, outcome, started.elapsed().as_secs_f64());
    forget_if_gone(&cached, &context);
    Ok(action)
}

/// It may have gone meanwhile, and been forgotten before the last that was remembered of it.
fn forget_if_gone(cached: &BareMetalNode, context: &Context) {
    if context.node_store.get(&ObjectRef::from_obj(cached)).is_none() {
        triggers::forget(cached, context);
    }
}

/// How a reconcile ended.
pub struct Ended {
    outcome: &'static str,
    again: Option<Duration>,
}

impl Ended {
    /// It ended so, and is to be repeated after this pause, if any.
    pub fn new(outcome: &'static str, again: Option<Duration>) -> Self {
        Self { outcome, again }
    }

    fn action(&self) -> Action {
        // Jitter only ever adds: an object must not come back before its pause is over.
        let pause = self
            .again
            .unwrap_or_else(|| HEARTBEAT.mul_f64(1.0 + fastrand::f64() / 4.0));
        Action::requeue(pause)
    }
}

/// The object's key in the fleet.
pub fn key(object: &BareMetalNode) -> ObjectKey {
    ObjectKey::new(object.namespace().unwrap_or_default(), object.name_any())
}

async fn run(cached: &BareMetalNode, context: &Context) -> Ended {
    panics::provoke(KIND, cached);
    if !context.is_synced() {
        return Ended::new("starting", Some(STARTING));
    }
    let object = context.nodes.newest(cached);
    let api = Api::namespaced(context.kube.clone(), &object.namespace().unwrap_or_default());
    let mut pass = Pass::new(object, api, context);
    for _ in 0..MOST_PASSES {
        if context.stop.is_cancelled() {
            return node_report::report(&mut pass, Ended::new("stopped", None)).await;
        }
        pass.gather().await;
        if let Some(why) = pass.untold.take() {
            return untold(&mut pass, &why).await;
        }
        let look = pass.look();
        if let Some(ended) = pass.is_held(&look) {
            return ended;
        }
        let mut plan = decide(&pass.facts(&look, Timestamp::now()));
        if needs_a_look(&mut pass, plan.action.as_ref()) {
            continue;
        }
        pass.recognise(&mut plan.status);
        pass.keep_room(&plan);
        pass.watch_transition(&look);
        match execute(&mut pass, plan, &look).await {
            Next::Again => {}
            Next::Ended(ended) => return ended,
        }
    }
    tracing::warn!(node = %key(cached).name, "not done after {MOST_PASSES} passes, going on in the next reconcile");
    node_report::report(&mut pass, Ended::new("unfinished", Some(Duration::from_secs(1)))).await
}
