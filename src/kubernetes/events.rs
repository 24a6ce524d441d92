//! Kubernetes Events, best effort: they never delay or fail a reconcile.
//!
//! Publish on transitions only. The apiserver aggregates repeats of (object, reason, action) and keeps the note of
//! the first, so that changing text belongs into a condition, not into a note.
//!
//! A fleet that is seen for the first time has an Event for each of its machines within seconds. So there are several lanes, and each sends
//! one Event after the other; the Events of one object are all in one lane, and stay in order.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;
use std::time::Duration;

use futures::future::join_all;
use jiff::Timestamp;
use k8s_openapi::api::core::v1::ObjectReference;
use k8s_openapi::api::events::v1 as events;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{MicroTime, ObjectMeta};
use kube::api::PostParams;
use kube::runtime::events::{Event, EventType, Recorder, Reporter};
use kube::{Api, Client};
use tokio::sync::mpsc;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use crate::metrics::Metrics;

/// The controller's name in every Event.
const CONTROLLER: &str = "ironwright";

/// How many Events are on their way at once.
const LANES: usize = 4;

/// Events waiting to be sent, in each lane. A fleet of 1,000 nodes rarely has more transitions in the few seconds that an
/// apiserver's hiccup lasts, and a waiting Event takes about a kilobyte.
const QUEUE: usize = 1024;

/// After so many Events of a lane, what is remembered of them is let go. The recorder keeps each whole, about 2 KiB, for six minutes or until the
/// next one after that, to count repeats instead of repeating them; a fleet of 1,000 nodes on its way has thousands by then.
/// The price: what repeats itself after so many others is an Event of its own.
const REMEMBERED: usize = 50;

/// The apiserver refuses a note of more than 1,024 bytes.
const NOTE_BYTES: usize = 1000;

/// How long an object's name may be to be in the name of its Events: 253 are allowed, and `.` and 16 digits of time follow.
const OBJECT_NAME: usize = 253 - 17;

/// How long one Event may take; the next waits as long.
const DEADLINE: Duration = Duration::from_secs(5);

/// How long the rest of the queue may take after the order to stop.
const DRAIN: Duration = Duration::from_secs(3);

/// Whether an Event is good news.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Severity {
    /// Something happened as it should.
    Normal,
    /// Somebody may want to have a look.
    Warning,
}

/// Where controllers leave their Events; clones share the queues.
#[derive(Clone)]
pub struct Events {
    queues: Arc<[mpsc::Sender<Message>]>,
    metrics: Metrics,
}

/// Sends what [`Events`] collects; [`Publisher::run`] must be running.
pub struct Publisher {
    lanes: Vec<Lane>,
}

struct Lane {
    queue: mpsc::Receiver<Message>,
    client: Client,
    reporter: Reporter,
    recorder: Recorder,
    /// How many Events the recorder may remember.
    recorded: usize,
    metrics: Metrics,
}

struct Message {
    object: ObjectReference,
    event: Event,
}

impl Events {
    /// A queue and what empties it. `instance` is the pod's name, if there is a pod.
    pub fn new(client: &Client, instance: Option<String>, metrics: Metrics) -> (Self, Publisher) {
        let reporter = Reporter {
            controller: CONTROLLER.to_owned(),
            instance,
        };
        let lane = |_| {
            let (sender, queue) = mpsc::channel(QUEUE);
            let lane = Lane {
                queue,
                recorder: Recorder::new(client.clone(), reporter.clone()),
                recorded: 0,
                client: client.clone(),
                reporter: reporter.clone(),
                metrics: metrics.clone(),
            };
            (sender, lane)
        };
        let (queues, lanes): (Vec<_>, Vec<_>) = (0..LANES).map(lane).unzip();
        let queues = queues.into();
        (Self { queues, metrics }, Publisher { lanes })
    }

    /// The queue of an object's lane.
    fn queue(&self, object: &ObjectReference) -> Option<&mpsc::Sender<Message>> {
        let mut hasher = DefaultHasher::new();
        object.name.hash(&mut hasher);
        let lanes = u64::try_from(self.queues.len()).ok()?;
        let lane = hasher.finish().checked_rem(lanes)?;
        self.queues.get(usize::try_from(lane).ok()?)
    }

    /// Queues an Event about `object`, which must come from `Resource::object_ref`: a reference that carries a
    /// `resourceVersion` is never aggregated. Dropped and counted when the queue is full.
    pub fn publish(
        &self,
        object: ObjectReference,
        severity: Severity,
        reason: &'static str,
        action: &'static str,
        note: String,
    ) {
        let event = Event {
            type_: match severity {
                Severity::Normal => EventType::Normal,
                Severity::Warning => EventType::Warning,
            },
            reason: reason.to_owned(),
            action: action.to_owned(),
            note: Some(cut(note)).filter(|note| !note.is_empty()),
            secondary: None,
        };
        let queue = self.queue(&object);
        let sent = queue.is_some_and(|queue| queue.try_send(Message { object, event }).is_ok());
        if !sent {
            self.metrics.event("dropped");
            tracing::debug!(reason, "event dropped: the queue is full or closed");
        }
    }
}

