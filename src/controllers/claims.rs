//! Who is about to take a machine, and who waits for whom.
//!
//! Between the decision to enrol a machine and the node's row in the snapshot lies the request; an object that asks meanwhile must not be
//! told that the machine is free. Only who sends that request, or has a node, stands in the way of other namespaces.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::buckets::Buckets;
use crate::fleet::ObjectKey;
use crate::ironic::model::{Bmc, Stamp};

/// A request that ended so long ago shows in everybody's listings.
const SHOWN: Duration = Duration::from_mins(10);

/// What an object is to have for itself.
#[derive(Clone, Debug, PartialEq)]
pub struct Wants {
    /// Which observer it is seen through: names and machines are its Ironic's.
    pub ironic: u64,
    /// The machine, as far as the spec names it.
    pub bmc: Option<Bmc>,
    /// The node's name in Ironic.
    pub name: String,
}

impl Wants {
    /// Whether both cannot be had: the same machine, or the same name. Of two Ironics nobody knows whether they are one at two addresses:
    /// within a namespace one machine is taken in one of them at a time, so that the listing after it tells. Another namespace could hold
    /// up everybody's machines by an Ironic of its own.
    fn meets(&self, other: &Self, neighbours: bool) -> bool {
        let same_machine = self.bmc.as_ref().zip(other.bmc.as_ref());
        let same_machine = same_machine.is_some_and(|(one, other)| one.may_be_same(other));
        if self.ironic == other.ironic {
            same_machine || self.name == other.name
        } else {
            same_machine && neighbours
        }
    }

    /// Those who meet have one of these in common.
    fn keys(&self) -> impl Iterator<Item = (Option<u64>, &str)> {
        let place = self.bmc.as_ref().map(|bmc| (None, bmc.place()));
        place.into_iter().chain([(Some(self.ironic), self.name.as_str())])
    }
}

/// Another object that is about to take the same.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Rival {
    /// Which.
    pub key: ObjectKey,
    /// Its request has ended, and what came of it shows in the next listing.
    pub ended: bool,
}

/// A request that takes something.
#[derive(Debug)]
struct Request {
    wants: Wants,
    /// When it ended; none while it is under way. What is listed after that shows what came of it.
    ended: Option<(Stamp, Instant)>,
    /// What came of it is known to all that see the same Ironic.
    settled: bool,
}

/// See the module.
#[derive(Debug, Default)]
pub struct Claims {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    claims: HashMap<ObjectKey, Request>,
    /// Those that have ended, in that order.
    ended: VecDeque<(Instant, ObjectKey)>,
    /// Who claims, by what.
    claimants: Buckets<ObjectKey>,
    /// Who waits, and for whom.
    waiting: HashMap<ObjectKey, ObjectKey>,
    /// Who waits, by for whom.
    waiters: Buckets<ObjectKey>,
}

impl State {
    fn claim(&mut self, key: &ObjectKey, wants: Wants) {
        self.drop_claim(key);
        for clue in wants.keys() {
            self.claimants.put(self.claimants.hash(&clue), key.clone());
        }
        let claim = Request {
            wants,
            ended: None,
            settled: false,
        };
        self.claims.insert(key.clone(), claim);
    }

    fn drop_claim(&mut self, key: &ObjectKey) {
        if let Some(claim) = self.claims.remove(key) {
            for clue in claim.wants.keys() {
                self.claimants.take(self.claimants.hash(&clue), key);
            }
        }
    }

    fn rival(&self, key: &ObjectKey, wants: &Wants, shows: impl Fn(Stamp) -> bool) -> Option<Rival> {
        let mut others = wants
            .keys()
            .flat_map(|clue| self.claimants.get(self.claimants.hash(&clue)))
            .filter(|other| *other != key);
        others.find_map(|other| {
            let claim = self.claims.get(other)?;
            let neighbours = other.namespace == key.namespace;
            let known = claim.settled && claim.wants.ironic == wants.ironic;
            let told = claim.ended.is_some_and(|(stamp, _)| shows(stamp));
            if known || told || !claim.wants.meets(wants, neighbours) {
                return None;
            }
            Some(Rival {
                key: other.clone(),
                ended: claim.ended.is_some(),
            })
        })
    }

