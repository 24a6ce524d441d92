//! Room and budget: what a node's object asks of the limits of its cloud before a step.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use jiff::Timestamp;
use kube::Api;

use super::node::Ended;
use super::node_call;
use super::node_execute::{Next, failed_call};
use super::node_gather::Pass;
use crate::api::BareMetalCloud;
use crate::domain::budget::{self, Budget};
use crate::domain::node::gate::{self, Destructive};
use crate::domain::node::rules::Step;
use crate::domain::node::{NodePlan, room};
use crate::fleet::CloudKey;
use crate::fleet::limits::Request;
use crate::ironic::client;
use crate::ironic::model::{NodeSummary, Standing, Work};
use crate::kubernetes::{Error, status};

/// One payment at a time, of each cloud.
#[derive(Default)]
pub struct Payments {
    clouds: Mutex<HashMap<CloudKey, Arc<tokio::sync::Mutex<()>>>>,
}

impl Payments {
    fn of(&self, cloud: &CloudKey) -> Arc<tokio::sync::Mutex<()>> {
        let mut clouds = self.clouds.lock().unwrap_or_else(PoisonError::into_inner);
        // Nobody pays there now.
        clouds.retain(|_, paying| Arc::strong_count(paying) > 1);
        Arc::clone(clouds.entry(cloud.clone()).or_default())
    }
}

impl Pass<'_> {
    /// Where the object stands in line.
    pub(super) fn standing(&self) -> Standing {
        self.observer
            .as_ref()
            .map_or(Standing::Unasked, |observer| observer.standing(&self.key))
    }

    /// The cloud as our last write left it: another node may have paid a moment ago.
    fn newest_cloud(&self) -> Option<BareMetalCloud> {
        let cloud = self.cloud.as_ref()?;
        Some(self.context.cloud_memory.newest(cloud))
    }

    /// What is left of the budget of the cloud, if it has one.
    pub(super) fn budget(&self, now: Timestamp) -> Option<Budget> {
        let spec = &self.cloud.as_ref()?.spec;
        let per_hour = spec.limits.as_ref()?.destructive.as_ref()?.per_hour?;
        let cloud = self.newest_cloud()?;
        let record = cloud.status.map(|status| status.destructive_steps);
        Some(budget::budget(&record.unwrap_or_default(), per_hour, now))
    }

    /// Gives up room that the decision has no use for. Who only looks closer has not decided yet.
    pub fn keep_room(&self, plan: &NodePlan) {
        let looks = matches!(plan.action, Some(crate::domain::node::Action::Look));
        if plan.work.is_none() && !looks {
            self.leave_room();
        }
    }

    /// Gives up room.
    pub fn leave_room(&self) {
        if let Some(observer) = &self.observer {
            observer.leave_room(&self.key);
        }
    }

    /// Asks for room.
    pub fn ask_room(&self, work: Work) {
        let Some(observer) = &self.observer else { return };
        let since = room::since(work, &self.facts(&self.look(), Timestamp::now()));
        let status = self.object.status.as_ref();
        let id = status.and_then(|status| status.id.clone()).unwrap_or_default();
        observer.ask_room(Request {
            key: self.key.clone(),
            id,
            work,
            since,
        });
    }

    /// Pays for a destructive step out of the cloud's budget, in the cloud's status and under its `resourceVersion`, so that
    /// whoever else writes counts it too. What was paid for and not taken is not paid for again. What comes next if it could not
    /// be paid for.
    pub async fn pay(&self, destructive: Destructive) -> Option<Next> {
        // Who has nothing to pay waits for nobody.
        self.budget(Timestamp::now())
            .filter(|_| !self.context.nodes.has_paid(&self.object))?;
        let cloud = CloudKey::new(self.namespace(), &self.object.spec.cloud_ref.name);
        let _one_at_a_time = self.context.payments.of(&cloud).lock_owned().await;
        let now = Timestamp::now();
        let left = self.budget(now).map(|budget| budget.left());
        let (Some(left), false) = (left, self.context.nodes.has_paid(&self.object)) else {
            return None;
        };
        // Somebody else was faster: decide on what is left.
        let Some(mut cloud) = self.newest_cloud().filter(|_| left > 0) else {
            return Some(Next::Again);
        };
        let status = cloud.status.get_or_insert_default();
        status.destructive_steps = budget::spend(&status.destructive_steps, now);
        let api = Api::namespaced(self.context.kube.clone(), self.namespace());
        match status::write(&api, &cloud).await {
            Ok(stored) => {
                self.context.cloud_memory.wrote(&stored);
                self.context.nodes.paid(&self.object);
                tracing::debug!(node = %self.key.name, step = destructive.step().as_str(), left = left - 1, "paid for");
                None
            }
            Err(error) => Some(Next::Ended(self.not_paid(&error))),
        }
    }

    /// Whether nothing is written to the cloud right now.
    pub fn is_suspended(&self) -> bool {
        let observer = self.observer.as_ref();
        observer.is_some_and(|observer| observer.client.suspended().is_some())
    }

    /// Nothing is written to this Ironic for now: no step is announced either.
    pub async fn suspended(&mut self, step: Step) -> Next {
        Next::Ended(failed_call(self, step, &client::Error::Suspended).await)
    }

    /// The step that was paid for is taken.
    pub fn redeem(&self, step: Step) {
        if Destructive::of(step).is_some() {
            self.context.nodes.redeem(&self.object);
        }
    }

    /// What Ironic refused destroyed nothing, and is not paid for again.
    pub fn refund(&self, step: Step, error: &client::Error) {
        if Destructive::of(step).is_some() && node_call::is_refused(error) {
            self.context.nodes.refund(&self.object);
        }
    }

    /// Ironic did not say whether it has acted: what the node shows from now on tells.
    pub fn doubt(&self, step: Step, shown: Option<&NodeSummary>, error: &client::Error) {
        let trace = Destructive::of(step)
            .filter(|_| !node_call::is_refused(error))
            .and_then(|step| Some((step, gate::trace(step, shown?)?)));
        if let Some((step, trace)) = trace {
            self.context.nodes.doubts(&self.object, step, trace);
        }
    }

    /// Settles whether a step was taken that Ironic did not tell of. A node that somebody works on does not tell.
    pub(super) fn settle_doubt(&self) {
        let look = self.look();
        if let Some(node) = look.look().summary().filter(|node| !node.is_reserved()) {
            self.context
                .nodes
                .settle(&self.object, |step| gate::trace(step, node));
        }
    }

    fn not_paid(&self, error: &Error) -> Ended {
        // The cloud was written in between: its newest form arrives within milliseconds.
        if matches!(error, Error::Conflict) {
            return Ended::new("conflict", Some(std::time::Duration::from_millis(200)));
        }
        tracing::warn!(node = %self.key.name, %error, "cannot record a destructive step in the cloud's status");
        Ended::new("failed", Some(self.hold()))
    }
}
