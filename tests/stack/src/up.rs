//! `ironwright-stack up`: the parts alone, to try things by hand.

use std::io::Write;
use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::Args;
use tokio::signal::unix::{SignalKind, signal};

use crate::{ControlPlane, Ironic, IronicAuth, IronicOptions, Progress, Run, Tools};

/// What to start.
#[derive(Args, Clone, Debug, Default)]
pub struct Options {
    /// No control plane.
    #[arg(long)]
    no_control_plane: bool,
    /// No Ironic.
    #[arg(long)]
    no_ironic: bool,
    /// Ironic asks for this user and password (HTTP basic) instead of nothing.
    #[arg(long, value_name = "USER:PASSWORD")]
    http_basic: Option<String>,
    /// Appended to ironic.conf; may be repeated, for example `--conf '[fake]' --conf 'deploy_delay = 5'`.
    #[arg(long, value_name = "LINE")]
    conf: Vec<String>,
}

impl Options {
    fn ironic(&self) -> Result<IronicOptions> {
        let auth = match &self.http_basic {
            None => IronicAuth::NoAuth,
            Some(pair) => {
                let (user, password) = pair.split_once(':').context("--http-basic needs USER:PASSWORD")?;
                IronicAuth::HttpBasic {
                    user: user.to_owned(),
                    password: password.to_owned(),
                }
            }
        };
        Ok(IronicOptions {
            auth,
            extra_conf: self.conf.join("\n"),
            ..IronicOptions::default()
        })
    }
}

/// Starts it, prints how to use it, waits for Ctrl-C or SIGTERM, and stops it.
pub async fn run(options: Options) -> Result<ExitCode> {
    let progress = Progress::stderr();
    let ironic_options = options.ironic()?;
    let mut stop = std::pin::pin!(told_to_stop());
    let starting = async {
        let tools = Tools::ensure(&progress).await?;
        let run = Run::start()?;
        let (control_plane, ironic) = tokio::try_join!(
            optionally(
                !options.no_control_plane,
                start_control_plane(&tools, &run, &progress)
            ),
            optionally(
                !options.no_ironic,
                start_ironic(&tools, &run, &progress, ironic_options)
            ),
        )?;
        anyhow::Ok((tools, run, control_plane, ironic))
    };
    let (tools, run, control_plane, ironic) = tokio::select! {
        started = starting => started?,
        stop = &mut stop => return stop.map(|()| ExitCode::SUCCESS),
    };
    print(&instructions(
        &tools,
        &run,
        control_plane.as_ref(),
        ironic.as_ref(),
    ))?;
    stop.await?;
    let stopping = async {
        tokio::join!(
            async {
                if let Some(ironic) = &ironic {
                    ironic.stop().await;
                }
            },
            async {
                if let Some(control_plane) = &control_plane {
                    control_plane.stop().await;
                }
            },
        );
        Ok(())
    };
    progress.step("stopping", stopping).await?;
    Ok(ExitCode::SUCCESS)
}

pub(crate) async fn start_control_plane(
    tools: &Tools,
    run: &Run,
    progress: &Progress,
) -> Result<ControlPlane> {
    progress
        .step("starting the control plane", ControlPlane::start(tools, run))
        .await
}

pub(crate) async fn start_ironic(
    tools: &Tools,
    run: &Run,
    progress: &Progress,
    options: IronicOptions,
) -> Result<Ironic> {
    progress
        .step("starting Ironic", Ironic::start(tools, run, options))
        .await
}

/// Resolves on Ctrl-C, SIGTERM or when the terminal is closed.
pub(crate) async fn told_to_stop() -> Result<()> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let mut hangup = signal(SignalKind::hangup())?;
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
        _ = hangup.recv() => {}
    }
    Ok(())
}

pub(crate) fn print(text: &str) -> Result<()> {
    writeln!(std::io::stdout().lock(), "{text}").context("cannot write to standard output")
}

async fn optionally<T>(wanted: bool, work: impl Future<Output = Result<T>>) -> Result<Option<T>> {
    if wanted { work.await.map(Some) } else { Ok(None) }
}

fn instructions(tools: &Tools, run: &Run, plane: Option<&ControlPlane>, ironic: Option<&Ironic>) -> String {
    let mut lines = vec![format!("Logs: {}", run.directory().display())];
    if let Some(plane) = plane {
        lines.push(format!("export KUBECONFIG={}", plane.kubeconfig().display()));
        lines.push(format!("export PATH={}:$PATH", tools.binaries().display()));
    }
    if let Some(ironic) = ironic {
        lines.push(format!(
            "export OS_CLIENT_CONFIG_FILE={} OS_CLOUD=ironic",
            ironic.clouds_yaml().display()
        ));
        lines.push(format!("export IRONIC_URL={}", ironic.endpoint()));
        lines.push(format!(
            "# Python with openstacksdk: {}",
            tools.python("python").display()
        ));
    }
    lines.push("# Ctrl-C stops everything.".to_owned());
    lines.join("\n")
}
