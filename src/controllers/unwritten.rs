//! What a step did while the store does not say so yet: the write of the status failed, or somebody had changed the object meanwhile.
//!
//! Without it a field that was written under a spec that is taken back at that moment would be nobody's, and stay in Ironic.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use kube::ResourceExt;

use crate::api::{BareMetalNode, BareMetalNodeStatus};

/// The records of all objects, by uid.
#[derive(Default)]
pub struct Unwritten {
    steps: Mutex<HashMap<String, Record>>,
}

/// The status that was to be replaced, and the one to replace it.
struct Record {
    stored: Option<BareMetalNodeStatus>,
    done: BareMetalNodeStatus,
}

impl Unwritten {
    fn steps(&self) -> MutexGuard<'_, HashMap<String, Record>> {
        self.steps.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The status `done` could not be written over the one that is stored.
    pub fn keep(
        &self,
        object: &BareMetalNode,
        stored: Option<BareMetalNodeStatus>,
        done: BareMetalNodeStatus,
    ) {
        if let Some(uid) = object.uid() {
            self.steps().insert(uid, Record { stored, done });
        }
    }

    /// The status that is to replace the object's; none if somebody else has written one since.
    pub fn of(&self, object: &BareMetalNode) -> Option<BareMetalNodeStatus> {
        let steps = self.steps();
        let record = steps.get(object.metadata.uid.as_deref()?)?;
        (record.stored == object.status).then(|| record.done.clone())
    }

    /// The status is written, or the object is gone.
    pub fn forget(&self, object: &BareMetalNode) {
        if let Some(uid) = &object.metadata.uid {
            self.steps().remove(uid);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node(uid: &str, status: Option<&BareMetalNodeStatus>) -> BareMetalNode {
        let mut node = BareMetalNode::new("n", crate::api::BareMetalNodeSpec::default());
        (node.metadata.uid, node.status) = (Some(uid.to_owned()), status.cloned());
        node
    }

    #[test]
    fn what_was_done_is_known_until_it_is_written_or_another_status_is() {
        let [before, done, other] = ["before", "done", "other"].map(|id| BareMetalNodeStatus {
            id: Some(id.to_owned()),
            ..BareMetalNodeStatus::default()
        });
        let a = node("a", Some(&before));
        let unwritten = Unwritten::default();
        assert_eq!(unwritten.of(&node("a", None)), None);
        unwritten.keep(&a, Some(before.clone()), done.clone());
        assert_eq!(unwritten.of(&a), Some(done));
        assert_eq!(unwritten.of(&node("a", Some(&other))), None);
        assert_eq!(unwritten.of(&node("a", None)), None);
        assert_eq!(unwritten.of(&node("b", Some(&before))), None);
        unwritten.forget(&a);
        assert_eq!(unwritten.of(&a), None);
    }
}
