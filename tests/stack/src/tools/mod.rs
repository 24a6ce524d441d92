//! What the stack is made of, built once and kept in a cache: Go binaries and a Python virtual environment.
//!
//! The cache is `$IRONWRIGHT_CACHE`, else `$XDG_CACHE_HOME/ironwright`, else `~/.cache/ironwright`. Each part's
//! directory is named after a hash of its pins, so that a changed pin builds a new one beside the old. A part is
//! complete when it holds the marker file; a lock file keeps two runs from building the same part at once.

pub(crate) mod gophercloud;
pub(crate) mod openstack;
mod requirements;

use std::fs::File;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use bytes::Bytes;
use sha2::{Digest, Sha256};

use crate::{Launch, Progress};
pub use gophercloud::Gophercloud;
pub use openstack::OpenStackTools;
pub use requirements::Python;
use requirements::Requirements;

const GO_MOD: &str = include_str!("../../control-plane/go.mod");
const GO_SUM: &str = include_str!("../../control-plane/go.sum");
const PYTHON_PINS: &str = include_str!("../../python/requirements.txt");
/// kube-apiserver and kubectl report this; without it they say v0.0.0 and helm refuses every chart.
const LINKER_FLAGS: &str = "-s -w -X k8s.io/component-base/version.gitVersion=v1.37.2 \
    -X k8s.io/component-base/version.gitMajor=1 -X k8s.io/component-base/version.gitMinor=37";
const COMPLETE: &str = ".complete";
/// Ironic's schema, empty: creating it takes longer than starting Ironic.
const EMPTY_DATABASE: &str = "ironic-empty.sqlite";

/// Paths to everything that can be started. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Tools {
    binaries: PathBuf,
    environment: PathBuf,
}

impl Tools {
    /// Builds what the cache does not have yet, both parts at once. Fails with one list of all that is missing
    /// on this machine.
    pub async fn ensure(progress: &Progress) -> Result<Self> {
        let cache = cache_directory()?;
        std::fs::create_dir_all(&cache).with_context(|| format!("cannot create {}", cache.display()))?;
        let binaries = cache.join(format!(
            "control-plane-{}",
            digest(&[GO_MOD, GO_SUM, LINKER_FLAGS])
        ));
        let python = Requirements {
            go: !is_complete(&binaries),
        }
        .check()
        .await?;
        let pins = digest(&[PYTHON_PINS, python.version()]);
        let environment = cache.join(format!("python-{pins}"));
        tokio::try_join!(
            ensure_part(&binaries, progress, || build_control_plane(&binaries, progress)),
            ensure_part(&environment, progress, || build_environment(
                &environment,
                &python,
                progress
            )),
        )?;
        Ok(Self {
            binaries,
            environment,
        })
    }

    /// The directory with `etcd`, `kube-apiserver`, `kube-controller-manager`, `kubectl` and `helm`.
    pub fn binaries(&self) -> &Path {
        &self.binaries
    }

    /// One of them.
    pub fn binary(&self, name: &str) -> PathBuf {
        self.binaries.join(name)
    }

    /// A program of the Python environment: `python`, `ironic`, `openstack`, …
    pub fn python(&self, program: &str) -> PathBuf {
        self.environment.join("bin").join(program)
    }

    /// An SQLite database with Ironic's schema and nothing in it, to be copied.
    pub fn empty_database(&self) -> PathBuf {
        self.environment.join(EMPTY_DATABASE)
    }
}

fn cache_directory() -> Result<PathBuf> {
    let from = |name| {
        std::env::var_os(name)
            .filter(|value| !value.is_empty())
            .map(PathBuf::from)
    };
    from("IRONWRIGHT_CACHE")
        .or_else(|| from("XDG_CACHE_HOME").map(|cache| cache.join("ironwright")))
        .or_else(|| from("HOME").map(|home| home.join(".cache/ironwright")))
        .context("none of IRONWRIGHT_CACHE, XDG_CACHE_HOME and HOME is set: no place for a cache")
}

fn digest(parts: &[&str]) -> String {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update(part);
        hash.update([0]);
    }
    let mut text = format!("{:x}", Bytes::copy_from_slice(&hash.finalize()));
    text.truncate(12);
    text
}

