//! The apiserver is away, or too busy, in mid-deploy.

#![cfg(test)]

use std::sync::Arc;
use std::time::{Duration, Instant};

use ironwright_stack::proxy::{Action, Answer, Proxy};
use ironwright_stack::wait;
use serde_json::json;

use crate::harness::{LIMIT, World, active, stack, status};
use crate::kubelet::Kubelet;
use crate::stage::Stack;

/// How long the apiserver is too busy: less than the 10 s after which the operator gives the Lease up.
const BUSY: Duration = Duration::from_secs(6);

/// Requests to an apiserver that refuses them all, at most, in a second: three watches, the Lease and the status of a node come
/// back again and again, each no more often than an apiserver says that is too busy (`Retry-After: 1`).
const PATIENT: usize = 5;

/// A world whose operator is at the apiserver through a proxy, is started again when it ends, and is deploying the node `a`.
struct Scene {
    world: World,
    apiserver: Proxy,
    kubelet: Kubelet,
    id: String,
}

impl Scene {
    async fn new(stack: &Stack, name: &str) -> Self {
        let world = World::before(stack, &stack.ironic.endpoint(), name).await;
        world.apply(&world.lab()).await.expect("the cloud is accepted");
        let plane = &stack.control_plane;
        let apiserver = plane.proxy().await.expect("a proxy");
        let mut options = world.operator_options().await.expect("the options");
        options.kubeconfig = plane
            .kubeconfig_through(&apiserver, &options.kubeconfig)
            .expect("a kubeconfig");
        let kubelet = Kubelet::start(Arc::clone(&stack.run), options);
        let mut spec = active("http://images.example/one.qcow2");
        spec["interfaces"] = json!({"deploy": "testkit"});
        spec["extra"] = json!({"testkit": {"deploy_delay": 3}});
        world.apply_node("a", &spec).await;
        let node = world
            .wait("a", "it is seen deploying", |node| {
                let status = node.status.as_ref();
                status.and_then(|status| status.provision_state.as_deref()) == Some("deploying")
            })
            .await;
        let id = status(&node).id.clone().unwrap();
        assert_eq!(
            world.live_by_id(&id).await.unwrap()["provision_state"],
            "deploying",
            "struck in mid-deploy"
        );
        Self {
            world,
            apiserver,
            kubelet,
            id,
        }
    }

    /// All arrives, nothing was repeated, and the operator still hears of changes.
    async fn arrives(&self) {
        self.world.ready("a", "Deployed").await;
        self.world
            .apply_node("b", &json!({"provision": {"state": "available"}}))
            .await;
        self.world.ready("b", "Available").await;
        let verbs = self.world.verbs_of(&self.id);
        assert_eq!(verbs, ["manage", "provide", "active"]);
        self.world.assert_no_verb_repeated();
    }
}

#[tokio::test]
async fn a_restart_of_the_apiserver_in_mid_deploy_repeats_nothing() {
    let stack = stack()
        .await
        .with_own_control_plane()
        .await
        .expect("a control plane");
    let scene = Scene::new(&stack, "apiserver-restarted").await;
    scene.apiserver.clear_log();
    let began = Instant::now();
    stack
        .control_plane
        .restart_apiserver()
        .await
        .expect("the apiserver comes back");
    let away = began.elapsed();
    let asked = scene.apiserver.log().len();
    let most = PATIENT * usize::try_from(away.as_secs() + 1).unwrap();
    assert!(asked <= most, "{asked} requests within {away:?}");
    scene.arrives().await;
}

#[tokio::test]
async fn an_apiserver_that_is_too_busy_for_a_while_is_asked_patiently() {
    let scene = Scene::new(stack().await, "apiserver-busy").await;
    scene.apiserver.clear_log();
    let rule = scene.apiserver.when_request(|_| true).then(too_busy());
    // That is the fault: as long as this, and no longer.
    tokio::time::sleep(BUSY).await;
    let refused = scene.apiserver.log().len();
    scene.apiserver.remove(rule);
    let most = PATIENT * usize::try_from(BUSY.as_secs()).unwrap();
    assert!(
        (3..=most).contains(&refused),
        "{refused} requests within {BUSY:?}"
    );
    scene.arrives().await;
    assert_eq!(
        scene.kubelet.lives().begun(),
        1,
        "the operator has lived through it"
    );
}

#[tokio::test]
async fn an_operator_that_cannot_renew_its_lease_ends_and_the_next_goes_on() {
    let scene = Scene::new(stack().await, "apiserver-lease").await;
    let is_lease = |seen: &ironwright_stack::proxy::Seen| seen.path.contains("/leases");
    let rule = scene.apiserver.when_request(is_lease).then(too_busy());
    let lives = scene.kubelet.lives().clone();
    wait::until("the operator ends", LIMIT, async || {
        Ok((lives.begun() > 1).then_some(()))
    })
    .await
    .unwrap();
    scene.apiserver.remove(rule);
    scene.arrives().await;
    assert_eq!(lives.begun(), 2, "the second stays");
}

/// What API priority and fairness says.
fn too_busy() -> Action {
    Action::Answer(Answer {
        status: 429,
        headers: vec![
            ("Content-Type".to_owned(), "text/plain".to_owned()),
            ("Retry-After".to_owned(), "1".to_owned()),
        ],
        body: "Too many requests, please try again later.".into(),
    })
}
