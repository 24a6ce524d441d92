//! The server behind the proxy.

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, Result, bail};
use bytes::Bytes;
use http::request::Parts;
use http::{Request, Response, Uri};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper_util::rt::TokioIo;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

/// Where it is, and how to speak to it.
pub(super) struct Upstream {
    address: String,
    tls: Option<(TlsConnector, ServerName<'static>)>,
}

impl fmt::Debug for Upstream {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.address)
    }
}

impl Upstream {
    /// A server without TLS.
    pub(super) fn plain(url: &str) -> Result<Self> {
        let (host, port) = place(url, "http")?;
        Ok(Self {
            address: format!("{host}:{}", port.unwrap_or(80)),
            tls: None,
        })
    }

    /// A server with TLS.
    pub(super) fn tls(url: &str, authorities: &Path) -> Result<Self> {
        let (host, port) = place(url, "https")?;
        // Already installed by somebody else in this program: just as good.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let mut roots = RootCertStore::empty();
        let certificates = CertificateDer::pem_file_iter(authorities)
            .with_context(|| format!("cannot read {}", authorities.display()))?;
        for certificate in certificates {
            roots.add(certificate?)?;
        }
        let config = ClientConfig::builder()
            .with_root_certificates(roots)
            .with_no_client_auth();
        Ok(Self {
            address: format!("{host}:{}", port.unwrap_or(443)),
            tls: Some((TlsConnector::from(Arc::new(config)), ServerName::try_from(host)?)),
        })
    }

    /// A new connection for each request: a kept one that the server closes meanwhile would be a fault that no
    /// rule asked for.
    pub(super) async fn pass_on(&self, parts: Parts, body: Bytes) -> Result<Response<Incoming>> {
        let stream = TcpStream::connect(&self.address)
            .await
            .context("cannot reach the server")?;
        match &self.tls {
            None => exchange(stream, parts, body).await,
            Some((connector, name)) => {
                exchange(connector.connect(name.clone(), stream).await?, parts, body).await
            }
        }
    }
}

async fn exchange(
    stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static,
    parts: Parts,
    body: Bytes,
) -> Result<Response<Incoming>> {
    let (mut sender, connection) = hyper::client::conn::http1::Builder::new()
        .preserve_header_case(true)
        .handshake(TokioIo::new(stream))
        .await?;
    // Ends when the answer was read; then there is nothing left to learn from its result.
    tokio::spawn(async move { drop(connection.await) });
    Ok(sender
        .send_request(Request::from_parts(parts, Full::new(body)))
        .await?)
}

/// Host and port of a URL that has nothing else.
fn place(url: &str, scheme: &str) -> Result<(String, Option<u16>)> {
    let uri: Uri = url.parse().with_context(|| format!("{url} is no URL"))?;
    if uri.scheme_str() != Some(scheme) || uri.path() != "/" {
        bail!("the proxy can stand before {scheme}://HOST:PORT only, not {url}");
    }
    let host = uri.host().with_context(|| format!("{url} has no host"))?;
    Ok((host.to_owned(), uri.port_u16()))
}
