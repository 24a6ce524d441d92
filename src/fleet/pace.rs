//! How often to look.

use std::time::Duration;

/// The intervals between two looks.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Intervals {
    /// While something moves.
    pub busy: Duration,
    /// While nothing does.
    pub quiet: Duration,
    /// Between two looks at every detail.
    pub sweep: Duration,
}

impl Default for Intervals {
    /// Sized so that a quiet cloud costs five requests a minute per 1,000 nodes, and a transition is seen within a second.
    fn default() -> Self {
        Self {
            busy: Duration::from_secs(1),
            quiet: Duration::from_secs(15),
            sweep: Duration::from_mins(2),
        }
    }
}

impl Intervals {
    /// What satisfies both: the shorter interval, each.
    #[must_use]
    pub fn shortest(self, other: Self) -> Self {
        Self {
            busy: self.busy.min(other.busy),
            quiet: self.quiet.min(other.quiet),
            sweep: self.sweep.min(other.sweep),
        }
    }
}

/// A listing may take up to this share of Ironic's time while something moves: one part in five.
const SHARE: u32 = 4;

impl Intervals {
    /// The shortest pause after a look that took so long: a large cloud is looked at less often, but never more rarely than one
    /// in which nothing moves. An Ironic that hung for half a minute must not be out of sight for two.
    pub fn spacing(&self, took: Duration) -> Duration {
        let longest = self.quiet.max(self.busy);
        self.busy.max(took.saturating_mul(SHARE)).min(longest)
    }

    /// The pause after that many failures in a row: doubling, up to the quiet interval.
    pub fn after_failures(&self, failures: u32) -> Duration {
        (self.busy * 2_u32.saturating_pow(failures.saturating_sub(1).min(10))).min(self.quiet.max(self.busy))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slow_listing_is_asked_for_less_often() {
        let intervals = Intervals::default();
        assert_eq!(
            intervals.spacing(Duration::from_millis(50)),
            Duration::from_secs(1)
        );
        assert_eq!(intervals.spacing(Duration::from_secs(2)), Duration::from_secs(8));
        assert_eq!(intervals.spacing(Duration::from_secs(30)), intervals.quiet);
    }

    #[test]
    fn a_cloud_that_is_away_is_asked_no_more_than_a_quiet_one() {
        let seconds: Vec<_> = (1..7)
            .map(|n| Intervals::default().after_failures(n).as_secs())
            .collect();
        assert_eq!(seconds, [1, 2, 4, 8, 15, 15]);
    }
}
