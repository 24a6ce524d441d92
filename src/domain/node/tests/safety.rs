//! What must hold in every situation. The checks take the chooser as an argument, so that mutants can be passed in.

use std::collections::BTreeSet;

use super::super::gate::Destructive;
use super::super::rules::{Choice, NO_RULE, RULES, Step, choose};
use super::super::situation::{Gap, Grip, Guard, Place, Situation, Tenant, View, Want, Writes, place};
use super::legal::legal;
pub use super::legal::states;
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
        "a deletion creates, changes, provides and deploys nothing",
        deletion,
    ),
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
        Step::Undeploy => matches!(s.want, Want::Available | Want::Manageable | Want::Wiped),
        _ => matches!(s.want, Want::Gone | Want::Wiped),
    };
    let owner = match step {
        Step::Undeploy | Step::Rescue | Step::Unrescue => {
            matches!(s.tenant, Tenant::Ours | Tenant::OursChanged)
        }
        Step::PowerOff => s.tenant != Tenant::Foreign,
        _ => s.tenant == Tenant::Nobody,
    };
    free && asked && owner && s.writes == Writes::Allowed
}

fn sendable(s: &Situation, choice: Choice) -> bool {
    let moving = matches!(s.place, Place::Running | Place::Held | Place::Unknown) || s.grip == Grip::Busy;
    let unsure = matches!(s.place, Place::Taken | Place::Unlisted | Place::Lost);
    step(choice).is_none() || !(moving || unsure)
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
    !s.want.is_deletion()
        || matches!(
            step(choice),
            None | Some(
                Step::Undeploy | Step::Unclaim | Step::Delete | Step::Manage | Step::LeaveMaintenance
            )
        )
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
    s.tenant != Tenant::Foreign || fields
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
        Some(Step::Prove) => unproven && s.tenant != Tenant::Foreign,
        Some(_) => !unproven || s.place == Place::Absent,
        None => true,
    }
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
        // Out of a failure that is tried again there is no other way than that.
        Some(Step::Manage | Step::Provide) => !due,
        _ => true,
    }
}

fn settled(s: &Situation, choice: Choice) -> bool {
    let there = match s.want {
        Want::Untouched => s.place.seen(),
        Want::Manageable => s.place == Place::Manageable,
        Want::Available => s.place == Place::Available || s.tenant == Tenant::Foreign,
        Want::Active => s.place == Place::Active && s.tenant != Tenant::Foreign,
        Want::Rescue => s.place == Place::Rescue && s.tenant != Tenant::Foreign,
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
    let theirs = (power || s.edit == Gap::Unproven) && s.tenant == Tenant::Foreign;
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
    assert!((200_000..3_000_000).contains(&count), "{count}");
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
