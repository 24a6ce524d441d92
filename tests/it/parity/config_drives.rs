//! Config drives.

#![cfg(test)]

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ironwright::ironic::configdrive::{Content, build, pack, populate};
use serde_json::{Value, json};

use super::scene::Scene;
use super::sdk::call;
use crate::client_lab::object;

pub async fn config_drives(scene: &mut Scene<'_>) {
    let parts = json!({"metadata": {"uuid": "1", "name": "nöde"}, "user_data": "#cloud-config\nhostname: ü\n",
        "network_data": {"links": [{"id": "eth0"}]}, "vendor_data": {"a": "b"}});
    let full = Content {
        meta_data: object(parts["metadata"].clone()),
        user_data: parts["user_data"].as_str().unwrap_or_default().into(),
        network_data: object(parts["network_data"].clone()),
        vendor_data: object(parts["vendor_data"].clone()),
        versions: Vec::new(),
    };
    let little = Content {
        meta_data: object(json!({"uuid": "1"})),
        ..Content::default()
    };
    let versions = Content {
        versions: vec!["2018-08-27".into()],
        ..little.clone()
    };
    for (what, kwargs, content) in [
        ("the same files, to the byte", parts.clone(), &full),
        (
            "what is not given is no file",
            json!({"metadata": {"uuid": "1"}}),
            &little,
        ),
        (
            "`versions`",
            json!({"metadata": {"uuid": "1"}, "versions": ["2018-08-27"]}),
            &versions,
        ),
    ] {
        let tree = populate(content).expect("a tree");
        let encoded = |path: String| {
            let bytes = tree.get(&path).expect("a file");
            let text = Value::from(STANDARD.encode(bytes));
            (path, text)
        };
        let files: Value = tree.paths().into_iter().map(encoded).collect();
        scene
            .same(
                what,
                &call("configdrive.populate_directory", json!([]), kwargs),
                async { Ok(files) },
            )
            .await;
    }
    let made = [build(&full).expect("a drive"), build(&full).expect("a drive")];
    assert_eq!(made[0], made[1], "always the same bytes");
    let built = call("configdrive.build", json!([]), parts.clone());
    scene
        .same_drive("the same tree, read back by another program; without an external tool, and always the same bytes", true, &built, &made[0])
        .await;
    let packed = pack(&populate(&full).expect("a tree")).expect("a drive");
    let call = call("configdrive.pack", json!([]), parts);
    scene
        .same_drive("a directory; ours takes a tree in memory", false, &call, &packed)
        .await;
}
