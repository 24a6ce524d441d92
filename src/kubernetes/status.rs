//! Status writes that fail when the object has changed since it was read.

use std::fmt::Debug;

use kube::api::PostParams;
use kube::{Api, Resource, ResourceExt};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{Error, FIELD_MANAGER, WRITE_DEADLINE, lean, within};

/// Replaces the status of `object` by the one it carries and returns the object as stored, as [`super::watch`] keeps it.
///
/// The object's `resourceVersion` (and uid) is the precondition: [`Error::Conflict`] says that somebody wrote in
/// between, or that the object at hand is stale, and that nothing was written. So a success also proves that the
/// spec at hand is the current one. After [`Error::Deadline`] the write may have been done: gather again.
pub async fn write<K>(api: &Api<K>, object: &K) -> Result<K, Error>
where
    K: Resource + Clone + Debug + DeserializeOwned + Serialize,
{
    let name = object.meta().name.as_deref().ok_or(Error::Incomplete("name"))?;
    // Without a version the apiserver would overwrite whatever is there.
    object
        .resource_version()
        .filter(|version| !version.is_empty())
        .ok_or(Error::Incomplete("resourceVersion"))?;
    let parameters = PostParams {
        field_manager: Some(FIELD_MANAGER.to_owned()),
        ..PostParams::default()
    };
    within(WRITE_DEADLINE, api.replace_status(name, &parameters, object))
        .await
        .map(lean)
}
