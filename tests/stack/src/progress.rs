//! Says what takes long, while it does, and how long it took.

use std::io::Write;
use std::time::{Duration, Instant};

use anyhow::Result;

/// How often a step that goes on says so. A minute of silence looks like a hang.
const STILL_AT_IT: Duration = Duration::from_secs(20);

/// Where progress goes: lines on standard error, or nowhere.
#[derive(Clone, Copy, Debug)]
pub struct Progress {
    quiet: bool,
}

impl Progress {
    /// Lines on standard error.
    pub fn stderr() -> Self {
        Self { quiet: false }
    }

    /// Says nothing.
    pub fn silent() -> Self {
        Self { quiet: true }
    }

    /// Prints one line.
    pub fn say(&self, text: &str) {
        if !self.quiet {
            // Progress is a courtesy: a closed standard error is no reason to fail.
            let _ = writeln!(std::io::stderr().lock(), "{text}");
        }
    }

    /// Does `work`, announcing it, repeating the announcement while it lasts, and saying how long it took.
    pub async fn step<T>(&self, what: &str, work: impl Future<Output = Result<T>>) -> Result<T> {
        let started = Instant::now();
        self.say(&format!("{what} …"));
        let mut work = std::pin::pin!(work);
        let outcome = loop {
            match tokio::time::timeout(STILL_AT_IT, &mut work).await {
                Ok(outcome) => break outcome,
                Err(_) => self.say(&format!("{what} … still at it after {}", seconds(started))),
            }
        };
        let verdict = if outcome.is_ok() { "done" } else { "failed" };
        self.say(&format!("{what}: {verdict} in {}", seconds(started)));
        outcome
    }
}

fn seconds(started: Instant) -> String {
    format!("{:.1} s", started.elapsed().as_secs_f64())
}
