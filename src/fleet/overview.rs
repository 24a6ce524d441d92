//! What a cloud as a whole looks like.

use std::collections::BTreeMap;

use super::interest::ObjectKey;
use super::listing::{Missed, Odd};
use super::observer::Observer;
use crate::ironic::client::{Class, VersionRange};
use crate::ironic::model::Trouble;

/// Whether the cloud answers.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub enum Health {
    /// Nobody has asked yet.
    #[default]
    Unknown,
    /// It answers.
    Up,
    /// It does not.
    Down {
        /// What kind of trouble it is.
        class: Class,
        /// The credentials are refused.
        unauthorized: bool,
        /// The address may not be talked to.
        not_allowed: bool,
        /// Why, for a person.
        words: String,
    },
}

impl Health {
    /// Of a cloud that was asked in vain.
    pub fn of(missed: &Missed) -> Self {
        let error = match missed {
            Missed::Ironic(error) => error,
            Missed::Crowded => {
                return Self::Down {
                    class: Class::Transient,
                    unauthorized: false,
                    not_allowed: false,
                    words: missed.to_string(),
                };
            }
        };
        Self::Down {
            class: error.class(),
            unauthorized: error.is_unauthorized(),
            not_allowed: error.is_not_allowed(),
            words: error.words().into_owned(),
        }
    }
}

/// Something to wake: a node's object, or everything that depends on the cloud as a whole.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Wake {
    /// The object's node changed.
    Node(ObjectKey),
    /// The health, drivers, versions or counts of the observed cloud changed.
    Cloud,
}

/// What a cloud as a whole looks like.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Overview {
    /// Whether it answers.
    pub health: Health,
    /// It is not written to for now, since its last writes got no answer.
    pub suspended: bool,
    /// The rows of the last listing that cannot be read.
    pub odd: Odd,
    /// The API versions.
    pub versions: Option<VersionRange>,
    /// Drivers with a live conductor; none: not known.
    pub drivers: Option<Vec<String>>,
    /// Nodes by provision state.
    pub counts: BTreeMap<String, u32>,
}

impl Observer {
    /// The cloud as a whole.
    pub fn overview(&self) -> Overview {
        self.state().overview()
    }

    /// What is wrong with its nodes.
    pub fn troubles(&self) -> Vec<Trouble> {
        self.state().snapshot.troubles()
    }

    /// Drivers with a live conductor; none: not known.
    pub fn drivers(&self) -> Option<Vec<String>> {
        self.state().drivers.clone()
    }

    /// Whether the cloud answers.
    pub fn health(&self) -> Health {
        self.state().health.clone()
    }
}
