//! Whether what a step was decided on still holds at the moment at which its request goes out. Pure: no clock, no I/O.
//!
//! Between a decision and its request there are waits: for a slot, for a token, for an answer of the apiserver. So the question is
//! asked by the client as the last thing before it sends, for every request that changes something, whatever the kind of the
//! object. A step that destroys has to be young as well.

use std::time::Duration;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

/// A step that destroys goes out within this time from its announcement, or is announced anew. It is counted from before the
/// intent is sent to the apiserver: when that has stored it cannot be known.
pub const ANNOUNCED: Duration = Duration::from_secs(2);

/// A step that destroys goes out on a look at the machine that began no longer ago than this.
pub const LOOKED: Duration = Duration::from_secs(5);

/// One form of an object, as far as it says what its owner wants.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Form {
    /// Which object of that name it is.
    pub uid: String,
    /// Its `resourceVersion`: of two forms of one object the later one has the greater.
    pub version: u64,
    /// That of its spec, which `paused` is a part of.
    pub generation: i64,
    /// It is being deleted.
    pub deleting: bool,
}

impl Form {
    /// The form that an object has.
    pub fn of(metadata: &ObjectMeta) -> Self {
        Self {
            uid: metadata.uid.clone().unwrap_or_default(),
            version: version(metadata),
            generation: metadata.generation.unwrap_or_default(),
            deleting: metadata.deletion_timestamp.is_some(),
        }
    }

    /// Whether its owner wants the same by both.
    pub fn says_the_same(&self, other: &Self) -> bool {
        self.uid == other.uid && (self.generation, self.deleting) == (other.generation, other.deleting)
    }
}

/// Resource versions of one kind are ordered as numbers (a promise of the API since Kubernetes 1.35, true of etcd before).
pub fn version(metadata: &ObjectMeta) -> u64 {
    let version = metadata.resource_version.as_deref();
    version
        .and_then(|version| version.parse().ok())
        .unwrap_or_default()
}

/// The object and its cloud.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Forms {
    /// The object.
    pub object: Option<Form>,
    /// The BareMetalCloud that it names.
    pub cloud: Option<Form>,
}

/// What a step has to show beside a spec that is in force.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Proof {
    /// Nothing: it destroys nothing.
    Needless,
    /// It destroys, and was not announced, or decided on no look at the machine.
    Missing,
    /// It destroys.
    Given {
        /// Since its announcement began.
        announced: Duration,
        /// Since the look began that it was decided on.
        looked: Duration,
    },
}

/// Why a step is not to be taken any more as it was decided.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Stale {
    /// The object is gone, or another one has its name.
    Gone,
    /// Its spec is another one, or it is being deleted.
    Changed,
    /// The same of its cloud.
    CloudChanged,
    /// It was never announced.
    Unannounced,
    /// It was announced too long ago.
    AnnouncedLongAgo,
    /// The machine was looked at too long ago.
    LookedLongAgo,
}

impl Stale {
    /// Whether only time has passed: the same may be decided again.
    pub fn is_late(self) -> bool {
        match self {
            Self::Gone | Self::Changed | Self::CloudChanged => false,
            Self::Unannounced | Self::AnnouncedLongAgo | Self::LookedLongAgo => true,
        }
    }
}

/// Judges a step that was decided on `then`, when `newest` is the newest that is known of the same.
pub fn judge(then: &Forms, newest: &Forms, proof: Proof) -> Result<(), Stale> {
    match (&then.object, &newest.object) {
        (Some(then), Some(newest)) if then.uid != newest.uid => Err(Stale::Gone),
        (Some(then), Some(newest)) if !says_the_same(then, newest) => Err(Stale::Changed),
        (Some(_), Some(_)) => Ok(()),
        (None, _) | (_, None) => Err(Stale::Gone),
    }?;
    let cloud = match (&then.cloud, &newest.cloud) {
        (Some(then), Some(newest)) => then.uid == newest.uid && says_the_same(then, newest),
        (None, _) | (_, None) => false,
    };
    if !cloud {
        return Err(Stale::CloudChanged);
    }
    match proof {
        Proof::Missing => Err(Stale::Unannounced),
        Proof::Given { announced, .. } if announced > ANNOUNCED => Err(Stale::AnnouncedLongAgo),
        Proof::Given { looked, .. } if looked > LOOKED => Err(Stale::LookedLongAgo),
        Proof::Needless | Proof::Given { .. } => Ok(()),
    }
}

/// What is known may be behind what our own last write returned.
fn says_the_same(then: &Form, newest: &Form) -> bool {
    newest.version < then.version || then.says_the_same(newest)
}

/// Whether a look that began so long ago still bears a step that is about to be announced: it has to hold until that has gone out.
pub fn bears(looked: Duration) -> bool {
    looked + ANNOUNCED <= LOOKED
}

#[cfg(test)]
#[path = "freshness_tests.rs"]
mod tests;
