//! The Helm chart: well-formed, understood by the binary, and granting what is used and no more.

#![cfg(test)]

mod extras;
mod people;

use std::collections::BTreeSet;
use std::path::Path;

use clap::Parser;
use ironwright::config::{Cli, Command};
use ironwright_stack::run;
use serde_json::{Value, json};

use crate::harness::stack;

/// Group, resource, verb, and where it is used: a file under `src` and a piece of it.
const GRANTED: &[(&str, &str, &str, &str, &str)] = &[
    (
        "ironwright.dev",
        "baremetalclouds",
        "list",
        "controllers/run.rs",
        "watch::objects(scope.api(kube.clone()), cloud::KIND",
    ),
    (
        "ironwright.dev",
        "baremetalclouds",
        "watch",
        "controllers/run.rs",
        "watch::objects(scope.api(kube.clone()), cloud::KIND",
    ),
    (
        "ironwright.dev",
        "baremetalclouds",
        "get",
        "controllers/node_current.rs",
        "clouds.get_metadata(name)",
    ),
    (
        "ironwright.dev",
        "baremetalclouds",
        "patch",
        "controllers/cloud.rs",
        "finalizer::add(&api, &object)",
    ),
    (
        "ironwright.dev",
        "baremetalclouds/status",
        "update",
        "controllers/cloud.rs",
        "status::write(",
    ),
    (
        "ironwright.dev",
        "baremetalnodes",
        "list",
        "controllers/run.rs",
        "watch::objects(scope.api(kube.clone()), node::KIND",
    ),
    (
        "ironwright.dev",
        "baremetalnodes",
        "watch",
        "controllers/run.rs",
        "watch::objects(scope.api(kube.clone()), node::KIND",
    ),
    (
        "ironwright.dev",
        "baremetalnodes",
        "get",
        "controllers/node_holders.rs",
        "api.get_metadata_opt(&owner.name)",
    ),
    (
        "ironwright.dev",
        "baremetalnodes",
        "patch",
        "controllers/node_execute.rs",
        "finalizer::add(&pass.api",
    ),
    (
        "ironwright.dev",
        "baremetalnodes/status",
        "update",
        "controllers/node_report.rs",
        "status::write(",
    ),
    (
        "ironwright.dev",
        "baremetalnodes/status",
        "patch",
        "controllers/unreadable.rs",
        "write_conditions(",
    ),
    (
        "ironwright.dev",
        "baremetalclouds/status",
        "patch",
        "controllers/unreadable.rs",
        "write_conditions(",
    ),
    ("", "secrets", "list", "controllers/run.rs", "watch::metadata("),
    ("", "secrets", "watch", "controllers/run.rs", "watch::metadata("),
    ("", "secrets", "get", "kubernetes/secrets.rs", "api.get(name)"),
    // The recorder creates an Event and patches the count of one that repeats.
    (
        "events.k8s.io",
        "events",
        "create",
        "kubernetes/events.rs",
        "recorder.publish(",
    ),
    (
        "events.k8s.io",
        "events",
        "patch",
        "kubernetes/events.rs",
        "recorder.publish(",
    ),
    (
        "coordination.k8s.io",
        "leases",
        "create",
        "leader/calls.rs",
        "leases.create(",
    ),
    (
        "coordination.k8s.io",
        "leases",
        "get",
        "leader/calls.rs",
        "leases.get_opt(",
    ),
    (
        "coordination.k8s.io",
        "leases",
        "update",
        "leader/calls.rs",
        "leases.replace(",
    ),
    (
        "",
        "namespaces",
        "get",
        "controllers/node_current.rs",
        "namespaces.get_metadata(",
    ),
    (
        "apiextensions.k8s.io",
        "customresourcedefinitions",
        "get",
        "controllers/node_current.rs",
        "definitions.get_metadata(",
    ),
];

/// The rendered objects.
async fn rendered(values: &[&str]) -> Vec<Value> {
    let chart = run::workspace().join("charts/ironwright");
    let mut arguments = vec![
        "template",
        "ironwright",
        chart.to_str().unwrap(),
        "--namespace",
        "metal-system",
    ];
    arguments.extend(values.iter().flat_map(|value| ["--set", value]));
    let output = stack().await.control_plane.helm(&arguments).await.unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "helm template {values:?}: {said}");
    let text = String::from_utf8(output.stdout).unwrap();
    let documents = text.split("\n---\n").map(|part| part.trim_start_matches("---\n"));
    let documents = documents.filter(|part| {
        part.lines()
            .any(|line| !line.starts_with('#') && !line.is_empty())
    });
    documents
        .map(|part| serde_saphyr::from_str(part).unwrap_or_else(|error| panic!("{error}: {part}")))
        .collect()
}

fn of_kind<'a>(objects: &'a [Value], kind: &str) -> Vec<&'a Value> {
    objects.iter().filter(|object| object["kind"] == kind).collect()
}

fn texts(value: &Value) -> Vec<&str> {
    let list = value.as_array().map(Vec::as_slice).unwrap_or_default();
    list.iter().filter_map(Value::as_str).collect()
}

/// Whether a role is for people, as a part of one of Kubernetes' own.
fn is_for_people(role: &Value) -> bool {
    let labels = role["metadata"]["labels"].as_object();
    labels.is_some_and(|labels| {
        labels
            .keys()
            .any(|label| label.starts_with("rbac.authorization.k8s.io/aggregate-to-"))
    })
}

