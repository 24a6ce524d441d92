//! What the process remembers of objects between reconciles. Nothing here is needed for safety: it is lost on a restart.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use kube::{Resource, ResourceExt};

use crate::domain::freshness;
use crate::domain::node::gate::Destructive;
use crate::kubernetes::index::Follow;
use crate::kubernetes::watch::Watch;

/// The first pause after a transient failure, and the longest.
const PAUSES: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(30));

/// How long an object that nobody has looked at waits in silence for the listing that tells of its node: long enough for all but a slow or
/// a silent cloud, so that an object that is new has one status written instead of two.
const SILENCE: Duration = Duration::from_secs(5);

/// How long a payment is worth anything.
const HOUR: Duration = Duration::from_hours(1);

/// The memory of one kind.
pub struct Memory<K> {
    objects: Mutex<HashMap<String, Remembered<K>>>,
}

struct Remembered<K> {
    /// The object as our last write left it, until the cache has caught up.
    written: Option<Box<K>>,
    /// The version that the cache has.
    cached: u64,
    /// Transient failures in a row.
    failures: u32,
    /// Not to be tried again before this time, with this basis.
    held: Option<(Instant, String)>,
    /// The verb under way, and since when.
    underway: Option<(&'static str, Instant)>,
    /// When the status was last written.
    reported: Option<Instant>,
    /// Since when the first listing is awaited.
    awaits: Option<Instant>,
    /// When a destructive step was paid for that was not taken.
    paid: Option<Instant>,
    /// When the step that was taken last was paid for.
    redeemed: Option<Instant>,
    /// A step that was paid for and answered without saying whether it was taken, and what would show that it was.
    doubt: Option<(Destructive, String)>,
}

impl<K> Default for Memory<K> {
    fn default() -> Self {
        Self {
            objects: Mutex::default(),
        }
    }
}

impl<K> Default for Remembered<K> {
    fn default() -> Self {
        Self {
            written: None,
            cached: 0,
            failures: 0,
            held: None,
            underway: None,
            reported: None,
            awaits: None,
            paid: None,
            redeemed: None,
            doubt: None,
        }
    }
}

/// An object at rest is in memory once, in the cache.
impl<K: Resource + Clone + Send + Sync> Follow<K> for Memory<K> {
    fn follow(&self, object: &K) {
        let Some(uid) = object.uid() else { return };
        if let Some(remembered) = self.objects().get_mut(&uid) {
            remembered.cached = version(object);
            let behind = |written: &mut Box<K>| version(&**written) <= remembered.cached;
            remembered.written.take_if(behind);
        }
    }
}

impl<K: Resource<DynamicType = ()> + Clone + Send + Sync> Memory<K> {
    /// What is remembered of the objects that are watched. To be asked for before the watch runs.
    pub fn of(watch: &Watch<K>) -> Arc<Self> {
        let memory = Arc::default();
        watch.tell(&memory);
        memory
    }
}

impl<K: Resource + Clone> Memory<K> {
    fn objects(&self) -> MutexGuard<'_, HashMap<String, Remembered<K>>> {
        self.objects.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The newest known form of the object: the cache's, or what our last write left while the cache is behind.
    pub fn newest(&self, cached: &K) -> K {
        let Some(uid) = cached.uid() else {
            return cached.clone();
        };
        let mut objects = self.objects();
        let Some(remembered) = objects.get_mut(&uid) else {
            return cached.clone();
        };
        match &remembered.written {
            Some(written) if version(&**written) > version(cached) => K::clone(written),
            _ => {
                remembered.written = None;
                cached.clone()
            }
        }
    }

    /// Our write left the object so.
    pub fn wrote(&self, object: &K) {
        if let Some(uid) = object.uid() {
            let mut objects = self.objects();
            let remembered = objects.entry(uid).or_default();
            // The watch is often faster than the answer.
            if version(object) > remembered.cached {
                remembered.written = Some(Box::new(object.clone()));
            }
            remembered.reported = Some(Instant::now());
        }
    }

