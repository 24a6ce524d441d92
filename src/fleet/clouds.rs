//! The registry of clouds: which BareMetalCloud is seen through which observer.
//!
//! Two clouds with the same endpoint and the same credentials share one observer. What they ask of it is combined: it looks as
//! often as the most eager of them wants, and lets through no more than the most careful of them allows.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use tokio::sync::mpsc;

use super::interest::ObjectKey;
use super::limits::Limits;
use super::observer::{Observer, Wake};
use super::pace::Intervals;
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
}

/// How a cloud is seen.
struct Seen {
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
    /// Puts the combined terms of its clouds to every observer.
    fn agree(&self) {
        for (session, observer) in &self.sessions {
            let clouds = self.clouds.values().filter(|seen| seen.session == *session);
            let terms = clouds.filter_map(|seen| seen.terms).reduce(Terms::with);
            if let (Some(terms), Some(observer)) = (terms, observer.upgrade()) {
                observer.set_intervals(terms.intervals);
                observer.set_limits(terms.limits);
                observer.client.set_requests_in_flight(terms.requests_in_flight);
            }
        }
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

    /// Sees the cloud through the observer of `session` (endpoint and credentials, as one word), starting it if need be.
    pub fn observe(
        &self,
        cloud: &CloudKey,
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
        state.sessions.retain(|_, observer| observer.strong_count() > 0);
        state
            .sessions
            .insert(session.to_owned(), Arc::downgrade(&observer));
        let seen = Seen {
            session: session.to_owned(),
            entry: Entry::Observed(Arc::clone(&observer)),
            terms: Some(terms),
        };
        let before = state.clouds.insert(cloud.clone(), seen);
        state.agree();
        let is_same = |before: &Seen| {
            let through = matches!(&before.entry, Entry::Observed(known) if Arc::ptr_eq(known, &observer));
            through && before.session == session
        };
        let same = before.as_ref().is_some_and(is_same);
        let left = before.filter(|_| !same).and_then(Seen::observer);
        Ok(Sighting {
            observer,
            new: !same,
            left,
        })
    }

    /// The cloud's settings do not work. The answer is the observer that it was seen through: other clouds may still be, and what
    /// the nodes of this one asked of it has to be taken back.
    pub fn break_off(&self, cloud: &CloudKey, why: String) -> Option<Arc<Observer>> {
        let broken = Seen {
            session: String::new(),
            entry: Entry::Broken(why),
            terms: None,
        };
        let mut state = self.state();
        let before = state.clouds.insert(cloud.clone(), broken);
        state.agree();
        before.and_then(Seen::observer)
    }

    /// The cloud is gone. The answer is as of [`Clouds::break_off`].
    pub fn remove(&self, cloud: &CloudKey) -> Option<Arc<Observer>> {
        let mut state = self.state();
        let before = state.clouds.remove(cloud);
        state.agree();
        before.and_then(Seen::observer)
    }

    /// The clouds seen through a session.
    pub fn seen_through(&self, session: &str) -> Vec<CloudKey> {
        let state = self.state();
        state
            .clouds
            .iter()
            .filter(|(_, seen)| seen.session == session)
            .map(|(cloud, _)| cloud.clone())
            .collect()
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

    /// The age of the oldest cloud's last observation.
    pub fn oldest_observation(&self) -> Option<Duration> {
        self.observers()
            .iter()
            .filter_map(|observer| observer.age())
            .max()
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
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::fleet::limits::Request;
    use crate::ironic::model::{Standing, Work};

    fn terms() -> Terms {
        Terms {
            intervals: Intervals::default(),
            limits: Limits {
                cleans: 1,
                ..Limits::default()
            },
            requests_in_flight: 8,
        }
    }

    /// What a node of a cloud that is no longer seen holds would be held for ever: it cannot give it back by itself.
    #[tokio::test]
    async fn who_loses_sight_of_a_shared_ironic_leaves_the_room_to_others() {
        rustls::crypto::ring::default_provider().install_default().ok();
        let (woken, _wakes) = mpsc::unbounded_channel();
        for (n, lose) in [
            (|clouds: &Clouds, key: &CloudKey| clouds.break_off(key, "no".to_owned())) as fn(&_, &_) -> _,
            |clouds: &Clouds, key: &CloudKey| clouds.remove(key),
        ]
        .into_iter()
        .enumerate()
        {
            let clouds = Clouds::default();
            let session = format!("session {n}");
            let [one, other] = ["one", "other"].map(|namespace| CloudKey::new(namespace, "lab"));
            let see = |cloud: &CloudKey| {
                let settings = Settings::new("http://127.0.0.1:9");
                clouds
                    .observe(cloud, &session, settings, terms(), &woken)
                    .unwrap()
                    .observer
            };
            let (observer, same) = (see(&one), see(&other));
            assert!(Arc::ptr_eq(&observer, &same));
            let ask = |namespace: &str| {
                let key = ObjectKey::new(namespace, "n1");
                observer.ask_room(Request {
                    key: key.clone(),
                    id: namespace.to_owned(),
                    work: Work::Clean,
                    since: Timestamp::UNIX_EPOCH,
                });
                key
            };
            let (first, second) = (ask("one"), ask("other"));
            assert_eq!(observer.standing(&first), Standing::Granted(Work::Clean));
            assert!(matches!(observer.standing(&second), Standing::Waiting(..)));
            let left: Option<Arc<Observer>> = lose(&clouds, &one);
            left.unwrap().forget(&first);
            assert_eq!(observer.standing(&second), Standing::Granted(Work::Clean));
            assert!(lose(&clouds, &one).is_none());
        }
    }
}
