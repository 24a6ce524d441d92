//! Volume connectors (API 1.32).
use futures::Stream;
use json_patch::Patch;

use super::query::VolumeConnectorQuery;
use super::resource::{Chooses, Resource, Routes};
use super::routes::{
    VOLUME_CONNECTOR_CREATE, VOLUME_CONNECTOR_DELETE, VOLUME_CONNECTOR_GET, VOLUME_CONNECTOR_LIST,
    VOLUME_CONNECTOR_PATCH,
};
use super::{Client, Result};
use crate::ironic::model::{Seen, Update, VolumeConnector, VolumeConnectorCreate, VolumeConnectorUpdate};

impl Resource for VolumeConnector {
    const WHAT: &'static str = "volume connectors";
    const SINCE: u16 = 32;
    const ROUTES: Routes = Routes {
        create: &VOLUME_CONNECTOR_CREATE,
        list: &VOLUME_CONNECTOR_LIST,
        get: &VOLUME_CONNECTOR_GET,
        patch: &VOLUME_CONNECTOR_PATCH,
        delete: &VOLUME_CONNECTOR_DELETE,
    };
    const NAMED: bool = false;

    fn id(&self) -> &str {
        &self.uuid
    }
}

impl Client {
    /// Creates a volume connector. Repeatable, as every creation: see [`Client::create_node`].
    pub async fn create_volume_connector(
        &self,
        connector: &VolumeConnectorCreate,
    ) -> Result<Seen<VolumeConnector>> {
        self.create_one(connector, Chooses::Client).await
    }

    /// One volume connector by uuid, in full.
    pub async fn get_volume_connector(&self, id: &str) -> Result<Seen<VolumeConnector>> {
        self.get_one(id, &[]).await
    }

    /// Only these fields of a volume connector, and its uuid.
    pub async fn get_volume_connector_fields(
        &self,
        id: &str,
        fields: &[&str],
    ) -> Result<Seen<VolumeConnector>> {
        self.get_one(id, fields).await
    }

    /// One volume connector by uuid, if there is one; what is no uuid is none.
    pub async fn find_volume_connector(&self, id: &str) -> Result<Option<Seen<VolumeConnector>>> {
        self.find_one(id).await
    }

    /// The volume connectors that match.
    pub fn list_volume_connectors(
        &self,
        query: VolumeConnectorQuery,
    ) -> impl Stream<Item = Result<Seen<VolumeConnector>>> + Send + 'static {
        self.list_all(query)
    }

    /// Changes fields and keys of a volume connector and no others, if they are not so already.
    pub async fn update_volume_connector(
        &self,
        id: &str,
        update: &VolumeConnectorUpdate,
    ) -> Result<Seen<VolumeConnector>> {
        self.update_one(id, &update.changes()).await
    }

    /// Changes a volume connector; either all of the patch or nothing of it.
    pub async fn patch_volume_connector(&self, id: &str, patch: &Patch) -> Result<Seen<VolumeConnector>> {
        self.patch_one(id, patch).await
    }

    /// Deletes a volume connector; tells whether it was there. Only while its node is powered off.
    pub async fn delete_volume_connector(&self, id: &str) -> Result<bool> {
        self.delete_one::<VolumeConnector>(id).await
    }
}
