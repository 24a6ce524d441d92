//! Objects that cannot be used: it is said on each of them, and one that is deleted has a way out. Nothing is ever written to Ironic
//! for them.

use std::collections::HashMap;
use std::fmt::Debug;
use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::api::core::v1::ObjectReference;
use kube::core::NamespaceResourceScope;
use kube::{Api, Resource};
use tokio::time::{sleep, timeout};

use super::context::Context;
use super::triggers;
use crate::api::conditions::Reason;
use crate::api::{BareMetalCloud, BareMetalNode};
use crate::domain::conditions::{Saying, Standing, stand};
use crate::fleet::CloudKey;
use crate::kubernetes::bounds::Unreadable;
use crate::kubernetes::events::Severity;
use crate::kubernetes::unread::{Named, Unread, write_conditions};
use crate::kubernetes::{Error, finalizer};

/// The pause before what failed is tried again.
const PAUSE: Duration = Duration::from_secs(5);

/// How long those that are waiting for something else are left alone.
const RECHECK: Duration = Duration::from_secs(15);

/// A kind whose objects are looked after here.
trait Kind: Resource<DynamicType = (), Scope = NamespaceResourceScope> + Clone + Debug + 'static {
    /// What to do about one that is being deleted.
    const WAY_OUT: &'static str;

    /// Whether one that is being deleted may go.
    fn may_go(unreadable: &Unreadable, context: &Context) -> bool;
}

impl Kind for BareMetalNode {
    const WAY_OUT: &'static str = "It is being deleted: what that would do to the machine cannot be told. Correct it, or set deletionPolicy to Detach, which leaves the machine as it is.";

    /// The one policy under which nothing is done to the machine, if it is given explicitly: any other needs the whole spec.
    fn may_go(unreadable: &Unreadable, _context: &Context) -> bool {
        unreadable.deletion_policy.as_deref() == Some("Detach")
    }
}

impl Kind for BareMetalCloud {
    const WAY_OUT: &'static str = "It is being deleted, and goes when no BareMetalNode needs it any more.";

    /// A cloud has nothing in Ironic that is its own.
    fn may_go(unreadable: &Unreadable, context: &Context) -> bool {
        let metadata = &unreadable.metadata;
        let key = CloudKey::new(
            metadata.namespace.clone().unwrap_or_default(),
            metadata.name.clone().unwrap_or_default(),
        );
        triggers::users(&key, context).is_empty()
    }
}

/// Looks after the unreadable objects of both kinds, for ever.
pub async fn look_after(context: &Context) {
    tokio::join!(
        look_after_kind::<BareMetalNode>(&context.unread_nodes, context),
        look_after_kind::<BareMetalCloud>(&context.unread_clouds, context),
    );
}

async fn look_after_kind<K: Kind>(unread: &Unread, context: &Context) {
    // What was said on which object, by its uid.
    let mut said = HashMap::new();
    loop {
        // A cloud may go when its last node has gone, which changes nothing here.
        timeout(RECHECK, unread.changed()).await.ok();
        while !look_at_all::<K>(unread, context, &mut said).await {
            sleep(PAUSE).await;
        }
    }
}

/// Whether all of it was done.
async fn look_at_all<K: Kind>(
    unread: &Unread,
    context: &Context,
    said: &mut HashMap<String, (Option<i64>, String)>,
) -> bool {
    // Whether a cloud is needed, the stores tell once they are full.
    if !context.is_synced() {
        return false;
    }
    let (all, mut done) = (unread.all(), true);
    said.retain(|uid, _| all.iter().any(|one| one.metadata.uid.as_ref() == Some(uid)));
    for unreadable in all {
        match look_at::<K>(&unreadable, context, said).await {
            // Its watch tells what it is now.
            Ok(()) | Err(Error::Conflict | Error::Gone) => {}
            Err(error) => {
                let metadata = &unreadable.metadata;
                tracing::warn!(kind = %K::kind(&()), namespace = metadata.namespace, name = metadata.name, %error, "cannot say that the object cannot be used");
                done = false;
            }
        }
    }
    done
}

async fn look_at<K: Kind>(
    unreadable: &Unreadable,
    context: &Context,
    said: &mut HashMap<String, (Option<i64>, String)>,
) -> Result<(), Error> {
    let metadata = &unreadable.metadata;
    let namespace = metadata.namespace.clone().unwrap_or_default();
    let api = Api::<Named<K>>::namespaced(context.kube.clone(), &namespace);
    let object = Named::<K>::new(metadata.clone());
    let deleting = metadata.deletion_timestamp.is_some();
    if deleting && K::may_go(unreadable, context) {
        return finalizer::remove(&api, &object).await.map(drop);
    }
    let out = if deleting { K::WAY_OUT } else { "" };
    let message = format!(
        "The object cannot be used: {}. Nothing is written to Ironic for it. {out}",
        unreadable.why
    );
    let words = (metadata.generation, message.trim_end().to_owned());
    let uid = metadata.uid.clone().unwrap_or_default();
    if said.get(&uid) == Some(&words) {
        return Ok(());
    }
    let mut conditions = unreadable.conditions.clone();
    let saying = Saying {
        generation: metadata.generation,
        now: Timestamp::now(),
        reason: Reason::InvalidSpec,
        message: &words.1,
    };
    stand(&mut conditions, Standing::Stalled, saying);
    if conditions != unreadable.conditions || unreadable.observed_generation != metadata.generation {
        write_conditions(&api, &object, &conditions).await?;
        let note = words.1.clone();
        let reason = Reason::InvalidSpec.as_str();
        context.events.publish(
            reference::<K>(unreadable),
            Severity::Warning,
            reason,
            "Stall",
            note,
        );
    }
    said.insert(uid, words);
    Ok(())
}

fn reference<K: Kind>(unreadable: &Unreadable) -> ObjectReference {
    let metadata = &unreadable.metadata;
    ObjectReference {
        api_version: Some(K::api_version(&()).into_owned()),
        kind: Some(K::kind(&()).into_owned()),
        name: metadata.name.clone(),
        namespace: metadata.namespace.clone(),
        uid: metadata.uid.clone(),
        ..ObjectReference::default()
    }
}
