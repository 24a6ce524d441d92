//! Bad clouds beside a good one: what hangs, floods, lies or leads elsewhere holds up nobody but its own nodes.

#![cfg(test)]

use std::time::{Duration, Instant};

use ironwright_stack::proxy::{Action, Entry};
use ironwright_stack::{Proxy, wait};
use kube::api::ListParams;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::harness::{LIMIT, World, manifest, stack, status};
use crate::sight::cloud_message;
use crate::stage::heavy;

/// An edit of a healthy node is in Ironic within 2 s, whatever its neighbours do; the rest is for a busy machine. Who waits for one of
/// their calls waits for 30 s.
const SOON: Duration = Duration::from_secs(20);

/// What a stranger says that is no business of anybody.
const SECRET: &str = "postgres://root:hunter2@db";

/// What the operator may use of memory meanwhile, MiB.
const MEMORY: f64 = 128.0;

/// Longer than any test.
const NEVER: Duration = Duration::from_mins(30);

/// How a server answers what is not the question for its version.
#[derive(Clone, Copy, Debug)]
enum Bad {
    /// Not at all.
    Hangs,
    /// Without end.
    Streams,
    /// Ever new pages.
    Pages,
    /// With a long error that is not Ironic's.
    Fails,
    /// By sending others elsewhere.
    Redirects,
    /// Half.
    Breaks,
}

const ALL: &[Bad] = &[
    Bad::Hangs,
    Bad::Streams,
    Bad::Pages,
    Bad::Fails,
    Bad::Redirects,
    Bad::Breaks,
];

impl Bad {
    fn name(self) -> String {
        format!("{self:?}").to_lowercase()
    }

