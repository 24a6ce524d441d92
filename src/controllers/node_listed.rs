//! A node as a listing in detail had it: enough to find that nothing is to be done, so that a fleet which is taken over unchanged is not read
//! node by node. And what an object awaits of the next listing.

use std::sync::Arc;

use super::node_gather::Pass;
use super::node_look::Seen;
use crate::domain::node::plan::Action;
use crate::fleet::{Note, Observer, Sight};
use crate::ironic::model::NodeSummary;

/// Takes the node as the last listing had it, if it is at hand.
pub(super) fn take_listed(pass: &mut Pass<'_>) -> bool {
    let id = pass.object.status.as_ref().and_then(|status| status.id.clone());
    let taken = pass
        .observer
        .as_ref()
        .zip(id)
        .and_then(|(observer, id)| Some((summary_of(observer, &id)?, observer.take_text(&id)?)));
    pass.listed = taken.is_some();
    if taken.is_some() {
        (pass.full, pass.looked) = (taken, None);
    }
    pass.listed
}

fn summary_of(observer: &Observer, id: &str) -> Option<Arc<NodeSummary>> {
    match observer.sight(id) {
        Sight::Row(row, _) => Some(row),
        Sight::Stale | Sight::Unlisted => None,
    }
}

/// What is decided on a node as a listing had it is that nothing is to be done: for anything else it is read.
pub fn needs_a_look(pass: &mut Pass<'_>, action: Option<&Action>) -> bool {
    let harmless = matches!(action, None | Some(Action::ReadSecrets | Action::AddFinalizer));
    if !pass.listed || harmless {
        return false;
    }
    (pass.full, pass.listed) = (None, false);
    true
}

impl Pass<'_> {
    /// Tells the observer what this object knows, and whether it waits for Ironic.
    pub fn note(&self, look: &Seen, waiting: bool) {
        self.notes(look, waiting, false);
    }

    /// The same, of an object that waits for the next listing.
    pub fn note_listing(&self, look: &Seen) {
        self.notes(look, true, true);
    }

    fn notes(&self, look: &Seen, waiting: bool, each_listing: bool) {
        let Some(observer) = &self.observer else { return };
        let id = self.looked_at(look).map(str::to_owned);
        // A node to import may appear with any listing.
        let awaits_node = matches!(look, Seen::Absent) && self.object.spec.import.is_some();
        let each_listing =
            each_listing || matches!(look, Seen::NotYet) || awaits_node || self.is_suspicious();
        let waiting = waiting || matches!(look, Seen::NotYet);
        observer.note(
            &self.key,
            Note {
                id,
                known: look.known(),
                waiting,
                each_listing,
                first: matches!(look, Seen::NotYet | Seen::Absent | Seen::Summary(..))
                    && self.compares_for_the_first_time(),
            },
        );
    }

    /// Whether there is, or will be, a node that was never compared with the spec.
    fn compares_for_the_first_time(&self) -> bool {
        let status = self.object.status.as_ref();
        let compared = status.is_some_and(|status| status.applied.is_some());
        let has_node = self.object.spec.import.is_some() || status.is_some_and(|status| status.id.is_some());
        has_node && !compared && !self.deleting() && !self.object.spec.paused
    }
}
