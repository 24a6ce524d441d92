//! The nodes as `kubectl get` shows them, redrawn in place on a terminal, or line by line as they change.

use std::collections::HashMap;
use std::io::{IsTerminal, Write};
use std::time::Instant;

use anyhow::{Context, Result};
use http::Request;
use http::header::ACCEPT;
use kube::Client;
use serde::Deserialize;
use serde_json::Value;

use crate::up::print;

/// The server fills the printer columns of the resource definition: no knowledge of the schema is needed here.
const AS_TABLE: &str = "application/json;as=Table;v=v1;g=meta.k8s.io";
/// Changes with every look.
const LEFT_OUT: &str = "Age";

/// What the apiserver answers.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Answer {
    column_definitions: Vec<Column>,
    #[serde(default)]
    rows: Vec<Row>,
}

#[derive(Debug, Deserialize)]
struct Column {
    name: String,
    #[serde(default)]
    priority: i32,
}

#[derive(Debug, Deserialize)]
struct Row {
    cells: Vec<Value>,
    object: Value,
}

/// All nodes at one moment.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Table {
    header: Vec<String>,
    rows: Vec<Vec<String>>,
    objects: Vec<Value>,
}

impl Table {
    /// Asks for the objects at `path` of the API.
    pub(super) async fn fetch(client: &Client, path: &str) -> Result<Self> {
        let request = Request::get(format!("{path}?includeObject=Object")).header(ACCEPT, AS_TABLE);
        let answer = client
            .request::<Answer>(request.body(Vec::new())?)
            .await
            .context("cannot list the nodes")?;
        let shown = |(column, _): &(&Column, usize)| column.priority == 0 && column.name != LEFT_OUT;
        let columns: Vec<(&Column, usize)> =
            answer.column_definitions.iter().zip(0..).filter(shown).collect();
        let cells = |row: &Row| {
            columns
                .iter()
                .map(|(_, index)| text(row.cells.get(*index)))
                .collect()
        };
        Ok(Self {
            header: columns
                .iter()
                .map(|(column, _)| column.name.to_uppercase())
                .collect(),
            rows: answer.rows.iter().map(cells).collect(),
            objects: answer.rows.into_iter().map(|row| row.object).collect(),
        })
    }

    /// Whether there are as many as expected, each Ready, for its current spec.
    pub(super) fn is_settled(&self, expected: usize) -> bool {
        self.objects.len() >= expected && self.objects.iter().all(is_ready)
    }

    /// How many are Ready.
    pub(super) fn ready(&self) -> usize {
        self.objects.iter().filter(|object| is_ready(object)).count()
    }

    /// What each node that is not Ready says about itself.
    pub(super) fn complaints(&self) -> String {
        let waiting = self.objects.iter().filter(|object| !is_ready(object));
        waiting.map(conditions_of).collect::<Vec<_>>().join("\n")
    }

    /// The header and all rows.
    fn all(&self) -> impl Iterator<Item = &Vec<String>> {
        std::iter::once(&self.header).chain(&self.rows)
    }
}

/// Columns that grow with what they have to hold, and never shrink: what was printed stays aligned.
#[derive(Debug, Default)]
struct Widths(Vec<usize>);

impl Widths {
    /// Wide enough for the usual states and reasons, so that lines printed early stand above later ones.
    const LEAST: usize = 10;

    fn grow(&mut self, table: &Table) {
        self.0.resize(table.header.len().max(self.0.len()), Self::LEAST);
        for row in table.all() {
            for (width, cell) in self.0.iter_mut().zip(row) {
                *width = cell.chars().count().max(*width);
            }
        }
    }

    fn align(&self, row: &[String]) -> String {
        let cells = row
            .iter()
            .zip(&self.0)
            .map(|(cell, width)| format!("{cell:width$}   "));
        cells.collect::<String>().trim_end().to_owned()
    }
}

fn text(cell: Option<&Value>) -> String {
    match cell {
        None | Some(Value::Null) => String::new(),
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
    }
}

fn conditions(object: &Value) -> impl Iterator<Item = &Value> {
    object
        .pointer("/status/conditions")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
}

fn is_ready(object: &Value) -> bool {
    let current = object.pointer("/metadata/generation") == object.pointer("/status/observedGeneration");
    let ready = |condition: &Value| {
        condition.pointer("/type").is_some_and(|kind| kind == "Ready")
            && condition
                .pointer("/status")
                .is_some_and(|status| status == "True")
    };
    current && conditions(object).any(ready)
}

