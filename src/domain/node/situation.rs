//! The facts of a node folded into a finite situation of payload-free enums, so that every one can be checked.

pub use super::summarise::{place, summarise};
use crate::domain::finite::finite;

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
        /// `rescue` with an instance.
        Rescue,
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
        /// The object only observes.
        Observing,
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
        /// Enrolled, and gone with an instance of ours on it.
        LostInstance,
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
        /// `wait call-back`, `rescue wait` or `service wait`: what is done to an instance waits for the machine's ramdisk.
        Awaiting,
        /// `inspect wait`: an inspection waits for the machine's ramdisk.
        InspectWait,
        /// Another transition is under way.
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
        /// `rescue failed`.
        RescueFailed,
        /// `unrescue failed`.
        UnrescueFailed,
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
        /// Put there by an earlier object, whose mark this object has taken over, and not confirmed by it.
        Inherited,
        /// Ours was deployed, and is no longer there without a step of ours.
        Gone,
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
        /// The node to import is not there.
        NoNode,
        /// The spec cannot be carried out as written.
        Invalid,
    }
    /// What has to be done next about the node's fields, traits, maintenance, credentials, first inspection and power.
    Gap {
        /// Nothing.
        None,
        /// The node does not carry the mark of this object yet.
        Mark,
        /// The node is to be put into maintenance.
        Enter,
        /// Fields, and they can be changed now.
        Now,
        /// A trait is missing.
        TraitMissing,
        /// A trait of ours is no longer wanted.
        TraitSurplus,
        /// Our own maintenance is to be lifted.
        Lift,
        /// Credentials were written that nobody has tried.
        Unproven,
        /// The machine is to be inspected.
        Inspect,
        /// The inspection has failed too often: the node is to go on without.
        InspectedInVain,
        /// The machine is to be switched on.
        PowerOn,
        /// The machine is to be switched off.
        PowerOff,
        /// The machine is to be switched off, and the node forbids it.
        PowerPinned,
        /// Fields, and they can only be changed in another state.
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
    /// What has to be changed next of its fields.
    pub edit: Gap,
}

impl Place {
    /// Whether there is a node to speak of.
    pub fn seen(self) -> bool {
        !matches!(
            self,
            Place::Absent | Place::Taken | Place::Unlisted | Place::Lost | Place::LostInstance
        )
    }

    /// Whether a node there carries an instance even if no `instance_uuid` says so.
    pub fn occupied(self) -> bool {
        matches!(
            self,
            Place::Active
                | Place::Rescue
                | Place::RescueFailed
                | Place::UnrescueFailed
                | Place::ServiceFailed
                | Place::DeployFailed
                | Place::Error
                | Place::Awaiting
                // Who adopts says that a workload is on the disk; that Ironic could not take it over does not unsay it.
                | Place::AdoptFailed
        )
    }

    /// Whether Ironic is at work there, as far as is known, and leaves it by itself.
    pub fn moves(self) -> bool {
        matches!(
            self,
            Place::Running | Place::Awaiting | Place::InspectWait | Place::Unknown
        )
    }

    /// At rest without an instance: a claim there was never deployed, or is no longer.
    pub fn unoccupied(self) -> bool {
        matches!(
            self,
            Place::Enroll
                | Place::VerifyFailed
                | Place::Manageable
                | Place::Available
                | Place::CleanFailed
                | Place::InspectFailed
        )
    }
}

impl Want {
    /// Whether the object is being deleted.
    pub fn is_deletion(self) -> bool {
        matches!(self, Want::Gone | Want::Wiped | Want::Released)
    }
}

impl Tenant {
    /// Whether the instance is ours, be it as the spec has it or not.
    pub fn is_ours(self) -> bool {
        matches!(self, Tenant::Ours | Tenant::OursChanged)
    }

    /// Whether an instance is on the node that this object neither deployed nor confirmed.
    pub fn is_anothers(self) -> bool {
        matches!(self, Tenant::Foreign | Tenant::Inherited)
    }
}
