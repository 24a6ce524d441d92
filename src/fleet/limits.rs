//! How much work at once: who may begin, and who is next. Pure: no clock, no I/O.
//!
//! What is under way is counted from the snapshot, whoever began it, so that neither a restart nor another user of Ironic is
//! missed; on top of that comes what was granted and the snapshot does not show yet. Who has to wait stands in line: first come
//! first served within a namespace, one namespace after the other, so that a hundred of one do not hold up one of another.

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use std::ops::Bound;

use jiff::Timestamp;

use super::interest::ObjectKey;
use crate::ironic::model::{Pool, Queue, Standing, Work};

/// How much may be under way at once.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Limits {
    /// Deployments.
    pub deploys: usize,
    /// Teardowns and cleanings.
    pub cleans: usize,
    /// Everything that destroys; none: no limit of its own.
    pub destructive: Option<usize>,
}

impl Default for Limits {
    /// As many as Ironic itself takes (39.0.0: `[conductor]max_concurrent_deploy`, `max_concurrent_clean`).
    fn default() -> Self {
        Self {
            deploys: 250,
            cleans: 50,
            destructive: None,
        }
    }
}

impl Limits {
    /// What satisfies both.
    #[must_use]
    pub fn strictest(self, other: Self) -> Self {
        let both = self.destructive.into_iter().chain(other.destructive);
        Self {
            deploys: self.deploys.min(other.deploys),
            cleans: self.cleans.min(other.cleans),
            destructive: both.min(),
        }
    }

    fn of(&self, pool: Pool) -> Option<usize> {
        match pool {
            Pool::Deploys => Some(self.deploys),
            Pool::Cleans => Some(self.cleans),
            Pool::Destructive => self.destructive,
        }
    }
}

/// Who asks for room.
#[derive(Clone, Debug)]
pub struct Request {
    /// The object.
    pub key: ObjectKey,
    /// Its node.
    pub id: String,
    /// What it is to do.
    pub work: Work,
    /// Since when it waits: its place within its namespace.
    pub since: Timestamp,
}

/// Those who wait for one kind of work.
#[derive(Debug, Default)]
struct Line {
    /// By namespace; none is empty.
    waiting: BTreeMap<String, VecDeque<Request>>,
    /// Whose turn it was last.
    last: String,
}

impl Line {
    fn enter(&mut self, request: Request) {
        let line = self.waiting.entry(request.key.namespace.clone()).or_default();
        let later = line.iter().rev();
        let behind = later.take_while(|other| other.since > request.since).count();
        line.insert(line.len() - behind, request);
    }

    /// Whether it stood there.
    fn leave(&mut self, key: &ObjectKey) -> bool {
        let Some(line) = self.waiting.get_mut(&key.namespace) else {
            return false;
        };
        let before = line.len();
        line.retain(|request| request.key != *key);
        let left = line.len() < before;
        if line.is_empty() {
            self.waiting.remove(&key.namespace);
        }
        left
    }

    fn next(&mut self) -> Option<Request> {
        let after = (Bound::Excluded(self.last.as_str()), Bound::Unbounded);
        let next = self.waiting.range::<str, _>(after).next();
        let namespace = next.or_else(|| self.waiting.iter().next())?.0.clone();
        let line = self.waiting.get_mut(&namespace)?;
        let request = line.pop_front();
        if line.is_empty() {
            self.waiting.remove(&namespace);
        }
        self.last = namespace;
        request
    }

    /// How many turns away the object is; 1 is next.
    fn place(&self, key: &ObjectKey) -> Option<usize> {
        let own = self.waiting.get(&key.namespace)?;
        let ahead = own.iter().position(|request| request.key == *key)?;
        // A namespace behind the last one comes before those that start the round anew.
        let turn = |namespace: &String| (*namespace <= self.last, namespace.clone());
        let before_us = |namespace: &String| turn(namespace) < turn(&key.namespace);
        let others = self
            .waiting
            .iter()
            .filter(|(namespace, _)| **namespace != key.namespace);
        let turns = others.map(|(namespace, line)| line.len().min(ahead + usize::from(before_us(namespace))));
        Some(turns.sum::<usize>() + ahead + 1)
    }

    fn len(&self) -> usize {
        self.waiting.values().map(VecDeque::len).sum()
    }
}

/// What was granted and not begun.
#[derive(Debug)]
struct Grant {
    id: String,
    work: Work,
}

/// Where room is given out.
#[derive(Debug, Default)]
pub struct Desk {
    limits: Limits,
    lines: BTreeMap<Work, Line>,
    granted: HashMap<ObjectKey, Grant>,
    /// Asked of Ironic, and not to be seen in the snapshot yet: node → work.
    sent: HashMap<String, Work>,
    /// What the snapshot shows: node → work.
    busy: HashMap<String, Work>,
    /// Which kind was granted last: they take turns.
    last: Option<Work>,
}

impl Desk {
    /// Changes the limits.
    pub fn set_limits(&mut self, limits: Limits) {
        self.limits = limits;
    }

