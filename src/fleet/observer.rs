//! Looks at all nodes of one Ironic again and again, and wakes whom it concerns.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

use tokio::sync::{Notify, mpsc};
use tokio_util::sync::CancellationToken;

use super::interest::{Interest, Note, ObjectKey};
use super::listing;
pub use super::overview::{Health, Overview, Wake};
use super::pace::Intervals;
use super::rooms::Rooms;
use super::snapshot::{Sight, Snapshot};
use crate::ironic::client::{Client, Error, VersionRange};
use crate::ironic::model::{Bmc, Life, Node, NodeSummary, Seen, Stamp, life};

/// One Ironic, seen with one identity.
pub struct Observer {
    /// The client, for every call to this Ironic.
    pub client: Client,
    /// For looking: everybody waits for the next look, so it does not queue behind them. Its pace follows the time that Ironic
    /// takes for it, which a queue would hide.
    eye: Client,
    state: Mutex<State>,
    /// Who may begin what.
    pub(super) rooms: Rooms,
    /// Something moves: look soon.
    nudge: Arc<Notify>,
    wake: mpsc::UnboundedSender<Wake>,
    stop: CancellationToken,
}

#[derive(Default)]
struct State {
    intervals: Intervals,
    snapshot: Snapshot,
    interest: Interest,
    health: Health,
    failures: u32,
    versions: Option<VersionRange>,
    drivers: Option<Vec<String>>,
    counts: BTreeMap<String, u32>,
    observed: Option<Instant>,
    swept: Option<Instant>,
    /// When an object first asked about a machine, and in which generation of its spec.
    asked: HashMap<ObjectKey, (i64, Stamp)>,
}

