//! The objects of one kind by keys of theirs, so that nobody has to look at all of them to find some.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};

use kube::Resource;
use kube::runtime::reflector::{ObjectRef, Store};

use crate::buckets::Buckets;

/// Something that is kept up to date with the store of a kind.
pub trait Follow<K>: Send + Sync {
    /// The object has appeared, changed or gone; the store says so already.
    fn follow(&self, object: &K);
}

/// The objects of one kind by keys of theirs.
///
/// It follows the store before anybody hears of a change. What it finds is in the store and has the key, at the moment of asking.
pub struct Index<K, T>
where
    K: Resource<DynamicType = ()> + 'static,
{
    store: Store<K>,
    keys: fn(&K) -> Vec<T>,
    entries: RwLock<Entries>,
}

#[derive(Default)]
struct Entries {
    /// By the hashes of their keys.
    buckets: Buckets<Entry>,
    /// What is in the buckets of each object.
    known: HashMap<Arc<str>, (Entry, Box<[u64]>)>,
}

/// An object: the oldest come first.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
struct Entry {
    /// When it was created, in seconds.
    since: i64,
    /// Namespace and name, as `namespace/name`.
    id: Arc<str>,
}

impl Entry {
    fn of<K: Resource>(object: &K) -> Self {
        let metadata = object.meta();
        let created = metadata.creation_timestamp.as_ref();
        let namespace = metadata.namespace.as_deref().unwrap_or_default();
        let id = format!("{namespace}/{}", metadata.name.as_deref().unwrap_or_default());
        Self {
            since: created.map_or(i64::MAX, |time| time.0.as_second()),
            id: id.into(),
        }
    }

    fn reference<K: Resource<DynamicType = ()>>(&self) -> ObjectRef<K> {
        let (namespace, name) = self.id.split_once('/').unwrap_or(("", &self.id));
        ObjectRef::new(name).within(namespace)
    }
}

impl<K, T> Index<K, T>
where
    K: Resource<DynamicType = ()> + Clone + 'static,
    T: Hash + PartialEq,
{
    /// An index of what is, or will be, in the store. `keys` tells those of an object.
    pub fn new(store: Store<K>, keys: fn(&K) -> Vec<T>) -> Self {
        Self {
            store,
            keys,
            entries: RwLock::default(),
        }
    }

    fn entries(&self) -> RwLockReadGuard<'_, Entries> {
        self.entries.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Every object that has the key, the oldest first.
    pub fn all(&self, key: &T) -> Vec<Arc<K>> {
        self.first(key, usize::MAX)
    }

    /// The oldest objects that have the key, so many at most.
    pub fn first(&self, key: &T, most: usize) -> Vec<Arc<K>> {
        let entries = self.entries();
        let found = entries.buckets.get(entries.buckets.hash(key));
        let objects = found.filter_map(|entry| self.store.get(&entry.reference()));
        objects
            .filter(|object| (self.keys)(object).contains(key))
            .take(most)
            .collect()
    }
}

