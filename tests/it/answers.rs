//! Answers of Ironic that are cut short, or lead elsewhere.

#![cfg(test)]

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use ironwright_stack::proxy::{Action, Edit, Seen};
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::harness::{World, active, condition, status};
use crate::probe::names;
use crate::sight::cloud_message;

/// Somebody else's server, and how many connections were made to it.
async fn elsewhere() -> (String, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let visits = Arc::new(AtomicUsize::new(0));
    let visited = Arc::clone(&visits);
    tokio::spawn(async move {
        while listener.accept().await.is_ok() {
            visited.fetch_add(1, Ordering::SeqCst);
        }
    });
    (url, visits)
}

fn is_listing(seen: &Seen) -> bool {
    (seen.method.as_str(), seen.path.as_str()) == ("GET", "/v1/nodes")
}

#[tokio::test]
async fn half_an_answer_is_none() {
    let world = World::quiet("answers-halved", 2).await;
    let nodes = names(4);
    world
        .apply_nodes(&nodes, &json!({"provision": {"state": "available"}}))
        .await;
    world.all_ready(&nodes, "Available").await;
    // A look is given up after four tries; then the pauses are 1 s, 2 s, ….
    world
        .proxy
        .when("GET", "/v1/nodes")
        .times(9)
        .then(Action::Truncate);
    world
        .proxy
        .when("GET", "/v1/nodes/{}")
        .times(9)
        .then(Action::Truncate);
    let since = world.proxy.log().len();
    let before = world.nodes.get("n03").await.unwrap();
    world
        .edit("n00", &active("http://images.example/one.qcow2"))
        .await;
    let cloud = world
        .cloud_condition("lab", "Reconciling", "True", "CloudUnavailable")
        .await;
    let said = cloud_message(&cloud, "Ready");
    assert!(said.contains("it broke off"), "{said}");
    world.cloud_condition("lab", "Ready", "True", "Observed").await;
    let node = world.ready("n00", "Deployed").await;
    let log = world.proxy.log();
    let halved = log.iter().skip(since).filter(|entry| entry.rule.is_some());
    assert!(halved.count() >= 10, "both kinds of answer were cut");
    let id = status(&node).id.clone().unwrap();
    assert_eq!(world.verbs_of(&id), ["manage", "provide", "active"]);
    // Whoever has nothing to ask of Ironic hears nothing of it, let alone that its node is gone.
    let after = world.nodes.get("n03").await.unwrap();
    assert_eq!(after.metadata.resource_version, before.metadata.resource_version);
    assert_eq!(world.proxy.count("POST", "/v1/nodes"), nodes.len());
}

#[tokio::test]
async fn a_link_to_the_next_page_is_followed_at_home_only() {
    let mut world = World::empty("answers-next").await;
    let (url, visits) = elsewhere().await;
    let link = Edit::new(move |body: &mut Value| {
        let last = body["nodes"].as_array().and_then(|nodes| nodes.last()).cloned();
        if let Some(last) = last.as_ref().and_then(|node| node["uuid"].as_str()) {
            body["next"] = format!("{url}/v1/nodes?limit=1000&marker={last}").into();
        }
    });
    let first_page = |seen: &Seen| is_listing(seen) && !seen.query.contains("marker=");
    let rule = world.proxy.when_request(first_page).then(Action::Edit(link));
    world.apply(&world.lab()).await.unwrap();
    world.start_operator().await;
    world
        .apply_node("a", &json!({"provision": {"state": "available"}}))
        .await;
    world.ready("a", "Available").await;
    world.lists(2).await;
    let log = world.proxy.log();
    let followed = log.iter().filter(|entry| entry.seen.query.contains("marker="));
    assert!(followed.count() > 0, "the next page is asked for, here");
    assert_eq!(visits.load(Ordering::SeqCst), 0, "nobody else is asked");

    // A link that says nothing of where the next page begins is no listing.
    world.proxy.remove(rule);
    let (url, visits) = elsewhere().await;
    let nowhere = Edit::new(move |body: &mut Value| body["next"] = format!("{url}/nowhere").into());
    let rule = world.proxy.when_request(is_listing).then(Action::Edit(nowhere));
    let cloud = world
        .cloud_condition("lab", "Reconciling", "True", "CloudUnavailable")
        .await;
    let said = cloud_message(&cloud, "Ready");
    assert!(said.contains("next page has no marker"), "{said}");
    world.lists(1).await;
    assert_eq!(visits.load(Ordering::SeqCst), 0, "nobody else is asked");
    let node = world.nodes.get("a").await.unwrap();
    assert_eq!(
        condition(&node, "Ready").map(|(_, reason, _)| reason),
        Some("Available")
    );

    world.proxy.remove(rule);
    world.cloud_condition("lab", "Ready", "True", "Observed").await;
    world.edit("a", &active("http://images.example/one.qcow2")).await;
    world.ready("a", "Deployed").await;
    world.assert_no_verb_repeated();
}

#[tokio::test]
async fn a_link_to_a_row_that_is_not_there_leads_to_no_listing() {
    let mut world = World::empty("answers-nowhere").await;
    let marker = uuid::Uuid::new_v4();
    let (url, visits) = elsewhere().await;
    let nowhere = move |body: &mut Value| body["next"] = format!("{url}/?marker={marker}").into();
    let first = world
        .proxy
        .when_request(is_listing)
        .then(Action::Edit(Edit::new(nowhere)));
    world.apply(&world.lab()).await.unwrap();
    world.start_operator().await;
    // Ironic does not know the row that is to be the last of the page.
    let cloud = world
        .cloud_condition("lab", "Reconciling", "True", "CloudUnavailable")
        .await;
    let said = cloud_message(&cloud, "Ready");
    assert!(said.contains("cannot go on"), "{said}");
    world.lists(4).await;
    assert_eq!(visits.load(Ordering::SeqCst), 0);
    world.proxy.remove(first);
    world.cloud_condition("lab", "Ready", "True", "Observed").await;
}
