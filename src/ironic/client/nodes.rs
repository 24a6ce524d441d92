//! Nodes.
use std::str::FromStr;
use std::time::Duration;

use futures::Stream;
use json_patch::Patch;
use tokio::time::Instant;

use super::call::Call;
use super::paging::Listing;
use super::query::{PAGE, Rows};
use super::resource::{Chooses, Resource, Routes, as_kept};
use super::routes::{NODE_CHILDREN, NODE_CREATE, NODE_DELETE, NODE_GET, NODE_LIST, NODE_PATCH};
use super::{Client, Error, NodeQuery, ProvisionRequest, Result, Route};
use crate::ironic::model::{
    ApiVersion, Lenient, Node, NodeCreate, NodeOutline, NodeSummary, NodeText, NodeUpdate, ProvisionState,
    Seen, Update, Verb,
};

impl Resource for Node {
    const WHAT: &'static str = "nodes";
    const SINCE: u16 = 1;
    const ROUTES: Routes = Routes {
        create: &NODE_CREATE,
        list: &NODE_LIST,
        get: &NODE_GET,
        patch: &NODE_PATCH,
        delete: &NODE_DELETE,
    };
    const NAMED: bool = true;

    fn id(&self) -> &str {
        &self.uuid
    }

    fn just_patched(&mut self) {
        // Ironic answers while it still holds the lock it took for this very request: it says nothing of anybody else.
        self.reservation = None;
    }
}

/// In which state a new node is to be handed over. No other one can be asked for: a deployment needs more than a state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum InitialState {
    /// Known to Ironic, its BMC not tried: where every node begins.
    Enroll,
    /// Its BMC is verified.
    Manageable,
    /// Cleaned (unless Ironic is told not to) and offered.
    Available,
}

impl FromStr for InitialState {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        match ProvisionState::from(text) {
            ProvisionState::Enroll => Ok(Self::Enroll),
            ProvisionState::Manageable => Ok(Self::Manageable),
            ProvisionState::Available => Ok(Self::Available),
            other => Err(Error::argument(format!("no node can begin in state {other}"))),
        }
    }
}

impl Client {
    /// Creates a node (`POST /v1/nodes`), in state `enroll`.
    ///
    /// Without a uuid in `node` the client makes one up. So the request is sent again after a connection that broke, and finds the
    /// node it had created the first time. A name or uuid that is taken is [`Error::is_already_exists`], at once.
    pub async fn create_node(&self, node: &NodeCreate) -> Result<Seen<Node>> {
        self.create_one(node, Chooses::Client).await
    }

    /// Creates a node and takes it to a state (API 1.11), by way of `manage` and `provide`: at most `timeout` for all of it.
    ///
    /// A node that does not get there stays as it is, and [`Error::Unreached`] tells where and why.
    pub async fn create_node_in(
        &self,
        node: &NodeCreate,
        state: InitialState,
        timeout: Duration,
    ) -> Result<Seen<Node>> {
        let started = Instant::now();
        let version = self.versions().await?.negotiated;
        super::query::supported("a node that begins in enroll", 11, version)?;
        let mut created = self.create_node(node).await?;
        let verbs: &[Verb] = match state {
            InitialState::Enroll => &[],
            InitialState::Manageable => &[Verb::Manage],
            InitialState::Available => &[Verb::Manage, Verb::Provide],
        };
        for &verb in verbs {
            let left = timeout.saturating_sub(started.elapsed());
            let request = ProvisionRequest::new(verb);
            created = self
                .set_node_provision_state_and_wait(&created.value.uuid, &request, left)
                .await?;
        }
        Ok(created)
    }

    /// One node by uuid or name, in full.
    pub async fn get_node(&self, id: &str) -> Result<Seen<Node>> {
        self.get_one(id, &[]).await
    }

    /// Only these fields of a node, and its uuid (API 1.8). (`created_at` and `updated_at` cannot be selected.)
    pub async fn get_node_fields(&self, id: &str, fields: &[&str]) -> Result<Seen<Node>> {
        self.get_one(id, fields).await
    }

    /// One node by uuid or name, if there is one: one request, no listing.
    pub async fn find_node(&self, id: &str) -> Result<Option<Seen<Node>>> {
        self.find_one(id).await
    }

