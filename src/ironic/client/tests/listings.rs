//! Paging.
use futures::{StreamExt, TryStreamExt};
use serde_json::{Value, json};
use wiremock::matchers::path;
use wiremock::{Mock, MockServer, Request, Respond, ResponseTemplate};

use super::{Fixture, client, in_turn, received, server};
use crate::ironic::client::{Class, Error, NodeQuery, Result, SortDirection};
use crate::ironic::model::{Bmc, Fingerprint, Node, NodeSummary, ProvisionState, Seen};

/// Pages as Ironic does: `next` when a page is full, without the filters, naming another host.
struct Pager(usize);

impl Respond for Pager {
    fn respond(&self, request: &Request) -> ResponseTemplate {
        let query: std::collections::BTreeMap<_, _> = request.url.query_pairs().into_owned().collect();
        let limit: usize = query["limit"].parse().unwrap();
        let first = query
            .get("marker")
            .map_or(0, |marker| marker.parse::<usize>().unwrap() + 1);
        let rows: Vec<Value> = (first..self.0.min(first + limit))
            .map(|row| json!({"uuid": row.to_string()}))
            .collect();
        let mut page = json!({"nodes": rows});
        if rows.len() == limit {
            let last = first + limit - 1;
            page["next"] = json!(format!(
                "http://elsewhere.invalid:1/v1/nodes?limit={limit}&marker={last}&sort_key=id"
            ));
        }
        ResponseTemplate::new(200).set_body_json(page)
    }
}

async fn pager(rows: usize) -> MockServer {
    let server = server().await;
    Mock::given(path("/v1/nodes"))
        .respond_with(Pager(rows))
        .mount(&server)
        .await;
    server
}

async fn list(server: &MockServer, query: NodeQuery) -> Vec<Result<Seen<NodeSummary>>> {
    client(server).list_nodes(query).collect().await
}

/// The uuids and the number of requests.
async fn listed(rows: usize, query: NodeQuery) -> (Vec<String>, usize) {
    let server = pager(rows).await;
    let rows = list(&server, query)
        .await
        .into_iter()
        .map(|row| row.unwrap().value.uuid)
        .collect();
    (rows, received(&server).await.len())
}

fn pages_of(size: usize) -> NodeQuery {
    NodeQuery {
        page_size: Some(size),
        ..NodeQuery::default()
    }
}

fn numbers(rows: std::ops::Range<usize>) -> Vec<String> {
    rows.map(|row| row.to_string()).collect()
}

#[tokio::test]
async fn every_row_comes_once_whatever_the_page_size() {
    for (rows, size, requests) in [
        (0, 2, 1),
        (1, 2, 1),
        (2, 2, 2),
        (5, 2, 3),
        (6, 2, 4),
        (6, 3, 3),
        (3, 1000, 1),
    ] {
        assert_eq!(
            listed(rows, pages_of(size)).await,
            (numbers(0..rows), requests),
            "{rows} by {size}"
        );
    }
}

#[tokio::test]
async fn no_more_rows_come_than_asked_for() {
    for (at_most, requests) in [(0, 0), (1, 1), (2, 1), (3, 2), (4, 2), (9, 4)] {
        let query = NodeQuery {
            at_most: Some(at_most),
            ..pages_of(2)
        };
        assert_eq!(
            listed(7, query).await,
            (numbers(0..at_most.min(7)), requests),
            "{at_most}"
        );
    }
}

#[tokio::test]
async fn a_listing_can_begin_behind_a_row() {
    let query = NodeQuery {
        marker: Some("2".into()),
        ..pages_of(2)
    };
    assert_eq!(listed(5, query).await.0, numbers(3..5));
}

#[tokio::test]
async fn filters_survive_every_page() {
    let server = pager(5).await;
    let query = NodeQuery {
        provision_state: Some(ProvisionState::CleanFailed),
        resource_class: Some("a&b=c".into()),
        conductor_group: Some(String::new()),
        associated: Some(false),
        sort_key: Some("name".into()),
        sort_dir: Some(SortDirection::Descending),
        ..pages_of(2)
    };
    assert_eq!(list(&server, query).await.len(), 5);
    let requests = received(&server).await;
    assert_eq!(requests.len(), 3);
    let common = |path: &str| {
        path.split('&')
            .filter(|pair| !pair.starts_with("marker"))
            .collect::<Vec<_>>()
            .join("&")
    };
    for (_, path, _) in &requests {
        assert_eq!(common(path), common(&requests[0].1));
    }
    let expected = "&provision_state=clean+failed&resource_class=a%26b%3Dc&conductor_group=&associated=false\
        &sort_key=name&sort_dir=desc&include_children=true&limit=2";
    assert!(requests[0].1.ends_with(expected), "{}", requests[0].1);
    assert!(
        requests[0]
            .1
            .starts_with("/v1/nodes?fields=uuid%2Cname%2Cdriver%2C"),
        "{}",
        requests[0].1
    );
}

