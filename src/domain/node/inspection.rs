//! The inspection of a machine that was just enrolled: made once, and never of a machine that carried an instance of ours.
//!
//! That it was made is told by Ironic (`inspection_finished_at`), so that neither a crash nor a re-created object repeats it. That it
//! failed too often is told by the journal.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

use super::facts::NodeFacts;
use super::marker::Marker;
use super::rules::Step;
use super::situation::{Gap, Place, Tenant};
use super::tries::{MOST_INSPECTIONS, is_enough, tried};
use crate::api::node::Inspection;
use crate::ironic::model::Node;

/// The gap in full: a machine is inspected after its fields are written and before anything waits for a later state.
pub fn gap(facts: &NodeFacts, place: Place, tenant: Tenant, other: Gap) -> Gap {
    let comes_after = matches!(
        other,
        Gap::None | Gap::PowerOn | Gap::PowerOff | Gap::PowerPinned | Gap::Later
    );
    if !comes_after || tenant != Tenant::Nobody || !is_asked(facts) {
        return other;
    }
    match place {
        Place::InspectFailed if is_in_vain(facts) => Gap::InspectedInVain,
        Place::Manageable | Place::InspectFailed if is_due(facts) => Gap::Inspect,
        _ => other,
    }
}

fn is_asked(facts: &NodeFacts) -> bool {
    let asked = facts.object.spec.on_enroll.as_ref();
    asked.is_some_and(|asked| asked.inspect) && facts.object.spec.import.is_none()
}

/// Whether it was not made yet, as far as the look tells; a row of the list does not tell all.
fn is_due(facts: &NodeFacts) -> bool {
    let used = facts
        .look
        .summary()
        .and_then(|node| Marker::read(&node.extra))
        .is_some_and(|marker| marker.was_used());
    !used && record(facts).is_none() && !facts.look.full().is_some_and(is_made) && !is_spent(facts)
}

fn record<'a>(facts: &NodeFacts<'a>) -> Option<&'a Inspection> {
    facts.object.status.as_ref()?.inspection.as_ref()
}

fn is_made(node: &Node) -> bool {
    node.inspection_finished_at.is_some()
}

/// Whether every try failed, or the node went on without.
fn is_in_vain(facts: &NodeFacts) -> bool {
    record(facts).is_some() || is_spent(facts)
}

/// Whether enough tries failed. One that Ironic refused to begin is no failed inspection.
fn is_spent(facts: &NodeFacts) -> bool {
    tried(Step::Inspect, facts).is_some_and(|tried| is_enough(&tried, MOST_INSPECTIONS))
}

/// The record, once there is something to record. It is kept from then on.
pub fn recorded(facts: &NodeFacts, place: Place, words: Option<&str>) -> Option<Inspection> {
    let said = |outcome: &str, message: Option<&str>| Inspection {
        outcome: outcome.to_owned(),
        at: Time(facts.now),
        message: message.map(str::to_owned),
    };
    if let Some(record) = record(facts) {
        return Some(record.clone());
    }
    match place {
        _ if !is_asked(facts) => None,
        Place::Manageable if facts.look.full().is_some_and(is_made) => Some(said("Done", None)),
        Place::InspectFailed if is_spent(facts) => Some(said("Failed", words)),
        _ => None,
    }
}
