//! The guard: `ironwright-stack guard --log FILE -- PROGRAM ARGUMENTS…` runs a server that must not outlive us.
//!
//! Its standard input is a pipe from whoever started it and never carries anything. When the pipe closes, because
//! the owner closed it or died of whatever, kill -9 included, the guard ends the server's whole process group. It
//! does the same when told to stop by SIGTERM, SIGINT or SIGHUP, and it cleans up after a server that ends alone.
//!
//! The first line it writes to standard output is `pid N`, the server's process and group id, or why there is none.

use std::ffi::OsString;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use anyhow::{Context, Result};
use rustix::process::{Pid, Signal, kill_process_group};
use tokio::process::{Child, Command};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::oneshot;

/// What a server gets between SIGTERM and SIGKILL. Ironic's own limit is set to 3 s; an operator first finishes the requests that
/// it has sent, for which Ironic can take some seconds on a busy machine.
pub const GRACE: Duration = Duration::from_secs(20);
/// The name of the binary that has the `guard` subcommand.
const BINARY: &str = "ironwright-stack";

/// Where the guard's binary is: this very program, or, for a test binary, where cargo puts it.
pub fn binary() -> Result<PathBuf> {
    let this = std::env::current_exe().context("cannot find out which program this is")?;
    if this.file_name().is_some_and(|name| name == BINARY) {
        return Ok(this);
    }
    let beside_or_above = this.ancestors().skip(1).take(2).map(|folder| folder.join(BINARY));
    beside_or_above
        .into_iter()
        .find(|path| path.is_file())
        .with_context(|| {
            format!(
                "there is no {BINARY} near {}: run `cargo build --workspace` first",
                this.display()
            )
        })
}

/// The whole life of a guard; returns the exit code to end with: the server's, or 128 + the signal that ended it.
pub async fn run(log: &Path, command: &[OsString]) -> Result<i32> {
    let mut child = match spawn(log, command) {
        Ok(child) => child,
        Err(error) => {
            announce(&format!("{error:#}"));
            return Ok(127);
        }
    };
    let group = child
        .id()
        .and_then(|pid| Pid::from_raw(pid.cast_signed()))
        .context("the server has no pid")?;
    announce(&format!("pid {}", group.as_raw_nonzero()));
    let status = supervise(&mut child, group).await;
    // Workers that a server left behind, whether it was stopped or died.
    let _ = kill_process_group(group, Signal::KILL);
    Ok(code_of(status?))
}

fn spawn(log: &Path, command: &[OsString]) -> Result<Child> {
    let (program, arguments) = command.split_first().context("no program to run")?;
    let log = std::fs::File::options()
        .create(true)
        .append(true)
        .open(log)
        .with_context(|| format!("cannot write {}", log.display()))?;
    Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(log.try_clone().context("cannot share the log")?)
        .stderr(log)
        .process_group(0)
        .spawn()
        .with_context(|| format!("cannot run {}", program.display()))
}

async fn supervise(child: &mut Child, group: Pid) -> Result<ExitStatus> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut hangup = signal(SignalKind::hangup())?;
    let owner_gone = standard_input_closed();
    tokio::select! {
        biased;
        status = child.wait() => return Ok(status?),
        _ = owner_gone => {}
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
        _ = hangup.recv() => {}
    }
    let _ = kill_process_group(group, Signal::TERM);
    // A paused server would not see the request.
    let _ = kill_process_group(group, Signal::CONT);
    if let Ok(status) = tokio::time::timeout(GRACE, child.wait()).await {
        return Ok(status?);
    }
    let _ = kill_process_group(group, Signal::KILL);
    Ok(child.wait().await?)
}

/// Resolves when standard input ends. A plain thread: it may stay blocked for ever without being in the way.
fn standard_input_closed() -> oneshot::Receiver<()> {
    let (closed, receiver) = oneshot::channel();
    std::thread::spawn(move || {
        let _ = std::io::stdin().lock().read_to_end(&mut Vec::new());
        let _ = closed.send(());
    });
    receiver
}

fn announce(line: &str) {
    // Whoever started us may be gone already; then standard input says so, too.
    let mut out = std::io::stdout().lock();
    let _ = writeln!(out, "{}", line.replace('\n', " "));
    let _ = out.flush();
}

fn code_of(status: ExitStatus) -> i32 {
    use std::os::unix::process::ExitStatusExt;
    status
        .code()
        .or_else(|| status.signal().map(|signal| 128 + signal))
        .unwrap_or(1)
}
