//! Conductors.
use futures::TryStreamExt;

use super::paging::Listing;
use super::query::supported;
use super::routes::CONDUCTOR_LIST;
use super::{Client, Result};
use crate::ironic::model::Conductor;

impl Client {
    /// The conductors that Ironic knows of, dead ones too (API 1.49).
    pub async fn list_conductors(&self) -> Result<Vec<Conductor>> {
        let pairs = |version| {
            supported("the list of conductors", 49, version)?;
            Ok(vec![("detail", "true".to_owned())])
        };
        let listing = Listing {
            route: &CONDUCTOR_LIST,
            pairs: Box::new(pairs),
            page_size: 1000,
            at_most: None,
            marker: None,
        };
        self.list(listing).map_ok(|seen| seen.value).try_collect().await
    }
}
