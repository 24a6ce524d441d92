//! An operator with nothing to do: what looking costs.

use std::time::{Duration, Instant};

use anyhow::Result;

use super::Options;
use super::machines::Goal;
use super::report::Report;
use super::requests::Requests;
use super::stage::{Stage, calm};
use crate::{Operator, Progress};

/// What is left of a fleet for the second measurement.
const FEW: usize = 10;

/// An operator with nothing to do.
#[derive(Clone, Debug)]
struct Idle {
    requests_per_minute: f64,
    /// Processor time per minute of it.
    cpu_per_minute: f64,
    rss_mib: f64,
}

/// With all nodes settled, and then with a few.
pub(super) async fn run(
    stage: &Stage,
    options: &Options,
    progress: &Progress,
    report: &mut Report,
) -> Result<()> {
    let operator = stage.operator().await?;
    let what = format!("{} nodes for the idle operator", options.nodes);
    progress
        .step(&what, settle(stage, options.nodes, Goal::Available))
        .await?;
    let span = Duration::from_secs(options.idle_seconds.into());
    let full = progress
        .step("an idle operator, all nodes", watch(&operator, span))
        .await?;
    stage.delete_from(FEW).await?;
    let few = progress
        .step("an idle operator, few nodes", watch(&operator, span))
        .await?;
    stage.delete_from(0).await?;
    operator.stop().await;
    report.figure("idle_requests_per_minute", full.requests_per_minute);
    report.figure("idle_requests_per_minute_few_nodes", few.requests_per_minute);
    report.figure("idle_cpu_seconds_per_minute", full.cpu_per_minute);
    report.figure("rss_mib", full.rss_mib);
    Ok(())
}

/// The large fleet: the operator that enrolled it, idle; and another one, from its start.
pub(super) async fn run_many(
    stage: &Stage,
    options: &Options,
    progress: &Progress,
    report: &mut Report,
) -> Result<()> {
    let many = options.many;
    let operator = stage.operator().await?;
    let what = format!("{many} nodes enrolled");
    progress
        .step(&what, settle(stage, many, Goal::Manageable))
        .await?;
    let span = Duration::from_secs(options.idle_seconds.into());
    let what = format!("an idle operator, {many} nodes");
    let idle = progress.step(&what, watch(&operator, span)).await?;
    operator.stop().await;
    let what = format!("an operator's start, {many} nodes");
    let start = progress.step(&what, start(stage, many)).await?;
    report.figure("idle_requests_per_minute_1000", idle.requests_per_minute);
    report.figure("idle_cpu_seconds_per_minute_1000", idle.cpu_per_minute);
    report.figure("rss_mib_1000", idle.rss_mib);
    report.figure("start_seconds_1000", start.seconds);
    report.figure("start_requests_1000", start.requests);
    report.figure("start_cpu_seconds_1000", start.cpu);
    report.figure("start_rss_mib_1000", start.rss_mib);
    Ok(())
}

async fn settle(stage: &Stage, nodes: u16, goal: Goal) -> Result<()> {
    stage.apply(nodes, goal).await?;
    stage.all_there(nodes, goal).await
}

async fn watch(operator: &Operator, span: Duration) -> Result<Idle> {
    calm(operator).await?;
    let (before, cpu, started) = (
        Requests::of(operator).await?,
        operator.cpu_seconds()?,
        Instant::now(),
    );
    tokio::time::sleep(span).await;
    let minutes = started.elapsed().as_secs_f64() / 60.0;
    let sent = Requests::of(operator).await?.since(&before);
    Ok(Idle {
        requests_per_minute: sent.total() / minutes,
        cpu_per_minute: (operator.cpu_seconds()? - cpu) / minutes,
        rss_mib: operator.rss_mib()?,
    })
}

/// An operator from its start until it has decided on every node and come to rest.
struct Start {
    seconds: f64,
    requests: f64,
    cpu: f64,
    rss_mib: f64,
}

async fn start(stage: &Stage, nodes: u16) -> Result<Start> {
    let started = Instant::now();
    let operator = stage.operator().await?;
    stage.all_settled(&operator, nodes).await?;
    let seconds = started.elapsed().as_secs_f64();
    calm(&operator).await?;
    let start = Start {
        seconds,
        requests: Requests::of(&operator).await?.total(),
        cpu: operator.cpu_seconds()?,
        rss_mib: operator.rss_mib()?,
    };
    operator.stop().await;
    Ok(start)
}
