//! How far a node is on its way: the one definition, used by waiters and by the operator.
use super::{Life, NodeSummary, PowerTarget, ProvisionState, life};

/// Where somebody wants a node to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Goal {
    /// Under control.
    Manageable,
    /// Offered.
    Available,
    /// With an instance.
    Active,
    /// In the rescue ramdisk.
    Rescue,
}

impl Goal {
    /// Every goal.
    pub const ALL: &'static [Self] = &[Self::Manageable, Self::Available, Self::Active, Self::Rescue];

    /// The state that is the goal.
    pub const fn state(self) -> ProvisionState {
        match self {
            Self::Manageable => ProvisionState::Manageable,
            Self::Available => ProvisionState::Available,
            Self::Active => ProvisionState::Active,
            Self::Rescue => ProvisionState::Rescue,
        }
    }
}

impl From<Goal> for ProvisionState {
    fn from(goal: Goal) -> Self {
        goal.state()
    }
}

/// How far a node is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Progress {
    /// There, and nobody is at work on it.
    Done,
    /// Ironic is at work (or says something this crate does not know): wait.
    Running,
    /// Stopped at a step's request: `unhold` or `abort`.
    Held,
    /// The last operation failed.
    Failed,
    /// At rest somewhere else.
    Elsewhere,
}

/// How far a node is on its way to a goal.
///
/// A locked node is at work whatever its state says. A failed state counts as failed although it keeps its
/// target. A failed verification has no state of its own: the node is back in `enroll`, and only `last_error`
/// tells; so somebody who waits for `manageable` has to have asked for it first (the verb clears the error).
pub fn progress(node: &NodeSummary, goal: Goal) -> Progress {
    progress_to(node, &goal.state())
}

/// The same for any state: a hold or a failure can be wanted too, and a state that Ironic leaves by itself is reached as soon as
/// it is seen.
pub fn progress_to(node: &NodeSummary, wanted: &ProvisionState) -> Progress {
    let here = node.provision_state == *wanted;
    let life = life(&node.provision_state);
    if here && life == Life::Running {
        return Progress::Done;
    }
    if node.is_reserved() {
        return Progress::Running;
    }
    match life {
        Life::Running | Life::Unknown => Progress::Running,
        Life::Held | Life::Failed if here => Progress::Done,
        Life::Held => Progress::Held,
        Life::Failed => Progress::Failed,
        Life::Stable if node.target_provision_state.is_some() => Progress::Running,
        Life::Stable => at_rest(node, wanted),
    }
}

/// How far the power of a node is on its way to what was asked for. (Reboots end where they begin, so only the target that Ironic
/// keeps while it works tells.) A power state that was never read counts as being on the way.
pub fn power_progress(node: &NodeSummary, target: PowerTarget) -> Progress {
    if node.target_power_state.is_some() {
        return Progress::Running;
    }
    let reboot = matches!(target, PowerTarget::Reboot | PowerTarget::SoftReboot);
    let failed = node.failure().is_some();
    match &node.power_state {
        // An error that did not keep the power from getting there is an old story, unless it could have been there before.
        Some(state) if *state == target.ends_in() && !(reboot && failed) => Progress::Done,
        _ if failed => Progress::Failed,
        Some(_) => Progress::Elsewhere,
        None => Progress::Running,
    }
}

