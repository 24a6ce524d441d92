//! Two operators, one writer: whatever happens to the one that leads.

#![cfg(test)]

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use ironwright_stack::proxy::{Action, Entry};
use ironwright_stack::{Operator, wait};
use k8s_openapi::api::coordination::v1::{Lease, LeaseSpec};
use kube::Api;
use serde_json::Value;

use crate::harness::{LIMIT, World, active};

/// The Lease's 15 s, the longest pause between two looks at it, and the time to list and begin on a busy machine.
const TAKE_OVER: Duration = Duration::from_secs(15 + 2 + 8);

/// How long after a release the successor has begun: the same without the 15 s.
const HAND_OVER: Duration = Duration::from_secs(2 + 3);

/// A world with `first` leading and `second` standing by.
struct Pair {
    world: World,
    first: Operator,
    second: Operator,
}

impl Pair {
    async fn new(name: &str) -> Self {
        let world = World::empty(name).await;
        world.apply(&world.lab()).await.expect("the cloud is accepted");
        let first = world.launch_operator("first").await.expect("it is launched");
        first.ready().await.expect("the first gets ready");
        leads(&first).await;
        let second = world.launch_operator("second").await.expect("it is launched");
        second.ready().await.expect("one that stands by is ready");
        let pair = Self { world, first, second };
        assert_eq!(gauge(&pair.second).await, Some(0));
        assert!(
            !pair
                .second
                .metrics()
                .await
                .unwrap()
                .contains("ironwright_ironic_requests_total")
        );
        pair
    }

    /// Applies machines that are to become active.
    async fn deploy(&self, count: usize) {
        for index in 0..count {
            let spec = active("http://images.example/one.qcow2");
            self.world.apply_node(&node(index), &spec).await;
        }
    }

    /// Waits until all of them are.
    async fn deployed(&self, count: usize) {
        for index in 0..count {
            self.world.ready(&node(index), "Deployed").await;
        }
    }

    /// Waits until so many verbs were asked for.
    async fn verbs(&self, count: usize) {
        let route = "/v1/nodes/{}/states/provision";
        self.world
            .proxy
            .wait_for("PUT", route, count, LIMIT)
            .await
            .expect("the first gets to work");
    }

    /// What an operator has asked of Ironic.
    fn requests(&self, of: &str) -> Vec<Entry> {
        let mut log = self.world.proxy.log();
        log.retain(|entry| writer(entry) == of);
        log
    }

    /// Waits until the second has asked Ironic something; returns when it did.
    async fn taken_over(&self) -> Instant {
        let asked = wait::until("the second begins", LIMIT, async || {
            Ok(self.requests("second").first().map(|entry| entry.at))
        });
        asked.await.expect("the second takes over")
    }

    async fn lease(&self) -> LeaseSpec {
        let leases = Api::<Lease>::namespaced(self.world.client.clone(), &self.world.namespace);
        let lease = leases.get("ironwright").await.expect("there is a Lease");
        lease.spec.unwrap_or_default()
    }

    /// The last request of the first came before the first request of the second, and no verb was obeyed twice.
    fn was_one_writer_at_a_time(&self) {
        let (first, second) = (self.requests("first"), self.requests("second"));
        let last = first.iter().map(|entry| entry.seq).max();
        let begin = second.iter().map(|entry| entry.seq).min();
        assert!(last.is_some() && begin.is_some());
        assert!(last < begin, "{last:?} is after {begin:?}");
        let mut verbs = BTreeMap::<_, u32>::new();
        for entry in first.iter().chain(&second) {
            if entry.status == Some(202) {
                *verbs.entry((entry.seen.path.clone(), target(entry))).or_default() += 1;
            }
        }
        verbs.retain(|_, times| *times > 1);
        assert!(verbs.is_empty(), "obeyed more than once: {verbs:?}");
    }
}

fn node(index: usize) -> String {
    format!("n{index}")
}

/// Who sent a request: the operator's name, without the random part of its identity.
fn writer(entry: &Entry) -> String {
    let agent = entry
        .seen
        .headers
        .get("user-agent")
        .and_then(|agent| agent.to_str().ok());
    let identity = agent
        .and_then(|agent| agent.split_once('('))
        .map(|(_, identity)| identity);
    let name = identity
        .and_then(|identity| identity.split_once('_'))
        .map(|(name, _)| name);
    name.expect("every request says who sends it").to_owned()
}

