//! Twenty machines whose objects go with their namespace, or with the definition of their kind: the most that a slip of the
//! finger can do. No machine is touched, and the objects find their machines again.

#![cfg(test)]

use std::time::Instant;

use futures::future::join_all;
use ironwright_stack::proxy::Action;
use ironwright_stack::{Operator, wait};
use k8s_openapi::api::core::v1::Namespace;
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::Api;
use kube::api::{DeleteParams, PostParams};
use serde_json::{Value, json};

use crate::fleet::{ALONE, all_there};
use crate::harness::{LIMIT, World, active, condition, message, stack, status};
use crate::probe::{PROMPT, names};
use crate::stage::heavy;

const NODES: usize = 20;

/// Objects that are let go at once, because their spec says so.
const DETACHED: usize = 4;

/// Twenty deployed machines.
struct Fleet {
    world: World,
    names: Vec<String>,
    ids: Vec<String>,
    /// What Ironic has of them.
    machines: Vec<Value>,
    /// What the operator has sent for them.
    sent: Vec<String>,
}

/// The deletion policy of the n-th object.
fn policy(number: usize) -> Value {
    match number {
        _ if number < DETACHED => json!("Detach"),
        _ if number.is_multiple_of(2) => json!("Undeploy"),
        _ => Value::Null,
    }
}

impl Fleet {
    async fn new(mut world: World) -> Self {
        let mut options = world.operator_options().await.expect("the options");
        // The Lease of a test is in the namespace of its objects and goes with it; nobody else runs.
        options.args.push("--leader-elect=false".to_owned());
        let operator = Operator::start(&world.stack.run, &options).await;
        world.operator = Some(operator.expect("the operator gets ready"));
        let mut fleet = Self {
            names: names(NODES),
            ids: vec![],
            machines: vec![],
            sent: vec![],
            world,
        };
        fleet.apply().await;
        all_there(&fleet.world, NODES, "Deployed").await;
        let nodes = fleet.world.all_ready(&fleet.names, "Deployed").await;
        fleet.ids = nodes.iter().filter_map(|node| status(node).id.clone()).collect();
        fleet.machines = fleet.live().await;
        fleet.sent = fleet.world.writes();
        fleet
    }

    async fn apply(&self) {
        let mut lab = self.world.lab();
        lab["spec"]["intervals"] = json!({"quietSeconds": 2, "sweepSeconds": 3600});
        self.world.apply(&lab).await.expect("the cloud is accepted");
        let all = self.names.iter().enumerate().map(async |(number, name)| {
            let mut spec = active("http://images.example/one.qcow2");
            spec["deletionPolicy"] = policy(number);
            // By its BMC an object that was made anew finds its machine again.
            let bmc = format!("https://{}-{name}.bmc.example", self.world.namespace);
            spec["driverInfo"] = json!({"redfish_address": bmc});
            self.world.apply_node(name, &spec).await;
        });
        join_all(all).await;
    }

    /// What Ironic has, but for the marker: an object that was made anew is another.
    async fn live(&self) -> Vec<Value> {
        let all = self.ids.iter().map(async |id| {
            let live = self.world.live_by_id(id).await.expect("the machine is there");
            let fields = [
                "provision_state",
                "power_state",
                "instance_uuid",
                "instance_info",
                "name",
            ];
            fields.map(|field| (field.to_owned(), live[field].clone()))
        });
        join_all(all)
            .await
            .into_iter()
            .map(|fields| fields.into_iter().collect())
            .collect()
    }

    async fn nothing_has_happened(&self) {
        assert_eq!(self.live().await, self.machines, "the machines are untouched");
        assert_eq!(self.world.writes(), self.sent, "nothing is sent");
    }

    /// They are being deleted, and Ironic answers: who said `Detach` has gone, the others say why they have not.
    async fn stays_and_says_why(&self) {
        for name in &self.names[..DETACHED] {
            self.world.gone(name).await;
        }
        for name in &self.names[DETACHED..] {
            let node = self
                .world
                .condition(name, "Stalled", "True", "InstancePresent")
                .await;
            assert!(node.metadata.deletion_timestamp.is_some());
            let said = message(&node, "Stalled");
            let undeploys = node.spec.deletion_policy.is_some();
            let bulk = said.contains("along with its namespace or definition");
            assert_eq!(
                bulk, undeploys,
                "who would tear down says why it does not: {said}"
            );
            assert!(said.contains("Detach"), "{said}");
        }
        self.world.lists(2).await;
        self.nothing_has_happened().await;
    }

    /// The same while Ironic is down.
    async fn stays_while_ironic_is_down(&self) {
        for name in &self.names[..DETACHED] {
            self.world.gone(name).await;
        }
        for name in &self.names[DETACHED..] {
            let node = self
                .world
                .condition(name, "Ready", "False", "CloudUnavailable")
                .await;
            assert!(node.metadata.deletion_timestamp.is_some());
            assert_eq!(
                condition(&node, "Stalled").map(|(stalled, ..)| stalled),
                Some("False")
            );
        }
        let name = &self.names[DETACHED];
        self.world.edit(name, &json!({"deletionPolicy": "Detach"})).await;
        let since = Instant::now();
        self.world.gone(name).await;
        assert!(since.elapsed() < PROMPT, "it took {:?}", since.elapsed());
    }

