//! The pages of the documentation that follow from the code: conditions and reasons, rules, metrics, settings.
//!
//! `make generate` writes them into `docs/reference`, and `make drift` fails on a page that is not what the code says.

mod conditions;
mod metrics;
mod rules;
mod settings;

use std::path::Path;
use std::{fs, io};

use thiserror::Error;

/// Why a page could not be written.
#[derive(Debug, Error)]
pub enum Error {
    /// The directory or a file in it.
    #[error("the directory cannot be written to")]
    Write(#[from] io::Error),
    /// The metrics.
    #[error("the metrics cannot be registered")]
    Metrics(#[from] prometheus::Error),
    /// The definitions.
    #[error("the definitions cannot be read")]
    Definitions(#[from] serde_json::Error),
}

/// Writes every page into a directory, which is created if need be.
pub fn write(directory: &Path) -> Result<(), Error> {
    fs::create_dir_all(directory)?;
    for (name, page) in pages()? {
        fs::write(directory.join(name), page)?;
    }
    Ok(())
}

/// File name and text of every page.
pub fn pages() -> Result<Vec<(&'static str, String)>, Error> {
    Ok(vec![
        ("conditions.md", conditions::page()),
        ("metrics.md", metrics::page()?),
        ("rules.md", rules::page()),
        ("settings.md", settings::page()?),
    ])
}

/// The beginning of a page.
fn head(title: &str, source: &str) -> String {
    format!("<!-- Written by `make generate` from {source}. -->\n# {title}\n")
}

/// A table; a cell may hold anything but its own borders.
fn table(titles: &[&str], rows: impl IntoIterator<Item = Vec<String>>) -> String {
    let line = |cells: Vec<String>| format!("| {} |\n", cells.join(" | "));
    let escaped = |row: Vec<String>| row.iter().map(|cell| cell.replace('|', "\\|")).collect();
    let rule = titles.iter().map(|_| "---".to_owned()).collect();
    let titles = titles.iter().map(|title| (*title).to_owned()).collect();
    let body = rows.into_iter().map(|row| line(escaped(row)));
    [line(titles), line(rule)].into_iter().chain(body).collect()
}

/// Text of several lines, as one.
fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn code(text: &str) -> String {
    format!("`{text}`")
}

#[cfg(test)]
mod tests {
    use super::{pages, table};

    #[test]
    fn a_table_keeps_its_borders() {
        let text = table(&["a", "b"], [vec!["x|y".to_owned(), "z".to_owned()]]);
        assert_eq!(text, "| a | b |\n| --- | --- |\n| x\\|y | z |\n");
    }

    #[test]
    fn every_page_has_a_title_and_says_where_it_comes_from() {
        for (name, page) in pages().unwrap() {
            assert!(page.starts_with("<!-- Written by `make generate`"), "{name}");
            assert!(
                page.lines().nth(1).is_some_and(|line| line.starts_with("# ")),
                "{name}"
            );
        }
    }
}
