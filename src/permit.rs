//! The leave to write, asked at the last moment before a request is sent.

use std::fmt;
use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::{Duration, Instant, SystemTime};

/// Answers whether this process may still send requests that change something. Cheap to clone and to ask.
#[derive(Clone)]
pub struct Permit(Arc<dyn Fn() -> bool + Send + Sync>);

impl Permit {
    /// A permit that `granted` decides on; it is asked very often and must not block.
    pub fn new(granted: impl Fn() -> bool + Send + Sync + 'static) -> Self {
        Self(Arc::new(granted))
    }

    /// Whether it is granted at this moment.
    pub fn granted(&self) -> bool {
        (self.0)()
    }

    /// Goes on with `work` only as long as the permit is granted; `None`: it was withdrawn before `work` was done.
    ///
    /// It is asked before every single step and not only once before the first. A process that was stopped while it
    /// waited for a free connection, for a pause to be over or for a peer to take the rest of a body goes on right there,
    /// perhaps a minute later: the question comes first.
    pub async fn guard<F: Future>(&self, work: F) -> Option<F::Output> {
        let mut work = pin!(work);
        poll_fn(|context| {
            if self.granted() {
                work.as_mut().poll(context).map(Some)
            } else {
                Poll::Ready(None)
            }
        })
        .await
    }
}

impl Default for Permit {
    /// Always granted.
    fn default() -> Self {
        Self::new(|| true)
    }
}

impl fmt::Debug for Permit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Permit").field(&self.granted()).finish()
    }
}

/// A moment, on two clocks.
#[derive(Clone, Copy, Debug)]
pub struct Moment {
    pub(crate) running: Instant,
    pub(crate) wall: SystemTime,
}

impl Moment {
    /// This moment.
    pub fn now() -> Self {
        Self {
            running: Instant::now(),
            wall: SystemTime::now(),
        }
    }

    /// The time since an earlier moment, by the clock that says more.
    ///
    /// The running clock (CLOCK_MONOTONIC) goes on while a process is stopped, but stands while the whole machine is
    /// suspended; the wall clock is put right when the machine wakes up. A wall clock that is set forward for another reason
    /// only ends a term too early, which costs a restart; one that is set back changes nothing.
    pub fn since(self, earlier: Self) -> Duration {
        let running = self.running.saturating_duration_since(earlier.running);
        let wall = self.wall.duration_since(earlier.wall).unwrap_or_default();
        running.max(wall)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, Ordering};

    use super::Permit;

    #[tokio::test]
    async fn work_that_has_begun_does_not_go_on_without_it() {
        let granted = Arc::new(AtomicBool::new(true));
        let asked = Arc::clone(&granted);
        let permit = Permit::new(move || asked.load(Ordering::Relaxed));
        assert_eq!(permit.guard(async { 1 }).await, Some(1));
        let withdrawn = async {
            granted.store(false, Ordering::Relaxed);
            tokio::task::yield_now().await;
            2
        };
        assert_eq!(permit.guard(withdrawn).await, None);
        assert_eq!(permit.guard(async { panic!("never begun") }).await, None::<()>);
    }
}
