//! A bad neighbourhood: one namespace full of what spoils lists, fills memory and hangs, beside one in which work goes on as if it were
//! alone, also after a restart of the operator.
//!
//! It has a control plane of its own, since nobody else could list its objects. What clouds can do (hang, stream without end, lie) has
//! its place here as well: a phase of its own between `fill` and `restart`.

#![cfg(test)]

use std::time::{Duration, Instant};

use futures::{StreamExt, stream};
use ironwright_stack::proxy::Entry;
use ironwright_stack::{Operator, wait};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::Client;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use crate::harness::{LIMIT, World, manifest, stack};
use crate::stage::heavy;

/// An edit acts within 2 s; the rest is for a busy machine.
const SOON: Duration = Duration::from_secs(20);

/// What the operator may take, far below the limit that the chart gives it.
const MEMORY_MIB: f64 = 128.0;

/// Levels of JSON: more than a parser takes around which a page has begun already.
const DEEP: usize = 140;

const LARGE: usize = 300;
const LARGE_BYTES: usize = 900_000;

/// Half-sent requests to the endpoints.
const HALF_SENT: usize = 1500;

/// What is read of an object, however deep the rest of it is: what a parser passes over has no limit.
#[derive(Deserialize)]
struct Outline {
    metadata: OutlineMeta,
    #[serde(default)]
    status: OutlineStatus,
}

#[derive(Deserialize)]
struct OutlineMeta {
    generation: Option<i64>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct OutlineStatus {
    observed_generation: Option<i64>,
    id: Option<String>,
    #[serde(default)]
    conditions: Vec<Condition>,
}

impl Outline {
    /// Whether it says, of its current generation, that it cannot be used.
    fn is_refused(&self) -> bool {
        let is = |kind: &str, status: &str| {
            let mut conditions = self.status.conditions.iter();
            conditions.any(|one| one.type_ == kind && one.status == status && one.reason == "InvalidSpec")
        };
        self.status.observed_generation == self.metadata.generation
            && is("Ready", "False")
            && is("Stalled", "True")
            && is("Reconciling", "False")
    }

