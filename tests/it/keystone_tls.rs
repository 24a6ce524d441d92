//! BareMetalClouds whose Keystone and Ironic speak TLS.

#![cfg(test)]

use ironwright::api::BareMetalCloud;
use serde_json::{Value, json};

use crate::harness::World;
use crate::openstack::{Doors, clouds_yaml};
use crate::sight::cloud_message;
use crate::tls_front::{AUTHORITY, CLIENT, CLIENT_KEY, OTHER_AUTHORITY, TlsFront};

/// A certificate that the authority of clients has not signed.
const SERVER: &str = include_str!("../fixtures/tls/server.pem");
/// Its key.
const SERVER_KEY: &str = include_str!("../fixtures/tls/server-key.pem");

/// A world, and TLS before Keystone and before Ironic, which asks for a client's certificate.
struct Scene {
    world: World,
    doors: Doors,
    keystone: TlsFront,
    /// What the catalog names.
    _ironic: TlsFront,
}

impl Scene {
    async fn new(name: &str) -> Self {
        let world = World::empty(name).await;
        let doors = Doors::new(&format!("{name}-plain")).await;
        let keystone = TlsFront::before(&doors.keystone.endpoint(), false).await;
        let ironic = TlsFront::before(&doors.ironic.endpoint(), true).await;
        let catalog = &doors.openstack.keystone;
        let offered = catalog.register("baremetal", name, &ironic.endpoint()).await;
        offered.expect("the region is known");
        Self {
            world,
            doors,
            keystone,
            _ironic: ironic,
        }
    }

    /// A Secret `lab` with these keys beside a clouds.yaml that says `more`.
    async fn secret(&self, more: &Value, beside: &Value) {
        let mut cloud = self.doors.system();
        cloud["region_name"] = json!(self.world.namespace);
        cloud["auth"]["auth_url"] = json!(self.keystone.endpoint());
        json_patch::merge(&mut cloud, more);
        let mut data = json!({"clouds.yaml": clouds_yaml(&cloud)});
        json_patch::merge(&mut data, beside);
        self.world.secret("lab", &data).await;
    }

    /// The cloud `lab` with that Secret, and this on top.
    async fn cloud(&self, more: &Value) {
        let mut spec = json!({"credentialsSecretRef": {"name": "lab"}, "cloudName": "lab"});
        json_patch::merge(&mut spec, more);
        let object = json!({
            "apiVersion": "ironwright.dev/v1alpha1", "kind": "BareMetalCloud", "metadata": {"name": "lab"},
            "spec": spec,
        });
        self.world.apply(&object).await.expect("the cloud is accepted");
    }

    /// Waits until the cloud is out of reach for this reason; what it says.
    async fn unreachable(&self, words: &[&str]) {
        let found = ironwright_stack::wait::until("the reason", crate::harness::LIMIT, async || {
            let cloud = self.world.clouds.get("lab").await?;
            let said = cloud_message(&cloud, "Ready");
            let is_it = words.iter().all(|word| said.contains(word));
            Ok((is_it && reason(&cloud) == Some("CloudUnavailable")).then_some(()))
        });
        if let Err(error) = found.await {
            let now = self.world.clouds.get("lab").await.map(|cloud| cloud.status);
            panic!("{error:#}; wanted are {words:?}; the status is {now:#?}");
        }
    }

    async fn ready(&self) {
        self.world
            .cloud_condition("lab", "Ready", "True", "Observed")
            .await;
    }
}

fn reason(cloud: &BareMetalCloud) -> Option<&str> {
    let conditions = &cloud.status.as_ref()?.conditions;
    let ready = conditions.iter().find(|condition| condition.type_ == "Ready")?;
    Some(&ready.reason)
}

#[tokio::test]
async fn certificates_come_from_the_secret_and_what_is_wrong_with_them_is_said() {
    let mut scene = Scene::new("keystone-tls-cloud").await;
    let certificates = json!({"cacert": "ca.pem", "cert": "client.pem", "key": "client-key.pem"});
    let files = json!({"ca.pem": OTHER_AUTHORITY, "client.pem": CLIENT, "client-key.pem": CLIENT_KEY});
    scene.secret(&certificates, &files).await;
    scene.cloud(&json!({})).await;
    scene.world.start_operator().await;
    let keystone = format!("Keystone at {}/v3", scene.keystone.endpoint());
    let unknown = "none of the authorities that are trusted here has signed the server's certificate";
    scene.unreachable(&[&keystone, unknown]).await;
    assert_eq!(scene.doors.tokens_asked(), 0, "nothing was said to a stranger");

    // The right authority, but nothing to show to Ironic.
    let nothing = json!({"ca.pem": AUTHORITY});
    scene.secret(&json!({"cacert": "ca.pem"}), &nothing).await;
    let wanted = "the server lets in only who shows a certificate";
    scene.unreachable(&["gives no usable answer", wanted]).await;
    let stranger = json!({"ca.pem": AUTHORITY, "client.pem": SERVER, "client-key.pem": SERVER_KEY});
    scene.secret(&certificates, &stranger).await;
    let unknown = "the server does not accept the certificate that is shown to it";
    scene.unreachable(&["gives no usable answer", unknown]).await;

    let files = json!({"ca.pem": AUTHORITY, "client.pem": CLIENT, "client-key.pem": CLIENT_KEY});
    scene.secret(&certificates, &files).await;
    scene.ready().await;
    let spec = json!({"cloudRef": {"name": "lab"}});
    scene.world.apply_node("a", &spec).await;
    scene.world.ready("a", "Enrolled").await;
    let log = std::fs::read_to_string(scene.world.operator().process().log()).unwrap();
    assert!(log.contains("step taken"), "the log is the operator's");
    assert!(
        !log.contains("PRIVATE KEY"),
        "the log holds the key of the certificate"
    );
    scene.world.delete("a").await;
    scene.world.gone("a").await;
}

#[tokio::test]
async fn an_authority_in_the_spec_goes_before_the_one_in_the_secret() {
    let mut scene = Scene::new("keystone-tls-spec").await;
    let certificates = json!({"cert": CLIENT, "key": CLIENT_KEY});
    // Used without being named.
    scene
        .secret(&certificates, &json!({"cacert": OTHER_AUTHORITY}))
        .await;
    scene.cloud(&json!({"caCertificate": AUTHORITY})).await;
    scene.world.start_operator().await;
    scene.ready().await;
    scene.cloud(&json!({})).await;
    scene.unreachable(&["certificate"]).await;
    scene.secret(&certificates, &json!({"cacert": AUTHORITY})).await;
    scene.ready().await;
}
