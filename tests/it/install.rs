//! Installed with Helm and run as the Deployment says: with its arguments, environment and ServiceAccount.
//!
//! There are no nodes to run pods on, but there is a pod: the one that the Deployment's ReplicaSet makes, admitted under the
//! strictest of the Pod Security Standards. The operator is started from that pod's own description.

#![cfg(test)]

use std::path::{Path, PathBuf};

use ironwright::api::{BareMetalCloud, BareMetalNode};
use ironwright_stack::{ControlPlane, Operator, OperatorOptions, Proxy, Run, run, wait};
use k8s_openapi::api::core::v1::{Namespace, Pod, ServiceAccount};
use k8s_openapi::api::rbac::v1::ClusterRole;
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::api::{ListParams, Patch, PatchParams};
use kube::{Api, Client, ResourceExt};
use serde_json::{Value, json};

use crate::harness::{LIMIT, World, active, manifest, stack, status};
use crate::leaks::Leaks;

const NODES: &str = "baremetalnodes.ironwright.dev";

/// Runs helm, which must succeed.
async fn helm(plane: &ControlPlane, arguments: &[&str]) {
    let output = plane.helm(arguments).await.unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "helm {arguments:?}: {said}");
}

fn chart() -> String {
    run::workspace().join("charts/ironwright").display().to_string()
}

/// The one pod of a release, whose arguments are these; waits until the ReplicaSet has made it.
async fn pod(client: &Client, namespace: &str, release: &str, argument: &str) -> Pod {
    let pods = Api::<Pod>::namespaced(client.clone(), namespace);
    let of_release = ListParams::default().labels(&format!("app.kubernetes.io/instance={release}"));
    let found = wait::until("the Deployment's pod", LIMIT, async || {
        let mut found = pods.list(&of_release).await?.items;
        let one = (found.len() == 1).then(|| found.remove(0));
        Ok(one.filter(|pod| arguments(pod).iter().any(|given| given == argument)))
    });
    found.await.unwrap()
}

fn arguments(pod: &Pod) -> Vec<String> {
    pod.spec.as_ref().unwrap().containers[0]
        .args
        .clone()
        .unwrap_or_default()
}

/// How a kubelet would run the pod's container, but for the address, which many share here.
async fn options(plane: &ControlPlane, pod: &Pod) -> OperatorOptions {
    let spec = pod.spec.as_ref().unwrap();
    let (namespace, account) = (
        pod.namespace().unwrap(),
        spec.service_account_name.clone().unwrap(),
    );
    assert_eq!(spec.automount_service_account_token, Some(true));
    let kubeconfig = plane
        .service_account_kubeconfig(&namespace, &account)
        .await
        .unwrap();
    let mut options = OperatorOptions::new(&kubeconfig).unwrap();
    options.name = format!("operator-{}", pod.name_any());
    let arguments = arguments(pod);
    assert_eq!(arguments[..3], ["run", "--listen", "0.0.0.0:8080"]);
    options.args = arguments[3..].to_vec();
    let variables = spec.containers[0].env.iter().flatten();
    options.env = variables
        .map(|variable| {
            let source = variable.value_from.as_ref();
            let field = source.and_then(|source| source.field_ref.as_ref());
            let value = match field.map(|field| field.field_path.as_str()) {
                Some("metadata.name") => pod.name_any(),
                Some("metadata.namespace") => namespace.clone(),
                Some(other) => panic!("what is {other}?"),
                None => variable.value.clone().unwrap_or_default(),
            };
            (variable.name.clone(), value)
        })
        .collect();
    options
}

/// MiB of the container's memory limit.
fn memory_limit(pod: &Pod) -> f64 {
    let resources = pod.spec.as_ref().unwrap().containers[0].resources.as_ref();
    let limit = &resources.and_then(|resources| resources.limits.as_ref()).unwrap()["memory"];
    limit.0.strip_suffix("Mi").unwrap().parse().unwrap()
}

