//! The calls about the Lease.

use std::collections::BTreeMap;
use std::time::Duration;

use k8s_openapi::api::coordination::v1::{Lease, LeaseSpec};
use kube::Api;
use kube::api::{ObjectMeta, PostParams};
use thiserror::Error;
use tokio::time::timeout;

/// How long one call may take: two fit into a term, so that one lost packet does not cost it.
const CALL_DEADLINE: Duration = Duration::from_secs(4);

/// Why a call about the Lease did not do what it should.
#[derive(Debug, Error)]
pub enum Trouble {
    /// The Lease is not the one that was read.
    #[error("the lease was written by somebody else")]
    Conflict,
    /// It has another holder.
    #[error("the lease has another holder")]
    Taken,
    /// There is none any more.
    #[error("the lease was deleted")]
    Deleted,
    /// No answer in time.
    #[error("no answer from the Kubernetes API within {} s", CALL_DEADLINE.as_secs())]
    Deadline,
    /// Anything else. This is only ever logged, so what the client said stands in the line itself.
    #[error("{0}")]
    Kube(Box<kube::Error>),
}

async fn call<T>(call: impl Future<Output = kube::Result<T>>) -> Result<T, Trouble> {
    match timeout(CALL_DEADLINE, call).await {
        Ok(Ok(answer)) => Ok(answer),
        Ok(Err(kube::Error::Api(status))) if status.is_conflict() => Err(Trouble::Conflict),
        Ok(Err(error)) => Err(Trouble::Kube(Box::new(error))),
        Err(_elapsed) => Err(Trouble::Deadline),
    }
}

/// The Lease as it is now, if there is one.
pub async fn read(leases: &Api<Lease>, name: &str) -> Result<Option<Lease>, Trouble> {
    call(leases.get_opt(name)).await
}

/// Replaces the Lease that was read; its `resourceVersion` is the precondition.
pub async fn write(leases: &Api<Lease>, read: &Lease, spec: LeaseSpec) -> Result<Lease, Trouble> {
    let name = read.metadata.name.as_deref().unwrap_or_default();
    let lease = Lease {
        metadata: read.metadata.clone(),
        spec: Some(spec),
    };
    match call(leases.replace(name, &PostParams::default(), &lease)).await {
        // It was deleted, which is a change as well.
        Err(Trouble::Kube(error)) if is_not_found(&error) => Err(Trouble::Conflict),
        answer => answer,
    }
}

fn is_not_found(error: &kube::Error) -> bool {
    matches!(error, kube::Error::Api(status) if status.is_not_found())
}

/// Makes the Lease; [`Trouble::Conflict`]: somebody else has.
pub async fn create(
    leases: &Api<Lease>,
    name: &str,
    annotations: BTreeMap<String, String>,
    spec: LeaseSpec,
) -> Result<Lease, Trouble> {
    let metadata = ObjectMeta {
        name: Some(name.to_owned()),
        annotations: Some(annotations),
        ..ObjectMeta::default()
    };
    let lease = Lease {
        metadata,
        spec: Some(spec),
    };
    call(leases.create(&PostParams::default(), &lease)).await
}