#[tokio::test]
async fn children_are_listed_unless_the_query_says_otherwise() {
    for (query, expected) in [
        (NodeQuery::default(), Some("include_children=true")),
        (
            NodeQuery {
                include_children: Some(false),
                ..NodeQuery::default()
            },
            Some("include_children=false"),
        ),
        (
            NodeQuery {
                parent_node: Some("p".into()),
                ..NodeQuery::default()
            },
            None,
        ),
    ] {
        let server = pager(0).await;
        list(&server, query).await;
        let (_, path, _) = received(&server).await.remove(0);
        let found = path.split('&').find(|pair| pair.starts_with("include_children"));
        assert_eq!(found, expected);
    }
}

#[tokio::test]
async fn the_rows_of_a_page_share_a_stamp_and_later_pages_have_later_ones() {
    let server = pager(4).await;
    let rows = list(&server, pages_of(2)).await;
    let stamps: Vec<_> = rows.into_iter().map(|row| row.unwrap().asked).collect();
    assert!(
        stamps[0] == stamps[1] && stamps[1] < stamps[2] && stamps[2] == stamps[3],
        "{stamps:?}"
    );
}

#[tokio::test]
async fn a_marker_that_comes_back_ends_the_listing() {
    let server = server().await;
    let circle = json!({"nodes": [{"uuid": "a"}], "next": "/v1/nodes?marker=a"});
    let circle = ResponseTemplate::new(200).set_body_json(circle);
    Mock::given(path("/v1/nodes"))
        .respond_with(circle)
        .mount(&server)
        .await;
    let rows = list(&server, NodeQuery::default()).await;
    assert!(
        matches!(rows.last(), Some(Err(Error::EndlessListing { .. }))),
        "{rows:?}"
    );
    assert_eq!(received(&server).await.len(), 2);
}

#[tokio::test]
async fn a_marker_that_is_gone_is_told_apart_from_a_missing_route() {
    let missing = Fixture::read("err-404").answer();
    let page =
        ResponseTemplate::new(200).set_body_json(json!({"nodes": [{"uuid": "a"}], "next": "/x?marker=a"}));
    let first = server().await;
    Mock::given(path("/v1/nodes"))
        .respond_with(in_turn([page, missing.clone()]))
        .mount(&first)
        .await;
    let rows = list(&first, NodeQuery::default()).await;
    assert!(
        matches!(rows.last(), Some(Err(Error::MarkerGone { .. }))),
        "{rows:?}"
    );

    let second = server().await;
    Mock::given(path("/v1/nodes"))
        .respond_with(missing)
        .mount(&second)
        .await;
    let rows = list(&second, NodeQuery::default()).await;
    assert!(rows[0].as_ref().unwrap_err().is_not_found());
}

#[tokio::test]
async fn a_page_that_is_none_is_an_error() {
    for page in [
        json!({}),
        json!({"nodes": {}}),
        json!({"nodes": [], "next": "/x"}),
    ] {
        let server = server().await;
        let answer = ResponseTemplate::new(200).set_body_json(&page);
        Mock::given(path("/v1/nodes"))
            .respond_with(answer)
            .mount(&server)
            .await;
        let rows = list(&server, NodeQuery::default()).await;
        let error = rows.into_iter().next_back().unwrap().unwrap_err();
        assert!(
            matches!(error, Error::Body { .. }) && error.class() == Class::Transient,
            "{page}: {error}"
        );
    }
}

/// A server that has one page of full nodes, and the page.
async fn with_full_nodes() -> (MockServer, Fixture) {
    let server = server().await;
    let page = Fixture::read("nodes-detail");
    Mock::given(path("/v1/nodes"))
        .respond_with(page.answer())
        .mount(&server)
        .await;
    (server, page)
}

#[tokio::test]
async fn an_outlined_listing_asks_as_one_in_detail_and_keeps_what_full_nodes_would_tell() {
    let (server, _) = with_full_nodes().await;
    let client = client(&server);
    let full: Vec<Node> = client
        .list_nodes_detail(NodeQuery::default())
        .map_ok(|seen| seen.value)
        .try_collect()
        .await
        .unwrap();
    let outlined: Vec<_> = client
        .list_nodes_outlined(NodeQuery::default())
        .map_ok(|seen| seen.value)
        .try_collect()
        .await
        .unwrap();
    assert!(!full.is_empty());
    assert_eq!(full.len(), outlined.len());
    for (node, outline) in full.iter().zip(outlined) {
        assert_eq!(outline.summary, NodeSummary::from(node));
        assert_eq!(outline.bmc, Bmc::of(&node.driver_info));
        assert_eq!(outline.fingerprint, Fingerprint::of(node));
    }
    let requests = received(&server).await;
    assert_eq!(requests[0].1, requests[1].1);
}

#[tokio::test]
async fn a_detailed_listing_is_full_nodes() {
    let (server, page) = with_full_nodes().await;
    let query = NodeQuery {
        page_size: Some(50),
        ..NodeQuery::default()
    };
    let nodes: Vec<_> = client(&server)
        .list_nodes_detail(query)
        .try_collect()
        .await
        .unwrap();
    assert_eq!(nodes.len(), page.body["nodes"].as_array().unwrap().len());
    let (_, path, _) = received(&server).await.remove(0);
    assert_eq!(path, "/v1/nodes?detail=true&include_children=true&limit=50");
}