/// Starts the operator that the pod describes, in the world.
async fn run_pod(world: &mut World, plane: &ControlPlane, pod: &Pod) {
    let options = options(plane, pod).await;
    world.operator = Some(Operator::start(&world.stack.run, &options).await.unwrap());
}

fn assert_nothing_was_forbidden(world: &World) {
    let log = std::fs::read_to_string(world.operator().process().log()).unwrap();
    assert!(!log.to_lowercase().contains("forbidden"), "{log}");
}

/// A world on a control plane of its own, with the operator's namespace as `deploy/` has it.
async fn world_on(plane: &ControlPlane, namespace: &str) -> World {
    let stack = stack().await;
    let client = plane.client().await.unwrap();
    let own = run::workspace().join("deploy/namespace.yaml");
    let applied = plane
        .kubectl(&["apply".as_ref(), "-f".as_ref(), own.as_os_str()])
        .await
        .unwrap();
    assert!(applied.status.success(), "{applied:?}");
    let created = plane.kubectl(&["create", "namespace", namespace]).await.unwrap();
    assert!(created.status.success(), "{created:?}");
    World {
        stack: stack.clone(),
        namespace: namespace.to_owned(),
        proxy: Proxy::start(&stack.ironic.endpoint()).await.unwrap(),
        nodes: Api::namespaced(client.clone(), namespace),
        clouds: Api::namespaced(client.clone(), namespace),
        client,
        operator: None,
        leaks: Leaks::of(plane.kubeconfig(), namespace),
    }
}

/// The chart as it could have been: before `spec.power` of a node was there.
fn older_chart(run: &Run) -> PathBuf {
    let older = run.file("older-chart");
    copy(Path::new(&chart()), &older);
    let file = older.join(format!("generated/{NODES}.yaml"));
    let text = std::fs::read_to_string(&file).unwrap();
    let mut definition: Value = serde_saphyr::from_str(&text).unwrap();
    let properties = definition
        .pointer_mut("/spec/versions/0/schema/openAPIV3Schema/properties/spec/properties")
        .unwrap();
    properties.as_object_mut().unwrap().remove("power").unwrap();
    std::fs::write(file, definition.to_string()).unwrap();
    older
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let to = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &to);
        } else {
            std::fs::copy(entry.path(), to).unwrap();
        }
    }
}

async fn knows_power(client: &Client) -> bool {
    let definitions = Api::<CustomResourceDefinition>::all(client.clone());
    let definition = serde_json::to_value(definitions.get(NODES).await.unwrap()).unwrap();
    let power = "/spec/versions/0/schema/openAPIV3Schema/properties/spec/properties/power";
    definition.pointer(power).is_some()
}

/// The operator's own namespace.
const OWN: &str = "ironwright-system";

/// A control plane and a world of its own, where a release may watch all namespaces.
struct Site {
    world: World,
    plane: ControlPlane,
    run: Run,
}

impl Site {
    async fn new() -> Self {
        let run = Run::start().unwrap();
        let plane = ControlPlane::start(&stack().await.tools, &run).await.unwrap();
        let world = world_on(&plane, "metal").await;
        Self { world, plane, run }
    }

    /// Runs helm on a release and starts the operator of its pod, which is known by one of its arguments.
    async fn release(&mut self, action: &[&str], argument: &str) -> Pod {
        helm(&self.plane, &[action, &["--namespace", OWN]].concat()).await;
        let release = action[1];
        let pod = pod(&self.world.client, OWN, release, argument).await;
        if let Some(operator) = self.world.operator.take() {
            operator.stop().await;
        }
        run_pod(&mut self.world, &self.plane, &pod).await;
        pod
    }

