//! What the chart has on request, and what `deploy/` makes of it.

use std::collections::BTreeSet;
use std::path::Path;

use ironwright_stack::run;
use serde_json::{Value, json};

use super::{of_kind, rendered};
use crate::harness::{World, stack};

/// What of the Prometheus operator's definition (monitoring.coreos.com/v1, release 0.8x) a ServiceMonitor of ours is held to.
const SERVICE_MONITORS: &str = r#"{
  "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
  "metadata": {"name": "servicemonitors.monitoring.coreos.com",
    "annotations": {"api-approved.kubernetes.io": "unapproved, for a test"}},
  "spec": {"group": "monitoring.coreos.com", "scope": "Namespaced",
    "names": {"kind": "ServiceMonitor", "plural": "servicemonitors", "singular": "servicemonitor"},
    "versions": [{"name": "v1", "served": true, "storage": true, "schema": {"openAPIV3Schema": {
      "type": "object", "required": ["spec"], "properties": {"spec": {
        "type": "object", "required": ["endpoints", "selector"], "properties": {
          "selector": {"type": "object", "properties": {
            "matchLabels": {"type": "object", "additionalProperties": {"type": "string"}}}},
          "endpoints": {"type": "array", "items": {"type": "object", "properties": {
            "port": {"type": "string"}, "path": {"type": "string"},
            "interval": {"type": "string", "pattern": "^(0|(([0-9]+)y)?(([0-9]+)w)?(([0-9]+)d)?(([0-9]+)h)?(([0-9]+)m)?(([0-9]+)s)?(([0-9]+)ms)?)$"},
            "scrapeTimeout": {"type": "string", "pattern": "^(0|(([0-9]+)y)?(([0-9]+)w)?(([0-9]+)d)?(([0-9]+)h)?(([0-9]+)m)?(([0-9]+)s)?(([0-9]+)ms)?)$"}
          }}}}}}}}}]}}"#;

/// kubectl's server-side apply of these objects, with unknown fields refused.
async fn apply(world: &World, name: &str, objects: &[Value]) {
    let file = world.stack.run.file(&format!("{}-{name}.json", world.namespace));
    let list = json!({"apiVersion": "v1", "kind": "List", "items": objects});
    std::fs::write(&file, list.to_string()).unwrap();
    let file = file.display().to_string();
    let arguments = [
        "apply",
        "--server-side",
        "--validate=strict",
        "--namespace",
        &world.namespace,
        "-f",
        &file,
    ];
    let output = world.stack.control_plane.kubectl(&arguments).await.unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
}

#[tokio::test]
async fn a_service_monitor_and_a_network_policy_on_request() {
    let plain = rendered(&[]).await;
    for kind in ["ServiceMonitor", "NetworkPolicy"] {
        assert!(of_kind(&plain, kind).is_empty(), "{kind}");
    }
    let world = World::empty("chart-monitor").await;
    let values = [
        "serviceMonitor.enabled=true",
        "serviceMonitor.scrapeTimeout=10s",
        "serviceMonitor.labels.release=prometheus",
        "networkPolicy.enabled=true",
        "networkPolicy.from[0].namespaceSelector.matchLabels.team=monitoring",
        "networkPolicy.egress[0].to[0].ipBlock.cidr=10.0.0.0/8",
    ];
    let mut objects = rendered(&values).await;
    objects.retain(|object| {
        ["ServiceMonitor", "NetworkPolicy", "Service"].contains(&object["kind"].as_str().unwrap())
    });
    for object in &mut objects {
        object["metadata"]["namespace"] = json!(world.namespace);
    }
    let [monitor, policy, service] =
        ["ServiceMonitor", "NetworkPolicy", "Service"].map(|kind| of_kind(&objects, kind)[0].clone());
    assert_eq!(monitor["metadata"]["labels"]["release"], "prometheus");
    let labels = service["metadata"]["labels"].as_object().unwrap();
    for (name, value) in monitor["spec"]["selector"]["matchLabels"].as_object().unwrap() {
        assert_eq!(labels.get(name), Some(value), "it selects our Service");
    }
    assert_eq!(
        monitor["spec"]["endpoints"][0]["port"],
        service["spec"]["ports"][0]["name"]
    );
    assert_eq!(
        policy["spec"]["ingress"][0]["from"][0]["namespaceSelector"]["matchLabels"]["team"],
        "monitoring"
    );
    assert_eq!(policy["spec"]["policyTypes"], json!(["Ingress", "Egress"]));
    assert_eq!(
        policy["spec"]["egress"][0]["to"][0]["ipBlock"]["cidr"],
        "10.0.0.0/8"
    );

    apply(
        &world,
        "definition",
        &[serde_json::from_str(SERVICE_MONITORS).unwrap()],
    )
    .await;
    let plane = &world.stack.control_plane;
    let served = [
        "wait",
        "crd/servicemonitors.monitoring.coreos.com",
        "--for=condition=Established",
        "--timeout=30s",
    ];
    assert!(plane.kubectl(&served).await.unwrap().status.success());
    apply(&world, "objects", &objects).await;
}

