//! The registry of clouds: which BareMetalCloud is seen through which observer.
//!
//! Two clouds with the same endpoint and the same credentials share one observer. What they ask of it is combined: it looks as
//! often as the most eager of them wants, and lets through no more than the most careful of them allows.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use tokio::sync::mpsc;

use super::interest::ObjectKey;
use super::limits::Limits;
use super::observer::{Observer, Wake};
use super::pace::Intervals;
use super::shares::Share;
use crate::ironic::client::{Client, Error, Settings};

/// A BareMetalCloud.
pub type CloudKey = ObjectKey;

/// What is there for a cloud.
#[derive(Clone)]
pub enum Entry {
    /// An observer.
    Observed(Arc<Observer>),
    /// Its settings do not work; why.
    Broken(String),
}

/// How a cloud is seen now.
pub struct Sighting {
    /// Through this observer.
    pub observer: Arc<Observer>,
    /// It was not before.
    pub new: bool,
    /// It was seen through this one before.
    pub left: Option<Arc<Observer>>,
}

/// A wake-up and the cloud it comes from.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Woken {
    /// Everything seen through this session is concerned.
    pub session: String,
    /// What is woken.
    pub wake: Wake,
}

/// Every cloud.
#[derive(Default)]
pub struct Clouds {
    state: Mutex<State>,
}

/// What a cloud asks of the way it is seen.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Terms {
    /// How often to look.
    pub intervals: Intervals,
    /// How much work at once.
    pub limits: Limits,
    /// Requests under way at once.
    pub requests_in_flight: usize,
}

impl Terms {
    /// What satisfies both.
    #[must_use]
    fn with(self, other: Self) -> Self {
        Self {
            intervals: self.intervals.shortest(other.intervals),
            limits: self.limits.strictest(other.limits),
            requests_in_flight: self.requests_in_flight.min(other.requests_in_flight),
        }
    }
}

#[derive(Default)]
struct State {
    clouds: HashMap<CloudKey, Seen>,
    sessions: HashMap<String, Weak<Observer>>,
    /// The clouds of each session.
    members: HashMap<String, HashSet<CloudKey>>,
    /// What may be kept for each namespace.
    shares: HashMap<String, Weak<Share>>,
}

/// Which cloud, and what led to it.
#[derive(Clone, Copy)]
pub struct Way<'a> {
    /// The cloud.
    pub cloud: &'a CloudKey,
    /// What its spec says of where it is.
    pub place: &'a str,
    /// The version of the Secret that says more; empty without one.
    pub secret: &'a str,
}

/// How a cloud is seen.
struct Seen {
    /// What its spec said of where it is.
    place: String,
    /// The version of the Secret that said more.
    secret: String,
    session: String,
    entry: Entry,
    terms: Option<Terms>,
}

impl Seen {
    fn observer(self) -> Option<Arc<Observer>> {
        match self.entry {
            Entry::Observed(observer) => Some(observer),
            Entry::Broken(_) => None,
        }
    }
}

impl State {
    /// The cloud is seen so from now on, or not at all; how it was before.
    fn exchange(&mut self, cloud: &CloudKey, now: Option<Seen>) -> Option<Seen> {
        let mut sessions: Vec<_> = now.iter().map(|now| now.session.clone()).collect();
        if let Some(now) = &now {
            let members = self.members.entry(now.session.clone()).or_default();
            members.insert(cloud.clone());
        }
        let before = match now {
            Some(now) => self.clouds.insert(cloud.clone(), now),
            None => self.clouds.remove(cloud),
        };
        if let Some(before) = before
            .as_ref()
            .filter(|before| !sessions.contains(&before.session))
        {
            if let Some(members) = self.members.get_mut(&before.session) {
                members.remove(cloud);
                if members.is_empty() {
                    self.members.remove(&before.session);
                }
            }
            sessions.push(before.session.clone());
        }
        self.agree(&sessions);
        before
    }

    /// Puts the combined terms of their clouds to the observers of these sessions.
    fn agree(&mut self, sessions: &[String]) {
        self.shares.retain(|_, share| share.strong_count() > 0);
        for session in sessions {
            let clouds = self.members.get(session).into_iter().flatten();
            let seen = clouds.filter_map(|cloud| self.clouds.get(cloud));
            let terms = seen.filter_map(|seen| seen.terms).reduce(Terms::with);
            let observer = self.sessions.get(session).and_then(Weak::upgrade);
            if let (Some(terms), Some(observer)) = (terms, observer) {
                observer.set_intervals(terms.intervals);
                observer.set_limits(terms.limits);
                observer.client.set_requests_in_flight(terms.requests_in_flight);
                observer.shares.set(self.shares_of(session));
            }
        }
    }

    /// Those of the namespaces whose clouds are seen through the session.
    fn shares_of(&mut self, session: &str) -> Vec<Arc<Share>> {
        let clouds = self.members.get(session).into_iter().flatten();
        let namespaces: HashSet<_> = clouds.map(|cloud| cloud.namespace.clone()).collect();
        let share = |namespace| {
            let known = self.shares.entry(namespace).or_default();
            known.upgrade().unwrap_or_else(|| {
                let share = Arc::default();
                *known = Arc::downgrade(&share);
                share
            })
        };
        namespaces.into_iter().map(share).collect()
    }
}

impl Clouds {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is there for a cloud; none before its settings were read.
    pub fn get(&self, cloud: &CloudKey) -> Option<Entry> {
        self.state().clouds.get(cloud).map(|seen| seen.entry.clone())
    }

