//! One scenario played twice against one Ironic: through openstacksdk and through our client, each with objects of its own.

#![cfg(test)]

use std::collections::BTreeMap;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};

use futures::future::BoxFuture;
use futures::{Stream, TryStreamExt};
use ironwright::ironic::client::{Client, Error, Settings};
use ironwright::ironic::model::Seen;
use ironwright_stack::Proxy;
use ironwright_stack::proxy::Action;
use serde::Serialize;
use serde_json::{Map, Value};
use uuid::Uuid;

use super::sdk::{Call, Sdk, call};
use crate::harness;

/// Who plays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    Sdk,
    Ours,
}

/// Both.
pub const SIDES: [Side; 2] = [Side::Sdk, Side::Ours];

/// What went wrong for a caller: an HTTP status, or a word.
#[derive(Clone, Debug, PartialEq)]
pub struct Failure {
    pub kind: String,
    pub words: String,
}

/// What a call came to.
#[derive(Debug)]
pub struct Did {
    pub result: Result<Value, Failure>,
    /// The requests it took, as `METHOD path?query`.
    pub sent: Vec<String>,
}

impl Did {
    /// What the caller got.
    pub fn value(&self) -> &Value {
        self.result.as_ref().expect("it works")
    }

    /// What went wrong.
    pub fn failure(&self) -> &Failure {
        self.result.as_ref().expect_err("it fails")
    }

    /// What kind of failure; empty if it was none.
    pub fn kind(&self) -> &str {
        self.result
            .as_ref()
            .map_or_else(|failure| failure.kind.as_str(), |_| "")
    }

    /// How many requests of a method it took.
    pub fn count(&self, method: &str) -> usize {
        self.sent
            .iter()
            .filter(|request| request.starts_with(method))
            .count()
    }
}

/// What was shown of a call of openstacksdk's.
pub struct Shown {
    pub function: &'static str,
    pub scene: &'static str,
    pub what: &'static str,
    pub better: bool,
}

/// The stage of all scenarios.
pub struct Theatre {
    sdk: Sdk,
    sdk_proxy: Proxy,
    our_proxy: Proxy,
    pub ours: Client,
    pub shown: Vec<Shown>,
    /// What turned out otherwise: all of it is told, not the first.
    pub wrong: Vec<String>,
}

/// One scenario.
pub struct Scene<'a> {
    theatre: &'a mut Theatre,
    name: &'static str,
    known: BTreeMap<String, String>,
    count: [usize; 2],
}

impl Theatre {
    pub async fn open() -> Self {
        let stack = harness::stack().await;
        let endpoint = stack.ironic.endpoint();
        let sdk_proxy = Proxy::start(&endpoint).await.expect("a proxy");
        let our_proxy = Proxy::start(&endpoint).await.expect("a proxy");
        Self {
            sdk: Sdk::start(stack, &sdk_proxy),
            ours: Client::new(Settings::new(our_proxy.endpoint())).expect("a client"),
            sdk_proxy,
            our_proxy,
            shown: Vec::new(),
            wrong: Vec::new(),
        }
    }

    pub fn scene(&mut self, name: &'static str) -> Scene<'_> {
        Scene {
            theatre: self,
            name,
            known: BTreeMap::new(),
            count: [0, 0],
        }
    }
}

impl Scene<'_> {
    /// Our client.
    pub fn ours(&self) -> Client {
        self.theatre.ours.clone()
    }

    /// The name of an object of this scenario: `parity-sdk-…` or `parity-our-…`.
    pub fn name(&self, side: Side, name: &str) -> String {
        format!("{}{}-{name}", prefix(side), self.name.replace("::", "-"))
    }

    /// The same for openstacksdk's.
    pub fn sdk(&self, name: &str) -> String {
        self.name(Side::Sdk, name)
    }

    /// The same for ours.
    pub fn our(&self, name: &str) -> String {
        self.name(Side::Ours, name)
    }

    /// A resource class of this scenario and side alone.
    pub fn class(&self, side: Side) -> String {
        self.name(side, "class")
    }

    /// Both proxies do this with so many requests from now on.
    pub fn both_proxies(&self, method: &str, route: &str, times: u64, action: &Action) {
        for proxy in [&self.theatre.sdk_proxy, &self.theatre.our_proxy] {
            proxy.when(method, route).times(times).then(action.clone());
        }
    }