    /// The way out that all conditions name.
    async fn let_go(&self) {
        let left = self.world.nodes.list(&kube::api::ListParams::default()).await;
        let left = left.expect("a list").items;
        let all = left.iter().filter_map(|node| node.metadata.name.as_deref());
        join_all(all.map(async |name| {
            self.world.edit(name, &json!({"deletionPolicy": "Detach"})).await;
            self.world.gone(name).await;
        }))
        .await;
    }

    /// The manifests are applied once more: every object has its machine back, and it took no verb.
    async fn comes_back(&mut self) {
        self.apply().await;
        all_there(&self.world, NODES, "Deployed").await;
        assert_eq!(self.live().await, self.machines);
        let verbs = |sent: &[String]| sent.iter().filter(|sent| sent.starts_with("PUT")).count();
        let sent = self.world.writes();
        assert_eq!(verbs(&sent), verbs(&self.sent), "no verb was sent");
        self.sent = sent;
    }

    /// The whole story: deleted by `delete` while Ironic answers, made anew by `restore`, deleted while it does not.
    async fn survives(mut self, delete: impl AsyncFn(&World), restore: impl AsyncFn(&World)) {
        delete(&self.world).await;
        self.stays_and_says_why().await;
        self.let_go().await;
        restore(&self.world).await;
        self.comes_back().await;

        let down = self.world.proxy.when_request(|_| true).then(Action::DropBefore);
        self.world.cloud_is("Ready", "False", "CloudUnavailable").await;
        delete(&self.world).await;
        self.stays_while_ironic_is_down().await;
        self.world.proxy.remove(down);
        for name in &self.names[DETACHED + 1..] {
            self.world
                .condition(name, "Stalled", "True", "InstancePresent")
                .await;
        }
        self.let_go().await;
        self.nothing_has_happened().await;
    }
}

async fn namespace_is_gone(world: &World) {
    let namespaces = Api::<Namespace>::all(world.client.clone());
    let gone = wait::until("the namespace goes", LIMIT, async || {
        let namespace = namespaces.get_opt(&world.namespace).await?;
        Ok(namespace.is_none().then_some(()))
    });
    gone.await.unwrap();
}

#[tokio::test]
async fn a_namespace_takes_no_machine_with_it() {
    let _heavy = heavy().await;
    let _alone = ALONE.lock().await;
    let fleet = Fleet::new(World::empty("bulk-namespace").await).await;
    let delete = async |world: &World| {
        let namespaces = Api::<Namespace>::all(world.client.clone());
        let deleted = namespaces
            .delete(&world.namespace, &DeleteParams::default())
            .await;
        deleted.expect("the deletion is accepted");
    };
    let restore = async |world: &World| {
        namespace_is_gone(world).await;
        let namespaces = Api::<Namespace>::all(world.client.clone());
        let namespace = json!({"metadata": {"name": world.namespace}});
        let namespace = serde_json::from_value(namespace).expect("a namespace");
        let made = namespaces.create(&PostParams::default(), &namespace).await;
        made.expect("the namespace is made anew");
    };
    fleet.survives(delete, restore).await;
}

/// The definitions by name, those of the nodes first.
const DEFINITIONS: [&str; 2] = ["baremetalnodes.ironwright.dev", "baremetalclouds.ironwright.dev"];

#[tokio::test]
async fn the_definitions_take_no_machine_with_them() {
    let _heavy = heavy().await;
    let stack = stack()
        .await
        .with_own_control_plane()
        .await
        .expect("a control plane");
    let _alone = ALONE.lock().await;
    let world = World::before(&stack, &stack.ironic.endpoint(), "bulk-definitions").await;
    let fleet = Fleet::new(world).await;
    let delete = async |world: &World| {
        let definitions = Api::<CustomResourceDefinition>::all(world.client.clone());
        for name in DEFINITIONS {
            let deleted = definitions.delete(name, &DeleteParams::default()).await;
            deleted.expect("the deletion is accepted");
        }
    };
    let restore = async |world: &World| {
        let definitions = Api::<CustomResourceDefinition>::all(world.client.clone());
        let gone = wait::until("the definitions go", LIMIT, async || {
            let mut left = 0;
            for name in DEFINITIONS {
                left += usize::from(definitions.get_opt(name).await?.is_some());
            }
            Ok((left == 0).then_some(()))
        });
        gone.await.unwrap();
        let crds = ironwright_stack::run::workspace().join("crds");
        let crds = crds.to_str().expect("text");
        let plane = &world.stack.control_plane;
        let applied = plane.kubectl(&["apply", "--server-side", "-f", crds]).await;
        assert!(applied.expect("kubectl runs").status.success());
        let served = wait::until("the definitions", LIMIT, async || {
            let nodes = world.nodes.list(&kube::api::ListParams::default()).await;
            let clouds = world.clouds.list(&kube::api::ListParams::default()).await;
            Ok((nodes.is_ok() && clouds.is_ok()).then_some(()))
        });
        served.await.unwrap();
    };
    fleet.survives(delete, restore).await;
}
