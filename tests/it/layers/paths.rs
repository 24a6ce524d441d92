//! Just enough of Rust's syntax to see which modules a file names.

use std::collections::BTreeSet;

/// Identifiers, `::` and single other characters; no comments, strings or character literals.
pub fn words(source: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut rest = source;
    while let Some(first) = rest.chars().next() {
        let length = skipped(rest);
        if length > 0 {
            rest = &rest[length..];
            continue;
        }
        let length = if first.is_alphanumeric() || first == '_' {
            rest.find(|c: char| !c.is_alphanumeric() && c != '_')
                .unwrap_or(rest.len())
        } else if rest.starts_with("::") {
            2
        } else {
            first.len_utf8()
        };
        words.push(rest[..length].to_owned());
        rest = &rest[length..];
    }
    words
}

/// How much of the beginning of `text` says nothing: a comment, a literal, white space.
fn skipped(text: &str) -> usize {
    let until = |end: &str, from: usize| {
        text[from..]
            .find(end)
            .map_or(text.len(), |at| from + at + end.len())
    };
    let bytes = text.as_bytes();
    match bytes[0] {
        b'/' if text.starts_with("//") => until("\n", 2),
        b'/' if text.starts_with("/*") => until("*/", 2),
        b'r' if text.starts_with("r\"") => until("\"", 2),
        b'r' if text.starts_with("r#\"") => until("\"#", 3),
        b'"' => {
            let mut at = 1;
            while at < bytes.len() && bytes[at] != b'"' {
                at += if bytes[at] == b'\\' { 2 } else { 1 };
            }
            (at + 1).min(bytes.len())
        }
        b'\'' if text.starts_with("'\\") => until("'", 3),
        b'\'' => match text.char_indices().nth(2) {
            Some((at, '\'')) => at + 1,
            _ => 1,
        },
        _ => text.len() - text.trim_start().len(),
    }
}

/// The modules of the crate that are named, as absolute paths of at most two names.
pub fn uses(module: &[String], words: &[String]) -> BTreeSet<Vec<String>> {
    let (mut found, mut depth) = (BTreeSet::new(), 0_usize);
    let mut inline: Vec<(String, usize)> = Vec::new();
    for (at, word) in words.iter().enumerate() {
        match word.as_str() {
            "{" => depth += 1,
            "}" => {
                depth = depth.saturating_sub(1);
                inline.pop_if(|(_, opened)| *opened == depth);
            }
            "mod" if words.get(at + 2).is_some_and(|word| word == "{") => {
                inline.push((words[at + 1].clone(), depth));
            }
            "crate" | "super" | "self" if starts_path(words, at) => {
                let mut here = module.to_vec();
                here.extend(inline.iter().map(|(name, _)| name.clone()));
                follow(&words[at..], here, &mut found);
            }
            _ => {}
        }
    }
    found
}

fn starts_path(words: &[String], at: usize) -> bool {
    words.get(at + 1).is_some_and(|word| word == "::") && (at == 0 || words[at - 1] != "::")
}

/// Follows one path, and each branch of its braces, from `here`; returns how many words it took.
fn follow(words: &[String], mut here: Vec<String>, found: &mut BTreeSet<Vec<String>>) -> usize {
    let mut at = 0;
    while let Some(word) = words.get(at) {
        match word.as_str() {
            "crate" => here.clear(),
            "super" => drop(here.pop()),
            "self" | "*" => {}
            "{" => return at + branches(&words[at..], &here, found),
            name if name.starts_with(|c: char| c.is_alphabetic() || c == '_') => here.push(name.to_owned()),
            _ => break,
        }
        at += 1;
        if words.get(at).is_none_or(|word| word != "::") {
            break;
        }
        at += 1;
    }
    here.truncate(2);
    found.insert(here);
    at
}

fn branches(words: &[String], here: &[String], found: &mut BTreeSet<Vec<String>>) -> usize {
    let mut at = 1;
    while let Some(word) = words.get(at) {
        match word.as_str() {
            "}" => return at + 1,
            "," => at += 1,
            "as" => at += 2,
            _ => at += follow(&words[at..], here.to_vec(), found).max(1),
        }
    }
    at
}
