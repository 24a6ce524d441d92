//! What only the Kubernetes API itself can tell, asked before something is torn down: whether the object goes along with its namespace or its
//! definition, and whether the cloud is the one in hand.

use std::future::ready;

use futures::FutureExt;
use futures::future::Either;
use k8s_openapi::api::core::v1::{Namespace, Secret};
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::core::PartialObjectMeta;
use kube::{Api, CustomResourceExt};

use super::node_gather::Pass;
use crate::api::{BareMetalCloud, BareMetalNode};
use crate::domain::freshness::Form;
use crate::domain::node::facts::asks_to_undeploy;
use crate::domain::node::outcome::Untold;
use crate::fleet::CloudKey;
use crate::kubernetes::{Error, answered};

fn untold(what: &str, error: &Error) -> Untold {
    Untold {
        why: format!("Whether {what} cannot be told: {error}."),
        forbidden: matches!(error, Error::Forbidden(_)),
    }
}

/// Whether what was asked for is being deleted, or gone.
fn going<K>(found: Result<PartialObjectMeta<K>, Error>) -> Result<bool, Error> {
    match found {
        Ok(found) => Ok(found.metadata.deletion_timestamp.is_some()),
        Err(Error::Gone) => Ok(true),
        Err(error) => Err(error),
    }
}

impl Pass<'_> {
    /// Asks whether the object goes along with others, where that matters. What cannot be told leaves the object undecided.
    pub(super) async fn gather_bulk_deletion(&mut self) {
        if self.bulk_deletion.is_some() || !self.may_wipe() {
            return;
        }
        match self.is_bulk_deletion().await {
            Ok(bulk) => self.bulk_deletion = Some(bulk),
            Err(why) => self.untold = Some(why),
        }
    }

    fn may_wipe(&self) -> bool {
        self.object.metadata.deletion_timestamp.is_some() && asks_to_undeploy(&self.object)
    }

    /// Whether the namespace or the definition goes, and the object with it.
    async fn is_bulk_deletion(&self) -> Result<bool, Untold> {
        let namespaces = Api::<Namespace>::all(self.context.kube.clone());
        let definitions = Api::<CustomResourceDefinition>::all(self.context.kube.clone());
        let (namespace, definition) = tokio::join!(
            answered(namespaces.get_metadata(self.namespace())),
            answered(definitions.get_metadata(BareMetalNode::crd_name()))
        );
        let goes = going(namespace).and_then(|namespace| Ok(going(definition)? || namespace));
        let what = "this object is deleted along with its namespace or its definition";
        goes.map_err(|error| untold(what, &error))
    }

    /// Whether what was decided on still is so by the Kubernetes API, which is asked as the last thing before a step that destroys is
    /// announced: about the object itself the announcement tells.
    pub(super) async fn is_current(&mut self) -> Result<bool, Untold> {
        let bulk = if self.may_wipe() {
            Either::Left(self.is_bulk_deletion().map(|bulk| bulk.map(Some)))
        } else {
            Either::Right(ready(Ok(None)))
        };
        let (bulk, same, secret) = tokio::join!(bulk, self.is_cloud_current(), self.is_secret_current());
        let bulk = bulk?;
        if !(same? && secret?) {
            let name = &self.object.spec.cloud_ref.name;
            return Err(Untold {
                why: format!(
                    "BareMetalCloud {name} or its Secret has changed, and what it says now has not arrived yet."
                ),
                forbidden: false,
            });
        }
        let same = bulk.is_none() || bulk == self.bulk_deletion;
        self.bulk_deletion = bulk.or(self.bulk_deletion);
        Ok(same)
    }

    /// Whether the BareMetalCloud, which may be paused or lead elsewhere by now, is the one in hand.
    async fn is_cloud_current(&self) -> Result<bool, Untold> {
        let clouds = Api::<BareMetalCloud>::namespaced(self.context.kube.clone(), self.namespace());
        let name = &self.object.spec.cloud_ref.name;
        let known = self.cloud.as_ref().map(|cloud| Form::of(&cloud.metadata));
        match answered(clouds.get_metadata(name)).await {
            Ok(now) => Ok(known.is_some_and(|known| known.says_the_same(&Form::of(&now.metadata)))),
            Err(Error::Gone) => Ok(false),
            Err(error) => Err(untold(
                &format!("BareMetalCloud {name} is still as it was"),
                &error,
            )),
        }
    }

    /// Whether the Secret that says where the cloud is, and as whom it is spoken to, is the one that led to the session in hand. One that
    /// is gone says nothing else: a deletion must not need it.
    async fn is_secret_current(&self) -> Result<bool, Untold> {
        let cloud = self.cloud.as_ref();
        let Some(named) = cloud.and_then(|cloud| cloud.spec.credentials_secret_ref.as_ref()) else {
            return Ok(true);
        };
        let key = CloudKey::new(self.namespace(), &self.object.spec.cloud_ref.name);
        let secrets = Api::<Secret>::namespaced(self.context.kube.clone(), self.namespace());
        match answered(secrets.get_metadata(&named.name)).await {
            Ok(now) => Ok(now.metadata.resource_version == Some(self.context.clouds.secret(&key))),
            Err(Error::Gone) => Ok(true),
            Err(error) => Err(untold(
                &format!("Secret {} is still as it was", named.name),
                &error,
            )),
        }
    }
}
