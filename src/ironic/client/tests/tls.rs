//! Certificates that the system does not know.
use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{WantsServerCert, WebPkiClientVerifier};
use rustls::{ConfigBuilder, RootCertStore, ServerConfig, ServerConnection, StreamOwned};

use super::{Fixture, install_tls};
use crate::ironic::client::{Client, Error, Settings};

const CERTIFICATE: &[u8] = include_bytes!("../../../../tests/fixtures/tls/server.pem");
/// The authority that signed it. (Its key is gone; nothing else was ever signed with it.)
const AUTHORITY: &[u8] = include_bytes!("../../../../tests/fixtures/tls/ca.pem");
const KEY: &[u8] = include_bytes!("../../../../tests/fixtures/tls/server-key.pem");

/// The authority that signs clients' certificates, and one of those.
const CLIENT_AUTHORITY: &[u8] = include_bytes!("../../../../tests/fixtures/tls/client-ca.pem");
const CLIENT: &str = concat!(
    include_str!("../../../../tests/fixtures/tls/client.pem"),
    include_str!("../../../../tests/fixtures/tls/client-key.pem")
);

/// Answers every request with the discovery document, one request a connection, until the test ends.
fn server() -> SocketAddr {
    install_tls();
    serve(ServerConfig::builder().with_no_client_auth())
}

/// The same for clients with a certificate only.
fn picky_server() -> SocketAddr {
    install_tls();
    let mut known = RootCertStore::empty();
    known
        .add(CertificateDer::from_pem_slice(CLIENT_AUTHORITY).unwrap())
        .unwrap();
    let verifier = WebPkiClientVerifier::builder(Arc::new(known)).build().unwrap();
    serve(ServerConfig::builder().with_client_cert_verifier(verifier))
}

fn serve(config: ConfigBuilder<ServerConfig, WantsServerCert>) -> SocketAddr {
    let certificate = CertificateDer::from_pem_slice(CERTIFICATE).unwrap();
    let key = PrivateKeyDer::from_pem_slice(KEY).unwrap();
    let config = Arc::new(config.with_single_cert(vec![certificate], key).unwrap());
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for socket in listener.incoming().map_while(Result::ok) {
            let connection = ServerConnection::new(config.clone()).unwrap();
            // A client that does not trust us hangs up, which is its right.
            let _hung_up = answer(StreamOwned::new(connection, socket));
        }
    });
    address
}

fn answer(stream: StreamOwned<ServerConnection, std::net::TcpStream>) -> std::io::Result<()> {
    let mut stream = BufReader::new(stream);
    let mut line = String::new();
    while stream.read_line(&mut line)? > 2 {
        line.clear();
    }
    let body = Fixture::read("v1").body.to_string();
    let head = format!(
        "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    let stream = stream.get_mut();
    stream.write_all(head.as_bytes())?;
    stream.write_all(body.as_bytes())?;
    stream.conn.send_close_notify();
    stream.flush()
}

/// One attempt: trust does not come with patience.
fn settings() -> Settings {
    Settings {
        attempts: 1,
        ..Settings::new(format!("https://{}", server()))
    }
}

#[tokio::test]
async fn a_certificate_of_an_unknown_authority_is_refused_with_words() {
    let error = Client::new(settings()).unwrap().versions().await.unwrap_err();
    assert!(matches!(error, Error::Transport { sent: false, .. }), "{error:?}");
    let meaning = "(none of the authorities that are trusted here has signed the server's certificate)";
    assert!(error.words().ends_with(meaning), "{}", error.words());
}

#[tokio::test]
async fn a_given_authority_is_trusted() {
    let settings = Settings {
        ca_certificate_pem: Some(AUTHORITY.to_vec()),
        ..settings()
    };
    Client::new(settings).unwrap().versions().await.unwrap();
}

#[tokio::test]
async fn verification_can_be_switched_off() {
    let settings = Settings {
        insecure: true,
        ..settings()
    };
    Client::new(settings).unwrap().versions().await.unwrap();
}

#[tokio::test]
async fn a_server_that_asks_for_a_certificate_is_shown_ours() {
    let with = |pem: Option<&str>| Settings {
        attempts: 1,
        ca_certificate_pem: Some(AUTHORITY.to_vec()),
        client_certificate_pem: pem.map(Into::into),
        ..Settings::new(format!("https://{}", picky_server()))
    };
    Client::new(with(Some(CLIENT))).unwrap().versions().await.unwrap();
    let error = Client::new(with(None)).unwrap().versions().await.unwrap_err();
    assert!(matches!(error, Error::Transport { .. }), "{error:?}");
    let nonsense = Client::new(with(Some("hunter2"))).unwrap_err().to_string();
    assert!(
        nonsense.contains("client certificate") && !nonsense.contains("hunter2"),
        "{nonsense}"
    );
}
