//! Whether a node is in an earlier state than was seen before: time that runs backwards tells of a restored database.
//!
//! Ironic sets `provision_updated_at` whenever it moves the provision state, and never sets it back. A row with an earlier time than the
//! status knows comes from a backup: what it says of the machine may be long over, so nothing is written on the strength of it.

use jiff::{SignedDuration, Timestamp};

use super::facts::NodeFacts;
use crate::api::{ACCEPT_EARLIER_STATE_ANNOTATION, BareMetalNode};
use crate::ironic::model::{NodeSummary, is_unreadable};

/// How far the clocks of Ironic's services may differ.
const SKEW: SignedDuration = SignedDuration::from_mins(1);

/// The time that is known, if what is seen of the node is of an earlier one and nobody said that this is how it is now.
pub fn known<'a>(facts: &NodeFacts<'a>) -> Option<&'a str> {
    of(facts.object, facts.look.summary()?, facts.cloud.accepts.earlier)
}

/// The same of an object and the row of its node. `accepted`: until when a person has accepted it of all nodes of the cloud.
pub fn of<'a>(object: &'a BareMetalNode, row: &NodeSummary, accepted: Option<&str>) -> Option<&'a str> {
    let known = object.status.as_ref()?.provision_updated_at.as_deref()?;
    let annotations = object.metadata.annotations.as_ref();
    let own = annotations.and_then(|all| all.get(ACCEPT_EARLIER_STATE_ANNOTATION));
    let own = own.map(String::as_str);
    // Of a row that cannot be read nothing is known, its time least of all.
    if is_unreadable(row) {
        return None;
    }
    let is_accepted = [own, accepted]
        .into_iter()
        .flatten()
        .any(|until| reaches(until, known));
    (is_earlier(row, known) && !is_accepted).then_some(known)
}

fn is_earlier(row: &NodeSummary, known: &str) -> bool {
    let Ok(known) = known.parse::<Timestamp>() else {
        return false;
    };
    // A row without a time was never moved.
    let seen = row.provision_updated_at.as_deref().map(str::parse::<Timestamp>);
    match seen {
        None => true,
        Some(Ok(seen)) => known.duration_since(seen) > SKEW,
        Some(Err(_)) => false,
    }
}

/// Whether a person said of states seen until this time that they are over.
fn reaches(until: &str, known: &str) -> bool {
    let times = until
        .parse::<Timestamp>()
        .ok()
        .zip(known.parse::<Timestamp>().ok());
    until == known || times.is_some_and(|(until, known)| until >= known)
}

/// The time to remember.
pub fn recorded(facts: &NodeFacts) -> Option<String> {
    if facts.look.summary().is_some_and(is_unreadable) {
        return facts.object.status.as_ref()?.provision_updated_at.clone();
    }
    let now = facts
        .look
        .summary()
        .and_then(|row| row.provision_updated_at.clone());
    known(facts).map(str::to_owned).or(now)
}

/// What is said of it.
pub fn say(facts: &NodeFacts, known: &str) -> String {
    let row = facts.look.summary();
    let seen = row
        .and_then(|row| row.provision_updated_at.as_deref())
        .unwrap_or("never");
    let state = row.map(|row| row.provision_state.to_string()).unwrap_or_default();
    format!(
        "The node is in state {state} of {seen}, but was seen in one of {known} before: Ironic's database was restored from a backup, it seems, and the machine may be in another state. Nothing is written. If this is how the machine is now, annotate the object with {ACCEPT_EARLIER_STATE_ANNOTATION}=\"{known}\"."
    )
}