/// Group, resource and verb of everything that the operator's roles of these kinds grant.
fn granted(objects: &[Value], kinds: &[&str]) -> BTreeSet<(String, String, String)> {
    let roles = kinds.iter().flat_map(|kind| of_kind(objects, kind));
    let roles = roles.filter(|role| !is_for_people(role));
    let mut all = BTreeSet::new();
    for rule in roles.flat_map(|role| role["rules"].as_array().unwrap()) {
        for group in texts(&rule["apiGroups"]) {
            for resource in texts(&rule["resources"]) {
                for verb in texts(&rule["verbs"]) {
                    all.insert((group.to_owned(), resource.to_owned(), verb.to_owned()));
                }
            }
        }
    }
    all
}

fn used() -> BTreeSet<(String, String, String)> {
    let rows = GRANTED
        .iter()
        .map(|(group, resource, verb, ..)| [*group, *resource, *verb].map(str::to_owned));
    rows.map(|[group, resource, verb]| (group, resource, verb))
        .collect()
}

#[tokio::test]
async fn helm_has_nothing_to_say_against_it() {
    let chart = run::workspace().join("charts/ironwright");
    let chart = chart.to_str().unwrap();
    let plane = &stack().await.control_plane;
    for values in [
        "watch.namespace=",
        "watch.namespace=metal",
        "operator.enabled=false",
    ] {
        let output = plane
            .helm(&["lint", "--strict", chart, "--set", values])
            .await
            .unwrap();
        let said = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success(), "{values}: {said}");
    }
    for wrong in [
        "watch.namespce=metal",
        "serviceMonitor.interval=soon",
        "networkPolicy.from=everybody",
        "rbac.aggregate=maybe",
        "operator.concurrency=0",
    ] {
        let output = plane.helm(&["lint", chart, "--set", wrong]).await.unwrap();
        assert!(!output.status.success(), "{wrong} is refused");
    }
}

#[tokio::test]
async fn the_binary_understands_every_argument_of_the_deployment() {
    for (values, namespace) in [
        (&[][..], None),
        (
            &["watch.namespace=metal", "operator.clusterId=blue"][..],
            Some("metal"),
        ),
    ] {
        let objects = rendered(values).await;
        let deployment = of_kind(&objects, "Deployment")[0];
        let container = &deployment["spec"]["template"]["spec"]["containers"][0];
        let arguments = texts(&container["args"]);
        let line = ["ironwright"].iter().chain(&arguments);
        let parsed = Cli::try_parse_from(line).unwrap_or_else(|error| panic!("{arguments:?}: {error}"));
        let Command::Run(run) = parsed.command else {
            panic!("{arguments:?} does not run the operator")
        };
        assert_eq!(run.namespace(), namespace);
        assert!(run.leader_elect);
        assert_eq!(run.lease_name, "ironwright", "the one that the Role names");
        let given = container["env"].as_array().unwrap();
        for (name, path) in [
            ("POD_NAME", "metadata.name"),
            ("POD_NAMESPACE", "metadata.namespace"),
        ] {
            let source = json!({"fieldRef": {"fieldPath": path}});
            assert!(
                given.contains(&json!({"name": name, "valueFrom": source})),
                "{given:?}"
            );
        }
        let port = &container["ports"][0]["containerPort"];
        assert_eq!(
            *port,
            json!(run.listen.port()),
            "the port of the probes is the one listened on"
        );
        assert_eq!(container["readinessProbe"]["httpGet"]["path"], "/readyz");
        assert_eq!(container["livenessProbe"]["httpGet"]["path"], "/healthz");
        assert_eq!(deployment["spec"]["strategy"]["type"], "Recreate");
        assert_eq!(deployment["spec"]["replicas"], 1);
    }
}

#[tokio::test]
async fn every_right_is_used_and_every_used_one_is_granted() {
    for (_, resource, verb, file, piece) in GRANTED {
        let source = std::fs::read_to_string(Path::new("src").join(file)).unwrap();
        let found = source.split_whitespace().collect::<String>();
        let wanted = piece.split_whitespace().collect::<String>();
        assert!(
            found.contains(&wanted),
            "{verb} {resource} is no longer used as said: {piece} in {file}"
        );
    }
    let everywhere = rendered(&[]).await;
    assert_eq!(granted(&everywhere, &["ClusterRole", "Role"]), used());
    let roles = of_kind(&everywhere, "Role");
    assert_eq!(
        roles.len(),
        1,
        "only the Lease is in the operator's own namespace"
    );
    assert_eq!(roles[0]["metadata"]["namespace"], "metal-system");
    assert_eq!(roles[0]["rules"][1]["resourceNames"], json!(["ironwright"]));

    let one = rendered(&["watch.namespace=metal"]).await;
    assert_eq!(granted(&one, &["ClusterRole", "Role"]), used());
    let cluster = granted(&one, &["ClusterRole"]);
    assert!(cluster.iter().all(|(.., verb)| verb == "get"), "{cluster:?}");
    let role = of_kind(&one, "ClusterRole")
        .into_iter()
        .find(|role| !is_for_people(role));
    for rule in role.unwrap()["rules"].as_array().unwrap() {
        assert!(
            !texts(&rule["resourceNames"]).is_empty(),
            "beyond its namespace it may read named objects only: {rule}"
        );
    }
    let roles = of_kind(&one, "Role");
    let namespaces: Vec<_> = roles.iter().map(|role| &role["metadata"]["namespace"]).collect();
    assert_eq!(namespaces, ["metal-system", "metal"]);
}
