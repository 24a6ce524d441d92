//! The one pipeline that every request goes through.
use std::time::Duration;

use jiff::Timestamp;
use reqwest::header::{CONTENT_TYPE, HeaderMap};
use reqwest::{Response, Url};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::time::{Instant, sleep, timeout_at};
use tracing::{Instrument, Span, field};

use super::error::cut;
use super::retry::{Repeat, backoff, may_have_acted, may_repeat, retry_after};
use super::version::is_versioned;
use super::{Client, Error, Rejection, RequestOutcome, Result, Route, VersionRange, words};
use crate::ironic::model::{ApiVersion, Seen, Stamp};

/// One request to be made.
pub(super) struct Call {
    pub route: &'static Route,
    url: Url,
    body: Option<Vec<u8>>,
    repeat: Repeat,
    needs: Vec<(&'static str, ApiVersion)>,
}

impl Call {
    /// A request with the arguments of its route.
    pub fn new(route: &'static Route, base: &Url, arguments: &[&str]) -> Result<Self> {
        let url = route.url(base, arguments)?;
        let repeat = if route.mutating {
            Repeat::Write
        } else {
            Repeat::Read
        };
        Ok(Self {
            route,
            url,
            body: None,
            repeat,
            needs: Vec::new(),
        })
    }

    /// With query parameters.
    pub fn query<'a>(mut self, pairs: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        let mut pairs = pairs.into_iter().peekable();
        if pairs.peek().is_some() {
            self.url.query_pairs_mut().extend_pairs(pairs);
        }
        self
    }

    /// With a JSON body.
    pub fn body(mut self, body: &impl Serialize) -> Result<Self> {
        let bytes = serde_json::to_vec(body);
        self.body = Some(bytes.map_err(|error| Error::argument(format!("no JSON can say it: {error}")))?);
        Ok(self)
    }

    /// How large the body is, bytes.
    pub fn size(&self) -> usize {
        self.body.as_ref().map_or(0, Vec::len)
    }

    /// With another meaning of sending it twice.
    pub fn repeat(mut self, repeat: Repeat) -> Self {
        self.repeat = repeat;
        self
    }

    /// Not with an Ironic that is too old for `what`.
    pub fn needs(mut self, what: &'static str, version: ApiVersion) -> Self {
        self.needs.push((what, version));
        self
    }

    fn supported(&self, has: ApiVersion) -> Result<()> {
        match self.needs.iter().find(|(_, needs)| has < *needs) {
            Some(&(what, needs)) => Err(Error::NotSupported { what, needs, has }),
            None => Ok(()),
        }
    }
}

/// A successful answer.
pub(super) struct Answer {
    status: u16,
    body: Vec<u8>,
    asked: Stamp,
}

impl Answer {
    /// The body as what it should be.
    pub fn json<T: DeserializeOwned>(&self, route: &'static Route) -> Result<T> {
        serde_json::from_slice(&self.body).map_err(|error| {
            if self.body.trim_ascii_start().starts_with(b"<") {
                self.nonsense(
                    route,
                    "HTML where JSON was expected: is this the address of Ironic?",
                )
            } else {
                self.nonsense(route, error.to_string())
            }
        })
    }

    /// The same with its stamp.
    pub fn seen<T: DeserializeOwned>(&self, route: &'static Route) -> Result<Seen<T>> {
        Ok(Seen {
            value: self.json(route)?,
            asked: self.asked,
        })
    }

    /// An error about the body.
    pub fn nonsense(&self, route: &'static Route, problem: impl Into<String>) -> Error {
        Error::Body {
            route,
            status: self.status,
            problem: problem.into(),
        }
    }
}

/// How a call failed.
pub(super) struct Failed {
    pub error: Error,
    /// Whether an earlier attempt may have done what was asked.
    pub doubt: bool,
}

/// How one attempt failed.
struct Miss {
    error: Error,
    wait: Option<Duration>,
    bounds: Option<(ApiVersion, ApiVersion)>,
}

impl From<Error> for Miss {
    fn from(error: Error) -> Self {
        Self {
            error,
            wait: None,
            bounds: None,
        }
    }
}

impl Client {
    /// Makes a request, in the negotiated version and within the deadline.
    pub(super) async fn call(&self, call: Call) -> Result<Answer> {
        self.call_once(&call).await.map_err(|failed| failed.error)
    }

    /// The same, telling whether the request may have been acted on although it failed.
    pub(super) async fn call_once(&self, call: &Call) -> Result<Answer, Failed> {
        let until = Instant::now() + self.inner.deadline;
        let version = self
            .versions_by(until)
            .await
            .map_err(|error| Failed { error, doubt: false })?;
        self.insist(call, Some(version.negotiated), until).await
    }

