//! What the program is made of: licences, sources, duplicates and the one crypto provider.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use anyhow::{Context, Result, ensure};
use serde::Deserialize;

/// Licences under which a dependency may be used in an Apache-2.0 program.
const LICENCES: &[&str] = &[
    "0BSD",
    "Apache-2.0",
    "Apache-2.0 WITH LLVM-exception",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "BSL-1.0",
    "CDLA-Permissive-2.0",
    "ISC",
    "MIT",
    "MIT-0",
    "Unicode-3.0",
    "Unlicense",
    "Zlib",
];

/// Crates that are there in more than one version, and why that has to be. A line that is no longer needed fails.
const DUPLICATES: &[(&str, &str)] = &[
    (
        "base64",
        "0.22: k8s-openapi and tower-http; 0.23: kube, reqwest, serde-saphyr",
    ),
    ("getrandom", "0.2: ring; 0.3: ahash (kube-runtime); 0.4: the rest"),
    ("hashbrown", "0.16: kube-runtime; 0.17: indexmap"),
    ("syn", "build time only: macros of the ecosystem move from 2 to 3"),
    ("tower-http", "0.6: reqwest; 0.7: kube-client"),
];

/// Crates that do cryptography for TLS; two of them in one process and rustls refuses to choose.
const CRYPTO_PROVIDERS: &[&str] = &[
    "aws-lc-rs",
    "aws-lc-sys",
    "boring",
    "boring-sys",
    "native-tls",
    "openssl",
    "openssl-sys",
    "ring",
    "rustls-rustcrypto",
];

#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
    workspace_members: Vec<String>,
    resolve: Resolve,
}

#[derive(Deserialize)]
struct Resolve {
    nodes: Vec<Node>,
}

#[derive(Deserialize)]
struct Node {
    id: String,
}

#[derive(Deserialize)]
struct Package {
    id: String,
    name: String,
    version: String,
    license: Option<String>,
    source: Option<String>,
    dependencies: Vec<Dependency>,
}

#[derive(Deserialize)]
struct Dependency {
    name: String,
}

/// The packages that are really used on this platform, and the workspace's own.
struct Tree {
    used: Vec<Package>,
    members: BTreeSet<String>,
}

impl Tree {
    fn read() -> Result<Self> {
        let platform = host()?;
        let output = run(Command::new(env!("CARGO"))
            .args([
                "metadata",
                "--format-version=1",
                "--locked",
                "--offline",
                "--filter-platform",
                &platform,
            ])
            .current_dir(env!("CARGO_MANIFEST_DIR")))?;
        let metadata: Metadata = serde_json::from_str(&output)?;
        let used: BTreeSet<_> = metadata.resolve.nodes.into_iter().map(|node| node.id).collect();
        Ok(Self {
            used: metadata
                .packages
                .into_iter()
                .filter(|package| used.contains(&package.id))
                .collect(),
            members: metadata.workspace_members.into_iter().collect(),
        })
    }

    fn foreign(&self) -> impl Iterator<Item = &Package> {
        self.used
            .iter()
            .filter(|package| !self.members.contains(&package.id))
    }
}

fn host() -> Result<String> {
    let version = run(Command::new("rustc")
        .arg("-vV")
        .current_dir(env!("CARGO_MANIFEST_DIR")))?;
    let host = version.lines().find_map(|line| line.strip_prefix("host: "));
    host.map(str::to_owned).context("rustc -vV names no host")
}

