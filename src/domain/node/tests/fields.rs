//! The differences between spec and node, against every history of both that chance finds.

use proptest::collection::vec;
use proptest::prelude::*;
use serde_json::{Map, Value};

use super::super::call::{Call, call};
use super::super::fields::{Editable, applied, edits, secrets_wanted};
use super::super::rules::Step;
use super::super::situation::Gap;
use super::super::{credentials, desired};
use super::era::{Era, INFO, ODD, era, map};
use super::fixture::{Case, Sight, patch};
use super::round::{check_round, live};
use crate::api::node::Applied;
use crate::ironic::model::{Node, Object, ProvisionState};

/// One round: what is written, and what is recorded.
fn round(case: &Case) -> Case {
    let Sight::Full(live) = &case.sight else { panic!() };
    let (operations, applied) = case.with(|facts| {
        let edits = edits(facts, facts.look.full().unwrap());
        (edits.now, applied(facts))
    });
    let mut next = case.clone();
    next.sight = Sight::Full(patch(live, &operations).unwrap());
    next.object.status.get_or_insert_default().applied = Some(applied);
    // The answer to the PATCH shows the whole node; what was written is good.
    let seen = next.with(super::super::fields::applied);
    let applied = Applied {
        proven: credentials::mark(&seen),
        ..seen
    };
    next.object.status.get_or_insert_default().applied = Some(applied);
    next
}

fn check_quiet(case: &Case, occupied: bool) {
    let (now, later, gap, digest) = case.with(|facts| {
        let edits = edits(facts, facts.look.full().unwrap());
        (
            edits.now,
            edits.later,
            super::fixture::gap(facts),
            secrets_wanted(facts),
        )
    });
    assert!(
        now.is_empty(),
        "written twice: {}",
        serde_json::to_string(&now).unwrap()
    );
    let always = |when| matches!(when, Editable::Deployed | Editable::NotAvailable);
    assert!(
        later.iter().all(|later| occupied || always(later.when)),
        "{later:?}"
    );
    assert!(
        later.iter().all(|later| !later.when.permits(live(case))),
        "{later:?}"
    );
    assert!(!digest);
    assert_eq!(gap, if later.is_empty() { Gap::None } else { Gap::Later });
    let mut row = case.clone();
    row.sight = Sight::Summary(live(case).clone());
    let expected = if later.is_empty() { Gap::None } else { Gap::Now };
    assert_eq!(row.with(super::fixture::gap), expected, "a row of the list");
    row.secrets.contents = None;
    assert_eq!(
        row.with(super::fixture::gap),
        expected,
        "without the Secrets' content"
    );
    let mut unread = case.clone();
    unread.secrets.contents = None;
    assert!(
        unread
            .with(|facts| edits(facts, facts.look.full().unwrap()).now.is_empty() && !secrets_wanted(facts))
    );
    assert_eq!(
        unread.with(applied),
        case.with(applied),
        "the journal does not need the content"
    );
}

/// Whoever else writes into the node.
fn drift(case: &mut Case, info: &Object, properties: &Object, extra: &Object) {
    if let Sight::Full(node) = &mut case.sight {
        let open = info.iter().filter(|(key, _)| !key.contains("password"));
        node.driver_info
            .extend(open.map(|(key, value)| (key.clone(), value.clone())));
        node.properties.extend(properties.clone());
        node.extra.extend(extra.clone());
        // Somebody else's capability.
        if properties.contains_key("a") {
            let text = node
                .properties
                .get("capabilities")
                .and_then(Value::as_str)
                .unwrap_or_default();
            let text = if text.is_empty() {
                "z:9".to_owned()
            } else {
                format!("z:9,{text}")
            };
            node.properties.insert("capabilities".to_owned(), text.into());
            node.owner = Some("somebody".to_owned());
        }
    }
}

