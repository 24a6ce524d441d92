//! Secrets that machines are reached with: missing, appearing, changing, and never told.

#![cfg(test)]

use std::time::{Duration, Instant};

use ironwright::api::BareMetalNode;
use k8s_openapi::api::events::v1::Event;
use kube::Api;
use serde_json::{Value, json};

use crate::harness::{World, message, status};

/// Acting on a changed Secret takes a second at most; the rest is the test's own looking, on a busy machine.
const SOON: Duration = Duration::from_secs(4);

/// A spec that takes its `driver_info` from the Secret `bmc`.
fn from_secret(world: &World, keys: &Value) -> Value {
    let mut from = json!({"secretRef": {"name": "bmc"}});
    if !keys.is_null() {
        from["keys"] = keys.clone();
    }
    json!({"driverInfo": {"redfish_address": bmc(world)}, "driverInfoFrom": [from]})
}

/// A BMC of this test alone.
fn bmc(world: &World) -> String {
    format!("https://{}.example", world.namespace)
}

/// Waits for a PATCH that writes this value to `driver_info`; how long after `since` it came.
async fn written(world: &World, key: &str, value: &str, since: Instant) -> Duration {
    let wrote = |entry: &ironwright_stack::proxy::Entry| {
        let body: Value = serde_json::from_slice(&entry.seen.body).unwrap_or_default();
        let path = format!("/driver_info/{key}");
        entry.seen.method == "PATCH"
            && body.as_array().is_some_and(|operations| {
                operations
                    .iter()
                    .any(|operation| operation["path"] == *path && operation["value"] == value)
            })
    };
    ironwright_stack::wait::until("the PATCH", crate::harness::LIMIT, async || {
        let log = world.proxy.log();
        Ok(log
            .iter()
            .find(|entry| wrote(entry))
            .map(|entry| entry.at - since))
    })
    .await
    .unwrap_or_else(|error| panic!("{key}={value}: {error:#}; sent: {:#?}", world.mutations()))
}

#[tokio::test]
async fn a_machine_waits_for_its_secret_and_is_enrolled_as_soon_as_it_appears() {
    let world = World::new("secrets-missing").await;
    world.apply_node("a", &from_secret(&world, &Value::Null)).await;
    let node = world.condition("a", "Reconciling", "True", "SecretMissing").await;
    let said = message(&node, "Ready");
    assert!(said.contains("Secret bmc does not exist"), "{said}");
    assert_eq!(
        world.mutations(),
        Vec::<String>::new(),
        "nothing is sent without it"
    );

    let began = Instant::now();
    world
        .secret(
            "bmc",
            &json!({"redfish_username": "root", "redfish_password": "calvin-1"}),
        )
        .await;
    world.ready("a", "Enrolled").await;
    let created = world
        .proxy
        .log()
        .iter()
        .find(|entry| entry.seen.method == "POST")
        .unwrap()
        .at;
    assert!(created - began < SOON, "{:?}", created - began);
    let body = world.bodies("POST", "/v1/nodes").remove(0);
    assert_eq!(
        body["driver_info"],
        json!({
            "redfish_address": bmc(&world), "redfish_username": "root", "redfish_password": "calvin-1",
        })
    );
}

#[tokio::test]
async fn a_missing_key_is_named_and_only_the_named_keys_are_taken() {
    let world = World::new("secrets-keys").await;
    world
        .secret("bmc", &json!({"user": "root", "comment": "not for Ironic"}))
        .await;
    let keys = json!({"redfish_username": "user", "redfish_password": "pass"});
    world.apply_node("a", &from_secret(&world, &keys)).await;
    let node = world
        .condition("a", "Reconciling", "True", "SecretKeyMissing")
        .await;
    let said = message(&node, "Ready");
    assert!(said.contains("Secret bmc has no key pass"), "{said}");
    assert_eq!(
        world.mutations(),
        Vec::<String>::new(),
        "nothing is sent without it"
    );

    world
        .secret(
            "bmc",
            &json!({"user": "root", "comment": "not for Ironic", "pass": "calvin-2"}),
        )
        .await;
    world.ready("a", "Enrolled").await;
    let body = world.bodies("POST", "/v1/nodes").remove(0);
    assert_eq!(
        body["driver_info"],
        json!({
            "redfish_address": bmc(&world), "redfish_username": "root", "redfish_password": "calvin-2",
        })
    );
}