    /// Starts one; its endpoint.
    async fn start(self) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move {
            while let Ok((peer, _)) = listener.accept().await {
                // Whoever asked has had enough.
                tokio::spawn(async move { drop(self.answer(peer).await) });
            }
        });
        endpoint
    }

    async fn answer(self, mut peer: TcpStream) -> std::io::Result<()> {
        let mut request = vec![0; 16 * 1024];
        let mut page = 0;
        loop {
            let read = peer.read(&mut request).await?;
            if read == 0 {
                return Ok(());
            }
            let line = String::from_utf8_lossy(&request[..read]).into_owned();
            let path = line.split(' ').nth(1).unwrap_or_default();
            let path = path.split('?').next().unwrap_or_default();
            if path == "/v1" {
                let version = json!({"version": {"min_version": "1.1", "version": "1.95"}});
                say(&mut peer, 200, "", &version.to_string()).await?;
            } else if path == "/v1/drivers" {
                say(&mut peer, 200, "", r#"{"drivers": []}"#).await?;
            } else {
                page += 1;
                self.answer_badly(&mut peer, page).await?;
            }
        }
    }

    async fn answer_badly(self, peer: &mut TcpStream, page: usize) -> std::io::Result<()> {
        match self {
            Bad::Hangs => tokio::time::sleep(NEVER).await,
            Bad::Streams => {
                peer.write_all(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n\r\n")
                    .await?;
                loop {
                    peer.write_all(&vec![b' '; 64 * 1024]).await?;
                }
            }
            Bad::Pages => {
                let row = |row: u32| json!({"uuid": uuid::Uuid::new_v4(), "name": format!("n{row}"), "extra": {"x": "y".repeat(2000)}});
                let rows: Vec<_> = (0..1000).map(row).collect();
                let body = json!({"nodes": rows, "next": format!("/v1/nodes?marker={page}-{}", uuid::Uuid::new_v4())});
                say(peer, 200, "", &body.to_string()).await?;
            }
            Bad::Fails => say(peer, 500, "", &SECRET.repeat(200_000)).await?,
            Bad::Redirects => {
                say(
                    peer,
                    302,
                    &format!("location: http://127.0.0.2/{SECRET}\r\n"),
                    SECRET,
                )
                .await?;
            }
            Bad::Breaks => {
                peer.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 9999\r\n\r\n{\"nodes\": [")
                    .await?;
                peer.shutdown().await?;
            }
        }
        Ok(())
    }
}

async fn say(peer: &mut TcpStream, status: u16, headers: &str, body: &str) -> std::io::Result<()> {
    let length = body.len();
    let head = format!("HTTP/1.1 {status} Said\r\ncontent-length: {length}\r\n{headers}\r\n");
    peer.write_all(head.as_bytes()).await?;
    peer.write_all(body.as_bytes()).await
}

impl World {
    async fn cloud(&self, name: &str, endpoint: &str) {
        let cloud = json!({
            "apiVersion": "ironwright.dev/v1alpha1", "kind": "BareMetalCloud", "metadata": {"name": name},
            "spec": {"endpoint": endpoint},
        });
        self.apply(&cloud).await.expect("the cloud is accepted");
    }

    async fn node_on(&self, cloud: &str, name: &str) {
        let node = manifest(
            name,
            &json!({"cloudRef": {"name": cloud}, "deletionPolicy": "Detach"}),
        );
        self.apply(&node).await.expect("the node is accepted");
    }

    /// Edits the healthy node once and sees how long it takes to act on it, and how much memory that takes.
    async fn edit_soon(&self, round: usize) {
        let began = Instant::now();
        self.edit("healthy", &json!({"extra": {"round": round}})).await;
        let wanted = format!("\"value\":{round}");
        let is_it = move |entry: &Entry| {
            let body = String::from_utf8_lossy(&entry.seen.body).replace(": ", ":");
            entry.seen.method == "PATCH" && body.contains(&wanted)
        };
        let took = self.took(began, is_it).await;
        assert!(took < SOON, "round {round}: {took:?}");
        let memory = self.operator().rss_mib().unwrap();
        assert!(memory < MEMORY, "round {round}: {memory} MiB");
    }

    async fn message_of(&self, cloud: &str) -> String {
        cloud_message(&self.clouds.get(cloud).await.unwrap(), "Ready")
    }
}

#[tokio::test]
async fn clouds_that_hang_flood_or_lie_hold_up_nobody_else() {
    let _heavy = heavy().await;
    let mut world = World::new("bad-clouds").await;
    world.apply_node("healthy", &json!({"extra": {"round": 0}})).await;
    world.ready("healthy", "Enrolled").await;
    for bad in ALL.iter().copied() {
        world.cloud(&bad.name(), &bad.start().await).await;
        for number in 0..5 {
            world
                .node_on(&bad.name(), &format!("{}-{number}", bad.name()))
                .await;
        }
    }
    let mut round = 0;
    let mut told = vec![];
    let began = Instant::now();
    // Until every one of them has been told, which for the slowest is the time of a call.
    while told.len() < ALL.len() {
        assert!(began.elapsed() < LIMIT * 2, "told are {told:?} only");
        round += 1;
        world.edit_soon(round).await;
        for bad in ALL
            .iter()
            .copied()
            .filter(|bad| !told.contains(&bad.name()))
            .collect::<Vec<_>>()
        {
            let said = world.message_of(&bad.name()).await;
            if said.contains("gives no usable answer") {
                assert!(!said.contains("hunter2"), "{bad:?}: {said}");
                told.push(bad.name());
            }
        }
    }
    for (bad, words) in [
        (Bad::Streams, "is longer than"),
        (Bad::Fails, "status 500, is not Ironic's"),
        (Bad::Redirects, "redirected elsewhere"),
        (Bad::Breaks, "broke off"),
    ] {
        let said = world.message_of(&bad.name()).await;
        assert!(said.contains(words), "{bad:?}: {said}");
    }
    // An operator that starts among them is no worse off.
    world.restart_operator(false).await;
    for _ in 0..5 {
        round += 1;
        world.edit_soon(round).await;
    }
    let nodes = world.nodes.list(&ListParams::default()).await.unwrap();
    let all = serde_json::to_string(&nodes).unwrap();
    let log = std::fs::read_to_string(world.operator().process().log()).unwrap();
    assert!(!all.contains("hunter2") && !log.contains("hunter2"));
}

/// Nobody else waits for three hundred machines whose creation Ironic does not answer; nor does the operator ask three hundred times.
#[tokio::test]
async fn three_hundred_nodes_on_a_cloud_whose_writes_hang_hold_up_nobody_else() {
    let _heavy = heavy().await;
    let own = stack().await.with_own_ironic("bad-writes").await.unwrap();
    let stuck = Proxy::start(&own.ironic.endpoint()).await.unwrap();
    let rule = stuck
        .when_request(|seen| seen.method != "GET")
        .then(Action::Delay(NEVER));
    let world = World::new("bad-writes").await;
    world.apply_node("healthy", &json!({"extra": {"round": 0}})).await;
    world.ready("healthy", "Enrolled").await;
    world.cloud("stuck", &stuck.endpoint()).await;
    world.cloud_condition("stuck", "Ready", "True", "Observed").await;
    let names: Vec<_> = (0..300).map(|number| format!("n{number:03}")).collect();
    futures::future::join_all(names.iter().map(|name| world.node_on("stuck", name))).await;
    let began = Instant::now();
    let mut round = 0;
    loop {
        round += 1;
        world.edit_soon(round).await;
        if world.message_of("stuck").await.contains("not written to for now") {
            break;
        }
        assert!(began.elapsed() < LIMIT, "the cloud does not say so");
    }
    let metrics = world.operator().metrics().await.unwrap();
    assert!(metrics.contains("ironwright_writes_suspended 1"), "{metrics}");
    let sent = stuck.count("POST", "/v1/nodes");
    assert!(
        sent <= 20,
        "{sent} of 300 were sent before it was clear that there is no answer"
    );
    let told = wait::until("the nodes say so", LIMIT * 2, async || {
        let nodes = world.nodes.list(&ListParams::default()).await?;
        let says = |node: &&ironwright::api::BareMetalNode| {
            crate::harness::message(node, "Ready").contains("nothing is written to this Ironic for now")
        };
        Ok((nodes.items.iter().filter(says).count() > 250).then_some(()))
    });
    told.await.unwrap();
    for _ in 0..5 {
        round += 1;
        world.edit_soon(round).await;
    }
    stuck.remove(rule);
    // A write that got no answer is given up after half a minute, and the next one may be a minute later.
    let first = wait::until("one of them is enrolled", LIMIT * 2, async || {
        let nodes = world.nodes.list(&ListParams::default()).await?;
        let enrolled = |node: &ironwright::api::BareMetalNode| {
            node.status.as_ref().is_some_and(|status| status.id.is_some())
        };
        Ok((nodes.items.iter().filter(|node| enrolled(node)).count() > 1).then_some(()))
    });
    first.await.unwrap();
    world.cloud_condition("stuck", "Ready", "True", "Observed").await;
}

#[tokio::test]
async fn an_address_that_is_not_allowed_is_told_and_never_asked() {
    let mut world = World::empty("bad-reach").await;
    let mut options = world.operator_options().await.unwrap();
    options
        .env
        .push(("IRONWRIGHT_ALLOW_ENDPOINTS".to_owned(), String::new()));
    let operator = ironwright_stack::Operator::start(&world.stack.run, &options)
        .await
        .unwrap();
    world.operator = Some(operator);
    let here = world.proxy.endpoint();
    let apiserver = format!("https://localhost:{}", 443);
    for (name, endpoint) in [
        ("address", here.clone()),
        ("name", here.replace("127.0.0.1", "localhost")),
        ("link", "http://169.254.169.254".to_owned()),
        ("other", apiserver),
    ] {
        world.cloud(name, &endpoint).await;
        world.node_on(name, &format!("on-{name}")).await;
    }
    for name in ["address", "name", "link", "other"] {
        let cloud = world
            .cloud_condition(name, "Stalled", "True", "EndpointNotAllowed")
            .await;
        let said = cloud_message(&cloud, "Ready");
        assert!(said.contains("--allow-endpoints"), "{said}");
        world
            .condition(&format!("on-{name}"), "Reconciling", "True", "CloudUnavailable")
            .await;
    }
    assert_eq!(world.proxy.log().len(), 0);
}

#[tokio::test]
async fn however_an_address_is_written_it_is_one_ironic() {
    let mut world = World::empty("bad-spelling").await;
    let here = world.proxy.endpoint();
    for (number, endpoint) in [
        here.clone(),
        format!("{here}/"),
        format!("{here}/v1"),
        format!("{here}/v1/"),
    ]
    .iter()
    .enumerate()
    {
        world.cloud(&format!("c{number}"), endpoint).await;
    }
    world.start_operator().await;
    let mut identities = vec![];
    for number in 0..4 {
        let cloud = world
            .cloud_condition(&format!("c{number}"), "Ready", "True", "Observed")
            .await;
        identities.push(cloud.status.unwrap().identity.unwrap());
    }
    identities.dedup();
    assert_eq!(identities, [here]);
    assert_eq!(world.proxy.count("GET", "/v1"), 1, "one session");
}

/// Numbers that some of those who handle them write in another way.
const NUMBERS: &str = r#"{
    "fraction": 9.93000620394385e-14, "third": 0.30000000000000004, "one": 1.0, "thousand": 1e3, "nothing": -0.0, "minus": -0,
    "wide": 9007199254740993, "signed": 9223372036854775807, "beyond": 18446744073709551616, "above": 9223372036854775808,
    "large": 1e22, "larger": 1.7976931348623157e308, "small": 5e-324, "deep": {"list": [1.0, [2.50, {"x": 1e-7}]]}
}"#;

