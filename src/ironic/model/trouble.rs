//! What is wrong with a node, in a closed set of words.
use super::NodeSummary;

/// What is wrong with a node, the gravest of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Trouble {
    /// The power could not be read or changed, time after time.
    PowerFailure,
    /// Cleaning failed.
    CleanFailure,
    /// A rescue could not be called off.
    RescueAbortFailure,
    /// Servicing failed.
    ServiceFailure,
    /// A fault that this version does not know.
    OtherFault,
    /// Maintenance without a fault: somebody asked for it.
    Maintenance,
    /// The BMC says that the hardware is in a critical state.
    Hardware,
}

impl Trouble {
    /// Every kind.
    pub const ALL: &'static [Self] = &[
        Self::PowerFailure,
        Self::CleanFailure,
        Self::RescueAbortFailure,
        Self::ServiceFailure,
        Self::OtherFault,
        Self::Maintenance,
        Self::Hardware,
    ];

    /// The word for it; of a fault, Ironic's.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::PowerFailure => "power failure",
            Self::CleanFailure => "clean failure",
            Self::RescueAbortFailure => "rescue abort failure",
            Self::ServiceFailure => "service failure",
            Self::OtherFault => "other fault",
            Self::Maintenance => "maintenance",
            Self::Hardware => "hardware",
        }
    }

    /// What is wrong with this node, if anything is.
    pub fn of(node: &NodeSummary) -> Option<Self> {
        let fault = node.fault.as_deref().filter(|fault| !fault.is_empty());
        match fault {
            Some("power failure") => Some(Self::PowerFailure),
            Some("clean failure") => Some(Self::CleanFailure),
            Some("rescue abort failure") => Some(Self::RescueAbortFailure),
            Some("service failure") => Some(Self::ServiceFailure),
            Some(_) => Some(Self::OtherFault),
            None if node.maintenance => Some(Self::Maintenance),
            None => is_critical(node).then_some(Self::Hardware),
        }
    }
}

/// Whether the BMC says that the hardware is in a critical state, whatever else is wrong.
pub fn is_critical(node: &NodeSummary) -> bool {
    let health = node.health.as_deref();
    health.is_some_and(|health| health.eq_ignore_ascii_case("critical"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_gravest_is_told_and_every_fault_has_a_word() {
        let node = |fault: Option<&str>, maintenance, health: Option<&str>| NodeSummary {
            fault: fault.map(str::to_owned),
            maintenance,
            health: health.map(str::to_owned),
            ..NodeSummary::default()
        };
        for trouble in Trouble::ALL {
            let found = match trouble {
                Trouble::Maintenance => Trouble::of(&node(None, true, Some("Critical"))),
                Trouble::Hardware => Trouble::of(&node(None, false, Some("Critical"))),
                fault => Trouble::of(&node(Some(fault.as_str()), true, None)),
            };
            assert_eq!(found, Some(*trouble));
        }
        assert_eq!(Trouble::of(&node(None, false, Some("Warning"))), None);
        assert_eq!(Trouble::of(&NodeSummary::default()), None);
    }
}
