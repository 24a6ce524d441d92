//! Which requests are treated specially, and how.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use futures::future::BoxFuture;
use http::request::Parts;
use serde_json::Value;

use super::Entry;

/// Bodies beyond this are cut in the log and for predicates (not on their way). Config drives can be large.
const BODY_KEPT: usize = 256 * 1024;

/// The part of a request that is remembered.
#[derive(Clone, Debug)]
pub struct Seen {
    /// Such as `GET`.
    pub method: String,
    /// Without the query.
    pub path: String,
    /// What follows the `?`; empty without.
    pub query: String,
    /// All headers.
    pub headers: http::HeaderMap,
    /// The first 256 KiB of the body.
    pub body: Bytes,
}

impl Seen {
    pub(super) fn new(parts: &Parts, body: &Bytes) -> Self {
        Self {
            method: parts.method.to_string(),
            path: parts.uri.path().to_owned(),
            query: parts.uri.query().unwrap_or_default().to_owned(),
            headers: parts.headers.clone(),
            body: body.slice(..body.len().min(BODY_KEPT)),
        }
    }
}

/// What happens to a request.
#[derive(Clone, Debug)]
pub enum Action {
    /// Nothing special: an exception from the rules that follow.
    PassOn,
    /// It is passed on after a while.
    Delay(Duration),
    /// The connection is closed; the server never sees the request.
    DropBefore,
    /// The server acts and answers, but the connection is closed without the answer.
    DropAfter,
    /// The proxy answers itself; the server never sees the request.
    Answer(Answer),
    /// The head of the answer and half of its body are passed back, then the connection is closed.
    Truncate,
    /// Something is done, and when it is, the request is passed on.
    CallBefore(Callback),
    /// Something is done when the server has answered and before the answer is passed back.
    CallAfter(Callback),
    /// Something is done when the answer has arrived at whoever asked.
    CallOnArrival(Callback),
    /// The answer, which must be JSON, is changed on its way back.
    Edit(Edit),
}

/// An answer of the proxy's own.
#[derive(Clone, Debug, Default)]
pub struct Answer {
    /// Such as 503.
    pub status: u16,
    /// Names and values, besides the length.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Bytes,
}

impl Answer {
    /// An error in the shape that Ironic gives it.
    pub fn ironic_error(status: u16, fault: &str) -> Self {
        let code = if status < 500 { "Client" } else { "Server" };
        let inner = serde_json::json!({"faultcode": code, "faultstring": fault, "debuginfo": null});
        let body = serde_json::json!({"error_message": inner.to_string()});
        let headers = [
            ("Content-Type", "application/json"),
            ("x-openstack-request-id", "req-of-the-proxy"),
        ];
        let headers = headers
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .into();
        Self {
            status,
            headers,
            body: body.to_string().into(),
        }
    }
}

/// Something to do, such as killing a process.
#[derive(Clone)]
pub struct Callback(Arc<dyn Fn(Entry) -> BoxFuture<'static, ()> + Send + Sync>);

impl Callback {
    /// The function is called once for each request that the rule takes.
    pub fn new<F, W>(function: F) -> Self
    where
        F: Fn(Entry) -> W + Send + Sync + 'static,
        W: Future<Output = ()> + Send + 'static,
    {
        Self(Arc::new(move |entry| Box::pin(function(entry))))
    }

    pub(super) async fn call(&self, entry: Entry) {
        (self.0)(entry).await;
    }
}

impl fmt::Debug for Callback {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("Callback")
    }
}

/// A change of an answer's body.
#[derive(Clone)]
pub struct Edit(Arc<dyn Fn(&mut Value) + Send + Sync>);

impl Edit {
    /// The function is called once for each answer that the rule takes.
    pub fn new(function: impl Fn(&mut Value) + Send + Sync + 'static) -> Self {
        Self(Arc::new(function))
    }

    pub(super) fn apply(&self, body: &[u8]) -> serde_json::Result<Bytes> {
        let mut value = serde_json::from_slice(body)?;
        (self.0)(&mut value);
        Ok(value.to_string().into())
    }
}

