//! What a request is, and what its answer.
use bytes::Bytes;
use reqwest::Url;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::retry::Repeat;
use super::{Error, Result, Route};
use crate::ironic::model::{ApiVersion, Seen, Stamp};

/// One request to be made.
pub(super) struct Call {
    pub route: &'static Route,
    pub url: Url,
    pub body: Option<Bytes>,
    pub repeat: Repeat,
    needs: Vec<(&'static str, ApiVersion)>,
}

impl Call {
    /// A request with the arguments of its route.
    pub fn new(route: &'static Route, base: &Url, arguments: &[&str]) -> Result<Self> {
        let url = route.url(base, arguments)?;
        let repeat = if route.mutating {
            Repeat::Write
        } else {
            Repeat::Read
        };
        Ok(Self {
            route,
            url,
            body: None,
            repeat,
            needs: Vec::new(),
        })
    }

    /// With query parameters.
    pub fn query<'a>(mut self, pairs: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        let mut pairs = pairs.into_iter().peekable();
        if pairs.peek().is_some() {
            self.url.query_pairs_mut().extend_pairs(pairs);
        }
        self
    }

    /// With a JSON body.
    pub fn body(mut self, body: &impl Serialize) -> Result<Self> {
        let bytes = serde_json::to_vec(body);
        let bytes = bytes.map_err(|error| Error::argument(format!("no JSON can say it: {error}")))?;
        self.body = Some(bytes.into());
        Ok(self)
    }

    /// How large the body is, bytes.
    pub fn size(&self) -> usize {
        self.body.as_ref().map_or(0, Bytes::len)
    }

    /// With another meaning of sending it twice.
    pub fn repeat(mut self, repeat: Repeat) -> Self {
        self.repeat = repeat;
        self
    }

    /// Not with an Ironic that is too old for `what`.
    pub fn needs(mut self, what: &'static str, version: ApiVersion) -> Self {
        self.needs.push((what, version));
        self
    }

    /// Whether the version in use can do it.
    pub fn supported(&self, has: ApiVersion) -> Result<()> {
        match self.needs.iter().find(|(_, needs)| has < *needs) {
            Some(&(what, needs)) => Err(Error::NotSupported { what, needs, has }),
            None => Ok(()),
        }
    }
}

/// A successful answer.
pub(super) struct Answer {
    pub status: u16,
    pub body: Bytes,
    pub asked: Stamp,
}

impl Answer {
    /// The body as what it should be.
    pub fn json<T: DeserializeOwned>(&self, route: &'static Route) -> Result<T> {
        serde_json::from_slice(&self.body).map_err(|error| {
            if self.body.trim_ascii_start().starts_with(b"<") {
                self.nonsense(
                    route,
                    "HTML where JSON was expected: is this the address of Ironic?",
                )
            } else {
                self.nonsense(route, problem(&error))
            }
        })
    }

    /// The same with its stamp.
    pub fn seen<T: DeserializeOwned>(&self, route: &'static Route) -> Result<Seen<T>> {
        Ok(Seen {
            value: self.json(route)?,
            asked: self.asked,
        })
    }

    /// An error about the body.
    pub fn nonsense(&self, route: &'static Route, problem: impl Into<String>) -> Error {
        Error::Body {
            route,
            status: self.status,
            problem: problem.into(),
        }
    }
}

/// What is wrong with JSON, without quoting it: what has the wrong type may be a credential.
pub(super) fn problem(error: &serde_json::Error) -> String {
    let text = error.to_string();
    match (text.split_once('"'), text.rsplit_once('"')) {
        (Some((before, _)), Some((_, after))) => format!("{before}…{after}"),
        _ => text,
    }
}

/// How a call failed.
pub(super) struct Failed {
    pub error: Error,
    /// Whether an earlier attempt may have done what was asked.
    pub doubt: bool,
}
