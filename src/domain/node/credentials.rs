//! Whether the credentials that Secrets gave are proven: whether Ironic has reached the BMC with them.
//!
//! At enrolment the verb `manage` proves them. Credentials that are written later are proven by a request that only reads, so that a
//! bad rotation is told and the machine stays as it is.

use serde_json::json;

use super::applied::journal;
use super::desired::{self, Desired};
use super::facts::NodeFacts;
use super::rules::{Choice, Step};
use super::situation::{Gap, Situation};
use super::tries;
use crate::api::RETRY_ANNOTATION;
use crate::api::conditions::types;
use crate::api::node::{Applied, Attempts, BareMetalNodeStatus};
use crate::domain::conditions::cut;
use crate::ironic::model::{NodeSummary, ProvisionState};

/// The rule: what was written is proven before the machine is moved or its power changed. Not on a machine that somebody else uses:
/// Ironic holds the node's lock meanwhile.
pub fn prove(s: &Situation) -> Option<Choice> {
    (s.edit == Gap::Unproven && !s.tenant.is_anothers()).then_some(Choice::Step(Step::Prove))
}

/// The mark of the Secrets that were written; none without any.
pub fn mark(applied: &Applied) -> Option<String> {
    (!applied.secrets.is_empty()).then(|| desired::digest(&json!(applied.secrets)))
}

/// Which Secrets count as proven once `applied` is written: those of a node in `enroll` are proven on its way out of there.
pub fn proven(facts: &NodeFacts, applied: &Applied) -> Option<String> {
    let enrolling = facts
        .look
        .full()
        .is_none_or(|node| is_enrolling(&node.provision_state));
    if enrolling {
        return mark(applied);
    }
    journal(facts).and_then(|before| before.proven.clone())
}

fn is_enrolling(state: &ProvisionState) -> bool {
    matches!(state, ProvisionState::Enroll | ProvisionState::Verifying)
}

/// Whether the node has credentials from Secrets that nobody has tried yet.
pub fn are_unproven(facts: &NodeFacts, row: &NodeSummary) -> bool {
    !is_enrolling(&row.provision_state) && journal(facts).is_some_and(|applied| !are_proven(applied))
}

/// Whether there is nothing left to prove.
pub fn are_proven(applied: &Applied) -> bool {
    let mark = mark(applied);
    mark.is_none() || applied.proven == mark
}

/// The tries of a step: those of credentials are counted by themselves, so that no other step makes them start afresh.
pub fn tries_of(step: Step, status: &BareMetalNodeStatus) -> Option<&Attempts> {
    match step {
        Step::Prove => status.credentials.as_ref(),
        _ => status.attempts.as_ref(),
    }
}

/// What the tries of a step are made with. Of credentials: the Secrets, what `driverInfo` says beside them, and the annotation.
/// Another edit gives no further tries to a BMC that locks accounts.
pub fn basis_of(step: Step, facts: &NodeFacts) -> String {
    if step != Step::Prove {
        return facts.basis();
    }
    let written = journal(facts).map(|applied| &applied.secrets);
    let said = desired::digest(&json!([written, Desired::of(facts).driver_info]));
    let annotations = facts.object.metadata.annotations.as_ref();
    match annotations.and_then(|all| all.get(RETRY_ANNOTATION)) {
        Some(retry) => format!("{said}, retry {}", cut(retry, 64)),
        None => said,
    }
}

/// Begins what is remarked; told in a condition, it is found there again.
const REMARK: &str = "Note that ";

/// What is odd about the credentials that the BMC refuses: a value that ends with a line break, as files do. It is given to Ironic as it
/// is. As long as the Secrets are not read, what was remarked before stands.
pub fn remark(facts: &NodeFacts) -> Option<String> {
    let Some(contents) = &facts.secrets.contents else {
        let conditions = &facts.object.status.as_ref()?.conditions;
        let ready = conditions
            .iter()
            .find(|condition| condition.type_ == types::READY)?;
        let (_, said) = ready.message.split_once(REMARK)?;
        return Some(format!("{REMARK}{said}"));
    };
    let blank = |(_, value): &(&String, &String)| *value != value.trim();
    let mut from = facts.object.spec.driver_info_from.iter();
    let (secret, key) = from.find_map(|from| {
        let taken = |key: &str| {
            let keys = from.keys.as_ref();
            keys.is_none_or(|keys| keys.values().any(|source| source.0 == key))
        };
        let name = &from.secret_ref.name;
        let mut data = contents.get(name)?.data.iter();
        let (key, _) = data.find(|entry| taken(entry.0) && blank(entry))?;
        Some((name, key))
    })?;
    Some(format!(
        "{REMARK}key {key} of Secret {secret} begins or ends with a blank or a line break, which Ironic is given as a part of the value."
    ))
}

/// The sentence with what is remarked on the credentials, after a step that tries them.
pub fn remarked(said: String, step: Step, facts: &NodeFacts) -> String {
    let row = facts.look.summary();
    let tried = match step {
        Step::Prove => true,
        Step::Manage => {
            row.is_some_and(|row| is_enrolling(&row.provision_state)) && !tries::is_unreached(facts)
        }
        _ => false,
    };
    match remark(facts).filter(|_| tried) {
        Some(remark) => format!("{said} {remark}"),
        None => said,
    }
}
