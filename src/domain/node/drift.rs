//! Where a node differs from its spec, in the words of the spec: for who does not correct it.

use super::applied::{fingerprint, journal, removed};
use super::desired::Desired;
use super::facts::NodeFacts;
use super::fields::{edits, secrets_changed};
use super::upkeep::{self, TraitChange};
use super::{power, table};
use crate::api::node::{Drift, WantedState};
use crate::ironic::model::{NodeSummary, ProvisionState};

/// Why what differs is not corrected, if it is not.
pub fn uncorrected(facts: &NodeFacts) -> Option<&'static str> {
    if facts.observes() {
        Some("under managementPolicy Observe")
    } else if facts.cloud.paused || facts.object.spec.paused {
        Some("while paused")
    } else {
        None
    }
}

/// What the record of a drift is made with. Not corrected for want of permission is not the same as not corrected yet.
fn basis(facts: &NodeFacts) -> Option<String> {
    let fingerprint = fingerprint(facts)?;
    let state = &facts.look.summary()?.provision_state;
    let digest = Desired::of(facts).digest(facts);
    let kind = if uncorrected(facts).is_some() {
        "uncorrected"
    } else {
        "waiting"
    };
    Some(format!("{digest} {fingerprint} {state} {kind}"))
}

/// What differs and is not corrected, as it was found when the whole node was last read, if nothing has changed since.
pub fn known<'a>(facts: &NodeFacts<'a>) -> Option<&'a [String]> {
    let record = facts.object.status.as_ref()?.drift.as_ref()?;
    (Some(&record.basis) == basis(facts).as_ref()).then_some(record.fields.as_slice())
}

/// What is recorded of the fields that differ and are not corrected now: what the whole node tells, or what is known.
pub fn record(facts: &NodeFacts) -> Option<Drift> {
    let fields = match facts.look.full() {
        Some(_) if uncorrected(facts).is_some() => fields(facts),
        Some(node) if edits(facts, node).now.is_empty() => waiting(facts),
        Some(_) => vec![],
        None => known(facts)?.to_vec(),
    };
    let basis = basis(facts).filter(|_| !fields.is_empty())?;
    Some(Drift { fields, basis })
}

/// The fields that wait for another state, with the states.
pub fn waiting(facts: &NodeFacts) -> Vec<String> {
    let Some(node) = facts.look.full() else {
        return known(facts).unwrap_or_default().to_vec();
    };
    let later = edits(facts, node).later;
    let named = later
        .iter()
        .map(|later| format!("{} ({})", table::spec_name(&later.field), later.when.states()));
    named.collect()
}

/// The fields that differ, as far as the look tells.
pub fn names(facts: &NodeFacts) -> Vec<String> {
    let Some(row) = facts.look.summary() else {
        return vec![];
    };
    let mut names = fields(facts);
    let others = [
        ("provision.state", state_differs(facts, row)),
        ("power.state", power::gap(facts, row).is_some()),
        ("maintenance", upkeep::maintenance(facts.object, row).is_some()),
    ];
    names.extend(
        others
            .into_iter()
            .filter(|(_, differs)| *differs)
            .map(|(name, _)| name.to_owned()),
    );
    names
}

fn fields(facts: &NodeFacts) -> Vec<String> {
    let Some(node) = facts.look.full() else {
        return known(facts).unwrap_or_default().to_vec();
    };
    let edits = edits(facts, node);
    let later = edits.later.iter().map(|later| &later.field);
    let mut names: Vec<_> = edits
        .now_fields
        .iter()
        .chain(later)
        .map(|field| table::spec_name(field))
        .collect();
    // What nobody here has written cannot be compared: Ironic shows no secret.
    if journal(facts).is_some() && (secrets_changed(facts) || removed(facts)) {
        names.push("driverInfoFrom".to_owned());
    }
    names.extend(upkeep::next_trait(facts, node).map(|change| match change {
        TraitChange::Add(name) | TraitChange::Remove(name) => format!("traits ({name})"),
    }));
    names
}

fn state_differs(facts: &NodeFacts, row: &NodeSummary) -> bool {
    let provision = facts.object.spec.provision.as_ref();
    let wanted = match provision.and_then(|provision| provision.state) {
        Some(WantedState::Manageable) => ProvisionState::Manageable,
        Some(WantedState::Available) => ProvisionState::Available,
        Some(WantedState::Active) => ProvisionState::Active,
        Some(WantedState::Rescue) => ProvisionState::Rescue,
        None => return false,
    };
    row.provision_state != wanted
}