impl Publisher {
    /// Sends Events until `stop` or until every [`Events`] is dropped; what waits then gets three more seconds.
    pub async fn run(self, stop: CancellationToken) {
        let lanes = self.lanes.into_iter();
        join_all(lanes.map(|lane| lane.run(stop.clone()))).await;
    }
}

impl Lane {
    async fn run(mut self, stop: CancellationToken) {
        // Only the wait is given up at `stop`, never an Event on its way.
        while let Some(Some(message)) = stop.run_until_cancelled(self.queue.recv()).await {
            self.send(message).await;
        }
        self.queue.close();
        if timeout(DRAIN, self.drain()).await.is_err() {
            tracing::debug!(left = self.queue.len(), "stopped before every event was sent");
        }
    }

    async fn drain(&mut self) {
        while let Some(message) = self.queue.recv().await {
            self.send(message).await;
        }
    }

    async fn send(&mut self, message: Message) {
        if self.recorded == REMEMBERED {
            self.recorder = Recorder::new(self.client.clone(), self.reporter.clone());
            self.recorded = 0;
        }
        self.recorded += 1;
        self.metrics.event(self.outcome(&message).await);
    }

    /// The recorder names an Event by the whole name of its object and the time, which must not be longer than any name. Those that
    /// would be are not counted when they repeat.
    async fn publish(&self, event: &Event, object: &ObjectReference) -> kube::Result<()> {
        if object.name.as_ref().is_none_or(|name| name.len() <= OBJECT_NAME) {
            return self.recorder.publish(event, object).await;
        }
        let namespace = object.namespace.as_deref().unwrap_or("default");
        let api = Api::<events::Event>::namespaced(self.client.clone(), namespace);
        let event = shortened(event, object, &self.reporter);
        api.create(&PostParams::default(), &event).await.map(drop)
    }

    /// The outcome as a metric label. Nobody waits for an Event, so a failure is worth a debug line at most; 403 is
    /// the normal answer in a namespace that is being deleted.
    async fn outcome(&self, Message { object, event }: &Message) -> &'static str {
        match timeout(DEADLINE, self.publish(event, object)).await {
            Ok(Ok(())) => "published",
            Ok(Err(kube::Error::Api(status))) if status.is_forbidden() => "refused",
            Ok(Err(error)) => {
                tracing::debug!(reason = event.reason, %error, "event not published");
                "failed"
            }
            Err(_elapsed) => {
                tracing::debug!(reason = event.reason, "event not published in time");
                "failed"
            }
        }
    }
}

/// The Event about an object whose name leaves no room for the rest of the Event's own.
fn shortened(event: &Event, object: &ObjectReference, reporter: &Reporter) -> events::Event {
    let now = Timestamp::now();
    let about = object.name.as_deref().unwrap_or(CONTROLLER);
    let about = about
        .get(..about.floor_char_boundary(OBJECT_NAME))
        .unwrap_or_default();
    let instance = reporter.instance.as_ref().unwrap_or(&reporter.controller);
    events::Event {
        metadata: ObjectMeta {
            name: Some(format!(
                "{}.{:x}",
                about.trim_end_matches(['.', '-']),
                now.as_nanosecond()
            )),
            namespace: object.namespace.clone(),
            ..ObjectMeta::default()
        },
        action: Some(event.action.clone()),
        reason: Some(event.reason.clone()),
        note: event.note.clone(),
        event_time: Some(MicroTime(now)),
        regarding: Some(object.clone()),
        reporting_controller: Some(reporter.controller.clone()),
        reporting_instance: Some(instance.clone()),
        type_: Some(
            match event.type_ {
                EventType::Normal => "Normal",
                EventType::Warning => "Warning",
            }
            .to_owned(),
        ),
        ..events::Event::default()
    }
}

/// At most [`NOTE_BYTES`] of `note`, ending at a character.
fn cut(mut note: String) -> String {
    if note.len() > NOTE_BYTES {
        let mark = '…';
        note.truncate(note.floor_char_boundary(NOTE_BYTES - mark.len_utf8()));
        note.push(mark);
    }
    note
}

#[cfg(test)]
mod tests {
    use k8s_openapi::api::core::v1::ObjectReference;
    use kube::{Client, Config};
    use serde_json::json;
    use tokio_util::sync::CancellationToken;
    use wiremock::matchers::any;
    use wiremock::{Mock, MockServer, ResponseTemplate};

    use kube::runtime::events::{Event, EventType, Reporter};

