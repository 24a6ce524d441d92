//! The `ironwright` binary as a process beside a control plane, instead of a pod in it.

use std::path::{Path, PathBuf};
use std::process::ExitStatus;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context, Result};

use crate::ports::{self, Port};
use crate::wait::until;
use crate::{Launch, Process, Run, guard, http_client};

/// Caches of a thousand objects are filled within this.
const READY_LIMIT: Duration = Duration::from_mins(1);

/// How to run the operator.
#[derive(Clone, Debug)]
pub struct OperatorOptions {
    /// Tells several ones of a run apart; names the log file. A second one of the same name appends to it.
    pub name: String,
    /// The program; [`binary`] finds the one cargo built.
    pub binary: PathBuf,
    /// Which cluster, as whom.
    pub kubeconfig: PathBuf,
    /// Further arguments of `ironwright run`.
    pub args: Vec<String>,
    /// Environment variables, such as `RUST_LOG`.
    pub env: Vec<(String, String)>,
}

impl OperatorOptions {
    /// The binary that cargo built beside the launcher, with nothing special.
    pub fn new(kubeconfig: &Path) -> Result<Self> {
        Ok(Self {
            name: "operator".to_owned(),
            binary: binary()?,
            kubeconfig: kubeconfig.to_owned(),
            args: Vec::new(),
            env: Vec::new(),
        })
    }
}

/// The `ironwright` binary that cargo built beside the launcher's.
pub fn binary() -> Result<PathBuf> {
    let path = guard::binary()?.with_file_name("ironwright");
    let built = path.is_file().then_some(path);
    built.context("the operator is not built: run `cargo build --workspace` first")
}

/// What this program has launched, also what has ended.
static LAUNCHED: Mutex<Vec<Launched>> = Mutex::new(Vec::new());

/// An operator that was launched: where it says something.
#[derive(Clone, Debug)]
pub struct Launched {
    /// Its log.
    pub log: PathBuf,
    /// Its probes and metrics, while it lives.
    pub endpoint: String,
}

/// All that this program has launched so far.
pub fn launched() -> Vec<Launched> {
    LAUNCHED.lock().unwrap_or_else(PoisonError::into_inner).clone()
}

/// A running operator. Dropping it stops it.
#[derive(Debug)]
pub struct Operator {
    port: Port,
    process: Process,
}

impl Operator {
    /// Starts it and waits until it says that it is ready.
    pub async fn start(run: &Run, options: &OperatorOptions) -> Result<Self> {
        let operator = Self::launch(run, options)?;
        operator.ready().await?;
        Ok(operator)
    }

    /// Starts it, ready or not.
    pub fn launch(run: &Run, options: &OperatorOptions) -> Result<Self> {
        let port = Port::reserve()?;
        let launch = Launch::new("ironwright", &options.binary, run.log(&options.name))
            .args(["run", "--listen", &format!("127.0.0.1:{}", port.number())])
            .args(&options.args)
            .env("KUBECONFIG", &options.kubeconfig)
            // All that it talks to is on this machine.
            .env("IRONWRIGHT_ALLOW_ENDPOINTS", "127.0.0.0/8,::1");
        let launch = options
            .env
            .iter()
            .fold(launch, |launch, (name, value)| launch.env(name, value));
        let operator = Self {
            port,
            process: launch.start()?,
        };
        let launched = Launched {
            log: operator.process.log().to_owned(),
            endpoint: operator.endpoint(),
        };
        LAUNCHED
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(launched);
        Ok(operator)
    }

    /// Waits until it says that it is ready.
    pub async fn ready(&self) -> Result<()> {
        let says_so = async || {
            self.process.ensure_alive()?;
            Ok(self.get("/readyz").await.is_ok().then_some(()))
        };
        until("the operator", READY_LIMIT, says_so)
            .await
            .with_context(|| self.process.log_tail(20))?;
        ports::prove_owner(self.port.number(), self.process.pid())
    }

    /// Where its probes and metrics are, such as `http://127.0.0.1:23456`.
    pub fn endpoint(&self) -> String {
        format!("http://127.0.0.1:{}", self.port.number())
    }

    /// Whether it says that it is ready, this very moment.
    pub async fn is_ready(&self) -> bool {
        self.get("/readyz").await.is_ok()
    }

    /// Its metrics, in Prometheus' text format.
    pub async fn metrics(&self) -> Result<String> {
        self.get("/metrics").await
    }

    /// The process: its pid, log, and whether it lives.
    pub fn process(&self) -> &Process {
        &self.process
    }

    /// Memory in use, in MiB.
    pub fn rss_mib(&self) -> Result<f64> {
        self.process.rss_mib()
    }

    /// Processor time used since the start, in seconds.
    pub fn cpu_seconds(&self) -> Result<f64> {
        self.process.cpu_seconds()
    }

    /// SIGTERM; returns when it is gone.
    pub async fn stop(&self) -> ExitStatus {
        self.process.stop().await
    }

    /// SIGKILL; returns when it is gone.
    pub async fn kill(&self) -> ExitStatus {
        self.process.kill().await
    }

    /// SIGSTOP: a machine that hangs, or a process that the kernel does not get round to.
    pub fn pause(&self) {
        self.process.pause();
    }

    /// SIGCONT.
    pub fn resume(&self) {
        self.process.resume();
    }

    /// Asks one of its endpoints; an answer other than a success is an error.
    pub async fn get(&self, path: &str) -> Result<String> {
        let url = format!("{}{path}", self.endpoint());
        Ok(http_client()?
            .get(url)
            .send()
            .await?
            .error_for_status()?
            .text()
            .await?)
    }
}
