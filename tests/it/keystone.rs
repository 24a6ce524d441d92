//! The client by way of a real Keystone.

#![cfg(test)]

use std::time::Duration;

use futures::future::join_all;
use futures::{StreamExt, TryStreamExt};
use ironwright::ironic::client::{AuthError, Class, Client, Error, NodeQuery, Rejection, Settings};
use ironwright::ironic::model::{ApiVersion, NodeCreate};
use ironwright_stack::proxy::{Action, Answer};
use reqwest::Method;
use serde_json::{Value, json};

use crate::openstack::{Doors, client, openstack, settings};
use crate::tls_front::{AUTHORITY, CLIENT, CLIENT_KEY, OTHER_AUTHORITY, TlsFront};

/// Every node that the client may see, by name.
async fn nodes(client: &Client) -> Result<Vec<String>, Error> {
    let rows = client.list_nodes(NodeQuery::default());
    rows.map_ok(|row| row.value.name.unwrap_or_default())
        .try_collect()
        .await
}

#[tokio::test]
async fn every_kind_of_credentials_opens_the_door() {
    let doors = Doors::new("keystone-kinds").await;
    let system = client(&doors.system());
    nodes(&system).await.expect("a password");
    let identity = system.identity().expect("known by now");
    let place = format!(
        "{} (region keystone-kinds) as user admin of Default",
        doors.ironic.endpoint()
    );
    assert!(
        identity.starts_with(&place) && identity.ends_with("with system scope"),
        "{identity}"
    );
    let drivers = system.list_drivers().await.expect("system scope may see them");
    assert!(drivers.iter().any(|driver| driver.name == "fake-hardware"));

    let credential = doors.application_credential("kinds", &json!({})).await;
    let credential = client(&credential);
    nodes(&credential).await.expect("an application credential");
    let identity = credential.identity().expect("known by now");
    assert!(
        identity.contains("user kinds of") && identity.contains("in project metal of"),
        "{identity}"
    );

    let token = doors.token_in_use();
    let given = json!({"token": token, "project_name": "metal", "project_domain_id": "default"});
    let wrong = client(&doors.cloud("token", given));
    // An application credential's token is not good for another one.
    let error = nodes(&wrong).await.expect_err("it cannot be made into another");
    assert!(
        matches!(error, Error::Auth(AuthError::Refused { .. })),
        "{error:?}"
    );

    let scope = json!({"system": {"all": true}});
    let keystone = &doors.openstack.keystone;
    let password = keystone.access().password_of("admin");
    let token = keystone.token("admin", &password, &scope).await.expect("a token");
    let given = client(&doors.cloud("v3token", json!({"token": token, "system_scope": "all"})));
    nodes(&given).await.expect("a token");
    assert_eq!(given.identity(), system.identity());
}

/// What the other tests take for granted of the Keystone they stand on: it answers with the rights of whoever asks.
#[tokio::test]
async fn of_those_who_ask_at_once_none_is_taken_for_another() {
    let keystone = &openstack().await.keystone;
    let asks = ["operator", "reader"].map(async |user| {
        let token = keystone.token_in_metal(user).await.expect("a token");
        let id = keystone.user_id(user).await.expect("a user");
        let path = format!("/users/{id}/application_credentials");
        for number in 0..25 {
            let wanted = json!({"application_credential": {"name": format!("{user}-{number}")}});
            let made = keystone.request_as(&token, Method::POST, &path, &wanted).await;
            let made = made.unwrap_or_else(|error| panic!("{user}, {number}: {error:#}"));
            let roles = &made["application_credential"]["roles"];
            let is_admin = roles
                .as_array()
                .unwrap()
                .iter()
                .any(|role| role["name"] == "admin");
            assert_eq!(is_admin, user == "operator", "{user}: {roles}");
        }
    });
    join_all(asks).await;
}

