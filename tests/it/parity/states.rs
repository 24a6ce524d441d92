//! Nodes: power, provision states, waits and validation.

#![cfg(test)]

use std::time::Duration;

use ironwright::ironic::client::{Client, ConfigDrive, Error, NodesWait, ProvisionRequest};
use ironwright::ironic::configdrive::{self, Content};
use ironwright::ironic::model::{InterfaceKind, PowerTarget, Verb};
use ironwright_stack::proxy::{Action, Answer};
use serde::Serialize;
use serde_json::{Value, json};

use super::nodes::{pair, walked};
use super::scene::{SIDES, Scene, Side, json_of};
use super::sdk::{Call, call};
use crate::client_lab::{LONG, object, patch, state};

/// Long enough to be seen, short enough to be waited for.
const SOON: Duration = Duration::from_secs(1);

fn power(id: &str, target: &str, kwargs: Value) -> Call {
    call("set_node_power_state", json!([id, target]), kwargs)
}

pub async fn power_states(scene: &mut Scene<'_>) {
    let ours = scene.ours();
    let [sdk, our] = pair(scene, "a", &json!({"power_delay": 0.3})).await;
    for (what, text, target) in [
        ("on, and waited for", "power on", PowerTarget::On),
        (
            "softly off, and waited for",
            "soft power off",
            PowerTarget::SoftOff,
        ),
        ("off, and waited for", "power off", PowerTarget::Off),
    ] {
        let ours = async {
            ours.set_node_power_state_and_wait(&our, target, None, LONG)
                .await
                .map(|_| ())
        };
        scene
            .same(
                what,
                &power(&sdk, text, json!({"wait": true, "timeout": 60})),
                ours,
            )
            .await;
    }
    scene
        .held(|side| format!("/v1/nodes/{}", if side == Side::Sdk { &sdk } else { &our }))
        .await;
}

pub async fn reboots(scene: &mut Scene<'_>) {
    let ours = scene.ours();
    let [sdk, our] = pair(scene, "a", &json!({"power_delay": 0.3})).await;
    for id in [&sdk, &our] {
        let on = ours
            .set_node_power_state_and_wait(id, PowerTarget::On, None, LONG)
            .await;
        on.expect("it is on");
    }
    let reboot = async {
        ours.set_node_power_state_and_wait(&our, PowerTarget::Reboot, None, LONG)
            .await
    };
    let at_once = power(&sdk, "rebooting", json!({"wait": true, "timeout": 60}));
    scene
        .better(
            "a reboot is seen through; openstacksdk's wait ends before it has begun",
            &at_once,
            reboot,
            |sdk, ours| {
                assert!(sdk.result.is_ok() && sdk.count("GET") <= 2, "{sdk:?}");
                assert_eq!(
                    (
                        ours.value()["power_state"].as_str(),
                        &ours.value()["target_power_state"]
                    ),
                    (Some("power on"), &json!(null))
                );
            },
        )
        .await;
    ours.wait_for_node_power_state(&sdk, PowerTarget::Reboot, LONG)
        .await
        .expect("it is over");
}

pub async fn power_failures(scene: &mut Scene<'_>) {
    let ours = scene.ours();
    let [sdk, our] = pair(scene, "a", &json!({"power_fail": "no current"})).await;
    let on = async {
        ours.set_node_power_state_and_wait(&our, PowerTarget::On, None, LONG)
            .await
    };
    scene
        .better(
            "a failure is told with its reason; openstacksdk waits on until the time is over",
            &power(&sdk, "power on", json!({"wait": true, "timeout": 2})),
            on,
            |sdk, ours| {
                assert_eq!((sdk.kind(), ours.kind()), ("timeout", "failed"));
                assert!(ours.failure().words.contains("no current"), "{ours:?}");
            },
        )
        .await;
}

fn provision(id: &str, verb: &str, mut kwargs: Value) -> Call {
    kwargs["wait"] = true.into();
    kwargs["timeout"] = 60.into();
    call("set_node_provision_state", json!([id, verb]), kwargs)
}

/// From `enroll` to `rescue`, in both languages.
fn way() -> Vec<(&'static str, Value, ProvisionRequest)> {
    let parts = ConfigDrive::Parts {
        meta_data: Some(object(json!({"a": 1}))),
        user_data: Some("#cloud-config".into()),
        network_data: None,
        vendor_data: None,
    };
    let drive = configdrive::build(&Content::default()).expect("a drive");
    let step = json!([{"interface": "deploy", "step": "testkit_clean"}]);
    let request = ProvisionRequest::new;
    let steps = vec![object(step[0].clone())];
    vec![
        ("`manage`", json!({}), request(Verb::Manage)),
        (
            "`clean` with steps",
            json!({"clean_steps": step}),
            ProvisionRequest {
                steps,
                ..request(Verb::Clean)
            },
        ),
        ("`provide`", json!({}), request(Verb::Provide)),
        (
            "`active` with a config drive in parts",
            json!({"config_drive": {"meta_data": {"a": 1}, "user_data": "#cloud-config"}}),
            ProvisionRequest {
                configdrive: Some(parts),
                ..request(Verb::Active)
            },
        ),
        (
            "`rebuild` with a config drive in base64 (Ironic 39 fails over it, and both say so)",
            json!({ "config_drive": drive }),
            ProvisionRequest {
                configdrive: Some(ConfigDrive::Text(drive.clone())),
                ..request(Verb::Rebuild)
            },
        ),
        (
            "`rescue`",
            json!({"rescue_password": "secret"}),
            ProvisionRequest {
                rescue_password: Some("secret".into()),
                ..request(Verb::Rescue)
            },
        ),
    ]
}

