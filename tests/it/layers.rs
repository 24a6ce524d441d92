//! Keeps the layers apart: follows `crate::`, `self::` and `super::` paths and forbidden words through `src`.

mod paths;

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use self::paths::{uses, words};

/// What a part of the library may do.
struct Layer {
    /// The module it is about; the longest that fits a file counts.
    module: &'static str,
    /// The modules of the crate it may name, besides itself.
    may_use: &'static [&'static str],
    /// Word sequences that may not stand in it.
    banned: &'static [&'static str],
}

/// What only computes: it neither waits nor talks to anybody.
const PURE: &[&str] = &[
    "async",
    "await",
    "tokio",
    "reqwest",
    "kube::",
    "k8s_openapi",
    "prometheus",
];

const NO_KUBERNETES: &[&str] = &["kube::", "k8s_openapi", "prometheus"];

const LAYERS: &[Layer] = &[
    Layer {
        module: "api",
        may_use: &[],
        banned: &["async", "await", "tokio", "kube::Client", "reqwest"],
    },
    Layer {
        module: "ironic::model",
        may_use: &[],
        banned: PURE,
    },
    Layer {
        module: "ironic::client",
        may_use: &["ironic::configdrive", "ironic::model", "permit"],
        banned: NO_KUBERNETES,
    },
    Layer {
        module: "ironic::configdrive",
        may_use: &["ironic::model"],
        banned: &[
            "async",
            "await",
            "tokio",
            "reqwest",
            "kube::",
            "k8s_openapi",
            "prometheus",
            "std::fs",
            "std::net",
            "std::env",
            "std::process",
            "SystemTime",
        ],
    },
    Layer {
        module: "ironic",
        may_use: &[],
        banned: NO_KUBERNETES,
    },
    Layer {
        module: "domain",
        may_use: &["api", "ironic::configdrive", "ironic::model"],
        banned: &[
            "async",
            "await",
            "tokio",
            "futures",
            "reqwest",
            "kube::Client",
            "kube::Api",
            "std::fs",
            "std::net",
            "std::env",
            "SystemTime",
            "Instant",
            "Timestamp::now",
            "Zoned::now",
            "fastrand",
            "Uuid::new_v4",
        ],
    },
    Layer {
        module: "fleet",
        may_use: &["buckets", "ironic"],
        banned: NO_KUBERNETES,
    },
    Layer {
        module: "kubernetes",
        may_use: &["api", "buckets", "metrics", "permit"],
        banned: &["reqwest"],
    },
    Layer {
        module: "controllers",
        may_use: &[
            "api",
            "buckets",
            "config",
            "domain",
            "fleet",
            "http",
            "ironic",
            "kubernetes",
            "leader",
            "metrics",
            "permit",
        ],
        banned: &["reqwest"],
    },
    Layer {
        module: "buckets",
        may_use: &[],
        banned: PURE,
    },
    Layer {
        module: "config",
        may_use: &[],
        banned: &["tokio"],
    },
    Layer {
        module: "telemetry",
        may_use: &["config"],
        banned: &[],
    },
    Layer {
        module: "operator",
        may_use: &[
            "config",
            "controllers",
            "http",
            "kubernetes",
            "leader",
            "metrics",
            "permit",
        ],
        banned: &["reqwest"],
    },
    Layer {
        module: "reference",
        may_use: &["api", "config", "domain", "metrics", "telemetry"],
        banned: &["tokio", "async", "reqwest"],
    },
    Layer {
        module: "metrics",
        may_use: &[],
        banned: &["tokio"],
    },
    Layer {
        module: "http",
        may_use: &["metrics"],
        banned: &["kube::"],
    },
    Layer {
        module: "leader",
        may_use: &["domain", "metrics", "permit"],
        banned: &["reqwest"],
    },
    Layer {
        module: "permit",
        may_use: &[],
        banned: &["kube::", "reqwest"],
    },
];