    /// How much longer the object, of which nothing is known yet, says nothing.
    pub fn silence(&self, object: &K) -> Option<Duration> {
        let mut objects = self.objects();
        let remembered = objects.entry(object.uid()?).or_default();
        let since = *remembered.awaits.get_or_insert_with(Instant::now);
        let left = SILENCE.saturating_sub(since.elapsed());
        (!left.is_zero()).then_some(left)
    }

    /// How long ago our last write was.
    pub fn since_report(&self, object: &K) -> Option<Duration> {
        let uid = object.uid()?;
        Some(self.objects().get(&uid)?.reported?.elapsed())
    }

    /// A transient failure: the pause before the next try, with jitter, so that many do not come back at once. Whatever wakes
    /// the object meanwhile finds it held, unless the basis (the spec, a Secret) is another.
    pub fn failed(&self, object: &K, basis: &str) -> Duration {
        let mut objects = self.objects();
        let remembered = objects.entry(object.uid().unwrap_or_default()).or_default();
        remembered.failures = remembered.failures.saturating_add(1);
        let (first, longest) = PAUSES;
        let pause = (first * 2_u32.saturating_pow((remembered.failures - 1).min(10))).min(longest);
        let pause = pause.mul_f64(0.75 + fastrand::f64() / 2.0);
        remembered.held = Some((Instant::now() + pause, basis.to_owned()));
        pause
    }

    /// How long the object is still held.
    pub fn held(&self, object: &K, basis: &str) -> Option<Duration> {
        let uid = object.uid()?;
        let objects = self.objects();
        let (until, held) = objects.get(&uid)?.held.as_ref()?;
        let left = until.saturating_duration_since(Instant::now());
        (held == basis && !left.is_zero()).then_some(left)
    }

    /// It went well.
    pub fn succeeded(&self, object: &K) {
        if let Some(uid) = object.uid()
            && let Some(remembered) = self.objects().get_mut(&uid)
        {
            (remembered.failures, remembered.held) = (0, None);
        }
    }

    /// A verb was accepted.
    pub fn began(&self, object: &K, verb: &'static str) {
        if let Some(uid) = object.uid() {
            self.objects().entry(uid).or_default().underway = Some((verb, Instant::now()));
        }
    }

    /// The transition has ended: which verb began it, and how long it took.
    pub fn ended(&self, object: &K) -> Option<(&'static str, Duration)> {
        let uid = object.uid()?;
        let (verb, since) = self.objects().get_mut(&uid)?.underway.take()?;
        Some((verb, since.elapsed()))
    }

    /// A destructive step was paid for.
    pub fn paid(&self, object: &K) {
        if let Some(uid) = object.uid() {
            self.objects().entry(uid).or_default().paid = Some(Instant::now());
        }
    }

    /// The step that was paid for is taken.
    pub fn redeem(&self, object: &K) {
        if let Some(uid) = object.uid()
            && let Some(remembered) = self.objects().get_mut(&uid)
        {
            remembered.redeemed = remembered.paid.take();
            remembered.doubt = None;
        }
    }

    /// The step that was taken last destroyed nothing: what was paid for it is worth as long as it was, and not an hour more, or it
    /// would outlast the record of it.
    pub fn refund(&self, object: &K) {
        if let Some(uid) = object.uid()
            && let Some(remembered) = self.objects().get_mut(&uid)
        {
            remembered.paid = remembered.redeemed.take();
        }
    }

    /// The step that was taken last may not have been taken: as long as the node shows this, it was not.
    pub fn doubts(&self, object: &K, step: Destructive, trace: String) {
        if let Some(uid) = object.uid() {
            self.objects().entry(uid).or_default().doubt = Some((step, trace));
        }
    }

    /// Settles the doubt, if there is one, by what the node shows: what was not taken is not paid for again.
    pub fn settle(&self, object: &K, shown: impl FnOnce(Destructive) -> Option<String>) {
        if let Some(uid) = object.uid()
            && let Some(remembered) = self.objects().get_mut(&uid)
            && let Some((step, trace)) = remembered.doubt.take()
            && shown(step).as_ref() == Some(&trace)
        {
            remembered.paid = remembered.redeemed.take();
        }
    }

