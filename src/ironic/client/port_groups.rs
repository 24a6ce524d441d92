//! Port groups (API 1.23).
use futures::Stream;
use json_patch::Patch;

use super::query::PortGroupQuery;
use super::resource::{Chooses, Resource, Routes};
use super::routes::{
    PORT_GROUP_CREATE, PORT_GROUP_DELETE, PORT_GROUP_GET, PORT_GROUP_LIST, PORT_GROUP_PATCH,
};
use super::{Client, Result};
use crate::ironic::model::{
    Change, PortGroup, PortGroupCreate, PortGroupUpdate, Seen, Update, normalised_mac,
};

impl Resource for PortGroup {
    const WHAT: &'static str = "port groups";
    const SINCE: u16 = 23;
    const ROUTES: Routes = Routes {
        create: &PORT_GROUP_CREATE,
        list: &PORT_GROUP_LIST,
        get: &PORT_GROUP_GET,
        patch: &PORT_GROUP_PATCH,
        delete: &PORT_GROUP_DELETE,
    };
    const NAMED: bool = true;

    fn id(&self) -> &str {
        &self.uuid
    }
}

impl Client {
    /// Creates a port group. Repeatable, as every creation: see [`Client::create_node`].
    pub async fn create_port_group(&self, group: &PortGroupCreate) -> Result<Seen<PortGroup>> {
        let mut group = group.clone();
        group.address = group.address.as_deref().map(normalised_mac);
        self.create_one(&group, Chooses::Client).await
    }

    /// One port group by uuid or name, in full.
    pub async fn get_port_group(&self, id: &str) -> Result<Seen<PortGroup>> {
        self.get_one(id, &[]).await
    }

    /// Only these fields of a port group, and its uuid.
    pub async fn get_port_group_fields(&self, id: &str, fields: &[&str]) -> Result<Seen<PortGroup>> {
        self.get_one(id, fields).await
    }

    /// One port group by uuid or name, if there is one.
    pub async fn find_port_group(&self, id: &str) -> Result<Option<Seen<PortGroup>>> {
        self.find_one(id).await
    }

    /// The port groups that match.
    pub fn list_port_groups(
        &self,
        mut query: PortGroupQuery,
    ) -> impl Stream<Item = Result<Seen<PortGroup>>> + Send + 'static {
        query.address = query.address.as_deref().map(normalised_mac);
        self.list_all(query)
    }

    /// Changes fields and keys of a port group and no others, if they are not so already.
    pub async fn update_port_group(&self, id: &str, update: &PortGroupUpdate) -> Result<Seen<PortGroup>> {
        let mut update = update.clone();
        if let Change::Set(address) = &mut update.address {
            *address = normalised_mac(address);
        }
        self.update_one(id, &update.changes()).await
    }

    /// Changes a port group; either all of the patch or nothing of it.
    pub async fn patch_port_group(&self, id: &str, patch: &Patch) -> Result<Seen<PortGroup>> {
        self.patch_one(id, patch).await
    }

    /// Deletes a port group; tells whether it was there. Ironic refuses while it has ports.
    pub async fn delete_port_group(&self, id: &str) -> Result<bool> {
        self.delete_one::<PortGroup>(id).await
    }
}
