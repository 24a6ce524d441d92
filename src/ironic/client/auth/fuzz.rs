//! A fuzz target: tokens, and the catalogs in them.
use std::collections::BTreeSet;

use reqwest::header::{HeaderMap, HeaderValue};
use serde_json::Value;

use super::catalog::choose;
use super::token::{Issued, TOKEN, issued};
use super::{AuthError, Credentials, Interface, Keystone};
use crate::ironic::client::{Error, session};

/// How many of a catalog's types, names and regions are asked for each.
const ASKED: usize = 3;

/// An endpoint, as the catalog has it.
struct Place<'a> {
    kind: &'a str,
    name: &'a str,
    interface: &'a str,
    region: &'a str,
    url: &'a str,
}

impl Place<'_> {
    fn fits(&self, keystone: &Keystone) -> bool {
        let kind = keystone.service_type.as_deref();
        kind.map_or(matches!(self.kind, "baremetal" | "bare-metal"), |kind| {
            self.kind == kind
        }) && keystone
            .service_name
            .as_deref()
            .is_none_or(|name| self.name == name)
            && keystone
                .region
                .as_deref()
                .is_none_or(|region| self.region == region)
            && self.interface == keystone.interface.as_str()
    }
}

/// What Keystone answers to a request for a token.
///
/// # Panics
///
/// If an endpoint is chosen that is not in the catalog, not of the interface, region and service asked for, or not the only
/// such one; if none is chosen though there is just one; if what is wrong with an answer is said by quoting it; if the address
/// of an Ironic keeps a password.
pub fn catalog(body: &[u8]) {
    let mut headers = HeaderMap::new();
    headers.insert(TOKEN, HeaderValue::from_static("a-token"));
    match issued(&headers, body) {
        Ok(issued) => {
            if let Ok(told) = serde_json::from_slice::<Value>(body) {
                check_choices(&issued, &places(&told));
            }
        }
        Err(problem) => {
            let plain = |byte: u8| byte.is_ascii_digit() || b"line, column".contains(&byte);
            assert!(problem.bytes().all(plain) && problem.len() < 80, "{problem}");
        }
    }
}

/// All endpoints, read in another way than the client's.
fn places(told: &Value) -> Vec<Place<'_>> {
    let mut places = Vec::new();
    for service in items(told.pointer("/token/catalog")) {
        for endpoint in items(service.get("endpoints")) {
            places.push(Place {
                kind: text(service, "type").unwrap_or_default(),
                name: text(service, "name").unwrap_or_default(),
                interface: text(endpoint, "interface").unwrap_or_default(),
                region: text(endpoint, "region_id")
                    .or(text(endpoint, "region"))
                    .unwrap_or_default(),
                url: text(endpoint, "url").unwrap_or_default(),
            });
        }
    }
    places
}

fn items(value: Option<&Value>) -> &[Value] {
    value.and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

fn text<'a>(value: &'a Value, name: &str) -> Option<&'a str> {
    value.get(name)?.as_str()
}

/// Asks for everything that the catalog has, each alone and together, and for what it does not have.
fn check_choices(issued: &Issued, places: &[Place]) {
    let kinds = asked(places, |place| place.kind);
    let names = asked(places, |place| place.name);
    let regions = asked(places, |place| place.region);
    for service_type in &kinds {
        for service_name in &names {
            for region in &regions {
                for interface in [Interface::Public, Interface::Internal, Interface::Admin] {
                    let keystone = Keystone {
                        service_type: service_type.clone(),
                        service_name: service_name.clone(),
                        region: region.clone(),
                        interface,
                        ..Keystone::new("http://keystone.invalid", Credentials::Token("a-token".into()))
                    };
                    check(issued, places, &keystone);
                }
            }
        }
    }
}

/// Nothing in particular, what is not there, and some that are.
fn asked<'a>(places: &'a [Place], field: fn(&'a Place<'a>) -> &'a str) -> Vec<Option<String>> {
    let there: BTreeSet<&str> = places.iter().map(field).collect();
    let there = there.into_iter().take(ASKED).map(|value| Some(value.to_owned()));
    [None, Some("nowhere".to_owned())]
        .into_iter()
        .chain(there)
        .collect()
}

fn check(issued: &Issued, places: &[Place], keystone: &Keystone) {
    let right: BTreeSet<&str> = places
        .iter()
        .filter(|place| place.fits(keystone))
        .map(|place| place.url)
        .collect();
    match choose(&issued.catalog, keystone) {
        Ok(chosen) => {
            assert!(
                right.len() == 1 && right.contains(chosen),
                "{chosen} of {right:?} for {keystone:?}"
            );
            if let Ok(url) = session::normalised(chosen) {
                assert!(url.username().is_empty() && url.password().is_none(), "{url}");
                assert!(url.query().is_none() && url.fragment().is_none(), "{url}");
            }
        }
        Err(error) => {
            assert!(right.len() != 1, "{error} though there is {right:?}");
            assert!(matches!(error, AuthError::NoEndpoint { .. }), "{error:?}");
            assert!(Error::from(error).words().len() <= 1024);
        }
    }
}
