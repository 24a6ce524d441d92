//! Listings, page by page.
//!
//! Of Ironic's `next` link only its presence and its marker are used: the link itself drops most filters
//! and names a host that need not be the one we were told to talk to.
use futures::{Stream, StreamExt, TryStreamExt, stream};
use reqwest::Url;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::call::Call;
use super::{Client, Error, Rejection, Result, Route};
use crate::ironic::model::{ApiVersion, Seen};

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

/// One page.
#[derive(Deserialize)]
struct Page<T> {
    #[serde(
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
    rows: Vec<T>,
    next: Option<String>,
}

/// A listing under way.
struct Walk {
    client: Client,
    listing: Listing,
    marker: Option<String>,
    left: Option<usize>,
    over: bool,
}

impl Client {
    /// The rows of a listing, each with the stamp of its page.
    pub(super) fn list<T>(&self, listing: Listing) -> impl Stream<Item = Result<Seen<T>>> + Send + 'static
    where
        T: DeserializeOwned + Send + 'static,
    {
        let walk = Walk {
            client: self.clone(),
            marker: listing.marker.clone(),
            left: listing.at_most,
            listing,
            over: false,
        };
        let pages = stream::try_unfold(walk, Walk::step::<T>);
        let seen = |asked| move |value| Ok(Seen { value, asked });
        pages
            .map_ok(move |page| stream::iter(page.value).map(seen(page.asked)))
            .try_flatten()
    }
}

impl Walk {
    /// The next page, if there is one.
    async fn step<T: DeserializeOwned>(mut self) -> Result<Option<(Seen<Vec<T>>, Self)>> {
        if self.over || self.left == Some(0) {
            return Ok(None);
        }
        let Seen {
            value: Page { mut rows, next },
            asked,
        } = self.ask::<T>().await?;
        let next = self.next(next)?;
        rows.truncate(self.left.unwrap_or(usize::MAX));
        self.left = self.left.map(|left| left - rows.len());
        self.over = next.is_none();
        self.marker = next;
        Ok(Some((Seen { value: rows, asked }, self)))
    }

    /// One page as it comes.
    async fn ask<T: DeserializeOwned>(&self) -> Result<Seen<Page<T>>> {
        let route = self.listing.route;
        let version = self.client.versions().await?.negotiated;
        let mut pairs = (self.listing.pairs)(version)?;
        let size = self.listing.page_size.min(self.left.unwrap_or(usize::MAX)).max(1);
        pairs.push(("limit", size.to_string()));
        pairs.extend(self.marker.clone().map(|marker| ("marker", marker)));
        let call = Call::new(route, &self.client.inner.base, &[])?
            .query(pairs.iter().map(|(name, value)| (*name, value.as_str())));
        match self.client.call(call).await {
            Err(error) if self.marker.is_some() && error.rejection() == Some(Rejection::NotFound) => {
                Err(Error::MarkerGone { route })
            }
            answer => answer?.seen(route),
        }
    }

    /// Behind which row the next page begins; none: this was the last.
    fn next(&self, link: Option<String>) -> Result<Option<String>> {
        let Some(link) = link else {
            return Ok(None);
        };
        let link = self
            .client
            .inner
            .base
            .join(&link)
            .map_err(|error| self.nonsense(error.to_string()))?;
        match marker(&link) {
            None => Err(self.nonsense("its link to the next page has no marker")),
            Some(marker) if self.marker.as_ref() == Some(&marker) => Err(Error::EndlessListing {
                route: self.listing.route,
            }),
            marker => Ok(marker),
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
