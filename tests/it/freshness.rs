//! A step that destroys is held up on its way, and meanwhile its object's owner wants something else: the look at the machine,
//! the answer to the intent or the slot takes 5, 12 or 40 s. Two seconds after the change was acknowledged nothing is destroyed
//! any more that the new spec does not ask for.

#![cfg(test)]

mod scene;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::future::join_all;
use ironwright_stack::Operator;
use ironwright_stack::proxy::Proxy;
use serde_json::json;
use tokio::sync::{Barrier, Notify};

use self::scene::{
    Change, GAPS, Gap, Scene, TWO, cloud, destructive, helper, hold, is_intent, is_look, narrow_name, on,
};
use crate::harness::{LIMIT, World, stack, status};
use crate::probe::node_of;
use crate::stage::heavy;

/// How long a step may still be sent after the change was acknowledged.
const GRACE: Duration = Duration::from_secs(2);

const DELAYS: [u64; 3] = [5, 12, 40];

/// A change that is made after one of them only.
const ONCE: &[usize] = &[0];

/// A world whose operator is at the apiserver through a proxy, with a cloud of many slots and, for each delay, one with a single slot.
struct Stage {
    world: World,
    apiserver: Proxy,
    narrow: BTreeMap<u64, Proxy>,
    scenes: Vec<Scene>,
    all_held: Barrier,
}

impl Stage {
    async fn new(namespace: &str, changes: &[(Change, &[usize])]) -> Self {
        // What is held up holds up others: an Ironic of its own.
        let stack = stack().await;
        let stack = &stack.with_own_ironic(namespace).await.expect("an Ironic");
        let mut world = World::before(stack, &stack.ironic.endpoint(), namespace).await;
        let mut narrow = BTreeMap::new();
        world.apply(&cloud("lab", &world.proxy, 64)).await.unwrap();
        for delay in DELAYS {
            let proxy = Proxy::start(&stack.ironic.endpoint()).await.expect("a proxy");
            world
                .apply(&cloud(&narrow_name(delay), &proxy, 16))
                .await
                .unwrap();
            narrow.insert(delay, proxy);
        }
        let plane = &stack.control_plane;
        let apiserver = plane.proxy().await.expect("a proxy");
        let mut options = world.operator_options().await.expect("the options");
        // The Lease of a test is in the namespace of its objects, and this may go.
        options.args.push("--leader-elect=false".to_owned());
        options.kubeconfig = plane
            .kubeconfig_through(&apiserver, &options.kubeconfig)
            .expect("a kubeconfig");
        let operator = Operator::start(&world.stack.run, &options).await;
        world.operator = Some(operator.expect("the operator gets ready"));
        let mut stage = Self {
            world,
            apiserver,
            narrow,
            scenes: vec![],
            all_held: Barrier::new(GAPS.len()),
        };
        stage.set(changes).await;
        stage
    }

    /// Every change in every gap, with these delays.
    async fn set(&mut self, changes: &[(Change, &[usize])]) {
        for (number, gap) in GAPS.into_iter().enumerate() {
            for (change, delays) in changes {
                for delay in *delays {
                    let seconds = DELAYS[(delay + number) % DELAYS.len()];
                    self.scenes.push(Scene {
                        name: format!("{gap:?}-{change:?}-{seconds}").to_lowercase(),
                        gap,
                        delay: Duration::from_secs(seconds),
                        change: *change,
                        id: String::new(),
                    });
                }
            }
        }
        let world = &self.world;
        let (manageable, _) = Change::Nothing.before();
        for delay in DELAYS {
            world
                .apply(&on(&narrow_name(delay), &helper(delay), &manageable))
                .await
                .unwrap();
        }
        join_all(self.scenes.iter().map(async |scene| {
            let manifest = on(&scene.cloud(), &scene.name, &scene.change.before().0);
            world.apply(&manifest).await.expect("the node is accepted");
        }))
        .await;
        let ready = self.scenes.iter().map(async |scene| {
            let node = world.ready(&scene.name, scene.change.before().1).await;
            status(&node).id.clone().expect("an id")
        });
        let ids = join_all(ready).await;
        for (scene, id) in self.scenes.iter_mut().zip(ids) {
            scene.id = id;
        }
        for delay in DELAYS {
            world.ready(&helper(delay), "Manageable").await;
            world
                .apply(&cloud(&narrow_name(delay), &self.narrow[&delay], 2))
                .await
                .unwrap();
        }
    }

