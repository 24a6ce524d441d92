use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use serde_json::json;

use super::*;
use crate::api::{BareMetalNodeSpec, BareMetalNodeStatus};
use crate::domain::writers::History;
use crate::ironic::model::Node;

const SEEN: &str = "2026-01-02T00:00:00Z";

fn object(deleting: bool) -> BareMetalNode {
    let mut node = BareMetalNode::new("n1", BareMetalNodeSpec::default());
    node.metadata.uid = Some("u".to_owned());
    node.metadata.deletion_timestamp = deleting.then_some(Time(Timestamp::UNIX_EPOCH));
    node.status = Some(BareMetalNodeStatus {
        provision_updated_at: Some(SEEN.to_owned()),
        ..BareMetalNodeStatus::default()
    });
    node
}

/// The row of that object's node, last moved then.
fn row(moved: &str) -> NodeSummary {
    NodeSummary::from(&Node {
        provision_updated_at: Some(moved.to_owned()),
        ..Node::default()
    })
}

fn counted(bad: Shown, count: usize, nodes: usize) -> Signs {
    let fine = row(SEEN);
    let mut signs = Signs::default();
    for node in 0..nodes {
        let shown = if node < count { bad } else { Shown::Row(&fine) };
        signs.count(&object(false), shown, Known::default());
    }
    signs
}

#[test]
fn a_few_may_be_missing_or_earlier_and_a_tenth_of_many() {
    let earlier = row("2026-01-01T00:00:00Z");
    for (count, nodes, suspicious) in [
        (0, 0, false),
        (1, 1, false),
        (3, 3, false),
        (4, 4, true),
        (4, 39, true),
        (4, 40, false),
        (4, 49, false),
        (5, 40, true),
        (100, 1000, false),
        (101, 1000, true),
        (357, 359, true),
    ] {
        for (shown, reason) in [
            (Shown::Unlisted, Reason::NodesMissing),
            (Shown::Row(&earlier), Reason::EarlierState),
        ] {
            let signs = counted(shown, count, nodes);
            let expected = suspicious.then_some(reason);
            assert_eq!(signs.suspicion(), expected, "{count} of {nodes}");
            let told = signs.to_string();
            assert!(
                !suspicious || told.contains(&format!("{count} of {nodes} nodes")),
                "{told}"
            );
        }
    }
}

#[test]
fn who_is_being_deleted_is_counted_and_never_missing() {
    let mut signs = Signs::default();
    for deleting in [true, false] {
        for shown in [Shown::Unlisted, Shown::Stale, Shown::Row(&row(SEEN))] {
            signs.count(&object(deleting), shown, Known::default());
        }
    }
    assert_eq!((signs.missing, signs.nodes), (1, 6));
}

#[test]
fn what_was_seen_until_a_time_that_a_person_has_accepted_is_no_sign() {
    let earlier = row("2026-01-01T00:00:00Z");
    for (accepted, counts) in [
        (None, true),
        (Some(SEEN), false),
        (Some("2026-01-03T00:00:00Z"), false),
        (Some("2026-01-01T23:59:59Z"), true),
        (Some("yes"), true),
    ] {
        let accepts = Accepts {
            earlier: accepted,
            ..Accepts::default()
        };
        let known = Known {
            accepts,
            ..Known::default()
        };
        let mut signs = Signs::default();
        signs.count(&object(false), Shown::Row(&earlier), known);
        assert_eq!(signs.earlier, usize::from(counts), "{accepted:?}");
        assert_eq!(signs.seen_until.is_some(), counts);
    }
}

/// A mark of another cluster, or of another object, says nothing of who else writes for this one.
#[test]
fn one_unknown_writer_of_an_object_s_own_mark_is_enough() {
    let writers = Writers {
        run: "me".to_owned(),
        before: History::new(Timestamp::UNIX_EPOCH),
    };
    let marked = |cluster: &str, uid: &str, by: &str| {
        let mut node = Node::default();
        let mark = json!({"cluster": cluster, "uid": uid, "written": {"by": by, "at": SEEN}});
        node.provision_updated_at = Some(SEEN.to_owned());
        node.extra.insert("ironwright".to_owned(), mark);
        NodeSummary::from(&node)
    };
    for (cluster, uid, by, accepted, strange) in [
        ("c", "u", "x", None, true),
        ("c", "u", "x", Some("x"), false),
        ("c", "u", "x", Some("y"), true),
        ("c", "u", "me", None, false),
        ("other", "u", "x", None, false),
        ("c", "another", "x", None, false),
    ] {
        let known = Known {
            cluster: "c",
            writers: Some(&writers),
            accepts: Accepts {
                writers: accepted,
                ..Accepts::default()
            },
        };
        let mut signs = Signs::default();
        signs.count(&object(false), Shown::Row(&marked(cluster, uid, by)), known);
        let suspicion = strange.then_some(Reason::IdentityShared);
        assert_eq!(signs.suspicion(), suspicion, "{cluster} {uid} {by} {accepted:?}");
        let unwritten = Known {
            writers: None,
            ..known
        };
        assert_eq!(
            stranger(&object(false), &marked(cluster, uid, by), unwritten),
            None
        );
    }
    let mut signs = Signs::default();
    for by in 0..100 {
        let known = Known {
            cluster: "c",
            writers: Some(&writers),
            ..Known::default()
        };
        signs.count(
            &object(false),
            Shown::Row(&marked("c", "u", &format!("x{by}"))),
            known,
        );
    }
    assert_eq!(signs.strangers.len(), MOST_STRANGERS);
    assert!(
        signs.to_string().contains("accept-writers=\"x0,x1,x2,x3,x4\""),
        "{signs}"
    );
}

#[test]
fn another_identity_is_another_cloud_unless_it_was_accepted() {
    for (known, now, accepted, another) in [
        (None, Some("b"), None, false),
        (Some("a"), None, None, false),
        (Some("a"), Some("a"), None, false),
        (Some("a"), Some("b"), None, true),
        (Some("a"), Some("b"), Some("a"), true),
        (Some("a"), Some("b"), Some("b"), false),
    ] {
        assert_eq!(
            is_another(known, now, accepted),
            another,
            "{known:?} {now:?} {accepted:?}"
        );
    }
}
