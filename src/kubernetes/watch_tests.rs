//! Tests of the watches: events as kube's watcher produces them, and use in a `Controller`.

use futures::{FutureExt, StreamExt};
use k8s_openapi::api::core::v1::{ConfigMap, Secret};
use kube::client::ClientBuilder;
use kube::core::{PartialObjectMeta, Status};
use kube::runtime::controller::{Action, Controller};
use kube::runtime::reflector::ObjectRef;
use kube::runtime::watcher::{self, Event};
use kube::{Api, Client, Config, ResourceExt};
use serde_json::{Value, json};
use wiremock::matchers::{any, query_param};
use wiremock::{Mock, MockServer, ResponseTemplate};

use super::{
    Decoded, Item, Patience, Reflection, Scope, Synced, Troubles, decoded, metadata, objects, words,
};
use crate::kubernetes::bounds::Bounding;
use crate::kubernetes::unread::Unread;
use crate::metrics::Metrics;

fn reflection() -> Reflection<ConfigMap> {
    let (store, writer) = kube::runtime::reflector::store();
    let synced = Synced {
        kind: "ConfigMap",
        done: std::sync::Arc::default(),
    };
    let metrics = Metrics::new().unwrap();
    Reflection {
        kind: "ConfigMap",
        writer,
        store,
        synced,
        unread: Unread::default(),
        listed: Vec::new(),
        followers: super::Followers::default(),
        troubles: Troubles::new(Patience::default()),
        metrics,
    }
}

fn object(name: &str, version: &str, data: &Value) -> Decoded<ConfigMap> {
    let metadata = json!({
        "name": name, "namespace": "metal", "resourceVersion": version, "managedFields": [{}],
        "annotations": {"kubectl.kubernetes.io/last-applied-configuration": "{}", "ironwright.dev/kept": "yes"},
    });
    let object = json!({"metadata": metadata, "data": data});
    decoded(serde_json::from_value::<Item<ConfigMap>>(object).unwrap())
}

fn good(name: &str, version: &str) -> Decoded<ConfigMap> {
    object(name, version, &json!({}))
}

fn bad(name: &str, version: &str) -> Decoded<ConfigMap> {
    object(name, version, &json!("hunter2"))
}

/// Applies events and returns the names touched by the last one.
fn after(reflection: &mut Reflection<ConfigMap>, events: Vec<Event<Decoded<ConfigMap>>>) -> Vec<String> {
    let mut touched = Vec::new();
    for event in events {
        touched = reflection
            .take(Ok(event))
            .iter()
            .map(|object| object.name_any())
            .collect();
    }
    touched.sort();
    touched
}

fn list(objects: Vec<Decoded<ConfigMap>>) -> Vec<Event<Decoded<ConfigMap>>> {
    let listed = objects.into_iter().map(Event::InitApply);
    [Event::Init]
        .into_iter()
        .chain(listed)
        .chain([Event::InitDone])
        .collect()
}

fn stored(reflection: &Reflection<ConfigMap>) -> Vec<String> {
    let mut names: Vec<_> = reflection
        .store
        .state()
        .iter()
        .map(|object| object.name_any())
        .collect();
    names.sort();
    names
}

#[test]
fn the_first_list_touches_everything_once_the_store_is_filled() {
    let mut reflection = reflection();
    assert_eq!(
        Synced::missing(std::slice::from_ref(&reflection.synced)),
        ["ConfigMap"]
    );
    assert_eq!(reflection.take(Ok(Event::Init)).len(), 0);
    assert_eq!(reflection.take(Ok(Event::InitApply(good("a", "1")))).len(), 0);
    assert!(!reflection.synced.is_done());
    assert_eq!(after(&mut reflection, vec![Event::InitDone]), ["a"]);
    assert!(reflection.synced.is_done());
    assert_eq!(stored(&reflection), ["a"]);
}

#[test]
fn a_later_list_touches_what_differs_and_what_has_disappeared() {
    let mut reflection = reflection();
    after(
        &mut reflection,
        list(vec![good("same", "1"), good("changed", "2"), good("gone", "3")]),
    );
    let touched = after(
        &mut reflection,
        list(vec![good("same", "1"), good("changed", "4"), good("new", "5")]),
    );
    assert_eq!(touched, ["changed", "gone", "new"]);
    assert_eq!(stored(&reflection), ["changed", "new", "same"]);
}

#[test]
fn single_changes_touch_their_object_and_lose_what_other_tools_keep_on_it() {
    let mut reflection = reflection();
    after(&mut reflection, list(vec![]));
    assert_eq!(after(&mut reflection, vec![Event::Apply(good("a", "1"))]), ["a"]);
    let kept = reflection.store.state();
    assert_eq!(kept[0].metadata.managed_fields, None);
    assert_eq!(
        kept[0].annotations().iter().collect::<Vec<_>>(),
        [(&"ironwright.dev/kept".to_owned(), &"yes".to_owned())]
    );
    assert_eq!(after(&mut reflection, vec![Event::Delete(good("a", "2"))]), ["a"]);
    assert_eq!(stored(&reflection).len(), 0);
}

