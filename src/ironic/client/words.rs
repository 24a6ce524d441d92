//! The words in the body of a refusal, whatever shape it has.
use reqwest::header::{HeaderMap, LOCATION};
use serde_json::{Map, Value};

/// How much of a body without structure is worth reading, bytes.
const ENOUGH: usize = 16 * 1024;

/// The words of a refusal: Ironic's (a string in JSON, an object, or flat), Keystone's, a proxy's HTML or
/// plain text; empty when there are none.
pub(super) fn of(headers: &HeaderMap, body: &[u8]) -> String {
    // A refusal with a location is a redirect, which is not followed.
    if let Some(place) = headers.get(LOCATION).and_then(|place| place.to_str().ok()) {
        let place = place.split(['?', '#']).next().unwrap_or_default();
        return format!("redirected to {place}");
    }
    match serde_json::from_slice(body) {
        Ok(json) => in_json(&json).unwrap_or_default(),
        Err(_) => in_text(body),
    }
}

/// The words in JSON.
fn in_json(json: &Value) -> Option<String> {
    match json {
        Value::String(text) => in_string(text),
        Value::Object(object) => in_object(object),
        Value::Array(items) => items.iter().find_map(in_json),
        Value::Null | Value::Bool(_) | Value::Number(_) => None,
    }
}

/// A string is the words, or JSON once more. (The depth is bounded: every level has to fit into its parent.)
fn in_string(text: &str) -> Option<String> {
    match serde_json::from_str(text) {
        Ok(Value::Object(object)) => in_object(&object),
        _ => said(text),
    }
}

/// The first of the known members that says something; the wrappers first.
fn in_object(object: &Map<String, Value>) -> Option<String> {
    let wrapped = ["error_message", "error", "errors"]
        .iter()
        .find_map(|name| in_json(object.get(*name)?));
    let plain = || {
        let names = ["faultstring", "message", "description", "detail", "title"];
        names.iter().find_map(|name| said(object.get(*name)?.as_str()?))
    };
    wrapped.or_else(plain)
}

/// A text, if it says something.
fn said(text: &str) -> Option<String> {
    let text = text.trim();
    (!text.is_empty()).then(|| text.to_owned())
}

/// The words in what is not JSON: HTML without its tags, or the text itself.
fn in_text(body: &[u8]) -> String {
    let text = String::from_utf8_lossy(body.get(..ENOUGH).unwrap_or(body));
    let text = if text.trim_start().starts_with('<') {
        untagged(&text)
    } else {
        text.into_owned()
    };
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// HTML without tags, scripts and styles.
fn untagged(html: &str) -> String {
    let mut text = String::new();
    let mut hidden = false;
    for piece in html.split('<') {
        let (tag, words) = piece.split_once('>').unwrap_or(("", piece));
        let tag = tag.to_ascii_lowercase();
        hidden = if hidden {
            !tag.starts_with('/')
        } else {
            is_hidden(&tag)
        };
        if !hidden {
            text.push_str(words);
            text.push(' ');
        }
    }
    text
}

/// Whether what follows the tag is not to be read.
fn is_hidden(tag: &str) -> bool {
    tag.starts_with("script") || tag.starts_with("style")
}
