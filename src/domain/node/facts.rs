//! Everything a decision about a node may know, the time included.

use std::collections::BTreeMap;

use jiff::Timestamp;
use uuid::Uuid;

use super::gate::Destructive;
use super::marker::Marker;
use crate::api::conditions::Reason;
use crate::api::node::{DeletionPolicy, ManagementPolicy};
use crate::api::{BareMetalNode, FINALIZER, RETRY_ANNOTATION};
use crate::domain::budget::Budget;
use crate::domain::cloud_identity::{self, Accepts};
use crate::domain::ownership::Liveness;
use crate::domain::writers::Writers;
use crate::ironic::model::{Bmc, Fingerprint, Node, NodeSummary, Standing};

/// The facts, gathered by the controller.
#[derive(Clone, Copy)]
pub struct NodeFacts<'a> {
    /// The object as the apiserver has it.
    pub object: &'a BareMetalNode,
    /// What is seen of the machine.
    pub look: Look<'a>,
    /// The fingerprint of the node as it is seen: of the last list in detail, or of the whole node. None as long as it is not known.
    pub fingerprint: Option<Fingerprint>,
    /// The Secrets that the spec names.
    pub secrets: &'a SecretFacts,
    /// The cloud.
    pub cloud: CloudFacts<'a>,
    /// This cluster, as it is written into markers.
    pub cluster: &'a str,
    /// Who wrote marks for this cluster, and who does now; none: nobody keeps account.
    pub writers: Option<&'a Writers>,
    /// The uid of the object's namespace, where the operator may read it.
    pub namespace_uid: Option<&'a str>,
    /// Where the node's BMC is, as far as the last list in detail has told.
    pub bmc: Option<&'a Bmc>,
    /// Whether the object that the marker on the node names still exists, where that is another one.
    pub holder: Liveness,
    /// The object is deleted along with its namespace or its definition: nobody meant this machine.
    pub bulk_deletion: bool,
    /// `look` was taken a moment ago, and after our last write.
    pub look_holds: bool,
    /// The destructive step whose intent was written, after `look`, under the object's current `resourceVersion`.
    pub confirmed: Option<Destructive>,
    /// An id to claim the node under, should it come to that.
    pub fresh_instance_id: Uuid,
    /// What the node's history says of its failure, where `last_error` has vanished.
    pub history: Option<&'a str>,
    /// The time.
    pub now: Timestamp,
}

/// What is seen of the machine in Ironic.
#[derive(Clone, Copy)]
pub enum Look<'a> {
    /// There is no such BareMetalCloud.
    NoCloud,
    /// The cloud's nodes have not been listed yet.
    NotYet,
    /// The cloud does not answer; why.
    Down(&'a str),
    /// What is known is older than our last write.
    Stale,
    /// Never enrolled by us, and nobody else's either.
    Absent,
    /// The machine, or the name, is somebody else's; who.
    Taken(&'a str),
    /// Enrolled, but not in the list: ask for it by its id.
    Unlisted,
    /// Enrolled, and Ironic says by id that it is not there.
    Lost,
    /// A row of the list.
    Summary(&'a NodeSummary),
    /// The whole node.
    Full(&'a NodeSummary, &'a Node),
}

impl<'a> Look<'a> {
    /// The node, if it is seen at all.
    pub fn summary(&self) -> Option<&'a NodeSummary> {
        match *self {
            Look::Summary(summary) | Look::Full(summary, _) => Some(summary),
            Look::NoCloud
            | Look::NotYet
            | Look::Down(_)
            | Look::Stale
            | Look::Absent
            | Look::Taken(_)
            | Look::Unlisted
            | Look::Lost => None,
        }
    }

    /// The whole node, if it is seen in full.
    pub fn full(&self) -> Option<&'a Node> {
        match *self {
            Look::Full(_, node) => Some(node),
            Look::NoCloud
            | Look::NotYet
            | Look::Down(_)
            | Look::Stale
            | Look::Absent
            | Look::Taken(_)
            | Look::Unlisted
            | Look::Lost
            | Look::Summary(_) => None,
        }
    }
}

/// What is known of the cloud.
#[derive(Clone, Copy, Default)]
pub struct CloudFacts<'a> {
    /// The BareMetalCloud is being deleted.
    pub deleting: bool,
    /// The BareMetalCloud is paused.
    pub paused: bool,
    /// Why nothing may be written to this cloud now.
    pub suspect: Option<(Reason, &'a str)>,
    /// The drivers with a live conductor; none: not known.
    pub drivers: Option<&'a [String]>,
    /// Whether there is room for what the node is to do.
    pub room: Standing,
    /// What is left of the budget of destructive steps; none: there is no budget.
    pub budget: Option<Budget>,
    /// A destructive step of this object was paid for within the hour and not taken.
    pub paid: bool,
    /// What a person has accepted of it.
    pub accepts: Accepts<'a>,
}

