//! Decisions that are wrong on purpose: each must be caught, or the checks prove nothing.

use super::super::facts::NodeFacts;
use super::super::gate::tests::{gates, in_order};
use super::super::gate::{Gate, Proof, Tries, Verdict, judge};
use super::super::plan::{NodePlan, compose};
use super::super::room::{Price, Room};
use super::super::rules::{Choice, RULES, Step, choose};
use super::super::situation::{
    Gap, Grip, Guard, Place, Refs, Situation, Tenant, View, Want, Writes, summarise,
};
use super::reach::{endless, explore, may_rest};
use super::safety::{Chooser, chosen, first_failure};
use super::world::Decide;

/// A mutant sees another situation than the one that is.
type Blur = fn(Situation) -> Situation;

macro_rules! mutants {
    ($($name:ident: $blur:expr;)+) => {
        /// Mutants by name: as a chooser, and as a whole decision.
        const MUTANTS: &[(&str, Chooser, Decide)] = &[$((
            stringify!($name),
            |situation| {
                let blur: Blur = $blur;
                choose(&blur(*situation)).0
            },
            |facts| {
                let blur: Blur = $blur;
                decide_blurred(facts, blur)
            },
        ),)+];
    };
}

fn decide_blurred(facts: &NodeFacts, blur: Blur) -> NodePlan {
    let situation = blur(summarise(facts));
    let (choice, rule) = choose(&situation);
    compose(choice, rule, &situation, facts)
}

fn where_it_is(holds: bool, then: Situation, or: Situation) -> Situation {
    if holds { then } else { or }
}

