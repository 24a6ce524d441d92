//! Nodes.
use std::borrow::Cow;
use std::time::Duration;

use futures::Stream;
use json_patch::Patch;
use serde::Deserialize;
use serde_json::json;

use super::call::{Call, Failed};
use super::paging::Listing;
use super::query::Rows;
use super::retry::Repeat;
use super::routes::{
    NODE_CREATE, NODE_DELETE, NODE_GET, NODE_HISTORY, NODE_LIST, NODE_MAINTENANCE_CLEAR,
    NODE_MAINTENANCE_SET, NODE_PATCH, NODE_POWER, NODE_PROVISION, NODE_TRAIT_ADD, NODE_TRAIT_REMOVE,
};
use super::{Client, Error, NodeQuery, ProvisionRequest, Result, Route, provision};
use crate::ironic::model::{ApiVersion, HistoryEvent, Node, NodeCreate, NodeSummary, PowerTarget, Seen};

impl Client {
    /// Creates a node (`POST /v1/nodes`), in state `enroll`.
    ///
    /// With a uuid chosen by the caller it is sent again after a connection that broke, and finds the node it
    /// had created the first time.
    pub async fn create_node(&self, node: &NodeCreate) -> Result<Seen<Node>> {
        let mut call = self.to_route(&NODE_CREATE, &[])?.body(node)?;
        if node.uuid.is_some() {
            call = call.repeat(Repeat::Once);
        }
        match (self.call_once(&call).await, &node.uuid) {
            (Ok(answer), _) => whole(answer.seen(&NODE_CREATE)?, &NODE_CREATE),
            (Err(Failed { error, doubt: true }), Some(uuid)) if error.is_already_exists() => self
                .get_node(uuid)
                .await
                .map_err(|other| if other.is_not_found() { error } else { other }),
            (Err(failed), _) => Err(failed.error),
        }
    }

