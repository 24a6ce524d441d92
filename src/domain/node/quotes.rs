//! What Ironic says of a node, as it may be repeated: without what the Secrets of the spec hold.
//!
//! A BMC may repeat the password that it refuses, and Ironic shows that in `last_error`, in the node's history or as the reason of
//! a maintenance. So the Secrets are read before such words are told for the first time. Words that were told already are recognised
//! by what is left of them in the status, and cost nothing. Words of which it cannot be known what they hold are not told.

use super::applied::journal;
use super::desired::{rescue_password_ref, secret_names, user_data_ref, version};
use super::facts::NodeFacts;
use super::hiding::{HIDDEN, hide, is_too_much};
use super::marker::Marker;
use super::rules::{Choice, Step};
use super::situation::Situation;
use super::tries::{Tries, tried, tries};
use super::{upkeep, words};
use crate::api::BareMetalNodeStatus;
use crate::api::conditions::types;
use crate::domain::conditions::shorten;

/// Words of others in a message or a status, at most, in bytes.
pub const WORDS_LIMIT: usize = 1024;

/// Begins what is said in place of words as long as the Secrets cannot be read.
const UNREAD: &str = "Ironic's words are not shown, since it cannot be told which of them are secret";

/// Begins what is said in place of words that hold what no Secret holds any more. It stays until something else is tried.
const UNKNOWN: &str = "Ironic's words are not shown, since they may hold what was secret before";

/// What surrounds the reason of a maintenance in its condition.
const MAINTENANCE: (&str, &str) = ("The node is in maintenance (", ") in state ");

/// What follows the words of a failure in its condition.
const TRIED: &str = " (tried ";

/// Why words are not shown.
enum Obstacle {
    /// A Secret cannot be read now.
    Unread(String),
    /// What was secret is not known any more.
    Unknown(String),
}

/// What is said of the node's failure: `last_error`, or what its history has.
pub fn failure(facts: &NodeFacts) -> Option<String> {
    raw_failure(facts).map(|raw| quote(raw, facts))
}

/// The words as Ironic has them: to be read, never to be told.
pub fn raw_failure<'a>(facts: &NodeFacts<'a>) -> Option<&'a str> {
    let node = facts.look.summary();
    node.and_then(|node| node.failure()).or(facts.history)
}

/// The sentence about a maintenance that is not ours.
pub fn maintenance(facts: &NodeFacts) -> String {
    let node = facts.look.summary();
    let state = node
        .map(|node| node.provision_state.to_string())
        .unwrap_or_default();
    let why = maintenance_reason(facts);
    let why = why.as_deref().or(node.and_then(|node| node.fault.as_deref()));
    let ((before, after), why) = (MAINTENANCE, why.unwrap_or("no reason given"));
    let set = match node.and_then(|node| node.fault.as_deref()) {
        Some(fault) => format!(
            "Ironic set it after a fault ({}), and the machine",
            shorten(fault, 64)
        ),
        None => "it".to_owned(),
    };
    format!("{before}{why}{after}{state}: {set} is not moved until the maintenance is lifted.")
}

/// The reason of a maintenance, as it may be told.
pub fn maintenance_reason(facts: &NodeFacts) -> Option<String> {
    raw_maintenance(facts).map(|raw| quote(raw, facts))
}

fn raw_maintenance<'a>(facts: &NodeFacts<'a>) -> Option<&'a str> {
    facts.look.summary()?.maintenance_reason.as_deref()
}

/// The sentence about a failure, how often it was tried, and what comes next.
pub fn tried_in_vain(words: &str, count: &str, step: Step, next: &str) -> String {
    format!("{words}{TRIED}{count}: {}). {next}", step.as_str())
}

/// What is said of a call that failed.
pub fn of_call(raw: &str, step: Option<Step>, facts: &NodeFacts) -> String {
    // These carry what the Secrets hold now; all else is about what Ironic was given before.
    let carries = matches!(step, Some(Step::Create | Step::Patch));
    match obstacle(facts, !carries) {
        Some(obstacle) => withheld(&obstacle),
        None => shorten(&hide(raw, facts), WORDS_LIMIT),
    }
}

/// Whether the decision tells words that were not told before, and the Secrets were not read yet.
pub fn wants_secrets(choice: Choice, situation: &Situation, facts: &NodeFacts) -> bool {
    let new = |raw: &str| told(raw, facts).is_none();
    lacks_secrets(facts) && heard(choice, situation, facts).into_iter().flatten().any(new)
}

/// Whether words cannot be told before the Secrets are read.
pub fn lacks_secrets(facts: &NodeFacts) -> bool {
    facts.secrets.contents.is_none() && !secrets(facts).is_empty()
}

/// The Secrets that Ironic may have something of: those of the spec, and those that were written last.
pub fn secrets<'a>(facts: &NodeFacts<'a>) -> Vec<&'a str> {
    let mut names = secret_names(facts.object);
    let written = journal(facts)
        .into_iter()
        .flat_map(|applied| applied.secrets.keys());
    names.extend(written.map(String::as_str));
    names.sort_unstable();
    names.dedup();
    names
}

/// The words that go with a choice.
fn heard<'a>(choice: Choice, situation: &Situation, facts: &NodeFacts<'a>) -> [Option<&'a str>; 2] {
    let failed = words::failure(situation.place).is_some() || power_failed(choice, facts);
    let node = facts.look.summary();
    let kept = node.is_some_and(|node| node.maintenance && !upkeep::is_ours(node)) && situation.place.seen();
    [
        raw_failure(facts).filter(|_| failed),
        raw_maintenance(facts).filter(|_| kept),
    ]
}

