//! Volume targets (API 1.32).
use futures::Stream;
use json_patch::Patch;

use super::query::VolumeTargetQuery;
use super::resource::{Chooses, Resource, Routes};
use super::routes::{
    VOLUME_TARGET_CREATE, VOLUME_TARGET_DELETE, VOLUME_TARGET_GET, VOLUME_TARGET_LIST, VOLUME_TARGET_PATCH,
};
use super::{Client, Result};
use crate::ironic::model::{Seen, Update, VolumeTarget, VolumeTargetCreate, VolumeTargetUpdate};

impl Resource for VolumeTarget {
    const WHAT: &'static str = "volume targets";
    const SINCE: u16 = 32;
    const ROUTES: Routes = Routes {
        create: &VOLUME_TARGET_CREATE,
        list: &VOLUME_TARGET_LIST,
        get: &VOLUME_TARGET_GET,
        patch: &VOLUME_TARGET_PATCH,
        delete: &VOLUME_TARGET_DELETE,
    };
    const NAMED: bool = false;

    fn id(&self) -> &str {
        &self.uuid
    }
}

impl Client {
    /// Creates a volume target. Repeatable, as every creation: see [`Client::create_node`].
    pub async fn create_volume_target(&self, target: &VolumeTargetCreate) -> Result<Seen<VolumeTarget>> {
        self.create_one(target, Chooses::Client).await
    }

    /// One volume target by uuid, in full.
    pub async fn get_volume_target(&self, id: &str) -> Result<Seen<VolumeTarget>> {
        self.get_one(id, &[]).await
    }

    /// Only these fields of a volume target, and its uuid.
    pub async fn get_volume_target_fields(&self, id: &str, fields: &[&str]) -> Result<Seen<VolumeTarget>> {
        self.get_one(id, fields).await
    }

    /// One volume target by uuid, if there is one; what is no uuid is none.
    pub async fn find_volume_target(&self, id: &str) -> Result<Option<Seen<VolumeTarget>>> {
        self.find_one(id).await
    }

    /// The volume targets that match.
    pub fn list_volume_targets(
        &self,
        query: VolumeTargetQuery,
    ) -> impl Stream<Item = Result<Seen<VolumeTarget>>> + Send + 'static {
        self.list_all(query)
    }

    /// Changes fields and keys of a volume target and no others, if they are not so already.
    pub async fn update_volume_target(
        &self,
        id: &str,
        update: &VolumeTargetUpdate,
    ) -> Result<Seen<VolumeTarget>> {
        self.update_one(id, &update.changes()).await
    }

    /// Changes a volume target; either all of the patch or nothing of it.
    pub async fn patch_volume_target(&self, id: &str, patch: &Patch) -> Result<Seen<VolumeTarget>> {
        self.patch_one(id, patch).await
    }

    /// Deletes a volume target; tells whether it was there. Only while its node is powered off.
    pub async fn delete_volume_target(&self, id: &str) -> Result<bool> {
        self.delete_one::<VolumeTarget>(id).await
    }
}
