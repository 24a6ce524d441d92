//! Room for work, as the observer hands it out: fed by what it reads, waking whom it admits.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::interest::ObjectKey;
use super::limits::{Desk, Limits, Request};
use super::observer::Observer;
use super::snapshot::{Sight, Snapshot};
use crate::ironic::model::{Pool, Standing, Work};

/// The desk, shared. Its lock is taken after the observer's own, never the other way round.
#[derive(Debug, Default)]
pub struct Rooms {
    desk: Mutex<Desk>,
}

/// How much is going on, for the metrics.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Figures {
    /// Deployments under way or granted.
    pub deploys: usize,
    /// Teardowns and cleanings under way or granted.
    pub cleans: usize,
    /// What destroys, cleanings among it.
    pub destructive: usize,
    /// Nodes that wait to be deployed, cleaned or torn down, switched off or removed.
    pub waiting: [usize; 3],
}

impl Rooms {
    fn desk(&self) -> MutexGuard<'_, Desk> {
        self.desk.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether looking often is worth it: somebody waits for room.
    pub(super) fn is_busy(&self) -> bool {
        self.desk().is_busy()
    }

    /// A listing was taken in; the objects that may begin now.
    pub(super) fn listed(&self, snapshot: &Snapshot) -> Vec<ObjectKey> {
        let rows = snapshot.rows();
        let busy: HashMap<_, _> = rows
            .filter_map(|(node, _)| Some((node.uuid.clone(), Work::under_way(node)?)))
            .collect();
        let mut desk = self.desk();
        desk.listed(busy, |id| snapshot.sight(id) != Sight::Stale);
        desk.admit()
    }

    /// One node was read by itself, or removed; the objects that may begin now.
    pub(super) fn read(&self, id: &str, snapshot: &Snapshot) -> Vec<ObjectKey> {
        let mut desk = self.desk();
        match snapshot.sight(id) {
            Sight::Row(node, _) => desk.read(id, Work::under_way(&node)),
            Sight::Unlisted => desk.read(id, None),
            Sight::Stale => {}
        }
        desk.admit()
    }

    /// A write to the node has ended.
    pub(super) fn sent(&self, id: &str) {
        self.desk().sent(id);
    }

    /// The object wants no room; the objects that may begin now.
    pub(super) fn leave(&self, key: &ObjectKey) -> Vec<ObjectKey> {
        let mut desk = self.desk();
        if desk.leave(key) { desk.admit() } else { vec![] }
    }
}

impl Observer {
    /// Where the object stands in line.
    pub fn standing(&self, key: &ObjectKey) -> Standing {
        self.rooms.desk().standing(key)
    }

    /// Asks for room for work on a node; [`Observer::standing`] has the answer, and a waiting object is woken when there is
    /// room.
    pub fn ask_room(&self, request: Request) {
        let key = request.key.clone();
        let mut desk = self.rooms.desk();
        desk.ask(request);
        let mut admitted = desk.admit();
        let waits = matches!(desk.standing(&key), Standing::Waiting(..));
        drop(desk);
        admitted.retain(|other| *other != key);
        self.wake_nodes(admitted);
        if waits {
            self.look_soon();
        }
    }

    /// The object wants no room, or no longer.
    pub fn leave_room(&self, key: &ObjectKey) {
        let admitted = self.rooms.leave(key);
        self.wake_nodes(admitted);
    }

    /// Changes the limits.
    pub fn set_limits(&self, limits: Limits) {
        let mut desk = self.rooms.desk();
        desk.set_limits(limits);
        let admitted = desk.admit();
        drop(desk);
        self.wake_nodes(admitted);
    }

    /// How much is going on.
    pub fn figures(&self) -> Figures {
        let desk = self.rooms.desk();
        Figures {
            deploys: desk.under_way(Pool::Deploys),
            cleans: desk.under_way(Pool::Cleans),
            destructive: desk.under_way(Pool::Destructive),
            waiting: [Work::Deploy, Work::Clean, Work::Destroy].map(|work| desk.waiting(work)),
        }
    }
}
