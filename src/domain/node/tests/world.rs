//! A small model of Ironic, of the people around it and of the operator: all that can happen to one machine.
//!
//! Source of its rules: the state machine of `ironic::model::events`; what Ironic 39 does with PATCH, verbs and DELETE.

use std::sync::LazyLock;

use super::super::facts::NodeFacts;
use super::super::fields;
use super::super::marker::{InstanceMark, KEY, Marker};
use super::super::outcome;
use super::super::plan::{Action, Call, NodePlan};
use super::super::rules::{Choice, Step};
use super::super::{desired, gate::Destructive};
use super::fixture::{self, CLUSTER, Case, OURS, Sight, THEIRS};
use crate::api::node::{Applied, DeletionPolicy, WantedState};
use crate::ironic::model::{Event, Life, Node, ProvisionState, Verb, events, life};

/// A decision under test.
pub type Decide = fn(&NodeFacts) -> NodePlan;

/// What a person can want of the machine.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Wish {
    Untouched,
    Manageable,
    Available,
    ActiveA,
    ActiveB,
    Gone,
    Wiped,
    Released,
}

pub const WISHES: &[Wish] = &[
    Wish::Untouched,
    Wish::Manageable,
    Wish::Available,
    Wish::ActiveA,
    Wish::ActiveB,
    Wish::Gone,
    Wish::Wiped,
    Wish::Released,
];

