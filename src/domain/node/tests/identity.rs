//! Whatever mark a node carries and however a spec names it: only what is the object's own is moved, and an instance is destroyed only by
//! the object that deployed or confirmed it.

use kube::ResourceExt;
use serde_json::json;

use super::super::gate::Destructive;
use super::super::identity::{Candidate, Claim, Found};
use super::super::marker::{InstanceMark, KEY, Marker};
use super::super::plan::decide;
use super::super::rules::{Choice, Step};
use super::fixture::{CLUSTER, Case, OURS, THEIRS, UID, delete};
use crate::api::FreeForm;
use crate::api::node::{DeletionPolicy, Import, WantedState};
use crate::domain::ownership::Liveness;
use crate::ironic::model::{Bmc, Node, NodeSummary, ProvisionState as S};

/// The node's uuid where the object did not create it.
const OTHER: &str = "0b9fbd3e-3a3c-4a76-9c55-2b0b9d6e1fff";
/// The uid of another object.
pub const ANOTHER: &str = "0b9fbd3e-3a3c-4a76-9c55-2b0b9d6e1002";

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Marked {
    No,
    Own,
    Predecessor,
    Released,
    Orphaned,
    Living,
    Elsewhere,
    Garbage,
}

pub const MARKED: [Marked; 8] = [
    Marked::No,
    Marked::Own,
    Marked::Predecessor,
    Marked::Released,
    Marked::Orphaned,
    Marked::Living,
    Marked::Elsewhere,
    Marked::Garbage,
];

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Named {
    Not,
    ByUid,
    ByImport,
    ByImportOfAnother,
    ByBmc,
    ByAnotherBmc,
}

const NAMED: [Named; 6] = [
    Named::Not,
    Named::ByUid,
    Named::ByImport,
    Named::ByImportOfAnother,
    Named::ByBmc,
    Named::ByAnotherBmc,
];

/// Who put the instance on the node that its claim tells of.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Instance {
    None,
    /// The owner in the marker.
    Owners,
    /// An object before the owner, which the owner has not confirmed.
    Unconfirmed,
    Unmarked,
}

const INSTANCES: [Instance; 4] = [
    Instance::None,
    Instance::Owners,
    Instance::Unconfirmed,
    Instance::Unmarked,
];

fn bmc(host: &str) -> FreeForm {
    FreeForm(json!({"redfish_address": host}).as_object().unwrap().clone())
}

fn marker(marked: Marked, instance: Instance) -> Option<Marker> {
    let mut object = super::fixture::object();
    let mut cluster = CLUSTER;
    match marked {
        Marked::No | Marked::Garbage => return None,
        Marked::Own => {}
        Marked::Predecessor => object.metadata.uid = Some(ANOTHER.into()),
        Marked::Released | Marked::Orphaned | Marked::Living => {
            object.metadata.uid = Some(ANOTHER.into());
            object.metadata.name = Some("another".into());
        }
        Marked::Elsewhere => cluster = "another",
    }
    let mut mark = Marker::of(&object, cluster, None);
    mark.released = marked == Marked::Released;
    let by = match instance {
        Instance::None | Instance::Unmarked => return Some(mark),
        Instance::Owners => object.uid().unwrap(),
        Instance::Unconfirmed => "an earlier one".to_owned(),
    };
    mark.instance = Some(InstanceMark {
        id: OURS.into(),
        digest: "d".into(),
        by,
    });
    Some(mark)
}

pub fn case(marked: Marked, named: Named, instance: Instance, state: &S) -> Case {
    let mut case = Case::new(state).see(|node| {
        if named != Named::ByUid {
            node.uuid = OTHER.into();
        }
        node.name = Some("theirs".into());
        node.driver_info = bmc("one.example").0;
        node.extra.clear();
        if let Some(marker) = marker(marked, instance) {
            node.extra.insert(KEY.into(), marker.value());
        }
        if marked == Marked::Garbage {
            node.extra.insert(KEY.into(), json!("torn"));
        }
        node.instance_uuid = match instance {
            Instance::None => None,
            Instance::Owners | Instance::Unconfirmed => Some(OURS.into()),
            Instance::Unmarked => Some(THEIRS.into()),
        };
    });
    // The fields are in order, so that nothing comes before the steps that matter.
    case.object.spec.name = Some("theirs".into());
    let import = |id: &str| {
        Some(Import {
            id: Some(id.into()),
            name: None,
        })
    };
    match named {
        Named::Not | Named::ByUid => {}
        Named::ByImport => case.object.spec.import = import(OTHER),
        Named::ByImportOfAnother => case.object.spec.import = import(UID),
        Named::ByBmc => case.object.spec.driver_info = Some(bmc("https://ONE.example:443/")),
        Named::ByAnotherBmc => case.object.spec.driver_info = Some(bmc("two.example")),
    }
    if marked == Marked::Orphaned {
        case.holder = Liveness::Gone;
    }
    case
}

/// What a spec can want.
fn wishes(case: &Case) -> Vec<Case> {
    use WantedState::{Active, Available, Manageable};
    let states = [None, Some(Manageable), Some(Available), Some(Active)];
    let policies = [DeletionPolicy::Delete, DeletionPolicy::Undeploy];
    let mut all: Vec<_> = states.iter().map(|state| case.clone().want(*state)).collect();
    all.extend(policies.map(|policy| {
        let mut case = case.clone();
        case.object.spec.deletion_policy = Some(policy);
        delete(&mut case.object);
        case
    }));
    all
}

