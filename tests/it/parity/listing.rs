//! Nodes: listed.

#![cfg(test)]

use ironwright::ironic::client::{NodeQuery, ProvisionRequest, SortDirection};
use ironwright::ironic::model::{NodeCreate, NodeUpdate, ProvisionState, Verb};
use serde_json::{Value, json};
use uuid::Uuid;

use super::nodes::draft;
use super::outcome::Did;
use super::scene::{SIDES, Scene, Side, all};
use super::sdk::{Call, call};
use crate::client_lab::{LONG, with};

/// `a`, in maintenance and retired; `b`, with an instance; `c`, plain. The same for both, uuids of instances included, as far as
/// Ironic lets them.
async fn various(scene: &Scene<'_>) -> [String; 2] {
    let mut instances = Vec::new();
    for side in SIDES {
        let instance = Uuid::new_v4().to_string();
        let plain = |name| draft(scene, side, name, &json!({}));
        let a = NodeCreate {
            maintenance: Some(true),
            retired: Some(true),
            description: Some("a needle in it".into()),
            shard: Some(scene.name(side, "shard")),
            ..plain("a")
        };
        let b = NodeCreate {
            instance_uuid: Some(instance.clone()),
            instance_name: Some(scene.name(side, "instance")),
            ..plain("b")
        };
        for node in [a, b, plain("c")] {
            scene.ours().create_node(&node).await.expect("a node");
        }
        let owned = NodeUpdate {
            owner: "p-owner".into(),
            lessee: "p-lessee".into(),
            ..NodeUpdate::default()
        };
        scene
            .ours()
            .update_node(&scene.name(side, "a"), &owned)
            .await
            .expect("an owner");
        instances.push(instance);
    }
    let [sdk, ours] = instances.try_into().expect("two");
    [sdk, ours]
}

fn nodes(scene: &Scene<'_>, mut kwargs: Value) -> Call {
    kwargs["resource_class"] = scene.class(Side::Sdk).into();
    call("nodes", json!([]), kwargs)
}

fn query(scene: &Scene<'_>, change: impl FnOnce(&mut NodeQuery)) -> NodeQuery {
    let ours = NodeQuery {
        resource_class: Some(scene.class(Side::Ours)),
        ..NodeQuery::default()
    };
    with(ours, change)
}

/// The last letters of the names.
fn letters(did: &Did) -> String {
    let rows = did.value().as_array().expect("rows");
    rows.iter()
        .filter_map(|row| row["name"].as_str()?.chars().last())
        .collect()
}

pub async fn filtered(scene: &mut Scene<'_>) {
    let [of_sdk, of_ours] = various(scene).await;
    let ours = scene.ours();
    let text = |text: &str| Some(text.to_owned());
    let by = |kwargs, change: &dyn Fn(&mut NodeQuery)| (nodes(scene, kwargs), query(scene, change));
    let cases = vec![
        by(json!({}), &|_| ()),
        by(json!({"associated": true}), &|q| q.associated = Some(true)),
        by(json!({"associated": false}), &|q| q.associated = Some(false)),
        by(json!({"conductor_group": ""}), &|q| q.conductor_group = text("")),
        by(json!({"conductor_group": "else"}), &|q| {
            q.conductor_group = text("else");
        }),
        by(json!({"driver": "fake-hardware"}), &|q| {
            q.driver = text("fake-hardware");
        }),
        by(json!({"driver": "redfish"}), &|q| q.driver = text("redfish")),
        by(json!({"fault": "power failure"}), &|q| {
            q.fault = text("power failure");
        }),
        by(json!({"instance_id": of_sdk}), &|q| {
            q.instance_uuid = text(&of_ours);
        }),
        by(json!({"is_maintenance": true}), &|q| q.maintenance = Some(true)),
        by(json!({"is_maintenance": false}), &|q| q.maintenance = Some(false)),
        by(json!({"provision_state": "enroll"}), &|q| {
            q.provision_state = Some(ProvisionState::Enroll);
        }),
        by(json!({"provision_state": "active"}), &|q| {
            q.provision_state = Some(ProvisionState::Active);
        }),
        by(json!({"shard": scene.sdk("shard")}), &|q| {
            q.shard = Some(scene.our("shard"));
        }),
    ];
    for (listing, query) in cases {
        scene
            .same("every filter of the page", &listing, all(ours.list_nodes(query)))
            .await;
    }
    let wrong = nodes(scene, json!({"provision_state": "odd"}));
    let odd = query(scene, |q| q.provision_state = Some("odd".into()));
    scene
        .same(
            "a value that cannot be, in Ironic's words",
            &wrong,
            all(ours.list_nodes(odd)),
        )
        .await;
}

pub async fn filtered_further(scene: &mut Scene<'_>) {
    various(scene).await;
    let ours = scene.ours();
    let text = |text: &str| Some(text.to_owned());
    let by = |kwargs, change: &dyn Fn(&mut NodeQuery)| (nodes(scene, kwargs), query(scene, change));
    let cases = [
        (
            by(json!({"owner": "p-owner"}), &|q| q.owner = text("p-owner")),
            "a",
        ),
        (
            by(json!({"lessee": "p-lessee"}), &|q| q.lessee = text("p-lessee")),
            "a",
        ),
        (by(json!({"retired": true}), &|q| q.retired = Some(true)), "a"),
        (
            by(json!({"description_contains": "needle"}), &|q| {
                q.description_contains = text("needle");
            }),
            "a",
        ),
    ];
    for ((listing, query), expected) in cases {
        scene
            .better(
                "the server's other filters too; openstacksdk forgets them, or finds nothing",
                &listing,
                all(ours.list_nodes(query)),
                |sdk, ours| {
                    assert!(matches!(letters(sdk).as_str(), "abc" | ""), "{sdk:?}");
                    assert_eq!(letters(ours), expected);
                },
            )
            .await;
    }
    let typo = nodes(scene, json!({"provison_state": "active"}));
    let everything = query(scene, |_| ());
    scene
        .better(
            "a filter that is none does not compile; openstacksdk lists everything",
            &typo,
            all(ours.list_nodes(everything)),
            |sdk, _| {
                assert_eq!(letters(sdk), "abc");
            },
        )
        .await;
}

