//! What must hold in every situation. The checks take the chooser as an argument, so that mutants can be passed in.

use std::collections::BTreeSet;

use super::super::gate::Destructive;
use super::super::rules::{Choice, NO_RULE, RULES, Step, choose};
use super::super::situation::{Gap, Grip, Guard, Place, Refs, Situation, Tenant, View, Want, Writes, place};
pub use super::legal::states;
use super::legal::{legal, sendable};
use crate::api::conditions::Reason;
use crate::ironic::model::{NodeSummary, ProvisionState};

/// A chooser under test.
pub type Chooser = fn(&Situation) -> Choice;

/// A check of one answer.
type Check = fn(&Situation, Choice) -> bool;

/// What every answer must fulfil, by name.
const CHECKS: &[(&str, Check)] = &[
    (
        "destructive only when asked, ours or nobody's, and free",
        destructive,
    ),
    (
        "nothing is sent on what is not known, held, running or busy",
        sendable,
    ),
    ("nothing is sent when paused, suspect or blind", permitted),
    ("every verb is legal from its place", legal),
    ("a patch is computed from the whole node", full_view),
    ("detaching always releases", detach),
    (
        "a deletion creates, provides and deploys nothing, and changes only how an instance is left",
        deletion,
    ),
    ("a wait that the spec no longer wants is ended", left),
    ("a foreign tenant sees no step but a change of fields", foreign),
    (
        "an object is released only when nothing of it can be left",
        release,
    ),
    (
        "maintenance is entered when asked for, and lifted when ours",
        maintenance,
    ),
    ("the power changes as asked, and not under maintenance", power),
    (
        "an inspection is made when it is due, and not for ever",
        inspection,
    ),
    (
        "credentials are tried when they are new, and before the machine is moved",
        credentials,
    ),
    (
        "a node without the object's own mark sees no step but the one that writes it",
        marked,
    ),
    ("settled means there, or in use by who took the offer", settled),
];

/// The first situation and check that the chooser fails.
pub fn first_failure(choose: Chooser) -> Option<String> {
    Situation::all().find_map(|situation| {
        let choice = choose(&situation);
        let failed = CHECKS.iter().find(|(_, check)| !check(&situation, choice))?;
        Some(format!("{}: {choice:?} in {situation:?}", failed.0))
    })
}

/// The product's own chooser.
pub fn chosen(situation: &Situation) -> Choice {
    choose(situation).0
}

pub fn step(choice: Choice) -> Option<Step> {
    match choice {
        Choice::Step(step) => Some(step),
        _ => None,
    }
}

fn destructive(s: &Situation, choice: Choice) -> bool {
    let Some(step) = step(choice).filter(|step| Destructive::of(*step).is_some()) else {
        return true;
    };
    let free = s.grip == Grip::Free && !matches!(s.guard, Guard::Maintenance | Guard::Protected);
    let asked = match step {
        Step::PowerOff => s.edit == Gap::PowerOff && !s.want.is_deletion(),
        Step::Provide => {
            matches!(s.want, Want::Available | Want::Active | Want::Rescue) && s.guard != Guard::Retired
        }
        Step::Inspect => s.edit == Gap::Inspect && !s.want.is_deletion(),
        Step::Rescue => s.want == Want::Rescue,
        Step::Unrescue => s.want == Want::Active,
        Step::Deploy => matches!(s.want, Want::Active | Want::Rescue),
        Step::Undeploy => matches!(s.want, Want::Available | Want::Manageable | Want::Wiped),
        _ => matches!(s.want, Want::Gone | Want::Wiped),
    };
    let owner = match step {
        Step::Deploy => s.tenant == Tenant::Ours,
        Step::Undeploy | Step::Rescue | Step::Unrescue => {
            matches!(s.tenant, Tenant::Ours | Tenant::OursChanged)
        }
        Step::PowerOff => !s.tenant.is_anothers() && s.tenant != Tenant::Gone,
        _ => s.tenant == Tenant::Nobody,
    };
    free && asked && owner && s.writes == Writes::Allowed
}

