//! What was restored from a backup, or a snapshot, is not taken for what is: Ironic's database, or the cluster itself.

#![cfg(test)]

use futures::future::join_all;
use ironwright::api::{ACCEPT_EARLIER_STATE_ANNOTATION, ACCEPT_WRITERS_ANNOTATION};
use k8s_openapi::api::coordination::v1::Lease;
use kube::api::{Patch, PatchParams};
use kube::{Api, ResourceExt};
use serde_json::{Value, json};

use crate::harness::{World, active, message, status};
use crate::sight::cloud_message;

const ALL: usize = 50;
const RESTORED: usize = 30;

fn manageable() -> Value {
    json!({"provision": {"state": "manageable"}})
}

impl World {
    async fn annotate_cloud(&self, name: &str, value: &str) {
        let patch = Patch::Merge(json!({"metadata": {"annotations": {name: value}}}));
        self.clouds
            .patch("lab", &PatchParams::default(), &patch)
            .await
            .expect("the annotation is accepted");
    }
}

/// The value of an annotation as a message gives it.
fn advised(message: &str, annotation: &str) -> String {
    let (_, value) = message
        .split_once(&format!("{annotation}=\""))
        .expect("the way out");
    value.split('"').next().unwrap_or_default().to_owned()
}

#[tokio::test]
async fn a_cloud_whose_database_was_restored_or_emptied_is_not_written_to() {
    let world = World::quiet_apart("restored-rows", 2).await;
    let names: Vec<_> = (0..ALL).map(|node| format!("n{node:02}")).collect();
    join_all(
        names
            .iter()
            .map(async |name| world.apply_node(name, &manageable()).await),
    )
    .await;
    let mut ids = vec![];
    for name in &names {
        ids.push(status(&world.ready(name, "Manageable").await).id.clone().unwrap());
    }
    let sent = world.mutations();
    let restored: Vec<_> = ids.iter().take(RESTORED).map(|id| format!("'{id}'")).collect();
    let rows = format!(
        "UPDATE nodes SET provision_state='enroll', provision_updated_at='2026-01-01 00:00:00' WHERE uuid IN ({})",
        restored.join(",")
    );
    world.sql(&rows).await;
    let cloud = world
        .cloud_condition("lab", "Stalled", "True", "EarlierState")
        .await;
    let said = cloud_message(&cloud, "Ready");
    assert!(said.contains("30 of 50 nodes"), "{said}");
    // Also of those that are as they were nothing is written.
    let untouched = names.last().unwrap();
    world.edit(untouched, &json!({"description": "new"})).await;
    world
        .condition(untouched, "Stalled", "True", "EarlierState")
        .await;
    world.lists(2).await;
    assert_eq!(world.mutations(), sent, "nothing is sent");

    // One word of a person is for all of them.
    world
        .annotate_cloud(
            ACCEPT_EARLIER_STATE_ANNOTATION,
            &advised(&said, ACCEPT_EARLIER_STATE_ANNOTATION),
        )
        .await;
    for name in [&names[0], untouched] {
        world.ready(name, "Manageable").await;
    }
    world.cloud_condition("lab", "Ready", "True", "Observed").await;
    for name in &names {
        world.ready(name, "Manageable").await;
    }

    // An empty database is no reason to begin anew.
    let sent = world.mutations();
    world.sql("DELETE FROM nodes").await;
    let cloud = world
        .cloud_condition("lab", "Stalled", "True", "NodesMissing")
        .await;
    assert!(cloud_message(&cloud, "Ready").contains("50 of 50"));
    world
        .condition(untouched, "Stalled", "True", "NodesMissing")
        .await;
    world.lists(2).await;
    assert_eq!(world.mutations(), sent, "nothing is sent");
}

/// The Lease, as a snapshot of etcd has it.
async fn lease(world: &World) -> (Api<Lease>, Lease) {
    let leases = Api::<Lease>::namespaced(world.client.clone(), &world.namespace);
    let lease = leases.get("ironwright").await.expect("there is a Lease");
    (leases, lease)
}

#[tokio::test]
async fn a_cluster_that_was_restored_beside_the_original_stops_before_it_destroys() {
    let mut world = World::quiet("restored-cluster", 2).await;
    let mut spec = active("http://images.example/one.qcow2");
    spec["deletionPolicy"] = json!("Undeploy");
    world.apply_node("a", &spec).await;
    world.ready("a", "Deployed").await;
    let (leases, snapshot) = lease(&world).await;
    // The original goes on: another instance is deployed. The run is long over by the copy's Lease, which was taken two hours ago.
    let release = json!({"provision": {"state": "available", "instance": null}});
    world.edit("a", &release).await;
    world.ready("a", "Available").await;
    world.edit("a", &spec).await;
    let id = status(&world.ready("a", "Deployed").await).id.clone().unwrap();
    let operator = world.operator.take().expect("an operator is running");
    operator.stop().await;
    drop(operator);
    let (_, now) = lease(&world).await;
    let hours = jiff::SignedDuration::from_hours(2);
    let mut old = snapshot.spec.expect("a spec");
    old.renew_time.as_mut().expect("a time").0 -= hours;
    let mut copied = json!({"metadata": {"resourceVersion": now.resource_version()}, "spec": old});
    let history = snapshot.metadata.annotations.expect("the runs")["ironwright.dev/writers"].clone();
    let mut history: Value = serde_json::from_str(&history).expect("JSON");
    let since: jiff::Timestamp = history["since"].as_str().unwrap().parse().unwrap();
    history["since"] = json!((since - hours).to_string());
    copied["metadata"]["annotations"] = json!({"ironwright.dev/writers": history.to_string()});
    leases
        .patch("ironwright", &PatchParams::default(), &Patch::Merge(copied))
        .await
        .expect("the Lease is put back");

    // The copy wants something else of the machine than the original does.
    world.edit("a", &release).await;
    let sent = world.mutations();
    world.start_operator().await;
    let node = world.condition("a", "Stalled", "True", "IdentityShared").await;
    let why = message(&node, "Stalled");
    let cloud = world
        .cloud_condition("lab", "Stalled", "True", "IdentityShared")
        .await;
    assert_eq!(cloud_message(&cloud, "Ready"), why);
    world.lists(2).await;
    assert_eq!(world.mutations(), sent, "nothing is sent");
    assert_eq!(world.live_by_id(&id).await.unwrap()["provision_state"], "active");

    world
        .annotate_cloud(
            ACCEPT_WRITERS_ANNOTATION,
            &advised(&why, ACCEPT_WRITERS_ANNOTATION),
        )
        .await;
    world.ready("a", "Available").await;
}
