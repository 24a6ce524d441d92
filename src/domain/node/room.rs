//! Room for a step: which steps take some, and what an object says that has to wait for it, or for the budget.

use std::hash::{DefaultHasher, Hash, Hasher};

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

use super::facts::NodeFacts;
use super::gate::Destructive;
use super::rules::Step;
use super::status::Verdict;
use crate::api::BareMetalNodeStatus;
use crate::api::conditions::Reason;
use crate::api::node::Waiting;
use crate::domain::budget::Budget;
use crate::domain::conditions::Standing;
use crate::ironic::model::{self, Pool, Queue, Work};

/// What the step sets in motion, of which there is only so much at once.
pub fn work(step: Step) -> Option<Work> {
    match step {
        Step::PowerOff | Step::Delete => Some(Work::Destroy),
        Step::Manage
        | Step::Inspect
        | Step::Abort
        | Step::Provide
        | Step::Deploy
        | Step::Rescue
        | Step::Unrescue
        | Step::Undeploy => step.verb().and_then(Work::of),
        Step::Create
        | Step::Patch
        | Step::AddTrait
        | Step::RemoveTrait
        | Step::EnterMaintenance
        | Step::LeaveMaintenance
        | Step::PowerOn
        | Step::Claim
        | Step::Unclaim
        | Step::Prove => None,
    }
}

/// Whether there is room for a step.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Room {
    /// There is, or the step needs none.
    Free,
    /// Nobody asked yet.
    Unasked,
    /// There is none: the object stands in line.
    Full,
}

impl Room {
    /// The room for this step.
    pub fn of(step: Step, facts: &NodeFacts) -> Self {
        let Some(work) = work(step) else {
            return Room::Free;
        };
        match facts.cloud.room {
            model::Standing::Unlimited => Room::Free,
            model::Standing::Granted(granted) if granted == work => Room::Free,
            model::Standing::Waiting(asked, _) if asked == work => Room::Full,
            model::Standing::Unasked | model::Standing::Granted(_) | model::Standing::Waiting(..) => {
                Room::Unasked
            }
        }
    }
}

/// Whether the budget of destructive steps allows a step.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Price {
    /// It does, or the step destroys nothing, or it is paid for.
    Affordable,
    /// Nothing is left.
    TooHigh,
}

/// Whether the budget allows the step.
pub fn price(step: Step, facts: &NodeFacts) -> Price {
    let paid = facts.cloud.paid || facts.confirmed.is_some_and(|confirmed| confirmed.step() == step);
    let left = facts.cloud.budget.is_none_or(|budget| budget.left() > 0);
    if Destructive::of(step).is_none() || paid || left {
        Price::Affordable
    } else {
        Price::TooHigh
    }
}

/// The verdict on an object in line.
pub fn waiting(facts: &NodeFacts) -> Verdict {
    let message = match facts.cloud.room {
        model::Standing::Waiting(work, queue) => in_line(work, queue, facts),
        model::Standing::Unlimited | model::Standing::Unasked | model::Standing::Granted(_) => {
            "Waiting for room.".to_owned()
        }
    };
    Verdict {
        standing: Standing::Reconciling,
        reason: Reason::WaitingForRoom,
        message,
    }
}

fn in_line(work: Work, queue: Queue, facts: &NodeFacts) -> String {
    let (doing, field) = match queue.pool {
        Pool::Deploys => ("deployed", "deploys"),
        Pool::Cleans => ("torn down or cleaned", "cleans"),
        Pool::Destructive => (
            "deployed, torn down, cleaned, switched off or removed",
            "destructive.atOnce",
        ),
    };
    let since = since(work, facts);
    format!(
        "{} nodes of this Ironic are being {doing}, of at most {} (spec.limits.{field} of BareMetalCloud {}). This node is {} in line, since {since}, and goes on by itself.",
        queue.under_way,
        queue.limit,
        facts.object.spec.cloud_ref.name,
        place(queue.place),
    )
}

/// Coarse, so that a long line does not rewrite a thousand statuses for every step forward.
fn place(place: usize) -> String {
    match place {
        0 | 1 => "next".to_owned(),
        2..=9 => "among the next 10".to_owned(),
        10..=99 => format!("at about place {}", place.next_multiple_of(10)),
        _ => format!("at about place {}", place.next_multiple_of(100)),
    }
}

/// Since when the object waits for this work.
pub fn since(work: Work, facts: &NodeFacts) -> jiff::Timestamp {
    let journal = facts.object.status.as_ref();
    journal
        .and_then(|status| status.waiting.as_ref())
        .filter(|waiting| waiting.work == work.as_str())
        .map_or(whole_second(facts.now), |waiting| waiting.since.0)
}

fn whole_second(at: jiff::Timestamp) -> jiff::Timestamp {
    jiff::Timestamp::from_second(at.as_second()).unwrap_or(at)
}

/// The journal of an object in line, or let in and not gone yet.
pub fn record(status: &mut BareMetalNodeStatus, facts: &NodeFacts) {
    if let model::Standing::Waiting(work, _) | model::Standing::Granted(work) = facts.cloud.room {
        status.waiting = Some(Waiting {
            work: work.as_str().to_owned(),
            since: Time(since(work, facts)),
        });
    }
}

/// How long those who wait for the budget take to look again: a unit comes back once a minute at most.
const TURNS: SignedDuration = SignedDuration::from_mins(1);

/// When this object looks again, after a unit has come back at this time: somewhere within a minute, so that a thousand who wait
/// for one unit do not all decide, and write that they wait on, in the same moment; and elsewhere each time, so that nobody is
/// always the last.
pub fn turn(next: Timestamp, facts: &NodeFacts) -> Timestamp {
    let mut hasher = DefaultHasher::new();
    (facts.object.metadata.uid.as_deref(), next.as_second()).hash(&mut hasher);
    let within = TURNS.as_millis().unsigned_abs();
    let after = i64::try_from(u128::from(hasher.finish()) % within).unwrap_or_default();
    next.checked_add(SignedDuration::from_millis(after))
        .unwrap_or(next)
}

/// The verdict on an object whose step the budget does not allow now.
pub fn spent(budget: &Budget, facts: &NodeFacts) -> Verdict {
    let next = budget
        .next
        .map_or_else(String::new, |next| format!("; the next is possible at {next}"));
    let message = format!(
        "{} destructive steps were taken on nodes of BareMetalCloud {} in the last hour, of at most {} (its spec.limits.destructive.perHour){next}. Raise that field to go on at once.",
        budget.spent, facts.object.spec.cloud_ref.name, budget.per_hour,
    );
    Verdict {
        standing: Standing::Reconciling,
        reason: Reason::BudgetSpent,
        message,
    }
}
