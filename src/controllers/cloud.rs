//! Reconciles a BareMetalCloud: keeps an observer for it and reports how the cloud does.

use std::collections::BTreeMap;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::FutureExt;
use jiff::Timestamp;
use kube::runtime::controller::Action;
use kube::runtime::reflector::ObjectRef;
use kube::{Api, Resource, ResourceExt};

use super::cloud_judge::{Finding, judge, not_allowed};
use super::cloud_settings::{self, Connection, Unsettled};
use super::context::Context;
use super::node::{HEARTBEAT, Never};
use super::panics;
use super::triggers::{self, users, wake_nodes};
use crate::api::cloud::ApiVersions;
use crate::api::conditions::Reason;
use crate::api::{BareMetalCloud, BareMetalCloudStatus};
use crate::domain::conditions::{Saying, Standing, stand};
use crate::fleet::clouds::{Entry, Way};
use crate::fleet::{CloudKey, Observer};
use crate::kubernetes::{Error, finalizer, status};

/// The kind, as metrics and logs have it.
pub const KIND: &str = "BareMetalCloud";

/// The counts of nodes in the status may be this old: they change all the time while a fleet moves.
const COUNTS_AGE: Duration = Duration::from_secs(15);

/// The pause while a deleted cloud waits for its nodes, or a Secret for its key; the watches usually wake it sooner.
pub const RECHECK: Duration = Duration::from_secs(15);

/// Reconciles; a panic is contained to the object.
pub async fn reconcile(cached: Arc<BareMetalCloud>, context: Arc<Context>) -> Result<Action, Never> {
    let started = Instant::now();
    let object = context.cloud_memory.newest(&cached);
    let result = AssertUnwindSafe(run(object, &context)).catch_unwind().await;
    let (outcome, pause) = match result {
        Ok(Ok((outcome, pause))) => {
            context.cloud_memory.succeeded(&cached);
            (outcome, pause)
        }
        Ok(Err(Error::Conflict)) => ("conflict", Duration::from_millis(200)),
        Ok(Err(Error::Gone)) => ("gone", HEARTBEAT),
        Ok(Err(error)) => {
            tracing::warn!(cloud = %cached.name_any(), %error, "cannot write to the Kubernetes API");
            ("failed", context.cloud_memory.failed(&cached, ""))
        }
        Err(_) => {
            context.metrics.panic(KIND);
            tracing::error!(cloud = %cached.name_any(), "a reconcile panicked; the object is left alone for a minute");
            panics::tell_cloud(&cached, &context).await;
            ("panic", panics::PAUSE)
        }
    };
    context
        .metrics
        .reconcile(KIND, outcome, started.elapsed().as_secs_f64());
    // It may have gone meanwhile, and been forgotten before the last that was remembered of it.
    if context.cloud_store.get(&ObjectRef::from_obj(&*cached)).is_none() {
        triggers::forget_cloud(&cached, &context);
    }
    Ok(Action::requeue(pause))
}

/// The cloud's key in the fleet.
pub fn key(object: &BareMetalCloud) -> CloudKey {
    CloudKey::new(object.namespace().unwrap_or_default(), object.name_any())
}

async fn run(mut object: BareMetalCloud, context: &Context) -> Result<(&'static str, Duration), Error> {
    panics::provoke(KIND, &object);
    if !context.is_synced() {
        return Ok(("starting", super::node::STARTING));
    }
    let key = key(&object);
    let api = Api::namespaced(context.kube.clone(), &key.namespace);
    if object.metadata.deletion_timestamp.is_some() && users(&key, context).is_empty() {
        let left = context.clouds.remove(&key);
        wake_nodes(&key, context, left.as_deref());
        context.census.forget(&key);
        finalizer::remove(&api, &object).await?;
        context.cloud_memory.forget(&object);
        return Ok(("released", HEARTBEAT));
    }
    if object.metadata.deletion_timestamp.is_none() && !finalizer::is_on(&object) {
        object = finalizer::add(&api, &object).await?;
        context.cloud_memory.wrote(&object);
    }
    let finding = find(&object, &key, context).await;
    let deleting = object.metadata.deletion_timestamp.is_some();
    let pause = if deleting { RECHECK } else { finding.pause };
    let later = !report(object, &api, finding, context).await?;
    Ok(("settled", if later { COUNTS_AGE } else { pause }))
}

