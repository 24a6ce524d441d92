//! What to do next about one machine: `summarise` → `choose` → `compose`.
//!
//! * [`facts`]: everything a decision may know.
//! * [`situation`]: the facts folded into a finite number of situations.
//! * [`rules`]: situation → choice; checked over every situation.
//! * [`meanings`]: what each rule means, for the documentation.
//! * [`gate`]: what must be done before a step may be taken (pause after a failure, budget, room, finalizer, proofs for a destructive step).
//! * [`room`]: which steps are limited in number, and what is said while one has to wait.
//! * [`desired`], [`fields`], `table`: the fields a spec asks for, how they differ from the live node, and when they may be changed.
//! * `upkeep`: traits and maintenance, which have requests of their own.
//! * `health`: faults, maintenance and whose it is, and when a machine that is where it is wanted is not what is wanted.
//! * `power`: on and off.
//! * `leaving`: what an instance of ours is left with, and out of which waits.
//! * `inspection`: the one inspection of a machine just enrolled.
//! * `tries`: how often a step was tried on the way to what is wanted.
//! * [`reach`]: whether a BMC was not reached, or refused.
//! * [`credentials`]: whether those that Secrets gave are proven.
//! * [`quotes`], `hiding`: what Ironic says, without what Secrets hold.
//! * `configdrive`: what a deployed machine is handed, and who packs it.
//! * `earlier`: whether Ironic's time runs backwards.
//! * `lost`: what is said of foreign and vanished instances.
//! * `drift`: what differs, for who does not correct it.
//! * [`marker`], [`identity`], `conflict`: how we know what is ours, and which node an object stands for.
//! * `deployment`: the instance as the journal knows it, if Ironic forgets.
//! * [`plan`], [`status`]: the decision put together.
//! * [`outcome`]: what a step that was taken, or failed, leaves in the journal.

mod applied;
mod call;
mod capabilities;
mod configdrive;
mod conflict;
pub mod credentials;
mod deployment;
pub mod desired;
mod drift;
pub mod earlier;
pub mod facts;
pub mod fields;
pub mod gate;
mod hands_off;
mod health;
mod hiding;
pub mod identity;
mod inspection;
mod leaving;
mod lost;
pub mod marker;
pub mod meanings;
mod operations;
pub mod outcome;
pub mod plan;
mod power;
mod provision;
pub mod quotes;
pub mod reach;
mod reasons;
mod references;
pub mod room;
pub mod rules;
pub mod situation;
mod situations;
pub mod status;
mod step;
mod summarise;
mod table;
#[cfg(test)]
mod tests;
mod tries;
mod upkeep;
pub mod words;

pub use facts::{CloudFacts, Look, NodeFacts, SecretFacts};
pub use plan::{Action, NodePlan, decide};
