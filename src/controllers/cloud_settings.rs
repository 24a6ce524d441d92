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
use crate::ironic::client::clouds_yaml::CloudsYaml;
use crate::ironic::client::{Auth, Observe, RequestOutcome, Settings};
use crate::kubernetes::secrets::{ANYTHING, SecretError};
use crate::metrics::Metrics;

/// The key of the Secret that holds the file.
const FILE: &str = "clouds.yaml";

/// What is laid over it, and the profiles that it may refer to, if the Secret has such keys.
const SECURE: &str = "secure.yaml";
const PUBLIC: &str = "clouds-public.yaml";

/// How many bytes a file of YAML may have: it is parsed at every look at the cloud, and meanwhile nobody else's turn comes.
const LARGEST_FILE: usize = 64 * 1024;

/// The time of one call. Ironic answers within seconds (its own wait for a lock takes three); one that hangs must not hold
/// the objects of other clouds up for longer.
const DEADLINE: Duration = Duration::from_secs(30);

/// The certificates of Keystone's and Ironic's authorities, if the Secret has such a key.
const AUTHORITIES: &str = "cacert";

/// So often are credentials tried for each version of their Secret: Keystone can be set up to lock accounts.
pub const TRIES: u32 = 3;

/// How to reach the cloud.
pub struct Connection {
    /// The settings of its client.
    pub settings: Settings,
    /// The version of the Secret that they come from; empty without one.
    pub version: String,
}

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
) -> Result<Connection, Unsettled> {
    let Connection {
        mut settings,
        version,
    } = match (
        &cloud.spec.endpoint,
        &cloud.spec.credentials_secret_ref,
        &cloud.spec.cloud_name,
    ) {
        (Some(endpoint), None, None) => Connection {
            settings: Settings::new(endpoint),
            version: String::new(),
        },
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
    settings.reach = context.reach.clone();
    settings.suspends_writes = true;
    settings.each_write_needs_permit = true;
    settings.instance = Some(context.instance.clone());
    if let Auth::Keystone(keystone) = &mut settings.auth {
        keystone.tries = Some(TRIES);
        keystone.used_tries = used_tries(cloud, &version);
    }
    Ok(Connection { settings, version })
}

/// What the spec says of where the cloud is, and as whom it is spoken to: who decides by one that says otherwise must not act through the
/// session of this one.
pub fn place(cloud: &BareMetalCloud) -> String {
    let spec = &cloud.spec;
    serde_json::json!([
        cloud.metadata.uid,
        spec.endpoint,
        spec.credentials_secret_ref,
        spec.cloud_name,
        spec.ca_certificate
    ])
    .to_string()
}

/// How often these very credentials were refused, also before this process began.
fn used_tries(cloud: &BareMetalCloud, version: &str) -> u32 {
    let refused = cloud.status.as_ref().and_then(|status| status.refused.as_ref());
    match refused {
        Some(refused) if !may_try_again(cloud, version) => refused.tries.try_into().unwrap_or_default(),
        _ => 0,
    }
}

/// Whether the Secret or the spec has changed since the credentials were refused.
pub fn may_try_again(cloud: &BareMetalCloud, version: &str) -> bool {
    let refused = cloud.status.as_ref().and_then(|status| status.refused.as_ref());
    refused.is_some_and(|refused| {
        refused.secret_version != version || Some(refused.generation) != cloud.metadata.generation
    })
}

async fn from_secret(
    namespace: &str,
    secret: &str,
    cloud: &str,
    context: &Context,
) -> Result<Connection, Unsettled> {
    let contents = context
        .secrets
        .read(namespace, secret, ANYTHING)
        .await
        .map_err(|error| unreadable(&error))?;
    let file = contents.get(FILE).map_err(|error| unreadable(&error))?;
    let beside = |name: &str| contents.data.get(name).map(ExposeSecret::expose_secret);
    for name in [FILE, SECURE, PUBLIC] {
        let bytes = beside(name).map_or(0, str::len);
        if bytes > LARGEST_FILE {
            let message = format!("{name} in Secret {secret} has {bytes} bytes; it may have {LARGEST_FILE}.");
            return Err(Unsettled::new(Reason::InvalidCredentials, message));
        }
    }
    // Never from this process's own disk: what a file name stands for is another key of the Secret.
    let texts = CloudsYaml {
        clouds: file.expose_secret(),
        secure: beside(SECURE),
        public: beside(PUBLIC),
        files: &|name| contents.data.get(name).cloned(),
    };
    let mut settings = texts.settings(cloud, None).map_err(|error| {
        Unsettled::new(
            Reason::InvalidCredentials,
            format!("{FILE} in Secret {secret}: {error}."),
        )
    })?;
    if settings.ca_certificate_pem.is_none() {
        settings.ca_certificate_pem = beside(AUTHORITIES).map(|pem| pem.as_bytes().to_vec());
    }
    Ok(Connection {
        settings,
        version: contents.version,
    })
}

fn unreadable(error: &SecretError) -> Unsettled {
    let (reason, passing) = match error {
        SecretError::Missing { .. } => (Reason::SecretMissing, true),
        SecretError::MissingKey { .. } => (Reason::SecretKeyMissing, true),
        SecretError::Unavailable { .. } => (Reason::SecretUnavailable, true),
        SecretError::Forbidden { .. } => (Reason::Forbidden, false),
        SecretError::NotText { .. } | SecretError::TooLarge { .. } => (Reason::InvalidCredentials, false),
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
        Auth::Keystone(keystone) => {
            let secret = keystone.credentials.secret().expose_secret();
            let (kind, name) = (&keystone.service_type, &keystone.service_name);
            format!("{keystone:?} {kind:?} {name:?} {secret}")
        }
        _ => "none".to_owned(),
    };
    let ca = settings.ca_certificate_pem.as_deref().unwrap_or_default();
    let client = settings.client_certificate_pem.as_ref();
    let client = client.map_or("", ExposeSecret::expose_secret);
    // However an address is written, it is one Ironic.
    let more = format!("{:?} {:?}", settings.place(), settings.api_version);
    let mut hash = Sha256::new();
    for part in [more.as_bytes(), auth.as_bytes(), ca, client.as_bytes()] {
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
