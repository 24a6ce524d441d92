//! Answers of somebody else.
use std::time::Duration;

use wiremock::matchers::path;
use wiremock::{Mock, ResponseTemplate};

use super::{Fixture, NODE, client, install_tls, server};
use crate::ironic::client::{Client, Error, Rejection, Settings};

#[tokio::test]
async fn success_that_is_not_json_is_an_error() {
    for body in ["<html>welcome</html>", "{\"uuid\": \"f404", "[]", "{}", ""] {
        let server = server().await;
        let answer = ResponseTemplate::new(200).set_body_string(body);
        Mock::given(path(format!("/v1/nodes/{NODE}")))
            .respond_with(answer)
            .mount(&server)
            .await;
        let error = client(&server).get_node(NODE).await.unwrap_err();
        assert!(
            matches!(error, Error::Body { status: 200, .. }),
            "{body}: {error}"
        );
    }
}

#[tokio::test]
async fn nobody_at_the_address_is_told_by_the_words() {
    install_tls();
    let free = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let settings = Settings {
        deadline: Duration::from_secs(5),
        ..Settings::new(format!("http://{free}"))
    };
    let error = Client::new(settings).unwrap().get_node(NODE).await.unwrap_err();
    assert!(matches!(error, Error::Transport { sent: false, .. }), "{error}");
    assert!(error.words().contains("refused"), "{}", error.words());
    assert!(
        !error.to_string().contains("refused"),
        "the source is not repeated: {error}"
    );
}

#[tokio::test]
async fn a_404_of_somebody_else_is_not_an_absence() {
    for refused in [ResponseTemplate::new(404), Fixture::read("err-404-path").answer()] {
        let server = server().await;
        Mock::given(path(format!("/v1/nodes/{NODE}")))
            .respond_with(refused)
            .mount(&server)
            .await;
        let error = client(&server).get_node(NODE).await.unwrap_err();
        assert!(
            !error.is_not_found() && error.rejection() == Some(Rejection::NoSuchRoute),
            "{error}"
        );
    }
}
