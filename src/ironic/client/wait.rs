//! Waiting, for those who may sleep. Whether a node is there, on its way or will not get there is said by
//! [`progress_to`] and [`power_progress`] alone.
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

use super::{Client, Error, ProvisionRequest, Result};
use crate::ironic::model::{
    Life, Node, NodeSummary, PowerTarget, Progress, ProvisionState, Seen, Verb, life, power_progress,
    progress_to,
};

/// How long between two looks.
pub(super) const INTERVAL: Duration = Duration::from_secs(1);

/// Where a node on its way is to end.
enum Until {
    /// In this state.
    State(ProvisionState),
    /// Where the verb leads.
    Verb(Verb),
    /// Wherever nothing happens any more.
    Rest,
}

impl Client {
    /// Waits until a node has got to a state: at least one look, then one a second.
    ///
    /// Ends with [`Error::Unreached`] when it will not get there by itself (it failed, is held, or is at rest elsewhere), with
    /// [`Error::StillWaiting`] when the time is over, and with [`Error::is_not_found`] when the node is gone. A state has to be
    /// asked for first: a node that nobody asked is at rest elsewhere. A failed or held state can be waited for too.
    pub async fn wait_for_node_provision_state(
        &self,
        id: &str,
        wanted: impl Into<ProvisionState>,
        timeout: Duration,
    ) -> Result<Node> {
        let mut watched = Watched::new(wanted.into());
        let seen = self
            .wait_for_node(id, timeout, |node| watched.is_over(node))
            .await?;
        Ok(seen.value)
    }

    /// Asks for a provision verb and waits until Ironic is done with it, at most `timeout`; see
    /// [`Client::set_node_provision_state`]. The time a lock takes (see [`Client::retry_on_conflict`]) comes on top.
    ///
    /// `abort` is done when nothing happens any more (a step that cannot be stopped runs to its end); `unhold` when the node is
    /// where it was going when it was held; `deleted` in `available`, or in `manageable` if the node is retired.
    pub async fn set_node_provision_state_and_wait(
        &self,
        id: &str,
        request: &ProvisionRequest,
        timeout: Duration,
    ) -> Result<Seen<Node>> {
        let until = match request.verb {
            Verb::Abort => Until::Rest,
            // Where it goes is what it says now; wrong arguments are refused before it is asked.
            Verb::Unhold if request.body().is_ok() => {
                let target = self.get_node(id).await?.value.target_provision_state;
                target.map_or(Until::Rest, Until::State)
            }
            verb => Until::Verb(verb),
        };
        self.set_node_provision_state(id, request).await?;
        self.wait_for_node(id, timeout, |node| is_over(node, &until))
            .await
    }

    /// Waits until Ironic is done with what was asked of a node's power: at least one look, then one a second. Sees a reboot
    /// through. Ends with [`Error::PowerUnreached`] when it failed, and with [`Error::StillWaiting`] when the time is over.
    pub async fn wait_for_node_power_state(
        &self,
        id: &str,
        target: PowerTarget,
        timeout: Duration,
    ) -> Result<Seen<Node>> {
        let is_over = |node: &NodeSummary| match power_progress(node, target) {
            Progress::Done => Ok(true),
            Progress::Running => Ok(false),
            progress @ (Progress::Held | Progress::Failed | Progress::Elsewhere) => {
                Err(Error::PowerUnreached {
                    node: node.uuid.clone(),
                    target,
                    state: node.power_state.clone(),
                    last_error: evidence(node, progress),
                })
            }
        };
        self.wait_for_node(id, timeout, is_over).await
    }

    /// Waits until nobody holds a node's lock: at least one look, then one a second. The lock can be taken
    /// again at any time.
    pub async fn wait_for_node_reservation(&self, id: &str, timeout: Duration) -> Result<Node> {
        let seen = self
            .wait_for_node(id, timeout, |node| Ok(!node.is_reserved()))
            .await?;
        Ok(seen.value)
    }

