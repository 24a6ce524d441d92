//! The figures: a table for people, `results.json` for programs.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::PathBuf;

use anyhow::{Context, Result};

use crate::run::target_directory;

/// All that was measured.
#[derive(Debug, Default)]
pub(super) struct Report {
    /// A figure for each name. Those that are not asked for by name in the documentation explain the others.
    figures: BTreeMap<String, f64>,
    sections: Vec<Section>,
}

/// A table beside that of the figures.
#[derive(Debug)]
struct Section {
    columns: Vec<String>,
    rows: Vec<Vec<String>>,
}

impl Report {
    /// Writes a figure down.
    pub(super) fn figure(&mut self, name: impl Into<String>, value: f64) {
        self.figures.insert(name.into(), rounded(value));
    }

    /// Writes a table down.
    pub(super) fn section(&mut self, columns: &[&str], rows: Vec<Vec<String>>) {
        let columns = columns.iter().map(|&column| column.to_owned()).collect();
        self.sections.push(Section { columns, rows });
    }

    /// Markdown, as it is kept in the documentation.
    pub(super) fn table(&self) -> String {
        let figures = self.figures.iter();
        let figures = Section {
            columns: vec!["figure".to_owned(), "value".to_owned()],
            rows: figures
                .map(|(name, value)| vec![format!("`{name}`"), value.to_string()])
                .collect(),
        };
        let sections = std::iter::once(&figures).chain(&self.sections);
        sections.map(Section::markdown).collect()
    }

    /// Writes `results.json`; returns where.
    pub(super) fn write(&self) -> Result<PathBuf> {
        let folder = target_directory()?.join("bench");
        std::fs::create_dir_all(&folder).context("cannot create a folder for the results")?;
        let path = folder.join("results.json");
        let text = serde_json::to_string_pretty(&self.figures)?;
        std::fs::write(&path, text + "\n").context("cannot write the results")?;
        Ok(path)
    }
}

impl Section {
    fn markdown(&self) -> String {
        let mut text = format!("\n| {} |\n|---|", self.columns.join(" | "));
        text.push_str(&"---:|".repeat(self.columns.len().saturating_sub(1)));
        text.push('\n');
        for row in &self.rows {
            // Writing to a String cannot fail.
            let _ = writeln!(text, "| {} |", row.join(" | "));
        }
        text
    }
}

/// Two places behind the point, three of what is less than one: the noise is larger.
fn rounded(value: f64) -> f64 {
    let places = if value.abs() < 1.0 { 1000.0 } else { 100.0 };
    (value * places).round() / places
}

/// The one in the middle, or half-way between the two there. Nothing has no median: NaN.
pub(super) fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    let at = |index: usize| values.get(index).copied().unwrap_or(f64::NAN);
    let middle = values.len() / 2;
    if values.len() % 2 == 1 {
        at(middle)
    } else {
        f64::midpoint(at(middle.wrapping_sub(1)), at(middle))
    }
}

/// The smallest value that so many of a hundred do not exceed: the largest, where there are too few to tell.
pub(super) fn percentile(mut values: Vec<f64>, percent: usize) -> f64 {
    values.sort_by(f64::total_cmp);
    let index = (values.len() * percent).div_ceil(100).saturating_sub(1);
    values.get(index).copied().unwrap_or(f64::NAN)
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

    #[test]
    fn percentiles() {
        let hundred: Vec<f64> = (1..=100).rev().map(f64::from).collect();
        let at = |percent| rounded(percentile(hundred.clone(), percent)).to_string();
        assert_eq!([at(50), at(99), at(100), at(0)], ["50", "99", "100", "1"]);
        assert_eq!(rounded(percentile(vec![7.0, 9.0, 8.0], 99)).to_string(), "9");
        assert!(percentile(vec![], 99).is_nan());
    }

    #[test]
    fn tables() {
        let mut report = Report::default();
        report.figure("nodes", 100.0);
        report.figure("ratio", 0.678_91);
        report.figure("seconds", 6.789);
        report.section(
            &["round", "operator, s"],
            vec![vec!["1".to_owned(), "29.9".to_owned()]],
        );
        let expected = "\n| figure | value |\n|---|---:|\n| `nodes` | 100 |\n| `ratio` | 0.679 |\n| `seconds` | 6.79 |\n\
            \n| round | operator, s |\n|---|---:|\n| 1 | 29.9 |\n";
        assert_eq!(report.table(), expected);
    }
}
