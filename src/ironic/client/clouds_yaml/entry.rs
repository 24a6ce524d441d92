//! One cloud of a clouds.yaml, read.
use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use serde_json::{Map, Value};

use super::{Files, credentials};
use crate::ironic::client::{Auth, Error, Interface, Result, Settings};
use crate::ironic::model::ApiVersion;

/// How PEM begins, as opposed to the name of a file.
const PEM: &str = "-----BEGIN";

/// A cloud: a map with another one under `auth`.
pub(super) struct Entry<'a> {
    cloud: Map<String, Value>,
    auth: Map<String, Value>,
    files: Files<'a>,
}

impl<'a> Entry<'a> {
    /// Dashes in names count as underscores.
    pub fn new(cloud: Map<String, Value>, files: Files<'a>) -> Self {
        let plain = |map: Map<String, Value>| {
            let pairs = map.into_iter();
            pairs.map(|(key, value)| (key.replace('-', "_"), value)).collect()
        };
        let mut cloud: Map<String, Value> = plain(cloud);
        let auth = match cloud.remove("auth") {
            Some(Value::Object(auth)) => plain(auth),
            _ => Map::new(),
        };
        Self { cloud, auth, files }
    }

    /// The settings it stands for.
    pub fn settings(&self) -> Result<Settings> {
        let kind = self.kind()?;
        let endpoint = self.text("baremetal_endpoint_override")?;
        let mut settings = match kind {
            Kind::None => Settings::new(self.endpoint(endpoint)?),
            Kind::HttpBasic => Settings {
                auth: self.http_basic()?,
                ..Settings::new(self.endpoint(endpoint)?)
            },
            Kind::Keystone(method) => Settings {
                endpoint,
                ..Settings::keystone(credentials::keystone(self, method)?)
            },
        };
        settings.insecure = self.truth("insecure")? == Some(true) || self.truth("verify")? == Some(false);
        settings.ca_certificate_pem = self
            .pem("cacert")?
            .map(|pem| pem.expose_secret().as_bytes().to_vec());
        settings.client_certificate_pem = self.client_certificate()?;
        settings.api_version = self.api_version()?;
        if let Some(seconds) = self.seconds("api_timeout")? {
            settings.deadline = seconds;
        }
        Ok(settings)
    }

    fn kind(&self) -> Result<Kind> {
        let kind = match self.text("auth_type")? {
            Some(kind) => Some(kind),
            None => self.text("auth_plugin")?,
        };
        match kind.as_deref() {
            Some("none") => Ok(Kind::None),
            Some("http_basic") => Ok(Kind::HttpBasic),
            None if self.either("token")?.is_some() => Ok(Kind::Keystone(Method::Token)),
            None | Some("password" | "v3password") => Ok(Kind::Keystone(Method::Password)),
            Some("token" | "v3token") => Ok(Kind::Keystone(Method::Token)),
            Some("v3applicationcredential") => Ok(Kind::Keystone(Method::ApplicationCredential)),
            Some(other) => Err(Error::settings(format!(
                "auth_type {other} is not supported; none, http_basic, password, v3applicationcredential and token are"
            ))),
        }
    }

    fn endpoint(&self, given: Option<String>) -> Result<String> {
        let endpoint = match given {
            Some(endpoint) => Some(endpoint),
            None => self.either("endpoint")?,
        };
        endpoint.ok_or_else(|| {
            Error::settings("it names no endpoint: give auth.endpoint or baremetal_endpoint_override")
        })
    }

    fn http_basic(&self) -> Result<Auth> {
        match (self.either("username")?, self.secret("password")?) {
            (Some(username), Some(password)) => Ok(Auth::HttpBasic { username, password }),
            _ => Err(Error::settings(
                "http_basic needs auth.username and auth.password",
            )),
        }
    }

    /// Which of Ironic's addresses: `public`, or `publicURL` as it was once called.
    pub fn interface(&self) -> Result<Interface> {
        let names = [
            "baremetal_interface",
            "baremetal_endpoint_type",
            "interface",
            "endpoint_type",
        ];
        let mut given = None;
        for name in names {
            given = given.or(self.text(name)?);
        }
        match given.as_deref().map(|name| name.trim_end_matches("URL")) {
            None | Some("public") => Ok(Interface::Public),
            Some("internal") => Ok(Interface::Internal),
            Some("admin") => Ok(Interface::Admin),
            Some(_) => Err(Error::settings("interface is none of public, internal and admin")),
        }
    }

