//! Things that are wrong at first: each a clear condition and no hot loop, and Ready as soon as it is put right.

#![cfg(test)]

use std::time::{Duration, Instant};

use ironwright_stack::proxy::{Action, Answer};
use ironwright_stack::{Ironic, IronicAuth, IronicOptions, Proxy, wait};
use serde_json::{Value, json};
use tokio::sync::OnceCell;

use crate::harness::{LIMIT, World, message, stack};
use crate::sight::cloud_message;

/// What is put right is seen within a second or two; the rest is for a busy machine.
const SOON: Duration = Duration::from_secs(5);

const USER: &str = "admin";
const PASSWORD: &str = "hunter2-c0ffee";

static GUARDED: OnceCell<Ironic> = OnceCell::const_new();

/// An Ironic that asks for a user and a password.
async fn guarded() -> &'static Ironic {
    let start = async || {
        let stack = stack().await;
        let options = IronicOptions {
            name: "guarded".to_owned(),
            auth: IronicAuth::HttpBasic {
                user: USER.to_owned(),
                password: PASSWORD.to_owned(),
            },
            ..IronicOptions::default()
        };
        Ironic::start(&stack.tools, &stack.run, options)
            .await
            .expect("an Ironic with http_basic")
    };
    GUARDED.get_or_init(start).await
}

/// A clouds.yaml for `lab` behind the proxy with this password.
fn clouds_yaml(world: &World, password: &str) -> String {
    let endpoint = world.proxy.endpoint();
    format!(
        "clouds:\n  lab:\n    auth_type: http_basic\n    auth:\n      endpoint: {endpoint}\n      username: {USER}\n      password: {password}\n"
    )
}

/// The cloud `lab` with the file in Secret `clouds`.
fn lab_from_secret() -> Value {
    json!({
        "apiVersion": "ironwright.dev/v1alpha1", "kind": "BareMetalCloud", "metadata": {"name": "lab"},
        "spec": {"credentialsSecretRef": {"name": "clouds"}, "cloudName": "lab"},
    })
}

/// Waits for so many more requests, whatever became of them; how long they took to come.
async fn more_requests(proxy: &Proxy, count: usize) -> Duration {
    let (began, already) = (Instant::now(), proxy.log().len());
    wait::until("further requests", LIMIT, async || {
        Ok((proxy.log().len() >= already + count).then_some(()))
    })
    .await
    .expect("it is tried again");
    began.elapsed()
}

#[tokio::test]
async fn an_unknown_driver_is_named_beside_the_known_ones_until_it_is_corrected() {
    let world = World::new("bad-driver").await;
    world.apply_node("a", &json!({"driver": "redfisch"})).await;
    let node = world
        .condition("a", "Reconciling", "True", "DriverUnavailable")
        .await;
    let said = message(&node, "Ready");
    for word in ["redfisch", "fake-hardware", "redfish", "manual-management"] {
        assert!(said.contains(word), "{word}: {said}");
    }
    assert_eq!(world.mutations(), Vec::<String>::new());
    let began = Instant::now();
    world.edit("a", &json!({"driver": "fake-hardware"})).await;
    world.ready("a", "Enrolled").await;
    assert!(began.elapsed() < SOON * 2, "{:?}", began.elapsed());
}

#[tokio::test]
async fn an_unknown_interface_is_refused_in_ironics_words_once_until_it_is_corrected() {
    let world = World::new("bad-interface").await;
    world
        .apply_node("a", &json!({"interfaces": {"deploy": "telepathy"}}))
        .await;
    let node = world.condition("a", "Stalled", "True", "Rejected").await;
    let said = message(&node, "Ready");
    assert!(said.contains("telepathy") && said.contains("deploy"), "{said}");
    // Other work goes on meanwhile, and the refused request is not made again.
    world
        .apply_node("b", &json!({"provision": {"state": "available"}}))
        .await;
    world.ready("b", "Available").await;
    let mine = world.bodies("POST", "/v1/nodes").into_iter();
    assert_eq!(
        mine.filter(|body| body["deploy_interface"] == "telepathy")
            .count(),
        1
    );
    world
        .edit("a", &json!({"interfaces": {"deploy": "direct"}}))
        .await;
    world.ready("a", "Enrolled").await;
    assert_eq!(world.live("a").await.unwrap()["deploy_interface"], "direct");
}

/// Deletes the Secret `clouds`, which nothing holds; the cloud says that it is missing.
async fn remove_the_secret(world: &World) {
    world
        .secrets()
        .delete("clouds", &kube::api::DeleteParams::default())
        .await
        .unwrap();
    wait::until("the Secret to go", LIMIT, async || {
        Ok(world.secrets().get_opt("clouds").await?.is_none().then_some(()))
    })
    .await
    .unwrap();
    let cloud = world
        .cloud_condition("lab", "Reconciling", "True", "SecretMissing")
        .await;
    assert!(cloud_message(&cloud, "Ready").contains("Secret clouds does not exist"));
}

