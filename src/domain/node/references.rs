//! What a spec refers to (Secrets, the driver), and whether it can be carried out as written.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::desired::{MASK, instance};
use super::facts::{NodeFacts, SecretContent, SecretFacts};
use super::situation::{Place, Refs};
use crate::api::BareMetalNode;
use crate::api::conditions::Reason;
use crate::api::node::{DriverInfoFrom, WantedState};
use crate::ironic::model::{Bmc, Object};

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

/// The BMC that the spec names: in the clear, or in Secrets as far as they were read.
pub fn bmc(object: &BareMetalNode, secrets: &SecretFacts) -> Option<Bmc> {
    let mut info = read_driver_info(object, secrets);
    info.extend(object.spec.driver_info.iter().flat_map(|info| info.0.clone()));
    Bmc::of(&info)
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
        .chain(rescue_password_ref(object).map(|(secret, _)| secret))
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

/// Secret and key of the rescue password, where a rescue is wanted.
pub fn rescue_password_ref(object: &BareMetalNode) -> Option<(&str, &str)> {
    let provision = object.spec.provision.as_ref()?;
    let wanted = provision.state == Some(WantedState::Rescue);
    let from = provision.rescue_password_from.as_ref().filter(|_| wanted)?;
    Some((&from.secret_ref.name, &from.secret_ref.key))
}

/// What a Secret holds under a key, if it was read and has that.
pub fn secret_value(facts: &NodeFacts, (secret, key): (&str, &str)) -> Option<String> {
    let contents = facts.secrets.contents.as_ref()?;
    contents.get(secret)?.data.get(key).cloned()
}

/// Whether what the spec refers to is there.
pub fn refs(facts: &NodeFacts, place: Place) -> Refs {
    if invalid(facts).is_some() {
        Refs::Invalid
    } else if place == Place::Absent && facts.object.spec.import.is_some() {
        Refs::NoNode
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
    clear
        .or_else(|| {
            let mut from = facts.object.spec.driver_info_from.iter();
            from.find_map(|from| invalid_secret(facts, from))
        })
        .or_else(|| invalid_capability(facts.object))
        .or_else(|| invalid_password(facts))
}

/// Ironic takes no blank password, and would name neither Secret nor key.
fn invalid_password(facts: &NodeFacts) -> Option<String> {
    let (secret, key) = rescue_password_ref(facts.object)?;
    let contents = facts.secrets.contents.as_ref()?;
    if contents.get(secret)?.binary.contains_key(key) {
        return Some(not_text(secret, key));
    }
    let blank = secret_value(facts, (secret, key))?.trim().is_empty();
    blank.then(|| format!("The rescue password, key {key} of Secret {secret}, is blank."))
}

/// What the schema cannot say of a map's keys.
fn invalid_capability(object: &BareMetalNode) -> Option<String> {
    let spec = &object.spec;
    let odd = |key: &&String| key.is_empty() || key.contains([',', ':']);
    if let Some(key) = spec.capabilities.keys().find(odd) {
        return Some(format!(
            "capabilities has the name {key:?}; Ironic keeps them as k:v,k:v, so it may hold neither a comma nor a colon."
        ));
    }
    let twice = spec
        .properties
        .as_ref()
        .is_some_and(|given| given.0.contains_key("capabilities"));
    (twice && !spec.capabilities.is_empty())
        .then(|| "capabilities and properties.capabilities are both given: keep one of them.".to_owned())
}

/// As far as it can be told without the content of the Secret, or with it.
fn invalid_secret(facts: &NodeFacts, from: &DriverInfoFrom) -> Option<String> {
    let name = &from.secret_ref.name;
    let contents = facts.secrets.contents.as_ref();
    match (contents.and_then(|contents| contents.get(name)), &from.keys) {
        (Some(content), _) => binary_key(from, content)
            .map(|key| not_text(name, key))
            .or_else(|| {
                keys_of(from, content).find_map(|(key, value)| refuse(&format!("Secret {name}"), &key, value))
            }),
        (None, Some(keys)) => keys
            .keys()
            .find_map(|key| refuse(&format!("Secret {name}"), key, None)),
        (None, None) => None,
    }
}

/// A key that is taken and holds no text: it would be left out of what is written.
fn binary_key<'a>(from: &'a DriverInfoFrom, content: &'a SecretContent) -> Option<&'a str> {
    let is_binary = |key: &&str| content.binary.contains_key(*key);
    match &from.keys {
        None => content.binary.keys().map(String::as_str).next(),
        Some(keys) => keys.values().map(|source| source.0.as_str()).find(is_binary),
    }
}

fn not_text(secret: &str, key: &str) -> String {
    format!(
        "Key {key} of Secret {secret} is not text (UTF-8), which Ironic cannot be given. Nothing of it is written."
    )
}

/// Whether Secrets of which the content is known cannot be used: what they lack, or hold and may not, would be left out in silence.
pub fn are_unusable(facts: &NodeFacts) -> bool {
    facts.secrets.contents.is_some() && (invalid(facts).is_some() || missing(facts).is_some())
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

/// Which Secret, or which key of one, is missing, in a sentence, and the condition's reason for that.
pub fn missing(facts: &NodeFacts) -> Option<(Reason, String)> {
    if let Some(why) = &facts.secrets.unreadable {
        return Some(why.clone());
    }
    let absent = facts
        .secrets
        .versions
        .iter()
        .find(|(_, version)| version.is_none());
    if let Some((secret, _)) = absent {
        let why = format!("Secret {secret} does not exist. It is used as soon as it does.");
        return Some((Reason::SecretMissing, why));
    }
    let contents = facts.secrets.contents.as_ref()?;
    let lacks = |secret: &str, key: &str| {
        let why = format!("Secret {secret} has no key {key}. It is used as soon as it has.");
        (Reason::SecretKeyMissing, why)
    };
    for from in &facts.object.spec.driver_info_from {
        let name = &from.secret_ref.name;
        let content = contents.get(name)?;
        for source in from.keys.iter().flat_map(BTreeMap::values) {
            if !content.data.contains_key(&source.0) {
                return Some(lacks(name, &source.0));
            }
        }
    }
    let named = [
        (user_data_ref(facts.object), true),
        (rescue_password_ref(facts.object), false),
    ];
    let named = named
        .into_iter()
        .filter_map(|(reference, may_be_binary)| reference.map(|reference| (reference, may_be_binary)));
    let mut lacking = named.filter(|((secret, key), may_be_binary)| {
        contents.get(*secret).is_some_and(|content| {
            let binary = *may_be_binary && content.binary.contains_key(*key);
            !content.data.contains_key(*key) && !binary
        })
    });
    lacking.next().map(|((secret, key), _)| lacks(secret, key))
}

/// Whether it is known that no conductor offers the driver.
fn no_driver(facts: &NodeFacts) -> bool {
    facts
        .cloud
        .drivers
        .is_some_and(|drivers| !drivers.contains(&facts.object.spec.driver))
}
