use super::*;
use crate::ironic::model::ProvisionState;
use crate::ironic::model::{Node, Seen};

fn listed(id: &str, state: ProvisionState, asked: u64) -> Listed {
    let summary = NodeSummary {
        uuid: id.to_owned(),
        provision_state: state,
        ..NodeSummary::default()
    };
    Listed {
        summary: Arc::new(summary),
        asked: Stamp::new(asked),
        detail: None,
        text: None,
    }
}

fn state(snapshot: &Snapshot, id: &str) -> Option<ProvisionState> {
    match snapshot.sight(id) {
        Sight::Row(row, _) => Some(row.provision_state.clone()),
        Sight::Stale | Sight::Unlisted => None,
    }
}

#[test]
fn an_older_reading_never_replaces_a_newer_one() {
    let mut snapshot = Snapshot::default();
    snapshot.take(listed("a", ProvisionState::Active, 5));
    snapshot.list(
        Stamp::new(4),
        vec![listed("a", ProvisionState::Deploying, 4)],
        true,
    );
    assert_eq!(state(&snapshot, "a"), Some(ProvisionState::Active));
    snapshot.list(
        Stamp::new(6),
        vec![listed("a", ProvisionState::Deleting, 6)],
        false,
    );
    assert_eq!(state(&snapshot, "a"), Some(ProvisionState::Deleting));
}

#[test]
fn after_a_write_only_a_later_reading_counts() {
    let mut snapshot = Snapshot::default();
    snapshot.take(listed("a", ProvisionState::Available, 5));
    snapshot.raise_floor("a", Stamp::new(8));
    assert_eq!(snapshot.sight("a"), Sight::Stale);
    assert!(snapshot.awaits_reading());
    snapshot.list(
        Stamp::new(7),
        vec![listed("a", ProvisionState::Available, 7)],
        true,
    );
    assert_eq!(snapshot.sight("a"), Sight::Stale);
    snapshot.list(
        Stamp::new(9),
        vec![listed("a", ProvisionState::Deploying, 9)],
        false,
    );
    assert_eq!(state(&snapshot, "a"), Some(ProvisionState::Deploying));
    assert!(!snapshot.awaits_reading());
}

#[test]
fn what_was_created_while_a_listing_went_by_is_not_taken_for_gone() {
    let mut snapshot = Snapshot::default();
    snapshot.take(listed("old", ProvisionState::Enroll, 1));
    snapshot.take(listed("new", ProvisionState::Enroll, 6));
    snapshot.list(Stamp::new(5), vec![], true);
    assert_eq!(snapshot.sight("old"), Sight::Unlisted);
    assert_eq!(state(&snapshot, "new"), Some(ProvisionState::Enroll));
}

fn detailed(description: &str, asked: u64) -> Listed {
    let value = Node {
        uuid: "a".to_owned(),
        description: Some(description.to_owned()),
        ..Node::default()
    };
    let asked = Stamp::new(asked);
    Seen { value, asked }.into()
}

fn fingerprint(snapshot: &Snapshot) -> Option<Fingerprint> {
    match snapshot.sight("a") {
        Sight::Row(_, fingerprint) => fingerprint,
        Sight::Stale | Sight::Unlisted => None,
    }
}

#[test]
fn the_newest_reading_in_detail_counts_also_when_a_narrow_one_is_newer() {
    let of = |description: &str| {
        let mut snapshot = Snapshot::default();
        snapshot.take(detailed(description, 1));
        fingerprint(&snapshot)
    };
    let mut snapshot = Snapshot::default();
    snapshot.take(listed("a", ProvisionState::Enroll, 1));
    assert_eq!(fingerprint(&snapshot), None);
    snapshot.take(detailed("one", 2));
    snapshot.take(listed("a", ProvisionState::Enroll, 6));
    assert_eq!(fingerprint(&snapshot), of("one"), "kept");
    snapshot.take(detailed("two", 5));
    assert_eq!(
        fingerprint(&snapshot),
        of("two"),
        "asked before the row, but after what was known in detail"
    );
    snapshot.take(detailed("one", 4));
    assert_eq!(fingerprint(&snapshot), of("two"));
    assert_ne!(of("one"), of("two"));
}

