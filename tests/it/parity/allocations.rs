//! Allocations.

#![cfg(test)]

use ironwright::ironic::client::AllocationQuery;
use ironwright::ironic::model::{
    AllocationCreate, AllocationState, AllocationUpdate, Edit, PowerTarget, Verb,
};
use ironwright_stack::proxy::{Action, Answer};
use serde_json::{Value, json};

use super::nodes::walked;
use super::scene::{SIDES, Scene, Side, all, json_of};
use super::sdk::{Call, call};
use crate::client_lab::{LONG, object, patch};

/// One for a class.
pub fn claim(scene: &Scene<'_>, side: Side, name: &str, class: &str) -> AllocationCreate {
    AllocationCreate {
        name: Some(scene.name(side, name)),
        resource_class: Some(class.to_owned()),
        extra: object(json!({"a": 1})),
        ..AllocationCreate::default()
    }
}

/// openstacksdk's creation of the same.
pub fn creation(draft: &AllocationCreate) -> Call {
    call("create_allocation", json!([]), json_of(draft))
}

/// Creates one of each and waits until Ironic is done with both.
async fn made(scene: &mut Scene<'_>, what: &'static str, name: &str, class: [&str; 2]) {
    let ours = scene.ours();
    let [sdk, our] = [
        claim(scene, Side::Sdk, name, class[0]),
        claim(scene, Side::Ours, name, class[1]),
    ];
    scene
        .alike(
            what,
            &creation(&sdk),
            ours.create_allocation(&our),
            |sdk, ours| {
                for field in ["extra", "candidate_nodes", "traits"] {
                    assert_eq!(
                        sdk.value()[field],
                        ours.value().get(field).cloned().unwrap_or(json!([])),
                        "{field}"
                    );
                }
                assert!(sdk.value()["uuid"].is_string() && ours.value()["uuid"].is_string());
            },
        )
        .await;
    settled(scene, &sdk, &our).await;
}

/// Waits until Ironic is done with both.
pub async fn settled(scene: &Scene<'_>, sdk: &AllocationCreate, our: &AllocationCreate) {
    for draft in [sdk, our] {
        let id = draft.name.as_deref().expect("a name");
        let done = scene.ours().wait_for_allocation(id, LONG, true).await;
        done.expect("Ironic is done with it");
    }
}

/// A node that allocations can have: available, its power known.
pub async fn offered(scene: &Scene<'_>, name: &str) {
    let ours = scene.ours();
    let nodes = walked(scene, name, &json!({}), &[Verb::Manage, Verb::Provide]).await;
    for node in &nodes {
        let on = ours.set_node_power_state_and_wait(node, PowerTarget::On, None, LONG);
        on.await.expect("its power is known");
    }
    scene.rest(&nodes).await;
}

fn path(side: Side) -> String {
    let side = if side == Side::Sdk { "sdk" } else { "our" };
    format!("/v1/allocations/parity-{side}-allocations-life-a")
}

pub async fn life(scene: &mut Scene<'_>) {
    let ours = scene.ours();
    offered(scene, "n").await;
    let classes = SIDES.map(|side| scene.class(side));
    made(scene, "any node that fits", "a", [&classes[0], &classes[1]]).await;
    let held = scene.held(path).await;
    assert_eq!(held["state"], "active");
    scene.held_node("n").await;
    let (sdk, our) = (scene.sdk("a"), scene.our("a"));
    let by = |function, kwargs| call(function, json!([sdk]), kwargs);
    let waited = call("wait_for_allocation", json!([sdk]), json!({"timeout": 60}));
    scene
        .same(
            "until it has a node",
            &waited,
            ours.wait_for_allocation(&our, LONG, false),
        )
        .await;
    scene
        .same(
            "by name",
            &by("get_allocation", json!({})),
            ours.get_allocation(&our),
        )
        .await;
    let fields = by("get_allocation", json!({"fields": ["id", "state"]}));
    scene
        .same(
            "some fields",
            &fields,
            ours.get_allocation_fields(&our, &["state"]),
        )
        .await;
    changed(scene, &sdk, &our).await;
    listed(scene).await;
    deleted(scene, &sdk, &our).await;
}

async fn changed(scene: &mut Scene<'_>, sdk: &str, our: &str) {
    let ours = scene.ours();
    let read = call("get_allocation", json!([sdk]), json!({})).order();
    let update = AllocationUpdate {
        extra: Edit::set("b", 2),
        ..AllocationUpdate::default()
    };
    scene
        .same(
            "keys, the others stay",
            &call(
                "update_allocation",
                json!([read]),
                json!({"extra": {"a": 1, "b": 2}}),
            ),
            ours.update_allocation(our, &update),
        )
        .await;
    scene.held(path).await;
    let operations = json!([{"op": "remove", "path": "/extra/a"}]);
    scene
        .same(
            "a list of operations",
            &call("patch_allocation", json!([sdk, operations]), json!({})),
            ours.patch_allocation(our, &patch(operations.clone())),
        )
        .await;
    let refused = json!([{"op": "add", "path": "/resource_class", "value": "x"}]);
    scene
        .same(
            "what cannot be changed, in Ironic's words",
            &call("patch_allocation", json!([sdk, refused]), json!({})),
            ours.patch_allocation(our, &patch(refused.clone())),
        )
        .await;
    scene.held(path).await;
}

