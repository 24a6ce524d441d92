//! Vendor methods: what a driver can do beyond Ironic's own API ("vendor passthru").
//!
//! The name of the method goes into the path. Ironic also takes it as the query parameter `method`, over which Ironic 39 fails
//! where a driver's method needs no node.
use std::collections::BTreeMap;

use serde_json::Value;

use super::call::Call;
use super::resource::as_kept;
use super::retry::Repeat;
use super::routes::{
    DRIVER_VENDOR_DELETE, DRIVER_VENDOR_GET, DRIVER_VENDOR_METHODS, DRIVER_VENDOR_PATCH, DRIVER_VENDOR_POST,
    DRIVER_VENDOR_PUT, NODE_VENDOR_DELETE, NODE_VENDOR_GET, NODE_VENDOR_METHODS, NODE_VENDOR_PATCH,
    NODE_VENDOR_POST, NODE_VENDOR_PUT,
};
use super::{Client, Error, Result, Route};
use crate::ironic::model::{Object, VendorMethod};

/// The status of an answer to a method that runs on in the background.
const ACCEPTED: u16 = 202;

/// The place of the list of all methods, which none can be called by.
const LISTING: &str = "methods";

/// The HTTP method that a vendor method is called with; [`VendorMethod::http_methods`] has those that it takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum VendorVerb {
    /// GET.
    Get,
    /// POST.
    Post,
    /// PUT.
    Put,
    /// PATCH.
    Patch,
    /// DELETE.
    Delete,
}

/// What a vendor method answered.
#[derive(Clone, Debug, PartialEq)]
pub enum VendorAnswer {
    /// It runs in the background. What it returns is lost; how it failed is in Ironic's log, if anywhere.
    Begun,
    /// It is over, and this is what it returned.
    Returned(Value),
}

impl Client {
    /// The methods of the node's own driver, by name.
    pub async fn list_node_vendor_methods(&self, id: &str) -> Result<BTreeMap<String, VendorMethod>> {
        self.read_one(self.to_node(&NODE_VENDOR_METHODS, id)?).await
    }

    /// The methods of a driver's own that need no node, by name.
    pub async fn list_driver_vendor_methods(&self, driver: &str) -> Result<BTreeMap<String, VendorMethod>> {
        let call = self.to_route(&DRIVER_VENDOR_METHODS, &[driver])?;
        self.read_one(call).await
    }

    /// Calls a method of the node's own driver with these arguments. Most methods take the node's lock meanwhile; see
    /// [`Client::retry_on_conflict`]. Nobody knows what it does, so it is sent again only when it surely was not begun, also
    /// with GET.
    pub async fn call_node_vendor_method(
        &self,
        id: &str,
        verb: VendorVerb,
        method: &str,
        arguments: &Object,
    ) -> Result<VendorAnswer> {
        let route = match verb {
            VendorVerb::Get => &NODE_VENDOR_GET,
            VendorVerb::Post => &NODE_VENDOR_POST,
            VendorVerb::Put => &NODE_VENDOR_PUT,
            VendorVerb::Patch => &NODE_VENDOR_PATCH,
            VendorVerb::Delete => &NODE_VENDOR_DELETE,
        };
        self.call_vendor(route, &as_kept(id), method, arguments).await
    }

    /// Calls a method of a driver's own that needs no node, on any conductor that offers the driver; the rest is as with
    /// [`Client::call_node_vendor_method`].
    pub async fn call_driver_vendor_method(
        &self,
        driver: &str,
        verb: VendorVerb,
        method: &str,
        arguments: &Object,
    ) -> Result<VendorAnswer> {
        let route = match verb {
            VendorVerb::Get => &DRIVER_VENDOR_GET,
            VendorVerb::Post => &DRIVER_VENDOR_POST,
            VendorVerb::Put => &DRIVER_VENDOR_PUT,
            VendorVerb::Patch => &DRIVER_VENDOR_PATCH,
            VendorVerb::Delete => &DRIVER_VENDOR_DELETE,
        };
        self.call_vendor(route, driver, method, arguments).await
    }

    async fn call_vendor(
        &self,
        route: &'static Route,
        whose: &str,
        method: &str,
        arguments: &Object,
    ) -> Result<VendorAnswer> {
        if method == LISTING {
            return Err(Error::argument(format!("{method:?} is no method: it lists them")));
        }
        let mut call: Call = self.to_route(route, &[whose, method])?;
        if !arguments.is_empty() {
            call = call.body(arguments)?;
        }
        let answer = self.call(call.repeat(Repeat::Write)).await?;
        Ok(match answer.status {
            ACCEPTED => VendorAnswer::Begun,
            _ if answer.body.is_empty() => VendorAnswer::Returned(Value::Null),
            _ => VendorAnswer::Returned(answer.json(route)?),
        })
    }
}
