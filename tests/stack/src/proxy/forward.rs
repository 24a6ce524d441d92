//! The way of one request: noted, treated as a rule says, passed on over a connection of its own.

use std::sync::{Arc, PoisonError};

use anyhow::{Context, Result, anyhow, bail};
use bytes::Bytes;
use futures::{StreamExt, stream};
use http::header::{CONNECTION, CONTENT_LENGTH, HeaderValue};
use http::request::Parts;
use http::{Request, Response};
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::{Frame, Incoming};

use super::rules::{Action, Answer, Edit, Seen};
use super::{Arrivals, Entry, Shared};

/// What is sent back; an error in the middle closes the connection.
type Body = BoxBody<Bytes, anyhow::Error>;

/// Answers a request; an error closes the connection without an answer.
pub(super) async fn handle(
    shared: &Arc<Shared>,
    arrivals: &Arrivals,
    request: Request<Incoming>,
) -> Result<Response<Body>> {
    let (parts, body) = request.into_parts();
    let body = body.collect().await?.to_bytes();
    let seen = Seen::new(&parts, &body);
    let (rule, action) = shared
        .rules
        .choose(&seen)
        .map_or((None, Action::PassOn), |(id, action)| (Some(id), action));
    let entry = shared.journal.open(seen, rule);
    let seq = entry.seq;
    let way = Way {
        shared,
        arrivals,
        entry,
        parts,
        body,
    };
    let outcome = way.act(action).await;
    shared
        .journal
        .close(seq, outcome.as_ref().ok().map(|answer| answer.status().as_u16()));
    outcome
}

/// A request on its way.
struct Way<'a> {
    shared: &'a Arc<Shared>,
    arrivals: &'a Arrivals,
    entry: Entry,
    parts: Parts,
    body: Bytes,
}

impl Way<'_> {
    async fn act(self, action: Action) -> Result<Response<Body>> {
        match action {
            Action::PassOn => {}
            Action::Delay(time) => tokio::time::sleep(time).await,
            Action::DropBefore => bail!("dropped before it was passed on"),
            Action::DropAfter => {
                // To its end: only then has the server done all it does.
                self.pass_on().await?.into_body().collect().await?;
                bail!("dropped after the server answered");
            }
            Action::Answer(answer) => return own_answer(answer),
            Action::Truncate => return truncated(self.pass_on().await?).await,
            Action::Edit(edit) => return edited(self.pass_on().await?, &edit).await,
            Action::CallBefore(callback) => callback.call(self.entry.clone()).await,
            Action::CallAfter(callback) => {
                let mut entry = self.entry.clone();
                let answer = self.pass_on().await?;
                entry.answered = Some(answer.status().as_u16());
                callback.call(entry).await;
                return Ok(streamed(answer));
            }
            Action::CallOnArrival(callback) => {
                let (arrivals, mut entry) = (self.arrivals, self.entry.clone());
                let mut answer = whole(self.pass_on().await?).await?;
                entry.answered = Some(answer.status().as_u16());
                answer
                    .headers_mut()
                    .insert(CONNECTION, HeaderValue::from_static("close"));
                let mut arrivals = arrivals.lock().unwrap_or_else(PoisonError::into_inner);
                arrivals.push((callback, entry));
                return Ok(answer);
            }
        }
        Ok(streamed(self.pass_on().await?))
    }

    /// Goes on to the end even if whoever asked goes away: what the server did is noted in any case.
    async fn pass_on(self) -> Result<Response<Incoming>> {
        let Self {
            shared,
            entry,
            parts,
            body,
            ..
        } = self;
        let (shared, seq) = (Arc::clone(shared), entry.seq);
        let passing = tokio::spawn(async move {
            let answer = shared.upstream.pass_on(parts, body).await?;
            shared.journal.answered(seq, answer.status().as_u16());
            Ok(answer)
        });
        passing.await?
    }
}

fn streamed(answer: Response<Incoming>) -> Response<Body> {
    answer.map(|body| body.map_err(anyhow::Error::from).boxed())
}

fn own_answer(answer: Answer) -> Result<Response<Body>> {
    let mut response = Response::builder().status(answer.status);
    for (name, value) in &answer.headers {
        response = response.header(name, value);
    }
    let body = Full::new(answer.body).map_err(|never| match never {}).boxed();
    response.body(body).context("a rule has an answer that is none")
}

/// The answer when all of it is there.
async fn whole(answer: Response<Incoming>) -> Result<Response<Body>> {
    let (parts, body) = answer.into_parts();
    let body = Full::new(body.collect().await?.to_bytes());
    Ok(Response::from_parts(
        parts,
        body.map_err(|never| match never {}).boxed(),
    ))
}

async fn edited(answer: Response<Incoming>, edit: &Edit) -> Result<Response<Body>> {
    let (mut parts, body) = answer.into_parts();
    let body = edit.apply(&body.collect().await?.to_bytes())?;
    parts.headers.insert(CONTENT_LENGTH, body.len().into());
    let body = Full::new(body).map_err(|never| match never {}).boxed();
    Ok(Response::from_parts(parts, body))
}

/// The head, half of the body, and the end of the connection.
async fn truncated(answer: Response<Incoming>) -> Result<Response<Body>> {
    let (parts, body) = answer.into_parts();
    let whole = body.collect().await?.to_bytes();
    let half = whole.slice(..whole.len() / 2);
    let end = stream::once(async {
        // Gives hyper the occasion to send what it has before it learns of the end.
        tokio::task::yield_now().await;
        Err(anyhow!("truncated"))
    });
    let frames = stream::iter([Ok(Frame::data(half))]).chain(end);
    Ok(Response::from_parts(
        parts,
        BodyExt::boxed(StreamBody::new(frames)),
    ))
}