async fn listed(scene: &mut Scene<'_>) {
    let ours = scene.ours();
    let class = scene.class(Side::Ours);
    let of = |change: &dyn Fn(&mut AllocationQuery)| {
        let mut query = AllocationQuery {
            resource_class: Some(class.clone()),
            ..AllocationQuery::default()
        };
        change(&mut query);
        query
    };
    let kwargs = |more: Value| {
        let mut kwargs = more;
        kwargs["resource_class"] = scene.class(Side::Sdk).into();
        call("allocations", json!([]), kwargs)
    };
    let node = AllocationQuery {
        node: Some(scene.our("n")),
        ..AllocationQuery::default()
    };
    let cases = [
        ("`resource_class`", kwargs(json!({})), of(&|_| ())),
        (
            "`state`",
            kwargs(json!({"state": "active"})),
            of(&|q| q.state = Some(AllocationState::Active)),
        ),
        (
            "`state`",
            kwargs(json!({"state": "error"})),
            of(&|q| q.state = Some(AllocationState::Error)),
        ),
        (
            "`limit` (the size of a page)",
            kwargs(json!({"limit": 1})),
            of(&|q| q.page_size = Some(1)),
        ),
        (
            "`fields`",
            kwargs(json!({"fields": ["id", "state"]})),
            of(&|q| q.fields = vec!["state".into()]),
        ),
        (
            "`node`",
            call("allocations", json!([]), json!({"node": scene.sdk("n")})),
            node,
        ),
    ];
    for (what, call, query) in cases {
        scene.same(what, &call, all(ours.list_allocations(query))).await;
    }
}

async fn deleted(scene: &mut Scene<'_>, sdk: &str, our: &str) {
    let ours = scene.ours();
    let delete = |kwargs| call("delete_allocation", json!([sdk]), kwargs);
    for (what, there) in [
        ("one that is there; its node is free again", true),
        ("one that is not there is no error", false),
    ] {
        let gone = async { ours.delete_allocation(our).await.map(Value::from) };
        scene
            .alike(what, &delete(json!({})), gone, |sdk, ours| {
                assert_eq!((sdk.value().is_object(), ours.value()), (there, &json!(there)));
            })
            .await;
    }
    let node = scene.held_node("n").await;
    assert_eq!(node.get("instance_uuid"), None);
    let strict = async { ours.delete_allocation(our).await.map(Value::from) };
    scene
        .alike(
            "`ignore_missing=False`: an error; ours tells it as `false`",
            &delete(json!({"ignore_missing": false})),
            strict,
            |sdk, ours| {
                assert_eq!((sdk.kind(), ours.value()), ("404", &json!(false)));
            },
        )
        .await;
}

pub async fn without_a_node(scene: &mut Scene<'_>) {
    let ours = scene.ours();
    let classes = SIDES.map(|side| scene.name(side, "none"));
    made(
        scene,
        "one for which there is no node",
        "a",
        [&classes[0], &classes[1]],
    )
    .await;
    let (sdk, our) = (scene.sdk("a"), scene.our("a"));
    let wait = |kwargs| call("wait_for_allocation", json!([sdk]), kwargs);
    scene
        .same(
            "there is no node: an error with Ironic's reason",
            &wait(json!({"timeout": 60})),
            ours.wait_for_allocation(&our, LONG, false),
        )
        .await;
    scene
        .same(
            "`ignore_error` as it works, not as the page says: the allocation as it is",
            &wait(json!({"timeout": 60, "ignore_error": true})),
            ours.wait_for_allocation(&our, LONG, true),
        )
        .await;
}

pub async fn waits_that_end(scene: &mut Scene<'_>) {
    let ours = scene.ours();
    let (sdk, our) = (scene.sdk("a"), scene.our("a"));
    let wait = |kwargs| call("wait_for_allocation", json!([sdk]), kwargs);
    let allocating = Answer {
        status: 200,
        headers: vec![("X-OpenStack-Ironic-API-Version".into(), "1.60".into())],
        body: json!({"uuid": "00000000-0000-4000-8000-000000000000", "state": "allocating"})
            .to_string()
            .into(),
    };
    scene.both_proxies("GET", "/v1/allocations/{}", u64::MAX, &Action::Answer(allocating));
    scene
        .same(
            "the time is over",
            &wait(json!({"timeout": 1})),
            ours.wait_for_allocation(&our, std::time::Duration::from_secs(1), false),
        )
        .await;
    scene.clear_rules();
    scene
        .alike(
            "one that is not there is `404`",
            &call("wait_for_allocation", json!(["nobody"]), json!({"timeout": 60})),
            ours.wait_for_allocation("nobody", LONG, false),
            |sdk, ours| {
                assert_eq!((sdk.kind(), ours.kind()), ("404", "404"));
            },
        )
        .await;
    let both = [
        claim(scene, Side::Sdk, "x", ""),
        claim(scene, Side::Ours, "x", ""),
    ]
    .map(|claim| AllocationCreate {
        resource_class: None,
        ..claim
    });
    scene
        .better(
            "without a resource class and a node: refused without a request",
            &creation(&both[0]),
            ours.create_allocation(&both[1]),
            |sdk, ours| {
                assert_eq!((sdk.kind(), ours.kind(), ours.sent.len()), ("400", "argument", 0));
            },
        )
        .await;
}
