//! The power: what is wanted, and how it is asked for.

use std::time::Duration;

use super::facts::NodeFacts;
use super::situation::Gap;
use crate::api::node::{Power, PowerWanted, Shutdown};
use crate::ironic::model::{NodeSummary, PowerState, PowerTarget};

/// What has to be done about the power, if anything.
pub fn gap(facts: &NodeFacts, node: &NodeSummary) -> Option<Gap> {
    let wanted = facts.object.spec.power.as_ref()?.state;
    match (wanted, &node.power_state) {
        (PowerWanted::PoweredOn, Some(PowerState::On)) | (PowerWanted::PoweredOff, Some(PowerState::Off)) => {
            None
        }
        (PowerWanted::PoweredOn, _) => Some(Gap::PowerOn),
        (PowerWanted::PoweredOff, _) if is_pinned(facts) => Some(Gap::PowerPinned),
        (PowerWanted::PoweredOff, _) => Some(Gap::PowerOff),
    }
}

/// Whether the node may never be powered off; a row of the list does not tell.
fn is_pinned(facts: &NodeFacts) -> bool {
    let live = facts.look.full().is_some_and(|node| node.disable_power_off);
    live || facts.object.spec.disable_power_off == Some(true)
}

/// Whether the machine is switched off by asking its operating system.
pub fn is_soft(facts: &NodeFacts) -> bool {
    let power = facts.object.spec.power.as_ref();
    power.is_none_or(|power| power.shutdown == Shutdown::Soft)
}

/// What Ironic is asked for.
pub fn target(on: bool, facts: &NodeFacts) -> PowerTarget {
    if on {
        PowerTarget::On
    } else if is_soft(facts) {
        PowerTarget::SoftOff
    } else {
        PowerTarget::Off
    }
}

/// How long Ironic is to wait for it.
pub fn timeout(power: &Power) -> Option<Duration> {
    let seconds = u64::try_from(power.timeout_seconds?).ok()?;
    Some(Duration::from_secs(seconds))
}
