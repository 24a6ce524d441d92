//! The provision states and the one classification of them.
use std::borrow::Cow;
use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Declares the states once: variant, Ironic's text, life.
macro_rules! states {
    ($($(#[$doc:meta])* $variant:ident = $text:literal is $life:ident,)*) => {
        /// Where a node is in Ironic's state machine (Ironic 39; the states of API 1.39 and later).
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum ProvisionState {
            $($(#[$doc])* $variant,)*
            /// A state this crate does not know, or (empty) none at all: never acted on.
            Unknown(String),
        }

        impl ProvisionState {
            /// Every known state.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// As Ironic spells it.
            pub fn as_str(&self) -> &str {
                match self {
                    $(Self::$variant => $text,)*
                    Self::Unknown(text) => text,
                }
            }
        }

        impl From<&str> for ProvisionState {
            fn from(text: &str) -> Self {
                match text {
                    $($text => Self::$variant,)*
                    other => Self::Unknown(other.to_owned()),
                }
            }
        }

        /// The one classification of provision states.
        pub const fn life(state: &ProvisionState) -> Life {
            match state {
                $(ProvisionState::$variant => Life::$life,)*
                ProvisionState::Unknown(_) => Life::Unknown,
            }
        }
    };
}

states! {
    /// Known to Ironic, its BMC not yet verified.
    Enroll = "enroll" is Stable,
    /// The BMC is being tried.
    Verifying = "verifying" is Running,
    /// Under control, not offered.
    Manageable = "manageable" is Stable,
    /// Clean and offered.
    Available = "available" is Stable,
    /// A conductor is deploying.
    Deploying = "deploying" is Running,
    /// The ramdisk is deploying.
    DeployWait = "wait call-back" is Running,
    /// A deploy step asked to stop here.
    DeployHold = "deploy hold" is Held,
    /// The deployment failed.
    DeployFailed = "deploy failed" is Failed,
    /// An instance is on it.
    Active = "active" is Stable,
    /// The instance is being removed.
    Deleting = "deleting" is Running,
    /// The removal of the instance failed.
    Error = "error" is Failed,
    /// A conductor is cleaning.
    Cleaning = "cleaning" is Running,
    /// The ramdisk is cleaning.
    CleanWait = "clean wait" is Running,
    /// A clean step asked to stop here.
    CleanHold = "clean hold" is Held,
    /// Cleaning failed.
    CleanFailed = "clean failed" is Failed,
    /// A conductor is inspecting.
    Inspecting = "inspecting" is Running,
    /// The ramdisk is inspecting.
    InspectWait = "inspect wait" is Running,
    /// Inspection failed.
    InspectFailed = "inspect failed" is Failed,
    /// A running instance is being taken over.
    Adopting = "adopting" is Running,
    /// Taking over failed.
    AdoptFailed = "adopt failed" is Failed,
    /// A conductor is starting the rescue ramdisk.
    Rescuing = "rescuing" is Running,
    /// The rescue ramdisk is starting.
    RescueWait = "rescue wait" is Running,
    /// The rescue ramdisk runs.
    Rescue = "rescue" is Stable,
    /// Rescuing failed.
    RescueFailed = "rescue failed" is Failed,
    /// The rescue ramdisk is being left.
    Unrescuing = "unrescuing" is Running,
    /// Leaving the rescue ramdisk failed.
    UnrescueFailed = "unrescue failed" is Failed,
    /// A conductor is servicing an active node.
    Servicing = "servicing" is Running,
    /// The ramdisk is servicing an active node.
    ServiceWait = "service wait" is Running,
    /// A service step asked to stop here.
    ServiceHold = "service hold" is Held,
    /// Servicing failed.
    ServiceFailed = "service failed" is Failed,
}

/// What a provision state means for somebody who waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Life {
    /// Nothing happens until somebody asks.
    Stable,
    /// Ironic is at work and will leave the state by itself.
    Running,
    /// Stopped at a step's request until `unhold` or `abort`.
    Held,
    /// The last operation failed; nothing happens until somebody asks.
    Failed,
    /// Not known: wait, never act.
    Unknown,
}

impl Default for ProvisionState {
    fn default() -> Self {
        Self::Unknown(String::new())
    }
}

impl fmt::Display for ProvisionState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl Serialize for ProvisionState {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for ProvisionState {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Option::<Cow<'de, str>>::deserialize(deserializer)?.unwrap_or_default();
        Ok(Self::from(text.as_ref()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_state_survives_its_text() {
        for state in ProvisionState::ALL {
            assert_eq!(&ProvisionState::from(state.as_str()), state);
            let json = serde_json::to_string(state).unwrap();
            assert_eq!(&serde_json::from_str::<ProvisionState>(&json).unwrap(), state);
        }
    }

    #[test]
    fn unknown_and_null_are_kept_apart_from_every_known_state() {
        let odd: ProvisionState = serde_json::from_str("\"levitating\"").unwrap();
        assert_eq!(odd, ProvisionState::Unknown("levitating".into()));
        assert_eq!(odd.to_string(), "levitating");
        let none: ProvisionState = serde_json::from_str("null").unwrap();
        assert_eq!(none, ProvisionState::default());
        assert_eq!(life(&odd), Life::Unknown);
    }

    #[test]
    fn the_text_of_a_state_agrees_with_its_life() {
        for state in ProvisionState::ALL {
            let text = state.as_str();
            assert_eq!(text.ends_with(" hold"), life(state) == Life::Held, "{text}");
            let failed = text.ends_with(" failed") || text == "error";
            assert_eq!(failed, life(state) == Life::Failed, "{text}");
        }
    }
}
