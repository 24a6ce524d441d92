//! What each call sends, and what it refuses to send.
use std::time::Duration;

use futures::TryStreamExt;
use serde_json::{Value, json};
use wiremock::matchers::path;
use wiremock::{Mock, MockServer, ResponseTemplate};

use super::{Fixture, NODE, client, received, server};
use crate::ironic::client::{ConductorQuery, ConfigDrive, Error, ProvisionRequest};
use crate::ironic::model::{InterfaceKind, NodeCreate, Object, PowerTarget, Verb};

async fn answering(answer: ResponseTemplate) -> MockServer {
    let server = server().await;
    Mock::given(wiremock::matchers::path_regex("^/v1/."))
        .respond_with(answer)
        .mount(&server)
        .await;
    server
}

fn object(value: Value) -> Object {
    serde_json::from_value(value).unwrap()
}

/// The bodies of the provision requests that were sent, or the refusals.
async fn provision(request: ProvisionRequest) -> Result<Value, Error> {
    let server = answering(ResponseTemplate::new(202)).await;
    let result = client(&server).set_node_provision_state(NODE, &request).await;
    let mut sent = received(&server).await;
    if result.is_ok() {
        let (method, path, body) = sent.remove(0);
        assert_eq!(
            (method.as_str(), path),
            ("PUT", format!("/v1/nodes/{NODE}/states/provision"))
        );
        return Ok(serde_json::from_str(&body).unwrap());
    }
    assert!(sent.is_empty(), "a refusal sends nothing");
    result.map(|()| Value::Null)
}

fn parts(user_data: &str) -> ConfigDrive {
    ConfigDrive::Parts {
        meta_data: Some(object(json!({"name": "n"}))),
        user_data: Some(user_data.into()),
        network_data: None,
        vendor_data: None,
    }
}

#[tokio::test]
async fn a_verb_is_sent_with_its_arguments() {
    let step = object(json!({"interface": "deploy", "step": "erase_devices"}));
    let steps = vec![step.clone()];
    let with = ProvisionRequest::new;
    for (request, expected) in [
        (with(Verb::Manage), json!({"target": "manage"})),
        (with(Verb::Active), json!({"target": "active"})),
        (
            ProvisionRequest {
                configdrive: Some(parts("#!/bin/sh\n")),
                ..with(Verb::Active)
            },
            json!({"target": "active", "configdrive": {"meta_data": {"name": "n"}, "user_data": "#!/bin/sh\n"}}),
        ),
        (
            ProvisionRequest {
                configdrive: Some(ConfigDrive::Text("http://h/c".into())),
                ..with(Verb::Rebuild)
            },
            json!({"target": "rebuild", "configdrive": "http://h/c"}),
        ),
        (
            ProvisionRequest {
                steps: steps.clone(),
                disable_ramdisk: true,
                ..with(Verb::Clean)
            },
            json!({"target": "clean", "clean_steps": [step], "disable_ramdisk": true}),
        ),
        (
            ProvisionRequest {
                steps: steps.clone(),
                ..with(Verb::Active)
            },
            json!({"target": "active", "deploy_steps": [step]}),
        ),
        (
            ProvisionRequest {
                runbook: Some("CUSTOM_R".into()),
                ..with(Verb::Service)
            },
            json!({"target": "service", "runbook": "CUSTOM_R"}),
        ),
        (
            ProvisionRequest {
                rescue_password: Some("pw".into()),
                ..with(Verb::Rescue)
            },
            json!({"target": "rescue", "rescue_password": "pw"}),
        ),
    ] {
        assert_eq!(provision(request).await.unwrap(), expected);
    }
}

#[tokio::test]
async fn arguments_that_do_not_go_with_the_verb_are_refused_before_anything_is_sent() {
    let steps = vec![Object::new()];
    let empty = ConfigDrive::Parts {
        meta_data: None,
        user_data: None,
        network_data: None,
        vendor_data: None,
    };
    let with = ProvisionRequest::new;
    for request in [
        ProvisionRequest {
            configdrive: Some(parts("x")),
            ..with(Verb::Manage)
        },
        ProvisionRequest {
            configdrive: Some(ConfigDrive::Text("neither?".into())),
            ..with(Verb::Active)
        },
        ProvisionRequest {
            configdrive: Some(ConfigDrive::Text(String::new())),
            ..with(Verb::Active)
        },
        ProvisionRequest {
            configdrive: Some(empty),
            ..with(Verb::Active)
        },
        ProvisionRequest {
            steps: steps.clone(),
            ..with(Verb::Manage)
        },
        ProvisionRequest {
            steps: steps.clone(),
            runbook: Some("r".into()),
            ..with(Verb::Clean)
        },
        ProvisionRequest {
            runbook: Some("r".into()),
            ..with(Verb::Active)
        },
        ProvisionRequest {
            disable_ramdisk: true,
            ..with(Verb::Active)
        },
        ProvisionRequest {
            rescue_password: Some("  ".into()),
            ..with(Verb::Rescue)
        },
        ProvisionRequest {
            rescue_password: Some("pw".into()),
            ..with(Verb::Unrescue)
        },
        with(Verb::Rescue),
        with(Verb::Clean),
        with(Verb::Service),
    ] {
        let error = provision(request.clone()).await.unwrap_err();
        assert!(matches!(error, Error::Argument { .. }), "{request:?}: {error}");
    }
}

