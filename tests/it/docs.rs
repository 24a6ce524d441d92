//! The documentation: links lead somewhere, values exist, examples are accepted by the apiserver.

#![cfg(test)]

use std::path::{Path, PathBuf};

use ironwright_stack::run::workspace;
use serde_json::{Value, json};

use crate::harness::{World, stack};

/// Every page, the ones at the top of the repository included.
fn pages() -> Vec<PathBuf> {
    let mut pages = Vec::new();
    let mut folders = vec![workspace().join("docs")];
    let top = ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "CHANGELOG.md"];
    pages.extend(top.map(|name| workspace().join(name)));
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "md") {
                pages.push(path);
            }
        }
    }
    pages
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The targets of `[words](target)`.
fn links(text: &str) -> Vec<&str> {
    let after = text.split("](").skip(1);
    after
        .filter_map(|rest| rest.split_once(')'))
        .map(|(target, _)| target)
        .collect()
}

/// The anchors of a page, as GitHub makes them of headings.
fn anchors(text: &str) -> Vec<String> {
    let headings = text.lines().filter_map(|line| line.strip_prefix('#'));
    let anchor = |heading: &str| {
        let words = heading.trim_start_matches('#').trim().to_lowercase();
        let kept = words
            .chars()
            .filter(|c| c.is_alphanumeric() || [' ', '-', '_'].contains(c));
        kept.collect::<String>().replace(' ', "-")
    };
    headings.map(anchor).collect()
}

#[test]
fn every_link_leads_somewhere() {
    let mut broken = Vec::new();
    for page in pages() {
        let text = read(&page);
        for link in links(&text).into_iter().filter(|link| !link.contains("://")) {
            let (file, anchor) = link.split_once('#').unwrap_or((link, ""));
            let target = if file.is_empty() {
                page.clone()
            } else {
                page.parent().unwrap().join(file)
            };
            let there =
                target.exists() && (anchor.is_empty() || anchors(&read(&target)).iter().any(|a| a == anchor));
            if !there {
                broken.push(format!("{}: {link}", page.display()));
            }
        }
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

#[test]
fn every_page_is_listed() {
    let list = workspace().join("docs/README.md");
    let listed: Vec<_> = links(&read(&list))
        .iter()
        .map(|link| list.parent().unwrap().join(link))
        .collect();
    for page in pages().into_iter().filter(|page| *page != list) {
        let found = listed
            .iter()
            .any(|listed| listed.canonicalize().ok() == page.canonicalize().ok());
        assert!(found, "{} is not in docs/README.md", page.display());
    }
}

/// A value is named as `a.b` in backticks, at the beginning of a row.
#[test]
fn every_value_that_is_named_exists_with_that_default() {
    let values: Value =
        serde_saphyr::from_str(&read(&workspace().join("charts/ironwright/values.yaml"))).unwrap();
    let text = read(&workspace().join("docs/configuration.md"));
    let table = text.split("Values that matter most:").nth(1).unwrap();
    let rows: Vec<_> = table
        .lines()
        .skip_while(|line| !line.starts_with("|---"))
        .skip(1)
        .take_while(|line| line.starts_with('|'))
        .collect();
    assert!(rows.len() > 5, "{rows:?}");
    for row in rows {
        let cells: Vec<_> = row.split('|').map(str::trim).collect();
        let names: Vec<_> = cells[1].split(", ").map(|name| name.trim_matches('`')).collect();
        for name in &names {
            let value = values.pointer(&format!("/{}", name.replace('.', "/")));
            assert!(value.is_some(), "{name} is not a value of the chart");
            let default = cells[2].trim_matches('`');
            if default.parse::<bool>().is_ok() || default.parse::<u32>().is_ok() {
                assert_eq!(value.unwrap().to_string(), default, "{name}");
            }
        }
    }
}

/// Our objects in the YAML blocks of a page.
fn examples(text: &str) -> Vec<Value> {
    let blocks = text
        .split("```yaml\n")
        .skip(1)
        .filter_map(|rest| rest.split_once("```"));
    let documents = blocks.flat_map(|(block, _)| block.split("\n---\n"));
    let parsed = documents.filter(|document| document.contains("apiVersion: ironwright.dev"));
    parsed
        .map(|document| serde_saphyr::from_str(document).unwrap())
        .collect()
}

#[tokio::test]
async fn every_example_is_accepted() {
    let world = World::empty("docs-examples").await;
    let mut objects: Vec<_> = pages().iter().flat_map(|page| examples(&read(page))).collect();
    assert!(objects.len() > 2, "{objects:?}");
    for sample in ["redfish.yaml", "clouds-http-basic.yaml"] {
        let text = read(&workspace().join("docs/samples").join(sample));
        let documents = text
            .split("\n---\n")
            .map(|document| serde_saphyr::from_str::<Value>(document).unwrap());
        objects.extend(documents);
    }
    for mut object in objects {
        object["metadata"]["namespace"] = json!(world.namespace);
        let file = stack().await.run.file("docs-example.json");
        std::fs::write(&file, object.to_string()).unwrap();
        let file = file.display().to_string();
        let apply = [
            "apply",
            "--server-side",
            "--force-conflicts",
            "--validate=strict",
            "--dry-run=server",
            "-f",
            &file,
        ];
        let output = world.stack.control_plane.kubectl(&apply).await.unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{object}: {said}");
    }
}
