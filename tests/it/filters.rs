//! Filters of listings that go beyond a node's own fields, and what Ironic makes of several of them, on a real Ironic.

#![cfg(test)]

use ironwright::ironic::client::{
    AllocationQuery, Client, Error, NodeQuery, PortGroupQuery, PortQuery, ProvisionRequest, Settings,
};
use ironwright::ironic::model::{Node, NodeCreate, PortCreate, PortGroupCreate, Verb};
use ironwright_stack::{Ironic, IronicOptions};
use serde_json::json;

use crate::client_lab::{LONG, Lab, object, rows};
use crate::harness;

/// A node with a port and a port group; the last part of the MAC addresses.
async fn plugged(client: &Client, draft: &NodeCreate, number: u8) -> Node {
    let node = client.create_node(draft).await.expect("a node").value;
    let group = PortGroupCreate {
        address: Some(format!("02:1b:00:00:01:{number:02x}")),
        node_uuid: node.uuid.clone(),
        ..PortGroupCreate::default()
    };
    client.create_port_group(&group).await.expect("a port group");
    let port = PortCreate {
        address: format!("02:1b:00:00:00:{number:02x}"),
        node_uuid: node.uuid.clone(),
        ..PortCreate::default()
    };
    client.create_port(&port).await.expect("a port");
    node
}

/// How many nodes, ports and port groups are in the shard.
async fn in_shard(client: &Client, shard: &str) -> [usize; 3] {
    let shard = Some(shard.to_owned());
    let nodes = NodeQuery {
        shard: shard.clone(),
        ..NodeQuery::default()
    };
    let ports = PortQuery {
        shard: shard.clone(),
        ..PortQuery::default()
    };
    let groups = PortGroupQuery {
        shard,
        ..PortGroupQuery::default()
    };
    [
        rows(client.list_nodes(nodes)).await.expect("nodes").len(),
        rows(client.list_ports(ports)).await.expect("ports").len(),
        rows(client.list_port_groups(groups)).await.expect("groups").len(),
    ]
}

#[tokio::test]
async fn ports_are_found_by_the_shard_of_their_node() {
    let lab = Lab::new("filters-shard").await;
    for (number, shard) in (1..).zip(["a", "b", "CAPITAL"]) {
        let draft = NodeCreate {
            shard: Some(lab.name(shard)),
            ..lab.draft(shard, &json!({}))
        };
        plugged(&lab.client, &draft, number).await;
    }
    let [a, both, none] = [
        lab.name("a"),
        [lab.name("a"), lab.name("b")].join(","),
        lab.name("c"),
    ];
    assert_eq!(in_shard(&lab.client, &a).await, [1; 3]);
    assert_eq!(in_shard(&lab.client, &both).await, [2; 3]);
    assert_eq!(in_shard(&lab.client, &none).await, [0; 3]);
    let capital = in_shard(&lab.client, &lab.name("CAPITAL")).await;
    assert_eq!(
        capital, [0; 3],
        "Ironic looks for small letters, as is documented"
    );
}

#[tokio::test]
async fn ports_are_found_by_the_conductor_group_of_their_node() {
    let stack = harness::stack().await;
    let options = IronicOptions {
        name: "filters-east".to_owned(),
        extra_conf: "[conductor]\nconductor_group = east\n".to_owned(),
        ..IronicOptions::default()
    };
    let ironic = Ironic::start(&stack.tools, &stack.run, options).await.unwrap();
    let client = Client::new(Settings::new(ironic.endpoint())).unwrap();
    let draft = NodeCreate {
        driver: "fake-hardware".into(),
        conductor_group: Some("east".into()),
        ..NodeCreate::default()
    };
    plugged(&client, &draft, 9).await;
    for (wanted, expected) in [("east", 1), ("west", 0), ("west,east", 1)] {
        let ports = PortQuery {
            conductor_groups: Some(wanted.to_owned()),
            ..PortQuery::default()
        };
        assert_eq!(rows(client.list_ports(ports)).await.unwrap().len(), expected);
        let groups = PortGroupQuery {
            conductor_groups: Some(wanted.to_owned()),
            ..PortGroupQuery::default()
        };
        assert_eq!(
            rows(client.list_port_groups(groups)).await.unwrap().len(),
            expected
        );
    }
    for (wanted, expected) in [("east", 1), ("west", 0), ("", 0)] {
        let nodes = NodeQuery {
            conductor_group: Some(wanted.to_owned()),
            ..NodeQuery::default()
        };
        assert_eq!(rows(client.list_nodes(nodes)).await.unwrap().len(), expected);
    }
    ironic.stop().await;
}