#[tokio::test]
async fn a_policy_without_anybody_lets_nobody_in_and_a_monitor_needs_its_service() {
    let plane = &stack().await.control_plane;
    let nobody = rendered(&["networkPolicy.enabled=true"]).await;
    let policy = of_kind(&nobody, "NetworkPolicy")[0].clone();
    assert_eq!(policy["spec"]["ingress"], json!([]));
    assert_eq!(
        policy["spec"]["policyTypes"],
        json!(["Ingress"]),
        "an empty list of rules is no rule"
    );
    let chart = run::workspace().join("charts/ironwright").display().to_string();
    let unseen = [
        "template",
        &chart,
        "--set",
        "serviceMonitor.enabled=true,service.enabled=false",
    ];
    let output = plane.helm(&unseen).await.unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(
        !output.status.success() && said.contains("needs service.enabled"),
        "{said}"
    );
}

#[tokio::test]
async fn the_pod_asks_for_no_more_than_it_needs() {
    let objects = rendered(&[]).await;
    let pod = &of_kind(&objects, "Deployment")[0]["spec"]["template"]["spec"];
    assert_eq!(pod["securityContext"]["runAsNonRoot"], true);
    assert_eq!(pod["securityContext"]["seccompProfile"]["type"], "RuntimeDefault");
    let container = &pod["containers"][0]["securityContext"];
    assert_eq!(container["readOnlyRootFilesystem"], true);
    assert_eq!(container["allowPrivilegeEscalation"], false);
    assert_eq!(container["capabilities"], json!({"drop": ["ALL"]}));
    for absent in ["volumes", "hostNetwork", "hostPID", "hostIPC"] {
        assert!(pod[absent].is_null(), "{absent}");
    }
}

/// `kubectl apply -k deploy`, as the apiserver takes it, and without Helm's name on anything.
#[tokio::test]
async fn the_plain_manifests_are_accepted_and_are_the_charts() {
    let plane = &stack().await.control_plane;
    let deploy = run::workspace().join("deploy").display().to_string();
    let apply = [
        "apply",
        "--server-side",
        "--force-conflicts",
        "--dry-run=server",
        "--validate=strict",
        "--output=json",
        "-k",
        &deploy,
    ];
    let output = plane.kubectl(&apply).await.unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let accepted: Value = serde_json::from_slice(&output.stdout).unwrap();
    let name = |object: &Value| format!("{}/{}", object["kind"], object["metadata"]["name"]);
    let accepted: BTreeSet<_> = accepted["items"].as_array().unwrap().iter().map(name).collect();
    let mut expected: BTreeSet<_> = rendered(&[]).await.iter().map(name).collect();
    // `rendered` has a namespace of its own, which is in the names of what belongs to the cluster.
    expected = expected
        .iter()
        .map(|name| name.replace("metal-system", "ironwright-system"))
        .collect();
    expected.insert("\"Namespace\"/\"ironwright-system\"".to_owned());
    assert_eq!(accepted, expected);
    let text = std::fs::read_to_string(Path::new(&deploy).join("operator.yaml")).unwrap();
    assert!(
        !text.contains("managed-by: Helm") && !text.contains("helm.sh/chart"),
        "{text}"
    );
}
