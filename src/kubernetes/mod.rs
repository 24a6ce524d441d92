//! What the controllers ask of the Kubernetes API beyond plain reads: status writes, finalizers, Events, Secrets
//! and watches. Every call has a deadline, because kube's client has no read timeout of its own.

pub mod bounds;
pub mod events;
pub mod finalizer;
mod guard;
pub mod index;
mod patience;
pub mod secrets;
pub mod status;
pub mod unread;
pub mod watch;

use std::net::SocketAddr;
use std::time::Duration;

use kube::client::ClientBuilder;
use kube::core::Status;
use kube::{Client, Config, Resource};
use thiserror::Error;
use tokio::net::lookup_host;
use tokio::time::timeout;

use crate::permit::Permit;

/// The name under which our writes show in `managedFields`.
const FIELD_MANAGER: &str = "ironwright";

/// How the annotations begin that are ours; those of others are never read, and not kept.
const ANNOTATIONS: &str = "ironwright.dev/";

/// How long one write may take. kube's client retries 429, 503 and 504 inside of it; a healthy apiserver answers
/// within milliseconds, and its own limit for a request is 60 s, which would hold a reconcile far too long.
const WRITE_DEADLINE: Duration = Duration::from_secs(10);

/// How long the apiserver may be silent on a connection. A watch ends after 290 s by the apiserver's own timeout,
/// so only a dead connection is silent for longer.
const SILENCE: Duration = Duration::from_mins(5);

/// How long the answer to a question may take on which a decision waits.
const QUESTION_DEADLINE: Duration = Duration::from_secs(2);

/// The answer to a question, in time.
pub async fn answered<T>(question: impl Future<Output = kube::Result<T>>) -> Result<T, Error> {
    within(QUESTION_DEADLINE, question).await
}

/// Why a write to the Kubernetes API did not happen, or may not have happened.
#[derive(Debug, Error)]
pub enum Error {
    /// Somebody wrote in between (or the object at hand is stale): gather again.
    #[error("the object has changed since it was read")]
    Conflict,
    /// The object does not exist any more.
    #[error("the object does not exist any more")]
    Gone,
    /// The object is being deleted, so that a finalizer cannot be added any more.
    #[error("the object is being deleted")]
    Deleting,
    /// The operator's role does not allow it.
    #[error("the operator's role does not allow it")]
    Forbidden(#[source] Box<Status>),
    /// The apiserver's validation refused it.
    #[error("the apiserver refused it as invalid")]
    Invalid(#[source] Box<Status>),
    /// The object at hand did not come from the apiserver.
    #[error("the object has no {0}")]
    Incomplete(&'static str),
    /// No answer in time; the write may or may not have been done.
    #[error("no answer from the Kubernetes API within {} s", .0.as_secs())]
    Deadline(Duration),
    /// Anything else: a network failure, an overloaded apiserver.
    #[error("the Kubernetes API call failed")]
    Other(#[source] Box<kube::Error>),
}

impl From<kube::Error> for Error {
    fn from(error: kube::Error) -> Self {
        match error {
            kube::Error::Api(status) if status.is_conflict() => Self::Conflict,
            kube::Error::Api(status) if status.is_not_found() => Self::Gone,
            kube::Error::Api(status) if status.is_forbidden() => Self::Forbidden(status),
            kube::Error::Api(status) if status.is_invalid() => Self::Invalid(status),
            other => Self::Other(Box::new(other)),
        }
    }
}

/// Where the cluster is and who we are there.
///
/// Connections that the apiserver has left silent for five minutes are given up, so that no list hangs for ever.
pub struct Connector(Config);

impl Connector {
    /// The cluster the process runs in or, outside of one, the current context of the kubeconfig.
    pub async fn infer() -> Result<Self, Box<kube::Error>> {
        let mut config = Config::infer()
            .await
            .map_err(|error| Box::new(kube::Error::InferConfig(error)))?;
        config.read_timeout = Some(SILENCE);
        config.reset_reader_on_write = true;
        Ok(Self(config))
    }

    /// The addresses of the apiserver at this moment; none if its name cannot be resolved.
    pub async fn addresses(&self) -> Vec<SocketAddr> {
        let url = &self.0.cluster_url;
        let host = url.host().unwrap_or_default().trim_matches(['[', ']']);
        let port = url
            .port_u16()
            .unwrap_or(if url.scheme_str() == Some("http") { 80 } else { 443 });
        let found = timeout(WRITE_DEADLINE, lookup_host((host, port))).await;
        match found {
            Ok(Ok(found)) => found.collect(),
            Ok(Err(_)) | Err(_) => Vec::new(),
        }
    }

    /// A client that may always write. It is for the Lease, whose renewal must not wait behind anything either: clients share
    /// no connections.
    pub fn unguarded(&self) -> Result<Client, Box<kube::Error>> {
        Client::try_from(self.0.clone()).map_err(Box::new)
    }

    /// A client whose writes need `permit`; without it they fail, and nothing is sent. What it reads is within [`bounds`].
    pub fn guarded(&self, permit: Permit) -> Result<Client, Box<kube::Error>> {
        let builder = ClientBuilder::try_from(self.0.clone()).map_err(Box::new)?;
        Ok(builder
            .with_layer(&bounds::Bounding)
            .with_layer(&guard::Guarding(permit))
            .build())
    }
}

/// Without what is never read and would be most of the memory: `managedFields`, and the annotations of others, such as the copy of the
/// object that `kubectl apply` keeps on it. Nothing is lost by writing such an object: the apiserver ignores the metadata of a status write, and takes
/// absent `managedFields` to mean that they stay.
fn lean<K: Resource>(mut object: K) -> K {
    let metadata = object.meta_mut();
    metadata.managed_fields = None;
    if let Some(annotations) = &mut metadata.annotations {
        annotations.retain(|key, _| key.starts_with(ANNOTATIONS));
    }
    object
}

/// Waits for one call, at most `deadline`.
async fn within<T>(deadline: Duration, call: impl Future<Output = kube::Result<T>>) -> Result<T, Error> {
    match timeout(deadline, call).await {
        Ok(answer) => answer.map_err(Error::from),
        Err(_elapsed) => Err(Error::Deadline(deadline)),
    }
}

#[cfg(test)]
mod tests {
    use std::error::Error as _;
    use std::future::pending;
    use std::time::Duration;

    use kube::core::Status;

    use super::{Error, within};

    fn api(code: u16, reason: &str) -> Error {
        Error::from(kube::Error::Api(
            Status::failure("words", reason).with_code(code).boxed(),
        ))
    }

    #[test]
    fn answers_are_classified() {
        assert!(matches!(api(409, "Conflict"), Error::Conflict));
        assert!(matches!(api(404, "NotFound"), Error::Gone));
        assert!(matches!(api(403, "Forbidden"), Error::Forbidden(_)));
        assert!(matches!(api(422, "Invalid"), Error::Invalid(_)));
        assert!(matches!(api(500, "InternalError"), Error::Other(_)));
    }

    #[test]
    fn display_does_not_repeat_the_source() {
        let error = api(422, "Invalid");
        assert!(!error.to_string().contains("words"));
        assert!(error.source().unwrap().to_string().contains("words"));
    }

    #[tokio::test]
    async fn a_silent_apiserver_is_given_up() {
        let answer = within::<()>(Duration::ZERO, pending()).await;
        assert_eq!(
            answer.unwrap_err().to_string(),
            "no answer from the Kubernetes API within 0 s"
        );
    }
}
