//! The objects of a kind that are there and cannot be used: what is said on them, and the way out for those that are deleted.
//!
//! They are not in the store, so that nothing decides on them. They are not gone either: who asks whether an object exists, or whether
//! a cloud is still needed, has to ask here, too.

use std::collections::HashMap;
use std::fmt::Debug;
use std::marker::PhantomData;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, ObjectMeta};
use kube::api::{Patch, PatchParams};
use kube::{Api, Resource};
use serde::{Deserialize, Serialize};
use serde_json::json;
use tokio::sync::Notify;

use super::bounds::Unreadable;
use super::{Error, FIELD_MANAGER, WRITE_DEADLINE, within};

type Key = (Option<String>, Option<String>);

/// The unreadable objects of one kind; clones are the same.
#[derive(Clone, Debug, Default)]
pub struct Unread(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    objects: Mutex<HashMap<Key, Arc<Unreadable>>>,
    changed: Notify,
}

impl Unread {
    /// All of them.
    pub fn all(&self) -> Vec<Arc<Unreadable>> {
        self.objects().values().cloned().collect()
    }

    /// Waits for a change; one that nobody waited for counts.
    pub async fn changed(&self) {
        self.0.changed.notified().await;
    }

    pub(super) fn keep(&self, unreadable: Unreadable) {
        let key = key(&unreadable.metadata);
        self.objects().insert(key, Arc::new(unreadable));
        self.0.changed.notify_one();
    }

    pub(super) fn forget(&self, metadata: &ObjectMeta) {
        let mut objects = self.objects();
        if !objects.is_empty() && objects.remove(&key(metadata)).is_some() {
            self.0.changed.notify_one();
        }
    }

    pub(super) fn replace(&self, listed: Vec<Unreadable>) {
        let listed = listed
            .into_iter()
            .map(|unreadable| (key(&unreadable.metadata), Arc::new(unreadable)));
        *self.objects() = listed.collect();
        self.0.changed.notify_one();
    }

    fn objects(&self) -> MutexGuard<'_, HashMap<Key, Arc<Unreadable>>> {
        self.0.objects.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn key(metadata: &ObjectMeta) -> Key {
    (metadata.namespace.clone(), metadata.name.clone())
}

/// An object of a kind of which nothing but the metadata is read, however the rest of it looks.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(bound = "")]
pub struct Named<K> {
    /// Its metadata.
    pub metadata: ObjectMeta,
    #[serde(skip)]
    kind: PhantomData<fn() -> K>,
}

impl<K> Named<K> {
    /// The object with this metadata.
    pub fn new(metadata: ObjectMeta) -> Self {
        Self {
            metadata,
            kind: PhantomData,
        }
    }
}

impl<K: Resource<DynamicType = ()>> Resource for Named<K> {
    type DynamicType = ();
    type Scope = K::Scope;

    fn kind((): &()) -> std::borrow::Cow<'_, str> {
        K::kind(&())
    }

    fn group((): &()) -> std::borrow::Cow<'_, str> {
        K::group(&())
    }

    fn version((): &()) -> std::borrow::Cow<'_, str> {
        K::version(&())
    }

    fn plural((): &()) -> std::borrow::Cow<'_, str> {
        K::plural(&())
    }

    fn meta(&self) -> &ObjectMeta {
        &self.metadata
    }

    fn meta_mut(&mut self) -> &mut ObjectMeta {
        &mut self.metadata
    }
}

/// Sets the conditions of an object, and nothing else of its status: the journal in it stays for the day on which the object can be
/// used again. The version at hand is the precondition.
pub async fn write_conditions<K>(
    api: &Api<Named<K>>,
    object: &Named<K>,
    conditions: &[Condition],
) -> Result<(), Error>
where
    K: Resource<DynamicType = ()>,
{
    let metadata = object.meta();
    let name = metadata.name.as_deref().ok_or(Error::Incomplete("name"))?;
    let version = metadata
        .resource_version
        .as_deref()
        .ok_or(Error::Incomplete("resourceVersion"))?;
    let patch = json!({
        "metadata": {"resourceVersion": version},
        "status": {"observedGeneration": metadata.generation, "conditions": conditions},
    });
    let parameters = PatchParams {
        field_manager: Some(FIELD_MANAGER.to_owned()),
        ..PatchParams::default()
    };
    within(
        WRITE_DEADLINE,
        api.patch_status(name, &parameters, &Patch::Merge(patch)),
    )
    .await
    .map(drop)
}

#[cfg(test)]
mod tests {
    use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
    use kube::{Api, Client, Config};
    use serde_json::{Value, json};
    use wiremock::matchers::{method, path};
    use wiremock::{Mock, MockServer, ResponseTemplate};

    use super::{Named, write_conditions};
    use crate::api::BareMetalNode;

    /// Whatever else is in the status is the journal of what was done.
    #[tokio::test]
    async fn conditions_are_written_and_nothing_else_of_the_status() {
        let server = MockServer::start().await;
        let deep = format!("{}1{}", r#"{"a":"#.repeat(500), "}".repeat(500));
        let answer = format!(
            r#"{{"apiVersion":"ironwright.dev/v1alpha1","kind":"BareMetalNode","metadata":{{"name":"a"}},"spec":{deep}}}"#
        );
        Mock::given(method("PATCH"))
            .and(path(
                "/apis/ironwright.dev/v1alpha1/namespaces/metal/baremetalnodes/a/status",
            ))
            .respond_with(ResponseTemplate::new(200).set_body_raw(answer, "application/json"))
            .mount(&server)
            .await;
        let client = Client::try_from(Config::new(server.uri().parse().unwrap())).unwrap();
        let object = Named::<BareMetalNode>::new(ObjectMeta {
            name: Some("a".to_owned()),
            namespace: Some("metal".to_owned()),
            resource_version: Some("7".to_owned()),
            generation: Some(3),
            ..ObjectMeta::default()
        });
        let api = Api::namespaced(client, "metal");
        write_conditions(&api, &object, &[]).await.unwrap();
        let requests = server.received_requests().await.unwrap();
        let sent: Value = requests[0].body_json().unwrap();
        let expected = json!({"metadata": {"resourceVersion": "7"}, "status": {"observedGeneration": 3, "conditions": []}});
        assert_eq!(sent, expected);
        assert_eq!(
            requests[0].headers["content-type"],
            "application/merge-patch+json"
        );
    }
}
