//! Waits for one node and for many, on a real Ironic.

#![cfg(test)]

use std::time::Duration;

use futures::future::join;
use ironwright::ironic::client::{Error, NodesWait, ProvisionRequest};
use ironwright::ironic::model::{Goal, NodeUpdate, PowerState, PowerTarget, Progress, Verb};
use serde_json::json;

use crate::client_lab::{LONG, Lab, state};

#[tokio::test]
async fn a_lock_is_waited_for_by_name_too() {
    let lab = Lab::new("cs-lock").await;
    let node = lab.node("a", json!({"power_delay": 2})).await;
    lab.client
        .wait_for_node_reservation(&lab.name("a"), Duration::ZERO)
        .await
        .unwrap();
    lab.client
        .set_node_power_state(&node.uuid, PowerTarget::On, None)
        .await
        .unwrap();
    lab.proxy.clear_log();
    let free = lab
        .client
        .wait_for_node_reservation(&lab.name("a"), LONG)
        .await
        .unwrap();
    assert_eq!((free.reservation, free.power_state), (None, Some(PowerState::On)));
    assert!(lab.sent().len() > 1, "it was locked at first");
    // A change that comes while the lock is held is made when it is free.
    lab.client
        .set_node_power_state(&node.uuid, PowerTarget::Reboot, None)
        .await
        .unwrap();
    let patient = lab.client.retry_on_conflict(LONG);
    let change = NodeUpdate {
        description: "after it".into(),
        ..NodeUpdate::default()
    };
    let changed = patient.update_node(&lab.name("a"), &change).await.unwrap().value;
    assert_eq!(changed.description.as_deref(), Some("after it"));
}

#[tokio::test]
async fn many_nodes_are_waited_for_at_the_cost_of_one_listing() {
    let lab = Lab::new("cs-many").await;
    let mut asked = Vec::new();
    for number in 0..4 {
        let fails = if number == 3 {
            json!({"verify_fail": "no such BMC"})
        } else {
            json!({"verify_delay": number})
        };
        let node = lab.node(&number.to_string(), fails).await;
        lab.client
            .set_node_provision_state(&node.uuid, &ProvisionRequest::new(Verb::Manage))
            .await
            .unwrap();
        asked.push(if number % 2 == 0 {
            node.uuid.to_uppercase()
        } else {
            lab.name(&number.to_string())
        });
    }
    asked.push(asked[0].clone());
    asked.push(lab.name("nobody"));
    lab.proxy.clear_log();
    let wait = lab
        .client
        .wait_for_nodes_provision_state(&asked, Goal::Manageable, NodesWait::new(LONG));
    let outcome = wait.await.unwrap();
    assert_eq!(
        (outcome.reached.len(), outcome.unreached.len()),
        (3, 2),
        "{outcome:?}"
    );
    for (name, error) in &outcome.unreached {
        let right = match error {
            Error::Unreached { .. } => *name == lab.name("3"),
            error => error.is_not_found() && *name == lab.name("nobody"),
        };
        assert!(right, "{name}: {error}");
    }
    let sent = lab.sent();
    let nobody = format!("GET /v1/nodes/{}", lab.name("nobody"));
    let others: Vec<_> = sent.iter().filter(|request| **request != nobody).collect();
    let listings = others
        .iter()
        .take_while(|request| **request == "GET /v1/nodes")
        .count();
    let last = others.get(listings..).expect("the rest");
    // The last one is looked at by itself, which is one request too.
    assert!(
        last.windows(2).all(|two| two[0] == two[1]) && listings > 0,
        "{sent:?}"
    );
    assert_eq!(sent.len(), others.len() + 1, "what no listing shows is asked for");
    assert!(outcome.all().is_err());
}

#[tokio::test]
async fn a_wait_for_many_gives_up_as_it_is_told() {
    let lab = Lab::new("cs-give-up").await;
    let slow = lab.node("slow", json!({"clean_wait": true})).await;
    let bad = lab.node("bad", json!({"clean_fail": "dust"})).await;
    let ids = [slow.uuid.clone(), bad.uuid.clone()];
    for id in &ids {
        lab.walk(id, &[Verb::Manage]).await;
        lab.client
            .set_node_provision_state(id, &ProvisionRequest::new(Verb::Provide))
            .await
            .unwrap();
    }
    let failed = lab
        .client
        .wait_for_node_provision_state(&bad.uuid, state("clean failed"), LONG);
    let waiting = lab
        .client
        .wait_for_node_provision_state(&slow.uuid, state("clean wait"), LONG);
    let (failed, waiting) = join(failed, waiting).await;
    failed.unwrap();
    waiting.unwrap();
    let outcome = async |wait| {
        let waited = lab
            .client
            .wait_for_nodes_provision_state(&ids, Goal::Available, wait)
            .await
            .unwrap();
        let why = |error: &Error| match error {
            Error::Unreached { progress, .. } => format!("{progress:?}"),
            Error::StillWaiting { .. } => "late".to_owned(),
            other => panic!("{other}"),
        };
        let mut ends: Vec<_> = waited
            .unreached
            .iter()
            .map(|(id, error)| (id == &bad.uuid, why(error)))
            .collect();
        ends.sort();
        ends
    };
    let short = NodesWait::new(Duration::from_millis(1200));
    let both = |bad: &str| vec![(false, "late".to_owned()), (true, bad.to_owned())];
    assert_eq!(outcome(short).await, both("Failed"));
    assert_eq!(
        outcome(NodesWait {
            abort_on_failed_state: false,
            ..short
        })
        .await,
        both("late")
    );
    let fast = NodesWait {
        fail_fast: true,
        ..NodesWait::new(Duration::from_hours(1))
    };
    assert_eq!(outcome(fast).await, both("Failed"), "the first failure ends it");
}

#[tokio::test]
async fn a_node_that_vanishes_ends_the_wait() {
    let lab = Lab::new("cs-gone").await;
    let node = lab.node("a", json!({})).await;
    let wait = lab
        .client
        .wait_for_node_provision_state(&node.uuid, Goal::Manageable, LONG);
    assert!(matches!(
        wait.await,
        Err(Error::Unreached {
            progress: Progress::Elsewhere,
            ..
        })
    ));
    lab.client.delete_node(&node.uuid).await.unwrap();
    let wait = lab
        .client
        .wait_for_node_provision_state(&node.uuid, Goal::Manageable, LONG);
    assert!(wait.await.unwrap_err().is_not_found());
}
