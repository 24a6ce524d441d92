//! What a condition says: one sentence for every reason, with what would help.

use super::facts::{Look, NodeFacts};
use super::reasons::patience;
pub use super::reasons::{failure, step, transition};
use super::rules::Step;
use super::tries::{MOST_VERIFICATIONS, tried};
use super::{credentials, desired, drift, hiding, identity, leaving, lost, quotes, upkeep};
use crate::api::conditions::Reason;
use crate::ironic::model::{NodeSummary, is_unreadable};

/// The sentence for a reason.
pub fn say(reason: Reason, facts: &NodeFacts) -> String {
    let node = facts.look.summary();
    match reason {
        Reason::Manageable
        | Reason::Available
        | Reason::Deployed
        | Reason::Rescued
        | Reason::Enrolled
        | Reason::InUse => settled(reason, node),
        Reason::SecretMissing
        | Reason::SecretKeyMissing
        | Reason::SecretUnavailable
        | Reason::DriverUnavailable
        | Reason::InvalidSpec
        | Reason::MachineAlreadyEnrolled
        | Reason::CloudMissing
        | Reason::CloudUnavailable
        | Reason::AwaitingObservation
        | Reason::NodeLost => referring(reason, facts),
        Reason::Maintenance
        | Reason::Fault
        | Reason::Protected
        | Reason::Retired
        | Reason::ForeignInstance
        | Reason::InstanceGone
        | Reason::InstancePresent
        | Reason::Held
        | Reason::UnexpectedState => blocked(reason, facts, node),
        Reason::AwaitingState => awaiting_state(facts),
        Reason::Paused => {
            "Paused: nothing is written to Ironic while spec.paused is true on this object or its cloud."
                .into()
        }
        Reason::Reserved => reserved(node),
        Reason::Transitioning if node.is_some_and(is_unreadable) => unreadable(node),
        _ => node.map_or_else(
            || format!("{}.", sentence(reason)),
            |node| {
                let said = format!(
                    "{}; the node is in state {}.",
                    sentence(reason),
                    node.provision_state
                );
                match patience(&node.provision_state) {
                    Some(setting) => format!(
                        "{said} Ironic waits there for the ramdisk on the machine, for half an hour unless its setting [conductor]{setting} says otherwise."
                    ),
                    None => said,
                }
            },
        ),
    }
}

/// The way out of a deletion that cannot reach Ironic.
const LET_GO: &str = "Set deletionPolicy to Detach to let go of the node without that.";

/// The text as a sentence: somebody else's words may lack the full stop.
pub fn ended(text: &str) -> String {
    let text = text.trim_end();
    if text.ends_with(['.', '!', '?', '…']) {
        text.to_owned()
    } else {
        format!("{text}.")
    }
}

/// The documentation's sentence without its full stop.
fn sentence(reason: Reason) -> &'static str {
    reason.meaning().trim().trim_end_matches('.')
}

fn settled(reason: Reason, node: Option<&NodeSummary>) -> String {
    let state = node
        .map(|node| node.provision_state.to_string())
        .unwrap_or_default();
    match reason {
        Reason::InUse => {
            format!("The node is in state {state}, with an instance that somebody else put there.")
        }
        Reason::Deployed => "The instance of the spec is deployed.".into(),
        Reason::Rescued => "The instance of the spec is deployed, and its machine is in rescue mode.".into(),
        Reason::Enrolled => {
            format!("The node is in state {state}; the spec names no provision.state, so it is not moved.")
        }
        _ => format!("The node is {state}, as wanted."),
    }
}

fn referring(reason: Reason, facts: &NodeFacts) -> String {
    let cloud = &facts.object.spec.cloud_ref.name;
    match (reason, &facts.look) {
        (Reason::SecretMissing | Reason::SecretKeyMissing | Reason::SecretUnavailable, _) => {
            desired::missing(facts).map(|(_, why)| why).unwrap_or_default()
        }
        (Reason::DriverUnavailable, _) => no_driver(facts),
        (Reason::InvalidSpec, _) => desired::invalid(facts).unwrap_or_default(),
        (Reason::MachineAlreadyEnrolled, Look::Taken(who)) => ended(&hiding::hide(who, facts)),
        (Reason::MachineAlreadyEnrolled, _) => identity::not_ours(facts).unwrap_or_default(),
        (Reason::CloudMissing, _) if facts.cloud.deleting => {
            format!("BareMetalCloud {cloud} is being deleted, so that no node is enrolled there any more.")
        }
        (Reason::CloudMissing, _) if facts.deleting() => {
            format!(
                "BareMetalCloud {cloud} does not exist in this namespace, or says that it cannot be used, so the node cannot be removed from Ironic. {LET_GO}"
            )
        }
        (Reason::CloudMissing, _) => {
            format!(
                "BareMetalCloud {cloud} does not exist in this namespace, or says that it cannot be used. The node is enrolled as soon as it can be."
            )
        }
        (Reason::CloudUnavailable, Look::Down(why)) => {
            let way_out = if facts.deleting() { LET_GO } else { "" };
            let said = ended(&format!("BareMetalCloud {cloud} gives no usable answer: {why}"));
            format!("{said} {way_out}").trim_end().to_owned()
        }
        (Reason::AwaitingObservation, _) => {
            format!("Waiting for the first list of the nodes of BareMetalCloud {cloud}.")
        }
        (Reason::NodeLost, _) => lost::node(facts),
        _ => format!("{}.", sentence(reason)),
    }
}

