//! Secrets in every form in which somebody may repeat them.

#![cfg(test)]

use std::collections::BTreeMap;
use std::fmt::Write;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use serde_json::Value;

/// Shorter ones are found in every text.
const SHORTEST: usize = 6;

/// As are words of everyday speech up to this length: lower-case letters alone.
const LONGEST_WORD: usize = 11;

/// A line of a longer secret counts by itself from this length on.
const SHORTEST_LINE: usize = 8;

/// Text on either side of what is found.
const AROUND: usize = 60;

/// Forms of secrets, each with what it stands for.
#[derive(Clone, Debug, Default)]
pub struct Needles(BTreeMap<String, String>);

impl Needles {
    /// Enters what stands under a key of a Secret: a secret, or a file (JSON or YAML) with secrets in it.
    pub fn add(&mut self, key: &str, value: &str) {
        match serde_saphyr::from_str::<Value>(value) {
            Ok(file @ (Value::Object(_) | Value::Array(_))) => self.add_file(&file),
            _ if is_public(key) => {}
            _ => self.add_secret(value),
        }
    }

    /// Enters what is not text.
    pub fn add_bytes(&mut self, value: &[u8]) {
        for form in [STANDARD_NO_PAD.encode(value), URL_SAFE_NO_PAD.encode(value)] {
            self.insert(form, "(not text)");
        }
    }

    /// The secrets in a text, with what stands around them.
    pub fn found_in(&self, text: &str) -> Vec<(&str, String)> {
        let found = self
            .0
            .iter()
            .filter_map(|(form, secret)| Some((secret.as_str(), around(text, text.find(form)?))));
        found.collect()
    }

    /// In a file with more than secrets, their keys tell which are.
    fn add_file(&mut self, file: &Value) {
        match file {
            Value::Object(map) => {
                for (key, value) in map {
                    match value.as_str() {
                        Some(text) if is_secret(key) => self.add_secret(text),
                        _ => self.add_file(value),
                    }
                }
            }
            Value::Array(list) => list.iter().for_each(|value| self.add_file(value)),
            _ => {}
        }
    }

    fn add_secret(&mut self, value: &str) {
        let whole = value.trim();
        let lines = whole
            .lines()
            .map(str::trim)
            .filter(|line| line.len() >= SHORTEST_LINE);
        for text in std::iter::once(whole)
            .chain(lines)
            .filter(|text| !is_common(text))
        {
            for form in forms(text) {
                self.insert(form, whole);
            }
        }
    }

    fn insert(&mut self, form: String, secret: &str) {
        if form.len() >= SHORTEST {
            self.0.insert(form, secret.to_owned());
        }
    }
}

/// Keys of what everybody may know.
fn is_public(key: &str) -> bool {
    let key = key.to_lowercase();
    let public = [
        "username",
        "address",
        "endpoint",
        "comment",
        "namespace",
        "ca.crt",
    ];
    key == "user" || key == "one" || key == "two" || public.iter().any(|word| key.contains(word))
}

/// Keys of secrets, in a file with more.
fn is_secret(key: &str) -> bool {
    let key = key.to_lowercase();
    let secret = ["password", "secret", "token", "client-key-data"];
    key == "key" || secret.iter().any(|word| key.contains(word))
}

fn is_common(text: &str) -> bool {
    let is_word = text.len() <= LONGEST_WORD && text.bytes().all(|byte| byte.is_ascii_lowercase());
    text.len() < SHORTEST
        || is_word
        || text.starts_with("#!")
        || text.starts_with("-----")
        || text.starts_with("***")
}

/// As it is, as JSON and Rust's own quotes escape it, as URLs encode it, and in base64, also in the middle of something.
fn forms(text: &str) -> Vec<String> {
    let json = Value::from(text).to_string();
    let percent = |upper: bool| in_url(text, upper);
    let mut forms = vec![
        text.to_owned(),
        json.trim_matches('"').to_owned(),
        percent(true),
        percent(false),
        percent(true).replace("%20", "+"),
    ];
    for shift in 0..3 {
        // Only the characters in which nothing of what stands before or behind has a part.
        let (first, last) = ((shift * 8_usize).div_ceil(6), (shift + text.len()) * 8 / 6);
        let shifted = [&vec![0; shift], text.as_bytes()].concat();
        for encoded in [STANDARD_NO_PAD.encode(&shifted), URL_SAFE_NO_PAD.encode(&shifted)] {
            forms.extend(encoded.get(first..last).map(ToOwned::to_owned));
        }
    }
    forms
}

/// As RFC 3986 encodes it: all but the unreserved characters.
fn in_url(text: &str, upper: bool) -> String {
    text.bytes().fold(String::new(), |mut all, byte| {
        let _ = match (byte, upper) {
            (b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~', _) => {
                write!(all, "{}", char::from(byte))
            }
            (_, true) => write!(all, "%{byte:02X}"),
            (_, false) => write!(all, "%{byte:02x}"),
        };
        all
    })
}

fn around(text: &str, at: usize) -> String {
    let (from, to) = (
        text.floor_char_boundary(at.saturating_sub(AROUND)),
        text.ceil_char_boundary(at + AROUND),
    );
    text[from..to].to_owned()
}

#[test]
fn a_secret_is_found_in_every_form_and_a_word_is_none() {
    let mut needles = Needles::default();
    needles.add("redfish_password", "p a/s\"s+1\n");
    needles.add("redfish_username", "operator-7");
    needles.add("other", "another");
    needles.add(
        "clouds.yaml",
        "clouds:\n  lab:\n    region_name: RegionOne\n    auth: {password: deep-secret-1}\n",
    );
    let basic = base64::engine::general_purpose::STANDARD.encode("root:p a/s\"s+1");
    for told in [
        "refused p a/s\"s+1!",
        r#"{"m":"p a/s\"s+1"}"#,
        "?p=p%20a%2Fs%22s%2B1&x",
        &format!("Authorization: Basic {basic}"),
        "deep-secret-1",
    ] {
        assert_eq!(needles.found_in(told).len().min(1), 1, "{told}");
    }
    for harmless in ["another object", "operator-7", "RegionOne", "p a/s"] {
        assert_eq!(needles.found_in(harmless), [], "{harmless}");
    }
}
