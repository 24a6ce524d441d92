//! After every test: nothing that the operator has told anybody holds a secret that the test used.
//!
//! Every [`World`](crate::harness::World) has a watch on the Secrets of its namespace from its first moment to its end, so
//! that no test can forget to name one, and whatever it did with them: each version counts. Its end looks into the logs of
//! its operators, the objects (all but what users wrote), the Events, the metrics and the answers of the probes.

#![cfg(test)]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock, Mutex, mpsc};
use std::time::Duration;

use anyhow::{Context, Result};
use futures::StreamExt;
use ironwright::api::{BareMetalCloud, BareMetalNode};
use k8s_openapi::api::core::v1::Secret;
use k8s_openapi::api::events::v1::Event;
use kube::api::ListParams;
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::runtime::{WatchStreamExt, watcher};
use kube::{Api, Client, Config};
use serde_json::Value;
use tokio::runtime::Runtime;
use tokio::task::JoinHandle;

use crate::needles::Needles;

/// Of no test: a test that ends has none to wait with.
static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| {
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    runtime.worker_threads(1).enable_all().build().expect("a runtime")
});

/// Tokens that Keystone gave, to whichever test.
static TOKENS: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());

/// Longest look at what was told.
const LIMIT: Duration = Duration::from_secs(30);

/// Longest answer of an operator that may be paused.
const ANSWER: Duration = Duration::from_secs(2);

/// What must not be told, of one test.
pub struct Leaks {
    namespace: String,
    kubeconfig: PathBuf,
    needles: Arc<Mutex<Needles>>,
    watch: JoinHandle<()>,
}

/// Where an operator may have told something.
pub struct Places {
    /// Log files.
    pub logs: Vec<PathBuf>,
    /// Operators that live, such as `http://127.0.0.1:23456`.
    pub endpoints: Vec<String>,
}

/// A token that must not be told by any operator.
pub fn never_tell(token: &str) {
    TOKENS.lock().expect("no panic").insert(token.to_owned());
}

impl Leaks {
    /// Learns the secrets of a namespace from now on.
    pub fn of(kubeconfig: &Path, namespace: &str) -> Self {
        let needles = Arc::<Mutex<Needles>>::default();
        let learn = learn(kubeconfig.to_owned(), namespace.to_owned(), Arc::clone(&needles));
        Self {
            namespace: namespace.to_owned(),
            kubeconfig: kubeconfig.to_owned(),
            needles,
            watch: RUNTIME.spawn(learn),
        }
    }

    /// A Secret as it is about to be written: the watch may come too late for one that does not live long.
    pub fn learn(&self, secret: &Value) {
        let mut needles = self.needles.lock().expect("no panic");
        for (key, value) in secret["stringData"].as_object().into_iter().flatten() {
            needles.add(key, value.as_str().unwrap_or_default());
        }
    }

    /// The tokens of a kubeconfig: an operator's own.
    pub fn learn_kubeconfig(&self, kubeconfig: &Path) {
        let file = std::fs::read_to_string(kubeconfig).expect("a kubeconfig");
        self.needles.lock().expect("no panic").add("kubeconfig", &file);
    }

    /// What was told where it should not; empty if nothing was.
    pub fn found(&self, places: Places) -> Vec<String> {
        let (namespace, kubeconfig) = (self.namespace.clone(), self.kubeconfig.clone());
        let needles = Arc::clone(&self.needles);
        let (sender, receiver) = mpsc::channel();
        RUNTIME.spawn(async move {
            let told = told(&kubeconfig, &namespace, &needles, places).await;
            let found = told.map(|told| search(&told, &needles.lock().expect("no panic")));
            // Nobody waits any more.
            let _ = sender.send(found);
        });
        let found = receiver.recv_timeout(LIMIT).expect("the look comes to an end");
        found.expect("what was told can be read")
    }
}

impl Drop for Leaks {
    fn drop(&mut self) {
        self.watch.abort();
    }
}

/// Enters every version of every Secret of the namespace, as long as it is let.
async fn learn(kubeconfig: PathBuf, namespace: String, needles: Arc<Mutex<Needles>>) {
    let Ok(client) = client(&kubeconfig).await else {
        return;
    };
    let secrets = Api::<Secret>::namespaced(client, &namespace);
    let events = watcher(secrets, watcher::Config::default()).default_backoff();
    let mut seen = std::pin::pin!(events.touched_objects());
    while let Some(secret) = seen.next().await {
        // A watch that breaks, because the apiserver does, is begun again.
        if let Ok(secret) = secret {
            enter(&secret, &mut needles.lock().expect("no panic"));
        }
    }
}

