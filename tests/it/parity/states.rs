//! Nodes: power, provision states, waits and validation.

#![cfg(test)]

use std::io::Read;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use flate2::Compression;
use flate2::write::GzEncoder;
use ironwright::ironic::client::{ConfigDrive, ProvisionRequest};
use ironwright::ironic::configdrive::{self, Content, LARGEST_IMAGE};
use ironwright::ironic::model::{ApiVersion, PowerTarget, Verb};
use serde_json::{Value, json};

use super::nodes::{pair, walked};
use super::scene::{Scene, Side};
use super::sdk::{Call, call};
use super::vifs::not_supported;
use crate::client_lab::{LONG, object};

/// Long enough to be seen, short enough to be waited for.
const SOON: Duration = Duration::from_secs(1);

fn power(id: &str, target: &str, kwargs: Value) -> Call {
    call("set_node_power_state", json!([id, target]), kwargs)
}

pub async fn power_states(scene: &mut Scene<'_>) {
    let ours = scene.ours().retry_on_conflict(LONG);
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

pub async fn power_refused(scene: &mut Scene<'_>) {
    let [sdk, our] = pair(scene, "a", &json!({})).await;
    let old = scene.ours_in(ApiVersion::v1(26));
    let softly = power(&sdk, "soft power off", json!({})).in_version("1.26");
    scene
        .alike(
            "softly is not supported before API 1.27: told without a request",
            &softly,
            old.set_node_power_state(&our, PowerTarget::SoftOff, None),
            not_supported,
        )
        .await;
    scene
        .better(
            "a target that is none does not compile; openstacksdk asks Ironic",
            &power(&sdk, "sideways", json!({})),
            async { Ok(()) },
            |sdk, _| {
                assert_eq!((sdk.kind(), sdk.count("PUT")), ("400", 1));
            },
        )
        .await;
}

pub async fn reboots(scene: &mut Scene<'_>) {
    let ours = scene.ours().retry_on_conflict(LONG);
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

/// base64 of a gzipped image of so many bytes.
fn packed(size: u64) -> String {
    let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
    std::io::copy(&mut std::io::repeat(0).take(size), &mut gzip).expect("it is packed");
    STANDARD.encode(gzip.finish().expect("it is packed"))
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
    let large = packed(LARGEST_IMAGE + 1);
    let deploy = ProvisionRequest {
        configdrive: Some(ConfigDrive::Text(large.clone())),
        ..request(Verb::Active)
    };
    scene
        .better(
            "a config drive of more than 64 MiB is refused without a request; openstacksdk sends it, and a ramdisk refuses it much later",
            &call("set_node_provision_state", json!([sdk, "active"]), json!({"config_drive": large})),
            ours.set_node_provision_state(&our, &deploy),
            |sdk, ours| {
                // The state is wrong as well, so that nothing is deployed here.
                assert_eq!((sdk.kind(), sdk.count("PUT")), ("400", 1));
                assert_eq!((ours.kind(), ours.sent.len()), ("argument", 0));
                assert!(ours.failure().words.contains("64 MiB"), "{ours:?}");
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
    // It waits for an agent that never answers.
    let [sdk, our] = walked(scene, "b", &json!({"inspect_wait": true}), &[Verb::Manage]).await;
    let wait = call(
        "set_node_provision_state",
        json!([sdk, "inspect"]),
        json!({"wait": true, "timeout": 1}),
    );
    scene
        .same(
            "the time is over",
            &wait,
            ours.set_node_provision_state_and_wait(&our, &ProvisionRequest::new(Verb::Inspect), SOON),
        )
        .await;
}