    /// The same for who decides by a spec that says this of where the cloud is: an observer of another place is none.
    pub fn get_at(&self, cloud: &CloudKey, place: &str) -> Option<Entry> {
        let state = self.state();
        let seen = state.clouds.get(cloud).filter(|seen| seen.place == place);
        seen.map(|seen| seen.entry.clone())
    }

    /// The version of the Secret that led to how the cloud is seen; empty without one.
    pub fn secret(&self, cloud: &CloudKey) -> String {
        let state = self.state();
        let seen = state.clouds.get(cloud);
        seen.map(|seen| seen.secret.clone()).unwrap_or_default()
    }

    /// The session that a cloud is seen through; empty without one.
    pub fn session(&self, cloud: &CloudKey) -> String {
        let state = self.state();
        state
            .clouds
            .get(cloud)
            .map(|seen| seen.session.clone())
            .unwrap_or_default()
    }

    /// Sees the cloud through the observer of `session` (endpoint and credentials, as one word), starting it if need be. `place` is what its
    /// spec says of where it is.
    pub fn observe(
        &self,
        Way { cloud, place, secret }: Way<'_>,
        session: &str,
        settings: Settings,
        terms: Terms,
        woken: &mpsc::UnboundedSender<Woken>,
    ) -> Result<Sighting, Error> {
        let mut state = self.state();
        let running = state.sessions.get(session).and_then(Weak::upgrade);
        // Keystone says that it is another Ironic now: whoever looks there begins anew, under another identity.
        let running = running.filter(|observer| !observer.client.has_moved());
        let observer = if let Some(observer) = running {
            observer
        } else {
            let client = Client::new(settings)?;
            Observer::start(client, terms.intervals, forward(session, woken.clone()))
        };
        let known = state.sessions.get(session).and_then(Weak::upgrade);
        if !known.is_some_and(|known| Arc::ptr_eq(&known, &observer)) {
            state.sessions.retain(|_, observer| observer.strong_count() > 0);
            let looking = Arc::downgrade(&observer);
            state.sessions.insert(session.to_owned(), looking);
        }
        let seen = Seen {
            place: place.to_owned(),
            secret: secret.to_owned(),
            session: session.to_owned(),
            entry: Entry::Observed(Arc::clone(&observer)),
            terms: Some(terms),
        };
        let before = state.exchange(cloud, Some(seen));
        let through =
            |before: &Seen| matches!(&before.entry, Entry::Observed(known) if Arc::ptr_eq(known, &observer));
        let is_same = |before: &Seen| through(before) && before.session == session && before.place == place;
        let same = before.as_ref().is_some_and(is_same);
        // Where only the words of the spec have changed, nothing is left.
        let left = before.filter(|before| !through(before)).and_then(Seen::observer);
        Ok(Sighting {
            observer,
            new: !same,
            left,
        })
    }

    /// The cloud's settings do not work. The answer is the observer that it was seen through: other clouds may still be, and what
    /// the nodes of this one asked of it has to be taken back.
    pub fn break_off(&self, (cloud, place): (&CloudKey, &str), why: String) -> Option<Arc<Observer>> {
        let broken = Seen {
            place: place.to_owned(),
            secret: String::new(),
            session: String::new(),
            entry: Entry::Broken(why),
            terms: None,
        };
        let mut state = self.state();
        let before = state.exchange(cloud, Some(broken));
        before.and_then(Seen::observer)
    }

    /// The cloud is gone. The answer is as of [`Clouds::break_off`].
    pub fn remove(&self, cloud: &CloudKey) -> Option<Arc<Observer>> {
        let mut state = self.state();
        let before = state.exchange(cloud, None);
        before.and_then(Seen::observer)
    }

    /// The clouds seen through a session.
    pub fn seen_through(&self, session: &str) -> Vec<CloudKey> {
        let state = self.state();
        let members = state.members.get(session).into_iter().flatten();
        members.cloned().collect()
    }

    /// No request is sent to any cloud any more; those under way are finished.
    pub fn close(&self) {
        for observer in self.observers() {
            observer.close();
        }
    }

    /// Every observer once.
    pub fn observers(&self) -> Vec<Arc<Observer>> {
        self.state().sessions.values().filter_map(Weak::upgrade).collect()
    }

    /// Nodes of all clouds by provision state.
    pub fn counts(&self) -> BTreeMap<String, u32> {
        self.observers()
            .iter()
            .fold(BTreeMap::new(), |mut all, observer| {
                for (state, count) in observer.overview().counts {
                    *all.entry(state).or_default() += count;
                }
                all
            })
    }

    /// Nodes of all clouds with which something is wrong, by what it is.
    pub fn troubles(&self) -> BTreeMap<&'static str, u64> {
        let mut all = BTreeMap::new();
        for observer in self.observers() {
            for trouble in observer.troubles() {
                *all.entry(trouble.as_str()).or_default() += 1;
            }
        }
        all
    }

    /// The age of the oldest cloud's last observation; of one that was never seen, since it is looked for.
    pub fn oldest_observation(&self) -> Option<Duration> {
        self.observers().iter().map(|observer| observer.age()).max()
    }
}

/// Adds the session to every wake-up.
fn forward(session: &str, woken: mpsc::UnboundedSender<Woken>) -> mpsc::UnboundedSender<Wake> {
    let (sender, mut receiver) = mpsc::unbounded_channel();
    let session = session.to_owned();
    tokio::spawn(async move {
        while let Some(wake) = receiver.recv().await {
            if woken
                .send(Woken {
                    session: session.clone(),
                    wake,
                })
                .is_err()
            {
                return;
            }
        }
    });
    sender
}

#[cfg(test)]
#[path = "clouds_tests.rs"]
mod tests;