#[tokio::test]
async fn a_rotated_secret_is_written_at_once_and_never_told() {
    let world = World::new("secrets-rotated").await;
    let (old, new) = ("calvin-old-93bd1f", "calvin-new-5c07aa");
    world
        .secret(
            "bmc",
            &json!({"redfish_username": "root", "redfish_password": old}),
        )
        .await;
    let mut spec = from_secret(&world, &Value::Null);
    spec["provision"] = json!({"state": "available"});
    world.apply_node("a", &spec).await;
    world.ready("a", "Available").await;

    let began = Instant::now();
    world
        .secret(
            "bmc",
            &json!({"redfish_username": "root", "redfish_password": new}),
        )
        .await;
    let took = written(&world, "redfish_password", new, began).await;
    assert!(took < SOON, "{took:?}");
    let version = world
        .secrets()
        .get("bmc")
        .await
        .unwrap()
        .metadata
        .resource_version
        .unwrap();
    let node = world
        .wait("a", "the new version is known", |node| {
            let applied = status(node).applied.as_ref();
            applied.is_some_and(|applied| applied.secrets["bmc"] == version)
        })
        .await;
    let patches = world.bodies("PATCH", "");
    assert_eq!(patches.len(), 1, "one PATCH: {patches:?}");
    let live = world.live("a").await.unwrap();
    assert_eq!(live["driver_info"]["redfish_password"], "******");
    assert_eq!(live["driver_info"]["redfish_address"], bmc(&world));

    // A key that leaves the Secret leaves Ironic, too, also when the rest was written again without the Secret in between.
    world.edit("a", &json!({"extra": {"rack": "7"}})).await;
    world.ready("a", "Available").await;
    let without = kube::api::Patch::Merge(json!({"data": {"redfish_username": null}}));
    world
        .secrets()
        .patch("bmc", &kube::api::PatchParams::default(), &without)
        .await
        .unwrap();
    ironwright_stack::wait::until("the key to go", crate::harness::LIMIT, async || {
        let live = world.live("a").await.unwrap();
        Ok(live["driver_info"]
            .get("redfish_username")
            .is_none()
            .then_some(()))
    })
    .await
    .unwrap();

    never_told(&world, &node, &[old, new]).await;
}

/// Neither log, status, events nor metrics hold one of the secrets.
async fn never_told(world: &World, node: &BareMetalNode, secrets: &[&str]) {
    let log = std::fs::read_to_string(world.operator().process().log()).unwrap();
    assert!(log.contains("step taken"), "the log is the operator's");
    let events = Api::<Event>::namespaced(world.client.clone(), &world.namespace);
    let events = events
        .list(&kube::api::ListParams::default())
        .await
        .unwrap()
        .items;
    assert!(!events.is_empty());
    let told = [
        ("the log", log),
        ("the status", serde_json::to_string(status(node)).unwrap()),
        ("events", serde_json::to_string(&events).unwrap()),
        ("metrics", world.operator().metrics().await.unwrap()),
    ];
    for (place, text) in told {
        for secret in secrets {
            assert!(!text.contains(secret), "{place} holds a password");
        }
    }
}

