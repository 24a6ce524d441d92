//! Limits of a cloud: deployments and cleanings at once, fair between namespaces, and the budget of destructive steps.
//!
//! What is counted here is everything in an Ironic, and one operator sees two namespaces: these tests have a stack of their own,
//! one after the other. How many nodes are busy is sampled from Ironic itself.

#![cfg(test)]

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use ironwright::api::BareMetalNode;
use ironwright_stack::proxy::{Action, Answer};
use ironwright_stack::wait;
use kube::api::ListParams;
use serde_json::{Value, json};
use tokio::sync::{Mutex, OnceCell};
use tokio_util::sync::CancellationToken;

use crate::harness::{LIMIT, World, active, condition, message};
use crate::probe::names;
use crate::stage::{Stack, stack};

static OWN: OnceCell<Stack> = OnceCell::const_new();

/// One of these tests at a time.
static ALONE: Mutex<()> = Mutex::const_new(());

/// For many nodes, a few at a time.
const MANY: Duration = Duration::from_mins(3);

const CLEANING: &[&str] = &["deleting", "cleaning", "clean wait"];
const DEPLOYING: &[&str] = &["deploying", "wait call-back"];

/// A control plane and an Ironic beside those that all tests share.
async fn own_stack() -> Stack {
    let shared = stack().await;
    let own = shared.with_own_control_plane().await.expect("a control plane");
    own.with_own_ironic("limits").await.expect("an Ironic")
}

/// A namespace in this stack, without a cloud or an operator.
async fn world(name: &str) -> World {
    let stack = OWN.get_or_init(own_stack).await;
    World::before(stack, &stack.ironic.endpoint(), name).await
}

/// A world with these limits and a running operator.
async fn limited(name: &str, limits: Value) -> World {
    let mut world = world(name).await;
    let mut lab = world.lab();
    lab["spec"]["limits"] = limits;
    world.apply(&lab).await.expect("the cloud is accepted");
    world.start_operator().await;
    world
}

/// By what they were busy with.
type Most = Arc<Mutex<BTreeMap<&'static str, usize>>>;

/// The most nodes that were busy at once, as Ironic itself said, again and again.
struct Sampler {
    most: Most,
    stop: CancellationToken,
}