    /// Both proxies pass everything on again.
    pub fn clear_rules(&self) {
        self.theatre.sdk_proxy.clear_rules();
        self.theatre.our_proxy.clear_rules();
    }

    /// Both do it, each in its own way, at the same time.
    pub fn both<'s, T: Plain + Send + 's>(
        &'s mut self,
        call: &'s Call,
        ours: impl Future<Output = Result<T, Error>> + Send + 's,
    ) -> BoxFuture<'s, (Did, Did)> {
        Box::pin(async move {
            let theatre = &mut *self.theatre;
            theatre.sdk_proxy.clear_log();
            theatre.our_proxy.clear_log();
            let (sdk, ours) = tokio::join!(theatre.sdk.call(call), ours);
            let sdk = Did {
                result: sdk,
                sent: sent(&theatre.sdk_proxy),
            };
            let ours = Did {
                result: ours.map(Plain::plain).map_err(|error| failure(&error)),
                sent: sent(&theatre.our_proxy),
            };
            (sdk, ours)
        })
    }

    /// Both do it and come to the same: every value that openstacksdk returns is in what we return, and what goes wrong is the same,
    /// in the same words.
    pub fn same<'s, T: Plain + Send + 's>(
        &'s mut self,
        what: &'static str,
        call: &'s Call,
        ours: impl Future<Output = Result<T, Error>> + Send + 's,
    ) -> BoxFuture<'s, ()> {
        Box::pin(async move {
            let (sdk, ours) = self.both(call, ours).await;
            let mut differences = match (&sdk.result, &ours.result) {
                (Ok(sdk), Ok(ours)) => {
                    let (sdk, ours) = (self.normal(Side::Sdk, sdk), self.normal(Side::Ours, ours));
                    missing(&sdk, &ours, "")
                }
                (Err(sdk), Err(ours)) if tells(sdk, ours) => Vec::new(),
                (sdk, ours) => vec![format!("{sdk:?} is not {ours:?}")],
            };
            // An update reads what it changes; openstacksdk may have been given what was read before.
            let read = usize::from(call.function.starts_with("update_"));
            if !is_wait(call.function) && ours.sent.len() > sdk.sent.len() + read {
                differences.push(format!("{:?} and {:?}", sdk.sent, ours.sent));
            }
            self.show(call, what, false, differences);
        })
    }

    /// Both do it and come to the same, which is more than values: `check` sees what each came to.
    pub fn alike<'s, T: Plain + Send + 's>(
        &'s mut self,
        what: &'static str,
        call: &'s Call,
        ours: impl Future<Output = Result<T, Error>> + Send + 's,
        check: impl FnOnce(&Did, &Did) + Send + 's,
    ) -> BoxFuture<'s, ()> {
        Box::pin(async move {
            let (sdk, ours) = self.both(call, ours).await;
            let differences = checked(&sdk, &ours, check);
            self.show(call, what, false, differences);
        })
    }

    /// Both do it, and ours is better: `check` sees what each came to.
    pub fn better<'s, T: Plain + Send + 's>(
        &'s mut self,
        what: &'static str,
        call: &'s Call,
        ours: impl Future<Output = Result<T, Error>> + Send + 's,
        check: impl FnOnce(&Did, &Did) + Send + 's,
    ) -> BoxFuture<'s, ()> {
        Box::pin(async move {
            let (sdk, ours) = self.both(call, ours).await;
            let differences = checked(&sdk, &ours, check);
            self.show(call, what, true, differences);
        })
    }

    /// Both make a config drive; somebody else finds the same in both.
    pub async fn same_drive(&mut self, what: &'static str, better: bool, theirs: &Call, ours: &str) {
        let mut found = Vec::new();
        let theirs = match self.theatre.sdk.call(theirs).await {
            Ok(drive) => (theirs, drive),
            Err(failure) => return self.show(theirs, what, better, vec![format!("{failure:?}")]),
        };
        for drive in [&theirs.1, &ours.into()] {
            let files = call(
                "files",
                Value::Array(vec![drive.clone()]),
                Value::Object(Map::new()),
            );
            found.push(self.theatre.sdk.call(&files).await.expect("it can be read"));
        }
        let differences = missing(&found[0], &found[1], "")
            .into_iter()
            .chain(missing(&found[1], &found[0], ""));
        self.show(theirs.0, what, better, differences.collect());
    }

    fn show(&mut self, call: &Call, what: &'static str, better: bool, differences: Vec<String>) {
        let context = format!("{}, {}: {what}", self.name, call.function);
        let wrong = differences
            .into_iter()
            .map(|difference| format!("{context}: {difference}"));
        self.theatre.wrong.extend(wrong);
        self.theatre.shown.push(Shown {
            function: call.function,
            scene: self.name,
            what,
            better,
        });
    }

    /// Ironic holds the same for both, in every field; `path` is that of each side's object.
    pub async fn held(&mut self, path: impl Fn(Side) -> String) -> Value {
        let mut held = Vec::new();
        for side in SIDES {
            let object = read(&path(side)).await;
            held.push(self.normal(side, &object));
        }
        if held[0] != held[1] {
            let wrong = format!("{}, Ironic holds {} and {}", self.name, held[0], held[1]);
            self.theatre.wrong.push(wrong);
        }
        held.pop().unwrap_or_default()
    }

    /// The same of a node by its name.
    pub async fn held_node(&mut self, name: &str) -> Value {
        let scene = self.name.replace("::", "-");
        self.held(|side| format!("/v1/nodes/{}{scene}-{name}", prefix(side)))
            .await
    }

    /// Without what must differ: whose it is, uuids (told apart by their order), times, links.
    fn normal(&mut self, side: Side, value: &Value) -> Value {
        match value {
            Value::Object(members) => {
                let kept = members
                    .iter()
                    .filter(|(name, value)| !VOLATILE.contains(&name.as_str()) && !is_nothing(value));
                kept.map(|(name, value)| (name.clone(), self.normal(side, value)))
                    .collect()
            }
            Value::Array(items) => items.iter().map(|item| self.normal(side, item)).collect(),
            Value::String(text) => self.normal_text(side, text).into(),
            other => other.clone(),
        }
    }

    fn normal_text(&mut self, side: Side, text: &str) -> String {
        if Uuid::try_parse(text).is_ok() {
            let count = &mut self.count[side as usize];
            let known = self.known.entry(text.to_owned()).or_insert_with(|| {
                *count += 1;
                format!("uuid {count}")
            });
            return known.clone();
        }
        // Links lead through each side's own proxy.
        let link = text
            .strip_prefix("http://127.0.0.1:")
            .and_then(|rest| rest.split_once('/'));
        plain_words(link.map_or(text, |(_, path)| path))
    }
}

