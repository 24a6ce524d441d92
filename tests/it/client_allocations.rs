//! Allocations on a real Ironic.

#![cfg(test)]

use std::time::Duration;

use ironwright::ironic::client::{AllocationQuery, Error};
use ironwright::ironic::model::{
    Allocation, AllocationCreate, AllocationState, AllocationUpdate, Change, Edit, Node, NodeUpdate, Verb,
};
use ironwright_stack::proxy::{Action, Answer};
use serde_json::json;
use uuid::Uuid;

use crate::client_lab::{LONG, Lab, object, patch, rows, with};

/// A claim on one of this test's nodes.
fn claim(lab: &Lab, name: &str) -> AllocationCreate {
    AllocationCreate {
        name: Some(lab.name(name)),
        resource_class: lab.query().resource_class,
        ..AllocationCreate::default()
    }
}

/// An allocation that Ironic is done with.
async fn made(lab: &Lab, draft: &AllocationCreate) -> Result<Allocation, Error> {
    let made = lab.client.create_allocation(draft).await?.value;
    let done = lab.client.wait_for_allocation(&made.uuid, LONG, false).await?;
    Ok(done.value)
}

#[tokio::test]
async fn an_allocation_gets_a_node_that_fits() {
    let lab = Lab::new("ca-fits").await;
    let client = &lab.client;
    let (a, b) = (
        lab.offered("a", json!({})).await,
        lab.offered("b", json!({})).await,
    );
    client.add_node_trait(&b.uuid, "CUSTOM_GOLD").await.unwrap();
    let gold = AllocationCreate {
        traits: vec!["CUSTOM_GOLD".into()],
        ..claim(&lab, "gold")
    };
    let gold = made(&lab, &gold).await.unwrap();
    assert_eq!(gold.node_uuid.as_deref(), Some(b.uuid.as_str()));
    let claimed = client.get_node(&b.uuid).await.unwrap().value;
    assert_eq!(
        (
            claimed.instance_uuid.as_deref(),
            claimed.allocation_uuid.as_deref()
        ),
        (Some(gold.uuid.as_str()), Some(gold.uuid.as_str()))
    );
    let of_b = client.get_node_allocation(&lab.name("b")).await.unwrap();
    assert_eq!(of_b.unwrap().value.uuid, gold.uuid);
    assert!(client.get_node_allocation(&a.uuid).await.unwrap().is_none());

    let any = AllocationCreate {
        candidate_nodes: vec![lab.name("a")],
        ..claim(&lab, "any")
    };
    let any = made(&lab, &any).await.unwrap();
    assert_eq!(
        (any.node_uuid, any.candidate_nodes),
        (Some(a.uuid.clone()), vec![a.uuid.clone()])
    );
    assert!(
        client
            .create_allocation(&claim(&lab, "any"))
            .await
            .unwrap_err()
            .is_already_exists()
    );

    assert!(client.delete_node_allocation(&b.uuid).await.unwrap());
    assert!(!client.delete_node_allocation(&b.uuid).await.unwrap());
    assert!(client.delete_allocation(&lab.name("any")).await.unwrap());
    assert!(!client.delete_allocation(&lab.name("any")).await.unwrap());
    assert_eq!(
        client.get_node(&a.uuid).await.unwrap().value.instance_uuid,
        None,
        "it is free again"
    );
}

#[tokio::test]
async fn an_allocation_without_a_node_says_why() {
    let lab = Lab::new("ca-none").await;
    let draft = claim(&lab, "a");
    let error = made(&lab, &draft).await.unwrap_err();
    assert!(matches!(error, Error::Unallocated { .. }), "{error:?}");
    assert!(
        error.words().contains("no available nodes match"),
        "{}",
        error.words()
    );
    let failed = lab
        .client
        .wait_for_allocation(&lab.name("a"), LONG, true)
        .await
        .unwrap()
        .value;
    assert_eq!(failed.state, AllocationState::Error);
    let missing = lab.client.wait_for_allocation(&lab.name("b"), LONG, true).await;
    assert!(missing.unwrap_err().is_not_found());
    lab.proxy.clear_log();
    let neither = lab.client.create_allocation(&AllocationCreate::default()).await;
    assert!(matches!(neither, Err(Error::Argument { .. })) && lab.sent().is_empty());

    let waiting = json!({"uuid": Uuid::new_v4(), "state": "allocating"});
    let answer = Answer {
        status: 200,
        headers: vec![],
        body: waiting.to_string().into(),
    };
    let answer = Answer {
        headers: vec![("X-OpenStack-Ironic-API-Version".into(), "1.95".into())],
        ..answer
    };
    lab.proxy
        .when("GET", "/v1/allocations/{}")
        .then(Action::Answer(answer));
    let late = lab.client.wait_for_allocation("any", Duration::ZERO, false).await;
    assert!(
        matches!(
            late,
            Err(Error::StillWaiting {
                what: "allocation",
                ..
            })
        ),
        "{late:?}"
    );
}

