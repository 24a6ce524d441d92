//! Failures whose words are gone: a change of the power clears `last_error` from a node that is still failed. The reason is in the
//! node's history then.

#![cfg(test)]

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::failures::TOLD;
use crate::harness::{World, active, condition, status};

/// How long Ironic works before it fails: long enough to stop the operator meanwhile.
const WORKS: u32 = 5;

/// A step that fails.
struct Failing {
    /// What fails, and the name of the node.
    operation: &'static str,
    /// What the node is set up with, and for which reason it is ready then.
    setup: (Value, &'static str),
    /// The edit that begins the step.
    edit: Value,
    /// The verb of the step.
    verb: &'static str,
    /// Where it ends.
    state: &'static str,
    /// The reasons that may be told.
    reasons: &'static [&'static str],
}

fn instance(state: &str) -> Value {
    let mut spec = active("http://images.example/one.qcow2");
    spec["provision"]["state"] = json!(state);
    spec["provision"]["rescuePasswordFrom"] = json!({"secretRef": {"name": "rescue", "key": "password"}});
    spec
}

fn to(state: &str) -> Value {
    json!({"provision": {"state": state}})
}

fn without_an_instance() -> [Failing; 3] {
    [
        Failing {
            operation: "inspect",
            setup: (to("manageable"), "Manageable"),
            edit: json!({"onEnroll": {"inspect": true}}),
            verb: "inspect",
            state: "inspect failed",
            reasons: &["InspectFailed"],
        },
        Failing {
            operation: "clean",
            setup: (to("manageable"), "Manageable"),
            edit: to("available"),
            verb: "provide",
            state: "clean failed",
            // Ironic itself puts such a node into maintenance, in the same words.
            reasons: &["CleanFailed", "Fault"],
        },
        Failing {
            operation: "deploy",
            setup: (to("available"), "Available"),
            edit: instance("active"),
            verb: "active",
            state: "deploy failed",
            reasons: &["DeployFailed"],
        },
    ]
}

fn with_an_instance() -> [Failing; 3] {
    [
        Failing {
            operation: "teardown",
            setup: (instance("active"), "Deployed"),
            edit: json!({"provision": {"state": "available", "instance": null}}),
            verb: "deleted",
            state: "error",
            reasons: &["UndeployFailed"],
        },
        Failing {
            operation: "rescue",
            setup: (instance("active"), "Deployed"),
            edit: to("rescue"),
            verb: "rescue",
            state: "rescue failed",
            reasons: &["RescueFailed"],
        },
        Failing {
            operation: "unrescue",
            setup: (instance("rescue"), "Rescued"),
            edit: to("active"),
            verb: "unrescue",
            state: "unrescue failed",
            reasons: &["UnrescueFailed"],
        },
    ]
}

/// Applies the node, waits, and begins the step that fails.
async fn begin(world: &World, failing: &Failing) -> String {
    let name = failing.operation;
    let mut spec = json!({"interfaces": {
        "power": "testkit", "deploy": "testkit", "rescue": "testkit", "inspect": "testkit",
    }});
    json_patch::merge(&mut spec, &failing.setup.0);
    world.apply_node(name, &spec).await;
    let node = world.ready(name, failing.setup.1).await;
    status(&node).id.clone().unwrap()
}

async fn fail(world: &World, failing: &Failing) {
    let name = failing.operation;
    let script = json!({format!("{name}_fail"): words(name), format!("{name}_delay"): WORKS});
    let mut edit = failing.edit.clone();
    edit["extra"] = json!({"testkit": script});
    world.edit(name, &edit).await;
    world
        .wait(name, "the step is begun", |node| {
            let attempts = status(node).attempts.as_ref();
            attempts.is_some_and(|attempts| attempts.step == failing.verb)
        })
        .await;
}

fn words(operation: &str) -> String {
    format!("no luck with {operation}")
}

/// Takes the words away from the node, and shows that they are gone and the failure is not.
async fn silence(world: &World, id: &str, state: &str) {
    world
        .live_is(id, state, |live| {
            live["provision_state"] == state && !live["last_error"].is_null()
        })
        .await;
    let (code, answer) = world
        .meddle(
            "PUT",
            &format!("/v1/nodes/{id}/states/power"),
            &json!({"target": "power on"}),
        )
        .await;
    assert_eq!(code, 202, "{answer}");
    let gone = |live: &Value| {
        live["provision_state"] == state
            && live["last_error"].is_null()
            && live["target_power_state"].is_null()
    };
    world.live_is(id, "no words", gone).await;
}

#[tokio::test]
async fn a_failure_without_words_is_told_from_the_history() {
    let world = World::new("wordless").await;
    world.secret("rescue", &json!({"password": "x"})).await;
    let all: Vec<_> = without_an_instance()
        .into_iter()
        .chain(with_an_instance())
        .collect();
    let ids = futures::future::join_all(all.iter().map(|failing| begin(&world, failing))).await;
    futures::future::join_all(all.iter().map(|failing| fail(&world, failing))).await;
    world.operator().pause();
    let asked = world.proxy.log().len();
    futures::future::join_all(
        all.iter()
            .zip(&ids)
            .map(|(failing, id)| silence(&world, id, failing.state)),
    )
    .await;
    world.operator().resume();
    let resumed = Instant::now();
    for (failing, id) in all.iter().zip(&ids) {
        let name = failing.operation;
        let node = world
            .wait(name, "the reason", |node| {
                condition(node, "Ready").is_some_and(|(now, why, said)| {
                    now == "False" && failing.reasons.contains(&why) && said.contains(&words(name))
                })
            })
            .await;
        assert!(
            resumed.elapsed() < TOLD + Duration::from_secs(1),
            "{name}: {:?}",
            resumed.elapsed()
        );
        assert!(
            status(&node)
                .last_error
                .as_deref()
                .unwrap()
                .contains(&words(name)),
            "{name}"
        );
        let log = world.proxy.log();
        let history = format!("/v1/nodes/{id}/history");
        let mut since = log.iter().skip(asked);
        assert!(
            since.any(|entry| entry.seen.path == history),
            "{name}: nobody asked for its history"
        );
    }
}