#[test]
fn only_a_sweep_makes_it_complete() {
    let mut snapshot = Snapshot::default();
    snapshot.list(Stamp::new(1), vec![], false);
    assert!(!snapshot.is_complete());
    snapshot.list(Stamp::new(2), vec![], true);
    assert!(snapshot.is_complete());
}

#[test]
fn an_unchanged_row_keeps_its_allocation() {
    let mut snapshot = Snapshot::default();
    snapshot.take(listed("a", ProvisionState::Active, 1));
    let Sight::Row(before, _) = snapshot.sight("a") else {
        panic!()
    };
    snapshot.take(listed("a", ProvisionState::Active, 2));
    let Sight::Row(after, _) = snapshot.sight("a") else {
        panic!()
    };
    assert!(Arc::ptr_eq(&before, &after));
}

/// A node in full: name, address of its BMC, and the object that its mark names.
fn full(id: &str, name: &str, address: &str, object: [&str; 3], asked: u64) -> Listed {
    let [namespace, of, uid] = object;
    let value = serde_json::json!({
        "uuid": id, "name": name, "driver_info": {"redfish_address": address},
        "extra": {"ironwright": {"namespace": namespace, "name": of, "uid": uid}},
    });
    let value: Node = serde_json::from_value(value).unwrap();
    let asked = Stamp::new(asked);
    Seen { value, asked }.into()
}

fn at(address: &str) -> Bmc {
    let info = serde_json::json!({"redfish_address": address});
    Bmc::of(info.as_object().unwrap()).unwrap()
}

fn ids<'a>(rows: impl Iterator<Item = &'a Arc<NodeSummary>>) -> Vec<String> {
    rows.map(|row| row.uuid.clone()).collect()
}

const NOBODY: &[String] = &[];

#[test]
fn a_node_is_found_by_what_it_is_now_and_by_nothing_that_it_was() {
    let mut snapshot = Snapshot::default();
    snapshot.take(full("a", "one", "https://bmc-1", ["m", "n1", "u1"], 1));
    snapshot.take(full("b", "two", "https://bmc-1", ["m", "n2", "u2"], 1));
    assert_eq!(ids(snapshot.by_name("one")), ["a"]);
    assert_eq!(
        ids(snapshot.by_bmc(&at("BMC-1:443"))),
        ["a", "b"],
        "one machine, enrolled twice"
    );
    assert_eq!(ids(snapshot.by_mark(Clue::Object("m", "n2"))), ["b"]);
    assert_eq!(ids(snapshot.by_mark(Clue::Uid("u1"))), ["a"]);

    let before = snapshot.removals();
    snapshot.take(full("a", "new", "https://bmc-2", ["m", "n3", "u1"], 2));
    assert_ne!(snapshot.removals(), before, "a name and a machine are free");
    assert_eq!(ids(snapshot.by_name("one")), NOBODY);
    assert_eq!(ids(snapshot.by_name("new")), ["a"]);
    assert_eq!(ids(snapshot.by_bmc(&at("bmc-1"))), ["b"]);
    assert_eq!(ids(snapshot.by_bmc(&at("bmc-2"))), ["a"]);
    assert_eq!(ids(snapshot.by_mark(Clue::Object("m", "n1"))), NOBODY);
    assert_eq!(ids(snapshot.by_mark(Clue::Uid("u1"))), ["a"]);

    snapshot.list(Stamp::new(3), vec![], true);
    assert_eq!(ids(snapshot.by_name("new")), NOBODY);
    assert!(snapshot.found.is_empty(), "nothing is left of what went");
}

#[test]
fn a_narrow_reading_leaves_the_bmc_as_it_was_told_and_an_old_one_tells_nothing() {
    let mut snapshot = Snapshot::default();
    snapshot.take(full("a", "one", "bmc-1", ["m", "n1", "u1"], 2));
    let mut narrow = full("a", "two", "bmc-9", ["m", "n1", "u1"], 3);
    narrow.detail = None;
    snapshot.take(narrow);
    assert_eq!(ids(snapshot.by_name("two")), ["a"]);
    assert_eq!(ids(snapshot.by_bmc(&at("bmc-1"))), ["a"]);
    snapshot.take(full("a", "old", "bmc-0", ["m", "n1", "u1"], 1));
    assert_eq!(ids(snapshot.by_name("old")), NOBODY);
    assert_eq!(ids(snapshot.by_bmc(&at("bmc-0"))), NOBODY);
    let before = snapshot.removals();
    snapshot.take(full("a", "two", "bmc-1", ["m", "n1", "u1"], 4));
    assert_eq!(snapshot.removals(), before, "nothing was freed");
}

