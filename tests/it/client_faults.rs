//! The client between faults and a real Ironic.

#![cfg(test)]

use std::time::{Duration, Instant};

use ironwright::ironic::client::{
    ChassisQuery, Client, Error, NodeQuery, PortGroupQuery, ProvisionRequest, Settings,
};
use ironwright::ironic::model::{
    AllocationCreate, ApiVersion, ChassisCreate, Edit, NodeUpdate, PortCreate, PortGroupCreate, Verb,
};
use ironwright_stack::proxy::{Action, Answer, Callback};
use ironwright_stack::{Ironic, IronicOptions, Proxy};
use serde_json::json;

use crate::client_lab::{Lab, rows};
use crate::harness;

fn busy(headers: Vec<(String, String)>) -> Action {
    let answer = Answer::ironic_error(
        503,
        "Requested action cannot be performed due to lack of free conductor workers.",
    );
    Action::Answer(Answer {
        headers: [answer.headers, headers].concat(),
        ..answer
    })
}

#[tokio::test]
async fn a_creation_whose_answer_is_lost_is_made_once() {
    let lab = Lab::new("cf-once").await;
    let client = &lab.client;
    for route in [
        "/v1/nodes",
        "/v1/ports",
        "/v1/portgroups",
        "/v1/chassis",
        "/v1/allocations",
    ] {
        lab.proxy.when("POST", route).nth(1).then(Action::DropAfter);
    }
    let node = client
        .create_node(&lab.draft("n", &json!({})))
        .await
        .unwrap()
        .value;
    assert_eq!(node.name, Some(lab.name("n")));
    let group = PortGroupCreate {
        node_uuid: node.uuid.clone(),
        ..PortGroupCreate::default()
    };
    client.create_port_group(&group).await.unwrap();
    let port = PortCreate {
        address: "02:1a:f0:00:00:01".into(),
        node_uuid: node.uuid.clone(),
        ..PortCreate::default()
    };
    client.create_port(&port).await.unwrap();
    let chassis = ChassisCreate {
        description: Some(lab.name("c")),
        ..ChassisCreate::default()
    };
    client.create_chassis(&chassis).await.unwrap();
    let claim = AllocationCreate {
        resource_class: lab.query().resource_class,
        ..AllocationCreate::default()
    };
    client.create_allocation(&claim).await.unwrap();
    assert_eq!(lab.writes(), 10, "each was sent twice");
    let groups = PortGroupQuery {
        node: Some(node.uuid.clone()),
        ..PortGroupQuery::default()
    };
    assert_eq!(rows(client.list_port_groups(groups)).await.unwrap().len(), 1);
    let all = rows(client.list_chassis(ChassisQuery::default())).await.unwrap();
    let ours = all
        .iter()
        .filter(|other| other.description == chassis.description);
    assert_eq!(ours.count(), 1);
}

#[tokio::test]
async fn a_deletion_whose_answer_is_lost_is_known_to_be_done() {
    let lab = Lab::new("cf-gone").await;
    let client = &lab.client;
    let node = lab.node("n", json!({})).await;
    let port = PortCreate {
        address: "02:1a:f0:00:00:02".into(),
        node_uuid: node.uuid.clone(),
        ..PortCreate::default()
    };
    let port = client.create_port(&port).await.unwrap().value;
    lab.proxy
        .when("DELETE", "/v1/ports/{}")
        .nth(1)
        .then(Action::DropAfter);
    assert!(
        client.delete_port(&port.uuid).await.unwrap(),
        "it was there: the first request deleted it"
    );
    lab.proxy
        .when("DELETE", "/v1/nodes/{}")
        .nth(1)
        .then(Action::DropBefore);
    assert!(client.delete_node(&node.uuid).await.unwrap());
}

#[tokio::test]
async fn what_may_have_been_done_is_not_done_again() {
    let lab = Lab::new("cf-doubt").await;
    let node = lab.node("n", json!({})).await;
    let update = NodeUpdate {
        extra: Edit::set("x", 1),
        ..NodeUpdate::default()
    };
    lab.proxy
        .when("PATCH", "/v1/nodes/{}")
        .nth(1)
        .then(Action::DropAfter);
    let error = lab.client.update_node(&node.uuid, &update).await.unwrap_err();
    assert!(matches!(error, Error::Transport { sent: true, .. }), "{error:?}");
    lab.proxy.clear_log();
    assert_eq!(
        lab.client
            .update_node(&node.uuid, &update)
            .await
            .unwrap()
            .value
            .extra["x"],
        1
    );
    assert_eq!(lab.writes(), 0, "it was done");
    lab.proxy
        .when("PUT", "/v1/nodes/{}/states/provision")
        .nth(1)
        .then(Action::DropBefore);
    let lost = lab
        .client
        .set_node_provision_state(&node.uuid, &ProvisionRequest::new(Verb::Manage))
        .await;
    assert!(matches!(lost, Err(Error::Transport { .. })), "{lost:?}");
    lab.walk(&node.uuid, &[Verb::Manage]).await;
}

#[tokio::test]
async fn a_busy_ironic_is_asked_again_when_it_says() {
    let lab = Lab::new("cf-busy").await;
    let node = lab.node("n", json!({})).await;
    lab.proxy
        .when("PUT", "/v1/nodes/{}/states/provision")
        .nth(1)
        .then(busy(Vec::new()));
    lab.walk(&node.uuid, &[Verb::Manage]).await;
    lab.proxy
        .when("GET", "/v1/nodes/{}")
        .nth(1)
        .then(busy(vec![("Retry-After".into(), "1".into())]));
    let started = Instant::now();
    lab.client.get_node(&node.uuid).await.unwrap();
    assert!(started.elapsed() >= Duration::from_secs(1));
    lab.proxy.when("GET", "/v1/nodes/{}").then(busy(Vec::new()));
    lab.proxy.clear_log();
    let error = lab.client.get_node(&node.uuid).await.unwrap_err();
    assert_eq!((error.status(), lab.sent().len()), (Some(503), 4), "{error}");
}

