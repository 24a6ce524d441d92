//! A TLS server before a plain one.

#![cfg(test)]

use std::sync::Arc;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;

/// Signs the server's certificate.
pub const AUTHORITY: &str = include_str!("../fixtures/tls/ca.pem");
/// Signs certificates of clients, and nothing else.
pub const OTHER_AUTHORITY: &str = include_str!("../fixtures/tls/client-ca.pem");
/// A client's certificate.
pub const CLIENT: &str = include_str!("../fixtures/tls/client.pem");
/// Its key.
pub const CLIENT_KEY: &str = include_str!("../fixtures/tls/client-key.pem");

/// Speaks TLS on a port of its own and passes on what is said. Ends when dropped.
pub struct TlsFront {
    port: u16,
    server: JoinHandle<()>,
}

impl TlsFront {
    /// Stands before `http://127.0.0.1:PORT`; asks clients for a certificate if `picky`.
    pub async fn before(upstream: &str, picky: bool) -> Self {
        let upstream = upstream.trim_start_matches("http://").to_owned();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let acceptor = TlsAcceptor::from(Arc::new(config(picky)));
        let server = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (acceptor, upstream) = (acceptor.clone(), upstream.clone());
                tokio::spawn(async move {
                    // A client that does not trust us hangs up, which is its right.
                    let (Ok(mut inside), Ok(mut outside)) =
                        (acceptor.accept(stream).await, TcpStream::connect(upstream).await)
                    else {
                        return;
                    };
                    let _closed = copy_bidirectional(&mut inside, &mut outside).await;
                });
            }
        });
        Self { port, server }
    }

    /// Its URL.
    pub fn endpoint(&self) -> String {
        format!("https://127.0.0.1:{}", self.port)
    }
}

impl Drop for TlsFront {
    fn drop(&mut self) {
        self.server.abort();
    }
}

fn config(picky: bool) -> ServerConfig {
    let builder = ServerConfig::builder();
    let builder = if picky {
        let mut known = RootCertStore::empty();
        let authority = CertificateDer::from_pem_slice(OTHER_AUTHORITY.as_bytes()).unwrap();
        known.add(authority).unwrap();
        builder.with_client_cert_verifier(WebPkiClientVerifier::builder(Arc::new(known)).build().unwrap())
    } else {
        builder.with_no_client_auth()
    };
    let certificate = include_bytes!("../fixtures/tls/server.pem");
    let key = include_bytes!("../fixtures/tls/server-key.pem");
    let certificate = CertificateDer::from_pem_slice(certificate).unwrap();
    let key = PrivateKeyDer::from_pem_slice(key).unwrap();
    builder.with_single_cert(vec![certificate], key).unwrap()
}