/// Whether the choice is told as a failure to change the power.
fn power_failed(choice: Choice, facts: &NodeFacts) -> bool {
    match choice {
        Choice::Step(step @ (Step::PowerOn | Step::PowerOff)) => {
            tries(step, facts) != Tries::Fresh
                && tried(step, facts).is_some_and(|tried| tried.failure.is_none())
        }
        Choice::Settled(_)
        | Choice::Look
        | Choice::Step(_)
        | Choice::Wait(_)
        | Choice::Stalled(_)
        | Choice::Release => false,
    }
}

fn quote(raw: &str, facts: &NodeFacts) -> String {
    if secrets(facts).is_empty() {
        return shorten(raw, WORDS_LIMIT);
    }
    match (told(raw, facts), obstacle(facts, true)) {
        (Some(told), _) => told.to_owned(),
        (None, Some(obstacle)) => withheld(&obstacle),
        (None, None) => shorten(&hide(raw, facts), WORDS_LIMIT),
    }
}

fn withheld(obstacle: &Obstacle) -> String {
    let (why, which) = match obstacle {
        Obstacle::Unread(which) => (UNREAD, which),
        Obstacle::Unknown(which) => (UNKNOWN, which),
    };
    shorten(&format!("{why}: {which}"), WORDS_LIMIT)
}

/// What hinders to tell words. `before`: they are of what Ironic was given before, not of what the Secrets hold now.
fn obstacle(facts: &NodeFacts, before: bool) -> Option<Obstacle> {
    if lacks_secrets(facts) {
        return Some(Obstacle::Unread("the Secrets were not read".to_owned()));
    }
    let contents = facts.secrets.contents.as_ref()?;
    secrets(facts).into_iter().find_map(|name| {
        let unread = facts.secrets.unread.get(name);
        match (contents.get(name), unread) {
            (Some(_), _) => (before && has_changed(name, facts))
                .then(|| Obstacle::Unknown(format!("Secret {name} was changed meanwhile"))),
            (None, Some(Some(why))) => Some(Obstacle::Unread(why.clone())),
            (None, _) => may_be_known(name, facts)
                .then(|| Obstacle::Unknown(format!("Secret {name} does not exist any more"))),
        }
    })
}

/// Whether the Secret is another than the one that Ironic was given.
fn has_changed(name: &str, facts: &NodeFacts) -> bool {
    let written = journal(facts).and_then(|applied| applied.secrets.get(name));
    let written = written.and_then(|written| written.split('/').next());
    written.is_some_and(|written| version(facts, name) != Some(written))
}

/// Whether Ironic may have what a Secret held that is not there.
fn may_be_known(name: &str, facts: &NodeFacts) -> bool {
    let object = facts.object;
    let for_instance = [user_data_ref(object), rescue_password_ref(object)];
    let for_instance = for_instance
        .into_iter()
        .flatten()
        .any(|(secret, _)| secret == name);
    let marker = facts.look.summary().and_then(|node| Marker::read(&node.extra));
    let deployed = marker.is_some_and(|marker| marker.was_used());
    let written = journal(facts).is_none_or(|applied| applied.secrets.contains_key(name));
    (for_instance && deployed) || written
}

/// What was told of these words before, if it was.
fn told<'a>(raw: &str, facts: &NodeFacts<'a>) -> Option<&'a str> {
    let status = facts.object.status.as_ref()?;
    let state = facts.look.summary().map(|node| node.provision_state.as_str());
    let same_state = status.provision_state.as_deref() == state;
    let conditions = status.conditions.iter();
    let ready = conditions.filter(|condition| condition.type_ == types::READY);
    let ready = ready.map(|condition| condition.message.as_str()).next();
    let before = ready.and_then(|said| said.rsplit_once(TRIED));
    let inside = ready.and_then(|said| said.strip_prefix(MAINTENANCE.0)?.rsplit_once(MAINTENANCE.1));
    let parts = [
        status.last_error.as_deref(),
        before.map(|it| it.0),
        inside.map(|it| it.0),
        status
            .maintenance
            .as_ref()
            .and_then(|kept| kept.reason.as_deref()),
    ];
    parts
        .into_iter()
        .flatten()
        .filter(|told| !told.starts_with(UNREAD))
        .find(|told| (same_state && is_withheld(told)) || is_left_of(told, raw))
}

/// Whether the words stay withheld.
fn is_withheld(told: &str) -> bool {
    told.starts_with(UNKNOWN) || is_too_much(told)
}

/// Whether this is what is left of the words once they are hidden and cut.
fn is_left_of(told: &str, raw: &str) -> bool {
    let cut = told.strip_suffix('…').filter(|_| raw.len() > WORDS_LIMIT / 2);
    // A cut may go through the stars.
    let open = cut.is_some_and(|cut| cut.ends_with('*'));
    let text = cut.unwrap_or(told).trim_end_matches(|c| open && c == '*');
    let mut pieces = text.split(HIDDEN).peekable();
    let Some(mut rest) = pieces.next().and_then(|first| raw.strip_prefix(first)) else {
        return false;
    };
    while let Some(piece) = pieces.next() {
        let last = pieces.peek().is_none() && cut.is_none();
        let found = if last {
            rest.ends_with(piece).then_some(rest.len())
        } else {
            rest.find(piece).map(|at| at + piece.len())
        };
        match found.and_then(|end| rest.get(end..)) {
            Some(left) => rest = left,
            None => return false,
        }
    }
    rest.is_empty() || cut.is_some()
}

/// A new try has words of its own.
pub fn begin_anew(status: &mut BareMetalNodeStatus, step: Step) {
    if step.begins_transition() && status.last_error.as_deref().is_some_and(is_withheld) {
        status.last_error = None;
    }
}
