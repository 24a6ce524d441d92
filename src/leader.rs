//! One writer: a Lease (coordination.k8s.io/v1) says which replica may write.
//!
//! The model is client-go's. Whoever waits takes the Lease only by a write whose precondition is the `resourceVersion` just
//! read, and only after it has *seen* the Lease unchanged for its whole duration: clocks of two machines are never compared.
//! The holder counts its term from the start of its last successful renewal and stops writing 5 s before anybody else may
//! begin. Losing the Lease ends the process: what is half done in memory is worth nothing to the next term.
//!
//! Why not a crate: kube has none, and `kube-lease-manager` 0.13 was read and found wanting. It judges the expiry by comparing
//! the holder's `renewTime` with the local wall clock; it takes an expired Lease over by patches without `resourceVersion`
//! (first clearing it by force, then applying), so that two replicas can both believe to have won; and a holder whose renewals
//! fail still counts as leader until some later call succeeds, well after its Lease has passed on.
//!
//! What is guaranteed: [`Leadership::permit`] is asked by the Kubernetes client before every write and by the Ironic client
//! before every request, again whenever such a request goes on after a wait (see [`Permit::guard`]). A process that was
//! stopped for a minute therefore sends nothing when it is continued, but for one gap that HTTP leaves: a request which the
//! connection already had, stopped between the question and the `write` system call or in the middle of a long body. What can
//! come of that:
//! * *Kubernetes*: nothing. Every write carries a `resourceVersion`, or `test` operations, of the object it was decided on.
//! * *Ironic, destructive verbs* (deploy, undeploy, clean, delete): the intent was written before the verb, and whoever came next had
//!   to write its own on top of it; it decides on what Ironic says then and never repeats an intent that is in doubt. The late
//!   request itself still arrives, so the verb was asked for by a spec that was current within the gap, and at most once.
//! * *Ironic, the rest*: a late `POST` finds its uuid taken (409); a late claim finds `instance_uuid` set by the first (409); a
//!   late `PATCH` of plain fields can put an older value back, which the next look
//!   finds and corrects.

mod calls;
mod history;
mod rules;

use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use k8s_openapi::api::coordination::v1::Lease;
use kube::{Api, Client};
use tokio::task::JoinHandle;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use self::calls::{Trouble, create, read, write};
use self::rules::{Lookout, Move, RETRY, Term, held, holder, released};
use crate::domain::writers::Writers;
use crate::metrics::Metrics;
use crate::permit::{Moment, Permit};

/// One line for so many failures in a row, which is about one a minute.
const LOG_EVERY: u32 = 30;

/// What this replica is at the moment.
#[derive(Clone, Copy, Debug)]
enum Standing {
    /// It has not read the Lease yet.
    Unknown,
    /// Somebody else holds the Lease.
    Waiting,
    /// It holds the Lease, and may write until this term is over.
    Leading(Term),
    /// It has held the Lease, and never will again.
    Past,
    /// There is no election: it is the only one, as somebody else has seen to.
    Alone,
}

/// What this replica is, shared by everybody who must know. Clones are the same.
#[derive(Clone)]
pub struct Leadership {
    shared: Arc<Shared>,
}

struct Shared {
    identity: String,
    standing: Mutex<Standing>,
    lost: CancellationToken,
    metrics: Metrics,
    writers: Arc<OnceLock<Writers>>,
}

impl Leadership {
    /// One that is to be won; `name` (the pod's) makes the identity recognisable, a random part makes it unique: a container
    /// that is started again in its pod is somebody else.
    pub fn new(name: Option<&str>, metrics: Metrics) -> Self {
        Self::standing(name, metrics, Standing::Unknown)
    }

    /// One without an election.
    pub fn alone(name: Option<&str>, metrics: Metrics) -> Self {
        metrics.leader(true);
        Self::standing(name, metrics, Standing::Alone)
    }

    fn standing(name: Option<&str>, metrics: Metrics, standing: Standing) -> Self {
        let random = Uuid::new_v4().simple().to_string();
        let random = random.get(..8).unwrap_or_default();
        let shared = Shared {
            identity: format!("{}_{random}", name.unwrap_or("ironwright")),
            standing: Mutex::new(standing),
            lost: CancellationToken::new(),
            metrics,
            writers: Arc::default(),
        };
        Self {
            shared: Arc::new(shared),
        }
    }

