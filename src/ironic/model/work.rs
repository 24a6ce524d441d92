//! Work that is limited: what counts as a deployment, what as a cleaning, and what destroys without either.
use super::{NodeSummary, PowerState, ProvisionState, Verb};

/// What a node is busy with, or is to be, as far as limits go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Work {
    /// Being deployed.
    Deploy,
    /// Being torn down or cleaned: a teardown is followed by a cleaning, so the two are one.
    Clean,
    /// Being switched off or removed.
    Destroy,
}

/// What there is only so much of at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Pool {
    /// Deployments.
    Deploys,
    /// Teardowns and cleanings.
    Cleans,
    /// Everything that destroys: deployments and cleanings, which write over disks, switching off, removing.
    Destructive,
}

/// How long the line is that somebody stands in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Queue {
    /// What there is no room for.
    pub pool: Pool,
    /// How much there may be at once.
    pub limit: usize,
    /// How much there is.
    pub under_way: usize,
    /// How many turns away the own one is: 1 is next.
    pub place: usize,
}

/// Where somebody stands who has, or has not, asked for room.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Standing {
    /// Nothing is counted.
    #[default]
    Unlimited,
    /// Did not ask.
    Unasked,
    /// May begin, and is counted already.
    Granted(Work),
    /// Is in line.
    Waiting(Work, Queue),
}

impl Work {
    /// Every kind.
    pub const ALL: &'static [Self] = &[Self::Deploy, Self::Clean, Self::Destroy];

    /// Its name in metrics and in the status.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Deploy => "deploy",
            Self::Clean => "clean",
            Self::Destroy => "destroy",
        }
    }

    /// What it takes a share of.
    pub const fn pools(self) -> &'static [Pool] {
        match self {
            Self::Deploy => &[Pool::Deploys, Pool::Destructive],
            Self::Clean => &[Pool::Cleans, Pool::Destructive],
            Self::Destroy => &[Pool::Destructive],
        }
    }

    /// What a verb sets in motion, as far as there is only so much of it at once.
    pub const fn of(verb: Verb) -> Option<Self> {
        match verb {
            Verb::Active | Verb::Rebuild => Some(Self::Deploy),
            Verb::Provide | Verb::Clean | Verb::Deleted => Some(Self::Clean),
            // Some boot the machine, which the hourly budget counts; nothing is written to its disks.
            Verb::Manage
            | Verb::Inspect
            | Verb::Adopt
            | Verb::Rescue
            | Verb::Unrescue
            | Verb::Abort
            | Verb::Unhold
            | Verb::Service => None,
        }
    }

    /// What the node is busy with, whoever began it. The states are those that Ironic itself counts for its
    /// `[conductor]max_concurrent_deploy` and `max_concurrent_clean` (39.0.0, `_concurrent_action_limit`): a hold or a failed
    /// state takes no conductor's time.
    pub fn under_way(node: &NodeSummary) -> Option<Self> {
        let to = node.target_power_state.as_ref();
        match node.provision_state {
            ProvisionState::Deploying | ProvisionState::DeployWait => Some(Self::Deploy),
            ProvisionState::Deleting | ProvisionState::Cleaning | ProvisionState::CleanWait => {
                Some(Self::Clean)
            }
            _ if matches!(to, Some(PowerState::Off | PowerState::SoftOff)) => Some(Self::Destroy),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_ironic_counts_is_counted() {
        for state in ProvisionState::ALL {
            let node = NodeSummary {
                provision_state: state.clone(),
                ..NodeSummary::default()
            };
            let expected = match state.as_str() {
                "deploying" | "wait call-back" => Some(Work::Deploy),
                "deleting" | "cleaning" | "clean wait" => Some(Work::Clean),
                _ => None,
            };
            assert_eq!(Work::under_way(&node), expected, "{state}");
        }
    }

    #[test]
    fn a_machine_on_its_way_off_counts_while_it_is() {
        let to = |target| {
            Work::under_way(&NodeSummary {
                provision_state: ProvisionState::Active,
                target_power_state: target,
                ..NodeSummary::default()
            })
        };
        assert_eq!(to(None), None);
        assert_eq!(to(Some(PowerState::On)), None);
        assert_eq!(to(Some(PowerState::Off)), Some(Work::Destroy));
        assert_eq!(to(Some(PowerState::SoftOff)), Some(Work::Destroy));
    }
}