#[tokio::test]
async fn power_is_asked_for_in_ironics_words() {
    let server = answering(ResponseTemplate::new(202)).await;
    let client = client(&server);
    for &target in PowerTarget::ALL {
        client.set_node_power_state(NODE, target, None).await.unwrap();
    }
    client
        .set_node_power_state(NODE, PowerTarget::Off, Some(Duration::from_millis(2900)))
        .await
        .unwrap();
    let short = client
        .set_node_power_state(NODE, PowerTarget::Off, Some(Duration::from_millis(900)))
        .await;
    assert!(matches!(short, Err(Error::Argument { .. })));
    let sent: Vec<Value> = received(&server)
        .await
        .iter()
        .map(|(_, _, body)| serde_json::from_str(body).unwrap())
        .collect();
    let words = [
        "power on",
        "power off",
        "rebooting",
        "soft power off",
        "soft rebooting",
    ];
    let mut expected: Vec<_> = words.iter().map(|word| json!({"target": word})).collect();
    expected.push(json!({"target": "power off", "timeout": 2}));
    assert_eq!(sent, expected);
}

#[tokio::test]
async fn a_patch_is_sent_whole_and_an_empty_one_not_at_all() {
    let server = answering(Fixture::read("node-active").answer()).await;
    let client = client(&server);
    let patch = |value: Value| serde_json::from_value::<json_patch::Patch>(value).unwrap();
    let driver = patch(json!([{"op": "replace", "path": "/driver", "value": "redfish"}]));
    let extra = patch(json!([{"op": "add", "path": "/extra/a", "value": 1}]));
    client.patch_node(NODE, &driver, true).await.unwrap();
    for (refused, reset) in [(patch(json!([])), false), (extra, true)] {
        let error = client.patch_node(NODE, &refused, reset).await.unwrap_err();
        assert!(matches!(error, Error::Argument { .. }), "{error}");
    }
    let [(method, at, body)] = received(&server).await.try_into().unwrap();
    assert_eq!(
        (method.as_str(), at),
        ("PATCH", format!("/v1/nodes/{NODE}?reset_interfaces=true"))
    );
    assert_eq!(serde_json::from_str::<json_patch::Patch>(&body).unwrap(), driver);
}

#[tokio::test]
async fn a_uuid_is_asked_for_in_lower_case_and_a_name_as_it_is() {
    let server = answering(Fixture::read("node-active").answer()).await;
    let client = client(&server);
    client.get_node(&NODE.to_uppercase()).await.unwrap();
    client.get_node("Rack/1 N").await.unwrap();
    let paths: Vec<_> = received(&server)
        .await
        .into_iter()
        .map(|(_, path, _)| path)
        .collect();
    assert_eq!(
        paths,
        [format!("/v1/nodes/{NODE}"), "/v1/nodes/Rack%2F1%20N".to_owned()]
    );
}

#[tokio::test]
async fn a_creation_is_a_json_body() {
    let server = answering(Fixture::read("node-enroll").answer()).await;
    let node = NodeCreate {
        driver: "fake-hardware".into(),
        ..NodeCreate::default()
    };
    let created = client(&server).create_node(&node).await.unwrap();
    assert_eq!(created.value.provision_state.as_str(), "enroll");
    let requests = server.received_requests().await.unwrap();
    let request = requests.last().unwrap();
    assert_eq!(request.headers["content-type"], "application/json");
    let body: Value = request.body_json().unwrap();
    assert_eq!(body["driver"], "fake-hardware");
    let chosen = body["uuid"].as_str().unwrap();
    assert!(
        uuid::Uuid::try_parse(chosen).is_ok(),
        "so that it can be repeated"
    );
    assert_eq!(body.as_object().unwrap().len(), 2);
}

#[tokio::test]
async fn history_drivers_and_conductors_are_read() {
    let server = server().await;
    for (route, fixture) in [
        (format!("/v1/nodes/{NODE}/history"), "node-history"),
        ("/v1/drivers".into(), "drivers-detail"),
        ("/v1/conductors".into(), "conductors"),
    ] {
        Mock::given(path(route))
            .respond_with(Fixture::read(fixture).answer())
            .mount(&server)
            .await;
    }
    let client = client(&server);
    let history = client.node_history(NODE).await.unwrap();
    assert!(
        history
            .iter()
            .all(|event| event.event.is_some() && !event.uuid.is_empty())
            && !history.is_empty()
    );
    let drivers = client.list_drivers().await.unwrap();
    let fake = drivers
        .iter()
        .find(|driver| driver.name == "fake-hardware")
        .unwrap();
    assert_eq!(fake.default_interface(InterfaceKind::Network), Some("noop"));
    assert!(fake.enabled_interfaces(InterfaceKind::Deploy).contains(&"direct"));
    let conductors = client.list_conductors(ConductorQuery::default());
    let conductors: Vec<_> = conductors.try_collect().await.unwrap();
    assert_eq!(conductors[0].value.hostname, "testconductor");
}
