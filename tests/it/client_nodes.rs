//! Nodes: creation, reading, change and deletion on a real Ironic.

#![cfg(test)]

use ironwright::ironic::client::{Error, InitialState, Rejection};
use ironwright::ironic::model::{Change, Edit, Node, NodeCreate, NodeUpdate, ProvisionState, Verb};
use ironwright_stack::proxy::{Action, Answer};
use serde_json::json;
use uuid::Uuid;

use crate::client_lab::{LONG, Lab, object, patch};

#[tokio::test]
async fn a_node_is_created_read_and_deleted() {
    let lab = Lab::new("cn-crud").await;
    let client = &lab.client;
    let draft = NodeCreate {
        description: Some("one".into()),
        properties: object(json!({"cpus": 4})),
        ..lab.draft("a", &json!({}))
    };
    let node = client.create_node(&draft).await.unwrap().value;
    assert_eq!(node.provision_state, ProvisionState::Enroll);
    assert_eq!(
        (node.properties["cpus"].clone(), node.description.as_deref()),
        (json!(4), Some("one"))
    );

    let name = lab.name("a");
    let taken = client.create_node(&draft).await.unwrap_err();
    assert!(taken.is_already_exists(), "{taken}");
    let posts = lab
        .sent()
        .iter()
        .filter(|request| *request == "POST /v1/nodes")
        .count();
    assert_eq!(posts, 2, "a taken name is known at once");

    assert_eq!(client.get_node(&name).await.unwrap().value.uuid, node.uuid);
    let upper = node.uuid.to_uppercase();
    assert_eq!(client.get_node(&upper).await.unwrap().value.uuid, node.uuid);
    let narrow = client
        .get_node_fields(&name, &["name", "driver"])
        .await
        .unwrap()
        .value;
    let expected = Node {
        uuid: node.uuid.clone(),
        name: Some(name.clone()),
        driver: "fake-hardware".into(),
        ..Node::default()
    };
    assert_eq!(
        Node {
            other: object(json!({})),
            ..narrow
        },
        expected
    );
    let odd = client.get_node_fields(&name, &["shoe_size"]).await.unwrap_err();
    assert!(
        odd.status() == Some(400) && odd.words().contains("shoe_size"),
        "{odd}"
    );

    lab.proxy.clear_log();
    assert_eq!(
        client.find_node(&name).await.unwrap().unwrap().value.uuid,
        node.uuid
    );
    assert!(client.find_node(&lab.name("b")).await.unwrap().is_none());
    assert_eq!(lab.sent().len(), 2, "no listing is needed");
    assert!(client.get_node(&lab.name("b")).await.unwrap_err().is_not_found());
    let odd = client.get_node("no name").await.unwrap_err();
    assert!(!odd.is_not_found() && odd.status() == Some(400), "{odd}");

    assert!(client.delete_node(&name).await.unwrap());
    assert!(!client.delete_node(&name).await.unwrap(), "it is gone");
}

#[tokio::test]
async fn a_node_begins_in_the_state_that_is_asked_for() {
    let lab = Lab::new("cn-begin").await;
    for (name, state, expected) in [
        ("e", InitialState::Enroll, "enroll"),
        ("m", InitialState::Manageable, "manageable"),
        ("a", InitialState::Available, "available"),
    ] {
        let draft = NodeCreate {
            description: Some("newer than API 1.10".into()),
            ..lab.draft(name, &json!({}))
        };
        let node = lab
            .client
            .create_node_in(&draft, state, LONG)
            .await
            .unwrap()
            .value;
        assert_eq!(node.provision_state.as_str(), expected);
        assert_eq!(node.description.as_deref(), Some("newer than API 1.10"));
    }
    assert_eq!(
        "available".parse::<InitialState>().unwrap(),
        InitialState::Available
    );
    let active = "active".parse::<InitialState>().unwrap_err();
    assert!(matches!(active, Error::Argument { .. }), "{active}");

    let draft = lab.draft("broken", &json!({"verify_fail": "no such BMC"}));
    let error = lab
        .client
        .create_node_in(&draft, InitialState::Available, LONG)
        .await
        .unwrap_err();
    assert!(
        matches!(error, Error::Unreached { .. }) && error.words().contains("no such BMC"),
        "{error:?}"
    );
    let left = lab.client.get_node(&lab.name("broken")).await.unwrap().value;
    assert_eq!(
        left.provision_state,
        ProvisionState::Enroll,
        "it stays to be looked at"
    );
}

