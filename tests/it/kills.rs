//! The operator is killed at every kind of change it asks of Ironic: before it hears the answer, and right after. Whatever it
//! did not live to write down, nothing is done twice and nothing is left undone.

#![cfg(test)]

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use ironwright::api::BareMetalNode;
use ironwright::domain::node::rules::Step;
use ironwright::ironic::client::{ROUTES, Route, routes};
use ironwright_stack::proxy::{Action, Answer, Callback, Entry, RuleId, Seen};
use serde_json::{Value, json};

use crate::harness::{World, active, status};
use crate::kubelet::Kubelet;
use crate::probe::{node_of, target};

const IMAGE: &str = "http://images.example/one.qcow2";

/// The mutating routes that the operator uses: of the client's others it has no use, which the end of every test makes sure of.
const USED: &[&Route] = &[
    &routes::NODE_CREATE,
    &routes::NODE_PATCH,
    &routes::NODE_DELETE,
    &routes::NODE_PROVISION,
    &routes::NODE_POWER,
    &routes::NODE_MAINTENANCE_SET,
    &routes::NODE_MAINTENANCE_CLEAR,
    &routes::NODE_TRAIT_ADD,
    &routes::NODE_TRAIT_REMOVE,
];

/// A route that the operator is not known to use, though it changes something.
pub fn unknown(seen: &Seen) -> Option<&'static Route> {
    route(seen).filter(|route| route.mutating && !USED.contains(route))
}

/// The route of the client's table that a request takes.
fn route(seen: &Seen) -> Option<&'static Route> {
    let path: Vec<_> = seen.path.trim_matches('/').split('/').collect();
    let fits = |route: &Route| {
        let template: Vec<_> = route.template.trim_matches('/').split('/').collect();
        let same = |(wanted, found): (&&str, &&str)| wanted.starts_with('{') || wanted == found;
        route.method.as_str() == seen.method
            && template.len() == path.len()
            && template.iter().zip(&path).all(same)
    };
    ROUTES.iter().copied().find(|route| fits(route))
}

/// The step that a request takes; none: it only reads.
fn step(seen: &Seen) -> Option<Step> {
    let body: Value = serde_json::from_slice(&seen.body).unwrap_or_default();
    let last = seen.path.split('/').skip(4).collect::<Vec<_>>().join("/");
    Some(match (seen.method.as_str(), last.as_str()) {
        ("GET", _) => return None,
        ("POST", "") => Step::Create,
        ("DELETE", "") => Step::Delete,
        ("PATCH", "") => patch(&body),
        ("PUT", "maintenance") => Step::EnterMaintenance,
        ("DELETE", "maintenance") => Step::LeaveMaintenance,
        ("PUT", "states/power") if body["target"] == "power on" => Step::PowerOn,
        ("PUT", "states/power") => Step::PowerOff,
        ("PUT", "states/provision") => verb(seen),
        ("PUT", one) if one.starts_with("traits/") => Step::AddTrait,
        ("DELETE", one) if one.starts_with("traits/") => Step::RemoveTrait,
        (method, path) => panic!("no step is known to send {method} {path}"),
    })
}

fn patch(body: &Value) -> Step {
    let operations = body.as_array().expect("a list of operations");
    let claim = operations
        .iter()
        .find(|operation| operation["path"] == "/instance_uuid");
    match claim.map(|operation| operation["op"] == "remove") {
        None => Step::Patch,
        Some(false) => Step::Claim,
        Some(true) => Step::Unclaim,
    }
}

fn verb(seen: &Seen) -> Step {
    let verb = target(seen).expect("a verb");
    let named = Step::ALL.iter().find(|step| step.as_str() == verb);
    *named.unwrap_or_else(|| panic!("no step is called {verb}"))
}

/// A world whose operator is killed at the first request of every step, and started again.
struct Lab {
    world: World,
    kubelet: Kubelet,
    /// No deployment is begun while this is so.
    held: Arc<AtomicBool>,
    strikes: RuleId,
    struck: Arc<Mutex<BTreeSet<Step>>>,
}

