//! The whole decision on any facts: total, quiet, discreet, and kstatus.

use proptest::option;
use proptest::prelude::*;

use super::super::gate::Destructive;
use super::super::marker::{InstanceMark, KEY, Marker};
use super::super::outcome::{self, CallClass, CallFailure};
use super::super::plan::{Action, NodePlan, decide};
use super::super::rules::Choice;
use super::era::{Era, era};
use super::fixture::{CLUSTER, Case, NOW, OURS, Sight, THEIRS, delete, node, object};
use super::limits::{check_limits, standings};
use crate::api::BareMetalNodeStatus;
use crate::api::conditions::{Reason, types};
use crate::api::node::{DeletionPolicy, WantedState};
use crate::domain::budget::Budget;
use crate::ironic::model::{Node, PowerState, ProvisionState, Standing};

/// One moment in the life of an object.
#[derive(Clone, Debug)]
struct Moment {
    era: Era,
    read: bool,
    state: ProvisionState,
    sight: u8,
    want: Option<WantedState>,
    deletion: Option<DeletionPolicy>,
    claim: Option<&'static str>,
    marker: u8,
    flags: [bool; 8],
    words: Option<String>,
    /// Ironic repeats what the Secrets hold.
    echo: bool,
    outcome: u8,
    room: Standing,
    budget: Option<i32>,
}

fn states() -> Vec<ProvisionState> {
    let mut states = ProvisionState::ALL.to_vec();
    states.push(ProvisionState::Unknown("levitating".into()));
    states
}

prop_compose! {
    fn moment()(
        era in era(),
        read in any::<bool>(),
        state in prop::sample::select(states()),
        sight in 0..14_u8,
        want in option::of(prop::sample::select(&[WantedState::Manageable, WantedState::Available, WantedState::Active, WantedState::Rescue][..])),
        deletion in option::weighted(0.2, prop::sample::select(&[DeletionPolicy::Detach, DeletionPolicy::Delete, DeletionPolicy::Undeploy][..])),
        claim in option::of(prop::sample::select(&[OURS, THEIRS][..])),
        marker in 0..4_u8,
        flags in prop::array::uniform8(prop::bool::weighted(0.15)),
        words in option::of(prop_oneof![Just("BMC says no".to_owned()), Just("ü".repeat(4000))]),
        echo in any::<bool>(),
        outcome in 0..6_u8,
        room in prop::sample::select(standings()),
        budget in option::weighted(0.4, 0..2_i32),
    ) -> Moment {
        Moment { era, read, state, sight, want, deletion, claim, marker, flags, words, echo, outcome, room, budget }
    }
}

impl Moment {
    fn node(&self) -> Node {
        let mut node = node(&self.state);
        let mut marker = Marker::of(&object(), CLUSTER, None);
        marker.instance = (self.marker == 1).then(|| InstanceMark {
            id: OURS.into(),
            digest: "d".into(),
            by: String::new(),
        });
        match self.marker {
            0 => node.extra.clear(),
            3 => {
                node.extra.insert(KEY.to_owned(), serde_json::json!("torn"));
            }
            _ => _ = node.extra.insert(KEY.to_owned(), marker.value()),
        }
        node.instance_uuid = self.claim.map(str::to_owned);
        let [maintenance, protected, retired, reserved, moving, ..] = self.flags;
        (node.maintenance, node.protected, node.retired) = (maintenance, protected, retired);
        node.maintenance_reason = self.said();
        node.reservation = reserved.then(|| "conductor-1".to_owned());
        node.target_power_state = moving.then_some(PowerState::On);
        node.last_error = self.said();
        node
    }

    /// Ironic's words, with everything that Ironic was given, also where they are cut.
    fn said(&self) -> Option<String> {
        let named = |(secret, _): &(&&str, _)| self.era.from.iter().any(|(from, _)| from == *secret);
        let secrets = self.era.secrets.iter().filter(named);
        let held = secrets.flat_map(|(_, data)| data.values());
        let held: Vec<_> = held.filter(|_| self.echo).map(String::as_str).collect();
        let held = held.join(", ");
        let words = self.words.as_deref()?;
        Some(format!("{held} {}{}", words, held.repeat(90)))
    }

    fn case(&self, status: Option<BareMetalNodeStatus>) -> Case {
        let mut case = Case::new(&self.state).want(self.want);
        self.era.begin(&mut case, self.read);
        case.sight = match self.sight {
            0 => Sight::NoCloud,
            1 => Sight::NotYet,
            2 => Sight::Down,
            3 => Sight::Stale,
            4 => Sight::Absent,
            5 => Sight::Taken,
            6 => Sight::Unlisted,
            7 => Sight::Lost,
            8 | 9 => Sight::Summary(self.node()),
            _ => Sight::Full(self.node()),
        };
        if let Some(policy) = self.deletion {
            case.object.spec.deletion_policy = Some(policy);
            delete(&mut case.object);
        }
        let [.., paused, suspect, no_driver] = self.flags;
        case.paused = paused;
        case.looked = u64::from(self.outcome);
        case.suspect = suspect.then_some(Reason::NodesMissing);
        case.drivers = no_driver.then(|| vec!["fake".into()]);
        case.room = self.room;
        case.budget = self.budget.map(|left| Budget {
            per_hour: 5,
            spent: 5 - left,
            next: (left == 0).then(|| jiff::Timestamp::from_second(NOW + 600).unwrap()),
        });
        case.object.status = status;
        case
    }
}

