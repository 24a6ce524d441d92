//! What calls come to.

#![cfg(test)]

use std::panic::{AssertUnwindSafe, catch_unwind};

use ironwright::ironic::client::Error;
use ironwright::ironic::model::Seen;
use serde::Serialize;
use serde_json::Value;

use super::normal::plain_words;
use super::scene::json_of;

/// What went wrong for a caller: an HTTP status, or a word.
#[derive(Clone, Debug, PartialEq)]
pub struct Failure {
    pub kind: String,
    pub words: String,
}

/// What a call came to.
#[derive(Debug)]
pub struct Did {
    pub result: Result<Value, Failure>,
    /// The requests it took, as `METHOD path?query`.
    pub sent: Vec<String>,
}

impl Did {
    /// What the caller got.
    pub fn value(&self) -> &Value {
        self.result.as_ref().expect("it works")
    }

    /// What went wrong.
    pub fn failure(&self) -> &Failure {
        self.result.as_ref().expect_err("it fails")
    }

    /// What kind of failure; empty if it was none.
    pub fn kind(&self) -> &str {
        self.result
            .as_ref()
            .map_or_else(|failure| failure.kind.as_str(), |_| "")
    }

    /// How many requests of a method it took.
    pub fn count(&self, method: &str) -> usize {
        self.sent
            .iter()
            .filter(|request| request.starts_with(method))
            .count()
    }
}

/// What a caller gets, as JSON.
pub trait Plain {
    fn plain(self) -> Value;
}

impl<T: Serialize> Plain for Seen<T> {
    fn plain(self) -> Value {
        json_of(&self.value)
    }
}

impl<T: Serialize> Plain for Option<Seen<T>> {
    fn plain(self) -> Value {
        self.map_or(Value::Null, Plain::plain)
    }
}

impl<T: Serialize> Plain for Vec<T> {
    fn plain(self) -> Value {
        json_of(&self)
    }
}

impl Plain for () {
    fn plain(self) -> Value {
        Value::Null
    }
}

impl Plain for Value {
    fn plain(self) -> Value {
        self
    }
}

/// Whether both say the same of what went wrong; a caller's own mistake each says in its own words.
pub fn tells(sdk: &Failure, ours: &Failure) -> bool {
    let said = plain_words(&sdk.words).contains(&plain_words(&ours.words));
    sdk.kind == ours.kind && (said || matches!(ours.kind.as_str(), "argument" | "timeout"))
}

/// What a check found.
pub fn checked(sdk: &Did, ours: &Did, check: impl FnOnce(&Did, &Did)) -> Vec<String> {
    match catch_unwind(AssertUnwindSafe(|| check(sdk, ours))) {
        Ok(()) => Vec::new(),
        Err(_) => vec![format!("see above: {sdk:?} and {ours:?}")],
    }
}

/// What the caller of our client is told.
pub fn failure(error: &Error) -> Failure {
    let kind = match error {
        Error::Rejected { status, .. } => status.to_string(),
        Error::Unreached { .. } | Error::PowerUnreached { .. } | Error::Unallocated { .. } => {
            "failed".to_owned()
        }
        Error::StillWaiting { .. } => "timeout".to_owned(),
        Error::Invalid { .. } => "invalid".to_owned(),
        Error::Argument { .. } => "argument".to_owned(),
        Error::NotSupported { .. } => "not supported".to_owned(),
        other => format!("{other:?}"),
    };
    Failure {
        kind,
        words: error.words().into_owned(),
    }
}
