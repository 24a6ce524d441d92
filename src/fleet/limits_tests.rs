//! Tests of the desk: single cases, and any course of events.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::*;

fn key(namespace: &str, name: &str) -> ObjectKey {
    ObjectKey::new(namespace, name)
}

fn request(namespace: &str, name: &str, work: Work, second: i64) -> Request {
    Request {
        key: key(namespace, name),
        id: format!("{namespace}/{name}"),
        work,
        since: Timestamp::from_second(second).unwrap(),
    }
}

fn desk(deploys: usize, cleans: usize, destructive: Option<usize>) -> Desk {
    let mut desk = Desk::default();
    desk.set_limits(Limits {
        deploys,
        cleans,
        destructive,
    });
    desk
}

/// Asks in this order, and lets one at a time finish; the order in which they were let in.
fn served(desk: &mut Desk, asking: &[(&str, &str)], work: Work) -> Vec<String> {
    for (second, (namespace, name)) in (0..).zip(asking) {
        desk.ask(request(namespace, name, work, second));
    }
    let (mut order, mut inside) = (vec![], VecDeque::new());
    loop {
        for key in desk.admit() {
            order.push(key.name.clone());
            inside.push_back(key);
        }
        let Some(done) = inside.pop_front() else {
            return order;
        };
        desk.leave(&done);
    }
}

#[test]
fn namespaces_take_turns_and_each_serves_first_come_first() {
    let asking = [
        ("a", "a1"),
        ("a", "a2"),
        ("a", "a3"),
        ("a", "a4"),
        ("b", "b1"),
        ("c", "c1"),
        ("c", "c2"),
    ];
    let order = served(&mut desk(1, 1, None), &asking, Work::Deploy);
    assert_eq!(order, ["a1", "b1", "c1", "a2", "c2", "a3", "a4"]);
}

#[test]
fn a_place_counts_the_turns_of_everybody_before() {
    let mut desk = desk(1, 1, None);
    desk.ask(request("m", "inside", Work::Clean, 0));
    assert_eq!(desk.admit(), [key("m", "inside")]);
    let asking = [
        ("a", "a1"),
        ("a", "a2"),
        ("z", "z1"),
        ("m", "m1"),
        ("m", "m2"),
        ("m", "m3"),
    ];
    for (namespace, name) in asking {
        desk.ask(request(namespace, name, Work::Clean, 1));
    }
    assert_eq!(desk.admit(), []);
    let places = asking.map(|(namespace, name)| match desk.standing(&key(namespace, name)) {
        Standing::Waiting(Work::Clean, queue) => (name, queue.place),
        other => panic!("{name}: {other:?}"),
    });
    let told: BTreeMap<_, _> = places.into_iter().collect();
    let order = served(&mut desk, &[], Work::Clean);
    assert_eq!(order, [""; 0], "nobody leaves by itself");
    desk.leave(&key("m", "inside"));
    let order = served(&mut desk, &[], Work::Clean);
    assert_eq!(order, ["z1", "a1", "m1", "a2", "m2", "m3"]);
    for (place, name) in (1..).zip(&order) {
        assert_eq!(told[name.as_str()], place, "{name}");
    }
}

#[test]
fn what_anybody_else_began_counts() {
    let mut desk = desk(2, 2, None);
    let busy = [("x".to_owned(), Work::Deploy), ("y".to_owned(), Work::Deploy)];
    desk.listed(busy.into(), |_| true);
    desk.ask(request("a", "a1", Work::Deploy, 0));
    assert_eq!(desk.admit(), []);
    let Standing::Waiting(Work::Deploy, queue) = desk.standing(&key("a", "a1")) else {
        panic!()
    };
    assert_eq!((queue.pool, queue.limit, queue.under_way), (Pool::Deploys, 2, 2));
    desk.read("x", None);
    assert_eq!(desk.admit(), [key("a", "a1")]);
}

/// A verb whose effect the snapshot cannot show yet keeps its place, also in a listing that began before it.
#[test]
fn what_was_sent_counts_until_it_is_seen() {
    let mut desk = desk(1, 1, None);
    desk.ask(request("a", "a1", Work::Deploy, 0));
    desk.ask(request("a", "a2", Work::Deploy, 1));
    assert_eq!(desk.admit(), [key("a", "a1")]);
    desk.sent("a/a1");
    desk.leave(&key("a", "a1"));
    desk.listed(HashMap::new(), |_| false);
    assert_eq!(desk.admit(), [], "an old listing tells nothing");
    desk.listed([("a/a1".to_owned(), Work::Deploy)].into(), |_| true);
    assert_eq!(desk.admit(), []);
    assert_eq!(desk.under_way(Pool::Deploys), 1, "it is counted once");
    desk.listed(HashMap::new(), |_| true);
    assert_eq!(desk.admit(), [key("a", "a2")]);
}

