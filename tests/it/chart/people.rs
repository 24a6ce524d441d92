//! What people may do: Kubernetes' own roles, with the kinds in them.

use ironwright_stack::wait;
use k8s_openapi::api::authorization::v1::SubjectAccessReview;
use kube::Api;
use kube::api::PostParams;
use serde_json::json;

use super::{is_for_people, rendered, texts};
use crate::harness::{LIMIT, World};

/// Whether a user may do this in the world's namespace, as the apiserver answers.
async fn may(world: &World, user: &str, verb: &str, resource: &str) -> bool {
    let (resource, part) = resource.split_once('/').unwrap_or((resource, ""));
    let group = if resource == "secrets" {
        ""
    } else {
        "ironwright.dev"
    };
    let review = json!({"metadata": {}, "spec": {"user": user, "resourceAttributes": {
        "namespace": world.namespace, "verb": verb, "group": group, "resource": resource, "subresource": part,
    }}});
    let review: SubjectAccessReview = serde_json::from_value(review).unwrap();
    let reviews = Api::<SubjectAccessReview>::all(world.client.clone());
    let answer = reviews.create(&PostParams::default(), &review).await.unwrap();
    answer.status.unwrap().allowed
}

#[tokio::test]
async fn whoever_may_view_or_edit_a_namespace_may_view_or_edit_its_machines() {
    let world = World::empty("chart-people").await;
    let plane = &world.stack.control_plane;
    for role in ["view", "edit", "admin"] {
        let user = format!("--user=chart-{role}");
        let cluster_role = format!("--clusterrole={role}");
        let bind = [
            "create",
            "rolebinding",
            role,
            &cluster_role,
            &user,
            "--namespace",
            &world.namespace,
        ];
        let output = plane.kubectl(&bind).await.unwrap();
        assert!(output.status.success(), "{output:?}");
    }
    // The roles are put together by a controller, and the bindings seen by the authorizer, a moment later.
    for (user, verb) in [
        ("chart-view", "list"),
        ("chart-edit", "create"),
        ("chart-admin", "create"),
    ] {
        let so = wait::until("the roles are aggregated", LIMIT, async || {
            Ok(may(&world, user, verb, "baremetalnodes").await.then_some(()))
        });
        so.await.unwrap();
    }
    for kind in ["baremetalnodes", "baremetalclouds"] {
        judge(&world, kind).await;
    }
    assert!(!may(&world, "chart-view", "get", "secrets").await);
}

async fn judge(world: &World, kind: &str) {
    for verb in ["get", "list", "watch"] {
        for user in ["chart-view", "chart-edit", "chart-admin"] {
            assert!(may(world, user, verb, kind).await, "{user} {verb} {kind}");
        }
    }
    for verb in ["create", "update", "patch", "delete", "deletecollection"] {
        assert!(!may(world, "chart-view", verb, kind).await, "view {verb} {kind}");
        assert!(may(world, "chart-edit", verb, kind).await, "edit {verb} {kind}");
        assert!(may(world, "chart-admin", verb, kind).await, "admin {verb} {kind}");
    }
    for user in ["chart-view", "chart-edit", "chart-admin"] {
        assert!(
            !may(world, user, "update", &format!("{kind}/status")).await,
            "{user}"
        );
    }
    assert!(!may(world, "chart-nobody", "list", kind).await);
}

#[tokio::test]
async fn the_roles_for_people_name_nothing_but_the_kinds() {
    for role in rendered(&["rbac.aggregate=true"])
        .await
        .iter()
        .filter(|role| is_for_people(role))
    {
        for rule in role["rules"].as_array().unwrap() {
            assert_eq!(texts(&rule["apiGroups"]), ["ironwright.dev"], "{rule}");
        }
    }
    let without = rendered(&["rbac.aggregate=false"]).await;
    assert!(!without.iter().any(is_for_people));
}