fn is_complete(part: &Path) -> bool {
    part.join(COMPLETE).is_file()
}

/// Builds a part unless it is there. The remains of a build that was cut short are removed first.
async fn ensure_part<F>(part: &Path, progress: &Progress, build: impl FnOnce() -> F) -> Result<()>
where
    F: Future<Output = Result<()>>,
{
    if is_complete(part) {
        return Ok(());
    }
    let _lock = lock(part, progress).await?;
    if is_complete(part) {
        return Ok(());
    }
    if part.exists() {
        std::fs::remove_dir_all(part).with_context(|| format!("cannot remove {}", part.display()))?;
    }
    std::fs::create_dir_all(part).with_context(|| format!("cannot create {}", part.display()))?;
    build().await?;
    std::fs::write(part.join(COMPLETE), "").context("cannot mark a part as complete")
}

/// The lock of a part, held while the file is open.
async fn lock(part: &Path, progress: &Progress) -> Result<File> {
    let path = part.with_extension("lock");
    let file = File::create(&path).with_context(|| format!("cannot create {}", path.display()))?;
    if file.try_lock().is_ok() {
        return Ok(file);
    }
    let waiting =
        tokio::task::spawn_blocking(move || file.lock().map(|()| file).context("cannot lock the cache"));
    progress
        .step("waiting for another run that builds the same", async {
            waiting.await?
        })
        .await
}

async fn build_control_plane(part: &Path, progress: &Progress) -> Result<()> {
    let source = part.join("source");
    std::fs::create_dir_all(&source).context("cannot create a directory for go.mod")?;
    std::fs::write(source.join("go.mod"), GO_MOD).context("cannot write go.mod")?;
    std::fs::write(source.join("go.sum"), GO_SUM).context("cannot write go.sum")?;
    let build = Launch::new("go build", "go", part.join("build.log"))
        .args(["build", "-ldflags", LINKER_FLAGS, "-o"])
        .arg(part)
        .arg("tool")
        .env("GOWORK", "off")
        .directory(&source);
    let what = "building etcd, kube-apiserver, kube-controller-manager, kubectl and helm \
        (10 CPU minutes the first time, then cached)";
    progress.step(what, build.run()).await?;
    // `go build tool` names a binary after its package; etcd's is "server".
    std::fs::rename(part.join("server"), part.join("etcd")).context("etcd was not built")
}

async fn build_environment(part: &Path, python: &Python, progress: &Progress) -> Result<()> {
    let work = async {
        install(part, python, PYTHON_PINS).await?;
        create_empty_database(part, &part.join("build.log")).await
    };
    progress
        .step(
            "installing Ironic and openstacksdk (half a minute the first time, then cached)",
            work,
        )
        .await
}

/// A virtual environment with exactly these packages.
async fn install(part: &Path, python: &Python, packages: &str) -> Result<()> {
    let pins = part.join("requirements.txt");
    std::fs::write(&pins, packages).context("cannot write the Python pins")?;
    let log = part.join("build.log");
    Launch::new("python -m venv", python.program(), &log)
        .args(["-m", "venv"])
        .arg(part)
        .run()
        .await?;
    let pip = ["-m", "pip", "install", "--quiet", "--no-deps"];
    Launch::new("pip install", part.join("bin/python"), &log)
        .args(pip)
        .args(["--disable-pip-version-check", "--requirement"])
        .arg(&pins)
        .run()
        .await
}

async fn create_empty_database(part: &Path, log: &Path) -> Result<()> {
    let database = part.join(EMPTY_DATABASE);
    let settings = part.join("dbsync.conf");
    let text = format!("[database]\nconnection = sqlite:///{}\n", database.display());
    std::fs::write(&settings, text).context("cannot write the settings of ironic-dbsync")?;
    Launch::new("ironic-dbsync", part.join("bin/ironic-dbsync"), log)
        .arg("--config-file")
        .arg(&settings)
        .arg("create_schema")
        .env("PYTHONWARNINGS", "ignore")
        .run()
        .await
}
