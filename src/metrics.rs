//! The Prometheus metrics of the process.
//!
//! One struct, registered once. Labels are closed sets: every label value is a `&'static str` of this program or an
//! HTTP status, so that the name of an object or the text of an error cannot become a time series. What describes
//! the present (nodes, age of the last observation) is asked for at scrape time, so that what is gone disappears.

mod work;

use std::cell::RefCell;
use std::sync::{Arc, Mutex, PoisonError};

use prometheus::{
    Gauge, HistogramOpts, HistogramVec, IntCounterVec, IntGauge, IntGaugeVec, Opts, Registry, TextEncoder,
    core::{Collector, Desc},
    proto::MetricType,
};

pub use work::Work;
use work::WorkGauges;

/// Seconds. From an answer out of a local cache to the 60 s after which a call is given up.
const REQUEST_BUCKETS: &[f64] = &[
    0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0,
];

/// Seconds. A reconcile that changes nothing takes well under a millisecond; one that waits for Ironic, seconds.
const RECONCILE_BUCKETS: &[f64] = &[
    0.0005, 0.001, 0.005, 0.01, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0, 10.0, 30.0, 60.0,
];

/// Seconds. Fake hardware moves within a second, cleaning disks can take a day.
const TRANSITION_BUCKETS: &[f64] = &[
    0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 180.0, 600.0, 1800.0, 3600.0, 14_400.0, 86_400.0,
];

type NodesByState = Box<dyn Fn() -> Vec<(&'static str, u64)> + Send + Sync>;
type Figures = Box<dyn Fn() -> Vec<Work> + Send + Sync>;
type ObservationAge = Box<dyn Fn() -> Option<f64> + Send + Sync>;

/// Where numbers about the present come from; one lock, held for a whole scrape, keeps two scrapes apart.
#[derive(Default)]
struct Sources {
    nodes: Vec<NodesByState>,
    unhealthy: Vec<NodesByState>,
    ages: Vec<ObservationAge>,
    work: Vec<Figures>,
}

/// How often something ended, by all labels, and how long it took, by some of them.
#[derive(Clone)]
struct Timed {
    count: IntCounterVec,
    seconds: HistogramVec,
}

/// A metric, for the documentation.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct Described {
    /// Its full name.
    pub name: String,
    /// `counter`, `gauge` or `histogram`.
    pub kind: &'static str,
    /// What it says.
    pub help: String,
    /// The names of its labels.
    pub labels: Vec<String>,
}

/// Every metric of the process; clones share the same numbers.
#[derive(Clone)]
pub struct Metrics {
    registry: Registry,
    reconciles: Timed,
    ironic_requests: Timed,
    transitions: Timed,
    watch_errors: IntCounterVec,
    undecodable: IntCounterVec,
    panics: IntCounterVec,
    events: IntCounterVec,
    leader: IntGauge,
    nodes: IntGaugeVec,
    unhealthy: IntGaugeVec,
    observation_age: Gauge,
    work: WorkGauges,
    sources: Arc<Mutex<Sources>>,
}

impl Metrics {
    /// Creates and registers every metric in a registry of its own.
    pub fn new() -> Result<Self, prometheus::Error> {
        Self::registered(&Register::default())
    }

    /// Every metric there is, by name.
    pub fn described() -> Result<Vec<Described>, prometheus::Error> {
        let new = Register::default();
        Self::registered(&new)?;
        let mut all = new.described.into_inner();
        all.sort_unstable();
        Ok(all)
    }

