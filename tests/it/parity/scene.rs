//! One scenario played twice against one Ironic: through openstacksdk and through our client, each with objects of its own.

#![cfg(test)]

use std::future::Future;

use futures::future::BoxFuture;
use futures::{Stream, TryStreamExt};
use ironwright::ironic::client::{Client, Error, Settings};
use ironwright::ironic::model::{ApiVersion, Seen};
use ironwright_stack::proxy::Action;
use ironwright_stack::{Proxy, wait};
use serde::Serialize;
use serde_json::{Map, Value};

use super::normal::{Uuids, missing};
use super::outcome::{Did, Plain, checked, failure, tells};
use super::sdk::{Call, Sdk, call};
use crate::harness;
use crate::stage::Stack;

/// Who plays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    Sdk,
    Ours,
}

/// Both.
pub const SIDES: [Side; 2] = [Side::Sdk, Side::Ours];

/// Ironic locks a node to look at its power: what is refused and what is tried again would depend on when.
const ALONE: &str = "[conductor]\nsync_power_state_interval = 0\nsync_local_state_interval = 86400\n";

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
    stack: Stack,
    pub ours: Client,
    pub shown: Vec<Shown>,
    /// What turned out otherwise: all of it is told, not the first.
    pub wrong: Vec<String>,
}

/// One scenario.
pub struct Scene<'a> {
    theatre: &'a mut Theatre,
    name: &'static str,
    uuids: Uuids,
}

impl Theatre {
    pub async fn open() -> Self {
        // Others would write as well, and be in the listings.
        let own = harness::stack().await.with_ironic("parity", ALONE).await;
        let stack = own.expect("an Ironic");
        let endpoint = stack.ironic.endpoint();
        let sdk_proxy = Proxy::start(&endpoint).await.expect("a proxy");
        let our_proxy = Proxy::start(&endpoint).await.expect("a proxy");
        Self {
            sdk: Sdk::start(&stack, &sdk_proxy),
            ours: Client::new(Settings::new(our_proxy.endpoint())).expect("a client"),
            sdk_proxy,
            our_proxy,
            stack,
            shown: Vec::new(),
            wrong: Vec::new(),
        }
    }

    /// A scenario, with proxies that pass everything on.
    pub fn scene(&mut self, name: &'static str) -> Scene<'_> {
        for proxy in [&self.sdk_proxy, &self.our_proxy] {
            proxy.clear_rules();
        }
        Scene {
            theatre: self,
            name,
            uuids: Uuids::default(),
        }
    }
}

impl Scene<'_> {
    /// Our client.
    pub fn ours(&self) -> Client {
        self.theatre.ours.clone()
    }

    /// Our client in a version of the API that is settled beforehand.
    pub fn ours_in(&self, version: ApiVersion) -> Client {
        let settings = Settings {
            api_version: Some(version),
            ..Settings::new(self.theatre.our_proxy.endpoint())
        };
        Client::new(settings).expect("a client")
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
        for side in SIDES {
            self.proxy(side)
                .when(method, route)
                .times(times)
                .then(action.clone());
        }
    }

    /// What a side's requests go through.
    pub fn proxy(&self, side: Side) -> &Proxy {
        match side {
            Side::Sdk => &self.theatre.sdk_proxy,
            Side::Ours => &self.theatre.our_proxy,
        }
    }

    /// The real parts.
    pub fn stack(&self) -> &Stack {
        &self.theatre.stack
    }

    /// Both proxies pass everything on again.
    pub fn clear_rules(&self) {
        self.theatre.sdk_proxy.clear_rules();
        self.theatre.our_proxy.clear_rules();
    }

