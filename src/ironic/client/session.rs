//! The client itself: its settings, its identity, its clock.
use std::fmt;
use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex as StdMutex, MutexGuard, PoisonError};
use std::time::Duration;

use reqwest::Url;
use secrecy::SecretString;
use tokio::sync::{AcquireError, Mutex, OwnedSemaphorePermit, Semaphore, SemaphorePermit};
use tokio::time::timeout;

use super::auth::{Renewal, Session};
use super::breaker::Breaker;
use super::http::http_client;
use super::reach::{Reach, Resolver};
use super::room::Room;
use super::{Auth, Error, Keystone, Observe, Result, Route, Unobserved, VersionRange};
use crate::ironic::model::{ApiVersion, Stamp};
use crate::permit::Permit;

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
    /// The time of one call, with its retries and the wait for a slot. A write is not sent in the last quarter of it.
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
    /// Whom it may talk to: Ironic, Keystone, and where Keystone's catalog says that Ironic is.
    pub reach: Reach,
    /// An Ironic that leaves several writes in a row without an answer is sent none for a while, but for one from time to time
    /// ([`Error::Suspended`]).
    pub suspends_writes: bool,
    /// What changes something is sent only by a client with a permit of its own ([`Client::with_permit`]): who writes has to say
    /// when it is no longer meant.
    pub each_write_needs_permit: bool,
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

    /// The endpoint in the one way to write it, if there is one; one that cannot work as it is given.
    pub fn place(&self) -> Option<String> {
        let given = self.endpoint.as_ref()?;
        Some(normalised(given).map_or_else(|_| given.clone(), |url| url.to_string()))
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
            reach: Reach::everything(),
            suspends_writes: false,
            each_write_needs_permit: false,
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

/// One clock for all clients: two may lead to one Ironic, and what one has written shows in what the other reads.
static STAMPS: AtomicU64 = AtomicU64::new(0);

/// One Ironic with one identity. Cheap to clone: clones share connections, slots and version.
/// Proxies are those of the environment (`HTTP_PROXY`, `NO_PROXY`, …). Redirects are not followed.
#[derive(Clone)]
pub struct Client {
    pub(super) inner: Arc<Inner>,
    /// It has a slot of its own.
    reserved: bool,
    /// How long it asks again for what is refused because of a lock.
    pub(super) patience: Duration,
    /// What it was asked for may be withdrawn.
    pub(super) own_permit: Option<Permit>,
    /// A slot that it has already.
    held: Option<Arc<OwnedSemaphorePermit>>,
    /// Its requests share no connection.
    pub(super) unpooled: bool,
    /// Who has the memory for long answers.
    pub(super) room: Option<Arc<dyn Room>>,
}

pub(super) struct Inner {
    pub http: reqwest::Client,
    /// The same without a pool.
    pub unpooled: reqwest::Client,
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
    pub resolver: Arc<Resolver>,
    pub breaker: Option<Breaker>,
    pub each_write_needs_permit: bool,
    pub versions: Mutex<Option<VersionRange>>,
    pub api_version: Option<ApiVersion>,
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
        let resolver = Resolver::new(settings.reach.clone());
        let http = http_client(&settings, &resolver, true)?;
        let unpooled = http_client(&settings, &resolver, false)?;
        if let Some(url) = &given {
            resolver.check(url)?;
        }
        let session = Session::open(settings.auth, &http, &resolver, given.as_ref())?;
        let base = given.map_or_else(|| normalised(UNKNOWN), Ok)?;
        let width = settings.requests_in_flight.min(Semaphore::MAX_PERMITS);
        let inner = Inner {
            http,
            unpooled,
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
            resolver,
            breaker: settings.suspends_writes.then(|| Breaker::new(settings.deadline)),
            each_write_needs_permit: settings.each_write_needs_permit,
            versions: Mutex::new(None),
            api_version: settings.api_version,
        };
        Ok(Self {
            inner: Arc::new(inner),
            reserved: false,
            patience: Duration::ZERO,
            own_permit: None,
            held: None,
            unpooled: false,
            room: None,
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
            ..self.clone()
        }
    }

    /// The same client, of which nothing is sent any more once `permit` is withdrawn, or one that was given before. It is asked
    /// before every attempt, as the last thing: after the wait for a slot, after authentication, and once a connection is open. What
    /// is being answered is not broken off.
    #[must_use]
    pub fn with_permit(&self, permit: Permit) -> Self {
        let permit = match self.own_permit.clone() {
            Some(before) => Permit::new(move || before.granted() && permit.granted()),
            None => permit,
        };
        Self {
            own_permit: Some(permit),
            ..self.clone()
        }
    }

    /// The same client with a slot at hand, which it keeps until it is dropped: one request at a time is sent by it without a
    /// wait. None if no slot became free within the deadline of a call, or the client is closed.
    pub async fn with_slot(&self) -> Option<Self> {
        if self.reserved || self.held.is_some() {
            return Some(self.clone());
        }
        let slot = Arc::clone(&self.inner.slots).acquire_owned();
        let slot = timeout(self.inner.deadline, slot).await.ok()?.ok()?;
        Some(Self {
            held: Some(Arc::new(slot)),
            ..self.clone()
        })
    }

    /// Where its requests wait for their turn.
    pub(super) fn slots(&self) -> &Semaphore {
        if self.reserved {
            &self.inner.reserved
        } else {
            self.inner.slots.as_ref()
        }
    }

    /// Waits for its turn; none: it has a slot already. An error says that it is closed.
    pub(super) async fn turn(&self) -> Result<Option<SemaphorePermit<'_>>, AcquireError> {
        let slots = self.slots();
        if self.held.is_some() && !slots.is_closed() {
            return Ok(None);
        }
        slots.acquire().await.map(Some)
    }

    /// Whether a request may leave now, as far as the one who asked for it goes.
    pub(super) fn is_meant(&self, route: &'static Route) -> Result<()> {
        match &self.own_permit {
            Some(permit) if !permit.granted() => Err(Error::Withdrawn { route }),
            None if route.mutating && self.inner.each_write_needs_permit => Err(Error::Unpermitted { route }),
            Some(_) | None => Ok(()),
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

    /// Where credentials go without encryption, if they do so anywhere but to this machine.
    pub fn tells_in_clear(&self) -> Option<String> {
        let place = self.inner.session.told().into_iter().find(is_clear)?;
        Some(place.origin().ascii_serialization())
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
        Stamp::new(STAMPS.fetch_add(1, Ordering::SeqCst) + 1)
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

/// Whether what goes there can be read on the way.
fn is_clear(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
    let here = host == "localhost" || host.parse().is_ok_and(|address: IpAddr| address.is_loopback());
    url.scheme() == "http" && !here
}
