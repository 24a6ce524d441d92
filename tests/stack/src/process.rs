//! Processes under a [guard](crate::guard): started, watched, paused, stopped, killed; never left behind.

use std::ffi::{OsStr, OsString};
use std::io::{BufRead, BufReader};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail};
use rustix::process::{Pid, Signal, kill_process_group};
use tokio::sync::watch;

use crate::guard;
use crate::wait::until;

/// Lines of a log that go into an error.
const TAIL: usize = 30;
/// The guard's own limit plus what a busy machine may add.
const STOP_LIMIT: Duration = guard::GRACE.saturating_add(Duration::from_secs(4));

/// Guards that run, of all processes.
static LIVING: AtomicUsize = AtomicUsize::new(0);

/// What to start. The output goes to the end of the log file.
#[derive(Clone, Debug)]
pub struct Launch {
    name: String,
    log: PathBuf,
    command: Vec<OsString>,
    environment: Vec<(OsString, OsString)>,
    directory: Option<PathBuf>,
}

impl Launch {
    /// `name` is for people; `log` is created if need be.
    pub fn new(name: &str, program: impl AsRef<OsStr>, log: impl Into<PathBuf>) -> Self {
        Self {
            name: name.to_owned(),
            log: log.into(),
            command: vec![program.as_ref().to_owned()],
            environment: Vec::new(),
            directory: None,
        }
    }

    /// Adds an argument.
    #[must_use]
    pub fn arg(mut self, argument: impl AsRef<OsStr>) -> Self {
        self.command.push(argument.as_ref().to_owned());
        self
    }

    /// Adds arguments.
    #[must_use]
    pub fn args<S: AsRef<OsStr>>(self, arguments: impl IntoIterator<Item = S>) -> Self {
        arguments.into_iter().fold(self, Self::arg)
    }

    /// Sets an environment variable, besides those inherited.
    #[must_use]
    pub fn env(mut self, name: impl AsRef<OsStr>, value: impl AsRef<OsStr>) -> Self {
        self.environment
            .push((name.as_ref().to_owned(), value.as_ref().to_owned()));
        self
    }

    /// Sets the working directory.
    #[must_use]
    pub fn directory(mut self, directory: impl Into<PathBuf>) -> Self {
        self.directory = Some(directory.into());
        self
    }

    /// Starts it; returns once it runs. Whether it works is another question.
    pub fn start(&self) -> Result<Process> {
        self.try_start()
            .with_context(|| format!("cannot start {}", self.name))
    }

    /// Starts it and waits for its end. An exit code other than 0 is an error that carries the log's tail.
    pub async fn run(&self) -> Result<()> {
        let process = self.start()?;
        let status = process.wait().await;
        if status.success() {
            return Ok(());
        }
        bail!("{} failed ({status})\n{}", self.name, process.log_tail(TAIL));
    }

    fn try_start(&self) -> Result<Process> {
        let mut guard = Command::new(guard::binary()?);
        guard
            .arg("guard")
            .arg("--log")
            .arg(&self.log)
            .arg("--")
            .args(&self.command);
        guard.envs(self.environment.iter().map(|(name, value)| (name, value)));
        guard.stdin(Stdio::piped()).stdout(Stdio::piped());
        // A Ctrl-C is for the launcher, which then stops its servers in order.
        guard.process_group(0);
        if let Some(directory) = &self.directory {
            guard.current_dir(directory);
        }
        let mut guard = guard.spawn().context("cannot start the guard")?;
        let pid = announced_pid(&mut guard)?;
        Ok(Process {
            name: self.name.clone(),
            log: self.log.clone(),
            pid,
            lifeline: Mutex::new(guard.stdin.take()),
            exit: watch_exit(guard),
        })
    }
}

/// The guard's first line: the server's pid, or what went wrong.
fn announced_pid(guard: &mut Child) -> Result<Pid> {
    let output = guard.stdout.take().context("the guard has no standard output")?;
    let mut line = String::new();
    BufReader::new(output)
        .read_line(&mut line)
        .context("cannot hear the guard")?;
    let line = line.trim();
    let pid = line
        .strip_prefix("pid ")
        .and_then(|pid| Pid::from_raw(pid.parse().ok()?));
    pid.ok_or_else(|| anyhow!("{}", if line.is_empty() { "the guard died" } else { line }))
}

/// Waits until nothing runs any more of what this program ever started, also of what it dropped: the last thing
/// to do before it ends.
pub async fn all_gone() -> Result<()> {
    until("the servers to end", STOP_LIMIT, async || {
        Ok((LIVING.load(Ordering::SeqCst) == 0).then_some(()))
    })
    .await
}

/// A thread waits for the guard, so that a process does not belong to the async runtime that started it.
fn watch_exit(mut guard: Child) -> watch::Receiver<Option<ExitStatus>> {
    let (sender, receiver) = watch::channel(None);
    LIVING.fetch_add(1, Ordering::SeqCst);
    std::thread::spawn(move || {
        let status = guard.wait().unwrap_or_default();
        sender.send_replace(Some(status));
        LIVING.fetch_sub(1, Ordering::SeqCst);
    });
    receiver
}

