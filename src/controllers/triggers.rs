//! What wakes whom: from observers, Secrets, clouds and rivals to the objects they concern.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use futures::{Stream, StreamExt};
use k8s_openapi::api::core::v1::Secret;
use kube::ResourceExt;
use kube::core::PartialObjectMeta;
use kube::runtime::reflector::{ObjectRef, Store};
use kube::runtime::watcher;
use tokio::sync::mpsc;

use super::cloud;
use super::context::Context;
use crate::api::conditions::{Reason, types};
use crate::api::{ACCEPT_IDENTITY_ANNOTATION, BareMetalCloud, BareMetalNode};
use crate::domain::node::desired;
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
    while let Some(touched) = touched.next().await {
        let Ok(secret) = touched else { continue };
        let (namespace, name) = (secret.namespace(), secret.name_any());
        let names_it = |node: &BareMetalNode| desired::secret_names(node).contains(&name.as_str());
        for node in within(&context.node_store, namespace.as_deref()).filter(|node| names_it(node)) {
            context
                .node_triggers
                .send(ObjectRef::from_obj(node.as_ref()))
                .ok();
        }
        let names_it = |cloud: &BareMetalCloud| {
            cloud
                .spec
                .credentials_secret_ref
                .as_ref()
                .is_some_and(|secret| secret.name == name)
        };
        for cloud in within(&context.cloud_store, namespace.as_deref()).filter(|cloud| names_it(cloud)) {
            context
                .cloud_triggers
                .send(ObjectRef::from_obj(cloud.as_ref()))
                .ok();
        }
    }
}

fn within<K>(store: &Store<K>, namespace: Option<&str>) -> impl Iterator<Item = Arc<K>>
where
    K: kube::Resource<DynamicType = ()> + Clone + 'static,
{
    store
        .state()
        .into_iter()
        .filter(move |object| object.namespace().as_deref() == namespace)
}

/// A node that changed or went may have been in the way of another that wants the same machine; one that goes, in the way of
/// its cloud.
fn wake_rivals(object: &BareMetalNode, context: &Context) {
    for node in context.node_store.state() {
        if node.metadata.uid != object.metadata.uid && waits_for_rival(&node) {
            context
                .node_triggers
                .send(ObjectRef::from_obj(node.as_ref()))
                .ok();
        }
    }
    let cloud = ObjectRef::new(&object.spec.cloud_ref.name).within(&object.namespace().unwrap_or_default());
    if context.node_store.get(&ObjectRef::from_obj(object)).is_none() {
        forget(object, context);
        context.cloud_triggers.send(cloud).ok();
    } else if object.metadata.deletion_timestamp.is_some() {
        context.cloud_triggers.send(cloud).ok();
    }
}

/// The object is gone: nobody waits for its node any more.
fn forget(object: &BareMetalNode, context: &Context) {
    let key = super::node::key(object);
    for observer in context.clouds.observers() {
        observer.forget(&key);
    }
    context.nodes.forget(object);
    context.claims.forget(object);
}

fn waits_for_rival(node: &BareMetalNode) -> bool {
    let conditions = node
        .status
        .as_ref()
        .map(|status| status.conditions.as_slice())
        .unwrap_or_default();
    let taken = Reason::MachineAlreadyEnrolled.as_str();
    conditions
        .iter()
        .any(|condition| condition.type_ == types::READY && condition.reason == taken)
}

/// A cloud's nodes are woken when something changed that they decide on, not by its counts.
fn wake_users(object: &BareMetalCloud, context: &Context, seen: &mut HashMap<ObjectKey, u64>) {
    let key = cloud::key(object);
    let mut hasher = DefaultHasher::new();
    object.metadata.uid.hash(&mut hasher);
    object.metadata.generation.hash(&mut hasher);
    object
        .annotations()
        .get(ACCEPT_IDENTITY_ANNOTATION)
        .hash(&mut hasher);
    object
        .status
        .as_ref()
        .and_then(|status| status.identity.as_ref())
        .hash(&mut hasher);
    // A deletion is delivered as the last known object.
    let there = context.cloud_store.get(&ObjectRef::from_obj(object)).is_some();
    let left = if there { None } else { context.clouds.remove(&key) };
    there.hash(&mut hasher);
    let now = hasher.finish();
    if seen.insert(key.clone(), now) == Some(now) {
        return;
    }
    wake_nodes(&key, context, left.as_deref());
}

/// The nodes that hold on to the cloud: those that have, or may have, a counterpart in it.
pub fn users(key: &CloudKey, context: &Context) -> Vec<String> {
    let nodes = context.node_store.state();
    let uses = nodes.iter().filter(|node| {
        node.namespace().as_deref() == Some(&key.namespace)
            && node.spec.cloud_ref.name == key.name
            && finalizer::is_on(node.as_ref())
    });
    uses.map(|node| node.name_any()).collect()
}

/// Wakes every node of the cloud; the observer that they are no longer seen through forgets them.
pub fn wake_nodes(key: &CloudKey, context: &Context, left: Option<&Observer>) {
    for node in context.node_store.state() {
        if node.namespace().as_deref() == Some(&key.namespace) && node.spec.cloud_ref.name == key.name {
            if let Some(left) = left {
                left.forget(&super::node::key(&node));
            }
            context
                .node_triggers
                .send(ObjectRef::from_obj(node.as_ref()))
                .ok();
        }
    }
}
