//! Secrets: their contents on demand, never kept; their versions from a watch that carries metadata only.

use std::collections::BTreeMap;
use std::time::Duration;

use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::Secret;
use kube::core::PartialObjectMeta;
use kube::runtime::reflector::{ObjectRef, Store};
use kube::{Api, Client, ResourceExt};
use secrecy::{SecretSlice, SecretString};
use thiserror::Error;
use tokio::time::timeout;

/// How long a read may take: long enough for kube's own retries, short enough not to hold a reconcile.
const DEADLINE: Duration = Duration::from_secs(10);

/// Bytes that the values of a Secret with credentials may have: a user, a password, and a certificate or two.
pub const CREDENTIALS: usize = 64 * 1024;

/// Bytes that the values of any Secret may have: as many as the Kubernetes API takes.
pub const ANYTHING: usize = 1024 * 1024;

/// Why a Secret, or a key of it, cannot be used. Never carries contents.
#[derive(Debug, Error)]
pub enum SecretError {
    /// There is no such Secret: wait for it.
    #[error("Secret {name} does not exist")]
    Missing {
        /// The Secret's name.
        name: String,
    },
    /// The operator's role does not allow reading it.
    #[error("the operator may not read Secret {name}")]
    Forbidden {
        /// The Secret's name.
        name: String,
    },
    /// The Secret is there, the key is not: wait for it.
    #[error("Secret {name} has no key {key}")]
    MissingKey {
        /// The Secret's name.
        name: String,
        /// The key asked for.
        key: String,
    },
    /// The value is not UTF-8 text.
    #[error("key {key} of Secret {name} is not text (UTF-8)")]
    NotText {
        /// The Secret's name.
        name: String,
        /// The first such key.
        key: String,
    },
    /// The Secret holds more than anything that is taken from it can need.
    #[error("Secret {name} holds {bytes} bytes, which is more than the {most} that are taken from it")]
    TooLarge {
        /// The Secret's name.
        name: String,
        /// What its values have together.
        bytes: usize,
        /// What they may have.
        most: usize,
    },
    /// The Kubernetes API did not answer properly: try again.
    #[error("Secret {name} cannot be read at the moment")]
    Unavailable {
        /// The Secret's name.
        name: String,
        /// What the client said; absent where that could quote contents, and for a missed deadline.
        #[source]
        source: Option<Box<kube::Error>>,
    },
}

/// The contents of one Secret at one version. Its `Debug` shows no values.
#[derive(Debug)]
pub struct SecretData {
    /// The Secret's name.
    pub name: String,
    /// The `resourceVersion` these contents belong to.
    pub version: String,
    /// The values that are text.
    pub data: BTreeMap<String, SecretString>,
    /// The values that are not text.
    pub binary: BTreeMap<String, SecretSlice<u8>>,
}

impl SecretData {
    /// The text under `key`.
    pub fn get(&self, key: &str) -> Result<&SecretString, SecretError> {
        let (name, wanted) = (self.name.clone(), key.to_owned());
        match self.data.get(key) {
            Some(value) => Ok(value),
            None if self.binary.contains_key(key) => Err(SecretError::NotText { name, key: wanted }),
            None => Err(SecretError::MissingKey { name, key: wanted }),
        }
    }

    /// Every value, if all of them are text.
    pub fn all(&self) -> Result<&BTreeMap<String, SecretString>, SecretError> {
        match self.binary.keys().next() {
            None => Ok(&self.data),
            Some(key) => Err(SecretError::NotText {
                name: self.name.clone(),
                key: key.clone(),
            }),
        }
    }

    /// The Secret's contents, unless they have more bytes than this.
    fn within(most: usize, secret: Secret) -> Result<Self, SecretError> {
        let values = secret.data.iter().flat_map(BTreeMap::values);
        let bytes = values.map(|value| value.0.len()).sum();
        if bytes > most {
            let name = secret.name_any();
            return Err(SecretError::TooLarge { name, bytes, most });
        }
        Ok(Self::new(secret))
    }

    fn new(secret: Secret) -> Self {
        let (name, version) = (secret.name_any(), secret.resource_version().unwrap_or_default());
        let mut contents = Self {
            name,
            version,
            data: BTreeMap::new(),
            binary: BTreeMap::new(),
        };
        for (key, ByteString(value)) in secret.data.unwrap_or_default() {
            match String::from_utf8(value) {
                Ok(text) => drop(contents.data.insert(key, SecretString::from(text))),
                Err(error) => drop(contents.binary.insert(key, SecretSlice::from(error.into_bytes()))),
            }
        }
        contents
    }
}

/// Reads Secrets. Nothing is cached: plaintext lives as long as the decision that needs it.
#[derive(Clone)]
pub struct Secrets {
    client: Client,
}

impl Secrets {
    /// Reads through `client`.
    pub fn new(client: Client) -> Self {
        Self { client }
    }