    /// Lets go of what shows everywhere by now.
    fn tidy(&mut self, now: Instant) {
        let is_shown = |since: Instant| now.saturating_duration_since(since) >= SHOWN;
        while let Some((_, key)) = self.ended.pop_front_if(|(since, _)| is_shown(*since)) {
            let ended = self.claims.get(&key).and_then(|claim| claim.ended);
            if ended.is_some_and(|(_, since)| is_shown(since)) {
                self.drop_claim(&key);
            }
        }
    }

    fn stop_waiting(&mut self, key: &ObjectKey) {
        if let Some(for_whom) = self.waiting.remove(key) {
            self.waiters.take(self.waiters.hash(&for_whom), key);
        }
    }
}

impl Claims {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Who is about to take what the object wants. `shows` tells whether the nodes were listed after a request had ended.
    pub fn rival(&self, key: &ObjectKey, wants: &Wants, shows: impl Fn(Stamp) -> bool) -> Option<Rival> {
        self.state().rival(key, wants, shows)
    }

    /// The object is about to send a request that takes what it wants, unless somebody else is.
    #[must_use]
    pub fn take(&self, key: &ObjectKey, wants: Wants, shows: impl Fn(Stamp) -> bool) -> bool {
        let mut state = self.state();
        state.tidy(Instant::now());
        let free = state.rival(key, &wants, shows).is_none();
        if free {
            state.claim(key, wants);
        }
        free
    }

    /// The request has ended, if there was one, which is the answer: what is listed after this shows what came of it. Without a time nobody
    /// can tell, and it is let go.
    pub fn end(&self, key: &ObjectKey, at: Option<Stamp>) -> bool {
        let mut state = self.state();
        let now = Instant::now();
        match (state.claims.get_mut(key), at) {
            (None, _) => return false,
            (Some(claim), Some(at)) => {
                claim.ended = Some((at, now));
                state.ended.push_back((now, key.clone()));
            }
            (Some(_), None) => state.drop_claim(key),
        }
        true
    }

    /// What came of the object's request, which has ended, is known to whoever sees the same Ironic.
    pub fn settle(&self, key: &ObjectKey) {
        if let Some(claim) = self.state().claims.get_mut(key) {
            claim.settled = true;
        }
    }

    /// The object was told that what it wants is another object's; it is woken when something happens to that one.
    pub fn wait(&self, key: &ObjectKey, for_whom: &ObjectKey) {
        let mut state = self.state();
        state.stop_waiting(key);
        state.waiting.insert(key.clone(), for_whom.clone());
        let State { waiters, .. } = &mut *state;
        waiters.put(waiters.hash(for_whom), key.clone());
    }

    /// The object waits for nobody any more.
    pub fn stop_waiting(&self, key: &ObjectKey) {
        self.state().stop_waiting(key);
    }

    /// Who waits for this object.
    pub fn waiters(&self, for_whom: &ObjectKey) -> Vec<ObjectKey> {
        let state = self.state();
        let found = state.waiters.get(state.waiters.hash(for_whom));
        found
            .filter(|key| state.waiting.get(*key) == Some(for_whom))
            .cloned()
            .collect()
    }

