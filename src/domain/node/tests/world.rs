//! A small model of Ironic, of the people around it and of the operator: all that can happen to one machine.

use super::super::facts::NodeFacts;
use super::super::outcome;
use super::super::plan::{Action, NodePlan};
use super::super::room;
use super::super::rules::{Choice, Step};
use super::fixture::{self, Case, Sight, THEIRS};
use super::ironic::{self, Care, Machine, WRITTEN};
use crate::api::node::{
    DeletionPolicy, ManagementPolicy, OnEnroll, Power, PowerWanted, Shutdown, WantedState,
};
use crate::ironic::model::{Event, ProvisionState, Standing, Verb};

/// A decision under test.
pub type Decide = fn(&NodeFacts) -> NodePlan;

/// What a person can want of the machine.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Wish {
    Untouched,
    Manageable,
    Available,
    /// Offered, and in maintenance.
    Tended,
    ActiveA,
    /// The same, and switched off.
    Off,
    /// Deployed, but only watched.
    Watched,
    ActiveB,
    /// A, in rescue mode.
    Rescue,
    /// Offered, and inspected before.
    Inspected,
    Gone,
    Wiped,
    Released,
}

pub const WISHES: &[Wish] = &[
    Wish::Untouched,
    Wish::Manageable,
    Wish::Available,
    Wish::Tended,
    Wish::ActiveA,
    Wish::Off,
    Wish::Watched,
    Wish::ActiveB,
    Wish::Rescue,
    Wish::Inspected,
    Wish::Gone,
    Wish::Wiped,
    Wish::Released,
];

impl Wish {
    pub fn deploys(self) -> bool {
        matches!(self, Wish::ActiveA | Wish::Off | Wish::ActiveB | Wish::Rescue)
    }

    pub fn offers(self) -> bool {
        matches!(self, Wish::Available | Wish::Tended | Wish::Inspected)
    }

    pub fn deletes(self) -> bool {
        matches!(self, Wish::Gone | Wish::Wiped | Wish::Released)
    }

    /// Whether the spec has a maintenance block, and what it says.
    pub fn maintenance(self) -> Option<bool> {
        match self {
            Wish::Tended => Some(true),
            Wish::Manageable | Wish::ActiveA | Wish::Gone => Some(false),
            _ => None,
        }
    }
}

/// Whose data is on the disk, whatever Ironic or our marker say.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Disk {
    Blank,
    Ours,
    Foreign,
    /// Its owner asked for its removal.
    GivenUp,
}

/// What the marker says.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Mark {
    Erased,
    Plain,
    A,
    B,
}

/// Everything.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct World {
    pub wish: Wish,
    pub machine: Option<Machine>,
    pub disk: Disk,
    /// `status.id` is set.
    pub known: bool,
    /// `status.applied` is set.
    pub applied: bool,
    /// The object is gone.
    pub over: bool,
}

/// What the operator did with its turn.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Turn {
    Rested(Choice),
    Called(Step),
    Released,
}

impl World {
    pub const START: Self = Self {
        wish: Wish::Untouched,
        machine: None,
        disk: Disk::Blank,
        known: false,
        applied: false,
        over: false,
    };

    /// The facts as the operator gathers them; the look is a row of the list, or a definite absence.
    fn case(&self) -> Case {
        let mut case = Case::new(&ProvisionState::Enroll);
        wish(&mut case, self.wish);
        case.sight = match &self.machine {
            Some(machine) => Sight::Summary(machine.node()),
            None if self.known => Sight::Unlisted,
            None => Sight::Absent,
        };
        case.room = Standing::Unasked;
        let applied = self.applied.then(|| WRITTEN.clone());
        let status = case.object.status.get_or_insert_default();
        status.id = self.known.then(|| fixture::UID.to_owned());
        status.applied = applied;
        case
    }

    /// The operator's turn: looks, gates and at most one call, which Ironic carries out if it may.
    /// `heard`: the operator lives to see the answer and writes its journal.
    pub fn operate(&self, decide: Decide, heard: bool) -> Result<(Self, Turn), String> {
        let mut case = self.case();
        for _ in 0..8 {
            let (plan, journal) = case.with(|facts| {
                let plan = decide(facts);
                let journal = match &plan.action {
                    Some(Action::Call(step, _)) => outcome::taken(plan.status.clone(), *step, facts),
                    Some(Action::Confirm(step)) => outcome::intended(plan.status.clone(), *step, facts),
                    _ => plan.status.clone(),
                };
                (plan, journal)
            });
            let mut next = self.clone();
            next.known = journal.id.is_some();
            next.applied = journal.applied.is_some();
            match plan.action {
                None => return Ok((next, Turn::Rested(plan.choice))),
                Some(Action::Look) => case.sight = self.full(),
                Some(Action::AskRoom(work)) => case.room = Standing::Granted(work),
                Some(Action::Confirm(destructive)) => {
                    case.confirmed = Some(destructive.step());
                    case.sight = self.full();
                }
                Some(Action::RemoveFinalizer) => {
                    next.over = true;
                    return Ok((next, Turn::Released));
                }
                Some(Action::Call(step, call)) => {
                    if !heard {
                        (next.known, next.applied) = (self.known, self.applied);
                    }
                    if room::work(step).is_some_and(|work| case.room != Standing::Granted(work)) {
                        return Err(format!("{step:?} without room: {self:?}"));
                    }
                    next.serve(&call)
                        .map_err(|refusal| format!("{step:?} refused: {refusal}; {self:?}"))?;
                    return Ok((next, Turn::Called(step)));
                }
                Some(Action::ReadSecrets | Action::AddFinalizer) => {
                    return Err("nothing asks for that".to_owned());
                }
            }
        }
        Err(format!("the operator goes in circles: {self:?}"))
    }

