//! Turns: every way through a few steps, and what is fair.

use super::*;

type Clock = Duration;

fn key(namespace: &str, name: &str) -> ObjectKey {
    ObjectKey::new(namespace, name)
}

/// One step of somebody.
#[derive(Clone, Copy, Debug)]
enum Step {
    Enter(usize, &'static str),
    Leave(usize),
    Later,
}

/// What has to hold at any time.
fn check(turns: &Turns<Clock>, way: &[Step]) {
    let mut all = 0;
    for (name, pool) in &turns.pools {
        assert!(
            pool.running.len() + pool.called.len() <= turns.most,
            "{name}: {way:?}"
        );
        let waiting: Vec<_> = pool
            .line
            .waiting
            .iter()
            .flat_map(|(namespace, names)| names.iter().map(|name| key(namespace, name)))
            .collect();
        assert!(
            waiting.is_empty() || pool.free(turns.most) == 0,
            "a place is free and somebody waits: {way:?}"
        );
        assert_eq!(pool.line.namespaces.len(), pool.line.waiting.len(), "{way:?}");
        for object in pool.running.iter().chain(pool.called.keys()).chain(&waiting) {
            assert_eq!(turns.places.get(object), Some(name), "{way:?}");
            all += 1;
        }
        assert!(!pool.is_empty(), "an empty pool is kept: {way:?}");
    }
    assert!(all <= turns.places.len(), "an object is in two places: {way:?}");
}

/// Walks every way of so many steps.
fn walk(most: usize, way: &mut Vec<Step>, left: usize) -> usize {
    let objects = [key("a", "1"), key("a", "2"), key("b", "1")];
    let mut turns = Turns::new(most);
    let mut now = Duration::ZERO;
    for step in way.iter() {
        let called = match *step {
            Step::Enter(object, pool) => {
                let object = &objects[object];
                let (begins, called) = turns.enter(pool, object, now);
                let pool = &turns.pools[pool];
                assert_eq!(begins, pool.running.contains(object), "{way:?}");
                assert!(!called.contains(object));
                called
            }
            Step::Leave(object) => turns.leave(&objects[object], now),
            Step::Later => {
                now += KEPT;
                vec![]
            }
        };
        for object in called {
            assert!(
                turns.pools[&turns.places[&object]].called.contains_key(&object),
                "{way:?}"
            );
        }
    }
    check(&turns, way);
    if left == 0 {
        return 1;
    }
    let mut ways = 1;
    let steps = (0..3)
        .flat_map(|object| {
            [
                Step::Enter(object, "x"),
                Step::Enter(object, "y"),
                Step::Leave(object),
            ]
        })
        .chain([Step::Later]);
    for step in steps {
        // Nobody is reconciled twice at a time: the controller sees to that.
        if let Step::Enter(object, _) = step
            && turns
                .pools
                .values()
                .any(|pool| pool.running.contains(&objects[object]))
        {
            continue;
        }
        way.push(step);
        ways += walk(most, way, left - 1);
        way.pop();
    }
    ways
}

#[test]
fn there_are_never_more_than_may_be_and_nobody_waits_for_nothing() {
    for most in [1, 2] {
        let ways = walk(most, &mut Vec::new(), 5);
        assert!(ways > 10_000, "{ways}");
    }
}

#[test]
fn one_ironic_takes_nothing_from_another() {
    let mut turns = Turns::new(2);
    let now = Duration::ZERO;
    for number in 0..300 {
        let begins = turns.enter("hung", &key("a", &number.to_string()), now).0;
        assert_eq!(begins, number < 2);
    }
    assert!(turns.enter("healthy", &key("b", "1"), now).0);
    assert_eq!(turns.waiting(), 298);
}

#[test]
fn namespaces_take_turns() {
    let mut turns = Turns::new(1);
    let now = Duration::ZERO;
    assert!(turns.enter("x", &key("big", "first"), now).0);
    for number in 0..100 {
        turns.enter("x", &key("big", &format!("{number:03}")), now);
    }
    turns.enter("x", &key("small", "s"), now);
    turns.enter("x", &key("small", "s"), now);
    let mut current = key("big", "first");
    let mut order = vec![];
    for _ in 0..4 {
        let [next] = &turns.leave(&current, now)[..] else {
            panic!()
        };
        order.push(format!("{}/{}", next.namespace, next.name));
        assert_eq!(turns.enter("x", next, now), (true, vec![]));
        current = next.clone();
    }
    assert_eq!(order, ["big/000", "small/s", "big/001", "big/002"]);
}

#[test]
fn a_place_is_not_kept_for_ever_for_who_does_not_come() {
    let mut turns = Turns::new(1);
    let now = Duration::ZERO;
    assert!(turns.enter("x", &key("a", "1"), now).0);
    assert!(!turns.enter("x", &key("a", "2"), now).0);
    assert!(!turns.enter("x", &key("a", "3"), now).0);
    assert_eq!(turns.leave(&key("a", "1"), now), [key("a", "2")]);
    assert!(
        !turns.enter("x", &key("a", "4"), now).0,
        "the place is kept for 2"
    );
    let (begins, called) = turns.enter("x", &key("a", "5"), now + KEPT);
    assert_eq!((begins, called), (false, vec![key("a", "3")]));
    assert_eq!(
        turns.leave(&key("a", "3"), now + KEPT),
        [key("a", "4")],
        "one that is gone makes room"
    );
}
