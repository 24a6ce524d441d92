//! What each reason asks of people: the part of the documentation that helps.
//!
//! The table names every reason of [`super::conditions`], so that one without advice does not compile.

use super::conditions::Reason;

/// What a reason means for whoever reads it.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Class {
    /// All is as the spec says: `Ready` is true.
    AsWanted,
    /// The operator or Ironic is at work: `Reconciling` is true.
    AtWork,
    /// Something else has to come first, and will be noticed: `Reconciling` is true.
    Waiting,
    /// A step failed: `Reconciling` while it is tried again, `Stalled` once it is given up.
    Failed,
    /// A person has to do something, here or in Ironic: `Stalled` is true.
    Blocked,
    /// The spec, or a Secret it names, has to be corrected: `Stalled` is true.
    Terminal,
    /// The machine is not as the spec says, and stays so for now: `Drifted` is true.
    Difference,
    /// What Ironic says of the machine's health: a reason of `Healthy`.
    Health,
}

impl Class {
    /// Every class, from the best to the worst.
    pub const ALL: &'static [Class] = &[
        Class::AsWanted,
        Class::AtWork,
        Class::Waiting,
        Class::Failed,
        Class::Blocked,
        Class::Terminal,
        Class::Difference,
        Class::Health,
    ];
}

macro_rules! advice {
    ($($reason:ident: $class:ident, $help:literal;)+) => {
        impl Reason {
            /// What it means for whoever reads it.
            pub const fn class(self) -> Class {
                match self {
                    $(Reason::$reason => Class::$class,)+
                }
            }

            /// What would help; empty where nothing is needed.
            pub const fn help(self) -> &'static str {
                match self {
                    $(Reason::$reason => $help,)+
                }
            }
        }
    };
}