impl fmt::Debug for Edit {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("Edit")
    }
}

/// Names a rule, in the log and to take it back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RuleId(u64);

/// A rule in the making.
#[must_use = "a rule does nothing until `then`"]
#[derive(Debug)]
pub struct When<'a> {
    rules: &'a Rules,
    matcher: Matcher,
    first: u64,
    last: u64,
}

impl<'a> When<'a> {
    pub(super) fn new(rules: &'a Rules, matcher: Matcher) -> Self {
        Self {
            rules,
            matcher,
            first: 1,
            last: u64::MAX,
        }
    }

    /// Only the n-th matching request from now on, counted from 1.
    pub fn nth(self, n: u64) -> Self {
        Self {
            first: n,
            last: n,
            ..self
        }
    }

    /// The n-th and all that follow.
    pub fn from(self, n: u64) -> Self {
        Self {
            first: n,
            last: u64::MAX,
            ..self
        }
    }

    /// So many, beginning with the first (or with that of [`When::from`]).
    pub fn times(self, count: u64) -> Self {
        Self {
            last: self.first.saturating_add(count).saturating_sub(1),
            ..self
        }
    }

    /// All of them: this is so without saying.
    pub fn always(self) -> Self {
        self.from(1)
    }

    /// Makes the rule.
    pub fn then(self, action: Action) -> RuleId {
        self.rules.add(self.matcher, self.first..=self.last, action)
    }
}

/// Tells which requests a rule is about.
#[derive(Clone)]
pub(super) enum Matcher {
    Route { method: String, segments: Vec<String> },
    Custom(Arc<dyn Fn(&Seen) -> bool + Send + Sync>),
}

impl Matcher {
    pub(super) fn route(method: &str, route: &str) -> Self {
        Self::Route {
            method: method.to_owned(),
            segments: segments(route).map(ToOwned::to_owned).collect(),
        }
    }

    pub(super) fn matches(&self, seen: &Seen) -> bool {
        match self {
            Self::Custom(wanted) => wanted(seen),
            Self::Route {
                method,
                segments: route,
            } => {
                let path: Vec<&str> = segments(&seen.path).collect();
                (method == "*" || *method == seen.method)
                    && route.len() == path.len()
                    && route
                        .iter()
                        .zip(path)
                        .all(|(wanted, found)| wanted == "{}" || wanted == found)
            }
        }
    }
}

impl fmt::Debug for Matcher {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Route { method, segments } => write!(out, "{method} /{}", segments.join("/")),
            Self::Custom(_) => out.write_str("a predicate"),
        }
    }
}

/// A slash at the end makes no difference, as in Ironic.
fn segments(path: &str) -> impl Iterator<Item = &str> {
    path.trim_matches('/').split('/')
}

/// The rules of a proxy.
#[derive(Debug, Default)]
pub(super) struct Rules {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    last: u64,
    rules: Vec<Rule>,
}

#[derive(Debug)]
struct Rule {
    id: RuleId,
    matcher: Matcher,
    wanted: std::ops::RangeInclusive<u64>,
    seen: u64,
    action: Action,
}

impl Rules {
    fn add(&self, matcher: Matcher, wanted: std::ops::RangeInclusive<u64>, action: Action) -> RuleId {
        let mut state = self.lock();
        state.last += 1;
        let id = RuleId(state.last);
        state.rules.push(Rule {
            id,
            matcher,
            wanted,
            seen: 0,
            action,
        });
        id
    }

    pub(super) fn remove(&self, id: RuleId) {
        self.lock().rules.retain(|rule| rule.id != id);
    }

    pub(super) fn clear(&self) {
        self.lock().rules.clear();
    }

    /// Counts the request with every rule it matches, and says which one takes it.
    pub(super) fn choose(&self, seen: &Seen) -> Option<(RuleId, Action)> {
        let mut chosen = None;
        for rule in &mut self.lock().rules {
            if rule.matcher.matches(seen) {
                rule.seen += 1;
                if chosen.is_none() && rule.wanted.contains(&rule.seen) {
                    chosen = Some((rule.id, rule.action.clone()));
                }
            }
        }
        chosen
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