    use super::{CONTROLLER, Events, LANES, NOTE_BYTES, QUEUE, REMEMBERED, Severity, cut, shortened};
    use crate::metrics::Metrics;

    /// What the recorder remembers of each Event is several KiB.
    #[tokio::test]
    async fn repeats_are_counted_among_the_last_events_only() {
        let server = MockServer::start().await;
        let event = json!({"kind": "Event", "apiVersion": "events.k8s.io/v1", "metadata": {}});
        Mock::given(any())
            .respond_with(ResponseTemplate::new(200).set_body_json(event))
            .mount(&server)
            .await;
        let client = Client::try_from(Config::new(server.uri().parse().unwrap())).unwrap();
        let (events, publisher) = Events::new(&client, None, Metrics::new().unwrap());
        // All of one name, and so in one lane.
        let publish = |namespace: &str| {
            let object = ObjectReference {
                name: Some("n1".to_owned()),
                namespace: Some(namespace.to_owned()),
                ..ObjectReference::default()
            };
            events.publish(object, Severity::Normal, "Deployed", "Transition", String::new());
        };
        publish("first");
        publish("first");
        (2..REMEMBERED).for_each(|number| publish(&number.to_string()));
        publish("first");
        drop(events);
        publisher.run(CancellationToken::new()).await;
        let requests = server.received_requests().await.unwrap();
        let methods: Vec<_> = requests.iter().map(|request| request.method.as_str()).collect();
        assert_eq!(methods.len(), REMEMBERED + 1);
        assert_eq!(methods[..2], ["POST", "PATCH"], "a repeat");
        assert_eq!(methods[REMEMBERED], "POST", "one that is forgotten");
    }

    #[test]
    fn an_object_with_the_longest_name_has_events() {
        let name = format!("{}.x", "a".repeat(251));
        let object = ObjectReference {
            name: Some(name.clone()),
            namespace: Some("metal".to_owned()),
            ..ObjectReference::default()
        };
        let event = Event {
            type_: EventType::Warning,
            reason: "InvalidSpec".to_owned(),
            note: Some("words".to_owned()),
            action: "Stall".to_owned(),
            secondary: None,
        };
        let reporter = Reporter {
            controller: CONTROLLER.to_owned(),
            instance: None,
        };
        let event = shortened(&event, &object, &reporter);
        let own = event.metadata.name.unwrap();
        assert!(own.len() <= 253 && own.starts_with("aaa"), "{own}");
        assert_eq!(event.regarding.unwrap().name, Some(name));
        assert_eq!(event.type_.as_deref(), Some("Warning"));
    }

    /// A fleet of 3,000 that is seen for the first time has as many Events at once. Each lane sends by itself.
    #[tokio::test]
    async fn the_events_of_a_fleet_wait_in_several_lanes() {
        let nowhere = Client::try_from(Config::new("http://127.0.0.1:9".parse().unwrap())).unwrap();
        let (events, publisher) = Events::new(&nowhere, None, Metrics::new().unwrap());
        for number in 0..3 * QUEUE {
            let object = ObjectReference {
                name: Some(format!("n{number}")),
                ..ObjectReference::default()
            };
            events.publish(object, Severity::Normal, "Enrolled", "Transition", String::new());
        }
        let waiting: Vec<_> = publisher.lanes.iter().map(|lane| lane.queue.len()).collect();
        assert_eq!(waiting.len(), LANES);
        assert_eq!(
            waiting.iter().sum::<usize>(),
            3 * QUEUE,
            "none is dropped: {waiting:?}"
        );
    }

    #[tokio::test]
    async fn a_full_queue_drops_and_counts() {
        let nowhere = Client::try_from(Config::new("http://127.0.0.1:9".parse().unwrap())).unwrap();
        let metrics = Metrics::new().unwrap();
        let (events, _publisher) = Events::new(&nowhere, None, metrics.clone());
        for _ in 0..QUEUE + 2 {
            events.publish(
                ObjectReference::default(),
                Severity::Normal,
                "Deployed",
                "Deploy",
                String::new(),
            );
        }
        let page = metrics.encode().unwrap();
        assert!(
            page.contains(r#"ironwright_events_total{outcome="dropped"} 2"#),
            "{page}"
        );
    }

    #[test]
    fn a_short_note_is_kept() {
        assert_eq!(cut(String::new()), "");
        let exact = "x".repeat(NOTE_BYTES);
        assert_eq!(cut(exact.clone()), exact);
    }

    #[test]
    fn a_long_note_ends_at_a_character() {
        for character in ["x", "é", "…", "🦀"] {
            let note = cut(character.repeat(NOTE_BYTES + 1));
            assert!(
                note.len() <= NOTE_BYTES && note.len() > NOTE_BYTES - 8,
                "{}",
                note.len()
            );
            assert!(note.ends_with('…'));
        }
    }
}
