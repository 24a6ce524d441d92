//! Chassis: they have no names.
use futures::Stream;
use json_patch::Patch;

use super::query::ChassisQuery;
use super::resource::{Chooses, Resource, Routes};
use super::routes::{CHASSIS_CREATE, CHASSIS_DELETE, CHASSIS_GET, CHASSIS_LIST, CHASSIS_PATCH};
use super::{Client, Result};
use crate::ironic::model::{Chassis, ChassisCreate, ChassisUpdate, Seen, Update};

impl Resource for Chassis {
    const WHAT: &'static str = "chassis";
    const SINCE: u16 = 1;
    const ROUTES: Routes = Routes {
        create: &CHASSIS_CREATE,
        list: &CHASSIS_LIST,
        get: &CHASSIS_GET,
        patch: &CHASSIS_PATCH,
        delete: &CHASSIS_DELETE,
    };
    const NAMED: bool = false;

    fn id(&self) -> &str {
        &self.uuid
    }
}

impl Client {
    /// Creates a chassis. Repeatable, as every creation: see [`Client::create_node`].
    pub async fn create_chassis(&self, chassis: &ChassisCreate) -> Result<Seen<Chassis>> {
        self.create_one(chassis, Chooses::Client).await
    }

    /// One chassis by uuid, in full.
    pub async fn get_chassis(&self, id: &str) -> Result<Seen<Chassis>> {
        self.get_one(id, &[]).await
    }

    /// Only these fields of a chassis, and its uuid.
    pub async fn get_chassis_fields(&self, id: &str, fields: &[&str]) -> Result<Seen<Chassis>> {
        self.get_one(id, fields).await
    }

    /// One chassis by uuid, if there is one; what is no uuid is none.
    pub async fn find_chassis(&self, id: &str) -> Result<Option<Seen<Chassis>>> {
        self.find_one(id).await
    }

    /// The chassis that match.
    pub fn list_chassis(
        &self,
        query: ChassisQuery,
    ) -> impl Stream<Item = Result<Seen<Chassis>>> + Send + 'static {
        self.list_all(query)
    }

    /// Changes fields and keys of a chassis and no others, if they are not so already.
    pub async fn update_chassis(&self, id: &str, update: &ChassisUpdate) -> Result<Seen<Chassis>> {
        self.update_one(id, &update.changes()).await
    }

    /// Changes a chassis; either all of the patch or nothing of it.
    pub async fn patch_chassis(&self, id: &str, patch: &Patch) -> Result<Seen<Chassis>> {
        self.patch_one(id, patch).await
    }

    /// Deletes a chassis; tells whether it was there. Ironic refuses while it has nodes.
    pub async fn delete_chassis(&self, id: &str) -> Result<bool> {
        self.delete_one::<Chassis>(id).await
    }
}
