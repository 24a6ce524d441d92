//! What nodes' objects are found by.

use kube::ResourceExt;

use crate::api::{BareMetalCloud, BareMetalNode};
use crate::domain::node::desired;
use crate::domain::node::facts::ironic_name;
use crate::fleet::{CloudKey, ObjectKey};
use crate::ironic::model::Bmc;
use crate::kubernetes::index::Index;

/// Nodes' objects by what they name.
pub type Nodes = Index<BareMetalNode, NodeKey>;

/// Clouds by the Secret with their credentials.
pub type Clouds = Index<BareMetalCloud, ObjectKey>;

/// What a node's object names. All of it is of its own namespace: nobody else's objects are looked at to decide on it.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub enum NodeKey {
    /// Its cloud.
    Cloud(CloudKey),
    /// A Secret.
    Secret(ObjectKey),
    /// The place of its BMC, in the clear.
    Bmc(String, String),
    /// Its name in Ironic.
    Name(String, String),
}

impl NodeKey {
    /// The machine at a BMC, as an object of the namespace names it.
    pub fn bmc(namespace: &str, bmc: &Bmc) -> Self {
        Self::Bmc(namespace.to_owned(), bmc.place().to_owned())
    }

    /// All that an object names.
    pub fn of(object: &BareMetalNode) -> Vec<Self> {
        let namespace = object.namespace().unwrap_or_default();
        let of_namespace = |name: &str| ObjectKey::new(&namespace, name);
        let secrets = desired::secret_names(object);
        let mut keys: Vec<_> = secrets
            .into_iter()
            .map(|name| Self::Secret(of_namespace(name)))
            .collect();
        keys.push(Self::Cloud(of_namespace(&object.spec.cloud_ref.name)));
        keys.extend(bmc(object).map(|bmc| Self::bmc(&namespace, &bmc)));
        keys.push(Self::Name(namespace, ironic_name(object)));
        keys
    }
}

/// The BMC that the spec names in the clear.
pub fn bmc(object: &BareMetalNode) -> Option<Bmc> {
    Bmc::of(&object.spec.driver_info.as_ref()?.0)
}

/// The Secret with a cloud's credentials.
pub fn secret_of_cloud(object: &BareMetalCloud) -> Vec<ObjectKey> {
    let secret = object.spec.credentials_secret_ref.as_ref();
    let namespace = object.namespace().unwrap_or_default();
    let secret = secret.map(|secret| ObjectKey::new(namespace, &secret.name));
    secret.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn node(spec: &serde_json::Value) -> BareMetalNode {
        let object = json!({
            "apiVersion": "ironwright.dev/v1alpha1", "kind": "BareMetalNode",
            "metadata": {"namespace": "m", "name": "n1"}, "spec": spec,
        });
        serde_json::from_value(object).unwrap()
    }

    #[test]
    fn an_object_is_found_by_all_that_it_names_within_its_namespace() {
        let key = |name: &str| ObjectKey::new("m", name);
        let bare = node(&json!({"cloudRef": {"name": "lab"}, "driver": "fake-hardware"}));
        let name = NodeKey::Name("m".to_owned(), "m~n1".to_owned());
        assert_eq!(NodeKey::of(&bare), [NodeKey::Cloud(key("lab")), name]);
        let full = node(&json!({
            "cloudRef": {"name": "lab"}, "driver": "redfish", "name": "r1",
            "driverInfo": {"redfish_address": "https://BMC-1"},
            "driverInfoFrom": [{"secretRef": {"name": "bmc"}}, {"secretRef": {"name": "bmc"}}],
        }));
        let expected = [
            NodeKey::Secret(key("bmc")),
            NodeKey::Cloud(key("lab")),
            NodeKey::Bmc("m".to_owned(), "bmc-1".to_owned()),
            NodeKey::Name("m".to_owned(), "r1".to_owned()),
        ];
        assert_eq!(NodeKey::of(&full), expected);
        assert_eq!(NodeKey::bmc("m", &bmc(&full).unwrap()), expected[2]);
    }

    #[test]
    fn a_cloud_is_found_by_its_secret() {
        let cloud = |spec: &serde_json::Value| -> BareMetalCloud {
            let object = json!({
                "apiVersion": "ironwright.dev/v1alpha1", "kind": "BareMetalCloud",
                "metadata": {"namespace": "m", "name": "lab"}, "spec": spec,
            });
            serde_json::from_value(object).unwrap()
        };
        assert_eq!(secret_of_cloud(&cloud(&json!({"endpoint": "http://ironic"}))), []);
        let spec = json!({"credentialsSecretRef": {"name": "clouds"}, "cloudName": "lab"});
        assert_eq!(secret_of_cloud(&cloud(&spec)), [ObjectKey::new("m", "clouds")]);
    }
}
