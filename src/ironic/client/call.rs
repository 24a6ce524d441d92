//! What a request is, and what its answer.
use bytes::Bytes;
use reqwest::Url;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::retry::Repeat;
use super::room::Place;
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
    /// What a long body is kept under.
    pub place: Option<Place>,
}

impl Answer {
    /// The body as what it should be.
    pub fn json<T: DeserializeOwned>(&self, route: &'static Route) -> Result<T> {
        let read = serde_json::from_slice(&self.body);
        let read = read.or_else(|error| match without_odd_numbers(&self.body) {
            Some(mended) => serde_json::from_slice(&mended),
            None => Err(error),
        });
        read.map_err(|error| self.no_json(route, &error))
    }

    /// The error about a body that is not what it should be.
    pub fn no_json(&self, route: &'static Route, error: &serde_json::Error) -> Error {
        if self.body.trim_ascii_start().starts_with(b"<") {
            let problem = "HTML where JSON was expected: is this the address of Ironic?";
            return self.nonsense(route, problem);
        }
        self.nonsense(route, problem(error))
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

/// What is wrong with JSON, without quoting it: what has the wrong type may be a credential, or a stranger's.
pub(super) fn problem(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let quoted = ["invalid type: ", "invalid value: ", "unknown variant "];
    if !quoted.iter().any(|begin| text.starts_with(begin)) {
        return text;
    }
    match (text.split_once(['"', '`']), text.rsplit_once(", expected")) {
        (Some((before, _)), Some((_, after))) => format!("{before}…, expected{after}"),
        _ => text,
    }
}

/// The words that Python writes for numbers that JSON does not have.
const ODD_NUMBERS: &[&[u8]] = &[b"-Infinity", b"Infinity", b"NaN"];

/// JSON of Python with null in place of each of them; none if there is none.
pub(super) fn without_odd_numbers(json: &[u8]) -> Option<Vec<u8>> {
    let (mut mended, mut found) = (Vec::with_capacity(json.len()), false);
    let (mut quoted, mut escaped) = (false, false);
    let mut rest = json;
    while let Some((byte, after)) = rest.split_first() {
        let odd = ODD_NUMBERS
            .iter()
            .filter(|_| !quoted)
            .find(|word| rest.starts_with(word));
        if let Some(word) = odd {
            mended.extend_from_slice(b"null");
            rest = rest.get(word.len()..).unwrap_or_default();
            found = true;
            continue;
        }
        quoted ^= *byte == b'"' && !escaped;
        escaped = quoted && *byte == b'\\' && !escaped;
        mended.push(*byte);
        rest = after;
    }
    found.then_some(mended)
}

/// How a call failed.
pub(super) struct Failed {
    pub error: Error,
    /// Whether an earlier attempt may have done what was asked.
    pub doubt: bool,
}
