//! The machines of the benchmark, as objects of Kubernetes. The script makes the same ones.

use kube::api::DynamicObject;
use serde_json::{Value, json};

/// Fake hardware takes its word for it.
const IMAGE: &str = "http://images.example/debian.qcow2";

/// Where the machines are to go.
#[derive(Clone, Copy, Debug)]
pub(super) enum Goal {
    /// Enrolled and verified: the shortest way to a node that the operator looks after.
    Manageable,
    /// Offered.
    Available,
    /// Deployed.
    Active,
}

impl Goal {
    fn provision(self) -> Value {
        match self {
            Goal::Manageable | Goal::Available => json!({"state": self.state()}),
            Goal::Active => json!({"state": "active", "instance": {"image": {"source": IMAGE}}}),
        }
    }

    fn state(self) -> &'static str {
        match self {
            Goal::Manageable => "manageable",
            Goal::Available => "available",
            Goal::Active => "active",
        }
    }

    /// Whether the node's status says that it is there, for good.
    pub(super) fn is_reached(self, node: &DynamicObject) -> bool {
        let state = node.data.pointer("/status/provisionState");
        state.and_then(Value::as_str) == Some(self.state()) && is_ready(node)
    }
}

/// The name of a machine.
pub(super) fn name(number: usize) -> String {
    format!("node-{number:04}")
}

/// Manifests of so many. Deleting them takes all away, with whatever was deployed on them.
pub(super) fn manifests(nodes: u16, goal: Goal) -> String {
    let documents = (0..usize::from(nodes)).map(|number| manifest(&name(number), "lab", goal).to_string());
    documents.collect::<Vec<_>>().join("\n---\n")
}

/// The manifest of one machine of this cloud.
pub(super) fn manifest(name: &str, cloud: &str, goal: Goal) -> Value {
    json!({
        "apiVersion": "ironwright.dev/v1alpha1", "kind": "BareMetalNode", "metadata": {"name": name},
        "spec": {
            "cloudRef": {"name": cloud},
            "driver": "fake-hardware",
            "resourceClass": "baremetal.large",
            "properties": {"cpu_arch": "x86_64", "memory_mb": 65536},
            "provision": goal.provision(),
            "deletionPolicy": "Undeploy",
        },
    })
}

/// Whether the object's condition `Ready` is true.
pub(super) fn is_ready(object: &DynamicObject) -> bool {
    let conditions = object
        .data
        .pointer("/status/conditions")
        .and_then(Value::as_array);
    conditions.into_iter().flatten().any(|condition| {
        condition.get("type") == Some(&json!("Ready")) && condition.get("status") == Some(&json!("True"))
    })
}
