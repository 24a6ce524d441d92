//! What is measured stands on this: a control plane with the chart, an Ironic, and the means to move a fleet.

use std::collections::HashSet;
use std::fmt::Write;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use futures::{StreamExt, TryStreamExt};
use k8s_openapi::api::core::v1::Namespace;
use kube::api::{ApiResource, DeleteParams, DynamicObject, ListParams, PostParams};
use kube::core::GroupVersionKind;
use kube::runtime::{WatchStreamExt, watcher};
use kube::{Api, Client, ResourceExt};
use serde_json::{Value, json};

use super::Options;
use super::requests::Requests;
use crate::demo::{RELEASE, RELEASE_NAMESPACE, install_chart, succeeded};
use crate::run::target_directory;
use crate::up::{start_control_plane, start_ironic};
use crate::wait::until;
use crate::{ControlPlane, Ironic, IronicOptions, Operator, OperatorOptions, Progress, Run, Tools};

const NAMESPACE: &str = "bench";
const SCRIPT: &str = include_str!("../../python/bench_script.py");
/// A hundred nodes take half a minute; a machine that does other things as well, longer.
const LIMIT: Duration = Duration::from_mins(15);

/// All that runs during a benchmark. Fields are dropped, and what they are is stopped, from top to bottom.
pub(super) struct Stage {
    ironic: Ironic,
    control_plane: ControlPlane,
    client: Client,
    operator: OperatorOptions,
    run: Run,
}

impl Stage {
    /// Starts everything but the operator, and describes the Ironic to it.
    pub(super) async fn set(options: &Options, progress: &Progress) -> Result<Self> {
        // Said before minutes are spent on anything else.
        let binary = release_binary()?;
        let tools = Tools::ensure(progress).await?;
        let run = Run::start()?;
        let (control_plane, ironic) = tokio::try_join!(
            start_control_plane(&tools, &run, progress),
            start_ironic(&tools, &run, progress, IronicOptions::default()),
        )?;
        progress
            .step("helm install ironwright", install_chart(&control_plane))
            .await?;
        let kubeconfig = control_plane
            .service_account_kubeconfig(RELEASE_NAMESPACE, RELEASE)
            .await?;
        let operator = OperatorOptions {
            name: "operator".to_owned(),
            binary,
            kubeconfig,
            // One after the other: a killed one must not keep the next waiting for its Lease.
            args: vec!["--leader-elect=false".to_owned()],
            env: Vec::new(),
        };
        let client = control_plane.client().await?;
        let stage = Self {
            ironic,
            control_plane,
            client,
            operator,
            run,
        };
        stage.describe_cloud(options).await?;
        Ok(stage)
    }

    async fn describe_cloud(&self, options: &Options) -> Result<()> {
        let namespace: Namespace = serde_json::from_value(json!({"metadata": {"name": NAMESPACE}}))?;
        Api::all(self.client.clone())
            .create(&PostParams::default(), &namespace)
            .await
            .context("cannot create a namespace")?;
        let mut spec = json!({"endpoint": self.ironic.endpoint()});
        if let (Some(spec), Some(most)) = (spec.as_object_mut(), options.requests_in_flight) {
            spec.insert("limits".to_owned(), json!({"requestsInFlight": most}));
        }
        if let (Some(spec), Some(seconds)) = (spec.as_object_mut(), options.busy_seconds) {
            spec.insert("intervals".to_owned(), json!({"busySeconds": seconds}));
        }
        let cloud = json!({
            "apiVersion": "ironwright.dev/v1alpha1", "kind": "BareMetalCloud",
            "metadata": {"name": "lab"}, "spec": spec,
        });
        let cloud: DynamicObject = serde_json::from_value(cloud)?;
        self.objects("BareMetalCloud")
            .create(&PostParams::default(), &cloud)
            .await
            .context("cannot create the cloud")?;
        Ok(())
    }

    /// Starts the operator and waits until it has looked at the whole cloud.
    pub(super) async fn operator(&self) -> Result<Operator> {
        let operator = Operator::start(&self.run, &self.operator).await?;
        until("the operator's first look", LIMIT, async || {
            let looked = Requests::of(&operator).await?.to("GET /v1/nodes") > 0.0;
            Ok((looked && self.is_observed().await?).then_some(()))
        })
        .await?;
        Ok(operator)
    }

    /// Whether the cloud's status says that it is seen.
    async fn is_observed(&self) -> Result<bool> {
        let cloud = self.objects("BareMetalCloud").get("lab").await?;
        Ok(is_ready(&cloud))
    }

    /// One `kubectl apply` of one file with all nodes.
    pub(super) async fn apply(&self, nodes: u16) -> Result<()> {
        let file = self.run.file("nodes.yaml");
        std::fs::write(&file, manifests(nodes)).context("cannot write the manifests")?;
        let file = file.display().to_string();
        let applied = self
            .control_plane
            .kubectl(&["apply", "-n", NAMESPACE, "-f", &file])
            .await?;
        succeeded("kubectl apply", &applied)
    }

