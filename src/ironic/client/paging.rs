//! Listings, page by page.
//!
//! Of Ironic's `next` link only its presence and its marker are used: the link itself drops most filters
//! and names a host that need not be the one we were told to talk to.
use std::collections::HashSet;
use std::fmt;
use std::marker::PhantomData;
use std::time::Duration;

use bytes::Bytes;
use futures::{Stream, StreamExt, TryStreamExt, stream};
use reqwest::Url;
use serde::de::{Error as _, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;
use tokio::task::yield_now;
use tokio::time::Instant;

use super::call::{Answer, Call, problem, without_odd_numbers};
use super::room::Place;
use super::{Client, Error, Rejection, Result, Route};
use crate::ironic::model::{ApiVersion, Row, Seen, Stamp};

/// Query parameters.
pub(super) type Pairs = Vec<(&'static str, String)>;

/// What to list.
pub(super) struct Listing {
    pub route: &'static Route,
    /// The query parameters, without those of paging, for an API version.
    pub pairs: Box<dyn Fn(ApiVersion) -> Result<Pairs> + Send + Sync>,
    /// How many rows to ask for at once; Ironic may send fewer.
    pub page_size: usize,
    /// How many rows at most.
    pub at_most: Option<usize>,
    /// Behind which row to begin.
    pub marker: Option<String>,
}

/// No Ironic has more pages than this in one listing, be they ever so small.
const MOST_PAGES: usize = 10_000;
/// Nor more rows.
const MOST_ROWS: usize = 1_000_000;
/// Nor more of them on one page (1,000, unless it is configured otherwise).
const MOST_ON_A_PAGE: usize = 10_000;
/// Nor a longer id by which a listing is continued.
const LONGEST_MARKER: usize = 255;
/// A listing may spend so many times the time of a call on asking.
const PATIENCE: u32 = 4;
/// What is asked for when a page is too long: a part of it.
const LESS: usize = 8;

/// One page: its rows are text until each is read by itself, so that an odd one does not take the others along.
#[derive(Deserialize)]
struct Page<'a> {
    #[serde(
        borrow,
        alias = "nodes",
        alias = "ports",
        alias = "portgroups",
        alias = "chassis",
        alias = "allocations",
        alias = "connectors",
        alias = "targets",
        alias = "deploy_templates",
        alias = "runbooks",
        alias = "inspection_rules",
        alias = "conductors",
        alias = "history"
    )]
    rows: Rows<'a>,
    next: Option<String>,
}

/// The rows of a page, not more than a page has.
struct Rows<'a>(Vec<&'a RawValue>);

impl<'de: 'a, 'a> Deserialize<'de> for Rows<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(RowsVisitor(PhantomData))
    }
}

struct RowsVisitor<'a>(PhantomData<&'a ()>);

impl<'de: 'a, 'a> Visitor<'de> for RowsVisitor<'a> {
    type Value = Rows<'a>;

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("a list of rows")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut all: A) -> Result<Self::Value, A::Error> {
        let mut rows = Vec::new();
        while let Some(row) = all.next_element()? {
            if rows.len() == MOST_ON_A_PAGE {
                return Err(A::Error::custom("it has more rows than any page of Ironic's"));
            }
            rows.push(row);
        }
        Ok(Rows(rows))
    }
}

/// Who a row is, whatever else is in it.
#[derive(Deserialize)]
struct Id {
    uuid: Option<String>,
}

/// The rows of a page, each a piece of it, and the link to the next page.
struct ReadPage {
    rows: Vec<Bytes>,
    next: Option<String>,
    /// What the page is kept under, if it is long.
    place: Option<Place>,
}

/// So many bytes of rows are read before others have their turn.
const AT_ONCE: usize = 64 * 1024;

/// A listing under way.
struct Walk {
    client: Client,
    listing: Listing,
    marker: Option<String>,
    left: Option<usize>,
    over: bool,
    /// Every marker so far.
    markers: HashSet<String>,
    /// How many rows so far.
    rows: usize,
    /// How many rows to ask for at once.
    size: usize,
    /// The time spent on asking.
    spent: Duration,
}

impl Client {
    /// The rows of a listing, each with the stamp of its page. They are read as they are asked for: of a page that is never more than one
    /// there in full, beside its text.
    pub(super) fn list<T>(&self, listing: Listing) -> impl Stream<Item = Result<Seen<T>>> + Send + 'static
    where
        T: Row + Send + 'static,
    {
        let walk = Walk {
            client: self.clone(),
            marker: listing.marker.clone(),
            left: listing.at_most,
            size: listing.page_size,
            markers: listing.marker.iter().cloned().collect(),
            listing,
            over: false,
            rows: 0,
            spent: Duration::ZERO,
        };
        let route = walk.listing.route;
        let pages = stream::try_unfold(walk, Walk::step);
        pages
            .map_ok(move |page| rows(route, page.asked, page.value))
            .try_flatten()
    }
}

/// The rows of a page, each by itself.
fn rows<T: Row + Send>(
    route: &'static Route,
    asked: Stamp,
    page: ReadPage,
) -> impl Stream<Item = Result<Seen<T>>> + Send {
    let ReadPage { rows, place, .. } = page;
    let mut read = 0;
    stream::iter(rows).then(move |text| {
        // The place is left when the last row is read.
        let _ = &place;
        read += text.len();
        let pauses = read >= AT_ONCE;
        if pauses {
            read = 0;
        }
        async move {
            if pauses {
                yield_now().await;
            }
            let value = T::read(&text).map_err(|error| unreadable(route, &text, &error))?;
            Ok(Seen { value, asked })
        }
    })
}

