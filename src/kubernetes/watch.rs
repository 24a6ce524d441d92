//! Watches that fill a store and name the objects that changed, made so that no watch can harm another.
//!
//! A `Controller` has one backoff for all of its triggers: a single watch that fails (a missing RBAC rule is enough)
//! slows down every other one. So each watch here has its own backoff and keeps its errors to itself: counted,
//! logged once a minute, never in the stream. An object that cannot be used ([`super::bounds`]) is kept apart instead of
//! failing the watch of its kind.

use std::collections::HashMap;
use std::fmt::Debug;
use std::hash::Hash;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use futures::stream::{self, BoxStream};
use futures::{Stream, StreamExt};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::core::{NamespaceResourceScope, PartialObjectMeta};
use kube::runtime::reflector::{ObjectRef, Store, store::Writer};
use kube::runtime::watcher::{self, Event, watcher};
use kube::runtime::{WatchStreamExt, reflector};
use kube::{Api, Client, Resource, ResourceExt};
use serde::de::DeserializeOwned;
use tokio::time::Instant;

use super::bounds::{Item, Unreadable, without_values};
use super::index::{Follow, Index};
use super::lean;
use super::patience::{Patience, Troubles};
use super::unread::Unread;
use crate::metrics::Metrics;

/// How many objects to ask for at once when all are listed. A page is in memory several times while it is read: as bytes, as text,
/// as objects. Of 500, kube's default, that is more than all of the store.
const PAGE: u32 = 100;

/// Which namespaces the operator works in.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Scope {
    /// All of them; needs a ClusterRole.
    All,
    /// This one; a Role is enough.
    Namespace(String),
}

impl Scope {
    /// `None` is all namespaces.
    pub fn new(namespace: Option<&str>) -> Self {
        namespace.map_or(Self::All, |namespace| Self::Namespace(namespace.to_owned()))
    }

    /// The API of one namespaced kind within the scope.
    pub fn api<K>(&self, client: Client) -> Api<K>
    where
        K: Resource<DynamicType = (), Scope = NamespaceResourceScope>,
    {
        match self {
            Self::All => Api::all(client),
            Self::Namespace(namespace) => Api::namespaced(client, namespace),
        }
    }
}

/// A watched kind. The watch runs while `touched` is polled.
pub struct Watch<K>
where
    K: Resource<DynamicType = ()> + Clone + 'static,
{
    /// Every object of the kind, without what other tools keep on it (`managedFields`, kubectl's copy of what was applied).
    pub store: Store<K>,
    /// Whether the store has been filled.
    pub synced: Synced,
    /// The objects of the kind that cannot be used, and are not in the store.
    pub unread: Unread,
    followers: Followers<K>,
    /// Every object that appeared, changed or disappeared, after the store says so too; never an `Err`. Fits
    /// `Controller::for_stream`, `owns_stream` and `watches_stream`.
    pub touched: BoxStream<'static, watcher::Result<K>>,
}

/// What is kept up to date with the store, before anybody else hears of a change.
type Followers<K> = Arc<RwLock<Vec<Arc<dyn Follow<K>>>>>;

impl<K> Watch<K>
where
    K: Resource<DynamicType = ()> + Clone + Send + Sync + 'static,
{
    /// An index of the store. To be asked for before the watch runs.
    pub fn index<T>(&self, keys: fn(&K) -> Vec<T>) -> Arc<Index<K, T>>
    where
        T: Hash + PartialEq + 'static,
    {
        let index = Arc::new(Index::new(self.store.clone(), keys));
        self.tell(&index);
        index
    }

    /// Somebody who hears of every change before anybody else. To be asked for before the watch runs.
    pub fn tell<F: Follow<K> + 'static>(&self, follower: &Arc<F>) {
        let mut followers = self.followers.write().unwrap_or_else(PoisonError::into_inner);
        followers.push(Arc::<F>::clone(follower));
    }
}

/// Whether the store of one kind has been filled; for readiness.
#[derive(Clone, Debug)]
pub struct Synced {
    kind: &'static str,
    done: Arc<AtomicBool>,
}

impl Synced {
    /// Whether the store has been filled once; stays true while the watch recovers from a failure.
    pub fn is_done(&self) -> bool {
        self.done.load(Ordering::Acquire)
    }

    /// The kinds among `all` whose store has not been filled.
    pub fn missing(all: &[Self]) -> Vec<&'static str> {
        all.iter()
            .filter(|synced| !synced.is_done())
            .map(|synced| synced.kind)
            .collect()
    }
}