impl Lab {
    async fn new(name: &str, strike: fn(Callback) -> Action) -> Self {
        let world = World::empty(name).await;
        world.apply(&world.lab()).await.expect("the cloud is accepted");
        let mut options = world.operator_options().await.expect("the options");
        // Nobody else runs, and a Lease that nobody lets go of would cost every life 15 s.
        options.args.push("--leader-elect=false".to_owned());
        let held = hold_deployments(&world);
        let kubelet = Kubelet::start(Arc::clone(&world.stack.run), options);
        let (struck, lives) = (Arc::new(Mutex::new(BTreeSet::new())), kubelet.lives().clone());
        let first = {
            let struck = Arc::clone(&struck);
            move |seen: &Seen| step(seen).is_some_and(|step| !struck.lock().unwrap().contains(&step))
        };
        let kill = {
            let struck = Arc::clone(&struck);
            Callback::new(move |entry: Entry| {
                let taken = step(&entry.seen).filter(|_| has_acted(&entry));
                let lives = taken
                    .is_some_and(|step| struck.lock().unwrap().insert(step))
                    .then(|| lives.clone());
                async move {
                    if let Some(lives) = lives {
                        lives.kill().await;
                    }
                }
            })
        };
        let strikes = world.proxy.when_request(first).then(strike(kill));
        Self {
            world,
            kubelet,
            held,
            strikes,
            struck,
        }
    }

    /// The steps that Ironic took for a node, in order: whoever heard of it.
    fn taken(&self, id: &str) -> Vec<Step> {
        let log = self.world.proxy.log();
        let of_node = log.iter().filter(|entry| node_of(entry).as_deref() == Some(id));
        of_node
            .filter(|entry| has_acted(entry))
            .filter_map(|entry| step(&entry.seen))
            .collect()
    }

    /// Every step and every mutating route was struck.
    fn struck_everything(&self) {
        let log = self.world.proxy.log();
        let strikes = log
            .iter()
            .filter(|entry| entry.rule == Some(self.strikes) && has_acted(entry));
        let struck = self.struck.lock().unwrap();
        // To prove credentials changes nothing, so that it may be done as often as it takes.
        let steps = Step::ALL.iter().filter(|&&step| step != Step::Prove);
        let spared: Vec<_> = steps.filter(|step| !struck.contains(step)).collect();
        assert!(spared.is_empty(), "the operator survived these: {spared:?}");
        let routes: Vec<_> = strikes.filter_map(|entry| route(&entry.seen)).collect();
        let spared: Vec<_> = USED
            .iter()
            .filter(|route| !routes.contains(route))
            .map(ToString::to_string)
            .collect();
        assert!(spared.is_empty(), "no request of these was struck: {spared:?}");
        assert_eq!(self.kubelet.lives().begun(), struck.len() + 1, "a life for each");
    }
}

/// Deployments find the node locked as long as the answer is true.
fn hold_deployments(world: &World) -> Arc<AtomicBool> {
    let held = Arc::new(AtomicBool::new(true));
    let answer = Arc::clone(&held);
    let is_held =
        move |seen: &Seen| answer.load(Ordering::SeqCst) && target(seen).as_deref() == Some("active");
    let fault = "Node b is locked by host elsewhere, please retry after the current operation is completed.";
    let locked = Action::Answer(Answer::ironic_error(409, fault));
    world.proxy.when_request(is_held).then(locked);
    held
}

/// Whether Ironic has done what was asked.
fn has_acted(entry: &Entry) -> bool {
    entry.answered.is_some_and(|status| (200..300).contains(&status))
}

/// The whole life of a machine: everything the operator can do to it, one after the other.
async fn lives_through_everything(lab: &Lab) {
    let world = &lab.world;
    let mut spec = active(IMAGE);
    json_patch::merge(
        &mut spec,
        &json!({
            "interfaces": {"power": "testkit", "deploy": "testkit", "inspect": "testkit", "rescue": "testkit"},
            "extra": {"testkit": {"deploy_delay": 2, "teardown_delay": 2, "inventory": {"local_gb": 100}}},
            "onEnroll": {"inspect": true},
            "provision": {"rescuePasswordFrom": {"secretRef": {"name": "rescue", "key": "password"}}},
            "deletionPolicy": "Undeploy",
        }),
    );
    world
        .secret("rescue", &json!({"password": "correct-horse-battery"}))
        .await;
    world.apply_node("a", &spec).await;
    let node = world.ready("a", "Deployed").await;
    let id = status(&node).id.clone().unwrap();
    for (edit, what, check) in edits() {
        world.edit("a", &edit).await;
        world.live_is(&id, what, check).await;
        let reason = if what == "rescue" { "Rescued" } else { "Deployed" };
        world.ready("a", reason).await;
    }
    world.delete("a").await;
    world.gone("a").await;
    assert_eq!(world.live_by_id(&id).await, None);
    let expected = [
        Step::Create,
        Step::Manage,
        Step::Inspect,
        Step::Provide,
        Step::Claim,
        Step::Deploy,
        Step::Patch,
        Step::Patch,
        Step::AddTrait,
        Step::RemoveTrait,
        Step::PowerOff,
        Step::PowerOn,
        Step::EnterMaintenance,
        Step::LeaveMaintenance,
        Step::Rescue,
        Step::Unrescue,
        Step::Undeploy,
        Step::Delete,
    ];
    assert_eq!(lab.taken(&id), expected, "each once, and nothing else");
}