    /// The Secret as it is now, with its version. `most`: how many bytes its values may have.
    pub async fn read(&self, namespace: &str, name: &str, most: usize) -> Result<SecretData, SecretError> {
        let api = Api::<Secret>::namespaced(self.client.clone(), namespace);
        match timeout(DEADLINE, api.get(name)).await {
            Ok(Ok(secret)) => SecretData::within(most, secret),
            Ok(Err(error)) => Err(refusal(name.to_owned(), error)),
            Err(_elapsed) => Err(SecretError::Unavailable {
                name: name.to_owned(),
                source: None,
            }),
        }
    }
}

fn refusal(name: String, error: kube::Error) -> SecretError {
    match error {
        kube::Error::Api(status) if status.is_not_found() => SecretError::Missing { name },
        kube::Error::Api(status) if status.is_forbidden() => SecretError::Forbidden { name },
        // A deserializer's complaint can quote the value it stumbled upon.
        kube::Error::SerdeError(_) => SecretError::Unavailable { name, source: None },
        other => SecretError::Unavailable {
            name,
            source: Some(Box::new(other)),
        },
    }
}

/// The versions of all Secrets in scope, from the store of a metadata-only watch ([`super::watch::metadata`]).
#[derive(Clone)]
pub struct SecretVersions {
    store: Store<PartialObjectMeta<Secret>>,
}

impl SecretVersions {
    /// Answers from `store`, which is complete once its watch is synced.
    pub fn new(store: Store<PartialObjectMeta<Secret>>) -> Self {
        Self { store }
    }

    /// The `resourceVersion` of a Secret; `None` if there is none, as far as the watch has seen.
    pub fn version(&self, namespace: &str, name: &str) -> Option<String> {
        self.store
            .get(&ObjectRef::new(name).within(namespace))?
            .resource_version()
    }
}

#[cfg(test)]
mod tests {
    use std::error::Error as _;

    use k8s_openapi::ByteString;
    use k8s_openapi::api::core::v1::Secret;
    use kube::core::{ObjectMeta, PartialObjectMetaExt};
    use kube::runtime::{reflector, watcher};
    use secrecy::ExposeSecret;

    use super::{SecretData, SecretError, SecretVersions, refusal};

    fn secret(data: &[(&str, &[u8])]) -> SecretData {
        SecretData::new(Secret {
            metadata: meta("7"),
            data: Some(
                data.iter()
                    .map(|&(key, value)| (key.to_owned(), ByteString(value.to_vec())))
                    .collect(),
            ),
            ..Secret::default()
        })
    }

    fn meta(version: &str) -> ObjectMeta {
        ObjectMeta {
            name: Some("bmc".to_owned()),
            namespace: Some("metal".to_owned()),
            resource_version: Some(version.to_owned()),
            ..ObjectMeta::default()
        }
    }

    #[test]
    fn text_is_found_and_the_rest_is_named() {
        let secret = secret(&[("password", b"hunter2"), ("store", b"\xff\xfe")]);
        assert_eq!(secret.version, "7");
        assert_eq!(secret.get("password").unwrap().expose_secret(), "hunter2");
        assert_eq!(
            secret.get("store").unwrap_err().to_string(),
            "key store of Secret bmc is not text (UTF-8)"
        );
        assert_eq!(
            secret.get("user").unwrap_err().to_string(),
            "Secret bmc has no key user"
        );
        assert_eq!(secret.binary["store"].expose_secret(), b"\xff\xfe");
        assert!(matches!(secret.all(), Err(SecretError::NotText { .. })));
    }

    #[test]
    fn what_is_too_large_is_not_taken_and_its_sizes_are_told() {
        let of = |most| {
            let values = [("a", vec![b'x'; 60]), ("b", vec![0xff; 41])];
            let data = values.map(|(key, value)| (key.to_owned(), ByteString(value)));
            let secret = Secret {
                metadata: meta("7"),
                data: Some(data.into()),
                ..Secret::default()
            };
            SecretData::within(most, secret)
        };
        assert_eq!(of(101).unwrap().data.len(), 1);
        let told = of(100).unwrap_err().to_string();
        let expected = "Secret bmc holds 101 bytes, which is more than the 100 that are taken from it";
        assert_eq!(told, expected);
    }

    #[test]
    fn values_are_never_shown() {
        let secret = secret(&[("password", b"hunter2")]);
        assert_eq!(secret.all().unwrap().len(), 1);
        assert!(!format!("{secret:?}").contains("hunter2"));
        let quoting = serde_json::from_str::<u8>("\"hunter2\"").unwrap_err();
        let error = refusal("bmc".to_owned(), kube::Error::SerdeError(quoting));
        assert!(error.source().is_none() && !format!("{error:?}").contains("hunter2"));
    }

    #[test]
    fn versions_come_from_the_store() {
        let (store, mut writer) = reflector::store();
        let versions = SecretVersions::new(store);
        assert_eq!(versions.version("metal", "bmc"), None);
        writer.apply_watcher_event(&watcher::Event::Apply(
            meta("7").into_response_partial::<Secret>(),
        ));
        assert_eq!(versions.version("metal", "bmc").as_deref(), Some("7"));
        assert_eq!(versions.version("other", "bmc"), None);
    }
}
