//! Waiting for many nodes at the cost of one listing a look.
use std::collections::BTreeMap;
use std::time::Duration;

use futures::TryStreamExt;
use tokio::time::Instant;

use super::resource::as_kept;
use super::wait::{Watched, arrived, next_look, still_waiting};
use super::{Client, Error, NodeQuery, Result};
use crate::ironic::model::{NodeSummary, Progress, ProvisionState};

/// How long to wait, and for what not to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NodesWait {
    /// When to stop waiting for those that are on their way.
    pub timeout: Duration,
    /// Whether a node that will not get there by itself (it failed, is held, or is at rest elsewhere) is given up; otherwise it
    /// is waited for like the others: somebody may help it. Yes by default.
    pub abort_on_failed_state: bool,
    /// Whether the first node that is given up ends the wait for all. No by default.
    pub fail_fast: bool,
}

impl NodesWait {
    /// A wait of so long, with the defaults.
    pub const fn new(timeout: Duration) -> Self {
        Self {
            timeout,
            abort_on_failed_state: true,
            fail_fast: false,
        }
    }
}

/// What became of the nodes that were waited for.
#[derive(Debug, Default)]
pub struct Waited {
    /// Those that are there, in the order in which they were seen there.
    pub reached: Vec<NodeSummary>,
    /// Those that are not, as they were asked for, with the reason: [`Error::Unreached`], [`Error::StillWaiting`] (time over, or
    /// the wait ended early), or what came instead of the node.
    pub unreached: Vec<(String, Error)>,
}

impl Waited {
    /// All of them, or why the first one is not there.
    pub fn all(self) -> Result<Vec<NodeSummary>> {
        match self.unreached.into_iter().next() {
            Some((_, error)) => Err(error),
            None => Ok(self.reached),
        }
    }
}

/// A node that is still waited for.
struct Pending {
    asked: String,
    watched: Watched,
    last: Option<NodeSummary>,
}

/// What a look says of a node.
type Sight = Result<NodeSummary>;

impl Client {
    /// Waits until these nodes (names and uuids, mixed as you like; twice is once) have got to a state: at least one look, then
    /// one a second, and a look is one listing however many they are.
    ///
    /// The states have to be asked for first. Partial results are results: an error is returned only when nothing can be said of
    /// any node. See [`Client::wait_for_node_provision_state`] for what ends the wait for a node.
    pub async fn wait_for_nodes_provision_state(
        &self,
        nodes: &[impl AsRef<str> + Sync],
        wanted: impl Into<ProvisionState> + Send,
        wait: NodesWait,
    ) -> Result<Waited> {
        let wanted = wanted.into();
        let mut pending = pending(nodes, &wanted);
        let mut outcome = Waited::default();
        let started = Instant::now();
        while !pending.is_empty() {
            let look = Instant::now();
            let mut sights = self.look_at(&pending).await?;
            pending.retain_mut(|one| {
                let sight = sights.remove(&one.asked);
                sight.is_none_or(|sight| !outcome.settle(one, &wanted, sight, wait))
            });
            let failed = wait.fail_fast && !outcome.unreached.is_empty();
            if failed || started.elapsed() >= wait.timeout {
                let left = pending.drain(..).map(|one| one.too_late(wait.timeout));
                outcome.unreached.extend(left);
            } else if !pending.is_empty() {
                next_look(look, started, wait.timeout).await;
            }
        }
        Ok(outcome)
    }

    /// What can be said of each; what a listing does not show is asked for by itself, since that is no evidence.
    async fn look_at(&self, pending: &[Pending]) -> Result<BTreeMap<String, Sight>> {
        let mut sights = BTreeMap::new();
        if pending.len() > 1 {
            let mut rows = Box::pin(self.list_nodes(NodeQuery::default()));
            while let Some(row) = rows.try_next().await? {
                let row = row.value;
                let asked = pending.iter().filter(|one| one.is(&row));
                for one in asked {
                    sights.insert(one.asked.clone(), Ok(row.clone()));
                }
            }
        }
        for one in pending {
            if !sights.contains_key(&one.asked) {
                let seen = self.get_node(&one.asked).await;
                let sight = seen.map(|seen| NodeSummary::from(&seen.value));
                sights.insert(one.asked.clone(), sight);
            }
        }
        Ok(sights)
    }
}

impl Waited {
    /// Whether a node need not be waited for any longer.
    fn settle(&mut self, one: &mut Pending, wanted: &ProvisionState, sight: Sight, wait: NodesWait) -> bool {
        let node = match sight {
            Ok(node) => node,
            Err(error) => {
                self.unreached.push((one.asked.clone(), error));
                return true;
            }
        };
        let progress = match one.watched.progress(&node) {
            Progress::Done => Progress::Done,
            progress if wait.abort_on_failed_state => progress,
            Progress::Running | Progress::Held | Progress::Failed | Progress::Elsewhere => Progress::Running,
        };
        one.last = Some(node.clone());
        match arrived(&node, wanted, progress) {
            Ok(false) => return false,
            Ok(true) => self.reached.push(node),
            Err(error) => self.unreached.push((one.asked.clone(), error)),
        }
        true
    }
}

impl Pending {
    fn is(&self, row: &NodeSummary) -> bool {
        row.uuid == self.asked || row.name.as_ref() == Some(&self.asked)
    }

    fn too_late(self, after: Duration) -> (String, Error) {
        let last = self.last.unwrap_or_default();
        (self.asked, still_waiting(&last, after))
    }
}

/// Each of the nodes once.
fn pending(nodes: &[impl AsRef<str>], wanted: &ProvisionState) -> Vec<Pending> {
    let mut pending: Vec<Pending> = Vec::new();
    for node in nodes {
        let asked = as_kept(node.as_ref()).into_owned();
        if pending.iter().all(|other| other.asked != asked) {
            pending.push(Pending {
                asked,
                watched: Watched::new(wanted.clone()),
                last: None,
            });
        }
    }
    pending
}
