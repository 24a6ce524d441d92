//! A token that is always good: fetched when first needed, renewed before it expires and when it is refused.
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use reqwest::Url;
use reqwest::header::{HeaderMap, HeaderName};
use secrecy::SecretString;
use tokio::time::Instant;

use super::keystone::{Credentials, Keystone};
use super::token::{self, Issued};
use super::{AuthError, Grant, catalog, place, without};
use crate::ironic::client::reach::Resolver;
use crate::ironic::client::{Class, Error, Result, session};

/// A token is renewed this long before it expires, so that none expires on the way; a short-lived one at half its life.
const MARGIN: Duration = Duration::from_mins(2);
/// When an early renewal fails, the old token is used for so much longer before Keystone is asked again.
const PAUSE: Duration = Duration::from_secs(10);
/// What carries the token.
const HEADER: HeaderName = HeaderName::from_static("x-auth-token");

/// The token in use.
#[derive(Clone)]
struct Held {
    grant: Arc<Grant>,
    token: SecretString,
    renew_at: Instant,
    expires_at: Instant,
}

/// How the credentials fared.
#[derive(Default)]
struct Refusals {
    count: u32,
    message: String,
}

#[derive(Default)]
struct State {
    held: Option<Held>,
    serial: u64,
    refusals: Refusals,
    /// The given token's end: it cannot renew itself.
    expired: bool,
}

/// A source of tokens.
pub(in crate::ironic::client) struct Renewal {
    keystone: Keystone,
    http: reqwest::Client,
    resolver: Arc<Resolver>,
    url: Url,
    /// Where Ironic is, whatever the catalog says.
    given: Option<Url>,
    /// Taken by whoever asks Keystone; the others wait for the answer.
    asking: tokio::sync::Mutex<()>,
    state: Mutex<State>,
    identity: OnceLock<String>,
    moved: AtomicBool,
}

