//! The Ironic client at work, for `ironwright-stack bench`: what `tests/stack/python/bench_client.py` does with openstacksdk.
//!
//! ```text
//! client_bench list ENDPOINT           every node in full
//! client_bench create ENDPOINT COUNT   so many nodes, 8 requests in flight
//! ```
//!
//! Prints `{"rows", "seconds", "cpu_seconds", "rss_mib"}`. Connecting and finding out the API version is not part of the times.
use std::io::Write;
use std::time::Instant;

use anyhow::{Context, Result, bail};
use futures::{StreamExt, TryStreamExt, stream};
use ironwright::ironic::client::{Client, NodeQuery, Settings};
use ironwright::ironic::model::NodeCreate;
use serde_json::json;

/// As many as the scripts have threads.
const IN_FLIGHT: usize = 8;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    if rustls::crypto::ring::default_provider()
        .install_default()
        .is_err()
    {
        bail!("there is a TLS provider already");
    }
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let (endpoint, count) = match arguments.as_slice() {
        ["list", endpoint] => (*endpoint, None),
        ["create", endpoint, count] => (*endpoint, Some(count.parse()?)),
        _ => bail!("client_bench list ENDPOINT | create ENDPOINT COUNT"),
    };
    let ironic = Client::new(Settings::new(endpoint))?;
    ironic.versions().await?;
    let (cpu, started) = (cpu_seconds()?, Instant::now());
    let rows = match count {
        None => list(&ironic).await?,
        Some(count) => create(&ironic, count).await?,
    };
    let figures = json!({
        "rows": rows,
        "seconds": started.elapsed().as_secs_f64(),
        "cpu_seconds": cpu_seconds()? - cpu,
        "rss_mib": rss_mib()?,
    });
    writeln!(std::io::stdout(), "{figures}")?;
    Ok(())
}

/// Row by row, none kept; the first and the last field of a node are looked at.
async fn list(ironic: &Client) -> Result<usize> {
    let nodes = ironic.list_nodes_detail(NodeQuery::default());
    let counted = nodes.try_fold(0, async |rows, node| {
        Ok(rows + usize::from(!node.value.uuid.is_empty()))
    });
    Ok(counted.await?)
}

async fn create(ironic: &Client, count: usize) -> Result<usize> {
    let creation = |number: usize| async move {
        let node = NodeCreate {
            name: Some(format!("client-{number:04}")),
            driver: "fake-hardware".to_owned(),
            ..NodeCreate::default()
        };
        ironic.create_node(&node).await
    };
    let created: Vec<_> = stream::iter(0..count)
        .map(creation)
        .buffer_unordered(IN_FLIGHT)
        .try_collect()
        .await?;
    Ok(created.len())
}

/// Processor time of all threads so far.
fn cpu_seconds() -> Result<f64> {
    let mut nanoseconds = 0.0;
    for thread in std::fs::read_dir("/proc/self/task")? {
        let text = std::fs::read_to_string(thread?.path().join("schedstat"))?;
        let first = text.split_whitespace().next().context("an empty schedstat")?;
        nanoseconds += first.parse::<f64>()?;
    }
    Ok(nanoseconds / 1e9)
}

/// The most memory that was ever resident.
fn rss_mib() -> Result<f64> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kilobytes = line.and_then(|line| line.split_whitespace().next());
    Ok(kilobytes.context("no VmHWM")?.parse::<f64>()? / 1024.0)
}