fn state() -> impl Strategy<Value = ProvisionState> {
    prop::sample::select(
        &[
            ProvisionState::Enroll,
            ProvisionState::Manageable,
            ProvisionState::Available,
            ProvisionState::Active,
        ][..],
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn one_round_brings_the_node_to_the_spec_and_touches_nothing_else(
        eras in vec((era(), state(), map(INFO), map(ODD), map(ODD)), 1..4)
    ) {
        let mut case = Case::new(&ProvisionState::Enroll);
        for (era, state, info, properties, extra) in eras {
            drift(&mut case, &info, &properties, &extra);
            case = case.see(|node| node.provision_state = state.clone());
            era.begin(&mut case, true);
            let gap = case.with(super::fixture::gap);
            let after = round(&case);
            check_round(&case, &after);
            if gap == Gap::None {
                prop_assert_eq!(live(&case), live(&after));
            }
            check_quiet(&after, state == ProvisionState::Active);
            case = after;
        }
    }

    /// What a creation sets needs no change, and what it cannot set is not forgotten.
    #[test]
    fn a_created_node_is_as_the_spec_has_it(era in era()) {
        let mut case = Case::new(&ProvisionState::Enroll);
        era.begin(&mut case, true);
        case.sight = Sight::Absent;
        let (sent, journal) = case.with(|facts| {
            let Call::Create(create) = call(Step::Create, facts) else { panic!() };
            (serde_json::to_value(create).unwrap(), applied(facts))
        });
        let fresh = serde_json::to_value(Node { conductor_group: Some(String::new()), ..Node::default() }).unwrap();
        let mut created = fresh;
        let fields = created.as_object_mut().unwrap();
        fields.extend(sent.as_object().unwrap().clone());
        if let Some(Value::String(group)) = fields.get_mut("conductor_group") {
            *group = group.to_lowercase();
        }
        let node: Node = serde_json::from_value(created).unwrap();
        prop_assert!(!node.protected);
        case.sight = Sight::Full(node);
        case.object.status.get_or_insert_default().applied = Some(journal.clone());
        let (now, later, again) = case.with(|facts| {
            let edits = edits(facts, facts.look.full().unwrap());
            (edits.now, edits.later, applied(facts))
        });
        prop_assert!(now.is_empty(), "{}", serde_json::to_string(&now).unwrap());
        prop_assert_eq!(journal.digest.ends_with("-pending"), !later.is_empty());
        prop_assert!(again.verified.is_some(), "now that it is seen");
        prop_assert_eq!(Applied { verified: None, ..again }, journal);
    }

    /// As long as nothing asks for the Secrets, not knowing their content changes nothing.
    #[test]
    fn the_secrets_are_read_whenever_their_content_would_matter(before: Pair, drifted in map(INFO)) {
        let Pair(first, second) = before;
        let mut case = Case::new(&ProvisionState::Manageable);
        first.begin(&mut case, true);
        let mut case = round(&case);
        drift(&mut case, &drifted, &Map::new(), &Map::new());
        second.begin(&mut case, true);
        let mut unread = case.clone();
        unread.secrets.contents = None;
        let write = |case: &Case| case.with(|facts| serde_json::to_value(edits(facts, facts.look.full().unwrap()).now).unwrap());
        if !unread.with(secrets_wanted) {
            prop_assert_eq!(write(&unread), write(&case));
            prop_assert_eq!(unread.with(applied), case.with(applied));
        }
    }

    #[test]
    fn a_secret_is_written_exactly_when_its_version_is_another(era in era(), version in 0..3_u8) {
        let mut case = Case::new(&ProvisionState::Manageable);
        era.begin(&mut case, true);
        let mut case = round(&case);
        let before = era.version;
        let later = Era { version, ..era };
        later.begin(&mut case, true);
        let secret = case.with(desired::secret_driver_info);
        let hidden = secret.keys().filter(|key| key.contains("password")).count();
        let written = case.with(|facts| edits(facts, facts.look.full().unwrap()).now);
        let written = written.iter().filter(|operation| operation.path().as_str().contains("password")).count();
        let again = later.version != before && !later.from.is_empty();
        // What is given in the clear but masked is written again with it: it cannot be told whether it is still right.
        let masked = later.driver_info.keys().filter(|key| key.contains("password")).count();
        prop_assert_eq!(written, if again { hidden + masked } else { 0 });
    }
}

/// Two eras.
#[derive(Clone, Debug)]
struct Pair(Era, Era);

impl Arbitrary for Pair {
    type Parameters = ();
    type Strategy = BoxedStrategy<Self>;
    fn arbitrary_with((): ()) -> Self::Strategy {
        // The same spec most of the time, or little would go unasked.
        (era(), era(), 0..4, any::<bool>())
            .prop_map(|(first, other, how, drop)| {
                let mut second = if how == 0 { other } else { first.clone() };
                if drop {
                    second.driver_info.clear();
                }
                Self(first, second)
            })
            .boxed()
    }
}