    async fn uninstall(&mut self) {
        if let Some(operator) = self.world.operator.take() {
            operator.stop().await;
        }
        helm(&self.plane, &["uninstall", "ironwright", "--namespace", OWN]).await;
        let accounts = Api::<ServiceAccount>::namespaced(self.world.client.clone(), OWN);
        assert!(accounts.get_opt("ironwright").await.unwrap().is_none());
        let roles = Api::<ClusterRole>::all(self.world.client.clone());
        for name in ["", "-view", "-edit"] {
            let name = format!("ironwright-system-ironwright{name}");
            assert!(roles.get_opt(&name).await.unwrap().is_none(), "{name}");
        }
    }

    /// The machine as Ironic has it, after the operator went: nothing became of it, nor of its object.
    async fn left(&self, before: &BareMetalNode) -> Value {
        let definitions = Api::<CustomResourceDefinition>::all(self.world.client.clone());
        for definition in definitions.list(&ListParams::default()).await.unwrap() {
            assert!(
                definition.metadata.deletion_timestamp.is_none(),
                "{}",
                definition.name_any()
            );
        }
        let left = self.world.nodes.get(&before.name_any()).await.unwrap();
        assert_eq!(left.uid(), before.uid());
        assert!(left.metadata.deletion_timestamp.is_none());
        let cloud = self.world.clouds.get("lab").await.unwrap();
        assert!(cloud.metadata.deletion_timestamp.is_none());
        let machine = self.world.live(&before.name_any()).await.unwrap();
        assert_eq!(machine["provision_state"], "active");
        machine
    }
}

#[tokio::test]
async fn install_upgrade_uninstall_and_install_again_for_all_namespaces() {
    let mut site = Site::new().await;
    let older = older_chart(&site.run).display().to_string();
    let values = ["--set", "operator.concurrency=7"];
    let first = site
        .release(&[&["install", "ironwright", &older][..], &values].concat(), "7")
        .await;
    assert!(!knows_power(&site.world.client).await);
    let mut lab = site.world.lab();
    lab["spec"]["intervals"] = json!({"quietSeconds": 1});
    site.world.apply(&lab).await.unwrap();
    let mut spec = active("http://images.example/one.qcow2");
    spec["deletionPolicy"] = json!("Undeploy");
    site.world.apply_node("a", &spec).await;
    let deployed = site.world.ready("a", "Deployed").await;
    assert_nothing_was_forbidden(&site.world);
    let used = site.world.operator().rss_mib().unwrap();
    assert!(used < memory_limit(&first) / 2.0, "{used} MiB");

    let sent = site.world.mutations();
    let values = ["--set", "operator.concurrency=9"];
    site.release(&[&["upgrade", "ironwright", &chart()][..], &values].concat(), "9")
        .await;
    assert!(
        knows_power(&site.world.client).await,
        "an upgrade upgrades the definitions"
    );
    site.world.lists(2).await;
    assert_eq!(site.world.mutations(), sent, "an upgrade changes no machine");
    site.world
        .edit(
            "a",
            &json!({"power": {"state": "PoweredOff", "shutdown": "Hard"}}),
        )
        .await;
    site.world
        .wait("a", "it is off", |node| {
            status(node).power.as_deref() == Some("off")
        })
        .await;
    site.world.ready("a", "Deployed").await;
    assert_nothing_was_forbidden(&site.world);

    let sent = site.world.mutations();
    site.uninstall().await;
    let machine = site.left(&deployed).await;

    site.release(
        &["install", "again", &chart(), "--take-ownership"],
        "again-ironwright",
    )
    .await;
    site.world.lists(2).await;
    site.world.ready("a", "Deployed").await;
    assert_eq!(
        site.world.mutations(),
        sent,
        "no machine notices that the operator was away"
    );
    site.world.delete("a").await;
    site.world.gone("a").await;
    let gone = site.world.live_by_id(machine["uuid"].as_str().unwrap()).await;
    assert!(gone.is_none());
    assert_nothing_was_forbidden(&site.world);
}