    fn proxy(&self, scene: &Scene) -> &Proxy {
        match scene.gap {
            Gap::Slot => &self.narrow[&scene.delay.as_secs()],
            Gap::Look | Gap::Intent => &self.world.proxy,
        }
    }

    /// The only slot of a cloud is taken for so long.
    async fn take_the_slot(&self, delay: u64) {
        let (world, proxy) = (&self.world, &self.narrow[&delay]);
        let id = status(&world.nodes.get(&helper(delay)).await.unwrap())
            .id
            .clone()
            .unwrap();
        let arrived = Arc::new(Notify::new());
        hold(
            proxy,
            move |seen| is_look(seen, &id),
            Duration::from_secs(delay),
            &arrived,
            false,
        );
        world
            .edit(&helper(delay), &json!({"description": "takes the slot"}))
            .await;
        tokio::time::timeout(LIMIT, arrived.notified())
            .await
            .expect("it asks");
    }

    /// Plays one scene; when the change was acknowledged.
    async fn play(&self, scene: &Scene) -> Option<Instant> {
        let arrived = Arc::new(Notify::new());
        let (id, name) = (scene.id.clone(), scene.name.clone());
        match scene.gap {
            Gap::Look => hold(
                &self.world.proxy,
                move |seen| is_look(seen, &id),
                scene.delay,
                &arrived,
                false,
            ),
            Gap::Intent => hold(
                &self.apiserver,
                move |seen| is_intent(seen, &name),
                scene.delay,
                &arrived,
                true,
            ),
            // The operator has a while to get to the line for it.
            Gap::Slot => {
                let arrived = Arc::clone(&arrived);
                tokio::spawn(async move {
                    tokio::time::sleep(GRACE).await;
                    arrived.notify_one();
                });
            }
        }
        scene.begin(&self.world).await;
        let held = tokio::time::timeout(LIMIT, arrived.notified()).await;
        assert!(held.is_ok(), "{}: nothing was held up", scene.name);
        if scene.change == Change::Namespace {
            // What goes for one goes for all.
            self.all_held.wait().await;
        }
        let began = Instant::now();
        let changed = scene.change(&self.world).await;
        // That is the fault: as long as this.
        tokio::time::sleep_until((began + scene.delay + GRACE).into()).await;
        changed
    }

    /// What was destroyed though nobody wanted it any more.
    fn unwanted(&self, scene: &Scene, changed: Instant) -> Vec<String> {
        let log = self.proxy(scene).log();
        let of_node = log
            .iter()
            .filter(|entry| node_of(entry).as_deref() == Some(&*scene.id));
        let (mut renewed, mut unwanted) = (false, vec![]);
        for entry in of_node {
            // Another image is deployed once the node is claimed for that.
            renewed |=
                entry.seen.method == "PATCH" && String::from_utf8_lossy(&entry.seen.body).contains(TWO);
            let late = entry.at > changed + GRACE;
            if let Some(step) = destructive(entry).filter(|_| late && !renewed) {
                unwanted.push(format!(
                    "{}: {step} {:?} after the change",
                    scene.name,
                    entry.at - changed
                ));
            }
        }
        unwanted
    }

    async fn runs(self) {
        join_all(DELAYS.map(|delay| self.take_the_slot(delay))).await;
        let changed = join_all(self.scenes.iter().map(|scene| self.play(scene))).await;
        join_all(self.scenes.iter().map(|scene| scene.ends(&self.world))).await;
        let played = self.scenes.iter().zip(changed);
        let unwanted: Vec<_> = played
            .filter_map(|(scene, changed)| Some(self.unwanted(scene, changed?)))
            .flatten()
            .collect();
        assert!(unwanted.is_empty(), "{unwanted:#?}");
    }
}

#[tokio::test]
async fn what_is_not_wanted_any_more_is_not_destroyed_however_long_it_was_held_up() {
    let _heavy = heavy().await;
    let changes = [
        (Change::Nothing, ONCE),
        (Change::Paused, &[0, 1, 2]),
        (Change::TakenBack, &[1]),
        (Change::Image, &[0]),
        (Change::Policy, &[1]),
        (Change::Recreated, &[2]),
    ];
    Stage::new("freshness", &changes).await.runs().await;
}

#[tokio::test]
async fn what_goes_with_its_namespace_is_not_destroyed_however_long_it_was_held_up() {
    let _heavy = heavy().await;
    let changes: [(Change, &[usize]); 1] = [(Change::Namespace, &[0])];
    Stage::new("freshness-namespace", &changes).await.runs().await;
}
