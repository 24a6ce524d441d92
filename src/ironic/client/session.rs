//! The client itself: its settings, its identity, its clock.
use std::fmt;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex as StdMutex, MutexGuard, PoisonError};
use std::time::Duration;

use reqwest::{Certificate, Url, redirect};
use secrecy::{ExposeSecret, SecretString};
use tokio::sync::{Mutex, Semaphore};

use super::auth::{Renewal, Session};
use super::{Auth, Error, Keystone, Observe, Result, Unobserved, VersionRange};
use crate::ironic::model::{ApiVersion, Stamp};
use crate::permit::Permit;

/// How long a connection may take to open.
const CONNECT: Duration = Duration::from_secs(10);

/// How long an unused connection is kept: less than the servers in front of Ironic keep theirs (5 s and
/// more), so that a request that changes something is not written into a connection just being closed.
const IDLE: Duration = Duration::from_secs(4);

/// No call takes longer, whatever the settings say.
const PATIENCE: Duration = Duration::from_hours(24);

/// What routes are written for while nobody knows where Ironic is. No name is ever looked up in `.invalid` (RFC 2606).
const UNKNOWN: &str = "http://ironic.invalid";

/// What a client needs to know.
#[derive(Clone)]
pub struct Settings {
    /// Where Ironic is: `http(s)://host[:port][/prefix]`, with or without `/v1`. None: where Keystone's catalog says.
    pub endpoint: Option<String>,
    /// Who is asking.
    pub auth: Auth,
    /// How many requests may be under way at once; the others wait, first come, first served.
    pub requests_in_flight: usize,
    /// The time of one call, with its retries and the wait for a slot.
    pub deadline: Duration,
    /// How often a request may be sent before its failure is the caller's.
    pub attempts: u32,
    /// The one API version to speak, if it is not to be negotiated: no newer than [`ApiVersion::TESTED`]. An Ironic that does not
    /// have it is not spoken to.
    pub api_version: Option<ApiVersion>,
    /// A CA to trust beside the system's.
    pub ca_certificate_pem: Option<Vec<u8>>,
    /// A certificate to show to servers that ask for one, and its private key (PEM, both in one text).
    pub client_certificate_pem: Option<SecretString>,
    /// Do not verify the server's certificate.
    pub insecure: bool,
    /// Who is told of every request.
    pub observe: Arc<dyn Observe>,
    /// Asked before every request and while it is being sent; nothing is sent without it.
    pub permit: Permit,
    /// Which process is asking, for Ironic's logs: a comment in the `User-Agent`.
    pub instance: Option<String>,
}

impl Settings {
    /// The defaults for an endpoint.
    pub fn new(endpoint: impl Into<String>) -> Self {
        Self {
            endpoint: Some(endpoint.into()),
            ..Self::with(Auth::None)
        }
    }

    /// The defaults for an Ironic that Keystone's catalog knows.
    pub fn keystone(keystone: Keystone) -> Self {
        Self::with(Auth::Keystone(Box::new(keystone)))
    }

    fn with(auth: Auth) -> Self {
        Self {
            endpoint: None,
            auth,
            requests_in_flight: 8,
            deadline: Duration::from_mins(1),
            attempts: 4,
            api_version: None,
            ca_certificate_pem: None,
            client_certificate_pem: None,
            insecure: false,
            observe: Arc::new(Unobserved),
            permit: Permit::default(),
            instance: None,
        }
    }
}

impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settings")
            .field("auth", &self.auth)
            .finish_non_exhaustive()
    }
}

/// One Ironic with one identity. Cheap to clone: clones share connections, slots, version and stamps.
///
/// Proxies are those of the environment (`HTTP_PROXY`, `NO_PROXY`, …). Redirects are not followed.
#[derive(Clone)]
pub struct Client {
    pub(super) inner: Arc<Inner>,
    /// It has a slot of its own.
    reserved: bool,
    /// How long it asks again for what is refused because of a lock.
    pub(super) patience: Duration,
}

pub(super) struct Inner {
    pub http: reqwest::Client,
    /// What routes are written for; where requests go if the session knows no better.
    pub base: Url,
    pub session: Session,
    slots: Arc<Semaphore>,
    /// How many slots there are besides the reserved ones, or will be.
    width: StdMutex<usize>,
    /// Those taken out of `slots` for whoever must not wait behind everybody else.
    reserved: Semaphore,
    /// How many those are.
    apart: AtomicUsize,
    pub deadline: Duration,
    pub attempts: u32,
    pub observe: Arc<dyn Observe>,
    pub permit: Permit,
    pub versions: Mutex<Option<VersionRange>>,
    pub api_version: Option<ApiVersion>,
    stamps: AtomicU64,
}

impl Client {
    /// A client; nothing is sent yet. The process must have installed a TLS provider.
    pub fn new(settings: Settings) -> Result<Self> {
        if settings.requests_in_flight == 0 || settings.attempts == 0 || settings.deadline.is_zero() {
            return Err(Error::settings("no request would ever be sent: a limit is zero"));
        }
        if settings.api_version > Some(ApiVersion::TESTED) {
            let problem = format!("no API version after {} was tested", ApiVersion::TESTED);
            return Err(Error::settings(problem));
        }
        let given = settings.endpoint.as_deref().map(normalised).transpose()?;
        let http = http_client(&settings)?;
        let session = Session::open(settings.auth, &http, given.as_ref())?;
        let base = given.map_or_else(|| normalised(UNKNOWN), Ok)?;
        let width = settings.requests_in_flight.min(Semaphore::MAX_PERMITS);
        let inner = Inner {
            http,
            base,
            session,
            slots: Arc::new(Semaphore::new(width)),
            width: StdMutex::new(width),
            reserved: Semaphore::new(0),
            apart: AtomicUsize::new(0),
            deadline: settings.deadline.min(PATIENCE),
            attempts: settings.attempts,
            observe: settings.observe,
            permit: settings.permit,
            versions: Mutex::new(None),
            api_version: settings.api_version,
            stamps: AtomicU64::new(0),
        };
        Ok(Self {
            inner: Arc::new(inner),
            reserved: false,
            patience: Duration::ZERO,
        })
    }

