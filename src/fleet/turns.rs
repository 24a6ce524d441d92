//! Whose turn it is to be reconciled: so many objects of one Ironic at once, and the namespaces that use it one after the other.
//!
//! Whoever calls an Ironic that hangs stands still for as long as a call may take. The places that it takes are those of its own
//! Ironic alone. An object that finds none is not kept waiting: it is noted, and woken when its turn has come, for which a place
//! is kept free.

use std::collections::{HashMap, HashSet, VecDeque};
use std::time::Duration;

use super::interest::ObjectKey;

/// A place is kept so long for whoever was called. An object that is gone does not come, and is usually taken off before.
const KEPT: Duration = Duration::from_secs(30);

/// Those who want to be reconciled, by the Ironic they are seen in.
#[derive(Debug)]
pub struct Turns<T> {
    most: usize,
    pools: HashMap<String, Pool<T>>,
    /// In which pool an object is.
    places: HashMap<ObjectKey, String>,
}

/// The objects of one Ironic.
#[derive(Debug)]
struct Pool<T> {
    running: HashSet<ObjectKey>,
    /// Called, and until when their place is kept.
    called: HashMap<ObjectKey, T>,
    line: Line,
}

/// A line for each namespace; they are served in turn.
#[derive(Debug, Default)]
struct Line {
    namespaces: VecDeque<String>,
    waiting: HashMap<String, VecDeque<String>>,
    /// Who is in it.
    noted: HashSet<ObjectKey>,
}

impl Line {
    fn push(&mut self, key: &ObjectKey) {
        if !self.noted.insert(key.clone()) {
            return;
        }
        let names = self.waiting.entry(key.namespace.clone()).or_default();
        if names.is_empty() {
            self.namespaces.push_back(key.namespace.clone());
        }
        names.push_back(key.name.clone());
    }

    fn pop(&mut self) -> Option<ObjectKey> {
        let namespace = self.namespaces.pop_front()?;
        let names = self.waiting.get_mut(&namespace)?;
        let name = names.pop_front()?;
        if names.is_empty() {
            self.waiting.remove(&namespace);
        } else {
            self.namespaces.push_back(namespace.clone());
        }
        let key = ObjectKey::new(namespace, name);
        self.noted.remove(&key);
        Some(key)
    }

    fn remove(&mut self, key: &ObjectKey) {
        if !self.noted.remove(key) {
            return;
        }
        let Some(names) = self.waiting.get_mut(&key.namespace) else {
            return;
        };
        names.retain(|name| *name != key.name);
        if names.is_empty() {
            self.waiting.remove(&key.namespace);
            self.namespaces.retain(|namespace| *namespace != key.namespace);
        }
    }
}

impl<T> Default for Pool<T> {
    fn default() -> Self {
        Self {
            running: HashSet::new(),
            called: HashMap::new(),
            line: Line::default(),
        }
    }
}

impl<T: Copy + PartialOrd + std::ops::Add<Duration, Output = T>> Pool<T> {
    fn is_empty(&self) -> bool {
        self.running.is_empty() && self.called.is_empty() && self.line.namespaces.is_empty()
    }

    fn free(&self, most: usize) -> usize {
        most.saturating_sub(self.running.len() + self.called.len())
    }

    /// Calls as many as there are places for.
    fn call(&mut self, most: usize, now: T) -> Vec<ObjectKey> {
        self.called.retain(|_, until| now < *until);
        let mut called = Vec::new();
        while self.free(most) > 0
            && let Some(key) = self.line.pop()
        {
            self.called.insert(key.clone(), now + KEPT);
            called.push(key);
        }
        called
    }
}

impl<T: Copy + PartialOrd + std::ops::Add<Duration, Output = T>> Turns<T> {
    /// So many at once, of one Ironic.
    pub fn new(most: usize) -> Self {
        Self {
            most,
            pools: HashMap::new(),
            places: HashMap::new(),
        }
    }

    /// The object is to be reconciled. Whether it may begin, in which case [`Turns::leave`] has to follow; if not it is called later.
    /// And who is called now.
    pub fn enter(&mut self, pool: &str, key: &ObjectKey, now: T) -> (bool, Vec<ObjectKey>) {
        let mut called = Vec::new();
        if self.places.get(key).is_some_and(|before| before != pool) {
            called = self.leave(key, now);
        }
        self.places.insert(key.clone(), pool.to_owned());
        let most = self.most;
        let pool = self.pools.entry(pool.to_owned()).or_default();
        if pool.called.remove(key).is_some() {
            pool.running.insert(key.clone());
            return (true, called);
        }
        called.extend(pool.call(most, now));
        let mut begins = pool.free(most) > 0;
        if !begins {
            pool.line.push(key);
        }
        // It may just have been called itself.
        if called.contains(key) {
            called.retain(|other| other != key);
            pool.called.remove(key);
            pool.line.remove(key);
            begins = true;
        }
        if begins {
            pool.running.insert(key.clone());
        }
        (begins, called)
    }

    /// The object is done, or gone; who is called now.
    pub fn leave(&mut self, key: &ObjectKey, now: T) -> Vec<ObjectKey> {
        let Some(name) = self.places.remove(key) else {
            return Vec::new();
        };
        let Some(pool) = self.pools.get_mut(&name) else {
            return Vec::new();
        };
        pool.running.remove(key);
        pool.called.remove(key);
        pool.line.remove(key);
        let called = pool.call(self.most, now);
        if pool.is_empty() {
            self.pools.remove(&name);
        }
        called
    }

    /// How many wait for their turn.
    pub fn waiting(&self) -> usize {
        let lines = self.pools.values().flat_map(|pool| pool.line.waiting.values());
        lines.map(VecDeque::len).sum()
    }
}

#[cfg(test)]
#[path = "turns_tests.rs"]
mod tests;