impl Drop for Observer {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

impl Observer {
    /// Starts to look. It goes on until the last handle is dropped.
    pub fn start(client: Client, intervals: Intervals, wake: mpsc::UnboundedSender<Wake>) -> Arc<Self> {
        let stop = CancellationToken::new();
        let state = Mutex::new(State {
            intervals,
            ..State::default()
        });
        let observer = Arc::new(Self {
            eye: client.with_own_slot(),
            client,
            state,
            rooms: Rooms::default(),
            nudge: Arc::default(),
            wake,
            stop: stop.clone(),
        });
        tokio::spawn(keep_looking(Arc::downgrade(&observer), stop));
        observer
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// No request is sent any more; those under way are finished.
    pub fn close(&self) {
        self.client.close();
        self.stop.cancel();
    }

    /// Changes how often to look.
    pub fn set_intervals(&self, intervals: Intervals) {
        let before = std::mem::replace(&mut self.state().intervals, intervals);
        if before != intervals {
            self.nudge.notify_one();
        }
    }

    /// The cloud as a whole.
    pub fn overview(&self) -> Overview {
        self.state().overview()
    }

    /// Drivers with a live conductor; none: not known.
    pub fn drivers(&self) -> Option<Vec<String>> {
        self.state().drivers.clone()
    }

    /// Whether the cloud answers.
    pub fn health(&self) -> Health {
        self.state().health.clone()
    }

    /// Whether every node was listed, in detail, once.
    pub fn is_complete(&self) -> bool {
        self.state().snapshot.is_complete()
    }

    /// How long ago the last complete listing ended.
    pub fn age(&self) -> Option<Duration> {
        self.state().observed.map(|observed| observed.elapsed())
    }

    /// What is known of a node.
    pub fn sight(&self, id: &str) -> Sight {
        self.state().snapshot.sight(id)
    }

    /// The first node for which `pick` answers, with its BMC.
    pub fn find<T>(&self, mut pick: impl FnMut(&Arc<NodeSummary>, Option<&Bmc>) -> Option<T>) -> Option<T> {
        let state = self.state();
        state.snapshot.rows().find_map(|(node, bmc)| pick(node, bmc))
    }

    /// How many listings were taken in so far.
    pub fn listings(&self) -> u64 {
        self.state().snapshot.listings()
    }

    /// The BMC of a node, as far as a reading in detail has told.
    pub fn bmc(&self, id: &str) -> Option<Bmc> {
        self.state().snapshot.bmc(id).cloned()
    }

    /// Whether what the object asks for in this generation can be compared with all that was there when it first asked: every
    /// node was listed since, and read in detail once. If not, a look begins soon.
    pub fn has_looked_for(&self, key: &ObjectKey, generation: i64) -> bool {
        let mut state = self.state();
        let asked = *state
            .asked
            .entry(key.clone())
            .and_modify(|(known, stamp)| {
                if *known != generation {
                    (*known, *stamp) = (generation, self.client.stamp());
                }
            })
            .or_insert_with(|| (generation, self.client.stamp()));
        let in_detail = state.snapshot.knows_every_bmc();
        let looked = in_detail && state.snapshot.listed_since(asked.1);
        if !in_detail {
            state.swept = None;
        }
        drop(state);
        if !looked {
            self.nudge.notify_one();
        }
        looked
    }

    /// The object has decided.
    pub fn note(&self, key: &ObjectKey, note: Note) {
        let waiting = note.waiting;
        let mut state = self.state();
        let State {
            interest, snapshot, ..
        } = &mut *state;
        interest.note(key, note, snapshot);
        // A listing may have gone by between the sight and this note.
        let changed = interest.has_changed(key, snapshot);
        drop(state);
        if waiting {
            self.nudge.notify_one();
        }
        self.wake(changed.then(|| key.clone()).into_iter().collect(), false);
    }

    /// The object is gone.
    pub fn forget(&self, key: &ObjectKey) {
        let mut state = self.state();
        state.interest.forget(key);
        state.asked.remove(key);
        drop(state);
        self.leave_room(key);
    }

    /// Takes in a node that was read by itself.
    pub fn learn(&self, node: Seen<Node>) {
        let id = node.value.uuid.clone();
        let mut state = self.state();
        state.snapshot.take(node.into());
        self.make_room(state, &id);
    }

    /// The node was read: what it is busy with may be another thing now.
    fn make_room(&self, state: MutexGuard<'_, State>, id: &str) {
        let admitted = self.rooms.read(id, &state.snapshot);
        drop(state);
        self.wake_nodes(admitted);
    }

    /// Takes in a node as a write left it: older than whatever is asked from now on, newer than everything asked before.
    pub fn learn_written(&self, node: Seen<Node>) {
        let asked = self.client.stamp();
        let mut state = self.state();
        state.snapshot.raise_floor(&node.value.uuid, asked);
        state.snapshot.take(Seen { asked, ..node }.into());
    }

    /// A write to the node has ended: only what is asked from now on counts.
    pub fn wrote(&self, id: &str) {
        let floor = self.client.stamp();
        let mut state = self.state();
        state.snapshot.raise_floor(id, floor);
        self.rooms.sent(id);
        drop(state);
        self.nudge.notify_one();
    }

    /// The node was removed.
    pub fn removed(&self, id: &str) {
        let mut state = self.state();
        state.snapshot.remove(id);
        self.make_room(state, id);
    }

    /// Looks once; the answer is the shortest pause before the next look.
    async fn look(&self) -> Duration {
        let started = Instant::now();
        let due = self.state().sweep_due(started);
        let looked = self.stop.run_until_cancelled(self.observe(due)).await;
        let Some(result) = looked else {
            return Duration::ZERO;
        };
        match result {
            Ok(()) => self.state().intervals.spacing(started.elapsed()),
            Err(error) if error.is_closed() => {
                self.stop.cancel();
                Duration::ZERO
            }
            Err(error) => self.down(&error),
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

    async fn observe(&self, in_detail: bool) -> Result<(), Error> {
        let versions = self.eye.versions().await?;
        let drivers = if in_detail {
            Some(listing::drivers(&self.eye).await?)
        } else {
            None
        };
        let began = self.eye.stamp();
        let rows = listing::nodes(&self.eye, in_detail).await?;
        let mut state = self.state();
        let before = state.overview();
        state.snapshot.list(began, rows, in_detail);
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
    fn down(&self, error: &Error) -> Duration {
        let health = Health::Down {
            class: error.class(),
            unauthorized: error.is_unauthorized(),
            words: error.words().into_owned(),
        };
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

    /// A look is worth it.
    pub(super) fn look_soon(&self) {
        self.nudge.notify_one();
    }

    /// Lets these objects decide again.
    pub(super) fn wake_nodes(&self, nodes: Vec<ObjectKey>) {
        self.wake(nodes, false);
    }

    fn wake(&self, nodes: Vec<ObjectKey>, cloud: bool) {
        let cloud = cloud.then_some(Wake::Cloud);
        for wake in nodes.into_iter().map(Wake::Node).chain(cloud) {
            // Nobody listens any more only while the process ends.
            self.wake.send(wake).ok();
        }
    }
}

/// Looks until the last owner lets go: between two looks only a weak handle is held.
async fn keep_looking(observer: Weak<Observer>, stop: CancellationToken) {
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

    fn count(&mut self) {
        self.counts.clear();
        for (node, _) in self.snapshot.rows() {
            let known = life(&node.provision_state) != Life::Unknown;
            let state = if known {
                node.provision_state.as_str()
            } else {
                "unknown"
            };
            *self.counts.entry(state.to_owned()).or_default() += 1;
        }
    }

    fn overview(&self) -> Overview {
        Overview {
            health: self.health.clone(),
            versions: self.versions,
            drivers: self.drivers.clone(),
            counts: self.counts.clone(),
        }
    }
}