#[test]
fn an_object_that_cannot_be_used_is_counted_and_kept_apart() {
    let mut reflection = reflection();
    assert_eq!(
        after(&mut reflection, list(vec![good("a", "1"), bad("b", "2")])),
        ["a"]
    );
    assert_eq!(unread(&reflection), ["b"]);
    assert_eq!(after(&mut reflection, vec![Event::Apply(bad("a", "3"))]), ["a"]);
    assert_eq!(stored(&reflection).len(), 0);
    assert_eq!(unread(&reflection), ["a", "b"]);
    assert_eq!(
        after(&mut reflection, vec![Event::Delete(bad("a", "4"))]).len(),
        0
    );
    assert_eq!(unread(&reflection), ["b"]);
    assert_eq!(after(&mut reflection, vec![Event::Apply(good("b", "5"))]), ["b"]);
    assert_eq!(unread(&reflection), Vec::<String>::new());
    after(&mut reflection, vec![Event::Apply(bad("c", "6"))]);
    after(&mut reflection, list(vec![good("d", "7")]));
    assert_eq!(
        unread(&reflection),
        Vec::<String>::new(),
        "it has gone while nobody watched"
    );
    let page = reflection.metrics.encode().unwrap();
    assert!(
        page.contains(r#"ironwright_undecodable_objects_total{kind="ConfigMap"} 3"#),
        "{page}"
    );
}

/// The names of what cannot be used.
fn unread(reflection: &Reflection<ConfigMap>) -> Vec<String> {
    let all = reflection.unread.all();
    let mut names: Vec<_> = all.iter().filter_map(|one| one.metadata.name.clone()).collect();
    names.sort();
    names
}

#[test]
fn what_a_decoder_quotes_is_not_logged() {
    let why = bad("a", "1").unwrap_err().why;
    assert!(why.contains("expected") && !why.contains("hunter2"), "{why}");
    let decoding = kube::Error::SerdeError(serde_json::from_str::<u8>("\"hunter2\"").unwrap_err());
    assert!(!words(&watcher::Error::WatchFailed(decoding)).contains("hunter2"));
    let refused = Status::failure(r#"User "x" cannot list"#, "Forbidden").boxed();
    assert_eq!(
        words(&watcher::Error::InitialListFailed(kube::Error::Api(refused))),
        r#"User "x" cannot list"#
    );
}

#[test]
fn an_attempt_to_list_is_no_success() {
    let mut reflection = reflection();
    reflection.take(Err(watcher::Error::NoResourceVersion));
    reflection.take(Ok(Event::Init));
    assert_eq!(reflection.troubles.failures(), 1);
    reflection.take(Ok(Event::InitDone));
    assert_eq!(reflection.troubles.failures(), 0);
}

/// A client of an address where nobody listens.
fn nowhere() -> Client {
    Client::try_from(Config::new("http://127.0.0.1:9".parse().unwrap())).unwrap()
}

#[tokio::test]
async fn errors_are_counted_and_stay_out_of_the_stream() {
    let metrics = Metrics::new().unwrap();
    let mut watch = objects::<ConfigMap>(Scope::All.api(nowhere()), "ConfigMap", metrics.clone());
    let count = || {
        metrics
            .encode()
            .unwrap()
            .contains(r#"ironwright_watch_errors_total{kind="ConfigMap"} 1"#)
    };
    while !count() {
        assert!(watch.touched.next().now_or_never().is_none());
        tokio::task::yield_now().await;
    }
    assert!(!watch.synced.is_done());
}

/// A client of `server` as the operator has it.
fn bounded(server: &MockServer) -> Client {
    let config = Config::new(server.uri().parse().unwrap());
    ClientBuilder::try_from(config)
        .unwrap()
        .with_layer(&Bounding)
        .build()
}

/// Neither a list nor a restart of the operator, which is a list as well, depends on what is in one object.
#[tokio::test]
async fn one_bad_object_keeps_no_other_out_of_the_store() {
    let object = |name: &str, managed: &str, data: &str| {
        format!(
            r#"{{"metadata":{{"managedFields":{managed},"name":"{name}","namespace":"metal","resourceVersion":"1"}},"data":{data}}}"#
        )
    };
    let deep = format!("{}1{}", r#"{"a":"#.repeat(140), "}".repeat(140));
    let items = [
        object("good", "[]", "{}"),
        object("fields", &format!("[{deep}]"), "{}"),
        object("deep", "[]", &deep),
        object("typed", "[]", r#""hunter2""#),
        object("last", "[]", "{}"),
    ];
    let list = format!(
        r#"{{"apiVersion":"v1","items":[{}],"kind":"ConfigMapList","metadata":{{"resourceVersion":"1"}}}}"#,
        items.join(",")
    );
    let server = MockServer::start().await;
    let event = |kind: &str, object: &str| format!("{{\"type\":\"{kind}\",\"object\":{object}}}\n");
    let events =
        event("MODIFIED", &object("good", "[]", &deep)) + &event("ADDED", &object("new", "[]", "{}"));
    Mock::given(query_param("watch", "true"))
        .respond_with(ResponseTemplate::new(200).set_body_raw(events, "application/json"))
        .mount(&server)
        .await;
    Mock::given(any())
        .respond_with(ResponseTemplate::new(200).set_body_raw(list, "application/json"))
        .mount(&server)
        .await;
    let (scope, metrics) = (Scope::All, Metrics::new().unwrap());
    let mut watch = objects::<ConfigMap>(scope.api(bounded(&server)), "ConfigMap", metrics);
    let mut touched = Vec::new();
    while touched.last().map(String::as_str) != Some("new") {
        touched.push(watch.touched.next().await.unwrap().unwrap().name_any());
    }
    touched[..3].sort();
    assert_eq!(touched, ["fields", "good", "last", "good", "new"]);
    let mut unread: Vec<_> = watch
        .unread
        .all()
        .iter()
        .map(|one| one.metadata.name.clone().unwrap())
        .collect();
    unread.sort();
    assert_eq!(unread, ["deep", "good", "typed"]);
}

/// A page is in memory several times while it is read.
#[tokio::test]
async fn a_list_comes_in_small_pages() {
    let server = MockServer::start().await;
    let list = json!({"kind": "List", "apiVersion": "v1", "metadata": {"resourceVersion": "1"}, "items": []});
    Mock::given(any())
        .respond_with(ResponseTemplate::new(200).set_body_json(list))
        .mount(&server)
        .await;
    let client = Client::try_from(Config::new(server.uri().parse().unwrap())).unwrap();
    let (scope, metrics) = (Scope::All, Metrics::new().unwrap());
    let mut whole = objects::<ConfigMap>(scope.api(client.clone()), "ConfigMap", metrics.clone());
    let mut partial = metadata::<Secret>(scope.api(client), "Secret", metrics);
    while !(whole.synced.is_done() && partial.synced.is_done()) {
        assert!(whole.touched.next().now_or_never().is_none());
        assert!(partial.touched.next().now_or_never().is_none());
        tokio::task::yield_now().await;
    }
    let requests = server.received_requests().await.unwrap();
    let lists: Vec<_> = requests
        .iter()
        .filter_map(|request| request.url.query_pairs().find(|(name, _)| name == "limit"))
        .map(|(_, limit)| limit.into_owned())
        .collect();
    assert_eq!(lists, ["100", "100"]);
}

#[tokio::test]
async fn they_fit_a_controller() {
    let (client, metrics) = (nowhere(), Metrics::new().unwrap());
    let scope = Scope::new(Some("metal"));
    let nodes = objects::<ConfigMap>(scope.api(client.clone()), "ConfigMap", metrics.clone());
    let owned = objects::<ConfigMap>(scope.api(client.clone()), "ConfigMap", metrics.clone());
    let secrets: Api<PartialObjectMeta<Secret>> = scope.api(client);
    let secrets = metadata(secrets, "Secret", metrics);
    let store = nodes.store.clone();
    let running = Controller::for_stream(nodes.touched, nodes.store)
        .owns_stream(owned.touched)
        .watches_stream(secrets.touched, move |secret| {
            let namespace = secret.namespace();
            store
                .state_filter(|object| object.namespace() == namespace)
                .into_iter()
                .map(|object| ObjectRef::from_obj(&*object))
                .collect::<Vec<_>>()
        })
        .run(
            |_object, _context| async { Ok::<_, std::convert::Infallible>(Action::await_change()) },
            |_object, _error, _context| Action::await_change(),
            std::sync::Arc::new(()),
        );
    assert!(running.count().now_or_never().is_none());
}

/// Whoever acts because the store is filled may ask the index.
#[test]
fn an_index_is_filled_before_the_store_counts_as_filled_and_before_anybody_hears_of_a_change() {
    use std::sync::{Arc, Mutex};

    struct Follower(Synced, Mutex<Vec<(String, bool)>>);

    impl super::Follow<ConfigMap> for Follower {
        fn follow(&self, object: &ConfigMap) {
            self.1.lock().unwrap().push((object.name_any(), self.0.is_done()));
        }
    }

    let mut reflection = reflection();
    let follower = Arc::new(Follower(reflection.synced.clone(), Mutex::default()));
    reflection
        .followers
        .write()
        .unwrap()
        .push(Arc::<Follower>::clone(&follower));
    let seen = || std::mem::take(&mut *follower.1.lock().unwrap());
    let data = json!({});
    after(&mut reflection, list(vec![object("a", "1", &data)]));
    assert_eq!(seen(), [("a".to_owned(), false)]);
    after(&mut reflection, vec![Event::Apply(object("b", "2", &data))]);
    assert_eq!(seen(), [("b".to_owned(), true)]);
    let gone = after(&mut reflection, list(vec![object("b", "2", &data)]));
    assert_eq!(
        (seen(), gone),
        (vec![("a".to_owned(), true)], vec!["a".to_owned()])
    );
    after(&mut reflection, vec![Event::Delete(object("b", "2", &data))]);
    assert_eq!(seen(), [("b".to_owned(), true)]);
}
