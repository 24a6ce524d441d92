//! The session of a BareMetalCloud: from its endpoint, or from a clouds.yaml in a Secret.

use std::fmt::Write;
use std::sync::Arc;
use std::time::Duration;

use secrecy::ExposeSecret;
use sha2::{Digest, Sha256};

use super::context::Context;
use crate::api::conditions::Reason;
use crate::api::{BareMetalCloud, BareMetalCloudSpec};
use crate::fleet::clouds::Terms;
use crate::fleet::{Intervals, Limits};
use crate::ironic::client::{Auth, Observe, RequestOutcome, Settings, clouds_yaml};
use crate::kubernetes::secrets::SecretError;
use crate::metrics::Metrics;

/// The key of the Secret that holds the file.
const FILE: &str = "clouds.yaml";

/// The time of one call. Ironic answers within seconds (its own wait for a lock takes three); one that hangs must not hold
/// the objects of other clouds up for longer.
const DEADLINE: Duration = Duration::from_secs(30);

/// Why there is no session.
pub struct Unsettled {
    /// The condition's reason.
    pub reason: Reason,
    /// The sentence.
    pub message: String,
    /// It can pass by itself.
    pub passing: bool,
}

impl Unsettled {
    fn new(reason: Reason, message: impl Into<String>) -> Self {
        Self {
            reason,
            message: message.into(),
            passing: false,
        }
    }
}

/// The settings of the cloud's client.
pub async fn settings(
    cloud: &BareMetalCloud,
    namespace: &str,
    context: &Context,
) -> Result<Settings, Unsettled> {
    let mut settings = match (
        &cloud.spec.endpoint,
        &cloud.spec.credentials_secret_ref,
        &cloud.spec.cloud_name,
    ) {
        (Some(endpoint), None, None) => Settings::new(endpoint),
        (None, Some(secret), Some(name)) => from_secret(namespace, &secret.name, name, context).await?,
        _ => {
            return Err(Unsettled::new(
                Reason::InvalidSpec,
                "Give either endpoint or credentialsSecretRef with cloudName.",
            ));
        }
    };
    if let Some(certificates) = &cloud.spec.ca_certificate {
        settings.ca_certificate_pem = Some(certificates.clone().into_bytes());
    }
    settings.deadline = DEADLINE;
    settings.observe = Arc::new(Measured(context.metrics.clone()));
    settings.permit = context.permit.clone();
    settings.instance = Some(context.instance.clone());
    Ok(settings)
}

async fn from_secret(
    namespace: &str,
    secret: &str,
    cloud: &str,
    context: &Context,
) -> Result<Settings, Unsettled> {
    let contents = context
        .secrets
        .read(namespace, secret)
        .await
        .map_err(|error| unreadable(&error))?;
    let file = contents.get(FILE).map_err(|error| unreadable(&error))?;
    clouds_yaml::settings(file.expose_secret(), cloud).map_err(|error| {
        Unsettled::new(
            Reason::InvalidCredentials,
            format!("{FILE} in Secret {secret}: {error}."),
        )
    })
}

fn unreadable(error: &SecretError) -> Unsettled {
    let (reason, passing) = match error {
        SecretError::Missing { .. } => (Reason::SecretMissing, true),
        SecretError::MissingKey { .. } => (Reason::SecretKeyMissing, true),
        SecretError::Unavailable { .. } => (Reason::SecretUnavailable, true),
        SecretError::Forbidden { .. } => (Reason::Forbidden, false),
        SecretError::NotText { .. } => (Reason::InvalidCredentials, false),
    };
    Unsettled {
        reason,
        message: format!("{error}."),
        passing,
    }
}

/// Two clouds with the same word share one observer: everything that makes a difference to what is seen, or to how.
pub fn session(settings: &Settings) -> String {
    let auth = match &settings.auth {
        Auth::HttpBasic { username, password } => format!("basic {username} {}", password.expose_secret()),
        _ => "none".to_owned(),
    };
    let ca = settings.ca_certificate_pem.as_deref().unwrap_or_default();
    let mut hash = Sha256::new();
    for part in [settings.endpoint.as_bytes(), auth.as_bytes(), ca] {
        hash.update(part.len().to_le_bytes());
        hash.update(part);
    }
    hash.update([u8::from(settings.insecure)]);
    hash.finalize().iter().fold(String::new(), |mut text, byte| {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// What the cloud asks of the way it is seen; `in_flight` where it says nothing of requests.
pub fn terms(spec: &BareMetalCloudSpec, in_flight: usize) -> Terms {
    let given = spec.limits.clone().unwrap_or_default();
    let most = |given: Option<i32>, default| {
        given
            .and_then(|most| usize::try_from(most).ok())
            .unwrap_or(default)
    };
    let default = Limits::default();
    let at_once = given.destructive.and_then(|destructive| destructive.at_once);
    Terms {
        intervals: intervals(spec),
        limits: Limits {
            deploys: most(given.deploys, default.deploys),
            cleans: most(given.cleans, default.cleans),
            destructive: at_once.and_then(|most| usize::try_from(most).ok()),
        },
        requests_in_flight: most(given.requests_in_flight, in_flight),
    }
}

/// How often to look.
fn intervals(spec: &BareMetalCloudSpec) -> Intervals {
    let default = Intervals::default();
    let given = spec.intervals.clone().unwrap_or_default();
    let seconds = |given: Option<i32>, default: Duration| {
        given
            .and_then(|seconds| u64::try_from(seconds).ok())
            .map_or(default, Duration::from_secs)
    };
    Intervals {
        busy: seconds(given.busy_seconds, default.busy),
        quiet: seconds(given.quiet_seconds, default.quiet),
        sweep: seconds(given.sweep_seconds, default.sweep),
    }
}

/// Counts every request.
struct Measured(Metrics);

impl Observe for Measured {
    fn request(&self, outcome: &RequestOutcome) {
        self.0.ironic_request(
            outcome.route.method.as_str(),
            outcome.route.template,
            outcome.status,
            outcome.seconds,
        );
    }
}
