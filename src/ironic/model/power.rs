//! Power states and what can be asked of them.
use std::borrow::Cow;
use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Declares an enum of Ironic's texts.
macro_rules! texts {
    ($name:ident { $($variant:ident = $text:literal,)* }) => {
        impl $name {
            /// As Ironic spells it.
            pub fn as_str(&self) -> &str {
                match self {
                    $(Self::$variant => $text,)*
                    Self::Unknown(text) => text,
                }
            }
        }

        impl From<&str> for $name {
            fn from(text: &str) -> Self {
                match text {
                    $($text => Self::$variant,)*
                    other => Self::Unknown(other.to_owned()),
                }
            }
        }
    };
}

/// What Ironic says about the power, now or aimed at. None at all (`null`) means "never asked the BMC".
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum PowerState {
    /// On.
    On,
    /// Off.
    Off,
    /// On its way off and on again (as a target).
    Rebooting,
    /// Asked the operating system to go off (as a target).
    SoftOff,
    /// Asked the operating system to reboot (as a target).
    SoftRebooting,
    /// The BMC could not tell or could not do.
    Error,
    /// Something this crate does not know.
    Unknown(String),
}

texts!(PowerState {
    On = "power on",
    Off = "power off",
    Rebooting = "rebooting",
    SoftOff = "soft power off",
    SoftRebooting = "soft rebooting",
    Error = "error",
});

impl fmt::Display for PowerState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl Serialize for PowerState {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for PowerState {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Self::from(Cow::<'de, str>::deserialize(deserializer)?.as_ref()))
    }
}

/// What can be asked of the power: the `target` of `PUT /v1/nodes/{node}/states/power`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PowerTarget {
    /// On.
    On,
    /// Off, at once.
    Off,
    /// Off and on, at once.
    Reboot,
    /// Off, by the operating system (API 1.27).
    SoftOff,
    /// Reboot, by the operating system (API 1.27).
    SoftReboot,
}

impl PowerTarget {
    /// Every target.
    pub const ALL: &'static [Self] = &[Self::On, Self::Off, Self::Reboot, Self::SoftOff, Self::SoftReboot];

    /// As Ironic spells it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::On => "power on",
            Self::Off => "power off",
            Self::Reboot => "rebooting",
            Self::SoftOff => "soft power off",
            Self::SoftReboot => "soft rebooting",
        }
    }

    /// Whether the operating system is asked rather than the hardware.
    pub const fn is_soft(self) -> bool {
        matches!(self, Self::SoftOff | Self::SoftReboot)
    }

    /// The power state when it is done.
    pub const fn ends_in(self) -> PowerState {
        match self {
            Self::On | Self::Reboot | Self::SoftReboot => PowerState::On,
            Self::Off | Self::SoftOff => PowerState::Off,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_target_is_also_a_state_that_ironic_reports() {
        for target in PowerTarget::ALL {
            let state = PowerState::from(target.as_str());
            assert!(!matches!(state, PowerState::Unknown(_)), "{target:?}");
            assert_eq!(state.as_str(), target.as_str());
        }
    }

    #[test]
    fn an_unknown_power_state_keeps_its_text() {
        let odd: PowerState = serde_json::from_str("\"dimmed\"").unwrap();
        assert_eq!(serde_json::to_string(&odd).unwrap(), "\"dimmed\"");
    }
}
