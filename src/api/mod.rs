//! The custom resources: schema, CEL sentences, conditions and reasons. No behaviour.
//!
//! Group `ironwright.dev`, version `v1alpha1`, every kind namespaced. Field names are Ironic's own in camelCase.

pub mod advice;
pub mod cloud;
pub mod conditions;
pub mod files;
pub mod free_form;
pub mod instance;
pub mod node;
mod node_status;
mod provision;
pub mod refs;

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::{CustomResourceDefinition, JSON};
use kube::CustomResourceExt;

pub use cloud::{BareMetalCloud, BareMetalCloudSpec, BareMetalCloudStatus};
pub use free_form::FreeForm;
pub use node::{BareMetalNode, BareMetalNodeSpec, BareMetalNodeStatus};

/// The API group of every kind.
pub const GROUP: &str = "ironwright.dev";

/// The operator's finalizer: on every object that has, or may have, a counterpart in Ironic.
pub const FINALIZER: &str = "ironwright.dev/finalizer";

/// Ask for another try at once: any new value of this annotation reopens a step that was given up.
pub const RETRY_ANNOTATION: &str = "ironwright.dev/retry";

/// On a `BareMetalCloud`: accept that its identity (endpoint, user) has changed to exactly this value.
pub const ACCEPT_IDENTITY_ANNOTATION: &str = "ironwright.dev/accept-identity";

/// On a `BareMetalNode`, or on a `BareMetalCloud` for all of its nodes: accept that the node is in an earlier state than was seen before, as
/// long as that was seen not later than at this time.
pub const ACCEPT_EARLIER_STATE_ANNOTATION: &str = "ironwright.dev/accept-earlier-state";

/// On a `BareMetalCloud`: accept marks that these runs of the operator wrote, which this cluster's Lease does not know; separated by commas.
pub const ACCEPT_WRITERS_ANNOTATION: &str = "ironwright.dev/accept-writers";

/// `observedGeneration` of an object that nobody has looked at yet.
///
/// With it as the schema's default, kstatus (`helm --wait`, Flux, Argo CD) reads a new object as in progress, not as current.
pub const NEVER_OBSERVED: i64 = -1;

/// Every custom resource definition, as it is installed.
pub fn crds() -> Vec<CustomResourceDefinition> {
    [BareMetalCloud::crd(), BareMetalNode::crd()]
        .into_iter()
        .map(installable)
        .collect()
}

/// What the derive cannot say: the default status, and that Helm must never delete a CRD (it would delete every object with it).
fn installable(mut crd: CustomResourceDefinition) -> CustomResourceDefinition {
    let annotations = crd.metadata.annotations.get_or_insert_default();
    annotations.insert("helm.sh/resource-policy".to_owned(), "keep".to_owned());
    for version in &mut crd.spec.versions {
        let schema = version
            .schema
            .as_mut()
            .and_then(|schema| schema.open_api_v3_schema.as_mut());
        let status = schema
            .and_then(|schema| schema.properties.as_mut())
            .and_then(|properties| properties.get_mut("status"));
        if let Some(status) = status {
            status.default = Some(JSON(serde_json::json!({ "observedGeneration": NEVER_OBSERVED })));
        }
    }
    crd
}

#[cfg(test)]
mod tests {
    use super::*;

    fn walk<'a>(
        value: &'a serde_json::Value,
        path: &str,
        visit: &mut impl FnMut(&str, &'a serde_json::Value),
    ) {
        visit(path, value);
        match value {
            serde_json::Value::Object(map) => {
                for (key, child) in map {
                    walk(child, &format!("{path}/{key}"), visit);
                }
            }
            serde_json::Value::Array(items) => {
                for (index, child) in items.iter().enumerate() {
                    walk(child, &format!("{path}/{index}"), visit);
                }
            }
            _ => {}
        }
    }

    #[test]
    fn every_list_says_how_it_merges_and_every_string_of_the_spec_is_bounded() {
        for crd in crds() {
            let value = serde_json::to_value(&crd).unwrap();
            let schema = value.pointer("/spec/versions/0/schema/openAPIV3Schema").unwrap();
            walk(schema, "", &mut |path, schema| {
                let kind = schema.get("type").and_then(|kind| kind.as_str());
                if kind == Some("array") {
                    assert!(
                        schema.get("x-kubernetes-list-type").is_some(),
                        "{path}: no list type"
                    );
                }
                assert_ne!(
                    schema.get("format").and_then(|f| f.as_str()),
                    Some("uint32"),
                    "{path}: unknown format"
                );
                if !path.starts_with("/properties/spec") {
                    return;
                }
                match kind {
                    Some("array") => assert!(schema.get("maxItems").is_some(), "{path}: no maxItems"),
                    Some("string") => {
                        assert!(
                            schema.get("maxLength").is_some() || schema.get("enum").is_some(),
                            "{path}: no maxLength"
                        );
                    }
                    Some("integer") => assert!(schema.get("maximum").is_some(), "{path}: no maximum"),
                    Some("object") if schema.get("properties").is_none() => {
                        assert!(schema.get("maxProperties").is_some(), "{path}: no maxProperties");
                    }
                    _ => {}
                }
            });
        }
    }

    #[test]
    fn an_object_nobody_has_looked_at_is_not_current() {
        for crd in crds() {
            let value = serde_json::to_value(&crd).unwrap();
            let default = value
                .pointer("/spec/versions/0/schema/openAPIV3Schema/properties/status/default")
                .unwrap();
            assert_eq!(default, &serde_json::json!({"observedGeneration": -1}));
        }
    }

    #[test]
    fn uninstalling_the_chart_keeps_the_definitions() {
        for crd in crds() {
            assert_eq!(
                crd.metadata.annotations.unwrap()["helm.sh/resource-policy"],
                "keep"
            );
        }
    }
}
