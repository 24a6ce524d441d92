//! What to do next about one machine: `summarise` → `choose` → `compose`.
//!
//! * [`facts`]: everything a decision may know.
//! * [`situation`]: the facts folded into a finite number of situations.
//! * [`rules`]: situation → choice; checked over every situation.
//! * [`meanings`]: what each rule means, for the documentation.
//! * [`gate`]: what must be done before a step may be taken (finalizer, pause after a failure, proofs for a destructive step).
//! * [`desired`], [`fields`], `table`: the fields a spec asks for, how they differ from the live node, and when they may be changed.
//! * `upkeep`: traits and maintenance, which have requests of their own.
//! * `power`: on and off.
//! * `drift`: what differs, for who only observes.
//! * [`marker`]: how we know what is ours.
//! * [`plan`], [`status`]: the decision put together.
//! * [`outcome`]: what a step that was taken, or failed, leaves in the journal.

mod applied;
mod call;
mod capabilities;
pub mod desired;
mod drift;
pub mod facts;
pub mod fields;
pub mod gate;
pub mod marker;
pub mod meanings;
pub mod outcome;
pub mod plan;
mod power;
mod provision;
mod references;
pub mod rules;
pub mod situation;
mod situations;
pub mod status;
mod summarise;
mod table;
#[cfg(test)]
mod tests;
mod upkeep;
pub mod words;

pub use facts::{CloudFacts, Look, NodeFacts, SecretFacts};
pub use plan::{Action, NodePlan, decide};