impl Renewal {
    /// Asks nobody yet.
    pub fn new(
        keystone: Keystone,
        http: reqwest::Client,
        resolver: Arc<Resolver>,
        given: Option<Url>,
    ) -> Result<Self> {
        let url = token::url(&keystone.auth_url).map_err(Error::settings)?;
        resolver.check(&url)?;
        let refusals = Refusals {
            count: keystone.used_tries,
            message: "that was before this client was made".to_owned(),
        };
        Ok(Self {
            http,
            resolver,
            url,
            given,
            asking: tokio::sync::Mutex::default(),
            state: Mutex::new(State {
                refusals,
                ..State::default()
            }),
            identity: OnceLock::new(),
            moved: AtomicBool::new(false),
            keystone,
        })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Who is asking, and whom; none before the first token.
    pub fn identity(&self) -> Option<&str> {
        self.identity.get().map(String::as_str)
    }

    /// Where passwords and tokens go, as far as known.
    pub fn told(&self) -> Vec<Url> {
        let held = self
            .state()
            .held
            .as_ref()
            .and_then(|held| held.grant.base.clone());
        [Some(self.url.clone()), self.given.clone(), held]
            .into_iter()
            .flatten()
            .collect()
    }

    /// Whether a renewed token turned out to be about something else.
    pub fn has_moved(&self) -> bool {
        self.moved.load(Ordering::Relaxed)
    }

    /// How often in a row the credentials were refused.
    pub fn refusals(&self) -> u32 {
        self.state().refusals.count
    }

    /// The credentials may be tried again.
    pub fn forget_refusals(&self) {
        self.state().refusals = Refusals::default();
    }

    /// A text without the secrets.
    pub fn scrub(&self, text: String) -> String {
        let text = without(text, self.keystone.credentials.secret());
        match &self.state().held {
            Some(held) => without(text, &held.token),
            None => text,
        }
    }

    /// The token with this serial number is not good any more; that of another number may be.
    pub fn drop_grant(&self, serial: u64) {
        self.state().held.take_if(|held| held.grant.serial == serial);
    }

    /// A token that is good. However many ask at once, Keystone is asked once.
    pub async fn grant(&self) -> Result<Arc<Grant>, AuthError> {
        if let Some(grant) = self.fresh() {
            return Ok(grant);
        }
        let _turn = self.asking.lock().await;
        // Somebody else may have asked meanwhile.
        if let Some(grant) = self.fresh() {
            return Ok(grant);
        }
        self.may_ask()?;
        match self.ask().await {
            Ok(grant) => Ok(grant),
            Err(error) => self.make_do(error),
        }
    }

    fn fresh(&self) -> Option<Arc<Grant>> {
        let state = self.state();
        let held = state.held.as_ref()?;
        (Instant::now() < held.renew_at).then(|| Arc::clone(&held.grant))
    }

    fn may_ask(&self) -> Result<(), AuthError> {
        let mut state = self.state();
        let renewable = !matches!(self.keystone.credentials, Credentials::Token(_));
        if state
            .held
            .as_ref()
            .is_some_and(|held| held.expires_at <= Instant::now())
            && !renewable
        {
            state.expired = true;
        }
        if state.expired {
            return Err(AuthError::Expired);
        }
        self.are_left(&state)
    }

    /// Whether the credentials may be tried once more.
    fn are_left(&self, state: &State) -> Result<(), AuthError> {
        match self.keystone.tries {
            Some(tries) if state.refusals.count >= tries => Err(AuthError::Spent {
                tries: state.refusals.count,
                message: state.refusals.message.clone(),
            }),
            _ => Ok(()),
        }
    }

    /// The token that is still good, when Keystone is down for a while.
    fn make_do(&self, error: AuthError) -> Result<Arc<Grant>, AuthError> {
        let mut state = self.state();
        let now = Instant::now();
        if let AuthError::Refused { message, .. } = &error
            && error.is_unauthorized()
        {
            state.refusals.count = state.refusals.count.saturating_add(1);
            state.refusals.message.clone_from(message);
            self.are_left(&state)?;
        }
        match &mut state.held {
            Some(held) if error.class() == Class::Transient && now < held.expires_at => {
                tracing::warn!(%error, "the token is not renewed yet");
                held.renew_at = (now + PAUSE).min(held.expires_at);
                Ok(Arc::clone(&held.grant))
            }
            _ => Err(error),
        }
    }

    async fn ask(&self) -> Result<Arc<Grant>, AuthError> {
        let asked = Instant::now();
        self.resolver.check(&self.url)?;
        let issued = token::ask(&self.http, &self.url, &self.keystone, |text| self.scrub(text)).await?;
        let base = self.base(&issued)?;
        self.recognise(&issued, base.as_ref())?;
        let renewable = !matches!(self.keystone.credentials, Credentials::Token(_));
        let margin = if renewable {
            MARGIN.min(issued.life / 2)
        } else {
            Duration::ZERO
        };
        tracing::debug!(life = ?issued.life, who = %issued.who, "a token from Keystone");
        let mut state = self.state();
        state.serial += 1;
        state.refusals = Refusals::default();
        let grant = Arc::new(Grant {
            headers: HeaderMap::from_iter([(HEADER, issued.header)]),
            base,
            serial: state.serial,
        });
        state.held = Some(Held {
            grant: Arc::clone(&grant),
            token: issued.token,
            renew_at: asked + issued.life.saturating_sub(margin),
            expires_at: asked + issued.life,
        });
        Ok(grant)
    }

    /// Where Ironic is, unless it was given.
    fn base(&self, issued: &Issued) -> Result<Option<Url>, AuthError> {
        if self.given.is_some() {
            return Ok(None);
        }
        let chosen = catalog::choose(&issued.catalog, &self.keystone)?;
        let url = session::normalised(chosen).map_err(|error| AuthError::Nonsense {
            url: place(&self.url),
            problem: format!(
                "the catalog's address of Ironic cannot be used: {}",
                error.words()
            ),
        })?;
        self.resolver.check(&url)?;
        Ok(Some(url))
    }

    /// Whether the token is about what this session has been about from the start.
    fn recognise(&self, issued: &Issued, base: Option<&Url>) -> Result<(), AuthError> {
        let at = base.or(self.given.as_ref()).map(place).unwrap_or_default();
        let region = match &self.keystone.region {
            Some(region) => format!(" (region {region})"),
            None => String::new(),
        };
        let now = format!("{at}{region} as {}", issued.who);
        let was = self.identity.get_or_init(|| now.clone());
        if *was == now {
            return Ok(());
        }
        self.moved.store(true, Ordering::Relaxed);
        Err(AuthError::Moved {
            was: was.clone(),
            now,
        })
    }
}

impl fmt::Display for Renewal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.identity() {
            Some(identity) => f.write_str(identity),
            None => write!(f, "by way of {}", self.keystone.auth_url),
        }
    }
}