    /// Who this replica is: the holder in the Lease, and part of the `User-Agent` that Ironic sees.
    pub fn identity(&self) -> &str {
        &self.shared.identity
    }

    /// The runs that wrote before this one, and this one, once it leads; never without an election.
    pub fn writers(&self) -> Arc<OnceLock<Writers>> {
        Arc::clone(&self.shared.writers)
    }

    /// Whether this process may write at this moment.
    pub fn may_write(&self) -> bool {
        match *self.state() {
            Standing::Leading(term) => !term.is_over(Moment::now()),
            Standing::Alone => true,
            Standing::Unknown | Standing::Waiting | Standing::Past => false,
        }
    }

    /// The same question for those who need not know of Leases.
    pub fn permit(&self) -> Permit {
        let leadership = self.clone();
        Permit::new(move || leadership.may_write())
    }

    /// Whether the Lease was read at least once, so that its name and the right to it are known to be good.
    pub fn is_known(&self) -> bool {
        !matches!(*self.state(), Standing::Unknown)
    }

    /// Whether this replica waits for its turn.
    pub fn is_waiting(&self) -> bool {
        matches!(*self.state(), Standing::Waiting)
    }

    /// Waits until the Lease is lost. From that moment on nothing may be written, ever: end the process.
    pub async fn lost(&self) {
        self.shared.lost.cancelled().await;
    }

    fn becomes(&self, standing: Standing) {
        *self.state() = standing;
        self.shared
            .metrics
            .leader(matches!(standing, Standing::Leading(_)));
    }

    fn state(&self) -> MutexGuard<'_, Standing> {
        self.shared
            .standing
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

/// One who wants the Lease.
pub struct Candidate {
    leases: Api<Lease>,
    name: String,
    leadership: Leadership,
    lookout: Lookout,
}

impl Candidate {
    /// A candidate for the Lease of this name. `client` must be one that needs no permit to write.
    pub fn new(client: Client, namespace: &str, name: &str, leadership: Leadership) -> Self {
        Self {
            leases: Api::namespaced(client, namespace),
            name: name.to_owned(),
            leadership,
            lookout: Lookout::default(),
        }
    }

    /// Waits until this replica holds the Lease; from then on it is renewed until [`Reign::end`].
    pub async fn win(mut self) -> Reign {
        let mut failures = 0;
        loop {
            match self.attempt().await {
                Ok(Some((lease, term))) => return self.reign(lease, term),
                Ok(None) => failures = 0,
                Err(error) => {
                    if failures % LOG_EVERY == 0 {
                        tracing::warn!(lease = self.name, %error, "cannot take the lease");
                    }
                    failures += 1;
                }
            }
            sleep(pause()).await;
        }
    }