/// The same for a node that nothing happens to.
fn at_rest(node: &NodeSummary, wanted: &ProvisionState) -> Progress {
    let unverified = *wanted == ProvisionState::Manageable && node.provision_state == ProvisionState::Enroll;
    if node.provision_state == *wanted {
        Progress::Done
    } else if unverified && node.failure().is_some() {
        Progress::Failed
    } else {
        Progress::Elsewhere
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ironic::model::PowerState;

    fn node(
        state: &ProvisionState,
        target: Option<&ProvisionState>,
        reservation: Option<&str>,
    ) -> NodeSummary {
        NodeSummary {
            provision_state: state.clone(),
            target_provision_state: target.cloned(),
            reservation: reservation.map(str::to_owned),
            ..NodeSummary::default()
        }
    }

    #[test]
    fn every_state_target_and_lock_has_the_progress_that_its_parts_imply() {
        let targets = || std::iter::once(None).chain(ProvisionState::ALL.iter().map(Some));
        for state in ProvisionState::ALL {
            for target in targets() {
                for &goal in Goal::ALL {
                    assert_eq!(progress(&node(state, target, Some("c")), goal), Progress::Running);
                    let expected = match life(state) {
                        Life::Running | Life::Unknown => Progress::Running,
                        Life::Held => Progress::Held,
                        Life::Failed => Progress::Failed,
                        Life::Stable if target.is_some() => Progress::Running,
                        Life::Stable if *state == goal.state() => Progress::Done,
                        Life::Stable => Progress::Elsewhere,
                    };
                    assert_eq!(
                        progress(&node(state, target, None), goal),
                        expected,
                        "{state} to {goal:?}"
                    );
                }
            }
        }
    }

    #[test]
    fn any_state_can_be_waited_for() {
        for wanted in ProvisionState::ALL {
            let there = progress_to(&node(wanted, None, None), wanted);
            assert_eq!(there, Progress::Done, "{wanted}");
            let locked = progress_to(&node(wanted, None, Some("c")), wanted);
            let passing = life(wanted) == Life::Running;
            assert_eq!(locked == Progress::Done, passing, "{wanted} under a lock");
        }
        let failed = node(
            &ProvisionState::CleanFailed,
            Some(&ProvisionState::Available),
            None,
        );
        assert_eq!(progress_to(&failed, &ProvisionState::CleanFailed), Progress::Done);
        assert_eq!(progress_to(&failed, &ProvisionState::CleanHold), Progress::Failed);
    }

    #[test]
    fn a_change_of_power_is_over_when_its_target_is_gone() {
        let with = |state, target, error: Option<&str>| NodeSummary {
            power_state: state,
            target_power_state: target,
            last_error: error.map(str::to_owned),
            ..NodeSummary::default()
        };
        let on = || Some(PowerState::On);
        let rebooting = with(on(), Some(PowerState::On), None);
        assert_eq!(power_progress(&rebooting, PowerTarget::Reboot), Progress::Running);
        let rebooted = with(on(), None, None);
        assert_eq!(power_progress(&rebooted, PowerTarget::Reboot), Progress::Done);
        assert_eq!(
            power_progress(&rebooted, PowerTarget::SoftOff),
            Progress::Elsewhere
        );
        let failed = with(on(), None, Some("the BMC says no"));
        assert_eq!(power_progress(&failed, PowerTarget::Off), Progress::Failed);
        assert_eq!(power_progress(&failed, PowerTarget::Reboot), Progress::Failed);
        assert_eq!(
            power_progress(&failed, PowerTarget::On),
            Progress::Done,
            "an old story"
        );
        let unread = with(None, None, None);
        assert_eq!(power_progress(&unread, PowerTarget::On), Progress::Running);
    }

    #[test]
    fn a_failed_verification_is_a_failure_only_for_who_wants_it_verified() {
        let mut enroll = node(&ProvisionState::Enroll, None, None);
        assert_eq!(progress(&enroll, Goal::Manageable), Progress::Elsewhere);
        enroll.last_error = Some("BMC says no".into());
        assert_eq!(progress(&enroll, Goal::Manageable), Progress::Failed);
        assert_eq!(progress(&enroll, Goal::Available), Progress::Elsewhere);
        enroll.provision_state = ProvisionState::Manageable;
        assert_eq!(
            progress(&enroll, Goal::Manageable),
            Progress::Done,
            "a stale error is no failure"
        );
    }

    #[test]
    fn an_unknown_state_is_waited_for() {
        for state in [
            ProvisionState::default(),
            ProvisionState::Unknown("levitating".into()),
        ] {
            assert_eq!(
                progress(&node(&state, None, None), Goal::Active),
                Progress::Running
            );
        }
    }

    #[test]
    fn a_redacted_reservation_is_no_lock() {
        let redacted = "** Redacted - requires baremetal:node:get:reservation permission. **";
        let active = node(&ProvisionState::Active, None, Some(redacted));
        assert_eq!(progress(&active, Goal::Active), Progress::Done);
    }

    #[test]
    fn a_redacted_error_is_no_failed_verification() {
        let mut enroll = node(&ProvisionState::Enroll, None, None);
        enroll.last_error =
            Some("** Value Redacted - Requires baremetal:node:get:last_error permission. **".into());
        assert_eq!(progress(&enroll, Goal::Manageable), Progress::Elsewhere);
    }
}
