//! `ironwright-stack demo`: what a user of ironwright does, on real parts, with somebody watching.

mod table;

use std::path::{Path, PathBuf};
use std::process::{ExitCode, Output};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use clap::Args;

use crate::process::all_gone;
use crate::run::workspace;
use crate::up::{exports, ironic_exports, print, start_control_plane, start_ironic, told_to_stop};
use crate::{ControlPlane, Ironic, IronicOptions, Operator, OperatorOptions, Progress, Run, Tools};
use table::{Screen, Table};

/// The Helm release, and the ServiceAccount that the chart makes for it.
pub(crate) const RELEASE: &str = "ironwright";
pub(crate) const RELEASE_NAMESPACE: &str = "ironwright-system";
/// Where the samples put their objects.
const NODES: &str = "/apis/ironwright.dev/v1alpha1/namespaces/metal/baremetalnodes";
/// What the samples say in place of the Ironic that a demo starts.
const PLACEHOLDER: &str = "http://127.0.0.1:6385";
/// Left to itself, fake hardware is deployed before anybody can look. Seconds, at random between the two.
const PACE: &str = "[fake]\ndeploy_delay = 1,3\n";
/// Six machines take seconds.
const LIMIT: Duration = Duration::from_mins(5);
/// Between two looks at the nodes: quick for an eye, cheap for an apiserver.
const BLINK: Duration = Duration::from_millis(200);

/// How to show it.
#[derive(Args, Clone, Debug, Default)]
pub struct Options {
    /// End when all nodes are Ready (exit status 0), or after 5 minutes with what they wait for (exit status 1).
    #[arg(long)]
    once: bool,
}

/// The whole demo, from nothing to nothing.
pub async fn run(options: Options) -> Result<ExitCode> {
    let progress = Progress::stderr();
    let told_to_stop = told_to_stop()?;
    let outcome = tokio::select! {
        outcome = play(&options, &progress) => outcome,
        // Cut short, it has not shown what it was asked to show.
        () = told_to_stop => Ok(if options.once { ExitCode::from(130) } else { ExitCode::SUCCESS }),
    };
    progress.step("stopping", all_gone()).await?;
    outcome
}

/// Ends by itself only with `--once` or when something goes wrong; dropping it stops everything.
async fn play(options: &Options, progress: &Progress) -> Result<ExitCode> {
    let scene = Scene::set(progress).await?;
    let expected = scene.apply_samples(progress).await?;
    let settled = scene.watch(expected).await?;
    match (settled, options.once) {
        (true, true) => return Ok(ExitCode::SUCCESS),
        (false, true) => return Ok(ExitCode::FAILURE),
        (_, false) => print(&scene.instructions())?,
    }
    scene.operator.process().wait().await;
    scene.operator.process().ensure_alive()?;
    Ok(ExitCode::FAILURE)
}

/// All that runs in a demo. Fields are dropped, and what they are is stopped, from top to bottom.
struct Scene {
    operator: Operator,
    ironic: Ironic,
    control_plane: ControlPlane,
    run: Run,
    tools: Tools,
}

impl Scene {
    async fn set(progress: &Progress) -> Result<Self> {
        // Said before minutes are spent on anything else.
        let binary = crate::operator::binary()?;
        let tools = Tools::ensure(progress).await?;
        let run = Run::start()?;
        let ironic = IronicOptions {
            extra_conf: PACE.to_owned(),
            ..IronicOptions::default()
        };
        let (control_plane, ironic) = tokio::try_join!(
            start_control_plane(&tools, &run, progress),
            start_ironic(&tools, &run, progress, ironic),
        )?;
        progress
            .step("helm install ironwright", install_chart(&control_plane))
            .await?;
        let kubeconfig = control_plane
            .service_account_kubeconfig(RELEASE_NAMESPACE, RELEASE)
            .await?;
        let mut options = OperatorOptions::new(&kubeconfig)?;
        options.binary = binary;
        options.args = ["--lease-namespace", RELEASE_NAMESPACE].map(str::to_owned).into();
        let operator = progress
            .step("starting the operator", Operator::start(&run, &options))
            .await?;
        Ok(Self {
            operator,
            ironic,
            control_plane,
            run,
            tools,
        })
    }

