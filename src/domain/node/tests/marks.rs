//! The marker of an instance that is gone: cleared by the next change, and by no request of its own.

use serde_json::Value;

use super::super::fields::edits;
use super::super::marker::{KEY, Marker};
use super::super::situation::Gap;
use super::fixture::{Case, OURS, Sight, patch};
use super::round::live;
use super::table::{available, with_ours};
use crate::ironic::model::{Node, ProvisionState as S};

/// Our instance was on the node, and Ironic has cleared the claim.
fn left(state: &S) -> Case {
    with_ours(available(state), "a").see(|node| node.instance_uuid = None)
}

fn described(mut case: Case) -> Case {
    case.object.spec.description = Some("new".into());
    case
}

/// The node after the changes that are due, and how many there are.
fn changed(case: &Case) -> (Node, usize) {
    let operations = case.with(|facts| edits(facts, facts.look.full().unwrap()).now);
    (patch(live(case), &operations).unwrap(), operations.len())
}

fn mark(node: &Node) -> Marker {
    Marker::read(&node.extra).unwrap()
}

#[test]
fn it_goes_with_the_next_change_and_the_node_stays_marked_as_used() {
    for state in [S::Available, S::Manageable, S::CleanFailed] {
        let (after, _) = changed(&described(left(&state)));
        assert_eq!(
            (mark(&after).instance, mark(&after).used),
            (None, true),
            "{state}"
        );
        assert_eq!(after.description.as_deref(), Some("new"));
    }
}

#[test]
fn it_asks_for_no_change_of_its_own() {
    let case = left(&S::Available);
    assert_eq!(changed(&case).1, 0);
    assert_eq!(case.with(super::fixture::gap), Gap::None);
}

#[test]
fn the_mark_of_an_instance_that_may_be_there_stays() {
    let claimed = described(with_ours(available(&S::Available), "a"));
    let failed_teardown = described(left(&S::Error));
    let adopted = described(left(&S::AdoptFailed));
    for case in [claimed, failed_teardown, adopted] {
        let (after, operations) = changed(&case);
        assert_eq!(mark(&after).instance.unwrap().id, OURS);
        assert_eq!(operations, 1);
    }
}

#[test]
fn a_re_created_object_takes_over_what_the_marker_says_of_an_instance() {
    let renewed = |mut case: Case| {
        case.object.metadata.uid = Some("0b9fbd3e-3a3c-4a76-9c55-2b0b9d6e1002".into());
        let (after, operations) = changed(&case);
        assert_eq!(operations, 1, "the marker is written once");
        assert!(matches!(case.sight, Sight::Full(_)));
        mark(&after)
    };
    let there = renewed(with_ours(available(&S::Active), "a"));
    assert_eq!(there.instance.unwrap().id, OURS);
    let gone = renewed(left(&S::Available));
    assert_eq!((gone.instance, gone.used), (None, true));
    let never = renewed(available(&S::Available));
    assert_eq!(never.value().get("used"), None::<&Value>);
    assert!(never.value().get(KEY).is_none());
}
