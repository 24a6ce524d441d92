//! The facts of a node: from the caches as far as possible, by a call where the decision asked for one.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use kube::runtime::reflector::ObjectRef;
use kube::{Api, ResourceExt};
use uuid::Uuid;

use super::cloud_settings;
use super::context::Context;
use super::node::{Ended, key};
use super::node_fresh::{Announced, Looks};
use super::node_look::Seen;
use crate::api::conditions::Reason;
use crate::api::{BareMetalCloud, BareMetalNode, BareMetalNodeStatus};
use crate::domain::cloud_identity::Accepts;
use crate::domain::node::outcome::Untold;
use crate::domain::node::situation::place;
use crate::domain::node::{CloudFacts, NodeFacts, SecretFacts, desired, words};
use crate::domain::ownership::Liveness;
use crate::fleet::clouds::Entry;
use crate::fleet::{ObjectKey, Observer};
use crate::ironic::client::Client;
use crate::ironic::model::{Life, Node, NodeSummary, life};
use crate::permit::Moment;

/// One reconcile on its way: the object, and what has been read for it so far.
pub struct Pass<'a> {
    /// Shared by all.
    pub context: &'a Context,
    /// The API of the object's kind in its namespace.
    pub api: Api<BareMetalNode>,
    /// The object, with the status as it will be reported.
    pub object: BareMetalNode,
    /// The status as it is stored.
    pub stored: Option<BareMetalNodeStatus>,
    /// Its key.
    pub key: ObjectKey,
    /// The observer of its cloud.
    pub observer: Option<Arc<Observer>>,
    /// The node, read in full in this reconcile after every write of it.
    pub full: Option<(Arc<NodeSummary>, Node)>,
    /// Ironic said, by id, in this reconcile, that the node is not there.
    pub lost: bool,
    /// When the request for `full` was begun.
    pub looked: Option<Moment>,
    /// `full` is not from a look of this reconcile but from a listing.
    pub listed: bool,
    /// The status after the last step, if it is not stored yet.
    pub done: Option<BareMetalNodeStatus>,
    /// What became of looks at the machine for a step that destroys.
    pub looks: Looks,
    /// The destructive step whose intent was written in this reconcile, after `full` was read.
    pub announced: Option<Announced>,
    /// A client with a slot at hand, for a step that destroys.
    pub slot: Option<Client>,
    /// The Secrets.
    pub secrets: SecretFacts,
    /// Its cloud.
    pub(super) cloud: Option<Arc<BareMetalCloud>>,
    pub(super) broken: Option<String>,
    pub(super) suspicion: Option<(Reason, String)>,
    drivers: Option<Vec<String>>,
    pub(super) bulk_deletion: Option<bool>,
    /// Why something cannot be decided now.
    pub untold: Option<Untold>,
    history: Option<String>,
    fresh_instance_id: Uuid,
    pub(super) namespace_uid: Option<String>,
}

impl<'a> Pass<'a> {
    /// Begins.
    pub fn new(mut object: BareMetalNode, api: Api<BareMetalNode>, context: &'a Context) -> Self {
        let stored = object.status.clone();
        let done = context.unwritten.of(&object);
        object.status = done.clone().or(object.status);
        Self {
            context,
            api,
            stored,
            key: key(&object),
            object,
            observer: None,
            full: None,
            lost: false,
            looked: None,
            listed: false,
            done,
            looks: Looks::Good,
            announced: None,
            slot: None,
            secrets: SecretFacts::default(),
            cloud: None,
            broken: None,
            suspicion: None,
            drivers: None,
            bulk_deletion: None,
            untold: None,
            history: None,
            fresh_instance_id: Uuid::new_v4(),
            namespace_uid: None,
        }
    }

    /// The namespace.
    pub fn namespace(&self) -> &str {
        &self.key.namespace
    }

    /// Gathers what every decision needs: all of it from caches, but for the two questions a deletion may raise and the
    /// history of a failure that has lost its words.
    pub async fn gather(&mut self) {
        self.gather_cloud();
        self.gather_namespace().await;
        self.gather_holders().await;
        self.gather_secret_versions();
        self.settle_doubt();
        self.gather_bulk_deletion().await;
        self.gather_history().await;
    }

    fn gather_cloud(&mut self) {
        let cloud = ObjectKey::new(self.namespace(), &self.object.spec.cloud_ref.name);
        let reference = ObjectRef::new(&cloud.name).within(&cloud.namespace);
        self.cloud = self.context.cloud_store.get(&reference);
        // What was connected to is what the spec in hand names, or else it is waited for.
        let entry = self.cloud.as_ref().and_then(|object| {
            let place = cloud_settings::place(object);
            self.context.clouds.get_at(&cloud, &place)
        });
        (self.observer, self.broken) = match entry {
            Some(Entry::Observed(observer)) => (Some(observer), None),
            Some(Entry::Broken(why)) => (None, Some(why)),
            None => (None, None),
        };
        self.suspicion = self.observer.as_ref().and_then(|observer| self.suspect(observer));
        self.drivers = self.observer.as_ref().and_then(|observer| observer.drivers());
    }

