//! Lists and watches with objects of every bad kind, in pieces of every size.

use k8s_openapi::api::core::v1::{ConfigMap, Secret};
use kube::ResourceExt;
use kube::core::{ObjectList, PartialObjectMeta};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::scanner::{Answer, Scanner};
use super::{FIELD_BYTES, FIELD_LEVELS, Item, OBJECT_BYTES, OBJECT_VALUES, Unreadable};
use crate::api::BareMetalNode;

/// What is handed on of a text that arrives in pieces of this size.
fn handed_on(answer: Answer, text: &str, piece: usize) -> String {
    let mut scanner = Scanner::new(answer);
    let pieces = text.as_bytes().chunks(piece);
    let out: Vec<u8> = pieces.flat_map(|piece| scanner.feed(piece)).collect();
    String::from_utf8(out).unwrap()
}

/// `{"a":{"a":…1…}}`, so many levels deep.
fn deep(levels: usize) -> Value {
    (0..levels).fold(json!(1), |inner, _| json!({ "a": inner }))
}

/// The same as text, for depths that no parser takes.
fn deep_text(levels: usize) -> String {
    format!("{}1{}", r#"{"a":"#.repeat(levels), "}".repeat(levels))
}

fn node(name: &str, spec: &Value) -> Value {
    let mut whole =
        json!({"cloudRef": {"name": "lab"}, "deletionPolicy": "Detach", "driver": "fake-hardware"});
    json_patch::merge(&mut whole, spec);
    json!({
        "apiVersion": "ironwright.dev/v1alpha1",
        "kind": "BareMetalNode",
        "metadata": {
            "annotations": {"other.example/x": "y", "ironwright.dev/retry": "1"},
            "finalizers": ["ironwright.dev/finalizer"],
            "generation": 3,
            "managedFields": [{"manager": "x", "fieldsV1": deep(20)}],
            "name": name,
            "namespace": "metal",
            "resourceVersion": "7",
            "uid": format!("uid-{name}"),
        },
        "spec": whole,
        "status": {"observedGeneration": 2, "id": "0", "conditions": [{
            "type": "Ready", "status": "True", "reason": "Available", "message": "m", "lastTransitionTime": "2026-01-01T00:00:00Z",
        }]},
    })
}

fn list(items: &[String]) -> String {
    format!(
        r#"{{"apiVersion":"ironwright.dev/v1alpha1","items":[{}],"kind":"BareMetalNodeList","metadata":{{"continue":"more","resourceVersion":"9"}}}}"#,
        items.join(",")
    )
}

/// What a list with this node between two good ones has of it.
fn listed(bad: &str) -> Unreadable {
    let good = |name| node(name, &json!({"properties": {"cpu_arch": "x86_64"}})).to_string();
    let text = list(&[good("a"), bad.to_owned(), good("c")]);
    let out = handed_on(Answer::Document, &text, 1000);
    let page: ObjectList<Item<BareMetalNode>> = serde_json::from_str(&out).unwrap();
    assert_eq!(page.metadata.continue_.as_deref(), Some("more"));
    let names: Vec<_> = page.items.iter().map(ResourceExt::name_any).collect();
    assert_eq!(names, ["a", "b", "c"]);
    let mut items = page.items.into_iter();
    let (first, bad, last) = (items.next(), items.next(), items.next());
    assert!(matches!(
        (first, last),
        (Some(Item::Whole(_)), Some(Item::Whole(_)))
    ));
    match bad {
        Some(Item::Unreadable(unreadable)) => *unreadable,
        other => panic!("{other:?}"),
    }
}

#[test]
fn an_object_that_is_out_of_bounds_is_outlined_and_spoils_no_other() {
    let text = |spec: &Value| node("b", spec).to_string();
    let too_deep = |field: &str, levels: usize| {
        text(&json!({ field: "PLACE" })).replace(r#""PLACE""#, &deep_text(levels))
    };
    let kib = |bytes: usize| "x".repeat(bytes);
    let many: Vec<_> = (0..OBJECT_VALUES).collect();
    let instance = |extra: Value| json!({"provision": {"state": "active", "instance": {"image": {"source": "x"}, "extra": extra}}});
    let whole = instance(
        json!({"a": kib(FIELD_BYTES), "b": kib(FIELD_BYTES), "c": kib(FIELD_BYTES), "d": kib(FIELD_BYTES)}),
    );
    let table = [
        (
            too_deep("properties", FIELD_LEVELS + 1),
            "spec.properties nests deeper than 32 levels",
        ),
        (
            too_deep("properties", 140),
            "spec.properties nests deeper than 32 levels",
        ),
        (
            too_deep("extra", 100_000),
            "spec.extra nests deeper than 32 levels",
        ),
        (
            text(&json!({"networkData": {"a": kib(FIELD_BYTES)}})),
            "spec.networkData takes more than 64 KiB",
        ),
        (
            text(&json!({"extra": {"a": kib(900_000)}})),
            "spec.extra takes more than 64 KiB",
        ),
        (text(&whole), "the object takes more than 256 KiB"),
        (
            text(&instance(json!({ "a": many }))),
            "the object holds more than 8192 values",
        ),
        (
            text(&json!({"driver": 5})),
            "invalid type: integer …, expected a string",
        ),
    ];
    for (text, why) in table {
        let bad = listed(&text);
        assert_eq!(bad.why, why);
        assert_eq!(bad.metadata.uid.as_deref(), Some("uid-b"));
        assert_eq!(bad.metadata.resource_version.as_deref(), Some("7"));
        assert_eq!(bad.metadata.generation, Some(3));
        assert_eq!(
            bad.metadata.finalizers.as_deref(),
            Some(["ironwright.dev/finalizer".to_owned()].as_slice())
        );
        assert_eq!(
            (bad.metadata.managed_fields, bad.metadata.annotations),
            (None, None)
        );
        assert_eq!(bad.deletion_policy.as_deref(), Some("Detach"));
        assert_eq!(bad.cloud.as_deref(), Some("lab"));
        assert_eq!(bad.observed_generation, Some(2));
        assert_eq!(bad.conditions.len(), 1);
    }
}

#[test]
fn what_is_just_within_the_bounds_is_whole() {
    let room = FIELD_BYTES - r#"{"a":""},"#.len();
    let specs = [
        json!({ "properties": deep(FIELD_LEVELS) }),
        json!({"extra": {"a": "\"".repeat(room)}, "properties": {"a": "x".repeat(room)}}),
        json!({"provision": {"state": "active", "instance": {
            "image": {"source": "x"}, "configDrive": {"userData": "\n".repeat(FIELD_BYTES), "metaData": {"a": "x".repeat(FIELD_BYTES)}},
        }}}),
    ];
    for spec in specs {
        let text = list(&[node("b", &spec).to_string()]);
        let out = handed_on(Answer::Document, &text, 4096);
        let page: ObjectList<Item<BareMetalNode>> = serde_json::from_str(&out).unwrap();
        match &page.items[0] {
            Item::Whole(node) => {
                assert_eq!(node.metadata.managed_fields, None);
                assert_eq!(node.annotations()["ironwright.dev/retry"], "1");
                assert_eq!(node.annotations()["other.example/x"], "");
                let kept = serde_json::to_value(&node.spec).unwrap();
                for (field, value) in spec.as_object().unwrap() {
                    assert_eq!(&kept[field], value);
                }
            }
            Item::Unreadable(bad) => panic!("{}", bad.why),
        }
    }
}

/// Nobody needs any right of ours to write these.
#[test]
fn managed_fields_are_passed_over_however_deep_and_large_they_are() {
    let huge = format!(
        r#"[{{"fieldsV1":{}}},"{}"]"#,
        deep_text(100_000),
        "x".repeat(OBJECT_BYTES * 2)
    );
    let secret = |name: &str| {
        format!(
            r#"{{"kind":"PartialObjectMetadata","apiVersion":"meta.k8s.io/v1","metadata":{{"name":"{name}","namespace":"metal","resourceVersion":"5","managedFields":{huge},"annotations":{{"a/b":"{}"}}}}}}"#,
            "y".repeat(OBJECT_BYTES)
        )
    };
    let page = list(&[secret("a"), secret("b")]);
    let out = handed_on(Answer::Document, &page, 8192);
    assert!(out.len() < 1000, "{} bytes are handed on", out.len());
    let page: ObjectList<PartialObjectMeta<Secret>> = serde_json::from_str(&out).unwrap();
    assert_eq!(page.items[1].name_any(), "b");

    let event = format!("{{\"type\":\"MODIFIED\",\"object\":{}}}\n", secret("a"));
    let out = handed_on(Answer::Watch, &event.repeat(2), 8192);
    for line in out.lines() {
        let event: Value = serde_json::from_str(line).unwrap();
        assert_eq!(event["object"]["metadata"]["resourceVersion"], "5");
    }
    assert_eq!(out.lines().count(), 2);

    let single = secret("a")
        .replace("meta.k8s.io/v1", "v1")
        .replace("PartialObjectMetadata", "Secret");
    let read: Secret = serde_json::from_str(&handed_on(Answer::Document, &single, 8192)).unwrap();
    assert_eq!(read.metadata.managed_fields, None);
}

/// What can be refused of a Secret's metadata is what its owner can change: labels and the like.
#[test]
fn too_many_labels_leave_a_name_and_a_version() {
    let labels: serde_json::Map<_, _> = (0..=OBJECT_VALUES)
        .map(|n| (format!("l{n}"), json!("x")))
        .collect();
    let secret =
        json!({"metadata": {"labels": labels, "name": "a", "namespace": "metal", "resourceVersion": "5"}});
    let out = handed_on(Answer::Document, &list(&[secret.to_string()]), 8192);
    let page: ObjectList<PartialObjectMeta<Secret>> = serde_json::from_str(&out).unwrap();
    assert_eq!(page.items[0].resource_version().as_deref(), Some("5"));
    assert_eq!(page.items[0].metadata.labels, None);
}

#[test]
fn a_single_object_is_handed_on_whole() {
    let map = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a", "annotations": {"a/b": "c"}},
        "data": {"items": "x".repeat(OBJECT_BYTES)}});
    let out = handed_on(Answer::Document, &map.to_string(), 1000);
    assert_eq!(out, map.to_string());
    let read: ConfigMap = serde_json::from_str(&out).unwrap();
    assert_eq!(read.data.unwrap()["items"].len(), OBJECT_BYTES);
}