type Check = fn(&Value) -> bool;

/// What is changed under a running instance, and what Ironic has then. What was set by an operator that did not live to write
/// down that it did is nevertheless taken away by the next one.
fn edits() -> [(Value, &'static str, Check); 10] {
    [
        (json!({"properties": {"cpus": 8}}), "the property", |live| {
            live["properties"]["cpus"] == 8
        }),
        (json!({"properties": {"cpus": null}}), "no property", |live| {
            live["properties"].get("cpus").is_none()
        }),
        (json!({"traits": ["CUSTOM_STRUCK"]}), "the trait", |live| {
            live["traits"] == json!(["CUSTOM_STRUCK"])
        }),
        (json!({"traits": []}), "no trait", |live| {
            live["traits"] == json!([])
        }),
        (
            json!({"power": {"state": "PoweredOff", "shutdown": "Hard"}}),
            "off",
            |live| live["power_state"] == "power off",
        ),
        (json!({"power": {"state": "PoweredOn"}}), "on", |live| {
            live["power_state"] == "power on"
        }),
        (
            json!({"maintenance": {"enabled": true, "reason": "struck"}}),
            "maintenance",
            |live| live["maintenance"] == true,
        ),
        (
            json!({"maintenance": {"enabled": false, "reason": null}}),
            "no maintenance",
            |live| live["maintenance"] == false,
        ),
        (json!({"provision": {"state": "rescue"}}), "rescue", |live| {
            live["provision_state"] == "rescue"
        }),
        (
            json!({"provision": {"state": "active"}}),
            "active again",
            |live| live["provision_state"] == "active",
        ),
    ]
}

/// An instance that is given up between claim and deployment.
async fn gives_up_a_claim(lab: &Lab) {
    let world = &lab.world;
    world.apply_node("b", &active(IMAGE)).await;
    let node = world.condition("b", "Reconciling", "True", "Reserved").await;
    let id = status(&node).id.clone().unwrap();
    assert!(!world.live_by_id(&id).await.unwrap()["instance_uuid"].is_null());
    world
        .edit(
            "b",
            &json!({"provision": {"state": "available", "instance": null}}),
        )
        .await;
    world.ready("b", "Available").await;
    lab.held.store(false, Ordering::SeqCst);
    let live = world.live_by_id(&id).await.unwrap();
    assert_eq!(
        (&live["instance_uuid"], &live["instance_info"]),
        (&Value::Null, &json!({}))
    );
    let expected = [
        Step::Create,
        Step::Manage,
        Step::Provide,
        Step::Claim,
        Step::Unclaim,
    ];
    assert_eq!(lab.taken(&id), expected, "each once, and nothing else");
}

/// An object that goes while its machine is being inspected.
async fn abandons_an_inspection(lab: &Lab) {
    let world = &lab.world;
    let spec = json!({
        "interfaces": {"inspect": "testkit"}, "extra": {"testkit": {"inspect_wait": true}},
        "onEnroll": {"inspect": true}, "provision": {"state": "manageable"}, "deletionPolicy": "Delete",
    });
    world.apply_node("c", &spec).await;
    let waits = |node: &BareMetalNode| status(node).provision_state.as_deref() == Some("inspect wait");
    let node = world.wait("c", "it waits for its ramdisk", waits).await;
    let id = status(&node).id.clone().unwrap();
    world.delete("c").await;
    world.gone("c").await;
    let expected = [
        Step::Create,
        Step::Manage,
        Step::Inspect,
        Step::Abort,
        Step::Manage,
        Step::Delete,
    ];
    assert_eq!(lab.taken(&id), expected, "each once, and nothing else");
}

async fn nothing_is_done_twice(name: &str, strike: fn(Callback) -> Action) {
    let lab = Lab::new(name, strike).await;
    gives_up_a_claim(&lab).await;
    abandons_an_inspection(&lab).await;
    lives_through_everything(&lab).await;
    lab.struck_everything();
}

#[tokio::test]
async fn killed_before_it_hears_the_answer_it_goes_on_where_it_was() {
    nothing_is_done_twice("kills-before", Action::CallAfter).await;
}

#[tokio::test]
async fn killed_when_it_has_heard_the_answer_it_goes_on_where_it_was() {
    nothing_is_done_twice("kills-after", Action::CallOnArrival).await;
}