fn run(command: &mut Command) -> Result<String> {
    let output = command.output().with_context(|| format!("{command:?}"))?;
    ensure!(
        output.status.success(),
        "{command:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    Ok(String::from_utf8(output.stdout)?)
}

#[test]
fn every_licence_is_allowed() -> Result<()> {
    let tree = Tree::read()?;
    let refused: Vec<_> = tree
        .foreign()
        .filter(|package| !package.license.as_deref().is_some_and(is_allowed))
        .map(|package| format!("{} {}: {:?}", package.name, package.version, package.license))
        .collect();
    assert!(refused.is_empty(), "{}", refused.join("\n"));
    Ok(())
}

#[test]
fn every_crate_is_there_once() -> Result<()> {
    let tree = Tree::read()?;
    let mut versions = BTreeMap::<_, Vec<_>>::new();
    for package in &tree.used {
        versions
            .entry(package.name.as_str())
            .or_default()
            .push(package.version.as_str());
    }
    versions.retain(|_, versions| versions.len() > 1);
    let skipped: BTreeSet<_> = DUPLICATES.iter().map(|&(name, _)| name).collect();
    let found: BTreeSet<_> = versions.keys().copied().collect();
    assert_eq!(
        found, skipped,
        "duplicates found (left) differ from those with a reason (right): {versions:?}"
    );
    Ok(())
}

#[test]
fn everything_comes_from_the_registry() -> Result<()> {
    let tree = Tree::read()?;
    let from_registry = |package: &&Package| {
        package
            .source
            .as_deref()
            .is_some_and(|source| source.starts_with("registry+"))
    };
    let elsewhere: Vec<_> = tree
        .foreign()
        .filter(|package| !from_registry(package))
        .map(|package| &package.name)
        .collect();
    assert!(elsewhere.is_empty(), "{elsewhere:?}");
    Ok(())
}

#[test]
fn there_is_one_crypto_provider() -> Result<()> {
    let tree = Tree::read()?;
    let names = tree.used.iter().map(|package| package.name.as_str());
    let providers: Vec<_> = names.filter(|name| CRYPTO_PROVIDERS.contains(name)).collect();
    assert_eq!(providers, ["ring"]);
    Ok(())
}

#[test]
fn the_launcher_does_not_know_the_operator() -> Result<()> {
    let tree = Tree::read()?;
    let mut members: Vec<_> = tree
        .used
        .iter()
        .filter(|package| tree.members.contains(&package.id))
        .collect();
    members.sort_by_key(|package| &package.name);
    let names: Vec<_> = members.iter().map(|package| package.name.as_str()).collect();
    assert_eq!(names, ["ironwright", "ironwright-stack"]);
    assert!(
        members[1]
            .dependencies
            .iter()
            .all(|dependency| dependency.name != "ironwright")
    );
    Ok(())
}

#[test]
fn licence_expressions() {
    for expression in [
        "MIT",
        "MIT OR GPL-3.0-only",
        "GPL-3.0-only OR MIT",
        "MIT/Apache-2.0",
        "(MIT OR Apache-2.0) AND Unicode-3.0",
        "Apache-2.0 WITH LLVM-exception OR GPL-2.0-only",
        "GPL-2.0-only OR (MIT AND ISC)",
    ] {
        assert!(is_allowed(expression), "{expression}");
    }
    for expression in [
        "GPL-3.0-only",
        "MIT AND GPL-3.0-only",
        "(MIT OR Apache-2.0) AND GPL-3.0-only",
        "MIT WITH Some-exception",
        "",
        "(MIT",
        "MIT GPL-3.0-only",
    ] {
        assert!(!is_allowed(expression), "{expression}");
    }
}

/// Whether an SPDX expression offers a way to use the work under allowed licences only.
fn is_allowed(expression: &str) -> bool {
    let spaced = expression
        .replace('/', " OR ")
        .replace('(', " ( ")
        .replace(')', " ) ");
    let words: Vec<_> = spaced.split_whitespace().collect();
    alternatives(&words).is_some_and(|(allowed, rest)| allowed && rest.is_empty())
}

type Parsed<'a, 'b> = Option<(bool, &'a [&'b str])>;

fn alternatives<'a, 'b>(words: &'a [&'b str]) -> Parsed<'a, 'b> {
    let (mut allowed, mut rest) = conjunction(words)?;
    while let ["OR", more @ ..] = rest {
        let (next, left) = conjunction(more)?;
        (allowed, rest) = (allowed || next, left);
    }
    Some((allowed, rest))
}

fn conjunction<'a, 'b>(words: &'a [&'b str]) -> Parsed<'a, 'b> {
    let (mut allowed, mut rest) = term(words)?;
    while let ["AND", more @ ..] = rest {
        let (next, left) = term(more)?;
        (allowed, rest) = (allowed && next, left);
    }
    Some((allowed, rest))
}

fn term<'a, 'b>(words: &'a [&'b str]) -> Parsed<'a, 'b> {
    match words {
        ["(", inner @ ..] => match alternatives(inner)? {
            (allowed, [")", rest @ ..]) => Some((allowed, rest)),
            _ => None,
        },
        [licence, "WITH", exception, rest @ ..] => Some((
            LICENCES.contains(&format!("{licence} WITH {exception}").as_str()),
            rest,
        )),
        [licence, rest @ ..] => Some((LICENCES.contains(licence), rest)),
        [] => None,
    }
}
