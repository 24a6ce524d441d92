//! The Secrets with the credentials of clouds: they stay as long as their cloud does.

use k8s_openapi::api::core::v1::Secret;
use kube::runtime::reflector::ObjectRef;
use kube::{Api, ResourceExt};

use super::cloud::key as key_of;
use super::context::Context;
use super::triggers::users;
use crate::api::BareMetalCloud;
use crate::fleet::CloudKey;
use crate::kubernetes::{Error, finalizer};

/// The Secret with the credentials stays as long as the cloud does.
pub async fn hold(object: &BareMetalCloud, key: &CloudKey, context: &Context) -> Result<(), Error> {
    let Some(reference) = &object.spec.credentials_secret_ref else {
        return Ok(());
    };
    let known = context
        .secret_store
        .get(&ObjectRef::new(&reference.name).within(&key.namespace));
    let held = known.is_none_or(|secret| {
        finalizer::is_on(secret.as_ref()) || secret.metadata.deletion_timestamp.is_some()
    });
    if held || object.metadata.deletion_timestamp.is_some() {
        return Ok(());
    }
    let api = Api::<Secret>::namespaced(context.kube.clone(), &key.namespace);
    match api.get(&reference.name).await {
        Ok(secret) => match finalizer::add(&api, &secret).await {
            // A role that does not let us hold the Secret is no reason not to use it.
            Err(Error::Forbidden(_)) => {
                tracing::warn!(cloud = %key.name, secret = %reference.name, "may not put a finalizer on the Secret");
                Ok(())
            }
            result => result.map(drop),
        },
        // It went away, or cannot be read: reading its content says so in the status.
        Err(_) => Ok(()),
    }
}

/// Lets go of the Secrets of the namespace that no cloud refers to any more.
pub async fn release(key: &CloudKey, context: &Context) -> Result<(), Error> {
    let clouds = context.cloud_store.state();
    let needed = |name: &str| {
        clouds.iter().any(|cloud| {
            let going =
                cloud.metadata.deletion_timestamp.is_some() && users(&key_of(cloud), context).is_empty();
            cloud.namespace().as_deref() == Some(&key.namespace)
                && !going
                && cloud
                    .spec
                    .credentials_secret_ref
                    .as_ref()
                    .is_some_and(|secret| secret.name == name)
        })
    };
    let api = Api::<Secret>::namespaced(context.kube.clone(), &key.namespace);
    for secret in context.secret_store.state() {
        let here = secret.namespace().as_deref() == Some(&key.namespace) && finalizer::is_on(secret.as_ref());
        if !here || needed(&secret.name_any()) {
            continue;
        }
        if let Ok(secret) = api.get(&secret.name_any()).await {
            finalizer::remove(&api, &secret).await?;
        }
    }
    Ok(())
}
