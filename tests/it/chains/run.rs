//! One chain: its steps are taken, and what it leaves is looked at.

#![cfg(test)]

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use ironwright::api::BareMetalNode;
use ironwright_stack::wait;
use kube::ResourceExt;
use kube::api::{DeleteParams, Patch, PatchParams, PostParams};
use serde_json::{Value, json};

use super::Lab;
use super::generate::{Chain, Step};
use super::oracle::{Request, Version};
use crate::harness::{condition, manifest};

/// Longest wait until nothing moves any more: several chains share an Ironic, and some steps are tried again after a pause.
pub const SETTLING: Duration = Duration::from_mins(3);

/// What is waited for that only a person, or another object, can bring about.
const WAITS: [&str; 8] = [
    "Paused",
    "SecretMissing",
    "SecretKeyMissing",
    "AwaitingNode",
    "AwaitingState",
    "DriverUnavailable",
    "RetryingAfterFailure",
    "CloudMissing",
];

/// What went wrong.
pub type Failure = String;

/// A chain under way.
pub struct Run<'a> {
    pub lab: &'a Lab,
    pub chain: &'a Chain,
    /// A word that is this run's alone.
    pub own: String,
    /// The object, now.
    pub name: String,
    uid: String,
    /// The spec in force, and the one before.
    pub spec: Value,
    before: Value,
    /// What was in force when.
    pub history: Vec<Version>,
    /// What somebody else had Ironic do.
    pub theirs: Vec<Request>,
    /// Fields that somebody else wrote.
    pub touched: BTreeSet<&'static str>,
    /// Nodes that somebody else claimed or put into maintenance.
    pub meddled: BTreeSet<String>,
    /// Every node that an object of this chain stood for.
    pub nodes: BTreeSet<String>,
    /// Those left in Ironic on purpose.
    pub left: BTreeSet<String>,
    /// The object was replaced by a file without the finalizer, and has not got it back: a deletion now leaves the node.
    stripped: bool,
    /// The history in words.
    pub told: Vec<String>,
    began: Instant,
}

impl<'a> Run<'a> {
    /// Creates the chain's Secrets and its object.
    pub async fn begin(lab: &'a Lab, chain: &'a Chain, own: &str) -> Result<Self, Failure> {
        let world = &lab.world;
        let secrets = [
            (
                "bmc",
                json!({"redfish_username": "root", "redfish_password": format!("Pw-{own}-1")}),
            ),
            ("rescue", json!({"password": format!("Rescue-{own}-1")})),
        ];
        for (name, data) in secrets {
            world.secret(&format!("{own}-{name}"), &data).await;
        }
        let mut run = Self {
            lab,
            chain,
            own: own.to_owned(),
            name: own.to_owned(),
            uid: String::new(),
            spec: Value::Null,
            before: Value::Null,
            history: vec![],
            theirs: vec![],
            touched: BTreeSet::new(),
            meddled: BTreeSet::new(),
            nodes: BTreeSet::new(),
            left: BTreeSet::new(),
            stripped: false,
            told: vec![],
            began: Instant::now(),
        };
        run.create(chain.first.clone()).await?;
        run.settled().await?;
        Ok(run)
    }

    pub fn tell(&mut self, what: &str) {
        let at = self.began.elapsed().as_secs_f32();
        self.told.push(format!("{at:6.1} s  {what}"));
    }

    pub async fn take(&mut self, step: &Step) -> Result<(), Failure> {
        self.tell(&format!("{step:?}"));
        match step {
            Step::Edit(patch, waits) => {
                self.edit(patch).await;
                self.perhaps(*waits).await?;
            }
            Step::Refused(patch) => {
                if self.patch(patch).await.is_ok() {
                    return Err(format!("the apiserver takes {patch}"));
                }
            }
            Step::Back(waits) => {
                self.back().await;
                self.perhaps(*waits).await?;
            }
            Step::Replace => self.replace(self.spec.clone()).await,
            Step::Again(policy) => {
                self.leave(policy).await?;
                let spec = self.spec.clone();
                self.create(spec).await?;
                self.settled().await?;
            }
            Step::Import { by_name, renamed } => self.import(*by_name, *renamed).await?,
            Step::Kill => self.lab.kubelet.lives().kill().await,
            other => self.beside(other).await,
        }
        Ok(())
    }