mutants! {
    ignore_the_marker: |s| where_it_is(s.tenant == Tenant::Foreign, Situation { tenant: Tenant::Ours, ..s }, s);
    foreign_is_nobody: |s| where_it_is(s.tenant == Tenant::Foreign, Situation { tenant: Tenant::Nobody, ..s }, s);
    default_the_state_to_available: |s| where_it_is(s.want == Want::Untouched, Situation { want: Want::Available, ..s }, s);
    delete_means_undeploy: |s| where_it_is(s.want == Want::Gone, Situation { want: Want::Wiped, ..s }, s);
    detach_means_delete: |s| where_it_is(s.want == Want::Released, Situation { want: Want::Gone, ..s }, s);
    ignore_maintenance: |s| where_it_is(s.guard == Guard::Maintenance, Situation { guard: Guard::None, ..s }, s);
    ignore_protection: |s| where_it_is(s.guard == Guard::Protected, Situation { guard: Guard::None, ..s }, s);
    ignore_retirement: |s| where_it_is(s.guard == Guard::Retired, Situation { guard: Guard::None, ..s }, s);
    unlisted_is_absent: |s| where_it_is(s.place == Place::Unlisted, Situation { place: Place::Absent, ..s }, s);
    lost_is_absent: |s| where_it_is(s.place == Place::Lost, Situation { place: Place::Absent, ..s }, s);
    taken_is_absent: |s| where_it_is(s.place == Place::Taken, Situation { place: Place::Absent, ..s }, s);
    stale_is_fresh: |s| where_it_is(s.view == View::Stale, Situation { view: View::Summary, ..s }, s);
    down_is_fresh: |s| where_it_is(s.view == View::Down, Situation { view: View::Summary, ..s }, s);
    not_listed_yet_is_empty: |s| where_it_is(s.view == View::NotYet, Situation { view: View::Summary, ..s }, s);
    a_row_is_the_whole_node: |s| where_it_is(s.view == View::Summary, Situation { view: View::Full, ..s }, s);
    ignore_pauses: |s| where_it_is(s.writes == Writes::Paused, Situation { writes: Writes::Allowed, ..s }, s);
    ignore_suspicion: |s| where_it_is(s.writes == Writes::Suspect, Situation { writes: Writes::Allowed, ..s }, s);
    ignore_reservations: |s| where_it_is(s.grip == Grip::Busy, Situation { grip: Grip::Free, ..s }, s);
    unknown_is_manageable: |s| where_it_is(s.place == Place::Unknown, Situation { place: Place::Manageable, ..s }, s);
    held_is_failed: |s| where_it_is(s.place == Place::Held, Situation { place: Place::DeployFailed, ..s }, s);
    waits_are_sat_out: |s| where_it_is(s.place == Place::Awaiting, Situation { place: Place::Running, ..s }, s);
    inspections_are_sat_out: |s| where_it_is(s.place == Place::InspectWait, Situation { place: Place::Running, ..s }, s);
    every_wait_is_left: |s| where_it_is(s.place == Place::Running, Situation { place: Place::Awaiting, ..s }, s);
    a_deletion_forgets_what_was_asked: |s| where_it_is(s.want == Want::Wiped && s.edit == Gap::Now, Situation { edit: Gap::None, ..s }, s);
    running_is_available: |s| where_it_is(s.place == Place::Running, Situation { place: Place::Available, ..s }, s);
    failed_is_manageable: |s| where_it_is(s.place == Place::CleanFailed, Situation { place: Place::Manageable, ..s }, s);
    adoption_leaves_no_trace: |s| where_it_is(s.place == Place::AdoptFailed, Situation { place: Place::InspectFailed, tenant: Tenant::Nobody, ..s }, s);
    pending_fields_are_done: |s| where_it_is(s.edit == Gap::Later, Situation { edit: Gap::None, ..s }, s);
    ignore_the_policy: |s| where_it_is(s.writes == Writes::Observing, Situation { writes: Writes::Allowed, ..s }, s);
    the_power_is_as_wanted: |s| where_it_is(matches!(s.edit, Gap::PowerOn | Gap::PowerOff), Situation { edit: Gap::None, ..s }, s);
    on_is_off: |s| where_it_is(s.edit == Gap::PowerOn, Situation { edit: Gap::PowerOff, ..s }, s);
    pins_do_not_hold: |s| where_it_is(s.edit == Gap::PowerPinned, Situation { edit: Gap::PowerOff, ..s }, s);
    off_is_always_asked_for: |s| where_it_is(s.edit == Gap::None, Situation { edit: Gap::PowerOff, ..s }, s);
    any_maintenance_is_ours: |s| where_it_is(s.guard == Guard::Maintenance && s.edit == Gap::None, Situation { edit: Gap::Lift, ..s }, s);
    maintenance_is_always_asked_for: |s| where_it_is(s.edit == Gap::None, Situation { edit: Gap::Enter, ..s }, s);
    missing_traits_are_there: |s| where_it_is(s.edit == Gap::TraitMissing, Situation { edit: Gap::None, ..s }, s);
    surplus_traits_are_gone: |s| where_it_is(s.edit == Gap::TraitSurplus, Situation { edit: Gap::None, ..s }, s);
    active_means_rescue: |s| where_it_is(s.want == Want::Active, Situation { want: Want::Rescue, ..s }, s);
    rescue_means_active: |s| where_it_is(s.want == Want::Rescue, Situation { want: Want::Active, ..s }, s);
    unrescue_failed_is_active: |s| where_it_is(s.place == Place::UnrescueFailed, Situation { place: Place::Active, ..s }, s);
    inspect_always: |s| where_it_is(s.edit == Gap::None, Situation { edit: Gap::Inspect, ..s }, s);
    never_inspect: |s| where_it_is(s.edit == Gap::Inspect, Situation { edit: Gap::None, ..s }, s);
    inspect_for_ever: |s| where_it_is(s.edit == Gap::InspectedInVain, Situation { edit: Gap::Inspect, ..s }, s);
    our_maintenance_stays: |s| where_it_is(s.edit == Gap::Lift, Situation { edit: Gap::None, ..s }, s);
    new_credentials_are_good: |s| where_it_is(s.edit == Gap::Unproven, Situation { edit: Gap::None, ..s }, s);
    credentials_are_always_new: |s| where_it_is(s.edit == Gap::None, Situation { edit: Gap::Unproven, ..s }, s);
    changed_fields_are_done: |s| where_it_is(s.edit == Gap::Now, Situation { edit: Gap::None, ..s }, s);
}

/// Mutants that the search through the world must find too: they are about what is on the machine.
const FOUND_IN_THE_WORLD: &[&str] = &[
    "ignore_the_marker",
    "foreign_is_nobody",
    "default_the_state_to_available",
    "delete_means_undeploy",
    "ignore_maintenance",
    "adoption_leaves_no_trace",
    "any_maintenance_is_ours",
    "off_is_always_asked_for",
    "ignore_the_policy",
    "active_means_rescue",
    "inspect_always",
    "maintenance_is_always_asked_for",
];

#[test]
fn every_mutant_of_the_summary_is_caught() {
    for (name, chooser, _) in MUTANTS {
        assert!(first_failure(*chooser).is_some(), "{name} survives");
    }
}

