//! What the tests with Keystone share: one cloud for the whole run, with an Ironic of its own, and clouds.yaml files for it.

#![cfg(test)]

use std::sync::LazyLock;

use ironwright::ironic::client::clouds_yaml::CloudsYaml;
use ironwright::ironic::client::{Client, Settings};
use ironwright_stack::openstack::{OpenStack, OpenStackOptions};
use ironwright_stack::{IronicOptions, Progress, Proxy};
use reqwest::Method;
use serde_json::{Value, json};
use tokio::runtime::Runtime;
use tokio::sync::OnceCell;

use crate::harness::stack;
use crate::leaks::never_tell;

static OPENSTACK: OnceCell<OpenStack> = OnceCell::const_new();
/// Where its proxy lives: that of the test that asks first ends with that test.
static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| Runtime::new().expect("a runtime"));
/// With the driver `testkit`, which has vendor methods of its own.
const DRIVERS: &str = "[DEFAULT]\nenabled_hardware_types = fake-hardware,redfish,manual-management,testkit\n";

/// Keystone, Neutron and an Ironic, started by the first test that asks.
pub async fn openstack() -> &'static OpenStack {
    let start = async || {
        let stack = stack().await;
        let options = OpenStackOptions {
            neutron: true,
            ironic: IronicOptions {
                name: "openstack-ironic".to_owned(),
                extra_conf: DRIVERS.to_owned(),
                ..IronicOptions::default()
            },
        };
        let start = || {
            let progress = Progress::stderr();
            RUNTIME.block_on(OpenStack::start(&stack.tools, &stack.run, &progress, options))
        };
        let started = tokio::task::spawn_blocking(start).await.expect("it is tried");
        started.expect("Keystone, Neutron and Ironic start")
    };
    OPENSTACK.get_or_init(start).await
}

/// One test's own way there: a region of the catalog that leads to Ironic by way of a proxy, and a proxy before Keystone.
pub struct Doors {
    /// The cloud.
    pub openstack: &'static OpenStack,
    /// Named after the test.
    pub region: String,
    /// Before Ironic.
    pub ironic: Proxy,
    /// Before Keystone.
    pub keystone: Proxy,
}

impl Doors {
    /// Opens them; `ironic` stands before the cloud's Ironic.
    pub async fn with(region: &str, ironic: Proxy) -> Self {
        let openstack = openstack().await;
        let keystone = Proxy::start(&openstack.keystone.endpoint())
            .await
            .expect("a proxy before Keystone");
        openstack
            .keystone
            .register("baremetal", region, &ironic.endpoint())
            .await
            .expect("the region is known");
        Self {
            openstack,
            region: region.to_owned(),
            ironic,
            keystone,
        }
    }

    /// The same with a proxy of their own.
    pub async fn new(region: &str) -> Self {
        let ironic = Proxy::start(&openstack().await.ironic.endpoint()).await;
        Self::with(region, ironic.expect("a proxy before Ironic")).await
    }

    /// A cloud of a clouds.yaml with these credentials.
    pub fn cloud(&self, kind: &str, mut auth: Value) -> Value {
        auth["auth_url"] = json!(self.keystone.endpoint());
        json!({"auth_type": kind, "region_name": self.region, "auth": auth})
    }

    /// The administrator with system scope.
    pub fn system(&self) -> Value {
        let password = self.openstack.keystone.access().password_of("admin");
        let auth = json!({"username": "admin", "password": password, "user_domain_id": "default", "system_scope": "all"});
        self.cloud("password", auth)
    }

    /// A user of the project `metal`.
    pub fn in_metal(&self, user: &str) -> Value {
        let password = self.openstack.keystone.access().password_of(user);
        let auth = json!({
            "username": user, "password": password, "user_domain_name": "Default",
            "project_name": "metal", "project_domain_name": "Default",
        });
        self.cloud("password", auth)
    }

    /// A new user of the project `metal` and an application credential of that user; `more` goes into its creation.
    pub async fn application_credential(&self, user: &str, more: &Value) -> Value {
        let keystone = &self.openstack.keystone;
        let password = keystone.access().password_of(user);
        let id = keystone
            .create_user(user, &password, "admin")
            .await
            .expect("a user");
        let token = keystone.token_in_metal(user).await.expect("a token");
        let mut credential = json!({"name": user});
        json_patch::merge(&mut credential, more);
        let path = format!("/users/{id}/application_credentials");
        let made = keystone
            .request_as(
                &token,
                Method::POST,
                &path,
                &json!({"application_credential": credential}),
            )
            .await
            .expect("an application credential");
        let made = &made["application_credential"];
        let auth = json!({
            "application_credential_id": made["id"], "application_credential_secret": made["secret"],
        });
        self.cloud("v3applicationcredential", auth)
    }

    /// How often Keystone was asked for a token.
    pub fn tokens_asked(&self) -> usize {
        self.keystone.count("POST", "/v3/auth/tokens")
    }

    /// The token that Ironic was last shown.
    pub fn token_in_use(&self) -> String {
        let log = self.ironic.log();
        let shown = log
            .iter()
            .rev()
            .find_map(|entry| entry.seen.headers.get("x-auth-token"));
        shown.expect("a token").to_str().expect("a text").to_owned()
    }
}

impl Drop for Doors {
    /// Tokens are secrets, too.
    fn drop(&mut self) {
        for entry in self.ironic.log() {
            let token = entry.seen.headers.get("x-auth-token");
            token.and_then(|token| token.to_str().ok()).map(never_tell);
        }
    }
}

/// A clouds.yaml with one cloud, `lab`. (JSON is YAML.)
pub fn clouds_yaml(cloud: &Value) -> String {
    json!({"clouds": {"lab": cloud}}).to_string()
}

/// What the client makes of it.
pub fn settings(cloud: &Value) -> Settings {
    let text = clouds_yaml(cloud);
    let texts = CloudsYaml::new(&text);
    texts.settings("lab", None).expect("the cloud is understood")
}

/// A client by way of a clouds.yaml.
pub fn client(cloud: &Value) -> Client {
    Client::new(settings(cloud)).expect("a client")
}