fn no_driver(facts: &NodeFacts) -> String {
    let seen = facts.cloud.drivers.unwrap_or_default().join(", ");
    let seen = if seen.is_empty() { "none".to_owned() } else { seen };
    format!(
        "No live conductor offers the driver {}; drivers seen: {seen}. The node is enrolled as soon as one does.",
        facts.object.spec.driver
    )
}

fn blocked(reason: Reason, facts: &NodeFacts, node: Option<&NodeSummary>) -> String {
    let state = node
        .map(|node| node.provision_state.to_string())
        .unwrap_or_default();
    match reason {
        Reason::Maintenance if node.is_some_and(upkeep::is_ours) => format!(
            "The node is in maintenance as spec.maintenance asked, in state {state}: it is not moved until maintenance.enabled is set to false."
        ),
        Reason::Maintenance | Reason::Fault => quotes::maintenance(facts),
        Reason::Protected => {
            "The node is protected in Ironic: it is neither torn down, nor switched off or booted anew, nor removed.".into()
        }
        Reason::Retired => "The node is retired in Ironic: it cannot be made available.".into(),
        Reason::ForeignInstance => lost::foreign(node, &state, facts),
        Reason::InstanceGone => lost::instance(&state, facts),
        Reason::InstancePresent => instance_present(&state, facts.bulk_deletion),
        Reason::Held => format!(
            "The node is in state {state}: a step asked to stop there. Continue with the verb unhold, or abort."
        ),
        _ => format!("The node is in state {state}, from which the spec gives no way on."),
    }
}

fn instance_present(state: &str, bulk_deletion: bool) -> String {
    let present = format!("The instance of this object is still on the node (state {state})");
    if bulk_deletion {
        return format!(
            "{present}, and the object goes along with its namespace or definition, which tears nothing down. Set deletionPolicy to Detach (leaves all as it is)."
        );
    }
    format!(
        "{present}, and deletionPolicy Delete tears nothing down. Set deletionPolicy to Undeploy (wipes the machine), or to Detach (leaves all as it is)."
    )
}

fn awaiting_state(facts: &NodeFacts) -> String {
    let state = facts
        .look
        .summary()
        .map(|node| node.provision_state.to_string())
        .unwrap_or_default();
    let mut waiting = drift::waiting(facts);
    if waiting.is_empty() {
        waiting = leaving::pending(facts);
    }
    format!(
        "Changed in the spec but not in Ironic, with the states in which Ironic lets it be changed: {}; the node is in state {state}.",
        waiting.join(", ")
    )
}

fn unreadable(node: Option<&NodeSummary>) -> String {
    let state = node.map(|node| node.provision_state.to_string());
    format!(
        "What Ironic's list says of the node cannot be read ({}): nothing is done to it until it can.",
        state.unwrap_or_default()
    )
}

fn reserved(node: Option<&NodeSummary>) -> String {
    if let Some(target) = node.and_then(|node| node.target_power_state.as_ref()) {
        return format!("The node's power is changing to {target}.");
    }
    let holder = node
        .filter(|node| node.is_reserved())
        .and_then(|node| node.reservation.as_ref())
        .map_or_else(String::new, |conductor| format!(" by conductor {conductor}"));
    format!("The node is reserved{holder}: another operation is under way on it.")
}

/// The sentence about a failure: Ironic's words, how often it was tried, and what comes next.
pub fn failed(facts: &NodeFacts, words: Option<&str>, step: Step, given_up: bool) -> String {
    let words = words.unwrap_or("Ironic gives no reason");
    let count = tried(step, facts).map_or(0, |tried| tried.count);
    let tried = if count == 1 {
        "once".to_owned()
    } else {
        format!("{count} times")
    };
    let next = match (given_up, step) {
        (false, _) => "It is tried again after a pause.".to_owned(),
        (true, Step::Manage | Step::Prove) => format!(
            "No more than {MOST_VERIFICATIONS} tries are made, because BMCs lock accounts. Correct the spec or its Secret and it is tried again at once."
        ),
        (true, Step::PowerOff) => {
            "The machine is still on and is not switched off hard by itself: set power.shutdown to Hard for that."
                .to_owned()
        }
        (true, _) => format!(
            "It is not repeated until the spec, a Secret, or the annotation {} changes.",
            crate::api::RETRY_ANNOTATION
        ),
    };
    let next = credentials::remarked(next, step, facts);
    quotes::tried_in_vain(words, &tried, step, &next)
}
