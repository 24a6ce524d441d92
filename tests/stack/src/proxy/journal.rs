//! What the proxy saw.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::rules::{RuleId, Seen};

/// One request and what became of it.
#[derive(Clone, Debug)]
pub struct Entry {
    /// Order of arrival, from 1.
    pub seq: u64,
    /// When it had arrived whole.
    pub at: Instant,
    /// The request.
    pub seen: Seen,
    /// The status that the server behind the proxy answered with, whether or not anybody heard it. None: it was not asked, or
    /// has not answered yet.
    pub answered: Option<u16>,
    /// The status that was sent back. None: not yet, or the connection was closed instead.
    pub status: Option<u16>,
    /// The rule that took it.
    pub rule: Option<RuleId>,
    /// From `at` until the answer began or the connection was closed; none while it is under way.
    pub duration: Option<Duration>,
}

/// The entries, shared by all connections.
#[derive(Debug, Default)]
pub(super) struct Journal {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    last: u64,
    entries: Vec<Entry>,
}

impl Journal {
    /// Writes down a request; returns its entry.
    pub(super) fn open(&self, seen: Seen, rule: Option<RuleId>) -> Entry {
        let mut state = self.lock();
        state.last += 1;
        let entry = Entry {
            seq: state.last,
            at: Instant::now(),
            seen,
            answered: None,
            status: None,
            rule,
            duration: None,
        };
        state.entries.push(entry.clone());
        entry
    }

    /// Writes down that the server has acted.
    pub(super) fn answered(&self, seq: u64, status: u16) {
        let mut state = self.lock();
        if let Some(entry) = state.entries.iter_mut().rfind(|entry| entry.seq == seq) {
            entry.answered = Some(status);
        }
    }

    /// Writes down what became of it.
    pub(super) fn close(&self, seq: u64, status: Option<u16>) {
        let mut state = self.lock();
        if let Some(entry) = state.entries.iter_mut().rfind(|entry| entry.seq == seq) {
            entry.status = status;
            entry.duration = Some(entry.at.elapsed());
        }
    }

    pub(super) fn entries(&self) -> Vec<Entry> {
        self.lock().entries.clone()
    }

    pub(super) fn count(&self, wanted: impl Fn(&Entry) -> bool) -> usize {
        self.lock().entries.iter().filter(|entry| wanted(entry)).count()
    }

    pub(super) fn clear(&self) {
        self.lock().entries.clear();
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
