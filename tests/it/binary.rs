//! The binary by itself: probes, metrics, logs, its end, and what it prints.

#![cfg(test)]

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::{Duration, Instant};

use ironwright_stack::{Operator, wait};
use k8s_openapi::api::rbac::v1::{RoleBinding, Subject};
use kube::Api;
use kube::api::PostParams;
use serde_json::{Value, json};

use crate::harness::{LIMIT, World, status};

/// The metric families that are promised, and the labels of each.
const FAMILIES: &[(&str, &[&str])] = &[
    ("ironwright_reconciles_total", &["kind", "outcome"]),
    ("ironwright_reconcile_duration_seconds", &["kind", "le"]),
    ("ironwright_ironic_requests_total", &["method", "route", "status"]),
    (
        "ironwright_ironic_request_duration_seconds",
        &["le", "method", "route"],
    ),
    ("ironwright_transitions_total", &["outcome", "verb"]),
    ("ironwright_transition_duration_seconds", &["le", "verb"]),
    ("ironwright_leader", &[]),
    ("ironwright_nodes", &["state"]),
    ("ironwright_observation_age_seconds", &[]),
    ("ironwright_operations_running", &["operation"]),
    ("ironwright_operations_waiting", &["operation"]),
];

/// The values that a label may have; no entry: a number.
const VALUES: &[(&str, &[&str])] = &[
    ("kind", &["BareMetalNode", "BareMetalCloud", "Secret"]),
    (
        "outcome",
        &[
            "starting",
            "stopped",
            "settled",
            "waiting",
            "retrying",
            "stalled",
            "released",
            "conflict",
            "gone",
            "failed",
            "panic",
            "unfinished",
            "stopped",
            "starting",
            "succeeded",
            "published",
            "refused",
            "dropped",
        ],
    ),
    ("method", &["GET", "POST", "PATCH", "PUT", "DELETE"]),
    (
        "verb",
        &[
            "manage", "inspect", "provide", "active", "rescue", "unrescue", "deleted",
        ],
    ),
    ("operation", &["deploy", "clean", "destroy", "destructive"]),
];

async fn get(operator: &Operator, path: &str) -> (u16, String) {
    let answer = reqwest::get(format!("{}{path}", operator.endpoint()))
        .await
        .expect("it answers");
    (answer.status().as_u16(), answer.text().await.unwrap_or_default())
}

/// Family (without the histogram's suffixes) and labels of every sample.
fn samples(page: &str) -> Vec<(String, BTreeMap<String, String>)> {
    let lines = page
        .lines()
        .filter(|line| !line.starts_with('#') && !line.is_empty());
    lines.map(sample).collect()
}

fn sample(line: &str) -> (String, BTreeMap<String, String>) {
    let (series, _value) = line
        .rsplit_once(' ')
        .unwrap_or_else(|| panic!("no sample: {line}"));
    let (name, labels) = series.split_once('{').unwrap_or((series, "}"));
    let family = ["_bucket", "_sum", "_count"]
        .iter()
        .find_map(|suffix| name.strip_suffix(suffix));
    let labels = labels
        .trim_end_matches('}')
        .split("\",")
        .filter(|label| !label.is_empty());
    let labels = labels.map(|label| {
        let (name, value) = label
            .split_once("=\"")
            .unwrap_or_else(|| panic!("no label: {line}"));
        (name.to_owned(), value.trim_end_matches('"').to_owned())
    });
    (family.unwrap_or(name).to_owned(), labels.collect())
}

fn is_closed(name: &str, value: &str) -> bool {
    match (name, VALUES.iter().find(|(label, _)| *label == name)) {
        (_, Some((_, values))) => values.contains(&value),
        ("state", None) => {
            ironwright::ironic::model::ProvisionState::ALL
                .iter()
                .any(|state| state.as_str() == value)
                || value == "unknown"
        }
        ("route", None) => value.starts_with('/') && value.split('/').all(|part| part.len() < 20),
        ("status", None) => value == "none" || value.parse::<u16>().is_ok(),
        ("le", None) => value == "+Inf" || value.parse::<f64>().is_ok(),
        ("version", None) => value == env!("CARGO_PKG_VERSION"),
        _ => false,
    }
}

