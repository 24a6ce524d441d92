//! The program that works with gophercloud, for a comparison: built when somebody first asks for it, which only the benchmark does.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use super::requirements::Requirements;
use super::{cache_directory, digest, ensure_part, is_complete};
use crate::{Launch, Progress};

const SOURCE: [(&str, &str); 3] = [
    ("go.mod", include_str!("../../gophercloud/go.mod")),
    ("go.sum", include_str!("../../gophercloud/go.sum")),
    ("main.go", include_str!("../../gophercloud/main.go")),
];
const PROGRAM: &str = "gophercloud";

/// The program. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Gophercloud {
    program: PathBuf,
}

impl Gophercloud {
    /// Builds it unless the cache has it.
    pub async fn ensure(progress: &Progress) -> Result<Self> {
        let cache = cache_directory()?;
        std::fs::create_dir_all(&cache).with_context(|| format!("cannot create {}", cache.display()))?;
        let part = cache.join(format!("gophercloud-{}", digest(&SOURCE.map(|(_, text)| text))));
        if !is_complete(&part) {
            Requirements { go: true }.check().await?;
        }
        let what = "building a program with gophercloud (a minute the first time, then cached)";
        ensure_part(&part, progress, || progress.step(what, build(&part))).await?;
        Ok(Self {
            program: part.join(PROGRAM),
        })
    }

    /// How to call it.
    pub fn program(&self) -> &Path {
        &self.program
    }
}

async fn build(part: &Path) -> Result<()> {
    let source = part.join("source");
    std::fs::create_dir_all(&source).context("cannot create a directory for the Go program")?;
    for (name, text) in SOURCE {
        std::fs::write(source.join(name), text).with_context(|| format!("cannot write {name}"))?;
    }
    Launch::new("go build", "go", part.join("build.log"))
        .args(["build", "-ldflags", "-s -w", "-o"])
        .arg(part.join(PROGRAM))
        .arg(".")
        .env("GOWORK", "off")
        .directory(&source)
        .run()
        .await
}
