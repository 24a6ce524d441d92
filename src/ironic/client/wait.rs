//! Waiting, for those who may sleep.
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

use super::{Client, Error, Result};
use crate::ironic::model::{Goal, Node, NodeSummary, Progress, progress};

/// How long between two looks.
const INTERVAL: Duration = Duration::from_secs(1);

impl Client {
    /// Waits until a node has got to a goal: at least one look, then one a second.
    ///
    /// Ends with [`Error::Unreached`] when it will not get there by itself, with [`Error::StillWaiting`] when
    /// the time is over. A goal has to be asked for first: a node that nobody asked is at rest elsewhere.
    pub async fn wait_for_node_provision_state(
        &self,
        id: &str,
        goal: Goal,
        timeout: Duration,
    ) -> Result<Node> {
        self.wait_for_node(id, timeout, |node| match progress(node, goal) {
            Progress::Done => Ok(true),
            Progress::Running => Ok(false),
            progress @ (Progress::Held | Progress::Failed | Progress::Elsewhere) => Err(Error::Unreached {
                node: node.uuid.clone(),
                goal,
                progress,
                state: node.provision_state.clone(),
                last_error: node.last_error.clone(),
            }),
        })
        .await
    }

    /// Waits until nobody holds a node's lock: at least one look, then one a second. The lock can be taken
    /// again at any time.
    pub async fn wait_for_node_reservation(&self, id: &str, timeout: Duration) -> Result<Node> {
        self.wait_for_node(id, timeout, |node| Ok(!node.is_reserved()))
            .await
    }

    async fn wait_for_node(
        &self,
        id: &str,
        timeout: Duration,
        mut is_over: impl FnMut(&NodeSummary) -> Result<bool>,
    ) -> Result<Node> {
        let started = Instant::now();
        loop {
            let look = Instant::now();
            let node = self.get_node(id).await?.value;
            let summary = NodeSummary::from(&node);
            if is_over(&summary)? {
                return Ok(node);
            }
            if started.elapsed() >= timeout {
                let NodeSummary {
                    uuid,
                    provision_state,
                    ..
                } = summary;
                return Err(Error::StillWaiting {
                    node: uuid,
                    after: timeout,
                    state: provision_state,
                });
            }
            // The last look is when the time is over, not up to an interval before.
            let remaining = timeout.saturating_sub(look.duration_since(started));
            sleep_until(look + INTERVAL.min(remaining)).await;
        }
    }
}