    fn registered(new: &Register) -> Result<Self, prometheus::Error> {
        new.build_info()?;
        Ok(Self {
            reconciles: new.timed(
                "reconcile",
                ["Reconciles, by how they ended.", "How long one reconcile took."],
                [&["kind", "outcome"], &["kind"]],
                RECONCILE_BUCKETS,
            )?,
            ironic_requests: new.timed(
                "ironic_request",
                [
                    "HTTP requests to Ironic, each try counted.",
                    "How long one HTTP request to Ironic took.",
                ],
                [&["method", "route", "status"], &["method", "route"]],
                REQUEST_BUCKETS,
            )?,
            transitions: new.timed(
                "transition",
                [
                    "Provision and power changes asked of Ironic, by how they ended.",
                    "From asking Ironic for a change to seeing it ended.",
                ],
                [&["verb", "outcome"], &["verb"]],
                TRANSITION_BUCKETS,
            )?,
            watch_errors: new.counter(
                "watch_errors_total",
                "Failures of a watch on the Kubernetes API; it starts again by itself.",
                &["kind"],
            )?,
            undecodable: new.counter(
                "undecodable_objects_total",
                "Sightings of objects that do not fit their schema; they are skipped.",
                &["kind"],
            )?,
            panics: new.counter("panics_total", "Reconciles that panicked.", &["kind"])?,
            events: new.counter(
                "events_total",
                "Kubernetes Events, by what became of them.",
                &["outcome"],
            )?,
            leader: new.leader()?,
            nodes: new.nodes()?,
            unhealthy: new.unhealthy()?,
            observation_age: new.observation_age()?,
            work: WorkGauges::new(new)?,
            sources: Arc::default(),
            registry: new.registry.clone(),
        })
    }

    /// One reconcile ended after `seconds`.
    pub fn reconcile(&self, kind: &'static str, outcome: &'static str, seconds: f64) {
        self.reconciles.add(&[kind, outcome], &[kind], seconds);
    }

    /// One HTTP request to Ironic ended after `seconds`; `route` is a template, `status` absent without an answer.
    pub fn ironic_request(
        &self,
        method: &'static str,
        route: &'static str,
        status: Option<u16>,
        seconds: f64,
    ) {
        let status = status.map_or_else(|| "none".to_owned(), |status| status.to_string());
        self.ironic_requests
            .add(&[method, route, &status], &[method, route], seconds);
    }

    /// One change asked of Ironic came to its end after `seconds`.
    pub fn transition(&self, verb: &'static str, outcome: &'static str, seconds: f64) {
        self.transitions.add(&[verb, outcome], &[verb], seconds);
    }

    /// A watch failed once.
    pub fn watch_error(&self, kind: &'static str) {
        self.watch_errors.with_label_values(&[kind]).inc();
    }

    /// A watch showed an object that does not fit its schema.
    pub fn undecodable_object(&self, kind: &'static str) {
        self.undecodable.with_label_values(&[kind]).inc();
    }

    /// A reconcile panicked.
    pub fn panic(&self, kind: &'static str) {
        self.panics.with_label_values(&[kind]).inc();
    }

    /// A Kubernetes Event was published, refused, failed or dropped.
    pub fn event(&self, outcome: &'static str) {
        self.events.with_label_values(&[outcome]).inc();
    }

    /// Whether this replica is the one that writes.
    pub fn leader(&self, leads: bool) {
        self.leader.set(i64::from(leads));
    }

