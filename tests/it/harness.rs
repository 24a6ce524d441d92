//! What every end-to-end test stands on besides the [stage](crate::stage): for each test a namespace, a scripting proxy in
//! front of Ironic, a BareMetalCloud `lab` that goes through it, and an operator of its own.

#![cfg(test)]

use std::time::Duration;

use anyhow::Result;
use ironwright::api::{BareMetalCloud, BareMetalNode, BareMetalNodeStatus};
use ironwright_stack::proxy::Entry;
use ironwright_stack::{Operator, OperatorOptions, Proxy, operator, wait};
use k8s_openapi::api::core::v1::{Namespace, Secret};
use kube::api::{DeleteParams, Patch, PatchParams, PostParams};
use kube::{Api, Client, ResourceExt};
use serde_json::{Value, json};

use crate::leaks::{self, Leaks, Places};
use crate::probe::describe;
pub use crate::stage::stack;
use crate::stage::{Stack, grant_lease};

/// Longest wait for anything that needs Ironic, with four tests at a time on two cores.
pub const LIMIT: Duration = Duration::from_secs(90);

/// One test's own world.
pub struct World {
    pub stack: Stack,
    pub namespace: String,
    pub client: Client,
    /// Everything that the operator asks of Ironic goes through it.
    pub proxy: Proxy,
    pub nodes: Api<BareMetalNode>,
    pub clouds: Api<BareMetalCloud>,
    pub operator: Option<Operator>,
    /// What no operator may tell.
    pub leaks: Leaks,
}

impl World {
    /// A namespace with the cloud `lab` on the shared Ironic, seen by a running operator.
    pub async fn new(name: &str) -> Self {
        let mut world = Self::empty(name).await;
        world.apply(&world.lab()).await.expect("the cloud is accepted");
        world.start_operator().await;
        world
    }

    /// A namespace and a proxy; no cloud, no operator.
    pub async fn empty(name: &str) -> Self {
        let stack = stack().await;
        Self::before(stack, &stack.ironic.endpoint(), name).await
    }

    /// The same with the proxy before another Ironic.
    pub async fn before(stack: &Stack, upstream: &str, name: &str) -> Self {
        let client = stack.control_plane.client().await.expect("a client");
        let namespaces = Api::<Namespace>::all(client.clone());
        let namespace = serde_json::from_value(json!({"metadata": {"name": name}})).expect("a namespace");
        namespaces
            .create(&PostParams::default(), &namespace)
            .await
            .expect("the namespace is created");
        grant_lease(&client, name)
            .await
            .expect("the right to the Lease is given");
        Self {
            stack: stack.clone(),
            namespace: name.to_owned(),
            proxy: Proxy::start(upstream).await.expect("the proxy starts"),
            nodes: Api::namespaced(client.clone(), name),
            clouds: Api::namespaced(client.clone(), name),
            client,
            operator: None,
            leaks: Leaks::of(stack.control_plane.kubeconfig(), name),
        }
    }

    /// The cloud `lab`: the shared Ironic through the proxy.
    pub fn lab(&self) -> Value {
        json!({
            "apiVersion": "ironwright.dev/v1alpha1", "kind": "BareMetalCloud", "metadata": {"name": "lab"},
            "spec": {"endpoint": self.proxy.endpoint()},
        })
    }

    /// Starts the operator for this namespace, as the ServiceAccount that the chart made.
    pub async fn start_operator(&mut self) {
        let operator = self
            .launch_operator("ironwright")
            .await
            .expect("the operator is launched");
        operator.ready().await.expect("the operator gets ready");
        self.operator = Some(operator);
    }

    /// Launches an operator of this name, ready or not; several of one namespace have one Lease.
    pub async fn launch_operator(&self, pod: &str) -> Result<Operator> {
        let mut options = self.operator_options().await?;
        options.name = format!("{}-{pod}", options.name);
        options.env.push(("POD_NAME".to_owned(), pod.to_owned()));
        Operator::launch(&self.stack.run, &options)
    }

    /// How this namespace's operator is run: as the ServiceAccount that the chart made, with a Lease in the namespace.
    pub async fn operator_options(&self) -> Result<OperatorOptions> {
        let control_plane = &self.stack.control_plane;
        let kubeconfig = control_plane
            .service_account_kubeconfig("ironwright-system", "ironwright")
            .await?;
        self.leaks.learn_kubeconfig(&kubeconfig);
        let mut options = OperatorOptions::new(&kubeconfig)?;
        options.name = format!("operator-{}", self.namespace);
        options.args = vec!["--namespace".to_owned(), self.namespace.clone()];
        let env = [
            ("RUST_LOG", "info,ironwright=debug,kube=warn"),
            ("POD_NAMESPACE", &self.namespace),
        ];
        options.env = env
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .into();
        Ok(options)
    }