    /// The same client with one of the slots to itself: what it sends waits behind nothing but its own requests. To be
    /// asked for before the first request; with a single slot there is nothing to set apart.
    #[must_use]
    pub fn with_own_slot(&self) -> Self {
        let (slots, reserved) = (&self.inner.slots, &self.inner.reserved);
        if slots.available_permits() > 1 {
            let apart = slots.forget_permits(1);
            reserved.add_permits(apart);
            self.inner.apart.fetch_add(apart, Ordering::SeqCst);
            *self.width() -= apart;
        }
        Self {
            inner: Arc::clone(&self.inner),
            reserved: reserved.available_permits() > 0,
            patience: self.patience,
        }
    }

    /// Where its requests wait for their turn.
    pub(super) fn slots(&self) -> &Semaphore {
        if self.reserved {
            &self.inner.reserved
        } else {
            self.inner.slots.as_ref()
        }
    }

    fn width(&self) -> MutexGuard<'_, usize> {
        self.inner.width.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes how many requests may be under way at once, at least one besides a slot set apart. Fewer are fewer once enough
    /// of those under way have ended. Has to be called within a Tokio runtime.
    pub fn set_requests_in_flight(&self, most: usize) {
        let apart = self.inner.apart.load(Ordering::SeqCst);
        let wanted = most.min(Semaphore::MAX_PERMITS).saturating_sub(apart).max(1);
        let before = std::mem::replace(&mut *self.width(), wanted);
        let slots = Arc::clone(&self.inner.slots);
        if wanted > before {
            slots.add_permits(wanted - before);
        } else if wanted < before {
            let fewer = u32::try_from(before - wanted).unwrap_or(u32::MAX);
            tokio::spawn(async move {
                // Closed: nobody asks for a slot any more.
                if let Ok(surplus) = slots.acquire_many(fewer).await {
                    surplus.forget();
                }
            });
        }
    }

    /// The endpoint (normalised), the region if one was named, the user and the scope, never a secret:
    /// `http://host:6385 as admin`. None before Keystone, where there is one, has told; from then on it stays the same: a
    /// renewed token that is about something else ends the session ([`Client::has_moved`]).
    pub fn identity(&self) -> Option<&str> {
        self.inner.session.identity()
    }

    /// Whether Keystone now says that this is another Ironic, user or scope. Such a client sends nothing any more; a new one
    /// with the same settings does.
    pub fn has_moved(&self) -> bool {
        self.inner.session.renewal().is_some_and(Renewal::has_moved)
    }

    /// How often in a row Keystone has refused the credentials, those of [`Keystone::used_tries`] included.
    pub fn refusals(&self) -> u32 {
        self.inner.session.renewal().map_or(0, Renewal::refusals)
    }

    /// Lets the credentials be tried as often as [`Keystone::tries`] says once more: somebody has looked into it.
    pub fn forget_refusals(&self) {
        if let Some(renewal) = self.inner.session.renewal() {
            renewal.forget_refusals();
        }
    }

    /// From now on no request is sent any more, also none that waits for its turn; those under way are finished. For an
    /// orderly end.
    pub fn close(&self) {
        self.inner.slots.close();
        self.inner.reserved.close();
    }

    /// A stamp later than that of every request started so far: what a request started from now on reads is
    /// newer.
    pub fn stamp(&self) -> Stamp {
        Stamp::new(self.inner.stamps.fetch_add(1, Ordering::SeqCst) + 1)
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Client({})", self.inner.session)
    }
}

/// The endpoint without `/v1` and without what does not belong there. Never repeats it in an error: it could
/// contain a password.
pub(super) fn normalised(endpoint: &str) -> Result<Url> {
    let mut url: Url = endpoint
        .trim()
        .parse()
        .map_err(|_| Error::settings("the endpoint is not a URL"))?;
    if !matches!(url.scheme(), "http" | "https") || !url.has_host() {
        return Err(Error::settings("the endpoint is not an http or https URL"));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(Error::settings(
            "the endpoint has credentials in it: they belong in the authentication",
        ));
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err(Error::settings("the endpoint has a query or a fragment"));
    }
    let path = url.path().trim_end_matches('/');
    let path = path
        .strip_suffix("/v1")
        .unwrap_or(path)
        .trim_end_matches('/')
        .to_owned();
    url.set_path(&path);
    Ok(url)
}

/// The connection pool.
fn http_client(settings: &Settings) -> Result<reqwest::Client> {
    if rustls::crypto::CryptoProvider::get_default().is_none() {
        return Err(Error::settings("no TLS provider is installed in this process"));
    }
    let mut builder = reqwest::Client::builder()
        .user_agent(user_agent(settings.instance.as_deref()))
        .connect_timeout(CONNECT)
        .pool_idle_timeout(IDLE)
        .redirect(redirect::Policy::none())
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