#[tokio::test]
async fn which_keys_are_taken_can_be_changed_and_a_touched_secret_changes_nothing() {
    let world = World::new("secrets-mapping").await;
    let bmc = json!({"one": "root", "two": "admin"});
    world.secret("bmc", &bmc).await;
    world.secret("extra", &json!({"agent_username": "x"})).await;
    let first = json!({"redfish_username": "one"});
    let mut spec = from_secret(&world, &first);
    spec["driverInfoFrom"]
        .as_array_mut()
        .unwrap()
        .push(json!({"secretRef": {"name": "extra"}}));
    world.apply_node("a", &spec).await;
    world.ready("a", "Enrolled").await;
    let live = world.live("a").await.unwrap();
    assert_eq!(live["driver_info"]["redfish_username"], "root");
    assert_eq!(live["driver_info"]["agent_username"], "x");

    // Another key, and one Secret less.
    world
        .edit("a", &from_secret(&world, &json!({"redfish_username": "two"})))
        .await;
    world.ready("a", "Enrolled").await;
    let live = world.live("a").await.unwrap();
    assert_eq!(live["driver_info"]["redfish_username"], "admin");
    assert_eq!(live["driver_info"].get("agent_username"), None);

    // A label makes a new version of the Secret that says the same.
    let sent = world.mutations();
    let label = kube::api::Patch::Merge(json!({"metadata": {"labels": {"a": "b"}}}));
    let touched = world
        .secrets()
        .patch("bmc", &kube::api::PatchParams::default(), &label)
        .await
        .unwrap();
    let version = touched.metadata.resource_version.unwrap();
    world
        .wait("a", "the new version is known", |node| {
            let applied = status(node).applied.as_ref();
            applied.is_some_and(|applied| applied.secrets["bmc"].starts_with(&version))
        })
        .await;
    assert_eq!(world.mutations(), sent);
}

#[tokio::test]
async fn a_masked_password_is_not_written_back() {
    let world = World::new("secrets-masked").await;
    let masked = json!({"driverInfo": {"redfish_password": "******"}});
    world.apply_node("a", &masked).await;
    let node = world.condition("a", "Stalled", "True", "InvalidSpec").await;
    let said = message(&node, "Ready");
    assert!(
        said.contains("driver_info.redfish_password") && said.contains("driverInfoFrom"),
        "{said}"
    );
    assert_eq!(world.mutations(), Vec::<String>::new());
    world
        .edit("a", &json!({"driverInfo": {"redfish_password": "plain"}}))
        .await;
    world.ready("a", "Enrolled").await;

    // Ironic masks it from now on, which is no difference to be put right.
    let live = world.live("a").await.unwrap();
    assert_eq!(live["driver_info"]["redfish_password"], "******");
    world
        .edit("a", &json!({"provision": {"state": "available"}}))
        .await;
    world.ready("a", "Available").await;
    assert_eq!(world.bodies("PATCH", ""), Vec::<Value>::new());

    // Also on a node that is there already.
    world
        .edit("a", &json!({"driverInfo": {"redfish_password": "******"}}))
        .await;
    world.condition("a", "Stalled", "True", "InvalidSpec").await;
    assert_eq!(world.bodies("PATCH", ""), Vec::<Value>::new());
    world
        .edit("a", &json!({"driverInfo": {"redfish_password": "plainer"}}))
        .await;
    world.ready("a", "Available").await;
    let patches = world.bodies("PATCH", "");
    let written = json!([{"op": "add", "path": "/driver_info/redfish_password", "value": "plainer"}]);
    assert_eq!(patches, [written]);
}

#[tokio::test]
async fn user_data_waits_for_its_secret_without_holding_up_the_enrolment() {
    let world = World::new("secrets-user-data").await;
    let drive = json!({"userDataFrom": {"secretRef": {"name": "cloud-init", "key": "user-data"}}});
    let mut spec = crate::harness::active("http://images.example/one.qcow2");
    spec["provision"]["instance"]["configDrive"] = drive;
    world.apply_node("a", &spec).await;
    let node = world.condition("a", "Reconciling", "True", "SecretMissing").await;
    assert!(message(&node, "Ready").contains("Secret cloud-init"));
    world
        .secret("cloud-init", &json!({"user-data": "#!/bin/sh\n"}))
        .await;
    world.ready("a", "Deployed").await;
    assert_eq!(world.count_verb("active"), 1);
    let deploy = world.bodies("PUT", "/states/provision").pop().unwrap();
    assert_eq!(deploy["configdrive"]["user_data"], "#!/bin/sh\n");

    // Another version of it is for the next deployment only.
    world
        .secret("cloud-init", &json!({"user-data": "#!/bin/bash\n"}))
        .await;
    world.edit("a", &json!({"extra": {"later": "x"}})).await;
    world.ready("a", "Deployed").await;
    let live = world.live("a").await.unwrap();
    assert_eq!(
        live["extra"]["later"], "x",
        "the operator has seen what came after the Secret"
    );
    assert_eq!(world.count_verb("active"), 1, "nothing is rebuilt for a Secret");
}