#[tokio::test]
async fn an_update_changes_what_it_names_and_nothing_else() {
    let lab = Lab::new("cn-update").await;
    let client = &lab.client;
    let draft = NodeCreate {
        properties: object(json!({"cpus": 4, "size": "XL"})),
        driver_info: object(json!({"some_password": "secret", "address": "a"})),
        ..lab.draft("a", &json!({}))
    };
    let node = client.create_node(&draft).await.unwrap().value;
    let update = NodeUpdate {
        description: "rack 7".into(),
        properties: Edit::keys([
            ("cpus", Some(json!(8))),
            ("size", None),
            ("a.b/c", Some(json!([1]))),
        ]),
        driver_info: Edit::set("address", "b"),
        extra: Edit::set("mine", json!({"deep": {"er": 1}})),
        automated_clean: Change::Set(false),
        ..NodeUpdate::default()
    };
    lab.proxy.clear_log();
    let updated = client.update_node(&lab.name("a"), &update).await.unwrap().value;
    assert_eq!(updated.properties, object(json!({"cpus": 8, "a.b/c": [1]})));
    assert_eq!(updated.extra["mine"], json!({"deep": {"er": 1}}));
    assert_eq!(updated.extra["testkit"], json!({}), "what is not named stays");
    assert_eq!(
        updated.driver_info,
        object(json!({"some_password": "******", "address": "b"}))
    );
    assert_eq!(
        (updated.automated_clean, updated.reservation),
        (Some(false), None)
    );
    let path = format!("PATCH /v1/nodes/{}", node.uuid);
    assert_eq!(lab.sent(), [format!("GET /v1/nodes/{}", lab.name("a")), path]);

    lab.proxy.clear_log();
    client.update_node(&node.uuid, &update).await.unwrap();
    assert_eq!(lab.writes(), 0, "all is so already");
}

#[tokio::test]
async fn an_update_renames_and_removes() {
    let lab = Lab::new("cn-rename").await;
    let client = &lab.client;
    let draft = NodeCreate {
        description: Some("old".into()),
        automated_clean: Some(false),
        driver_info: object(json!({"some_password": "secret"})),
        ..lab.draft("a", &json!({"gone": 1}))
    };
    let node = client.create_node(&draft).await.unwrap().value;
    let renamed = NodeUpdate {
        name: lab.name("b").as_str().into(),
        description: Change::Unset,
        automated_clean: None.into(),
        extra: Edit::Whole(object(json!({"testkit": {}, "other": 1}))),
        ..NodeUpdate::default()
    };
    let now = client.update_node(&lab.name("a"), &renamed).await.unwrap().value;
    assert_eq!(
        (now.uuid, now.description, now.automated_clean),
        (node.uuid, None, None)
    );
    assert_eq!(now.extra, object(json!({"testkit": {}, "other": 1})));
    assert!(client.find_node(&lab.name("a")).await.unwrap().is_none());
    let error = NodeUpdate {
        driver_info: Edit::set("a.b", 1),
        ..NodeUpdate::default()
    };
    let error = client.update_node(&lab.name("b"), &error).await.unwrap_err();
    assert!(
        matches!(error, Error::Argument { .. }),
        "it would lose the password: {error}"
    );
}

#[tokio::test]
async fn maintenance_with_a_reason_goes_with_other_changes() {
    let lab = Lab::new("cn-maint").await;
    let node = lab.node("a", json!({})).await;
    let both = NodeUpdate {
        maintenance_reason: Some("disk swap".into()),
        extra: Edit::set("ticket", 7),
        ..NodeUpdate::default()
    };
    let now = lab.client.update_node(&node.uuid, &both).await.unwrap().value;
    assert_eq!(
        (now.maintenance, now.maintenance_reason.as_deref()),
        (true, Some("disk swap"))
    );
    assert_eq!(now.extra["ticket"], 7);
    lab.proxy.clear_log();
    lab.client.update_node(&node.uuid, &both).await.unwrap();
    assert_eq!(lab.writes(), 0);
    let over = NodeUpdate {
        maintenance: Some(false),
        extra: Edit::remove("ticket"),
        ..NodeUpdate::default()
    };
    let now = lab.client.update_node(&node.uuid, &over).await.unwrap().value;
    assert_eq!(
        (now.maintenance, now.maintenance_reason),
        (false, None),
        "in one request"
    );
    assert_eq!(lab.writes(), 1);
}