pub async fn provision_states(scene: &mut Scene<'_>) {
    let ours = scene.ours().retry_on_conflict(LONG);
    let pair = pair(scene, "a", &json!({})).await;
    let request = ProvisionRequest::new;
    for (what, kwargs, request) in way() {
        let call = provision(&pair[0], request.verb.as_str(), kwargs);
        scene
            .same(
                what,
                &call,
                ours.set_node_provision_state_and_wait(&pair[1], &request, LONG),
            )
            .await;
        scene.held_node("a").await;
    }
    let unrescue = request(Verb::Unrescue);
    scene
        .better(
            "`unrescue` can be waited for",
            &provision(&pair[0], "unrescue", json!({})),
            ours.set_node_provision_state_and_wait(&pair[1], &unrescue, LONG),
            |sdk, ours| {
                assert_eq!(sdk.kind(), "argument");
                assert_eq!(ours.value()["provision_state"], "active");
            },
        )
        .await;
    ours.set_node_provision_state_and_wait(&pair[0], &unrescue, LONG)
        .await
        .expect("it works");
    let deleted = request(Verb::Deleted);
    scene
        .same(
            "`deleted`",
            &provision(&pair[0], "deleted", json!({})),
            ours.set_node_provision_state_and_wait(&pair[1], &deleted, LONG),
        )
        .await;
    scene.held_node("a").await;
}

pub async fn wrong_requests(scene: &mut Scene<'_>) {
    let ours = scene.ours();
    let [sdk, our] = pair(scene, "a", &json!({})).await;
    let request = ProvisionRequest::new;
    let text = || Some(ConfigDrive::Text("aGFsbG8=".into()));
    let step = vec![object(json!({"interface": "deploy", "step": "testkit_clean"}))];
    for (verb, kwargs, request) in [
        (
            "manage",
            json!({"config_drive": "aGFsbG8="}),
            ProvisionRequest {
                configdrive: text(),
                ..request(Verb::Manage)
            },
        ),
        (
            "provide",
            json!({"clean_steps": [{"interface": "deploy", "step": "testkit_clean"}]}),
            ProvisionRequest {
                steps: step,
                ..request(Verb::Provide)
            },
        ),
        (
            "active",
            json!({"rescue_password": "secret"}),
            ProvisionRequest {
                rescue_password: Some("secret".into()),
                ..request(Verb::Active)
            },
        ),
    ] {
        let call = call("set_node_provision_state", json!([sdk, verb]), kwargs);
        scene
            .same(
                "arguments that do not go with the verb are refused without a request",
                &call,
                ours.set_node_provision_state(&our, &request),
            )
            .await;
    }
}

pub async fn refused_requests(scene: &mut Scene<'_>) {
    let ours = scene.ours();
    let [sdk, our] = pair(scene, "a", &json!({})).await;
    let request = ProvisionRequest::new;
    let without = call("set_node_provision_state", json!([sdk, "clean"]), json!({}));
    scene
        .better(
            "`clean` without steps is refused without a request",
            &without,
            ours.set_node_provision_state(&our, &request(Verb::Clean)),
            |sdk, ours| {
                assert_eq!((sdk.kind(), sdk.count("PUT")), ("400", 1));
                assert_eq!((ours.kind(), ours.sent.len()), ("argument", 0));
            },
        )
        .await;
    let illegal = call("set_node_provision_state", json!([sdk, "provide"]), json!({}));
    scene
        .same(
            "a verb that the state does not have, in Ironic's words",
            &illegal,
            ours.set_node_provision_state(&our, &request(Verb::Provide)),
        )
        .await;
}

pub async fn failures(scene: &mut Scene<'_>) {
    let ours = scene.ours();
    let [sdk, our] = pair(scene, "a", &json!({"verify_fail": "no such BMC"})).await;
    let manage = ProvisionRequest::new(Verb::Manage);
    scene
        .same(
            "a failure with its reason",
            &provision(&sdk, "manage", json!({})),
            ours.set_node_provision_state_and_wait(&our, &manage, LONG),
        )
        .await;
    scene.held_node("a").await;
    let [sdk, our] = walked(scene, "b", &json!({"verify_delay": 4}), &[]).await;
    let wait = call(
        "set_node_provision_state",
        json!([sdk, "manage"]),
        json!({"wait": true, "timeout": 1}),
    );
    scene
        .same(
            "the time is over",
            &wait,
            ours.set_node_provision_state_and_wait(&our, &manage, SOON),
        )
        .await;
}

fn wait_for(nodes: &[impl Serialize], kwargs: Value) -> Call {
    call(
        "wait_for_nodes_provision_state",
        json!([json_of(&nodes), "manageable"]),
        kwargs,
    )
}

pub async fn waits(scene: &mut Scene<'_>) {
    let ours = scene.ours();
    let a = pair(scene, "a", &json!({"verify_delay": 1})).await;
    let b = pair(scene, "b", &json!({"verify_delay": 2})).await;
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

/// `a`, which cannot be verified, and `b`, which can; asked to become manageable.
async fn asked(scene: &Scene<'_>) -> [[String; 2]; 2] {
    let script = json!({"verify_delay": 1, "verify_fail": "no such BMC"});
    let [a, b] = [
        pair(scene, "a", &script).await,
        pair(scene, "b", &json!({})).await,
    ];
    for uuid in a.iter().chain(&b) {
        let manage = ProvisionRequest::new(Verb::Manage);
        let asked = scene.ours().set_node_provision_state(uuid, &manage).await;
        asked.expect("it begins");
    }
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

pub async fn waits_that_fail(scene: &mut Scene<'_>) {
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
    let pair = pair(scene, "a", &json!({"verify_delay": 1.5})).await;
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
