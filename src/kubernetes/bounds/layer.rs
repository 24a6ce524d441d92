//! The layer of the client that puts a [`Scanner`] on every answer.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{HeaderMap, Request, Response, Uri, header};
use http_body_util::BodyExt;
use http_body_util::combinators::MapFrame;
use hyper::body::{Body, Frame};
use tower::{BoxError, Layer, Service};

use super::scanner::{Answer, Scanner};

/// Puts a [`Bounded`] around a client's service.
pub struct Bounding;

impl<S> Layer<S> for Bounding {
    type Service = Bounded<S>;

    fn layer(&self, service: S) -> Bounded<S> {
        Bounded(service)
    }
}

/// A service whose answers are within the bounds.
pub struct Bounded<S>(S);

/// What is done to each piece of a body.
type Piece = Box<dyn FnMut(Frame<Bytes>) -> Frame<Bytes> + Send>;

impl<S, B> Service<Request<kube::client::Body>> for Bounded<S>
where
    S: Service<Request<kube::client::Body>, Response = Response<B>, Error = BoxError>,
    S::Future: Send + 'static,
    B: Body<Data = Bytes> + Send + 'static,
{
    type Response = Response<MapFrame<B, Piece>>;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, BoxError>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.0.poll_ready(context)
    }

    fn call(&mut self, request: Request<kube::client::Body>) -> Self::Future {
        let kind = kind(request.uri());
        let answer = self.0.call(request);
        Box::pin(async move {
            let mut answer = answer.await?;
            let bounded = answer.status().is_success() && is_json(answer.headers());
            let mut scanner = bounded.then(|| Scanner::new(kind));
            if bounded {
                // It is another length now.
                answer.headers_mut().remove(header::CONTENT_LENGTH);
            }
            Ok(answer.map(move |body| {
                let piece: Piece = Box::new(move |frame| match &mut scanner {
                    Some(scanner) => frame.map_data(|bytes| scanner.feed(&bytes)),
                    None => frame,
                });
                body.map_frame(piece)
            }))
        })
    }
}

fn kind(uri: &Uri) -> Answer {
    let parameters = uri.query().unwrap_or_default().split('&');
    if parameters.into_iter().any(|parameter| parameter == "watch=true") {
        Answer::Watch
    } else {
        Answer::Document
    }
}

fn is_json(headers: &HeaderMap) -> bool {
    let kind = headers
        .get(header::CONTENT_TYPE)
        .and_then(|kind| kind.to_str().ok());
    kind.is_some_and(|kind| kind.starts_with("application/json"))
}
