//! What is wrong is told, and nothing is left out in silence: credentials that cannot be used, BMCs that are away, machines that Ironic
//! has given up on, waits without end.

#![cfg(test)]

use std::time::Duration;

use ironwright::api::BareMetalNode;
use ironwright_stack::proxy::{Action, Answer};
use ironwright_stack::wait;
use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::Secret;
use kube::api::{ObjectMeta, PostParams};
use serde_json::{Value, json};

use crate::harness::{LIMIT, World, active, condition, message, status};
use crate::probe::target;

/// A Secret of which one value is no text.
fn garbled(world: &World) -> Secret {
    let value = |bytes: &[u8]| ByteString(bytes.to_vec());
    Secret {
        metadata: ObjectMeta {
            name: Some("bmc".into()),
            namespace: Some(world.namespace.clone()),
            ..ObjectMeta::default()
        },
        data: Some(
            [
                ("fake_username".to_owned(), value(b"root")),
                ("fake_password".to_owned(), value(b"\xff\xfesecret")),
            ]
            .into(),
        ),
        ..Secret::default()
    }
}

#[tokio::test]
async fn a_credential_that_is_no_text_is_refused_by_name_before_anything_is_written() {
    let world = World::quiet("truth-binary", 2).await;
    let secrets = world.secrets();
    secrets
        .create(&PostParams::default(), &garbled(&world))
        .await
        .unwrap();
    let from = json!({"driverInfoFrom": [{"secretRef": {"name": "bmc"}}]});
    world.apply_node("a", &from).await;
    let node = world.condition("a", "Stalled", "True", "InvalidSpec").await;
    let said = message(&node, "Stalled");
    assert!(
        said.contains("Key fake_password of Secret bmc is not text"),
        "{said}"
    );
    world.lists(2).await;
    assert_eq!(world.mutations(), Vec::<String>::new(), "nothing is enrolled");

    // A good one is used at once; a rotation to a bad one is told.
    secrets
        .delete("bmc", &kube::api::DeleteParams::default())
        .await
        .unwrap();
    world.secret("bmc", &json!({"fake_password": "right"})).await;
    world.ready("a", "Enrolled").await;
    let sent = world.mutations();
    let mut bad = garbled(&world);
    bad.metadata.resource_version = secrets.get("bmc").await.unwrap().metadata.resource_version;
    secrets
        .replace("bmc", &PostParams::default(), &bad)
        .await
        .unwrap();
    let node = world.condition("a", "Stalled", "True", "InvalidSpec").await;
    assert!(message(&node, "Ready").contains("fake_password"));
    world.lists(2).await;
    assert_eq!(world.mutations(), sent, "nothing is written of it");
}

#[tokio::test]
async fn a_bmc_that_is_away_at_enrolment_needs_nobody() {
    let world = World::new("truth-away").await;
    let away = json!({"message": "Unable to connect to https://bmc/redfish/v1/. Error: No route to host", "times": 3});
    let spec = json!({
        "interfaces": {"power": "testkit"}, "extra": {"testkit": {"verify_fail": away}},
        "provision": {"state": "manageable"},
    });
    world.apply_node("a", &spec).await;
    let node = world
        .condition("a", "Reconciling", "True", "BmcUnreachable")
        .await;
    assert!(message(&node, "Ready").contains("No route to host"));
    // It used to be given up here.
    world
        .wait("a", "three tries, and not given up", |node| {
            assert_ne!(condition(node, "Stalled").map(|(now, ..)| now), Some("True"));
            condition(node, "Ready").is_some_and(|(.., said)| said.contains("tried 3 times"))
        })
        .await;
    let node = world.ready("a", "Manageable").await;
    assert_eq!(world.count_verb("manage"), 4);
    assert_eq!(status(&node).attempts, None);
}

