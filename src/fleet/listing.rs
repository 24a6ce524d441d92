//! Whole listings: every node, or every driver.

use futures::TryStreamExt;

use super::snapshot::Listed;
use crate::ironic::client::{Class, Client, Error, NodeQuery};

/// The drivers with a live conductor, if we have the right to know.
pub async fn drivers(client: &Client) -> Result<Option<Vec<String>>, Error> {
    match client.list_drivers().await {
        Ok(drivers) => Ok(Some(drivers.into_iter().map(|driver| driver.name).collect())),
        Err(error) if error.class() == Class::Blocked && !error.is_unauthorized() => Ok(None),
        Err(error) => Err(error),
    }
}

/// Every node. One that goes while it is the last of the page read breaks the listing: once more, then.
pub async fn nodes(client: &Client, in_detail: bool) -> Result<Vec<Listed>, Error> {
    match once(client, in_detail).await {
        Err(Error::MarkerGone { .. }) => once(client, in_detail).await,
        result => result,
    }
}

async fn once(client: &Client, in_detail: bool) -> Result<Vec<Listed>, Error> {
    let query = NodeQuery::default();
    if in_detail {
        client
            .list_nodes_outlined(query)
            .map_ok(Listed::from)
            .try_collect()
            .await
    } else {
        client.list_nodes(query).map_ok(Listed::from).try_collect().await
    }
}
