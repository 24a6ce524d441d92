//! How a watch that fails waits and how often it talks about it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use kube::runtime::utils::Backoff;
use tokio::time::Instant;

/// The first wait after a failure; each further one is twice as long.
const FIRST_WAIT: Duration = Duration::from_millis(500);

/// The longest wait: short enough to be back soon after an apiserver's restart, long enough that a dozen watches
/// which are not allowed cost the apiserver about one request a second.
const LONGEST_WAIT: Duration = Duration::from_secs(10);

/// Six of the longest waits without a failure: the watch has worked, even if it had nothing to show.
const CALM: Duration = Duration::from_mins(1);

/// At most one line a minute about a watch that keeps failing.
const LOG_EVERY: Duration = Duration::from_mins(1);

/// The waits between attempts, by the number of failures since the last success.
///
/// Not kube's `default_backoff`: that one starts anew at every `Ok`, and each attempt to list begins with an
/// `Ok(Event::Init)`, so that a list which is refused for ever would be tried every second for ever.
#[derive(Clone, Default)]
pub(super) struct Patience {
    failures: Arc<AtomicU32>,
    last: Option<Instant>,
}

impl Patience {
    fn wait(&mut self, now: Instant) -> Duration {
        if self.last.is_some_and(|last| now.duration_since(last) > CALM) {
            self.failures.store(0, Ordering::Relaxed);
        }
        self.last = Some(now);
        let failures = self.failures.fetch_add(1, Ordering::Relaxed);
        let wait = FIRST_WAIT
            .saturating_mul(2_u32.saturating_pow(failures))
            .min(LONGEST_WAIT);
        wait.mul_f64(0.5 + fastrand::f64() / 2.0)
    }
}

impl Iterator for Patience {
    type Item = Duration;

    fn next(&mut self) -> Option<Duration> {
        Some(self.wait(Instant::now()))
    }
}

impl Backoff for Patience {
    /// What kube takes for a success; [`Troubles::end`] knows better.
    fn reset(&mut self) {}
}

/// A run of failures without a success, and when it was last talked about.
pub(super) struct Troubles {
    failures: u64,
    logged: Option<Instant>,
    patience: Patience,
}

impl Troubles {
    pub(super) fn new(patience: Patience) -> Self {
        Self {
            failures: 0,
            logged: None,
            patience,
        }
    }

    /// Counts a failure; the number so far if it is time for a line.
    pub(super) fn add(&mut self, now: Instant) -> Option<u64> {
        self.failures += 1;
        let due = self
            .logged
            .is_none_or(|logged| now.duration_since(logged) >= LOG_EVERY);
        due.then(|| {
            self.logged = Some(now);
            self.failures
        })
    }

    /// A success: the number of failures before it, if any.
    pub(super) fn end(&mut self) -> Option<u64> {
        self.logged = None;
        self.patience.failures.store(0, Ordering::Relaxed);
        Some(std::mem::take(&mut self.failures)).filter(|&failures| failures > 0)
    }

    /// Failures since the last success.
    #[cfg(test)]
    pub(super) fn failures(&self) -> u64 {
        self.failures
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use kube::runtime::utils::Backoff;

    use super::{CALM, LOG_EVERY, LONGEST_WAIT, Patience, Troubles};

    #[test]
    fn failures_are_told_once_a_minute_and_their_end_is_told() {
        let mut troubles = Troubles::new(Patience::default());
        let start = tokio::time::Instant::now();
        assert_eq!(troubles.end(), None);
        assert_eq!(troubles.add(start), Some(1));
        assert_eq!(troubles.add(start + Duration::from_secs(30)), None);
        assert_eq!(troubles.add(start + LOG_EVERY), Some(3));
        assert_eq!(troubles.end(), Some(3));
        assert_eq!(troubles.add(start + LOG_EVERY), Some(1));
    }

    #[test]
    fn waits_grow_until_a_success_or_a_calm_minute() {
        let mut patience = Patience::default();
        let mut troubles = Troubles::new(patience.clone());
        let start = tokio::time::Instant::now();
        let first = |wait: Duration| (250..=500).contains(&wait.as_millis());
        let long = |wait: Duration| (5_000..=10_000).contains(&wait.as_millis());
        assert!(first(patience.wait(start)));
        patience.reset();
        let _ = (0..40).map(|_| patience.wait(start)).last();
        assert!(long(patience.wait(start + LONGEST_WAIT)));
        troubles.end();
        assert!(first(patience.wait(start + LONGEST_WAIT)));
        let _ = (0..40).map(|_| patience.wait(start + LONGEST_WAIT)).last();
        assert!(long(patience.wait(start + LONGEST_WAIT)));
        assert!(first(patience.wait(start + LONGEST_WAIT + 2 * CALM)));
    }
}
