//! Nodes: waited for, and validated.

#![cfg(test)]

use std::time::Duration;

use ironwright::ironic::client::{Client, Error, NodesWait, ProvisionRequest};
use ironwright::ironic::model::{InterfaceKind, Verb};
use ironwright_stack::proxy::{Action, Answer};
use serde::Serialize;
use serde_json::{Value, json};

use super::nodes::{pair, scripted};
use super::scene::{SIDES, Scene, Side, json_of};
use super::sdk::{Call, call};
use crate::client_lab::{LONG, patch, state};

/// Long enough to be seen, short enough to be waited for.
const SOON: Duration = Duration::from_secs(1);

fn wait_for(nodes: &[impl Serialize], kwargs: Value) -> Call {
    call(
        "wait_for_nodes_provision_state",
        json!([json_of(&nodes), "manageable"]),
        kwargs,
    )
}

pub async fn many(scene: &mut Scene<'_>) {
    let ours = scene.ours();
    let [a, b] = [behind_gates(scene, "a").await, behind_gates(scene, "b").await];
    let (sdk, our) = ([&scene.sdk("a"), &b[0]], [&scene.our("a"), &b[1]]);
    for uuid in a.iter().chain(&b) {
        ours.set_node_provision_state(uuid, &ProvisionRequest::new(Verb::Manage))
            .await
            .expect("it begins");
    }
    let wait = async {
        let waited = ours
            .wait_for_nodes_provision_state(&our, state("manageable"), NodesWait::new(LONG))
            .await?;
        waited.all().map(|nodes| json_of(&nodes))
    };
    scene.open_after(1, "a");
    scene.open_after(3, "b");
    scene
        .better(
            "names and uuids mixed, each look one request however many they are",
            &wait_for(&sdk, json!({"timeout": 60})),
            wait,
            |sdk, ours| {
                for did in [sdk, ours] {
                    let rows = did.value().as_array().expect("nodes");
                    assert!(
                        rows.len() == 2 && rows.iter().all(|row| row["provision_state"] == "manageable"),
                        "{did:?}"
                    );
                }
                assert!(
                    sdk.sent.iter().all(|request| request.contains("/v1/nodes/")),
                    "one request a node: {sdk:?}"
                );
                // The last one that is left is looked at by itself.
                assert!(ours.sent[0].starts_with("GET /v1/nodes?"), "{ours:?}");
            },
        )
        .await;
}

/// A node for each side whose verification does not end before the scene opens its gate.
async fn behind_gates(scene: &Scene<'_>, name: &str) -> [String; 2] {
    scripted(scene, name, |side| json!({"verify_gate": scene.gate(side, name)})).await
}

/// `a`, which cannot be verified, and `b`, which can; asked to become manageable. That `a` fails is seen by who looks twice.
async fn asked(scene: &Scene<'_>) -> [[String; 2]; 2] {
    let fails = |side| json!({"verify_gate": scene.gate(side, "a"), "verify_fail": "no such BMC"});
    let [a, b] = [
        scripted(scene, "a", fails).await,
        pair(scene, "b", &json!({})).await,
    ];
    for uuid in a.iter().chain(&b) {
        let manage = ProvisionRequest::new(Verb::Manage);
        let asked = scene.ours().set_node_provision_state(uuid, &manage).await;
        asked.expect("it begins");
    }
    scene.open_after(1, "a");
    let [sdk_a, our_a] = a;
    let [sdk_b, our_b] = b;
    [[sdk_a, sdk_b], [our_a, our_b]]
}

/// Our wait for all of them.
async fn wait_for_all(ours: &Client, nodes: &[String; 2], wait: NodesWait) -> Result<Value, Error> {
    let waited = ours
        .wait_for_nodes_provision_state(nodes, state("manageable"), wait)
        .await?;
    waited.all().map(|nodes| json_of(&nodes))
}

pub async fn failures(scene: &mut Scene<'_>) {
    let ours = scene.ours();
    let [sdk, our] = asked(scene).await;
    let wait = NodesWait {
        fail_fast: true,
        ..NodesWait::new(LONG)
    };
    let timeout = wait_for(&sdk, json!({"timeout": 60}));
    scene
        .same(
            "the first failure ends the wait, with its reason",
            &timeout,
            wait_for_all(&ours, &our, wait),
        )
        .await;
    let rest = wait_for_all(&ours, &our, NodesWait::new(LONG));
    scene
        .better(
            "a node that nobody asked to go anywhere is at rest; openstacksdk takes its old error for a new failure",
            &timeout,
            rest,
            |sdk, ours| {
                let words = [&sdk.failure().words, &ours.failure().words];
                assert_eq!((sdk.kind(), ours.kind()), ("failed", "failed"));
                assert!(words[0].contains("failed to verify") && !words[1].contains("no such BMC"), "{words:?}");
            },
        )
        .await;
    let patient = NodesWait {
        abort_on_failed_state: false,
        ..NodesWait::new(SOON)
    };
    let call = wait_for(&sdk, json!({"timeout": 1, "abort_on_failed_state": false}));
    scene
        .same(
            "`abort_on_failed_state=False` waits on, until the time is over",
            &call,
            wait_for_all(&ours, &our, patient),
        )
        .await;
}

