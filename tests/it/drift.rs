//! Changes made behind the operator's back in fields that a frequent listing does not show: seen within one sweep of the details,
//! at the price of one request, and corrected or told.

#![cfg(test)]

use std::time::{Duration, Instant};

use ironwright_stack::proxy::{Action, Answer};
use ironwright_stack::wait;
use serde_json::{Value, json};

use crate::harness::{LIMIT, World, condition, message, status};
use crate::probe::node_of;

/// Between two sweeps.
const SWEEP: Duration = Duration::from_secs(5);

/// What else it may take on a busy machine: the sweep itself, one read, one write and the test's own looking.
const REST: Duration = Duration::from_secs(5);

/// A cloud whose details are swept often and which is looked at seldom otherwise.
async fn world(name: &str) -> World {
    let mut world = World::empty(name).await;
    let mut lab = world.lab();
    lab["spec"]["intervals"] = json!({"quietSeconds": 60, "sweepSeconds": SWEEP.as_secs()});
    world.apply(&lab).await.expect("the cloud is accepted");
    world.start_operator().await;
    world
}

/// Waits for so many more sweeps.
async fn sweeps(world: &World, more: usize) {
    let count = || {
        let log = world.proxy.log();
        log.iter()
            .filter(|entry| entry.seen.query.contains("detail="))
            .count()
    };
    let so_far = count();
    wait::until("the next sweeps", LIMIT, async || {
        Ok((count() >= so_far + more).then_some(()))
    })
    .await
    .unwrap();
}

/// The requests about single nodes, as `METHOD path`.
fn about_nodes(world: &World) -> Vec<String> {
    let log = world.proxy.log();
    let about = log.iter().filter(|entry| node_of(entry).is_some());
    about
        .map(|entry| format!("{} {}", entry.seen.method, entry.seen.path))
        .collect()
}

async fn patch(world: &World, id: &str, field: &str, value: &Value) {
    let operations = json!([{"op": "add", "path": format!("/{field}"), "value": value}]);
    let (code, said) = world
        .meddle("PATCH", &format!("/v1/nodes/{id}"), &operations)
        .await;
    assert_eq!(code, 200, "{field}: {said}");
}

/// Field, in the spec, as somebody changes it, and as it is wanted.
fn drifts(chassis: &str, other: &str) -> Vec<(&'static str, Value, Value, Value)> {
    let network = |mac: &str| {
        json!({
            "links": [{"id": "eth0", "type": "phy", "ethernet_mac_address": format!("52:54:00:00:00:{mac}")}],
            "networks": [], "services": [],
        })
    };
    vec![
        (
            "properties/cpus",
            json!({"properties": {"cpus": 4}}),
            json!(8),
            json!(4),
        ),
        (
            "properties/capabilities",
            json!({"capabilities": {"boot": "uefi"}}),
            json!("boot:bios"),
            json!("boot:uefi"),
        ),
        (
            "driver_info/address",
            json!({"driverInfo": {"address": "a"}}),
            json!("b"),
            json!("a"),
        ),
        (
            "description",
            json!({"description": "rack 7"}),
            json!("rack 8"),
            json!("rack 7"),
        ),
        (
            "extra/rack",
            json!({"extra": {"rack": "7"}}),
            json!({"deep": [1]}),
            json!("7"),
        ),
        ("lessee", json!({"lessee": "us"}), json!("them"), json!("us")),
        (
            "chassis_uuid",
            json!({"chassisId": chassis}),
            json!(other),
            json!(chassis),
        ),
        (
            "network_data",
            json!({"networkData": network("00")}),
            network("01"),
            network("00"),
        ),
        (
            "inspect_interface",
            json!({"interfaces": {"inspect": "fake"}}),
            json!("no-inspect"),
            json!("fake"),
        ),
    ]
}