    async fn perhaps(&mut self, waits: bool) -> Result<(), Failure> {
        if waits {
            self.settled().await?;
        }
        Ok(())
    }

    /// Changes the spec, if the apiserver lets it.
    pub async fn edit(&mut self, patch: &Value) {
        match self.patch(patch).await {
            Ok(()) => {}
            Err(said) => self.tell(&format!("  refused: {said}")),
        }
    }

    async fn patch(&mut self, patch: &Value) -> Result<(), String> {
        let from = Instant::now();
        let nodes = &self.lab.world.nodes;
        let patch = Patch::Merge(json!({"spec": patch}));
        let node = nodes.patch(&self.name, &PatchParams::default(), &patch).await;
        let node = node.map_err(|error| error.to_string())?;
        self.accepted(from, &node);
        Ok(())
    }

    /// The spec is again what it was before.
    async fn back(&mut self) {
        let from = Instant::now();
        let nodes = &self.lab.world.nodes;
        let whole = json!([{"op": "replace", "path": "/spec", "value": self.before}]);
        let patch = Patch::<Value>::Json(serde_json::from_value(whole).expect("a patch"));
        match nodes.patch(&self.name, &PatchParams::default(), &patch).await {
            Ok(node) => self.accepted(from, &node),
            Err(error) => self.tell(&format!("  refused: {error}")),
        }
    }

    /// The object is replaced by a file with this spec and nothing else of ours, as `kubectl replace` and others do it.
    async fn replace(&mut self, spec: Value) {
        let from = Instant::now();
        let nodes = &self.lab.world.nodes;
        let Ok(now) = nodes.get(&self.name).await else {
            return;
        };
        let mut file = manifest(&self.name, &json!({}));
        file["spec"] = spec;
        file["metadata"]["resourceVersion"] = json!(now.resource_version());
        let file: BareMetalNode = serde_json::from_value(file).expect("a node");
        match nodes.replace(&self.name, &PostParams::default(), &file).await {
            Ok(node) => {
                self.stripped = true;
                self.accepted(from, &node);
            }
            Err(error) => self.tell(&format!("  refused: {error}")),
        }
    }

    async fn create(&mut self, spec: Value) -> Result<(), Failure> {
        let from = Instant::now();
        let file = serde_json::from_value(manifest(&self.name, &spec)).expect("a node");
        let nodes = &self.lab.world.nodes;
        let node = nodes.create(&PostParams::default(), &file).await;
        let node = node.map_err(|error| format!("{} cannot be created: {error}", self.name))?;
        self.accepted(from, &node);
        Ok(())
    }

    /// The apiserver has this spec now.
    fn accepted(&mut self, from: Instant, node: &BareMetalNode) {
        let until = Some(Instant::now());
        if let Some(last) = self.history.last_mut() {
            last.until = last.until.or(until);
        }
        self.uid = node.uid().expect("a uid");
        self.nodes.insert(self.uid.clone());
        let spec = serde_json::to_value(&node.spec).expect("JSON");
        if spec != self.spec {
            self.before = std::mem::replace(&mut self.spec, spec.clone());
        }
        if self.before.is_null() {
            self.before = spec.clone();
        }
        let deleting = node.metadata.deletion_timestamp.is_some();
        let uid = self.uid.clone();
        self.history.push(Version {
            from,
            until: None,
            uid,
            spec,
            deleting,
        });
    }

