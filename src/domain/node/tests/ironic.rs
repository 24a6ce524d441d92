//! Ironic in small: its answers to calls, its state machine, and what it shows of a node.
//!
//! Source of its rules: the state machine of `ironic::model::events`; what Ironic 39 does with PATCH, verbs and DELETE.

use std::sync::LazyLock;

use super::super::desired;
use super::super::fields;
use super::super::marker::{InstanceMark, KEY, Marker};
use super::super::plan::Call;
use super::super::upkeep;
use super::fixture::{self, CLUSTER, Case, OURS, THEIRS};
use super::world::{Disk, Mark, World};
use crate::api::node::{Applied, Switch, WantedState};
use crate::ironic::model::{Event, Life, Node, PowerState, ProvisionState, Verb, events, life};

/// Whose maintenance a node is in.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Care {
    None,
    Ours,
    Theirs,
}

/// The maintenance block of a spec.
pub fn switch(enabled: bool) -> Switch {
    Switch {
        enabled,
        reason: enabled.then(|| "disk swap".to_owned()),
    }
}

/// The node in Ironic, as far as it matters here.
#[expect(clippy::struct_excessive_bools, reason = "the flags are Ironic's")]
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct Machine {
    pub state: ProvisionState,
    pub claim: Option<&'static str>,
    pub mark: Mark,
    pub maintenance: Care,
    pub protected: bool,
    pub retired: bool,
    pub error: bool,
    pub off: bool,
    /// Cleaned by hand: ends in `manageable`.
    pub by_hand: bool,
    /// Ironic says when it was inspected.
    pub inspected: bool,
    /// Somebody changed a field that the spec names.
    pub strayed: bool,
}

impl World {
    /// Ironic serves a call of the operator.
    pub fn serve(&mut self, call: &Call) -> Result<(), String> {
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
            Call::Maintenance { reason, .. } => {
                let machine = self.machine.as_mut().ok_or("no node")?;
                machine.maintenance = if reason.is_some() { Care::Ours } else { Care::None };
                Ok(())
            }
            Call::Power { target, .. } => {
                let machine = self.machine.as_mut().ok_or("no node")?;
                machine.off = target.ends_in() == PowerState::Off;
                Ok(())
            }
            Call::Prove { .. } => Err("no spec here has a Secret".to_owned()),
            Call::Trait { .. } => Err("no spec here names a trait".to_owned()),
            Call::Delete { .. } => self.remove(),
        }
    }

    /// `DELETE /v1/nodes/{id}`.
    pub fn remove(&mut self) -> Result<(), String> {
        let machine = self.machine.as_ref().ok_or("no node")?;
        let state = matches!(
            machine.state,
            ProvisionState::Enroll
                | ProvisionState::Manageable
                | ProvisionState::Available
                | ProvisionState::AdoptFailed
        );
        if machine.protected || !(machine.maintenance != Care::None || (state && machine.claim.is_none())) {
            return Err(format!("not deletable: {machine:?}"));
        }
        self.machine = None;
        self.disk = Disk::GivenUp;
        Ok(())
    }

    /// A verb, whoever sends it.
    pub fn verb(&mut self, verb: Verb) -> Result<(), String> {
        let machine = self.machine.as_mut().ok_or("no node")?;
        let tended = matches!(verb, Verb::Active | Verb::Rebuild | Verb::Clean | Verb::Rescue);
        let guarded = (machine.maintenance != Care::None && tended)
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
        // What was in use is not inspected any more: no need to tell the two apart.
        machine.inspected |= matches!(verb, Verb::Active | Verb::Adopt);
        machine.error &= verb == Verb::Manage && machine.state != ProvisionState::Enroll;
        self.follow(verb.event());
        Ok(())
    }

    /// Follows an edge of the state machine, with what goes with it.
    pub fn follow(&mut self, event: Event) {
        let machine = self.machine.as_mut().unwrap();
        let (_, next) = events(&machine.state)
            .iter()
            .find(|(known, _)| *known == event)
            .unwrap();
        if matches!(
            machine.state,
            ProvisionState::Inspecting | ProvisionState::InspectWait
        ) {
            machine.inspected |= *next == ProvisionState::Manageable;
        }
        if machine.state == ProvisionState::Deleting {
            machine.claim = None;
        }
        if event == Event::Fail {
            machine.error = true;
            if matches!(next, ProvisionState::CleanFailed | ProvisionState::ServiceFailed) {
                machine.maintenance = Care::Theirs;
            }
        } else if event == Event::Done {
            machine.error = false;
        }
        if machine.state == ProvisionState::Cleaning && matches!(event, Event::Done | Event::Manage) {
            machine.by_hand = false;
            self.disk = Disk::Blank;
        }
        // Every transition has the machine on; what it is afterwards does not matter here.
        machine.off = false;
        machine.protected &= matches!(next, ProvisionState::Active | ProvisionState::Rescue);
        machine.state = next.clone();
        // Words about a failure matter only where they tell a failed verification from a fresh node.
        machine.error &= machine.state == ProvisionState::Enroll;
    }

    /// What Ironic may do by itself now.
    pub fn own_events(&self) -> Vec<Event> {
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
}

impl Machine {
    /// Whether Ironic takes a PATCH in this state.
    pub fn takes_patch(&self) -> bool {
        matches!(life(&self.state), Life::Stable | Life::Failed)
    }

    pub fn node(&self) -> Node {
        let mut node = fixture::node(&self.state);
        node.instance_uuid = self.claim.map(str::to_owned);
        if self.strayed {
            node.name = Some("renamed".to_owned());
        }
        (node.protected, node.retired) = (self.protected, self.retired);
        node.power_state = Some(if self.off { PowerState::Off } else { PowerState::On });
        node.maintenance = self.maintenance != Care::None;
        node.maintenance_reason = match self.maintenance {
            Care::None => None,
            Care::Ours => Some(upkeep::reason(&switch(true))),
            Care::Theirs => Some("disk swap".to_owned()),
        };
        node.last_error = self.error.then(|| "no answer from the BMC".to_owned());
        node.inspection_finished_at = self.inspected.then(|| "2026-01-01T00:00:00+00:00".to_owned());
        let mut marker = Marker::of(&fixture::object(), CLUSTER, None);
        let image = match self.mark {
            Mark::A => Some("a"),
            Mark::B => Some("b"),
            Mark::Plain | Mark::Erased => None,
        };
        marker.instance = image.map(|image| InstanceMark {
            id: OURS.to_owned(),
            digest: digest(image).to_owned(),
            by: fixture::UID.to_owned(),
        });
        if self.mark == Mark::Erased {
            node.extra.clear();
        } else {
            node.extra.insert(KEY.to_owned(), marker.value());
        }
        node
    }

    pub fn of(node: &Node, by_hand: bool) -> Self {
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
            maintenance: match &node.maintenance_reason {
                None => Care::None,
                Some(reason) if *reason == upkeep::reason(&switch(true)) => Care::Ours,
                Some(_) => Care::Theirs,
            },
            protected: node.protected,
            retired: node.retired,
            error: node.last_error.is_some(),
            off: node.power_state == Some(PowerState::Off),
            by_hand,
            inspected: node.inspection_finished_at.is_some(),
            strayed: node.name.as_deref() == Some("renamed"),
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
pub static WRITTEN: LazyLock<Applied> =
    LazyLock::new(|| Case::new(&ProvisionState::Enroll).with(fields::applied));

fn digest(image: &str) -> &'static str {
    &DIGESTS[usize::from(image == "b")]
}