impl Drop for Sampler {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

impl Sampler {
    fn start(endpoint: &str) -> Self {
        let (most, stop) = (Most::default(), CancellationToken::new());
        let (url, told) = (
            format!("{endpoint}/v1/nodes?fields=provision_state&limit=1000"),
            Arc::clone(&most),
        );
        tokio::spawn(stop.clone().run_until_cancelled_owned(async move {
            loop {
                let states = states(&url).await;
                let mut most = told.lock().await;
                for (kind, counted) in [("cleaning", CLEANING), ("deploying", DEPLOYING)] {
                    let now = states.iter().filter(|state| counted.contains(&state.as_str()));
                    let known: &mut usize = most.entry(kind).or_default();
                    *known = now.count().max(*known);
                }
                drop(most);
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }));
        Self { most, stop }
    }

    async fn most(&self, kind: &str) -> usize {
        self.most.lock().await.get(kind).copied().unwrap_or_default()
    }
}

async fn states(url: &str) -> Vec<String> {
    let request = reqwest::Client::new()
        .get(url)
        .header("X-OpenStack-Ironic-API-Version", "1.95");
    let page: Value = match request.send().await {
        Ok(answer) => answer.json().await.unwrap_or_default(),
        Err(_) => Value::Null,
    };
    let nodes = page["nodes"].as_array().cloned().unwrap_or_default();
    let state = |node: &Value| node["provision_state"].as_str().map(str::to_owned);
    nodes.iter().filter_map(state).collect()
}

/// A node of the testkit, on its way to a state.
fn scripted(state: &str, seconds: f64) -> Value {
    let mut spec = if state == "active" {
        active("http://images.example/one.qcow2")
    } else {
        json!({"provision": {"state": state}})
    };
    spec["interfaces"] = json!({"deploy": "testkit"});
    spec["extra"] = json!({"testkit": {"clean_delay": seconds, "deploy_delay": seconds}});
    spec
}

/// The nodes that say this of themselves.
async fn saying(world: &World, reason: &str) -> Vec<BareMetalNode> {
    let nodes = world.nodes.list(&ListParams::default()).await.unwrap().items;
    let says = |node: &BareMetalNode| condition(node, "Ready").is_some_and(|(_, why, _)| why == reason);
    nodes.into_iter().filter(says).collect()
}

/// Waits until so many nodes say this of themselves.
async fn so_many(world: &World, count: usize, reason: &str) -> Vec<BareMetalNode> {
    let what = format!("{count} say {reason}");
    let found = wait::until(&what, MANY, async || {
        let nodes = saying(world, reason).await;
        Ok((nodes.len() == count).then_some(nodes))
    });
    match found.await {
        Ok(nodes) => nodes,
        Err(error) => {
            let nodes = world.nodes.list(&ListParams::default()).await.unwrap().items;
            let now: Vec<_> = nodes.iter().map(|node| condition(node, "Ready")).collect();
            panic!("{error:#}: {now:#?}")
        }
    }
}

/// The nodes that were sent a verb, in order.
fn sent(world: &World, verb: &str) -> Vec<String> {
    let verbs = world.verbs().into_iter().filter(|sent| sent.verb == verb);
    verbs.map(|sent| sent.id).collect()
}

#[tokio::test]
async fn no_more_are_cleaned_and_deployed_at_once_than_allowed_and_all_arrive() {
    let _alone = ALONE.lock().await;
    let world = limited("limits-at-once", json!({"cleans": 3, "deploys": 2})).await;
    let sampler = Sampler::start(&world.stack.ironic.endpoint());
    let all = names(6);
    world.apply_nodes(&all, &scripted("available", 2.0)).await;
    let waiting = wait::until("somebody waits", LIMIT, async || {
        let waiting = saying(&world, "WaitingForRoom").await;
        Ok(waiting.into_iter().next())
    });
    let waiting = waiting.await.unwrap();
    let words = message(&waiting, "Reconciling");
    let told = "3 nodes of this Ironic are being torn down or cleaned, of at most 3 (spec.limits.cleans of BareMetalCloud lab)";
    assert!(words.starts_with(told), "{words}");
    let line = waiting.status.and_then(|status| status.waiting).unwrap();
    assert_eq!(line.work, "clean");
    let page = world.operator().metrics().await.unwrap();
    assert!(
        page.contains(r#"ironwright_operations_running{operation="clean"} 3"#),
        "{page}"
    );

    so_many(&world, all.len(), "Available").await;
    let most = sampler.most("cleaning").await;
    assert!((2..=3).contains(&most), "{most} were cleaned at once");

    for name in &all {
        world.edit(name, &scripted("active", 2.0)).await;
    }
    so_many(&world, all.len(), "Deployed").await;
    let most = sampler.most("deploying").await;
    assert!((1..=2).contains(&most), "{most} were deployed at once");
    world.assert_no_verb_repeated();
    let nodes = world.nodes.list(&ListParams::default()).await.unwrap().items;
    assert!(
        nodes
            .iter()
            .all(|node| node.status.as_ref().unwrap().waiting.is_none())
    );
    let page = world.operator().metrics().await.unwrap();
    assert!(
        page.contains(r#"ironwright_operations_waiting{operation="deploy"} 0"#),
        "{page}"
    );
}

/// Two namespaces with a cloud of the same Ironic each: the strictest limit holds for both, and neither waits for all of the
/// other.
#[tokio::test]
async fn a_namespace_with_one_node_does_not_wait_for_all_of_one_with_twelve() {
    let _alone = ALONE.lock().await;
    let mut crowd = world("limits-crowd").await;
    let mut lab = crowd.lab();
    lab["spec"]["limits"] = json!({"cleans": 2});
    crowd.apply(&lab).await.unwrap();
    let single = world("limits-single").await;
    lab["spec"]["limits"] = json!({"cleans": 40});
    single.apply(&lab).await.unwrap();
    let mut options = crowd.operator_options().await.unwrap();
    options.args.clear();
    let operator = ironwright_stack::Operator::launch(&crowd.stack.run, &options).unwrap();
    operator.ready().await.unwrap();
    crowd.operator = Some(operator);
    let sampler = Sampler::start(&crowd.stack.ironic.endpoint());

    let all = names(12);
    crowd.apply_nodes(&all, &scripted("available", 1.0)).await;
    let begun = wait::until("the crowd is in line", LIMIT, async || {
        let waiting = saying(&crowd, "WaitingForRoom").await.len();
        let begun = sent(&crowd, "provide").len();
        Ok((waiting + begun >= all.len()).then_some(begun))
    });
    let begun = begun.await.unwrap();
    assert!(begun <= 6, "{begun} were begun before the line was complete");
    // With `manageable` it is enrolled, so that all it does then is to stand in line.
    single.apply_node("only", &scripted("manageable", 1.0)).await;
    let only = single
        .ready("only", "Manageable")
        .await
        .status
        .unwrap()
        .id
        .unwrap();
    single
        .edit("only", &json!({"provision": {"state": "available"}}))
        .await;
    let before = sent(&crowd, "provide").len();
    single.ready("only", "Available").await;
    let turn = sent(&crowd, "provide").iter().position(|id| *id == only).unwrap();
    // Two may have gone before the edit was seen, and one more by turns.
    assert!(turn <= before + 3, "it was number {turn}, after {before}");
    assert!(turn < all.len(), "it was the last");

    so_many(&crowd, all.len(), "Available").await;
    let most = sampler.most("cleaning").await;
    assert!((1..=2).contains(&most), "{most} were cleaned at once");
    crowd.assert_no_verb_repeated();
}

async fn announced(world: &World) -> i32 {
    let status = world.clouds.get("lab").await.unwrap().status.unwrap();
    status.destructive_steps.iter().map(|steps| steps.count).sum()
}

async fn budget(world: &World, per_hour: u32) {
    world
        .edit_cloud(json!({"spec": {"limits": {"destructive": {"perHour": per_hour}}}}))
        .await;
}

#[tokio::test]
async fn a_spent_budget_stops_what_destroys_also_over_restarts_until_it_is_raised() {
    let _alone = ALONE.lock().await;
    let mut world = limited("limits-budget", json!({})).await;
    let all = names(4);
    world.apply_nodes(&all, &scripted("active", 0.0)).await;
    so_many(&world, 4, "Deployed").await;
    assert_eq!(announced(&world).await, 0, "without a budget there is no record");

    budget(&world, 2).await;
    for name in &all {
        world
            .edit(
                name,
                &json!({"provision": {"state": "available", "instance": null}}),
            )
            .await;
    }
    so_many(&world, 2, "Available").await;
    let spent = so_many(&world, 2, "BudgetSpent").await;
    let words = message(&spent[0], "Reconciling");
    assert!(words.starts_with("2 destructive steps were taken"), "{words}");
    assert!(
        words.contains("of at most 2 (its spec.limits.destructive.perHour); the next is possible at 2"),
        "{words}"
    );
    assert_eq!(sent(&world, "deleted").len(), 2);
    let page = world.operator().metrics().await.unwrap();
    assert!(page.contains("ironwright_destructive_budget_left 0"), "{page}");

    world.restart_operator(true).await;
    world.lists(3).await;
    assert_eq!(sent(&world, "deleted").len(), 2, "a restart gives nothing back");
    assert_eq!(announced(&world).await, 2);

    budget(&world, 5).await;
    so_many(&world, 4, "Available").await;
    assert_eq!(sent(&world, "deleted").len(), 4);

    // What Ironic answers without a word of what it did is paid for once, where the node shows that nothing happened.
    let crash = Answer::ironic_error(500, "the API has crashed");
    world
        .proxy
        .when("DELETE", "/v1/nodes/{}")
        .times(3)
        .then(Action::Answer(crash));

    // What is gone counts as well.
    world.delete(&all[0]).await;
    world.gone(&all[0]).await;
    world.delete(&all[1]).await;
    world
        .condition(&all[1], "Reconciling", "True", "BudgetSpent")
        .await;
    assert_eq!(announced(&world).await, 5);
    assert!(world.live(&all[1]).await.is_some());
    budget(&world, 6).await;
    world.gone(&all[1]).await;
    world.assert_no_verb_repeated();
}