/// The error of a row.
fn unreadable(route: &'static Route, row: &[u8], error: &serde_json::Error) -> Error {
    let id: Option<Id> = serde_json::from_slice(row).ok();
    Error::Row {
        route,
        id: id.and_then(|id| id.uuid).filter(|id| id.len() <= LONGEST_MARKER),
        problem: problem(error),
    }
}

impl Walk {
    /// The next page, if there is one.
    async fn step(mut self) -> Result<Option<(Seen<ReadPage>, Self)>> {
        if self.over || self.left == Some(0) {
            return Ok(None);
        }
        let mut page = self.ask_for_less().await?;
        let next = self.next(page.value.next.take())?;
        let rows = &mut page.value.rows;
        rows.truncate(self.left.unwrap_or(usize::MAX));
        self.left = self.left.map(|left| left - rows.len());
        self.rows += rows.len();
        if self.rows > MOST_ROWS {
            return Err(self.endless());
        }
        self.over = next.is_none();
        self.marker = next;
        Ok(Some((page, self)))
    }

    /// One page; one that is too long is asked for in parts.
    async fn ask_for_less(&mut self) -> Result<Seen<ReadPage>> {
        let patience = self.client.inner.deadline.saturating_mul(PATIENCE);
        loop {
            if self.spent >= patience {
                return Err(Error::Deadline {
                    route: self.listing.route,
                    after: patience,
                    waiting_for: "the last page",
                });
            }
            let started = Instant::now();
            let answer = self.ask().await;
            self.spent += started.elapsed();
            match answer {
                Err(Error::TooLong { .. }) if self.size > 1 => self.size = (self.size / LESS).max(1),
                answer => return answer,
            }
        }
    }

    /// One page as it comes. What is asked for depends on the version: if it turns out to be another one on the way, the page is
    /// asked for once more in that.
    async fn ask(&self) -> Result<Seen<ReadPage>> {
        let version = self.client.versions().await?.negotiated;
        let answer = match self.ask_in(version).await {
            Err(error) if error.rejection() == Some(Rejection::NotAcceptable) => {
                let now = self.client.versions().await?.negotiated;
                if now == version {
                    return Err(error);
                }
                self.ask_in(now).await
            }
            answer => answer,
        };
        match answer {
            Err(error) if self.marker.is_some() && error.rejection() == Some(Rejection::NotFound) => {
                Err(Error::MarkerGone {
                    route: self.listing.route,
                })
            }
            answer => {
                let answer = answer?;
                let asked = answer.asked;
                let value = self.read(answer)?;
                Ok(Seen { value, asked })
            }
        }
    }

    /// The answer to the question for a page, put for this version.
    async fn ask_in(&self, version: ApiVersion) -> Result<Answer> {
        let mut pairs = (self.listing.pairs)(version)?;
        let size = self.size.min(self.left.unwrap_or(usize::MAX)).max(1);
        pairs.push(("limit", size.to_string()));
        pairs.extend(self.marker.clone().map(|marker| ("marker", marker)));
        let call = Call::new(self.listing.route, &self.client.inner.base, &[])?
            .query(pairs.iter().map(|(name, value)| (*name, value.as_str())));
        self.client.call(call).await
    }

    /// The rows of a page.
    fn read(&self, mut answer: Answer) -> Result<ReadPage> {
        let page = if let Ok(page) = serde_json::from_slice::<Page>(&answer.body) {
            page
        } else {
            let mended = without_odd_numbers(&answer.body).map(Bytes::from);
            answer.body = mended.unwrap_or(answer.body);
            serde_json::from_slice(&answer.body)
                .map_err(|error| answer.no_json(self.listing.route, &error))?
        };
        let piece = |row: &RawValue| answer.body.slice_ref(row.get().as_bytes());
        Ok(ReadPage {
            rows: page.rows.0.into_iter().map(piece).collect(),
            next: page.next,
            place: answer.place,
        })
    }

    /// Behind which row the next page begins; none: this was the last.
    fn next(&mut self, link: Option<String>) -> Result<Option<String>> {
        let Some(link) = link else {
            return Ok(None);
        };
        let link = self
            .client
            .inner
            .base
            .join(&link)
            .map_err(|error| self.nonsense(error.to_string()))?;
        let marker = marker(&link).filter(|marker| marker.len() <= LONGEST_MARKER);
        let marker = marker.ok_or_else(|| self.nonsense("its link to the next page has no marker"))?;
        // A listing may come back to where it was from any page.
        if self.markers.len() >= MOST_PAGES || !self.markers.insert(marker.clone()) {
            return Err(self.endless());
        }
        Ok(Some(marker))
    }

    fn endless(&self) -> Error {
        Error::EndlessListing {
            route: self.listing.route,
        }
    }

    fn nonsense(&self, problem: impl Into<String>) -> Error {
        Error::Body {
            route: self.listing.route,
            status: 200,
            problem: problem.into(),
        }
    }
}

/// The marker in a link.
fn marker(link: &Url) -> Option<String> {
    link.query_pairs()
        .find(|(name, _)| name == "marker")
        .map(|(_, marker)| marker.into_owned())
}
