//! Deploy templates, runbooks and inspection rules on a real Ironic.

#![cfg(test)]

use ironwright::ironic::client::{
    Client, DeployTemplateQuery, Error, InspectionRuleQuery, ProvisionRequest, RunbookQuery, Settings,
};
use ironwright::ironic::model::{
    ApiVersion, Change, DeployTemplateCreate, DeployTemplateUpdate, Edit, InspectionRuleCreate,
    InspectionRuleUpdate, Runbook, RunbookCreate, RunbookUpdate, Verb,
};
use serde_json::json;

use crate::client_lab::{Lab, object, rows};

#[tokio::test]
async fn deploy_templates_are_created_changed_and_deleted() {
    let lab = Lab::new("cx-steps").await;
    let client = &lab.client;
    let step = |order: &str| object(json!({"interface": "deploy", "step": "x", "args": {}, order: 10}));
    let draft = DeployTemplateCreate {
        name: "CUSTOM_CX_STEPS".into(),
        steps: vec![step("priority")],
        ..DeployTemplateCreate::default()
    };
    let template = client.create_deploy_template(&draft).await.unwrap().value;
    assert!(
        client
            .create_deploy_template(&draft)
            .await
            .unwrap_err()
            .is_already_exists()
    );
    let update = DeployTemplateUpdate {
        extra: Edit::set("x", 1),
        ..DeployTemplateUpdate::default()
    };
    let now = client
        .update_deploy_template("CUSTOM_CX_STEPS", &update)
        .await
        .unwrap()
        .value;
    assert_eq!(
        (now.extra["x"].clone(), now.steps[0]["priority"].clone()),
        (json!(1), json!(10))
    );
    let all = rows(client.list_deploy_templates(DeployTemplateQuery::default()))
        .await
        .unwrap();
    assert!(
        all.iter()
            .any(|other| other.uuid == template.uuid && other.steps.len() == 1)
    );
    assert!(client.delete_deploy_template("CUSTOM_CX_STEPS").await.unwrap());
    assert!(!client.delete_deploy_template("CUSTOM_CX_STEPS").await.unwrap());
}

/// Ironic itself tries few of its writes again when its database refuses them; see `tests/stack/python/testkit/sitecustomize.py`.
#[tokio::test]
async fn those_who_write_at_once_wait_for_each_other() {
    let lab = Lab::new("cx-writers").await;
    let client = &lab.client;
    let writes = (0..8).map(|writer| async move {
        for round in 0..5 {
            let name = format!("CUSTOM_CX_WRITERS_{writer}_{round}");
            let draft = DeployTemplateCreate {
                name: name.clone(),
                steps: vec![object(
                    json!({"interface": "deploy", "step": "x", "args": {}, "priority": 1}),
                )],
                ..DeployTemplateCreate::default()
            };
            client.create_deploy_template(&draft).await?;
            let update = DeployTemplateUpdate {
                extra: Edit::set("x", 1),
                ..DeployTemplateUpdate::default()
            };
            client.update_deploy_template(&name, &update).await?;
            client.delete_deploy_template(&name).await?;
        }
        Ok::<_, Error>(())
    });
    futures::future::try_join_all(writes)
        .await
        .expect("nobody is refused");
}

/// A runbook of one step.
async fn runbook(client: &Client, name: &str) -> Runbook {
    let step = json!({"interface": "deploy", "step": "testkit_clean", "args": {}, "order": 1});
    let draft = RunbookCreate {
        name: name.into(),
        steps: vec![object(step)],
        ..RunbookCreate::default()
    };
    client.create_runbook(&draft).await.unwrap().value
}