    /// Waits until every node's status says so. A watch, so that waiting costs next to nothing.
    pub(super) async fn all_available(&self, nodes: u16) -> Result<()> {
        let mut events = watcher(self.objects("BareMetalNode"), watcher::Config::default())
            .applied_objects()
            .boxed();
        let mut available = HashSet::new();
        let arrive = async {
            while let Some(node) = events.try_next().await? {
                if is_available(&node) {
                    available.insert(node.name_any());
                } else {
                    available.remove(&node.name_any());
                }
                if available.len() == usize::from(nodes) {
                    return Ok(());
                }
            }
            bail!("the watch ended")
        };
        tokio::time::timeout(LIMIT, arrive)
            .await
            .context("not all nodes became available in time")?
    }

    /// Deletes all nodes from this one on, and waits until their objects are gone.
    pub(super) async fn delete_from(&self, first: usize, nodes: u16) -> Result<()> {
        let objects = self.objects("BareMetalNode");
        let names: Vec<String> = (first..usize::from(nodes)).map(name).collect();
        for name in &names {
            objects.delete(name, &DeleteParams::default()).await?;
        }
        until("the nodes to go", LIMIT, async || {
            let left = objects.list_metadata(&ListParams::default()).await?;
            Ok((left.items.len() <= first).then_some(()))
        })
        .await
    }

    /// The script, once: its seconds and requests.
    pub(super) async fn enrol_by_script(&self, nodes: u16) -> Result<(f64, f64)> {
        let said = self.script(&["enrol", &nodes.to_string()]).await?;
        let said: Value = serde_json::from_str(&said).context("the script says no JSON")?;
        let number = |name: &str| said.get(name).and_then(Value::as_f64);
        number("seconds")
            .zip(number("requests"))
            .context("the script does not say how it went")
    }

    /// Removes every node.
    pub(super) async fn remove_by_script(&self) -> Result<()> {
        self.script(&["remove"]).await.map(drop)
    }

    async fn script(&self, arguments: &[&str]) -> Result<String> {
        let output = self.ironic.python(SCRIPT, arguments).await?;
        succeeded("the script", &output)?;
        Ok(String::from_utf8(output.stdout)?)
    }

    /// What a Python program in the script's environment prints.
    pub(super) async fn python(&self, program: &str) -> Result<String> {
        let output = self.ironic.python::<&str>(program, &[]).await?;
        succeeded("Python", &output)?;
        Ok(String::from_utf8(output.stdout)?)
    }

    /// Nodes that Ironic says are `available`.
    pub(super) async fn available(&self) -> Result<usize> {
        self.count("/v1/nodes?limit=10000&provision_state=available")
            .await
    }

    /// Fails if Ironic has a node left.
    pub(super) async fn ensure_empty(&self) -> Result<()> {
        let left = self.count("/v1/nodes").await?;
        ensure!(left == 0, "{left} nodes are left in Ironic");
        Ok(())
    }

    async fn count(&self, path: &str) -> Result<usize> {
        let nodes = self.ironic.get(path).await?;
        let nodes = nodes.get("nodes").and_then(Value::as_array);
        Ok(nodes.context("Ironic lists no nodes")?.len())
    }

    /// Processor time that Ironic has used so far, in seconds.
    pub(super) async fn ironic_cpu(&self) -> Result<f64> {
        self.ironic.process().await.cpu_seconds()
    }

    fn objects(&self, kind: &str) -> Api<DynamicObject> {
        let kind = GroupVersionKind::gvk("ironwright.dev", "v1alpha1", kind);
        Api::namespaced_with(self.client.clone(), NAMESPACE, &ApiResource::from_gvk(&kind))
    }
}

/// Waits until the operator has gone over to looking seldom: nothing sent for five seconds.
pub(super) async fn calm(operator: &Operator) -> Result<()> {
    let (mut known, mut since) = (Requests::of(operator).await?, std::time::Instant::now());
    until("the operator to come to rest", LIMIT, async || {
        let now = Requests::of(operator).await?;
        if now != known {
            (known, since) = (now, std::time::Instant::now());
        }
        Ok((since.elapsed() > Duration::from_secs(5)).then_some(()))
    })
    .await
}

/// The operator as it is shipped. The launcher itself is a debug build, and in no hurry.
fn release_binary() -> Result<PathBuf> {
    let path = target_directory()?.join("release/ironwright");
    let built = path.is_file().then_some(path);
    built.context("there is no release build: run `cargo build --release -p ironwright` first")
}

fn name(number: usize) -> String {
    format!("node-{number:04}")
}

/// The same machines as the script's.
fn manifests(nodes: u16) -> String {
    (0..usize::from(nodes)).fold(String::new(), |mut text, number| {
        let name = name(number);
        // Writing to a String cannot fail.
        let _ = write!(
            text,
            "---
apiVersion: ironwright.dev/v1alpha1
kind: BareMetalNode
metadata: {{name: {name}}}
spec:
  cloudRef: {{name: lab}}
  driver: fake-hardware
  resourceClass: baremetal.large
  properties: {{cpu_arch: x86_64, memory_mb: 65536}}
  provision: {{state: available}}
"
        );
        text
    })
}

fn is_available(node: &DynamicObject) -> bool {
    let state = node.data.pointer("/status/provisionState");
    state.and_then(Value::as_str) == Some("available") && is_ready(node)
}

fn is_ready(object: &DynamicObject) -> bool {
    let conditions = object
        .data
        .pointer("/status/conditions")
        .and_then(Value::as_array);
    conditions.into_iter().flatten().any(|condition| {
        condition.get("type") == Some(&json!("Ready")) && condition.get("status") == Some(&json!("True"))
    })
}