#[test]
fn the_layers_use_each_other_in_one_direction() -> Result<()> {
    let mut broken = Vec::new();
    for (path, source) in sources()? {
        let module = module_of(&path);
        if module.is_empty() {
            continue;
        }
        broken.extend(
            violations(&module, &source)
                .into_iter()
                .map(|words| format!("{}: {words}", path.display())),
        );
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
    Ok(())
}

#[test]
fn files_stay_short() -> Result<()> {
    let mut long = Vec::new();
    for (path, source) in sources()? {
        let limit = match path.to_string_lossy().as_ref() {
            "main.rs" => 60,
            name if name.ends_with("tests.rs") => continue,
            name if name.starts_with("controllers/") || name.starts_with("domain/") => 300,
            _ => 400,
        };
        let lines = production(&source);
        if lines > limit {
            long.push(format!(
                "src/{} has {lines} lines, at most {limit}",
                path.display()
            ));
        }
    }
    for (path, source) in files_below("tests")? {
        let lines = source.lines().count();
        if lines > 400 {
            long.push(format!("tests/{} has {lines} lines, at most 400", path.display()));
        }
    }
    assert!(long.is_empty(), "{}", long.join("\n"));
    Ok(())
}

/// A module, a line as it could stand there, and how many rules it breaks.
const FIXTURES: &[(&str, &str, usize)] = &[
    (
        "domain::node",
        "use crate::api::node::Node; use crate::ironic::model::Node as Live;",
        0,
    ),
    ("domain::node", "use crate::ironic::client::Client;", 1),
    (
        "domain::node",
        "use crate::{api, ironic::{model::Node, client}};",
        1,
    ),
    ("domain::node", "use crate::{ironic};", 1),
    (
        "domain::node",
        "fn now() { let now = jiff::Timestamp\n::now(); }",
        1,
    ),
    ("domain::node", "async fn decide() {}", 1),
    (
        "domain::node",
        "/// not async, no crate::fleet\nfn f() { \"tokio crate::fleet\"; }",
        0,
    ),
    (
        "domain::node",
        "use super::super::fleet::Snapshot; use super::facts::Facts;",
        1,
    ),
    (
        "domain::node",
        "mod tests { use super::super::outcome; use super::*; }",
        0,
    ),
    ("domain::node", "mod tests { use super::super::super::fleet; }", 1),
    ("domain::node", "mod tests { } use super::super::fleet;", 1),
    (
        "domain",
        r"fn f(c: char) -> bool { c == '\'' || c == '{' } /* async */ fn g<'a>(_: &'a str) {}",
        0,
    ),
    ("domain", "fn f(c: char) -> bool { c == '\"' } async fn g() {}", 1),
    ("api", "fn f() -> crate::domain::Plan {}", 1),
    (
        "ironic::client",
        "use crate::ironic::model::Node; use super::model::Verb;",
        0,
    ),
    ("ironic::model", "use crate::ironic::client::Client;", 1),
    (
        "ironic::configdrive",
        "use super::model::Object; use std::fs; use crate::ironic::client;",
        2,
    ),
    ("fleet", "use crate::metrics::Metrics;", 1),
    ("kubernetes::events", "use crate::metrics::Metrics;", 0),
    ("kubernetes::events", "use crate::controllers::Context;", 1),
    (
        "controllers::node",
        "use crate::{domain::decide, fleet, kubernetes::status};",
        0,
    ),
    ("elsewhere", "", 1),
];

#[test]
fn what_is_forbidden_is_found() {
    for &(module, source, expected) in FIXTURES {
        let names: Vec<_> = module.split("::").map(str::to_owned).collect();
        let found = violations(&names, source);
        assert_eq!(found.len(), expected, "{module}: {source}: {found:?}");
    }
}

/// Every source file of the library, with its path within `src`.
fn sources() -> Result<Vec<(PathBuf, String)>> {
    files_below("src")
}

/// Every Rust file below a directory of the repository, with its path within it.
fn files_below(directory: &str) -> Result<Vec<(PathBuf, String)>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join(directory);
    let (mut open, mut files) = (vec![root.clone()], Vec::new());
    while let Some(directory) = open.pop() {
        for entry in fs::read_dir(&directory).with_context(|| directory.display().to_string())? {
            let path = entry?.path();
            if path.is_dir() {
                open.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let source = fs::read_to_string(&path)?;
                files.push((path.strip_prefix(&root)?.to_owned(), source));
            }
        }
    }
    anyhow::ensure!(files.len() > 2, "no sources found");
    Ok(files)
}

/// `ironic/client/mod.rs` is the module `ironic::client`; `main.rs` and `lib.rs` are the root.
fn module_of(path: &Path) -> Vec<String> {
    let names = path.with_extension("");
    let names = names
        .components()
        .map(|name| name.as_os_str().to_string_lossy().into_owned());
    names
        .filter(|name| !matches!(name.as_str(), "mod" | "main" | "lib"))
        .collect()
}

/// Lines before the unit tests.
fn production(source: &str) -> usize {
    source
        .lines()
        .take_while(|line| line.trim() != "#[cfg(test)]")
        .count()
}

fn violations(module: &[String], source: &str) -> Vec<String> {
    let Some(layer) = layer_of(module) else {
        return vec![format!(
            "{} belongs to no layer: add it to the table",
            module.join("::")
        )];
    };
    let source = words(source);
    let mut found: Vec<_> = uses(module, &source)
        .into_iter()
        .filter(|path| !allowed(layer, path))
        .map(|path| format!("{} may not use {}", layer.module, path.join("::")))
        .collect();
    for banned in layer.banned {
        let sequence = words(banned);
        if source.windows(sequence.len()).any(|window| window == sequence) {
            found.push(format!("{} may not say {banned}", layer.module));
        }
    }
    found
}

fn layer_of(module: &[String]) -> Option<&'static Layer> {
    LAYERS
        .iter()
        .filter(|layer| is_within(module, layer.module))
        .max_by_key(|layer| layer.module.len())
}

fn is_within(path: &[String], module: &str) -> bool {
    let names: Vec<_> = module.split("::").collect();
    path.len() >= names.len() && path.iter().zip(names).all(|(name, wanted)| name == wanted)
}

fn allowed(layer: &Layer, path: &[String]) -> bool {
    let own = layer.module;
    is_within(path, own) || layer.may_use.iter().any(|module| is_within(path, module))
}
