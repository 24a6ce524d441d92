//! What a deployed machine is handed, and who packs it.

use serde_json::Value;

use super::desired::{self, instance};
use super::facts::NodeFacts;
use crate::api::FreeForm;
use crate::api::instance::ConfigDriveSpec;
use crate::ironic::configdrive::Content;
use crate::ironic::model::Object;

/// The network interface behind which Ironic knows nothing of the machine's network.
const NO_NETWORK: &str = "noop";

/// A config drive as it is handed to Ironic.
pub enum ConfigDrive {
    /// The URL of a ready one.
    Url(String),
    /// Its parts (API 1.56, with vendor data 1.59); Ironic packs them.
    Parts {
        /// `meta_data.json`
        meta_data: Option<Object>,
        /// `user_data`
        user_data: Option<String>,
        /// `network_data.json`
        network_data: Option<Object>,
        /// `vendor_data2.json`
        vendor_data: Option<Object>,
    },
    /// What is to be packed here.
    Packed(Box<Content>),
}

impl ConfigDrive {
    /// The drive of the instance that the spec describes, if it has one.
    pub(super) fn of(facts: &NodeFacts) -> Option<Self> {
        let drive = instance(facts.object)?.config_drive.as_ref()?;
        if let Some(url) = &drive.url {
            return Some(Self::Url(url.clone()));
        }
        let object = |form: &Option<FreeForm>| form.as_ref().map(|form| form.0.clone());
        let user_data = user_data(facts, drive);
        let text = user_data
            .as_deref()
            .is_none_or(|data| str::from_utf8(data).is_ok());
        if packs(facts, drive) || !text {
            let content = content(facts, drive, user_data.unwrap_or_default());
            return Some(Self::Packed(Box::new(content)));
        }
        Some(Self::Parts {
            meta_data: named(facts, object(&drive.meta_data)),
            user_data: user_data.and_then(|data| String::from_utf8(data).ok()),
            network_data: object(&drive.network_data),
            vendor_data: object(&drive.vendor_data),
        })
    }
}

/// The metadata with a name, where Ironic would add one that is none of a host: cloud-init makes it the machine's.
fn named(facts: &NodeFacts, given: Option<Object>) -> Option<Object> {
    let live = facts.look.summary().and_then(|node| node.name.as_deref());
    let name = host_name(facts).filter(|name| Some(*name) != live);
    let Some(name) = name.filter(|_| live.is_some()) else {
        return given;
    };
    let mut named = given.unwrap_or_default();
    named.entry("name").or_insert_with(|| name.into());
    Some(named)
}

/// The node's name where that is a legal host name, else the object's, which always is.
fn host_name<'a>(facts: &NodeFacts<'a>) -> Option<&'a str> {
    let live = facts.look.summary().and_then(|node| node.name.as_deref());
    live.filter(|name| is_host_name(name))
        .or(facts.object.metadata.name.as_deref())
}

/// RFC 1123.
fn is_host_name(name: &str) -> bool {
    let label = |label: &str| {
        let legal = |c: char| c.is_ascii_alphanumeric() || c == '-';
        (1..=63).contains(&label.len())
            && label.chars().all(legal)
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    name.len() <= 253 && name.split('.').all(label)
}

/// Whether Ironic would only do to the parts what is done here, so that its conductor need not have a tool for images.
/// It does more where it knows the network: from Neutron's ports it makes the network data that is missing in parts, but
/// never that which is missing in an image.
fn packs(facts: &NodeFacts, drive: &ConfigDriveSpec) -> bool {
    let interfaces = facts.object.spec.interfaces.as_ref();
    let network = interfaces.and_then(|interfaces| interfaces.network.as_deref());
    let given = drive.network_data.as_ref().is_some_and(|form| !form.0.is_empty());
    given || network == Some(NO_NETWORK)
}

/// Text, or from a Secret anything.
fn user_data(facts: &NodeFacts, drive: &ConfigDriveSpec) -> Option<Vec<u8>> {
    if let Some(text) = &drive.user_data {
        return Some(text.clone().into_bytes());
    }
    let (secret, key) = desired::user_data_ref(facts.object)?;
    let content = facts.secrets.contents.as_ref()?.get(secret)?;
    let text = content.data.get(key).map(|text| text.clone().into_bytes());
    text.or_else(|| content.binary.get(key).cloned())
}

/// The parts with what Ironic adds to them: the node's uuid and name.
fn content(facts: &NodeFacts, drive: &ConfigDriveSpec, user_data: Vec<u8>) -> Content {
    let object = |form: &Option<FreeForm>| form.as_ref().map(|form| form.0.clone()).unwrap_or_default();
    let mut meta_data = object(&drive.meta_data);
    if let Some(node) = facts.look.summary() {
        let named = host_name(facts).map(|name| ("name", name));
        for (key, value) in named.into_iter().chain([("uuid", node.uuid.as_str())]) {
            meta_data.entry(key).or_insert_with(|| Value::from(value));
        }
    }
    Content {
        meta_data,
        user_data,
        network_data: object(&drive.network_data),
        vendor_data: object(&drive.vendor_data),
        versions: Vec::new(),
    }
}
