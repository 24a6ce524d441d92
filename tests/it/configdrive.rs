//! Config drives, read back by others: pycdlib by way of Rock Ridge, Joliet and plain ISO 9660, Ironic's own readers, and
//! the programs that the machine has; and handed to a real Ironic.

#![cfg(test)]

use std::collections::BTreeMap;
use std::io::Write;
use std::process::{Command, Stdio};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ironwright::ironic::configdrive::{self, Content, Tree};
use ironwright_stack::{Progress, Tools};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::harness::{World, active};

const READERS: &str = include_str!("configdrive/readers.py");
const SHIM: &str = include_str!("../stack/python/genisoimage.py");

/// Path → content in base64; a folder has none.
type Files = BTreeMap<String, Option<String>>;

#[derive(Debug, Deserialize)]
struct Found {
    label: String,
    rock_ridge: String,
    joliet_label: String,
    by_rock_ridge: Files,
    by_joliet: Files,
    plainly: Files,
    #[serde(default)]
    openstacksdk: Vec<Found>,
    #[serde(default)]
    ironic: Value,
    #[serde(default)]
    programs: BTreeMap<String, String>,
}

/// Lets the readers loose on drives.
async fn read(drives: &Value) -> Vec<Found> {
    let tools = Tools::ensure(&Progress::stderr())
        .await
        .expect("the tools are there");
    let mut python = Command::new(tools.python("python"))
        .args(["-W", "ignore", "-c", READERS])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("Python starts");
    let order = json!({"shim": SHIM, "drives": drives}).to_string();
    let mut input = python.stdin.take().expect("its input");
    let writing = std::thread::spawn(move || input.write_all(order.as_bytes()));
    let output = python.wait_with_output().expect("Python ends");
    writing.join().expect("the thread ends").expect("Python reads");
    assert!(output.status.success(), "the readers failed, see above");
    serde_json::from_slice(&output.stdout).expect("a report")
}

fn parts(content: &Content) -> Value {
    json!({
        "meta_data": content.meta_data, "network_data": content.network_data, "vendor_data": content.vendor_data,
        "user_data": STANDARD.encode(&content.user_data), "versions": content.versions,
        "text": str::from_utf8(&content.user_data).is_ok(),
    })
}

fn content(parts: &Value) -> Content {
    let object = |name: &str| serde_json::from_value(parts[name].clone()).unwrap_or_default();
    Content {
        meta_data: object("meta_data"),
        user_data: parts["user_data"].as_str().unwrap_or_default().into(),
        network_data: object("network_data"),
        vendor_data: object("vendor_data"),
        versions: Vec::new(),
    }
}

fn contents() -> Vec<Content> {
    let full = content(&json!({
        "meta_data": {"uuid": "1", "name": "nöde 😀", "float": [1.5e-7, 1e16, 0.1], "big": u64::MAX, "null": null, "nested": {"b": [], "a": {}}},
        "user_data": "#cloud-config\nhostname: ü\n", "network_data": {"links": [{"id": "eth0", "mtu": 1500}]},
        "vendor_data": {"cloud-init": "#!/bin/sh\necho \"\\\t\u{7f}\""},
    }));
    let binary = Content {
        user_data: (0..=255).cycle().take(70_000).collect(),
        ..content(&json!({"meta_data": {"uuid": "2"}}))
    };
    let versions = Content {
        versions: vec!["2018-08-27".into(), "latest".into()],
        ..full.clone()
    };
    vec![Content::default(), full, binary, versions]
}

/// The tree as every reader is to find it.
fn expected(tree: &Tree) -> Files {
    let mut files = Files::new();
    for path in tree.paths() {
        for (end, _) in path.match_indices('/') {
            files.insert(format!("/{}", &path[..end]), None);
        }
        let content = tree.get(&path).expect("a file");
        files.insert(format!("/{path}"), Some(STANDARD.encode(content)));
    }
    files
}

fn check(found: &Found, expected: &Files) {
    assert_eq!(found.label.trim_end(), "config-2");
    assert_eq!(found.joliet_label.trim_end(), "config-2");
    assert_eq!(found.rock_ridge, "1.09");
    for files in [&found.by_rock_ridge, &found.by_joliet] {
        let differs = |path: &&String| files.get(*path) != expected.get(*path);
        let different: Vec<_> = files.keys().chain(expected.keys()).filter(differs).collect();
        assert!(different.is_empty(), "{different:?}");
    }
    let contents = |files: &Files| {
        let mut contents: Vec<_> = files.values().cloned().collect();
        contents.sort_unstable();
        contents
    };
    assert!(
        contents(&found.plainly) == contents(expected),
        "{:?}",
        found.plainly.keys()
    );
}

