//! Where a node differs from its spec, in the words of the spec: for who does not correct it.

use super::applied::journal;
use super::facts::NodeFacts;
use super::fields::{edits, secrets_changed};
use super::upkeep::{self, TraitChange};
use super::{power, table};
use crate::api::node::WantedState;
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
        return vec![];
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
    if journal(facts).is_some() && secrets_changed(facts) {
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