/// The Secrets that a spec names.
#[derive(Clone, Default)]
pub struct SecretFacts {
    /// Secret → its version, none while it does not exist.
    pub versions: BTreeMap<String, Option<String>>,
    /// Their content, once it was asked for.
    pub contents: Option<BTreeMap<String, SecretContent>>,
    /// Why the content could not be read.
    pub unreadable: Option<(Reason, String)>,
    /// Which could not be read when it was asked for, and why; none: there is no such Secret.
    pub unread: BTreeMap<String, Option<String>>,
}

/// A Secret that was read. Not `Debug`: it holds the plain text.
#[derive(Clone, Default)]
pub struct SecretContent {
    /// Its version.
    pub version: String,
    /// Its data, where that is text.
    pub data: BTreeMap<String, String>,
    /// Its other data, which only user data may be.
    pub binary: BTreeMap<String, Vec<u8>>,
}

impl NodeFacts<'_> {
    /// Whether the object is being deleted.
    pub fn deleting(&self) -> bool {
        self.object.metadata.deletion_timestamp.is_some()
    }

    /// Whether nothing is ever written for this object.
    pub fn observes(&self) -> bool {
        self.object.spec.management_policy == ManagementPolicy::Observe
    }

    /// Whether the object carries our finalizer.
    pub fn has_finalizer(&self) -> bool {
        let finalizers = self.object.metadata.finalizers.as_deref().unwrap_or_default();
        finalizers.iter().any(|finalizer| finalizer == FINALIZER)
    }

    /// The deletion policy in force: who only observes leaves all as it is, and a bulk deletion never tears an instance down.
    pub fn deletion_policy(&self) -> DeletionPolicy {
        if self.observes() {
            return DeletionPolicy::Detach;
        }
        match written_policy(self.object) {
            DeletionPolicy::Undeploy if self.bulk_deletion => DeletionPolicy::Delete,
            written => written,
        }
    }

    /// The generation of the spec.
    pub fn generation(&self) -> i64 {
        self.object.metadata.generation.unwrap_or_default()
    }

    /// The node's name in Ironic.
    pub fn ironic_name(&self) -> String {
        ironic_name(self.object)
    }

    /// The marker of this object, as it would be written now.
    pub fn marker(&self) -> Marker {
        Marker {
            written: self.writers.map(|writers| writers.sign(self.now)),
            ..Marker::of(self.object, self.cluster, self.namespace_uid)
        }
    }

    /// The run that wrote the mark of the node as it is seen, if the mark is the object's own and this cluster does not know the run.
    pub fn stranger(&self) -> Option<String> {
        let known = cloud_identity::Known {
            cluster: self.cluster,
            writers: self.writers,
            accepts: self.cloud.accepts,
        };
        cloud_identity::stranger(self.object, self.look.summary()?, known)
    }

    /// What the next try would be made with: a new generation, Secret version or `retry` annotation starts afresh.
    pub fn basis(&self) -> String {
        let retry = self
            .object
            .metadata
            .annotations
            .as_ref()
            .and_then(|all| all.get(RETRY_ANNOTATION));
        let versions = self
            .secrets
            .versions
            .values()
            .map(|version| version.as_deref().unwrap_or("none"));
        let mut basis = format!("generation {}", self.generation());
        for version in versions {
            basis.push_str(", secret ");
            basis.push_str(version);
        }
        if let Some(retry) = retry {
            basis.push_str(", retry ");
            basis.push_str(crate::domain::conditions::cut(retry, 64));
        }
        basis
    }
}

/// The deletion policy as written; an import that names none is left as it was found.
fn written_policy(object: &BareMetalNode) -> DeletionPolicy {
    let default = if object.spec.import.is_some() {
        DeletionPolicy::Detach
    } else {
        DeletionPolicy::Delete
    };
    object.spec.deletion_policy.unwrap_or(default)
}

/// Whether deleting the object ends an instance of ours. Only `Undeploy` does: what the rest of the spec wants of the machine counts
/// as long as the object is not deleted.
pub fn asks_to_undeploy(object: &BareMetalNode) -> bool {
    written_policy(object) == DeletionPolicy::Undeploy
}

/// The node's name in Ironic: the one given, else `<namespace>~<name>`.
pub fn ironic_name(object: &BareMetalNode) -> String {
    object.spec.name.clone().unwrap_or_else(|| {
        let (namespace, name) = (&object.metadata.namespace, &object.metadata.name);
        format!(
            "{}~{}",
            namespace.as_deref().unwrap_or_default(),
            name.as_deref().unwrap_or_default()
        )
    })
}
