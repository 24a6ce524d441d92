//! The facts of a node: from the caches as far as possible, by a call where the decision asked for one.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use k8s_openapi::api::core::v1::Namespace;
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::runtime::reflector::ObjectRef;
use kube::{Api, CustomResourceExt, ResourceExt};
use secrecy::ExposeSecret;
use uuid::Uuid;

use super::context::Context;
use super::node::key;
use crate::api::conditions::Reason;
use crate::api::node::DeletionPolicy;
use crate::api::{BareMetalCloud, BareMetalNode, BareMetalNodeStatus};
use crate::domain::node::facts::{SecretContent, ironic_name};
use crate::domain::node::gate::Destructive;
use crate::domain::node::marker::Marker;
use crate::domain::node::situation::place;
use crate::domain::node::{CloudFacts, Look, NodeFacts, NodePlan, SecretFacts, desired, words};
use crate::fleet::clouds::Entry;
use crate::fleet::{Health, ObjectKey, Observer, Sight};
use crate::ironic::model::{Bmc, Life, Node, NodeSummary, life};

/// Nodes of a cloud that may be missing before its absences are no longer believed: this many, or one in ten.
const MISSING_UNSUSPICIOUS: usize = 3;

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
    /// The destructive step whose intent was written in this reconcile.
    pub confirmed: Option<Destructive>,
    /// The Secrets.
    pub secrets: SecretFacts,
    cloud: Option<Arc<BareMetalCloud>>,
    broken: Option<String>,
    suspicion: Option<(Reason, String)>,
    drivers: Option<Vec<String>>,
    bulk_deletion: Option<bool>,
    history: Option<String>,
    fresh_instance_id: Uuid,
}

/// What is seen, owned.
pub enum Seen {
    /// See [`Look`].
    NoCloud,
    /// See [`Look`].
    NotYet,
    /// See [`Look`].
    Down(String),
    /// See [`Look`].
    Stale,
    /// See [`Look`].
    Absent,
    /// See [`Look`].
    Taken(String),
    /// See [`Look`].
    Unlisted,
    /// See [`Look`].
    Lost,
    /// See [`Look`].
    Summary(Arc<NodeSummary>),
    /// See [`Look`].
    Full(Arc<NodeSummary>, Box<Node>),
}

impl Seen {
    /// What the interest table is told.
    pub fn sight(&self) -> Option<Sight> {
        match self {
            Seen::Summary(row) | Seen::Full(row, _) => Some(Sight::Row(Arc::clone(row))),
            Seen::Stale => Some(Sight::Stale),
            Seen::Unlisted | Seen::Lost => Some(Sight::Unlisted),
            Seen::NoCloud | Seen::NotYet | Seen::Down(_) | Seen::Absent | Seen::Taken(_) => None,
        }
    }

    fn look(&self) -> Look<'_> {
        match self {
            Seen::NoCloud => Look::NoCloud,
            Seen::NotYet => Look::NotYet,
            Seen::Down(why) => Look::Down(why),
            Seen::Stale => Look::Stale,
            Seen::Absent => Look::Absent,
            Seen::Taken(who) => Look::Taken(who),
            Seen::Unlisted => Look::Unlisted,
            Seen::Lost => Look::Lost,
            Seen::Summary(row) => Look::Summary(row),
            Seen::Full(row, node) => Look::Full(row, node),
        }
    }
}

