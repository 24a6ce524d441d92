//! Settings from a clouds.yaml, the file that every OpenStack tool reads.
//!
//! The text is given, never a path, and it may not name local files: who writes it (into a Secret, say) must not be able to
//! make this process read its own disk.
use std::collections::BTreeMap;

use serde::Deserialize;

use super::{Auth, Error, Result, Settings};

/// Keys that name local files.
const FILES: &[&str] = &["cacert", "cert", "key"];

#[derive(Deserialize)]
struct File {
    #[serde(default)]
    clouds: BTreeMap<String, Cloud>,
}

#[derive(Default, Deserialize)]
struct Cloud {
    auth_type: Option<String>,
    #[serde(default)]
    auth: Credentials,
    baremetal_endpoint_override: Option<String>,
    verify: Option<bool>,
    insecure: Option<bool>,
    #[serde(flatten)]
    other: BTreeMap<String, serde_json::Value>,
}

#[derive(Default, Deserialize)]
struct Credentials {
    endpoint: Option<String>,
    username: Option<String>,
    password: Option<String>,
}

/// The settings of one cloud of the file: `auth_type` `none` or `http_basic`, with the endpoint in `auth.endpoint` or
/// `baremetal_endpoint_override` (the latter wins, as in openstacksdk).
///
/// Errors are [`Error::Settings`] and never quote the file, because it holds secrets.
pub fn settings(text: &str, cloud: &str) -> Result<Settings> {
    let file: File = serde_saphyr::from_str(text)
        .map_err(|_quotes_the_text| Error::settings("it is not a clouds.yaml (a map with the key clouds)"))?;
    let names: Vec<_> = file.clouds.keys().cloned().collect();
    let mut clouds = file.clouds;
    let found = clouds.remove(cloud).ok_or_else(|| {
        Error::settings(format!("there is no cloud {cloud} in it; it has {}", names.join(", ")))
    })?;
    of(found)
}

fn of(cloud: Cloud) -> Result<Settings> {
    if let Some(key) = FILES.iter().find(|key| cloud.other.contains_key(**key)) {
        return Err(Error::settings(format!("{key} names a local file, which is not read")));
    }
    let endpoint = cloud.baremetal_endpoint_override.or(cloud.auth.endpoint).ok_or_else(|| {
        Error::settings("it names no endpoint: give auth.endpoint or baremetal_endpoint_override")
    })?;
    let mut settings = Settings::new(endpoint);
    settings.insecure = cloud.insecure.unwrap_or(false) || cloud.verify == Some(false);
    settings.auth = match cloud.auth_type.as_deref() {
        Some("none") => Auth::None,
        Some("http_basic") => match (cloud.auth.username, cloud.auth.password) {
            (Some(username), Some(password)) => Auth::HttpBasic { username, password: password.into() },
            _ => return Err(Error::settings("http_basic needs auth.username and auth.password")),
        },
        Some(other) => return Err(Error::settings(format!("auth_type {other} is not supported; none and http_basic are"))),
        None => return Err(Error::settings("auth_type is missing; none and http_basic are supported")),
    };
    Ok(settings)
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret;

    use super::*;

    fn problem(text: &str) -> String {
        settings(text, "lab").unwrap_err().to_string()
    }

    #[test]
    fn both_kinds_of_standalone_ironic_are_read() {
        let none = settings("clouds: {lab: {auth_type: none, baremetal_endpoint_override: 'http://i:6385'}}", "lab").unwrap();
        assert!(matches!(none.auth, Auth::None));
        assert_eq!(none.endpoint, "http://i:6385");
        let text = "clouds:\n  lab:\n    auth_type: http_basic\n    verify: false\n    auth: {endpoint: 'http://i', username: u, password: '1234'}\n";
        let basic = settings(text, "lab").unwrap();
        assert!(basic.insecure);
        let Auth::HttpBasic { username, password } = basic.auth else { panic!("not basic") };
        assert_eq!((username.as_str(), password.expose_secret()), ("u", "1234"));
    }

    #[test]
    fn what_is_wrong_is_said_without_quoting_the_file() {
        assert!(problem("hunter2: [").contains("not a clouds.yaml"));
        assert!(!problem("hunter2: [").contains("hunter2"));
        assert!(problem("clouds: {other: {}}").contains("it has other"));
        assert!(problem("clouds: {lab: {auth_type: none}}").contains("no endpoint"));
        assert!(problem("clouds: {lab: {auth_type: v3oidc, auth: {endpoint: x}}}").contains("v3oidc"));
        assert!(problem("clouds: {lab: {auth_type: none, cacert: /etc/passwd, auth: {endpoint: x}}}").contains("local file"));
        assert!(problem("clouds: {lab: {auth_type: http_basic, auth: {endpoint: x}}}").contains("needs auth.username"));
    }
}
