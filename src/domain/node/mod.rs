//! What to do next about one machine: `summarise` → `choose` → `compose`.
//!
//! * [`facts`]: everything a decision may know.
//! * [`situation`]: the facts folded into a finite number of situations.
//! * [`rules`]: situation → choice; checked over every situation.
//! * [`gate`]: what must be done before a step may be taken (finalizer, pause after a failure, proofs for a destructive step).
//! * [`desired`], [`fields`]: the fields a spec asks for, and how they differ from the live node.
//! * [`marker`]: how we know what is ours.
//! * [`plan`], [`status`]: the decision put together.
//! * [`outcome`]: what a step that was taken, or failed, leaves in the journal.

mod applied;
mod call;
pub mod desired;
pub mod facts;
pub mod fields;
pub mod gate;
pub mod marker;
pub mod outcome;
pub mod plan;
mod provision;
pub mod rules;
pub mod situation;
pub mod status;
mod summarise;
#[cfg(test)]
mod tests;
pub mod words;

pub use facts::{CloudFacts, Look, NodeFacts, SecretFacts};
pub use plan::{Action, NodePlan, decide};