#[tokio::test]
async fn a_node_is_found_by_its_fault() {
    let lab = Lab::new("filters-fault").await;
    let node = lab.node("a", json!({"clean_fail": "dust"})).await;
    lab.node("b", json!({})).await;
    lab.walk(&node.uuid, &[Verb::Manage]).await;
    let step = object(json!({"interface": "deploy", "step": "testkit_clean"}));
    let clean = ProvisionRequest {
        steps: vec![step],
        ..ProvisionRequest::new(Verb::Clean)
    };
    lab.go(&node.uuid, &clean).await.expect_err("there is dust");
    let client = lab.client.retry_on_conflict(LONG);
    let now = client.get_node(&node.uuid).await.unwrap().value;
    let fault = now.fault.expect("a fault");
    let with_fault = |fault: &str| NodeQuery {
        fault: Some(fault.to_owned()),
        ..lab.query()
    };
    let found = rows(client.list_nodes(with_fault(&fault))).await.unwrap();
    assert_eq!((found.len(), &found[0].uuid), (1, &node.uuid), "{fault}");
    let other = rows(client.list_nodes(with_fault("power failure"))).await;
    assert!(other.unwrap().is_empty());
}

/// Queries with two filters of which Ironic would forget one, or which it refuses.
fn pairs() -> Vec<PortQuery> {
    let text = |text: &str| Some(text.to_owned());
    let fill = |query: &mut PortQuery, which: usize| match which {
        0 => query.node = text("n"),
        1 => query.address = text("02:1b:00:00:00:01"),
        2 => query.portgroup = text("g"),
        3 => query.shard = text("s"),
        _ => query.conductor_groups = text("c"),
    };
    let mut queries = vec![PortQuery {
        address: text("02:1b:00:00:00:01"),
        description_contains: text("d"),
        ..PortQuery::default()
    }];
    for one in 0..5 {
        for other in one + 1..5 {
            let mut query = PortQuery::default();
            fill(&mut query, one);
            fill(&mut query, other);
            queries.push(query);
        }
    }
    queries
}

#[tokio::test]
async fn filters_that_ironic_would_forget_are_refused_without_a_request() {
    let lab = Lab::new("filters-refused").await;
    let client = &lab.client;
    client.versions().await.unwrap();
    let queries = pairs();
    assert_eq!(queries.len(), 11);
    let refused = |error: Error| assert!(matches!(error, Error::Argument { .. }), "{error:?}");
    for query in queries {
        refused(rows(client.list_ports(query)).await.unwrap_err());
    }
    let group = PortGroupQuery {
        address: Some("02:1b:00:00:00:01".into()),
        shard: Some("s".into()),
        ..PortGroupQuery::default()
    };
    refused(rows(client.list_port_groups(group)).await.unwrap_err());

    // With an empty name Ironic lists everybody's.
    let empty = Some(String::new());
    let ports = PortQuery {
        node: empty.clone(),
        ..PortQuery::default()
    };
    refused(rows(client.list_ports(ports)).await.unwrap_err());
    let nodes = NodeQuery {
        shard: empty.clone(),
        ..NodeQuery::default()
    };
    refused(rows(client.list_nodes(nodes)).await.unwrap_err());
    let allocations = AllocationQuery {
        resource_class: empty,
        ..AllocationQuery::default()
    };
    refused(rows(client.list_allocations(allocations)).await.unwrap_err());
    assert_eq!(lab.sent(), Vec::<String>::new());
}
