//! What a spec asks of a node's fields and of the instance on it.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use super::facts::{NodeFacts, SecretContent, SecretFacts};
use super::situation::{Place, Refs};
use crate::api::BareMetalNode;
use crate::api::instance::InstanceSpec;
use crate::api::node::DriverInfoFrom;
use crate::ironic::model::Object;

/// What Ironic shows in place of a secret. Written back it would destroy the credential.
pub const MASK: &str = "******";

/// The fields a spec asks for, without the content of Secrets.
pub struct Desired {
    /// Top-level fields: `name`, `driver`, `resource_class`, interfaces.
    pub fields: BTreeMap<&'static str, String>,
    /// Keys of `driver_info` given in the clear.
    pub driver_info: Object,
    /// Keys of `properties`.
    pub properties: Object,
    /// Keys of `extra`, but for our own.
    pub extra: Object,
}

impl Desired {
    /// Reads the spec.
    pub fn of(facts: &NodeFacts) -> Self {
        let spec = &facts.object.spec;
        let mut fields = BTreeMap::from([("name", facts.ironic_name()), ("driver", spec.driver.clone())]);
        if let Some(class) = &spec.resource_class {
            fields.insert("resource_class", class.clone());
        }
        for (field, value) in spec.interfaces.iter().flat_map(crate::api::node::Interfaces::set) {
            fields.insert(field, value.to_owned());
        }
        let object = |form: &Option<crate::api::FreeForm>| {
            form.as_ref().map(|form| form.0.clone()).unwrap_or_default()
        };
        Self {
            fields,
            driver_info: object(&spec.driver_info),
            properties: object(&spec.properties),
            extra: spec
                .extra
                .as_ref()
                .map(|extra| extra.0.clone())
                .unwrap_or_default(),
        }
    }

    /// Digest of all of it and of which Secrets, in which version, are added.
    pub fn digest(&self, facts: &NodeFacts) -> String {
        let from = &facts.object.spec.driver_info_from;
        let used: BTreeMap<_, _> = from
            .iter()
            .map(|from| (&from.secret_ref.name, version(facts, &from.secret_ref.name)))
            .collect();
        digest(&json!({
            "fields": self.fields,
            "driver_info": self.driver_info,
            "properties": self.properties,
            "extra": self.extra,
            "from": from,
            "versions": used,
        }))
    }
}

/// The version of a Secret: of the content that was read, else the one last heard of.
pub fn version<'a>(facts: &NodeFacts<'a>, secret: &str) -> Option<&'a str> {
    let read = facts
        .secrets
        .contents
        .as_ref()
        .and_then(|contents| contents.get(secret));
    match read {
        Some(content) => Some(&content.version),
        None => facts.secrets.versions.get(secret)?.as_deref(),
    }
}

/// The `driver_info` keys that the Secrets add. Empty as long as their content was not read. What the spec gives in the clear is
/// not overridden, or the two would be written in turns.
pub fn secret_driver_info(facts: &NodeFacts) -> Object {
    read_driver_info(facts.object, facts.secrets)
}

/// The same, from the object and its Secrets alone.
pub fn read_driver_info(object: &BareMetalNode, secrets: &SecretFacts) -> Object {
    let mut all = Map::new();
    let clear = object.spec.driver_info.as_ref();
    for from in &object.spec.driver_info_from {
        let contents = secrets.contents.as_ref();
        if let Some(content) = contents.and_then(|contents| contents.get(&from.secret_ref.name)) {
            all.extend(keys_of(from, content).filter_map(|(key, value)| Some((key, Value::from(value?)))));
        }
    }
    all.retain(|key, _| clear.is_none_or(|clear| !clear.0.contains_key(key)));
    all
}

