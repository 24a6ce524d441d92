//! Whether Ironic gets to a BMC: what is asked, and what the answers mean.
use serde_json::{Value, json};
use wiremock::matchers::path;
use wiremock::{Mock, MockServer, ResponseTemplate};

use super::{Fixture, NODE, client, received, server};
use crate::ironic::client::{Class, Error};
use crate::ironic::model::{BootDevice, Judgement};

fn fault(status: u16, words: &str) -> ResponseTemplate {
    let inner = json!({"faultstring": words, "faultcode": "Server"}).to_string();
    ResponseTemplate::new(status)
        .insert_header("X-OpenStack-Ironic-API-Version", "1.95")
        .set_body_json(json!({"error_message": inner}))
}

fn fine() -> Value {
    json!({"power": {"result": true}, "management": {"result": true}, "deploy": {"result": false, "reason": "no image"}})
}

/// What is asked, and the answers.
async fn asked(validation: ResponseTemplate, device: ResponseTemplate) -> (Result<(), Error>, usize) {
    let server = server().await;
    answer(&server, "validate", validation).await;
    answer(&server, "management/boot_device", device).await;
    let result = client(&server).reach_bmc(NODE).await;
    let sent = received(&server).await;
    assert!(sent.iter().all(|(method, ..)| method == "GET"), "it only reads");
    (result, sent.len())
}

async fn answer(server: &MockServer, what: &str, answer: ResponseTemplate) {
    Mock::given(path(format!("/v1/nodes/{NODE}/{what}")))
        .respond_with(answer)
        .mount(server)
        .await;
}

fn ok(body: &Value) -> ResponseTemplate {
    ResponseTemplate::new(200).set_body_json(body)
}

#[tokio::test]
async fn it_gets_there_when_validation_and_boot_device_are_told() {
    let device = json!({"boot_device": "disk", "persistent": null});
    let (result, requests) = asked(ok(&fine()), ok(&device)).await;
    assert!(result.is_ok(), "{result:?}");
    assert_eq!(requests, 2);
    let server = server().await;
    answer(&server, "validate", ok(&fine())).await;
    answer(&server, "management/boot_device", ok(&device)).await;
    let told = client(&server).validate_node(NODE, &[]).await.unwrap();
    let expected = Judgement {
        result: Some(false),
        reason: Some("no image".into()),
    };
    assert_eq!(told["deploy"], expected);
    let told = client(&server).get_node_boot_device(NODE).await.unwrap();
    let expected = BootDevice {
        boot_device: Some("disk".into()),
        persistent: None,
        ..BootDevice::default()
    };
    assert_eq!(told, expected);
}

#[tokio::test]
async fn it_does_not_when_an_interface_or_the_bmc_says_no_and_each_is_asked_once() {
    let lacking = json!({"power": {"result": false, "reason": "Missing redfish_address"}, "management": {"result": true}});
    let (result, requests) = asked(ok(&lacking), ok(&json!({}))).await;
    let error = result.unwrap_err();
    assert_eq!(
        (error.words().as_ref(), error.class(), requests),
        ("Missing redfish_address", Class::Blocked, 1)
    );
    for status in [500, 400] {
        let (result, requests) =
            asked(ok(&fine()), fault(status, "Redfish exception: 401 Unauthorized")).await;
        let error = result.unwrap_err();
        assert!(matches!(error, Error::BmcUnreached { .. }), "{error:?}");
        assert_eq!(
            (error.words().as_ref(), error.class()),
            ("Redfish exception: 401 Unauthorized", Class::Blocked)
        );
        assert_eq!(requests, 2, "{status}: a BMC locks accounts");
    }
}

#[tokio::test]
async fn validation_has_to_do_where_the_question_is_not_possible() {
    let unsupported = "Driver x does not support management (disabled or not implemented).";
    for device in [fault(400, unsupported), fault(403, "Access was denied")] {
        let (result, _) = asked(ok(&fine()), device).await;
        assert!(result.is_ok(), "{result:?}");
    }
    let (result, requests) = asked(fault(403, "Access was denied"), ok(&json!({}))).await;
    assert!(result.is_ok(), "{result:?}");
    assert_eq!(requests, 2);
}

#[tokio::test]
async fn trouble_with_ironic_itself_says_nothing_of_the_bmc() {
    let (result, _) = asked(ok(&fine()), Fixture::read("err-404").answer()).await;
    assert!(result.unwrap_err().is_not_found());
    let (result, requests) = asked(
        ok(&fine()),
        fault(409, "Node n is locked by host c, please retry"),
    )
    .await;
    let error = result.unwrap_err();
    assert!(error.is_locked() && requests == 2, "{error:?}");
    let (result, _) = asked(fault(500, "oops"), ok(&json!({}))).await;
    assert_eq!(result.unwrap_err().class(), Class::Transient);
}