#[tokio::test]
async fn a_drive_is_the_same_as_openstacksdks_to_every_reader() {
    let contents = contents();
    let drives: Vec<_> = contents
        .iter()
        .map(|content| json!({"drive": configdrive::build(content).unwrap(), "parts": parts(content)}))
        .collect();
    for (content, found) in contents.iter().zip(read(&json!(drives)).await) {
        let expected = expected(&configdrive::populate(content).unwrap());
        check(&found, &expected);
        assert!(!found.openstacksdk.is_empty());
        for theirs in &found.openstacksdk {
            assert_eq!(theirs.by_rock_ridge, expected);
            assert_eq!(theirs.by_joliet, expected);
        }
        // The shim takes no trouble with plain names, the real tool does.
        for theirs in found.openstacksdk.iter().skip(1) {
            assert_eq!(theirs.plainly, found.plainly);
        }
        check_ironic(&found.ironic, content, &expected);
        check_programs(&found.programs, &expected);
    }
}

/// Ironic reads plain names with the Rock Ridge names of what it finds there; to mend a drive, Rock Ridge for the names and
/// Joliet for the contents.
fn check_ironic(ironic: &Value, content: &Content, expected: &Files) {
    let mended: Files = serde_json::from_value(ironic["mended"].clone()).unwrap();
    let mut wanted = expected.clone();
    let network_data = "/openstack/latest/network_data.json".to_owned();
    wanted.insert(network_data, Some(STANDARD.encode("mended")));
    assert_eq!(mended, wanted);
    if str::from_utf8(&content.user_data).is_err() {
        return; // The kickstart file takes text only.
    }
    let kickstart: BTreeMap<String, String> = serde_json::from_value(ironic["kickstart"].clone()).unwrap();
    let wanted: BTreeMap<_, _> = (expected.iter())
        .filter_map(|(path, content)| Some((path, STANDARD.decode(content.as_ref()?).unwrap())))
        .map(|(path, content)| {
            (
                format!("/var/lib/cloud/seed/config_drive{path}"),
                String::from_utf8(content).unwrap(),
            )
        })
        .collect();
    assert_eq!(kickstart, wanted);
}

fn check_programs(programs: &BTreeMap<String, String>, expected: &Files) {
    if let Some(label) = programs.get("blkid") {
        assert_eq!(label.trim(), "config-2");
    }
    for ways in ["isoinfo_rock_ridge", "isoinfo_joliet"] {
        let Some(listing) = programs.get(ways) else {
            continue;
        };
        let mut paths: Vec<_> = listing.lines().filter(|line| !line.is_empty()).collect();
        paths.sort_unstable();
        assert_eq!(paths, expected.keys().collect::<Vec<_>>(), "{ways}");
    }
}

#[tokio::test]
async fn plain_names_are_those_by_which_ironic_opens_them() {
    let content = content(&json!({"user_data": "x", "network_data": {"links": []}, "vendor_data": {"a": 1}}));
    let drive = json!({"drive": configdrive::build(&content).unwrap()});
    let found = read(&json!([drive])).await.remove(0);
    let paths: Vec<_> = found.plainly.keys().map(String::as_str).collect();
    let expected = [
        "/openstack",
        "/openstack/2012_08_10",
        "/openstack/2012_08_10/meta_data.json;1",
        "/openstack/2012_08_10/network_data.json;1",
        "/openstack/2012_08_10/user_data.;1",
        "/openstack/2012_08_10/vendor_data2.json;1",
        "/openstack/latest",
        "/openstack/latest/meta_data.json;1",
        "/openstack/latest/network_data.json;1",
        "/openstack/latest/user_data.;1",
        "/openstack/latest/vendor_data2.json;1",
    ];
    assert_eq!(paths, expected);
}

/// Paths of all kinds, short and long, like and unlike each other; what a tree refuses is left out.
fn tree() -> impl Strategy<Value = Tree> {
    let name = prop_oneof![
        4 => "[a-cA-C._-]{1,4}",
        2 => "[a-c]{28,36}[.-][a-c]{0,18}",
        2 => "[ -~]{1,12}",
        1 => "[a-zäöü€漢字._ -]{1,64}",
        1 => "漢{50,64}",
    ];
    let path = prop::collection::vec(name, 1..6).prop_map(|names| names.join("/"));
    let size = prop_oneof![Just(0), 1..10_usize, 2040..2060_usize, Just(5000)];
    let content = (any::<u8>(), size).prop_map(|(byte, size)| vec![byte; size]);
    prop::collection::vec((path, content), 0..25).prop_map(|files| {
        let mut tree = Tree::default();
        for (path, content) in files {
            let _refused = tree.file(&path, content);
        }
        tree
    })
}

