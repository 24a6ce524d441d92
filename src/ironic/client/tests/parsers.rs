//! Whatever a server says can be read: the fuzz targets on what real servers said, on that with some of it broken, and on any
//! JSON. More of it with `PROPTEST_CASES`, and with `make fuzz`.
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};
use proptest::test_runner::RngSeed;
use serde_json::{Map, Value, json};

use super::Fixture;
use crate::ironic::client::fuzz;
use crate::ironic::model::{Node, NodeSummary, ProvisionState};

/// What a fuzzer would begin with: the bodies that real servers sent.
fn recorded(folder: &str, prefix: &str, read: impl Fn(&Path) -> Vec<u8>) -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/fixtures")
        .join(folder);
    let files = std::fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let is_one = |path: &PathBuf| path.file_name().unwrap().to_string_lossy().starts_with(prefix);
    let mut files: Vec<_> = files.filter(is_one).collect();
    files.sort_unstable();
    files.iter().map(|file| read(file)).collect()
}

/// Those of Ironic are kept with the status and the headers.
fn of_ironic(prefix: &str) -> Vec<Vec<u8>> {
    recorded("ironic", prefix, |file| {
        Fixture::read(&file.file_stem().unwrap().to_string_lossy()).bytes()
    })
}

fn of_keystone(prefix: &str) -> Vec<Vec<u8>> {
    recorded("keystone", prefix, |file| std::fs::read(file).unwrap())
}

static REFUSALS: LazyLock<Vec<Vec<u8>>> =
    LazyLock::new(|| [of_ironic("err-"), of_keystone("refused-")].concat());
static NODES: LazyLock<Vec<Vec<u8>>> = LazyLock::new(|| of_ironic("node-"));
static TOKENS: LazyLock<Vec<Vec<u8>>> = LazyLock::new(|| of_keystone("token-"));

/// What is put into bodies: what a server could have heard, and what means something to a parser.
const PIECES: &[&str] = &[
    fuzz::SECRET,
    "null",
    "\"\"",
    "{",
    "]",
    "\\",
    "\u{fffd}",
    "<",
    "409",
    "1e400",
    "-0.5",
    "\\ud800",
    "RegionOne",
    "baremetal",
    "is locked by host",
    "already exists",
    "could not be found",
];

/// A body with some of its bytes replaced, doubled, cut off or come upon.
fn broken(bodies: &'static [Vec<u8>]) -> impl Strategy<Value = Vec<u8>> {
    let damage = (any::<Index>(), any::<u8>(), select(PIECES), 0..6_u8);
    (select(bodies), vec(damage, 0..6)).prop_map(|(mut body, damages)| {
        for (at, byte, piece, kind) in damages {
            let at = at.index(body.len() + 1);
            match kind {
                0 => body.truncate(at),
                1 => body.insert(at, byte),
                2 => body.extend_from_within(..at.min(200)),
                3 => drop(body.splice(at..at, piece.bytes())),
                4 => replace_string(&mut body, at, piece),
                _ => body.iter_mut().skip(at).take(1).for_each(|old| *old = byte),
            }
        }
        body
    })
}

/// Puts another text into the JSON string that begins behind some place.
fn replace_string(body: &mut Vec<u8>, from: usize, text: &str) {
    let quote =
        |from: usize, body: &[u8]| Some(from + body.get(from..)?.iter().position(|&byte| byte == b'"')?);
    let ends = quote(from, body).and_then(|first| Some((first + 1, quote(first + 1, body)?)));
    if let Some((first, last)) = ends {
        body.splice(first..last, text.bytes());
    }
}

/// Any JSON, whose objects like the names that refusals and nodes have.
fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        // serde_json reads the last bit of a long fraction as it likes.
        any::<i32>().prop_map(|eighths| Value::from(f64::from(eighths) / 8.0)),
        "\\PC{0,40}".prop_map(Value::from),
    ];
    let name = prop_oneof![
        select(
            &[
                "error_message",
                "error",
                "errors",
                "faultstring",
                "message",
                "description",
                "title",
                "detail"
            ][..]
        )
        .prop_map(str::to_owned),
        select(NodeSummary::FIELDS).prop_map(str::to_owned),
        "[a-z_]{0,12}",
    ];
    leaf.prop_recursive(5, 60, 6, move |inner| {
        prop_oneof![
            vec(inner.clone(), 0..6).prop_map(Value::from),
            vec((name.clone(), inner.clone()), 0..6)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
            // As Ironic nests: JSON in a string.
            inner.prop_map(|inner| Value::String(inner.to_string())),
        ]
    })
}

#[test]
fn there_is_something_to_break() {
    assert!(REFUSALS.len() > 20 && NODES.len() > 20 && TOKENS.len() > 3);
    for body in NODES.iter().chain(TOKENS.iter()) {
        assert!(body.len() > 2);
    }
}

#[test]
fn what_real_servers_said_is_read() {
    REFUSALS.iter().for_each(|body| fuzz::refusal(body));
    NODES.iter().for_each(|body| fuzz::node(body));
    TOKENS.iter().for_each(|body| fuzz::catalog(body));
}

/// What a fuzzer found, or would have been long in finding: the file names begin with the target's.
#[test]
fn what_was_found_once_is_read() {
    for &(name, target) in fuzz::TARGETS {
        let finds = recorded("fuzz", name, |file| std::fs::read(file).unwrap());
        assert!(!finds.is_empty(), "{name}");
        for find in &finds {
            target(find);
        }
    }
}

/// The same bodies on every machine; other ones with `PROPTEST_RNG_SEED`.
fn settled() -> ProptestConfig {
    let default = ProptestConfig::default();
    let rng_seed = match default.rng_seed {
        RngSeed::Random => RngSeed::Fixed(0x1209),
        chosen @ RngSeed::Fixed(_) => chosen,
    };
    ProptestConfig { rng_seed, ..default }
}

proptest! {
    #![proptest_config(settled())]

    #[test]
    fn a_broken_refusal_is_a_refusal(body in broken(&REFUSALS)) {
        fuzz::refusal(&body);
    }

    #[test]
    fn any_json_is_a_refusal(body in any_json()) {
        fuzz::refusal(body.to_string().as_bytes());
    }

    #[test]
    fn a_broken_token_is_a_token_or_an_error(body in broken(&TOKENS)) {
        fuzz::catalog(&body);
    }

    #[test]
    fn a_broken_node_is_a_node_or_an_error(body in broken(&NODES)) {
        fuzz::node(&body);
    }

    #[test]
    fn any_json_is_a_node_or_an_error(body in any_json()) {
        fuzz::node(body.to_string().as_bytes());
    }

    #[test]
    fn what_a_node_has_beyond_its_fields_is_kept(body in select(NODES.as_slice()), name in "x_[a-z]{1,12}", value in any_json()) {
        let mut json: Map<String, Value> = serde_json::from_slice(&body).unwrap_or_default();
        json.insert(name.clone(), value.clone());
        let node: Node = serde_json::from_value(Value::Object(json)).unwrap();
        prop_assert_eq!(node.other.get(&name), Some(&value));
        let written = serde_json::to_value(&node).unwrap();
        prop_assert_eq!(&written[&name], &value);
    }

    #[test]
    fn any_state_keeps_its_spelling(state in "\\PC{0,30}") {
        let json = json!(state);
        let read: ProvisionState = serde_json::from_value(json.clone()).unwrap();
        prop_assert_eq!(serde_json::to_value(&read).unwrap(), json);
    }
}