#[test]
fn who_asks_again_keeps_the_place_and_who_waited_before_gets_it_back() {
    let mut desk = desk(1, 1, None);
    for (name, second) in [("a1", 1), ("a2", 2), ("a3", 3)] {
        desk.ask(request("a", name, Work::Deploy, second));
    }
    desk.ask(request("a", "a2", Work::Deploy, 9));
    desk.leave(&key("a", "a1"));
    desk.ask(request("a", "a1", Work::Deploy, 1));
    assert_eq!(served(&mut desk, &[], Work::Deploy), ["a1", "a2", "a3"]);
}

#[test]
fn those_that_destroy_share_their_limit_in_turns() {
    let mut desk = desk(9, 9, Some(1));
    for second in 0..3 {
        desk.ask(request("a", &format!("c{second}"), Work::Clean, second));
        desk.ask(request("a", &format!("d{second}"), Work::Destroy, second));
    }
    desk.ask(request("a", "e0", Work::Deploy, 0));
    desk.ask(request("a", "e1", Work::Deploy, 1));
    let order = served(&mut desk, &[], Work::Clean);
    assert_eq!(order, ["e0", "c0", "d0", "e1", "c1", "d1", "c2", "d2"]);
}

#[test]
fn what_is_full_is_named() {
    let mut desk = desk(1, 5, Some(1));
    desk.listed([("x".to_owned(), Work::Destroy)].into(), |_| true);
    desk.ask(request("a", "a1", Work::Clean, 0));
    assert_eq!(desk.admit(), []);
    let Standing::Waiting(_, queue) = desk.standing(&key("a", "a1")) else {
        panic!()
    };
    assert_eq!(
        (queue.pool, queue.limit, queue.under_way),
        (Pool::Destructive, 1, 1)
    );
}

#[test]
fn the_strictest_of_two_is_that_of_each() {
    let one = Limits {
        deploys: 3,
        cleans: 9,
        destructive: None,
    };
    let other = Limits {
        deploys: 5,
        cleans: 2,
        destructive: Some(4),
    };
    let both = Limits {
        deploys: 3,
        cleans: 2,
        destructive: Some(4),
    };
    assert_eq!((one.strictest(other), other.strictest(one)), (both, both));
}

/// Something that happens.
#[derive(Clone, Debug)]
enum Event {
    Ask(usize, Work),
    Leave(usize),
    Send(usize),
    /// Ironic is done with a node.
    Finish(usize),
    /// Another user begins something.
    Meddle(usize, Work),
    List,
    Limits(usize, usize, Option<usize>),
}

fn event() -> impl Strategy<Value = Event> {
    let work = || prop::sample::select(Work::ALL);
    prop_oneof![
        6 => (0..24_usize, work()).prop_map(|(node, work)| Event::Ask(node, work)),
        1 => (0..24_usize).prop_map(Event::Leave),
        4 => (0..24_usize).prop_map(Event::Send),
        3 => (0..24_usize).prop_map(Event::Finish),
        1 => (0..24_usize, work()).prop_map(|(node, work)| Event::Meddle(node, work)),
        2 => Just(Event::List),
        1 => (1..4_usize, 1..4_usize, prop::option::of(1..4_usize)).prop_map(|(d, c, x)| Event::Limits(d, c, x)),
    ]
}

/// Ironic and its users beside the desk.
struct Truth {
    desk: Desk,
    limits: Limits,
    /// Node → what it is busy with in Ironic.
    real: BTreeMap<usize, Work>,
    /// Begun by somebody else: the desk cannot prevent it.
    foreign: BTreeSet<usize>,
    clock: i64,
}

fn of(node: usize) -> ObjectKey {
    key(["a", "b", "c"][node % 3], &format!("n{node}"))
}

fn id(node: usize) -> String {
    format!("{}/n{node}", ["a", "b", "c"][node % 3])
}