fn permitted(s: &Situation, choice: Choice) -> bool {
    let blind = !matches!(s.view, View::Summary | View::Full);
    step(choice).is_none() || (s.writes == Writes::Allowed && !blind)
}

fn full_view(s: &Situation, choice: Choice) -> bool {
    let computed = matches!(
        step(choice),
        Some(Step::Patch | Step::AddTrait | Step::RemoveTrait | Step::PowerOff | Step::Claim | Step::Inspect)
    );
    !computed || s.view == View::Full
}

fn detach(s: &Situation, choice: Choice) -> bool {
    s.want != Want::Released || choice == Choice::Release
}

fn deletion(s: &Situation, choice: Choice) -> bool {
    // What decides how our instance is left is written before.
    let settles = s.want == Want::Wiped && s.tenant.is_ours() && s.edit == Gap::Now && s.refs == Refs::Ready;
    !s.want.is_deletion()
        || match step(choice) {
            None => true,
            Some(Step::Patch) => settles,
            Some(
                Step::Undeploy
                | Step::Unclaim
                | Step::Delete
                | Step::Manage
                | Step::Abort
                | Step::LeaveMaintenance,
            ) => !(settles && step(choice) == Some(Step::Undeploy)),
            Some(_) => false,
        }
}

/// Nobody has to wait for a timeout of Ironic's for what the spec no longer wants.
fn left(s: &Situation, choice: Choice) -> bool {
    let wanted = matches!(s.want, Want::Wiped | Want::Available | Want::Manageable);
    let free = s.grip == Grip::Free && matches!(s.guard, Guard::None | Guard::Retired);
    let may = s.writes == Writes::Allowed && s.view == View::Full;
    let all = wanted && free && may && s.tenant.is_ours() && s.edit == Gap::None;
    let goes = free && s.writes == Writes::Allowed && s.want.is_deletion() && s.want != Want::Released;
    let inspects = goes && s.tenant == Tenant::Nobody && s.place == Place::InspectWait;
    (!(all && s.place == Place::Awaiting) || choice == Choice::Step(Step::Undeploy))
        && (!inspects || choice == Choice::Step(Step::Abort))
}

fn foreign(s: &Situation, choice: Choice) -> bool {
    let fields = matches!(
        step(choice),
        None | Some(
            Step::Patch
                | Step::AddTrait
                | Step::RemoveTrait
                | Step::EnterMaintenance
                | Step::LeaveMaintenance
        )
    );
    // No instance is known to be there: the credentials are the object's own business.
    let proves = s.tenant == Tenant::Gone && step(choice) == Some(Step::Prove);
    !(s.tenant.is_anothers() || s.tenant == Tenant::Gone) || fields || proves
}

fn release(s: &Situation, choice: Choice) -> bool {
    let nothing_left = matches!(s.place, Place::Absent | Place::Lost | Place::Taken)
        && matches!(s.view, View::Summary | View::Full)
        && s.writes != Writes::Suspect;
    choice != Choice::Release
        || s.want == Want::Released
        || (s.want.is_deletion() && s.writes == Writes::Observing)
        || (matches!(s.want, Want::Gone | Want::Wiped) && nothing_left)
}

fn power(s: &Situation, choice: Choice) -> bool {
    match step(choice) {
        Some(Step::PowerOn) => s.edit == Gap::PowerOn && s.guard != Guard::Maintenance,
        Some(Step::PowerOff) => s.edit == Gap::PowerOff,
        _ => true,
    }
}

fn credentials(s: &Situation, choice: Choice) -> bool {
    let unproven = s.edit == Gap::Unproven && !s.want.is_deletion();
    match step(choice) {
        Some(Step::Prove) => unproven && !s.tenant.is_anothers(),
        Some(_) => !unproven || s.place == Place::Absent,
        None => true,
    }
}

fn marked(s: &Situation, choice: Choice) -> bool {
    let leaves = s.want.is_deletion();
    s.edit != Gap::Mark || leaves || matches!(step(choice), None | Some(Step::Patch))
}

