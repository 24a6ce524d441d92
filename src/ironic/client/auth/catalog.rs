//! Where Ironic is, as the catalog of a token says.
use std::collections::BTreeSet;

use serde::Deserialize;

use super::AuthError;
use super::keystone::Keystone;

/// The type of service, and what it is called as well.
const TYPES: &[&str] = &["baremetal", "bare-metal"];

/// A service of the catalog.
#[derive(Deserialize)]
pub(super) struct Service {
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    name: String,
    #[serde(default)]
    endpoints: Vec<Endpoint>,
}

/// One of its addresses.
#[derive(Deserialize)]
struct Endpoint {
    interface: String,
    region_id: Option<String>,
    region: Option<String>,
    url: String,
}

impl Endpoint {
    fn region(&self) -> &str {
        self.region_id
            .as_deref()
            .or(self.region.as_deref())
            .unwrap_or_default()
    }
}

/// The one address that fits; the same one several times is no trouble.
pub(super) fn choose<'a>(catalog: &'a [Service], keystone: &Keystone) -> Result<&'a str, AuthError> {
    let fits = |service: &&Service| {
        let kind = match &keystone.service_type {
            Some(kind) => service.kind == *kind,
            None => TYPES.contains(&service.kind.as_str()),
        };
        kind && keystone
            .service_name
            .as_ref()
            .is_none_or(|name| service.name == *name)
    };
    let offered: Vec<&Endpoint> = catalog
        .iter()
        .filter(fits)
        .flat_map(|service| &service.endpoints)
        .collect();
    let mut right = offered.iter().filter(|endpoint| {
        endpoint.interface == keystone.interface.as_str()
            && keystone
                .region
                .as_ref()
                .is_none_or(|region| endpoint.region() == region)
    });
    let Some(first) = right.next() else {
        return Err(none(&offered, keystone));
    };
    match right.find(|other| other.url != first.url) {
        None => Ok(&first.url),
        Some(other) => Err(AuthError::NoEndpoint {
            wanted: wanted(keystone),
            found: format!(
                "several: one in region {}, one in region {}; name the region, or the service",
                first.region(),
                other.region()
            ),
        }),
    }
}

fn wanted(keystone: &Keystone) -> String {
    let kind = keystone.service_type.as_deref().unwrap_or("baremetal");
    let region = keystone.region.as_deref().unwrap_or("any");
    let interface = keystone.interface.as_str();
    match &keystone.service_name {
        Some(name) => format!("the {interface} interface of {kind} ({name}) in region {region}"),
        None => format!("the {interface} interface of {kind} in region {region}"),
    }
}

fn none(offered: &[&Endpoint], keystone: &Keystone) -> AuthError {
    let wanted_region = keystone.region.as_deref();
    let here = |endpoint: &&&Endpoint| wanted_region.is_none_or(|region| endpoint.region() == region);
    let list = |names: BTreeSet<&str>| names.into_iter().take(12).collect::<Vec<_>>().join(", ");
    let interfaces: BTreeSet<_> = offered
        .iter()
        .filter(here)
        .map(|endpoint| endpoint.interface.as_str())
        .collect();
    let regions: BTreeSet<_> = offered.iter().map(|endpoint| endpoint.region()).collect();
    let found = if !interfaces.is_empty() {
        format!("only the interfaces {} there", list(interfaces))
    } else if !regions.is_empty() {
        format!("it in the regions {}", list(regions))
    } else {
        "no such service".to_owned()
    };
    AuthError::NoEndpoint {
        wanted: wanted(keystone),
        found,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::keystone::{Credentials, Interface};
    use super::*;

    fn catalog() -> Vec<Service> {
        let at = |interface, region, url| json!({"interface": interface, "region_id": region, "url": url});
        serde_json::from_value(json!([
            {"type": "network", "name": "neutron", "endpoints": [at("public", "one", "http://n")]},
            {"type": "baremetal", "name": "ironic", "endpoints": [
                at("public", "one", "http://one"), at("internal", "one", "http://one.internal"),
                at("public", "two", "http://two"),
            ]},
            {"type": "edge", "name": "a", "endpoints": [at("public", "one", "http://a")]},
            {"type": "edge", "name": "b", "endpoints": [at("public", "one", "http://b")]},
        ]))
        .unwrap()
    }

    fn keystone() -> Keystone {
        Keystone::new("http://k", Credentials::Token("t".into()))
    }

    fn in_region(region: &str, interface: Interface) -> Keystone {
        Keystone {
            region: Some(region.to_owned()),
            interface,
            ..keystone()
        }
    }

    #[test]
    fn an_endpoint_is_chosen_by_region_and_interface() {
        let choose = |region, interface| choose(&catalog(), &in_region(region, interface)).map(str::to_owned);
        assert_eq!(choose("one", Interface::Public).unwrap(), "http://one");
        assert_eq!(choose("one", Interface::Internal).unwrap(), "http://one.internal");
        assert_eq!(choose("two", Interface::Public).unwrap(), "http://two");
        let missing = choose("one", Interface::Admin).unwrap_err().to_string();
        assert_eq!(
            missing,
            "wanted is the admin interface of baremetal in region one; the catalog has only the interfaces internal, public there"
        );
        let elsewhere = choose("three", Interface::Admin).unwrap_err().to_string();
        assert!(
            elsewhere.ends_with("has it in the regions one, two"),
            "{elsewhere}"
        );
    }

    #[test]
    fn several_that_fit_are_not_chosen_from() {
        let error = choose(&catalog(), &keystone()).unwrap_err().to_string();
        assert!(
            error.contains("region one") && error.contains("region two"),
            "{error}"
        );
        let named = |name: &str| Keystone {
            service_type: Some("edge".to_owned()),
            service_name: Some(name.to_owned()),
            ..keystone()
        };
        assert_eq!(choose(&catalog(), &named("b")).unwrap(), "http://b");
        assert!(
            choose(&catalog(), &named("c"))
                .unwrap_err()
                .to_string()
                .contains("no such service")
        );
    }

    #[test]
    fn the_alias_of_the_service_type_is_known() {
        let mut catalog = catalog();
        for service in &mut catalog {
            service.kind = service.kind.replace("baremetal", "bare-metal");
        }
        let keystone = in_region("two", Interface::Public);
        assert_eq!(choose(&catalog, &keystone).unwrap(), "http://two");
    }
}
