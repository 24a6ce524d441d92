//! The one table of routes: every request goes through one of them, and its template is the metric label.
use std::fmt;

use reqwest::{Method, Url};

use super::{Error, Result};

/// One route of the bare metal API.
#[derive(Debug, PartialEq, Eq)]
pub struct Route {
    /// The HTTP method.
    pub method: Method,
    /// The path with placeholders, `/v1/nodes/{node}`.
    pub template: &'static str,
    /// Whether it changes something.
    pub mutating: bool,
}

impl Route {
    const fn read(template: &'static str) -> Self {
        Self {
            method: Method::GET,
            template,
            mutating: false,
        }
    }

    const fn write(method: Method, template: &'static str) -> Self {
        Self {
            method,
            template,
            mutating: true,
        }
    }

    /// The URL with one argument for each placeholder, in order.
    ///
    /// An argument is one path segment, percent-encoded; one that would change which route is meant (empty,
    /// `.`, `..`, or a word that is a route of its own) is refused.
    pub(super) fn url(&self, base: &Url, arguments: &[&str]) -> Result<Url> {
        let mut url = base.clone();
        let mut arguments = arguments.iter();
        let mut path = url
            .path_segments_mut()
            .map_err(|()| Error::settings("the endpoint cannot be a base URL"))?;
        path.pop_if_empty();
        for segment in self.template.split('/').skip(1) {
            if segment.starts_with('{') {
                path.push(argument(arguments.next().copied().unwrap_or_default())?);
            } else {
                path.push(segment);
            }
        }
        drop(path);
        Ok(url)
    }
}

/// An argument that can only mean itself.
fn argument(text: &str) -> Result<&str> {
    match text {
        "" | "." | ".." | "detail" => Err(Error::argument(format!("{text:?} is not a name or an id"))),
        _ => Ok(text),
    }
}

impl fmt::Display for Route {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.method, self.template)
    }
}

/// Version discovery.
pub static DISCOVER: Route = Route::read("/v1");
/// Node creation.
pub static NODE_CREATE: Route = Route::write(Method::POST, "/v1/nodes");
/// Node listing.
pub static NODE_LIST: Route = Route::read("/v1/nodes");
/// One node.
pub static NODE_GET: Route = Route::read("/v1/nodes/{node}");
/// Node change.
pub static NODE_PATCH: Route = Route::write(Method::PATCH, "/v1/nodes/{node}");
/// Node deletion.
pub static NODE_DELETE: Route = Route::write(Method::DELETE, "/v1/nodes/{node}");
/// Node history.
pub static NODE_HISTORY: Route = Route::read("/v1/nodes/{node}/history");
/// What a node's interfaces lack.
pub static NODE_VALIDATE: Route = Route::read("/v1/nodes/{node}/validate");
/// From where a machine boots.
pub static NODE_BOOT_DEVICE: Route = Route::read("/v1/nodes/{node}/management/boot_device");
/// Power verbs.
pub static NODE_POWER: Route = Route::write(Method::PUT, "/v1/nodes/{node}/states/power");
/// Provision verbs.
pub static NODE_PROVISION: Route = Route::write(Method::PUT, "/v1/nodes/{node}/states/provision");
/// One trait, set.
pub static NODE_TRAIT_ADD: Route = Route::write(Method::PUT, "/v1/nodes/{node}/traits/{trait}");
/// One trait, removed.
pub static NODE_TRAIT_REMOVE: Route = Route::write(Method::DELETE, "/v1/nodes/{node}/traits/{trait}");
/// Maintenance, set.
pub static NODE_MAINTENANCE_SET: Route = Route::write(Method::PUT, "/v1/nodes/{node}/maintenance");
/// Maintenance, lifted.
pub static NODE_MAINTENANCE_CLEAR: Route = Route::write(Method::DELETE, "/v1/nodes/{node}/maintenance");
/// Driver listing.
pub static DRIVER_LIST: Route = Route::read("/v1/drivers");
/// Conductor listing.
pub static CONDUCTOR_LIST: Route = Route::read("/v1/conductors");

/// Every route.
pub static ROUTES: &[&Route] = &[
    &DISCOVER,
    &NODE_CREATE,
    &NODE_LIST,
    &NODE_GET,
    &NODE_PATCH,
    &NODE_DELETE,
    &NODE_HISTORY,
    &NODE_VALIDATE,
    &NODE_BOOT_DEVICE,
    &NODE_POWER,
    &NODE_PROVISION,
    &NODE_TRAIT_ADD,
    &NODE_TRAIT_REMOVE,
    &NODE_MAINTENANCE_SET,
    &NODE_MAINTENANCE_CLEAR,
    &DRIVER_LIST,
    &CONDUCTOR_LIST,
];

#[cfg(test)]
mod tests {
    use super::*;

    fn url(base: &str, route: &Route, arguments: &[&str]) -> String {
        route.url(&base.parse().unwrap(), arguments).unwrap().to_string()
    }

    #[test]
    fn a_route_is_appended_to_the_endpoint() {
        assert_eq!(
            url("http://h:6385", &NODE_GET, &["n"]),
            "http://h:6385/v1/nodes/n"
        );
        assert_eq!(
            url("https://h/baremetal", &NODE_POWER, &["n"]),
            "https://h/baremetal/v1/nodes/n/states/power"
        );
    }

    #[test]
    fn an_argument_is_one_segment() {
        assert_eq!(
            url("http://h", &NODE_GET, &["a/../b?c#d e"]),
            "http://h/v1/nodes/a%2F..%2Fb%3Fc%23d%20e"
        );
        assert_eq!(
            url("http://h", &NODE_GET, &["ns~name"]),
            "http://h/v1/nodes/ns~name"
        );
    }

    #[test]
    fn an_argument_that_would_mean_another_route_is_refused() {
        let base = "http://h".parse().unwrap();
        for odd in ["", ".", "..", "detail"] {
            assert!(NODE_DELETE.url(&base, &[odd]).is_err(), "{odd}");
        }
        assert!(NODE_DELETE.url(&base, &[]).is_err());
    }

    #[test]
    fn every_route_is_in_the_table_once_and_knows_whether_it_mutates() {
        for (place, route) in ROUTES.iter().enumerate() {
            assert_eq!(route.mutating, route.method != Method::GET, "{route}");
            assert_eq!(
                ROUTES.iter().position(|other| other == route),
                Some(place),
                "{route}"
            );
        }
    }
}