#[tokio::test]
async fn a_project_sees_its_own_nodes_and_has_no_right_to_drivers() {
    let doors = Doors::new("keystone-scopes").await;
    let (system, project) = (client(&doors.system()), client(&doors.in_metal("operator")));
    for (client, name) in [(&system, "scopes-system"), (&project, "scopes-project")] {
        let node = NodeCreate {
            uuid: Some(uuid::Uuid::new_v4().to_string()),
            name: Some(name.to_owned()),
            driver: "fake-hardware".to_owned(),
            ..NodeCreate::default()
        };
        client.create_node(&node).await.expect("may be created");
    }
    let (all, own) = (nodes(&system).await.unwrap(), nodes(&project).await.unwrap());
    let both = ["scopes-project", "scopes-system"].map(str::to_owned);
    assert!(both.iter().all(|name| all.contains(name)), "{all:?}");
    assert!(own.contains(&both[0]) && !own.contains(&both[1]), "{own:?}");

    let refused = project.list_drivers().await.expect_err("it takes system scope");
    assert_eq!(refused.status(), Some(500));
    assert_eq!(refused.rejection(), Some(Rejection::ScopeRequired));
    assert_eq!(refused.class(), Class::Blocked);
    assert!(
        refused.words().contains("requires a scope of"),
        "{}",
        refused.words()
    );
    let reader = client(&doors.in_metal("reader"));
    let refused = reader
        .set_node_maintenance("scopes-project", "x")
        .await
        .expect_err("a reader");
    assert_eq!(refused.rejection(), Some(Rejection::Forbidden), "{refused:?}");
    for name in both {
        system.delete_node(&name).await.expect("is removed");
    }
}

#[tokio::test]
async fn a_revoked_token_is_replaced_once_for_all_requests_under_way() {
    let doors = Doors::new("keystone-revoked").await;
    let client = client(&doors.system());
    nodes(&client).await.unwrap();
    let revoked = doors.token_in_use();
    doors
        .openstack
        .keystone
        .revoke(&revoked)
        .await
        .expect("it is revoked");
    for listed in join_all((0..8).map(|_| nodes(&client))).await {
        listed.expect("nobody notices");
    }
    assert_eq!(doors.tokens_asked(), 2);
    assert_ne!(doors.token_in_use(), revoked);
    let refused = doors
        .ironic
        .log()
        .iter()
        .filter(|entry| entry.status == Some(401))
        .count();
    assert!((1..=8).contains(&refused), "{refused}");

    // Twice in a row is the caller's.
    let no = Answer::ironic_error(401, "no");
    doors
        .ironic
        .when("GET", "/v1/nodes")
        .times(2)
        .then(Action::Answer(no.clone()));
    let error = nodes(&client).await.expect_err("twice refused");
    assert!(
        error.is_unauthorized() && error.status() == Some(401),
        "{error:?}"
    );
    doors.ironic.clear_rules();
    doors
        .ironic
        .when("GET", "/v1/nodes")
        .nth(1)
        .then(Action::Answer(no));
    nodes(&client).await.expect("once is nothing");
}

#[tokio::test]
async fn a_token_is_renewed_before_it_expires_and_an_expired_credential_says_so() {
    let doors = Doors::new("keystone-expiry").await;
    let life = Duration::from_secs(20);
    let end = (jiff::Timestamp::now() + life)
        .strftime("%Y-%m-%dT%H:%M:%S")
        .to_string();
    let credential = doors
        .application_credential("expiry", &json!({"expires_at": end}))
        .await;
    let client = client(&credential);
    nodes(&client).await.expect("a short-lived token");
    let error = loop {
        match nodes(&client).await {
            // Of the last tokens, which live for less than a second, two in a row may end on their way to Ironic.
            Err(error) if matches!(error, Error::Auth(_)) || !error.is_unauthorized() => break error,
            _ => tokio::task::yield_now().await,
        }
    };
    assert!(
        doors.tokens_asked() > 2,
        "renewed meanwhile: {}",
        doors.tokens_asked()
    );
    // Those before the last ones are renewed in time.
    let (tokens, log) = (doors.keystone.log(), doors.ironic.log());
    for entry in log.iter().filter(|entry| entry.status == Some(401)) {
        let before = tokens.iter().filter(|token| token.at < entry.at).count();
        assert!(before > 2, "token {before} ended on its way");
    }
    assert!(error.is_unauthorized(), "{error:?}");
    assert!(
        matches!(error, Error::Auth(AuthError::Refused { .. })),
        "{error:?}"
    );
}

