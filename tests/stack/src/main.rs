//! `ironwright-stack`: the launcher.

use std::ffi::OsString;
use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::{Parser, Subcommand};
use ironwright_stack::openstack::OpenStackTools;
use ironwright_stack::tools::Gophercloud;
use ironwright_stack::{Progress, Tools, bench, demo, guard, up};

/// Starts the real parts that ironwright is tested on.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Builds and installs all parts into the cache, and nothing else.
    Tools {
        /// Keystone and Neutron, too.
        #[arg(long)]
        openstack: bool,
        /// What the client is compared with, too.
        #[arg(long)]
        gophercloud: bool,
    },
    /// Runs the helm among the parts, with these arguments and as whoever calls.
    Helm {
        /// As helm takes them.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true, required = true)]
        arguments: Vec<OsString>,
    },
    /// Starts a control plane and an Ironic and keeps them until Ctrl-C.
    Up(up::Options),
    /// Deploys machines before your eyes: control plane, Ironic, chart, operator and sample manifests.
    Demo(demo::Options),
    /// Measures the operator's release build against a plain script with openstacksdk, on the same Ironic.
    Bench(bench::Options),
    /// Runs a server that is ended when standard input closes. Used by the launcher itself.
    #[command(hide = true)]
    Guard {
        /// Where the server's output goes.
        #[arg(long)]
        log: PathBuf,
        /// The server and its arguments.
        #[arg(last = true, required = true)]
        command: Vec<OsString>,
    },
}

fn main() -> ExitCode {
    match perform(Arguments::parse().command) {
        Ok(code) => code,
        Err(error) => {
            // Not through Debug: a backtrace of the launcher tells nobody which server failed.
            let _ = writeln!(std::io::stderr(), "ironwright-stack: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn perform(command: Command) -> Result<ExitCode> {
    match command {
        Command::Tools {
            openstack,
            gophercloud,
        } => run(tools(openstack, gophercloud)),
        Command::Helm { arguments } => run(helm(arguments)),
        Command::Up(options) => run(up::run(options)),
        Command::Demo(options) => run(demo::run(options)),
        Command::Bench(options) => run(bench::run(options)),
        Command::Guard { log, command } => {
            let code = run(guard::run(&log, &command))?;
            // Not by returning: the thread that waits on standard input is never done.
            std::process::exit(code)
        }
    }
}

async fn tools(openstack: bool, gophercloud: bool) -> Result<ExitCode> {
    let progress = Progress::stderr();
    Tools::ensure(&progress).await?;
    if openstack {
        OpenStackTools::ensure(&progress).await?;
    }
    if gophercloud {
        Gophercloud::ensure(&progress).await?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Takes over helm's exit status.
async fn helm(arguments: Vec<OsString>) -> Result<ExitCode> {
    let program = Tools::ensure(&Progress::stderr()).await?.binary("helm");
    let status = tokio::process::Command::new(program)
        .args(arguments)
        .status()
        .await
        .context("cannot run helm")?;
    let code = status.code().and_then(|code| u8::try_from(code).ok());
    Ok(code.map_or(ExitCode::FAILURE, ExitCode::from))
}

fn run<T>(work: impl Future<Output = Result<T>>) -> Result<T> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?
        .block_on(work)
}