    /// The running operator.
    pub fn operator(&self) -> &Operator {
        self.operator.as_ref().expect("an operator is running")
    }

    /// Server-side apply of one object of any of our kinds, a Secret, …; what the apiserver says if it refuses.
    pub async fn apply(&self, manifest: &Value) -> Result<(), String> {
        let name = manifest["metadata"]["name"].as_str().expect("a name");
        let patch = PatchParams::apply("test").force();
        let result = match manifest["kind"].as_str() {
            Some("BareMetalNode") => self
                .nodes
                .patch(name, &patch, &Patch::Apply(manifest))
                .await
                .map(drop),
            Some("BareMetalCloud") => self
                .clouds
                .patch(name, &patch, &Patch::Apply(manifest))
                .await
                .map(drop),
            Some("Secret") => {
                self.leaks.learn(manifest);
                let secrets = self.secrets();
                secrets
                    .patch(name, &patch, &Patch::Apply(manifest))
                    .await
                    .map(drop)
            }
            other => panic!("cannot apply {other:?}"),
        };
        result.map_err(|error| error.to_string())
    }

    /// Secrets of the namespace.
    pub fn secrets(&self) -> Api<Secret> {
        Api::namespaced(self.client.clone(), &self.namespace)
    }

    /// Creates or replaces a Secret.
    pub async fn secret(&self, name: &str, data: &Value) {
        let secret =
            json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}, "stringData": data});
        self.apply(&secret).await.expect("the Secret is accepted");
    }

    /// Applies a node as [`manifest`] makes it.
    pub async fn apply_node(&self, name: &str, spec: &Value) {
        self.apply(&manifest(name, spec))
            .await
            .expect("the node is accepted");
    }

    /// Changes a node's spec by a merge patch.
    pub async fn edit(&self, name: &str, spec: &Value) {
        let patch = Patch::Merge(json!({"spec": spec}));
        self.nodes
            .patch(name, &PatchParams::default(), &patch)
            .await
            .expect("the edit is accepted");
    }

    /// Deletes a node's object; the finalizer decides when it goes.
    pub async fn delete(&self, name: &str) {
        self.nodes
            .delete(name, &DeleteParams::default())
            .await
            .expect("the deletion is accepted");
    }

    /// Waits until the node is as `wanted` says, and returns it.
    pub async fn wait(
        &self,
        name: &str,
        what: &str,
        wanted: impl Fn(&BareMetalNode) -> bool,
    ) -> BareMetalNode {
        let found = wait::until(what, LIMIT, async || {
            let node = self.nodes.get(name).await?;
            Ok(wanted(&node).then_some(node))
        });
        match found.await {
            Ok(node) => node,
            Err(error) => {
                let now = self
                    .nodes
                    .get_opt(name)
                    .await
                    .ok()
                    .flatten()
                    .map(|node| node.status);
                panic!(
                    "{name}: {what}: {error:#}; its status is {}",
                    serde_json::to_string_pretty(&now).unwrap()
                )
            }
        }
    }

    /// Waits until the node is `Ready` for this reason, at its current generation.
    pub async fn ready(&self, name: &str, reason: &str) -> BareMetalNode {
        self.condition(name, "Ready", "True", reason).await
    }

    /// Waits until a condition is so, at the object's current generation.
    pub async fn condition(&self, name: &str, kind: &str, status: &str, reason: &str) -> BareMetalNode {
        let what = format!("{kind}={status} {reason}");
        self.wait(name, &what, |node| {
            let current = node.status.as_ref().and_then(|status| status.observed_generation)
                == node.metadata.generation;
            current && condition(node, kind).is_some_and(|(now, why, _)| now == status && why == reason)
        })
        .await
    }

    /// Waits until the object is gone.
    pub async fn gone(&self, name: &str) {
        let gone = wait::until("the object is gone", LIMIT, async || {
            Ok(self.nodes.get_opt(name).await?.is_none().then_some(()))
        });
        if let Err(error) = gone.await {
            let now = self.nodes.get(name).await.map(|node| node.status);
            panic!("{name}: {error:#}; its status is {now:#?}");
        }
    }

    /// The node as Ironic has it, past the proxy; none if it is not there.
    pub async fn live(&self, name: &str) -> Option<Value> {
        let id = self
            .nodes
            .get_opt(name)
            .await
            .expect("the apiserver answers")
            .and_then(|node| node.status?.id)?;
        self.live_by_id(&id).await
    }

    /// The node as Ironic has it, by uuid or Ironic's name.
    pub async fn live_by_id(&self, id: &str) -> Option<Value> {
        let url = format!("{}/v1/nodes/{id}", self.stack.ironic.endpoint());
        let request = reqwest::Client::new()
            .get(url)
            .header("X-OpenStack-Ironic-API-Version", "1.95");
        let answer = request.send().await.expect("Ironic answers");
        match answer.status().as_u16() {
            404 => None,
            200 => Some(answer.json().await.expect("a node")),
            status => panic!("Ironic says {status} to GET of {id}"),
        }
    }

    /// A request to Ironic past the proxy and the operator, as somebody else would make it.
    pub async fn meddle(&self, method: &str, path: &str, body: &Value) -> (u16, Value) {
        let url = format!("{}{path}", self.stack.ironic.endpoint());
        let request = reqwest::Client::new()
            .request(method.parse().expect("a method"), &url)
            .header("X-OpenStack-Ironic-API-Version", "1.95");
        let request = if body.is_null() {
            request
        } else {
            request.json(body)
        };
        let answer = request.send().await.expect("Ironic answers");
        let status = answer.status().as_u16();
        (status, answer.json().await.unwrap_or_default())
    }

    /// The secrets that an operator of this namespace has told, and where. The end of every world looks itself.
    pub fn told_secrets(&self) -> Vec<String> {
        self.leaks.found(self.places())
    }

    /// Where the operators of this namespace have told something: those that a test has dropped, too.
    fn places(&self) -> Places {
        for entry in self.proxy.log() {
            let token = entry.seen.headers.get("x-auth-token");
            token.and_then(|token| token.to_str().ok()).map(leaks::never_tell);
        }
        let name = format!("operator-{}", self.namespace);
        let launched = operator::launched().into_iter();
        let ours = launched.filter(|operator| {
            let log = operator.log.file_name().unwrap_or_default().to_string_lossy();
            let own = self.operator.as_ref().map(|operator| operator.process().log());
            log.starts_with(&name) || own == Some(&operator.log)
        });
        let (logs, endpoints) = ours.map(|operator| (operator.log, operator.endpoint)).unzip();
        Places { logs, endpoints }
    }

    /// The mutating requests that the operator has sent, as `METHOD path [target]`.
    pub fn mutations(&self) -> Vec<String> {
        let mutating = |entry: &Entry| entry.seen.method != "GET";
        self.proxy
            .log()
            .iter()
            .filter(|entry| mutating(entry))
            .map(describe)
            .collect()
    }
}

