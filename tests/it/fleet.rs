//! Many nodes: what they cost, and an operator that ends in the middle.

#![cfg(test)]

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use ironwright_stack::wait;
use kube::api::ListParams;
use serde_json::{Value, json};

use crate::harness::{LIMIT, World, active, condition};
use crate::probe::{names, node_of};
use crate::stage::heavy;

/// From nothing to `available`, for each node.
const MOST_REQUESTS: usize = 8;

/// For many nodes at once.
const MANY: Duration = Duration::from_mins(4);

/// One of these tests at a time: each fills the Ironic that all share.
pub static ALONE: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());

/// Seconds between two looks at a quiet cloud.
const QUIET: u32 = 2;

#[tokio::test]
async fn two_hundred_nodes_come_and_go_at_the_price_of_a_few_requests_each() {
    let _heavy = heavy().await;
    let _alone = ALONE.lock().await;
    let mut world = World::quiet_apart("fleet-many", QUIET).await;
    let (all, available) = (names(200), json!({"provision": {"state": "available"}}));
    let (few, rest) = all.split_at(50);
    world.apply_nodes(few, &available).await;
    all_there(&world, few.len(), "Available").await;
    let log = world.proxy.log();
    assert!(
        log.len() <= MOST_REQUESTS * few.len(),
        "{} requests for {} nodes",
        log.len(),
        few.len()
    );
    for (id, requests) in world.requests_by_node() {
        assert!(requests <= MOST_REQUESTS, "{id} took {requests} requests");
    }
    let idle_with_few = idle(&world).await;

    world.apply_nodes(rest, &json!({})).await;
    all_there(&world, rest.len(), "Enrolled").await;
    world.assert_no_verb_repeated();
    assert_eq!(idle(&world).await, idle_with_few, "idling costs the same");

    world.proxy.clear_log();
    world.restart_operator(false).await;
    reconciled(&world, all.len()).await;
    world.lists(2).await;
    let about_nodes: Vec<_> = world.proxy.log().iter().filter_map(node_of).collect();
    assert!(
        about_nodes.is_empty(),
        "a start asks for single nodes: {about_nodes:?}"
    );
    assert!(world.mutations().is_empty(), "{:?}", world.mutations());

    futures::future::join_all(all.iter().map(|name| world.delete(name))).await;
    let gone = wait::until("all are gone", MANY, async || {
        Ok(world
            .nodes
            .list(&ListParams::default())
            .await?
            .items
            .is_empty()
            .then_some(()))
    });
    gone.await.unwrap();
    world.assert_no_verb_repeated();
    let (_, left) = world
        .meddle("GET", "/v1/nodes?fields=name&limit=1000", &Value::Null)
        .await;
    let left: Vec<_> = left["nodes"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|node| node["name"].as_str())
        .collect();
    assert!(
        !left.iter().any(|name| name.starts_with("fleet-many~")),
        "{left:?}"
    );
}

/// Waits until so many nodes are `Ready` for this reason.
pub async fn all_there(world: &World, count: usize, reason: &str) {
    let there = wait::until("all nodes are ready", MANY, async || {
        let nodes = world.nodes.list(&ListParams::default()).await?.items;
        let ready = nodes.iter().filter(|node| {
            condition(node, "Ready").is_some_and(|(status, why, _)| (status, why) == ("True", reason))
        });
        Ok((ready.count() >= count).then_some(()))
    });
    there.await.unwrap();
}

/// The requests of two quiet intervals, by method and path.
async fn idle(world: &World) -> BTreeMap<String, usize> {
    // The list after the last change may still be one of a busy cloud.
    world.lists(2).await;
    world.proxy.clear_log();
    let since = Instant::now();
    world.lists(2).await;
    let least = Duration::from_secs(u64::from(QUIET)).mul_f64(0.9);
    assert!(since.elapsed() >= least, "a quiet cloud is asked every {QUIET} s");
    let mut requests = BTreeMap::new();
    for entry in world.proxy.log() {
        let request = format!("{} {}", entry.seen.method, entry.seen.path);
        *requests.entry(request).or_default() += 1;
    }
    requests
}

/// Waits until the operator has reconciled so many nodes since it started.
async fn reconciled(world: &World, nodes: usize) {
    let counted = wait::until("the nodes are reconciled", LIMIT, async || {
        let page = world.operator().metrics().await?;
        let counts = page
            .lines()
            .filter(|line| {
                line.starts_with("ironwright_reconciles_total{kind=\"BareMetalNode\",outcome=\"settled\"")
            })
            .filter_map(|line| line.rsplit(' ').next()?.parse::<usize>().ok());
        Ok((counts.sum::<usize>() >= nodes).then_some(()))
    });
    counted.await.unwrap();
}

#[tokio::test]
async fn an_operator_that_is_stopped_in_the_middle_goes_on_where_it_was() {
    let _heavy = heavy().await;
    interrupted("fleet-stopped", false).await;
}

#[tokio::test]
async fn an_operator_that_is_killed_in_the_middle_goes_on_where_it_was() {
    let _heavy = heavy().await;
    interrupted("fleet-killed", true).await;
}

/// Twenty nodes on their way to `active`; the operator ends while they are enrolled, and again while they are deployed.
async fn interrupted(name: &str, kill: bool) {
    let _alone = ALONE.lock().await;
    let mut world = World::quiet(name, QUIET).await;
    let names = names(20);
    let mut spec = active("http://images.example/one.qcow2");
    spec["interfaces"] = json!({"deploy": "testkit"});
    spec["extra"] = json!({"testkit": {"deploy_delay": 0.5}});
    let route = "/v1/nodes/{}/states/provision";
    world.apply_nodes(&names, &spec).await;
    world.proxy.wait_for("PUT", route, 5, LIMIT).await.unwrap();
    world.restart_operator(kill).await;
    let deployed = wait::until("some deployments", LIMIT, async || {
        let sent = world.verbs().iter().filter(|sent| sent.verb == "active").count();
        Ok((sent >= 5).then_some(sent))
    });
    let so_far = deployed.await.unwrap();
    assert!(so_far < names.len(), "it is in the middle");
    world.restart_operator(kill).await;
    all_there(&world, names.len(), "Deployed").await;
    let nodes = world.all_ready(&names, "Deployed").await;

    let mut created = BTreeMap::<String, usize>::new();
    for entry in world
        .proxy
        .log()
        .iter()
        .filter(|entry| entry.seen.method == "POST")
    {
        // A kill cuts requests off; Ironic may have acted, and then refuses the repetition under the same uuid.
        if kill && matches!(entry.status, None | Some(409)) {
            continue;
        }
        assert_eq!(entry.status, Some(201));
        *created.entry(node_of(entry).unwrap()).or_default() += 1;
    }
    assert!(created.values().all(|times| *times == 1), "{created:?}");
    world.assert_no_verb_repeated();
    for node in nodes {
        let id = node.status.unwrap().id.unwrap();
        assert_eq!(created.get(&id).copied().unwrap_or(usize::from(kill)), 1);
        let mut verbs = world.verbs_of(&id);
        if kill {
            // A request that was cut off is sent again where Ironic never got it.
            verbs.dedup();
        }
        assert_eq!(verbs, ["manage", "provide", "active"], "of {id}");
    }
}