pub async fn partial_results(scene: &mut Scene<'_>) {
    let ours = scene.ours();
    let [sdk, our] = asked(scene).await;
    let parts = async {
        let waited = ours
            .wait_for_nodes_provision_state(&our, state("manageable"), NodesWait::new(LONG))
            .await?;
        Ok(json!({"reached": waited.reached.len(), "why": waited.unreached[0].1.words()}))
    };
    scene
        .better(
            "partial results, each failure with its reason",
            &wait_for(&sdk, json!({"timeout": 60, "fail": false})),
            parts,
            |sdk, ours| {
                assert_eq!(
                    (
                        sdk.value()["success"].as_array().map(Vec::len),
                        sdk.value()["failure"].as_array().map(Vec::len)
                    ),
                    (Some(1), Some(1))
                );
                assert_eq!(ours.value()["reached"], 1);
                assert!(
                    ours.value()["why"]
                        .as_str()
                        .is_some_and(|why| why.contains("no such BMC")),
                    "{ours:?}"
                );
            },
        )
        .await;
}

pub async fn reservations(scene: &mut Scene<'_>) {
    let ours = scene.ours();
    let pair = behind_gates(scene, "a").await;
    let wait = |id: &str, kwargs| call("wait_for_node_reservation", json!([id]), kwargs);
    let free = async {
        ours.wait_for_node_reservation(&pair[1], LONG)
            .await
            .map(|node| json_of(&node))
    };
    let read = call("get_node", json!([pair[0]]), json!({})).order();
    let free_call = call("wait_for_node_reservation", json!([read]), json!({"timeout": 60}));
    scene.same("a node that is free", &free_call, free).await;
    for uuid in &pair {
        ours.set_node_provision_state(uuid, &ProvisionRequest::new(Verb::Manage))
            .await
            .expect("it begins");
    }
    let late = async {
        ours.wait_for_node_reservation(&pair[1], Duration::ZERO)
            .await
            .map(|node| json_of(&node))
    };
    let read = call("get_node", json!([pair[0]]), json!({})).order();
    let late_call = call("wait_for_node_reservation", json!([read]), json!({"timeout": 0}));
    scene.same("the time is over", &late_call, late).await;
    let name = scene.our("a");
    scene.open(Side::Sdk, "a");
    scene.open_after(1, "a");
    let waited = async {
        ours.wait_for_node_reservation(&name, LONG)
            .await
            .map(|node| json_of(&node))
    };
    scene
        .better(
            "by name or uuid; openstacksdk then asks nothing and says that it is free",
            &wait(&scene.sdk("a"), json!({"timeout": 60})),
            waited,
            |sdk, ours| {
                assert!(sdk.result.is_ok() && sdk.sent.is_empty(), "{sdk:?}");
                assert!(
                    ours.sent.len() > 1 && ours.value()["provision_state"] == "manageable",
                    "{ours:?}"
                );
            },
        )
        .await;
}

pub async fn validation(scene: &mut Scene<'_>) {
    use InterfaceKind::{Bios, Boot, Deploy, Power};
    let ours = scene.ours();
    let _ = pair(scene, "a", &json!({})).await;
    let [sdk, our] = SIDES.map(|side| scene.name(side, "a"));
    let validate = |required: Value| call("validate_node", json!([sdk]), json!({"required": required}));
    let map = async |required: &[InterfaceKind]| {
        ours.validate_node(&our, required)
            .await
            .map(|told| json_of(&told))
    };
    scene
        .same(
            "what Ironic says of each interface",
            &validate(json!([])),
            map(&[]),
        )
        .await;
    scene
        .same(
            "those that are required are fine",
            &validate(json!(["boot", "deploy", "power"])),
            map(&[Boot, Deploy, Power]),
        )
        .await;
    let lost = patch(json!([{"op": "add", "path": "/bios_interface", "value": "no-bios"}]));
    for name in [&sdk, &our] {
        ours.patch_node(name, &lost, false).await.expect("it changes");
    }
    scene
        .alike(
            "one that is required is not: its name and Ironic's reason",
            &validate(json!(["bios"])),
            map(&[Bios]),
            |sdk, ours| {
                assert_eq!((sdk.kind(), ours.kind()), ("invalid", "invalid"));
                let reason = "does not support bios";
                assert!(
                    sdk.failure().words.contains(reason) && ours.failure().words.contains(reason),
                    "{sdk:?} {ours:?}"
                );
            },
        )
        .await;
}

pub async fn validation_without_a_word(scene: &mut Scene<'_>) {
    use InterfaceKind::{Deploy, Power};
    let ours = scene.ours();
    let [sdk, our] = pair(scene, "a", &json!({})).await;
    let validate = |required: Value| call("validate_node", json!([sdk]), json!({"required": required}));
    let silent = Answer {
        status: 200,
        headers: vec![("X-OpenStack-Ironic-API-Version".into(), "1.95".into())],
        body: r#"{"power": {"result": true}}"#.into(),
    };
    scene.both_proxies("GET", "/v1/nodes/{}/validate", 1, &Action::Answer(silent));
    scene
        .better(
            "one that is required and of which nothing is said is not fine",
            &validate(json!(["power", "deploy"])),
            async {
                let told = ours.validate_node(&our, &[Power, Deploy]).await;
                told.map(|told| json_of(&told))
            },
            |sdk, ours| {
                assert_eq!((sdk.kind(), ours.kind()), ("", "invalid"));
            },
        )
        .await;
    scene.clear_rules();
}