async fn find(object: &BareMetalCloud, key: &CloudKey, context: &Context) -> Finding {
    match connect(object, key, context).await {
        Ok((observer, version)) => judge(object, key, &observer, version, context),
        Err(unsettled) => {
            let message = unsettled.message;
            // What was seen with settings that worked is still seen: a Secret that is gone must not stop a deletion.
            let pause = if unsettled.passing { RECHECK } else { HEARTBEAT };
            let place = cloud_settings::place(object);
            let seen = context.clouds.get_at(key, &place).filter(|_| unsettled.passing);
            match seen {
                // Of a cloud that goes it matters who still needs it, not what a new start would lack.
                Some(Entry::Observed(observer)) if object.metadata.deletion_timestamp.is_some() => {
                    return judge(object, key, &observer, String::new(), context);
                }
                Some(_) => {}
                None => {
                    let left = context.clouds.break_off((key, &place), message.clone());
                    wake_nodes(key, context, left.as_deref());
                }
            }
            let standing = if unsettled.passing {
                Standing::Reconciling
            } else {
                Standing::Stalled
            };
            Finding {
                standing,
                reason: unsettled.reason,
                message,
                identity: None,
                refused: None,
                overview: None,
                pause,
            }
        }
    }
}

async fn connect(
    object: &BareMetalCloud,
    key: &CloudKey,
    context: &Context,
) -> Result<(Arc<Observer>, String), Unsettled> {
    let Connection { settings, version } = cloud_settings::settings(object, &key.namespace, context).await?;
    let session = cloud_settings::session(&settings);
    let terms = cloud_settings::terms(&object.spec, settings.requests_in_flight);
    let seen = context.clouds.observe(
        Way {
            cloud: key,
            place: &cloud_settings::place(object),
            secret: &version,
        },
        &session,
        settings,
        terms,
        &context.woken,
    );
    let seen = seen.map_err(|error| {
        let (reason, message) = if error.is_not_allowed() {
            (Reason::EndpointNotAllowed, not_allowed(&error.words()))
        } else {
            (Reason::InvalidSpec, format!("{}.", error.words()))
        };
        Unsettled {
            reason,
            message,
            passing: false,
        }
    })?;
    if seen.new {
        wake_nodes(key, context, seen.left.as_deref());
    }
    // Touched without another word in it, or a new generation: somebody wants the credentials to be tried again.
    if cloud_settings::may_try_again(object, &version) {
        seen.observer.client.forget_refusals();
    }
    Ok((seen.observer, version))
}

/// Whether everything there is to report is reported.
async fn report(
    mut object: BareMetalCloud,
    api: &Api<BareMetalCloud>,
    finding: Finding,
    context: &Context,
) -> Result<bool, Error> {
    let before = object.status.clone();
    let status = compose(&object, finding);
    let fresh = context
        .cloud_memory
        .since_report(&object)
        .is_some_and(|since| since < COUNTS_AGE);
    let only_counts = before.as_ref().is_some_and(|before| {
        BareMetalCloudStatus {
            nodes: status.nodes.clone(),
            ..before.clone()
        } == status
    });
    if before.as_ref() == Some(&status) || (only_counts && fresh) {
        return Ok(before.as_ref() == Some(&status));
    }
    object.status = Some(status);
    let stored = status::write(api, &object).await?;
    context.cloud_memory.wrote(&stored);
    Ok(true)
}

fn compose(object: &BareMetalCloud, finding: Finding) -> BareMetalCloudStatus {
    let mut status = object.status.clone().unwrap_or_default();
    let generation = object.meta().generation;
    status.observed_generation = generation;
    if finding.overview.is_some() {
        status.refused = finding.refused;
    }
    if finding.identity.is_some() {
        status.identity = finding.identity;
    }
    if let Some(overview) = finding.overview {
        status.api = overview.versions.map(|versions| ApiVersions {
            minimum: versions.min.to_string(),
            maximum: versions.max.to_string(),
            negotiated: versions.negotiated.to_string(),
        });
        status.drivers = overview.drivers.unwrap_or_default();
        status.drivers.sort_unstable();
        let count = |count: u32| i32::try_from(count).unwrap_or(i32::MAX);
        status.nodes = overview
            .counts
            .into_iter()
            .map(|(state, nodes)| (state, count(nodes)))
            .collect::<BTreeMap<_, _>>();
    }
    let saying = Saying {
        generation,
        now: Timestamp::now(),
        reason: finding.reason,
        message: &finding.message,
    };
    stand(&mut status.conditions, finding.standing, saying);
    status
}