#[tokio::test]
async fn a_release_for_one_namespace_works_there_with_a_role_of_its_own() {
    let mut world = World::empty("install-one").await;
    let parts = world.stack.clone();
    let plane = &parts.control_plane;
    let strict = json!({"metadata": {"labels": {"pod-security.kubernetes.io/enforce": "restricted"}}});
    Api::<Namespace>::all(world.client.clone())
        .patch(&world.namespace, &PatchParams::default(), &Patch::Merge(strict))
        .await
        .unwrap();
    let watch = format!("watch.namespace={}", world.namespace);
    let values = ["--set", &watch, "--set", "crds.install=false"];
    let install = ["install", "one", &chart(), "--namespace", &world.namespace];
    helm(plane, &[&install[..], &values].concat()).await;
    let pod = pod(&world.client, &world.namespace, "one", "--namespace").await;
    run_pod(&mut world, plane, &pod).await;

    let endpoint = world.proxy.endpoint();
    let file = json!({"clouds": {"lab": {"auth_type": "none", "baremetal_endpoint_override": endpoint}}});
    world
        .secret("clouds", &json!({"clouds.yaml": file.to_string()}))
        .await;
    let mut cloud = world.lab();
    cloud["spec"] = json!({"credentialsSecretRef": {"name": "clouds"}, "cloudName": "lab"});
    world.apply(&cloud).await.unwrap();
    world
        .apply_node(
            "a",
            &json!({"deletionPolicy": "Undeploy", "provision": {"state": "available"}}),
        )
        .await;
    world.ready("a", "Available").await;
    world.delete("a").await;
    world.gone("a").await;
    let held = world.secrets().get("clouds").await.unwrap().metadata.finalizers;
    assert_eq!(held, None, "a Secret is its owner's");
    assert_nothing_was_forbidden(&world);
}

/// A chart whose objects are a cloud and a node.
fn chart_of_a_node(world: &World) -> String {
    let at = world.stack.run.file(&world.namespace);
    std::fs::create_dir_all(at.join("templates")).unwrap();
    let chart = json!({"apiVersion": "v2", "name": "metal", "version": "1.0.0"});
    std::fs::write(at.join("Chart.yaml"), chart.to_string()).unwrap();
    let node = manifest("a", &json!({"provision": {"state": "available"}}));
    let objects = format!("{}\n---\n{node}\n", world.lab());
    std::fs::write(at.join("templates/metal.yaml"), objects).unwrap();
    at.display().to_string()
}

/// `helm --wait` is kstatus itself, as Flux has it too.
#[tokio::test]
async fn helm_waits_for_machines_as_kstatus_reads_them() {
    let mut world = World::empty("install-kstatus").await;
    let parts = world.stack.clone();
    let plane = &parts.control_plane;
    let chart = chart_of_a_node(&world);
    let release = |limit| {
        [
            "metal",
            &chart,
            "--namespace",
            &world.namespace,
            "--wait",
            "--timeout",
            limit,
        ]
    };
    let unseen = plane
        .helm(&[&["install"][..], &release("2s")].concat())
        .await
        .unwrap();
    let said = String::from_utf8_lossy(&unseen.stderr);
    assert!(
        !unseen.status.success(),
        "what nobody has looked at is not there yet: {said}"
    );
    for kind in ["BareMetalCloud", "BareMetalNode"] {
        assert!(said.contains(kind), "{said}");
    }
    assert!(said.contains("InProgress"), "{said}");

    let release = [&["upgrade"][..], &release("90s")]
        .concat()
        .iter()
        .map(ToString::to_string)
        .collect::<Vec<_>>();
    world.start_operator().await;
    let seen = plane.helm(&release).await.unwrap();
    assert!(seen.status.success(), "{}", String::from_utf8_lossy(&seen.stderr));
    let node: BareMetalNode = world.nodes.get("a").await.unwrap();
    assert_eq!(status(&node).provision_state.as_deref(), Some("available"));
    let cloud: BareMetalCloud = world.clouds.get("lab").await.unwrap();
    assert!(cloud.status.is_some_and(|status| status.identity.is_some()));
}
