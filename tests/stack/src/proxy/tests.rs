//! Each kind of rule against a real server on the other side.

use std::net::TcpStream as Plain;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use axum::Router;
use axum::extract::{Request, State};
use std::io::{Read, Write};

use super::*;
use crate::http_client;

/// Echoes what it got; counts.
async fn upstream() -> (String, Arc<AtomicUsize>) {
    async fn echo(State(count): State<Arc<AtomicUsize>>, request: Request) -> String {
        count.fetch_add(1, Ordering::SeqCst);
        let (parts, body) = request.into_parts();
        let body = axum::body::to_bytes(body, usize::MAX).await.unwrap();
        let host = parts.headers.get("host").unwrap().to_str().unwrap();
        format!(
            "{} {} at {host}: {}",
            parts.method,
            parts.uri,
            String::from_utf8_lossy(&body)
        )
    }
    let count = Arc::new(AtomicUsize::new(0));
    let app = Router::new().fallback(echo).with_state(Arc::clone(&count));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
    (url, count)
}

struct Bench {
    proxy: Proxy,
    hits: Arc<AtomicUsize>,
}

impl Bench {
    async fn new() -> Self {
        let (url, hits) = upstream().await;
        Self {
            proxy: Proxy::start(&url).await.unwrap(),
            hits,
        }
    }

    async fn get(&self, path: &str) -> reqwest::Result<reqwest::Response> {
        http_client()
            .unwrap()
            .get(format!("{}{path}", self.proxy.endpoint()))
            .send()
            .await
    }

    fn hits(&self) -> usize {
        self.hits.load(Ordering::SeqCst)
    }

    /// All that comes back on a connection of its own, until the other side closes it.
    async fn raw(&self, path: &str) -> String {
        let request = format!("GET {path} HTTP/1.1\r\nHost: somewhere\r\n\r\n");
        let port = self.proxy.port;
        let talk = move || {
            let mut stream = Plain::connect((Ipv4Addr::LOCALHOST, port)).unwrap();
            stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
            stream.write_all(request.as_bytes()).unwrap();
            let mut answer = String::new();
            stream.read_to_string(&mut answer).unwrap();
            answer
        };
        tokio::task::spawn_blocking(talk).await.unwrap()
    }
}

#[tokio::test]
async fn without_rules_requests_pass_unchanged_and_are_noted() {
    let bench = Bench::new().await;
    let url = format!("{}/v1/nodes?limit=3", bench.proxy.endpoint());
    let client = http_client().unwrap();
    let answer = client
        .post(url)
        .header("Host", "ironic.example")
        .body("words")
        .send()
        .await
        .unwrap();
    assert_eq!(
        answer.text().await.unwrap(),
        "POST /v1/nodes?limit=3 at ironic.example: words"
    );
    let [entry] = bench.proxy.log().try_into().unwrap();
    assert_eq!((entry.seq, entry.status, entry.rule), (1, Some(200), None));
    assert_eq!(entry.answered, Some(200));
    assert_eq!(
        (entry.seen.method.as_str(), entry.seen.path.as_str()),
        ("POST", "/v1/nodes")
    );
    assert_eq!(
        (entry.seen.query.as_str(), &entry.seen.body[..]),
        ("limit=3", &b"words"[..])
    );
    assert!(entry.duration.is_some());
    bench.proxy.clear_log();
    assert!(bench.proxy.log().is_empty());
}

#[tokio::test]
async fn large_bodies_pass_whole_and_are_noted_in_part() {
    let bench = Bench::new().await;
    let body = "x".repeat(3_000_000);
    let answer = http_client()
        .unwrap()
        .put(bench.proxy.endpoint())
        .body(body)
        .send()
        .await
        .unwrap();
    assert!(answer.text().await.unwrap().len() > 3_000_000);
    assert_eq!(bench.proxy.log()[0].seen.body.len(), 256 * 1024);
}

