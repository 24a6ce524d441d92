//! Inspection rules (API 1.96).
use futures::Stream;
use json_patch::Patch;

use super::query::InspectionRuleQuery;
use super::resource::{Chooses, Resource, Routes};
use super::routes::{
    INSPECTION_RULE_CREATE, INSPECTION_RULE_DELETE, INSPECTION_RULE_GET, INSPECTION_RULE_LIST,
    INSPECTION_RULE_PATCH,
};
use super::{Client, Result};
use crate::ironic::model::{InspectionRule, InspectionRuleCreate, InspectionRuleUpdate, Seen, Update};

impl Resource for InspectionRule {
    const WHAT: &'static str = "inspection rules";
    const SINCE: u16 = 96;
    const ROUTES: Routes = Routes {
        create: &INSPECTION_RULE_CREATE,
        list: &INSPECTION_RULE_LIST,
        get: &INSPECTION_RULE_GET,
        patch: &INSPECTION_RULE_PATCH,
        delete: &INSPECTION_RULE_DELETE,
    };
    const NAMED: bool = false;

    fn id(&self) -> &str {
        &self.uuid
    }
}

impl Client {
    /// Creates an inspection rule. Repeatable, as every creation: see [`Client::create_node`].
    pub async fn create_inspection_rule(&self, rule: &InspectionRuleCreate) -> Result<Seen<InspectionRule>> {
        self.create_one(rule, Chooses::Client).await
    }

    /// One inspection rule by uuid, in full.
    pub async fn get_inspection_rule(&self, id: &str) -> Result<Seen<InspectionRule>> {
        self.get_one(id, &[]).await
    }

    /// Only these fields of an inspection rule, and its uuid.
    pub async fn get_inspection_rule_fields(
        &self,
        id: &str,
        fields: &[&str],
    ) -> Result<Seen<InspectionRule>> {
        self.get_one(id, fields).await
    }

    /// One inspection rule by uuid, if there is one; what is no uuid is none.
    pub async fn find_inspection_rule(&self, id: &str) -> Result<Option<Seen<InspectionRule>>> {
        self.find_one(id).await
    }

    /// The inspection rules that match.
    pub fn list_inspection_rules(
        &self,
        query: InspectionRuleQuery,
    ) -> impl Stream<Item = Result<Seen<InspectionRule>>> + Send + 'static {
        self.list_all(query)
    }

    /// Changes fields and keys of an inspection rule and no others, if they are not so already.
    pub async fn update_inspection_rule(
        &self,
        id: &str,
        update: &InspectionRuleUpdate,
    ) -> Result<Seen<InspectionRule>> {
        self.update_one(id, &update.changes()).await
    }

    /// Changes an inspection rule; either all of the patch or nothing of it.
    pub async fn patch_inspection_rule(&self, id: &str, patch: &Patch) -> Result<Seen<InspectionRule>> {
        self.patch_one(id, patch).await
    }

    /// Deletes an inspection rule; tells whether it was there.
    pub async fn delete_inspection_rule(&self, id: &str) -> Result<bool> {
        self.delete_one::<InspectionRule>(id).await
    }
}
