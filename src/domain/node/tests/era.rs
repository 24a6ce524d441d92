//! Specs and Secrets by chance.

use std::collections::{BTreeMap, BTreeSet};
use std::hash::{DefaultHasher, Hash, Hasher};

use proptest::collection::{btree_map, vec};
use proptest::option;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::super::facts::SecretContent;
use super::fixture::Case;
use crate::api::free_form::Extra;
use crate::api::node::{AutomatedClean, Capability, DriverInfoFrom, Interfaces, SecretKey, Switch};
use crate::api::refs::SecretRef;
use crate::api::{BareMetalNodeSpec, FreeForm};
use crate::ironic::model::Object;

/// Spec fields and the Secrets as they are at one time.
#[derive(Clone, Debug)]
pub struct Era {
    pub driver: &'static str,
    pub resource_class: Option<&'static str>,
    pub deploy: Option<&'static str>,
    pub driver_info: Object,
    pub properties: Object,
    pub extra: Object,
    /// Secret and the keys taken from it.
    pub from: Vec<(&'static str, Option<BTreeMap<String, String>>)>,
    pub secrets: BTreeMap<&'static str, BTreeMap<String, String>>,
    pub version: u8,
    pub rest: Rest,
}

/// The fields of a node that are one value each.
#[derive(Clone, Debug)]
pub struct Rest {
    pub capabilities: BTreeMap<String, String>,
    pub conductor_group: Option<&'static str>,
    pub description: Option<&'static str>,
    pub network_data: Option<Object>,
    pub automated_clean: Option<bool>,
    pub disable_power_off: Option<bool>,
    pub protected: Option<(bool, Option<&'static str>)>,
    pub retired: Option<(bool, Option<&'static str>)>,
}

pub fn map(keys: &'static [&'static str]) -> impl Strategy<Value = Object> {
    let value = prop_oneof![
        (0..3).prop_map(|number| json!(number)),
        Just(json!("text")),
        Just(json!({"deep": [1, {"er": null}]})),
        Just(Value::Null),
    ];
    btree_map(prop::sample::select(keys), value, 0..4).prop_map(|map| {
        map.into_iter()
            .map(|(key, value)| (key.to_owned(), value))
            .collect()
    })
}

pub const INFO: &[&str] = &["address", "port", "redfish_password", "ipmi_password"];
pub const ODD: &[&str] = &["a", "b", "a.b", "a/b", "a~b", "with space", "ä"];

fn switch() -> impl Strategy<Value = Option<(bool, Option<&'static str>)>> {
    option::of((
        any::<bool>(),
        option::of(prop::sample::select(&["because", "why"][..])),
    ))
}

prop_compose! {
    /// Any other fields.
    pub fn rest()(
        capabilities in btree_map(prop::sample::select(&["cpu", "boot", "gpu"][..]).prop_map(str::to_owned), "[a-c]?", 0..3),
        conductor_group in option::of(prop::sample::select(&["Rack-1", "rack-2"][..])),
        description in option::of(prop::sample::select(&["one", "two"][..])),
        network_data in option::of(map(&["links", "networks"])),
        automated_clean in option::of(any::<bool>()),
        disable_power_off in option::of(any::<bool>()),
        protected in switch(),
        retired in switch(),
    ) -> Rest {
        Rest { capabilities, conductor_group, description, network_data, automated_clean, disable_power_off, protected, retired }
    }
}

impl Rest {
    fn put(&self, spec: &mut BareMetalNodeSpec) {
        let capability = |(key, value): (&String, &String)| (key.clone(), Capability(value.clone()));
        let switch = |given: Option<(bool, Option<&str>)>| {
            given.map(|(enabled, reason)| Switch {
                enabled,
                reason: reason.filter(|_| enabled).map(str::to_owned),
            })
        };
        spec.capabilities = self.capabilities.iter().map(capability).collect();
        spec.conductor_group = self.conductor_group.map(str::to_owned);
        spec.description = self.description.map(str::to_owned);
        spec.network_data = self.network_data.clone().map(FreeForm);
        spec.automated_clean = self.automated_clean.map(|enabled| AutomatedClean { enabled });
        spec.disable_power_off = self.disable_power_off;
        spec.protected = switch(self.protected);
        spec.retired = switch(self.retired);
    }
}

prop_compose! {
    /// Any era.
    pub fn era()(
        driver in prop::sample::select(&["redfish", "ipmi"][..]),
        resource_class in option::of(prop::sample::select(&["small", "large"][..])),
        deploy in option::of(prop::sample::select(&["direct", "ramdisk"][..])),
        driver_info in map(INFO),
        properties in map(ODD),
        extra in map(ODD),
        from in vec((
            prop::sample::select(&["s1", "s2"][..]),
            option::of(btree_map(prop::sample::select(INFO).prop_map(str::to_owned), prop::sample::select(INFO).prop_map(str::to_owned), 0..3)),
        ), 0..3),
        secrets in btree_map(prop::sample::select(&["s1", "s2"][..]), btree_map(prop::sample::select(INFO).prop_map(str::to_owned), "hunter2-[a-c]", 0..4), 2..=2),
        version in 0..3_u8,
        rest in rest(),
    ) -> Era {
        Era { driver, resource_class, deploy, driver_info, properties, extra, from, secrets, version, rest }
    }
}

impl Era {
    /// Puts the era's spec and Secrets into the case; the content is read or not.
    pub fn begin(&self, case: &mut Case, read: bool) {
        let from = self.from.iter().map(|(secret, keys)| DriverInfoFrom {
            secret_ref: SecretRef {
                name: (*secret).to_owned(),
            },
            keys: keys.as_ref().map(|keys| {
                // A key that the Secret lacks is waited for before anything is written.
                let there = keys
                    .iter()
                    .filter(|(_, source)| self.secrets[secret].contains_key(*source));
                there
                    .map(|(key, source)| (key.clone(), SecretKey(source.clone())))
                    .collect()
            }),
        });
        case.object.spec = BareMetalNodeSpec {
            driver: self.driver.to_owned(),
            resource_class: self.resource_class.map(str::to_owned),
            interfaces: self.deploy.map(|deploy| Interfaces {
                deploy: Some(deploy.to_owned()),
                ..Interfaces::default()
            }),
            driver_info: Some(FreeForm(self.driver_info.clone())),
            properties: Some(FreeForm(self.properties.clone())),
            extra: Some(Extra(self.extra.clone())),
            driver_info_from: from.collect(),
            ..case.object.spec.clone()
        };
        self.rest.put(&mut case.object.spec);
        let names: BTreeSet<_> = self.from.iter().map(|(secret, _)| *secret).collect();
        // A Secret has another version whenever its content differs.
        let version = |secret: &str| {
            let mut hasher = DefaultHasher::new();
            self.secrets[secret].hash(&mut hasher);
            format!("{}-{:x}", self.version, hasher.finish())
        };
        case.secrets.versions = names
            .iter()
            .map(|name| ((*name).to_owned(), Some(version(name))))
            .collect();
        let content = |name: &&str| SecretContent {
            version: version(name),
            data: self.secrets[name].clone(),
            ..SecretContent::default()
        };
        case.secrets.contents = read.then(|| {
            names
                .iter()
                .map(|name| ((*name).to_owned(), content(name)))
                .collect()
        });
    }
}
