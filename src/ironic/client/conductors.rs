//! Conductors (API 1.49): who does the work.
use futures::Stream;

use super::paging::Listing;
use super::query::{ConductorQuery, PAGE, Query, supported};
use super::routes::{CONDUCTOR_GET, CONDUCTOR_LIST};
use super::{Client, Result};
use crate::ironic::model::{ApiVersion, Conductor, Seen};

impl Client {
    /// The conductors that Ironic knows of, dead ones too.
    pub fn list_conductors(
        &self,
        query: ConductorQuery,
    ) -> impl Stream<Item = Result<Seen<Conductor>>> + Send + 'static {
        self.list(Listing {
            route: &CONDUCTOR_LIST,
            page_size: query.page_size.unwrap_or(PAGE),
            at_most: query.at_most,
            marker: query.marker.clone(),
            pairs: Box::new(move |version| {
                supported("the list of conductors", 49, version)?;
                query.pairs(version)
            }),
        })
    }

    /// One conductor by its host name.
    pub async fn get_conductor(&self, hostname: &str) -> Result<Seen<Conductor>> {
        let call = self.to_route(&CONDUCTOR_GET, &[hostname])?;
        let call = call.needs("conductors", ApiVersion::v1(49));
        self.call(call).await?.seen(&CONDUCTOR_GET)
    }

    /// One conductor by its host name, if there is one.
    pub async fn find_conductor(&self, hostname: &str) -> Result<Option<Seen<Conductor>>> {
        match self.get_conductor(hostname).await {
            Ok(conductor) => Ok(Some(conductor)),
            Err(error) if error.is_not_found() => Ok(None),
            Err(error) => Err(error),
        }
    }
}