    /// A version to settle on. `latest`, or the major version alone, says nothing.
    fn api_version(&self) -> Result<Option<ApiVersion>> {
        let text = match self.text("baremetal_default_microversion")? {
            Some(text) => Some(text),
            None => self.text("baremetal_api_version")?,
        };
        match text.as_deref() {
            None | Some("latest" | "1" | "v1") => Ok(None),
            Some(text) => text
                .parse()
                .map(Some)
                .map_err(|_| Error::settings("baremetal_default_microversion is not a version like 1.95")),
        }
    }

    fn client_certificate(&self) -> Result<Option<SecretString>> {
        match (self.pem("cert")?, self.pem("key")?) {
            (None, None) => Ok(None),
            (Some(both), None) => Ok(Some(both)),
            (Some(cert), Some(key)) => Ok(Some(
                [cert.expose_secret(), "\n", key.expose_secret()].concat().into(),
            )),
            (None, Some(_)) => Err(Error::settings("there is a key, but no cert")),
        }
    }

    /// PEM: here, or in a file that is named.
    fn pem(&self, key: &str) -> Result<Option<SecretString>> {
        let Some(value) = self.text(key)? else {
            return Ok(None);
        };
        if value.contains(PEM) {
            return Ok(Some(value.into()));
        }
        (self.files)(&value).map(Some).ok_or_else(|| {
            Error::settings(format!(
                "{key} names a file that is not there; put the PEM itself in its place, or beside the clouds.yaml under that name"
            ))
        })
    }

    /// What stands under `auth`, or beside it, where command lines and variables put it.
    pub fn either(&self, key: &str) -> Result<Option<String>> {
        match self.text(key)? {
            Some(text) => Ok(Some(text)),
            None => text_of(self.auth.get(key), &format!("auth.{key}")),
        }
    }

    /// The same for what must not be shown.
    pub fn secret(&self, key: &str) -> Result<Option<SecretString>> {
        Ok(self.either(key)?.map(SecretString::from))
    }

    /// A text beside `auth`.
    pub fn text(&self, key: &str) -> Result<Option<String>> {
        text_of(self.cloud.get(key), key)
    }

    fn truth(&self, key: &str) -> Result<Option<bool>> {
        match self.cloud.get(key) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::Bool(truth)) => Ok(Some(*truth)),
            Some(Value::String(text)) => match text.to_ascii_lowercase().as_str() {
                "" => Ok(None),
                "true" | "yes" | "1" => Ok(Some(true)),
                "false" | "no" | "0" => Ok(Some(false)),
                _ => Err(Error::settings(format!("{key} is neither true nor false"))),
            },
            Some(_) => Err(Error::settings(format!("{key} is neither true nor false"))),
        }
    }

    fn seconds(&self, key: &str) -> Result<Option<Duration>> {
        let seconds = match self.cloud.get(key) {
            None | Some(Value::Null) => return Ok(None),
            Some(Value::String(text)) => text.parse().ok(),
            Some(value) => value.as_f64(),
        };
        let duration = seconds
            .filter(|seconds| *seconds > 0.0)
            .and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
        duration
            .map(Some)
            .ok_or_else(|| Error::settings(format!("{key} is not a number of seconds")))
    }
}

/// A text. A number is refused where YAML may have lost what was written: `0123`, `1e3`, `1.10`.
fn text_of(value: Option<&Value>, key: &str) -> Result<Option<String>> {
    match value {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) if text.is_empty() => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.clone())),
        Some(_) => Err(Error::settings(format!(
            "{key} is not a text; put it into quotes"
        ))),
    }
}

/// The ways in.
enum Kind {
    None,
    HttpBasic,
    Keystone(Method),
}

/// The ways of Keystone.
#[derive(Clone, Copy)]
pub(super) enum Method {
    /// A user and a password.
    Password,
    /// An application credential.
    ApplicationCredential,
    /// A token.
    Token,
}
