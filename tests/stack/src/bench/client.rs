//! The client library beside openstacksdk and gophercloud: the same work by three programs, each counted at a proxy.

use std::process::Output;

use anyhow::{Context, Result, ensure};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::process::Command;

use super::Options;
use super::report::{Report, median};
use super::stage::Stage;
use crate::demo::succeeded;
use crate::proxy::{Action, Answer};
use crate::run::target_directory;
use crate::tools::gophercloud::Gophercloud;
use crate::{Progress, Proxy};

const SCRIPT: &str = include_str!("../../python/bench_client.py");
/// Nodes of the real Ironic that are listed.
const LISTED: usize = 1_000;
/// Rows of the scripted listing.
const SCRIPTED: usize = 10_000;
/// Rows of one page of it.
const PAGE: usize = 1_000;
/// Nodes that are created.
const CREATED: usize = 200;

/// What a program says of its work.
#[derive(Debug, Deserialize)]
struct Figures {
    rows: usize,
    seconds: f64,
    cpu_seconds: f64,
    rss_mib: f64,
}

/// Who works.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Program {
    Ours,
    Sdk,
    Gophercloud,
}

impl Program {
    const ALL: [Self; 3] = [Self::Ours, Self::Sdk, Self::Gophercloud];

    /// What the names of its figures have.
    const fn infix(self) -> &'static str {
        match self {
            Self::Ours => "",
            Self::Sdk => "_sdk",
            Self::Gophercloud => "_gophercloud",
        }
    }
}

/// The three programs, and the proxy they are counted at.
struct Contest<'a> {
    stage: &'a Stage,
    proxy: Proxy,
    gophercloud: Gophercloud,
    rounds: u16,
}

/// One piece of work.
struct Work<'a> {
    /// How its figures are called.
    name: &'static str,
    arguments: &'a [&'a str],
    rows: usize,
    /// Whether all nodes are removed after each.
    empties: bool,
}

/// What one program needed for one piece of work.
#[derive(Clone, Copy, Debug)]
struct Cost {
    requests: f64,
    seconds: f64,
    cpu_seconds: f64,
    rss_mib: f64,
}

/// All of it.
pub(super) async fn run(
    stage: &Stage,
    options: &Options,
    progress: &Progress,
    report: &mut Report,
) -> Result<()> {
    let contest = Contest {
        stage,
        proxy: stage.proxy().await?,
        gophercloud: Gophercloud::ensure(progress).await?,
        rounds: options.rounds,
    };
    let (created, listed) = (CREATED.to_string(), LISTED.to_string());
    let create = Work {
        name: "create_200",
        arguments: &["create", &created],
        rows: CREATED,
        empties: true,
    };
    contest.judge(&create, progress, report).await?;

    let fill = Work {
        name: "fill",
        arguments: &["create", &listed],
        rows: LISTED,
        empties: false,
    };
    let filled = contest.once(&fill, Program::Ours);
    progress.step(&format!("{LISTED} nodes to list"), filled).await?;
    let list = Work {
        name: "list_1000",
        arguments: &["list"],
        rows: LISTED,
        empties: false,
    };
    contest.judge(&list, progress, report).await?;

    script(stage, &contest.proxy).await?;
    stage.remove_by_client_script().await?;
    let scripted = Work {
        name: "list_10000",
        rows: SCRIPTED,
        ..list
    };
    contest.judge(&scripted, progress, report).await
}

impl Contest<'_> {
    /// Has all three do it, and writes down what each needed.
    async fn judge(&self, work: &Work<'_>, progress: &Progress, report: &mut Report) -> Result<()> {
        let what = format!("{} by the client, openstacksdk and gophercloud", work.name);
        let costs = progress.step(&what, self.rounds(work)).await?;
        tell(report, work.name, &costs);
        Ok(())
    }

    /// All, as often as asked, each first in turn.
    async fn rounds(&self, work: &Work<'_>) -> Result<Vec<(Program, Cost)>> {
        let mut costs = Vec::new();
        let mut programs = Program::ALL;
        for _ in 0..self.rounds {
            for program in programs {
                costs.push((program, self.once(work, program).await?));
                if work.empties {
                    self.stage.remove_by_client_script().await?;
                }
            }
            programs.rotate_left(1);
        }
        Ok(costs)
    }

    async fn once(&self, work: &Work<'_>, program: Program) -> Result<Cost> {
        self.proxy.clear_log();
        let output = self.start(work, program).await?;
        succeeded("the client at work", &output)?;
        let figures: Figures = serde_json::from_slice(&output.stdout).context("the client says no JSON")?;
        ensure!(
            figures.rows == work.rows,
            "{program:?} saw {} rows, not {}",
            figures.rows,
            work.rows
        );
        let discovery = |path: &str| matches!(path, "/" | "/v1" | "/v1/");
        let log = self.proxy.log();
        let requests = log.iter().filter(|entry| !discovery(&entry.seen.path)).count();
        Ok(Cost {
            requests: f64::from(u32::try_from(requests)?),
            seconds: figures.seconds,
            cpu_seconds: figures.cpu_seconds,
            rss_mib: figures.rss_mib,
        })
    }

    async fn start(&self, work: &Work<'_>, program: Program) -> Result<Output> {
        let endpoint = self.proxy.endpoint();
        let mut arguments = work.arguments.to_vec();
        arguments.insert(1, &endpoint);
        match program {
            Program::Ours => {
                let example = target_directory()?.join("release/examples/client_bench");
                let built = "there is no release build: run `cargo build --release -p ironwright --examples`";
                output(Command::new(example).args(arguments)).await.context(built)
            }
            Program::Sdk => self.stage.python_with(SCRIPT, &arguments).await,
            Program::Gophercloud => output(Command::new(self.gophercloud.program()).args(arguments)).await,
        }
    }
}

