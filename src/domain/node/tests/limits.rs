//! Room and budget: who waits for them does nothing and says so.

use super::super::gate::{Destructive, Proof, gate};
use super::super::outcome::{self, CallClass, CallFailure};
use super::super::plan::{Action, NodePlan, decide};
use super::super::room;
use super::super::rules::{Choice, Step};
use super::fixture::{Case, NOW, Sight};
use crate::api::conditions::types;
use crate::api::node::WantedState;
use crate::domain::budget::Budget;
use crate::ironic::model::{Pool, ProvisionState, Queue, Standing, Work};

/// Everything an object can be told of its place in line.
pub fn standings() -> Vec<Standing> {
    let queue = |pool, place| Queue {
        pool,
        limit: 2,
        under_way: 3,
        place,
    };
    let waiting = Work::ALL.iter().flat_map(move |work| {
        let pools = work.pools().iter();
        pools
            .flat_map(move |pool| [1, 7, 77, 7777].map(|place| Standing::Waiting(*work, queue(*pool, place))))
    });
    let granted = Work::ALL.iter().map(|work| Standing::Granted(*work));
    [Standing::Unlimited, Standing::Unasked]
        .into_iter()
        .chain(granted)
        .chain(waiting)
        .collect()
}

/// Who waits for room or budget does nothing and says so, and who acts has both.
pub fn check_limits(case: &Case, plan: &NodePlan) {
    let Choice::Step(step) = plan.choice else {
        return assert_eq!(plan.work, None, "{:?}", plan.choice);
    };
    let reason = plan
        .status
        .conditions
        .iter()
        .find(|condition| condition.type_ == types::READY);
    let reason = reason.map(|condition| condition.reason.as_str());
    let work = room::work(step);
    let has_room = work
        .is_none_or(|work| matches!(case.room, Standing::Unlimited) || case.room == Standing::Granted(work));
    let can_pay = Destructive::of(step).is_none() || case.budget.is_none_or(|budget| budget.left() > 0);
    match &plan.action {
        Some(Action::AskRoom(asked)) => assert_eq!((work, has_room, can_pay), (Some(*asked), false, true)),
        Some(Action::Call(..) | Action::LookNow | Action::Confirm(_) | Action::ReadSecrets) => {
            assert!(has_room && can_pay, "{step:?}");
        }
        None if reason == Some("WaitingForRoom") => {
            assert!(!has_room && can_pay && plan.work == work);
            assert!(plan.status.waiting.is_some());
        }
        None if reason == Some("BudgetSpent") => {
            assert!(!can_pay && plan.work.is_none() && plan.again_at.is_some());
            assert!(
                plan.status.waiting.is_none(),
                "a place in line costs somebody else's time"
            );
        }
        None | Some(Action::Look | Action::AddFinalizer | Action::RemoveFinalizer(_)) => {}
    }
}

fn manageable() -> Case {
    let mut case = Case::new(&ProvisionState::Manageable).want(Some(WantedState::Available));
    case.room = Standing::Unasked;
    case
}

fn in_line(place: usize) -> Standing {
    let queue = Queue {
        pool: Pool::Cleans,
        limit: 50,
        under_way: 50,
        place,
    };
    Standing::Waiting(Work::Clean, queue)
}

#[test]
fn a_place_in_line_is_told_and_kept_through_a_restart_and_given_up_when_paused() {
    let mut case = manageable();
    case.room = in_line(34);
    let plan = case.with(decide);
    let status = plan.status;
    let message = &status.conditions[0].message;
    assert_eq!(
        message,
        "50 nodes of this Ironic are being torn down or cleaned, of at most 50 (spec.limits.cleans of BareMetalCloud lab). This node is at about place 40 in line, since 2027-01-15T08:00:00Z, and goes on by itself."
    );
    case.object.status = Some(status.clone());
    case.now = NOW + 100;
    case.room = in_line(31);
    assert_eq!(
        case.with(decide).status,
        status,
        "a few steps forward are no news"
    );
    case.room = Standing::Unasked;
    let plan = case.with(decide);
    assert!(matches!(plan.action, Some(Action::AskRoom(Work::Clean))));
    assert_eq!(plan.status.waiting, status.waiting);
    assert_eq!(
        case.with(|facts| room::since(Work::Clean, facts).as_second()),
        NOW
    );
    case.paused = true;
    let plan = case.with(decide);
    assert_eq!((plan.work, plan.status.waiting), (None, None));
}