/// A process that was started. Dropping it stops it, without waiting for the end.
#[derive(Debug)]
pub struct Process {
    name: String,
    log: PathBuf,
    pid: Pid,
    /// The guard's standard input: closing it is the request to stop.
    lifeline: Mutex<Option<ChildStdin>>,
    exit: watch::Receiver<Option<ExitStatus>>,
}

impl Process {
    /// What it is called.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The real process, not the guard's; it leads a process group of the same number.
    pub fn pid(&self) -> u32 {
        self.pid.as_raw_nonzero().get().cast_unsigned()
    }

    /// Where its output goes.
    pub fn log(&self) -> &Path {
        &self.log
    }

    /// The last lines of its output.
    pub fn log_tail(&self, lines: usize) -> String {
        let text = std::fs::read(&self.log).unwrap_or_default();
        let text = String::from_utf8_lossy(&text);
        let all: Vec<&str> = text.lines().collect();
        let tail = all.get(all.len().saturating_sub(lines)..).unwrap_or_default();
        format!("--- {} ---\n{}", self.log.display(), tail.join("\n"))
    }

    /// Whether it runs (or is paused).
    pub fn is_alive(&self) -> bool {
        self.exit.borrow().is_none()
    }

    /// Fails, with the log's tail, if it does not run any more.
    pub fn ensure_alive(&self) -> Result<()> {
        let Some(status) = *self.exit.borrow() else {
            return Ok(());
        };
        bail!("{} ended ({status})\n{}", self.name, self.log_tail(TAIL))
    }

    /// SIGTERM; SIGKILL to what is left after 6 s. Returns when the process is gone; at once if it already is.
    pub async fn stop(&self) -> ExitStatus {
        self.let_go();
        if let Ok(status) = tokio::time::timeout(STOP_LIMIT, self.wait()).await {
            return status;
        }
        self.kill().await
    }

    /// SIGKILL to the process and its children. Returns when they are gone.
    pub async fn kill(&self) -> ExitStatus {
        self.signal(Signal::KILL);
        self.wait().await
    }

    /// SIGSTOP: it neither answers nor ends until [`Process::resume`] (or [`Process::stop`]).
    pub fn pause(&self) {
        self.signal(Signal::STOP);
    }

    /// SIGCONT after a [`Process::pause`].
    pub fn resume(&self) {
        self.signal(Signal::CONT);
    }

    /// Waits for its end, however it comes. The status is the guard's: 128 + N stands for signal N.
    pub async fn wait(&self) -> ExitStatus {
        self.ended().await
    }

    /// The same, for somebody who does not keep hold of the process.
    pub fn ended(&self) -> impl Future<Output = ExitStatus> + Send + 'static {
        let mut exit = self.exit.clone();
        async move {
            let status = exit.wait_for(Option::is_some).await.map(|status| *status);
            status.ok().flatten().unwrap_or_default()
        }
    }

    /// Memory in use, in MiB.
    pub fn rss_mib(&self) -> Result<f64> {
        let status = self.proc_file("status")?;
        let line = status
            .lines()
            .find_map(|line| line.strip_prefix("VmRSS:"))
            .context("it has no memory")?;
        let kib: f64 = line
            .trim()
            .trim_end_matches("kB")
            .trim()
            .parse()
            .context("VmRSS is no number")?;
        Ok(kib / 1024.0)
    }

    /// Processor time used since the start by it and the workers it has forked, in seconds.
    pub fn cpu_seconds(&self) -> Result<f64> {
        let pid = self.pid();
        let own = ticks(&self.proc_file("stat")?)?;
        // Any of its threads may have forked a worker, and one may end at this very moment: then its time is lost to us.
        let threads =
            std::fs::read_dir(format!("/proc/{pid}/task")).context("its threads cannot be listed")?;
        let children =
            threads.filter_map(|thread| std::fs::read_to_string(thread.ok()?.path().join("children")).ok());
        let workers: Vec<String> = children
            .flat_map(|some| some.split_whitespace().map(str::to_owned).collect::<Vec<_>>())
            .collect();
        let forked = workers.iter().filter_map(|worker| {
            let stat = std::fs::read_to_string(format!("/proc/{worker}/stat")).ok()?;
            ticks(&stat).ok()
        });
        let a_second = u32::try_from(rustix::param::clock_ticks_per_second())?;
        Ok(f64::from(own + forked.sum::<u32>()) / f64::from(a_second))
    }

    fn proc_file(&self, name: &str) -> Result<String> {
        let path = format!("/proc/{}/{name}", self.pid());
        std::fs::read_to_string(path).with_context(|| format!("{} does not run", self.name))
    }

    fn let_go(&self) {
        self.lifeline
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
    }

    fn signal(&self, signal: Signal) {
        if self.is_alive() {
            // It may end by itself at this very moment: nothing left to signal.
            let _ = kill_process_group(self.pid, signal);
        }
    }
}

/// User and system time in a `/proc/…/stat`: fields 14 and 15, 12 and 13 behind the command's name.
fn ticks(stat: &str) -> Result<u32> {
    let (_, after_name) = stat.rsplit_once(')').context("/proc has no name for it")?;
    let numbers = after_name.split_whitespace().skip(11).take(2);
    Ok(numbers.filter_map(|number| number.parse::<u32>().ok()).sum())
}