fn target(entry: &Entry) -> String {
    let body: Value = serde_json::from_slice(&entry.seen.body).unwrap_or_default();
    body["target"].as_str().unwrap_or_default().to_owned()
}

async fn gauge(operator: &Operator) -> Option<u32> {
    let metrics = operator.metrics().await.ok()?;
    let line = metrics
        .lines()
        .find_map(|line| line.strip_prefix("ironwright_leader "))?;
    line.trim().parse().ok()
}

async fn leads(operator: &Operator) {
    wait::until("it leads", LIMIT, async || {
        Ok((gauge(operator).await == Some(1)).then_some(()))
    })
    .await
    .expect("it leads");
}

#[tokio::test]
async fn when_the_leader_is_killed_the_other_goes_on_where_it_was() {
    let pair = Pair::new("leader-killed").await;
    pair.deploy(10).await;
    pair.verbs(14).await;
    pair.first.kill().await;
    let killed = Instant::now();
    let taken_over = pair.taken_over().await;
    assert!(taken_over > killed, "the second waited");
    let took = taken_over.saturating_duration_since(killed);
    assert!(took < TAKE_OVER, "it took {took:?}");
    pair.deployed(10).await;
    pair.was_one_writer_at_a_time();
    leads(&pair.second).await;
    let lease = pair.lease().await;
    assert_eq!(lease.lease_transitions, Some(1));
    assert!(lease.holder_identity.unwrap().starts_with("second_"));
}

#[tokio::test]
async fn a_leader_that_was_stopped_for_too_long_sends_nothing_more_and_ends() {
    let pair = Pair::new("leader-stopped").await;
    // More nodes than requests may be in flight, so that some wait for a slot and some for an answer when it stops.
    pair.world
        .proxy
        .when("POST", "/v1/nodes")
        .from(5)
        .then(Action::Delay(Duration::from_secs(1)));
    pair.deploy(20).await;
    let created = pair.world.proxy.wait_for("POST", "/v1/nodes", 8, LIMIT).await;
    created.expect("the first gets to work");
    pair.first.pause();
    let stopped = Instant::now();
    pair.world.proxy.clear_rules();
    let taken_over = pair.taken_over().await;
    let took = taken_over.saturating_duration_since(stopped);
    assert!(took < TAKE_OVER, "it took {took:?}");
    let before = pair.requests("first").len();
    pair.first.resume();
    let resumed = Instant::now();
    let status = pair.first.process().wait().await;
    assert_eq!(status.code(), Some(1), "{}", pair.first.process().log_tail(20));
    let ended = resumed.elapsed();
    assert!(ended < Duration::from_secs(2), "it took {ended:?} to end");
    pair.deployed(20).await;
    assert_eq!(
        pair.requests("first").len(),
        before,
        "it sent something after all"
    );
    pair.was_one_writer_at_a_time();
}

#[tokio::test]
async fn a_leader_that_is_told_to_end_finishes_its_requests_and_hands_over() {
    let pair = Pair::new("leader-told").await;
    let slow = Action::Delay(Duration::from_secs(1));
    pair.world
        .proxy
        .when("PUT", "/v1/nodes/{}/states/provision")
        .then(slow);
    pair.deploy(6).await;
    pair.verbs(4).await;
    let told = Instant::now();
    let status = pair.first.stop().await;
    assert!(
        status.success(),
        "{status}\n{}",
        pair.first.process().log_tail(20)
    );
    let ended = Instant::now();
    let taken_over = pair.taken_over().await;
    assert!(taken_over - ended < HAND_OVER, "it took {:?}", taken_over - ended);
    pair.world.proxy.clear_rules();
    for entry in pair.requests("first") {
        assert!(entry.status.is_some(), "{} was not waited for", entry.seen.path);
        // The order itself takes a moment to arrive.
        let late = entry.at.saturating_duration_since(told);
        let verb = entry.seen.method != "GET";
        assert!(
            !verb || late < Duration::from_millis(500),
            "{} was begun {late:?} after the order",
            entry.seen.path
        );
    }
    pair.deployed(6).await;
    pair.was_one_writer_at_a_time();
    let lease = pair.lease().await;
    assert_eq!(lease.lease_transitions, Some(1));
    assert!(lease.holder_identity.unwrap().starts_with("second_"));
}
