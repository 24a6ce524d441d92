//! Whole listings: every node, or every driver.

use std::pin::pin;

use bytes::Bytes;
use futures::{Stream, StreamExt};

use super::listed::Listed;
use super::shares;
use crate::ironic::client::{Class, Client, Error, NodeQuery, routes};
use crate::ironic::model::{Lenient, NodeOutline, NodeSummary, NodeText, Seen};

/// What is kept of one listing, bytes: beyond it the operator would not have the memory. Ten thousand nodes take half of it.
pub(super) const MOST: usize = 24 * 1024 * 1024;

/// What is kept of the texts of rows, bytes: of those beyond it objects ask one by one.
const TEXTS: usize = 16 * 1024 * 1024;

/// How much more is read before it is asked again whether there is room for it, bytes.
const STEP: usize = 256 * 1024;

/// So many odd nodes are named.
const NAMED: usize = 3;

/// Every node that could be read, and those that could not.
#[derive(Default)]
pub struct Nodes {
    /// The rows.
    pub rows: Vec<Listed>,
    /// The odd ones.
    pub odd: Odd,
    /// What the rows take, bytes.
    pub weight: usize,
    /// What their texts take, bytes.
    pub texts: usize,
}

/// A listing under way.
struct Gathering<R> {
    found: Nodes,
    /// Whether there is room for so many bytes.
    has_room: R,
    /// So many were asked for.
    asked_for: usize,
    /// Texts save requests, no more: where there is no room for them, the nodes are read one by one.
    keeps_texts: bool,
}

impl<R: Fn(usize) -> bool> Gathering<R> {
    fn add(&mut self, mut listed: Listed, is_odd: bool) -> Result<(), Missed> {
        let text = listed.text.as_ref().map_or(0, Bytes::len);
        if is_odd || !self.keeps_texts || self.found.texts + text > TEXTS {
            listed.text = None;
        } else {
            self.found.texts += text;
        }
        self.found.weight += listed.weight();
        self.found.rows.push(listed);
        if self.found.weight > MOST {
            let (route, most) = (&routes::NODE_LIST, MOST);
            return Err(Error::TooLong { route, most }.into());
        }
        if self.finds_room() {
            Ok(())
        } else {
            Err(Missed::Crowded)
        }
    }

    fn finds_room(&mut self) -> bool {
        let taken = self.found.weight + self.found.texts;
        if taken <= self.asked_for {
            return true;
        }
        self.asked_for = taken + STEP;
        if (self.has_room)(self.asked_for) {
            return true;
        }
        if !std::mem::replace(&mut self.keeps_texts, false) || self.found.texts == 0 {
            return false;
        }
        self.found.texts = 0;
        for row in &mut self.found.rows {
            row.text = None;
        }
        self.asked_for = self.found.weight + STEP;
        (self.has_room)(self.asked_for)
    }
}

/// Why there is no listing.
#[derive(Debug, thiserror::Error)]
pub enum Missed {
    /// Ironic did not give it.
    #[error(transparent)]
    Ironic(#[from] Error),
    /// There is no room for it.
    #[error("the nodes of all clouds of this namespace together take more than {} MiB of the operator's memory", shares::MOST / 1024 / 1024)]
    Crowded,
}

/// Rows that cannot be read, or not in full.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Odd {
    /// How many.
    pub count: usize,
    /// Some of them, with what is wrong.
    pub some: Vec<String>,
}

impl Odd {
    fn add(&mut self, id: &str, problem: &str) {
        self.count += 1;
        if self.some.len() < NAMED {
            self.some.push(format!("node {id}: {problem}"));
        }
    }
}

/// The drivers with a live conductor, if we have the right to know.
pub async fn drivers(client: &Client) -> Result<Option<Vec<String>>, Error> {
    match client.list_drivers().await {
        Ok(drivers) => Ok(Some(drivers.into_iter().map(|driver| driver.name).collect())),
        Err(error)
            if error.class() == Class::Blocked && !error.is_unauthorized() && !error.is_not_allowed() =>
        {
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

/// How much of each node.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Depth {
    /// What changes often.
    Rows,
    /// In detail, of which an outline is kept.
    Detail,
    /// In detail, with the text.
    Texts,
}

/// Every node, if there is room for so many bytes. One that goes while it is the last of the page read breaks the listing: once more, then.
pub async fn nodes(
    client: &Client,
    depth: Depth,
    has_room: impl Fn(usize) -> bool + Sync,
) -> Result<Nodes, Missed> {
    match once(client, depth, &has_room).await {
        Err(Missed::Ironic(Error::MarkerGone { .. })) => once(client, depth, &has_room).await,
        result => result,
    }
}

async fn once(
    client: &Client,
    depth: Depth,
    has_room: &(impl Fn(usize) -> bool + Sync),
) -> Result<Nodes, Missed> {
    let query = NodeQuery::default();
    match depth {
        Depth::Rows => gather::<NodeSummary>(client.list_nodes_leniently(query), has_room).await,
        Depth::Detail => gather::<NodeOutline>(client.list_nodes_outlined_leniently(query), has_room).await,
        Depth::Texts => gather::<NodeText>(client.list_nodes_texts_leniently(query), has_room).await,
    }
}

async fn gather<T>(
    rows: impl Stream<Item = Result<Seen<Lenient<T>>, Error>> + Send,
    has_room: &(impl Fn(usize) -> bool + Sync),
) -> Result<Nodes, Missed>
where
    T: Send,
    Listed: From<Seen<T>>,
{
    let mut rows = pin!(rows);
    let mut gathering = Gathering {
        found: Nodes::default(),
        has_room,
        asked_for: 0,
        keeps_texts: true,
    };
    while let Some(row) = rows.next().await {
        let Seen { value, asked } = match row {
            Ok(row) => row,
            Err(Error::Row { id, problem, .. }) => {
                let id = id.as_deref().unwrap_or("of no id");
                gathering.found.odd.add(id, &problem);
                continue;
            }
            Err(error) => return Err(error.into()),
        };
        let Lenient { value, odd } = value;
        let listed = Listed::from(Seen { value, asked });
        if let Some(problem) = &odd {
            gathering.found.odd.add(&listed.summary.uuid, problem);
        }
        gathering.add(listed, odd.is_some())?;
    }
    Ok(gathering.found)
}