pub async fn sorted(scene: &mut Scene<'_>) {
    let ours = scene.ours();
    various(scene).await;
    for (direction, text, expected) in [
        (SortDirection::Ascending, "asc", "abc"),
        (SortDirection::Descending, "desc", "cba"),
    ] {
        let sorted = query(scene, |q| {
            q.sort_key = Some("name".into());
            q.sort_dir = Some(direction);
        });
        let listing = nodes(scene, json!({"sort_key": "name", "sort_dir": text}));
        scene
            .better(
                "`sort_key` and `sort_dir`; openstacksdk forgets them",
                &listing,
                all(ours.list_nodes(sorted)),
                |sdk, ours| {
                    assert!(
                        sdk.sent.iter().all(|request| !request.contains("sort_")),
                        "{sdk:?}"
                    );
                    assert_eq!(letters(ours), expected);
                },
            )
            .await;
    }
}

/// Five nodes of each side, every other one in maintenance.
async fn five(scene: &Scene<'_>) {
    for side in SIDES {
        for number in 0..5 {
            let node = NodeCreate {
                maintenance: Some(number % 2 == 0),
                ..draft(scene, side, &number.to_string(), &json!({}))
            };
            scene.ours().create_node(&node).await.expect("a node");
        }
    }
}

pub async fn paged(scene: &mut Scene<'_>) {
    let ours = scene.ours();
    five(scene).await;
    let filters =
        json!({"limit": 2, "is_maintenance": true, "associated": false, "provision_state": "enroll"});
    let paged = query(scene, |q| {
        q.page_size = Some(2);
        q.maintenance = Some(true);
        q.associated = Some(false);
        q.provision_state = Some(ProvisionState::Enroll);
    });
    let listing = nodes(scene, filters);
    scene
        .same(
            "page by page, every filter on each",
            &listing,
            all(ours.list_nodes(paged)),
        )
        .await;
    let two = nodes(scene, json!({"limit": 2}));
    let at_most = query(scene, |q| q.at_most = Some(2));
    scene
        .better(
            "\"at most so many\" is not the size of a page",
            &two,
            all(ours.list_nodes(at_most)),
            |sdk, ours| {
                assert_eq!((letters(sdk).as_str(), letters(ours).as_str()), ("01234", "01"));
                assert_eq!(ours.sent.len(), 1);
            },
        )
        .await;
}

/// Nine nodes of each side: 3 has an instance, 6 is manageable, the others are neither.
async fn nine(scene: &Scene<'_>) {
    let ours = scene.ours();
    for side in SIDES {
        for number in 0..9 {
            let node = NodeCreate {
                instance_uuid: (number == 3).then(|| Uuid::new_v4().to_string()),
                ..draft(scene, side, &number.to_string(), &json!({}))
            };
            ours.create_node(&node).await.expect("a node");
        }
        let manage = ProvisionRequest::new(Verb::Manage);
        let six = scene.name(side, "6");
        let managed = ours.set_node_provision_state_and_wait(&six, &manage, LONG);
        managed.await.expect("it is managed");
    }
}

pub async fn paged_far(scene: &mut Scene<'_>) {
    let ours = scene.ours();
    nine(scene).await;
    let filters = json!({"limit": 2, "associated": false, "provision_state": "enroll"});
    let paged = query(scene, |q| {
        q.page_size = Some(2);
        q.associated = Some(false);
        q.provision_state = Some(ProvisionState::Enroll);
    });
    let listing = nodes(scene, filters);
    scene
        .alike(
            "on the fourth page as on the first: `resource_class`, `provision_state`, `associated=False`",
            &listing,
            all(ours.list_nodes(paged)),
            |sdk, ours| {
                for did in [sdk, ours] {
                    let filtered = did.sent.iter().all(|request| {
                        let request = request.to_lowercase();
                        ["resource_class=", "provision_state=enroll", "associated=false"]
                            .iter()
                            .all(|filter| request.contains(filter))
                    });
                    assert!(filtered && did.sent.len() >= 4, "{did:?}");
                    assert_eq!(letters(did), "0124578");
                }
                assert_eq!(ours.sent.len(), 4);
            },
        )
        .await;
}

pub async fn selected(scene: &mut Scene<'_>) {
    let ours = scene.ours();
    five(scene).await;
    let details = nodes(scene, json!({"details": true}));
    let full = query(scene, |_| ());
    scene
        .same("`details`", &details, all(ours.list_nodes_detail(full)))
        .await;
    let fields = nodes(scene, json!({"fields": ["id", "name", "is_maintenance"]}));
    let some = query(scene, |_| ());
    scene
        .same(
            "`fields`",
            &fields,
            all(ours.list_nodes_fields(some, &["name", "maintenance"])),
        )
        .await;
    let markers = SIDES.map(|side| scene.name(side, "2"));
    let [sdk, our] = [ours.get_node(&markers[0]).await, ours.get_node(&markers[1]).await]
        .map(|node| node.expect("a node").value.uuid);
    let after = nodes(scene, json!({"marker": sdk}));
    let behind = query(scene, |q| q.marker = Some(our));
    scene.same("`marker`", &after, all(ours.list_nodes(behind))).await;
}
