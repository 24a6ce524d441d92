//! What is measured stands on this: a control plane with the chart, an Ironic, and the means to move a fleet.

use std::collections::HashSet;
use std::path::PathBuf;
use std::process::Output;
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
use super::machines::{Goal, is_ready, manifests, name};
use super::requests::Requests;
use crate::demo::{RELEASE, RELEASE_NAMESPACE, install_chart, succeeded};
use crate::run::target_directory;
use crate::up::{start_control_plane, start_ironic};
use crate::wait::until;
use crate::{ControlPlane, Ironic, IronicOptions, Operator, OperatorOptions, Progress, Proxy, Run, Tools};

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
        stage.make_namespace().await?;
        let endpoint = stage.ironic.endpoint();
        stage.describe_cloud("lab", &endpoint, options).await?;
        Ok(stage)
    }

    async fn make_namespace(&self) -> Result<()> {
        let namespace: Namespace = serde_json::from_value(json!({"metadata": {"name": NAMESPACE}}))?;
        Api::all(self.client.clone())
            .create(&PostParams::default(), &namespace)
            .await
            .context("cannot create a namespace")?;
        Ok(())
    }

    /// Creates a `BareMetalCloud`.
    pub(super) async fn describe_cloud(&self, name: &str, endpoint: &str, options: &Options) -> Result<()> {
        let mut spec = json!({"endpoint": endpoint});
        if let (Some(spec), Some(most)) = (spec.as_object_mut(), options.requests_in_flight) {
            spec.insert("limits".to_owned(), json!({"requestsInFlight": most}));
        }
        if let (Some(spec), Some(seconds)) = (spec.as_object_mut(), options.busy_seconds) {
            spec.insert("intervals".to_owned(), json!({"busySeconds": seconds}));
        }
        let cloud = json!({
            "apiVersion": "ironwright.dev/v1alpha1", "kind": "BareMetalCloud",
            "metadata": {"name": name}, "spec": spec,
        });
        let cloud: DynamicObject = serde_json::from_value(cloud)?;
        self.objects("BareMetalCloud")
            .create(&PostParams::default(), &cloud)
            .await
            .context("cannot create the cloud")?;
        Ok(())
    }

    /// Deletes a `BareMetalCloud` that no node needs any more, and waits until it is gone.
    pub(super) async fn delete_cloud(&self, name: &str) -> Result<()> {
        let clouds = self.objects("BareMetalCloud");
        clouds.delete(name, &DeleteParams::default()).await?;
        until("the cloud to go", LIMIT, async || {
            Ok(clouds.get_opt(name).await?.is_none().then_some(()))
        })
        .await
    }

    /// A proxy in front of the Ironic.
    pub(super) async fn proxy(&self) -> Result<Proxy> {
        Proxy::start(&self.ironic.endpoint()).await
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
    pub(super) async fn apply(&self, nodes: u16, goal: Goal) -> Result<()> {
        let file = self.manifests();
        std::fs::write(&file, manifests(nodes, goal)).context("cannot write the manifests")?;
        self.kubectl(&["apply", "-f", &file.display().to_string()]).await
    }

    /// One `kubectl delete` of the file applied last; waits until all of its objects are gone.
    pub(super) async fn delete_all(&self) -> Result<()> {
        let file = self.manifests().display().to_string();
        self.kubectl(&["delete", "--wait=false", "-f", &file]).await?;
        self.none_left(0).await
    }

    fn manifests(&self) -> PathBuf {
        self.run.file("nodes.json")
    }

    async fn kubectl(&self, arguments: &[&str]) -> Result<()> {
        let arguments = [&["-n", NAMESPACE], arguments].concat();
        let output = self.control_plane.kubectl(&arguments).await?;
        succeeded(&format!("kubectl {}", arguments.join(" ")), &output)
    }

    /// Creates one node.
    pub(super) async fn create(&self, node: DynamicObject) -> Result<()> {
        let objects = self.objects("BareMetalNode");
        objects.create(&PostParams::default(), &node).await?;
        Ok(())
    }

    /// Waits until one node's status says that it is there.
    pub(super) async fn there(&self, name: &str, goal: Goal) -> Result<()> {
        let objects = self.objects("BareMetalNode");
        until(name, LIMIT, async || {
            Ok(goal.is_reached(&objects.get(name).await?).then_some(()))
        })
        .await
    }

    /// Waits until every node's status says so. A watch, so that waiting costs next to nothing.
    pub(super) async fn all_there(&self, nodes: u16, goal: Goal) -> Result<()> {
        let mut events = watcher(self.objects("BareMetalNode"), watcher::Config::default())
            .applied_objects()
            .boxed();
        let mut there = HashSet::new();
        let arrive = async {
            while let Some(node) = events.try_next().await? {
                if goal.is_reached(&node) {
                    there.insert(node.name_any());
                } else {
                    there.remove(&node.name_any());
                }
                if there.len() == usize::from(nodes) {
                    return Ok(());
                }
            }
            bail!("the watch ended")
        };
        tokio::time::timeout(LIMIT, arrive)
            .await
            .with_context(|| format!("not all nodes reached {goal:?} in time"))?
    }

    /// Waits until an operator has decided on so many nodes that there is nothing to do.
    pub(super) async fn all_settled(&self, operator: &Operator, nodes: u16) -> Result<()> {
        until("the operator to have decided on all nodes", LIMIT, async || {
            let settled = settled(&operator.metrics().await?);
            Ok((settled >= f64::from(nodes)).then_some(()))
        })
        .await
    }

    /// Deletes all nodes from this one on, and waits until their objects are gone.
    pub(super) async fn delete_from(&self, first: usize) -> Result<()> {
        let objects = self.objects("BareMetalNode");
        let all = objects.list_metadata(&ListParams::default()).await?;
        let keep: HashSet<String> = (0..first).map(name).collect();
        for node in all.items.iter().map(ResourceExt::name_any) {
            if !keep.contains(&node) {
                objects.delete(&node, &DeleteParams::default()).await?;
            }
        }
        self.none_left(first).await
    }

    async fn none_left(&self, but: usize) -> Result<()> {
        let objects = self.objects("BareMetalNode");
        until("the nodes to go", LIMIT, async || {
            let left = objects.list_metadata(&ListParams::default()).await?;
            Ok((left.items.len() <= but).then_some(()))
        })
        .await
    }

    /// The script, once: its seconds and requests.
    pub(super) async fn by_script(&self, verb: &str, nodes: u16) -> Result<(f64, f64)> {
        let said = self.script(&[verb, &nodes.to_string()]).await?;
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

    /// Where Ironic is.
    pub(super) fn endpoint(&self) -> String {
        self.ironic.endpoint()
    }

    /// Some node in full.
    pub(super) async fn any_node(&self) -> Result<Value> {
        let nodes = self.ironic.get("/v1/nodes?detail=true&limit=1").await?;
        nodes.pointer("/nodes/0").cloned().context("there is no node")
    }

    /// What comes of a Python program in the script's environment.
    pub(super) async fn python_with(&self, program: &str, arguments: &[&str]) -> Result<Output> {
        self.ironic.python(program, arguments).await
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

/// Decisions, so far, that there is nothing to do for a node.
fn settled(metrics: &str) -> f64 {
    const METRIC: &str = "ironwright_reconciles_total{kind=\"BareMetalNode\",outcome=\"settled\"} ";
    let values = metrics.lines().filter_map(|line| line.strip_prefix(METRIC));
    values.filter_map(|value| value.parse::<f64>().ok()).sum()
}