/// Two allocations: `a`, of an owner and with the node `n`, and `b`, in error.
async fn two(lab: &Lab) -> (Node, Allocation) {
    let node = lab.offered("n", json!({})).await;
    // An allocation that has an owner gets nodes of that owner only.
    let theirs = NodeUpdate {
        owner: lab.name("owner").as_str().into(),
        ..NodeUpdate::default()
    };
    lab.client.update_node(&node.uuid, &theirs).await.unwrap();
    let owned = with(claim(lab, "a"), |draft| draft.owner = Some(lab.name("owner")));
    let a = made(lab, &owned).await.unwrap();
    let b = made(lab, &claim(lab, "b")).await.unwrap_err();
    assert!(matches!(b, Error::Unallocated { .. }), "{b:?}");
    (node, a)
}

#[tokio::test]
async fn allocations_are_filtered() {
    let lab = Lab::new("ca-list").await;
    let client = &lab.client;
    let (node, _) = two(&lab).await;
    let any = AllocationQuery::default;
    let of_class = || with(any(), |q| q.resource_class = lab.query().resource_class);
    for (query, expected) in [
        (of_class(), "ab"),
        (with(of_class(), |q| q.state = Some(AllocationState::Active)), "a"),
        (with(of_class(), |q| q.state = Some(AllocationState::Error)), "b"),
        (with(any(), |q| q.owner = Some(lab.name("owner"))), "a"),
        (with(any(), |q| q.node = Some(node.uuid.clone())), "a"),
        (with(of_class(), |q| q.page_size = Some(1)), "ab"),
        (with(of_class(), |q| q.at_most = Some(1)), "a"),
        (with(of_class(), |q| q.fields = vec!["name".into()]), "ab"),
    ] {
        let found = rows(client.list_allocations(query.clone()))
            .await
            .expect("a listing");
        let last = |found: &Allocation| found.name.as_ref()?.chars().last();
        assert_eq!(
            found.iter().filter_map(last).collect::<String>(),
            expected,
            "{query:?}"
        );
    }
    let both = with(of_class(), |q| q.node = Some(node.uuid.clone()));
    let refused = rows(client.list_allocations(both)).await.unwrap_err();
    assert!(
        matches!(refused, Error::Argument { .. }),
        "Ironic 39 answers 500: {refused}"
    );
}

#[tokio::test]
async fn an_allocation_is_changed() {
    let lab = Lab::new("ca-change").await;
    let client = &lab.client;
    let (node, a) = two(&lab).await;
    let update = AllocationUpdate {
        extra: Edit::set("x", json!({"y": 1})),
        ..AllocationUpdate::default()
    };
    let now = client
        .update_allocation(&lab.name("a"), &update)
        .await
        .unwrap()
        .value;
    assert_eq!(now.extra, object(json!({"x": {"y": 1}})));
    lab.proxy.clear_log();
    client.update_allocation(&a.uuid, &update).await.unwrap();
    assert_eq!(lab.writes(), 0);
    let narrow = client
        .get_allocation_fields(&a.uuid, &["state"])
        .await
        .unwrap()
        .value;
    assert_eq!((narrow.state, narrow.name), (AllocationState::Active, None));
    let unnamed = AllocationUpdate {
        name: Change::Unset,
        ..AllocationUpdate::default()
    };
    assert_eq!(
        client
            .update_allocation(&a.uuid, &unnamed)
            .await
            .unwrap()
            .value
            .name,
        None
    );
    let odd = patch(json!([{"op": "add", "path": "/resource_class", "value": "x"}]));
    assert_eq!(
        client.patch_allocation(&a.uuid, &odd).await.unwrap_err().status(),
        Some(400)
    );
    lab.walk(&node.uuid, &[Verb::Active]).await;
    let error = client.delete_allocation(&a.uuid).await.unwrap_err();
    assert!(error.status() == Some(409) && !error.is_locked(), "{error:?}");
}

#[tokio::test]
async fn a_node_in_use_is_recorded_as_allocated() {
    let lab = Lab::new("ca-backfill").await;
    let node = lab.node("n", json!({})).await;
    lab.walk(&node.uuid, &[Verb::Manage, Verb::Provide, Verb::Active])
        .await;
    let draft = AllocationCreate {
        node: Some(lab.name("n")),
        ..claim(&lab, "a")
    };
    let made = made(&lab, &draft).await.unwrap();
    assert_eq!(
        (made.state, made.node_uuid.as_deref()),
        (AllocationState::Active, Some(node.uuid.as_str()))
    );
    let now = lab.client.get_node(&node.uuid).await.unwrap().value;
    assert_eq!(now.instance_uuid.as_deref(), Some(made.uuid.as_str()));
}
