//! A small model of Ironic, of the people around it and of the operator: all that can happen to one machine.

use std::sync::LazyLock;

use super::super::facts::NodeFacts;
use super::super::outcome;
use super::super::plan::{Action, NodePlan};
use super::super::room;
use super::super::rules::{Choice, Step};
use super::fixture::{self, Case, Sight, THEIRS};
use super::ironic::{Care, Machine, WRITTEN};
pub use super::wishes::{WISHES, Wish};
use crate::api::node::Applied;
use crate::ironic::model::{Event, Fingerprint, Node, ProvisionState, Standing, Verb};

/// A decision under test.
pub type Decide = fn(&NodeFacts) -> NodePlan;

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

/// Of a node as it should be, and of one that somebody changed.
static PRINTS: LazyLock<[Fingerprint; 2]> = LazyLock::new(|| {
    ["as it should be", "changed"].map(|name| {
        Fingerprint::of(&Node {
            name: Some(name.to_owned()),
            ..Node::default()
        })
    })
});

/// Everything.
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is one thing that is so or not"
)]
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct World {
    pub wish: Wish,
    pub machine: Option<Machine>,
    pub disk: Disk,
    /// `status.id` is set.
    pub known: bool,
    /// `status.applied` is set.
    pub applied: bool,
    /// The journal has the fingerprint of the node as it is now.
    pub verified: bool,
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
        verified: false,
        over: false,
    };

    /// The facts as the operator gathers them; the look is a row of the list, or a definite absence.
    fn case(&self) -> Case {
        let mut case = Case::new(&ProvisionState::Enroll);
        self.wish.put(&mut case);
        case.sight = match &self.machine {
            Some(machine) => Sight::Summary(machine.node()),
            None if self.known => Sight::Unlisted,
            None => Sight::Absent,
        };
        case.room = Standing::Unasked;
        let seen = self.fingerprint().filter(|_| self.verified);
        let applied = self.applied.then(|| Applied {
            verified: Some(seen.map_or_else(|| "another".to_owned(), |seen| seen.to_string())),
            ..WRITTEN.clone()
        });
        case.swept = self.fingerprint();
        let status = case.object.status.get_or_insert_default();
        status.id = self.known.then(|| fixture::UID.to_owned());
        status.applied = applied;
        case
    }

    /// Of the node as Ironic has it; here it tells one thing only.
    fn fingerprint(&self) -> Option<Fingerprint> {
        let machine = self.machine.as_ref()?;
        Some(PRINTS[usize::from(machine.strayed)])
    }

    /// Whether the journal knows the node as it is now.
    fn is_verified(&self, journal: Option<&Applied>) -> bool {
        let now = self.fingerprint().map(|now| now.to_string());
        now.is_some() && journal.and_then(|applied| applied.verified.clone()) == now
    }

    /// The operator's turn: looks, gates and at most one call, which Ironic carries out if it may.
    /// `heard`: the operator lives to see the answer and writes its journal.
    pub fn operate(&self, decide: Decide, heard: bool) -> Result<(Self, Turn), String> {
        let mut case = self.case();
        let case_before = case.clone();
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
            next.verified = next.is_verified(journal.applied.as_ref());
            match plan.action {
                None => return Ok((next, Turn::Rested(plan.choice))),
                Some(Action::Look | Action::LookNow) => case.sight = self.full(),
                Some(Action::AskRoom(work)) => case.room = Standing::Granted(work),
                Some(Action::Confirm(destructive)) => case.confirmed = Some(destructive.step()),
                Some(Action::RemoveFinalizer(_)) => {
                    next.over = true;
                    return Ok((next, Turn::Released));
                }
                Some(Action::Call(step, call)) => {
                    let mut kept = journal.applied;
                    if !heard {
                        (next.known, next.applied) = (self.known, self.applied);
                        kept = case_before.object.status.and_then(|status| status.applied);
                    }
                    if room::work(step).is_some_and(|work| case.room != Standing::Granted(work)) {
                        return Err(format!("{step:?} without room: {self:?}"));
                    }
                    next.serve(&call)
                        .map_err(|refusal| format!("{step:?} refused: {refusal}; {self:?}"))?;
                    next.verified = next.is_verified(kept.as_ref());
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
        Some(self.with(|next| next.follow(best)))
    }

    /// Everything that Ironic, another user of it, and the object's owner can do next.
    pub fn others(&self) -> Vec<Self> {
        let mut all: Vec<_> = self
            .own_events()
            .into_iter()
            .map(|event| self.with(|next| next.follow(event)))
            .collect();
        let strayed = self.machine.as_ref().is_some_and(|machine| machine.strayed);
        for verb in Verb::ALL.iter().filter(|_| !strayed) {
            let mut next = self.clone();
            if next.verb(*verb).is_ok() {
                all.push(self.with(|same| *same = next));
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
        next.verified &= next.fingerprint() == self.fingerprint();
        next
    }

    /// What another user of Ironic can do but for verbs.
    fn meddle(&self) -> Vec<Self> {
        // Who strayed does no more, or there would be too many worlds to search.
        let Some(machine) = self.machine.as_ref().filter(|machine| !machine.strayed) else {
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
            if matches!(machine.state, ProvisionState::Available | ProvisionState::Active) {
                all.push(edit(|machine| machine.strayed = true));
            }
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
            all.push(self.with(|same| *same = removed));
        }
        all
    }
}