#[tokio::test]
async fn metrics_have_every_family_and_no_names_of_objects() {
    let world = World::new("binary-metrics").await;
    world
        .apply_node(
            "very-special-machine",
            &json!({"provision": {"state": "available"}}),
        )
        .await;
    let node = world.ready("very-special-machine", "Available").await;
    world
        .apply_node("waiting", &json!({"driver": "no-such-driver"}))
        .await;
    world
        .condition("waiting", "Reconciling", "True", "DriverUnavailable")
        .await;
    let page = world.operator().metrics().await.unwrap();
    let samples = samples(&page);
    for (family, labels) in FAMILIES {
        let found: BTreeSet<_> = samples
            .iter()
            .filter(|(name, _)| name == family)
            .flat_map(|(_, labels)| labels.keys().map(String::as_str))
            .collect();
        assert!(
            samples.iter().any(|(name, _)| name == family),
            "{family} is missing:\n{page}"
        );
        assert_eq!(found, labels.iter().copied().collect(), "labels of {family}");
    }
    let id = status(&node).id.clone().unwrap();
    for (family, labels) in &samples {
        for (name, value) in labels {
            assert!(is_closed(name, value), "{family} has {name}={value:?}");
            let named = ["very-special", "binary-metrics", id.as_str(), "no-such-driver"];
            assert!(
                named.iter().all(|word| !value.contains(word)),
                "{family} has {name}={value:?}"
            );
        }
    }
    for line in [
        r#"ironwright_transitions_total{outcome="succeeded",verb="manage"} 1"#,
        r#"ironwright_transitions_total{outcome="succeeded",verb="provide"} 1"#,
        r#"ironwright_ironic_requests_total{method="POST",route="/v1/nodes",status="201"} 1"#,
    ] {
        assert!(page.contains(line), "{line} is not in\n{page}");
    }
}

#[tokio::test]
async fn it_is_alive_but_not_ready_until_it_may_see_everything() {
    let mut world = World::empty("binary-rights").await;
    let plane = &world.stack.control_plane;
    let mut options = world.operator_options().await.unwrap();
    wait::until("the namespace's ServiceAccount", LIMIT, async || {
        let accounts = Api::<k8s_openapi::api::core::v1::ServiceAccount>::namespaced(
            world.client.clone(),
            &world.namespace,
        );
        Ok(accounts.get_opt("default").await?.map(drop))
    })
    .await
    .unwrap();
    options.kubeconfig = plane
        .service_account_kubeconfig(&world.namespace, "default")
        .await
        .unwrap();
    options
        .args
        .extend(["--cluster-id", "test", "--leader-elect=false"].map(str::to_owned));
    let operator = Operator::launch(&world.stack.run, &options).unwrap();
    wait::until("all watches to be refused", LIMIT, async || {
        let page = operator.metrics().await.unwrap_or_default();
        let refused = samples(&page)
            .into_iter()
            .filter(|(name, _)| name == "ironwright_watch_errors_total")
            .count();
        Ok((refused == 3).then_some(()))
    })
    .await
    .unwrap();
    assert_eq!(
        get(&operator, "/healthz").await.0,
        200,
        "a restart would not help"
    );
    let (code, said) = get(&operator, "/readyz").await;
    assert_eq!(code, 503, "{said}");
    for kind in ["BareMetalNode", "BareMetalCloud", "Secret"] {
        assert!(said.contains(kind), "{said}");
    }
    let log = std::fs::read_to_string(operator.process().log()).unwrap();
    assert!(log.contains("forbidden") || log.contains("Forbidden"), "{log}");

    let binding = json!({
        "metadata": {"name": "late"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "ironwright-system-ironwright"},
    });
    let mut binding: RoleBinding = serde_json::from_value(binding).unwrap();
    binding.subjects = Some(vec![Subject {
        kind: "ServiceAccount".to_owned(),
        name: "default".to_owned(),
        namespace: Some(world.namespace.clone()),
        ..Subject::default()
    }]);
    let bindings = Api::<RoleBinding>::namespaced(world.client.clone(), &world.namespace);
    bindings.create(&PostParams::default(), &binding).await.unwrap();
    operator.ready().await.unwrap();
    world.operator = Some(operator);
    world.apply(&world.lab()).await.unwrap();
    world.apply_node("a", &json!({})).await;
    world.ready("a", "Enrolled").await;
}

