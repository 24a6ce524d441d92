//! The words in the body of a refusal, whatever shape it has.
use reqwest::Url;
use reqwest::header::{HeaderMap, LOCATION};
use serde_json::{Map, Value};

/// How much of a body without structure is worth reading, bytes.
const ENOUGH: usize = 16 * 1024;

/// The words of a refusal: Ironic's (a string in JSON, an object, or flat), Keystone's, a proxy's HTML or
/// plain text; empty when there are none.
pub(super) fn of(headers: &HeaderMap, body: &[u8]) -> String {
    if headers.contains_key(LOCATION) {
        return String::new();
    }
    match serde_json::from_slice(body) {
        Ok(json) => in_json(&json).unwrap_or_default(),
        Err(_) => in_text(body),
    }
}

/// What is repeated of a refusal: what somebody says who is recognisably Ironic. An address may lead to anything, and what that says
/// is no business of whoever gave the address.
pub(super) fn to_repeat(said: String, status: u16, headers: &HeaderMap, body: &[u8], host: &str) -> String {
    if let Some(place) = headers.get(LOCATION) {
        return redirected(place.to_str().unwrap_or_default(), host);
    }
    if is_ironics(status, headers, body) {
        return said;
    }
    format!(
        "the answer, with status {status}, is not Ironic's and is not repeated: is this the address of an Ironic?"
    )
}

/// A redirect is not followed. Where to is told only of the host that was asked.
fn redirected(place: &str, host: &str) -> String {
    let place = Url::parse(place)
        .ok()
        .filter(|place| place.host_str() == Some(host));
    match place {
        Some(place) => format!(
            "redirected to {}, which is not followed",
            place.origin().ascii_serialization()
        ),
        None => "redirected elsewhere, which is not followed: give the address itself".to_owned(),
    }
}

/// The headers that Ironic answers with, once it has come so far as to look at the version.
const VERSIONS: &[&str] = &[
    "x-openstack-ironic-api-version",
    "x-openstack-ironic-api-minimum-version",
    "x-openstack-ironic-api-maximum-version",
];

/// The headers with which OpenStack's services name a request.
const REQUEST_IDS: &[&str] = &["x-openstack-request-id", "openstack-request-id"];

/// Whether a refusal is Ironic's own: by the headers of its versions, or (of what comes before it looks at them) by the id of the
/// request and the shape of its errors, or of those of the authentication in front of it.
fn is_ironics(status: u16, headers: &HeaderMap, body: &[u8]) -> bool {
    if VERSIONS.iter().any(|name| headers.contains_key(*name)) {
        return true;
    }
    let Some(object) = numbered(headers, body) else {
        return false;
    };
    let inner = match object.get("error_message") {
        Some(Value::String(text)) => serde_json::from_str(text).unwrap_or(Value::Null),
        Some(value) => value.clone(),
        None => return in_keystones_shape(status, &object).is_some(),
    };
    inner.get("faultstring").is_some_and(Value::is_string) || inner.get("title").is_some_and(Value::is_string)
}

/// Keystone's own words of a refusal; none if it is not Keystone's.
pub(super) fn of_keystone(status: u16, headers: &HeaderMap, body: &[u8]) -> Option<String> {
    if headers.contains_key(LOCATION) {
        return None;
    }
    in_keystones_shape(status, &numbered(headers, body)?)
}

/// The JSON object that somebody answers who gives requests an id, as all of OpenStack does.
fn numbered(headers: &HeaderMap, body: &[u8]) -> Option<Map<String, Value>> {
    REQUEST_IDS.iter().find(|name| headers.contains_key(**name))?;
    // Some answer with the JSON of JSON.
    match serde_json::from_slice(body).ok()? {
        Value::Object(object) => Some(object),
        Value::String(text) => serde_json::from_str(&text).ok(),
        _ => None,
    }
}

/// The words of `{"error": {"code": …, "message": …}}`.
fn in_keystones_shape(status: u16, object: &Map<String, Value>) -> Option<String> {
    let error = object.get("error")?;
    let same = error.get("code")?.as_u64() == Some(u64::from(status));
    said(error.get("message")?.as_str()?).filter(|_| same)
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
