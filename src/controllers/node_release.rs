//! Lets go of an object: the last word about its node, then the finalizer.

use std::time::Duration;

use super::node::Ended;
use super::node_call;
use super::node_execute::Next;
use super::node_gather::Pass;
use crate::domain::node::plan::Call;
use crate::domain::node::rules::Step;
use crate::kubernetes::finalizer;

/// How long letting go of a node waits for Ironic.
const PARTING: Duration = Duration::from_millis(700);

/// Takes the finalizer off. Before that the node's marker is released, if Ironic takes that at once.
pub async fn remove_finalizer(pass: &mut Pass<'_>, parting: Option<Call>) -> Next {
    if let Some(call) = parting {
        part(pass, call).await;
    }
    match finalizer::remove(&pass.api, &pass.object).await {
        Ok(_) => {
            if let Some(observer) = &pass.observer {
                observer.forget(&pass.key);
            }
            pass.context.nodes.forget(&pass.object);
            pass.context.claims.forget(&pass.key);
            Next::Ended(Ended::new("released", None))
        }
        Err(error) => Next::Ended(super::node_report::refused(pass, &error)),
    }
}

/// The last word about a node that is let go. It is not worth a wait: what it would ease, a person can do, too.
async fn part(pass: &Pass<'_>, call: Call) {
    let Some(observer) = &pass.observer else { return };
    let meant = observer.client.with_permit(pass.freshness(Step::Patch).permit());
    match tokio::time::timeout(PARTING, node_call::send(&meant, call)).await {
        Ok(Ok(_)) => {}
        Ok(Err(error)) => {
            tracing::info!(node = %pass.key.name, error = %pass.told(&error, None), "the node's marker could not be released");
        }
        Err(_) => tracing::info!(node = %pass.key.name, "the node's marker could not be released in time"),
    }
}
