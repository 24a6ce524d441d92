//! What wakes whom: from observers, Secrets, clouds and rivals to the objects they concern.

use std::collections::{HashMap, HashSet};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;
use futures::stream::FuturesUnordered;
use futures::{FutureExt, Stream, StreamExt};
use k8s_openapi::api::core::v1::Secret;
use kube::ResourceExt;
use kube::core::PartialObjectMeta;
use kube::runtime::reflector::ObjectRef;
use kube::runtime::watcher;
use tokio::sync::mpsc;

use super::context::Context;
use super::node_keys::NodeKey;
use super::{cloud, cloud_secrets, node_turn};
use crate::api::{
    ACCEPT_EARLIER_STATE_ANNOTATION, ACCEPT_IDENTITY_ANNOTATION, ACCEPT_WRITERS_ANNOTATION, BareMetalCloud,
    BareMetalNode,
};
use crate::fleet::clouds::Woken;
use crate::fleet::observer::Wake;
use crate::fleet::{CloudKey, ObjectKey, Observer};
use crate::kubernetes::finalizer;

/// The nodes that changed; whoever they stood in the way of is woken, too.
pub fn of_nodes(
    touched: impl Stream<Item = watcher::Result<BareMetalNode>> + Send + 'static,
    context: Arc<Context>,
) -> impl Stream<Item = watcher::Result<BareMetalNode>> + Send + 'static {
    touched.inspect(move |touched| {
        if let Ok(object) = touched {
            wake_rivals(object, &context);
        }
    })
}

/// The clouds that changed; the nodes that decide on what changed are woken, too.
pub fn of_clouds(
    touched: impl Stream<Item = watcher::Result<BareMetalCloud>> + Send + 'static,
    context: Arc<Context>,
) -> impl Stream<Item = watcher::Result<BareMetalCloud>> + Send + 'static {
    let mut seen = HashMap::new();
    touched.inspect(move |touched| {
        if let Ok(object) = touched {
            wake_users(object, &context, &mut seen);
        }
    })
}

/// What a channel receives, as a stream.
pub fn received<T: Send + 'static>(
    receiver: mpsc::UnboundedReceiver<T>,
) -> impl Stream<Item = T> + Send + 'static {
    futures::stream::unfold(receiver, |mut receiver| async {
        receiver.recv().await.map(|item| (item, receiver))
    })
}

/// From observers to the objects they concern.
pub async fn pump_wakes(mut woken: mpsc::UnboundedReceiver<Woken>, context: &Context) {
    while let Some(Woken { session, wake }) = woken.recv().await {
        match wake {
            Wake::Node(ObjectKey { namespace, name }) => {
                context
                    .node_triggers
                    .send(ObjectRef::new(&name).within(&namespace))
                    .ok();
            }
            Wake::Cloud => {
                for cloud in context.clouds.seen_through(&session) {
                    context
                        .cloud_triggers
                        .send(ObjectRef::new(&cloud.name).within(&cloud.namespace))
                        .ok();
                }
            }
        }
    }
}

/// From Secrets to the nodes and clouds that name them.
pub async fn pump_secrets(
    mut touched: impl Stream<Item = kube::runtime::watcher::Result<PartialObjectMeta<Secret>>> + Unpin,
    context: &Context,
) {
    let mut releases = Releases::default();
    loop {
        // The stream fills the store that all Secrets' versions come from: nothing is waited for beside it.
        let touched = tokio::select! {
            touched = touched.next() => touched,
            Some(()) = releases.under_way.next() => continue,
        };
        let Some(touched) = touched else { return };
        let Ok(secret) = touched else { continue };
        releases.begin(&secret, context);
        let secret = ObjectKey::new(secret.namespace().unwrap_or_default(), secret.name_any());
        for cloud in context.clouds_by.all(&secret) {
            context
                .cloud_triggers
                .send(ObjectRef::from_obj(cloud.as_ref()))
                .ok();
        }
        wake(context.nodes_by.all(&NodeKey::Secret(secret)), context);
    }
}

/// The finalizers of an earlier version that are being taken off Secrets.
#[derive(Default)]
struct Releases<'a> {
    under_way: FuturesUnordered<BoxFuture<'a, ()>>,
    /// Those that were tried, as they were then.
    tried: HashSet<(Option<String>, bool)>,
}

/// So many are tried, each once in its life and once more when it is deleted. Anybody who may write Secrets can make more of them.
const MOST_RELEASES: usize = 1000;

/// How often one is tried that somebody else changes at the same time, and the pause in between.
const TRIES: usize = 5;
const PAUSE: Duration = Duration::from_secs(2);