    /// Both do it, each in its own way.
    pub fn both<'s, T: Plain + Send + 's>(
        &'s mut self,
        call: &'s Call,
        ours: impl Future<Output = Result<T, Error>> + Send + 's,
    ) -> BoxFuture<'s, (Did, Did)> {
        Box::pin(async move {
            let theatre = &mut *self.theatre;
            theatre.sdk_proxy.clear_log();
            theatre.our_proxy.clear_log();
            let (sdk, ours) = if is_wait(call.function) {
                tokio::join!(theatre.sdk.call(call), ours)
            } else {
                // One after the other, so that neither sees what the other is about to change.
                (theatre.sdk.call(call).await, ours.await)
            };
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
                    let (sdk, ours) = (
                        self.uuids.normal(Side::Sdk, sdk),
                        self.uuids.normal(Side::Ours, ours),
                    );
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
        self.seen(what, false, call, ours, check)
    }

    /// Both do it, and ours is better: `check` sees what each came to.
    pub fn better<'s, T: Plain + Send + 's>(
        &'s mut self,
        what: &'static str,
        call: &'s Call,
        ours: impl Future<Output = Result<T, Error>> + Send + 's,
        check: impl FnOnce(&Did, &Did) + Send + 's,
    ) -> BoxFuture<'s, ()> {
        self.seen(what, true, call, ours, check)
    }

    fn seen<'s, T: Plain + Send + 's>(
        &'s mut self,
        what: &'static str,
        better: bool,
        call: &'s Call,
        ours: impl Future<Output = Result<T, Error>> + Send + 's,
        check: impl FnOnce(&Did, &Did) + Send + 's,
    ) -> BoxFuture<'s, ()> {
        Box::pin(async move {
            let (sdk, ours) = self.both(call, ours).await;
            let differences = checked(&sdk, &ours, check);
            self.show(call, what, better, differences);
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
            let stack = &self.theatre.stack;
            let object = at_rest(stack, &path(side)).await;
            held.push(self.uuids.normal(side, &object));
        }
        if held[0] != held[1] {
            let wrong = format!("{}, Ironic holds {} and {}", self.name, held[0], held[1]);
            self.theatre.wrong.push(wrong);
        }
        held.pop().unwrap_or_default()
    }

    /// Waits until Ironic has nothing more to do with these nodes: who asks next is not told of a lock.
    pub async fn rest(&self, nodes: &[String]) {
        for node in nodes {
            at_rest(&self.theatre.stack, &format!("/v1/nodes/{node}")).await;
        }
    }

    /// The same of a node by its name.
    pub async fn held_node(&mut self, name: &str) -> Value {
        let scene = self.name.replace("::", "-");
        self.held(|side| format!("/v1/nodes/{}{scene}-{name}", prefix(side)))
            .await
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

/// Waits look as often as they please.
fn is_wait(function: &str) -> bool {
    function.starts_with("wait_") || function.starts_with("set_node_") || function.starts_with("create_node")
}

/// The requests through a proxy, discovery left out.
fn sent(proxy: &Proxy) -> Vec<String> {
    let log = proxy.log();
    let told = log.iter().map(|entry| &entry.seen);
    told.filter(|seen| !matches!(seen.path.as_str(), "/" | "/v1" | "/v1/"))
        .map(|seen| format!("{} {}?{}", seen.method, seen.path, seen.query))
        .collect()
}

/// What Ironic holds once nobody has it locked and its power is what it is to be; not every object has such a thing.
async fn at_rest(stack: &Stack, path: &str) -> Value {
    let rests = async || {
        let object = read(stack, path).await;
        let moving = ["reservation", "target_power_state"]
            .iter()
            .any(|field| !object[field].is_null());
        Ok((!moving).then_some(object))
    };
    wait::until("the node to rest", harness::LIMIT, rests)
        .await
        .expect("it rests")
}

/// What Ironic holds, all of it, with nobody's client in between.
async fn read(stack: &Stack, path: &str) -> Value {
    let url = format!("{}{path}", stack.ironic.endpoint());
    let client = reqwest::Client::builder().no_proxy().build().expect("a client");
    let request = client.get(url).header("X-OpenStack-Ironic-API-Version", "latest");
    let answer = request.send().await.expect("Ironic answers");
    answer.json().await.expect("JSON")
}
