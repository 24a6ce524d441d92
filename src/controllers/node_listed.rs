//! A node as a listing in detail had it: enough to find that nothing is to be done, so that a fleet which is taken over unchanged is not read
//! node by node.

use std::sync::Arc;

use super::node_gather::Pass;
use crate::domain::node::plan::Action;
use crate::fleet::{Observer, Sight};
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