fn conditions_of(object: &Value) -> String {
    let name = text(object.pointer("/metadata/name"));
    let mut lines = vec![name];
    for condition in conditions(object) {
        let [kind, status, reason, message] =
            ["/type", "/status", "/reason", "/message"].map(|part| text(condition.pointer(part)));
        lines.push(format!("  {kind:<12} {status:<6} {reason}: {message}"));
    }
    if lines.len() == 1 {
        lines.push("  nothing was reported".to_owned());
    }
    lines.join("\n")
}

/// Shows one table after the other.
pub(super) struct Screen {
    started: Instant,
    in_place: bool,
    widths: Widths,
    /// Lines that the last table took on the terminal.
    drawn: usize,
    /// The last row of each name, the header included.
    last: HashMap<String, Vec<String>>,
}

impl Screen {
    /// On standard output: in place if that is a terminal.
    pub(super) fn new() -> Self {
        Self {
            started: Instant::now(),
            in_place: std::io::stdout().is_terminal(),
            widths: Widths::default(),
            drawn: 0,
            last: HashMap::new(),
        }
    }

    /// Shows what is different from the last time.
    pub(super) fn show(&mut self, table: &Table) -> Result<()> {
        self.widths.grow(table);
        if self.in_place {
            self.redraw(table)
        } else {
            self.print_changes(table)
        }
    }

    fn seconds(&self) -> String {
        format!("{:.1} s", self.started.elapsed().as_secs_f64())
    }

    fn redraw(&mut self, table: &Table) -> Result<()> {
        let mut lines: Vec<String> = table.all().map(|row| self.widths.align(row)).collect();
        lines.push(format!(
            "{} of {} ready after {}",
            table.ready(),
            table.rows.len(),
            self.seconds()
        ));
        let mut out = std::io::stdout().lock();
        if self.drawn > 0 {
            // Up to the first line, and clear from there to the end.
            write!(out, "\x1b[{}A\x1b[J", self.drawn)?;
        }
        writeln!(out, "{}", lines.join("\n"))?;
        out.flush()?;
        self.drawn = lines.len();
        Ok(())
    }

    fn print_changes(&mut self, table: &Table) -> Result<()> {
        for row in table.all() {
            let name = row.first().cloned().unwrap_or_default();
            if self.last.get(&name) != Some(row) {
                print(&format!("{:>8}   {}", self.seconds(), self.widths.align(row)))?;
                self.last.insert(name, row.clone());
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn node(observed: i64, ready: &str) -> Value {
        json!({
            "metadata": {"name": "n1", "generation": 2},
            "status": {"observedGeneration": observed, "conditions": [
                {"type": "Ready", "status": ready, "reason": "Because", "message": "of this"},
            ]},
        })
    }

    #[test]
    fn ready_counts_for_the_current_spec_only() {
        assert!(is_ready(&node(2, "True")));
        assert!(!is_ready(&node(1, "True")), "that was about an older spec");
        assert!(!is_ready(&node(2, "False")));
        assert!(!is_ready(&json!({"metadata": {"generation": 1}})));
    }

    #[test]
    fn settled_means_all_there_and_ready() {
        let table = |objects: Vec<Value>| Table {
            objects,
            ..Table::default()
        };
        assert!(table(vec![node(2, "True")]).is_settled(1));
        assert!(!table(vec![node(2, "True")]).is_settled(2));
        assert!(!table(vec![node(2, "True"), node(2, "Unknown")]).is_settled(2));
        assert!(!table(Vec::new()).is_settled(1));
    }

    #[test]
    fn complaints_name_the_reasons_of_those_that_are_not_ready() {
        let table = Table {
            objects: vec![node(2, "False"), node(2, "True"), json!({})],
            ..Table::default()
        };
        assert_eq!(
            table.complaints(),
            "n1\n  Ready        False  Because: of this\n\n  nothing was reported"
        );
    }

    #[test]
    fn columns_are_aligned_and_never_shrink() {
        let row = |cells: [&str; 2]| cells.map(ToOwned::to_owned).to_vec();
        let table = |rows| Table {
            header: row(["NAME", "STATE"]),
            rows,
            objects: Vec::new(),
        };
        let mut widths = Widths::default();
        widths.grow(&table(vec![row(["rack1-u01-long", "enroll"])]));
        widths.grow(&table(Vec::new()));
        assert_eq!(widths.align(&row(["b", "enroll"])), "b                enroll");
        assert_eq!(widths.align(&row(["b", ""])), "b");
    }
}