    /// Where the object stands.
    pub fn standing(&self, key: &ObjectKey) -> Standing {
        if let Some(grant) = self.granted.get(key) {
            return Standing::Granted(grant.work);
        }
        let mut lines = self.lines.iter();
        let found = lines.find_map(|(work, line)| Some((*work, line.place(key)?)));
        match found {
            Some((work, place)) => Standing::Waiting(work, self.queue(work, place)),
            None => Standing::Unasked,
        }
    }

    /// The pool that is full; the first if the others in line are all there is in the way.
    fn queue(&self, work: Work, place: usize) -> Queue {
        let pools = work.pools();
        let full = pools.iter().find(|pool| !self.has_room(**pool));
        let pool = *full.or(pools.first()).unwrap_or(&Pool::Destructive);
        Queue {
            pool,
            limit: self.limits.of(pool).unwrap_or(usize::MAX),
            under_way: self.under_way(pool),
            place,
        }
    }

    /// Asks for room, unless the object has it or stands in line for it. Whoever asks for something else gives up the former.
    pub fn ask(&mut self, request: Request) {
        let asked = match self.standing(&request.key) {
            Standing::Granted(work) | Standing::Waiting(work, _) => work == request.work,
            Standing::Unlimited | Standing::Unasked => false,
        };
        if !asked {
            self.leave(&request.key);
            self.lines.entry(request.work).or_default().enter(request);
        }
    }

    /// The object no longer wants room; whether it had some, or stood in line. What it has begun goes on being counted.
    pub fn leave(&mut self, key: &ObjectKey) -> bool {
        let granted = self.granted.remove(key).is_some();
        self.lines
            .values_mut()
            .fold(granted, |left, line| line.leave(key) || left)
    }

    /// A verb was sent to the node, whatever became of it: it counts until the snapshot shows a newer reading.
    pub fn sent(&mut self, id: &str) {
        let owner = self
            .granted
            .iter()
            .find(|(_, grant)| grant.id == id)
            .map(|(key, _)| key.clone());
        if let Some(grant) = owner.and_then(|key| self.granted.remove(&key)) {
            self.sent.insert(grant.id, grant.work);
        }
    }

    /// A reading of the node that is newer than everything sent to it; none: it is gone.
    pub fn read(&mut self, id: &str, work: Option<Work>) {
        self.sent.remove(id);
        match work {
            Some(work) => _ = self.busy.insert(id.to_owned(), work),
            None => _ = self.busy.remove(id),
        }
    }

    /// A whole listing: what every node is busy with. `is_read` tells of a node whether its row is newer than what was sent.
    pub fn listed(&mut self, busy: HashMap<String, Work>, is_read: impl Fn(&str) -> bool) {
        self.busy = busy;
        self.sent.retain(|id, _| !is_read(id));
    }

    /// Gives out what room there is; the objects that got it.
    pub fn admit(&mut self) -> Vec<ObjectKey> {
        let mut admitted = vec![];
        while let Some(Request { key, id, work, .. }) = self.next() {
            self.granted.insert(key.clone(), Grant { id, work });
            admitted.push(key);
        }
        admitted
    }

    fn next(&mut self) -> Option<Request> {
        let order = match self.last {
            Some(Work::Deploy) => [Work::Clean, Work::Destroy, Work::Deploy],
            Some(Work::Clean) => [Work::Destroy, Work::Deploy, Work::Clean],
            Some(Work::Destroy) | None => [Work::Deploy, Work::Clean, Work::Destroy],
        };
        let may_go =
            |work: &Work| self.waiting(*work) > 0 && work.pools().iter().all(|pool| self.has_room(*pool));
        let work = order.into_iter().find(may_go)?;
        self.last = Some(work);
        self.lines.get_mut(&work)?.next()
    }

    fn has_room(&self, pool: Pool) -> bool {
        self.limits
            .of(pool)
            .is_none_or(|limit| self.under_way(pool) < limit)
    }

    /// How much is under way, or about to be.
    pub fn under_way(&self, pool: Pool) -> usize {
        let takes = |work: &Work| work.pools().contains(&pool);
        let seen = |id: &str| self.busy.get(id).is_some_and(takes);
        let granted = self
            .granted
            .values()
            .map(|grant| (grant.id.as_str(), &grant.work));
        let sent = self.sent.iter().map(|(id, work)| (id.as_str(), work));
        let unseen: HashSet<_> = granted
            .chain(sent)
            .filter(|(id, work)| takes(work) && !seen(id))
            .map(|(id, _)| id)
            .collect();
        self.busy.values().filter(|work| takes(work)).count() + unseen.len()
    }

    /// How many wait for a kind of work.
    pub fn waiting(&self, work: Work) -> usize {
        self.lines.get(&work).map_or(0, Line::len)
    }

    /// Whether anybody waits, or the outcome of something sent is awaited.
    pub fn is_busy(&self) -> bool {
        !self.sent.is_empty() || Work::ALL.iter().any(|work| self.waiting(*work) > 0)
    }
}

#[cfg(test)]
#[path = "limits_tests.rs"]
mod tests;
