//! Secrets that still carry our finalizer: earlier operators put it on those with the credentials of clouds. Nothing holds a Secret any
//! more, so that the operator needs no right to change one: a cloud goes on with the credentials that it has read, and says so when
//! they are gone.

use k8s_openapi::api::core::v1::Secret;
use kube::core::PartialObjectMeta;
use kube::{Api, ResourceExt};

use super::context::Context;
use crate::kubernetes::unread::Named;
use crate::kubernetes::{Error, finalizer};

/// Takes our finalizer off the Secret, if the role allows it for the time of a change of versions; otherwise says how, once in its life
/// and once more when it is deleted. Whether it is settled.
pub async fn release(secret: &PartialObjectMeta<Secret>, context: &Context) -> bool {
    let (namespace, name) = (secret.namespace().unwrap_or_default(), secret.name_any());
    let api = Api::<Named<Secret>>::namespaced(context.kube.clone(), &namespace);
    match finalizer::remove(&api, &Named::new(secret.metadata.clone())).await {
        Ok(_) => tracing::info!(
            namespace,
            secret = name,
            "took the finalizer of an earlier version off the Secret"
        ),
        Err(Error::Gone) => {}
        // Somebody was faster, or nobody answers: what it is then may be tried again.
        Err(Error::Conflict | Error::Deadline(_) | Error::Other(_)) => return false,
        Err(_) => tracing::warn!(
            namespace,
            secret = name,
            "the Secret has the finalizer of an earlier version and stays when it is deleted; take it off: kubectl patch secret {name} -n {namespace} --type=json -p '[{{\"op\": \"remove\", \"path\": \"/metadata/finalizers\"}}]'"
        ),
    }
    true
}
