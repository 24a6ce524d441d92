//! The launcher as a program: the guard, processes under it, and what it says when parts are missing.

#![cfg(test)]

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use ironwright_stack::Launch;

const LAUNCHER: &str = env!("CARGO_BIN_EXE_ironwright-stack");
const LIMIT: Duration = Duration::from_secs(10);

/// A directory of a test's own, removed at its end.
struct Scratch(PathBuf);

impl Scratch {
    fn new(name: &str) -> Self {
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}-{}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn file(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    /// A guard around a shell script, with the pid that it announced.
    fn guarded(&self, script: &str) -> (Child, u32) {
        let mut guard = Command::new(LAUNCHER)
            .arg("guard")
            .arg("--log")
            .arg(self.file("log"))
            .args(["--", "sh", "-c", script])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(guard.stdout.take().unwrap())
            .read_line(&mut line)
            .unwrap();
        let pid = line
            .trim()
            .strip_prefix("pid ")
            .unwrap_or_else(|| panic!("guard said {line:?}"));
        (guard, pid.parse().unwrap())
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn exists(pid: u32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit_once(") ")
        .is_some_and(|(_, rest)| !rest.starts_with('Z'))
}

/// Reads the file until it holds a whole line. Everything here happens within milliseconds.
fn line_of(path: &Path) -> String {
    let started = Instant::now();
    loop {
        let text = std::fs::read_to_string(path).unwrap_or_default();
        if let Some((line, _)) = text.split_once('\n') {
            return line.to_owned();
        }
        assert!(started.elapsed() < LIMIT, "nothing in {}", path.display());
        std::thread::yield_now();
    }
}

/// Waits for a process that is not our child, so that nothing else tells of its end.
fn wait_for_end(pid: u32) {
    let started = Instant::now();
    while exists(pid) {
        assert!(started.elapsed() < LIMIT, "process {pid} lives on");
        std::thread::yield_now();
    }
}

#[test]
fn the_guard_ends_its_child_when_standard_input_closes() {
    let scratch = Scratch::new("closes");
    let (mut guard, pid) = scratch.guarded("sleep 600");
    assert!(exists(pid));
    drop(guard.stdin.take());
    assert_eq!(guard.wait().unwrap().code(), Some(128 + 15));
    assert!(!exists(pid));
}

#[test]
fn the_guard_ends_grandchildren_too_even_those_that_do_not_listen() {
    let scratch = Scratch::new("grandchildren");
    let note = scratch.file("grandchild");
    let script = format!(
        "(trap '' TERM; echo $(exec sh -c 'echo $PPID') > {}; sleep 600) & wait",
        note.display()
    );
    let (mut guard, pid) = scratch.guarded(&script);
    let grandchild: u32 = line_of(&note).parse().unwrap();
    drop(guard.stdin.take());
    guard.wait().unwrap();
    assert!(!exists(pid));
    wait_for_end(grandchild);
}

#[test]
fn the_guard_ends_its_child_when_the_owner_is_killed() {
    // The owner is a shell that holds the guard's standard input open and waits.
    let scratch = Scratch::new("owner");
    let (note, log) = (scratch.file("pid"), scratch.file("log"));
    let script = format!(
        "mkfifo {fifo}; {LAUNCHER} guard --log {log} -- sleep 600 < {fifo} > {note} & exec 3> {fifo}; wait",
        fifo = scratch.file("fifo").display(),
        log = log.display(),
        note = note.display(),
    );
    let mut owner = Command::new("sh").args(["-c", &script]).spawn().unwrap();
    let pid: u32 = line_of(&note).strip_prefix("pid ").unwrap().parse().unwrap();
    assert!(exists(pid));
    owner.kill().unwrap();
    owner.wait().unwrap();
    wait_for_end(pid);
}

#[test]
fn the_guard_passes_on_how_its_child_ended() {
    let scratch = Scratch::new("status");
    let (mut guard, _) = scratch.guarded("exit 7");
    // Waiting closes the pipe, which is the request to stop: hold it back.
    let _lifeline = guard.stdin.take();
    assert_eq!(guard.wait().unwrap().code(), Some(7));
}

#[tokio::test]
async fn a_process_is_paused_resumed_stopped_and_its_output_kept() {
    let scratch = Scratch::new("process");
    let log = scratch.file("log");
    let process = Launch::new("talker", "sh", &log)
        .args(["-c", "echo one; echo two; exec sleep 600"])
        .start()
        .unwrap();
    assert_eq!(line_of(&log), "one");
    process.ensure_alive().unwrap();
    process.pause();
    process.resume();
    process.pause();
    assert_eq!(
        process.stop().await.code(),
        Some(128 + 15),
        "a paused process is stopped, too"
    );
    assert!(!exists(process.pid()));
    let error = process.ensure_alive().unwrap_err().to_string();
    assert!(
        error.contains("talker ended") && error.contains("one\ntwo"),
        "{error}"
    );
}

#[tokio::test]
async fn a_killed_process_takes_its_children_along() {
    let scratch = Scratch::new("kill");
    let log = scratch.file("log");
    let process = Launch::new("parent", "sh", &log)
        .args(["-c", "sleep 600 & echo $!; wait"])
        .start()
        .unwrap();
    let child: u32 = line_of(&log).parse().unwrap();
    assert_eq!(process.kill().await.code(), Some(128 + 9));
    wait_for_end(child);
}

#[tokio::test]
async fn a_dropped_process_ends() {
    let scratch = Scratch::new("drop");
    let log = scratch.file("log");
    let process = Launch::new("dropped", "sleep", &log).arg("600").start().unwrap();
    let pid = process.pid();
    drop(process);
    wait_for_end(pid);
}

#[tokio::test]
async fn a_program_that_is_not_there_is_named() {
    let scratch = Scratch::new("ghost");
    let error = Launch::new("ghost", "/no/such/program", scratch.file("log"))
        .start()
        .unwrap_err();
    let text = format!("{error:#}");
    assert!(
        text.contains("cannot start ghost: cannot run /no/such/program"),
        "{text}"
    );
}

#[tokio::test]
async fn a_command_that_fails_shows_the_end_of_its_log() {
    let scratch = Scratch::new("fails");
    let log = scratch.file("log");
    let error = Launch::new("builder", "sh", &log)
        .args(["-c", "echo out of paint; exit 3"])
        .run()
        .await
        .unwrap_err();
    let text = error.to_string();
    assert!(
        text.contains("builder failed") && text.contains("out of paint"),
        "{text}"
    );
}

/// `ironwright-stack tools` with an empty cache and only these programs on the PATH.
fn tools_with(name: &str, programs: &[(&str, &str)]) -> Output {
    let scratch = Scratch::new(name);
    let bin = scratch.file("bin");
    std::fs::create_dir_all(&bin).unwrap();
    for (program, script) in programs {
        use std::os::unix::fs::PermissionsExt;
        std::fs::write(bin.join(program), format!("#!/bin/sh\n{script}\n")).unwrap();
        std::fs::set_permissions(bin.join(program), std::fs::Permissions::from_mode(0o755)).unwrap();
    }
    let mut tools = Command::new(LAUNCHER);
    tools
        .arg("tools")
        .env("PATH", &bin)
        .env("IRONWRIGHT_CACHE", scratch.file("cache"))
        .output()
        .unwrap()
}

#[test]
fn everything_that_is_missing_is_named_at_once_with_how_to_get_it() {
    let output = tools_with("missing", &[]);
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success());
    assert!(
        text.contains("Go 1.26 or newer: there is no `go` on the PATH; get it from https://go.dev/dl"),
        "{text}"
    );
    assert!(
        text.contains("Python 3.11 or newer with its venv module: there is no `python3`"),
        "{text}"
    );
    assert!(text.contains("apt install python3 python3-venv"), "{text}");
}

#[test]
fn what_is_too_old_or_incomplete_is_named_with_its_version() {
    let output = tools_with(
        "old",
        &[
            ("go", "echo go1.25.8"),
            ("python3", "echo 3 9 2 True"),
            ("python3.12", "echo 3 12 1 False"),
        ],
    );
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(text.contains("`go` is go1.25.8"), "{text}");
    assert!(
        text.contains("`python3` is 3.9.2, `python3.12` is 3.12.1 without venv"),
        "{text}"
    );
}
