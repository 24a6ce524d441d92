//! What proves that a step is still meant when its request goes out: when it was announced, when the machine was looked at, and
//! which form of the object and its cloud it was decided on.

use std::sync::Arc;
use std::time::Duration;

use kube::runtime::reflector::{ObjectRef, Store};

use super::cloud_settings;
use super::node::Ended;
use super::node_execute::{Next, look, record};
use super::node_gather::Pass;
use super::node_report::{refused, report, store};
use crate::api::{BareMetalCloud, BareMetalNode};
use crate::domain::freshness::{self, Form, Forms, Proof, Stale};
use crate::domain::node::gate::Destructive;
use crate::domain::node::outcome::{self, Late, Twin, Untold};
use crate::domain::node::rules::{Choice, Step};
use crate::fleet::clouds::Entry;
use crate::fleet::{CloudKey, Clouds, Observer};
use crate::ironic::client::Client;
use crate::permit::{Moment, Permit};

/// The pause until a watch has brought what is known to have changed. The watch wakes the object; this is for a lost wake-up.
const BEHIND: Duration = Duration::from_millis(200);

/// What became of looks at the machine for a step that destroys, in one reconcile.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Looks {
    /// There was none, or it holds.
    Good,
    /// One took so long that nothing may be destroyed on it.
    Late,
    /// One had become old before the step was announced, and another was taken.
    Again,
}

/// A destructive step that was announced in this reconcile.
#[derive(Clone, Copy)]
pub struct Announced {
    /// The step.
    pub step: Destructive,
    /// When its announcement began.
    pub at: Moment,
}

/// What a step was decided on. It can be asked at any time whether that still holds.
#[derive(Clone)]
pub struct Freshness {
    then: Forms,
    node: ObjectRef<BareMetalNode>,
    cloud: ObjectRef<BareMetalCloud>,
    nodes: Store<BareMetalNode>,
    clouds: Store<BareMetalCloud>,
    /// Through which observer, of which place, it was decided.
    observers: Arc<Clouds>,
    observer: Option<Arc<Observer>>,
    place: String,
    destroys: bool,
    announced: Option<Moment>,
    looked: Option<Moment>,
}

impl Freshness {
    /// Whether the step may go out now.
    pub fn judge(&self) -> Result<(), Stale> {
        let newest = Forms {
            object: self.nodes.get(&self.node).map(|node| Form::of(&node.metadata)),
            cloud: self
                .clouds
                .get(&self.cloud)
                .map(|cloud| Form::of(&cloud.metadata)),
        };
        if !self.is_seen_as_before() {
            return Err(Stale::CloudChanged);
        }
        let now = Moment::now();
        let proof = match (self.announced, self.looked) {
            _ if !self.destroys => Proof::Needless,
            (Some(announced), Some(looked)) => Proof::Given {
                announced: now.since(announced),
                looked: now.since(looked),
            },
            (None, _) | (_, None) => Proof::Missing,
        };
        freshness::judge(&self.then, &newest, proof)
    }

    /// Whether the cloud is seen through the observer that it was decided with: a Secret may lead elsewhere by now.
    fn is_seen_as_before(&self) -> bool {
        let cloud = CloudKey::new(
            self.cloud.namespace.clone().unwrap_or_default(),
            self.cloud.name.clone(),
        );
        match (self.observers.get_at(&cloud, &self.place), &self.observer) {
            (Some(Entry::Observed(now)), Some(then)) => Arc::ptr_eq(&now, then),
            (Some(Entry::Observed(_) | Entry::Broken(_)) | None, _) => false,
        }
    }

    /// The same question as a permit, which the client asks before every attempt as the last thing.
    pub fn permit(&self) -> Permit {
        let fresh = self.clone();
        Permit::new(move || fresh.judge().is_ok())
    }
}

impl Pass<'_> {
    /// The client for every request of this reconcile: with the slot that it has at hand, if it has one.
    pub fn ironic(&self) -> Option<Client> {
        let held = self.slot.clone();
        held.or_else(|| Some(self.observer.as_ref()?.client.clone()))
    }

    /// Waits for a slot before the wait would make a look, or an intent, old. Whether there is one.
    async fn take_slot(&mut self) -> bool {
        let Some(client) = self.ironic() else {
            return false;
        };
        self.slot = client.with_slot().await;
        self.slot.is_some()
    }

    /// When the request for the node as it is at hand was begun.
    fn looked_at_time(&self) -> Option<Moment> {
        self.looked.filter(|_| self.full.is_some())
    }

    /// Whether the whole node was read so short a time ago that a step which destroys may be announced on it.
    pub fn look_holds(&self) -> bool {
        let looked = self.looked_at_time();
        looked.is_some_and(|at| freshness::bears(Moment::now().since(at)))
    }

    /// What a step that is decided now is decided on.
    pub fn freshness(&self, step: Step) -> Freshness {
        let announced = self.announced.filter(|announced| announced.step.step() == step);
        let namespace = &self.key.namespace;
        Freshness {
            then: Forms {
                object: Some(Form::of(&self.object.metadata)),
                cloud: self.cloud.as_ref().map(|cloud| Form::of(&cloud.metadata)),
            },
            node: ObjectRef::new(&self.key.name).within(namespace),
            cloud: ObjectRef::new(&self.object.spec.cloud_ref.name).within(namespace),
            nodes: self.context.node_store.clone(),
            clouds: self.context.cloud_store.clone(),
            observers: Arc::clone(&self.context.clouds),
            observer: self.observer.clone(),
            place: self
                .cloud
                .as_deref()
                .map(cloud_settings::place)
                .unwrap_or_default(),
            destroys: Destructive::of(step).is_some(),
            announced: announced.map(|announced| announced.at),
            looked: self.looked_at_time(),
        }
    }
}

