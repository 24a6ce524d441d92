//! Drivers.
use serde::Deserialize;

use super::routes::DRIVER_LIST;
use super::{Client, Result};
use crate::ironic::model::{ApiVersion, Driver};

/// The body of the listing; it has no pages.
#[derive(Deserialize)]
struct Drivers {
    drivers: Vec<Driver>,
}

impl Client {
    /// The drivers that live conductors offer, with their interfaces (API 1.30).
    pub async fn list_drivers(&self) -> Result<Vec<Driver>> {
        let call = self.to_route(&DRIVER_LIST, &[])?.query([("detail", "true")]);
        let call = call.needs("drivers with their interfaces", ApiVersion::v1(30));
        let Drivers { drivers } = self.call(call).await?.json(&DRIVER_LIST)?;
        Ok(drivers)
    }
}