async fn output(command: &mut Command) -> Result<Output> {
    Ok(command.kill_on_drop(true).output().await?)
}

impl Stage {
    /// Removes every node, whoever made it.
    async fn remove_by_client_script(&self) -> Result<()> {
        let endpoint = self.endpoint();
        let output = self.python_with(SCRIPT, &["remove", &endpoint]).await?;
        succeeded("the removal", &output)
    }
}

/// From now on the proxy answers listings itself: with pages of rows that are all like a real node.
async fn script(stage: &Stage, proxy: &Proxy) -> Result<()> {
    let node = stage.any_node().await?;
    for page in 0..SCRIPTED / PAGE {
        let first = page * PAGE;
        let marker = first.checked_sub(1).map(uuid);
        let answer = answer(&node, first, &proxy.endpoint());
        let wanted = move |query: &str| {
            let asked = query.split('&').find_map(|pair| pair.strip_prefix("marker="));
            asked == marker.as_deref()
        };
        let is_listing = |path: &str| matches!(path, "/v1/nodes" | "/v1/nodes/detail");
        proxy
            .when_request(move |seen| seen.method == "GET" && is_listing(&seen.path) && wanted(&seen.query))
            .then(Action::Answer(answer));
    }
    Ok(())
}

/// One page.
fn answer(node: &Value, first: usize, endpoint: &str) -> Answer {
    let row = |number| {
        let mut row = node.clone();
        if let Some(row) = row.as_object_mut() {
            row.insert("uuid".to_owned(), uuid(number).into());
        }
        row
    };
    let rows: Vec<_> = (first..first + PAGE).map(row).collect();
    let mut body = json!({ "nodes": rows });
    let last = first + PAGE;
    if let (Some(body), true) = (body.as_object_mut(), last < SCRIPTED) {
        let marker = uuid(last - 1);
        let next = format!("{endpoint}/v1/nodes/detail?limit={PAGE}&marker={marker}");
        body.insert("next".to_owned(), next.into());
    }
    let headers = [
        ("Content-Type", "application/json"),
        ("X-OpenStack-Ironic-API-Version", "1.109"),
    ];
    Answer {
        status: 200,
        headers: headers
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .into(),
        body: body.to_string().into(),
    }
}

fn uuid(number: usize) -> String {
    format!("00000000-0000-4000-8000-{number:012x}")
}

/// Writes down the medians of each program, and how much less processor time the client needs than each of the others.
fn tell(report: &mut Report, work: &str, costs: &[(Program, Cost)]) {
    let cpu = |program| median_of(costs, program, |cost| cost.cpu_seconds);
    for program in Program::ALL {
        let name = |what| format!("client_{work}{}_{what}", program.infix());
        let of = |figure: fn(&Cost) -> f64| median_of(costs, program, figure);
        report.figure(name("requests"), of(|cost| cost.requests));
        report.figure(name("seconds"), of(|cost| cost.seconds));
        report.figure(name("cpu_seconds"), cpu(program));
        report.figure(name("rss_mib"), of(|cost| cost.rss_mib));
        if program != Program::Ours {
            report.figure(name("cpu_ratio"), cpu(program) / cpu(Program::Ours));
        }
    }
}

fn median_of(costs: &[(Program, Cost)], program: Program, figure: impl Fn(&Cost) -> f64) -> f64 {
    let its = costs.iter().filter(|(whose, _)| *whose == program);
    median(its.map(|(_, cost)| figure(cost)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_follow_each_other_to_the_end() {
        let node = json!({"name": "a"});
        let parse = |answer: Answer| serde_json::from_slice::<Value>(&answer.body).unwrap();
        let first = parse(answer(&node, 0, "http://x"));
        assert_eq!(first["nodes"].as_array().unwrap().len(), PAGE);
        assert_eq!(first["nodes"][999]["uuid"], uuid(999));
        assert!(first["next"].as_str().unwrap().ends_with(&uuid(999)));
        let last = parse(answer(&node, SCRIPTED - PAGE, "http://x"));
        assert_eq!(last.get("next"), None);
    }

    #[test]
    fn every_program_has_its_own_figures() {
        let cost = |cpu_seconds| Cost {
            requests: 10.0,
            seconds: 3.0,
            cpu_seconds,
            rss_mib: 30.0,
        };
        let all = [
            (Program::Ours, 2.0),
            (Program::Sdk, 9.0),
            (Program::Gophercloud, 4.0),
        ];
        let costs: Vec<_> = all.iter().map(|&(program, cpu)| (program, cost(cpu))).collect();
        let mut report = Report::default();
        tell(&mut report, "list", &costs);
        let table = report.table();
        for line in [
            "| `client_list_requests` | 10 |",
            "| `client_list_cpu_seconds` | 2 |",
            "| `client_list_sdk_cpu_ratio` | 4.5 |",
            "| `client_list_gophercloud_cpu_ratio` | 2 |",
            "| `client_list_gophercloud_rss_mib` | 30 |",
        ] {
            assert!(table.contains(line), "{line} in {table}");
        }
        assert!(!table.contains("client_list_cpu_ratio"), "{table}");
    }
}
