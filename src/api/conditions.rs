//! Condition types and reasons: the words users, alerts and tests rely on.

/// Condition types.
pub mod types {
    /// The object is as its spec says.
    pub const READY: &str = "Ready";
    /// The operator is working on it, or waits for something that needs no person.
    pub const RECONCILING: &str = "Reconciling";
    /// A person has to do something; the message says what.
    pub const STALLED: &str = "Stalled";
    /// The live node differs from the spec in a way that is not corrected now (under `Observe`, while paused, or in this state); the
    /// message names the fields.
    pub const DRIFTED: &str = "Drifted";
    /// Ironic says of nothing that is wrong with the machine: no fault, no maintenance but the spec's own, no critical hardware.
    pub const HEALTHY: &str = "Healthy";
}

macro_rules! reasons {
    ($($(#[doc = $doc:literal])+ $variant:ident,)+) => {
        /// Why a condition is as it is.
        #[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
        pub enum Reason {
            $($(#[doc = $doc])+ $variant,)+
        }

        impl Reason {
            /// The reason spelled so.
            pub fn parse(text: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|reason| reason.as_str() == text)
            }

            /// Every reason, in the order of this file.
            pub const ALL: &'static [Reason] = &[$(Reason::$variant,)+];

            /// The word in the condition.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Reason::$variant => stringify!($variant),)+
                }
            }

            /// What it means, for the documentation.
            pub const fn meaning(self) -> &'static str {
                match self {
                    $(Reason::$variant => concat!($($doc),+),)+
                }
            }
        }
    };
}

reasons! {
    /// The node is `manageable`, as wanted.
    Manageable,
    /// The node is `available`, as wanted.
    Available,
    /// The instance of the spec is deployed.
    Deployed,
    /// The instance of the spec is deployed and its machine is in rescue mode.
    Rescued,
    /// The spec does not manage the provision state; the node is as enrolled.
    Enrolled,
    /// The node was offered and somebody else uses it.
    InUse,
    /// The node is observed; nothing is written to Ironic.
    Observing,
    /// The cloud answers and its nodes are observed.
    Observed,

    /// The node is being created in Ironic.
    Enrolling,
    /// Ironic verifies the credentials.
    Verifying,
    /// Ironic cleans the node.
    Cleaning,
    /// Ironic deploys the instance.
    Deploying,
    /// Ironic tears the instance down.
    Undeploying,
    /// Ironic inspects the hardware.
    Inspecting,
    /// Ironic boots the machine into the rescue ramdisk.
    Rescuing,
    /// Ironic boots the machine back from the rescue ramdisk.
    Unrescuing,
    /// Another transition is under way in Ironic.
    Transitioning,
    /// The machine is being switched on.
    PoweringOn,
    /// The machine is being switched off.
    PoweringOff,
    /// Fields of the node are being changed.
    Updating,
    /// The node is being removed.
    Deleting,
    /// Somebody holds the node's reservation, or its power state is changing.
    Reserved,
    /// The cloud's nodes have not been listed yet.
    AwaitingObservation,
    /// The node that is to be imported or observed is not in Ironic yet.
    AwaitingNode,
    /// The cloud gives no usable answer.
    CloudUnavailable,
    /// The BareMetalCloud does not exist.
    CloudMissing,
    /// Ironic has no service for the request right now; it is tried again.
    IronicUnavailable,
    /// A Secret that the spec names does not exist.
    SecretMissing,
    /// A Secret lacks a key that the spec names.
    SecretKeyMissing,
    /// The Secret cannot be read, or not as what it is for.
    SecretUnavailable,
    /// No live conductor offers the driver.
    DriverUnavailable,
    /// Ironic does not reach the machine's BMC, or that does not work yet; it is tried again, however often it takes.
    BmcUnreachable,
    /// The spec, or the cloud, is paused.
    Paused,
    /// The step failed and is tried again after a pause.
    RetryingAfterFailure,
    /// As many nodes are being deployed, cleaned or destroyed as the cloud's limits allow.
    WaitingForRoom,
    /// As many destructive steps were taken in the last hour as the cloud's budget allows.
    BudgetSpent,

    /// The cloud refuses the credentials.
    Unauthorized,
    /// The user has no right to what is asked.
    Forbidden,
    /// The operator may not talk to the address of the cloud.
    EndpointNotAllowed,
    /// The endpoint or user is not the one under which the nodes were seen.
    IdentityChanged,
    /// Another cluster with the same id works on the same machines, or did.
    IdentityShared,
    /// Too many nodes are missing at once.
    NodesMissing,
    /// The node, or many of a cloud's, are in an earlier state than was seen before: Ironic's database was restored from a backup.
    EarlierState,
    /// The settings of the cloud are wrong.
    InvalidCredentials,
    /// The cloud is still needed by nodes.
    StillNeeded,

    /// Ironic could not verify the machine's credentials or address.
    VerifyFailed,
    /// Ironic does not reach the machine with the credentials of a changed Secret; the machine is left as it is.
    CredentialsRejected,
    /// The deployment failed.
    DeployFailed,
    /// Cleaning failed.
    CleanFailed,
    /// Inspection failed.
    InspectFailed,
    /// Adoption failed.
    AdoptFailed,
    /// The machine could not be booted into the rescue ramdisk.
    RescueFailed,
    /// The machine could not be booted back from the rescue ramdisk.
    UnrescueFailed,
    /// The instance could not be torn down.
    UndeployFailed,
    /// The power did not change as asked.
    PowerFailed,
    /// The machine is to be off, but the node forbids that with disable_power_off; change one of them.
    PowerOffDisabled,
    /// Another failure of the node in Ironic.
    NodeFailed,
    /// Ironic refuses what the spec says.
    Rejected,
    /// The spec cannot be carried out as written.
    InvalidSpec,
    /// The node that this object stands for is no longer in Ironic.
    NodeLost,
    /// The machine, or its name, is taken in Ironic, or it cannot be told which node is meant.
    MachineAlreadyEnrolled,
    /// There is an instance on the node that is not ours.
    ForeignInstance,
    /// The instance that was deployed is gone from the node, and no step of the operator took it off.
    InstanceGone,
    /// Our instance is on the node, and the deletion policy does not say to remove it.
    InstancePresent,
    /// Somebody has put the node into maintenance.
    Maintenance,
    /// Ironic has found a fault of the machine and put the node into maintenance.
    Fault,
    /// The node is protected.
    Protected,
    /// The node is retired.
    Retired,
    /// The step is held at a step's request.
    Held,
    /// The node is in a state that the spec gives no way out of.
    UnexpectedState,
    /// The operator met an error of its own.
    InternalError,

    /// The instance of the spec is not the one that was deployed; it is not rebuilt.
    InstanceChanged,
    /// The node differs from the spec, which is only reported.
    Differs,
    /// A field can only be changed in another state.
    AwaitingState,

    /// Ironic says of nothing that is wrong with the machine.
    NothingWrong,
    /// The BMC reports a warning of the hardware.
    HardwareWarning,
    /// The BMC reports a critical state of the hardware.
    HardwareCritical,
}

#[cfg(test)]
mod tests {
    use super::Reason;

    #[test]
    fn every_reason_is_a_legal_condition_reason_and_means_something() {
        for reason in Reason::ALL {
            assert!(reason.as_str().chars().all(char::is_alphanumeric), "{reason:?}");
            assert!(reason.meaning().trim().ends_with('.'), "{reason:?}");
        }
    }
}
