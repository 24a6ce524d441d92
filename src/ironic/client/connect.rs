//! Opening a connection may take long, too: one that is open at last carries no request that is not meant any more.
use std::error::Error;
use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

use tower::{BoxError, Layer, Service};

use super::Client;
use crate::permit::Permit;

tokio::task_local! {
    /// Of the request that a connection is opened for.
    static MEANT: Permit;
}

impl Client {
    /// The same client, each of whose requests opens a connection of its own. One that waits for a connection is otherwise handed whichever
    /// comes first, also one that another request has just let go of, and leaves by that late, without the permit being asked again.
    #[must_use]
    pub fn with_new_connections(&self) -> Self {
        let mut client = self.clone();
        client.unpooled = true;
        client
    }
}

/// Sends a request; a connection that is opened for it is used only as long as it is meant.
pub(super) async fn sending<F: Future>(permit: Option<&Permit>, request: F) -> F::Output {
    match permit {
        Some(permit) => MEANT.scope(permit.clone(), request).await,
        None => request.await,
    }
}

/// Why an open connection is not used.
#[derive(Debug)]
struct NotMeant;

impl fmt::Display for NotMeant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the request is not meant any more")
    }
}

impl Error for NotMeant {}

/// Puts an [`Asking`] around what opens connections.
#[derive(Clone, Copy)]
pub(super) struct AskingAgain;

impl<S> Layer<S> for AskingAgain {
    type Service = Asking<S>;

    fn layer(&self, service: S) -> Asking<S> {
        Asking(service)
    }
}

/// Opens a connection, and asks then whether it is still wanted.
#[derive(Clone)]
pub(super) struct Asking<S>(S);

impl<S, R> Service<R> for Asking<S>
where
    S: Service<R, Error = BoxError>,
    S::Future: Send + 'static,
    S::Response: Send + 'static,
{
    type Response = S::Response;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<S::Response, BoxError>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.0.poll_ready(context)
    }

    fn call(&mut self, request: R) -> Self::Future {
        let permit = MEANT.try_with(Clone::clone).ok();
        let opening = self.0.call(request);
        Box::pin(async move {
            let connection = opening.await?;
            if permit.is_none_or(|permit| permit.granted()) {
                Ok(connection)
            } else {
                Err(NotMeant.into())
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, Ordering};

    use super::*;

    /// Opens connections, during which the permit goes.
    struct Slow(Arc<AtomicBool>);

    impl Service<()> for Slow {
        type Response = &'static str;
        type Error = BoxError;
        type Future = std::future::Ready<Result<&'static str, BoxError>>;

        fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
            Poll::Ready(Ok(()))
        }

        fn call(&mut self, (): ()) -> Self::Future {
            self.0.store(false, Ordering::SeqCst);
            std::future::ready(Ok("a connection"))
        }
    }

    #[tokio::test]
    async fn a_connection_that_opens_late_carries_nothing_that_is_not_meant() {
        let granted = Arc::new(AtomicBool::new(true));
        let asked = Arc::clone(&granted);
        let permit = Permit::new(move || asked.load(Ordering::SeqCst));
        let mut connector = AskingAgain.layer(Slow(granted));
        let opened = sending(Some(&permit), async { connector.call(()).await });
        assert_eq!(
            opened.await.unwrap_err().to_string(),
            "the request is not meant any more"
        );
        let opened = sending(None, async { connector.call(()).await });
        assert_eq!(opened.await.unwrap(), "a connection", "nobody asks");
    }
}