impl Truth {
    fn happen(&mut self, event: &Event) {
        self.clock += 1;
        match *event {
            Event::Ask(node, work) if !self.real.contains_key(&node) => {
                let key = of(node);
                self.desk
                    .ask(request(&key.namespace, &key.name, work, self.clock));
            }
            Event::Ask(..) => {}
            Event::Leave(node) => _ = self.desk.leave(&of(node)),
            Event::Send(node) => {
                if let Standing::Granted(work) = self.desk.standing(&of(node)) {
                    self.real.insert(node, work);
                    self.desk.sent(&id(node));
                    self.desk.leave(&of(node));
                }
            }
            Event::Finish(node) => {
                self.real.remove(&node);
                self.foreign.remove(&node);
            }
            Event::Meddle(node, work) => {
                if self.desk.standing(&of(node)) == Standing::Unasked && !self.real.contains_key(&node) {
                    self.real.insert(node, work);
                    self.foreign.insert(node);
                }
            }
            Event::List => {
                let busy = self.real.iter().map(|(node, work)| (id(*node), *work));
                self.desk.listed(busy.collect(), |_| true);
            }
            Event::Limits(deploys, cleans, destructive) => {
                self.limits = Limits {
                    deploys,
                    cleans,
                    destructive,
                };
                self.desk.set_limits(self.limits);
            }
        }
    }

    /// Ours that are under way in Ironic.
    fn ours(&self, pool: Pool) -> usize {
        let ours = self.real.iter().filter(|(node, _)| !self.foreign.contains(node));
        ours.filter(|(_, work)| work.pools().contains(&pool)).count()
    }
}

const POOLS: [Pool; 3] = [Pool::Deploys, Pool::Cleans, Pool::Destructive];

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever happens: an admission never lifts a pool above its limit, and nobody waits who could go.
    #[test]
    fn never_above_the_limit_and_never_idle(events in prop::collection::vec(event(), 1..200)) {
        let limits = Limits { deploys: 2, cleans: 2, destructive: Some(3) };
        let mut truth = Truth {
            desk: desk(2, 2, Some(3)),
            limits,
            real: BTreeMap::new(),
            foreign: BTreeSet::new(),
            clock: 0,
        };
        for event in events {
            truth.happen(&event);
            let before = POOLS.map(|pool| truth.desk.under_way(pool));
            let admitted = truth.desk.admit();
            for (pool, before) in POOLS.into_iter().zip(before) {
                let after = truth.desk.under_way(pool);
                let limit = truth.limits.of(pool).unwrap_or(usize::MAX);
                prop_assert!(after <= limit || after == before, "{pool:?}: {before} → {after} of {limit}");
                prop_assert!(truth.desk.under_way(pool) >= truth.ours(pool), "ours are never forgotten");
            }
            for key in &admitted {
                prop_assert!(matches!(truth.desk.standing(key), Standing::Granted(_)));
            }
            for node in 0..24 {
                if let Standing::Waiting(work, queue) = truth.desk.standing(&of(node)) {
                    let full = work.pools().iter().any(|pool| !truth.desk.has_room(*pool));
                    prop_assert!(full, "{node} waits although there is room: {queue:?}");
                }
            }
        }
    }

    /// With one place and any crowd, a namespace is served at least once between two turns of another.
    #[test]
    fn no_namespace_is_overtaken_twice(crowd in prop::collection::vec(0..4_usize, 1..60)) {
        let names: Vec<_> = crowd.iter().enumerate().map(|(n, ns)| (format!("ns{ns}"), format!("n{n}"))).collect();
        let asking: Vec<_> = names.iter().map(|(ns, name)| (ns.as_str(), name.as_str())).collect();
        let home: BTreeMap<_, _> = names.iter().map(|(ns, name)| (name.clone(), ns.clone())).collect();
        let order = served(&mut desk(1, 1, None), &asking, Work::Deploy);
        prop_assert_eq!(order.len(), asking.len(), "everybody is served");
        for (turn, name) in order.iter().enumerate() {
            let again = order.iter().skip(turn + 1).position(|later| home[later] == home[name]);
            let Some(again) = again else { continue };
            let between: Vec<_> = order[turn + 1..=turn + again].iter().map(|name| &home[name]).collect();
            for waiting in order[turn + again + 1..].iter().map(|name| &home[name]).filter(|ns| **ns != home[name]) {
                prop_assert!(between.contains(&waiting), "{} twice before {}: {:?}", home[name], waiting, order);
            }
        }
    }
}
