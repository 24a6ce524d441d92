//! The HTTP client: its connections, certificates and name.
use std::sync::Arc;
use std::time::Duration;

use reqwest::{Certificate, redirect};
use secrecy::ExposeSecret;

use super::connect::AskingAgain;
use super::reach::{Resolver, Shared};
use super::{Error, Result, Settings};

/// How long a connection may take to open.
const CONNECT: Duration = Duration::from_secs(10);

/// How long an unused connection is kept: less than the servers in front of Ironic keep theirs (5 s and
/// more), so that a request that changes something is not written into a connection just being closed.
const IDLE: Duration = Duration::from_secs(4);

/// What sends requests: with a pool of connections, or each by a connection of its own.
pub(super) fn http_client(
    settings: &Settings,
    resolver: &Arc<Resolver>,
    pools: bool,
) -> Result<reqwest::Client> {
    if rustls::crypto::CryptoProvider::get_default().is_none() {
        return Err(Error::settings("no TLS provider is installed in this process"));
    }
    let mut builder = reqwest::Client::builder()
        .user_agent(user_agent(settings.instance.as_deref()))
        .connect_timeout(CONNECT)
        .pool_idle_timeout(IDLE)
        .pool_max_idle_per_host(if pools { usize::MAX } else { 0 })
        .redirect(redirect::Policy::none())
        .connector_layer(AskingAgain)
        .dns_resolver(Arc::new(Shared(Arc::clone(resolver))))
        .tls_danger_accept_invalid_certs(settings.insecure);
    if let Some(pem) = settings.ca_certificate_pem.as_deref() {
        builder = builder.tls_certs_merge(certificates(pem)?);
    }
    if let Some(pem) = &settings.client_certificate_pem {
        let pem = reqwest::Identity::from_pem(pem.expose_secret().as_bytes());
        let pem = pem.map_err(|_quotes| {
            Error::settings("the client certificate is not a certificate and a private key in PEM")
        })?;
        builder = builder.identity(pem);
    }
    builder
        .build()
        .map_err(|error| Error::settings(format!("no HTTP client: {}", error.without_url())))
}

/// The program, its version and the process: `ironwright/0.1.0 (ironwright-6d5f_1a2b3c4d)`.
fn user_agent(instance: Option<&str>) -> String {
    let program = concat!("ironwright/", env!("CARGO_PKG_VERSION"));
    let plain = |character: char| character.is_ascii_alphanumeric() || "-._".contains(character);
    match instance.filter(|instance| !instance.is_empty() && instance.chars().all(plain)) {
        Some(instance) => format!("{program} ({instance})"),
        None => program.to_owned(),
    }
}

/// The certificates of a PEM bundle, at least one.
fn certificates(pem: &[u8]) -> Result<Vec<Certificate>> {
    match Certificate::from_pem_bundle(pem) {
        Ok(certificates) if !certificates.is_empty() => Ok(certificates),
        _ => Err(Error::settings("the CA certificate is not PEM")),
    }
}
