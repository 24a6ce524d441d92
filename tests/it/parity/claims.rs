//! Allocations that want a certain node.

#![cfg(test)]

use ironwright::ironic::model::{AllocationCreate, AllocationUpdate, Verb};
use serde_json::{Value, json};

use super::allocations::{claim, creation, offered, settled};
use super::nodes::walked;
use super::scene::{SIDES, Scene, Side};
use super::sdk::call;

/// What both ask for: a class, and what `more` adds.
fn claims(
    scene: &Scene<'_>,
    name: &str,
    more: impl Fn(Side, &mut AllocationCreate),
) -> [AllocationCreate; 2] {
    SIDES.map(|side| {
        let mut draft = claim(scene, side, name, &scene.class(side));
        more(side, &mut draft);
        draft
    })
}

/// Both create it, and Ironic then holds the same; the names of the nodes that they got.
async fn claimed(
    scene: &mut Scene<'_>,
    what: &'static str,
    name: &str,
    [sdk, our]: [AllocationCreate; 2],
) -> Value {
    let ours = scene.ours();
    let made = ours.create_allocation(&our);
    scene
        .alike(what, &creation(&sdk), made, |sdk, ours| {
            assert!(sdk.result.is_ok() && ours.result.is_ok(), "{sdk:?} {ours:?}");
        })
        .await;
    settled(scene, &sdk, &our).await;
    let names = SIDES.map(|side| scene.name(side, name));
    let path = |side: Side| format!("/v1/allocations/{}", names[side as usize]);
    scene.held(path).await
}

/// Which of its nodes a side's allocation has, by its last letter.
async fn node_of(scene: &Scene<'_>, side: Side, name: &str) -> Option<char> {
    let ours = scene.ours();
    let allocation = ours.get_allocation(&scene.name(side, name)).await;
    let node = allocation.expect("an allocation").value.node_uuid?;
    ours.get_node(&node)
        .await
        .expect("its node")
        .value
        .name?
        .chars()
        .last()
}

pub async fn chosen(scene: &mut Scene<'_>) {
    // The first that fits is `a`, if nothing is said.
    offered(scene, "a").await;
    offered(scene, "b").await;
    for side in SIDES {
        let added = scene.ours();
        let added = added
            .add_node_trait(&scene.name(side, "a"), "CUSTOM_PARITY")
            .await;
        added.expect("it has a trait");
    }
    let names = SIDES.map(|side| scene.name(side, "b"));
    let among = claims(scene, "among", |side, draft| {
        draft.candidate_nodes = vec![names[side as usize].clone()];
    });
    claimed(scene, "`candidate_nodes`", "among", among).await;
    let none = claims(scene, "none", |_, draft| {
        draft.traits = vec!["CUSTOM_NONE".into()];
    });
    let held = claimed(
        scene,
        "`traits` that no node has: an error, with its reason",
        "none",
        none,
    )
    .await;
    assert_eq!(held["state"], "error");
    let traits = claims(scene, "traits", |_, draft| {
        draft.traits = vec!["CUSTOM_PARITY".into()];
    });
    claimed(scene, "`traits`", "traits", traits).await;
    for side in SIDES {
        assert_eq!(node_of(scene, side, "among").await, Some('b'), "{side:?}");
        assert_eq!(node_of(scene, side, "traits").await, Some('a'), "{side:?}");
    }
    let (sdk, our) = (scene.sdk("traits"), scene.our("traits"));
    let rename = AllocationUpdate {
        name: scene.our("renamed").as_str().into(),
        ..AllocationUpdate::default()
    };
    let ours = scene.ours();
    let new_name = json!({"name": scene.sdk("renamed")});
    let read = call("get_allocation", json!([sdk]), json!({})).order();
    scene
        .same(
            "a new name",
            &call("update_allocation", json!([read]), new_name),
            ours.update_allocation(&our, &rename),
        )
        .await;
}

pub async fn in_use(scene: &mut Scene<'_>) {
    let verbs = [Verb::Manage, Verb::Provide, Verb::Active];
    walked(scene, "n", &json!({}), &verbs).await;
    let names = SIDES.map(|side| scene.name(side, "n"));
    let recorded = claims(scene, "a", |side, draft| {
        draft.node = Some(names[side as usize].clone());
    });
    let held = claimed(scene, "of a node that is in use already (`node`)", "a", recorded).await;
    assert_eq!(held["state"], "active");
    scene.held_node("n").await;
    let (sdk, our) = (scene.sdk("a"), scene.our("a"));
    let ours = scene.ours();
    let kept = async { ours.delete_allocation(&our).await.map(Value::from) };
    scene
        .better(
            "one whose node is in use is refused at once, not after six requests",
            &call("delete_allocation", json!([sdk]), json!({})),
            kept,
            |sdk, ours| {
                assert_eq!((sdk.kind(), sdk.count("DELETE")), ("409", 6));
                assert_eq!((ours.kind(), ours.count("DELETE")), ("409", 1));
            },
        )
        .await;
}
