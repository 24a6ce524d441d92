//! Failures of the hardware, of Ironic and of the way to it: told in Ironic's words, never hammered on, and left by the
//! shortest way once the cause is gone.

#![cfg(test)]

use std::time::{Duration, Instant};

use ironwright::api::BareMetalNode;
use ironwright_stack::proxy::{Action, Answer};
use ironwright_stack::wait;
use serde_json::{Value, json};

use crate::harness::{LIMIT, World, active, condition, message, status};

/// The reason of a failure is in the condition within this.
pub const TOLD: Duration = Duration::from_secs(5);

/// A spec on `testkit` interfaces whose script is this, and this on top.
fn scripted(script: &Value, more: &Value) -> Value {
    let mut spec = json!({
        "interfaces": {"power": "testkit", "deploy": "testkit"}, "extra": {"testkit": script},
    });
    json_patch::merge(&mut spec, more);
    spec
}

/// Waits until the node has failed into this state, and says when that was seen.
pub async fn failed_in_ironic(world: &World, name: &str, state: &str) -> Instant {
    wait::until(state, LIMIT, async || {
        let live = world.live(name).await;
        let there =
            live.is_some_and(|live| live["provision_state"] == state && !live["last_error"].is_null());
        Ok(there.then(Instant::now))
    })
    .await
    .unwrap_or_else(|error| panic!("{name}: {error:#}"))
}

/// Waits until the node's `Ready` says these words for this reason.
pub async fn told(world: &World, name: &str, reason: &str, words: &str) -> BareMetalNode {
    world
        .wait(name, &format!("{reason}: {words}"), |node| {
            condition(node, "Ready")
                .is_some_and(|(now, why, said)| now == "False" && why == reason && said.contains(words))
        })
        .await
}

#[tokio::test]
async fn a_verification_that_fails_is_tried_three_times_at_most() {
    let world = World::new("failures-verify").await;
    let script = json!({"verify_fail": "the BMC does not like 'root'"});
    world.apply_node("a", &scripted(&script, &json!({}))).await;
    let failed = failed_in_ironic(&world, "a", "enroll").await;
    told(&world, "a", "VerifyFailed", "the BMC does not like 'root'").await;
    assert!(failed.elapsed() < TOLD, "{:?}", failed.elapsed());
    let node = world.condition("a", "Stalled", "True", "VerifyFailed").await;
    let said = message(&node, "Stalled");
    for words in ["does not like 'root'", "3 times", "BMCs lock accounts"] {
        assert!(said.contains(words), "{words}: {said}");
    }
    assert_eq!(world.count_verb("manage"), 3);

    // Two more looks, and a Secret that has nothing to do with it, change nothing.
    world
        .apply_node("b", &json!({"provision": {"state": "available"}}))
        .await;
    world.ready("b", "Available").await;
    let manages = |id: &str| {
        let path = format!("{id}/states/provision");
        world
            .bodies("PUT", &path)
            .iter()
            .filter(|body| body["target"] == "manage")
            .count()
    };
    let id = status(&node).id.clone().unwrap();
    assert_eq!(manages(&id), 3);

    let began = Instant::now();
    world
        .edit("a", &json!({"extra": {"testkit": {"verify_fail": null}}}))
        .await;
    world.ready("a", "Enrolled").await;
    assert!(began.elapsed() < TOLD, "{:?}", began.elapsed());
    assert_eq!(manages(&id), 4);
}

#[tokio::test]
async fn a_corrected_secret_reopens_a_verification_that_was_given_up() {
    let world = World::new("failures-verify-secret").await;
    world.secret("bmc", &json!({"fake_password": "wrong"})).await;
    let from = json!({"driverInfoFrom": [{"secretRef": {"name": "bmc"}}]});
    let script = json!({"verify_fail": {"message": "401 from the BMC", "times": 3}});
    world.apply_node("a", &scripted(&script, &from)).await;
    world.condition("a", "Stalled", "True", "VerifyFailed").await;
    assert_eq!(world.count_verb("manage"), 3);
    let began = Instant::now();
    world.secret("bmc", &json!({"fake_password": "right"})).await;
    world.ready("a", "Enrolled").await;
    assert!(began.elapsed() < TOLD, "{:?}", began.elapsed());
    assert_eq!(world.count_verb("manage"), 4);
    let patches = world.bodies("PATCH", "");
    assert_eq!(
        patches[0][0]["value"], "right",
        "first the new password, then the try: {patches:?}"
    );
}