#[tokio::test]
async fn an_instance_is_claimed_once() {
    let lab = Lab::new("cn-claim").await;
    let (a, b) = (lab.node("a", json!({})).await, lab.node("b", json!({})).await);
    let claim = |uuid: Uuid| NodeUpdate {
        instance_uuid: uuid.to_string().as_str().into(),
        ..NodeUpdate::default()
    };
    let (mine, theirs) = (Uuid::new_v4(), Uuid::new_v4());
    lab.client.update_node(&a.uuid, &claim(mine)).await.unwrap();
    lab.client.update_node(&a.uuid, &claim(mine)).await.unwrap();
    lab.proxy.clear_log();
    let patient = lab.client.retry_on_conflict(LONG);
    for (id, uuid) in [(&a.uuid, theirs), (&b.uuid, mine)] {
        let error = patient.update_node(id, &claim(uuid)).await.unwrap_err();
        assert_eq!(error.rejection(), Some(Rejection::InstanceAssociated), "{error}");
    }
    assert_eq!(lab.writes(), 2, "it will not get better by asking again");
    assert_eq!(
        lab.client.delete_node(&a.uuid).await.unwrap_err().status(),
        Some(409)
    );
}

#[tokio::test]
async fn a_patch_is_made_whole_or_not_at_all() {
    let lab = Lab::new("cn-patch").await;
    let node = lab.node("a", json!({})).await;
    let both = patch(json!([
        {"op": "add", "path": "/extra/x", "value": 1}, {"op": "replace", "path": "/properties/none", "value": 2}
    ]));
    let error = lab.client.patch_node(&node.uuid, &both, false).await.unwrap_err();
    assert!(
        error.status() == Some(400) && !error.words().is_empty(),
        "{error}"
    );
    let now = lab.client.get_node(&node.uuid).await.unwrap().value;
    assert!(!now.extra.contains_key("x"));
    let read_only = patch(json!([{"op": "add", "path": "/traits", "value": []}]));
    let error = lab
        .client
        .patch_node(&node.uuid, &read_only, false)
        .await
        .unwrap_err();
    assert!(error.words().contains("/traits"), "{error}");
    let driver = patch(json!([{"op": "replace", "path": "/driver", "value": "manual-management"}]));
    assert_eq!(
        lab.client
            .patch_node(&node.uuid, &driver, false)
            .await
            .unwrap_err()
            .status(),
        Some(400)
    );
    let now = lab
        .client
        .patch_node(&node.uuid, &driver, true)
        .await
        .unwrap()
        .value;
    assert_eq!(
        (now.driver.as_str(), now.deploy_interface.as_deref()),
        ("manual-management", Some("direct"))
    );
}

#[tokio::test]
async fn a_lock_is_waited_for_by_who_is_patient() {
    let lab = Lab::new("cn-lock").await;
    let node = lab.node("a", json!({})).await;
    let words = format!(
        "Node {} is locked by host h, please retry after the current operation is completed.",
        node.uuid
    );
    let locked = || Action::Answer(Answer::ironic_error(409, &words));
    let update = |value: i64| NodeUpdate {
        extra: Edit::set("n", value),
        ..NodeUpdate::default()
    };
    let hasty = lab.proxy.when("PATCH", "/v1/nodes/{}").then(locked());
    lab.proxy.clear_log();
    let error = lab.client.update_node(&node.uuid, &update(1)).await.unwrap_err();
    assert!(error.is_locked(), "{error}");
    assert_eq!(lab.writes(), 1, "the refusal is the caller's");
    lab.proxy.remove(hasty);

    lab.proxy.when("PATCH", "/v1/nodes/{}").times(2).then(locked());
    lab.proxy.clear_log();
    let patient = lab.client.retry_on_conflict(LONG);
    let now = patient.update_node(&node.uuid, &update(2)).await.unwrap().value;
    assert_eq!((now.extra["n"].clone(), lab.writes()), (json!(2), 3));
    assert_eq!(lab.sent().len(), 6, "each attempt begins with what is there now");
}

#[tokio::test]
async fn what_must_not_be_deleted_is_not() {
    let lab = Lab::new("cn-delete").await;
    let node = lab.node("a", json!({})).await;
    lab.walk(&node.uuid, &[Verb::Manage, Verb::Provide, Verb::Active])
        .await;
    lab.proxy.clear_log();
    let error = lab.client.delete_node(&node.uuid).await.unwrap_err();
    assert!(
        matches!(
            error.rejection(),
            Some(Rejection::InvalidState | Rejection::InstanceAssociated)
        ),
        "{error}"
    );
    assert_eq!(lab.writes(), 1);
    let protect = |on| NodeUpdate {
        protected: Some(on),
        ..NodeUpdate::default()
    };
    lab.client.update_node(&node.uuid, &protect(true)).await.unwrap();
    lab.client.set_node_maintenance(&node.uuid, "test").await.unwrap();
    let error = lab.client.delete_node(&node.uuid).await.unwrap_err();
    assert_eq!(error.rejection(), Some(Rejection::Protected), "{error}");
    lab.client.update_node(&node.uuid, &protect(false)).await.unwrap();
    assert!(
        lab.client.delete_node(&node.uuid).await.unwrap(),
        "in maintenance it can be"
    );
}