#[tokio::test]
async fn a_credential_that_somebody_removed_in_ironic_is_put_back() {
    let world = World::empty("truth-removed").await;
    let mut world = world;
    let mut lab = world.lab();
    lab["spec"]["intervals"] = json!({"sweepSeconds": 5});
    world.apply(&lab).await.unwrap();
    world.start_operator().await;
    world
        .secret(
            "bmc",
            &json!({"fake_username": "root", "fake_password": "calvin"}),
        )
        .await;
    let from =
        json!({"driverInfoFrom": [{"secretRef": {"name": "bmc"}}], "provision": {"state": "available"}});
    world.apply_node("a", &from).await;
    let id = status(&world.ready("a", "Available").await).id.clone().unwrap();
    let path = format!("/v1/nodes/{id}");
    let removal = json!([{"op": "remove", "path": "/driver_info/fake_password"}]);
    assert_eq!(world.meddle("PATCH", &path, &removal).await.0, 200);
    world
        .live_is(&id, "the password is back", |live| {
            !live["driver_info"]["fake_password"].is_null()
        })
        .await;
    let patches = world.bodies("PATCH", "");
    let back: Vec<&Value> = patches
        .iter()
        .filter(|patch| patch[0]["path"] == "/driver_info/fake_password")
        .collect();
    assert_eq!(back.len(), 1, "{patches:?}");
    assert_eq!(back[0][0]["value"], "calvin");
    world.ready("a", "Available").await;
}

#[tokio::test]
async fn what_ironic_refuses_in_a_state_is_tried_again_with_pauses() {
    let world = World::new("truth-state").await;
    let fault = "The requested action \"provide\" can not be performed on node \"x\" while it is in state \"manageable\".";
    world
        .proxy
        .when_request(|seen| seen.method == "PUT" && seen.body.windows(9).any(|part| part == b"\"provide\""))
        .times(2)
        .then(Action::Answer(Answer::ironic_error(400, fault)));
    world
        .apply_node("a", &json!({"provision": {"state": "available"}}))
        .await;
    let node = world
        .condition("a", "Reconciling", "True", "RetryingAfterFailure")
        .await;
    assert!(message(&node, "Ready").contains("can not be performed"));
    world.ready("a", "Available").await;
    let log = world.proxy.log();
    let tries: Vec<_> = log
        .iter()
        .filter(|entry| {
            entry.seen.method == "PUT" && entry.seen.body.windows(9).any(|part| part == b"\"provide\"")
        })
        .map(|entry| entry.at)
        .collect();
    assert_eq!(tries.len(), 3);
    assert!(tries[1] - tries[0] >= Duration::from_secs(4), "{tries:?}");
    assert!(tries[2] - tries[1] >= Duration::from_secs(9), "{tries:?}");
}

#[tokio::test]
async fn one_bmc_in_two_spellings_is_enrolled_once() {
    let world = World::quiet("truth-spelling", 2).await;
    let at = |address: &str| json!({"driverInfo": {"redfish_address": address}});
    world.apply_node("a", &at("https://[2001:db8:7::17]")).await;
    world.ready("a", "Enrolled").await;
    let others = [
        ("b", "https://root@[2001:DB8:7:0:0::17]:443/redfish/v1/"),
        ("c", "2001:0db8:0007:0000:0000:0000:0000:0017"),
    ];
    for (name, address) in others {
        world.apply_node(name, &at(address)).await;
        world
            .condition(name, "Stalled", "True", "MachineAlreadyEnrolled")
            .await;
    }
    assert_eq!(world.proxy.count("POST", "/v1/nodes"), 1);
    // Another machine is another machine.
    world.apply_node("d", &at("https://[2001:db8:7::18]")).await;
    world.ready("d", "Enrolled").await;
}

/// Whether something is wrong with the machine, and what.
fn healthy(node: &BareMetalNode) -> Option<(&str, &str)> {
    condition(node, "Healthy").map(|(now, why, _)| (now, why))
}

async fn unhealthy(world: &World, fault: &str) -> bool {
    let metrics = world.operator().metrics().await.unwrap();
    metrics.contains(&format!("ironwright_nodes_unhealthy{{fault=\"{fault}\"}}"))
}

