//! Everything that can be reached from an empty cloud by the operator, Ironic, another user of it and the object's owner.

use std::collections::{HashMap, VecDeque};

use super::super::plan::decide;
use super::super::rules::{Choice, Step};
use super::fixture::OURS;
use super::ironic::{Care, Machine};
use super::world::{Decide, Disk, Mark, Turn, WISHES, Wish, World};
use crate::api::conditions::Reason;
use crate::ironic::model::{Life, ProvisionState, life};

/// States of one run from any state to the goal, at most: leaving an instance, cleaning with all its waits, and deploying anew.
const LONGEST_WAY: usize = 24;

/// What was found: every world reached, with its successor while Ironic cooperates and nobody meddles.
pub struct Found {
    pub onward: HashMap<World, Option<World>>,
    pub rests: Vec<(World, Choice)>,
}

/// Breadth first; stops at the first call that the truth does not permit.
pub fn explore(decide: Decide, most: usize) -> Result<Found, String> {
    let mut found = Found {
        onward: HashMap::new(),
        rests: vec![],
    };
    let mut queue = VecDeque::from([World::START]);
    let mut seen = std::collections::HashSet::from([World::START]);
    while let Some(world) = queue.pop_front() {
        let (after, turn) = world.operate(decide, true)?;
        let mut next = world.others();
        let mut onward = Some(after.clone());
        match turn {
            Turn::Called(step) if !world.permits(step) => return Err(format!("{step:?} in {world:?}")),
            Turn::Called(Step::Create | Step::Patch) => next.push(world.operate(decide, false)?.0),
            Turn::Called(_) => {}
            Turn::Released if world.wish.deletes() => {}
            Turn::Released => return Err(format!("let go in {world:?}")),
            Turn::Rested(choice) => {
                onward = world.cooperate().or((after != world).then(|| after.clone()));
                if onward.is_none() {
                    found.rests.push((world.clone(), choice));
                }
            }
        }
        next.push(after);
        next.retain(|world| !world.over && seen.insert(world.clone()));
        queue.extend(next);
        found.onward.insert(world, onward.filter(|world| !world.over));
        if found.onward.len() >= most {
            break;
        }
    }
    Ok(found)
}

/// Follows the cooperative way from every world; the first that does not come to rest.
pub fn endless(found: &Found) -> Option<&World> {
    found.onward.keys().find(|world| {
        let mut here = *world;
        for _ in 0..LONGEST_WAY {
            match found.onward.get(here) {
                Some(Some(next)) => here = next,
                _ => return false,
            }
        }
        true
    })
}

/// Whether the operator may rest here with this choice.
pub fn may_rest(world: &World, choice: Choice) -> bool {
    if world.wish == Wish::Watched && world.machine.is_none() && !world.known {
        return choice == Choice::Wait(Reason::AwaitingNode);
    }
    let Some(machine) = &world.machine else {
        return choice == Choice::Stalled(Reason::NodeLost);
    };
    let state = &machine.state;
    let asked = match world.wish.maintenance() {
        Some(true) => machine.maintenance != Care::None,
        Some(false) => machine.maintenance != Care::Ours,
        None => true,
    };
    match choice {
        Choice::Settled(_) if !asked => false,
        // What somebody changed is put right, unless the object only watches.
        Choice::Settled(reason) if machine.strayed && reason != Reason::Observing => false,
        Choice::Settled(reason) => match world.wish {
            Wish::Untouched => *state != ProvisionState::Enroll || reason == Reason::InUse,
            Wish::Manageable => *state == ProvisionState::Manageable,
            Wish::Available | Wish::Tended | Wish::Inspected => {
                *state == ProvisionState::Available || reason == Reason::InUse
            }
            Wish::Watched => reason == Reason::Observing,
            Wish::Off if !machine.off => false,
            Wish::ActiveA | Wish::Off | Wish::ActiveB => {
                *state == ProvisionState::Active && world.disk != Disk::Foreign
            }
            Wish::Rescue => *state == ProvisionState::Rescue && world.disk != Disk::Foreign,
            Wish::Gone | Wish::Wiped | Wish::Released => false,
        },
        Choice::Stalled(reason) => a_person_is_needed(world.wish, machine, reason),
        _ => false,
    }
}

/// A person is asked only where the reason is the truth, and where the operator has no way of its own.
fn a_person_is_needed(wish: Wish, machine: &Machine, reason: Reason) -> bool {
    use ProvisionState as S;
    let marked = matches!(machine.mark, Mark::A | Mark::B);
    let ours =
        marked && (machine.claim == Some(OURS) || (machine.claim.is_none() && machine.state == S::Error));
    let failed_under_us = matches!(machine.state, S::Error | S::ServiceFailed);
    match reason {
        Reason::Held => life(&machine.state) == Life::Held,
        Reason::Maintenance => match machine.maintenance {
            Care::None => false,
            Care::Ours => wish.maintenance() != Some(false),
            Care::Theirs => true,
        },
        Reason::Protected => machine.protected,
        Reason::Retired => machine.retired && machine.state == S::Manageable,
        Reason::ForeignInstance => !ours,
        Reason::InstancePresent => ours && wish == Wish::Gone,
        // Somebody else moved our instance: they know where to.
        Reason::UnexpectedState => {
            ours && (machine.state == S::AdoptFailed || (wish.deploys() && failed_under_us))
        }
        _ => false,
    }
}

#[test]
fn from_every_reachable_state_every_call_is_permitted_and_the_goal_comes_nearer() {
    let found = explore(decide, usize::MAX).unwrap();
    assert_eq!(endless(&found), None);
    for (world, choice) in &found.rests {
        assert!(may_rest(world, *choice), "{choice:?} in {world:?}");
    }
    for wish in WISHES {
        let settled = found
            .rests
            .iter()
            .any(|(world, choice)| world.wish == *wish && matches!(choice, Choice::Settled(_)));
        assert_eq!(settled, !wish.deletes(), "{wish:?}");
    }
    // Enough for the search to have meant something.
    assert!(found.onward.len() > 10_000, "{}", found.onward.len());
}