impl Wish {
    pub fn deletes(self) -> bool {
        matches!(self, Wish::Gone | Wish::Wiped | Wish::Released)
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

/// The node in Ironic, as far as it matters here.
#[expect(clippy::struct_excessive_bools, reason = "the flags are Ironic's")]
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct Machine {
    pub state: ProvisionState,
    pub claim: Option<&'static str>,
    pub mark: Mark,
    pub maintenance: bool,
    pub protected: bool,
    pub retired: bool,
    pub error: bool,
    /// Cleaned by hand: ends in `manageable`.
    pub by_hand: bool,
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
        match &self.machine {
            Some(machine) => Sight::Full(machine.node()),
            None => Sight::Lost,
        }
    }

    /// Ironic serves a call of the operator.
    fn serve(&mut self, call: &Call) -> Result<(), String> {
        match call {
            Call::Create(create) => {
                if self.machine.is_some() {
                    return Err("exists".into());
                }
                let node = Node {
                    extra: create.extra.clone(),
                    ..fixture::node(&ProvisionState::Enroll)
                };
                self.machine = Some(Machine::of(&node, false));
                Ok(())
            }
            Call::Patch { patch, .. } => {
                let machine = self.machine.as_mut().ok_or("no node")?;
                if !machine.takes_patch() {
                    return Err(format!("no PATCH in {}", machine.state));
                }
                *machine = Machine::of(&fixture::patch(&machine.node(), &patch.0)?, machine.by_hand);
                Ok(())
            }
            Call::Provision { verb, .. } => self.verb(*verb),
            Call::Delete { .. } => self.remove(),
        }
    }

    /// `DELETE /v1/nodes/{id}`.
    fn remove(&mut self) -> Result<(), String> {
        let machine = self.machine.as_ref().ok_or("no node")?;
        let state = matches!(
            machine.state,
            ProvisionState::Enroll
                | ProvisionState::Manageable
                | ProvisionState::Available
                | ProvisionState::AdoptFailed
        );
        if machine.protected || !(machine.maintenance || (state && machine.claim.is_none())) {
            return Err(format!("not deletable: {machine:?}"));
        }
        self.machine = None;
        self.disk = Disk::GivenUp;
        Ok(())
    }

    /// A verb, whoever sends it.
    fn verb(&mut self, verb: Verb) -> Result<(), String> {
        let machine = self.machine.as_mut().ok_or("no node")?;
        let tended = matches!(verb, Verb::Active | Verb::Rebuild | Verb::Clean | Verb::Rescue);
        let guarded = (machine.maintenance && tended)
            || (machine.protected && matches!(verb, Verb::Deleted | Verb::Rebuild))
            || (machine.retired && verb == Verb::Provide);
        if guarded || !verb.legal_from(&machine.state) {
            return Err(format!("{verb} in {machine:?}"));
        }
        match verb {
            // Who deploys or adopts under our claim says that it is our instance.
            Verb::Active | Verb::Rebuild | Verb::Adopt if machine.claim == Some(OURS) => {
                self.disk = Disk::Ours;
            }
            Verb::Active | Verb::Rebuild | Verb::Adopt => self.disk = Disk::Foreign,
            Verb::Deleted => self.disk = Disk::GivenUp,
            Verb::Manage if machine.state == ProvisionState::AdoptFailed => self.disk = Disk::GivenUp,
            _ => {}
        }
        machine.by_hand = verb == Verb::Clean;
        machine.error &= verb == Verb::Manage && machine.state != ProvisionState::Enroll;
        self.follow(verb.event());
        Ok(())
    }

    /// Follows an edge of the state machine, with what goes with it.
    fn follow(&mut self, event: Event) {
        let machine = self.machine.as_mut().unwrap();
        let (_, next) = events(&machine.state)
            .iter()
            .find(|(known, _)| *known == event)
            .unwrap();
        if machine.state == ProvisionState::Deleting {
            machine.claim = None;
        }
        if event == Event::Fail {
            machine.error = true;
            machine.maintenance |=
                matches!(next, ProvisionState::CleanFailed | ProvisionState::ServiceFailed);
        } else if event == Event::Done {
            machine.error = false;
        }
        if machine.state == ProvisionState::Cleaning && matches!(event, Event::Done | Event::Manage) {
            machine.by_hand = false;
            self.disk = Disk::Blank;
        }
        machine.protected &= matches!(next, ProvisionState::Active | ProvisionState::Rescue);
        machine.state = next.clone();
        // Words about a failure matter only where they tell a failed verification from a fresh node.
        machine.error &= machine.state == ProvisionState::Enroll;
    }

    /// What Ironic may do by itself now.
    fn own_events(&self) -> Vec<Event> {
        let Some(machine) = self.machine.as_ref().filter(|m| life(&m.state) == Life::Running) else {
            return vec![];
        };
        let to_manageable = machine.by_hand || machine.retired;
        let may = |event: Event| match (&machine.state, event) {
            (ProvisionState::Cleaning, Event::Manage) => to_manageable,
            (ProvisionState::Cleaning, Event::Done) => !to_manageable,
            (ProvisionState::Deleting, Event::Clean) => true,
            _ => event.is_internal(),
        };
        events(&machine.state)
            .iter()
            .map(|(event, _)| *event)
            .filter(|event| may(*event))
            .collect()
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
        let mut all = vec![edit(|machine| machine.maintenance = !machine.maintenance)];
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

    /// Whether a call may be made, by the truth and not by what the operator knows of it.
    pub fn permits(&self, step: Step) -> bool {
        let Some(machine) = &self.machine else {
            return step == Step::Create;
        };
        let resting = !matches!(life(&machine.state), Life::Running | Life::Held | Life::Unknown);
        let unguarded = !machine.maintenance && !machine.protected;
        let nobodys = machine.claim.is_none() && !matches!(self.disk, Disk::Ours | Disk::Foreign);
        let claimed = machine.claim == Some(OURS) || machine.state == ProvisionState::Error;
        resting
            && (unguarded || Destructive::of(step).is_none())
            && match step {
                Step::Create => false,
                Step::Provide => {
                    nobodys && matches!(self.wish, Wish::Available | Wish::ActiveA | Wish::ActiveB)
                }
                Step::Delete => nobodys && matches!(self.wish, Wish::Gone | Wish::Wiped),
                Step::Undeploy => {
                    claimed
                        && self.disk != Disk::Foreign
                        && matches!(self.wish, Wish::Available | Wish::Manageable | Wish::Wiped)
                }
                Step::Deploy => {
                    machine.claim == Some(OURS)
                        && self.disk != Disk::Foreign
                        && matches!(self.wish, Wish::ActiveA | Wish::ActiveB)
                }
                Step::Claim => {
                    machine.claim != Some(THEIRS) && matches!(self.wish, Wish::ActiveA | Wish::ActiveB)
                }
                Step::Unclaim => machine.claim == Some(OURS) && !matches!(self.wish, Wish::Released),
                Step::Manage => machine.claim != Some(THEIRS) && self.disk != Disk::Foreign,
                Step::Patch => !self.wish.deletes(),
            }
    }
}

/// Puts the wish into the object.
fn wish(case: &mut Case, wish: Wish) {
    let state = match wish {
        Wish::Manageable => Some(WantedState::Manageable),
        Wish::Available => Some(WantedState::Available),
        Wish::ActiveA | Wish::ActiveB => Some(WantedState::Active),
        Wish::Untouched | Wish::Gone | Wish::Wiped | Wish::Released => None,
    };
    *case = case.clone().want(state);
    if let (Wish::ActiveB, Some(provision)) = (wish, &mut case.object.spec.provision) {
        provision.instance = Some(fixture::instance("b"));
    }
    case.object.spec.deletion_policy = match wish {
        Wish::Wiped => DeletionPolicy::Undeploy,
        Wish::Released => DeletionPolicy::Detach,
        _ => DeletionPolicy::Delete,
    };
    if wish.deletes() {
        fixture::delete(&mut case.object);
    }
}

impl Machine {
    /// Whether Ironic takes a PATCH in this state.
    fn takes_patch(&self) -> bool {
        matches!(life(&self.state), Life::Stable | Life::Failed)
    }

    fn node(&self) -> Node {
        let mut node = fixture::node(&self.state);
        node.instance_uuid = self.claim.map(str::to_owned);
        (node.maintenance, node.protected, node.retired) = (self.maintenance, self.protected, self.retired);
        node.last_error = self.error.then(|| "no answer from the BMC".to_owned());
        let mut marker = Marker::of(&fixture::object(), CLUSTER);
        let image = match self.mark {
            Mark::A => Some("a"),
            Mark::B => Some("b"),
            Mark::Plain | Mark::Erased => None,
        };
        marker.instance = image.map(|image| InstanceMark {
            id: OURS.to_owned(),
            digest: digest(image).to_owned(),
        });
        if self.mark == Mark::Erased {
            node.extra.clear();
        } else {
            node.extra.insert(KEY.to_owned(), marker.value());
        }
        node
    }

    fn of(node: &Node, by_hand: bool) -> Self {
        let marker = Marker::read(&node.extra);
        let claim = node.instance_uuid.as_deref();
        Self {
            state: node.provision_state.clone(),
            claim: claim.map(|claim| if claim == OURS { OURS } else { THEIRS }),
            mark: match marker.map(|marker| marker.instance) {
                None => Mark::Erased,
                Some(None) => Mark::Plain,
                Some(Some(mark)) if mark.digest == digest("a") => Mark::A,
                Some(Some(_)) => Mark::B,
            },
            maintenance: node.maintenance,
            protected: node.protected,
            retired: node.retired,
            error: node.last_error.is_some(),
            by_hand,
        }
    }
}

/// The digests of both instances.
static DIGESTS: LazyLock<[String; 2]> = LazyLock::new(|| {
    ["a", "b"].map(|image| {
        let mut case = Case::new(&ProvisionState::Enroll).want(Some(WantedState::Active));
        case.object.spec.provision.as_mut().unwrap().instance = Some(fixture::instance(image));
        desired::instance_digest(&case.object).unwrap()
    })
});

/// The journal once the fields are written: it does not depend on the wish.
static WRITTEN: LazyLock<Applied> =
    LazyLock::new(|| Case::new(&ProvisionState::Enroll).with(fields::applied));

fn digest(image: &str) -> &'static str {
    &DIGESTS[usize::from(image == "b")]
}
