//! What the tests of life cycles ask of a world beside the harness: the cloud, the operator's end and new start, and what was
//! sent, node by node.

#![cfg(test)]

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use ironwright::api::{BareMetalCloud, BareMetalNode};
use ironwright_stack::proxy::{Action, Callback, Entry, Seen};
use ironwright_stack::wait;
use kube::api::{DeleteParams, Patch, PatchParams};
use serde_json::{Value, json};

use crate::harness::{LIMIT, World, stack};

/// Acting "within a second": measured from the answer of the apiserver.
pub const PROMPT: Duration = Duration::from_secs(1);

/// The API version that our own requests past the operator speak.
const API_VERSION: &str = "1.95";

/// A verb that was sent to a node, and how it was answered (none: the connection was closed).
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Sent {
    /// The node.
    pub id: String,
    /// The verb.
    pub verb: String,
    /// The answer.
    pub status: Option<u16>,
}

/// What a node's object said at the moment of a request.
pub type Witnessed = Arc<Mutex<Vec<(String, Option<String>)>>>;

impl World {
    /// A world whose cloud is looked at so often, in seconds while nothing moves. There is one sweep, at the start.
    pub async fn quiet(name: &str, seconds: u32) -> Self {
        Self::empty(name).await.quietly(seconds).await
    }

    /// The same with an Ironic of its own, for more nodes than others should have to list.
    pub async fn quiet_apart(name: &str, seconds: u32) -> Self {
        let stack = stack().await.with_own_ironic(name).await.expect("an Ironic");
        let world = Self::before(&stack, &stack.ironic.endpoint(), name).await;
        world.quietly(seconds).await
    }

    async fn quietly(self, seconds: u32) -> Self {
        let mut world = self;
        let mut lab = world.lab();
        lab["spec"]["intervals"] = json!({"quietSeconds": seconds, "sweepSeconds": 3600});
        world.apply(&lab).await.expect("the cloud is accepted");
        world.start_operator().await;
        world
    }

    /// Changes the cloud by a merge patch of the whole object.
    pub async fn edit_cloud(&self, patch: Value) {
        self.clouds
            .patch("lab", &PatchParams::default(), &Patch::Merge(patch))
            .await
            .expect("the edit is accepted");
    }

    /// Waits until a condition of the cloud is so.
    pub async fn cloud_is(&self, kind: &str, status: &str, reason: &str) -> BareMetalCloud {
        let what = format!("the cloud is {kind}={status} {reason}");
        let found = wait::until(&what, LIMIT, async || {
            let cloud = self.clouds.get("lab").await?;
            let conditions = cloud.status.iter().flat_map(|status| &status.conditions);
            let so = conditions.clone().any(|condition| {
                condition.type_ == kind && condition.status == status && condition.reason == reason
            });
            Ok(so.then_some(cloud))
        });
        match found.await {
            Ok(cloud) => cloud,
            Err(error) => panic!("{error:#}: {:#?}", self.clouds.get("lab").await),
        }
    }

    /// Waits until so many more lists of nodes were asked for: what was to happen has happened by then.
    pub async fn lists(&self, more: usize) {
        let so_far = self.proxy.count("GET", "/v1/nodes");
        self.proxy
            .wait_for("GET", "/v1/nodes", so_far + more, LIMIT)
            .await
            .expect("the operator goes on looking");
    }

    /// Applies many nodes of one kind at once.
    pub async fn apply_nodes(&self, names: &[String], spec: &Value) {
        let all = names.iter().map(|name| self.apply_node(name, spec));
        futures::future::join_all(all).await;
    }

    /// Waits until all nodes are `Ready` for this reason.
    pub async fn all_ready(&self, names: &[String], reason: &str) -> Vec<BareMetalNode> {
        futures::future::join_all(names.iter().map(|name| self.ready(name, reason))).await
    }

    /// Deletes the cloud's object.
    pub async fn delete_cloud(&self) {
        self.clouds
            .delete("lab", &DeleteParams::default())
            .await
            .expect("the deletion is accepted");
    }

    /// The verbs sent through the proxy, in order.
    pub fn verbs(&self) -> Vec<Sent> {
        self.proxy.log().iter().filter_map(verb).collect()
    }

    /// The verbs sent to one node, in order.
    pub fn verbs_of(&self, id: &str) -> Vec<String> {
        let sent = self.verbs().into_iter().filter(|sent| sent.id == id);
        sent.map(|sent| sent.verb).collect()
    }

    /// Ironic's request counts by node: what names it in its path, and its POST.
    pub fn requests_by_node(&self) -> BTreeMap<String, usize> {
        let mut counts = BTreeMap::new();
        for id in self.proxy.log().iter().filter_map(node_of) {
            *counts.entry(id).or_default() += 1;
        }
        counts
    }

    /// No node was sent the same verb twice, unless the first went unanswered.
    pub fn assert_no_verb_repeated(&self) {
        let verbs = self.verbs();
        for (index, sent) in verbs.iter().enumerate() {
            let mut earlier = verbs.iter().take(index);
            let repeated = earlier
                .any(|other| (&other.id, &other.verb) == (&sent.id, &sent.verb) && other.status.is_some());
            assert!(
                !repeated,
                "{sent:?} was sent again: {:?}",
                self.verbs_of(&sent.id)
            );
        }
    }

