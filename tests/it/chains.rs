//! Chains of changes to machines, drawn from the schema by a seed, beside others who change the same nodes in Ironic. Whatever
//! the way, the end is what the last spec says, and nothing was destroyed on it that no spec asked for.
//!
//! `make edits SEED=… CHAINS=…` runs others than the forty of the suite. A chain that fails tells its seed and its history.

#![cfg(test)]

mod beside;
mod compare;
mod generate;
mod oracle;
mod run;

use std::sync::Arc;
use std::time::Instant;

use futures::StreamExt;
use ironwright::api::BareMetalNode;
use serde_json::json;

use self::beside::clear_away;
use self::compare::{differences, essence};
use self::generate::Chain;
use self::oracle::judge;
use self::run::{Failure, Run};
use crate::harness::{World, condition};
use crate::kubelet::Kubelet;
use crate::stage::{heavy, stack};

/// The first seed of the suite's chains.
const SEED: u64 = 1000;

/// The suite's chains.
const CHAINS: u64 = 40;

/// Chains at a time: as many as one Ironic takes on two cores.
const AT_ONCE: usize = 8;

/// What all chains share.
pub struct Lab {
    world: World,
    kubelet: Kubelet,
}

impl Lab {
    async fn new() -> Self {
        let stack = stack().await.with_own_ironic("chains").await.expect("an Ironic");
        let world = World::before(&stack, &stack.ironic.endpoint(), "chains").await;
        let mut lab = world.lab();
        lab["spec"]["intervals"] = json!({"quietSeconds": 1, "sweepSeconds": 5});
        world.apply(&lab).await.expect("the cloud is accepted");
        let mut options = world.operator_options().await.expect("the options");
        // Nobody else runs, and a Lease that nobody lets go of would cost every life 15 s.
        options.args.push("--leader-elect=false".to_owned());
        let kubelet = Kubelet::start(Arc::clone(&world.stack.run), options);
        Self { world, kubelet }
    }
}

