//! One node whose step is held up: what takes so long, and what becomes of the spec meanwhile.

use std::sync::Arc;
use std::time::{Duration, Instant};

use ironwright_stack::proxy::{Action, Callback, Entry, Proxy, Seen};
use k8s_openapi::api::core::v1::Namespace;
use kube::Api;
use kube::api::{DeleteParams, Patch, PatchParams};
use serde_json::{Value, json};
use tokio::sync::Notify;

use crate::harness::{World, active, manifest};
use crate::probe::target;

pub const ONE: &str = "http://images.example/one.qcow2";
pub const TWO: &str = "http://images.example/two.qcow2";

/// What takes so long.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Gap {
    /// The look at the machine.
    Look,
    /// The answer to the write of the intent.
    Intent,
    /// Another request, which has the only slot.
    Slot,
}

/// What becomes of the spec meanwhile.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Change {
    /// Nothing: the step is taken in the end.
    Nothing,
    Paused,
    /// The instance is wanted again.
    TakenBack,
    /// Another image is wanted.
    Image,
    /// The deletion no longer says to wipe.
    Policy,
    /// The object is another one of the same name, which wants nothing.
    Recreated,
    /// The namespace goes.
    Namespace,
}

pub const GAPS: [Gap; 3] = [Gap::Look, Gap::Intent, Gap::Slot];

impl Change {
    /// What the node is like before.
    pub fn before(self) -> (Value, &'static str) {
        let manageable = json!({"provision": {"state": "manageable"}});
        match self {
            Self::Nothing | Self::Paused | Self::Recreated => (manageable, "Manageable"),
            Self::Image => (json!({"provision": {"state": "available"}}), "Available"),
            Self::TakenBack => (active(ONE), "Deployed"),
            Self::Policy | Self::Namespace => {
                let mut spec = active(ONE);
                spec["deletionPolicy"] = json!("Undeploy");
                (spec, "Deployed")
            }
        }
    }
}

/// One node whose step is held up.
pub struct Scene {
    pub name: String,
    pub gap: Gap,
    pub delay: Duration,
    pub change: Change,
    pub id: String,
}

impl Scene {
    pub fn cloud(&self) -> String {
        match self.gap {
            Gap::Slot => narrow_name(self.delay.as_secs()),
            Gap::Look | Gap::Intent => "lab".to_owned(),
        }
    }

    /// What destroys is wanted.
    pub async fn begin(&self, world: &World) {
        let wanted = match self.change {
            Change::Nothing | Change::Paused | Change::Recreated => {
                json!({"provision": {"state": "available"}})
            }
            Change::TakenBack => json!({"provision": {"state": "available", "instance": null}}),
            Change::Image => active(ONE),
            Change::Policy | Change::Namespace => return world.delete(&self.name).await,
        };
        world.edit(&self.name, &wanted).await;
    }

    /// Something else is wanted.
    pub async fn change(&self, world: &World) -> Option<Instant> {
        let wanted = match self.change {
            Change::Nothing => return None,
            Change::Paused => json!({"paused": true}),
            Change::TakenBack => active(ONE),
            Change::Image => active(TWO),
            Change::Policy => json!({"deletionPolicy": "Delete"}),
            Change::Recreated => {
                self.recreate(world).await;
                return Some(Instant::now());
            }
            Change::Namespace => {
                let namespaces = Api::<Namespace>::all(world.client.clone());
                namespaces
                    .delete(&world.namespace, &DeleteParams::default())
                    .await
                    .expect("it is accepted");
                return Some(Instant::now());
            }
        };
        world.edit(&self.name, &wanted).await;
        Some(Instant::now())
    }

    async fn recreate(&self, world: &World) {
        let patch = Patch::Merge(json!({"metadata": {"finalizers": null}}));
        world
            .nodes
            .patch(&self.name, &PatchParams::default(), &patch)
            .await
            .expect("it is accepted");
        world.delete(&self.name).await;
        world.gone(&self.name).await;
        world
            .apply(&on(&self.cloud(), &self.name, &json!({})))
            .await
            .expect("it is accepted");
    }

    /// All is as is wanted now.
    pub async fn ends(&self, world: &World) {
        let name = &self.name;
        match self.change {
            Change::Nothing => _ = world.ready(name, "Available").await,
            Change::Paused => _ = world.condition(name, "Reconciling", "True", "Paused").await,
            Change::TakenBack => _ = world.ready(name, "Deployed").await,
            Change::Image => {
                world.ready(name, "Deployed").await;
                let live = world.live_by_id(&self.id).await.expect("the node");
                assert_eq!(live["instance_info"]["image_source"], TWO, "{name}");
            }
            Change::Policy | Change::Namespace => {
                world.condition(name, "Stalled", "True", "InstancePresent").await;
            }
            // Whether it takes the machine over is another question.
            Change::Recreated => {
                let decided = |node: &ironwright::api::BareMetalNode| {
                    node.status
                        .as_ref()
                        .is_some_and(|status| status.observed_generation == Some(1))
                };
                world.wait(name, "the new object is looked at", decided).await;
            }
        }
    }
}

/// Holds the first request that `wanted` picks up, or the answer to it.
pub fn hold(
    proxy: &Proxy,
    wanted: impl Fn(&Seen) -> bool + Send + Sync + 'static,
    delay: Duration,
    arrived: &Arc<Notify>,
    answer: bool,
) {
    let arrived = Arc::clone(arrived);
    let held = Callback::new(move |_| {
        arrived.notify_one();
        tokio::time::sleep(delay)
    });
    let action = if answer {
        Action::CallAfter(held)
    } else {
        Action::CallBefore(held)
    };
    proxy.when_request(wanted).times(1).then(action);
}

pub fn is_look(seen: &Seen, id: &str) -> bool {
    seen.method == "GET" && seen.path == format!("/v1/nodes/{id}")
}

pub fn is_intent(seen: &Seen, name: &str) -> bool {
    let status = format!("/baremetalnodes/{name}/status");
    let body: Value = serde_json::from_slice(&seen.body).unwrap_or_default();
    seen.method == "PUT" && seen.path.ends_with(&status) && !body["status"]["intent"].is_null()
}

/// What destroys, if the request does.
pub fn destructive(entry: &Entry) -> Option<String> {
    let body: Value = serde_json::from_slice(&entry.seen.body).unwrap_or_default();
    match (entry.seen.method.as_str(), target(&entry.seen)) {
        ("PUT", Some(verb)) => (verb != "manage").then_some(verb),
        ("PUT", None) if entry.seen.path.ends_with("/states/power") => {
            (body["target"] != "power on").then(|| "power".to_owned())
        }
        ("DELETE", _) if entry.seen.path.split('/').count() == 4 => Some("delete".to_owned()),
        _ => None,
    }
}

pub fn narrow_name(delay: u64) -> String {
    format!("narrow-{delay}")
}

pub fn helper(delay: u64) -> String {
    format!("helper-{delay}")
}

pub fn cloud(name: &str, proxy: &Proxy, requests: u32) -> Value {
    json!({
        "apiVersion": "ironwright.dev/v1alpha1", "kind": "BareMetalCloud", "metadata": {"name": name},
        "spec": {"endpoint": proxy.endpoint(), "limits": {"requestsInFlight": requests}},
    })
}

/// A node of this cloud.
pub fn on(cloud: &str, name: &str, spec: &Value) -> Value {
    let mut manifest = manifest(name, spec);
    manifest["spec"]["cloudRef"]["name"] = json!(cloud);
    manifest
}