    /// From now on told for every request that `wanted` picks what intent the node's object has stored at that moment.
    pub fn witness_intent(
        &self,
        name: &str,
        wanted: impl Fn(&Seen) -> bool + Send + Sync + 'static,
    ) -> Witnessed {
        let witnessed = Witnessed::default();
        let (nodes, name, told) = (self.nodes.clone(), name.to_owned(), Arc::clone(&witnessed));
        self.proxy
            .when_request(wanted)
            .then(Action::CallBefore(Callback::new(move |entry: Entry| {
                let (nodes, name, told) = (nodes.clone(), name.clone(), Arc::clone(&told));
                async move {
                    let object = nodes.get(&name).await;
                    let status = object.ok().and_then(|object| object.status);
                    let intent = status.and_then(|status| status.intent).map(|intent| intent.verb);
                    let asked = target(&entry.seen).unwrap_or(entry.seen.method);
                    told.lock().expect("no panic").push((asked, intent));
                }
            })));
        witnessed
    }

    /// When the first request that `wanted` picks came, after that moment.
    pub async fn took(&self, since: Instant, wanted: impl Fn(&Entry) -> bool) -> Duration {
        let found = wait::until("the request", LIMIT, async || {
            let log = self.proxy.log();
            let first = log.iter().find(|entry| entry.at >= since && wanted(entry));
            Ok(first.map(|entry| entry.at.duration_since(since)))
        });
        found.await.expect("the request comes")
    }

    /// Stops the operator by SIGTERM, or kills it, and starts it again.
    pub async fn restart_operator(&mut self, kill: bool) {
        let operator = self.operator.take().expect("an operator is running");
        if kill {
            operator.kill().await;
        } else {
            let status = operator.stop().await;
            assert!(status.success(), "the operator ended with {status}");
        }
        drop(operator);
        self.start_operator().await;
    }

    /// Runs a script of somebody else's, with openstacksdk set up for Ironic; it must succeed.
    pub async fn python(&self, script: &str, arguments: &[&str]) {
        let output = self
            .stack
            .ironic
            .python(script, arguments)
            .await
            .expect("Python runs");
        assert!(
            output.status.success(),
            "the script failed: {}",
            String::from_utf8_lossy(&output.stderr)
        );
    }

    /// Changes the rows of Ironic's database behind its back.
    pub async fn sql(&self, statement: &str) {
        self.stack
            .ironic
            .sql(statement)
            .await
            .expect("the rows are changed");
    }

    /// The same but for the marks that were released: that is the last word about a node that is let go, and changes nothing else.
    pub fn writes(&self) -> Vec<String> {
        let all = self.mutations().into_iter();
        all.filter(|sent| !sent.ends_with(RELEASES)).collect()
    }

    /// Waits until Ironic has the node, asked past the operator, so.
    pub async fn live_is(&self, id: &str, what: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        wait::until(what, LIMIT, async || {
            let live = self.live_by_id(id).await;
            Ok(live.filter(&wanted))
        })
        .await
        .expect("the node gets there")
    }
}

/// Ends the description of a request that releases a mark.
const RELEASES: &str = ", which releases the mark";

/// A request and its answer, in a line.
pub fn describe(entry: &Entry) -> String {
    let body: Value = serde_json::from_slice(&entry.seen.body).unwrap_or_default();
    let target = body["target"]
        .as_str()
        .map(|target| format!(" {target}"))
        .unwrap_or_default();
    let status = entry
        .status
        .map_or_else(|| "-".to_owned(), |status| status.to_string());
    let releases = if body.pointer("/0/value/released") == Some(&Value::Bool(true)) {
        RELEASES
    } else {
        ""
    };
    format!(
        "{} {}{target} -> {status}{releases}",
        entry.seen.method, entry.seen.path
    )
}

/// A request of somebody else's that a rule of the proxy makes before it passes the operator's request on.
pub fn faster(url: String, method: &'static str, body: Value) -> Action {
    Action::CallBefore(Callback::new(move |_| {
        let (url, body) = (url.clone(), body.clone());
        async move {
            let request = reqwest::Client::new()
                .request(method.parse().expect("a method"), url)
                .header("X-OpenStack-Ironic-API-Version", API_VERSION)
                .json(&body);
            let answer = request.send().await.expect("Ironic answers");
            assert!(
                answer.status().is_success(),
                "somebody else is refused: {answer:?}"
            );
        }
    }))
}

/// The verb of a request.
pub fn target(seen: &Seen) -> Option<String> {
    if seen.method != "PUT" || !seen.path.ends_with("/states/provision") {
        return None;
    }
    let body: Value = serde_json::from_slice(&seen.body).ok()?;
    Some(body["target"].as_str()?.to_owned())
}

fn verb(entry: &Entry) -> Option<Sent> {
    let verb = target(&entry.seen)?;
    let id = entry.seen.path.split('/').nth(3)?.to_owned();
    Some(Sent {
        id,
        verb,
        status: entry.status,
    })
}

/// The node that a request is about.
pub fn node_of(entry: &Entry) -> Option<String> {
    if (entry.seen.method.as_str(), entry.seen.path.as_str()) == ("POST", "/v1/nodes") {
        let body: Value = serde_json::from_slice(&entry.seen.body).ok()?;
        return Some(body["uuid"].as_str()?.to_owned());
    }
    let mut segments = entry.seen.path.trim_start_matches('/').split('/');
    let is_node = segments.next() == Some("v1") && segments.next() == Some("nodes");
    is_node.then(|| segments.next().map(str::to_owned))?
}

/// So many names: `n00`, `n01`, ….
pub fn names(count: usize) -> Vec<String> {
    (0..count).map(|number| format!("n{number:02}")).collect()
}
