//! Drivers: the hardware types of nodes.
use std::collections::BTreeMap;

use serde_json::Value;

use super::call::Call;
use super::routes::{DRIVER_GET, DRIVER_LIST, DRIVER_PROPERTIES, DRIVER_RAID};
use super::{Client, Result, Route};
use crate::ironic::model::{ApiVersion, Driver};

impl Client {
    /// The drivers that live conductors offer, with their interfaces (API 1.30). Their properties are not among it.
    pub async fn list_drivers(&self) -> Result<Vec<Driver>> {
        let call = self.to_route(&DRIVER_LIST, &[])?.query([("detail", "true")]);
        let call = call.needs("drivers with their interfaces", ApiVersion::v1(30));
        self.member(call, "drivers").await
    }

    /// The names of the drivers that live conductors offer, and of those conductors.
    pub async fn list_driver_names(&self) -> Result<Vec<Driver>> {
        self.member(self.to_route(&DRIVER_LIST, &[])?, "drivers").await
    }

    /// One driver by name, with its interfaces (API 1.30).
    pub async fn get_driver(&self, name: &str) -> Result<Driver> {
        self.read_one(self.to_driver(&DRIVER_GET, name)?).await
    }

    /// One driver by name, if a live conductor offers it.
    pub async fn find_driver(&self, name: &str) -> Result<Option<Driver>> {
        match self.get_driver(name).await {
            Ok(driver) => Ok(Some(driver)),
            Err(error) if error.is_not_found() => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// What a driver wants to know of a node: keys of `driver_info` with a description each. Asks a conductor.
    pub async fn get_driver_properties(&self, name: &str) -> Result<BTreeMap<String, String>> {
        self.read_one(self.to_driver(&DRIVER_PROPERTIES, name)?).await
    }

    /// What a driver wants to know of a logical disk: keys of `target_raid_config` with a description each (API 1.12).
    pub async fn get_driver_logical_disk_properties(&self, name: &str) -> Result<BTreeMap<String, Value>> {
        let call = self.to_driver(&DRIVER_RAID, name)?;
        self.read_one(call.needs("RAID", ApiVersion::v1(12))).await
    }

    fn to_driver(&self, route: &'static Route, name: &str) -> Result<Call> {
        self.to_route(route, &[name])
    }
}