#[tokio::test]
async fn a_deployment_that_fails_is_told_and_tried_again_until_it_works() {
    let world = World::new("failures-deploy").await;
    let script = json!({"deploy_fail": "no image at the end of the rainbow"});
    let spec = scripted(&script, &active("http://images.example/one.qcow2"));
    world.apply_node("a", &spec).await;
    let failed = failed_in_ironic(&world, "a", "deploy failed").await;
    let node = told(&world, "a", "DeployFailed", "no image at the end of the rainbow").await;
    assert!(failed.elapsed() < TOLD, "{:?}", failed.elapsed());
    assert_eq!(condition(&node, "Reconciling").map(|(now, ..)| now), Some("True"));
    assert!(status(&node).last_error.as_deref().unwrap().contains("rainbow"));
    // Tried again after 5 s at the earliest; the journal has whole seconds.
    let times = |world: &World| {
        let log = world.proxy.log();
        let deploys = log
            .iter()
            .filter(|entry| entry.seen.body.windows(8).any(|part| part == b"\"active\""));
        deploys
            .filter(|entry| entry.seen.method == "PUT")
            .map(|entry| entry.at)
            .collect::<Vec<_>>()
    };
    wait::until("a second try", LIMIT, async || {
        Ok((times(&world).len() >= 2).then_some(()))
    })
    .await
    .unwrap();
    let tries = times(&world);
    assert!(
        tries[1] - tries[0] >= Duration::from_secs(4),
        "{:?}",
        tries[1] - tries[0]
    );

    told(&world, "a", "DeployFailed", "tried 2 times").await;
    world
        .edit("a", &json!({"extra": {"testkit": {"deploy_fail": null}}}))
        .await;
    world.ready("a", "Deployed").await;
    assert_eq!(world.count_verb("active"), 3);
    assert_eq!(
        world.count_verb("deleted"),
        0,
        "a failed deployment is not torn down to be repeated"
    );
}

#[tokio::test]
async fn a_failed_cleaning_is_never_reported_as_available() {
    let world = World::new("failures-clean").await;
    let script = json!({"clean_fail": "the disk is stuck"});
    let spec = scripted(&script, &json!({"provision": {"state": "available"}}));
    world.apply_node("a", &spec).await;
    let failed = failed_in_ironic(&world, "a", "clean failed").await;
    let node = world
        .wait("a", "the failure is told", |node| {
            condition(node, "Ready").is_some_and(|(.., said)| said.contains("the disk is stuck"))
        })
        .await;
    assert!(failed.elapsed() < TOLD, "{:?}", failed.elapsed());
    let (ready, reason, _) = condition(&node, "Ready").unwrap();
    assert_eq!(ready, "False");
    assert!(["CleanFailed", "Fault"].contains(&reason), "{reason}");
    assert_eq!(
        world.live("a").await.unwrap()["maintenance"],
        true,
        "Ironic's own guard"
    );

    // It was somebody's decision to look at the machine; lifting the maintenance is somebody's, too.
    world
        .edit("a", &json!({"extra": {"testkit": {"clean_fail": null}}}))
        .await;
    wait::until("the script", LIMIT, async || {
        let live = world.live("a").await.unwrap();
        Ok(live["extra"]["testkit"].get("clean_fail").is_none().then_some(()))
    })
    .await
    .unwrap();
    assert_eq!(world.live("a").await.unwrap()["provision_state"], "clean failed");
    let id = status(&node).id.clone().unwrap();
    let (code, _) = world
        .meddle("DELETE", &format!("/v1/nodes/{id}/maintenance"), &Value::Null)
        .await;
    assert_eq!(code, 202);
    world.ready("a", "Available").await;
}

