//! Our finalizer: on before the first write to Ironic, off after the last.
//!
//! kube's own helper removes the finalizer as soon as a cleanup returns `Ok`, even one that asks to be called
//! again; cleaning a machine takes hours. Both patches name the exact entry and the object's uid in `test`
//! operations, so that finalizers of others, and an object re-created under the same name, are never touched.

use std::fmt::Debug;

use json_patch::jsonptr::PointerBuf;
use json_patch::{AddOperation, PatchOperation, RemoveOperation, TestOperation};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::api::{Patch, PatchParams};
use kube::{Api, Resource, ResourceExt};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::{Error, FIELD_MANAGER, WRITE_DEADLINE, lean, within};
use crate::api::FINALIZER;

/// Whether our finalizer is on `object`.
pub fn is_on<K: Resource>(object: &K) -> bool {
    position(object.finalizers()).is_some()
}

/// Whether our finalizer is in `metadata`.
pub fn is_in(metadata: &ObjectMeta) -> bool {
    position(metadata.finalizers.as_deref().unwrap_or_default()).is_some()
}

/// Puts our finalizer on `object` and returns the object as stored; no request if it is there already.
///
/// [`Error::Conflict`]: the object at hand is stale, gather again. [`Error::Deleting`]: too late.
pub async fn add<K>(api: &Api<K>, object: &K) -> Result<K, Error>
where
    K: Resource + Clone + Debug + DeserializeOwned,
{
    if is_on(object) {
        return Ok(object.clone());
    }
    if object.meta().deletion_timestamp.is_some() {
        return Err(Error::Deleting);
    }
    apply(api, object, addition(object.finalizers())).await
}

/// Takes our finalizer off `object`; `None` if the object is gone. No request if it is off already.
///
/// [`Error::Conflict`]: the object at hand is stale, gather again.
pub async fn remove<K>(api: &Api<K>, object: &K) -> Result<Option<K>, Error>
where
    K: Resource + Clone + Debug + DeserializeOwned,
{
    let Some(index) = position(object.finalizers()) else {
        return Ok(Some(object.clone()));
    };
    match apply(api, object, removal(index)).await {
        Ok(stored) => Ok(Some(stored)),
        Err(Error::Gone) => Ok(None),
        Err(error) => Err(error),
    }
}

fn position(finalizers: &[String]) -> Option<usize> {
    finalizers.iter().position(|finalizer| finalizer == FINALIZER)
}

/// The list must still be the one at hand: Kubernetes does not notice that an entry is there twice.
fn addition(finalizers: &[String]) -> Vec<PatchOperation> {
    let (expected, added) = if finalizers.is_empty() {
        // An empty list is not stored, so its absence is what to expect.
        (
            Value::Null,
            add_to(pointer(["metadata", "finalizers"]), json!([FINALIZER])),
        )
    } else {
        (
            json!(finalizers),
            add_to(pointer(["metadata", "finalizers", "-"]), json!(FINALIZER)),
        )
    };
    vec![test(pointer(["metadata", "finalizers"]), expected), added]
}

fn removal(index: usize) -> Vec<PatchOperation> {
    let path = pointer(["metadata", "finalizers", &index.to_string()]);
    vec![
        test(path.clone(), json!(FINALIZER)),
        PatchOperation::Remove(RemoveOperation { path }),
    ]
}

async fn apply<K>(api: &Api<K>, object: &K, operations: Vec<PatchOperation>) -> Result<K, Error>
where
    K: Resource + Clone + Debug + DeserializeOwned,
{
    let name = object.meta().name.as_deref().ok_or(Error::Incomplete("name"))?;
    let uid = object.meta().uid.as_deref().ok_or(Error::Incomplete("uid"))?;
    let mut patch = vec![test(pointer(["metadata", "uid"]), json!(uid))];
    patch.extend(operations);
    let patch = Patch::<()>::Json(json_patch::Patch(patch));
    let parameters = PatchParams {
        field_manager: Some(FIELD_MANAGER.to_owned()),
        ..PatchParams::default()
    };
    match within(WRITE_DEADLINE, api.patch(name, &parameters, &patch)).await {
        // The apiserver answers a failed `test` with 422.
        Err(Error::Invalid(_)) => Err(Error::Conflict),
        answer => answer.map(lean),
    }
}

fn pointer<const N: usize>(tokens: [&str; N]) -> PointerBuf {
    PointerBuf::from_tokens(tokens)
}

fn test(path: PointerBuf, value: Value) -> PatchOperation {
    PatchOperation::Test(TestOperation { path, value })
}

fn add_to(path: PointerBuf, value: Value) -> PatchOperation {
    PatchOperation::Add(AddOperation { path, value })
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{FINALIZER, addition, position, removal};

    fn applied(finalizers: &Value, operations: &[json_patch::PatchOperation]) -> Option<Value> {
        let mut object = json!({"metadata": {"finalizers": finalizers}});
        json_patch::patch(&mut object, operations).ok()?;
        Some(object["metadata"]["finalizers"].clone())
    }

    fn list(finalizers: &[&str]) -> Vec<String> {
        finalizers.iter().map(|&finalizer| finalizer.to_owned()).collect()
    }

    #[test]
    fn it_is_added_behind_those_of_others() {
        let added = applied(&json!(["a/b", "c/d"]), &addition(&list(&["a/b", "c/d"])));
        assert_eq!(added, Some(json!(["a/b", "c/d", FINALIZER])));
        assert_eq!(applied(&Value::Null, &addition(&[])), Some(json!([FINALIZER])));
    }

    #[test]
    fn a_list_that_has_changed_is_left_alone() {
        assert_eq!(applied(&json!(["a/b"]), &addition(&[])), None);
        assert_eq!(applied(&json!(["c/d"]), &addition(&list(&["a/b"]))), None);
        assert_eq!(applied(&json!(["a/b"]), &addition(&list(&["a/b", "c/d"]))), None);
    }

    #[test]
    fn only_ours_is_removed() {
        let finalizers = list(&["a/b", FINALIZER, "c/d"]);
        let index = position(&finalizers).unwrap();
        assert_eq!(
            applied(&json!(finalizers), &removal(index)),
            Some(json!(["a/b", "c/d"]))
        );
        assert_eq!(applied(&json!([FINALIZER, "c/d"]), &removal(index)), None);
        assert_eq!(applied(&json!(["a/b"]), &removal(index)), None);
        assert_eq!(position(&list(&["a/b"])), None);
    }
}