    /// One node by uuid or name, in full.
    pub async fn get_node(&self, id: &str) -> Result<Seen<Node>> {
        let call = self.to_node(&NODE_GET, id)?;
        whole(self.call(call).await?.seen(&NODE_GET)?, &NODE_GET)
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

    /// Changes a node; either all of the patch or nothing of it. Takes the node's lock.
    ///
    /// Ironic knows `add`, `replace` and `remove` only, and in paths only letters, digits, `_` and `-`.
    /// `reset_interfaces` (API 1.45) goes with a new `/driver` only. An empty patch is refused here.
    pub async fn patch_node(&self, id: &str, patch: &Patch, reset_interfaces: bool) -> Result<Seen<Node>> {
        if patch.0.is_empty() {
            return Err(Error::argument("the patch is empty"));
        }
        let mut call = self.to_node(&NODE_PATCH, id)?.body(patch)?;
        if reset_interfaces {
            if !patch
                .0
                .iter()
                .any(|operation| operation.path().as_str() == "/driver")
            {
                return Err(Error::argument(
                    "interfaces are reset only together with a new driver",
                ));
            }
            call = call
                .query([("reset_interfaces", "true")])
                .needs("resetting the interfaces", ApiVersion::v1(45));
        }
        let mut seen = whole(self.call(call).await?.seen(&NODE_PATCH)?, &NODE_PATCH)?;
        // Ironic answers while it still holds the lock it took for this very request: it says nothing of anybody else.
        seen.value.reservation = None;
        Ok(seen)
    }

    /// Deletes a node, its ports and its traits. Ironic refuses while there is an instance.
    pub async fn delete_node(&self, id: &str) -> Result<()> {
        let call = self.to_node(&NODE_DELETE, id)?.repeat(Repeat::Once);
        match self.call_once(&call).await {
            Ok(_) => Ok(()),
            Err(Failed { error, doubt: true }) if error.is_not_found() => Ok(()),
            Err(failed) => Err(failed.error),
        }
    }

    /// What happened to a node (API 1.78), oldest first.
    pub async fn node_history(&self, id: &str) -> Result<Vec<HistoryEvent>> {
        let call = self
            .to_node(&NODE_HISTORY, id)?
            .needs("node history", ApiVersion::v1(78));
        let history: History = self.call(call).await?.json(&NODE_HISTORY)?;
        Ok(history.history)
    }

    /// Asks for a power state; Ironic answers at once and works on it afterwards.
    ///
    /// `timeout` (whole seconds, at least one; API 1.27) is Ironic's own for the operation.
    pub async fn set_node_power_state(
        &self,
        id: &str,
        target: PowerTarget,
        timeout: Option<Duration>,
    ) -> Result<()> {
        let seconds = timeout.map(|timeout| timeout.as_secs());
        let body = match seconds {
            Some(0) => return Err(Error::argument("the power timeout is less than a second")),
            Some(seconds) => json!({"target": target.as_str(), "timeout": seconds}),
            None => json!({"target": target.as_str()}),
        };
        let mut call = self.to_node(&NODE_POWER, id)?.body(&body)?;
        if timeout.is_some() || target.is_soft() {
            call = call.needs("soft power and power timeouts", ApiVersion::v1(27));
        }
        self.call(call).await.map(drop)
    }

    /// Asks for a provision verb; Ironic changes the state before it answers and works on it afterwards.
    pub async fn set_node_provision_state(&self, id: &str, request: &ProvisionRequest) -> Result<()> {
        let mut call = self.to_node(&NODE_PROVISION, id)?.body(&request.body()?)?;
        if call.size() > provision::LARGEST {
            return Err(Error::argument(provision::TOO_LARGE));
        }
        for (what, version) in request.needs() {
            call = call.needs(what, version);
        }
        self.call(call).await.map(drop)
    }

    /// Sets one trait (API 1.37); one that is there already stays.
    pub async fn add_node_trait(&self, id: &str, name: &str) -> Result<()> {
        let call = self.about_trait(&NODE_TRAIT_ADD, id, name)?;
        self.call(call).await.map(drop)
    }

    /// Removes one trait (API 1.37); one that is not there, or of a node that is not, counts as removed.
    pub async fn remove_node_trait(&self, id: &str, name: &str) -> Result<()> {
        let call = self.about_trait(&NODE_TRAIT_REMOVE, id, name)?;
        match self.call(call).await {
            Err(error) if error.is_not_found() => Ok(()),
            result => result.map(drop),
        }
    }

    /// Puts a node into maintenance, or changes the reason of the one it is in.
    pub async fn set_node_maintenance(&self, id: &str, reason: &str) -> Result<()> {
        let call = self.to_node(&NODE_MAINTENANCE_SET, id)?;
        let call = call.body(&json!({"reason": reason}))?.repeat(Repeat::Once);
        self.call(call).await.map(drop)
    }

    /// Lifts a node's maintenance, whoever set it; its reason and fault go with it.
    pub async fn clear_node_maintenance(&self, id: &str) -> Result<()> {
        let call = self.to_node(&NODE_MAINTENANCE_CLEAR, id)?.repeat(Repeat::Once);
        self.call(call).await.map(drop)
    }

    /// A request about one trait of a node. Repeating it changes nothing.
    fn about_trait(&self, route: &'static Route, id: &str, name: &str) -> Result<Call> {
        let call = self.to_route(route, &[&as_kept(id), name])?.repeat(Repeat::Once);
        Ok(call.needs("traits", ApiVersion::v1(37)))
    }

    /// A request about one node.
    pub(super) fn to_node(&self, route: &'static Route, id: &str) -> Result<Call> {
        self.to_route(route, &[&as_kept(id)])
    }

    /// A request.
    pub(super) fn to_route(&self, route: &'static Route, arguments: &[&str]) -> Result<Call> {
        Call::new(route, &self.inner.base, arguments)
    }
}

/// An id as Ironic has it: it compares uuids by case and keeps them in lower case.
fn as_kept(id: &str) -> Cow<'_, str> {
    match uuid::Uuid::try_parse(id) {
        Ok(_) => id.to_ascii_lowercase().into(),
        Err(_) => id.into(),
    }
}

/// The body of a history.
#[derive(Deserialize)]
struct History {
    history: Vec<HistoryEvent>,
}

/// A listing of nodes.
fn node_listing(query: NodeQuery, rows: Rows) -> Listing {
    Listing {
        route: &NODE_LIST,
        page_size: query.page_size(),
        at_most: query.at_most,
        marker: query.marker.clone(),
        pairs: Box::new(move |version| query.pairs(rows, version)),
    }
}

/// A node that is one: everything in it is optional, so any JSON object would pass for a node.
fn whole(node: Seen<Node>, route: &'static Route) -> Result<Seen<Node>> {
    if node.value.uuid.is_empty() {
        return Err(Error::Body {
            route,
            status: 200,
            problem: "it is not a node: it has no uuid".to_owned(),
        });
    }
    Ok(node)
}
