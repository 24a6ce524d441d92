//! Runbooks (API 1.92).
use futures::Stream;
use json_patch::Patch;
use serde_json::json;

use super::query::RunbookQuery;
use super::resource::{Chooses, Resource, Routes, as_kept};
use super::retry::Repeat;
use super::routes::{
    RUNBOOK_CREATE, RUNBOOK_DELETE, RUNBOOK_GET, RUNBOOK_LIST, RUNBOOK_PATCH, RUNBOOK_TRAIT_ADD,
    RUNBOOK_TRAIT_REMOVE, RUNBOOK_TRAITS_SET,
};
use super::{Client, Result, Route};
use crate::ironic::model::{ApiVersion, Runbook, RunbookCreate, RunbookUpdate, Seen, Update};

/// What only newer Ironics have.
const TRAITS: &str = "traits of runbooks";

impl Resource for Runbook {
    const WHAT: &'static str = "runbooks";
    const SINCE: u16 = 92;
    const ROUTES: Routes = Routes {
        create: &RUNBOOK_CREATE,
        list: &RUNBOOK_LIST,
        get: &RUNBOOK_GET,
        patch: &RUNBOOK_PATCH,
        delete: &RUNBOOK_DELETE,
    };
    const NAMED: bool = true;

    fn id(&self) -> &str {
        &self.uuid
    }
}

impl Client {
    /// Creates a runbook. Repeatable, as every creation: see [`Client::create_node`].
    pub async fn create_runbook(&self, runbook: &RunbookCreate) -> Result<Seen<Runbook>> {
        self.create_one(runbook, Chooses::Client).await
    }

    /// One runbook by uuid or name, in full.
    pub async fn get_runbook(&self, id: &str) -> Result<Seen<Runbook>> {
        self.get_one(id, &[]).await
    }

    /// Only these fields of a runbook, and its uuid.
    pub async fn get_runbook_fields(&self, id: &str, fields: &[&str]) -> Result<Seen<Runbook>> {
        self.get_one(id, fields).await
    }

    /// One runbook by uuid or name, if there is one.
    pub async fn find_runbook(&self, id: &str) -> Result<Option<Seen<Runbook>>> {
        self.find_one(id).await
    }

    /// The runbooks that match.
    pub fn list_runbooks(
        &self,
        query: RunbookQuery,
    ) -> impl Stream<Item = Result<Seen<Runbook>>> + Send + 'static {
        self.list_all(query)
    }

    /// Changes fields and keys of a runbook and no others, if they are not so already.
    pub async fn update_runbook(&self, id: &str, update: &RunbookUpdate) -> Result<Seen<Runbook>> {
        self.update_one(id, &update.changes()).await
    }

    /// Changes a runbook; either all of the patch or nothing of it.
    pub async fn patch_runbook(&self, id: &str, patch: &Patch) -> Result<Seen<Runbook>> {
        self.patch_one(id, patch).await
    }

    /// Deletes a runbook; tells whether it was there.
    pub async fn delete_runbook(&self, id: &str) -> Result<bool> {
        self.delete_one::<Runbook>(id).await
    }

    /// Lets nodes with one of these traits, and no others, run a runbook (API 1.112).
    pub async fn set_runbook_traits(&self, id: &str, traits: &[impl AsRef<str> + Sync]) -> Result<()> {
        let traits: Vec<&str> = traits.iter().map(AsRef::as_ref).collect();
        let call = self.to_route(&RUNBOOK_TRAITS_SET, &[&as_kept(id)])?;
        let call = call.body(&json!({"traits": traits}))?.repeat(Repeat::Once);
        self.ask(call.needs(TRAITS, ApiVersion::v1(112))).await
    }

    /// Lets nodes with this trait run a runbook, too (API 1.112); one that is there already stays.
    pub async fn add_runbook_trait(&self, id: &str, name: &str) -> Result<()> {
        self.about_runbook_trait(&RUNBOOK_TRAIT_ADD, id, name).await
    }

    /// Takes one trait from a runbook (API 1.112). Ironic does not tell whether it was there.
    pub async fn remove_runbook_trait(&self, id: &str, name: &str) -> Result<()> {
        self.about_runbook_trait(&RUNBOOK_TRAIT_REMOVE, id, name).await
    }

    /// Repeating it changes nothing.
    async fn about_runbook_trait(&self, route: &'static Route, id: &str, name: &str) -> Result<()> {
        let call = self.to_route(route, &[&as_kept(id), name])?.repeat(Repeat::Once);
        self.ask(call.needs(TRAITS, ApiVersion::v1(112))).await
    }
}
