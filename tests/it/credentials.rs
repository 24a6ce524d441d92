//! Rotated credentials: tried at once, and a bad rotation is told without taking the machine down.

#![cfg(test)]

use ironwright::api::BareMetalNode;
use k8s_openapi::api::events::v1::Event;
use serde_json::{Value, json};

use crate::harness::{World, active, condition, message, status};

/// How often Ironic was asked to reach the BMC.
fn tried(world: &World) -> usize {
    world.proxy.count("GET", "/v1/nodes/{}/management/boot_device")
}

fn password(value: &str) -> Value {
    json!({"redfish_username": "root", "redfish_password": value})
}

/// A machine in use whose BMC takes this password only.
async fn deployed(world: &World, right: &str) -> String {
    world.secret("bmc", &password(right)).await;
    let mut spec = active("http://images.example/one.qcow2");
    spec["driverInfo"] = json!({"redfish_address": format!("https://{}.example", world.namespace)});
    spec["driverInfoFrom"] = json!([{"secretRef": {"name": "bmc"}}]);
    spec["interfaces"] = json!({"management": "testkit", "power": "testkit"});
    world.apply_node("a", &spec).await;
    let id = status(&world.ready("a", "Deployed").await).id.clone().unwrap();
    lock(world, &id, right).await;
    id
}

/// From now on the BMC takes this password.
async fn lock(world: &World, id: &str, right: &str) {
    let script = json!([{"op": "add", "path": "/extra/testkit", "value": {"bmc_password": right}}]);
    let (code, said) = world.meddle("PATCH", &format!("/v1/nodes/{id}"), &script).await;
    assert_eq!(code, 200, "{said}");
}

fn is_stalled(node: &BareMetalNode) -> bool {
    condition(node, "Stalled").is_some_and(|(now, why, _)| (now, why) == ("True", "CredentialsRejected"))
}

#[tokio::test]
async fn a_bad_rotation_is_tried_three_times_and_leaves_the_machine_as_it_is() {
    let world = World::new("credentials-bad").await;
    let (right, wrong) = ("calvin-right-7f21", "calvin-wrong-0b9d");
    let id = deployed(&world, right).await;
    assert_eq!(tried(&world), 0, "enrolment has proven them");
    let before = world.live_by_id(&id).await.unwrap();
    world.proxy.clear_log();

    world.secret("bmc", &password(wrong)).await;
    let node = world
        .condition("a", "Reconciling", "True", "CredentialsRejected")
        .await;
    let said = message(&node, "Ready");
    assert!(said.contains("access denied with password ***"), "{said}");
    let node = world.wait("a", "no more tries", is_stalled).await;
    let said = message(&node, "Ready");
    assert!(
        said.contains("3 times") && said.contains("access denied"),
        "{said}"
    );
    world.lists(2).await;
    assert_eq!(tried(&world), 3);
    let sent = world.mutations();
    assert_eq!(
        sent,
        [format!("PATCH /v1/nodes/{id} -> 200")],
        "nothing but the Secret is written"
    );
    let now = world.live_by_id(&id).await.unwrap();
    for field in [
        "provision_state",
        "power_state",
        "maintenance",
        "fault",
        "instance_uuid",
    ] {
        assert_eq!(now[field], before[field], "{field}");
    }
    let told = serde_json::to_string(status(&node)).unwrap();
    let log = std::fs::read_to_string(world.operator().process().log()).unwrap();
    for place in [told, log, world.operator().metrics().await.unwrap()] {
        assert!(!place.contains(wrong) && !place.contains(right));
    }

    // The next version is tried at once, and clears it.
    world.secret("bmc", &password(right)).await;
    let node = world.ready("a", "Deployed").await;
    assert_eq!(status(&node).credentials, None);
    assert_eq!(tried(&world), 4);
}

