//! Rescue: into the ramdisk and back by Ironic's verbs, announced first, with a password that nothing else ever sees.

#![cfg(test)]

use serde_json::{Value, json};

use crate::failures::{TOLD, failed_in_ironic, told};
use crate::harness::{World, active, condition, status};
use crate::probe::target;

const PASSWORD: &str = "correct-horse-battery";

/// A spec with our instance, on interfaces whose script is this, in this state.
fn machine(state: &str, script: &Value) -> Value {
    let mut spec = active("http://images.example/one.qcow2");
    let more = json!({
        "interfaces": {"power": "testkit", "deploy": "testkit", "rescue": "testkit"},
        "extra": {"testkit": script},
        "provision": {
            "state": state,
            "rescuePasswordFrom": {"secretRef": {"name": "rescue", "key": "password"}},
        },
    });
    json_patch::merge(&mut spec, &more);
    spec
}

async fn world(name: &str) -> World {
    let world = World::new(name).await;
    world.secret("rescue", &json!({"password": PASSWORD})).await;
    world
}

async fn want(world: &World, name: &str, state: &str) {
    world.edit(name, &json!({"provision": {"state": state}})).await;
}

#[tokio::test]
async fn a_machine_is_deployed_rescued_and_brought_back() {
    let world = world("rescue-cycle").await;
    let intents = world.witness_intent("a", |seen| target(seen).is_some());
    world.apply_node("a", &machine("rescue", &json!({}))).await;
    let node = world.ready("a", "Rescued").await;
    let id = status(&node).id.clone().unwrap();
    assert_eq!(world.live("a").await.unwrap()["provision_state"], "rescue");
    assert_eq!(world.verbs_of(&id), ["manage", "provide", "active", "rescue"]);
    let bodies = world.bodies("PUT", "/states/provision");
    assert_eq!(bodies.last().unwrap()["rescue_password"], PASSWORD);

    want(&world, "a", "active").await;
    world.ready("a", "Deployed").await;
    let intents = intents.lock().unwrap().clone();
    let pair = |verb: &str| (verb.to_owned(), Some(verb.to_owned()));
    for verb in ["rescue", "unrescue"] {
        assert!(intents.contains(&pair(verb)), "{verb}: {intents:?}");
    }
    // The spec says active: whoever takes the machine into rescue by hand finds it brought back.
    let body = json!({"target": "rescue", "rescue_password": "by hand"});
    let (code, _) = world
        .meddle("PUT", &format!("/v1/nodes/{id}/states/provision"), &body)
        .await;
    assert_eq!(code, 202);
    world
        .live_is(&id, "rescue", |live| live["provision_state"] == "rescue")
        .await;
    world
        .live_is(&id, "active", |live| live["provision_state"] == "active")
        .await;

    want(&world, "a", "rescue").await;
    world.ready("a", "Rescued").await;
    let offered = json!({"provision": {"state": "available", "instance": null}});
    world.edit("a", &offered).await;
    let node = world.ready("a", "Available").await;
    let verbs = world.verbs_of(&id);
    assert_eq!(verbs[4..], ["unrescue", "unrescue", "rescue", "deleted"]);
    let said = serde_json::to_string(&node).unwrap() + &world.operator().process().log_tail(100_000);
    assert!(!said.contains(PASSWORD), "the password has got out");
}

#[tokio::test]
async fn a_rescue_waits_for_its_password() {
    let world = World::new("rescue-password").await;
    world.apply_node("a", &machine("active", &json!({}))).await;
    // A Secret that nobody needs yet holds up nothing.
    world.ready("a", "Deployed").await;
    want(&world, "a", "rescue").await;
    world.condition("a", "Reconciling", "True", "SecretMissing").await;
    world.secret("rescue", &json!({"password": " "})).await;
    world.condition("a", "Stalled", "True", "InvalidSpec").await;
    assert_eq!(world.count_verb("rescue"), 0);
    world.secret("rescue", &json!({"password": PASSWORD})).await;
    world.ready("a", "Rescued").await;
    assert_eq!(world.count_verb("rescue"), 1);
}

#[tokio::test]
async fn a_failed_rescue_and_a_failed_way_back_are_told_and_tried_again() {
    let world = world("rescue-fails").await;
    let script = json!({"rescue_fail": "the ramdisk is lost", "unrescue_fail": "the network is stuck"});
    world.apply_node("a", &machine("rescue", &script)).await;
    for (state, reason, words, cure, done) in [
        (
            "rescue failed",
            "RescueFailed",
            "the ramdisk is lost",
            "rescue_fail",
            "Rescued",
        ),
        (
            "unrescue failed",
            "UnrescueFailed",
            "the network is stuck",
            "unrescue_fail",
            "Deployed",
        ),
    ] {
        let failed = failed_in_ironic(&world, "a", state).await;
        let node = told(&world, "a", reason, words).await;
        assert!(failed.elapsed() < TOLD, "{:?}", failed.elapsed());
        assert_eq!(condition(&node, "Reconciling").map(|(now, ..)| now), Some("True"));
        world
            .edit("a", &json!({"extra": {"testkit": {cure: null}}}))
            .await;
        world.ready("a", done).await;
        want(&world, "a", "active").await;
    }
    for (verb, times) in [("active", 1), ("deleted", 0)] {
        assert_eq!(world.count_verb(verb), times, "{verb}");
    }
}

#[tokio::test]
async fn a_driver_that_cannot_rescue_is_told_in_ironics_words_and_not_hammered_on() {
    let world = world("rescue-unable").await;
    let mut spec = machine("rescue", &json!({}));
    spec["interfaces"]["rescue"] = json!("no-rescue");
    world.apply_node("a", &spec).await;
    let node = told(&world, "a", "Rejected", "does not support rescue").await;
    assert_eq!(condition(&node, "Stalled").map(|(now, ..)| now), Some("True"));
    let asked = world.count_verb("rescue");
    world.lists(2).await;
    assert_eq!((asked, world.count_verb("rescue")), (1, 1));
    want(&world, "a", "active").await;
    world.ready("a", "Deployed").await;
}

/// The ramdisk never answers. That must not hold up who gives the machine away, nor a deletion, though credentials come from a Secret.
#[tokio::test]
async fn a_rescue_that_waits_for_its_ramdisk_is_left_when_the_spec_wants_it() {
    let world = world("rescue-waits").await;
    world
        .secret("bmc", &json!({"fake_password": "hunter2-rescue"}))
        .await;
    let mut ids = vec![];
    for name in ["a", "b"] {
        let mut spec = machine("rescue", &json!({"rescue_wait": true}));
        spec["driverInfoFrom"] = json!([{"secretRef": {"name": "bmc"}}]);
        spec["deletionPolicy"] = json!("Undeploy");
        world.apply_node(name, &spec).await;
        let waits = |node: &ironwright::api::BareMetalNode| {
            status(node).provision_state.as_deref() == Some("rescue wait")
        };
        let node = world.wait(name, "it waits", waits).await;
        ids.push(status(&node).id.clone().unwrap());
    }
    let leave = json!({"provision": {"state": "available", "instance": null, "rescuePasswordFrom": null}});
    world.edit("a", &leave).await;
    world.ready("a", "Available").await;
    world.delete("b").await;
    world.gone("b").await;
    let verbs = ["manage", "provide", "active", "rescue", "deleted"];
    for id in &ids {
        assert_eq!(world.verbs_of(id), verbs);
    }
}
