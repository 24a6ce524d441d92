//! How much of what Ironics list is kept for the clouds of one namespace: what they have together is bounded, so that many clouds of one
//! tenant, each within its own bound, do not take everybody's memory.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::listing;

/// For one cloud of the largest size while it is listed anew, or several smaller ones; bytes.
pub const MOST: usize = 2 * listing::MOST;

/// What is kept for the clouds of one namespace, by the observer that keeps it.
#[derive(Debug, Default)]
pub struct Share {
    kept: Mutex<HashMap<u64, usize>>,
}

impl Share {
    fn kept(&self) -> MutexGuard<'_, HashMap<u64, usize>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The observer keeps so much from now on; whether all of it is within the bound.
    fn hold(&self, observer: u64, bytes: usize) -> bool {
        let mut kept = self.kept();
        kept.insert(observer, bytes);
        kept.values().sum::<usize>() <= MOST
    }
}

/// The shares of the namespaces whose clouds are seen through one observer.
#[derive(Debug)]
pub struct Shares {
    observer: u64,
    all: Mutex<Vec<Arc<Share>>>,
}

impl Shares {
    /// None yet.
    pub fn new(observer: u64) -> Self {
        Self {
            observer,
            all: Mutex::default(),
        }
    }

    fn all(&self) -> MutexGuard<'_, Vec<Arc<Share>>> {
        self.all.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// These from now on.
    pub fn set(&self, shares: Vec<Arc<Share>>) {
        let before = std::mem::replace(&mut *self.all(), shares);
        let now = self.all();
        for left in before {
            if !now.iter().any(|share| Arc::ptr_eq(share, &left)) {
                left.kept().remove(&self.observer);
            }
        }
    }

    /// So much is kept, or about to be; whether one of the namespaces has room for it: what others share with a crowded one is not theirs
    /// to lose.
    pub fn hold(&self, bytes: usize) -> bool {
        let all = self.all();
        let rooms = all.iter().filter(|share| share.hold(self.observer, bytes));
        rooms.count() > 0 || all.is_empty()
    }
}

impl Drop for Shares {
    fn drop(&mut self) {
        self.set(vec![]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_namespace_has_room_for_so_much_and_whoever_shares_a_cloud_loses_nothing() {
        let (crowded, other) = (Arc::<Share>::default(), Arc::<Share>::default());
        let clouds: Vec<_> = (0..3).map(Shares::new).collect();
        assert!(clouds[0].hold(usize::MAX), "of nobody");
        for cloud in &clouds {
            cloud.set(vec![Arc::clone(&crowded)]);
        }
        assert!(clouds[0].hold(MOST / 2) && clouds[1].hold(MOST / 2));
        assert!(!clouds[2].hold(1));
        assert!(clouds[2].hold(0));
        clouds[2].set(vec![Arc::clone(&crowded), Arc::clone(&other)]);
        assert!(clouds[2].hold(1), "the other namespace has room");
        assert!(!clouds[1].hold(MOST / 2));
        clouds[2].set(vec![Arc::clone(&other)]);
        assert!(clouds[1].hold(MOST / 2), "what a cloud kept goes with it");
        drop(clouds);
        assert!(crowded.kept().is_empty() && other.kept().is_empty());
    }
}
