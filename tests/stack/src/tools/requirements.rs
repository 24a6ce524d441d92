//! What must be on the machine already: Go (to build the control plane) and Python with the venv module.

use std::path::{Path, PathBuf};

use anyhow::{Result, bail};
use tokio::process::Command;

/// What go.mod asks for.
const GO: (u32, u32) = (1, 26);
const PYTHON: (u32, u32) = (3, 11);
const GO_HINT: &str = "get it from https://go.dev/dl and put its bin directory on the PATH";
const PYTHON_HINT: &str = "Debian, Ubuntu: apt install python3 python3-venv; \
    Fedora: dnf install python3; other systems: https://www.python.org/downloads/";
/// Prints the version and whether virtual environments can be created (Debian packages that apart).
const PYTHON_PROBE: &str = "import sys, importlib.util as u; v = sys.version_info; \
    print(v[0], v[1], v[2], all(u.find_spec(m) for m in ('venv', 'ensurepip')))";
/// Looked for in this order; a distribution's `python3` may be too old with a newer one beside it.
const PYTHONS: [&str; 5] = ["python3", "python3.14", "python3.13", "python3.12", "python3.11"];

/// A Python interpreter that will do.
#[derive(Clone, Debug)]
pub struct Python {
    program: PathBuf,
    version: String,
}

impl Python {
    /// How to call it.
    pub fn program(&self) -> &Path {
        &self.program
    }

    /// Its version, such as `3.11.7`.
    pub fn version(&self) -> &str {
        &self.version
    }
}

/// What has to be found.
pub(super) struct Requirements {
    /// Go is needed only while the control plane is not built.
    pub(super) go: bool,
}

impl Requirements {
    /// Finds everything, or fails naming all that is missing and how to get it.
    pub(super) async fn check(&self) -> Result<Python> {
        let go = if self.go { find_go().await } else { Ok(()) };
        let (missing_go, python) = (go.err(), find_python().await);
        match (missing_go, python) {
            (None, Ok(python)) => Ok(python),
            (go, python) => {
                let missing: Vec<String> = go.into_iter().chain(python.err()).collect();
                bail!(
                    "the stack needs what this machine does not have:\n  * {}",
                    missing.join("\n  * ")
                )
            }
        }
    }
}

async fn find_go() -> Result<(), String> {
    let wanted = format!("Go {}.{} or newer", GO.0, GO.1);
    // In the root directory no go.mod can make it fetch another release just to tell its version.
    let Some(answer) = output_of("go", &["env", "GOVERSION"]).await else {
        return Err(format!("{wanted}: there is no `go` on the PATH; {GO_HINT}"));
    };
    match release(answer.trim().trim_start_matches("go").split('.')) {
        Some(found) if found >= GO => Ok(()),
        _ => Err(format!("{wanted}: `go` is {}; {GO_HINT}", answer.trim())),
    }
}

async fn find_python() -> Result<Python, String> {
    let wanted = format!("Python {}.{} or newer with its venv module", PYTHON.0, PYTHON.1);
    let mut found = Vec::new();
    for program in PYTHONS {
        let Some(answer) = output_of(program, &["-c", PYTHON_PROBE]).await else {
            continue;
        };
        let words: Vec<&str> = answer.split_whitespace().collect();
        let (version, complete) = words.split_at(words.len().saturating_sub(1));
        let recent = release(version.iter().copied()).is_some_and(|release| release >= PYTHON);
        if recent && complete == ["True"] {
            return Ok(Python {
                program: PathBuf::from(program),
                version: version.join("."),
            });
        }
        let fault = if recent { " without venv" } else { "" };
        found.push(format!("`{program}` is {}{fault}", version.join(".")));
    }
    if found.is_empty() {
        found.push("there is no `python3` on the PATH".to_owned());
    }
    Err(format!("{wanted}: {}; {PYTHON_HINT}", found.join(", ")))
}

/// Major and minor number.
fn release<'a>(mut numbers: impl Iterator<Item = &'a str>) -> Option<(u32, u32)> {
    Some((numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?))
}

/// What a program prints, if it exists and works.
async fn output_of(program: &str, arguments: &[&str]) -> Option<String> {
    let output = Command::new(program)
        .args(arguments)
        .current_dir("/")
        .output()
        .await
        .ok()?;
    output
        .status
        .success()
        .then(|| String::from_utf8_lossy(&output.stdout).into_owned())
}