    /// Sends a request until it is answered or must not be sent again.
    pub(super) async fn insist(
        &self,
        call: &Call,
        mut version: Option<ApiVersion>,
        until: Instant,
    ) -> Result<Answer, Failed> {
        let (mut attempt, mut doubt, mut second_chance) = (1, false, true);
        loop {
            let miss = match self.attempt(call, version, attempt, until).await {
                Ok(answer) => return Ok(answer),
                Err(miss) => miss,
            };
            if second_chance && self.put_right(&miss, &mut version).await {
                second_chance = false;
                continue;
            }
            let pause = miss.wait.unwrap_or_else(|| backoff(attempt, fastrand::f64()));
            let in_time = Instant::now().checked_add(pause).is_some_and(|then| then < until);
            if attempt >= self.inner.attempts || !in_time || !may_repeat(call.repeat, &miss.error) {
                return Err(Failed {
                    error: miss.error,
                    doubt,
                });
            }
            doubt |= may_have_acted(&miss.error);
            tracing::debug!(route = %call.route, attempt, ?pause, error = %miss.error, "sending again");
            sleep(pause).await;
            attempt += 1;
        }
    }

    /// Whether a refused version or identity could be put right, so that the request may be sent once more.
    async fn put_right(&self, miss: &Miss, version: &mut Option<ApiVersion>) -> bool {
        match (miss.error.rejection(), miss.bounds, *version) {
            (Some(Rejection::VersionRefused), Some(bounds), Some(used)) => {
                let other = self.renegotiate(used, bounds).await;
                *version = other.or(*version);
                other.is_some()
            }
            (Some(Rejection::Unauthorized), _, _) => self.inner.session.renew().await,
            _ => false,
        }
    }

    /// Sends a request once, when there is a slot.
    async fn attempt(
        &self,
        call: &Call,
        version: Option<ApiVersion>,
        attempt: u32,
        until: Instant,
    ) -> Result<Answer, Miss> {
        if let Some(version) = version {
            call.supported(version)?;
        }
        let Ok(Ok(_slot)) = timeout_at(until, self.inner.slots.acquire()).await else {
            return Err(self.too_late(call.route, "a free slot").into());
        };
        let span = tracing::debug_span!(
            "ironic",
            route = %call.route,
            attempt,
            status = field::Empty,
            request_id = field::Empty
        );
        let started = Instant::now();
        let mut status = None;
        let exchange = self.exchange(call, version, &mut status).instrument(span);
        let result = match timeout_at(until, exchange).await {
            Ok(result) => result,
            Err(_) => Err(self.too_late(call.route, "the answer").into()),
        };
        let seconds = started.elapsed().as_secs_f64();
        self.inner.observe.request(&RequestOutcome {
            route: call.route,
            status,
            seconds,
            attempt,
        });
        result
    }

    /// One request and its answer.
    async fn exchange(
        &self,
        call: &Call,
        version: Option<ApiVersion>,
        status: &mut Option<u16>,
    ) -> Result<Answer, Miss> {
        let mut request = self
            .inner
            .http
            .request(call.route.method.clone(), call.url.clone());
        request = request
            .headers(self.inner.session.headers().await?)
            .header("accept", "application/json");
        if let Some(version) = version {
            request = request
                .header("x-openstack-ironic-api-version", version.to_string())
                .header("openstack-api-version", format!("baremetal {version}"));
        }
        if let Some(body) = &call.body {
            request = request
                .header(CONTENT_TYPE, "application/json")
                .body(body.clone());
        }
        let asked = self.stamp();
        let response = request
            .send()
            .await
            .map_err(|error| unreachable_server(call.route, error))?;
        *status = Some(response.status().as_u16());
        Span::current().record("status", response.status().as_u16());
        self.read(call.route, response, asked).await
    }

    /// Reads an answer.
    async fn read(&self, route: &'static Route, response: Response, asked: Stamp) -> Result<Answer, Miss> {
        let (status, headers) = (response.status(), response.headers().clone());
        let request_id = request_id(&headers);
        if let Some(id) = &request_id {
            Span::current().record("request_id", id);
        }
        let body = response.bytes().await.map_err(|error| Error::Body {
            route,
            status: status.as_u16(),
            problem: format!("it broke off: {}", error.without_url()),
        })?;
        let status = status.as_u16();
        if (200..300).contains(&status) {
            return Ok(Answer {
                status,
                body: body.to_vec(),
                asked,
            });
        }
        let message = words::of(&headers, &body);
        let rejection = Rejection::of(status, &message, is_versioned(&headers));
        let message = cut(&self.inner.session.scrub(message)).to_owned();
        Err(Miss {
            error: Error::Rejected {
                route,
                status,
                rejection,
                message,
                request_id,
            },
            wait: retry_after(&headers, Timestamp::now()),
            bounds: VersionRange::in_headers(&headers),
        })
    }

    /// The error of a call whose time ran out.
    pub(super) fn too_late(&self, route: &'static Route, waiting_for: &'static str) -> Error {
        Error::Deadline {
            route,
            after: self.inner.deadline,
            waiting_for,
        }
    }
}

/// The error of a request without an answer.
fn unreachable_server(route: &'static Route, error: reqwest::Error) -> Miss {
    let sent = !error.is_connect() && !error.is_builder();
    Error::Transport {
        route,
        sent,
        source: error.without_url(),
    }
    .into()
}

/// Ironic's id of a request.
fn request_id(headers: &HeaderMap) -> Option<String> {
    let id = headers
        .get("x-openstack-request-id")
        .or_else(|| headers.get("openstack-request-id"))?;
    Some(id.to_str().ok()?.chars().take(64).collect())
}
