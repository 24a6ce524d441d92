//! Where openstacksdk looks: variables and the usual files.
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use secrecy::SecretString;
use serde_json::{Map, Value};

use super::entry::Entry;
use super::{CloudsYaml, parse};
use crate::ironic::client::{Error, Result, Settings};

/// Variables that choose, and do not say who is asking.
const SELECTORS: &[&str] = &[
    "OS_CLOUD",
    "OS_REGION_NAME",
    "OS_CLIENT_CONFIG_FILE",
    "OS_CLIENT_SECURE_FILE",
    "OS_CLIENT_VENDOR_FILE",
    "OS_CLOUD_NAME",
];

/// The variables of a process and the directories where it looks for files. Local files may be named.
#[derive(Clone, Default)]
pub struct Surroundings {
    /// `OS_*`, and `HOME`, `XDG_CONFIG_HOME` if `directories` is to be of use.
    pub variables: BTreeMap<String, String>,
    /// Where `clouds.yaml`, `secure.yaml` and `clouds-public.yaml` are looked for, in this order.
    pub directories: Vec<PathBuf>,
}

impl Surroundings {
    /// Those of this process: its variables; `.`, `~/.config/openstack`, `/etc/openstack`.
    pub fn of_this_process() -> Self {
        let variables: BTreeMap<String, String> = std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
            .collect();
        let get = |name: &str| variables.get(name).filter(|value| !value.is_empty());
        let config = get("XDG_CONFIG_HOME")
            .map(PathBuf::from)
            .or_else(|| Some(Path::new(get("HOME")?).join(".config")));
        let directories = [
            Some(PathBuf::from(".")),
            config.map(|config| config.join("openstack")),
            Some(PathBuf::from("/etc/openstack")),
        ];
        Self {
            directories: directories.into_iter().flatten().collect(),
            variables,
        }
    }

    /// The settings of `cloud`; without a name that of `OS_CLOUD`, or what the `OS_*` variables say themselves, or the only
    /// cloud of the file.
    pub fn settings(&self, cloud: Option<&str>) -> Result<Settings> {
        let read = |name: &str| std::fs::read_to_string(name).ok().map(SecretString::from);
        let named = cloud.or_else(|| self.get("OS_CLOUD"));
        if named.is_none()
            && let Some(own) = self.pseudo_cloud()
        {
            return Entry::new(own, &read).settings();
        }
        let find = |variable, names: [&str; 2]| self.find(variable, names);
        let clouds = find("OS_CLIENT_CONFIG_FILE", ["clouds.yaml", "clouds.yml"])?
            .ok_or_else(|| Error::settings("there is no clouds.yaml, and no OS_AUTH_URL"))?;
        let secure = find("OS_CLIENT_SECURE_FILE", ["secure.yaml", "secure.yml"])?;
        let public = find(
            "OS_CLIENT_VENDOR_FILE",
            ["clouds-public.yaml", "clouds-public.yml"],
        )?;
        let texts = CloudsYaml {
            clouds: &clouds,
            secure: secure.as_deref(),
            public: public.as_deref(),
            files: &read,
        };
        let only = only_cloud(&clouds)?;
        let name = named
            .or(only.as_deref())
            .ok_or_else(|| Error::settings("there are several clouds: name one, or set OS_CLOUD"))?;
        texts.settings(name, self.get("OS_REGION_NAME"))
    }

    fn get(&self, name: &str) -> Option<&str> {
        let value = self.variables.get(name)?;
        (!value.is_empty()).then_some(value.as_str())
    }

    /// What the variables say by themselves: `OS_AUTH_URL` is `auth_url`, and so on.
    fn pseudo_cloud(&self) -> Option<Map<String, Value>> {
        let own = self.variables.iter().filter(|(name, value)| {
            name.starts_with("OS_") && !SELECTORS.contains(&name.as_str()) && !value.is_empty()
        });
        let mut cloud: Map<String, Value> = own
            .map(|(name, value)| {
                let key = name.trim_start_matches("OS_").to_ascii_lowercase();
                (key, Value::String(value.clone()))
            })
            .collect();
        if cloud.is_empty() {
            return None;
        }
        let region = self.get("OS_REGION_NAME");
        cloud.extend(region.map(|region| ("region_name".to_owned(), Value::String(region.to_owned()))));
        Some(cloud)
    }

    /// The text of the file that a variable names, or else of the first one with one of these names.
    fn find(&self, variable: &str, names: [&str; 2]) -> Result<Option<String>> {
        if let Some(path) = self.get(variable) {
            let text = std::fs::read_to_string(path);
            return text
                .map(Some)
                .map_err(|error| Error::settings(format!("{variable}: {path} cannot be read: {error}")));
        }
        let directories = self.directories.iter();
        let mut paths = directories.flat_map(|directory| names.map(|name| directory.join(name)));
        Ok(paths.find_map(|path| std::fs::read_to_string(path).ok()))
    }
}

/// The name of the only cloud of a file.
fn only_cloud(clouds: &str) -> Result<Option<String>> {
    let file = parse(clouds, "clouds.yaml")?;
    let names = file.get("clouds").and_then(Value::as_object);
    let mut names = names.into_iter().flat_map(Map::keys);
    Ok(names.next().cloned().filter(|_| names.next().is_none()))
}