#[test]
fn watch_events_that_are_no_objects_pass() {
    let lines = concat!(
        r#"{"type":"BOOKMARK","object":{"kind":"BareMetalNode","metadata":{"resourceVersion":"12","creationTimestamp":null}}}"#,
        "\n",
        r#"{"type":"ERROR","object":{"kind":"Status","metadata":{},"message":"too old","code":410}}"#,
        "\n"
    );
    assert_eq!(handed_on(Answer::Watch, lines, 7), lines);
}

/// JSON with every kind of value, escape and nesting.
fn values() -> impl Strategy<Value = Value> {
    let text = prop_oneof![
        any::<String>(),
        Just("\\\"{[,:]}".to_owned()),
        Just("managedFields".to_owned()),
        Just("items".to_owned()),
    ];
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        text.clone().prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 32, 5, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            prop::collection::btree_map(text.clone(), inner, 0..5)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn what_is_within_the_bounds_is_not_changed(values in prop::collection::vec(values(), 0..4), piece in 1_usize..40) {
        let items: Vec<_> = values.iter().map(|value| {
            json!({"metadata": {"name": "a"}, "spec": {"extra": value}, "status": value}).to_string()
        }).collect();
        let page = list(&items);
        prop_assert_eq!(&handed_on(Answer::Document, &page, piece), &page);
        let events: Vec<_> = items.iter().map(|item| format!("{{\"type\":\"ADDED\",\"object\":{item}}}\n")).collect();
        let events = events.concat();
        prop_assert_eq!(&handed_on(Answer::Watch, &events, piece), &events);
    }

    #[test]
    fn any_bytes_pass_without_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..400), piece in 1_usize..40) {
        for answer in [Answer::Document, Answer::Watch] {
            let mut scanner = Scanner::new(answer);
            bytes.chunks(piece).for_each(|piece| drop(scanner.feed(piece)));
        }
    }
}