#[tokio::test]
async fn a_machine_that_ironic_gave_up_on_is_not_ready_until_that_is_over() {
    let world = World::new("truth-fault").await;
    let spec = json!({
        "interfaces": {"deploy": "testkit"}, "extra": {"testkit": {"clean_fail": "the disk is stuck"}},
        "provision": {"state": "available"},
    });
    world.apply_node("a", &spec).await;
    let node = world.condition("a", "Stalled", "True", "Fault").await;
    let said = message(&node, "Ready");
    assert!(
        said.contains("the disk is stuck") && said.contains("clean failure"),
        "{said}"
    );
    assert_eq!(healthy(&node), Some(("False", "Fault")));
    assert_eq!(status(&node).fault.as_deref(), Some("clean failure"));
    assert_eq!(status(&node).maintenance.as_ref().unwrap().by, "Ironic");
    assert!(unhealthy(&world, "clean failure").await);

    // Where it is wanted it is, and yet not what is wanted.
    let id = status(&node).id.clone().unwrap();
    let verb = json!({"target": "manage"});
    let path = format!("/v1/nodes/{id}/states/provision");
    assert_eq!(world.meddle("PUT", &path, &verb).await.0, 202);
    world
        .edit("a", &json!({"provision": {"state": "manageable"}}))
        .await;
    let node = world
        .wait("a", "it is where it is wanted", |node| {
            let status = status(node);
            let seen = status.observed_generation == node.metadata.generation;
            seen && status.provision_state.as_deref() == Some("manageable")
        })
        .await;
    assert_eq!(
        condition(&node, "Stalled").map(|(now, why, _)| (now, why)),
        Some(("True", "Fault"))
    );
    let maintenance = format!("/v1/nodes/{id}/maintenance");
    assert_eq!(world.meddle("DELETE", &maintenance, &Value::Null).await.0, 202);
    let node = world.ready("a", "Manageable").await;
    assert_eq!(healthy(&node), Some(("True", "NothingWrong")));
    assert_eq!((&status(&node).fault, &status(&node).maintenance), (&None, &None));
}

#[tokio::test]
async fn somebodys_maintenance_is_told_and_takes_an_offer_back() {
    let world = World::new("truth-maintenance").await;
    world
        .apply_node("offered", &json!({"provision": {"state": "available"}}))
        .await;
    world
        .apply_node("used", &active("http://images.example/one.qcow2"))
        .await;
    let mut ids = vec![];
    for (name, reason) in [("offered", "Available"), ("used", "Deployed")] {
        let node = world.ready(name, reason).await;
        assert_eq!(healthy(&node), Some(("True", "NothingWrong")));
        ids.push(status(&node).id.clone().unwrap());
    }
    for id in &ids {
        let path = format!("/v1/nodes/{id}/maintenance");
        let why = json!({"reason": "a fan is replaced"});
        assert_eq!(world.meddle("PUT", &path, &why).await.0, 202);
    }
    let offered = world.condition("offered", "Stalled", "True", "Maintenance").await;
    assert!(message(&offered, "Ready").contains("a fan is replaced"));
    let used = world.condition("used", "Healthy", "False", "Maintenance").await;
    assert!(message(&used, "Healthy").contains("a fan is replaced"));
    // The instance runs.
    assert_eq!(condition(&used, "Ready").map(|(now, ..)| now), Some("True"));
    assert!(unhealthy(&world, "maintenance").await);
    for id in &ids {
        let path = format!("/v1/nodes/{id}/maintenance");
        world.meddle("DELETE", &path, &Value::Null).await;
    }
    world.ready("offered", "Available").await;
    world.condition("used", "Healthy", "True", "NothingWrong").await;
    // Both were announced.
    let events =
        kube::Api::<k8s_openapi::api::events::v1::Event>::namespaced(world.client.clone(), &world.namespace);
    for (name, reason) in [
        ("used", "Maintenance"),
        ("used", "Healthy"),
        ("offered", "Maintenance"),
    ] {
        let what = format!("an Event {reason} of {name}");
        wait::until(&what, LIMIT, async || {
            let all = events.list(&kube::api::ListParams::default()).await?;
            let found = all.items.iter().any(|event| {
                let about = event.regarding.as_ref().and_then(|object| object.name.as_deref());
                about == Some(name) && event.reason.as_deref() == Some(reason)
            });
            Ok(found.then_some(()))
        })
        .await
        .unwrap();
    }
}

