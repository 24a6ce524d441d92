//! What a spec asks of a node's fields and of the instance on it.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::facts::NodeFacts;
pub use super::references::{
    are_unusable, bmc, invalid, missing, read_driver_info, refs, rescue_password_ref, secret_driver_info,
    secret_names, secret_value, user_data_ref, version,
};
use crate::api::BareMetalNode;
use crate::api::instance::InstanceSpec;
use crate::api::node::{Capability, Switch};
use crate::ironic::model::Object;

/// What Ironic shows in place of a secret. Written back it would destroy the credential.
pub const MASK: &str = "******";

/// The fields a spec asks for, without the content of Secrets.
pub struct Desired {
    /// Top-level fields, as Ironic names them.
    pub fields: BTreeMap<&'static str, Value>,
    /// Keys of `driver_info` given in the clear.
    pub driver_info: Object,
    /// Keys of `properties`.
    pub properties: Object,
    /// Entries of `properties.capabilities`.
    pub capabilities: BTreeMap<String, String>,
    /// Traits.
    pub traits: BTreeSet<String>,
    /// Keys of `extra`, but for our own.
    pub extra: Object,
}

impl Desired {
    /// Reads the spec.
    pub fn of(facts: &NodeFacts) -> Self {
        let spec = &facts.object.spec;
        let object = |form: &Option<crate::api::FreeForm>| {
            form.as_ref().map(|form| form.0.clone()).unwrap_or_default()
        };
        let capability = |(key, value): (&String, &Capability)| (key.clone(), value.0.clone());
        Self {
            fields: top_level(facts),
            driver_info: object(&spec.driver_info),
            properties: object(&spec.properties),
            capabilities: spec.capabilities.iter().map(capability).collect(),
            traits: spec.traits.iter().map(|wanted| wanted.0.clone()).collect(),
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
            "capabilities": self.capabilities,
            "traits": self.traits,
            "extra": self.extra,
            "from": from,
            "versions": used,
        }))
    }
}

/// The top-level fields that the spec names.
fn top_level(facts: &NodeFacts) -> BTreeMap<&'static str, Value> {
    let spec = &facts.object.spec;
    // An import keeps the name it has, unless the spec gives another.
    let keeps = spec.import.is_some() && spec.name.is_none();
    let name = (!keeps).then(|| facts.ironic_name());
    let texts = [
        ("name", name),
        ("driver", Some(spec.driver.clone())),
        ("resource_class", spec.resource_class.clone()),
        // Ironic compares and keeps it in lower case.
        (
            "conductor_group",
            spec.conductor_group.as_ref().map(|group| group.to_lowercase()),
        ),
        ("owner", spec.owner.clone()),
        ("lessee", spec.lessee.clone()),
        ("description", spec.description.clone()),
        ("shard", spec.shard.clone()),
        ("chassis_uuid", spec.chassis_id.clone()),
    ];
    let texts = texts
        .into_iter()
        .filter_map(|(field, text)| Some((field, json!(text?))));
    let flags = [
        (
            "automated_clean",
            spec.automated_clean.as_ref().map(|clean| clean.enabled),
        ),
        ("disable_power_off", spec.disable_power_off),
    ];
    let flags = flags
        .into_iter()
        .filter_map(|(field, flag)| Some((field, json!(flag?))));
    let network = spec.network_data.iter().map(|data| ("network_data", json!(data)));
    let interfaces = spec
        .interfaces
        .iter()
        .flat_map(crate::api::node::Interfaces::set)
        .map(|(field, name)| (field, json!(name)));
    texts
        .chain(flags)
        .chain(network)
        .chain(interfaces)
        .chain(switched("protected", "protected_reason", spec.protected.as_ref()))
        .chain(switched("retired", "retired_reason", spec.retired.as_ref()))
        .collect()
}

/// A switch and its reason. Ironic clears the reason along with the switch.
fn switched(
    field: &'static str,
    reason: &'static str,
    switch: Option<&Switch>,
) -> impl Iterator<Item = (&'static str, Value)> {
    let flag = switch.map(|switch| (field, json!(switch.enabled)));
    let why = switch
        .filter(|switch| switch.enabled)
        .and_then(|switch| Some((reason, json!(switch.reason.as_ref()?))));
    flag.into_iter().chain(why)
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