fn truth<'a>(status: &'a BareMetalNodeStatus, kind: &str) -> Option<&'a str> {
    let found = status.conditions.iter().find(|condition| condition.type_ == kind);
    found.map(|condition| condition.status.as_str())
}

/// What every status must fulfil.
fn check(status: &BareMetalNodeStatus) {
    let [ready, reconciling, stalled] =
        [types::READY, types::RECONCILING, types::STALLED].map(|kind| truth(status, kind) == Some("True"));
    assert_eq!(
        [ready, reconciling, stalled]
            .iter()
            .filter(|holds| **holds)
            .count(),
        1,
        "{status:?}"
    );
    for condition in &status.conditions {
        assert!(Reason::parse(&condition.reason).is_some(), "{condition:?}");
        let says = condition.status == "True" || condition.type_ == types::READY;
        let sentence = condition.message.ends_with(['.', '!', '?', '…']) && !condition.message.contains("..");
        assert!(!says || sentence, "no sentence: {}", condition.message);
    }
    let json = serde_json::to_string(status).unwrap();
    assert!(json.len() < 32 * 1024, "{} bytes", json.len());
    assert!(!json.contains("hunter2"), "a secret in {json}");
}

fn kind(plan: &NodePlan) -> u8 {
    match &plan.action {
        None => 0,
        Some(Action::Look) => 1,
        Some(Action::ReadSecrets) => 2,
        Some(Action::AddFinalizer) => 3,
        Some(Action::RemoveFinalizer(_)) => 4,
        Some(Action::Confirm(_)) => 5,
        Some(Action::Call(..)) => 6,
        Some(Action::AskRoom(_)) => 7,
        Some(Action::LookNow) => 8,
    }
}

/// The status after the moment: what decide reports, and what the outcome of its action adds.
fn live_through(moment: &Moment, status: Option<&BareMetalNodeStatus>) -> BareMetalNodeStatus {
    let case = moment.case(status.cloned());
    let (plan, after) = case.with(|facts| {
        let plan = decide(facts);
        let after = match &plan.action {
            Some(Action::Confirm(step)) => outcome::intended(plan.status.clone(), *step, facts),
            Some(Action::LookNow) => outcome::late(plan.status.clone(), outcome::Late::Look, facts),
            Some(Action::Call(step, _)) => match moment.outcome {
                3 if Destructive::of(*step).is_some() => {
                    outcome::late(plan.status.clone(), outcome::Late::Sent(*step), facts)
                }
                0 | 1 => outcome::taken(plan.status.clone(), *step, facts),
                class => outcome::failed(plan.status.clone(), *step, facts, &failure(class, moment)),
            },
            _ => plan.status.clone(),
        };
        (plan, after)
    });
    let kept =
        Some(&plan.status) == case.object.status.as_ref() || plan.status == BareMetalNodeStatus::default();
    if !kept {
        check_limits(&case, &plan);
        check(&plan.status);
        let settled = matches!(plan.choice, Choice::Settled(_));
        assert_eq!(
            truth(&plan.status, types::READY) == Some("True"),
            settled,
            "{:?}",
            plan.choice
        );
    }
    for later in [0, 1, 3600] {
        let mut again = case.clone();
        again.object.status = Some(plan.status.clone());
        again.now += later;
        let second = again.with(decide);
        // When the time has come that the decision asked to be repeated at, anything may follow.
        let due = plan.again_at.is_some_and(|at| at.as_second() <= again.now);
        if !due {
            assert_eq!(second.status, plan.status, "another status {later} s later");
            assert_eq!(kind(&second), kind(&plan), "another action {later} s later");
        }
    }
    if after != plan.status && !after.conditions.is_empty() {
        check(&after);
    }
    after
}

fn failure(class: u8, moment: &Moment) -> CallFailure {
    CallFailure {
        reason: Reason::Rejected,
        words: moment.words.clone().unwrap_or("Bad request.".into()),
        class: match class {
            2 => CallClass::Transient,
            3 => CallClass::Blocked,
            _ => CallClass::Terminal,
        },
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_status_is_honest_quiet_and_discreet(moments in prop::collection::vec(moment(), 1..5), steady in any::<bool>()) {
        let mut status: Option<BareMetalNodeStatus> = None;
        let first = moments[0].clone();
        for mut moment in moments {
            if steady {
                moment.era = first.era.clone();
                moment.want = first.want;
            }
            status = Some(live_through(&moment, status.as_ref()));
        }
    }

    #[test]
    fn letting_go_needs_nobody(mut moment in moment(), status in any::<bool>()) {
        moment.deletion = Some(DeletionPolicy::Detach);
        let status = status.then(|| BareMetalNodeStatus { observed_generation: Some(1), ..BareMetalNodeStatus::default() });
        let plan = moment.case(status).with(decide);
        prop_assert!(matches!(plan.action, Some(Action::RemoveFinalizer(_))));
    }
}