/// The whole node is read first and the intent comes last; a look that has become old is taken again.
#[test]
fn what_destroys_is_announced_on_a_look_of_now() {
    for (state, want, step) in [
        (ProvisionState::Manageable, WantedState::Available, Step::Provide),
        (ProvisionState::Manageable, WantedState::Active, Step::Provide),
    ] {
        let mut case = Case::new(&state).want(Some(want));
        for (holds, confirmed) in [(false, None), (false, Some(step)), (true, None)] {
            (case.looked, case.confirmed) = (if holds { 0 } else { 4 }, confirmed);
            let action = case.with(decide).action;
            if holds {
                assert!(matches!(action, Some(Action::Confirm(_))));
            } else {
                assert!(matches!(action, Some(Action::LookNow)));
            }
        }
        case.confirmed = Some(step);
        assert!(matches!(case.with(decide).action, Some(Action::Call(..))));
        let Sight::Full(node) = case.sight.clone() else {
            panic!()
        };
        case.sight = Sight::Summary(node);
        let lacks = case.with(|facts| gate(step, facts).lacks);
        assert_eq!(lacks, Proof::Look, "a row is not enough");
    }
}

/// Between the intent and the step anything may fail: the object asks anew, as one that was there before the others.
#[test]
fn who_was_let_in_keeps_its_place_until_the_step_is_taken() {
    let mut case = manageable();
    case.room = Standing::Granted(Work::Clean);
    let plan = case.with(decide);
    assert!(matches!(plan.action, Some(Action::Confirm(_))));
    case.object.status = Some(plan.status);
    case.now = NOW + 100;
    case.room = Standing::Unasked;
    assert_eq!(
        case.with(|facts| room::since(Work::Clean, facts).as_second()),
        NOW
    );
    case.room = Standing::Granted(Work::Clean);
    case.confirmed = Some(Step::Provide);
    let plan = case.with(decide);
    assert!(matches!(plan.action, Some(Action::Call(Step::Provide, _))));
    assert_eq!(plan.status.waiting.as_ref().unwrap().since.0.as_second(), NOW);
    let failed = |class| {
        let failure = CallFailure {
            reason: crate::api::conditions::Reason::IronicUnavailable,
            words: "no answer".into(),
            class,
        };
        case.with(|facts| outcome::failed(plan.status.clone(), Step::Provide, facts, &failure))
    };
    assert_eq!(failed(CallClass::Transient).waiting, plan.status.waiting);
    assert_eq!(failed(CallClass::Blocked).waiting, None, "it had its turn");
    let taken = case.with(|facts| outcome::taken(plan.status.clone(), Step::Provide, facts));
    assert_eq!(taken.waiting, None);
}

#[test]
fn room_for_something_else_is_none() {
    let mut case = manageable();
    case.room = Standing::Granted(Work::Deploy);
    let asks = |case: &Case| matches!(case.with(decide).action, Some(Action::AskRoom(Work::Clean)));
    assert!(asks(&case));
    case.room = Standing::Granted(Work::Clean);
    assert!(matches!(case.with(decide).action, Some(Action::Confirm(_))));
}

#[test]
fn what_was_paid_for_is_not_paid_for_again() {
    let mut case = manageable();
    case.room = Standing::Granted(Work::Clean);
    case.budget = Some(Budget {
        per_hour: 1,
        spent: 1,
        next: jiff::Timestamp::from_second(NOW + 60).ok(),
    });
    let plan = case.with(decide);
    assert!(plan.action.is_none() && plan.again_at.is_some() && plan.work.is_none());
    let mut paid = case.clone();
    paid.paid = true;
    assert!(matches!(paid.with(decide).action, Some(Action::Confirm(_))));
    // The last unit was taken for this very step.
    case.confirmed = Some(Step::Provide);
    assert!(matches!(
        case.with(decide).action,
        Some(Action::Call(Step::Provide, _))
    ));
}

#[test]
fn those_who_wait_for_a_unit_do_not_all_wake_at_once() {
    let at = |second| jiff::Timestamp::from_second(second).unwrap();
    let mut case = manageable();
    case.room = Standing::Granted(Work::Clean);
    case.budget = Some(Budget {
        per_hour: 1,
        spent: 1,
        next: Some(at(NOW + 60)),
    });
    let turn = case.with(|facts| room::turn(at(NOW + 60), facts));
    assert_eq!(case.with(decide).again_at, Some(turn));

    let mut wakes = |uid: usize, next: i64| {
        case.object.metadata.uid = Some(uid.to_string());
        let after = case.with(|facts| room::turn(at(next), facts)).as_millisecond() - next * 1000;
        assert!((0..60_000).contains(&after), "{after} ms");
        after
    };
    let mut seconds = [0; 60];
    for uid in 0..600 {
        seconds[usize::try_from(wakes(uid, NOW + 60) / 1000).unwrap()] += 1;
    }
    assert!(seconds.iter().all(|count| *count < 40), "{seconds:?}");
    let firsts: std::collections::BTreeSet<_> = (1..=20)
        .map(|minute| (0..10).min_by_key(|uid| wakes(*uid, NOW + 60 * minute)))
        .collect();
    assert!(firsts.len() > 3, "the first are always {firsts:?}");
}
