//! Writes to the Kubernetes API need a permit, whichever part of the program makes them.

use std::pin::Pin;
use std::task::{Context, Poll};

use http::{Method, Request};
use kube::client::Body;
use thiserror::Error;
use tower::{BoxError, Layer, Service};

use crate::permit::Permit;

/// The answer to a write without a permit.
#[derive(Debug, Error)]
#[error("this process may not write any more")]
struct NotPermitted;

/// Puts a [`Guarded`] around a client's service.
pub(super) struct Guarding(pub Permit);

impl<S> Layer<S> for Guarding {
    type Service = Guarded<S>;

    fn layer(&self, service: S) -> Guarded<S> {
        Guarded {
            service,
            permit: self.0.clone(),
        }
    }
}

/// Sends everything but reads only with a permit; it is asked again before a retry, because those are made within.
pub(super) struct Guarded<S> {
    service: S,
    permit: Permit,
}

impl<S> Service<Request<Body>> for Guarded<S>
where
    S: Service<Request<Body>, Error = BoxError>,
    S::Future: Send + 'static,
    S::Response: Send,
{
    type Response = S::Response;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<S::Response, BoxError>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.service.poll_ready(context)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        if *request.method() == Method::GET {
            return Box::pin(self.service.call(request));
        }
        let permit = self.permit.clone();
        let answer = permit.granted().then(|| self.service.call(request));
        Box::pin(async move {
            match answer {
                Some(answer) => permit.guard(answer).await.ok_or(NotPermitted)?,
                None => Err(NotPermitted.into()),
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU32, Ordering};

    use http::{Method, Request, Response};
    use kube::client::Body;
    use tower::{BoxError, Layer, Service};

    use super::Guarding;
    use crate::permit::Permit;

    /// Counts the requests that come through.
    struct Counting(Arc<AtomicU32>);

    impl Service<Request<Body>> for Counting {
        type Response = Response<Body>;
        type Error = BoxError;
        type Future = std::future::Ready<Result<Response<Body>, BoxError>>;

        fn poll_ready(&mut self, _: &mut std::task::Context<'_>) -> std::task::Poll<Result<(), BoxError>> {
            std::task::Poll::Ready(Ok(()))
        }

        fn call(&mut self, _: Request<Body>) -> Self::Future {
            self.0.fetch_add(1, Ordering::Relaxed);
            std::future::ready(Ok(Response::new(Body::empty())))
        }
    }

    async fn sent(method: Method, granted: bool) -> (u32, Result<(), String>) {
        let count = Arc::new(AtomicU32::new(0));
        let mut service = Guarding(Permit::new(move || granted)).layer(Counting(Arc::clone(&count)));
        let request = Request::builder().method(method).body(Body::empty());
        let answer = service.call(request.unwrap()).await;
        let answer = answer.map(drop).map_err(|error| error.to_string());
        (count.load(Ordering::Relaxed), answer)
    }

    #[tokio::test]
    async fn without_a_permit_only_reads_are_sent() {
        for method in [Method::PUT, Method::POST, Method::PATCH, Method::DELETE] {
            let refused = (0, Err("this process may not write any more".to_owned()));
            assert_eq!(sent(method.clone(), false).await, refused, "{method}");
            assert_eq!(sent(method, true).await, (1, Ok(())));
        }
        assert_eq!(sent(Method::GET, false).await, (1, Ok(())));
    }
}
