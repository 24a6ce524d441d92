//! Nodes listed: filters, order, pages, parts of machines and shards, on a real Ironic.

#![cfg(test)]

use ironwright::ironic::client::{NodeQuery, SortDirection};
use ironwright::ironic::model::{
    ChassisCreate, Node, NodeCreate, NodeSummary, NodeUpdate, ProvisionState, Verb,
};
use serde_json::json;
use uuid::Uuid;

use crate::client_lab::{Lab, rows, with};

/// Nodes with all that can be filtered by: `a`, retired and in maintenance; `b`, with an instance; `c`, plain.
async fn various(lab: &Lab) -> [Node; 3] {
    let chassis = lab
        .client
        .create_chassis(&ChassisCreate::default())
        .await
        .unwrap()
        .value;
    let a = NodeCreate {
        description: Some("a needle in it".into()),
        shard: Some(lab.name("shard")),
        chassis_uuid: Some(chassis.uuid),
        retired: Some(true),
        maintenance: Some(true),
        ..lab.draft("a", &json!({}))
    };
    let b = NodeCreate {
        instance_uuid: Some(Uuid::new_v4().to_string()),
        instance_name: Some(lab.name("instance")),
        ..lab.draft("b", &json!({}))
    };
    let a = lab.client.create_node(&a).await.unwrap().value;
    // Without Keystone nobody may create a node for somebody else.
    let owned = NodeUpdate {
        owner: "p-owner".into(),
        lessee: "p-lessee".into(),
        ..NodeUpdate::default()
    };
    let a = lab.client.update_node(&a.uuid, &owned).await.unwrap().value;
    let b = lab.client.create_node(&b).await.unwrap().value;
    let c = lab.node("c", json!({})).await;
    let c = lab.walk(&c.uuid, &[Verb::Manage]).await;
    [a, b, c]
}

/// Queries with the last letters of the names of what they find.
fn filters(lab: &Lab, [a, b, c]: &[Node; 3]) -> Vec<(NodeQuery, &'static str)> {
    let by = |change: &dyn Fn(&mut NodeQuery)| with(lab.query(), |query| change(query));
    let text = |text: &str| Some(text.to_owned());
    vec![
        (lab.query(), "abc"),
        (by(&|q| q.associated = Some(true)), "b"),
        (by(&|q| q.associated = Some(false)), "ac"),
        (by(&|q| q.maintenance = Some(true)), "a"),
        (by(&|q| q.maintenance = Some(false)), "bc"),
        (by(&|q| q.retired = Some(true)), "a"),
        (by(&|q| q.retired = Some(false)), "bc"),
        (by(&|q| q.driver = text("fake-hardware")), "abc"),
        (by(&|q| q.driver = text("redfish")), ""),
        (by(&|q| q.conductor_group = text("")), "abc"),
        (by(&|q| q.conductor_group = text("else")), ""),
        (by(&|q| q.conductor.clone_from(&c.conductor)), "abc"),
        (by(&|q| q.fault = text("power failure")), ""),
        (by(&|q| q.instance_uuid.clone_from(&b.instance_uuid)), "b"),
        (by(&|q| q.instance_name = Some(lab.name("instance"))), "b"),
        (by(&|q| q.provision_state = Some(ProvisionState::Enroll)), "ab"),
        (by(&|q| q.provision_state = Some(ProvisionState::Manageable)), "c"),
        (by(&|q| q.owner = text("p-owner")), "a"),
        (by(&|q| q.lessee = text("p-lessee")), "a"),
        (by(&|q| q.project = text("p-lessee")), "a"),
        (by(&|q| q.shard = Some(lab.name("shard"))), "a"),
        (by(&|q| q.sharded = Some(true)), "a"),
        (by(&|q| q.sharded = Some(false)), "bc"),
        (by(&|q| q.chassis_uuid.clone_from(&a.chassis_uuid)), "a"),
        (by(&|q| q.description_contains = text("needle")), "a"),
        (by(&|q| q.at_most = Some(2)), "ab"),
        (by(&|q| q.marker = Some(a.uuid.clone())), "bc"),
    ]
}