    fn message(&self) -> &str {
        let ready = self.status.conditions.iter().find(|one| one.type_ == "Ready");
        ready.map(|one| one.message.as_str()).unwrap_or_default()
    }
}

/// One request with a text as its body, which no parser of ours has seen.
async fn raw(client: &Client, method: &str, path: &str, body: &str) -> kube::Result<String> {
    let kind = if method == "PATCH" {
        "application/merge-patch+json"
    } else {
        "application/json"
    };
    let request = http::Request::builder()
        .method(method)
        .uri(path)
        .header("content-type", kind);
    client
        .request_text(request.body(body.as_bytes().to_vec()).unwrap())
        .await
}

fn nodes_of(namespace: &str) -> String {
    format!("/apis/ironwright.dev/v1alpha1/namespaces/{namespace}/baremetalnodes")
}

async fn outline(world: &World, name: &str) -> Option<Outline> {
    let path = format!("{}/{name}", nodes_of(&world.namespace));
    match raw(&world.client, "GET", &path, "").await {
        Ok(text) => Some(serde_json::from_str(&text).unwrap()),
        Err(kube::Error::Api(status)) if status.is_not_found() => None,
        Err(error) => panic!("{error}"),
    }
}

async fn refused(world: &World, name: &str, words: &str) -> Outline {
    let found = wait::until("it says that it cannot be used", LIMIT, async || {
        let outline = outline(world, name).await.unwrap();
        Ok((outline.is_refused() && outline.message().contains(words)).then_some(outline))
    });
    match found.await {
        Ok(outline) => outline,
        Err(error) => panic!(
            "{name}: {error:#}: {:?}",
            outline(world, name).await.unwrap().status.conditions
        ),
    }
}

/// So many levels, in the form of `fieldsV1`.
fn deep(levels: usize) -> Value {
    (0..levels).fold(json!({}), |inner, _| json!({ "f:a": inner }))
}

/// The bad namespace's objects.
async fn fill(world: &World) {
    let nodes = nodes_of(&world.namespace);
    for index in 0..5 {
        let node = manifest(&format!("deep-{index}"), &json!({"properties": deep(DEEP)}));
        raw(&world.client, "POST", &nodes, &node.to_string())
            .await
            .unwrap();
    }
    let secrets = format!("/api/v1/namespaces/{}/secrets", world.namespace);
    for index in 0..3 {
        let data = json!({"a": "x".repeat(1024 * 1024 - 100)});
        let secret = json!({"metadata": {"name": format!("large-{index}")}, "stringData": data});
        raw(&world.client, "POST", &secrets, &secret.to_string())
            .await
            .unwrap();
    }
    let fields = json!([{
        "manager": "neighbour", "operation": "Update", "apiVersion": "v1", "fieldsType": "FieldsV1", "time": "2026-01-01T00:00:00Z",
        "fieldsV1": {"f:data": deep(DEEP)},
    }]);
    let secret = json!({"metadata": {"name": "deep", "managedFields": fields}, "stringData": {"a": "x"}});
    let stored = raw(&world.client, "POST", &secrets, &secret.to_string())
        .await
        .unwrap();
    assert!(
        stored.contains(&"{\"f:a\":".repeat(DEEP - 10)),
        "the apiserver keeps it: {stored}"
    );
    let large = stream::iter(0..LARGE).map(async |index| {
        let node = manifest(
            &format!("large-{index}"),
            &json!({"extra": {"a": "x".repeat(LARGE_BYTES)}}),
        );
        raw(&world.client, "POST", &nodes, &node.to_string())
            .await
            .unwrap();
    });
    large.buffer_unordered(4).collect::<Vec<_>>().await;
}

/// An edit of the healthy node reaches Ironic soon.
async fn acts(world: &World, words: &str) {
    world.edit("a", &json!({"description": words})).await;
    let began = Instant::now();
    let patched = |entry: &Entry| {
        entry.seen.method == "PATCH" && String::from_utf8_lossy(&entry.seen.body).contains(words)
    };
    wait::until("the edit in Ironic", LIMIT, async || {
        Ok(world.proxy.log().iter().any(patched).then_some(()))
    })
    .await
    .unwrap_or_else(|error| panic!("{words}: {error:#}\n{}", world.operator().process().log_tail(30)));
    assert!(began.elapsed() < SOON, "{words}: {:?}", began.elapsed());
    let memory = world.operator().rss_mib().unwrap();
    assert!(memory < MEMORY_MIB, "{words}: {memory} MiB");
}

/// An operator of all namespaces, whose Lease is in the good one.
async fn operate(world: &mut World) {
    let mut options = world.operator_options().await.unwrap();
    options.args.clear();
    world.operator = Some(Operator::start(&world.stack.run, &options).await.unwrap());
}

/// An object that was in order and is not any more: it stops being Ready, does nothing when it is deleted, and goes as it is told.
async fn spoilt(world: &World) {
    world.ready("spoilt", "Enrolled").await;
    let id = outline(world, "spoilt").await.unwrap().status.id.unwrap();
    let path = format!("{}/spoilt", nodes_of(&world.namespace));
    let nested = json!({"spec": {"properties": deep(DEEP)}});
    raw(&world.client, "PATCH", &path, &nested.to_string())
        .await
        .unwrap();
    let told = refused(world, "spoilt", "spec.properties nests deeper than 32 levels").await;
    assert_eq!(told.status.id.as_ref(), Some(&id), "the journal stays");
    raw(&world.client, "DELETE", &path, "").await.unwrap();
    refused(world, "spoilt", "set deletionPolicy to Detach").await;
    let before = world.mutations();
    let detach = json!({"spec": {"deletionPolicy": "Detach"}});
    raw(&world.client, "PATCH", &path, &detach.to_string())
        .await
        .unwrap();
    wait::until("the object goes", LIMIT, async || {
        Ok(outline(world, "spoilt").await.is_none().then_some(()))
    })
    .await
    .unwrap();
    assert_eq!(world.mutations(), before, "nothing is written to Ironic");
    assert!(world.live_by_id(&id).await.is_some());
}

/// Connections that never finish a request neither stay nor keep a probe out.
async fn half_sent(world: &World) {
    let address = world.operator().endpoint().replace("http://", "");
    let mut connections = Vec::new();
    for index in 0..HALF_SENT {
        let mut stream = TcpStream::connect(&address).await.unwrap();
        stream
            .write_all(b"GET /metrics HTTP/1.1\r\nHost: x")
            .await
            .unwrap();
        connections.push(stream);
        if index % 500 == 499 {
            assert!(world.operator().is_ready().await);
            assert!(world.operator().get("/healthz").await.is_ok());
        }
    }
    let memory = world.operator().rss_mib().unwrap();
    assert!(memory < MEMORY_MIB, "{memory} MiB");
}

/// One tenant's clouds take neither everybody's memory nor everybody's time.
async fn crowd(good: &World, bad: &World) {
    bad.crowd().await;
    for round in 0..10 {
        acts(good, &format!("in a crowd, {round}")).await;
        good.probes_soon().await;
    }
    bad.crowd_is_told().await;
    acts(good, "in a crowd, at last").await;
    eprintln!("in a crowd: {:?} MiB", good.operator().rss_mib());
}

#[tokio::test]
async fn nobody_is_stopped_by_a_bad_neighbour() {
    let _heavy = heavy().await;
    let own = stack().await.with_own_control_plane().await.unwrap();
    let ironic = own.ironic.endpoint();
    let mut good = World::before(&own, &ironic, "good-neighbour").await;
    let bad = World::before(&own, &ironic, "bad-neighbour").await;
    good.apply(&good.lab()).await.unwrap();
    good.apply_node("a", &json!({"description": "at first"})).await;
    operate(&mut good).await;
    good.ready("a", "Enrolled").await;
    bad.apply(&bad.lab()).await.unwrap();
    bad.apply_node("spoilt", &json!({})).await;
    acts(&good, "before").await;

    let filled = fill(&bad);
    tokio::pin!(filled);
    for round in 0.. {
        let words = format!("while it is filled, {round}");
        tokio::select! {
            biased;
            () = &mut filled => break,
            () = acts(&good, &words) => {}
        }
    }
    acts(&good, "beside it").await;
    refused(&bad, "deep-0", "spec.properties nests deeper than 32 levels").await;
    refused(&bad, "large-299", "spec.extra takes more than 64 KiB").await;
    spoilt(&bad).await;
    half_sent(&good).await;
    crowd(&good, &bad).await;

    good.operator().stop().await;
    operate(&mut good).await;
    acts(&good, "after a restart").await;
    refused(&bad, "deep-4", "spec.properties nests deeper than 32 levels").await;
    acts(&good, "at last").await;
    let log = std::fs::read_to_string(good.operator().process().log()).unwrap();
    assert!(!log.contains(&"x".repeat(100)), "no body is in the log");
    assert!(log.contains("object cannot be used") && log.contains("deep-0"));
}
