//! Drivers.

#![cfg(test)]

use serde_json::json;

use super::scene::{Scene, json_of};
use super::sdk::call;

pub async fn read(scene: &mut Scene<'_>) {
    let ours = scene.ours();
    let names = call("drivers", json!([]), json!({}));
    scene
        .same("names and hosts", &names, ours.list_driver_names())
        .await;
    let details = call("drivers", json!([]), json!({"details": true}));
    scene
        .same("`details`: the interfaces of each", &details, ours.list_drivers())
        .await;
    let one = |name: &str| call("get_driver", json!([name]), json!({}));
    let fake = async {
        ours.get_driver("fake-hardware")
            .await
            .map(|driver| json_of(&driver))
    };
    scene.same("by name", &one("fake-hardware"), fake).await;
    let none = async { ours.get_driver("nothing").await.map(|driver| json_of(&driver)) };
    scene
        .alike(
            "what is not there is `404`",
            &one("nothing"),
            none,
            |sdk, ours| {
                assert_eq!((sdk.kind(), ours.kind()), ("404", "404"));
            },
        )
        .await;
}