    /// Whether a destructive step was paid for less than an hour ago, so that it still counts, and not taken.
    pub fn has_paid(&self, object: &K) -> bool {
        let Some(uid) = object.uid() else {
            return false;
        };
        let objects = self.objects();
        let paid = objects.get(&uid).and_then(|remembered| remembered.paid);
        paid.is_some_and(|paid| paid.elapsed() < HOUR)
    }

    /// The object is gone.
    pub fn forget(&self, object: &K) {
        if let Some(uid) = object.uid() {
            self.objects().remove(&uid);
        }
    }
}

fn version<K: Resource>(object: &K) -> u64 {
    freshness::version(object.meta())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::BareMetalNode;

    /// There is a place for every node for as long as it lives, and for what was written only until the cache has it.
    #[test]
    fn nothing_is_kept_of_an_object_once_the_cache_has_it() {
        assert!(size_of::<Remembered<BareMetalNode>>() < 256);
        let at = |version: u32| {
            let mut object = BareMetalNode::new("n1", crate::api::BareMetalNodeSpec::default());
            object.metadata.uid = Some("u".to_owned());
            object.metadata.resource_version = Some(version.to_string());
            object
        };
        let memory = Memory::default();
        let written = || memory.objects()["u"].written.is_some();
        memory.wrote(&at(7));
        assert_eq!(memory.newest(&at(6)), at(7), "the cache is behind");
        assert!(written());
        assert_eq!(memory.newest(&at(7)), at(7));
        assert!(!written());
        memory.wrote(&at(8));
        memory.follow(&at(7));
        assert!(written());
        memory.follow(&at(8));
        assert!(!written(), "nobody has to look at it for that");
        memory.follow(&at(9));
        memory.wrote(&at(9));
        assert!(!written(), "the watch was faster than the answer");
    }

    #[test]
    fn who_awaits_the_first_listing_is_silent_for_a_while_and_not_again() {
        let mut object = BareMetalNode::new("n1", crate::api::BareMetalNodeSpec::default());
        object.metadata.uid = Some("u".to_owned());
        let memory = Memory::default();
        assert!(memory.silence(&object).is_some_and(|left| left <= SILENCE));
        let long_ago = Instant::now().checked_sub(SILENCE).unwrap();
        memory.objects().get_mut("u").unwrap().awaits = Some(long_ago);
        assert_eq!(memory.silence(&object), None);
        assert_eq!(memory.silence(&object), None);
        memory.forget(&object);
        assert!(memory.objects().is_empty());
    }

    #[test]
    fn what_is_given_back_is_no_younger_than_what_was_paid() {
        let mut object = BareMetalNode::new("n1", crate::api::BareMetalNodeSpec::default());
        object.metadata.uid = Some("u".to_owned());
        let memory = Memory::default();
        let paid = || memory.objects().get("u").and_then(|remembered| remembered.paid);
        memory.refund(&object);
        assert_eq!(paid(), None, "nothing was paid");
        memory.paid(&object);
        let first = paid();
        assert!(first.is_some() && memory.has_paid(&object));
        for _ in 0..3 {
            memory.redeem(&object);
            assert!(!memory.has_paid(&object));
            memory.refund(&object);
            assert_eq!(paid(), first, "a refusal is no payment");
        }
        memory.redeem(&object);
        memory.redeem(&object);
        memory.refund(&object);
        assert_eq!(paid(), None, "the last step was not paid for");
        let provide = Destructive::of(crate::domain::node::rules::Step::Provide).unwrap();
        for (shown, refunded) in [("manageable", true), ("clean failed", false)] {
            memory.paid(&object);
            memory.redeem(&object);
            memory.doubts(&object, provide, "manageable".to_owned());
            memory.settle(&object, |_| Some(shown.to_owned()));
            assert_eq!(memory.has_paid(&object), refunded, "{shown}");
            memory.settle(&object, |_| Some("manageable".to_owned()));
            assert_eq!(memory.has_paid(&object), refunded, "settled once");
            memory.redeem(&object);
        }
        let long_ago = Instant::now().checked_sub(HOUR).unwrap();
        memory.objects().get_mut("u").unwrap().paid = Some(long_ago);
        memory.redeem(&object);
        memory.refund(&object);
        assert!(!memory.has_paid(&object), "its hour is over");
    }
}