#[tokio::test]
async fn wrong_credentials_stall_the_cloud_until_the_secret_is_corrected() {
    let mut world = World::before(stack().await, &guarded().await.endpoint(), "bad-credentials").await;
    world
        .secret(
            "clouds",
            &json!({"clouds.yaml": clouds_yaml(&world, "wrong-f00d")}),
        )
        .await;
    world.apply(&lab_from_secret()).await.unwrap();
    world
        .apply_node("a", &json!({"provision": {"state": "available"}}))
        .await;
    world.start_operator().await;
    let cloud = world
        .cloud_condition("lab", "Stalled", "True", "Unauthorized")
        .await;
    let said = cloud_message(&cloud, "Ready");
    assert!(
        said.contains("refuses the credentials") && said.contains(USER),
        "{said}"
    );
    let node = world
        .condition("a", "Reconciling", "True", "CloudUnavailable")
        .await;
    assert!(message(&node, "Ready").contains("BareMetalCloud lab"));
    // The pauses are 1, 2, 4, 8 s and then always 15.
    let waited = more_requests(&world.proxy, 4).await;
    assert!(waited > Duration::from_secs(3), "four requests within {waited:?}");
    assert_eq!(world.mutations(), Vec::<String>::new());

    let began = Instant::now();
    world
        .secret("clouds", &json!({"clouds.yaml": clouds_yaml(&world, PASSWORD)}))
        .await;
    world.cloud_condition("lab", "Ready", "True", "Observed").await;
    assert!(began.elapsed() < SOON, "{:?}", began.elapsed());
    world.ready("a", "Available").await;
    let log = std::fs::read_to_string(world.operator().process().log()).unwrap();
    assert!(!log.contains(PASSWORD) && !log.contains("wrong-f00d"));

    // The whole way back, even if the Secret goes first: what was read of it serves until the last node is gone.
    remove_the_secret(&world).await;
    world.delete("a").await;
    world
        .clouds
        .delete("lab", &kube::api::DeleteParams::default())
        .await
        .unwrap();
    world.gone("a").await;
    wait::until("the cloud to go", LIMIT, async || {
        Ok(world.clouds.get_opt("lab").await?.is_none().then_some(()))
    })
    .await
    .unwrap();
}

#[tokio::test]
async fn a_clouds_yaml_that_cannot_be_used_says_why_until_it_is_corrected() {
    let mut world = World::before(stack().await, &guarded().await.endpoint(), "bad-clouds-yaml").await;
    world.apply(&lab_from_secret()).await.unwrap();
    world.start_operator().await;
    let cloud = world
        .cloud_condition("lab", "Reconciling", "True", "SecretMissing")
        .await;
    assert!(cloud_message(&cloud, "Ready").contains("Secret clouds does not exist"));
    world.secret("clouds", &json!({"openrc": "x"})).await;
    let cloud = world
        .cloud_condition("lab", "Reconciling", "True", "SecretKeyMissing")
        .await;
    assert!(cloud_message(&cloud, "Ready").contains("no key clouds.yaml"));

    let good = clouds_yaml(&world, PASSWORD);
    let with_file = format!("{good}    cacert: /etc/passwd\n");
    let table = [
        ("clouds: [not, a, map".to_owned(), "not a clouds.yaml"),
        (
            good.replace("  lab:", "  production:"),
            "no cloud lab in it; it has production",
        ),
        (with_file, "cacert names a file that is not there"),
        (
            good.replace("auth_type: http_basic", "auth_type: v3kerberos"),
            "v3kerberos is not supported",
        ),
        (
            good.replace("username", "user"),
            "needs auth.username and auth.password",
        ),
        (
            good.replace("endpoint: http", "endpoint: gopher"),
            "not an http or https URL",
        ),
    ];
    for (file, words) in table {
        world.secret("clouds", &json!({"clouds.yaml": file})).await;
        let told = wait::until(words, LIMIT, async || {
            let cloud = world.clouds.get("lab").await?;
            Ok(cloud_message(&cloud, "Stalled").contains(words).then_some(cloud))
        });
        let cloud = told.await.unwrap_or_else(|error| panic!("{error:#}\n{file}"));
        assert!(!cloud_message(&cloud, "Ready").contains(PASSWORD));
    }
    assert_eq!(
        world.proxy.log().len(),
        0,
        "nobody is asked with settings that cannot work"
    );

    world.secret("clouds", &json!({"clouds.yaml": good})).await;
    world.cloud_condition("lab", "Ready", "True", "Observed").await;
}