impl Drop for World {
    fn drop(&mut self) {
        self.stack.ironic.forget_nodes(&format!("{}~", self.namespace));
        if std::thread::panicking() {
            if let Some(operator) = &self.operator {
                eprintln!(
                    "--- the operator of {} said last:\n{}",
                    self.namespace,
                    operator.process().log_tail(60)
                );
            }
            let log = self.proxy.log();
            let last: Vec<_> = log.iter().rev().take(30).rev().map(describe).collect();
            eprintln!("--- its last requests:\n{}", last.join("\n"));
            return;
        }
        for entry in self.proxy.log() {
            let unknown = crate::kills::unknown(&entry.seen).map(ToString::to_string);
            assert_eq!(
                unknown, None,
                "the operator uses it now: kills.rs has to strike it"
            );
        }
        let told = self.told_secrets();
        assert!(told.is_empty(), "the operator has told secrets: {told:#?}");
    }
}

/// Status, reason and message of a condition.
pub fn condition<'a>(node: &'a BareMetalNode, kind: &str) -> Option<(&'a str, &'a str, &'a str)> {
    let conditions = &node.status.as_ref()?.conditions;
    let found = conditions.iter().find(|condition| condition.type_ == kind)?;
    Some((&found.status, &found.reason, &found.message))
}

/// The message of a condition.
pub fn message(node: &BareMetalNode, kind: &str) -> String {
    condition(node, kind)
        .map(|(_, _, message)| message.to_owned())
        .unwrap_or_default()
}

/// The status.
pub fn status(node: &BareMetalNode) -> &BareMetalNodeStatus {
    node.status
        .as_ref()
        .unwrap_or_else(|| panic!("{} has no status", node.name_any()))
}

/// A node on `lab` with `fake-hardware`, and this on top of the spec.
pub fn manifest(name: &str, spec: &Value) -> Value {
    let mut whole = json!({"cloudRef": {"name": "lab"}, "driver": "fake-hardware"});
    json_patch::merge(&mut whole, spec);
    json!({"apiVersion": "ironwright.dev/v1alpha1", "kind": "BareMetalNode", "metadata": {"name": name}, "spec": whole})
}

/// A short way to write an instance.
pub fn active(image: &str) -> Value {
    json!({"provision": {"state": "active", "instance": {"image": {"source": image}}}})
}
