//! The way of one request: noted, treated as a rule says, passed on over a connection of its own.

use anyhow::{Context, Result, anyhow, bail};
use bytes::Bytes;
use futures::{StreamExt, stream};
use http::request::Parts;
use http::{Request, Response, Uri};
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use super::rules::{Action, Answer, Seen};
use super::{Entry, Shared};

/// What is sent back; an error in the middle closes the connection.
type Body = BoxBody<Bytes, anyhow::Error>;

/// The server behind the proxy.
#[derive(Debug)]
pub(super) struct Upstream {
    address: String,
}

impl Upstream {
    pub(super) fn new(url: &str) -> Result<Self> {
        let uri: Uri = url.parse().with_context(|| format!("{url} is no URL"))?;
        if uri.scheme_str() != Some("http") || uri.path() != "/" {
            bail!("the proxy can stand before http://HOST:PORT only, not {url}");
        }
        let host = uri.host().with_context(|| format!("{url} has no host"))?;
        Ok(Self {
            address: format!("{host}:{}", uri.port_u16().unwrap_or(80)),
        })
    }

    /// A new connection for each request: a kept one that the server closes meanwhile would be a fault that no
    /// rule asked for.
    async fn pass_on(&self, parts: Parts, body: Bytes) -> Result<Response<Incoming>> {
        let stream = TcpStream::connect(&self.address)
            .await
            .context("cannot reach the server")?;
        let (mut sender, connection) = hyper::client::conn::http1::Builder::new()
            .preserve_header_case(true)
            .handshake(TokioIo::new(stream))
            .await?;
        // Ends when the answer was read; then there is nothing left to learn from its result.
        tokio::spawn(async move { drop(connection.await) });
        Ok(sender
            .send_request(Request::from_parts(parts, Full::new(body)))
            .await?)
    }
}

/// Answers a request; an error closes the connection without an answer.
pub(super) async fn handle(shared: &Shared, request: Request<Incoming>) -> Result<Response<Body>> {
    let (parts, body) = request.into_parts();
    let body = body.collect().await?.to_bytes();
    let seen = Seen::new(&parts, &body);
    let (rule, action) = shared
        .rules
        .choose(&seen)
        .map_or((None, Action::PassOn), |(id, action)| (Some(id), action));
    let entry = shared.journal.open(seen, rule);
    let seq = entry.seq;
    let outcome = act(shared, entry, action, parts, body).await;
    shared
        .journal
        .close(seq, outcome.as_ref().ok().map(|answer| answer.status().as_u16()));
    outcome
}

async fn act(
    shared: &Shared,
    entry: Entry,
    action: Action,
    parts: Parts,
    body: Bytes,
) -> Result<Response<Body>> {
    match action {
        Action::PassOn => {}
        Action::Delay(time) => tokio::time::sleep(time).await,
        Action::DropBefore => bail!("dropped before it was passed on"),
        Action::DropAfter => {
            // To its end: only then has the server done all it does.
            shared
                .upstream
                .pass_on(parts, body)
                .await?
                .into_body()
                .collect()
                .await?;
            bail!("dropped after the server answered");
        }
        Action::Answer(answer) => return own_answer(answer),
        Action::Truncate => return truncated(shared.upstream.pass_on(parts, body).await?).await,
        Action::CallBefore(callback) => callback.call(entry).await,
        Action::CallAfter(callback) => {
            let answer = shared.upstream.pass_on(parts, body).await?;
            callback.call(entry).await;
            return Ok(streamed(answer));
        }
    }
    Ok(streamed(shared.upstream.pass_on(parts, body).await?))
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