impl<'a> Pass<'a> {
    /// Begins.
    pub fn new(object: BareMetalNode, api: Api<BareMetalNode>, context: &'a Context) -> Self {
        Self {
            context,
            api,
            stored: object.status.clone(),
            key: key(&object),
            object,
            observer: None,
            full: None,
            lost: false,
            confirmed: None,
            secrets: SecretFacts::default(),
            cloud: None,
            broken: None,
            suspicion: None,
            drivers: None,
            bulk_deletion: None,
            history: None,
            fresh_instance_id: Uuid::new_v4(),
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
        self.gather_secret_versions();
        if self.bulk_deletion.is_none() && self.may_wipe() {
            self.bulk_deletion = Some(self.is_bulk_deletion().await);
        }
        self.gather_history().await;
    }

    fn gather_cloud(&mut self) {
        let cloud = ObjectKey::new(self.namespace(), &self.object.spec.cloud_ref.name);
        let reference = ObjectRef::new(&cloud.name).within(&cloud.namespace);
        self.cloud = self.context.cloud_store.get(&reference);
        (self.observer, self.broken) = match self.context.clouds.get(&cloud) {
            Some(Entry::Observed(observer)) => (Some(observer), None),
            Some(Entry::Broken(why)) => (None, Some(why)),
            None => (None, None),
        };
        self.suspicion = self
            .observer
            .as_ref()
            .and_then(|observer| self.suspicion(observer));
        self.drivers = self.observer.as_ref().and_then(|observer| observer.drivers());
    }

    /// Why nothing may be written to the cloud.
    fn suspicion(&self, observer: &Observer) -> Option<(Reason, String)> {
        let known = self.identity()?;
        let now = observer.client.identity();
        if known != now {
            return Some((
                Reason::IdentityChanged,
                format!(
                    "The nodes were seen under {known}; the cloud is now {now}. See BareMetalCloud {}.",
                    self.object.spec.cloud_ref.name
                ),
            ));
        }
        let (missing, nodes) = observer.missing();
        (missing > MISSING_UNSUSPICIOUS.max(nodes / 10)).then(|| {
            let why = format!("{missing} of {nodes} nodes are missing from Ironic at once: nothing is written to this cloud until they are back, or their objects are deleted with deletionPolicy Detach.");
            (Reason::NodesMissing, why)
        })
    }

    fn identity(&self) -> Option<&str> {
        self.cloud.as_ref()?.status.as_ref()?.identity.as_deref()
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

    /// Reads the content of the Secrets.
    pub async fn read_secrets(&mut self) {
        let mut contents = BTreeMap::new();
        for name in desired::secret_names(&self.object) {
            match self.context.secrets.read(self.namespace(), name).await {
                Ok(secret) => {
                    let text = |value: &secrecy::SecretString| value.expose_secret().to_owned();
                    let data = secret
                        .data
                        .iter()
                        .map(|(key, value)| (key.clone(), text(value)))
                        .collect();
                    contents.insert(
                        name.to_owned(),
                        SecretContent {
                            version: secret.version,
                            data,
                        },
                    );
                }
                Err(error) => self.secrets.unreadable = Some(format!("{error}.")),
            }
        }
        self.secrets.contents = Some(contents);
    }

    fn may_wipe(&self) -> bool {
        self.object.metadata.deletion_timestamp.is_some()
            && self.object.spec.deletion_policy == Some(DeletionPolicy::Undeploy)
    }

    /// Whether the namespace or the definition goes, and the object with it. What cannot be told counts as yes.
    async fn is_bulk_deletion(&self) -> bool {
        let namespaces = Api::<Namespace>::all(self.context.kube.clone());
        let definitions = Api::<CustomResourceDefinition>::all(self.context.kube.clone());
        let (namespace, definition) = tokio::join!(
            namespaces.get(self.namespace()),
            definitions.get(BareMetalNode::crd_name())
        );
        let going = [
            namespace.map(|found| found.metadata.deletion_timestamp),
            definition.map(|found| found.metadata.deletion_timestamp),
        ];
        going.into_iter().any(|deletion| !matches!(deletion, Ok(None)))
    }

    /// `last_error` can vanish from a node that is still failed; its history keeps the reason.
    async fn gather_history(&mut self) {
        let Seen::Summary(node) = self.look() else { return };
        let told = node.failure().is_some()
            || self
                .object
                .status
                .as_ref()
                .is_some_and(|status| status.last_error.is_some());
        if told || life(&node.provision_state) != Life::Failed || self.history.is_some() {
            return;
        }
        let Some(observer) = self.observer.clone() else {
            return;
        };
        match observer.client.node_history(&node.uuid).await {
            Ok(events) => {
                let last = events
                    .into_iter()
                    .rev()
                    .find(crate::ironic::model::HistoryEvent::is_error);
                self.history = last.and_then(|event| event.event);
            }
            Err(error) => tracing::debug!(node = %node.uuid, %error, "no history"),
        }
    }

    /// The facts.
    pub fn facts<'b>(&'b self, seen: &'b Seen, now: Timestamp) -> NodeFacts<'b> {
        let paused = self.cloud.as_ref().is_some_and(|cloud| cloud.spec.paused);
        NodeFacts {
            object: &self.object,
            look: seen.look(),
            secrets: &self.secrets,
            cloud: CloudFacts {
                paused,
                suspect: self
                    .suspicion
                    .as_ref()
                    .map(|(reason, why)| (*reason, why.as_str())),
                drivers: self.drivers.as_deref(),
            },
            cluster: &self.context.cluster,
            bulk_deletion: self.bulk_deletion.unwrap_or(false),
            confirmed: self.confirmed,
            fresh_instance_id: self.fresh_instance_id,
            history: self.history.as_deref(),
            now,
        }
    }

    /// What is seen of the machine.
    pub fn look(&self) -> Seen {
        if self.cloud.is_none() {
            return Seen::NoCloud;
        }
        if let Some(why) = &self.broken {
            return Seen::Down(why.clone());
        }
        let Some(observer) = &self.observer else {
            return Seen::NotYet;
        };
        if let Health::Down { words, .. } = observer.health() {
            return Seen::Down(words);
        }
        if !observer.is_complete() || self.identity().is_none() {
            return Seen::NotYet;
        }
        if let Some((summary, node)) = &self.full {
            return Seen::Full(Arc::clone(summary), Box::new(node.clone()));
        }
        self.look_in(observer)
    }

    fn look_in(&self, observer: &Observer) -> Seen {
        let enrolled = self
            .object
            .status
            .as_ref()
            .and_then(|status| status.id.as_deref());
        let id = enrolled
            .or(self.object.metadata.uid.as_deref())
            .unwrap_or_default();
        match observer.sight(id) {
            Sight::Row(row) => Seen::Summary(row),
            Sight::Stale => Seen::Stale,
            Sight::Unlisted if self.lost => Seen::Lost,
            Sight::Unlisted if enrolled.is_some() => Seen::Unlisted,
            Sight::Unlisted => self.look_for_it(observer),
        }
    }

    /// Never enrolled under this uid: perhaps under an earlier one, or by somebody else.
    fn look_for_it(&self, observer: &Observer) -> Seen {
        let ours = Marker::of(&self.object, &self.context.cluster);
        let marked =
            |row: &NodeSummary| Marker::read(&row.extra).is_some_and(|marker| marker.same_object(&ours));
        if let Some(row) = observer.find(|row, _| marked(row).then(|| Arc::clone(row))) {
            return Seen::Summary(row);
        }
        if let Some(import) = &self.object.spec.import {
            let named = |row: &NodeSummary| {
                import.id.as_ref() == Some(&row.uuid) || (import.name.is_some() && import.name == row.name)
            };
            let found = observer.find(|row, _| named(row).then(|| Arc::clone(row)));
            return found.map_or(Seen::Absent, Seen::Summary);
        }
        let name = ironic_name(&self.object);
        let bmc = bmc(&self.object);
        let taken = observer.find(|row, other| {
            let same_bmc = bmc
                .as_ref()
                .zip(other)
                .is_some_and(|(one, other)| one.same_machine(other));
            let why = if same_bmc {
                bmc.as_ref().map(|bmc| format!("The machine at {bmc}"))
            } else {
                (row.name.as_deref() == Some(&name)).then(|| format!("The name {name}"))
            }?;
            Some(format!("{why} is enrolled already, as {}.", owner(row)))
        });
        taken
            .or_else(|| self.claimed_by_another_object(bmc.as_ref(), &name))
            .map_or(Seen::Absent, Seen::Taken)
    }

    /// Another object of this cluster, created earlier, that is about to enrol the same machine.
    fn claimed_by_another_object(&self, bmc: Option<&Bmc>, name: &str) -> Option<String> {
        let age = |object: &BareMetalNode| (object.metadata.creation_timestamp.clone(), key(object));
        let mine = age(&self.object);
        let rival = |other: &BareMetalNode| {
            let same_bmc = bmc
                .zip(self::bmc(other))
                .is_some_and(|(one, other)| one.same_machine(&other));
            let same = same_bmc || ironic_name(other) == name;
            same && other.metadata.uid != self.object.metadata.uid
                && age(other) < mine
                && self.same_cloud(other)
        };
        let other = self.context.node_store.find(|other| rival(other))?;
        let what = bmc.map_or_else(
            || format!("The name {name}"),
            |bmc| format!("The machine at {bmc}"),
        );
        Some(format!(
            "{what} belongs to BareMetalNode {}/{} already.",
            other.namespace().unwrap_or_default(),
            other.name_any()
        ))
    }

    /// Whether the other object's cloud is seen through the same observer.
    fn same_cloud(&self, other: &BareMetalNode) -> bool {
        let cloud = ObjectKey::new(other.namespace().unwrap_or_default(), &other.spec.cloud_ref.name);
        match (self.context.clouds.get(&cloud), &self.observer) {
            (Some(Entry::Observed(theirs)), Some(ours)) => Arc::ptr_eq(&theirs, ours),
            _ => false,
        }
    }

    /// Tells the metrics when a transition that we began has ended.
    pub fn watch_transition(&self, _plan: &NodePlan) {
        let Seen::Summary(node) = self.look() else { return };
        if life(&node.provision_state) == Life::Running {
            return;
        }
        if let Some((verb, took)) = self.context.nodes.ended(&self.object) {
            let outcome = if words::failure(place(&node)).is_some() {
                "failed"
            } else {
                "succeeded"
            };
            self.context.metrics.transition(verb, outcome, took.as_secs_f64());
        }
    }
}

/// The BMC that the spec names in the clear.
fn bmc(object: &BareMetalNode) -> Option<Bmc> {
    Bmc::of(&object.spec.driver_info.as_ref()?.0)
}

/// Who enrolled a node, for a sentence.
fn owner(row: &NodeSummary) -> String {
    let node = row.name.as_ref().map_or_else(
        || format!("node {}", row.uuid),
        |name| format!("node {name} ({})", row.uuid),
    );
    match Marker::read(&row.extra) {
        Some(marker) => format!("{node}, by {marker}"),
        None => node,
    }
}
