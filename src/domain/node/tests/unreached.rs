//! A BMC that is away at enrolment is waited for; one that refuses is asked three times.

use super::super::outcome::{self, CallClass, CallFailure};
use super::super::plan::{Action, decide};
use super::super::rules::Step;
use super::credentials::settled;
use super::fixture::{Case, NOW};
use super::table::{available, says};
use crate::api::conditions::Reason;
use crate::domain::conditions::Standing::{Reconciling, Stalled};
use crate::ironic::model::ProvisionState as S;

const AWAY: &str = "Failed to get power state for node x. Error: Unable to connect to https://bmc/redfish/v1/. Error: [Errno 113] No route to host";
const REFUSED: &str = "Failed to get power state for node x. Error: HTTP GET https://bmc/redfish/v1/Systems/1 returned code 401. Unauthorized";

/// Lets an hour pass with a BMC that answers the n-th verification so; when each was begun.
fn verify(case: &mut Case, answer: impl Fn(usize) -> &'static str, until: i64) -> Vec<i64> {
    let mut begun = vec![];
    while case.now < until {
        let (action, status, again, taken) = case.with(|facts| {
            let plan = decide(facts);
            let taken = outcome::taken(plan.status.clone(), Step::Manage, facts);
            (plan.action, plan.status, plan.again_at, taken)
        });
        case.object.status = Some(status);
        match action {
            Some(Action::Call(Step::Manage, _)) => {
                begun.push(case.now - NOW);
                case.object.status = Some(taken);
                let words = answer(begun.len());
                *case = case.clone().see(|node| node.last_error = Some(words.to_owned()));
            }
            None => case.now = again.map_or(until, jiff::Timestamp::as_second),
            Some(_) => panic!("nothing else is to do"),
        }
    }
    begun
}

#[test]
fn a_bmc_that_is_away_is_tried_ever_more_slowly_and_nobody_is_needed() {
    let mut case = available(&S::Enroll);
    let begun = verify(&mut case, |_| AWAY, NOW + 3600);
    let pauses: Vec<_> = begun.windows(2).map(|pair| pair[1] - pair[0]).collect();
    assert_eq!(pauses[..7], [5, 10, 20, 40, 80, 160, 300]);
    assert!(pauses[7..].iter().all(|pause| *pause == 300), "{pauses:?}");
    case.now -= 1;
    says(&case, Reconciling, Reason::BmcUnreachable, "No route to host");
    says(
        &case,
        Reconciling,
        Reason::BmcUnreachable,
        "tried again after a pause",
    );
}

#[test]
fn only_refusals_count_towards_the_three() {
    let mut case = available(&S::Enroll);
    let begun = verify(&mut case, |_| REFUSED, NOW + 3600);
    assert_eq!(begun.len(), 3);
    says(&case, Stalled, Reason::VerifyFailed, "lock accounts");
    // Whichever comes first: five times away do not use up a try, and do not give one back.
    let mut case = available(&S::Enroll);
    let begun = verify(
        &mut case,
        |try_| if try_ <= 5 { AWAY } else { REFUSED },
        NOW + 7200,
    );
    assert_eq!(begun.len(), 5 + 3);
    says(&case, Stalled, Reason::VerifyFailed, "returned code 401");
    let mut case = available(&S::Enroll);
    let between = |try_| if [3, 4].contains(&try_) { AWAY } else { REFUSED };
    assert_eq!(verify(&mut case, between, NOW + 7200).len(), 3 + 2);
}

#[test]
fn what_cannot_be_told_counts_as_a_refusal() {
    for words in ["IPMI call failed: power status.", "something new"] {
        let mut case = available(&S::Enroll);
        assert_eq!(verify(&mut case, |_| words, NOW + 3600).len(), 3, "{words}");
    }
}

/// What the executor makes of a BMC that is not reached with new credentials.
#[test]
fn new_credentials_that_no_bmc_heard_of_are_not_given_up() {
    let mut case = settled(&S::Active);
    super::credentials::secret(&mut case, "2", "calvin-2");
    let away = CallFailure {
        reason: Reason::BmcUnreachable,
        words: AWAY.into(),
        class: CallClass::Blocked,
    };
    let mut tries = 0;
    for _ in 0..20 {
        let (action, status, failed, patched) = case.with(|facts| {
            let plan = decide(facts);
            let failed = outcome::failed(plan.status.clone(), Step::Prove, facts, &away);
            let patched = outcome::taken(plan.status.clone(), Step::Patch, facts);
            (plan.action, plan.status, failed, patched)
        });
        case.object.status = Some(match action {
            Some(Action::Call(Step::Prove, _)) => {
                tries += 1;
                failed
            }
            Some(Action::Call(Step::Patch, _)) => patched,
            _ => status,
        });
        case.now += 400;
    }
    assert!(tries > 10, "{tries}");
    case.now -= 400;
    says(&case, Reconciling, Reason::BmcUnreachable, "No route to host");
}