    /// The object is gone.
    pub fn forget(&self, key: &ObjectKey) {
        let mut state = self.state();
        state.drop_claim(key);
        state.stop_waiting(key);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(name: &str) -> ObjectKey {
        let (namespace, name) = name.split_once('/').unwrap();
        ObjectKey::new(namespace, name)
    }

    fn wants(ironic: u64, address: &str, name: &str) -> Wants {
        let info = serde_json::json!({"redfish_address": address});
        Wants {
            ironic,
            bmc: Bmc::of(info.as_object().unwrap()),
            name: name.to_owned(),
        }
    }

    fn never(_: Stamp) -> bool {
        false
    }

    #[test]
    fn of_two_that_want_one_machine_or_one_name_the_first_to_send_gets_it() {
        let claims = Claims::default();
        assert!(claims.take(&key("a/n"), wants(1, "https://bmc-1", "a~n"), never));
        assert!(
            claims.take(&key("a/n"), wants(1, "https://bmc-1", "a~n"), never),
            "again"
        );
        let rival = Rival {
            key: key("a/n"),
            ended: false,
        };
        for (address, name) in [("BMC-1:443", "b~n"), ("bmc-2", "a~n")] {
            assert!(!claims.take(&key("b/n"), wants(1, address, name), never));
            let found = claims.rival(&key("b/n"), &wants(1, address, name), never);
            assert_eq!(found, Some(rival.clone()));
        }
        assert!(
            claims.take(&key("b/n"), wants(2, "bmc-1", "a~n"), never),
            "of another Ironic"
        );
        assert!(
            claims.take(&key("a/o"), wants(3, "bmc-2", "a~n"), never),
            "another machine there"
        );
        assert!(
            !claims.take(&key("a/o"), wants(3, "bmc-1", "a~o"), never),
            "it may be the same Ironic"
        );
        claims.end(&key("a/o"), None);
        claims.end(&key("a/n"), Some(Stamp::new(1)));
        claims.settle(&key("a/n"));
        assert!(claims.take(&key("c/n"), wants(1, "bmc-1", "c~n"), never));
        assert!(
            !claims.take(&key("a/p"), wants(3, "bmc-1", "a~p"), |stamp| stamp
                < Stamp::new(1)),
            "not yet seen through another door"
        );
        assert!(claims.take(&key("a/p"), wants(4, "bmc-3", "a~p"), never));
    }

    #[test]
    fn a_request_of_which_nobody_knows_the_outcome_counts_until_it_shows() {
        let claims = Claims::default();
        assert!(claims.take(&key("a/n"), wants(1, "bmc-1", "a~n"), never));
        assert!(claims.end(&key("a/n"), Some(Stamp::new(7))));
        assert!(!claims.end(&key("b/n"), Some(Stamp::new(7))));
        let mine = wants(1, "bmc-1", "b~n");
        let rival = claims.rival(&key("b/n"), &mine, |stamp| stamp < Stamp::new(7));
        assert!(rival.is_some_and(|rival| rival.ended));
        assert!(claims.take(&key("b/n"), mine, |stamp| stamp <= Stamp::new(7)));
        let later = Instant::now() + SHOWN;
        claims.state().tidy(later);
        let state = claims.state();
        assert_eq!(state.claims.len(), 1, "what shows is let go");
        assert!(state.claims.contains_key(&key("b/n")) && state.ended.is_empty());
    }

    #[test]
    fn who_waits_is_found_by_for_whom_and_nothing_is_kept_of_who_is_gone() {
        let claims = Claims::default();
        claims.wait(&key("b/n"), &key("a/n"));
        claims.wait(&key("c/n"), &key("a/n"));
        claims.wait(&key("c/n"), &key("b/n"));
        assert_eq!(claims.waiters(&key("a/n")), [key("b/n")]);
        assert_eq!(claims.waiters(&key("b/n")), [key("c/n")]);
        claims.stop_waiting(&key("b/n"));
        assert_eq!(claims.waiters(&key("a/n")), []);
        assert!(claims.take(&key("c/n"), wants(1, "bmc-1", "c~n"), never));
        claims.forget(&key("c/n"));
        let state = claims.state();
        assert!(state.claims.is_empty() && state.claimants.is_empty());
        assert!(state.waiting.is_empty() && state.waiters.is_empty());
    }

    /// Ten thousand that wait for others cost nothing when one changes.
    #[test]
    fn only_who_waits_for_an_object_is_looked_at() {
        let claims = Claims::default();
        for n in 0..10_000 {
            claims.wait(&key(&format!("w/{n}")), &key(&format!("x/{}", n / 2)));
        }
        let state = claims.state();
        let looked_at = state.waiters.get(state.waiters.hash(&key("x/7"))).count();
        assert_eq!(looked_at, 2);
    }
}
