//! Words of others without what the Secrets of a spec hold, in every form in which somebody may repeat it.
//!
//! A Secret may be large, and of many short lines. So a form is made in full only if its first characters occur in the words, and words
//! in which more would have to be looked for than is bounded here are not told at all.

use std::collections::{BTreeSet, HashSet};
use std::fmt::Write;

use aho_corasick::AhoCorasick;
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use percent_encoding::percent_decode_str;

use super::facts::{NodeFacts, SecretContent};

/// What stands in place of a secret.
pub const HIDDEN: &str = "***";

/// What stands in place of words in which too much would have to be looked for.
pub const TOO_MUCH: &str =
    "Ironic's words are not shown, since the Secrets hold too much to look for all of it there";

/// Values shorter than this are not hidden: they would be found in every sentence.
const SHORTEST: usize = 4;

/// A line of a longer value (user data, a key) is hidden by itself from this length on.
const SHORTEST_LINE: usize = 8;

/// So many bytes of a text tell how each of its forms begins: Base64 goes by groups of three, the others by characters.
const BEGINNING: usize = 12;

/// Pairs of values are hidden as HTTP's basic authentication encodes them, in Secrets of so many keys at most.
const MOST_PAIRED: usize = 8;

/// Values and lines that are looked for, at most: a Secret of 1 MiB in lines of the usual length has fewer.
const MOST_TEXTS: usize = 20_000;

/// Bytes of the forms that may occur, at most. Nearly none does: each has to begin and to end as something in the words does.
const MOST_BYTES: usize = 64 * 1024;

/// The words without what the Secrets that were read hold, or [`TOO_MUCH`].
pub fn hide(words: &str, facts: &NodeFacts) -> String {
    let mut search = Search::new(words);
    for content in facts
        .secrets
        .contents
        .iter()
        .flatten()
        .map(|(_, content)| content)
    {
        search.secret(content);
        if search.is_too_much() {
            return TOO_MUCH.to_owned();
        }
    }
    search.hide()
}

/// User and password of an address, together and the password alone: who repeats the address writes the rest of it in other ways.
fn userinfo(value: &str) -> Vec<String> {
    let authority = value.split_once("://").map(|(_scheme, rest)| rest);
    let authority = authority.and_then(|rest| rest.split(['/', '?', '#']).next());
    let Some((user, _host)) = authority.and_then(|authority| authority.rsplit_once('@')) else {
        return vec![];
    };
    let password = user.split_once(':').map(|(_user, password)| password);
    [Some(user), password]
        .into_iter()
        .flatten()
        .flat_map(|part| {
            [
                part.to_owned(),
                percent_decode_str(part).decode_utf8_lossy().into_owned(),
            ]
        })
        .collect()
}

/// Whether the words were not told.
pub fn is_too_much(told: &str) -> bool {
    told.starts_with(TOO_MUCH)
}

/// What is looked for in some words.
struct Search<'a> {
    words: &'a str,
    /// Every sequence of [`SHORTEST`] bytes in the words.
    pieces: HashSet<&'a [u8]>,
    /// The forms that may occur.
    forms: BTreeSet<String>,
    /// How many values and lines were looked at, and how many bytes the forms have.
    texts: usize,
    bytes: usize,
}

impl<'a> Search<'a> {
    fn new(words: &'a str) -> Self {
        Self {
            words,
            pieces: words.as_bytes().windows(SHORTEST).collect(),
            forms: BTreeSet::new(),
            texts: 0,
            bytes: 0,
        }
    }

    fn is_too_much(&self) -> bool {
        self.texts > MOST_TEXTS || self.bytes > MOST_BYTES
    }