#[tokio::test]
async fn an_address_where_nobody_listens_is_told_and_asked_ever_less_often() {
    // A port that was free a moment ago, behind a proxy that counts.
    let nobody = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let mut world = World::before(stack().await, &format!("http://{nobody}"), "bad-address").await;
    world.apply(&world.lab()).await.unwrap();
    world.apply_node("a", &json!({})).await;
    world.start_operator().await;
    let cloud = world
        .cloud_condition("lab", "Reconciling", "True", "CloudUnavailable")
        .await;
    assert!(cloud_message(&cloud, "Ready").contains("gives no usable answer"));
    world
        .condition("a", "Reconciling", "True", "CloudUnavailable")
        .await;
    // Each look is four tries in quick succession, with pauses of 1, 2, 4, 8 s and then always 15 between looks.
    let waited = more_requests(&world.proxy, 10).await;
    assert!(waited > Duration::from_secs(3), "ten requests within {waited:?}");

    // Directly at a closed port it is the same, in the system's words.
    let mut lab = world.lab();
    lab["spec"]["endpoint"] = json!(format!("http://{nobody}"));
    world.apply(&lab).await.unwrap();
    let refused = wait::until("the refusal", LIMIT, async || {
        let cloud = world.clouds.get("lab").await?;
        Ok(cloud_message(&cloud, "Ready").contains("refused").then_some(()))
    });
    refused.await.unwrap();
    let began = Instant::now();
    lab["spec"]["endpoint"] = json!(world.stack.ironic.endpoint());
    world.apply(&lab).await.unwrap();
    world.cloud_condition("lab", "Ready", "True", "Observed").await;
    assert!(began.elapsed() < SOON, "{:?}", began.elapsed());
    world.ready("a", "Enrolled").await;
}

#[tokio::test]
async fn something_else_at_the_address_is_no_ironic() {
    let mut world = World::empty("bad-html").await;
    let page = Answer {
        status: 200,
        headers: vec![("Content-Type".to_owned(), "text/html".to_owned())],
        body: "<html><body>Welcome to nginx!</body></html>".into(),
    };
    let rule = world.proxy.when_request(|_| true).then(Action::Answer(page));
    world.apply(&world.lab()).await.unwrap();
    world.apply_node("a", &json!({})).await;
    world.start_operator().await;
    let cloud = world
        .cloud_condition("lab", "Reconciling", "True", "CloudUnavailable")
        .await;
    let said = cloud_message(&cloud, "Ready");
    assert!(said.contains("makes no sense"), "{said}");
    world
        .condition("a", "Reconciling", "True", "CloudUnavailable")
        .await;
    let waited = more_requests(&world.proxy, 4).await;
    assert!(waited > Duration::from_secs(3), "four requests within {waited:?}");
    assert_eq!(world.mutations(), Vec::<String>::new());
    world.proxy.remove(rule);
    world.cloud_condition("lab", "Ready", "True", "Observed").await;
    world.ready("a", "Enrolled").await;
}

#[tokio::test]
async fn an_outage_costs_the_machines_nothing_and_work_goes_on_after_it() {
    let world = World::new("bad-outage").await;
    world.apply_node("a", &json!({})).await;
    let before = world.ready("a", "Enrolled").await;
    let busy = Answer::ironic_error(503, "Service temporarily unavailable");
    let rule = world.proxy.when_request(|_| true).then(Action::Answer(busy));
    world
        .edit("a", &json!({"provision": {"state": "available"}}))
        .await;
    let cloud = world
        .cloud_condition("lab", "Reconciling", "True", "CloudUnavailable")
        .await;
    assert!(cloud_message(&cloud, "Ready").contains("Service temporarily unavailable"));
    let node = world
        .wait("a", "not Ready for the new generation", |node| {
            let status = node.status.as_ref().unwrap();
            status.observed_generation == node.metadata.generation && status.conditions[0].status != "True"
        })
        .await;
    assert_ne!(node.metadata.generation, before.metadata.generation);
    let waited = more_requests(&world.proxy, 10).await;
    assert!(waited > Duration::from_secs(3), "ten requests within {waited:?}");
    // The message may tell another request each time, so that only the object itself is left alone.
    let during = world.nodes.get("a").await.unwrap();
    world.proxy.remove(rule);
    assert_eq!(during.metadata.resource_version, node.metadata.resource_version);
    world.ready("a", "Available").await;
    world.cloud_condition("lab", "Ready", "True", "Observed").await;
    assert_eq!((world.count_verb("manage"), world.count_verb("provide")), (1, 1));
}

#[tokio::test]
async fn a_directory_of_manifests_works_in_any_order() {
    let mut world = World::empty("bad-order").await;
    world.start_operator().await;
    let spec = json!({"driverInfoFrom": [{"secretRef": {"name": "bmc"}}]});
    world.apply_node("a", &spec).await;
    let node = world.condition("a", "Reconciling", "True", "CloudMissing").await;
    assert!(message(&node, "Ready").contains("BareMetalCloud lab does not exist"));
    let began = Instant::now();
    world.apply(&world.lab()).await.unwrap();
    world.condition("a", "Reconciling", "True", "SecretMissing").await;
    assert!(began.elapsed() < SOON, "{:?}", began.elapsed());
    world.secret("bmc", &json!({"fake_password": "x"})).await;
    world.ready("a", "Enrolled").await;
}