#[tokio::test]
async fn a_body_that_is_none_is_no_answer() {
    let lab = Lab::new("cf-body").await;
    let node = lab.node("n", json!({})).await;
    lab.proxy
        .when("GET", "/v1/nodes/{}")
        .nth(1)
        .then(Action::Truncate);
    assert_eq!(
        lab.client.get_node(&node.uuid).await.unwrap().value.uuid,
        node.uuid
    );
    let html = |status| {
        Action::Answer(Answer {
            status,
            headers: vec![("Content-Type".into(), "text/html".into())],
            body: "<html><head><title>Login</title></head><body>Who goes there?</body></html>".into(),
        })
    };
    let rule = lab.proxy.when("GET", "/v1/nodes/{}").then(html(200));
    let error = lab.client.get_node(&node.uuid).await.unwrap_err();
    assert!(
        matches!(&error, Error::Body { problem, .. } if problem.contains("HTML")),
        "{error}"
    );
    lab.proxy.remove(rule);
    lab.proxy.when("GET", "/v1/nodes/{}").then(html(403));
    let error = lab.client.get_node(&node.uuid).await.unwrap_err();
    assert!(
        error.status() == Some(403)
            && error.words().contains("is not Ironic's")
            && !error.words().contains("Who"),
        "{error}"
    );
}

#[tokio::test]
async fn the_next_page_is_asked_of_the_same_ironic() {
    let lab = Lab::new("cf-next").await;
    for number in 0..3 {
        lab.node(&number.to_string(), json!({})).await;
    }
    // The proxy passes on Ironic's own links; one that leads elsewhere is made of a true page.
    let page = NodeQuery {
        page_size: Some(1),
        ..lab.query()
    };
    let first = rows(lab.client.list_nodes(NodeQuery {
        at_most: Some(1),
        ..page.clone()
    }))
    .await
    .unwrap();
    let body = json!({"nodes": [first[0]], "next": format!("http://elsewhere.invalid:1/x?marker={}", first[0].uuid)});
    let answer = Answer {
        status: 200,
        headers: Vec::new(),
        body: body.to_string().into(),
    };
    lab.proxy
        .when("GET", "/v1/nodes")
        .nth(1)
        .then(Action::Answer(answer));
    let all = rows(lab.client.list_nodes(page)).await.unwrap();
    assert_eq!(all.len(), 3);
}

#[tokio::test]
async fn a_page_that_begins_at_a_deleted_node_says_so() {
    let lab = Lab::new("cf-marker").await;
    for number in 0..3 {
        lab.node(&number.to_string(), json!({})).await;
    }
    let endpoint = harness::stack().await.ironic.endpoint();
    let direct = Client::new(Settings::new(endpoint)).unwrap();
    let victim = lab.name("0");
    let delete = Callback::new(move |_| {
        let (direct, victim) = (direct.clone(), victim.clone());
        async move { drop(direct.delete_node(&victim).await) }
    });
    lab.proxy
        .when("GET", "/v1/nodes")
        .nth(2)
        .then(Action::CallBefore(delete));
    let page = NodeQuery {
        page_size: Some(1),
        ..lab.query()
    };
    let error = rows(lab.client.list_nodes(page.clone())).await.unwrap_err();
    assert!(matches!(error, Error::MarkerGone { .. }), "{error:?}");
    assert_eq!(
        rows(lab.client.list_nodes(page)).await.unwrap().len(),
        2,
        "from the beginning it works"
    );
}

#[tokio::test]
async fn an_older_ironic_is_spoken_to_in_its_version() {
    let stack = harness::stack().await;
    // The last release before runbooks, as in the middle of an upgrade.
    let options = IronicOptions {
        name: "cf-pinned".to_owned(),
        extra_conf: "[DEFAULT]\npin_release_version = 24.0\n".to_owned(),
        ..IronicOptions::default()
    };
    let pinned = Ironic::start(&stack.tools, &stack.run, options).await.unwrap();
    let proxy = Proxy::start(&pinned.endpoint()).await.unwrap();
    let newer = stack.ironic.get("/v1/").await.unwrap();
    let answer = Answer {
        status: 200,
        headers: Vec::new(),
        body: newer.to_string().into(),
    };
    proxy.when("GET", "/v1").nth(1).then(Action::Answer(answer));
    let client = Client::new(Settings::new(proxy.endpoint())).unwrap();
    assert_eq!(
        client.versions().await.unwrap().negotiated,
        ApiVersion::TESTED,
        "what it was before"
    );
    let listed = rows(client.list_nodes(NodeQuery::default())).await;
    assert!(listed.is_ok(), "refused with 406, and asked again: {listed:?}");
    let negotiated = client.versions().await.unwrap().negotiated;
    assert!(negotiated < ApiVersion::v1(92), "{negotiated}");
    let error = client.find_runbook("any").await.unwrap_err();
    assert!(matches!(error, Error::NotSupported { .. }), "{error}");
    assert_eq!(proxy.count("*", "/v1/runbooks/{}"), 0);
    pinned.stop().await;
}
