//! Settings from a clouds.yaml, the file that every OpenStack tool reads, or from `OS_*` variables.
//!
//! Two ways in: [`CloudsYaml`] is given texts and reads nothing itself, not even the files that they name: who writes such a
//! text (into a Secret, say) must not be able to make this process read its own disk. [`Surroundings`] looks where
//! openstacksdk looks: variables, the usual places, and files that are named there.
//!
//! | understood | |
//! |---|---|
//! | `auth_type` | `none`, `http_basic`, `password` (`v3password`, or no word at all), `v3applicationcredential`, `token` (`v3token`) |
//! | `auth` | `auth_url`, `username`, `user_id`, `user_domain_*`, `password`, `project_*` (`tenant_*`), `project_domain_*`, `domain_*`, `default_domain_*`, `system_scope`, `application_credential_*`, `token`, `endpoint` |
//! | where Ironic is | `region_name`, `regions`, `interface` (`endpoint_type`), `baremetal_interface`, `baremetal_endpoint_override`, `baremetal_service_type`, `baremetal_service_name` |
//! | TLS | `cacert`, `cert`, `key` (PEM, or the name of a file), `verify`, `insecure` |
//! | other | `profile` (of clouds-public.yaml), `api_timeout`, `baremetal_default_microversion`, `baremetal_api_version` |
//!
//! Errors are [`Error::Settings`] and never quote a text, because it holds secrets.
mod credentials;
mod entry;
mod surroundings;
#[cfg(test)]
mod tests;

use secrecy::SecretString;
use serde_json::{Map, Value};

use super::{Error, Result, Settings};
use entry::Entry;
pub use surroundings::Surroundings;

/// What the name of a file stands for: its text, if there is one.
pub type Files<'a> = &'a dyn Fn(&str) -> Option<SecretString>;

/// The texts that make up a configuration.
#[derive(Clone, Copy)]
pub struct CloudsYaml<'a> {
    /// `clouds.yaml`.
    pub clouds: &'a str,
    /// `secure.yaml`: of the same shape, and laid over it.
    pub secure: Option<&'a str>,
    /// `clouds-public.yaml`: the profiles that clouds can refer to.
    pub public: Option<&'a str>,
    /// What `cacert`, `cert` and `key` stand for when they are not PEM themselves.
    pub files: Files<'a>,
}

impl<'a> CloudsYaml<'a> {
    /// A clouds.yaml alone, which may not name files.
    pub fn new(clouds: &'a str) -> Self {
        Self {
            clouds,
            secure: None,
            public: None,
            files: &|_| None,
        }
    }

    /// The settings of one cloud, in the region that it names, or in `region`.
    pub fn settings(&self, cloud: &str, region: Option<&str>) -> Result<Settings> {
        let mut file = parse(self.clouds, "clouds.yaml")?;
        if let Some(secure) = self.secure {
            merge(&mut file, parse(secure, "secure.yaml")?);
        }
        let Some(Value::Object(mut clouds)) = file.remove("clouds") else {
            return Err(Error::settings(
                "it is not a clouds.yaml (a map with the key clouds)",
            ));
        };
        let Some(Value::Object(own)) = clouds.remove(cloud) else {
            let names: Vec<_> = clouds.keys().map(String::as_str).collect();
            return Err(Error::settings(format!(
                "there is no cloud {cloud} in it; it has {}",
                names.join(", ")
            )));
        };
        let mut whole = self.profile(&own)?;
        merge(&mut whole, own);
        in_region(&mut whole, region)?;
        Entry::new(whole, self.files).settings()
    }

    /// What the cloud's profile says.
    fn profile(&self, cloud: &Map<String, Value>) -> Result<Map<String, Value>> {
        let Some(name) = cloud.get("profile").or_else(|| cloud.get("cloud")) else {
            return Ok(Map::new());
        };
        let profiles = match self.public {
            Some(public) => parse(public, "clouds-public.yaml")?,
            None => Map::new(),
        };
        let found = profiles.get("public-clouds").zip(name.as_str());
        match found.and_then(|(profiles, name)| profiles.get(name)?.as_object()) {
            Some(profile) => Ok(profile.clone()),
            None => Err(Error::settings(
                "it refers to a profile that clouds-public.yaml does not have; vendors' profiles are not built in",
            )),
        }
    }
}

fn parse(text: &str, name: &str) -> Result<Map<String, Value>> {
    let file: Result<Map<String, Value>, _> = serde_saphyr::from_str(text);
    // The error's own words quote the text, which holds credentials.
    file.map_err(|error| {
        let line = error
            .location()
            .map(|place| format!("; it makes no sense from line {} on", place.line()));
        let line = line.unwrap_or_default();
        Error::settings(format!("it is not a {name} (a map with the key clouds){line}"))
    })
}

/// Lays one map over another, level by level.
fn merge(below: &mut Map<String, Value>, above: Map<String, Value>) {
    for (key, value) in above {
        match (below.get_mut(&key), value) {
            (Some(Value::Object(below)), Value::Object(above)) => merge(below, above),
            (_, value) => drop(below.insert(key, value)),
        }
    }
}

/// Settles on a region: the one that is asked for, or the cloud's only or first one, with what the cloud says of it.
fn in_region(cloud: &mut Map<String, Value>, wanted: Option<&str>) -> Result<()> {
    let regions = match cloud.remove("regions") {
        Some(Value::Array(regions)) => regions,
        _ => Vec::new(),
    };
    let own = cloud.get("region_name").and_then(Value::as_str);
    let wanted = wanted.or(own).map(ToOwned::to_owned);
    let name = |region: &Value| {
        let name = region.get("name").unwrap_or(region);
        name.as_str().map(ToOwned::to_owned)
    };
    let known: Vec<_> = regions.iter().filter_map(name).collect();
    let chosen = wanted.or_else(|| known.first().cloned());
    let Some(chosen) = chosen else { return Ok(()) };
    if !known.is_empty() && !known.contains(&chosen) {
        let known = known.join(", ");
        return Err(Error::settings(format!(
            "the cloud has no region {chosen}; it has {known}"
        )));
    }
    let region = regions
        .into_iter()
        .find(|region| name(region).as_ref() == Some(&chosen));
    if let Some(Value::Object(values)) = region.and_then(|region| region.get("values").cloned()) {
        merge(cloud, values);
    }
    cloud.insert("region_name".to_owned(), Value::String(chosen));
    Ok(())
}