#[tokio::test]
async fn runbooks_are_created_changed_and_deleted() {
    let lab = Lab::new("cx-runbook").await;
    let client = &lab.client;
    let runbook = runbook(client, "CUSTOM_CX_RUNBOOK").await;
    client
        .set_runbook_traits(&runbook.uuid, &["CUSTOM_CX_RUNBOOK"])
        .await
        .unwrap();
    let update = RunbookUpdate {
        description: "dusts".into(),
        ..RunbookUpdate::default()
    };
    let now = client.update_runbook(&runbook.uuid, &update).await.unwrap().value;
    assert_eq!(
        (now.description.as_deref(), now.traits),
        (Some("dusts"), vec!["CUSTOM_CX_RUNBOOK".to_owned()])
    );
    let all = rows(client.list_runbooks(RunbookQuery::default())).await.unwrap();
    assert!(all.iter().any(|other| other.uuid == runbook.uuid));
    let node = lab.node("a", json!({})).await.uuid;
    lab.walk(&node, &[Verb::Manage]).await;
    client.add_node_trait(&node, "CUSTOM_CX_RUNBOOK").await.unwrap();
    let clean = ProvisionRequest {
        runbook: Some(runbook.name),
        ..ProvisionRequest::new(Verb::Clean)
    };
    lab.go(&node, &clean).await.unwrap();
    assert!(client.delete_runbook(&runbook.uuid).await.unwrap());
    assert!(client.find_runbook("CUSTOM_CX_RUNBOOK").await.unwrap().is_none());
}

#[tokio::test]
async fn one_trait_of_a_runbook_is_set_and_removed() {
    let lab = Lab::new("cx-runbook-traits").await;
    let client = &lab.client;
    let id = runbook(client, "CUSTOM_CX_TRAITS").await.uuid;
    let traits = || async {
        let mut traits = client.get_runbook(&id).await.unwrap().value.traits;
        traits.sort();
        traits
    };
    for name in ["CUSTOM_CX_A", "CUSTOM_CX_B", "CUSTOM_CX_A"] {
        client.add_runbook_trait(&id, name).await.unwrap();
    }
    assert_eq!(traits().await, ["CUSTOM_CX_A", "CUSTOM_CX_B"]);
    for _ in 0..2 {
        client.remove_runbook_trait(&id, "CUSTOM_CX_A").await.unwrap();
    }
    assert_eq!(traits().await, ["CUSTOM_CX_B"]);
    let odd = client.add_runbook_trait(&id, "not one").await.unwrap_err();
    assert_eq!(odd.status(), Some(400));
    let old = Client::new(Settings {
        api_version: Some(ApiVersion::v1(111)),
        ..Settings::new(lab.proxy.endpoint())
    });
    lab.proxy.clear_log();
    let old = old.unwrap().add_runbook_trait(&id, "CUSTOM_CX_C").await;
    assert!(matches!(old, Err(Error::NotSupported { .. })), "{old:?}");
    assert_eq!(lab.writes(), 0);
    assert!(client.delete_runbook(&id).await.unwrap());
    let gone = client.remove_runbook_trait(&id, "CUSTOM_CX_B").await;
    assert!(gone.unwrap_err().is_not_found());
}

#[tokio::test]
async fn inspection_rules_are_created_changed_and_deleted() {
    let lab = Lab::new("cx-rules").await;
    let client = &lab.client;
    let draft = InspectionRuleCreate {
        description: Some(lab.name("rule")),
        actions: vec![object(json!({"op": "fail", "args": {"msg": "never"}}))],
        conditions: vec![object(
            json!({"op": "is-true", "args": {"value": "{node.retired}"}}),
        )],
        ..InspectionRuleCreate::default()
    };
    let rule = client.create_inspection_rule(&draft).await.unwrap().value;
    let update = InspectionRuleUpdate {
        description: Change::Unset,
        priority: Some(7),
        ..InspectionRuleUpdate::default()
    };
    let now = client
        .update_inspection_rule(&rule.uuid, &update)
        .await
        .unwrap()
        .value;
    assert_eq!((now.description, now.priority), (None, Some(7)));
    let all = rows(client.list_inspection_rules(InspectionRuleQuery::default()))
        .await
        .unwrap();
    assert!(
        all.iter()
            .any(|other| other.uuid == rule.uuid && other.actions.is_some())
    );
    assert!(client.delete_inspection_rule(&rule.uuid).await.unwrap());
    assert!(!client.delete_inspection_rule(&rule.uuid).await.unwrap());
}