#[tokio::test]
async fn a_teardown_that_fails_is_told_and_tried_again() {
    let world = World::new("failures-teardown").await;
    let spec = scripted(&json!({}), &active("http://images.example/one.qcow2"));
    world.apply_node("a", &spec).await;
    world.ready("a", "Deployed").await;
    world.edit("a", &json!({"extra": {"testkit": {"teardown_fail": {"message": "the network will not let go", "times": 1}}}})).await;
    world.ready("a", "Deployed").await;
    world
        .edit(
            "a",
            &json!({"provision": {"state": "available", "instance": null}}),
        )
        .await;
    let failed = failed_in_ironic(&world, "a", "error").await;
    let node = told(&world, "a", "UndeployFailed", "the network will not let go").await;
    assert!(failed.elapsed() < TOLD, "{:?}", failed.elapsed());
    assert_eq!(status(&node).provision_state.as_deref(), Some("error"));
    world.ready("a", "Available").await;
    assert_eq!(world.count_verb("deleted"), 2);
    assert_eq!(world.live("a").await.unwrap()["instance_uuid"], Value::Null);
}

#[tokio::test]
async fn a_node_locked_by_somebody_else_is_waited_for() {
    let world = World::new("failures-locked").await;
    let fault =
        "Node 1 is locked by host conductor-7, please retry after the current operation is completed.";
    let locked = Answer::ironic_error(409, fault);
    world
        .proxy
        .when("PUT", "/v1/nodes/{}/states/provision")
        .times(3)
        .then(Action::Answer(locked));
    world
        .apply_node("a", &json!({"provision": {"state": "manageable"}}))
        .await;
    let node = world.condition("a", "Reconciling", "True", "Reserved").await;
    assert!(message(&node, "Ready").contains("is locked by host conductor-7"));
    let node = world.ready("a", "Manageable").await;
    assert_eq!(world.count_verb("manage"), 4, "three refused, one taken");
    assert_eq!(status(&node).attempts, None);
    let stalled = condition(&node, "Stalled").unwrap();
    assert_eq!(stalled.0, "False");
}

#[tokio::test]
async fn a_lock_that_somebody_really_holds_is_named_and_waited_out() {
    let world = World::new("failures-lock-held").await;
    let slow = json!({
        "interfaces": {"management": "testkit"}, "extra": {"testkit": {"management_delay": 6}},
        "provision": {"state": "manageable"},
    });
    world.apply_node("a", &slow).await;
    let id = status(&world.ready("a", "Manageable").await).id.clone().unwrap();
    // Reading the boot device holds the node's lock for as long as the BMC takes.
    let path = format!("/v1/nodes/{id}/management/boot_device");
    let somebody = world.meddle("GET", &path, &Value::Null);
    let operator = async {
        let holder = world.stack.ironic.conductor();
        world
            .live_is(&id, "locked", |live| live["reservation"] == *holder)
            .await;
        world.edit("a", &json!({"properties": {"cpus": 9}})).await;
        let node = world.condition("a", "Reconciling", "True", "Reserved").await;
        assert!(
            message(&node, "Ready").contains(&holder),
            "{}",
            message(&node, "Ready")
        );
        world
            .live_is(&id, "changed", |live| live["properties"]["cpus"] == 9)
            .await;
        let node = world.ready("a", "Manageable").await;
        assert_eq!(status(&node).attempts, None, "waiting is no try");
    };
    let (somebody, ()) = tokio::join!(somebody, operator);
    assert_eq!(somebody.0, 200, "what held the lock is done: {}", somebody.1);
}

/// Ironic answers some bad values with a failure of its own. Whoever wrote the value has to hear of it, and Ironic not without end.
#[tokio::test]
async fn what_ironic_itself_fails_at_is_told_in_its_words_and_tried_with_growing_pauses() {
    let world = World::new("failures-own").await;
    world.apply_node("a", &active("not a url")).await;
    let node = told(&world, "a", "RetryingAfterFailure", "not a url").await;
    let attempts = status(&node).attempts.clone().unwrap();
    assert_eq!(attempts.step, "active");
    world.lists(2).await;
    assert!(world.count_verb("active") <= 3, "{:?}", world.mutations());
    world.edit("a", &active("http://images.example/a.img")).await;
    world.ready("a", "Deployed").await;
    assert!(status(&world.nodes.get("a").await.unwrap()).attempts.is_none());
}
