//! The steps that a decision can take.

use crate::ironic::model::Verb;

/// A step: one mutating call to Ironic.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Step {
    /// Enrol the node.
    Create,
    /// Change its fields.
    Patch,
    /// Set one trait.
    AddTrait,
    /// Remove one trait that we set.
    RemoveTrait,
    /// Put it into maintenance.
    EnterMaintenance,
    /// Lift a maintenance that we set.
    LeaveMaintenance,
    /// Switch it on.
    PowerOn,
    /// Switch it off, softly or hard.
    PowerOff,
    /// Claim it for our instance: `instance_uuid`, `instance_info` and marker in one PATCH.
    Claim,
    /// Give up a claim that was never deployed.
    Unclaim,
    /// Have Ironic reach the BMC: the one step that changes nothing.
    Prove,
    /// Verb `manage`.
    Manage,
    /// Verb `inspect`: may boot the machine.
    Inspect,
    /// Verb `abort`: ends an inspection that waits for its ramdisk.
    Abort,
    /// Verb `provide`: cleans.
    Provide,
    /// Verb `active`.
    Deploy,
    /// Verb `rescue`: boots the machine into the rescue ramdisk.
    Rescue,
    /// Verb `unrescue`: boots it back.
    Unrescue,
    /// Verb `deleted`: tears the instance down and cleans.
    Undeploy,
    /// Remove the node from Ironic.
    Delete,
}

impl Step {
    /// Every step.
    pub const ALL: &'static [Step] = &[
        Step::Create,
        Step::Patch,
        Step::AddTrait,
        Step::RemoveTrait,
        Step::EnterMaintenance,
        Step::LeaveMaintenance,
        Step::PowerOn,
        Step::PowerOff,
        Step::Claim,
        Step::Unclaim,
        Step::Prove,
        Step::Manage,
        Step::Inspect,
        Step::Abort,
        Step::Provide,
        Step::Deploy,
        Step::Rescue,
        Step::Unrescue,
        Step::Undeploy,
        Step::Delete,
    ];

    /// Its name in the status and in metrics; for a verb, Ironic's word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Step::Create => "create",
            Step::Patch => "patch",
            Step::AddTrait => "add trait",
            Step::RemoveTrait => "remove trait",
            Step::EnterMaintenance => "set maintenance",
            Step::LeaveMaintenance => "clear maintenance",
            Step::PowerOn => "power on",
            Step::PowerOff => "power off",
            Step::Claim => "claim",
            Step::Unclaim => "unclaim",
            Step::Prove => "check credentials",
            Step::Manage => "manage",
            Step::Inspect => "inspect",
            Step::Abort => "abort",
            Step::Provide => "provide",
            Step::Deploy => "active",
            Step::Rescue => "rescue",
            Step::Unrescue => "unrescue",
            Step::Undeploy => "deleted",
            Step::Delete => "delete",
        }
    }

    /// The verb that it asks of Ironic, if it moves the node's provision state.
    pub const fn verb(self) -> Option<Verb> {
        match self {
            Step::Manage => Some(Verb::Manage),
            Step::Inspect => Some(Verb::Inspect),
            Step::Abort => Some(Verb::Abort),
            Step::Provide => Some(Verb::Provide),
            Step::Deploy => Some(Verb::Active),
            Step::Rescue => Some(Verb::Rescue),
            Step::Unrescue => Some(Verb::Unrescue),
            Step::Undeploy => Some(Verb::Deleted),
            Step::Create
            | Step::Patch
            | Step::AddTrait
            | Step::RemoveTrait
            | Step::EnterMaintenance
            | Step::LeaveMaintenance
            | Step::PowerOn
            | Step::PowerOff
            | Step::Claim
            | Step::Unclaim
            | Step::Prove
            | Step::Delete => None,
        }
    }

    /// Whether Ironic has done what it was asked when it answers, but does not show the node: a look is worth it.
    pub fn is_done_at_once(self) -> bool {
        matches!(
            self,
            Step::AddTrait | Step::RemoveTrait | Step::EnterMaintenance | Step::LeaveMaintenance
        )
    }

    /// Whether Ironic goes on working on the step after it has answered.
    pub fn begins_transition(self) -> bool {
        self.verb().is_some()
    }
}
