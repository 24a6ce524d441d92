//! What can be asked of a node's provision state.
use std::fmt;

use super::events::{Event, events};
use super::{ApiVersion, Goal, ProvisionState};

/// A provision verb: the `target` of `PUT /v1/nodes/{node}/states/provision`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Verb {
    /// Verify the BMC, or come back from a failure or from the offer.
    Manage,
    /// Clean and offer.
    Provide,
    /// Find out what the machine is made of.
    Inspect,
    /// Clean by hand.
    Clean,
    /// Deploy.
    Active,
    /// Deploy again over what is there.
    Rebuild,
    /// Remove the instance (undeploy).
    Deleted,
    /// Take over a running instance.
    Adopt,
    /// Start the rescue ramdisk.
    Rescue,
    /// Leave the rescue ramdisk.
    Unrescue,
    /// Stop what is running.
    Abort,
    /// Go on after a hold.
    Unhold,
    /// Run service steps on an active node.
    Service,
}

impl Verb {
    /// Every verb.
    pub const ALL: &'static [Self] = &[
        Self::Manage,
        Self::Provide,
        Self::Inspect,
        Self::Clean,
        Self::Active,
        Self::Rebuild,
        Self::Deleted,
        Self::Adopt,
        Self::Rescue,
        Self::Unrescue,
        Self::Abort,
        Self::Unhold,
        Self::Service,
    ];

    /// As Ironic spells it, in the spelling that every API version accepts.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Manage => "manage",
            Self::Provide => "provide",
            Self::Inspect => "inspect",
            Self::Clean => "clean",
            Self::Active => "active",
            Self::Rebuild => "rebuild",
            Self::Deleted => "deleted",
            Self::Adopt => "adopt",
            Self::Rescue => "rescue",
            Self::Unrescue => "unrescue",
            Self::Abort => "abort",
            Self::Unhold => "unhold",
            Self::Service => "service",
        }
    }

    /// The first API version with the verb. (`abort` of an inspection needs 1.41, of a deployment 1.110.)
    pub const fn min_version(self) -> ApiVersion {
        ApiVersion::v1(match self {
            Self::Active | Self::Rebuild | Self::Deleted => 1,
            Self::Manage | Self::Provide => 4,
            Self::Inspect => 6,
            Self::Abort => 13,
            Self::Clean => 15,
            Self::Adopt => 17,
            Self::Rescue | Self::Unrescue => 38,
            Self::Unhold => 85,
            Self::Service => 87,
        })
    }

    /// Where it leads when all goes well. None: wherever the node was when it was stopped (`abort`) or was going (`unhold`).
    pub const fn goal(self, retired: bool) -> Option<Goal> {
        match self {
            Self::Manage | Self::Inspect | Self::Clean => Some(Goal::Manageable),
            // What is retired is not offered again.
            Self::Deleted if retired => Some(Goal::Manageable),
            Self::Provide | Self::Deleted => Some(Goal::Available),
            Self::Active | Self::Rebuild | Self::Adopt | Self::Unrescue | Self::Service => Some(Goal::Active),
            Self::Rescue => Some(Goal::Rescue),
            Self::Abort | Self::Unhold => None,
        }
    }

    /// Whether it can cost what is on the disks, or what runs on the machine: it writes over them, or boots the machine into
    /// something else. `unhold` goes on with whatever was held.
    pub const fn is_destructive(self) -> bool {
        match self {
            Self::Provide
            | Self::Inspect
            | Self::Clean
            | Self::Active
            | Self::Rebuild
            | Self::Deleted
            | Self::Rescue
            | Self::Unrescue
            | Self::Unhold
            | Self::Service => true,
            Self::Manage | Self::Adopt | Self::Abort => false,
        }
    }

    /// The event of the state machine that the verb triggers.
    pub const fn event(self) -> Event {
        match self {
            Self::Manage => Event::Manage,
            Self::Provide => Event::Provide,
            Self::Inspect => Event::Inspect,
            Self::Clean => Event::Clean,
            Self::Active => Event::Deploy,
            Self::Rebuild => Event::Rebuild,
            Self::Deleted => Event::Delete,
            Self::Adopt => Event::Adopt,
            Self::Rescue => Event::Rescue,
            Self::Unrescue => Event::Unrescue,
            Self::Abort => Event::Abort,
            Self::Unhold => Event::Unhold,
            Self::Service => Event::Service,
        }
    }

    /// Whether Ironic accepts the verb in this state (arguments, locks and flags aside).
    pub fn legal_from(self, state: &ProvisionState) -> bool {
        !is_conductors_own(state) && events(state).iter().any(|(event, _)| *event == self.event())
    }
}

/// In these two states the conductor itself triggers `manage` and `clean` on its way on, holding the lock.
fn is_conductors_own(state: &ProvisionState) -> bool {
    matches!(state, ProvisionState::Cleaning | ProvisionState::Deleting)
}

impl fmt::Display for Verb {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Ironic's documentation of each verb, independent of the event table.
    fn documented(verb: Verb) -> &'static [&'static str] {
        match verb {
            Verb::Manage => &[
                "enroll",
                "available",
                "clean failed",
                "inspect failed",
                "adopt failed",
            ],
            Verb::Provide | Verb::Clean => &["manageable"],
            Verb::Inspect => &["manageable", "inspect failed"],
            Verb::Active => &["available", "deploy failed"],
            Verb::Rebuild => &["active", "error", "deploy failed"],
            Verb::Deleted => &[
                "active",
                "deploy failed",
                "wait call-back",
                "error",
                "rescue",
                "rescue failed",
                "rescue wait",
                "unrescue failed",
                "service failed",
                "service wait",
            ],
            Verb::Adopt => &["manageable", "adopt failed"],
            Verb::Rescue => &[
                "active",
                "rescue",
                "rescue failed",
                "unrescue failed",
                "service failed",
            ],
            Verb::Unrescue => &["rescue", "rescue failed", "unrescue failed"],
            Verb::Abort => &[
                "clean wait",
                "clean hold",
                "inspect wait",
                "rescue wait",
                "deploy hold",
                "wait call-back",
                "service wait",
                "service hold",
                "service failed",
            ],
            Verb::Unhold => &["clean hold", "deploy hold", "service hold"],
            Verb::Service => &["active", "service failed", "service hold"],
        }
    }

    #[test]
    fn a_verb_is_legal_exactly_where_ironic_documents_it() {
        for &verb in Verb::ALL {
            for state in ProvisionState::ALL {
                let expected = documented(verb).contains(&state.as_str());
                assert_eq!(verb.legal_from(state), expected, "{verb} from {state}");
            }
        }
    }

    #[test]
    fn no_verb_is_legal_from_an_unknown_state() {
        let odd = ProvisionState::Unknown("levitating".into());
        assert!(Verb::ALL.iter().all(|verb| !verb.legal_from(&odd)));
    }
}
