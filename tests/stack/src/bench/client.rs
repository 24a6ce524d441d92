//! The client library beside openstacksdk: the same work by two programs, each counted at a proxy.

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
/// The figures of each work: ours, then openstacksdk's.
const NAMES: [[[&str; 4]; 2]; 3] = [
    [
        [
            "client_list_1000_requests",
            "client_list_1000_seconds",
            "client_list_1000_cpu_seconds",
            "client_list_1000_rss_mib",
        ],
        [
            "client_list_1000_sdk_requests",
            "client_list_1000_sdk_seconds",
            "client_list_1000_sdk_cpu_seconds",
            "client_list_1000_sdk_rss_mib",
        ],
    ],
    [
        [
            "client_list_10000_requests",
            "client_list_10000_seconds",
            "client_list_10000_cpu_seconds",
            "client_list_10000_rss_mib",
        ],
        [
            "client_list_10000_sdk_requests",
            "client_list_10000_sdk_seconds",
            "client_list_10000_sdk_cpu_seconds",
            "client_list_10000_sdk_rss_mib",
        ],
    ],
    [
        [
            "client_create_200_requests",
            "client_create_200_seconds",
            "client_create_200_cpu_seconds",
            "client_create_200_rss_mib",
        ],
        [
            "client_create_200_sdk_requests",
            "client_create_200_sdk_seconds",
            "client_create_200_sdk_cpu_seconds",
            "client_create_200_sdk_rss_mib",
        ],
    ],
];

/// What a program says of its work.
#[derive(Debug, Deserialize)]
struct Figures {
    rows: usize,
    seconds: f64,
    cpu_seconds: f64,
    rss_mib: f64,
}

/// Who works.
#[derive(Clone, Copy, Debug)]
enum Program {
    Ours,
    Sdk,
}

/// One piece of work.
struct Work<'a> {
    stage: &'a Stage,
    proxy: &'a Proxy,
    arguments: &'a [&'a str],
    rows: usize,
    /// Whether all nodes are removed after each.
    empties: bool,
}

/// All of it.
pub(super) async fn run(
    stage: &Stage,
    options: &Options,
    progress: &Progress,
    report: &mut Report,
) -> Result<()> {
    let proxy = stage.proxy().await?;
    let work = |arguments, rows, empties| Work {
        stage,
        proxy: &proxy,
        arguments,
        rows,
        empties,
    };
    let (created, listed) = (CREATED.to_string(), LISTED.to_string());
    let (create, fill, list) = (["create", &created], ["create", &listed], ["list"]);
    let create = work(&create, CREATED, true);
    let what = format!("{CREATED} creations by the client and by openstacksdk");
    let [_, _, names] = NAMES;
    tell(
        report,
        names,
        &progress.step(&what, create.rounds(options.rounds)).await?,
    );

    let fill = work(&fill, LISTED, false);
    let filled = fill.once(Program::Ours);
    progress.step(&format!("{LISTED} nodes to list"), filled).await?;
    let all = work(&list, LISTED, false);
    let what = format!("{LISTED} nodes listed by the client and by openstacksdk");
    let [names, ..] = NAMES;
    tell(
        report,
        names,
        &progress.step(&what, all.rounds(options.rounds)).await?,
    );
    script(stage, &proxy).await?;
    stage.remove_by_client_script().await?;

    let scripted = work(&list, SCRIPTED, false);
    let what = format!("{SCRIPTED} scripted nodes listed by the client and by openstacksdk");
    let [_, names, _] = NAMES;
    tell(
        report,
        names,
        &progress.step(&what, scripted.rounds(options.rounds)).await?,
    );
    Ok(())
}

/// Requests, seconds, processor seconds, MiB of each run.
type Runs = Vec<[f64; 4]>;

impl Work<'_> {
    /// Both, as often as asked, each first in turn.
    async fn rounds(&self, rounds: u16) -> Result<[Runs; 2]> {
        let (mut ours, mut sdk) = (Vec::new(), Vec::new());
        for round in 1..=rounds {
            for our_turn in [round % 2 == 1, round % 2 == 0] {
                if our_turn {
                    ours.push(self.once(Program::Ours).await?);
                } else {
                    sdk.push(self.once(Program::Sdk).await?);
                }
                if self.empties {
                    self.stage.remove_by_client_script().await?;
                }
            }
        }
        Ok([ours, sdk])
    }

    async fn once(&self, program: Program) -> Result<[f64; 4]> {
        self.proxy.clear_log();
        let output = self.start(program).await?;
        succeeded("the client at work", &output)?;
        let figures: Figures = serde_json::from_slice(&output.stdout).context("the client says no JSON")?;
        ensure!(
            figures.rows == self.rows,
            "{program:?} saw {} rows, not {}",
            figures.rows,
            self.rows
        );
        let discovery = |path: &str| matches!(path, "/" | "/v1" | "/v1/");
        let log = self.proxy.log();
        let requests = log.iter().filter(|entry| !discovery(&entry.seen.path)).count();
        let requests = f64::from(u32::try_from(requests)?);
        Ok([requests, figures.seconds, figures.cpu_seconds, figures.rss_mib])
    }

    async fn start(&self, program: Program) -> Result<Output> {
        let endpoint = self.proxy.endpoint();
        let mut arguments = self.arguments.to_vec();
        arguments.insert(1, &endpoint);
        match program {
            Program::Ours => {
                let example = target_directory()?.join("release/examples/client_bench");
                let mut command = Command::new(example);
                command.args(arguments).kill_on_drop(true);
                let built = "there is no release build: run `cargo build --release -p ironwright --examples`";
                command.output().await.context(built)
            }
            Program::Sdk => self.stage.python_with(SCRIPT, &arguments).await,
        }
    }
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

fn tell(report: &mut Report, names: [[&'static str; 4]; 2], runs: &[Runs; 2]) {
    for (names, runs) in names.into_iter().zip(runs) {
        for (column, name) in names.into_iter().enumerate() {
            let values = runs.iter().filter_map(|run| run.get(column).copied());
            report.figure(name, median(values.collect()));
        }
    }
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
}