/// Reads the whole node, as the last thing before a step that destroys is announced. The wait for a slot comes first: in the same
/// slot that step is sent.
pub async fn look_now(pass: &mut Pass<'_>, choice: Choice) -> Next {
    if let Choice::Step(step) = choice
        && let Some(ended) = shared(pass, step).await
    {
        return Next::Ended(ended);
    }
    if pass.looks == Looks::Late {
        return Next::Ended(late(pass, Late::Look).await);
    }
    if pass.observer.is_some() && !pass.take_slot().await {
        return no_slot(pass).await;
    }
    let next = look(pass).await;
    if pass.full.is_some() && !pass.look_holds() {
        pass.looks = Looks::Late;
    }
    next
}

/// No slot became free: as long as a call may take there was none, or nothing is sent any more.
async fn no_slot(pass: &mut Pass<'_>) -> Next {
    if pass.context.stop.is_cancelled() {
        return Next::Ended(report(pass, Ended::new("stopped", None)).await);
    }
    tracing::info!(node = %pass.key.name, "no request to Ironic had an end within the time of one");
    Next::Ended(late(pass, Late::Slot).await)
}

/// One write proves the spec current, fences a second operator and is the record of a crash. It comes last of all: whatever may take
/// long is done before, and what follows is one request, in the slot at hand.
pub async fn confirm(pass: &mut Pass<'_>, destructive: Destructive) -> Next {
    if let Some(ended) = shared(pass, destructive.step()).await {
        return Next::Ended(ended);
    }
    if let Some(next) = pass.pay(destructive).await {
        return next;
    }
    if !pass.take_slot().await {
        return no_slot(pass).await;
    }
    // The waits may have made the look old: once more, then.
    if !pass.look_holds() {
        if std::mem::replace(&mut pass.looks, Looks::Again) == Looks::Again {
            return Next::Ended(late(pass, Late::Before).await);
        }
        return Next::Again;
    }
    let at = Moment::now();
    match Box::pin(pass.is_current()).await {
        Ok(true) => {}
        Ok(false) => return Next::Again,
        Err(why) => return Next::Ended(untold(pass, &why).await),
    }
    record(pass, |status, facts| {
        outcome::intended(status, destructive, facts)
    });
    if let Err(error) = store(pass).await {
        return Next::Ended(refused(pass, &error));
    }
    pass.announced = Some(Announced {
        step: destructive,
        at,
    });
    Next::Again
}

/// A step that was withdrawn before it was sent: nothing happened. What was decided no longer holds, so that it is decided anew;
/// what has only become old is announced anew, after a pause, and the object says so.
pub async fn withdrawn(pass: &mut Pass<'_>, step: Step, fresh: &Freshness) -> Ended {
    // What was withdrawn a moment ago and holds now is decided anew as well.
    let stale = fresh.judge().err().unwrap_or(Stale::Changed);
    tracing::info!(node = %pass.key.name, namespace = %pass.key.namespace, step = step.as_str(), ?stale, "not sent: it is decided anew");
    if stale.is_late() {
        return late(pass, Late::Sent(step)).await;
    }
    // The watch that brought the news wakes the object; this is for a lost wake-up.
    Ended::new("stale", Some(BEHIND))
}

/// Another node has the same machine: it is looked for again after a pause. Whether one has is told by the next listing.
async fn shared(pass: &mut Pass<'_>, step: Step) -> Option<Ended> {
    let twin = pass.twin(step);
    if twin == Twin::None {
        return None;
    }
    pass.slot = None;
    let pause = if twin == Twin::NotYet {
        pass.leave_room();
        pass.note_listing(&pass.look());
        None
    } else {
        let pause = pass.hold();
        pass.note(&pass.look(), false);
        Some(pause)
    };
    record(pass, |status, facts| outcome::shared(status, &twin, facts));
    Some(report(pass, Ended::new("shared", pause)).await)
}

/// Something took too long for a step that destroys.
async fn late(pass: &mut Pass<'_>, late: Late) -> Ended {
    pass.slot = None;
    let pause = pass.hold();
    pass.note(&pass.look(), true);
    record(pass, |status, facts| outcome::late(status, late, facts));
    report(pass, Ended::new("late", Some(pause))).await
}

/// What a decision depends on cannot be told now.
pub async fn untold(pass: &mut Pass<'_>, what: &Untold) -> Ended {
    pass.slot = None;
    tracing::info!(node = %pass.key.name, namespace = %pass.key.namespace, why = what.why, "cannot be decided now");
    let pause = pass.hold();
    pass.note(&pass.look(), false);
    record(pass, |status, facts| outcome::untold(status, what, facts));
    report(pass, Ended::new("failed", Some(pause))).await
}
