//! What the tests of the client stand on: the real Ironic that all share, a scripting proxy of their own before it, and a client
//! that goes through the proxy.

#![cfg(test)]

use std::time::Duration;

use futures::{Stream, TryStreamExt};
use ironwright::ironic::client::{Client, NodeQuery, ProvisionRequest, Result, Settings};
use ironwright::ironic::model::{
    InterfaceKind, Node, NodeCreate, Object, PowerTarget, ProvisionState, Seen, Verb,
};
use ironwright_stack::Proxy;
use serde_json::{Value, json};

use crate::harness;

/// Longest wait for anything that Ironic does.
pub const LONG: Duration = harness::LIMIT;

/// One test's own world.
pub struct Lab {
    pub proxy: Proxy,
    pub client: Client,
    /// What the names of everything the test makes begin with.
    name: &'static str,
}

impl Lab {
    /// A proxy and a client.
    pub async fn new(name: &'static str) -> Self {
        let stack = harness::stack().await;
        let proxy = Proxy::start(&stack.ironic.endpoint())
            .await
            .expect("the proxy starts");
        let client = Client::new(Settings::new(proxy.endpoint())).expect("a client");
        Self { proxy, client, name }
    }

    /// A name of this test alone.
    pub fn name(&self, name: &str) -> String {
        format!("{}-{name}", self.name)
    }

    /// A query for the nodes of this test: they share their resource class.
    pub fn query(&self) -> NodeQuery {
        NodeQuery {
            resource_class: Some(self.name.to_owned()),
            ..NodeQuery::default()
        }
    }

    /// A node in `enroll` whose interfaces do as `script` says.
    pub fn draft(&self, name: &str, script: &Value) -> NodeCreate {
        use InterfaceKind::{Deploy, Inspect, Power, Rescue};
        NodeCreate {
            name: Some(self.name(name)),
            driver: "fake-hardware".into(),
            resource_class: Some(self.name.to_owned()),
            interfaces: [Deploy, Inspect, Power, Rescue]
                .map(|kind| (kind, "testkit".to_owned()))
                .into(),
            extra: object(json!({ "testkit": script })),
            ..NodeCreate::default()
        }
    }

    /// The same, made.
    pub async fn node(&self, name: &str, script: Value) -> Node {
        let draft = self.draft(name, &script);
        self.client.create_node(&draft).await.expect("a node").value
    }

    /// Takes a node through verbs without arguments.
    pub async fn walk(&self, id: &str, verbs: &[Verb]) -> Node {
        let mut node = None;
        for &verb in verbs {
            node = Some(
                self.go(id, &ProvisionRequest::new(verb))
                    .await
                    .expect("the verb works"),
            );
        }
        node.expect("a verb").value
    }

    /// Takes a node through one verb.
    pub async fn go(&self, id: &str, request: &ProvisionRequest) -> Result<Seen<Node>> {
        let client = self.client.retry_on_conflict(LONG);
        client.set_node_provision_state_and_wait(id, request, LONG).await
    }

    /// A node that allocations can have: available, and its power known.
    pub async fn offered(&self, name: &str, script: Value) -> Node {
        let node = self.node(name, script).await;
        self.walk(&node.uuid, &[Verb::Manage, Verb::Provide]).await;
        let client = self.client.retry_on_conflict(LONG);
        let known = client.set_node_power_state_and_wait(&node.uuid, PowerTarget::On, None, LONG);
        known.await.expect("it is on").value
    }

    /// The requests through the proxy, as `METHOD path`, discovery left out.
    pub fn sent(&self) -> Vec<String> {
        let log = self.proxy.log();
        let told = log.iter().map(|entry| &entry.seen);
        told.filter(|seen| seen.path != "/v1")
            .map(|seen| format!("{} {}", seen.method, seen.path))
            .collect()
    }

    /// How many requests are made meanwhile that change something.
    pub fn writes(&self) -> usize {
        self.sent()
            .iter()
            .filter(|request| !request.starts_with("GET"))
            .count()
    }
}

/// All rows of a listing, without their stamps.
pub async fn rows<T>(listing: impl Stream<Item = Result<Seen<T>>>) -> Result<Vec<T>> {
    listing.map_ok(|seen| seen.value).try_collect().await
}

/// A free-form object.
pub fn object(value: Value) -> Object {
    serde_json::from_value(value).expect("an object")
}

/// A MAC address that no other test uses: each test file and subject has numbers of its own.
pub fn mac(test: u8, number: u8) -> String {
    format!("02:1A:{test:02X}:00:00:{number:02X}")
}

/// A patch.
pub fn patch(value: Value) -> json_patch::Patch {
    serde_json::from_value(value).expect("a patch")
}

/// Makes a state of its name.
pub fn state(text: &str) -> ProvisionState {
    ProvisionState::from(text)
}

/// Something with a change.
pub fn with<T>(mut value: T, change: impl FnOnce(&mut T)) -> T {
    change(&mut value);
    value
}
