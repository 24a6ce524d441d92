//! Deploy templates (API 1.55).
use futures::Stream;
use json_patch::Patch;

use super::query::DeployTemplateQuery;
use super::resource::{Chooses, Resource, Routes};
use super::routes::{
    DEPLOY_TEMPLATE_CREATE, DEPLOY_TEMPLATE_DELETE, DEPLOY_TEMPLATE_GET, DEPLOY_TEMPLATE_LIST,
    DEPLOY_TEMPLATE_PATCH,
};
use super::{Client, Result};
use crate::ironic::model::{DeployTemplate, DeployTemplateCreate, DeployTemplateUpdate, Seen, Update};

impl Resource for DeployTemplate {
    const WHAT: &'static str = "deploy templates";
    const SINCE: u16 = 55;
    const ROUTES: Routes = Routes {
        create: &DEPLOY_TEMPLATE_CREATE,
        list: &DEPLOY_TEMPLATE_LIST,
        get: &DEPLOY_TEMPLATE_GET,
        patch: &DEPLOY_TEMPLATE_PATCH,
        delete: &DEPLOY_TEMPLATE_DELETE,
    };
    const NAMED: bool = true;

    fn id(&self) -> &str {
        &self.uuid
    }
}

impl Client {
    /// Creates a deploy template. Repeatable, as every creation: see [`Client::create_node`].
    pub async fn create_deploy_template(
        &self,
        template: &DeployTemplateCreate,
    ) -> Result<Seen<DeployTemplate>> {
        self.create_one(template, Chooses::Client).await
    }

    /// One deploy template by uuid or name, in full.
    pub async fn get_deploy_template(&self, id: &str) -> Result<Seen<DeployTemplate>> {
        self.get_one(id, &[]).await
    }

    /// Only these fields of a deploy template, and its uuid.
    pub async fn get_deploy_template_fields(
        &self,
        id: &str,
        fields: &[&str],
    ) -> Result<Seen<DeployTemplate>> {
        self.get_one(id, fields).await
    }

    /// One deploy template by uuid or name, if there is one.
    pub async fn find_deploy_template(&self, id: &str) -> Result<Option<Seen<DeployTemplate>>> {
        self.find_one(id).await
    }

    /// The deploy templates that match.
    pub fn list_deploy_templates(
        &self,
        query: DeployTemplateQuery,
    ) -> impl Stream<Item = Result<Seen<DeployTemplate>>> + Send + 'static {
        self.list_all(query)
    }

    /// Changes fields and keys of a deploy template and no others, if they are not so already.
    pub async fn update_deploy_template(
        &self,
        id: &str,
        update: &DeployTemplateUpdate,
    ) -> Result<Seen<DeployTemplate>> {
        self.update_one(id, &update.changes()).await
    }

    /// Changes a deploy template; either all of the patch or nothing of it.
    pub async fn patch_deploy_template(&self, id: &str, patch: &Patch) -> Result<Seen<DeployTemplate>> {
        self.patch_one(id, patch).await
    }

    /// Deletes a deploy template; tells whether it was there.
    pub async fn delete_deploy_template(&self, id: &str) -> Result<bool> {
        self.delete_one::<DeployTemplate>(id).await
    }
}