#[tokio::test]
async fn every_filter_filters() {
    let lab = Lab::new("cn-filter").await;
    let nodes = various(&lab).await;
    let mut checks = filters(&lab, &nodes);
    for (direction, expected) in [
        (SortDirection::Ascending, "abc"),
        (SortDirection::Descending, "cba"),
    ] {
        let sorted = with(lab.query(), |query| {
            query.sort_key = Some("name".into());
            query.sort_dir = Some(direction);
        });
        checks.push((sorted, expected));
    }
    for (query, expected) in checks {
        let found = rows(lab.client.list_nodes(query.clone()))
            .await
            .expect("a listing");
        let last = |node: &NodeSummary| node.name.as_ref()?.chars().last();
        assert_eq!(
            found.iter().filter_map(last).collect::<String>(),
            expected,
            "{query:?}"
        );
    }
    let sorted = with(lab.query(), |query| query.sort_key = Some("extra".into()));
    let odd = Some(ProvisionState::from("odd"));
    let state = with(lab.query(), |query| query.provision_state = odd);
    for odd in [sorted, state] {
        assert_eq!(
            rows(lab.client.list_nodes(odd)).await.unwrap_err().status(),
            Some(400)
        );
    }
}

#[tokio::test]
async fn filters_hold_on_every_page() {
    let lab = Lab::new("cn-page").await;
    for number in 0..7 {
        let draft = NodeCreate {
            maintenance: Some(number % 2 == 0),
            instance_uuid: (number == 3).then(|| Uuid::new_v4().to_string()),
            ..lab.draft(&number.to_string(), &json!({}))
        };
        lab.client.create_node(&draft).await.unwrap();
    }
    let query = NodeQuery {
        provision_state: Some(ProvisionState::Enroll),
        maintenance: Some(false),
        associated: Some(false),
        page_size: Some(1),
        ..lab.query()
    };
    lab.proxy.clear_log();
    let narrow = rows(lab.client.list_nodes(query.clone())).await.unwrap();
    assert_eq!(narrow.len(), 2, "1 and 5");
    assert_eq!(lab.sent().len(), 3);
    let full = rows(lab.client.list_nodes_detail(query.clone())).await.unwrap();
    assert!(full.iter().all(|node| node.created_at.is_some()) && full.len() == 2);
    let some = rows(lab.client.list_nodes_fields(query, &["name"]))
        .await
        .unwrap();
    assert!(
        some.iter()
            .all(|node| node.name.is_some() && !node.uuid.is_empty() && node.driver.is_empty())
    );
    assert_eq!(some.len(), 2);
}

#[tokio::test]
async fn parts_of_machines_are_listed_and_told_apart() {
    let lab = Lab::new("cn-child").await;
    let parent = lab.node("p", json!({})).await;
    let child = NodeCreate {
        parent_node: Some(parent.uuid.clone()),
        ..lab.draft("c", &json!({}))
    };
    let child = lab.client.create_node(&child).await.unwrap().value;
    assert_eq!(
        lab.client.list_node_children(&lab.name("p")).await.unwrap(),
        std::slice::from_ref(&child.uuid)
    );
    for (query, expected) in [
        (lab.query(), 2),
        (
            NodeQuery {
                include_children: Some(false),
                ..lab.query()
            },
            1,
        ),
        (
            NodeQuery {
                parent_node: Some(parent.uuid.clone()),
                ..lab.query()
            },
            1,
        ),
    ] {
        let found = rows(lab.client.list_nodes(query)).await.unwrap();
        assert_eq!(found.len(), expected);
    }
}

#[tokio::test]
async fn shards_are_counted() {
    let lab = Lab::new("cx-shards").await;
    for name in ["a", "b"] {
        let draft = NodeCreate {
            shard: Some(lab.name("shard")),
            ..lab.draft(name, &json!({}))
        };
        lab.client.create_node(&draft).await.unwrap();
    }
    let shards = lab.client.list_shards().await.unwrap();
    let own = shards.iter().find(|shard| shard.name == Some(lab.name("shard")));
    assert_eq!(own.expect("it is there").count, 2);
}