impl<'a> Releases<'a> {
    fn begin(&mut self, secret: &PartialObjectMeta<Secret>, context: &'a Context) {
        let metadata = &secret.metadata;
        let deleting = metadata.deletion_timestamp.is_some();
        let new = finalizer::is_in(metadata)
            && self.tried.len() < MOST_RELEASES
            && self.tried.insert((metadata.uid.clone(), deleting));
        if new {
            let secret = secret.clone();
            let release = async move {
                let reference = ObjectRef::from_obj(&secret);
                let mut newest = Arc::new(secret);
                for _ in 0..TRIES {
                    if cloud_secrets::release(&newest, context).await {
                        return;
                    }
                    tokio::time::sleep(PAUSE).await;
                    let Some(now) = context.secret_store.get(&reference) else {
                        return;
                    };
                    newest = now;
                }
            };
            self.under_way.push(release.boxed());
        }
    }
}

fn wake(nodes: Vec<Arc<BareMetalNode>>, context: &Context) {
    for node in nodes {
        context
            .node_triggers
            .send(ObjectRef::from_obj(node.as_ref()))
            .ok();
    }
}

/// A node that changed or went may have been in the way of another that wants the same machine; one that goes, in the way of
/// its cloud.
fn wake_rivals(object: &BareMetalNode, context: &Context) {
    for waiting in context.claims.waiters(&super::node::key(object)) {
        let waiting = ObjectRef::new(&waiting.name).within(&waiting.namespace);
        context.node_triggers.send(waiting).ok();
    }
    let cloud = ObjectRef::new(&object.spec.cloud_ref.name).within(&object.namespace().unwrap_or_default());
    if context.node_store.get(&ObjectRef::from_obj(object)).is_none() {
        forget(object, context);
        context.cloud_triggers.send(cloud).ok();
    } else if object.metadata.deletion_timestamp.is_some() {
        context.cloud_triggers.send(cloud).ok();
    }
}

/// The object is gone: nothing is kept of it, and nobody waits for its node any more.
pub fn forget(object: &BareMetalNode, context: &Context) {
    let key = super::node::key(object);
    for observer in context.clouds.observers() {
        observer.forget(&key);
    }
    node_turn::leave(&key, context);
    context.nodes.forget(object);
    context.unwritten.forget(object);
    context.claims.forget(&key);
}

/// A cloud's nodes are woken when something changed that they decide on, not by its counts.
fn wake_users(object: &BareMetalCloud, context: &Context, seen: &mut HashMap<ObjectKey, u64>) {
    let key = cloud::key(object);
    let mut hasher = DefaultHasher::new();
    object.metadata.uid.hash(&mut hasher);
    object.metadata.generation.hash(&mut hasher);
    for name in [
        ACCEPT_IDENTITY_ANNOTATION,
        ACCEPT_EARLIER_STATE_ANNOTATION,
        ACCEPT_WRITERS_ANNOTATION,
    ] {
        object.annotations().get(name).hash(&mut hasher);
    }
    object
        .status
        .as_ref()
        .and_then(|status| status.identity.as_ref())
        .hash(&mut hasher);
    // A deletion is delivered as the last known object.
    let there = context.cloud_store.get(&ObjectRef::from_obj(object)).is_some();
    if !there {
        seen.remove(&key);
        return forget_cloud(object, context);
    }
    let now = hasher.finish();
    if seen.insert(key.clone(), now) != Some(now) {
        wake_nodes(&key, context, None);
    }
}

/// The cloud is gone: nothing is kept of it, and its nodes decide on that.
pub fn forget_cloud(object: &BareMetalCloud, context: &Context) {
    let key = cloud::key(object);
    let left = context.clouds.remove(&key);
    context.census.forget(&key);
    context.cloud_memory.forget(object);
    wake_nodes(&key, context, left.as_deref());
}

/// The nodes that hold on to the cloud: those that have, or may have, a counterpart in it. One that cannot be used may be of any
/// cloud of its namespace unless it says which.
pub fn users(key: &CloudKey, context: &Context) -> Vec<String> {
    let nodes = context.nodes_by.all(&NodeKey::Cloud(key.clone()));
    let uses = nodes.iter().filter(|node| finalizer::is_on(node.as_ref()));
    let unreadable = context.unread_nodes.all();
    let may_use = unreadable.iter().filter(|node| {
        node.metadata.namespace.as_deref() == Some(&key.namespace)
            && node.cloud.as_ref().is_none_or(|cloud| *cloud == key.name)
            && finalizer::is_in(&node.metadata)
    });
    let may_use = may_use.filter_map(|node| node.metadata.name.clone());
    uses.map(|node| node.name_any()).chain(may_use).collect()
}

/// Wakes every node of the cloud; the observer that they are no longer seen through forgets them.
pub fn wake_nodes(key: &CloudKey, context: &Context, left: Option<&Observer>) {
    let nodes = context.nodes_by.all(&NodeKey::Cloud(key.clone()));
    if let Some(left) = left {
        for node in &nodes {
            left.forget(&super::node::key(node));
        }
    }
    wake(nodes, context);
}