    /// Looks for everything that one Secret holds.
    fn secret(&mut self, content: &SecretContent) {
        for value in content.data.values() {
            self.value(value);
        }
        if content.data.len() <= MOST_PAIRED {
            self.pairs(content);
        }
        for value in content
            .binary
            .values()
            .filter(|value| value.len() >= SHORTEST_LINE)
        {
            self.texts += 1;
            if value.len() <= self.words.len() {
                self.form(STANDARD.encode(value));
                self.form(URL_SAFE_NO_PAD.encode(value));
            }
        }
    }

    /// A value as it is, without the white space around it, its lines, and all of that encoded.
    fn value(&mut self, value: &str) {
        self.text(value);
        if value.trim() != value {
            self.text(value.trim());
        }
        for part in userinfo(value) {
            self.text(&part);
        }
        let lines = value.lines().map(str::trim);
        for line in lines.filter(|line| line.len() >= SHORTEST_LINE && *line != value) {
            self.text(line);
            if self.is_too_much() {
                return;
            }
        }
    }

    /// A text in the forms in which requests, URLs and logs repeat it.
    fn text(&mut self, text: &str) {
        if text.trim().len() < SHORTEST {
            return;
        }
        self.texts += 1;
        // No form is shorter than the text, but for base64's, and that is not shorter either.
        if text.len() > self.words.len() {
            return;
        }
        for form in FORMS {
            if self.may_begin(&form(beginning(text))) {
                self.form(form(text));
            }
        }
    }

    /// User and password, whichever they are, as an `Authorization` header has them.
    fn pairs(&mut self, content: &SecretContent) {
        let most = self.words.len();
        let values = || content.data.values().map(|value| value.trim());
        let short = || values().filter(|value| value.len() <= most && !value.contains('\n'));
        for (user, password) in short().flat_map(|user| short().map(move |password| (user, password))) {
            if user.len() + 1 + password.len() > SHORTEST_LINE {
                self.form(STANDARD_NO_PAD.encode(format!("{user}:{password}")));
            }
        }
    }

    /// Whether something in the words begins as this does.
    fn may_begin(&self, form: &str) -> bool {
        let beginning = form.as_bytes().get(..SHORTEST);
        beginning.is_some_and(|beginning| self.pieces.contains(beginning))
    }

    fn may_end(&self, form: &str) -> bool {
        let end = form.as_bytes().last_chunk::<SHORTEST>();
        end.is_some_and(|end| self.pieces.contains(end.as_slice()))
    }

    fn form(&mut self, form: String) {
        if form.len() <= self.words.len() && self.may_begin(&form) && self.may_end(&form) {
            let length = form.len();
            self.bytes += if self.forms.insert(form) { length } else { 0 };
        }
    }

    /// The words with [`HIDDEN`] in place of all that is covered by any form.
    fn hide(&self) -> String {
        if self.is_too_much() {
            return TOO_MUCH.to_owned();
        }
        // It fails only where there are far more patterns than are let in here.
        let Ok(forms) = AhoCorasick::new(&self.forms) else {
            return TOO_MUCH.to_owned();
        };
        let mut covered: Vec<_> = forms
            .find_overlapping_iter(self.words)
            .map(|found| found.range())
            .collect();
        covered.sort_unstable_by_key(|range| (range.start, std::cmp::Reverse(range.end)));
        let (mut told, mut at) = (String::new(), 0);
        for range in covered {
            if range.start >= at {
                told.push_str(self.words.get(at..range.start).unwrap_or_default());
                told.push_str(HIDDEN);
            }
            at = at.max(range.end);
        }
        told.push_str(self.words.get(at..).unwrap_or_default());
        told
    }
}

/// Enough of a text to tell how each of its forms begins.
fn beginning(text: &str) -> &str {
    let end = text.ceil_char_boundary(BEGINNING);
    text.get(..end).unwrap_or(text)
}

type Form = fn(&str) -> String;

const FORMS: [Form; 7] = [
    str::to_owned,
    |text| STANDARD_NO_PAD.encode(text),
    |text| URL_SAFE_NO_PAD.encode(text),
    |text| in_url(text, Case::Upper),
    |text| in_url(text, Case::Lower),
    |text| in_url(text, Case::Upper).replace("%20", "+"),
    in_json,
];