/// Whether the object may act on the node at all, in words of its own.
fn may_act(marked: Marked, named: Named) -> bool {
    let fits = matches!(named, Named::ByUid | Named::ByImport | Named::ByBmc);
    match marked {
        _ if named == Named::ByImportOfAnother => false,
        Marked::Own => true,
        Marked::No => matches!(named, Named::ByUid | Named::ByImport),
        Marked::Predecessor | Marked::Released | Marked::Orphaned => fits,
        Marked::Living | Marked::Elsewhere | Marked::Garbage => false,
    }
}

fn check(marked: Marked, named: Named, instance: Instance, case: &Case) -> bool {
    let choice = case.with(decide).choice;
    let Choice::Step(step) = choice else {
        return false;
    };
    let said = format!(
        "{step:?}: {marked:?} {named:?} {instance:?} {:?}",
        case.object.spec.provision
    );
    assert!(may_act(marked, named), "{said}");
    let deleting = case.object.metadata.deletion_timestamp.is_some();
    let own = marked == Marked::Own || (marked == Marked::No && named == Named::ByUid);
    assert!(own || (step == Step::Patch && !deleting), "{said}");
    let touches =
        Destructive::of(step).is_some() || matches!(step, Step::Deploy | Step::Unclaim | Step::Claim);
    if touches && instance != Instance::None {
        assert_eq!((marked, instance), (Marked::Own, Instance::Owners), "{said}");
    }
    Destructive::of(step).is_some()
}

#[test]
fn only_what_is_the_objects_own_is_moved_and_only_its_own_instance_destroyed() {
    let (mut acted, mut destroyed) = (0, 0);
    for marked in MARKED {
        for named in NAMED {
            for instance in INSTANCES {
                for state in [
                    S::Enroll,
                    S::Manageable,
                    S::Available,
                    S::Active,
                    S::DeployFailed,
                    S::Error,
                ] {
                    for case in wishes(&case(marked, named, instance, &state)) {
                        destroyed += usize::from(check(marked, named, instance, &case));
                        acted += usize::from(may_act(marked, named));
                    }
                }
            }
        }
    }
    assert!(acted > 500 && destroyed > 50, "{acted} {destroyed}");
}

/// A row and where its BMC is.
fn row(id: &str, marked: Marked) -> (NodeSummary, Option<Bmc>) {
    let mut node = Node {
        uuid: id.into(),
        driver_info: bmc("one.example").0,
        ..Node::default()
    };
    if let Some(marker) = marker(marked, Instance::None) {
        node.extra.insert(KEY.into(), marker.value());
    }
    (NodeSummary::from(&node), Bmc::of(&node.driver_info))
}

/// The node that an object at that BMC finds, and a conflict as `!`.
fn finds(rows: &[(NodeSummary, Option<Bmc>)], recorded: Option<&str>, enrolled: bool) -> String {
    let mut case = Case::new(&S::Enroll);
    case.object.spec.driver_info = Some(bmc("one.example"));
    case.object.status.get_or_insert_default().id = recorded.map(str::to_owned);
    let claim = Claim::of(&case.object, &case.secrets, CLUSTER, None);
    let candidates: Vec<_> = rows
        .iter()
        .map(|(row, bmc)| Candidate {
            row,
            bmc: bmc.as_ref(),
            holder: Liveness::Gone,
        })
        .collect();
    match claim.find(&candidates, enrolled) {
        Found::Node(row) => row.uuid.clone(),
        Found::Conflict(conflict) => format!("! {}", claim.say(conflict)),
        Found::Nothing => String::new(),
    }
}

#[test]
fn of_several_nodes_one_is_found_or_it_is_said_that_it_cannot_be_told() {
    let left = row("left", Marked::Predecessor);
    let released = row("released", Marked::Released);
    assert_eq!(finds(&[], None, false), "");
    assert_eq!(finds(std::slice::from_ref(&left), None, false), "left");
    let both = [left.clone(), released.clone()];
    let said = finds(&both, None, false);
    assert!(
        said.starts_with('!') && said.contains("left") && said.contains("released"),
        "{said}"
    );
    assert_eq!(
        finds(&both, Some("released"), false),
        "released",
        "the status tells"
    );
    assert_eq!(
        finds(&both, Some("gone"), true),
        "",
        "an object that has a node takes no other one"
    );
    let own = row(UID, Marked::Own);
    assert_eq!(finds(&[left.clone(), own.clone(), released], None, false), UID);
    let copied = row("copied", Marked::Own);
    assert_eq!(
        finds(&[copied.clone(), own], None, false),
        UID,
        "what the object created itself"
    );
    let said = finds(&[copied, row("copied twice", Marked::Own)], None, false);
    assert!(said.starts_with("! It cannot be told"), "{said}");
    let lost = (row("lost", Marked::No).0, None);
    let said = finds(&[lost], Some("lost"), false);
    assert!(said.starts_with("! The node that status.id names"), "{said}");
    let said = finds(&[row("theirs", Marked::No)], None, false);
    assert!(said.starts_with("! The machine at"), "{said}");
}
