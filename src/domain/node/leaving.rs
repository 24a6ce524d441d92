//! How an instance of ours is left: what is written before, and out of which waits.
//!
//! What the spec says of the teardown and of the cleaning after it counts, also where it was changed in the moment in which the machine was
//! given up. It is written first, or the disks would be cleaned, or not, as an older spec had it.

use super::facts::NodeFacts;
use super::fields::{Editable, edits, row_differs, secrets_wanted};
use super::rules::{Choice, Step};
use super::situation::{Gap, Guard, Place, Refs, Situation, Tenant, View, Want};
use super::{desired, table};
use crate::api::conditions::Reason;
use crate::ironic::model::ProvisionState;

/// The fields that decide how Ironic tears down and cleans, with what it reaches the machine, and whether it may.
const DECIDING: &[&str] = &[
    "automated_clean",
    "disable_power_off",
    "driver_info",
    "network_data",
    "properties",
    "protected",
    "protected_reason",
];

/// The fields that have to be written before a wait is left, where Ironic takes no PATCH: what becomes of the disks, and a protection that
/// stands in the way. The rest, credentials above all, is no reason to sit out a wait that may never end.
const HOLDING: &[&str] = &["automated_clean", "disable_power_off", "protected"];

/// Whether a field is written for an object in this stage of its life: all as long as it lives; of one that is deleted what decides how
/// its machine is left. A deletion goes on with the credentials that Ironic has where its Secrets are not there any more.
pub fn is_due(facts: &NodeFacts, field: &str) -> bool {
    !facts.deleting() || (DECIDING.contains(&field) && (field != "driver_info" || has_secrets(facts)))
}

fn has_secrets(facts: &NodeFacts) -> bool {
    let mut from = facts.object.spec.driver_info_from.iter();
    let contents = facts.secrets.contents.as_ref();
    let read = contents.is_none_or(|contents| from.all(|from| contents.contains_key(&from.secret_ref.name)));
    read && !desired::are_unusable(facts)
}

/// What has to be written before the machine is left. A row of the list tells at most that the whole node is worth a look.
pub fn gap(facts: &NodeFacts, place: Place) -> Gap {
    let Some(node) = facts.look.full() else {
        return if row_differs(facts) { Gap::Now } else { Gap::None };
    };
    let edits = edits(facts, node);
    if place == Place::Awaiting {
        // Of a deployment there is nothing to protect yet.
        let deploys = node.provision_state == ProvisionState::DeployWait;
        let holds = |field: &String| {
            HOLDING.contains(&field.as_str()) && (field != "protected" || node.protected || !deploys)
        };
        let later = edits.later.iter().map(|later| &later.field);
        let all = later.chain(&edits.now_fields).any(holds);
        return if all { Gap::Later } else { Gap::None };
    }
    let decides = |field: &String| DECIDING.contains(&field.as_str());
    let unread = facts.secrets.contents.is_none() && secrets_wanted(facts);
    if edits.later.iter().any(|later| decides(&later.field)) {
        Gap::Later
    } else if unread || edits.now_fields.iter().any(decides) {
        Gap::Now
    } else {
        Gap::None
    }
}

/// What has to be written before the machine is left, in the words of the spec.
pub fn pending(facts: &NodeFacts) -> Vec<String> {
    let edits = facts
        .look
        .full()
        .map(|node| edits(facts, node))
        .unwrap_or_default();
    let waits = edits.later.into_iter().map(|later| later.field);
    let deciding = edits.now_fields.into_iter().chain(waits);
    let deciding = deciding.filter(|field| DECIDING.contains(&field.as_str()));
    deciding
        .map(|field| format!("{} ({})", table::spec_name(&field), Editable::AtRest.states()))
        .collect()
}

/// Whether the object is deleted and its instance with it.
pub fn wipes(s: &Situation) -> bool {
    s.want == Want::Wiped && s.tenant.is_ours() && !s.place.unoccupied()
}

/// Whether a wait is ended because the spec no longer wants what is waited for. `active` and `rescue` go on: which image is deployed does
/// not change by itself, and what is being booted comes to an end.
pub fn breaks_off(s: &Situation) -> bool {
    let leaves = matches!(s.want, Want::Wiped | Want::Available | Want::Manageable);
    s.place == Place::Awaiting && s.tenant.is_ours() && leaves
}

/// What is done, in a wait, about an instance of ours: Ironic takes `deleted` there, and no PATCH.
pub fn out_of_a_wait(s: &Situation) -> Option<Choice> {
    if s.place != Place::Awaiting || !s.tenant.is_ours() {
        return None;
    }
    if s.want == Want::Gone {
        return Some(Choice::Stalled(Reason::InstancePresent));
    }
    breaks_off(s).then(|| match (s.guard, s.view, s.edit) {
        (Guard::Maintenance, _, Gap::Lift) => Choice::Step(Step::LeaveMaintenance),
        (Guard::Maintenance, ..) => Choice::Stalled(Reason::Maintenance),
        (_, View::Summary, Gap::Now) => Choice::Look,
        // It can be written once Ironic has given up waiting.
        (.., Gap::Later | Gap::Now) => Choice::Wait(Reason::AwaitingState),
        (Guard::Protected, ..) => Choice::Stalled(Reason::Protected),
        // A node that does not carry this object's mark yet is not torn down; the mark is written once Ironic takes changes again.
        (.., Gap::Unproven | Gap::Mark) if s.want != Want::Wiped => Choice::Wait(Reason::Transitioning),
        _ => Choice::Step(Step::Undeploy),
    })
}

/// What is done about an inspection that waits for its ramdisk: of a node that goes, nobody needs to know what it is made of. A cleaning is
/// never ended: it takes off the disks what was on them.
pub fn out_of_an_inspection(s: &Situation) -> Option<Choice> {
    let ends = s.want.is_deletion() && s.tenant == Tenant::Nobody && s.guard != Guard::Maintenance;
    ends.then_some(Choice::Step(Step::Abort))
}

/// What is written before an instance of ours goes along with its object.
pub fn settle(s: &Situation) -> Option<Choice> {
    match (wipes(s), s.view, s.edit) {
        (true, View::Summary, Gap::Now) => Some(Choice::Look),
        (true, _, Gap::Now) if s.refs == Refs::Ready => Some(Choice::Step(Step::Patch)),
        _ => None,
    }
}