#[test]
fn any_tree_is_read_back_by_every_way() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    // One start of Python reads them all.
    let mut runner = TestRunner::new(Config {
        cases: 1,
        max_shrink_iters: 0,
        failure_persistence: None,
        ..Config::default()
    });
    let trees = prop::collection::vec(tree(), 12);
    let result = runner.run(&trees, |trees| {
        let drives: Vec<_> = trees
            .iter()
            .map(|tree| json!({"drive": configdrive::pack(tree).unwrap()}))
            .collect();
        let found = runtime.block_on(read(&json!(drives)));
        for (tree, found) in trees.iter().zip(found) {
            check(&found, &expected(tree));
        }
        Ok(())
    });
    result.unwrap();
}

/// A spec whose machine tells what it was handed.
fn telling(drive: &Value, spec: &Value) -> Value {
    let mut whole = active("http://images.example/one.qcow2");
    whole["provision"]["instance"]["configDrive"] = drive.clone();
    json_patch::merge(
        &mut whole,
        &json!({"interfaces": {"deploy": "testkit"}, "extra": {"testkit": {"configdrive": true}}}),
    );
    json_patch::merge(&mut whole, spec);
    whole
}

/// What the machine was handed.
async fn handed(world: &World, name: &str) -> (Value, Files) {
    world.ready(name, "Deployed").await;
    let live = world.live(name).await.expect("the node");
    let files = live["driver_internal_info"]["testkit_configdrive"].clone();
    (live, serde_json::from_value(files).expect("files"))
}

fn sent(world: &World, id: &Value) -> Value {
    let path = format!("/v1/nodes/{}/states/provision", id.as_str().expect("an id"));
    let bodies = world.bodies("PUT", &path);
    let deploy = bodies.into_iter().find(|body| body["target"] == "active");
    deploy.expect("a deployment")["configdrive"].clone()
}

#[tokio::test]
async fn the_operator_packs_what_ironic_has_nothing_to_add_to() {
    let world = World::new("configdrive-operator").await;
    let bytes: Vec<u8> = (0..=255).collect();
    let secret = json!({
        "apiVersion": "v1", "kind": "Secret", "metadata": {"name": "packed"}, "data": {"user-data": STANDARD.encode(&bytes)},
    });
    world.apply(&secret).await.expect("the Secret is accepted");
    let meta = json!({"hostname": "h", "name": "own"});
    let from = json!({"secretRef": {"name": "packed", "key": "user-data"}});
    let network = json!({"links": [{"id": "eth0", "type": "phy", "mtu": 1500}]});
    let cases = [
        (
            "parts",
            json!({"metaData": meta, "userData": "#!/bin/sh\n"}),
            json!({}),
        ),
        (
            "network",
            json!({"metaData": meta, "networkData": network, "vendorData": {"v": 1}}),
            json!({}),
        ),
        ("binary", json!({"userDataFrom": from}), json!({})),
        (
            "noop",
            json!({"metaData": meta, "userData": "#!/bin/sh\n"}),
            json!({"interfaces": {"network": "noop"}}),
        ),
    ];
    for (name, drive, spec) in &cases {
        world.apply_node(name, &telling(drive, spec)).await;
    }
    for (name, drive, _) in &cases {
        let (live, files) = handed(&world, name).await;
        let mut meta_data = json!({"name": name});
        if let Some(given) = drive.get("metaData") {
            json_patch::merge(&mut meta_data, given);
        }
        meta_data["uuid"] = live["uuid"].clone();
        let mut wanted = content(&json!({
            "meta_data": meta_data, "user_data": drive["userData"], "network_data": drive["networkData"],
            "vendor_data": drive["vendorData"],
        }));
        if *name == "binary" {
            wanted.user_data.clone_from(&bytes);
        }
        let drive = sent(&world, &live["uuid"]);
        if *name == "parts" {
            assert!(drive.is_object(), "{name}");
        } else {
            assert_eq!(drive, configdrive::build(&wanted).unwrap(), "{name}");
        }
        assert_eq!(
            parsed(&files),
            parsed(&expected(&configdrive::populate(&wanted).unwrap())),
            "{name}"
        );
    }
}

/// Files, where those of JSON are what they say: Ironic adds keys at the end.
fn parsed(files: &Files) -> BTreeMap<&str, Value> {
    files
        .iter()
        .filter_map(|(path, content)| Some((path.as_str(), content.as_ref()?)))
        .map(|(path, content)| {
            let json = STANDARD
                .decode(content)
                .ok()
                .filter(|_| !path.ends_with("/user_data"));
            let value = json.and_then(|text| serde_json::from_slice(&text).ok());
            (path, value.unwrap_or_else(|| content.as_str().into()))
        })
        .collect()
}