    async fn wait_for_node(
        &self,
        id: &str,
        timeout: Duration,
        mut is_over: impl FnMut(&NodeSummary) -> Result<bool>,
    ) -> Result<Seen<Node>> {
        let started = Instant::now();
        loop {
            let look = Instant::now();
            let seen = self.get_node(id).await?;
            let summary = NodeSummary::from(&seen.value);
            if is_over(&summary)? {
                return Ok(seen);
            }
            if started.elapsed() >= timeout {
                return Err(still_waiting(&summary, timeout));
            }
            next_look(look, started, timeout).await;
        }
    }
}

/// Sleeps until it is time to look again. The last look is when the time is over, not up to an interval before.
pub(super) async fn next_look(look: Instant, started: Instant, timeout: Duration) {
    let remaining = timeout.saturating_sub(look.duration_since(started));
    sleep_until(look + INTERVAL.min(remaining)).await;
}

/// A node that is waited for without having been sent on its way by the same call.
pub(super) struct Watched {
    wanted: ProvisionState,
    /// Whether it was looked at.
    seen: bool,
    /// When its provision state had last changed at the first look.
    first: Option<String>,
}

impl Watched {
    pub fn new(wanted: ProvisionState) -> Self {
        Self {
            wanted,
            seen: false,
            first: None,
        }
    }

    /// How far it is.
    ///
    /// A node in `enroll` with an error may have failed to verify or may never have been asked to, whatever the error is about:
    /// only if it moved since the first look it is known to have failed. It is at rest in any case.
    pub fn progress(&mut self, node: &NodeSummary) -> Progress {
        if !self.seen {
            self.seen = true;
            self.first.clone_from(&node.provision_updated_at);
        }
        let moved = self.first != node.provision_updated_at;
        match progress_to(node, &self.wanted) {
            Progress::Failed if node.provision_state == ProvisionState::Enroll && !moved => {
                Progress::Elsewhere
            }
            progress => progress,
        }
    }

    /// Whether it is there; an error when it will not get there.
    pub fn is_over(&mut self, node: &NodeSummary) -> Result<bool> {
        let progress = self.progress(node);
        arrived(node, &self.wanted, progress)
    }
}

/// Whether a node that was just sent on its way is there.
fn is_over(node: &NodeSummary, until: &Until) -> Result<bool> {
    let wanted = match until {
        Until::State(state) => state.clone(),
        Until::Verb(verb) => match verb.goal(node.retired) {
            Some(goal) => goal.state(),
            None => return Ok(is_at_rest(node)),
        },
        Until::Rest => return Ok(is_at_rest(node)),
    };
    arrived(node, &wanted, progress_to(node, &wanted))
}

/// Whether nothing happens to a node until somebody asks.
fn is_at_rest(node: &NodeSummary) -> bool {
    let resting = matches!(life(&node.provision_state), Life::Stable | Life::Failed);
    resting && !node.is_reserved()
}

/// Whether a node with this progress is there; an error when it will not get there.
pub(super) fn arrived(node: &NodeSummary, wanted: &ProvisionState, progress: Progress) -> Result<bool> {
    match progress {
        Progress::Done => Ok(true),
        Progress::Running => Ok(false),
        Progress::Held | Progress::Failed | Progress::Elsewhere => Err(Error::Unreached {
            node: node.uuid.clone(),
            wanted: wanted.clone(),
            progress,
            state: node.provision_state.clone(),
            last_error: evidence(node, progress),
        }),
    }
}

/// The error of a wait whose time ran out.
pub(super) fn still_waiting(node: &NodeSummary, after: Duration) -> Error {
    Error::StillWaiting {
        what: "node",
        id: node.uuid.clone(),
        after,
        state: node.provision_state.to_string(),
    }
}

/// What Ironic says went wrong, if something did: elsewhere than in a failure it is an old story.
fn evidence(node: &NodeSummary, progress: Progress) -> Option<String> {
    let failed = progress == Progress::Failed;
    node.failure().filter(|_| failed).map(str::to_owned)
}
