//! The one pipeline that every request goes through.
use std::time::Duration;

use jiff::Timestamp;
use reqwest::header::{CONTENT_TYPE, HeaderMap};
use reqwest::{Method, Response};
use tokio::time::{Instant, sleep, timeout_at};
use tracing::{Instrument, Span, field};

use super::body::{Piece, Progress, start};
use super::breaker::{Breaker, End, Write};
use super::call::{Answer, Call, Failed};
use super::connect;
use super::error::bounded;
use super::reach::not_allowed;
use super::retry::{backoff, may_have_acted, may_repeat, retry_after};
use super::version::is_versioned;
use super::{Client, Error, Rejection, RequestOutcome, Result, Route, VersionRange, words};
use crate::ironic::model::{ApiVersion, Stamp};

/// A write is not sent in this part of its time, the last one: nobody would hear whether it was done.
const LAST: u32 = 4;

/// How one attempt failed.
pub(super) struct Miss {
    pub error: Error,
    wait: Option<Duration>,
    bounds: Option<(ApiVersion, ApiVersion)>,
    /// What it was sent with.
    serial: u64,
}

/// What may still be put right, each once a call.
struct Chances {
    version: bool,
    identity: bool,
}

impl From<Error> for Miss {
    fn from(error: Error) -> Self {
        Self {
            error,
            wait: None,
            bounds: None,
            serial: 0,
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
        let is_locked = |failed: &Failed| call.route.mutating && failed.error.is_locked();
        self.patiently(|| self.insistently(call), is_locked).await
    }

    /// One call, within one deadline.
    async fn insistently(&self, call: &Call) -> Result<Answer, Failed> {
        let until = Instant::now() + self.inner.deadline;
        let version = self
            .versions_by(until)
            .await
            .map_err(|error| Failed { error, doubt: false })?;
        let Some(breaker) = self.inner.breaker.as_ref().filter(|_| call.route.mutating) else {
            return self.insist(call, Some(version.negotiated), until, None).await;
        };
        let write = breaker.write().ok_or(Failed {
            error: Error::Suspended,
            doubt: false,
        })?;
        let result = self
            .insist(call, Some(version.negotiated), until, Some(&write))
            .await;
        write.ended(match &result {
            Ok(_) => End::Answered,
            Err(failed) => failed.error.end(),
        });
        result
    }

    /// Nothing is written for now; none: a write would be sent.
    pub fn suspended(&self) -> Option<Error> {
        let breaker = self.inner.breaker.as_ref()?;
        breaker.refuses().then_some(Error::Suspended)
    }

    /// Whether writes are suspended, but for one from time to time.
    pub fn suspends_writes(&self) -> bool {
        self.inner.breaker.as_ref().is_some_and(Breaker::is_suspended)
    }

    /// Sends a request until it is answered or must not be sent again.
    pub(super) async fn insist(
        &self,
        call: &Call,
        mut version: Option<ApiVersion>,
        until: Instant,
        write: Option<&Write<'_>>,
    ) -> Result<Answer, Failed> {
        let (mut attempt, mut doubt, mut before) = (1, false, None);
        let mut chances = Chances {
            version: true,
            identity: true,
        };
        loop {
            let miss = match self.attempt(call, version, (attempt, until), write).await {
                Ok(answer) => return Ok(answer),
                Err(miss) => miss,
            };
            // What an earlier attempt has met is what is to be told: it may have been acted on.
            if let (true, Some(error)) = (miss.error.is_held_back(), before.take()) {
                return Err(Failed { error, doubt });
            }
            if self.put_right(&miss, &mut version, &mut chances).await {
                continue;
            }
            let pause = miss.wait.unwrap_or_else(|| backoff(attempt, fastrand::f64()));
            let begins_by = self.begins_by(call.route, until);
            let in_time = Instant::now()
                .checked_add(pause)
                .is_some_and(|then| then < begins_by);
            if attempt >= self.inner.attempts || !in_time || !may_repeat(call.repeat, &miss.error) {
                return Err(Failed {
                    error: miss.error,
                    doubt,
                });
            }
            doubt |= may_have_acted(call.route.method == Method::POST, &miss.error);
            tracing::debug!(route = %call.route, attempt, ?pause, error = %miss.error, "sending again");
            sleep(pause).await;
            before = Some(miss.error);
            attempt += 1;
        }
    }

    /// Whether a refused version or identity could be put right, so that the request may be sent once more.
    async fn put_right(&self, miss: &Miss, version: &mut Option<ApiVersion>, chances: &mut Chances) -> bool {
        match (miss.error.rejection(), miss.bounds, *version) {
            (Some(Rejection::VersionRefused), Some(bounds), Some(used)) if chances.version => {
                chances.version = false;
                let other = self.renegotiate(used, bounds).await;
                *version = other.or(*version);
                other.is_some()
            }
            (Some(Rejection::Unauthorized), _, _) if chances.identity => {
                chances.identity = false;
                self.inner.session.refused(miss.serial)
            }
            _ => false,
        }
    }

    /// When a request is sent at the latest.
    fn begins_by(&self, route: &Route, until: Instant) -> Instant {
        if route.mutating {
            until.checked_sub(self.inner.deadline / LAST).unwrap_or(until)
        } else {
            until
        }
    }

    /// Sends a request once, when there is a slot.
    async fn attempt(
        &self,
        call: &Call,
        version: Option<ApiVersion>,
        (attempt, until): (u32, Instant),
        write: Option<&Write<'_>>,
    ) -> Result<Answer, Miss> {
        if let Some(version) = version {
            call.supported(version)?;
        }
        let _slot = match timeout_at(self.begins_by(call.route, until), self.turn()).await {
            Ok(Ok(slot)) => slot,
            Ok(Err(_closed)) => return Err(Error::Closed { route: call.route }.into()),
            Err(_) => return Err(self.too_late(call.route, "a free slot").into()),
        };
        if write.is_some_and(|write| !write.is_meant()) {
            return Err(Error::Suspended.into());
        }
        let span = tracing::debug_span!(
            "ironic",
            route = %call.route,
            attempt,
            status = field::Empty,
            request_id = field::Empty
        );
        let started = Instant::now();
        let mut progress = Progress::default();
        let exchange = self.exchange(call, version, &mut progress).instrument(span);
        let result = match timeout_at(until, exchange).await {
            Ok(result) => result,
            Err(_) => Err(self.too_late(call.route, progress.waits_for()).into()),
        };
        let status = progress.status;
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
        progress: &mut Progress,
    ) -> Result<Answer, Miss> {
        let grant = self.inner.permit.guard(self.inner.session.grant()).await;
        let grant = grant.ok_or(Error::NotPermitted { route: call.route })??;
        let (method, url) = (call.route.method.clone(), grant.place(&call.url));
        self.inner.resolver.check(&url).map_err(Error::from)?;
        let http = if self.unpooled {
            &self.inner.unpooled
        } else {
            &self.inner.http
        };
        let mut request = http.request(method, url);
        request = request
            .headers(grant.headers.clone())
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
        self.is_meant(call.route)?;
        let asked = self.stamp();
        let sending = connect::sending(self.own_permit.as_ref(), request.send());
        let sent = self.inner.permit.guard(sending).await;
        let sent = sent.ok_or(Error::NotPermitted { route: call.route })?;
        let response = match sent {
            Ok(response) => response,
            Err(error) => {
                // Without a connection nothing was sent, for whichever reason there is none.
                if error.is_connect() {
                    self.is_meant(call.route)?;
                }
                return Err(unreachable_server(call.route, error));
            }
        };
        progress.status = Some(response.status().as_u16());
        Span::current().record("status", response.status().as_u16());
        let read = self.read(call.route, response, asked, progress).await;
        read.map_err(|miss| Miss {
            serial: grant.serial,
            ..miss
        })
    }

    /// Reads an answer.
    pub(super) async fn read(
        &self,
        route: &'static Route,
        response: Response,
        asked: Stamp,
        progress: &mut Progress,
    ) -> Result<Answer, Miss> {
        let (status, headers) = (response.status(), response.headers().clone());
        let host = response.url().host_str().unwrap_or_default().to_owned();
        let request_id = request_id(&headers);
        if let Some(id) = &request_id {
            Span::current().record("request_id", id);
        }
        let status = status.as_u16();
        let most = route.longest(status);
        let reading = start(response, most, self.room.as_deref(), progress).await;
        let Piece { body, more, place } = reading.map_err(|error| Error::Body {
            route,
            status,
            problem: format!("it broke off: {}", error.without_url()),
        })?;
        if more && (200..300).contains(&status) {
            return Err(Error::TooLong { route, most }.into());
        }
        if (200..300).contains(&status) {
            return Ok(Answer {
                status,
                body,
                asked,
                place,
            });
        }
        let said = words::of(&headers, &body);
        let rejection = Rejection::of(status, &said, is_versioned(&headers));
        let said = words::to_repeat(said, status, &headers, &body, &host);
        let message = bounded(&self.inner.session.scrub(said)).to_owned();
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
            serial: 0,
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
    if let Some(host) = not_allowed(&error) {
        return Error::NotAllowed(host).into();
    }
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