    /// Applies the sample manifests; returns the number of nodes among them.
    async fn apply_samples(&self, progress: &Progress) -> Result<usize> {
        let folder = self.run.file("samples");
        let nodes = copy_samples(
            &workspace().join("docs/samples/demo"),
            &folder,
            &self.ironic.endpoint(),
        )?;
        let apply = async {
            let folder = folder.display().to_string();
            succeeded(
                "kubectl apply",
                &self.control_plane.kubectl(&["apply", "-f", &folder]).await?,
            )
        };
        progress.step("kubectl apply -f docs/samples/demo", apply).await?;
        Ok(nodes)
    }

    /// Shows the nodes until all are Ready (true) or time is up (false, with what they say about it).
    async fn watch(&self, expected: usize) -> Result<bool> {
        let client = self.control_plane.client().await?;
        let (started, mut screen) = (Instant::now(), Screen::new());
        loop {
            self.operator.process().ensure_alive()?;
            let table = Table::fetch(&client, NODES).await?;
            screen.show(&table)?;
            if table.is_settled(expected) {
                print(&format!(
                    "All {expected} nodes are Ready after {:.1} s.",
                    started.elapsed().as_secs_f64()
                ))?;
                return Ok(true);
            }
            if started.elapsed() > LIMIT {
                let (ready, minutes) = (table.ready(), LIMIT.as_secs() / 60);
                print(&format!(
                    "{ready} of {expected} nodes are Ready after {minutes} minutes. The others:"
                ))?;
                print(&table.complaints())?;
                print(&self.operator.process().log_tail(20))?;
                return Ok(false);
            }
            tokio::time::sleep(BLINK).await;
        }
    }

    fn instructions(&self) -> String {
        let logs = self.run.directory().display();
        format!(
            "
In another terminal:

{}

  kubectl get -n metal bmcloud,bmn
  kubectl describe -n metal bmn rack1-u05
  kubectl patch -n metal bmn rack1-u01 --type merge -p '{{\"spec\":{{\"provision\":{{\"state\":\"available\"}}}}}}'
  kubectl delete -n metal bmn rack1-u05     # refused while its instance is there: see its conditions
  kubectl delete -n metal bmn rack1-u06     # its manifest says Undeploy: wiped, then gone

The same machines as Ironic sees them:

{}

Logs: {logs}
Ctrl-C stops everything.",
            exports(&self.tools, &self.control_plane),
            ironic_exports(&self.tools, &self.ironic),
        )
    }
}

/// CRDs, rights and the ServiceAccount; the operator itself runs beside, for want of a node to run pods on.
pub(crate) async fn install_chart(control_plane: &ControlPlane) -> Result<()> {
    let chart = workspace().join("charts/ironwright").display().to_string();
    let install = [
        "install",
        RELEASE,
        &chart,
        "--namespace",
        RELEASE_NAMESPACE,
        "--create-namespace",
    ];
    let install = [&install[..], &["--set", "operator.enabled=false"]].concat();
    succeeded("helm install", &control_plane.helm(&install).await?)?;
    let served = [
        "wait",
        "crd",
        "--all",
        "--for=condition=Established",
        "--timeout=30s",
    ];
    succeeded("waiting for the CRDs", &control_plane.kubectl(&served).await?)
}

pub(crate) fn succeeded(what: &str, output: &Output) -> Result<()> {
    if output.status.success() {
        return Ok(());
    }
    let (out, err) = (
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    );
    bail!("{what} failed ({})\n{out}{err}", output.status)
}

/// Copies manifests with the address of Ironic filled in; returns how many nodes they describe.
fn copy_samples(from: &Path, to: &Path, endpoint: &str) -> Result<usize> {
    std::fs::create_dir(to).with_context(|| format!("cannot create {}", to.display()))?;
    let entries = std::fs::read_dir(from).with_context(|| format!("cannot list {}", from.display()))?;
    let mut nodes = 0;
    for entry in entries {
        let path: PathBuf = entry?.path();
        let name = path.file_name().context("a file without a name")?;
        let text =
            std::fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
        nodes += text.lines().filter(|line| *line == "kind: BareMetalNode").count();
        std::fs::write(to.join(name), text.replace(PLACEHOLDER, endpoint))
            .context("cannot copy the samples")?;
    }
    Ok(nodes)
}
