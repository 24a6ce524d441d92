//! Waiting for locks, for those who want it.
use std::future::Future;
use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::Client;
use super::retry::backoff;

/// Not sooner than this: Ironic has waited for the lock itself, for seconds, before it refuses.
const PAUSE: Duration = Duration::from_millis(100);

impl Client {
    /// The same client, but a change that is refused because somebody else works on the node right now (409, the node's lock or
    /// a transition) is asked for again until `patience` is over; then the refusal is the caller's. Other conflicts (a name that
    /// is taken, an instance that is there) never are. Zero, with which a client begins: the refusal is the caller's at once.
    #[must_use]
    pub fn retry_on_conflict(&self, patience: Duration) -> Self {
        let mut client = self.clone();
        client.patience = patience;
        client
    }

    /// Makes an attempt again while it fails for a lock.
    pub(super) async fn patiently<T, E, F>(
        &self,
        attempt: impl Fn() -> F + Send,
        is_locked: impl Fn(&E) -> bool + Send,
    ) -> Result<T, E>
    where
        F: Future<Output = Result<T, E>> + Send,
    {
        let (started, mut attempts) = (Instant::now(), 0);
        loop {
            let result = attempt().await;
            attempts += 1;
            let pause = backoff(attempts, fastrand::f64()).max(PAUSE);
            match result {
                Err(error) if is_locked(&error) && started.elapsed() + pause < self.patience => {
                    sleep(pause).await;
                }
                result => return result,
            }
        }
    }
}
