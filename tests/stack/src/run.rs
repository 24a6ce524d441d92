//! One run of the stack: its directory with logs (kept) and data (removed).

use std::fs::{DirBuilder, File, TryLockError};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

/// Runs whose logs are kept.
const KEPT: usize = 20;
const DATA: &str = "data";
const OWNER: &str = "owner";

/// A directory `target/stack/<run id>` of our own, readable by nobody else: it holds credentials.
#[derive(Debug)]
pub struct Run {
    directory: PathBuf,
    /// Locked while this run lives; the next run tidies up after those that do not.
    owner: File,
}

impl Run {
    /// Starts a run beside the earlier ones in cargo's target directory, and tidies up after those.
    pub fn start() -> Result<Self> {
        let base = target_directory()?.join("stack");
        std::fs::create_dir_all(&base).with_context(|| format!("cannot create {}", base.display()))?;
        tidy(&base);
        let started = jiff::Zoned::now().strftime("%Y%m%d-%H%M%S").to_string();
        Self::create(base.join(format!(
            "{started}-{}-{:04x}",
            std::process::id(),
            fastrand::u16(..)
        )))
    }

    fn create(directory: PathBuf) -> Result<Self> {
        private_directory(&directory)?;
        let owner = File::create(directory.join(OWNER)).context("cannot mark the run's directory")?;
        owner.lock().context("cannot lock the run's directory")?;
        Ok(Self { directory, owner })
    }

    /// Where everything of this run is.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// The log file of a process.
    pub fn log(&self, name: &str) -> PathBuf {
        self.directory.join(format!("{name}.log"))
    }

    /// A file to keep beside the logs.
    pub fn file(&self, name: &str) -> PathBuf {
        self.directory.join(name)
    }

    /// A directory for a server's data, created; gone when the run is over.
    pub fn data(&self, name: &str) -> Result<PathBuf> {
        let directory = self.directory.join(DATA).join(name);
        private_directory(&directory)?;
        Ok(directory)
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        let _ = self.owner.unlock();
        // Servers may still be ending and writing: then the next run removes the rest.
        let _ = std::fs::remove_dir_all(self.directory.join(DATA));
    }
}

fn private_directory(path: &Path) -> Result<()> {
    let created = DirBuilder::new().recursive(true).mode(0o700).create(path);
    created.with_context(|| format!("cannot create {}", path.display()))
}

/// Cargo's target directory: where this program lies, or that of the workspace it was built from.
pub fn target_directory() -> Result<PathBuf> {
    let this = std::env::current_exe().context("cannot find out which program this is")?;
    // Cargo marks its target directory as a cache for backup programs.
    let marked = this
        .ancestors()
        .find(|folder| folder.join("CACHEDIR.TAG").is_file());
    Ok(marked.map_or_else(|| workspace().join("target"), Path::to_owned))
}

/// The root of the source tree this program was built from.
pub fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .ancestors()
        .nth(2)
        .map(Path::to_owned)
        .unwrap_or_default()
}

/// Removes the data of runs that are over, and all of the oldest ones. Best effort: it is only about disk space.
fn tidy(base: &Path) {
    let entries = std::fs::read_dir(base).into_iter().flatten().flatten();
    let mut over: Vec<PathBuf> = entries
        .map(|entry| entry.path())
        .filter(|path| is_over(path))
        .collect();
    over.sort();
    let excess = over.len().saturating_sub(KEPT);
    for (index, run) in over.iter().enumerate() {
        let useless = if index < excess {
            run.clone()
        } else {
            run.join(DATA)
        };
        let _ = std::fs::remove_dir_all(useless);
    }
}

fn is_over(run: &Path) -> bool {
    let Ok(owner) = File::open(run.join(OWNER)) else {
        return false;
    };
    !matches!(owner.try_lock(), Err(TryLockError::WouldBlock))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn data_of_a_run_that_is_over_goes_and_its_logs_stay() {
        let base = std::env::temp_dir().join(format!("ironwright-run-{:x}", fastrand::u64(..)));
        let crashed = Run::create(base.join("1")).unwrap();
        crashed.data("etcd").unwrap();
        std::fs::write(crashed.log("etcd"), "words").unwrap();
        let living = Run::create(base.join("2")).unwrap();
        living.data("etcd").unwrap();

        tidy(&base);
        assert!(crashed.directory().join("data").exists(), "its owner lives");
        let directory = crashed.directory();
        crashed.owner.unlock().unwrap();
        tidy(&base);
        assert!(!directory.join("data").exists());
        assert!(directory.join("etcd.log").exists());
        assert!(living.directory().join("data").exists());
        drop(living);
        std::fs::remove_dir_all(&base).unwrap();
    }
}
