//! The figures: a table for people, `results.json` for programs.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::PathBuf;

use anyhow::{Context, Result};

use super::{Converged, Idle, OperatorRound};
use crate::run::target_directory;

/// All that was measured.
pub(super) struct Report {
    pub(super) nodes: u16,
    pub(super) operator: Vec<OperatorRound>,
    pub(super) script: Vec<Converged>,
    /// With all nodes.
    pub(super) full: Idle,
    /// With few.
    pub(super) few: Idle,
}

impl Report {
    /// A figure for each name. Those that are not asked for by name in the documentation explain the others.
    fn results(&self) -> BTreeMap<&'static str, f64> {
        let nodes = f64::from(self.nodes);
        let seconds = self.operators(|round| round.converged.seconds);
        let script = self.scripts(|round| round.seconds);
        BTreeMap::from([
            ("nodes", nodes),
            ("converge_seconds", seconds),
            ("script_converge_seconds", script),
            ("converge_ratio", seconds / script),
            (
                "requests_per_node",
                self.operators(|round| round.converged.requests) / nodes,
            ),
            (
                "script_requests_per_node",
                self.scripts(|round| round.requests) / nodes,
            ),
            (
                "ironic_cpu_seconds",
                self.operators(|round| round.converged.ironic_cpu),
            ),
            (
                "script_ironic_cpu_seconds",
                self.scripts(|round| round.ironic_cpu),
            ),
            ("converge_cpu_seconds", self.operators(|round| round.cpu)),
            ("idle_requests_per_minute", self.full.requests_per_minute),
            ("idle_requests_per_minute_few_nodes", self.few.requests_per_minute),
            ("idle_cpu_seconds_per_minute", self.full.cpu_per_minute),
            ("rss_mib", self.full.rss_mib),
        ])
    }

    fn operators(&self, of: impl Fn(&OperatorRound) -> f64) -> f64 {
        median(self.operator.iter().map(of).collect())
    }

    fn scripts(&self, of: impl Fn(&Converged) -> f64) -> f64 {
        median(self.script.iter().map(of).collect())
    }

    /// Markdown, as it is kept in the documentation.
    pub(super) fn table(&self) -> String {
        let mut text = "\n| figure | value |\n|---|---:|\n".to_owned();
        for (name, value) in self.results() {
            line(&mut text, &format!("`{name}`"), rounded(value));
        }
        text.push_str("\n| round | operator, s | script, s |\n|---|---:|---:|\n");
        for (number, (operator, script)) in (1..).zip(self.operator.iter().zip(&self.script)) {
            let (operator, script) = (operator.converged.seconds, script.seconds);
            let _ = writeln!(text, "| {number} | {operator:.1} | {script:.1} |");
        }
        text.push_str("\n| the operator's requests in its last round | number |\n|---|---:|\n");
        for (route, count) in self
            .operator
            .last()
            .into_iter()
            .flat_map(|round| round.by_route.by_number())
        {
            line(&mut text, &format!("`{route}`"), count);
        }
        text
    }

    /// Writes `results.json`; returns where.
    pub(super) fn write(&self) -> Result<PathBuf> {
        let folder = target_directory()?.join("bench");
        std::fs::create_dir_all(&folder).context("cannot create a folder for the results")?;
        let path = folder.join("results.json");
        let results: BTreeMap<_, _> = self
            .results()
            .into_iter()
            .map(|(name, value)| (name, rounded(value)))
            .collect();
        let text = serde_json::to_string_pretty(&results)?;
        std::fs::write(&path, text + "\n").context("cannot write the results")?;
        Ok(path)
    }
}

fn line(text: &mut String, what: &str, value: f64) {
    // Writing to a String cannot fail.
    let _ = writeln!(text, "| {what} | {value} |");
}

/// Two places behind the point: the noise is larger.
fn rounded(value: f64) -> f64 {
    (value * 100.0).round() / 100.0
}

/// The one in the middle, or half-way between the two there. Nothing has no median: NaN.
fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    let at = |index: usize| values.get(index).copied().unwrap_or(f64::NAN);
    let middle = values.len() / 2;
    if values.len() % 2 == 1 {
        at(middle)
    } else {
        f64::midpoint(at(middle.wrapping_sub(1)), at(middle))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn medians() {
        let text = |values| rounded(median(values)).to_string();
        assert_eq!(text(vec![3.0, 1.0, 2.0]), "2");
        assert_eq!(text(vec![4.0, 1.0, 2.0, 3.0]), "2.5");
        assert!(median(vec![]).is_nan());
    }
}