    /// Takes the Lease if that is right, and says what was stored and from when it counts.
    async fn attempt(&mut self) -> Result<Option<(Lease, Term)>, Trouble> {
        let found = read(&self.leases, &self.name).await?;
        let spec = found.as_ref().map(|lease| lease.spec.clone().unwrap_or_default());
        let judgement = self
            .lookout
            .judge(spec.as_ref(), self.leadership.identity(), Instant::now());
        if judgement == Move::Wait {
            if !self.leadership.is_waiting() {
                let holder = spec.as_ref().map(holder).unwrap_or_default();
                tracing::info!(lease = self.name, holder, "standing by");
                self.leadership.becomes(Standing::Waiting);
            }
            return Ok(None);
        }
        let sent = Moment::now();
        let now = Timestamp::now();
        let wanted = held(spec.as_ref(), self.leadership.identity(), now);
        let before = history::succeeded(found.as_ref(), self.leadership.identity(), now);
        let stored = match found {
            Some(lease) => write(&self.leases, &history::kept(lease, &before), wanted).await,
            None => create(&self.leases, &self.name, history::annotations(&before), wanted).await,
        };
        match stored {
            Ok(lease) => Ok(Some((lease, Term::from(sent)))),
            // Somebody else was faster.
            Err(Trouble::Conflict) => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn reign(self, lease: Lease, term: Term) -> Reign {
        let writers = history::writers(&lease, self.leadership.identity());
        // It is won once.
        self.leadership.shared.writers.set(writers).ok();
        self.leadership.becomes(Standing::Leading(term));
        tracing::info!(
            lease = self.name,
            identity = self.leadership.identity(),
            "leading"
        );
        let over = CancellationToken::new();
        let holder = Holder {
            leases: self.leases,
            leadership: self.leadership,
            lease,
            term,
        };
        // A task of its own, so that nothing the controllers do can hold a renewal up.
        let task = tokio::spawn(holder.hold(over.clone()));
        Reign { over, task }
    }
}

/// The time of holding the Lease; it is renewed in the background.
pub struct Reign {
    over: CancellationToken,
    task: JoinHandle<()>,
}

impl Reign {
    /// Lets go of the Lease, so that a successor need not wait for its end. Nothing may be written any more.
    pub async fn end(self) {
        self.over.cancel();
        // A task that panicked has let go of nothing; the Lease then passes on by its time.
        self.task.await.ok();
    }
}

/// One who holds the Lease.
struct Holder {
    leases: Api<Lease>,
    leadership: Leadership,
    lease: Lease,
    term: Term,
}

impl Holder {
    async fn hold(mut self, over: CancellationToken) {
        loop {
            let wait = pause().min(self.term.left(Moment::now()));
            if over.run_until_cancelled(sleep(wait)).await.is_none() {
                return self.release().await;
            }
            // First of all: after a stop this is the first thing that runs, and it must not renew what is over.
            if self.term.is_over(Moment::now()) {
                return self.lose("it could not be renewed in time");
            }
            match self.renew().await {
                Ok(()) => {}
                Err(Trouble::Taken) => return self.lose("somebody else holds it"),
                Err(Trouble::Deleted) => {
                    return self.lose("it was deleted, and belongs to whoever makes it anew");
                }
                Err(error) => tracing::warn!(%error, "cannot renew the lease"),
            }
        }
    }

    async fn renew(&mut self) -> Result<(), Trouble> {
        let sent = Moment::now();
        let identity = self.leadership.identity();
        let wanted = held(self.lease.spec.as_ref(), identity, Timestamp::now());
        match write(&self.leases, &self.lease, wanted).await {
            Ok(lease) => {
                self.lease = lease;
                self.term = Term::from(sent);
                self.leadership.becomes(Standing::Leading(self.term));
                Ok(())
            }
            // An earlier renewal may have been stored although its answer was lost.
            Err(Trouble::Conflict) => self.read_again().await,
            Err(error) => Err(error),
        }
    }

    /// Reads the Lease, which somebody has written.
    async fn read_again(&mut self) -> Result<(), Trouble> {
        let found = read(
            &self.leases,
            self.lease.metadata.name.as_deref().unwrap_or_default(),
        )
        .await?;
        // A Lease that was deleted belongs to whoever makes a new one first.
        let lease = found.ok_or(Trouble::Deleted)?;
        let ours = lease
            .spec
            .as_ref()
            .is_some_and(|spec| holder(spec) == self.leadership.identity());
        if !ours {
            return Err(Trouble::Taken);
        }
        self.lease = lease;
        Ok(())
    }

    fn lose(&self, why: &str) {
        self.leadership.becomes(Standing::Past);
        tracing::error!("the lease is lost: {why}");
        self.leadership.shared.lost.cancel();
    }

    async fn release(mut self) {
        self.leadership.becomes(Standing::Past);
        let mut result = self.let_go().await;
        if matches!(result, Err(Trouble::Conflict)) && self.read_again().await.is_ok() {
            result = self.let_go().await;
        }
        if let Err(error) = result {
            tracing::warn!(%error, "the lease is not released, a successor must wait for its end");
        }
    }

    async fn let_go(&self) -> Result<(), Trouble> {
        let spec = self.lease.spec.clone().unwrap_or_default();
        let now = Timestamp::now();
        let ended = history::ended(&self.lease, self.leadership.identity(), now);
        write(&self.leases, &ended, released(&spec, now)).await.map(drop)
    }
}

/// Three quarters of [`RETRY`] to all of it, so that replicas that were started together do not stay in step.
fn pause() -> Duration {
    RETRY.mul_f64(0.75 + fastrand::f64() / 4.0)
}