    /// The nodes that match, narrowly: one request a page.
    pub fn list_nodes(
        &self,
        query: NodeQuery,
    ) -> impl Stream<Item = Result<Seen<NodeSummary>>> + Send + 'static {
        self.list(node_listing(query, Rows::Summary))
    }

    /// The nodes that match, in full (API 1.43): one larger request a page.
    pub fn list_nodes_detail(
        &self,
        query: NodeQuery,
    ) -> impl Stream<Item = Result<Seen<Node>>> + Send + 'static {
        self.list(node_listing(query, Rows::Detail))
    }

    /// The nodes that match, read in full (API 1.43), of which only an outline is kept: as many requests, and no page of full nodes
    /// in memory.
    pub fn list_nodes_outlined(
        &self,
        query: NodeQuery,
    ) -> impl Stream<Item = Result<Seen<NodeOutline>>> + Send + 'static {
        self.list(node_listing(query, Rows::Detail))
    }

    /// The same as [`Client::list_nodes`], but a row that is odd is what can be read of it.
    pub fn list_nodes_leniently(
        &self,
        query: NodeQuery,
    ) -> impl Stream<Item = Result<Seen<Lenient<NodeSummary>>>> + Send + 'static {
        self.list(node_listing(query, Rows::Summary))
    }

    /// The same as [`Client::list_nodes_outlined`], but a row that is odd is what can be read of it.
    pub fn list_nodes_outlined_leniently(
        &self,
        query: NodeQuery,
    ) -> impl Stream<Item = Result<Seen<Lenient<NodeOutline>>>> + Send + 'static {
        self.list(node_listing(query, Rows::Detail))
    }

    /// The same with the text of each row.
    pub fn list_nodes_texts_leniently(
        &self,
        query: NodeQuery,
    ) -> impl Stream<Item = Result<Seen<Lenient<NodeText>>>> + Send + 'static {
        self.list(node_listing(query, Rows::Detail))
    }

    /// Only these fields of the nodes that match, and their uuids (API 1.8). (Ironic 39 answers 500 when a listing asks for
    /// `conductor`, `allocation_uuid` or `chassis_uuid`.)
    pub fn list_nodes_fields(
        &self,
        query: NodeQuery,
        fields: &[&str],
    ) -> impl Stream<Item = Result<Seen<Node>>> + Send + 'static {
        let fields = fields.iter().map(|field| (*field).to_owned()).collect();
        self.list(node_listing(query, Rows::Fields(fields)))
    }

    /// Changes fields and keys of a node and no others: reads it and sends at most one PATCH, none if all is so already. Takes the
    /// node's lock; see [`Client::retry_on_conflict`].
    pub async fn update_node(&self, id: &str, update: &NodeUpdate) -> Result<Seen<Node>> {
        if let Some(reason) = &update.maintenance_reason {
            if update.maintenance == Some(false) {
                return Err(Error::argument("a reason goes with a maintenance that is set"));
            }
            let now = self.get_node(id).await?.value;
            if !now.maintenance || now.maintenance_reason.as_ref() != Some(reason) {
                self.set_node_maintenance(id, reason).await?;
            }
        }
        let mut changes = update.changes();
        changes.retain(|(field, _)| *field != "maintenance_reason");
        self.update_one(id, &changes).await
    }

    /// Changes a node; either all of the patch or nothing of it. Takes the node's lock; see [`Client::retry_on_conflict`].
    ///
    /// Ironic knows `add`, `replace` and `remove` only, and in paths only letters, digits, `_` and `-`.
    /// `reset_interfaces` (API 1.45) goes with a new `/driver` only. An empty patch is refused here.
    pub async fn patch_node(&self, id: &str, patch: &Patch, reset_interfaces: bool) -> Result<Seen<Node>> {
        let mut call = self.to_node(&NODE_PATCH, id)?;
        if reset_interfaces {
            let driver = |operation: &json_patch::PatchOperation| operation.path().as_str() == "/driver";
            if !patch.0.iter().any(driver) {
                return Err(Error::argument(
                    "interfaces are reset only together with a new driver",
                ));
            }
            call = call
                .query([("reset_interfaces", "true")])
                .needs("resetting the interfaces", ApiVersion::v1(45));
        }
        self.patched(call, patch).await
    }

    /// Deletes a node, its ports and its traits; tells whether it was there. Ironic refuses while there is an instance.
    pub async fn delete_node(&self, id: &str) -> Result<bool> {
        self.delete_one::<Node>(id).await
    }

    /// The uuids of the nodes that are parts of this one (API 1.83).
    pub async fn list_node_children(&self, id: &str) -> Result<Vec<String>> {
        let call = self.to_node(&NODE_CHILDREN, id)?;
        self.member(call.needs("parts of nodes", ApiVersion::v1(83)), "children")
            .await
    }

    /// A request about one node.
    pub(super) fn to_node(&self, route: &'static Route, id: &str) -> Result<Call> {
        self.to_route(route, &[&as_kept(id)])
    }
}

/// A listing of nodes.
fn node_listing(query: NodeQuery, rows: Rows) -> Listing {
    Listing {
        route: &NODE_LIST,
        page_size: query.page_size.unwrap_or(PAGE),
        at_most: query.at_most,
        marker: query.marker.clone(),
        pairs: Box::new(move |version| query.pairs(&rows, version)),
    }
}
