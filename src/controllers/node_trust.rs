//! Whether a cloud is the one that was known: its identity, and how many of its nodes are missing at once.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use kube::ResourceExt;

use super::context::Context;
use super::node_gather::Pass;
use crate::api::conditions::Reason;
use crate::api::{ACCEPT_IDENTITY_ANNOTATION, BareMetalNode, BareMetalNodeStatus};
use crate::fleet::clouds::Entry;
use crate::fleet::{ObjectKey, Observer, Sight};

/// Nodes of a cloud that may be missing before its absences are no longer believed: this many, or one in ten.
const UNSUSPICIOUS: usize = 3;

/// How many enrolled nodes of each cloud are missing from its newest listing: counted once for every listing.
#[derive(Default)]
pub struct Missing {
    counted: Mutex<HashMap<usize, Count>>,
}

#[derive(Clone, Copy)]
struct Count {
    listing: u64,
    missing: usize,
    nodes: usize,
}

impl Missing {
    fn count(&self, observer: &Arc<Observer>, context: &Context) -> Count {
        let (place, listing) = (Arc::as_ptr(observer).addr(), observer.listings());
        let mut counted = self.counted.lock().unwrap_or_else(PoisonError::into_inner);
        match counted.get(&place) {
            Some(count) if count.listing == listing => *count,
            _ => {
                let count = count(observer, listing, context);
                counted.insert(place, count);
                count
            }
        }
    }
}

/// Deletions under way are no evidence: their nodes are expected to go.
fn count(observer: &Arc<Observer>, listing: u64, context: &Context) -> Count {
    let mut count = Count {
        listing,
        missing: 0,
        nodes: 0,
    };
    for node in context.node_store.state() {
        let id = node.status.as_ref().and_then(|status| status.id.as_deref());
        let Some(id) = id.filter(|_| is_seen_through(&node, observer, context)) else {
            continue;
        };
        let expected = node.metadata.deletion_timestamp.is_none();
        count.nodes += 1;
        count.missing += usize::from(expected && observer.sight(id) == Sight::Unlisted);
    }
    count
}

/// Whether the object's cloud is seen through this observer.
pub fn is_seen_through(node: &BareMetalNode, observer: &Arc<Observer>, context: &Context) -> bool {
    let cloud = ObjectKey::new(node.namespace().unwrap_or_default(), &node.spec.cloud_ref.name);
    match context.clouds.get(&cloud) {
        Some(Entry::Observed(theirs)) => Arc::ptr_eq(&theirs, observer),
        Some(Entry::Broken(_)) | None => false,
    }
}

impl Pass<'_> {
    /// Why nothing may be written to the cloud.
    pub(super) fn suspect(&self, observer: &Arc<Observer>) -> Option<(Reason, String)> {
        // Not known: nothing has been seen yet either.
        let now = observer.client.identity()?;
        let known = self.known_identity()?;
        if known != now && !self.accepts(now) {
            let cloud = &self.object.spec.cloud_ref.name;
            let why = format!(
                "The node was seen under {known}; the cloud is now {now}. See BareMetalCloud {cloud}."
            );
            return Some((Reason::IdentityChanged, why));
        }
        let Count { missing, nodes, .. } = self.context.missing.count(observer, self.context);
        (missing > UNSUSPICIOUS.max(nodes / 10)).then(|| {
            let why = format!("{missing} of {nodes} nodes are missing from Ironic at once: nothing is written to this cloud until they are back, or their objects are deleted with deletionPolicy Detach.");
            (Reason::NodesMissing, why)
        })
    }

    /// Whether the end of the suspicion has to be waited for listing by listing.
    pub(super) fn is_suspicious(&self) -> bool {
        self.suspicion.is_some()
    }

    /// The identity that the cloud was observed under.
    pub(super) fn identity(&self) -> Option<&str> {
        self.cloud.as_ref()?.status.as_ref()?.identity.as_deref()
    }

    /// The identity that the node was enrolled under, or else the cloud's: a cloud that was made anew does not know.
    fn known_identity(&self) -> Option<&str> {
        let enrolled = self
            .object
            .status
            .as_ref()
            .and_then(|status| status.identity.as_deref());
        enrolled.or_else(|| self.identity())
    }

    /// Whether a person said on the cloud that this identity is the same Ironic.
    fn accepts(&self, identity: &str) -> bool {
        let cloud = self.cloud.as_ref();
        cloud.is_some_and(|cloud| {
            cloud
                .annotations()
                .get(ACCEPT_IDENTITY_ANNOTATION)
                .is_some_and(|said| said == identity)
        })
    }

    /// Records the identity under which the node is known.
    pub fn recognise(&self, status: &mut BareMetalNodeStatus) {
        let Some(observer) = &self.observer else { return };
        let Some(now) = observer.client.identity() else {
            return;
        };
        let new = status.identity.is_none() || (status.identity.as_deref() != Some(now) && self.accepts(now));
        if status.id.is_some() && new && self.identity() == Some(now) {
            status.identity = Some(now.to_owned());
        }
    }
}
