//! Operator and script do the same with the same machines, in turns.

use std::time::Instant;

use anyhow::{Result, ensure};

use super::Options;
use super::machines::Goal;
use super::report::{Report, median};
use super::requests::Requests;
use super::stage::Stage;
use crate::{Operator, Progress};

/// What both do.
#[derive(Clone, Copy, Debug)]
pub(super) enum Course {
    /// From nothing to `available`.
    Converge,
    /// From nothing to `active`, and, once all are there, back to nothing.
    Life,
}

impl Course {
    /// The names of its figures: seconds, the script's, their ratio, requests, the script's, processor times of Ironic,
    /// of Ironic under the script, and of the operator.
    fn names(self) -> [&'static str; 8] {
        match self {
            Course::Converge => [
                "converge_seconds",
                "script_converge_seconds",
                "converge_ratio",
                "requests_per_node",
                "script_requests_per_node",
                "ironic_cpu_seconds",
                "script_ironic_cpu_seconds",
                "converge_cpu_seconds",
            ],
            Course::Life => [
                "life_seconds",
                "script_life_seconds",
                "life_ratio",
                "life_requests_per_node",
                "script_life_requests_per_node",
                "life_ironic_cpu_seconds",
                "script_life_ironic_cpu_seconds",
                "life_cpu_seconds",
            ],
        }
    }

    fn goal(self) -> Goal {
        match self {
            Course::Converge => Goal::Available,
            Course::Life => Goal::Active,
        }
    }

    /// What the script is told to do.
    fn verb(self) -> &'static str {
        match self {
            Course::Converge => "enrol",
            Course::Life => "life",
        }
    }
}

/// One fleet on its way, by whomever.
#[derive(Clone, Debug)]
struct Run {
    seconds: f64,
    requests: f64,
    /// Processor time that Ironic used for it.
    ironic_cpu: f64,
    /// Processor time of the operator itself.
    cpu: f64,
    by_route: Requests,
}

/// All rounds of one course.
pub(super) async fn run(
    stage: &Stage,
    course: Course,
    options: &Options,
    progress: &Progress,
    report: &mut Report,
) -> Result<()> {
    let (mut operator, mut script) = (Vec::new(), Vec::new());
    let (nodes, verb) = (options.nodes, course.verb());
    for round in 1..=options.rounds {
        // Each goes first in turn, so that a machine that gets slower or busier favours neither.
        for operators_turn in [round % 2 == 1, round % 2 == 0] {
            if operators_turn {
                let what = format!("{verb}, round {round}: the operator, {nodes} nodes");
                operator.push(progress.step(&what, by_operator(stage, course, nodes)).await?);
            } else {
                let what = format!("{verb}, round {round}: the script, {nodes} nodes");
                script.push(progress.step(&what, by_script(stage, course, nodes)).await?);
            }
        }
    }
    tell(report, course, nodes, &operator, &script);
    Ok(())
}

/// From `kubectl apply` of all nodes until the status of each says that it is there; for a whole life also from `kubectl
/// delete` until they are gone.
async fn by_operator(stage: &Stage, course: Course, nodes: u16) -> Result<Run> {
    let operator = stage.operator().await?;
    let before = Requests::of(&operator).await?;
    let (cpu, ironic_cpu) = (operator.cpu_seconds()?, stage.ironic_cpu().await?);
    let started = Instant::now();
    stage.apply(nodes, course.goal()).await?;
    stage.all_there(nodes, course.goal()).await?;
    if matches!(course, Course::Life) {
        stage.delete_all().await?;
    }
    let seconds = started.elapsed().as_secs_f64();
    let by_route = Requests::of(&operator).await?.since(&before);
    let run = Run {
        seconds,
        requests: by_route.total(),
        ironic_cpu: stage.ironic_cpu().await? - ironic_cpu,
        cpu: operator.cpu_seconds()? - cpu,
        by_route,
    };
    empty(stage, operator).await?;
    Ok(run)
}

/// Leaves nothing behind for the next one.
async fn empty(stage: &Stage, operator: Operator) -> Result<()> {
    stage.delete_from(0).await?;
    operator.stop().await;
    stage.ensure_empty().await
}

/// The script's own time, without its start. No operator runs meanwhile.
async fn by_script(stage: &Stage, course: Course, nodes: u16) -> Result<Run> {
    let ironic_cpu = stage.ironic_cpu().await?;
    let (seconds, requests) = stage.by_script(course.verb(), nodes).await?;
    let ironic_cpu = stage.ironic_cpu().await? - ironic_cpu;
    if matches!(course, Course::Converge) {
        ensure!(
            stage.available().await? == usize::from(nodes),
            "the script did not make all nodes available"
        );
        stage.remove_by_script().await?;
    }
    stage.ensure_empty().await?;
    Ok(Run {
        seconds,
        requests,
        ironic_cpu,
        cpu: 0.0,
        by_route: Requests::default(),
    })
}

fn tell(report: &mut Report, course: Course, nodes: u16, operator: &[Run], script: &[Run]) {
    let of = |runs: &[Run], figure: fn(&Run) -> f64| median(runs.iter().map(figure).collect());
    let (seconds, by_script) = (of(operator, |run| run.seconds), of(script, |run| run.seconds));
    let per_node = |runs| of(runs, |run: &Run| run.requests) / f64::from(nodes);
    let values = [
        seconds,
        by_script,
        seconds / by_script,
        per_node(operator),
        per_node(script),
        of(operator, |run| run.ironic_cpu),
        of(script, |run| run.ironic_cpu),
        of(operator, |run| run.cpu),
    ];
    report.figure("nodes", f64::from(nodes));
    for (name, value) in course.names().into_iter().zip(values) {
        report.figure(name, value);
    }
    let verb = course.verb();
    let pairs = operator.iter().zip(script);
    let rows = (1..).zip(pairs).map(|(round, (operator, script))| {
        let (operator, script) = (operator.seconds, script.seconds);
        vec![
            round.to_string(),
            format!("{operator:.1}"),
            format!("{script:.1}"),
        ]
    });
    report.section(
        &[&format!("round of {verb}"), "operator, s", "script, s"],
        rows.collect(),
    );
    let routes = operator
        .last()
        .into_iter()
        .flat_map(|run| run.by_route.by_number());
    let rows = routes.map(|(route, count)| vec![format!("`{route}`"), count.to_string()]);
    let heading = format!("the operator's requests in its last round of {verb}");
    report.section(&[&heading, "number"], rows.collect());
}
