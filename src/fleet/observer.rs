//! Looks at all nodes of one Ironic again and again, and wakes whom it concerns.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::{Notify, mpsc};
use tokio_util::sync::CancellationToken;

use super::interest::{Interest, Note, ObjectKey};
use super::listing;
use super::looking::keep_looking;
pub use super::overview::{Health, Overview, Wake};
use super::pace::Intervals;
use super::rooms::Rooms;
use super::shares::Shares;
use super::snapshot::{Sight, Snapshot};
use super::texts::Texts;
use crate::ironic::client::{Client, Room, VersionRange};
use crate::ironic::model::{Bmc, Life, Node, Seen, Stamp, life};

/// In a fleet so many times as large as those who compare a node for the first time, they read theirs one by one.
const FEW: usize = 20;

/// The next observer's.
static SERIAL: AtomicU64 = AtomicU64::new(0);

/// One Ironic, seen with one identity.
pub struct Observer {
    /// The client, for every call to this Ironic.
    pub client: Client,
    /// For looking: everybody waits for the next look, so it does not queue behind them. Its pace follows the time that Ironic
    /// takes for it, which a queue would hide.
    pub(super) eye: Client,
    state: Mutex<State>,
    /// Which observer of this process it is.
    pub(super) serial: u64,
    /// Who may begin what.
    pub(super) rooms: Rooms,
    /// What may be kept of listings.
    pub(super) shares: Arc<Shares>,
    began: Instant,
    /// Something moves: look soon.
    pub(super) nudge: Arc<Notify>,
    wake: mpsc::UnboundedSender<Wake>,
    pub(super) stop: CancellationToken,
}

#[derive(Default)]
/// What is known and what is asked of it.
pub(super) struct State {
    pub(super) intervals: Intervals,
    pub(super) snapshot: Snapshot,
    pub(super) interest: Interest,
    pub(super) health: Health,
    pub(super) failures: u32,
    pub(super) suspended: bool,
    pub(super) odd: listing::Odd,
    /// What the rows took when they were listed, bytes.
    pub(super) weight: usize,
    pub(super) versions: Option<VersionRange>,
    pub(super) drivers: Option<Vec<String>>,
    pub(super) counts: BTreeMap<String, u32>,
    pub(super) observed: Option<Instant>,
    pub(super) swept: Option<Instant>,
    pub(super) texts: Texts,
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
        let serial = SERIAL.fetch_add(1, Ordering::Relaxed);
        let shares = Arc::new(Shares::new(serial));
        let client = client.with_room(Arc::clone(&shares) as Arc<dyn Room>);
        let observer = Arc::new(Self {
            eye: client.with_own_slot(),
            client,
            serial,
            state,
            rooms: Rooms::default(),
            shares,
            began: Instant::now(),
            nudge: Arc::default(),
            wake,
            stop: stop.clone(),
        });
        tokio::spawn(keep_looking(Arc::downgrade(&observer), stop));
        observer
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
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

    /// Whether every node was listed, in detail, once.
    pub fn is_complete(&self) -> bool {
        self.state().snapshot.is_complete()
    }

    /// How long ago the last complete listing ended; before the first one, how long it has been tried.
    pub fn age(&self) -> Duration {
        self.state().observed.unwrap_or(self.began).elapsed()
    }

    /// What is known of a node.
    pub fn sight(&self, id: &str) -> Sight {
        self.state().snapshot.sight(id)
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
        // One listing in detail costs less than many nodes that are read one by one.
        let many = state.interest.first_ones() * FEW > state.snapshot.size();
        let prefers_detail = many && state.texts.is_empty();
        self.tells_every_bmc_since(state, asked.1, prefers_detail)
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

    /// A look is worth it.
    pub(super) fn look_soon(&self) {
        self.nudge.notify_one();
    }

    /// Lets these objects decide again.
    pub(super) fn wake_nodes(&self, nodes: Vec<ObjectKey>) {
        self.wake(nodes, false);
    }

    pub(super) fn wake(&self, nodes: Vec<ObjectKey>, cloud: bool) {
        let cloud = cloud.then_some(Wake::Cloud);
        for wake in nodes.into_iter().map(Wake::Node).chain(cloud) {
            // Nobody listens any more only while the process ends.
            self.wake.send(wake).ok();
        }
    }
}

impl State {
    pub(super) fn count(&mut self) {
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

    pub(super) fn overview(&self) -> Overview {
        Overview {
            health: self.health.clone(),
            suspended: self.suspended,
            odd: self.odd.clone(),
            versions: self.versions,
            drivers: self.drivers.clone(),
            counts: self.counts.clone(),
        }
    }
}