/// A number from the environment.
fn number(name: &str, default: u64) -> u64 {
    std::env::var(name).map_or(default, |text| {
        text.parse().unwrap_or_else(|_| panic!("{name} is no number"))
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "takes the whole machine: make test runs it last and alone, make edits with other seeds"]
async fn every_way_to_a_spec_ends_where_it_says_and_destroys_nothing_else() {
    let _heavy = heavy().await;
    let lab = Lab::new().await;
    let first = number("EDITS_SEED", SEED);
    let seeds = first..first + number("EDITS_CHAINS", CHAINS);
    let began = Instant::now();
    let all: Vec<_> = futures::stream::iter(seeds)
        .map(|seed| attempt(&lab, seed))
        .buffer_unordered(AT_ONCE)
        .collect()
        .await;
    let failed: Vec<_> = all.into_iter().flatten().collect();
    eprintln!("chains: {} s", began.elapsed().as_secs());
    assert!(
        failed.is_empty(),
        "{} chains failed\n{}",
        failed.len(),
        failed.join("\n")
    );
}

/// One chain; what is to be told of it, if it failed.
async fn attempt(lab: &Lab, seed: u64) -> Option<String> {
    let chain = Chain::draw(seed, &format!("c{seed}"));
    let (failure, told) = live(lab, &chain, &format!("c{seed}")).await?;
    eprintln!("chains: seed {seed} fails: {failure}");
    let mut shortest = (failure, told);
    let mut kept: Vec<usize> = (0..chain.steps.len()).collect();
    if number("EDITS_MINIMISE", 0) > 0 {
        for step in 0..chain.steps.len() {
            let fewer: Vec<_> = kept.iter().copied().filter(|other| *other != step).collect();
            let own = format!("c{seed}-{step}");
            let mut shorter = Chain::draw(seed, &own);
            let steps = std::mem::take(&mut shorter.steps).into_iter().enumerate();
            shorter.steps = steps
                .filter(|(index, _)| fewer.contains(index))
                .map(|(_, step)| step)
                .collect();
            if let Some(still) = live(lab, &shorter, &own).await {
                (kept, shortest) = (fewer, still);
            }
        }
    }
    let (failure, told) = shortest;
    let again = format!("make edits SEED={seed} CHAINS=1");
    Some(format!(
        "--- seed {seed}, steps {kept:?} of it; again: {again}\n{}\n{failure}\n",
        told.join("\n")
    ))
}

/// Runs a chain; how it failed, and its history.
async fn live(lab: &Lab, chain: &Chain, own: &str) -> Option<(Failure, Vec<String>)> {
    let mut run = match Run::begin(lab, chain, own).await {
        Ok(run) => run,
        Err(failure) => return Some((failure, vec![format!("{}", chain.first)])),
    };
    run.told.insert(0, format!("first: {}", chain.first));
    let outcome = tokio::time::timeout(run::CHAIN_LIMIT, whole(&mut run)).await;
    let failure = match outcome {
        Ok(Ok(())) => return None,
        Ok(Err(failure)) => failure,
        Err(_) => "it does not come to an end".to_owned(),
    };
    let requests = run.requests();
    let sent = requests.iter().filter(|request| request.deed.is_destructive());
    let sent = sent.map(|request| {
        format!(
            "{:?} of {} {}",
            request.deed,
            request.node,
            if request.ours { "" } else { "(theirs)" }
        )
    });
    run.told.extend(sent);
    Some((failure, run.told))
}

async fn whole(run: &mut Run<'_>) -> Result<(), Failure> {
    for step in &run.chain.steps {
        run.take(step).await?;
    }
    run.lift().await;
    run.edit(&json!({"paused": false, "managementPolicy": "Managed"}))
        .await;
    // What was said of the node before that is no answer.
    run.looked_at().await?;
    let node = as_it_says(run).await?;
    quiet(run).await?;
    twin(run, &node).await?;
    asked_for(run)?;
    nothing_is_left(run).await
}

/// Every field of the spec shows in Ironic, or a condition says why not.
async fn as_it_says(run: &mut Run<'_>) -> Result<BareMetalNode, Failure> {
    run.tell("the end");
    let began = Instant::now();
    loop {
        let node = run.settled().await?;
        let wrong = unlike(run, &node).await;
        if wrong.is_empty() {
            return Ok(node);
        }
        // What somebody else has changed is seen with the next sweep.
        if began.elapsed() > run::SETTLING / 4 {
            return Err(format!("the object is content, but {wrong:#?}"));
        }
        run.looked_at().await?;
    }
}

/// What the object should not say as it stands.
async fn unlike(run: &Run<'_>, node: &BareMetalNode) -> Vec<String> {
    let (ready, why, message) = condition(node, "Ready").unwrap_or_default();
    if ready != "True" {
        let silent = why.is_empty() || message.is_empty();
        return silent
            .then(|| "it does not say why".to_owned())
            .into_iter()
            .collect();
    }
    let Some(live) = run.live().await else {
        return vec!["there is no such node".to_owned()];
    };
    let drift = condition(node, "Drifted").filter(|so| so.0 == "True");
    let drift = drift.map(|so| so.2.to_owned()).unwrap_or_default();
    let mut spec = run.spec.clone();
    spec.as_object_mut().expect("an object").remove("cloudRef");
    let wrong = differences(&spec, &live).into_iter();
    let wrong = wrong.filter(|field| {
        let name = field.split(['.', ':']).next().unwrap_or_default();
        let told = drift.contains(name) || (name == "provision" && drift.contains("instance"));
        !told
    });
    let status = node.status.as_ref().expect("a status");
    let trace = [
        status
            .attempts
            .as_ref()
            .map(|attempts| format!("tries are left over: {attempts:?}")),
        status
            .intent
            .as_ref()
            .map(|intent| format!("an intent is left over: {intent:?}")),
        status
            .waiting
            .as_ref()
            .map(|waiting| format!("a place in a line is left over: {waiting:?}")),
    ];
    wrong.chain(trace.into_iter().flatten()).collect()
}

/// Who is content, or waits for others, sends nothing, once what somebody else has changed is put right: that is seen with the next sweep.
async fn quiet(run: &mut Run<'_>) -> Result<(), Failure> {
    let began = Instant::now();
    loop {
        let before = run.changes().len();
        run.looked_at().await?;
        let node = run.settled().await?;
        let more = run.changes().split_off(before);
        match condition(&node, "Ready") {
            // It tries again, ever more slowly.
            Some((_, "RetryingAfterFailure", _)) => return Ok(()),
            _ if more.is_empty() => return Ok(()),
            _ if !run.touched.is_empty() && began.elapsed() < run::SETTLING / 4 => {}
            so => {
                return Err(format!(
                    "it still changes something, though it says {so:?}: {more:#?}"
                ));
            }
        }
    }
}

/// A fresh object with the same spec ends as this one, if both get there.
async fn twin(run: &mut Run<'_>, node: &BareMetalNode) -> Result<(), Failure> {
    let ready = condition(node, "Ready").is_some_and(|so| so.0 == "True");
    let drifted = condition(node, "Drifted").is_some_and(|so| so.0 == "True");
    // What was there before its guard was put up stays there; a fresh one is not let past it.
    let guarded = ["protected", "retired", "maintenance"]
        .iter()
        .any(|guard| run.spec[*guard]["enabled"] == true);
    if !ready || drifted || guarded || !run.left.is_empty() {
        return Ok(());
    }
    let mut spec = run.spec.clone();
    let object = spec.as_object_mut().expect("an object");
    object.remove("name");
    if let Some(address) = spec.pointer_mut("/driverInfo/redfish_address") {
        *address = json!(format!("https://{}-twin.example", run.own));
    }
    let seed = Chain {
        seed: run.chain.seed,
        first: spec,
        steps: vec![],
    };
    let own = format!("{}-twin", run.own);
    let mut twin = Run::begin(run.lab, &seed, &own).await?;
    let other = as_it_says(&mut twin).await?;
    let said = condition(&other, "Ready").map(|so| (so.0.to_owned(), so.1.to_owned()));
    let both = (run.live().await, twin.live().await);
    let outcome = match both {
        (Some(mine), Some(others)) if said.as_ref().is_some_and(|so| so.0 == "True") => {
            let theirs: Vec<_> = run.touched.iter().copied().collect();
            let (mine, others) = (
                essence(&run.spec, &mine, &theirs),
                essence(&run.spec, &others, &theirs),
            );
            let same = mine == others;
            same.then_some(())
                .ok_or_else(|| format!("a fresh one is {others}\nthis one is  {mine}"))
        }
        _ => Err(format!("a fresh one says {said:?}")),
    };
    asked_for(&twin)?;
    nothing_is_left(&mut twin).await?;
    outcome
}

fn asked_for(run: &Run<'_>) -> Result<(), Failure> {
    let wrong = judge(&run.history, &run.requests());
    if wrong.is_empty() {
        Ok(())
    } else {
        Err(format!("{wrong:#?}"))
    }
}

/// Nothing stays in Ironic that no object owns, but for what was left there on purpose.
async fn nothing_is_left(run: &mut Run<'_>) -> Result<(), Failure> {
    let off = json!({"enabled": false, "reason": null});
    let end = json!({
        "protected": off, "retired": off, "maintenance": off, "power": null,
        "provision": {"state": "available", "instance": null, "rescuePasswordFrom": null},
    });
    run.edit(&end).await;
    run.settled().await?;
    run.leave("Undeploy").await?;
    asked_for(run)?;
    let world = &run.lab.world;
    for id in &run.nodes {
        let Some(live) = world.live_by_id(id).await else {
            continue;
        };
        if !run.left.contains(id) {
            return Err(format!("nobody owns {id} any more: {live}"));
        }
        clear_away(world, id).await;
    }
    Ok(())
}