advice! {
    Manageable: AsWanted, "";
    Available: AsWanted, "";
    Deployed: AsWanted, "";
    Rescued: AsWanted, "";
    Enrolled: AsWanted, "";
    InUse: AsWanted, "";
    Observing: AsWanted, "";
    Observed: AsWanted, "";

    Enrolling: AtWork, "";
    Verifying: AtWork, "";
    Cleaning: AtWork, "Cleaning disks can take hours. If it does not end, Ironic's conductor log says where it is; a ramdisk that never reports back is the usual cause.";
    Deploying: AtWork, "If the node stays in `wait call-back`, the deploy ramdisk has not reported to Ironic: look at the machine's console and its provisioning network.";
    Undeploying: AtWork, "";
    Inspecting: AtWork, "";
    Rescuing: AtWork, "If the node stays in `rescue wait`, the rescue ramdisk has not reported to Ironic: look at the machine's console and its network.";
    Unrescuing: AtWork, "";
    Transitioning: AtWork, "";
    PoweringOn: AtWork, "";
    PoweringOff: AtWork, "";
    Updating: AtWork, "";
    Deleting: AtWork, "";

    Reserved: Waiting, "Nothing, unless it lasts: then a conductor has died while it held the node. Ironic frees the node when that conductor starts again.";
    AwaitingObservation: Waiting, "Nothing, unless it lasts: then look at the BareMetalCloud.";
    AwaitingNode: Waiting, "Enrol the node in Ironic, or correct `import` (by deleting the object, which detaches, and creating it anew).";
    CloudUnavailable: Waiting, "The BareMetalCloud's message says how the connection fails. Nothing has to be done on the nodes: they go on as soon as Ironic answers.";
    CloudMissing: Waiting, "Create the BareMetalCloud in the node's own namespace, or correct `cloudRef` (by deleting the object with `deletionPolicy: Detach` and creating it anew).";
    IronicUnavailable: Waiting, "Nothing, unless it lasts: then Ironic's API or its database is overloaded or away.";
    SecretMissing: Waiting, "Create the Secret in the object's own namespace, or correct its name in the spec.";
    SecretKeyMissing: Waiting, "Add the key to the Secret, or correct its name in the spec.";
    SecretUnavailable: Waiting, "Nothing, unless it lasts: then the message says what is wrong with the Secret, or that the Kubernetes API does not let the operator read it.";
    DriverUnavailable: Waiting, "Start a conductor with that driver in `enabled_hardware_types` (and of the node's conductor group), or correct `driver`. The BareMetalCloud's status lists the drivers seen.";
    BmcUnreachable: Waiting, "Nothing, if the BMC is about to start or its network is being mended: it is tried again with pauses of at most five minutes. Otherwise correct the address in `driverInfo`; that is tried at once.";
    Paused: Waiting, "Set `spec.paused` to false, on the object and on its cloud.";
    RetryingAfterFailure: Waiting, "Nothing, unless it lasts: then the message says what Ironic answers.";
    WaitingForRoom: Waiting, "Nothing: it goes on by itself. Raise the limit that the message names to have more done at once.";
    BudgetSpent: Waiting, "Find out whether so much is meant to be destroyed. Then raise `limits.destructive.perHour` of the cloud, or wait until the time that the message names.";
    StillNeeded: Waiting, "Delete the objects that use the cloud. With `deletionPolicy: Detach` they go at once, also while Ironic is away.";
    AwaitingState: Waiting, "Bring the node into one of the states that the message names, or take the change back.";

    VerifyFailed: Failed, "Correct the credentials in the Secret, or the BMC's address in `driverInfo`; either is tried again at once. After 3 tries with the same values it is given up, because BMCs lock accounts; Ironic's words count as a refusal unless they say that the BMC was not reached. If the BMC was at fault, change the annotation `ironwright.dev/retry`.";
    CredentialsRejected: Failed, "Correct the Secret, or `driverInfo` beside it; either is tried again at once. If the BMC was at fault, change the annotation `ironwright.dev/retry`. After 3 tries it is given up, because BMCs lock accounts.";
    DeployFailed: Failed, "Read the message, mend what it names (image, checksum, root device, network), and change the spec or the annotation `ironwright.dev/retry`.";
    CleanFailed: Failed, "Mend what the message names, then change the annotation `ironwright.dev/retry`. Ironic may have put the node into maintenance: lift that first. A node that was not cleaned is never offered.";
    InspectFailed: Failed, "Mend what the message names. After 3 tries the node goes on without the inspection that `onEnroll` asks for; to go on at once, remove `onEnroll`.";
    AdoptFailed: Failed, "Mend what the message names; the way out is Ironic's (`openstack baremetal node manage`).";
    RescueFailed: Failed, "Mend what the message names; it is tried again with growing pauses, and at once when the spec changes. The disks are as they were. To boot the instance instead, set `provision.state: active`.";
    UnrescueFailed: Failed, "Mend what the message names; it is tried again with growing pauses, and at once when the spec or the annotation `ironwright.dev/retry` changes.";
    UndeployFailed: Failed, "Mend what the message names, then change the annotation `ironwright.dev/retry`. The instance still counts as ours, and the disks as not wiped.";
    PowerFailed: Failed, "Look at the BMC. A machine that ignores a soft shutdown is not cut off by itself: set `power.shutdown: Hard` for that.";
    NodeFailed: Failed, "Read the message; the way out is Ironic's.";

    Unauthorized: Blocked, "Correct the credentials, or their scope, in the `clouds.yaml` of the BareMetalCloud's Secret. Keystone is asked three times for each version of the Secret.";
    Forbidden: Blocked, "Give the user in Ironic, or the operator's ServiceAccount in Kubernetes, the right that the message names.";
    EndpointNotAllowed: Blocked, "Correct the address, in the BareMetalCloud or (Keystone's) in the `clouds.yaml` of its Secret. If it is right, have whoever runs the operator allow it: `--allow-endpoints`, in the chart `operator.allowEndpoints`.";
    IdentityChanged: Blocked, "Endpoint or user of the cloud are not those under which its nodes were seen. If it is the same Ironic, annotate the BareMetalCloud with `ironwright.dev/accept-identity` and the value that its message names; otherwise set it back.";
    IdentityShared: Blocked, "Marks of this cluster's objects were written by runs of the operator that its Lease does not know: a cluster that was restored from a snapshot of etcd has the id of the original. Stop the operator in one of the two, or give one another `operator.clusterId`. Then annotate the BareMetalCloud with `ironwright.dev/accept-writers` and the value that its message names.";
    NodesMissing: Blocked, "More than 3 nodes, and more than a tenth of the cloud's, are missing at once, which looks like a wrong or emptied Ironic. Bring it back; if they are gone for good, delete their objects with `deletionPolicy: Detach`.";
    EarlierState: Blocked, "Ironic's database seems to have been restored from a backup. Look at the machine. If it is as Ironic says, annotate the object, or its BareMetalCloud for all of them, with `ironwright.dev/accept-earlier-state` and the time that the message names; otherwise bring Ironic up to date, or let go of the machine with `deletionPolicy: Detach`.";
    NodeLost: Blocked, "If the node was removed from Ironic on purpose, delete the object; to enrol the machine again, create it anew.";
    MachineAlreadyEnrolled: Blocked, "The message names the node and, within the namespace, whose it is: another object, an earlier one of the same name, another cluster, or somebody who enrolled it by hand. Remove one of the two, or take the node over with `import`: that works as soon as no living object has it. If every node of a cluster says so, its cluster id was changed: see [concepts](../concepts.md#known-limits).";
    ForeignInstance: Blocked, "Somebody else deployed the machine. Remove that instance with the tool that made it, or ask no more than `available` of the machine.";
    InstanceGone: Blocked, "Find out what became of the machine: an administrator may have undeployed it, or Ironic's database was restored from a backup while the machine still runs. To deploy it anew, which writes over the disks, change `spec.provision` or the annotation `ironwright.dev/retry`. To keep the machine as it is, delete the object with `deletionPolicy: Detach`.";
    InstancePresent: Blocked, "Decide what becomes of the instance: `deletionPolicy: Undeploy` wipes it, `deletionPolicy: Detach` leaves it running and lets the object go.";
    Maintenance: Blocked, "Lift the maintenance in Ironic once its reason is gone (`openstack baremetal node maintenance unset`), or set `maintenance.enabled: false` if this object set it.";
    Fault: Blocked, "Mend what the message names. Ironic lifts the maintenance itself after a power failure; after other faults somebody does (`openstack baremetal node maintenance unset`).";
    Protected: Blocked, "Set `protected.enabled: false`, or unset it in Ironic, if the machine may be torn down, switched off or booted anew.";
    Retired: Blocked, "Set `retired.enabled: false`, or unset it in Ironic, if the machine is to be offered again.";
    Held: Blocked, "A step asked to stop here. Continue with `openstack baremetal node unhold`, or abort.";
    UnexpectedState: Blocked, "Bring the node into a state that leads on, with Ironic's own verbs; the message names the state it is in.";
    InternalError: Blocked, "The operator's log has the details; please report them. It is tried again every minute.";

    InvalidCredentials: Terminal, "Correct the `clouds.yaml` in the Secret: the message says what is wrong with it. It may not name local files.";
    PowerOffDisabled: Terminal, "Set `disablePowerOff: false`, or stop asking for `power.state: PoweredOff`.";
    Rejected: Terminal, "Correct what Ironic refuses; the message has its words. A change of the spec or of a Secret is tried at once, and so is a new value of the annotation `ironwright.dev/retry`.";
    InvalidSpec: Terminal, "Correct the field that the message names.";

    InstanceChanged: Difference, "A machine is not rebuilt by itself. To deploy the new instance, which wipes the old one, set `provision.state` to `available` and remove `provision.instance`, and then bring both back.";
    NothingWrong: Health, "Nothing.";
    HardwareWarning: Health, "Look at the BMC; `Healthy` stays true.";
    HardwareCritical: Health, "Look at the BMC: the machine may fail. Nothing is done about it, and `Ready` does not depend on it.";

    Differs: Difference, "Under `managementPolicy: Observe` and while paused nothing is corrected: change the spec, or the node in Ironic, or end the pause.";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_needs_somebody_says_what_would_help() {
        for reason in Reason::ALL {
            let help = reason.help();
            if !matches!(reason.class(), Class::AsWanted | Class::AtWork) {
                assert!(help.ends_with('.'), "{reason:?}: {help}");
            }
        }
    }

    #[test]
    fn every_class_has_a_reason() {
        for class in Class::ALL {
            assert!(
                Reason::ALL.iter().any(|reason| reason.class() == *class),
                "{class:?}"
            );
        }
    }
}
