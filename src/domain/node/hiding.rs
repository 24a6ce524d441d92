//! Words of others without what the Secrets of a spec hold, in every form in which somebody may repeat it.

use std::collections::BTreeSet;
use std::fmt::Write;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE_NO_PAD};

use super::facts::{NodeFacts, SecretContent};

/// What stands in place of a secret.
pub const HIDDEN: &str = "***";

/// Values shorter than this are not hidden: they would be found in every sentence.
const SHORTEST: usize = 4;

/// A line of a longer value (user data, a key) is hidden by itself from this length on.
const SHORTEST_LINE: usize = 8;

/// Pairs of values are hidden as HTTP's basic authentication encodes them, in Secrets of so many keys at most.
const MOST_PAIRED: usize = 8;

/// The words without what the Secrets that were read hold.
pub fn hide(words: &str, facts: &NodeFacts) -> String {
    let contents = facts.secrets.contents.iter().flatten();
    let forms: BTreeSet<_> = contents.flat_map(|(_, content)| forms(content)).collect();
    let mut forms: Vec<_> = forms.into_iter().collect();
    // One may be a part of another.
    forms.sort_unstable_by_key(|form| std::cmp::Reverse(form.len()));
    forms
        .iter()
        .fold(words.to_owned(), |words, form| words.replace(form, HIDDEN))
}

/// Everything that one Secret holds, in every form.
fn forms(content: &SecretContent) -> Vec<String> {
    let mut all: Vec<_> = content.data.values().flat_map(|value| of_value(value)).collect();
    all.extend(of_pairs(content));
    let binary = content
        .binary
        .values()
        .filter(|value| value.len() >= SHORTEST_LINE);
    all.extend(binary.flat_map(|value| [STANDARD.encode(value), URL_SAFE_NO_PAD.encode(value)]));
    all
}

/// A value as it is, without the white space around it, its lines, and all of that encoded.
fn of_value(value: &str) -> Vec<String> {
    let lines = value.lines().map(str::trim);
    let lines = lines.filter(|line| line.len() >= SHORTEST_LINE);
    let plain: BTreeSet<_> = [value, value.trim()].into_iter().chain(lines).collect();
    let plain = plain.into_iter().filter(|text| text.trim().len() >= SHORTEST);
    plain.flat_map(encoded).collect()
}

/// A text in the forms in which requests, URLs and logs repeat it.
fn encoded(text: &str) -> [String; 7] {
    let json = serde_json::Value::from(text).to_string();
    let escaped = json.trim_start_matches('"');
    [
        text.to_owned(),
        STANDARD_NO_PAD.encode(text),
        URL_SAFE_NO_PAD.encode(text),
        in_url(text, Case::Upper),
        in_url(text, Case::Lower),
        in_url(text, Case::Upper).replace("%20", "+"),
        escaped.strip_suffix('"').unwrap_or(escaped).to_owned(),
    ]
}

#[derive(Clone, Copy)]
enum Case {
    Upper,
    Lower,
}

/// As RFC 3986 encodes it: all but the unreserved characters.
fn in_url(text: &str, case: Case) -> String {
    text.bytes().fold(String::new(), |mut all, byte| {
        // Writing to a String cannot fail.
        _ = match (byte, case) {
            (b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~', _) => {
                write!(all, "{}", char::from(byte))
            }
            (_, Case::Upper) => write!(all, "%{byte:02X}"),
            (_, Case::Lower) => write!(all, "%{byte:02x}"),
        };
        all
    })
}

/// User and password, whichever they are, as an `Authorization` header has them.
fn of_pairs(content: &SecretContent) -> Vec<String> {
    let values = || content.data.values().map(|value| value.trim());
    if content.data.len() > MOST_PAIRED {
        return vec![];
    }
    let pairs = values().flat_map(|user| values().map(move |password| format!("{user}:{password}")));
    let long = pairs.filter(|pair| pair.len() > SHORTEST_LINE && !pair.contains('\n'));
    long.map(|pair| STANDARD_NO_PAD.encode(pair)).collect()
}
