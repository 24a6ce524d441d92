//! Ports.
//!
//! What may change when: see [`PortUpdate`]. A MAC address that is taken, by whatever port of whatever node, is
//! [`Error::is_already_exists`](super::Error::is_already_exists).
use futures::Stream;
use json_patch::Patch;
use uuid::Uuid;

use super::query::PortQuery;
use super::resource::{Chooses, Resource, Routes};
use super::routes::{PORT_CREATE, PORT_DELETE, PORT_GET, PORT_LIST, PORT_PATCH};
use super::{Client, Result};
use crate::ironic::model::{Port, PortCreate, PortUpdate, Seen, Update, normalised_mac};

impl Resource for Port {
    const WHAT: &'static str = "ports";
    const SINCE: u16 = 1;
    const ROUTES: Routes = Routes {
        create: &PORT_CREATE,
        list: &PORT_LIST,
        get: &PORT_GET,
        patch: &PORT_PATCH,
        delete: &PORT_DELETE,
    };
    const NAMED: bool = true;

    fn id(&self) -> &str {
        &self.uuid
    }
}

impl Client {
    /// Creates a port. Repeatable, as every creation: see [`Client::create_node`].
    pub async fn create_port(&self, port: &PortCreate) -> Result<Seen<Port>> {
        let mut port = port.clone();
        port.address = normalised_mac(&port.address);
        self.create_one(&port, Chooses::Client).await
    }

    /// One port by uuid or (API 1.88) name, in full.
    pub async fn get_port(&self, id: &str) -> Result<Seen<Port>> {
        self.get_one(id, &[]).await
    }

    /// Only these fields of a port, and its uuid.
    pub async fn get_port_fields(&self, id: &str, fields: &[&str]) -> Result<Seen<Port>> {
        self.get_one(id, fields).await
    }

    /// One port by uuid or (API 1.88) name, if there is one.
    pub async fn find_port(&self, id: &str) -> Result<Option<Seen<Port>>> {
        self.find_one(id).await
    }

    /// The ports that match.
    pub fn list_ports(
        &self,
        mut query: PortQuery,
    ) -> impl Stream<Item = Result<Seen<Port>>> + Send + 'static {
        query.address = query.address.as_deref().map(normalised_mac);
        self.list_all(query)
    }

    /// Changes fields and keys of a port and no others, if they are not so already.
    pub async fn update_port(&self, id: &str, update: &PortUpdate) -> Result<Seen<Port>> {
        let mut update = update.clone();
        update.address = update.address.as_deref().map(normalised_mac);
        self.update_one(id, &update.changes()).await
    }

    /// Changes a port; either all of the patch or nothing of it.
    pub async fn patch_port(&self, id: &str, patch: &Patch) -> Result<Seen<Port>> {
        self.patch_one(id, patch).await
    }

    /// Deletes a port by uuid or (API 1.88) name; tells whether it was there. Ironic refuses while a VIF is on it.
    pub async fn delete_port(&self, id: &str) -> Result<bool> {
        // Ironic itself deletes by uuid only.
        if Uuid::try_parse(id).is_ok() {
            return self.delete_one::<Port>(id).await;
        }
        match self.find_port(id).await? {
            Some(port) => self.delete_one::<Port>(&port.value.uuid).await,
            None => Ok(false),
        }
    }
}