#[tokio::test]
async fn routes_match_segment_by_segment() {
    let bench = Bench::new().await;
    for path in [
        "/v1/nodes",
        "/v1/nodes/",
        "/v1/nodes/a",
        "/v1/nodes/a/states/provision",
    ] {
        bench.get(path).await.unwrap();
    }
    assert_eq!(bench.proxy.count("GET", "/v1/nodes"), 2);
    assert_eq!(bench.proxy.count("GET", "/v1/nodes/{}"), 1);
    assert_eq!(bench.proxy.count("*", "/v1/nodes/{}/states/provision"), 1);
    assert_eq!(bench.proxy.count("PUT", "/v1/nodes/{}/states/provision"), 0);
}

#[tokio::test]
async fn drop_before_closes_the_connection_and_the_server_sees_nothing() {
    let bench = Bench::new().await;
    let rule = bench.proxy.when("GET", "/v1/nodes").then(Action::DropBefore);
    assert_eq!(bench.raw("/v1/nodes").await, "", "closed without a byte");
    assert!(bench.get("/v1/nodes").await.is_err());
    assert_eq!(bench.hits(), 0);
    assert_eq!(bench.proxy.count("GET", "/v1/nodes"), 2);
    assert_eq!(
        (bench.proxy.log()[0].status, bench.proxy.log()[0].rule),
        (None, Some(rule))
    );
    bench.proxy.remove(rule);
    assert!(bench.get("/v1/nodes").await.is_ok());
}

#[tokio::test]
async fn drop_after_closes_the_connection_when_the_server_has_acted() {
    let bench = Bench::new().await;
    bench.proxy.when("GET", "/v1/nodes").then(Action::DropAfter);
    assert_eq!(bench.raw("/v1/nodes").await, "", "closed without a byte");
    assert_eq!(bench.hits(), 1);
    let [entry] = bench.proxy.log().try_into().unwrap();
    assert_eq!((entry.answered, entry.status), (Some(200), None));
}

#[tokio::test]
async fn what_is_done_on_arrival_is_done_when_the_other_side_has_the_answer() {
    let bench = Bench::new().await;
    let (told, done) = tokio::sync::oneshot::channel();
    let told = std::sync::Mutex::new(Some(told));
    let callback = Callback::new(move |entry: Entry| {
        let _ = told.lock().unwrap().take().unwrap().send(entry.seen.path);
        std::future::ready(())
    });
    bench
        .proxy
        .when("GET", "/arrival")
        .then(Action::CallOnArrival(callback));
    let answer = bench.get("/arrival").await.unwrap();
    assert_eq!(answer.headers()["connection"], "close");
    assert!(answer.text().await.unwrap().starts_with("GET /arrival"));
    assert_eq!(done.await.unwrap(), "/arrival");
    assert_eq!(bench.proxy.log()[0].status, Some(200));
}

#[tokio::test]
async fn an_answer_is_edited_and_what_is_no_json_is_dropped() {
    async fn rows() -> &'static str {
        r#"{"nodes": [1]}"#
    }
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let app = Router::new().route("/rows", axum::routing::get(rows));
    tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
    let proxy = Proxy::start(&url).await.unwrap();
    let edit = Edit::new(|body| body["next"] = "elsewhere".into());
    proxy.when_request(|_| true).then(Action::Edit(edit));
    let get = |path: &str| http_client().unwrap().get(format!("{}{path}", proxy.endpoint()));
    let body: serde_json::Value = get("/rows").send().await.unwrap().json().await.unwrap();
    assert_eq!(body, serde_json::json!({"nodes": [1], "next": "elsewhere"}));
    assert!(get("/no-such-page").send().await.is_err());
}

#[tokio::test]
async fn truncate_gives_half_an_answer() {
    let bench = Bench::new().await;
    bench.proxy.when("GET", "/v1/nodes").nth(1).then(Action::Truncate);
    let answer = bench.raw("/v1/nodes").await;
    assert!(answer.starts_with("HTTP/1.1 200 OK"), "{answer}");
    assert!(answer.ends_with("GET /v1/nodes "), "{answer}");
    bench.proxy.when("GET", "/v1/nodes").nth(1).then(Action::Truncate);
    assert!(bench.get("/v1/nodes").await.unwrap().text().await.is_err());
}

