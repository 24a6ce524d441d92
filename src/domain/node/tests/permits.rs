//! What may be done to a machine, by the truth about it.

use super::super::gate::Destructive;
use super::super::rules::Step;
use super::fixture::{OURS, THEIRS};
use super::ironic::Care;
use super::world::{Disk, Wish, World};
use crate::ironic::model::{Life, ProvisionState, life};

impl World {
    /// Whether a call may be made, by the truth and not by what the operator knows of it.
    pub fn permits(&self, step: Step) -> bool {
        if self.wish == Wish::Watched {
            return false;
        }
        let Some(machine) = &self.machine else {
            return step == Step::Create;
        };
        let waits = match machine.state {
            ProvisionState::DeployWait | ProvisionState::RescueWait | ProvisionState::ServiceWait => {
                matches!(step, Step::Undeploy | Step::LeaveMaintenance)
            }
            ProvisionState::InspectWait => step == Step::Abort,
            _ => false,
        };
        let resting = waits || !matches!(life(&machine.state), Life::Running | Life::Held | Life::Unknown);
        let unguarded = machine.maintenance == Care::None && !machine.protected;
        let nobodys = machine.claim.is_none() && !matches!(self.disk, Disk::Ours | Disk::Foreign);
        let claimed = machine.claim == Some(OURS) || machine.state == ProvisionState::Error;
        resting
            && (unguarded || Destructive::of(step).is_none())
            && match step {
                Step::Create | Step::PowerOn => false,
                Step::Provide => nobodys && (self.wish.deploys() || self.wish.offers()),
                Step::Delete => nobodys && matches!(self.wish, Wish::Gone | Wish::Wiped),
                Step::Undeploy => {
                    claimed
                        && self.disk != Disk::Foreign
                        && (self.wish.offers() || matches!(self.wish, Wish::Manageable | Wish::Wiped))
                }
                Step::Abort => {
                    machine.state == ProvisionState::InspectWait
                        && nobodys
                        && matches!(self.wish, Wish::Gone | Wish::Wiped)
                }
                // Once, and never what anybody has used.
                Step::Inspect => nobodys && self.wish == Wish::Inspected && !machine.inspected,
                Step::Rescue => self.wish == Wish::Rescue && claimed && self.disk != Disk::Foreign,
                Step::Unrescue => {
                    self.wish.deploys() && self.wish != Wish::Rescue && claimed && self.disk != Disk::Foreign
                }
                Step::Deploy => {
                    machine.claim == Some(OURS) && self.disk != Disk::Foreign && self.wish.deploys()
                }
                Step::Claim => machine.claim != Some(THEIRS) && self.wish.deploys(),
                Step::Unclaim => machine.claim == Some(OURS) && !matches!(self.wish, Wish::Released),
                Step::Manage => machine.claim != Some(THEIRS) && self.disk != Disk::Foreign,
                Step::Patch | Step::AddTrait | Step::RemoveTrait | Step::Prove => !self.wish.deletes(),
                Step::PowerOff => {
                    self.wish == Wish::Off
                        && claimed
                        && self.disk != Disk::Foreign
                        && machine.state == ProvisionState::Active
                }
                Step::EnterMaintenance => {
                    self.wish.maintenance() == Some(true) && machine.maintenance == Care::None
                }
                Step::LeaveMaintenance => {
                    self.wish.maintenance() == Some(false) && machine.maintenance == Care::Ours
                }
            }
    }
}