/// Whoever looks for a machine looks at those that it may be, not at the fleet.
#[test]
fn in_a_large_fleet_only_what_fits_is_looked_at() {
    let mut snapshot = Snapshot::default();
    for n in 0..2_000 {
        let (name, address) = (format!("n{n}"), format!("bmc-{n}"));
        snapshot.take(full(&name, &name, &address, ["m", &name, &name], 1));
    }
    let bmc = at("bmc-77");
    for clue in [
        Clue::Name("n77"),
        Clue::Bmc(bmc.place()),
        Clue::Object("m", "n77"),
        Clue::Uid("n77"),
    ] {
        let looked_at = snapshot.found.get(snapshot.found.hash(&clue)).count();
        assert_eq!(looked_at, 1, "{clue:?}");
    }
    assert_eq!(ids(snapshot.by_bmc(&bmc)), ["n77"]);
}

#[test]
fn every_bmc_is_known_once_every_row_was_read_in_detail() {
    let mut snapshot = Snapshot::default();
    assert!(snapshot.knows_every_bmc());
    snapshot.take(listed("a", ProvisionState::Enroll, 1));
    snapshot.take(listed("b", ProvisionState::Enroll, 1));
    snapshot.take(listed("a", ProvisionState::Active, 2));
    assert!(!snapshot.knows_every_bmc());
    snapshot.take(detailed("one", 3));
    assert!(!snapshot.knows_every_bmc(), "b");
    snapshot.take(listed("a", ProvisionState::Enroll, 4));
    snapshot.remove("b");
    assert!(snapshot.knows_every_bmc());
    snapshot.remove("a");
    snapshot.remove("a");
    assert!(snapshot.knows_every_bmc());
}

/// While others go on enrolling machines there is always a row that was not read in detail: what was there before is known all the same.
#[test]
fn a_machine_that_is_enrolled_meanwhile_hides_no_bmc_that_was_there_before() {
    let mut snapshot = Snapshot::default();
    let wrote = Stamp::new(2);
    assert!(!snapshot.tells_every_bmc_since(wrote), "never listed");
    snapshot.list(Stamp::new(1), vec![detailed("one", 1)], true);
    assert!(snapshot.tells_every_bmc_since(Stamp::default()));
    assert!(
        !snapshot.tells_every_bmc_since(wrote),
        "a twin may have come since"
    );
    let rows = || vec![detailed("one", 1), listed("b", ProvisionState::Enroll, 3)];
    snapshot.list(Stamp::new(3), rows(), false);
    assert!(!snapshot.tells_every_bmc_since(wrote), "b");
    snapshot.list(Stamp::new(4), vec![detailed("one", 4)], true);
    snapshot.take(listed("c", ProvisionState::Enroll, 5));
    assert!(!snapshot.knows_every_bmc());
    assert!(snapshot.tells_every_bmc_since(wrote));
    assert!(!snapshot.tells_every_bmc_since(Stamp::new(5)), "c");
}

#[test]
fn a_machine_is_where_it_is_since_its_bmc_is_known_to_be_this_one() {
    let mut snapshot = Snapshot::default();
    assert_eq!(snapshot.placed("a"), Stamp::default());
    snapshot.take(full("a", "one", "https://bmc-1", ["m", "n1", "u1"], 1));
    snapshot.take(full("a", "other name", "https://bmc-1", ["m", "n1", "u1"], 2));
    snapshot.take(listed("a", ProvisionState::Available, 3));
    assert_eq!(snapshot.placed("a"), Stamp::new(1));
    snapshot.take(full("a", "other name", "https://bmc-2", ["m", "n1", "u1"], 4));
    assert_eq!(snapshot.placed("a"), Stamp::new(4));
}
