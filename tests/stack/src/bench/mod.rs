//! `ironwright-stack bench`: how long, how many requests, how much memory; beside a plain script doing the same.
//!
//! Operator and script take turns on one Ironic, each with an empty one to begin with; medians of the rounds count, and
//! the ratio of two times of one run says more than either.

mod client;
mod first;
mod idle;
mod machine;
mod machines;
mod race;
mod report;
mod requests;
mod stage;

use std::process::ExitCode;

use anyhow::Result;
use clap::{Args, ValueEnum};

use crate::Progress;
use crate::process::all_gone;
use crate::up::{print, told_to_stop};
use race::Course;
use report::Report;
use stage::Stage;

/// What to measure.
#[derive(Args, Clone, Debug)]
pub struct Options {
    /// Nodes brought from nothing to `available`, and through a whole life, at most 9999.
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u16).range(10..10_000))]
    nodes: u16,
    /// Pairs of one operator and one script.
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u16).range(1..100))]
    rounds: u16,
    /// How long an idle operator is watched, each time.
    #[arg(long, default_value_t = 120, value_parser = clap::value_parser!(u16).range(1..))]
    idle_seconds: u16,
    /// Nodes applied one by one to an operator with nothing to do.
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u16).range(1..1000))]
    applies: u16,
    /// Nodes of the large fleet, at most 9999. The figures of 1,000 have that number in their names.
    #[arg(long, default_value_t = 1000, value_parser = clap::value_parser!(u16).range(10..10_000))]
    many: u16,
    /// The parts to measure, in place of all.
    #[arg(long, value_delimiter = ',', value_enum)]
    only: Vec<Part>,
    /// The cloud's `limits.requestsInFlight`, in place of the default.
    #[arg(long)]
    requests_in_flight: Option<u16>,
    /// The cloud's `intervals.busySeconds`, in place of the default.
    #[arg(long)]
    busy_seconds: Option<u16>,
}

/// A part of the benchmark that can be measured by itself.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
enum Part {
    /// From nothing to `available`.
    Converge,
    /// From nothing to `active` and back to nothing.
    Life,
    /// An operator with nothing to do, with many nodes and with few.
    Idle,
    /// How soon a single apply reaches Ironic.
    First,
    /// The client library beside openstacksdk and gophercloud.
    Client,
    /// A large fleet: idle, and at the operator's start.
    Many,
}

impl Options {
    fn wants(&self, part: Part) -> bool {
        self.only.is_empty() || self.only.contains(&part)
    }
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
    let mut report = Report::default();
    for (part, course) in [(Part::Converge, Course::Converge), (Part::Life, Course::Life)] {
        if options.wants(part) {
            race::run(&stage, course, options, progress, &mut report).await?;
        }
    }
    if options.wants(Part::First) {
        first::run(&stage, options, progress, &mut report).await?;
    }
    if options.wants(Part::Idle) {
        idle::run(&stage, options, progress, &mut report).await?;
    }
    if options.wants(Part::Client) {
        client::run(&stage, options, progress, &mut report).await?;
    }
    // Last: the large fleet stays until Ironic is thrown away.
    if options.wants(Part::Many) {
        idle::run_many(&stage, options, progress, &mut report).await?;
    }
    print(&report.table())?;
    print(&machine::describe(&stage).await?)?;
    print(&format!("Written to {}", report.write()?.display()))
}
