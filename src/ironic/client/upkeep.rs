//! Traits and maintenance of nodes.
use serde_json::json;

use super::call::Call;
use super::resource::as_kept;
use super::retry::Repeat;
use super::routes::{
    NODE_MAINTENANCE_CLEAR, NODE_MAINTENANCE_SET, NODE_TRAIT_ADD, NODE_TRAIT_REMOVE, NODE_TRAITS,
    NODE_TRAITS_REMOVE, NODE_TRAITS_SET,
};
use super::{Client, Result, Route};
use crate::ironic::model::ApiVersion;

impl Client {
    /// The traits of a node (API 1.37).
    pub async fn list_node_traits(&self, id: &str) -> Result<Vec<String>> {
        self.member(self.about_traits(&NODE_TRAITS, id)?, "traits").await
    }

    /// Gives a node exactly these traits (API 1.37): names of the standard ones or `CUSTOM_…`, at most 50.
    pub async fn set_node_traits(&self, id: &str, traits: &[impl AsRef<str> + Sync]) -> Result<()> {
        let traits: Vec<&str> = traits.iter().map(AsRef::as_ref).collect();
        let call = self.about_traits(&NODE_TRAITS_SET, id)?;
        self.ask(call.body(&json!({"traits": traits}))?).await
    }

    /// Takes all traits from a node (API 1.37).
    pub async fn remove_node_traits(&self, id: &str) -> Result<()> {
        self.ask(self.about_traits(&NODE_TRAITS_REMOVE, id)?).await
    }

    /// Sets one trait (API 1.37); one that is there already stays.
    pub async fn add_node_trait(&self, id: &str, name: &str) -> Result<()> {
        self.ask(self.about_trait(&NODE_TRAIT_ADD, id, name)?).await
    }

    /// Removes one trait (API 1.37); tells whether it was there. Of a node that is not there it was not.
    pub async fn remove_node_trait(&self, id: &str, name: &str) -> Result<bool> {
        self.remove(self.about_trait(&NODE_TRAIT_REMOVE, id, name)?).await
    }

    /// Puts a node into maintenance, or changes the reason of the one it is in.
    pub async fn set_node_maintenance(&self, id: &str, reason: &str) -> Result<()> {
        let call = self.to_node(&NODE_MAINTENANCE_SET, id)?;
        let call = call.body(&json!({"reason": reason}))?.repeat(Repeat::Once);
        self.ask(call).await
    }

    /// Lifts a node's maintenance, whoever set it; its reason and fault go with it.
    pub async fn clear_node_maintenance(&self, id: &str) -> Result<()> {
        let call = self.to_node(&NODE_MAINTENANCE_CLEAR, id)?.repeat(Repeat::Once);
        self.ask(call).await
    }

    /// A request about one trait of a node. Repeating it changes nothing.
    fn about_trait(&self, route: &'static Route, id: &str, name: &str) -> Result<Call> {
        let call = self.to_route(route, &[&as_kept(id), name])?.repeat(Repeat::Once);
        Ok(call.needs("traits", ApiVersion::v1(37)))
    }

    /// A request about all of them. Repeating it changes nothing.
    fn about_traits(&self, route: &'static Route, id: &str) -> Result<Call> {
        let call = self.to_node(route, id)?;
        let repeat = if route.mutating {
            Repeat::Once
        } else {
            Repeat::Read
        };
        Ok(call.repeat(repeat).needs("traits", ApiVersion::v1(37)))
    }
}