#[tokio::test]
async fn json_logs_are_json_line_by_line_and_sigterm_ends_it_in_good_order() {
    let mut world = World::empty("binary-logs").await;
    world.apply(&world.lab()).await.unwrap();
    let mut options = world.operator_options().await.unwrap();
    options.args.extend(["--log-format", "json"].map(str::to_owned));
    options.env.retain(|(name, _)| name != "RUST_LOG");
    options.env.push(("RUST_LOG".to_owned(), "debug".to_owned()));
    world.operator = Some(Operator::start(&world.stack.run, &options).await.unwrap());
    let slow = json!({
        "interfaces": {"power": "testkit"}, "extra": {"testkit": {"verify_delay": 2}},
    });
    world.apply_node("a", &slow).await;
    world.condition("a", "Reconciling", "True", "Verifying").await;

    let began = Instant::now();
    let end = world.operator().stop().await;
    assert_eq!(end.code(), Some(0), "{}", world.operator().process().log_tail(20));
    assert!(began.elapsed() < Duration::from_secs(4), "{:?}", began.elapsed());
    let log = std::fs::read_to_string(world.operator().process().log()).unwrap();
    let mut messages = vec![];
    for line in log.lines() {
        let parsed: Value = serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
        for key in ["timestamp", "level", "target"] {
            assert!(parsed[key].is_string(), "no {key}: {line}");
        }
        messages.extend(parsed["message"].as_str().map(str::to_owned));
    }
    for said in ["ironwright runs", "step taken", "stopping: no new step is begun"] {
        assert!(
            messages.iter().any(|message| message == said),
            "{said} is not in\n{log}"
        );
    }
    // What was under way goes on under the next operator, from where it is.
    world.start_operator().await;
    world.ready("a", "Enrolled").await;
    assert_eq!(world.count_verb("manage"), 1);
}

#[tokio::test]
async fn a_restart_writes_no_status() {
    let mut world = World::new("binary-restart").await;
    world.secret("bmc", &json!({"fake_password": "x"})).await;
    let names: Vec<_> = (0..8).map(|n| format!("n{n}")).collect();
    for name in &names {
        let spec = json!({"driverInfoFrom": [{"secretRef": {"name": "bmc"}}]});
        world.apply_node(name, &spec).await;
    }
    let mut before = BTreeMap::new();
    for name in &names {
        let node = world.ready(name, "Enrolled").await;
        before.insert(name.clone(), node.metadata.resource_version);
    }
    world.operator().stop().await;
    world.proxy.clear_log();
    world.start_operator().await;
    // What is applied after the start goes the whole way: by then the others have been looked at, too.
    world.apply_node("late", &json!({})).await;
    world.ready("late", "Enrolled").await;
    for (name, version) in before {
        let node = world.nodes.get(&name).await.unwrap();
        assert_eq!(
            node.metadata.resource_version, version,
            "{name}: {:#?}",
            node.status
        );
    }
    let sent = world.mutations();
    assert_eq!(
        sent.len(),
        2,
        "creation and verification of the late one: {sent:#?}"
    );
}

#[test]
fn the_definitions_in_the_tree_are_what_the_binary_prints() {
    let binary = ironwright_stack::operator::binary().unwrap();
    let output = std::process::Command::new(binary).arg("crds").output().unwrap();
    assert!(output.status.success());
    let printed = String::from_utf8(output.stdout).unwrap();
    let printed: BTreeSet<_> = printed
        .split("---\n")
        .filter(|part| !part.is_empty())
        .map(str::to_owned)
        .collect();
    assert_eq!(printed.len(), 2);
    for directory in ["crds", "charts/ironwright/generated"] {
        let files = std::fs::read_dir(Path::new(directory)).unwrap();
        let files: BTreeSet<_> = files
            .map(|file| std::fs::read_to_string(file.unwrap().path()).unwrap())
            .collect();
        assert!(
            files == printed,
            "{directory} is not what the types say: run `make generate`"
        );
    }
}

#[test]
fn a_wrong_start_is_one_clear_error() {
    let binary = ironwright_stack::operator::binary().unwrap();
    let nowhere = [("KUBECONFIG", "/nonexistent/kubeconfig"), ("RUST_LOG", "off")];
    let output = std::process::Command::new(&binary)
        .arg("run")
        .envs(nowhere)
        .env_remove("RUST_BACKTRACE")
        .output()
        .unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(
        said.contains("there is no usable Kubernetes configuration") && said.lines().count() < 12,
        "{said}"
    );
    let output = std::process::Command::new(&binary)
        .args(["run", "--listen", "nowhere"])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(2));
}
