//! Ironic's state machine as data: which event leads from where to where.
//!
//! Source: the machine of Ironic 39.0.0 (`ironic/common/state_machine.py`); a test compares with a dump of it.
use super::ProvisionState;

/// What moves a node from one state to the next: the first thirteen are triggered by verbs, the others by
/// Ironic itself (two verbs' events also are: `manage` in `cleaning`, `clean` in `deleting`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Event {
    /// Verb `manage`; also the end of a manual clean.
    Manage,
    /// Verb `provide`.
    Provide,
    /// Verb `inspect`.
    Inspect,
    /// Verb `clean`; also the second half of a removal.
    Clean,
    /// Verb `active`.
    Deploy,
    /// Verb `rebuild`.
    Rebuild,
    /// Verb `deleted`.
    Delete,
    /// Verb `adopt`.
    Adopt,
    /// Verb `rescue`.
    Rescue,
    /// Verb `unrescue`.
    Unrescue,
    /// Verb `abort`.
    Abort,
    /// Verb `unhold`.
    Unhold,
    /// Verb `service`.
    Service,
    /// The work ended well.
    Done,
    /// The work failed.
    Fail,
    /// The ramdisk's turn.
    Wait,
    /// A step asked to stop.
    Hold,
    /// The conductor's turn again.
    Resume,
}

impl Event {
    /// Whether only Ironic itself triggers it.
    pub const fn is_internal(self) -> bool {
        matches!(
            self,
            Self::Done | Self::Fail | Self::Wait | Self::Hold | Self::Resume
        )
    }
}

/// An event and the state it leads to.
type Edge = (Event, ProvisionState);

/// Declares the machine: state, then event and next state.
macro_rules! machine {
    ($($state:ident { $($event:ident => $next:ident),* })*) => {
        /// Every known state with its edges.
        const MACHINE: &[(ProvisionState, &[Edge])] = &[
            $((ProvisionState::$state, &[$((Event::$event, ProvisionState::$next)),*]),)*
        ];
    };
}

machine! {
    Enroll { Manage => Verifying }
    Verifying { Done => Manageable, Fail => Enroll }
    Manageable { Adopt => Adopting, Clean => Cleaning, Inspect => Inspecting, Provide => Cleaning }
    Available { Deploy => Deploying, Manage => Manageable }
    Deploying { Done => Active, Fail => DeployFailed, Hold => DeployHold, Wait => DeployWait }
    DeployWait {
        Abort => DeployFailed, Delete => Deleting, Fail => DeployFailed, Hold => DeployHold, Resume => Deploying
    }
    DeployHold { Abort => DeployFailed, Unhold => DeployWait }
    DeployFailed { Delete => Deleting, Deploy => Deploying, Rebuild => Deploying }
    Active { Delete => Deleting, Rebuild => Deploying, Rescue => Rescuing, Service => Servicing }
    Deleting { Clean => Cleaning, Fail => Error }
    Error { Delete => Deleting, Rebuild => Deploying }
    Cleaning {
        Done => Available, Fail => CleanFailed, Hold => CleanHold, Manage => Manageable, Wait => CleanWait
    }
    CleanWait { Abort => CleanFailed, Fail => CleanFailed, Hold => CleanHold, Resume => Cleaning }
    CleanHold { Abort => CleanFailed, Unhold => CleanWait }
    CleanFailed { Manage => Manageable }
    Inspecting { Done => Manageable, Fail => InspectFailed, Wait => InspectWait }
    InspectWait { Abort => InspectFailed, Done => Manageable, Fail => InspectFailed, Resume => Inspecting }
    InspectFailed { Inspect => Inspecting, Manage => Manageable }
    Adopting { Done => Active, Fail => AdoptFailed }
    AdoptFailed { Adopt => Adopting, Manage => Manageable }
    Rescuing { Done => Rescue, Fail => RescueFailed, Wait => RescueWait }
    RescueWait { Abort => RescueFailed, Delete => Deleting, Fail => RescueFailed, Resume => Rescuing }
    Rescue { Delete => Deleting, Rescue => Rescuing, Unrescue => Unrescuing }
    RescueFailed { Delete => Deleting, Rescue => Rescuing, Unrescue => Unrescuing }
    Unrescuing { Done => Active, Fail => UnrescueFailed }
    UnrescueFailed { Delete => Deleting, Rescue => Rescuing, Unrescue => Unrescuing }
    Servicing { Done => Active, Fail => ServiceFailed, Hold => ServiceHold, Wait => ServiceWait }
    ServiceWait {
        Abort => ServiceFailed, Delete => Deleting, Fail => ServiceFailed, Hold => ServiceHold,
        Resume => Servicing
    }
    ServiceHold { Abort => ServiceFailed, Fail => ServiceFailed, Service => Servicing, Unhold => ServiceWait }
    ServiceFailed {
        Abort => Active, Delete => Deleting, Hold => ServiceHold, Rescue => Rescuing, Service => Servicing,
        Wait => ServiceWait
    }
}

/// What may happen in a state and where it leads; nothing for an unknown state.
pub fn events(state: &ProvisionState) -> &'static [Edge] {
    MACHINE
        .iter()
        .find(|(known, _)| known == state)
        .map_or(&[], |(_, edges)| edges)
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use super::*;
    use crate::ironic::model::{Life, life};

    type Dump = BTreeMap<String, BTreeSet<(String, String)>>;

    #[test]
    fn the_machine_is_ironics() {
        let dump = include_str!("../../../tests/fixtures/ironic/machine.json");
        let dump: Dump = serde_json::from_str(dump).unwrap();
        let edge = |(event, next): &Edge| (format!("{event:?}").to_lowercase(), next.to_string());
        let ours = MACHINE
            .iter()
            .map(|(state, edges)| (state.to_string(), edges.iter().map(edge).collect()));
        assert_eq!(ours.collect::<Dump>(), dump);
    }

    #[test]
    fn every_known_state_has_a_way_on() {
        for state in ProvisionState::ALL {
            assert!(!events(state).is_empty(), "{state}");
        }
        assert!(events(&ProvisionState::default()).is_empty());
    }

    #[test]
    fn a_state_that_runs_can_end_and_one_that_rests_is_left_only_by_a_verb() {
        for state in ProvisionState::ALL {
            let own = events(state).iter().any(|(event, _)| event.is_internal());
            match life(state) {
                Life::Running => assert!(own, "{state}"),
                Life::Stable => assert!(!own, "{state}"),
                Life::Held | Life::Failed | Life::Unknown => {}
            }
        }
    }
}
