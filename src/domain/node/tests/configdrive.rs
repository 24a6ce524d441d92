//! Who packs a config drive, and what is in it.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::super::configdrive::ConfigDrive;
use super::super::facts::SecretContent;
use super::super::references;
use super::fixture::{Case, UID};
use crate::api::conditions::Reason;
use crate::api::node::WantedState;
use crate::ironic::configdrive::Content;
use crate::ironic::model::{Object, ProvisionState};

const BYTES: &[u8] = b"\x1f\x8b\xff";

/// A deployment with this config drive and network interface, and what the Secret `s` holds.
fn case(drive: Value, network: Option<&str>) -> Case {
    let mut case = Case::new(&ProvisionState::Available).want(Some(WantedState::Active));
    let provision = case.object.spec.provision.as_mut().unwrap();
    provision.instance.as_mut().unwrap().config_drive = serde_json::from_value(drive).unwrap();
    case.object.spec.interfaces =
        network.map(|network| serde_json::from_value(json!({"network": network})).unwrap());
    let content = SecretContent {
        version: "1".into(),
        data: BTreeMap::from([("text".into(), "#!/bin/sh\n".into())]),
        binary: BTreeMap::from([("bytes".into(), BYTES.into())]),
    };
    case.secrets.versions = BTreeMap::from([("s".into(), Some("1".into()))]);
    case.secrets.contents = Some(BTreeMap::from([("s".into(), content)]));
    case
}

fn from(key: &str) -> Value {
    json!({"userDataFrom": {"secretRef": {"name": "s", "key": key}}})
}

fn object(value: Value) -> Object {
    serde_json::from_value(value).unwrap()
}

fn packed(case: &Case) -> Option<Content> {
    match case.with(ConfigDrive::of).unwrap() {
        ConfigDrive::Packed(content) => Some(*content),
        ConfigDrive::Parts { .. } => None,
        ConfigDrive::Url(url) => panic!("{url} is a URL"),
    }
}

#[test]
fn ironic_packs_where_it_may_have_network_data_to_add() {
    for (drive, network, here) in [
        (json!({"userData": "x"}), None, false),
        (json!({"userData": "x"}), Some("neutron"), false),
        (json!({"userData": "x"}), Some("noop"), true),
        (json!({"networkData": {"links": []}}), Some("neutron"), true),
        (json!({"networkData": {}}), Some("neutron"), false),
        (from("text"), Some("flat"), false),
        (from("bytes"), Some("flat"), true),
        (json!({}), Some("noop"), true),
    ] {
        assert_eq!(
            packed(&case(drive.clone(), network)).is_some(),
            here,
            "{drive} {network:?}"
        );
    }
}

#[test]
fn parts_are_the_specs() {
    let meta = json!({"name": "own"});
    let drive = json!({"metaData": meta, "vendorData": {"v": 1}, "userData": "x"});
    let Some(ConfigDrive::Parts {
        meta_data,
        user_data,
        network_data,
        vendor_data,
    }) = case(drive, None).with(ConfigDrive::of)
    else {
        panic!("no parts")
    };
    assert_eq!(meta_data, Some(object(meta)));
    assert_eq!(user_data.as_deref(), Some("x"));
    assert_eq!(network_data, None);
    assert_eq!(vendor_data, Some(object(json!({"v": 1}))));
    let secret = case(from("text"), None).with(ConfigDrive::of);
    assert!(
        matches!(secret, Some(ConfigDrive::Parts { user_data: Some(text), .. }) if text == "#!/bin/sh\n")
    );
}

#[test]
fn what_is_packed_here_has_what_ironic_would_add() {
    let content = packed(&case(from("bytes"), None)).unwrap();
    assert_eq!(content.user_data, BYTES);
    assert_eq!(content.meta_data, object(json!({"name": "n1", "uuid": UID})));
    let own = json!({"metaData": {"name": "own", "uuid": "own", "a": 1}, "networkData": {"links": []}, "vendorData": {"v": 1}});
    let content = packed(&case(own, None)).unwrap();
    assert_eq!(
        content.meta_data,
        object(json!({"name": "own", "uuid": "own", "a": 1}))
    );
    assert_eq!(content.network_data, object(json!({"links": []})));
    assert_eq!(content.vendor_data, object(json!({"v": 1})));
    let mut nameless = case(json!({}), Some("noop")).see(|node| node.name = None);
    assert_eq!(
        packed(&nameless).unwrap().meta_data,
        object(json!({"name": "n1", "uuid": UID}))
    );
    nameless.object.spec.provision = None;
    assert!(nameless.with(ConfigDrive::of).is_none());
}

/// cloud-init makes the name in the metadata the machine's host name.
#[test]
fn the_name_in_the_metadata_is_one_of_a_host() {
    let name = |node: &str, network: Option<&str>| {
        let named = case(json!({"userData": "x"}), network).see(|live| live.name = Some(node.to_owned()));
        match named.with(ConfigDrive::of).unwrap() {
            ConfigDrive::Packed(content) => content.meta_data.get("name").cloned(),
            ConfigDrive::Parts { meta_data, .. } => meta_data.and_then(|meta| meta.get("name").cloned()),
            ConfigDrive::Url(url) => panic!("{url}"),
        }
    };
    for node in ["metal~n1", "rack_7", "a..b", "-x", "x-", &"y".repeat(64)] {
        assert_eq!(name(node, Some("noop")), Some(json!("n1")), "{node}");
        assert_eq!(name(node, None), Some(json!("n1")), "{node}");
    }
    for node in ["rack-7", "Rack7.example"] {
        assert_eq!(name(node, Some("noop")), Some(json!(node)));
        assert_eq!(name(node, None), None, "Ironic adds it");
    }
}

#[test]
fn a_url_is_handed_on() {
    let drive = case(json!({"url": "http://h/d"}), Some("noop")).with(ConfigDrive::of);
    assert!(matches!(drive, Some(ConfigDrive::Url(url)) if url == "http://h/d"));
}

#[test]
fn user_data_need_not_be_text() {
    assert_eq!(case(from("bytes"), None).with(references::missing), None);
    assert_eq!(case(from("text"), None).with(references::missing), None);
    let missing = case(from("other"), None).with(references::missing).unwrap();
    assert_eq!(missing.0, Reason::SecretKeyMissing);
    assert!(missing.1.contains("no key other"), "{missing:?}");
}
