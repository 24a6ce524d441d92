//! `ironwright-stack bench`: how long, how many requests, how much memory; beside a plain script doing the same.
//!
//! Operator and script take turns on one Ironic, each with an empty one to begin with; medians of the rounds count, and
//! the ratio of two times of one run says more than either.

mod machine;
mod report;
mod requests;
mod stage;

use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use clap::Args;

use crate::Progress;
use crate::process::all_gone;
use crate::up::{print, told_to_stop};
use report::Report;
use requests::Requests;
use stage::Stage;

/// What is left of a fleet for the second measurement of an idle operator.
const FEW: usize = 10;

/// What to measure.
#[derive(Args, Clone, Debug)]
pub struct Options {
    /// Nodes brought from nothing to `available`, at most 9999.
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u16).range(10..10_000))]
    nodes: u16,
    /// Pairs of one operator and one script.
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u16).range(1..100))]
    rounds: u16,
    /// How long an idle operator is watched, twice.
    #[arg(long, default_value_t = 120, value_parser = clap::value_parser!(u16).range(1..))]
    idle_seconds: u16,
    /// The cloud's `limits.requestsInFlight`, in place of the default.
    #[arg(long)]
    requests_in_flight: Option<u16>,
    /// The cloud's `intervals.busySeconds`, in place of the default.
    #[arg(long)]
    busy_seconds: Option<u16>,
}

/// One fleet brought from nothing to `available`, by whomever.
#[derive(Clone, Debug)]
struct Converged {
    seconds: f64,
    requests: f64,
    /// Processor time that Ironic used for it.
    ironic_cpu: f64,
}

/// The operator's side of it.
#[derive(Clone, Debug)]
struct OperatorRound {
    converged: Converged,
    by_route: Requests,
    /// Processor time of the operator itself.
    cpu: f64,
}

/// An operator with nothing to do.
#[derive(Clone, Debug)]
struct Idle {
    requests_per_minute: f64,
    /// Processor time per minute of it.
    cpu_per_minute: f64,
    rss_mib: f64,
}

/// Measures, prints a table, writes `results.json`.
pub async fn run(options: Options) -> Result<ExitCode> {
    let progress = Progress::stderr();
    let told_to_stop = told_to_stop()?;
    let outcome = tokio::select! {
        outcome = measure(&options, &progress) => outcome.map(|()| ExitCode::SUCCESS),
        () = told_to_stop => Ok(ExitCode::from(130)),
    };
    progress.step("stopping", all_gone()).await?;
    outcome
}

async fn measure(options: &Options, progress: &Progress) -> Result<()> {
    let stage = Stage::set(options, progress).await?;
    let (mut operator, mut script) = (Vec::new(), Vec::new());
    for round in 1..=options.rounds {
        // Each goes first in turn, so that a machine that gets slower or busier favours neither.
        for operators_turn in [round % 2 == 1, round % 2 == 0] {
            if operators_turn {
                let what = format!("round {round}: the operator, {} nodes", options.nodes);
                operator.push(progress.step(&what, operator_round(&stage, options)).await?);
            } else {
                let what = format!("round {round}: the script, {} nodes", options.nodes);
                script.push(progress.step(&what, script_round(&stage, options)).await?);
            }
        }
    }
    let (full, few) = idle(&stage, options, progress).await?;
    let report = Report {
        nodes: options.nodes,
        operator,
        script,
        full,
        few,
    };
    print(&report.table())?;
    print(&machine::describe(&stage).await?)?;
    print(&format!("Written to {}", report.write()?.display()))
}

/// From `kubectl apply` of all nodes until the status of each says `available` and `Ready`.
async fn operator_round(stage: &Stage, options: &Options) -> Result<OperatorRound> {
    let operator = stage.operator().await?;
    let before = Requests::of(&operator).await?;
    let (cpu, ironic_cpu) = (operator.cpu_seconds()?, stage.ironic_cpu().await?);
    let started = Instant::now();
    stage.apply(options.nodes).await?;
    stage.all_available(options.nodes).await?;
    let seconds = started.elapsed().as_secs_f64();
    let by_route = Requests::of(&operator).await?.since(&before);
    let round = OperatorRound {
        converged: Converged {
            seconds,
            requests: by_route.total(),
            ironic_cpu: stage.ironic_cpu().await? - ironic_cpu,
        },
        by_route,
        cpu: operator.cpu_seconds()? - cpu,
    };
    stage.delete_from(0, options.nodes).await?;
    operator.stop().await;
    stage.ensure_empty().await?;
    Ok(round)
}

/// The script's own time, without its start. No operator runs meanwhile.
async fn script_round(stage: &Stage, options: &Options) -> Result<Converged> {
    let ironic_cpu = stage.ironic_cpu().await?;
    let (seconds, requests) = stage.enrol_by_script(options.nodes).await?;
    let ironic_cpu = stage.ironic_cpu().await? - ironic_cpu;
    ensure!(
        stage.available().await? == usize::from(options.nodes),
        "the script did not make all nodes available"
    );
    stage.remove_by_script().await?;
    stage.ensure_empty().await?;
    Ok(Converged {
        seconds,
        requests,
        ironic_cpu,
    })
}

/// The operator with all nodes settled, and then with a few.
async fn idle(stage: &Stage, options: &Options, progress: &Progress) -> Result<(Idle, Idle)> {
    let operator = stage.operator().await?;
    let prepare = async {
        stage.apply(options.nodes).await?;
        stage.all_available(options.nodes).await
    };
    progress
        .step(&format!("{} nodes for the idle operator", options.nodes), prepare)
        .await?;
    let span = Duration::from_secs(options.idle_seconds.into());
    let full = progress
        .step("an idle operator, all nodes", watch_idle(&operator, span))
        .await?;
    stage.delete_from(FEW, options.nodes).await?;
    let few = progress
        .step("an idle operator, few nodes", watch_idle(&operator, span))
        .await?;
    operator.stop().await;
    Ok((full, few))
}

async fn watch_idle(operator: &crate::Operator, span: Duration) -> Result<Idle> {
    stage::calm(operator).await?;
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
