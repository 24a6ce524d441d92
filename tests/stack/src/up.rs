//! `ironwright-stack up`: the parts alone, to try things by hand; and what the launcher's commands share.

use std::io::Write;
use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::Args;
use tokio::signal::unix::{SignalKind, signal};

use crate::process::all_gone;
use crate::{
    ControlPlane, Ironic, IronicAuth, IronicOptions, OpenStack, OpenStackOptions, Progress, Run, Tools,
};

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
    #[command(flatten)]
    openstack: WithOpenStack,
    /// Appended to ironic.conf; may be repeated, for example `--conf '[fake]' --conf 'deploy_delay = 5'`.
    #[arg(long, value_name = "LINE")]
    conf: Vec<String>,
}

/// More than an Ironic alone.
#[derive(Args, Clone, Debug, Default)]
struct WithOpenStack {
    /// Ironic asks Keystone, which is started, too: clouds.yaml has the clouds `system`, `operator`, `member`, `reader`.
    #[arg(long, conflicts_with_all = ["http_basic", "no_ironic"])]
    keystone: bool,
    /// With Neutron as well, and the network interfaces `flat` and `neutron`; implies `--keystone`.
    #[arg(long, conflicts_with_all = ["http_basic", "no_ironic"])]
    neutron: bool,
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
    let told_to_stop = told_to_stop()?;
    let finished = tokio::select! {
        ended = serve(&options, &progress) => ended,
        () = told_to_stop => Ok(()),
    };
    progress.step("stopping", all_gone()).await?;
    finished.map(|()| ExitCode::SUCCESS)
}

/// Never returns unless something goes wrong; dropping it stops everything.
async fn serve(options: &Options, progress: &Progress) -> Result<()> {
    let ironic_options = options.ironic()?;
    let tools = Tools::ensure(progress).await?;
    let run = Run::start()?;
    let with_keystone = options.openstack.keystone || options.openstack.neutron;
    let openstack_options = OpenStackOptions {
        neutron: options.openstack.neutron,
        ironic: ironic_options.clone(),
    };
    let (control_plane, ironic, openstack) = tokio::try_join!(
        optionally(
            !options.no_control_plane,
            start_control_plane(&tools, &run, progress)
        ),
        optionally(
            !options.no_ironic && !with_keystone,
            start_ironic(&tools, &run, progress, ironic_options)
        ),
        optionally(
            with_keystone,
            OpenStack::start(&tools, &run, progress, openstack_options)
        ),
    )?;
    print(&format!("Logs: {}", run.directory().display()))?;
    if let Some(control_plane) = &control_plane {
        print(&exports(&tools, control_plane))?;
    }
    if let Some(ironic) = &ironic {
        print(&ironic_exports(&tools, ironic))?;
    }
    if let Some(openstack) = &openstack {
        print(&openstack_exports(&tools, openstack))?;
    }
    print("# Ctrl-C stops everything.")?;
    std::future::pending().await
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

/// Resolves on Ctrl-C, SIGTERM or when the terminal is closed. From the call on, those no longer end the program.
pub(crate) fn told_to_stop() -> Result<impl Future<Output = ()>> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let mut hangup = signal(SignalKind::hangup())?;
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
            _ = hangup.recv() => {}
        }
    })
}

/// Prints to standard output.
pub(crate) fn print(text: &str) -> Result<()> {
    writeln!(std::io::stdout().lock(), "{text}").context("cannot write to standard output")
}

/// What to tell a shell to use the control plane.
pub(crate) fn exports(tools: &Tools, control_plane: &ControlPlane) -> String {
    let (kubeconfig, binaries) = (control_plane.kubeconfig().display(), tools.binaries().display());
    format!("export KUBECONFIG={kubeconfig}\nexport PATH={binaries}:$PATH")
}

/// What to tell a shell to use Ironic.
pub(crate) fn ironic_exports(tools: &Tools, ironic: &Ironic) -> String {
    let (clouds, endpoint, openstack) = (
        ironic.clouds_yaml().display(),
        ironic.endpoint(),
        tools.python("python"),
    );
    format!(
        "export OS_CLIENT_CONFIG_FILE={clouds} OS_CLOUD=ironic\nexport IRONIC_URL={endpoint}\n\
        # A Python with openstacksdk: {}",
        openstack.display()
    )
}

/// What to tell a shell to use all of it.
fn openstack_exports(tools: &Tools, openstack: &OpenStack) -> String {
    let (clouds, url) = (
        openstack.clouds_yaml().display(),
        &openstack.keystone.access().auth_url,
    );
    let (ironic, python) = (openstack.ironic.endpoint(), tools.python("python"));
    format!(
        "export OS_CLIENT_CONFIG_FILE={clouds} OS_CLOUD=system\n# Keystone is {url}, Ironic is {ironic}.\n\
        # A Python with openstacksdk: {}",
        python.display()
    )
}

async fn optionally<T>(wanted: bool, work: impl Future<Output = Result<T>>) -> Result<Option<T>> {
    if wanted { work.await.map(Some) } else { Ok(None) }
}