    fn full(&self) -> Sight {
        let machine = self.machine.as_ref();
        machine.map_or(Sight::Lost, |machine| Sight::Full(machine.node()))
    }

    /// Ironic's next step if all goes well; none if it is at rest.
    pub fn cooperate(&self) -> Option<Self> {
        let own = self.own_events();
        let best = [Event::Done, Event::Manage, Event::Clean, Event::Resume]
            .into_iter()
            .find(|event| own.contains(event))?;
        let mut next = self.clone();
        next.follow(best);
        Some(next)
    }

    /// Everything that Ironic, another user of it, and the object's owner can do next.
    pub fn others(&self) -> Vec<Self> {
        let mut all: Vec<_> = self
            .own_events()
            .into_iter()
            .map(|event| self.with(|next| next.follow(event)))
            .collect();
        for verb in Verb::ALL {
            let mut next = self.clone();
            if next.verb(*verb).is_ok() {
                all.push(next);
            }
        }
        let wishes = WISHES
            .iter()
            .filter(|wish| **wish != self.wish && (wish.deletes() || !self.wish.deletes()));
        all.extend(wishes.map(|wish| self.with(|next| next.wish = *wish)));
        all.extend(self.meddle());
        all
    }

    fn with(&self, change: impl FnOnce(&mut Self)) -> Self {
        let mut next = self.clone();
        change(&mut next);
        next
    }

    /// What another user of Ironic can do but for verbs.
    fn meddle(&self) -> Vec<Self> {
        let Some(machine) = &self.machine else {
            return vec![];
        };
        let edit = |change: fn(&mut Machine)| self.with(|next| next.machine.iter_mut().for_each(change));
        let mut all = vec![edit(|machine| {
            machine.maintenance = match machine.maintenance {
                Care::None => Care::Theirs,
                Care::Ours | Care::Theirs => Care::None,
            };
        })];
        if machine.takes_patch() {
            all.push(edit(|machine| machine.mark = Mark::Erased));
            all.push(edit(|machine| {
                machine.claim = if machine.claim.is_none() {
                    Some(THEIRS)
                } else {
                    None
                }
            }));
            if machine.state == ProvisionState::Active {
                all.push(edit(|machine| machine.protected = !machine.protected));
            }
            if machine.state != ProvisionState::Available {
                all.push(edit(|machine| machine.retired = !machine.retired));
            }
        }
        let mut removed = self.clone();
        if removed.remove().is_ok() {
            all.push(removed);
        }
        all
    }
}

/// Puts the wish into the object.
fn wish(case: &mut Case, wish: Wish) {
    let state = match wish {
        Wish::Manageable => Some(WantedState::Manageable),
        Wish::Available | Wish::Tended | Wish::Inspected => Some(WantedState::Available),
        Wish::Rescue => Some(WantedState::Rescue),
        Wish::ActiveA | Wish::Off | Wish::Watched | Wish::ActiveB => Some(WantedState::Active),
        Wish::Untouched | Wish::Gone | Wish::Wiped | Wish::Released => None,
    };
    *case = case.clone().want(state);
    if wish == Wish::Watched {
        case.object.spec.management_policy = ManagementPolicy::Observe;
    }
    case.object.spec.on_enroll = (wish == Wish::Inspected).then_some(OnEnroll { inspect: true });
    case.object.spec.power = (wish == Wish::Off).then_some(Power {
        state: PowerWanted::PoweredOff,
        shutdown: Shutdown::Hard,
        timeout_seconds: None,
    });
    case.object.spec.maintenance = wish.maintenance().map(ironic::switch);
    if let (Wish::ActiveB, Some(provision)) = (wish, &mut case.object.spec.provision) {
        provision.instance = Some(fixture::instance("b"));
    }
    case.object.spec.deletion_policy = match wish {
        Wish::Wiped => Some(DeletionPolicy::Undeploy),
        Wish::Released => Some(DeletionPolicy::Detach),
        _ => None,
    };
    if wish.deletes() {
        fixture::delete(&mut case.object);
    }
}
