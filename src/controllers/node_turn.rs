//! A node's turn to be reconciled: so many of one Ironic at once, so that one that hangs holds up none of another.

use std::time::Instant;

use kube::runtime::reflector::ObjectRef;

use super::context::Context;
use super::node::key;
use crate::api::BareMetalNode;
use crate::fleet::{CloudKey, ObjectKey};

/// A place among those of its Ironic, which is given back when this is dropped.
pub struct Turn<'a> {
    key: ObjectKey,
    context: &'a Context,
}

impl<'a> Turn<'a> {
    /// Takes a place; none: the object is woken when there is one.
    pub fn take(object: &BareMetalNode, context: &'a Context) -> Option<Self> {
        let key = key(object);
        let cloud = CloudKey::new(&key.namespace, &object.spec.cloud_ref.name);
        let session = context.clouds.session(&cloud);
        let (begins, called) = context.turns().enter(&session, &key, Instant::now());
        wake(called, context);
        // Not `then_some`: what it is given is made, and dropped, also when nobody begins, and who is dropped leaves the line.
        begins.then(|| Self { key, context })
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        leave(&self.key, self.context);
    }
}

/// The object is done, or gone: others may begin.
pub fn leave(key: &ObjectKey, context: &Context) {
    let called = context.turns().leave(key, Instant::now());
    wake(called, context);
}

fn wake(called: Vec<ObjectKey>, context: &Context) {
    for ObjectKey { namespace, name } in called {
        // Nobody listens any more only while the process ends.
        context
            .node_triggers
            .send(ObjectRef::new(&name).within(&namespace))
            .ok();
    }
}