#[tokio::test]
async fn an_endpoint_is_chosen_by_region_and_interface() {
    let doors = Doors::new("keystone-region").await;
    let (region, inner) = ("keystone-inner", Doors::new("keystone-elsewhere").await);
    let keystone = &doors.openstack.keystone;
    let (public, internal) = (&doors.ironic, &inner.ironic);
    let urls = [public, internal].map(|proxy| format!("{}/v1", proxy.endpoint()));
    let urls = [("public", urls[0].as_str()), ("internal", urls[1].as_str())];
    keystone
        .offer("baremetal", region, &urls)
        .await
        .expect("it is offered");
    let at = |interface: &str, region: &str| {
        let mut cloud = doors.system();
        cloud["interface"] = json!(interface);
        cloud["region_name"] = json!(region);
        cloud
    };
    assert_eq!(settings(&at("internal", region)).endpoint, None);
    nodes(&client(&at("public", region))).await.unwrap();
    assert_eq!((doors.ironic.log().len(), inner.ironic.log().len()), (2, 0));
    nodes(&client(&at("internalURL", region))).await.unwrap();
    assert_eq!((doors.ironic.log().len(), inner.ironic.log().len()), (2, 2));

    let missing = nodes(&client(&at("admin", region)))
        .await
        .expect_err("it is not offered");
    assert!(
        matches!(missing, Error::Auth(AuthError::NoEndpoint { .. })),
        "{missing:?}"
    );
    let said = missing.words().into_owned();
    assert!(
        said.contains("admin interface") && said.contains("only the interfaces internal, public there"),
        "{said}"
    );
    let unknown = nodes(&client(&at("public", "atlantis")))
        .await
        .expect_err("no such region");
    assert!(unknown.words().contains("atlantis"), "{}", unknown.words());
    let mut any = doors.system();
    any.as_object_mut().unwrap().remove("region_name");
    let several = nodes(&client(&any)).await.expect_err("several regions");
    assert!(several.words().contains("name the region"), "{}", several.words());

    let mut given = at("public", "atlantis");
    given["baremetal_endpoint_override"] = json!(doors.ironic.endpoint());
    nodes(&client(&given)).await.expect("the catalog is not asked");
}

#[tokio::test]
async fn certificates_are_verified_and_shown() {
    let doors = Doors::new("keystone-tls-plain").await;
    let keystone = TlsFront::before(&doors.keystone.endpoint(), false).await;
    let ironic = TlsFront::before(&doors.ironic.endpoint(), true).await;
    let region = "keystone-tls";
    doors
        .openstack
        .keystone
        .register("baremetal", region, &ironic.endpoint())
        .await
        .expect("the region is known");
    let with = |more: Value| {
        let mut cloud = doors.system();
        cloud["region_name"] = json!(region);
        cloud["auth"]["auth_url"] = json!(keystone.endpoint());
        json_patch::merge(&mut cloud, &more);
        let settings = Settings {
            attempts: 1,
            ..settings(&cloud)
        };
        Client::new(settings).expect("a client")
    };
    let shown = json!({"cacert": AUTHORITY, "cert": CLIENT, "key": CLIENT_KEY});
    nodes(&with(shown)).await.expect("both know each other");
    nodes(&with(json!({"verify": false, "cert": CLIENT, "key": CLIENT_KEY})))
        .await
        .expect("nobody asks whom we talk to");

    let unknown = nodes(&with(json!({"cacert": OTHER_AUTHORITY}))).await;
    let unknown = unknown.expect_err("signed by somebody else");
    assert!(
        matches!(unknown, Error::Auth(AuthError::Unreachable { .. })),
        "{unknown:?}"
    );
    assert!(unknown.words().contains("certificate"), "{}", unknown.words());
    let nobody = nodes(&with(json!({"cacert": AUTHORITY})))
        .await
        .expect_err("no certificate");
    assert!(matches!(nobody, Error::Transport { .. }), "{nobody:?}");
}

#[tokio::test]
async fn a_version_in_clouds_yaml_is_the_one_spoken() {
    let doors = Doors::new("keystone-version").await;
    let mut cloud = doors.system();
    cloud["baremetal_api_version"] = json!("1.72");
    let client = client(&cloud);
    nodes(&client).await.unwrap();
    assert_eq!(client.versions().await.unwrap().negotiated, ApiVersion::v1(72));
    let log = doors.ironic.log();
    let listing = log.iter().find(|entry| entry.seen.path == "/v1/nodes").unwrap();
    assert_eq!(listing.seen.headers["openstack-api-version"], "baremetal 1.72");
    let rows: Vec<_> = client.list_nodes(NodeQuery::default()).collect().await;
    assert!(rows.iter().all(Result::is_ok));
}