fn maintenance(s: &Situation, choice: Choice) -> bool {
    match step(choice) {
        Some(Step::EnterMaintenance) => s.edit == Gap::Enter,
        Some(Step::LeaveMaintenance) => s.edit == Gap::Lift,
        _ => true,
    }
}

fn inspection(s: &Situation, choice: Choice) -> bool {
    let place = matches!(s.place, Place::Manageable | Place::InspectFailed);
    let due = s.edit == Gap::Inspect && s.tenant == Tenant::Nobody && place && !s.want.is_deletion();
    match step(choice) {
        Some(Step::Inspect) => due,
        Some(Step::Abort) => {
            s.place == Place::InspectWait && s.want.is_deletion() && s.tenant == Tenant::Nobody
        }
        // Out of a failure that is tried again there is no other way than that.
        Some(Step::Manage | Step::Provide) => !due,
        _ => true,
    }
}

fn settled(s: &Situation, choice: Choice) -> bool {
    let there = match s.want {
        Want::Untouched => s.place.seen(),
        Want::Manageable => s.place == Place::Manageable,
        Want::Available => s.place == Place::Available || s.tenant.is_anothers(),
        Want::Active => s.place == Place::Active && !s.tenant.is_anothers(),
        Want::Rescue => s.place == Place::Rescue && !s.tenant.is_anothers(),
        Want::Gone | Want::Wiped | Want::Released => false,
    };
    if choice == Choice::Settled(Reason::Observing) {
        let told = s.edit != Gap::Now || s.view == View::Full;
        return s.writes == Writes::Observing && s.place.seen() && !s.want.is_deletion() && told;
    }
    // The power of a machine in use is its user's, and no credentials are tried on it.
    let power = matches!(s.edit, Gap::PowerOn | Gap::PowerOff | Gap::PowerPinned);
    let inspection = matches!(s.edit, Gap::Inspect | Gap::InspectedInVain);
    // Inspected is only what is on its way from being enrolled, and nobody's.
    let not_here = inspection
        && (s.tenant != Tenant::Nobody
            || s.place != Place::InspectFailed && (s.edit, s.place) != (Gap::Inspect, Place::Manageable));
    let theirs = (power || s.edit == Gap::Unproven) && s.tenant.is_anothers();
    !matches!(choice, Choice::Settled(_))
        || (there
            && (s.edit == Gap::None || theirs || not_here)
            && s.writes == Writes::Allowed
            && s.grip == Grip::Free)
}

#[test]
fn every_answer_in_every_situation_is_safe() {
    assert_eq!(first_failure(chosen), None);
}

#[test]
fn the_situations_are_many_but_not_too_many_and_all_different() {
    let mut count = 0;
    let mut seen = std::collections::HashSet::new();
    for situation in Situation::all() {
        count += 1;
        assert!(seen.insert(situation), "twice: {situation:?}");
    }
    assert!((200_000..5_000_000).contains(&count), "{count}");
}

#[test]
fn no_rule_is_dead_and_no_step_out_of_reach() {
    let (mut rules, mut steps) = (BTreeSet::new(), BTreeSet::new());
    for situation in Situation::all() {
        let (choice, rule) = choose(&situation);
        assert_ne!(rule, NO_RULE, "{situation:?}");
        rules.insert(rule);
        steps.extend(step(choice));
    }
    assert_eq!(rules, RULES.iter().map(|(name, _)| *name).collect());
    assert_eq!(steps, Step::ALL.iter().copied().collect());
}

#[test]
fn every_known_state_is_in_a_place_and_every_seen_place_has_a_state() {
    for &place in Place::ALL {
        let known = place.seen() && place != Place::Unknown;
        assert_eq!(states(place).next().is_some(), known, "{place:?}");
    }
    let odd = NodeSummary {
        provision_state: ProvisionState::Unknown("levitating".into()),
        ..NodeSummary::default()
    };
    assert_eq!(place(&odd), Place::Unknown);
}