#[test]
fn the_search_catches_what_endangers_a_machine() {
    for name in FOUND_IN_THE_WORLD {
        let (.., decide) = MUTANTS.iter().find(|(known, ..)| known == name).unwrap();
        assert!(explore(*decide, 120_000).is_err(), "{name} survives");
    }
}

/// Without the record of what is written, the operator would write it for ever.
#[test]
fn the_search_catches_a_loop_without_progress() {
    let forgets: Decide = |facts| {
        let mut plan = super::super::plan::decide(facts);
        let situation = Situation {
            edit: Gap::Now,
            ..summarise(facts)
        };
        if situation.place == Place::Manageable {
            let (choice, rule) = choose(&situation);
            plan = compose(choice, rule, &situation, facts);
        }
        plan
    };
    let found = explore(forgets, 300).unwrap();
    assert!(endless(&found).is_some());
}

/// Somebody changes a field behind the operator's back, and no row of the list tells.
#[test]
fn the_search_catches_drift_that_nobody_looks_for() {
    let blind: Decide = |facts| {
        super::super::plan::decide(&NodeFacts {
            fingerprint: None,
            ..*facts
        })
    };
    let found = explore(blind, 30_000).unwrap();
    let strayed = |(world, choice): &(_, Choice)| !may_rest(world, *choice);
    assert!(found.rests.iter().any(strayed));
}

/// The rules without one of them.
fn without(left_out: &str, situation: &Situation) -> Choice {
    let mut rules = RULES.iter().filter(|(name, _)| *name != left_out);
    rules
        .find_map(|(_, rule)| rule(situation))
        .unwrap_or(Choice::Stalled(crate::api::conditions::Reason::UnexpectedState))
}

#[test]
fn no_rule_can_be_left_out() {
    for (name, _) in RULES {
        let differs = Situation::all().any(|situation| without(name, &situation) != chosen(&situation));
        assert!(differs, "{name} changes nothing");
    }
    let guards: &[(&str, Chooser)] = &[
        ("detach", |s| without("detach", s)),
        ("look", |s| without("look", s)),
        ("trust", |s| without("trust", s)),
        ("paused", |s| without("paused", s)),
        ("observe", |s| without("observe", s)),
        ("transition", |s| without("transition", s)),
        ("leave", |s| without("leave", s)),
        ("edit", |s| without("edit", s)),
        ("prove", |s| without("prove", s)),
        ("tenant", |s| without("tenant", s)),
        ("guard", |s| without("guard", s)),
    ];
    for (name, chooser) in guards {
        assert!(first_failure(*chooser).is_some(), "nobody misses {name}");
    }
}

fn gate_holds(judge: impl Fn(Step, Gate) -> Verdict) -> bool {
    let judged = |step, gate| (judge(step, gate) == Verdict::Pass) == in_order(step, gate);
    Step::ALL
        .iter()
        .all(|&step| gates().all(|gate| judged(step, gate)))
}

/// A gate at which something that is missing passes for being there.
type Blind = fn(&mut Gate);

#[test]
fn no_condition_of_the_gate_can_be_dropped() {
    assert!(gate_holds(judge));
    let mutants: &[(&str, Blind)] = &[
        ("look", |gate| {
            if gate.lacks == Proof::Look {
                gate.lacks = Proof::Nothing;
            }
        }),
        ("intent", |gate| {
            if gate.lacks == Proof::Intent {
                gate.lacks = Proof::Nothing;
            }
        }),
        ("finalizer", |gate| gate.finalizer = true),
        ("secrets", |gate| gate.secrets = true),
        ("price", |gate| gate.price = Price::Affordable),
        ("room", |gate| gate.room = Room::Free),
        ("tries", |gate| gate.tries = Tries::Fresh),
    ];
    for (name, blind) in mutants {
        let mutant = |step, mut gate| {
            blind(&mut gate);
            judge(step, gate)
        };
        assert!(!gate_holds(mutant), "{name} can be dropped");
    }
}

#[test]
fn nothing_is_written_from_references_that_are_not_there() {
    let blind: Chooser = |s| {
        chosen(&Situation {
            refs: Refs::Ready,
            ..*s
        })
    };
    let written = |choose: Chooser| {
        Situation::all()
            .filter(|s| matches!(s.refs, Refs::Missing | Refs::Invalid | Refs::NoNode))
            .any(|s| {
                matches!(
                    choose(&s),
                    Choice::Step(Step::Create | Step::Patch | Step::Claim | Step::Deploy)
                )
            })
    };
    assert!(!written(chosen));
    assert!(written(blind));
}
