//! How an observer looks: one complete listing after the other, at a pace that Ironic can bear.

use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use tokio_util::sync::CancellationToken;

use super::listing::{self, Missed};
use super::observer::{Observer, State};
use super::overview::Health;
use super::texts::Texts;

/// Looks until the last owner lets go: between two looks only a weak handle is held.
pub(super) async fn keep_looking(observer: Weak<Observer>, stop: CancellationToken) {
    while let Some(looking) = observer.upgrade() {
        let nudge = Arc::clone(&looking.nudge);
        let spacing = looking.look().await;
        drop(looking);
        if stop
            .run_until_cancelled(tokio::time::sleep(spacing))
            .await
            .is_none()
        {
            return;
        }
        let Some(rest) = observer.upgrade().map(|observer| observer.rest(spacing)) else {
            return;
        };
        tokio::select! {
            () = tokio::time::sleep(rest) => {}
            () = nudge.notified() => {}
            () = stop.cancelled() => return,
        }
    }
}

impl Observer {
    /// Looks once; the answer is the shortest pause before the next look.
    async fn look(&self) -> Duration {
        let started = Instant::now();
        let due = self.state().sweep_due(started);
        // A page is too much for the stack.
        let looked = self.stop.run_until_cancelled(Box::pin(self.observe(due))).await;
        let Some(result) = looked else {
            return Duration::ZERO;
        };
        match result {
            Ok(()) => self.state().intervals.spacing(started.elapsed()),
            Err(Missed::Ironic(error)) if error.is_closed() => {
                self.stop.cancel();
                Duration::ZERO
            }
            Err(missed) => self.down(&missed),
        }
    }

    /// How long to rest once `spacing` has passed, unless something moves: nothing while something does, and not beyond the next look
    /// at every detail.
    fn rest(&self, spacing: Duration) -> Duration {
        let state = self.state();
        if state.is_busy() || self.rooms.is_busy() {
            Duration::ZERO
        } else {
            let sweep = state.until_sweep(Instant::now());
            state.intervals.quiet.saturating_sub(spacing).min(sweep)
        }
    }

    async fn observe(&self, in_detail: bool) -> Result<(), Missed> {
        let versions = self.eye.versions().await?;
        let drivers = if in_detail {
            Some(listing::drivers(&self.eye).await?)
        } else {
            None
        };
        let began = self.eye.stamp();
        let (depth, kept) = {
            let state = self.state();
            (state.depth(in_detail), state.weight + state.texts.weight)
        };
        let has_room = |bytes| self.shares.hold(kept + bytes);
        let listed = listing::nodes(&self.eye, depth, has_room).await;
        self.shares.hold(
            listed
                .as_ref()
                .map_or(kept, |listed| listed.weight + listed.texts),
        );
        let listing::Nodes {
            mut rows,
            odd,
            weight,
            ..
        } = listed?;
        let mut state = self.state();
        state.weight = weight;
        let texts = Texts::of(&mut rows);
        let before = state.overview();
        state.snapshot.list(began, rows, in_detail);
        state.keep_texts(texts, depth);
        state.odd = odd;
        state.suspended = self.client.suspends_writes();
        let recovered = state.health != Health::Up;
        state.health = Health::Up;
        state.failures = 0;
        state.observed = Some(Instant::now());
        state.versions = Some(versions);
        if let Some(drivers) = drivers {
            state.drivers = drivers;
            state.swept = state.observed;
        }
        state.count();
        let after = state.overview();
        let everybody = recovered || before.drivers != after.drivers;
        let mut woken = if everybody {
            state.interest.keys()
        } else {
            state.interest.changed(&state.snapshot)
        };
        woken.extend(self.rooms.listed(&state.snapshot));
        drop(state);
        self.wake(woken, before != after);
        Ok(())
    }

    /// Only the cloud's own object hears of an outage: it costs the nodes' objects nothing.
    fn down(&self, missed: &Missed) -> Duration {
        let health = Health::of(missed);
        let mut state = self.state();
        state.failures = state.failures.saturating_add(1);
        let first = state.health == Health::Unknown;
        let changed = state.health != health;
        state.health = health;
        let pause = state.intervals.after_failures(state.failures);
        // Objects that have never been decided on must say what they wait for.
        let woken = match (first, changed) {
            (true, _) => state.interest.keys(),
            (false, true) => state.interest.restless(),
            (false, false) => vec![],
        };
        drop(state);
        self.wake(woken, changed);
        pause
    }
}

impl State {
    fn sweep_due(&self, now: Instant) -> bool {
        self.until_sweep(now).is_zero()
    }

    fn until_sweep(&self, now: Instant) -> Duration {
        let left = |swept| self.intervals.sweep.saturating_sub(now.duration_since(swept));
        self.swept.map_or(Duration::ZERO, left)
    }

    fn is_busy(&self) -> bool {
        self.health != Health::Up || self.interest.anybody_waits() || self.snapshot.awaits_reading()
    }
}
