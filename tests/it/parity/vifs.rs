//! VIFs.

#![cfg(test)]

use ironwright::ironic::client::VifTarget;
use ironwright::ironic::model::ApiVersion;
use ironwright_stack::proxy::{Action, Answer};
use serde_json::{Value, json};
use uuid::Uuid;

use super::nodes::pair;
use super::outcome::Did;
use super::scene::Scene;
use super::sdk::call;

pub async fn life(scene: &mut Scene<'_>) {
    let ours = scene.ours();
    let nodes = pair(scene, "n", &json!({})).await;
    let vif = Uuid::new_v4().to_string();
    let attach = call("attach_vif_to_node", json!([nodes[0], vif]), json!({}));
    let plain = async { ours.attach_vif_to_node(&nodes[1], &vif, VifTarget::Any).await };
    scene
        .same("to any port (network interface `noop`)", &attach, plain)
        .await;
    let listed = call("list_node_vifs", json!([nodes[0]]), json!({}));
    scene
        .same(
            "what is attached (`noop` attaches nothing)",
            &listed,
            ours.list_node_vifs(&nodes[1]),
        )
        .await;
    let detach = |kwargs| call("detach_vif_from_node", json!([nodes[0], vif]), kwargs);
    let there = async { ours.detach_vif_from_node(&nodes[1], &vif).await.map(Value::from) };
    scene
        .same("one that is attached", &detach(json!({})), there)
        .await;
    let route = "/v1/nodes/{}/vifs/{}";
    let lost = Answer::ironic_error(
        400,
        &format!("Unable to detach VIF {vif} from node x because it is not attached to it."),
    );
    scene.both_proxies("DELETE", route, 1, &Action::Answer(lost));
    let lost = async { ours.detach_vif_from_node(&nodes[1], &vif).await.map(Value::from) };
    scene
        .same(
            "one that is not attached is no error (as Ironic says it with Neutron)",
            &detach(json!({})),
            lost,
        )
        .await;
}

pub async fn refused(scene: &mut Scene<'_>) {
    let ours = scene.ours();
    let nodes = pair(scene, "n", &json!({})).await;
    let vif = Uuid::new_v4().to_string();
    let attach = call("attach_vif_to_node", json!([nodes[0], vif]), json!({}));
    let detach = |kwargs| call("detach_vif_from_node", json!([nodes[0], vif]), kwargs);
    let route = "/v1/nodes/{}/vifs/{}";
    let other = Answer::ironic_error(
        400,
        "No valid host was found. Reason: No conductor service registered.",
    );
    scene.both_proxies("DELETE", route, 1, &Action::Answer(other));
    let other = async { ours.detach_vif_from_node(&nodes[1], &vif).await.map(Value::from) };
    scene
        .better(
            "any other refusal is an error; openstacksdk says that it was not attached",
            &detach(json!({})),
            other,
            |sdk, ours| {
                assert_eq!((sdk.value(), ours.kind()), (&json!(false), "400"));
            },
        )
        .await;
    let taken = Answer::ironic_error(
        409,
        &format!("Unable to attach VIF because VIF {vif} is already attached to Ironic Port 1"),
    );
    scene.both_proxies("POST", "/v1/nodes/{}/vifs", 6, &Action::Answer(taken));
    let patient = ours.retry_on_conflict(crate::client_lab::LONG);
    let taken = async { patient.attach_vif_to_node(&nodes[1], &vif, VifTarget::Any).await };
    scene
        .better(
            "one that is attached already is told at once, not after six requests",
            &attach,
            taken,
            |sdk, ours| {
                assert_eq!((sdk.kind(), sdk.count("POST")), ("409", 6));
                assert_eq!((ours.kind(), ours.count("POST")), ("409", 1));
            },
        )
        .await;
    scene.clear_rules();
}

pub async fn locked(scene: &mut Scene<'_>) {
    let ours = scene.ours();
    let nodes = pair(scene, "n", &json!({})).await;
    let vif = Uuid::new_v4().to_string();
    let locked = Answer::ironic_error(
        409,
        "Node 1 is locked by host h, please retry after the current operation is completed.",
    );
    scene.both_proxies("POST", "/v1/nodes/{}/vifs", 1, &Action::Answer(locked));
    let hasty = call(
        "attach_vif_to_node",
        json!([nodes[0], vif]),
        json!({"retry_on_conflict": false}),
    );
    scene
        .alike(
            "`retry_on_conflict=False`: a lock is told at once; ours does so unless told otherwise",
            &hasty,
            ours.attach_vif_to_node(&nodes[1], &vif, VifTarget::Any),
            |sdk, ours| {
                assert_eq!((sdk.kind(), sdk.count("POST")), ("409", 1));
                assert_eq!((ours.kind(), ours.count("POST")), ("409", 1));
            },
        )
        .await;
}

pub async fn old_api(scene: &mut Scene<'_>) {
    let nodes = pair(scene, "n", &json!({})).await;
    let vif = Uuid::new_v4().to_string();
    let old = scene.ours_in(ApiVersion::v1(27));
    let order = |function, args| call(function, args, json!({})).in_version("1.27");
    let what = "not supported before API 1.28: told without a request";
    let attach = order("attach_vif_to_node", json!([nodes[0], vif]));
    let attached = old.attach_vif_to_node(&nodes[1], &vif, VifTarget::Any);
    scene.alike(what, &attach, attached, not_supported).await;
    let detach = order("detach_vif_from_node", json!([nodes[0], vif]));
    let detached = async { old.detach_vif_from_node(&nodes[1], &vif).await.map(Value::from) };
    scene.alike(what, &detach, detached, not_supported).await;
    let list = order("list_node_vifs", json!([nodes[0]]));
    scene
        .alike(what, &list, old.list_node_vifs(&nodes[1]), not_supported)
        .await;
}

/// Both say that it needs a newer API, and neither has asked.
pub fn not_supported(sdk: &Did, ours: &Did) {
    for did in [sdk, ours] {
        assert_eq!((did.kind(), did.sent.len()), ("not supported", 0), "{did:?}");
    }
}