/// A deployment that waits for its ramdisk, which never answers.
async fn waiting(world: &World, name: &str, policy: &str) -> String {
    let mut spec = active("http://images.example/one.qcow2");
    let waits = json!({
        "interfaces": {"deploy": "testkit"}, "extra": {"testkit": {"deploy_wait": true}},
        "deletionPolicy": policy,
    });
    json_patch::merge(&mut spec, &waits);
    world.apply_node(name, &spec).await;
    let node = world
        .wait(name, "it waits and says for how long", |node| {
            let waits = status(node).provision_state.as_deref() == Some("wait call-back");
            waits && message(node, "Ready").contains("deploy_callback_timeout")
        })
        .await;
    status(&node).id.clone().unwrap()
}

#[tokio::test]
async fn a_deployment_that_waits_for_its_ramdisk_is_left_when_the_spec_wants_it() {
    let world = World::new("truth-waits").await;
    let taken_back = waiting(&world, "a", "Undeploy").await;
    let undeployed = waiting(&world, "b", "Undeploy").await;
    let kept = waiting(&world, "c", "Delete").await;
    let leave = json!({"provision": {"state": "available", "instance": null}});
    world.edit("a", &leave).await;
    world.ready("a", "Available").await;
    assert_eq!(
        world.verbs_of(&taken_back),
        ["manage", "provide", "active", "deleted"]
    );
    let announced = world.witness_intent("b", |seen| target(seen).as_deref() == Some("deleted"));
    world.delete("b").await;
    world.gone("b").await;
    assert_eq!(world.live_by_id(&undeployed).await, None);
    let announced = announced.lock().unwrap().clone();
    assert_eq!(announced, [("deleted".to_owned(), Some("deleted".to_owned()))]);
    // `Delete` tears nothing down, and says so at once.
    world.delete("c").await;
    world.condition("c", "Stalled", "True", "InstancePresent").await;
    assert_eq!(world.verbs_of(&kept), ["manage", "provide", "active"]);
    world.edit("c", &json!({"deletionPolicy": "Detach"})).await;
    world.gone("c").await;
    let live = world.live_by_id(&kept).await.unwrap();
    assert_eq!(live["provision_state"], "wait call-back");
    world.assert_no_verb_repeated();
}

#[tokio::test]
async fn a_setting_that_is_changed_along_with_the_deletion_is_written_before_the_machine_is_left() {
    let mut world = World::quiet("truth-left", 2).await;
    let mut spec = active("http://images.example/one.qcow2");
    spec["deletionPolicy"] = json!("Undeploy");
    spec["automatedClean"] = json!({"enabled": false});
    world.apply_node("a", &spec).await;
    let id = status(&world.ready("a", "Deployed").await).id.clone().unwrap();
    let operator = world.operator.take().expect("an operator is running");
    operator.stop().await;
    drop(operator);
    world
        .edit(
            "a",
            &json!({"automatedClean": {"enabled": true}, "description": "new"}),
        )
        .await;
    world.delete("a").await;
    world.proxy.clear_log();
    world.start_operator().await;
    world.gone("a").await;
    assert_eq!(world.live_by_id(&id).await, None);
    let log = world.proxy.log();
    let changes: Vec<_> = log
        .iter()
        .filter(|entry| ["PATCH", "PUT", "DELETE"].contains(&entry.seen.method.as_str()))
        .map(|entry| entry.seen.method.clone())
        .collect();
    assert_eq!(changes, ["PATCH", "PUT", "DELETE"]);
    assert_eq!(
        world.bodies("PATCH", &id),
        [json!([{"op": "add", "path": "/automated_clean", "value": true}])]
    );
}
