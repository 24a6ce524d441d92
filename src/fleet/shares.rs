//! How much of what Ironics list is kept for the clouds of one namespace, and how many of their long pages are read at once: what they have
//! together is bounded, so that many clouds of one tenant, each within its own bound, do not take everybody's memory and time.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures::FutureExt;
use futures::future::{BoxFuture, select_all};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, sleep_until};

use super::listing;
use crate::ironic::client::{Place, Room};

/// For one cloud of the largest size while it is listed anew, or several smaller ones; bytes.
pub const MOST: usize = 2 * listing::MOST;

/// So many times as long as a long page was read the clouds of its namespace read no other: all of them together take a quarter of the
/// process at most.
const REST: u32 = 3;

/// A page that took longer is one that came slowly.
const LONGEST_REST: Duration = Duration::from_secs(2);

/// What is kept for the clouds of one namespace, by the observer that keeps it.
#[derive(Debug)]
pub struct Share {
    kept: Mutex<HashMap<u64, usize>>,
    /// Who reads a long page.
    turn: Arc<Semaphore>,
    /// Until when nobody does.
    rest: Mutex<Option<Instant>>,
}

impl Default for Share {
    fn default() -> Self {
        Self {
            kept: Mutex::default(),
            turn: Arc::new(Semaphore::new(1)),
            rest: Mutex::default(),
        }
    }
}

/// A long page is being read.
struct Turn {
    share: Arc<Share>,
    began: Instant,
    _permit: Option<OwnedSemaphorePermit>,
}

impl Drop for Turn {
    fn drop(&mut self) {
        let rest = self.began.elapsed().saturating_mul(REST).min(LONGEST_REST);
        *self.share.rest() = Some(Instant::now() + rest);
    }
}

impl Share {
    fn rest(&self) -> MutexGuard<'_, Option<Instant>> {
        self.rest.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until nobody else of the namespace reads a long page.
    async fn enter(self: Arc<Self>) -> Place {
        // It is never closed.
        let permit = Arc::clone(&self.turn).acquire_owned().await.ok();
        let rest = *self.rest();
        if let Some(rest) = rest {
            sleep_until(rest).await;
        }
        Box::new(Turn {
            share: self,
            began: Instant::now(),
            _permit: permit,
        })
    }

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

impl Room for Shares {
    /// In the first of the namespaces that has a place: who shares an Ironic with a crowded one does not wait for it.
    fn enter(&self) -> BoxFuture<'static, Place> {
        let entering: Vec<_> = self
            .all()
            .iter()
            .map(|share| Arc::clone(share).enter().boxed())
            .collect();
        async move {
            if entering.is_empty() {
                return Box::new(()) as Place;
            }
            select_all(entering).await.0
        }
        .boxed()
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

    #[tokio::test]
    async fn of_the_clouds_of_a_namespace_one_reads_a_long_page_at_a_time_and_then_none_for_a_while() {
        let (crowded, other) = (Arc::<Share>::default(), Arc::<Share>::default());
        let clouds: Vec<_> = (0..2).map(Shares::new).collect();
        assert!(clouds[0].enter().now_or_never().is_some(), "of nobody");
        for cloud in &clouds {
            cloud.set(vec![Arc::clone(&crowded)]);
        }
        let first = clouds[0].enter().await;
        let mut second = clouds[1].enter();
        assert!((&mut second).now_or_never().is_none(), "one at a time");
        let elsewhere = Shares::new(9);
        elsewhere.set(vec![Arc::clone(&crowded), Arc::clone(&other)]);
        assert!(elsewhere.enter().now_or_never().is_some(), "another namespace");
        let read = Duration::from_millis(50);
        tokio::time::sleep(read).await;
        let ended = Instant::now();
        drop(first);
        second.await;
        assert!(ended.elapsed() >= read * REST, "{:?}", ended.elapsed());
    }

    #[test]
    fn a_page_that_came_slowly_holds_the_others_up_no_longer_than_others() {
        let share = Arc::<Share>::default();
        let began = Instant::now().checked_sub(Duration::from_secs(20)).unwrap();
        drop(Turn {
            share: Arc::clone(&share),
            began,
            _permit: None,
        });
        let rest = share.rest().unwrap();
        assert!(rest <= Instant::now() + LONGEST_REST, "{rest:?}");
    }
}