fn in_json(text: &str) -> String {
    let json = serde_json::Value::from(text).to_string();
    let open = json.strip_prefix('"').unwrap_or(&json);
    open.strip_suffix('"').unwrap_or(open).to_owned()
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

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn secret(values: &[String]) -> SecretContent {
        let keyed = values.iter().enumerate();
        SecretContent {
            data: keyed.map(|(n, value)| (n.to_string(), value.clone())).collect(),
            ..SecretContent::default()
        }
    }

    #[test]
    fn the_password_of_an_address_is_hidden_however_the_rest_is_written() {
        for (value, said, told) in [
            (
                "HTTPS://admin:USERPWAAAA@LocalHost:1",
                "to https://admin:USERPWAAAA@localhost:1/redfish",
                "to https://***@localhost:1/redfish",
            ),
            (
                "https://admin:p%40ssword@bmc//",
                "password p@ssword at bmc",
                "password *** at bmc",
            ),
            ("https://bmc/a@b", "bmc/a@b and b", "bmc/a@b and b"),
        ] {
            let mut search = Search::new(said);
            search.secret(&secret(&[value.to_owned()]));
            assert_eq!(search.hide(), told);
        }
    }

    /// A MiB in lines of this length, counted from `first`.
    fn lines(first: usize, length: usize) -> String {
        let lines = (first..).map(|n| format!("{n:0length$}\n"));
        lines.take(1024 * 1024 / (length + 1)).collect()
    }

    #[test]
    fn the_largest_secret_in_lines_of_the_usual_length_is_looked_for_line_by_line() {
        let content = secret(&[lines(0, 64)]);
        let words = format!("refused: {:064} and {:063}", 11_000, 11_000);
        let mut search = Search::new(&words);
        search.secret(&content);
        assert!(!search.is_too_much());
        assert_eq!(search.hide(), format!("refused: *** and {:063}", 11_000));
    }

    /// Counted, not timed: how much is looked at and made does not grow with what the Secrets hold.
    #[test]
    fn what_is_looked_for_is_bounded_and_the_words_are_withheld_beyond() {
        let many = "0000 ".repeat(3000);
        for (words, length) in [(&*many, 8), (&*many, 64), ("calm", 8), ("calm", 64)] {
            let mut search = Search::new(words);
            for n in 0..9 {
                search.secret(&secret(&[lines(n * 1_000_000, length)]));
                if search.is_too_much() {
                    break;
                }
            }
            assert!(search.texts <= MOST_TEXTS + 1, "{}", search.texts);
            assert!(search.bytes <= MOST_BYTES + 3 * 64, "{}", search.bytes);
            assert_eq!(search.hide(), TOO_MUCH);
        }
    }

    #[test]
    fn values_that_cannot_occur_are_not_encoded() {
        let large = "x".repeat(1024 * 1024);
        let content = SecretContent {
            binary: BTreeMap::from([("b".to_owned(), vec![0xff; 1024 * 1024])]),
            ..secret(&[large.clone(), format!("{large}y")])
        };
        let mut search = Search::new("xxxx x:x /v8=");
        search.secret(&content);
        assert_eq!((search.forms.len(), search.bytes), (0, 0));
    }

    #[test]
    fn where_secrets_overlap_all_of_both_is_hidden() {
        let content = secret(&["abcdef".to_owned(), "defghi".to_owned(), "cde-".to_owned()]);
        for (said, told) in [
            ("x abcdefghi y", "x *** y"),
            ("abcdefabcdef", "******"),
            ("abcdef", "***"),
            ("abcde defghi", "abcde ***"),
        ] {
            let mut search = Search::new(said);
            search.secret(&content);
            assert_eq!(search.hide(), told);
        }
    }
}