/// `driver_info` key → value, none where the Secret lacks the key.
fn keys_of<'a>(
    from: &'a DriverInfoFrom,
    content: &'a SecretContent,
) -> Box<dyn Iterator<Item = (String, Option<&'a str>)> + 'a> {
    match &from.keys {
        None => Box::new(
            content
                .data
                .iter()
                .map(|(key, value)| (key.clone(), Some(value.as_str()))),
        ),
        Some(keys) => Box::new(
            keys.iter()
                .map(|(key, source)| (key.clone(), content.data.get(&source.0).map(String::as_str))),
        ),
    }
}

/// Every Secret that the spec names and that a step might write from.
pub fn secret_names(object: &BareMetalNode) -> Vec<&str> {
    let from = object
        .spec
        .driver_info_from
        .iter()
        .map(|from| from.secret_ref.name.as_str());
    let mut names: Vec<_> = from
        .chain(user_data_ref(object).map(|(secret, _)| secret))
        .collect();
    names.sort_unstable();
    names.dedup();
    names
}

/// Secret and key of the user data.
pub fn user_data_ref(object: &BareMetalNode) -> Option<(&str, &str)> {
    let drive = instance(object)?.config_drive.as_ref()?;
    let from = drive.user_data_from.as_ref()?;
    Some((&from.secret_ref.name, &from.secret_ref.key))
}

/// Whether what the spec refers to is there.
pub fn refs(facts: &NodeFacts, place: Place) -> Refs {
    if invalid(facts).is_some() {
        Refs::Invalid
    } else if missing(facts).is_some() {
        Refs::Missing
    } else if matches!(place, Place::Absent | Place::Enroll | Place::VerifyFailed) && no_driver(facts) {
        Refs::NoDriver
    } else {
        Refs::Ready
    }
}

/// Why the spec cannot be carried out as written, in a sentence.
pub fn invalid(facts: &NodeFacts) -> Option<String> {
    let clear = facts
        .object
        .spec
        .driver_info
        .iter()
        .flat_map(|form| &form.0)
        .find_map(|(key, value)| refuse("driverInfo", key, value.as_str()));
    clear.or_else(|| {
        let mut from = facts.object.spec.driver_info_from.iter();
        from.find_map(|from| invalid_secret(facts, from))
    })
}

/// As far as it can be told without the content of the Secret, or with it.
fn invalid_secret(facts: &NodeFacts, from: &DriverInfoFrom) -> Option<String> {
    let name = &from.secret_ref.name;
    let contents = facts.secrets.contents.as_ref();
    match (contents.and_then(|contents| contents.get(name)), &from.keys) {
        (Some(content), _) => {
            keys_of(from, content).find_map(|(key, value)| refuse(&format!("Secret {name}"), &key, value))
        }
        (None, Some(keys)) => keys
            .keys()
            .find_map(|key| refuse(&format!("Secret {name}"), key, None)),
        (None, None) => None,
    }
}

/// What may not be written into `driver_info`.
fn refuse(origin: &str, key: &str, value: Option<&str>) -> Option<String> {
    if !super::fields::is_plain_key(key) {
        Some(format!(
            "{origin} gives driver_info the key {key:?}; Ironic can only change keys of letters, digits, _ and -."
        ))
    } else if value == Some(MASK) {
        Some(format!(
            "{origin} gives driver_info.{key} as {MASK}, which is how Ironic hides a secret; writing it would destroy the credential. Put the real value into a Secret and name it in driverInfoFrom."
        ))
    } else {
        None
    }
}

/// Which Secret, or which key of one, is missing, in a sentence.
pub fn missing(facts: &NodeFacts) -> Option<String> {
    if let Some(why) = &facts.secrets.unreadable {
        return Some(why.clone());
    }
    let absent = facts
        .secrets
        .versions
        .iter()
        .find(|(_, version)| version.is_none());
    if let Some((secret, _)) = absent {
        return Some(format!(
            "Secret {secret} does not exist. It is used as soon as it does."
        ));
    }
    let contents = facts.secrets.contents.as_ref()?;
    let lacks =
        |secret: &str, key: &str| format!("Secret {secret} has no key {key}. It is used as soon as it has.");
    for from in &facts.object.spec.driver_info_from {
        let name = &from.secret_ref.name;
        let content = contents.get(name)?;
        for source in from.keys.iter().flat_map(BTreeMap::values) {
            if !content.data.contains_key(&source.0) {
                return Some(lacks(name, &source.0));
            }
        }
    }
    let (secret, key) = user_data_ref(facts.object)?;
    (!contents.get(secret)?.data.contains_key(key)).then(|| lacks(secret, key))
}

/// Whether it is known that no conductor offers the driver.
pub fn no_driver(facts: &NodeFacts) -> bool {
    facts
        .cloud
        .drivers
        .is_some_and(|drivers| !drivers.contains(&facts.object.spec.driver))
}

/// The instance that is asked for.
pub fn instance(object: &BareMetalNode) -> Option<&InstanceSpec> {
    object.spec.provision.as_ref()?.instance.as_ref()
}

/// Digest of the instance as the spec has it, without the content of Secrets.
pub fn instance_digest(object: &BareMetalNode) -> Option<String> {
    Some(digest(
        &serde_json::to_value(instance(object)?).unwrap_or(Value::Null),
    ))
}

/// The node's `instance_info`.
pub fn instance_info(instance: &InstanceSpec) -> Object {
    let image = &instance.image;
    let texts = [
        ("image_source", Some(&image.source)),
        ("image_checksum", image.checksum.as_ref()),
        ("image_os_hash_algo", image.os_hash_algo.as_ref()),
        ("image_os_hash_value", image.os_hash_value.as_ref()),
        ("kernel", image.kernel.as_ref()),
        ("ramdisk", image.ramdisk.as_ref()),
        ("image_disk_format", image.disk_format.as_ref()),
    ];
    let maps = [
        ("root_device", &instance.root_device),
        ("capabilities", &instance.capabilities),
    ];
    let mut info = instance
        .extra
        .as_ref()
        .map(|extra| extra.0.clone())
        .unwrap_or_default();
    info.extend(
        texts
            .into_iter()
            .filter_map(|(key, value)| Some((key.to_owned(), json!(value?)))),
    );
    info.extend(
        maps.into_iter()
            .filter_map(|(key, value)| Some((key.to_owned(), json!(value.as_ref()?)))),
    );
    info
}

/// A short stable digest: `serde_json` orders the keys of maps.
pub fn digest(value: &Value) -> String {
    use std::fmt::Write;
    let hash = Sha256::digest(value.to_string().as_bytes());
    hash.iter().take(16).fold(String::new(), |mut text, byte| {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}
