//! BareMetalClouds by way of a real Keystone.

#![cfg(test)]

use ironwright_stack::{Proxy, wait};
use kube::api::{Patch, PatchParams};
use serde_json::{Value, json};

use crate::harness::{LIMIT, World, stack};
use crate::openstack::{Doors, clouds_yaml, openstack};
use crate::sight::cloud_message;

/// A world whose cloud is behind Keystone: what the operator asks goes through the doors.
async fn world(name: &str) -> (World, Doors) {
    let ironic = openstack().await.ironic.endpoint();
    let world = World::before(stack().await, &ironic, name).await;
    let proxy = Proxy::start(&ironic).await.expect("a proxy");
    (world, Doors::with(name, proxy).await)
}

/// A BareMetalCloud with a Secret of the same name.
async fn cloud(world: &World, name: &str, cloud: &Value) {
    world
        .secret(name, &json!({"clouds.yaml": clouds_yaml(cloud)}))
        .await;
    let object = json!({
        "apiVersion": "ironwright.dev/v1alpha1", "kind": "BareMetalCloud", "metadata": {"name": name},
        "spec": {"credentialsSecretRef": {"name": name}, "cloudName": "lab"},
    });
    world.apply(&object).await.expect("the cloud is accepted");
}

#[tokio::test]
async fn a_machine_gets_ready_with_every_kind_of_credentials() {
    let (mut world, doors) = world("keystone-ready").await;
    let keystone = &doors.openstack.keystone;
    let password = keystone.access().password_of("admin");
    let token = keystone
        .token("admin", &password, &json!({"system": {"all": true}}))
        .await;
    let token = json!({"token": token.expect("a token"), "system_scope": "all"});
    cloud(&world, "password", &doors.system()).await;
    let credential = doors.application_credential("ready", &json!({})).await;
    cloud(&world, "credential", &credential).await;
    cloud(&world, "token", &doors.cloud("v3token", token)).await;
    for name in ["password", "credential", "token"] {
        let spec = json!({"cloudRef": {"name": name}, "provision": {"state": "available"}});
        world.apply_node(name, &spec).await;
    }
    world.start_operator().await;
    for name in ["password", "credential", "token"] {
        world.ready(name, "Available").await;
    }
    let system = world
        .cloud_condition("password", "Ready", "True", "Observed")
        .await;
    let status = system.status.as_ref().expect("a status");
    assert!(status.drivers.contains(&"fake-hardware".to_owned()));
    let identity = status.identity.as_deref().unwrap_or_default();
    assert!(
        identity.contains("(region keystone-ready) as user admin"),
        "{identity}"
    );
    assert!(identity.ends_with("with system scope"), "{identity}");
    let project = world
        .cloud_condition("credential", "Ready", "True", "Observed")
        .await;
    let said = cloud_message(&project, "Ready");
    assert!(said.contains("no right to list drivers"), "{said}");

    // A token that is revoked under way is replaced, and nobody hears of it.
    let asked = doors.tokens_asked();
    for token in tokens(&doors) {
        keystone.revoke(&token).await.expect("it is revoked");
    }
    let spec = json!({"cloudRef": {"name": "credential"}});
    world.apply_node("later", &spec).await;
    world.ready("later", "Enrolled").await;
    assert!(doors.tokens_asked() > asked);
    never_told(&world, &[&password, secret_of(&credential)]);
}

/// The tokens of users that Ironic was shown. (Not the one that somebody gave: that cannot be replaced.)
fn tokens(doors: &Doors) -> Vec<String> {
    let log = doors.ironic.log();
    let shown = log
        .iter()
        .filter_map(|entry| entry.seen.headers.get("x-auth-token"));
    let mut tokens: Vec<_> = shown.map(|token| token.to_str().unwrap().to_owned()).collect();
    tokens.sort();
    tokens.dedup();
    tokens
}

fn secret_of(cloud: &Value) -> &str {
    cloud["auth"]["application_credential_secret"]
        .as_str()
        .expect("a secret")
}

fn never_told(world: &World, secrets: &[&str]) {
    let log = std::fs::read_to_string(world.operator().process().log()).unwrap();
    assert!(log.contains("step taken"), "the log is the operator's");
    for secret in secrets {
        assert!(!log.contains(secret), "the log holds a secret");
    }
}

#[tokio::test]
async fn a_wrong_password_is_tried_three_times_for_each_version_of_the_secret() {
    let (mut world, doors) = world("keystone-wrong").await;
    let mut wrong = doors.system();
    wrong["auth"]["password"] = json!("wrong-5c07aa");
    cloud(&world, "lab", &wrong).await;
    world.start_operator().await;
    let told = world
        .cloud_condition("lab", "Stalled", "True", "Unauthorized")
        .await;
    let said = cloud_message(&told, "Stalled");
    assert!(
        said.contains("3 times") && said.contains("lock the account"),
        "{said}"
    );
    assert!(!said.contains("wrong-5c07aa"), "{said}");
    assert_eq!(doors.tokens_asked(), 3);

    // Neither time nor a new process makes it try again.
    world.operator().process().stop().await;
    world.start_operator().await;
    let looked = wait::until("the new process to look at the cloud", LIMIT, async || {
        let cloud = world.clouds.get("lab").await?;
        let said = cloud_message(&cloud, "Stalled");
        Ok(said.contains("before this client was made").then_some(()))
    });
    looked.await.expect("it knows of the three tries");
    assert_eq!(doors.tokens_asked(), 3);

    // Somebody touched the Secret: three more.
    let label = Patch::Merge(json!({"metadata": {"labels": {"touched": "yes"}}}));
    world
        .secrets()
        .patch("lab", &PatchParams::default(), &label)
        .await
        .unwrap();
    doors
        .keystone
        .wait_for("POST", "/v3/auth/tokens", 6, LIMIT)
        .await
        .expect("three more tries");

    cloud(&world, "lab", &doors.system()).await;
    let right = world.cloud_condition("lab", "Ready", "True", "Observed").await;
    assert_eq!(right.status.unwrap().refused, None);
    assert_eq!(doors.tokens_asked(), 7);
}
