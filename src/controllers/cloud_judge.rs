//! What is to be said of a cloud that is being observed.

use std::time::Duration;

use kube::ResourceExt;

use super::cloud::RECHECK;
use super::cloud_settings::TRIES;
use super::context::Context;
use super::node::HEARTBEAT;
use super::triggers::users;
use crate::api::cloud::RefusedCredentials;
use crate::api::conditions::Reason;
use crate::api::{ACCEPT_IDENTITY_ANNOTATION, BareMetalCloud};
use crate::domain::cloud_identity::is_another;
use crate::domain::conditions::Standing;
use crate::fleet::observer::Overview;
use crate::fleet::{CloudKey, Health, Observer};

/// What came of looking at the cloud.
pub struct Finding {
    /// Ready, on its way, or in need of a person.
    pub standing: Standing,
    /// The condition's reason.
    pub reason: Reason,
    /// The sentence.
    pub message: String,
    /// Whom the nodes were seen as.
    pub identity: Option<String>,
    /// How often the credentials were refused.
    pub refused: Option<RefusedCredentials>,
    /// What was seen.
    pub overview: Option<Overview>,
    /// Until the next look at the object.
    pub pause: Duration,
}

type Verdict = (Standing, Reason, String);

/// `version`: that of the Secret with the credentials.
pub fn judge(
    object: &BareMetalCloud,
    key: &CloudKey,
    observer: &Observer,
    version: String,
    context: &Context,
) -> Finding {
    let overview = observer.overview();
    let known = object.status.as_ref().and_then(|status| status.identity.clone());
    let now = observer.client.identity().map(ToOwned::to_owned);
    let accepted = object.annotations().get(ACCEPT_IDENTITY_ANNOTATION);
    let accepted = accepted.map(String::as_str);
    let changed = is_another(known.as_deref(), now.as_deref(), accepted);
    let signs = context.census.signs(object, observer, context);
    let suspicion = signs.suspicion().filter(|_| overview.health == Health::Up);
    let (standing, reason, message) = if object.metadata.deletion_timestamp.is_some() {
        still_needed(key, context)
    } else if changed {
        identity_changed(known.as_deref(), now.as_deref())
    } else if let Some(reason) = suspicion {
        (Standing::Stalled, reason, signs.to_string())
    } else {
        health(
            &overview,
            now.as_deref(),
            observer.client.refusals(),
            observer.client.tells_in_clear().as_deref(),
        )
    };
    // An identity is recorded once it has shown nodes; from then on it is the one that absences are believed of.
    let identity = if changed || overview.health != Health::Up {
        known
    } else {
        now
    };
    Finding {
        standing,
        reason,
        message,
        identity,
        refused: refused(object, observer.client.refusals(), version),
        overview: Some(overview),
        // Objects that are let go leave fewer missing, which no listing tells.
        pause: if signs.suspicion().is_some() {
            RECHECK
        } else {
            HEARTBEAT
        },
    }
}

fn refused(object: &BareMetalCloud, tries: u32, version: String) -> Option<RefusedCredentials> {
    (tries > 0).then(|| RefusedCredentials {
        secret_version: version,
        generation: object.metadata.generation.unwrap_or_default(),
        tries: i32::try_from(tries).unwrap_or(i32::MAX),
    })
}

/// What is said of an address that may not be talked to.
pub fn not_allowed(words: &str) -> String {
    format!(
        "{words}. Whoever runs the operator allows addresses with --allow-endpoints (operator.allowEndpoints in the chart)."
    )
}

fn health(overview: &Overview, now: Option<&str>, refusals: u32, clear: Option<&str>) -> Verdict {
    let now = now.unwrap_or("The cloud");
    match &overview.health {
        Health::Unknown => (
            Standing::Reconciling,
            Reason::AwaitingObservation,
            "Waiting for the first answer.".to_owned(),
        ),
        Health::Up if overview.suspended => (
            Standing::Reconciling,
            Reason::CloudUnavailable,
            format!(
                "{now} is read, but not written to for now: its last writes got no answer. One is tried from time to time."
            ),
        ),
        Health::Up => (Standing::Ready, Reason::Observed, up(overview, clear)),
        Health::Down {
            not_allowed: true,
            words,
            ..
        } => (Standing::Stalled, Reason::EndpointNotAllowed, not_allowed(words)),
        Health::Down {
            unauthorized: true,
            words,
            ..
        } if (1..TRIES).contains(&refusals) => (
            Standing::Reconciling,
            Reason::Unauthorized,
            format!("{now} refuses the credentials, {refusals} of {TRIES} times so far: {words}"),
        ),
        Health::Down {
            unauthorized: true,
            words,
            ..
        } => (
            Standing::Stalled,
            Reason::Unauthorized,
            format!("{now} refuses the credentials: {words}"),
        ),
        Health::Down { words, .. } => (
            Standing::Reconciling,
            Reason::CloudUnavailable,
            format!("{now} gives no usable answer: {words}"),
        ),
    }
}

fn up(overview: &Overview, clear: Option<&str>) -> String {
    let up = "The cloud answers and its nodes are observed.".to_owned();
    let up = match clear {
        Some(place) => format!(
            "{up} The credentials go to {place} in clear text, for everybody on the way to read: use https."
        ),
        None => up,
    };
    let up = match overview.odd.count {
        0 => up,
        count => format!(
            "{up} Of {count} nodes the row makes no sense, and nothing is done to them: {}.",
            overview.odd.some.join("; ")
        ),
    };
    match overview.drivers {
        Some(_) => up,
        None => format!(
            "{up} These credentials have no right to list drivers, which takes system scope: a driver that no conductor offers is noticed only when it is used."
        ),
    }
}

fn identity_changed(known: Option<&str>, now: Option<&str>) -> Verdict {
    let (known, now) = (known.unwrap_or_default(), now.unwrap_or_default());
    let message = format!(
        "The nodes were seen under {known}; the settings now say {now}. Nothing is written until this is confirmed: if it is the same Ironic, annotate the cloud with {ACCEPT_IDENTITY_ANNOTATION}=\"{now}\"."
    );
    (Standing::Stalled, Reason::IdentityChanged, message)
}

fn still_needed(key: &CloudKey, context: &Context) -> Verdict {
    let users = users(key, context);
    let some = users.iter().take(3).cloned().collect::<Vec<_>>().join(", ");
    let message = format!(
        "{} BareMetalNodes still need this cloud ({some}…). It goes when they are gone.",
        users.len()
    );
    (Standing::Reconciling, Reason::StillNeeded, message)
}