/// What a caller gets, as JSON.
pub trait Plain {
    fn plain(self) -> Value;
}

impl<T: Serialize> Plain for Seen<T> {
    fn plain(self) -> Value {
        json_of(&self.value)
    }
}

impl<T: Serialize> Plain for Option<Seen<T>> {
    fn plain(self) -> Value {
        self.map_or(Value::Null, Plain::plain)
    }
}

impl<T: Serialize> Plain for Vec<T> {
    fn plain(self) -> Value {
        json_of(&self)
    }
}

impl Plain for () {
    fn plain(self) -> Value {
        Value::Null
    }
}

impl Plain for Value {
    fn plain(self) -> Value {
        self
    }
}

/// Anything as JSON.
pub fn json_of(value: &impl Serialize) -> Value {
    serde_json::to_value(value).expect("JSON")
}

/// All rows of a listing.
pub async fn all<T>(listing: impl Stream<Item = Result<Seen<T>, Error>>) -> Result<Vec<T>, Error> {
    listing.map_ok(|seen| seen.value).try_collect().await
}

/// What each side's names begin with.
pub const fn prefix(side: Side) -> &'static str {
    match side {
        Side::Sdk => "parity-sdk-",
        Side::Ours => "parity-our-",
    }
}

/// A MAC address of a side's own.
pub fn mac(side: Side, scene: u8, number: u8) -> String {
    let side = match side {
        Side::Sdk => "02:5d",
        Side::Ours => "02:0a",
    };
    format!("{side}:{scene:02x}:00:00:{number:02x}")
}

/// What tells nothing: when, where, and who works on it.
const VOLATILE: &[&str] = &[
    "links",
    "location",
    "created_at",
    "updated_at",
    "provision_updated_at",
    "inspection_started_at",
    "inspection_finished_at",
    "last_power_state_change",
    "reservation",
    "ports",
    "portgroups",
    "states",
    "volume",
    "id",
    "nodes",
];