fn enter(secret: &Secret, needles: &mut Needles) {
    for (key, value) in secret.data.iter().flatten() {
        match std::str::from_utf8(&value.0) {
            Ok(text) => needles.add(key, text),
            Err(_) => needles.add_bytes(&value.0),
        }
    }
}

/// Everything that was told: place and text.
async fn told(
    kubeconfig: &Path,
    namespace: &str,
    needles: &Mutex<Needles>,
    places: Places,
) -> Result<Vec<(String, String)>> {
    let mut told = Vec::new();
    for log in places.logs {
        let text = std::fs::read(&log).with_context(|| format!("cannot read {}", log.display()))?;
        let text = String::from_utf8_lossy(&text).into_owned();
        told.push((format!("the log {}", log.display()), text));
    }
    let http = reqwest::Client::builder().no_proxy().timeout(ANSWER).build()?;
    for endpoint in places.endpoints {
        for path in ["/metrics", "/readyz", "/healthz"] {
            // It may be paused, or die at this very moment.
            let Ok(answer) = http.get(format!("{endpoint}{path}")).send().await else {
                continue;
            };
            told.push((path.to_owned(), answer.text().await.unwrap_or_default()));
        }
    }
    // An apiserver that the test has stopped has nothing to tell.
    if let Ok(client) = client(kubeconfig).await {
        told.extend(stored(client, namespace, needles).await.unwrap_or_default());
    }
    Ok(told)
}

/// What is stored in Kubernetes, but for what users wrote. Their Secrets, and the passwords in their specs, are entered.
async fn stored(client: Client, namespace: &str, needles: &Mutex<Needles>) -> Result<Vec<(String, String)>> {
    let all = ListParams::default();
    let secrets = Api::<Secret>::namespaced(client.clone(), namespace);
    for secret in secrets.list(&all).await? {
        enter(&secret, &mut needles.lock().expect("no panic"));
    }
    let mut told = Vec::new();
    for node in Api::<BareMetalNode>::namespaced(client.clone(), namespace)
        .list(&all)
        .await?
    {
        let node = serde_json::to_value(&node)?;
        needles
            .lock()
            .expect("no panic")
            .add("driverInfo", &node["spec"]["driverInfo"].to_string());
        told.push(("the status of a node".to_owned(), node["status"].to_string()));
    }
    let clouds = Api::<BareMetalCloud>::namespaced(client.clone(), namespace);
    for cloud in clouds.list(&all).await? {
        let status = serde_json::to_string(&cloud.status)?;
        told.push(("the status of a cloud".to_owned(), status));
    }
    let events = Api::<Event>::namespaced(client, namespace).list(&all).await?;
    told.push(("Events".to_owned(), serde_json::to_string(&events.items)?));
    Ok(told)
}

fn search(told: &[(String, String)], needles: &Needles) -> Vec<String> {
    let mut needles = needles.clone();
    for token in TOKENS.lock().expect("no panic").iter() {
        needles.add("token", token);
    }
    let found = told.iter().flat_map(|(place, text)| {
        let found = needles.found_in(text).into_iter();
        found.map(move |(secret, around)| format!("{place} holds the secret {secret:?}: {around:?}"))
    });
    found.collect()
}

async fn client(kubeconfig: &Path) -> Result<Client> {
    let file = Kubeconfig::read_from(kubeconfig)?;
    let config = Config::from_custom_kubeconfig(file, &KubeConfigOptions::default()).await?;
    Ok(Client::try_from(config)?)
}

/// The proof that the search finds something: a password that is also the name of the machine, which every place tells.
#[tokio::test]
async fn a_secret_that_is_told_is_found_wherever_that_is() {
    let secret = "told-5c07aa";
    let mut world = crate::harness::World::new("leaks-told").await;
    world.apply_node(secret, &serde_json::json!({})).await;
    world.ready(secret, "Enrolled").await;
    assert_eq!(world.told_secrets(), Vec::<String>::new());
    let password = serde_json::json!({"redfish_password": secret});
    world.secret("bmc", &password).await;
    let told = world.told_secrets();
    for place in ["the log", "the status of a node", "Events"] {
        assert!(told.iter().any(|told| told.contains(place)), "{place}: {told:#?}");
    }
    world.leaks = Leaks::of(world.stack.control_plane.kubeconfig(), "nobody");
}