async fn chassis(world: &World) -> String {
    let (code, made) = world.meddle("POST", "/v1/chassis", &json!({})).await;
    assert_eq!(code, 201, "{made}");
    made["uuid"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn whatever_is_changed_behind_its_back_is_put_right_within_one_sweep() {
    let world = world("drift-corrected").await;
    let drifts = drifts(&chassis(&world).await, &chassis(&world).await);
    let names: Vec<_> = (0..=drifts.len()).map(|number| format!("n{number}")).collect();
    for (name, (_, spec, ..)) in names.iter().zip(&drifts) {
        world.apply_node(name, spec).await;
    }
    let traits = names.last().unwrap();
    world
        .apply_node(traits, &json!({"traits": ["CUSTOM_OURS"]}))
        .await;
    let nodes = world.all_ready(&names, "Enrolled").await;
    let ids: Vec<_> = nodes
        .iter()
        .map(|node| status(node).id.clone().unwrap())
        .collect();
    sweeps(&world, 2).await;
    world.proxy.clear_log();

    let since = Instant::now();
    for (id, (field, _, theirs, _)) in ids.iter().zip(&drifts) {
        patch(&world, id, field, theirs).await;
    }
    let path = format!("/v1/nodes/{}/traits/CUSTOM_OURS", ids.last().unwrap());
    assert_eq!(world.meddle("DELETE", &path, &Value::Null).await.0, 204);
    let meddled = since.elapsed();
    for (id, (field, _, _, ours)) in ids.iter().zip(&drifts) {
        let pointer = format!("/{field}");
        world
            .live_is(id, field, |live| live.pointer(&pointer) == Some(ours))
            .await;
    }
    world
        .live_is(ids.last().unwrap(), "the trait", |live| {
            live["traits"] == json!(["CUSTOM_OURS"])
        })
        .await;
    let took = since.elapsed();
    assert!(took < SWEEP + meddled + REST, "{took:?}");

    sweeps(&world, 2).await;
    for id in &ids[..drifts.len()] {
        let requests: Vec<_> = about_nodes(&world)
            .into_iter()
            .filter(|said| said.contains(id))
            .collect();
        assert_eq!(
            requests,
            [format!("GET /v1/nodes/{id}"), format!("PATCH /v1/nodes/{id}")]
        );
    }
    world.proxy.clear_log();
    sweeps(&world, 2).await;
    assert_eq!(about_nodes(&world), Vec::<String>::new(), "quiet again");
}

#[tokio::test]
async fn what_nobody_manages_costs_one_look() {
    let world = world("drift-unmanaged").await;
    world.apply_node("a", &json!({"properties": {"cpus": 4}})).await;
    let id = status(&world.ready("a", "Enrolled").await).id.clone().unwrap();
    sweeps(&world, 2).await;
    world.proxy.clear_log();
    patch(&world, &id, "properties/memory_mb", &json!(4096)).await;
    sweeps(&world, 3).await;
    assert_eq!(about_nodes(&world), [format!("GET /v1/nodes/{id}")]);
}

/// To look closer is no change: while Ironic does not answer, what was last said of the node holds.
#[tokio::test]
async fn a_node_that_cannot_be_read_keeps_what_was_said_of_it() {
    let world = world("drift-unread").await;
    world.apply_node("a", &json!({"description": "rack 7"})).await;
    let id = status(&world.ready("a", "Enrolled").await).id.clone().unwrap();
    world.edit("a", &json!({"managementPolicy": "Observe"})).await;
    let before = world.ready("a", "Observing").await;
    sweeps(&world, 2).await;
    let away = Answer::ironic_error(503, "Service temporarily unavailable");
    world.proxy.when("GET", "/v1/nodes/{}").then(Action::Answer(away));
    world.proxy.clear_log();
    patch(&world, &id, "description", &json!("rack 8")).await;
    // Four tries are one reading; the next one begins after the first has been reported.
    world
        .proxy
        .wait_for("GET", "/v1/nodes/{}", 5, LIMIT)
        .await
        .unwrap();
    let now = world.nodes.get("a").await.unwrap();
    assert_eq!(status(&now).conditions, status(&before).conditions);
    world.proxy.clear_rules();
    let node = world.condition("a", "Drifted", "True", "Differs").await;
    assert!(message(&node, "Drifted").contains("description"));
}

#[tokio::test]
async fn who_does_not_correct_drift_tells_it_within_one_sweep_and_until_it_is_gone() {
    let world = world("drift-told").await;
    let spec = json!({"description": "rack 7"});
    world.apply_nodes(&["a".into(), "b".into()], &spec).await;
    let nodes = world.all_ready(&["a".into(), "b".into()], "Enrolled").await;
    world.edit("a", &json!({"managementPolicy": "Observe"})).await;
    world.edit("b", &json!({"paused": true})).await;
    world.ready("a", "Observing").await;
    world.condition("b", "Reconciling", "True", "Paused").await;
    sweeps(&world, 2).await;
    world.proxy.clear_log();

    let told = |name: &'static str, words: &'static str| {
        let told = move |node: &_| message(node, "Drifted").contains(words);
        world.wait(name, "the drift is told", told)
    };
    let since = Instant::now();
    for node in &nodes {
        let id = status(node).id.as_deref().unwrap();
        patch(&world, id, "description", &json!("rack 8")).await;
    }
    let meddled = since.elapsed();
    let node = told("a", "under managementPolicy Observe: description").await;
    assert_eq!(condition(&node, "Drifted").unwrap().0, "True");
    told("b", "while paused: description").await;
    let took = since.elapsed();
    assert!(took < SWEEP + meddled + REST, "{took:?}");
    let id = status(&nodes[0]).id.as_deref().unwrap();
    patch(&world, id, "description", &json!("rack 7")).await;
    world
        .wait("a", "the drift is gone", |node| {
            condition(node, "Drifted").is_none_or(|so| so.0 == "False")
        })
        .await;
    sweeps(&world, 2).await;
    assert_eq!(world.mutations(), Vec::<String>::new());
    // Each change is read, and once more when the object's own status comes back.
    assert!(about_nodes(&world).len() <= 2 * 3, "{:?}", about_nodes(&world));
    world.proxy.clear_log();
    sweeps(&world, 2).await;
    assert_eq!(
        about_nodes(&world),
        Vec::<String>::new(),
        "what is told costs nothing more"
    );

    world.edit("b", &json!({"paused": false})).await;
    world.ready("b", "Enrolled").await;
    assert_eq!(world.live("b").await.unwrap()["description"], "rack 7");
}

#[tokio::test]
async fn a_start_looks_only_at_what_changed_meanwhile() {
    let mut world = world("drift-restart").await;
    let names: Vec<String> = (0..3).map(|number| format!("n{number}")).collect();
    world
        .apply_nodes(&names, &json!({"properties": {"cpus": 4}}))
        .await;
    let nodes = world.all_ready(&names, "Enrolled").await;
    let operator = world.operator.take().unwrap();
    assert!(operator.stop().await.success());
    drop(operator);
    let id = status(&nodes[1]).id.clone().unwrap();
    patch(&world, &id, "properties/cpus", &json!(8)).await;
    world.proxy.clear_log();
    world.start_operator().await;
    world
        .live_is(&id, "corrected", |live| live["properties"]["cpus"] == 4)
        .await;
    sweeps(&world, 2).await;
    let expected = [format!("GET /v1/nodes/{id}"), format!("PATCH /v1/nodes/{id}")];
    assert_eq!(about_nodes(&world), expected);
}
