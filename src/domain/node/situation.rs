//! The facts of a node folded into a finite situation of payload-free enums, so that every one can be checked.

use super::facts::{Look, NodeFacts};
use super::marker::Marker;
use super::{desired, fields};
use crate::api::node::{DeletionPolicy, WantedState};
use crate::ironic::model::{Life, NodeSummary, ProvisionState, life};

/// Declares an enum whose values can be listed.
macro_rules! finite {
    ($($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident,)+ })+) => {
        $($(#[$doc])*
        #[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
        pub enum $name { $($(#[$variant_doc])* $variant,)+ }

        impl $name {
            /// Every value.
            pub const ALL: &'static [$name] = &[$($name::$variant,)+];
        })+
    };
}

finite! {
    /// What is wanted.
    Want {
        /// `provision.state` is absent: the provision state is not managed.
        Untouched,
        /// `manageable`.
        Manageable,
        /// `available`: offered.
        Available,
        /// `active` with an instance.
        Active,
        /// Deleted: remove the node unless there is an instance on it.
        Gone,
        /// Deleted with an explicit `Undeploy`: tear our instance down, then remove the node.
        Wiped,
        /// Deleted with `Detach`: leave all as it is.
        Released,
    }
    /// How well the machine is seen.
    View {
        /// The BareMetalCloud is missing.
        NoCloud,
        /// Nothing was listed yet.
        NotYet,
        /// The cloud does not answer.
        Down,
        /// Older than our last write.
        Stale,
        /// A row of the list, or a definite absence.
        Summary,
        /// The whole node.
        Full,
    }
    /// Whether anything may be written to Ironic.
    Writes {
        /// Yes.
        Allowed,
        /// The object or the cloud is paused.
        Paused,
        /// The cloud's identity changed, or too many nodes are missing.
        Suspect,
    }
    /// Where the machine is.
    Place {
        /// Never enrolled.
        Absent,
        /// Enrolled by somebody else.
        Taken,
        /// Enrolled, not listed.
        Unlisted,
        /// Enrolled, and gone.
        Lost,
        /// `enroll`.
        Enroll,
        /// `enroll`, with an error: the verification failed.
        VerifyFailed,
        /// `manageable`.
        Manageable,
        /// `available`.
        Available,
        /// `active`.
        Active,
        /// `rescue`.
        Rescue,
        /// A transition is under way.
        Running,
        /// A step is held.
        Held,
        /// `deploy failed`.
        DeployFailed,
        /// `clean failed`.
        CleanFailed,
        /// `inspect failed`.
        InspectFailed,
        /// `adopt failed`.
        AdoptFailed,
        /// `rescue failed` or `unrescue failed`.
        RescueFailed,
        /// `service failed`.
        ServiceFailed,
        /// `error`: the teardown failed.
        Error,
        /// A state this version does not know.
        Unknown,
    }
    /// Whether somebody holds the node right now.
    Grip {
        /// Nobody.
        Free,
        /// A reservation, or a power transition.
        Busy,
    }
    /// What forbids moving the node.
    Guard {
        /// Nothing.
        None,
        /// Maintenance that is not ours.
        Maintenance,
        /// `protected`.
        Protected,
        /// `retired`.
        Retired,
    }
    /// Whose instance is on the node.
    Tenant {
        /// There is none.
        Nobody,
        /// Ours, as the spec has it.
        Ours,
        /// Ours, but the spec has another one now.
        OursChanged,
        /// Somebody else's, or of unknown origin.
        Foreign,
    }
    /// Whether what the spec refers to is there.
    Refs {
        /// All of it.
        Ready,
        /// A Secret, or a key of it, is missing.
        Missing,
        /// No conductor offers the driver.
        NoDriver,
        /// The spec cannot be carried out as written.
        Invalid,
    }
    /// Whether the node's fields differ from the spec.
    Gap {
        /// No.
        None,
        /// Yes, and they can be changed now.
        Now,
        /// Yes, and they can only be changed in another state.
        Later,
    }
}

/// One situation. Where nothing is seen of a node, the last six are at their first value.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct Situation {
    /// What is wanted.
    pub want: Want,
    /// How well the machine is seen.
    pub view: View,
    /// Whether anything may be written.
    pub writes: Writes,
    /// What the spec refers to.
    pub refs: Refs,
    /// Where the machine is.
    pub place: Place,
    /// Whether somebody holds it.
    pub grip: Grip,
    /// What forbids moving it.
    pub guard: Guard,
    /// Whose instance is on it.
    pub tenant: Tenant,
    /// Whether its fields differ.
    pub edit: Gap,
}

impl Place {
    /// Whether there is a node to speak of.
    pub fn seen(self) -> bool {
        !matches!(self, Place::Absent | Place::Taken | Place::Unlisted | Place::Lost)
    }

    /// Whether a node there carries an instance even if no `instance_uuid` says so.
    fn occupied(self) -> bool {
        matches!(
            self,
            Place::Active
                | Place::Rescue
                | Place::RescueFailed
                | Place::ServiceFailed
                | Place::DeployFailed
                | Place::Error
        )
    }
}

impl Want {
    /// Whether the object is being deleted.
    pub fn is_deletion(self) -> bool {
        matches!(self, Want::Gone | Want::Wiped | Want::Released)
    }
}

/// Folds the facts.
pub fn summarise(facts: &NodeFacts) -> Situation {
    let want = want(facts);
    let (view, place) = view(&facts.look);
    let mut situation = Situation {
        want,
        view,
        writes: writes(facts),
        refs: if want.is_deletion() {
            Refs::Ready
        } else {
            desired::refs(facts, place)
        },
        place,
        grip: Grip::Free,
        guard: Guard::None,
        tenant: Tenant::Nobody,
        edit: Gap::None,
    };
    if let Some(node) = facts.look.summary() {
        situation.grip = grip(node);
        situation.guard = guard(node);
        situation.tenant = tenant(facts, node, place);
        situation.edit = if want.is_deletion() {
            Gap::None
        } else {
            fields::gap(facts)
        };
    }
    situation
}

fn want(facts: &NodeFacts) -> Want {
    if facts.deleting() {
        return match facts.deletion_policy() {
            DeletionPolicy::Detach => Want::Released,
            DeletionPolicy::Delete => Want::Gone,
            DeletionPolicy::Undeploy => Want::Wiped,
        };
    }
    match facts
        .object
        .spec
        .provision
        .as_ref()
        .and_then(|provision| provision.state)
    {
        None => Want::Untouched,
        Some(WantedState::Manageable) => Want::Manageable,
        Some(WantedState::Available) => Want::Available,
        Some(WantedState::Active) => Want::Active,
    }
}

fn writes(facts: &NodeFacts) -> Writes {
    if facts.cloud.suspect.is_some() {
        Writes::Suspect
    } else if facts.cloud.paused || facts.object.spec.paused {
        Writes::Paused
    } else {
        Writes::Allowed
    }
}

fn view(look: &Look) -> (View, Place) {
    match *look {
        Look::NoCloud => (View::NoCloud, Place::Absent),
        Look::NotYet => (View::NotYet, Place::Absent),
        Look::Down(_) => (View::Down, Place::Absent),
        Look::Stale => (View::Stale, Place::Absent),
        Look::Absent => (View::Summary, Place::Absent),
        Look::Taken(_) => (View::Summary, Place::Taken),
        Look::Unlisted => (View::Summary, Place::Unlisted),
        Look::Lost => (View::Full, Place::Lost),
        Look::Summary(node) => (View::Summary, place(node)),
        Look::Full(node, _) => (View::Full, place(node)),
    }
}

/// Where a node is. The states that Ironic leaves by itself are one place.
pub fn place(node: &NodeSummary) -> Place {
    match (life(&node.provision_state), &node.provision_state) {
        (Life::Running, _) => Place::Running,
        (Life::Held, _) => Place::Held,
        (_, ProvisionState::Enroll) if node.failure().is_some() => Place::VerifyFailed,
        (_, ProvisionState::Enroll) => Place::Enroll,
        (_, ProvisionState::Manageable) => Place::Manageable,
        (_, ProvisionState::Available) => Place::Available,
        (_, ProvisionState::Active) => Place::Active,
        (_, ProvisionState::Rescue) => Place::Rescue,
        (_, ProvisionState::DeployFailed) => Place::DeployFailed,
        (_, ProvisionState::CleanFailed) => Place::CleanFailed,
        (_, ProvisionState::InspectFailed) => Place::InspectFailed,
        (_, ProvisionState::AdoptFailed) => Place::AdoptFailed,
        (_, ProvisionState::RescueFailed | ProvisionState::UnrescueFailed) => Place::RescueFailed,
        (_, ProvisionState::ServiceFailed) => Place::ServiceFailed,
        (_, ProvisionState::Error) => Place::Error,
        (Life::Stable | Life::Failed | Life::Unknown, _) => Place::Unknown,
    }
}

fn grip(node: &NodeSummary) -> Grip {
    if node.is_reserved() || node.target_power_state.is_some() {
        Grip::Busy
    } else {
        Grip::Free
    }
}

fn guard(node: &NodeSummary) -> Guard {
    if node.maintenance {
        Guard::Maintenance
    } else if node.protected {
        Guard::Protected
    } else if node.retired {
        Guard::Retired
    } else {
        Guard::None
    }
}

/// An instance is ours when the node is claimed under the id that our marker names, or when its teardown failed half-way
/// (state `error`, claim already gone, our marker still there). Everything else on an occupied node is foreign.
fn tenant(facts: &NodeFacts, node: &NodeSummary, place: Place) -> Tenant {
    let mark = Marker::read(&node.extra)
        .filter(|marker| marker.same_object(&facts.marker()))
        .and_then(|m| m.instance);
    let ours = match (&node.instance_uuid, &mark) {
        (Some(claim), Some(mark)) => *claim == mark.id,
        (None, Some(_)) => place == Place::Error,
        (_, None) => false,
    };
    if ours {
        let wanted = desired::instance_digest(facts.object);
        let same = mark.is_none_or(|mark| wanted.is_none_or(|wanted| wanted == mark.digest));
        if same { Tenant::Ours } else { Tenant::OursChanged }
    } else if node.instance_uuid.is_some() || place.occupied() {
        Tenant::Foreign
    } else {
        Tenant::Nobody
    }
}
