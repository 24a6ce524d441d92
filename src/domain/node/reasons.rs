//! The reasons of conditions: while Ironic works, while a step is taken, after a failure.

use super::rules::Step;
use super::situation::Place;
use crate::api::conditions::Reason;
use crate::ironic::model::ProvisionState;

/// The reason while Ironic works on a node in this state.
pub fn transition(state: &ProvisionState) -> Reason {
    match state {
        ProvisionState::Verifying => Reason::Verifying,
        ProvisionState::Cleaning | ProvisionState::CleanWait => Reason::Cleaning,
        ProvisionState::Deploying | ProvisionState::DeployWait => Reason::Deploying,
        ProvisionState::Deleting => Reason::Undeploying,
        ProvisionState::Inspecting | ProvisionState::InspectWait => Reason::Inspecting,
        ProvisionState::Rescuing | ProvisionState::RescueWait => Reason::Rescuing,
        ProvisionState::Unrescuing => Reason::Unrescuing,
        _ => Reason::Transitioning,
    }
}

/// Where a node waits for its ramdisk: the setting of Ironic's conductor that says for how long. Its default is half an hour.
pub fn patience(state: &ProvisionState) -> Option<&'static str> {
    match state {
        ProvisionState::DeployWait => Some("deploy_callback_timeout"),
        ProvisionState::CleanWait => Some("clean_callback_timeout"),
        ProvisionState::InspectWait => Some("inspect_wait_timeout"),
        ProvisionState::RescueWait => Some("rescue_callback_timeout"),
        ProvisionState::ServiceWait => Some("service_callback_timeout"),
        _ => None,
    }
}

/// The reason while a step is taken.
pub fn step(step: Step) -> Reason {
    match step {
        Step::Create => Reason::Enrolling,
        Step::Patch
        | Step::Unclaim
        | Step::AddTrait
        | Step::RemoveTrait
        | Step::EnterMaintenance
        | Step::LeaveMaintenance => Reason::Updating,
        Step::PowerOn => Reason::PoweringOn,
        Step::PowerOff => Reason::PoweringOff,
        Step::Manage | Step::Prove => Reason::Verifying,
        Step::Inspect | Step::Abort => Reason::Inspecting,
        Step::Provide => Reason::Cleaning,
        Step::Rescue => Reason::Rescuing,
        Step::Unrescue => Reason::Unrescuing,
        Step::Claim | Step::Deploy => Reason::Deploying,
        Step::Undeploy => Reason::Undeploying,
        Step::Delete => Reason::Deleting,
    }
}

/// The reason of a failed state.
pub fn failure(place: Place) -> Option<Reason> {
    match place {
        Place::VerifyFailed => Some(Reason::VerifyFailed),
        Place::DeployFailed => Some(Reason::DeployFailed),
        Place::CleanFailed => Some(Reason::CleanFailed),
        Place::InspectFailed => Some(Reason::InspectFailed),
        Place::AdoptFailed => Some(Reason::AdoptFailed),
        Place::Error => Some(Reason::UndeployFailed),
        Place::RescueFailed => Some(Reason::RescueFailed),
        Place::UnrescueFailed => Some(Reason::UnrescueFailed),
        Place::ServiceFailed => Some(Reason::NodeFailed),
        Place::Absent
        | Place::Taken
        | Place::Unlisted
        | Place::Lost
        | Place::LostInstance
        | Place::Enroll
        | Place::Manageable
        | Place::Available
        | Place::Active
        | Place::Rescue
        | Place::Awaiting
        | Place::InspectWait
        | Place::Running
        | Place::Held
        | Place::Unknown => None,
    }
}
