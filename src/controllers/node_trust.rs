//! Whether a cloud is the one that was known, and this cluster the only one of its name.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use kube::ResourceExt;
use kube::runtime::reflector::ObjectRef;

use super::cloud::key;
use super::context::Context;
use super::node_gather::Pass;
use super::node_keys::NodeKey;
use super::triggers::wake_nodes;
use crate::api::conditions::Reason;
use crate::api::{ACCEPT_IDENTITY_ANNOTATION, BareMetalCloud, BareMetalNode, BareMetalNodeStatus};
use crate::domain::cloud_identity::{Accepts, Known, Shown, Signs, is_another};
use crate::fleet::clouds::Entry;
use crate::fleet::{CloudKey, Observer, Sight};

/// What the newest listing of each cloud shows of its nodes: counted once for every listing.
#[derive(Default)]
pub struct Census {
    counted: Mutex<HashMap<CloudKey, Count>>,
}

#[derive(Clone)]
struct Count {
    /// Of which observer's which listing, and what a person has accepted on which BareMetalCloud.
    basis: (u64, u64, Vec<Option<String>>),
    signs: Arc<Signs>,
}

impl Census {
    /// What is to be seen of a cloud now. Its own object is woken when that begins or ceases to be suspicious.
    pub fn signs(&self, cloud: &BareMetalCloud, observer: &Observer, context: &Context) -> Arc<Signs> {
        let key = key(cloud);
        let Accepts { earlier, writers } = Accepts::read(cloud.annotations());
        let accepted = [cloud.metadata.uid.as_deref(), earlier, writers];
        let accepted = accepted.map(|one| one.map(str::to_owned)).to_vec();
        let basis = (observer.serial(), observer.listings(), accepted);
        let before = self.counted().get(&key).cloned();
        if let Some(count) = before.as_ref().filter(|count| count.basis == basis) {
            return Arc::clone(&count.signs);
        }
        let before = before.and_then(|before| before.signs.suspicion());
        // Others need not wait for the count of a large cloud.
        let signs = Arc::new(count(cloud, &key, observer, context));
        let count = Count {
            basis,
            signs: Arc::clone(&signs),
        };
        self.counted().insert(key.clone(), count);
        if before != signs.suspicion() {
            // Also those that were decided on before so many were missing.
            wake_nodes(&key, context, None);
            let cloud = ObjectRef::new(&key.name).within(&key.namespace);
            context.cloud_triggers.send(cloud).ok();
        }
        signs
    }

    /// The cloud is gone.
    pub fn forget(&self, cloud: &CloudKey) {
        self.counted().remove(cloud);
    }

    fn counted(&self) -> MutexGuard<'_, HashMap<CloudKey, Count>> {
        self.counted.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn count(cloud: &BareMetalCloud, key: &CloudKey, observer: &Observer, context: &Context) -> Signs {
    let known = Known {
        cluster: &context.cluster,
        writers: context.writers.get(),
        accepts: Accepts::read(cloud.annotations()),
    };
    let mut signs = Signs::default();
    for node in context.nodes_by.all(&NodeKey::Cloud(key.clone())) {
        if let Some(id) = node.status.as_ref().and_then(|status| status.id.as_deref()) {
            match observer.sight(id) {
                Sight::Unlisted => signs.count(&node, Shown::Unlisted, known),
                Sight::Stale => signs.count(&node, Shown::Stale, known),
                Sight::Row(row, _) => signs.count(&node, Shown::Row(&row), known),
            }
        }
    }
    signs
}

/// Whether the object's cloud is seen through this observer.
pub fn is_seen_through(node: &BareMetalNode, observer: &Arc<Observer>, context: &Context) -> bool {
    let cloud = CloudKey::new(node.namespace().unwrap_or_default(), &node.spec.cloud_ref.name);
    match context.clouds.get(&cloud) {
        Some(Entry::Observed(theirs)) => Arc::ptr_eq(&theirs, observer),
        Some(Entry::Broken(_)) | None => false,
    }
}

impl Pass<'_> {
    /// Why nothing may be written to the cloud.
    pub(super) fn suspect(&self, observer: &Observer) -> Option<(Reason, String)> {
        // Not known: nothing has been seen yet either.
        let now = observer.client.identity()?;
        let known = self.known_identity()?;
        if is_another(Some(known), Some(now), self.accepted()) {
            let cloud = &self.object.spec.cloud_ref.name;
            let why = format!(
                "The node was seen under {known}; the cloud is now {now}. See BareMetalCloud {cloud}."
            );
            return Some((Reason::IdentityChanged, why));
        }
        let signs = self
            .context
            .census
            .signs(self.cloud.as_ref()?, observer, self.context);
        Some((signs.suspicion()?, signs.to_string()))
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

    /// The identity of which a person said on the cloud that it is the same Ironic.
    fn accepted(&self) -> Option<&str> {
        let annotations = self.cloud.as_ref()?.annotations();
        annotations.get(ACCEPT_IDENTITY_ANNOTATION).map(String::as_str)
    }

    /// Records the identity under which the node is known.
    pub fn recognise(&self, status: &mut BareMetalNodeStatus) {
        let Some(observer) = &self.observer else { return };
        let Some(now) = observer.client.identity() else {
            return;
        };
        let new = status.identity.is_none()
            || (status.identity.as_deref() != Some(now) && self.accepted() == Some(now));
        if status.id.is_some() && new && self.identity() == Some(now) {
            status.identity = Some(now.to_owned());
        }
    }
}