#[tokio::test]
async fn no_number_is_written_again_and_again() {
    let mut world = World::empty("bad-numbers").await;
    let mut lab = world.lab();
    lab["spec"]["intervals"] = json!({"sweepSeconds": 5, "quietSeconds": 2});
    world.apply(&lab).await.unwrap();
    world.start_operator().await;
    let numbers: Value = serde_json::from_str(NUMBERS).unwrap();
    let spec = json!({"extra": numbers, "properties": numbers, "driverInfo": {"numbers": numbers}});
    world.apply_node("a", &spec).await;
    let node = world.ready("a", "Enrolled").await;
    let id = status(&node).id.clone().unwrap();
    // Ironic's node as it is, and once more by an edit that says the same.
    for step in ["as it was created", "written by a PATCH", "said otherwise"] {
        let live = world.live_by_id(&id).await.unwrap();
        let stored = world.nodes.get("a").await.unwrap();
        for (key, value) in &stored.spec.extra.clone().unwrap().0 {
            let said = ironwright::ironic::model::same(value, &live["extra"][key]);
            assert!(said, "{step}: {key} is {value} and {}", live["extra"][key]);
        }
        let writes = world.mutations().len();
        world.lists(6).await;
        assert_eq!(
            world.mutations().len(),
            writes,
            "{step}: {:#?}",
            world.mutations()
        );
        let next = match step {
            "as it was created" => json!({"again": numbers}),
            _ => json!({"one": 1, "thousand": 1000.0}),
        };
        world.edit("a", &json!({"extra": next})).await;
        world.ready("a", "Enrolled").await;
    }
    let drifted = crate::harness::condition(&world.nodes.get("a").await.unwrap(), "Drifted")
        .map(|(is, ..)| is.to_owned());
    assert_ne!(drifted.as_deref(), Some("True"));
}
