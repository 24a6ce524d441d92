//! A reconcile that panics: said on the object, which is then left alone for a while. Nothing else of its kind stops.

use std::time::Duration;

use jiff::Timestamp;
use kube::{Api, ResourceExt};

use super::context::Context;
use super::node::key;
use crate::api::conditions::Reason;
use crate::api::{BareMetalCloud, BareMetalNode};
use crate::domain::conditions::{Saying, Standing, stand};
use crate::kubernetes::status;

/// The pause after a reconcile that panicked.
pub const PAUSE: Duration = Duration::from_mins(1);

const WORDS: &str = "The operator met an error of its own on this object; the log has the details. It is tried again every minute.";

/// The environment variable that names an object whose reconciles panic, `Kind/namespace/name`: so that the containment can be
/// tried on the real binary. Only builds with debug assertions have it; in a release build there is nothing to switch on.
#[cfg(debug_assertions)]
const SWITCH: &str = "IRONWRIGHT_PANIC_ON";

/// For tests.
///
/// # Panics
///
/// If the environment says so about this object.
#[cfg(debug_assertions)]
pub fn provoke(kind: &str, object: &impl ResourceExt) {
    let name = format!(
        "{kind}/{}/{}",
        object.namespace().unwrap_or_default(),
        object.name_any()
    );
    let poisoned = std::env::var(SWITCH).is_ok_and(|poisoned| poisoned == name);
    assert!(!poisoned, "{SWITCH} names this object");
}

/// Does nothing.
#[cfg(not(debug_assertions))]
pub fn provoke(_kind: &str, _object: &impl ResourceExt) {}

fn saying(generation: Option<i64>) -> Saying<'static> {
    Saying {
        generation,
        now: Timestamp::now(),
        reason: Reason::InternalError,
        message: WORDS,
    }
}

/// Says so on a node. Best effort: this must not fail in turn.
pub async fn tell_node(cached: &BareMetalNode, context: &Context) {
    for observer in context.clouds.observers() {
        observer.leave_room(&key(cached));
    }
    let mut object = context.nodes.newest(cached);
    let generation = object.metadata.generation;
    let status = object.status.get_or_insert_default();
    let before = status.clone();
    status.observed_generation = generation;
    stand(&mut status.conditions, Standing::Stalled, saying(generation));
    if *status == before {
        return;
    }
    let api = Api::namespaced(context.kube.clone(), &object.namespace().unwrap_or_default());
    match status::write(&api, &object).await {
        Ok(stored) => context.nodes.wrote(&stored),
        Err(error) => tracing::warn!(node = %object.name_any(), %error, "cannot report a panic"),
    }
}

/// Says so on a cloud. Best effort: this must not fail in turn.
pub async fn tell_cloud(cached: &BareMetalCloud, context: &Context) {
    let mut object = context.cloud_memory.newest(cached);
    let generation = object.metadata.generation;
    let status = object.status.get_or_insert_default();
    let before = status.clone();
    status.observed_generation = generation;
    stand(&mut status.conditions, Standing::Stalled, saying(generation));
    if *status == before {
        return;
    }
    let api = Api::namespaced(context.kube.clone(), &object.namespace().unwrap_or_default());
    match status::write(&api, &object).await {
        Ok(stored) => context.cloud_memory.wrote(&stored),
        Err(error) => tracing::warn!(cloud = %object.name_any(), %error, "cannot report a panic"),
    }
}