#[tokio::test]
async fn an_answer_of_its_own_never_reaches_the_server() {
    let bench = Bench::new().await;
    let mut answer = Answer::ironic_error(503, "no worker");
    answer.headers.push(("Retry-After".to_owned(), "1".to_owned()));
    bench.proxy.when("*", "/v1/nodes").then(Action::Answer(answer));
    let response = bench.get("/v1/nodes").await.unwrap();
    assert_eq!(response.status(), 503);
    assert_eq!(response.headers()["retry-after"], "1");
    assert!(
        response
            .text()
            .await
            .unwrap()
            .contains(r#"\"faultstring\":\"no worker\""#)
    );
    assert_eq!((bench.hits(), bench.proxy.log()[0].status), (0, Some(503)));
}

#[tokio::test]
async fn a_delay_delays() {
    let bench = Bench::new().await;
    let time = Duration::from_millis(200);
    bench.proxy.when("GET", "/v1/nodes").then(Action::Delay(time));
    let started = Instant::now();
    bench.get("/v1/nodes").await.unwrap();
    assert!(started.elapsed() >= time);
    assert!(bench.proxy.log()[0].duration.unwrap() >= time);
}

#[tokio::test]
async fn callbacks_come_before_and_after_the_server_acts() {
    let bench = Bench::new().await;
    let hits_then = Arc::new(std::sync::Mutex::new(Vec::new()));
    let note = || {
        let (hits, then) = (Arc::clone(&bench.hits), Arc::clone(&hits_then));
        Callback::new(move |entry: Entry| {
            then.lock()
                .unwrap()
                .push((entry.seen.path, hits.load(Ordering::SeqCst)));
            std::future::ready(())
        })
    };
    bench
        .proxy
        .when("GET", "/before")
        .then(Action::CallBefore(note()));
    bench.proxy.when("GET", "/after").then(Action::CallAfter(note()));
    bench.get("/before").await.unwrap();
    bench.get("/after").await.unwrap();
    assert_eq!(
        *hits_then.lock().unwrap(),
        [("/before".to_owned(), 0), ("/after".to_owned(), 2)]
    );
}

#[tokio::test]
async fn rules_count_and_the_first_that_wants_a_request_gets_it() {
    let bench = Bench::new().await;
    let answer = |status| {
        Action::Answer(Answer {
            status,
            ..Answer::default()
        })
    };
    bench.proxy.when("GET", "/a").nth(2).then(Action::PassOn);
    bench.proxy.when("GET", "/a").from(2).times(3).then(answer(500));
    bench.proxy.when("GET", "/a").from(6).then(answer(501));
    bench
        .proxy
        .when_request(|seen| seen.query == "x=1")
        .always()
        .then(answer(502));
    let mut found = Vec::new();
    for path in ["/a", "/a", "/a", "/a", "/a", "/a", "/a?x=1", "/b?x=1"] {
        found.push(bench.get(path).await.unwrap().status().as_u16());
    }
    assert_eq!(found, [200, 200, 500, 500, 200, 501, 501, 502]);
    bench.proxy.clear_rules();
    assert_eq!(bench.get("/b?x=1").await.unwrap().status(), 200);
}

#[tokio::test]
async fn a_server_that_is_gone_closes_the_connection() {
    let nobody = crate::ports::Port::reserve().unwrap();
    let proxy = Proxy::start(&format!("http://127.0.0.1:{}", nobody.number()))
        .await
        .unwrap();
    assert!(http_client().unwrap().get(proxy.endpoint()).send().await.is_err());
    assert_eq!(proxy.log()[0].status, None);
    assert!(Proxy::start("https://127.0.0.1:1/v1").await.is_err());
}