/// Watches whole objects. `kind` is the label in logs, metrics and readiness.
pub fn objects<K>(api: Api<Item<K>>, kind: &'static str, metrics: Metrics) -> Watch<K>
where
    K: Resource<DynamicType = ()> + Clone + Debug + DeserializeOwned + Send + Sync + 'static,
{
    let events = watcher(api, watcher::Config::default().page_size(PAGE));
    reflect(
        events.map(|event| event.map(|event| convert(event, decoded))),
        kind,
        metrics,
    )
}

/// Watches metadata only: what is not needed is not in memory either (for Secrets, the plaintext).
///
/// Not `objects::<PartialObjectMeta<K>>`: the wrapper hides from kube that only metadata is wanted.
pub fn metadata<K>(
    api: Api<PartialObjectMeta<K>>,
    kind: &'static str,
    metrics: Metrics,
) -> Watch<PartialObjectMeta<K>>
where
    K: Resource<DynamicType = ()> + Clone + Debug + DeserializeOwned + Send + Sync + 'static,
{
    let events = watcher(api, watcher::Config::default().page_size(PAGE));
    reflect(
        events.map(|event| event.map(|event| convert(event, Ok))),
        kind,
        metrics,
    )
}

/// An object, or what is known of one that cannot be used.
type Decoded<K> = Result<K, Box<Unreadable>>;

fn decoded<K>(item: Item<K>) -> Decoded<K> {
    match item {
        Item::Whole(object) => Ok(object),
        Item::Unreadable(unreadable) => Err(unreadable),
    }
}

fn reflect<K>(
    events: impl Stream<Item = watcher::Result<Event<Decoded<K>>>> + Send + 'static,
    kind: &'static str,
    metrics: Metrics,
) -> Watch<K>
where
    K: Resource<DynamicType = ()> + Clone + Send + Sync + 'static,
{
    let (store, writer) = reflector::store();
    let synced = Synced {
        kind,
        done: Arc::default(),
    };
    let (patience, unread) = (Patience::default(), Unread::default());
    let followers = Followers::default();
    let mut reflection = Reflection {
        kind,
        writer,
        store: store.clone(),
        synced: synced.clone(),
        unread: unread.clone(),
        listed: Vec::new(),
        followers: Arc::clone(&followers),
        troubles: Troubles::new(patience.clone()),
        metrics,
    };
    let touched = events
        .backoff(patience)
        // Cloned one by one: after a list that is every object.
        .flat_map(move |event| {
            stream::iter(reflection.take(event))
                .map(Arc::unwrap_or_clone)
                .map(Ok)
        })
        .boxed();
    Watch {
        store,
        synced,
        unread,
        followers,
        touched,
    }
}

/// What turns a watch's events into the store's contents and the names of what changed.
struct Reflection<K>
where
    K: Resource<DynamicType = ()> + Clone + 'static,
{
    kind: &'static str,
    writer: Writer<K>,
    store: Store<K>,
    synced: Synced,
    unread: Unread,
    /// What cannot be used of a list that is not complete.
    listed: Vec<Unreadable>,
    followers: Followers<K>,
    troubles: Troubles,
    metrics: Metrics,
}

impl<K> Reflection<K>
where
    K: Resource<DynamicType = ()> + Clone + 'static,
{
    /// Applies one event to the store and returns the objects touched by it.
    fn take(&mut self, event: watcher::Result<Event<Decoded<K>>>) -> Vec<Arc<K>> {
        match event {
            Ok(event) => {
                self.recover(&event);
                self.apply(event)
            }
            Err(error) => {
                self.metrics.watch_error(self.kind);
                if let Some(failures) = self.troubles.add(Instant::now()) {
                    tracing::warn!(kind = self.kind, failures, error = %words(&error), "watch fails, trying again");
                }
                Vec::new()
            }
        }
    }

    /// `Init` is no success yet: it comes before every attempt to list.
    fn recover(&mut self, event: &Event<Decoded<K>>) {
        if !matches!(event, Event::Init)
            && let Some(failures) = self.troubles.end()
        {
            tracing::info!(kind = self.kind, failures, "watch works again");
        }
    }

    fn apply(&mut self, event: Event<Decoded<K>>) -> Vec<Arc<K>> {
        match event {
            Event::Init => {
                self.listed.clear();
                self.write(&Event::Init);
            }
            Event::InitApply(Ok(object)) => self.write(&Event::InitApply(lean(object))),
            Event::InitApply(Err(unreadable)) => {
                self.report(&unreadable);
                self.listed.push(*unreadable);
            }
            Event::InitDone => return self.swap(),
            Event::Apply(Ok(object)) => {
                self.unread.forget(object.meta());
                return self.touch(Event::Apply(lean(object)));
            }
            Event::Delete(Ok(object)) => {
                self.unread.forget(object.meta());
                return self.touch(Event::Delete(lean(object)));
            }
            Event::Apply(Err(unreadable)) => {
                self.report(&unreadable);
                let metadata = unreadable.metadata.clone();
                self.unread.keep(*unreadable);
                return self.forget(&metadata);
            }
            Event::Delete(Err(unreadable)) => {
                self.unread.forget(&unreadable.metadata);
                return self.forget(&unreadable.metadata);
            }
        }
        Vec::new()
    }

    fn write(&mut self, event: &Event<K>) {
        self.writer.apply_watcher_event(event);
    }

    fn touch(&mut self, event: Event<K>) -> Vec<Arc<K>> {
        self.write(&event);
        match event {
            Event::Apply(object) | Event::Delete(object) => {
                self.follow(&object);
                vec![Arc::new(object)]
            }
            Event::Init | Event::InitApply(_) | Event::InitDone => Vec::new(),
        }
    }

    /// Ends a list: the store now holds what was listed. Touched is what differs from before, including what has
    /// disappeared while nobody watched; kube's own stream would name every object, and too early, while the store
    /// still has the old ones.
    fn swap(&mut self) -> Vec<Arc<K>> {
        let mut before = by_reference(&self.store);
        self.write(&Event::InitDone);
        self.unread.replace(std::mem::take(&mut self.listed));
        let mut touched: Vec<Arc<K>> = Vec::new();
        for (reference, object) in by_reference(&self.store) {
            let known = before.remove(&reference);
            if known.is_none_or(|known| known.resource_version() != object.resource_version()) {
                touched.push(object);
            }
        }
        touched.extend(before.into_values());
        for object in &touched {
            self.follow(object);
        }
        self.synced.done.store(true, Ordering::Release);
        touched
    }

    fn follow(&self, object: &K) {
        let followers = self.followers.read().unwrap_or_else(PoisonError::into_inner);
        for follower in followers.iter() {
            follower.follow(object);
        }
    }

    /// Takes an object out of the store whose new form cannot be read: the old one is no longer true, and after a
    /// restart it would not be there either.
    fn forget(&mut self, metadata: &ObjectMeta) -> Vec<Arc<K>> {
        let mut reference = ObjectRef::new(metadata.name.as_deref().unwrap_or_default());
        reference.namespace.clone_from(&metadata.namespace);
        match self.store.get(&reference) {
            Some(object) => self.touch(Event::Delete(K::clone(&object))),
            None => Vec::new(),
        }
    }

    fn report(&self, unreadable: &Unreadable) {
        self.metrics.undecodable_object(self.kind);
        tracing::warn!(
            kind = self.kind,
            namespace = unreadable.metadata.namespace,
            name = unreadable.metadata.name,
            error = unreadable.why,
            "object cannot be used",
        );
    }
}

fn by_reference<K>(store: &Store<K>) -> HashMap<ObjectRef<K>, Arc<K>>
where
    K: Resource<DynamicType = ()> + Clone + 'static,
{
    store
        .state()
        .into_iter()
        .map(|object| (ObjectRef::from_obj(&*object), object))
        .collect()
}

fn convert<A, B>(event: Event<A>, decode: impl FnOnce(A) -> B) -> Event<B> {
    match event {
        Event::Apply(object) => Event::Apply(decode(object)),
        Event::Delete(object) => Event::Delete(decode(object)),
        Event::InitApply(object) => Event::InitApply(decode(object)),
        Event::Init => Event::Init,
        Event::InitDone => Event::InitDone,
    }
}

/// What to log about a failure: the apiserver's sentence, or the client's.
fn words(error: &watcher::Error) -> String {
    match error {
        watcher::Error::InitialListFailed(kube::Error::Api(status))
        | watcher::Error::WatchStartFailed(kube::Error::Api(status))
        | watcher::Error::WatchFailed(kube::Error::Api(status))
        | watcher::Error::WatchError(status) => status.message.clone(),
        watcher::Error::InitialListFailed(decoding @ kube::Error::SerdeError(_))
        | watcher::Error::WatchStartFailed(decoding @ kube::Error::SerdeError(_))
        | watcher::Error::WatchFailed(decoding @ kube::Error::SerdeError(_)) => {
            without_values(&decoding.to_string())
        }
        other => other.to_string(),
    }
}

#[cfg(test)]
#[path = "watch_tests.rs"]
mod tests;
