//! What the object's owner can want in the model world.

use super::fixture::{self, Case};
use super::ironic;
use crate::api::node::{
    DeletionPolicy, ManagementPolicy, OnEnroll, Power, PowerWanted, Shutdown, WantedState,
};

/// What a person can want of the machine.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Wish {
    Untouched,
    Manageable,
    Available,
    /// Offered, and in maintenance.
    Tended,
    ActiveA,
    /// The same, and switched off.
    Off,
    /// Deployed, but only watched.
    Watched,
    ActiveB,
    /// A, in rescue mode.
    Rescue,
    /// Offered, and inspected before.
    Inspected,
    Gone,
    Wiped,
    Released,
}

pub const WISHES: &[Wish] = &[
    Wish::Untouched,
    Wish::Manageable,
    Wish::Available,
    Wish::Tended,
    Wish::ActiveA,
    Wish::Off,
    Wish::Watched,
    Wish::ActiveB,
    Wish::Rescue,
    Wish::Inspected,
    Wish::Gone,
    Wish::Wiped,
    Wish::Released,
];

impl Wish {
    pub fn deploys(self) -> bool {
        matches!(self, Wish::ActiveA | Wish::Off | Wish::ActiveB | Wish::Rescue)
    }

    pub fn offers(self) -> bool {
        matches!(self, Wish::Available | Wish::Tended | Wish::Inspected)
    }

    pub fn deletes(self) -> bool {
        matches!(self, Wish::Gone | Wish::Wiped | Wish::Released)
    }

    /// Whether the spec has a maintenance block, and what it says.
    pub fn maintenance(self) -> Option<bool> {
        match self {
            Wish::Tended => Some(true),
            Wish::Manageable | Wish::ActiveA | Wish::Gone => Some(false),
            _ => None,
        }
    }

    /// Puts the wish into the object.
    pub fn put(self, case: &mut Case) {
        let state = match self {
            Wish::Manageable => Some(WantedState::Manageable),
            Wish::Available | Wish::Tended | Wish::Inspected => Some(WantedState::Available),
            Wish::Rescue => Some(WantedState::Rescue),
            Wish::ActiveA | Wish::Off | Wish::Watched | Wish::ActiveB => Some(WantedState::Active),
            Wish::Untouched | Wish::Gone | Wish::Wiped | Wish::Released => None,
        };
        *case = case.clone().want(state);
        if self == Wish::Watched {
            case.object.spec.management_policy = ManagementPolicy::Observe;
        }
        case.object.spec.on_enroll = (self == Wish::Inspected).then_some(OnEnroll { inspect: true });
        case.object.spec.power = (self == Wish::Off).then_some(Power {
            state: PowerWanted::PoweredOff,
            shutdown: Shutdown::Hard,
            timeout_seconds: None,
        });
        case.object.spec.maintenance = self.maintenance().map(ironic::switch);
        if let (Wish::ActiveB, Some(provision)) = (self, &mut case.object.spec.provision) {
            provision.instance = Some(fixture::instance("b"));
        }
        case.object.spec.deletion_policy = match self {
            Wish::Wiped => Some(DeletionPolicy::Undeploy),
            Wish::Released => Some(DeletionPolicy::Detach),
            _ => None,
        };
        if self.deletes() {
            fixture::delete(&mut case.object);
        }
    }
}
