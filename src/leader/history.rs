//! The runs that held the Lease, kept in an annotation of it: see [`crate::domain::writers`].

use std::collections::BTreeMap;

use jiff::Timestamp;
use k8s_openapi::api::coordination::v1::Lease;

use super::rules::holder;
use crate::domain::writers::{History, Writers};

/// Where the Lease keeps them.
const ANNOTATION: &str = "ironwright.dev/writers";

/// The id of a run: the part of its identity that no other run has.
fn run(identity: &str) -> &str {
    identity.rsplit_once('_').map_or(identity, |(_, random)| random)
}

fn read(lease: Option<&Lease>, now: Timestamp) -> History {
    let annotations = lease.and_then(|lease| lease.metadata.annotations.as_ref());
    let text = annotations.and_then(|all| all.get(ANNOTATION));
    History::read(text.map(String::as_str), now)
}

/// The history as it is when `identity` takes the Lease that was found: whoever held it has ended with its last renewal.
pub fn succeeded(found: Option<&Lease>, identity: &str, now: Timestamp) -> History {
    let spec = found.and_then(|lease| lease.spec.as_ref());
    let holder = spec.map(holder).filter(|holder| !holder.is_empty()).map(run);
    let renewed = spec.and_then(|spec| Some(spec.renew_time.as_ref()?.0));
    read(found, now).taken(run(identity), holder, renewed, now)
}

/// As the annotations of a new Lease have it.
pub fn annotations(history: &History) -> BTreeMap<String, String> {
    BTreeMap::from([(ANNOTATION.to_owned(), history.text())])
}

/// The Lease with this history.
pub fn kept(mut lease: Lease, history: &History) -> Lease {
    let all = lease.metadata.annotations.get_or_insert_default();
    all.extend(annotations(history));
    lease
}

/// The Lease as a run leaves it that lets go of it.
pub fn ended(lease: &Lease, identity: &str, now: Timestamp) -> Lease {
    let history = read(Some(lease), now).with(run(identity), now);
    kept(lease.clone(), &history)
}

/// Who writes from now on, and wrote before, as the Lease has it that was just taken.
pub fn writers(lease: &Lease, identity: &str) -> Writers {
    Writers {
        run: run(identity).to_owned(),
        before: read(Some(lease), Timestamp::now()),
    }
}

#[cfg(test)]
mod tests {
    use super::super::rules::{held, released};
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    /// One takes the Lease at a time, and holds it until then.
    fn taken(found: Option<&Lease>, identity: &str, from: i64, until: i64) -> Lease {
        let history = succeeded(found, identity, at(from));
        let before = found.and_then(|lease| lease.spec.as_ref());
        let mut lease = kept(found.cloned().unwrap_or_default(), &history);
        let won = held(before, identity, at(from));
        lease.spec = Some(held(Some(&won), identity, at(until)));
        lease
    }

    #[test]
    fn who_held_the_lease_is_known_whether_it_let_go_or_was_killed() {
        let killed = taken(None, "pod_a1", 10, 100);
        let next = taken(Some(&killed), "pod_b2", 200, 300);
        let mut left = ended(&next, "pod_b2", at(310));
        left.spec = left.spec.map(|spec| released(&spec, at(310)));
        let last = taken(Some(&left), "other_pod_c3", 400, 500);
        let writers = writers(&last, "other_pod_c3");
        assert_eq!(writers.run, "c3");
        let mut history = History::new(at(10)).with("a1", at(100)).with("b2", at(310));
        history.current = "c3".to_owned();
        assert_eq!(writers.before, history);
    }

    #[test]
    fn who_takes_its_own_lease_again_has_not_ended() {
        let lease = taken(None, "pod_a", 10, 100);
        let again = taken(Some(&lease), "pod_a", 120, 130);
        assert_eq!(writers(&again, "pod_a").before.runs, []);
    }
}
