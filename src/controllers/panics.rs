//! A reconcile that panics: said on the object, which is then left alone for a while. Nothing else of its kind stops.

use std::fmt::Debug;
use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::core::NamespaceResourceScope;
use kube::{Api, Resource, ResourceExt};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::context::Context;
use super::memory::Memory;
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

/// Says so on a node. Best effort: this must not fail in turn.
pub async fn tell_node(cached: &BareMetalNode, context: &Context) {
    for observer in context.clouds.observers() {
        observer.leave_room(&key(cached));
    }
    tell(cached, &context.nodes, context, |node| {
        let status = node.status.get_or_insert_default();
        (&mut status.observed_generation, &mut status.conditions)
    })
    .await;
}

/// Says so on a cloud. Best effort: this must not fail in turn.
pub async fn tell_cloud(cached: &BareMetalCloud, context: &Context) {
    tell(cached, &context.cloud_memory, context, |cloud| {
        let status = cloud.status.get_or_insert_default();
        (&mut status.observed_generation, &mut status.conditions)
    })
    .await;
}

/// The part of a status that is said anew: the generation that it speaks of, and the conditions.
type Said<'a> = (&'a mut Option<i64>, &'a mut Vec<Condition>);

/// Stalls the object, unless it says so already.
async fn tell<K>(cached: &K, memory: &Memory<K>, context: &Context, said: fn(&mut K) -> Said<'_>)
where
    K: Resource<DynamicType = (), Scope = NamespaceResourceScope>
        + Clone
        + Debug
        + DeserializeOwned
        + Serialize,
{
    let mut object = memory.newest(cached);
    let generation = object.meta().generation;
    let (observed, conditions) = said(&mut object);
    let before = (*observed, conditions.clone());
    *observed = generation;
    let saying = Saying {
        generation,
        now: Timestamp::now(),
        reason: Reason::InternalError,
        message: WORDS,
    };
    stand(conditions, Standing::Stalled, saying);
    if before == (*observed, conditions.clone()) {
        return;
    }
    let api = Api::namespaced(context.kube.clone(), &object.namespace().unwrap_or_default());
    match status::write(&api, &object).await {
        Ok(stored) => memory.wrote(&stored),
        Err(error) => {
            tracing::warn!(kind = %K::kind(&()), name = %object.name_any(), %error, "cannot report a panic");
        }
    }
}