    /// Secrets are for enrolling and deploying: a deletion must not depend on them.
    fn gather_secret_versions(&mut self) {
        if self.object.metadata.deletion_timestamp.is_some() {
            return;
        }
        let names = desired::secret_names(&self.object);
        let versions = names.into_iter().map(|name| {
            (
                name.to_owned(),
                self.context.secret_versions.version(self.namespace(), name),
            )
        });
        self.secrets.versions = versions.collect();
    }

    /// `last_error` can vanish from a node that is still failed; its history keeps the reason.
    async fn gather_history(&mut self) {
        let Seen::Summary(node, ..) = self.look() else {
            return;
        };
        let told = node.failure().is_some()
            || self
                .object
                .status
                .as_ref()
                .is_some_and(|status| status.last_error.is_some());
        if told || life(&node.provision_state) != Life::Failed || self.history.is_some() {
            return;
        }
        let Some(client) = self.ironic() else {
            return;
        };
        match client.node_history(&node.uuid).await {
            Ok(events) => {
                let last = events
                    .into_iter()
                    .rev()
                    .find(crate::ironic::model::HistoryEvent::is_error);
                self.history = last.and_then(|event| event.event);
            }
            Err(error) => tracing::debug!(node = %node.uuid, error = %self.told(&error, None), "no history"),
        }
    }

    /// The facts.
    pub fn facts<'b>(&'b self, seen: &'b Seen, now: Timestamp) -> NodeFacts<'b> {
        let paused = self.cloud.as_ref().is_some_and(|cloud| cloud.spec.paused);
        NodeFacts {
            object: &self.object,
            look: seen.look(),
            fingerprint: seen.fingerprint(),
            secrets: &self.secrets,
            cloud: CloudFacts {
                deleting: self
                    .cloud
                    .as_ref()
                    .is_some_and(|cloud| cloud.metadata.deletion_timestamp.is_some()),
                paused,
                suspect: self
                    .suspicion
                    .as_ref()
                    .map(|(reason, why)| (*reason, why.as_str())),
                drivers: self.drivers.as_deref(),
                room: self.standing(),
                budget: self.budget(now),
                paid: self.context.nodes.has_paid(&self.object),
                accepts: self
                    .cloud
                    .as_ref()
                    .map(|cloud| Accepts::read(cloud.annotations()))
                    .unwrap_or_default(),
            },
            cluster: &self.context.cluster,
            writers: self.context.writers.get(),
            namespace_uid: self.namespace_uid.as_deref(),
            bmc: seen.bmc(),
            holder: seen
                .look()
                .summary()
                .map_or(Liveness::Living, |row| self.holder(row)),
            bulk_deletion: self.bulk_deletion.unwrap_or(false),
            look_holds: self.look_holds(),
            confirmed: self.announced.map(|announced| announced.step),
            fresh_instance_id: self.fresh_instance_id,
            history: self.history.as_deref(),
            now,
        }
    }

    /// Whether a transient failure holds the object up, with everything as it was then.
    pub fn is_held(&self, look: &Seen) -> Option<Ended> {
        let basis = self.basis(look);
        let left = self.context.nodes.held(&self.object, &basis)?;
        self.note(look, false);
        Some(Ended::new("waiting", Some(left)))
    }

    /// A transient failure: the pause before the next try.
    pub fn hold(&self) -> Duration {
        // Whoever pauses must not keep others waiting.
        self.leave_room();
        self.context.nodes.failed(&self.object, &self.basis(&self.look()))
    }

    fn basis(&self, look: &Seen) -> String {
        let deleting = self.object.metadata.deletion_timestamp.is_some();
        format!("{} {deleting}", self.facts(look, Timestamp::now()).basis())
    }

    /// Tells the metrics when a transition that we began has ended.
    pub fn watch_transition(&self, look: &Seen) {
        let Seen::Summary(node, ..) = look else { return };
        if life(&node.provision_state) == Life::Running {
            return;
        }
        if let Some((verb, took)) = self.context.nodes.ended(&self.object) {
            let failed = words::failure(place(node)).is_some();
            let outcome = if failed { "failed" } else { "succeeded" };
            self.context.metrics.transition(verb, outcome, took.as_secs_f64());
        }
    }
}