    /// Adds a source of node counts by provision state, asked at every scrape; several sources are summed.
    ///
    /// The state is `&'static str` on purpose: a state this program does not know is "unknown".
    pub fn on_scrape_nodes(&self, count: impl Fn() -> Vec<(&'static str, u64)> + Send + Sync + 'static) {
        self.with_sources(|sources| sources.nodes.push(Box::new(count)));
    }

    /// Adds a source of counts of nodes with which something is wrong, by what it is; asked and summed like the others.
    pub fn on_scrape_unhealthy(&self, count: impl Fn() -> Vec<(&'static str, u64)> + Send + Sync + 'static) {
        self.with_sources(|sources| sources.unhealthy.push(Box::new(count)));
    }

    /// Adds a source of the age in seconds of the oldest last observation; of several the highest counts.
    ///
    /// `None` is "nothing to observe" and shows as 0.
    pub fn on_scrape_observation_age(&self, age: impl Fn() -> Option<f64> + Send + Sync + 'static) {
        self.with_sources(|sources| sources.ages.push(Box::new(age)));
    }

    /// Adds a source of limited work, asked at every scrape; several are summed, but for budgets, of which the one with the
    /// least left counts.
    pub fn on_scrape_work(&self, figures: impl Fn() -> Vec<Work> + Send + Sync + 'static) {
        self.with_sources(|sources| sources.work.push(Box::new(figures)));
    }

    /// Everything in Prometheus' text format.
    pub fn encode(&self) -> Result<String, prometheus::Error> {
        self.with_sources(|sources| {
            self.ask(sources);
            TextEncoder::new().encode_to_string(&self.registry.gather())
        })
    }

    fn ask(&self, sources: &Sources) {
        for (gauge, counts) in [
            (&self.nodes, &sources.nodes),
            (&self.unhealthy, &sources.unhealthy),
        ] {
            gauge.reset();
            for (label, count) in counts.iter().flat_map(|source| source()) {
                let count = i64::try_from(count).unwrap_or(i64::MAX);
                gauge.with_label_values(&[label]).add(count);
            }
        }
        let oldest = sources
            .ages
            .iter()
            .filter_map(|source| source())
            .fold(0.0, f64::max);
        self.observation_age.set(oldest);
        let work: Vec<_> = sources.work.iter().flat_map(|source| source()).collect();
        self.work.show(&work);
    }

    fn with_sources<T>(&self, work: impl FnOnce(&mut Sources) -> T) -> T {
        // A source that panicked leaves nothing half done, so the poison says nothing.
        work(&mut self.sources.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Timed {
    fn add(&self, labels: &[&str], of_seconds: &[&str], seconds: f64) {
        self.count.with_label_values(labels).inc();
        self.seconds.with_label_values(of_seconds).observe(seconds);
    }
}

/// Makes metrics with the program's prefix, registers them, and keeps what they are.
#[derive(Default)]
struct Register {
    registry: Registry,
    described: RefCell<Vec<Described>>,
}

impl Register {
    /// `<name>s_total` with the first help and labels, `<name>_duration_seconds` with the second.
    fn timed(
        &self,
        name: &str,
        help: [&str; 2],
        labels: [&[&str]; 2],
        buckets: &[f64],
    ) -> Result<Timed, prometheus::Error> {
        let ([count_help, seconds_help], [count_labels, seconds_labels]) = (help, labels);
        let seconds = HistogramOpts::from(opts(&format!("{name}_duration_seconds"), seconds_help));
        Ok(Timed {
            count: self.counter(&format!("{name}s_total"), count_help, count_labels)?,
            seconds: self.add(HistogramVec::new(
                seconds.buckets(buckets.to_vec()),
                seconds_labels,
            )?)?,
        })
    }

    fn counter(&self, name: &str, help: &str, labels: &[&str]) -> Result<IntCounterVec, prometheus::Error> {
        self.add(IntCounterVec::new(opts(name, help), labels)?)
    }

    fn leader(&self) -> Result<IntGauge, prometheus::Error> {
        let help = "1 for the replica that writes, 0 for one that stands by.";
        self.add(IntGauge::with_opts(opts("leader", help))?)
    }

    fn nodes(&self) -> Result<IntGaugeVec, prometheus::Error> {
        self.add(IntGaugeVec::new(
            opts("nodes", "Nodes known to Ironic, by provision state."),
            &["state"],
        )?)
    }

    fn unhealthy(&self) -> Result<IntGaugeVec, prometheus::Error> {
        self.add(IntGaugeVec::new(
            opts(
                "nodes_unhealthy",
                "Nodes known to Ironic with which something is wrong, by the gravest of it.",
            ),
            &["fault"],
        )?)
    }

    fn observation_age(&self) -> Result<Gauge, prometheus::Error> {
        let help = "Age of the last complete look at the cloud that was looked at longest ago; of one that was never seen, since it is looked for.";
        self.add(Gauge::with_opts(opts("observation_age_seconds", help))?)
    }

    fn build_info(&self) -> Result<(), prometheus::Error> {
        let opts = opts("build_info", "The running version; always 1.")
            .const_label("version", env!("CARGO_PKG_VERSION"));
        self.add(Gauge::with_opts(opts)?).map(|gauge| gauge.set(1.0))
    }

    fn add<C: Collector + Clone + 'static>(&self, collector: C) -> Result<C, prometheus::Error> {
        self.registry.register(Box::new(collector.clone()))?;
        self.described.borrow_mut().extend(described(&collector));
        Ok(collector)
    }
}

/// What a collector offers; a family tells its type also while it is empty.
fn described(collector: &impl Collector) -> impl Iterator<Item = Described> {
    let kinds: Vec<_> = collector
        .collect()
        .iter()
        .map(|family| kind(family.get_field_type()))
        .collect();
    let one = |(desc, kind): (&Desc, _)| {
        let constant = desc.const_label_pairs.iter().map(|pair| pair.name().to_owned());
        Described {
            name: desc.fq_name.clone(),
            kind,
            help: desc.help.clone(),
            labels: desc.variable_labels.iter().cloned().chain(constant).collect(),
        }
    };
    let all: Vec<_> = collector.desc().into_iter().zip(kinds).map(one).collect();
    all.into_iter()
}

const fn kind(of: MetricType) -> &'static str {
    match of {
        MetricType::COUNTER => "counter",
        MetricType::GAUGE => "gauge",
        MetricType::HISTOGRAM => "histogram",
        MetricType::SUMMARY => "summary",
        MetricType::UNTYPED => "untyped",
    }
}

fn opts(name: &str, help: &str) -> Opts {
    Opts::new(name, help).namespace("ironwright")
}

#[cfg(test)]
mod tests {
    use super::Metrics;

    #[test]
    fn every_metric_reaches_the_page() {
        let metrics = Metrics::new().unwrap();
        metrics.reconcile("BareMetalNode", "done", 0.25);
        metrics.ironic_request("GET", "/v1/nodes/{node}", Some(200), 0.02);
        metrics.ironic_request("GET", "/v1/nodes/{node}", None, 60.0);
        metrics.transition("active", "done", 12.0);
        metrics.watch_error("Secret");
        metrics.undecodable_object("BareMetalNode");
        metrics.panic("BareMetalNode");
        metrics.event("dropped");
        metrics.leader(true);
        let page = metrics.encode().unwrap();
        for line in [
            r#"ironwright_reconciles_total{kind="BareMetalNode",outcome="done"} 1"#,
            r#"ironwright_reconcile_duration_seconds_count{kind="BareMetalNode"} 1"#,
            r#"ironwright_ironic_requests_total{method="GET",route="/v1/nodes/{node}",status="200"} 1"#,
            r#"ironwright_ironic_requests_total{method="GET",route="/v1/nodes/{node}",status="none"} 1"#,
            r#"ironwright_ironic_request_duration_seconds_count{method="GET",route="/v1/nodes/{node}"} 2"#,
            r#"ironwright_transitions_total{outcome="done",verb="active"} 1"#,
            r#"ironwright_transition_duration_seconds_bucket{verb="active",le="30"} 1"#,
            r#"ironwright_watch_errors_total{kind="Secret"} 1"#,
            r#"ironwright_undecodable_objects_total{kind="BareMetalNode"} 1"#,
            r#"ironwright_panics_total{kind="BareMetalNode"} 1"#,
            r#"ironwright_events_total{outcome="dropped"} 1"#,
            "ironwright_leader 1",
            "ironwright_observation_age_seconds 0",
            "ironwright_build_info{version=",
        ] {
            assert!(page.contains(line), "{line} is not in\n{page}");
        }
    }

    #[test]
    fn the_present_is_asked_for_at_every_scrape_and_summed() {
        use std::sync::Arc;
        use std::sync::atomic::{AtomicU64, Ordering};
        let metrics = Metrics::new().unwrap();
        let active = Arc::new(AtomicU64::new(3));
        let seen = Arc::clone(&active);
        metrics.on_scrape_nodes(move || match seen.load(Ordering::Relaxed) {
            0 => vec![],
            count => vec![("active", count)],
        });
        metrics.on_scrape_nodes(|| vec![("active", 2), ("unknown", 1)]);
        metrics.on_scrape_unhealthy(|| vec![("power failure", 2)]);
        metrics.on_scrape_unhealthy(|| vec![("power failure", 1)]);
        metrics.on_scrape_observation_age(|| Some(4.5));
        metrics.on_scrape_observation_age(|| None);
        let page = metrics.encode().unwrap();
        assert!(page.contains(r#"ironwright_nodes{state="active"} 5"#), "{page}");
        assert!(page.contains(r#"ironwright_nodes{state="unknown"} 1"#), "{page}");
        assert!(page.contains("ironwright_observation_age_seconds 4.5"), "{page}");
        assert!(
            page.contains(r#"ironwright_nodes_unhealthy{fault="power failure"} 3"#),
            "{page}"
        );
        active.store(0, Ordering::Relaxed);
        assert!(
            metrics
                .encode()
                .unwrap()
                .contains(r#"ironwright_nodes{state="active"} 2"#)
        );
    }

    #[test]
    fn two_sets_do_not_disturb_each_other() {
        Metrics::new().unwrap();
        Metrics::new().unwrap();
    }
}