fn is_nothing(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Object(members) => members.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::String(text) => text.is_empty(),
        Value::Bool(_) | Value::Number(_) => false,
    }
}

/// Words without whose they are.
fn plain_words(words: &str) -> String {
    let mut words = words
        .replace(prefix(Side::Sdk), "")
        .replace(prefix(Side::Ours), "")
        .replace("02:5d:", "02:")
        .replace("02:0a:", "02:");
    let start = |words: &str, from: usize| {
        (from..words.len()).find(|&at| {
            words
                .get(at..at + 36)
                .is_some_and(|text| Uuid::try_parse(text).is_ok())
        })
    };
    let mut from = 0;
    while let Some(at) = start(&words, from) {
        words.replace_range(at..at + 36, "(uuid)");
        from = at;
    }
    words
}

/// What is in the first and not in the second. Rows beside each other have to be as many.
fn missing(sdk: &Value, ours: &Value, at: &str) -> Vec<String> {
    match (sdk, ours) {
        (Value::Object(sdk), Value::Object(ours)) => sdk
            .iter()
            .flat_map(|(name, value)| {
                let ours = ours.get(name).unwrap_or(&Value::Null);
                missing(value, ours, &format!("{at}/{name}"))
            })
            .collect(),
        (Value::Array(sdk), Value::Array(ours)) if sdk.len() == ours.len() => sdk
            .iter()
            .zip(ours)
            .enumerate()
            .flat_map(|(row, (sdk, ours))| missing(sdk, ours, &format!("{at}/{row}")))
            .collect(),
        _ if sdk == ours => Vec::new(),
        _ => vec![format!("{at}: {sdk} is not {ours}")],
    }
}

/// Whether both say the same of what went wrong; a caller's own mistake each says in its own words.
fn tells(sdk: &Failure, ours: &Failure) -> bool {
    let said = plain_words(&sdk.words).contains(&plain_words(&ours.words));
    sdk.kind == ours.kind && (said || matches!(ours.kind.as_str(), "argument" | "timeout"))
}

/// What a check found.
fn checked(sdk: &Did, ours: &Did, check: impl FnOnce(&Did, &Did)) -> Vec<String> {
    match catch_unwind(AssertUnwindSafe(|| check(sdk, ours))) {
        Ok(()) => Vec::new(),
        Err(_) => vec![format!("see above: {sdk:?} and {ours:?}")],
    }
}

/// Waits look as often as they please.
fn is_wait(function: &str) -> bool {
    function.starts_with("wait_") || function.starts_with("set_node_") || function.starts_with("create_node")
}

/// What the caller of our client is told.
fn failure(error: &Error) -> Failure {
    let kind = match error {
        Error::Rejected { status, .. } => status.to_string(),
        Error::Unreached { .. } | Error::PowerUnreached { .. } | Error::Unallocated { .. } => {
            "failed".to_owned()
        }
        Error::StillWaiting { .. } => "timeout".to_owned(),
        Error::Invalid { .. } => "invalid".to_owned(),
        Error::Argument { .. } => "argument".to_owned(),
        Error::NotSupported { .. } => "not supported".to_owned(),
        other => format!("{other:?}"),
    };
    Failure {
        kind,
        words: error.words().into_owned(),
    }
}

/// The requests through a proxy, discovery left out.
fn sent(proxy: &Proxy) -> Vec<String> {
    let log = proxy.log();
    let told = log.iter().map(|entry| &entry.seen);
    told.filter(|seen| !matches!(seen.path.as_str(), "/" | "/v1" | "/v1/"))
        .map(|seen| format!("{} {}?{}", seen.method, seen.path, seen.query))
        .collect()
}

/// What Ironic holds, all of it, with nobody's client in between.
async fn read(path: &str) -> Value {
    let url = format!("{}{path}", harness::stack().await.ironic.endpoint());
    let client = reqwest::Client::builder().no_proxy().build().expect("a client");
    let request = client.get(url).header("X-OpenStack-Ironic-API-Version", "latest");
    let answer = request.send().await.expect("Ironic answers");
    answer.json().await.expect("JSON")
}