impl<K, T> Follow<K> for Index<K, T>
where
    K: Resource<DynamicType = ()> + Clone + Send + Sync + 'static,
    T: Hash + PartialEq,
{
    fn follow(&self, object: &K) {
        let there = self.store.get(&ObjectRef::from_obj(object));
        let mut entries = self.entries.write().unwrap_or_else(PoisonError::into_inner);
        let Entries { buckets, known } = &mut *entries;
        let entry = Entry::of(there.as_deref().unwrap_or(object));
        let hashes: Option<Box<[u64]>> = there.map(|object| {
            let keys = (self.keys)(&object);
            keys.iter().map(|key| buckets.hash(key)).collect()
        });
        if let Some((before, former)) = known.get(&entry.id) {
            if *before == entry && Some(former) == hashes.as_ref() {
                return;
            }
            for hash in former {
                buckets.take(*hash, before);
            }
            known.remove(&entry.id);
        }
        let Some(hashes) = hashes else { return };
        for hash in &hashes {
            buckets.put(*hash, entry.clone());
        }
        known.insert(Arc::clone(&entry.id), (entry, hashes));
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use jiff::Timestamp;
    use k8s_openapi::api::core::v1::ConfigMap;
    use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
    use kube::ResourceExt;
    use kube::runtime::reflector::{self, store::Writer};
    use kube::runtime::watcher::Event;

    use super::*;

    thread_local! {
        static LOOKED_AT: Cell<usize> = const { Cell::new(0) };
    }

    /// The labels' values; counts who is looked at.
    fn keys(object: &ConfigMap) -> Vec<String> {
        LOOKED_AT.set(LOOKED_AT.get() + 1);
        object.labels().values().cloned().collect()
    }

    fn object(name: &str, created: i64, labels: &[&str]) -> ConfigMap {
        let mut object = ConfigMap::default();
        object.metadata.name = Some(name.to_owned());
        object.metadata.namespace = Some("m".to_owned());
        object.metadata.creation_timestamp = Some(Time(Timestamp::new(created, 0).unwrap()));
        let labels = labels
            .iter()
            .map(|label| ((*label).to_owned(), (*label).to_owned()));
        object.metadata.labels = Some(labels.collect());
        object
    }

    struct Case {
        writer: Writer<ConfigMap>,
        index: Index<ConfigMap, String>,
    }

    impl Case {
        fn new() -> Self {
            let (store, writer) = reflector::store();
            let index = Index::new(store, keys);
            Self { writer, index }
        }

        fn apply(&mut self, object: &ConfigMap) {
            self.writer.apply_watcher_event(&Event::Apply(object.clone()));
            self.index.follow(object);
        }

        fn delete(&mut self, object: &ConfigMap) {
            self.writer.apply_watcher_event(&Event::Delete(object.clone()));
            self.index.follow(object);
        }

        fn found(&self, key: &str) -> Vec<String> {
            let found = self.index.all(&key.to_owned());
            found.iter().map(|object| object.name_any()).collect()
        }
    }

    #[test]
    fn objects_are_found_by_the_keys_that_they_have_the_oldest_first() {
        let mut case = Case::new();
        case.apply(&object("a", 30, &["x"]));
        case.apply(&object("b", 10, &["x", "y"]));
        case.apply(&object("c", 20, &["x"]));
        assert_eq!(case.found("x"), ["b", "c", "a"]);
        assert_eq!(case.index.first(&"x".to_owned(), 1).len(), 1);
        case.apply(&object("b", 10, &["z"]));
        assert_eq!(case.found("x"), ["c", "a"]);
        assert_eq!((case.found("y"), case.found("z")), (vec![], vec!["b".to_owned()]));
        // The object as it went may not be the one that was there before.
        case.delete(&object("c", 20, &["z"]));
        assert_eq!(case.found("x"), ["a"]);
        // Deleted and created again behind our back.
        case.apply(&object("a", 40, &["x"]));
        assert_eq!(case.found("x"), ["a"]);
        case.delete(&object("a", 40, &["x"]));
        case.delete(&object("b", 10, &[]));
        assert!(case.index.entries().buckets.is_empty() && case.index.entries().known.is_empty());
    }

    #[test]
    fn what_is_no_longer_in_the_store_is_not_found() {
        let mut case = Case::new();
        case.apply(&object("a", 1, &["x"]));
        case.writer
            .apply_watcher_event(&Event::Apply(object("a", 1, &["y"])));
        assert_eq!(case.found("x"), Vec::<String>::new(), "the index is behind");
        case.writer
            .apply_watcher_event(&Event::Delete(object("a", 1, &["y"])));
        assert_eq!(case.found("x"), Vec::<String>::new());
    }

    /// What one change, and one question, costs does not depend on how many there are.
    #[test]
    fn nobody_else_is_looked_at() {
        let mut case = Case::new();
        for n in 0..5_000 {
            case.apply(&object(&format!("o{n}"), n, &[&format!("key-{n}"), "all"]));
        }
        LOOKED_AT.set(0);
        assert_eq!(case.found("key-77"), ["o77"]);
        assert_eq!(LOOKED_AT.get(), 1);
        case.apply(&object("o77", 77, &["other", "all"]));
        assert_eq!(LOOKED_AT.get(), 2);
        assert_eq!(case.index.first(&"all".to_owned(), 3).len(), 3);
        assert_eq!(LOOKED_AT.get(), 5);
    }
}
