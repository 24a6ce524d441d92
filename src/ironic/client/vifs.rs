//! VIFs: the virtual network interfaces that nodes are attached to (API 1.28).
use serde::Deserialize;
use serde_json::{Value, json};

use super::call::Call;
use super::resource::as_kept;
use super::routes::{NODE_VIF_ATTACH, NODE_VIF_DETACH, NODE_VIFS};
use super::{Client, Rejection, Result};
use crate::ironic::model::ApiVersion;

/// Which network interface of a node gets a VIF.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum VifTarget<'a> {
    /// One that Ironic chooses.
    #[default]
    Any,
    /// The port with this uuid (API 1.67).
    Port(&'a str),
    /// The port group with this uuid (API 1.67).
    PortGroup(&'a str),
}

/// A VIF in a listing.
#[derive(Deserialize)]
struct Vif {
    id: String,
}

impl Client {
    /// Attaches a VIF (for most network interfaces the uuid of a Neutron port) to a node. Takes the node's lock; see
    /// [`Client::retry_on_conflict`]. A VIF that is attached to this node already is a conflict that stays; of one
    /// that another node has, Ironic 39 says (500) that it cannot give it the port's MAC address.
    ///
    /// Ironic writes the VIF down before it tells Neutron: after any other failure with 500, such as a binding that did not come
    /// about, it may be attached nonetheless, as [`Client::list_node_vifs`] tells.
    pub async fn attach_vif_to_node(&self, node: &str, vif: &str, target: VifTarget<'_>) -> Result<()> {
        let body: Value = match target {
            VifTarget::Any => json!({"id": vif}),
            VifTarget::Port(uuid) => json!({"id": vif, "port_uuid": uuid}),
            VifTarget::PortGroup(uuid) => json!({"id": vif, "portgroup_uuid": uuid}),
        };
        let mut call = needs_vifs(self.to_node(&NODE_VIF_ATTACH, node)?.body(&body)?);
        if target != VifTarget::Any {
            call = call.needs("a VIF on a certain port", ApiVersion::v1(67));
        }
        self.ask(call).await
    }

    /// Detaches a VIF from a node; tells whether it was attached. Every other refusal is an error, also of a node that is not there.
    ///
    /// Ironic 39 tells Neutron only while the node is active, available or being torn down. Of any other node Neutron's port stays
    /// bound to it, and no other node can have it until somebody unbinds it.
    pub async fn detach_vif_from_node(&self, node: &str, vif: &str) -> Result<bool> {
        let call = needs_vifs(self.to_route(&NODE_VIF_DETACH, &[&as_kept(node), vif])?);
        match self.call(call).await {
            Ok(_) => Ok(true),
            Err(error) if error.rejection() == Some(Rejection::NotAttached) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// The ids of the VIFs that a node is attached to.
    pub async fn list_node_vifs(&self, node: &str) -> Result<Vec<String>> {
        let call = needs_vifs(self.to_node(&NODE_VIFS, node)?);
        let vifs: Vec<Vif> = self.member(call, "vifs").await?;
        Ok(vifs.into_iter().map(|vif| vif.id).collect())
    }
}

fn needs_vifs(call: Call) -> Call {
    call.needs("VIFs", ApiVersion::v1(28))
}