/// Everything that the operator has told of its world: log, metrics, the node's status, Events.
async fn told(world: &World, name: &str) -> String {
    let node = world.nodes.get(name).await.unwrap();
    let events = kube::Api::<Event>::namespaced(world.client.clone(), &world.namespace);
    let events = events.list(&kube::api::ListParams::default()).await.unwrap();
    let log = std::fs::read_to_string(world.operator().process().log()).unwrap();
    let status = serde_json::to_string(status(&node)).unwrap();
    let events = serde_json::to_string(&events.items).unwrap();
    format!(
        "{log}{}{status}{events}",
        world.operator().metrics().await.unwrap()
    )
}

/// Ironic shows what a BMC says; a BMC repeats the password.
#[tokio::test]
async fn what_a_bmc_repeats_of_its_password_is_told_nowhere() {
    let mut world = World::new("credentials-echo").await;
    let wrong = "calvin-echo-51aa";
    world.secret("bmc", &password(wrong)).await;
    let spec = json!({
        "driverInfo": {"redfish_address": format!("https://{}.example", world.namespace)},
        "driverInfoFrom": [{"secretRef": {"name": "bmc"}}],
        "interfaces": {"power": "testkit", "inspect": "testkit"},
        "extra": {"testkit": {"bmc_password": "another", "inspect_fail": "nothing there"}},
    });
    world.apply_node("a", &spec).await;
    let node = world.wait("a", "the verification fails", |node| {
        condition(node, "Ready").is_some_and(|(_, why, _)| why == "VerifyFailed")
    });
    let said = message(&node.await, "Ready");
    assert!(said.contains("access denied with password ***"), "{said}");
    let events = told(&world, "a").await;
    assert!(
        events.contains("access denied with password ***"),
        "an Event tells it, too"
    );
    assert!(!events.contains(wrong), "{events}");
    world.restart_operator(true).await;
    world.lists(2).await;
    assert!(!told(&world, "a").await.contains(wrong));

    // Where nobody knows the password any more, nothing is told at all.
    world.secret("bmc", &password("another")).await;
    let id = status(&world.ready("a", "Enrolled").await).id.clone().unwrap();
    world
        .secrets()
        .delete("bmc", &kube::api::DeleteParams::default())
        .await
        .unwrap();
    world.condition("a", "Ready", "False", "SecretMissing").await;
    let script =
        json!([{"op": "add", "path": "/extra/testkit/inspect_fail", "value": "no answer to another"}]);
    let path = format!("/v1/nodes/{id}");
    assert_eq!(world.meddle("PATCH", &path, &script).await.0, 200);
    let verb = json!({"target": "inspect"});
    let path = format!("{path}/states/provision");
    assert_eq!(world.meddle("PUT", &path, &verb).await.0, 202);
    let node = world.wait("a", "the inspection fails", |node| {
        status(node).provision_state.as_deref() == Some("inspect failed")
    });
    let said = status(&node.await).last_error.clone().unwrap();
    assert!(
        said.contains("not shown") && said.contains("Secret bmc does not exist any more"),
        "{said}"
    );
    let told = told(&world, "a").await;
    assert!(!told.contains("no answer to"), "{told}");
}

#[tokio::test]
async fn a_good_rotation_is_tried_once_and_a_retry_is_asked_for_by_the_annotation() {
    let world = World::new("credentials-good").await;
    let id = deployed(&world, "calvin-one").await;
    lock(&world, &id, "calvin-two").await;
    world.proxy.clear_log();
    world.secret("bmc", &password("calvin-two")).await;
    world
        .wait("a", "it is proven", |node| {
            let applied = status(node).applied.as_ref();
            applied.is_some_and(|applied| applied.proven.is_some()) && tried(&world) > 0
        })
        .await;
    world.ready("a", "Deployed").await;
    assert_eq!(tried(&world), 1);

    // The BMC was rotated late.
    world.secret("bmc", &password("calvin-three")).await;
    world
        .condition("a", "Reconciling", "True", "CredentialsRejected")
        .await;
    lock(&world, &id, "calvin-three").await;
    let retry = kube::api::Patch::Merge(json!({"metadata": {"annotations": {"ironwright.dev/retry": "1"}}}));
    world
        .nodes
        .patch("a", &kube::api::PatchParams::default(), &retry)
        .await
        .unwrap();
    world.ready("a", "Deployed").await;
}