    /// Deletes the object and waits until it is gone, by the way out that always works if it has to be.
    pub async fn leave(&mut self, policy: &str) -> Result<(), Failure> {
        self.edit(&json!({"deletionPolicy": policy})).await;
        let from = Instant::now();
        let nodes = &self.lab.world.nodes;
        let deleted = nodes.delete(&self.name, &DeleteParams::default()).await;
        let deleted = deleted.map_err(|error| format!("{} cannot be deleted: {error}", self.name))?;
        let at_once = deleted
            .as_ref()
            .left()
            .is_none_or(|node| node.metadata.finalizers.is_none());
        if let Some(mut node) = deleted.left() {
            node.metadata.deletion_timestamp.get_or_insert_with(|| {
                k8s_openapi::apimachinery::pkg::apis::meta::v1::Time(jiff::Timestamp::now())
            });
            self.accepted(from, &node);
        }
        if let Some(blocked) = self.gone().await? {
            self.tell(&format!("  deletion waits: {blocked}"));
            self.edit(&json!({"deletionPolicy": "Detach"})).await;
            if let Some(blocked) = self.gone().await? {
                return Err(format!("Detach does not free the object: {blocked}"));
            }
        }
        let detached = self.spec["deletionPolicy"] == "Detach" || self.spec["managementPolicy"] == "Observe";
        if detached || at_once && self.stripped {
            self.left.extend(self.nodes.iter().cloned());
        }
        Ok(())
    }

    /// Waits until the object is gone, or says that a person has to do something.
    async fn gone(&mut self) -> Result<Option<String>, Failure> {
        let nodes = &self.lab.world.nodes;
        let found = wait::until("the object to go", SETTLING, async || {
            let Some(node) = nodes.get_opt(&self.name).await? else {
                return Ok(Some(None));
            };
            let current = node.status.as_ref().and_then(|status| status.observed_generation)
                == node.metadata.generation;
            let stands =
                waits_for_others(&node).filter(|_| current && node.metadata.deletion_timestamp.is_some());
            Ok(stands.map(Some))
        });
        match found.await {
            Ok(stands) => Ok(stands),
            Err(error) => Err(format!("{error:#}: {}", self.status().await)),
        }
    }

    async fn import(&mut self, by_name: bool, renamed: bool) -> Result<(), Failure> {
        let Some(live) = self.live().await else {
            return Ok(());
        };
        self.leave("Detach").await?;
        if renamed {
            self.name = format!("{}-{}", self.own, self.history.len());
        }
        let import = if by_name {
            json!({"name": live["name"]})
        } else {
            json!({"id": live["uuid"]})
        };
        let mut spec = self.spec.clone();
        spec["import"] = import;
        json_patch::merge(&mut spec, &json!({"onEnroll": null}));
        self.create(spec).await?;
        self.settled().await.map(drop)
    }

    /// Waits until nothing moves any more, and says how the object stands.
    pub async fn settled(&mut self) -> Result<BareMetalNode, Failure> {
        let nodes = &self.lab.world.nodes;
        let found = wait::until("the object to settle", SETTLING, async || {
            let node = nodes.get(&self.name).await?;
            let current = node.status.as_ref().and_then(|status| status.observed_generation)
                == node.metadata.generation;
            let ready = condition(&node, "Ready").is_some_and(|so| so.0 == "True");
            Ok((current && (ready || waits_for_others(&node).is_some())).then_some(node))
        });
        match found.await {
            Ok(node) => {
                self.stripped &= node.metadata.finalizers.is_none();
                let id = node.status.as_ref().and_then(|status| status.id.clone());
                self.nodes.extend(id);
                let (_, why, message) = condition(&node, "Ready").unwrap_or_default();
                let said = format!("  {why}: {}", message.chars().take(160).collect::<String>());
                self.tell(&said);
                Ok(node)
            }
            Err(error) => Err(format!("{error:#}: {}", self.status().await)),
        }
    }

    async fn status(&self) -> String {
        let node = self.lab.world.nodes.get_opt(&self.name).await.ok().flatten();
        serde_json::to_string_pretty(&node.map(|node| node.status)).expect("JSON")
    }

    /// The node as Ironic has it.
    pub async fn live(&self) -> Option<Value> {
        self.lab.world.live(&self.name).await
    }
}

/// What the object says that it waits for, if it needs a person or another object.
fn waits_for_others(node: &BareMetalNode) -> Option<String> {
    let so = |kind| condition(node, kind).filter(|so| so.0 == "True");
    let stalled = so("Stalled");
    let waiting = so("Reconciling").filter(|so| WAITS.contains(&so.1));
    stalled
        .or(waiting)
        .map(|(_, why, message)| format!("{why}: {message}"))
}

/// How long a chain takes at most, beside others on a busy machine.
pub const CHAIN_LIMIT: Duration = Duration::from_mins(10);
