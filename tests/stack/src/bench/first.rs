//! How soon a single `apply` to an operator with nothing to do reaches Ironic.

use std::time::{Duration, Instant};

use anyhow::{Context, Result};

use super::Options;
use super::machines::{Goal, manifest, name};
use super::report::{Report, percentile};
use super::stage::{Stage, calm};
use crate::{Progress, Proxy};

/// The cloud that is reached through the proxy.
const CLOUD: &str = "watched";
/// Nothing of a node takes longer.
const LIMIT: Duration = Duration::from_mins(1);

/// Milliseconds from the start of the request that creates the object.
struct Sample {
    /// Until the first request of any kind.
    request: f64,
    /// Until the request that creates the node.
    creation: f64,
}

/// All applies, one after the other.
pub(super) async fn run(
    stage: &Stage,
    options: &Options,
    progress: &Progress,
    report: &mut Report,
) -> Result<()> {
    let proxy = stage.proxy().await?;
    let operator = stage.operator().await?;
    stage.describe_cloud(CLOUD, &proxy.endpoint(), options).await?;
    let sample = async {
        let mut samples = Vec::new();
        for number in 0..usize::from(options.applies) {
            calm(&operator).await?;
            samples.push(sample(stage, &proxy, number).await?);
        }
        anyhow::Ok(samples)
    };
    let samples = progress
        .step("single applies to an idle operator", sample)
        .await?;
    stage.delete_from(0).await?;
    stage.delete_cloud(CLOUD).await?;
    operator.stop().await;
    let all = |of: fn(&Sample) -> f64| samples.iter().map(of).collect::<Vec<_>>();
    report.figure(
        "first_request_ms_p50",
        percentile(all(|sample| sample.request), 50),
    );
    report.figure(
        "first_request_ms_p99",
        percentile(all(|sample| sample.request), 99),
    );
    report.figure("create_ms_p50", percentile(all(|sample| sample.creation), 50));
    report.figure("create_ms_p99", percentile(all(|sample| sample.creation), 99));
    Ok(())
}

/// One of them. The proxy's clock is this program's.
async fn sample(stage: &Stage, proxy: &Proxy, number: usize) -> Result<Sample> {
    let name = name(number);
    let node = serde_json::from_value(manifest(&name, CLOUD, Goal::Manageable))?;
    proxy.clear_log();
    let applied = Instant::now();
    stage.create(node).await?;
    proxy.wait_for("POST", "/v1/nodes", 1, LIMIT).await?;
    let log = proxy.log();
    let since = |at: Instant| at.duration_since(applied).as_secs_f64() * 1e3;
    let first = log.first().context("the proxy saw nothing")?;
    let creation = log.iter().find(|entry| entry.seen.method == "POST");
    let creation = creation.context("the proxy saw no creation")?;
    let sample = Sample {
        request: since(first.at),
        creation: since(creation.at),
    };
    stage.there(&name, Goal::Manageable).await?;
    Ok(sample)
}
