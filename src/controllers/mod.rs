//! The controllers: gather → decide → execute → report, the same four verbs for each kind.
//!
//! * [`node`]: one pass after the other over a BareMetalNode; [`node_gather`] makes the facts ([`node_look`]: what is seen of
//!   the machine, [`node_rivals`]: whose it is if we never enrolled it, [`node_trust`]: whether the cloud is the one we knew,
//!   [`node_room`]: whether its limits leave room), [`node_execute`] carries the decision out without a choice of its own,
//!   [`node_report`] writes what came of it.
//! * [`cloud`]: keeps an observer for every BareMetalCloud and reports how it does.
//! * [`panics`]: what becomes of a reconcile that panics.
//! * [`run`]: watches and the life of the controllers; [`triggers`]: what wakes whom.

pub mod cloud;
pub mod cloud_judge;
mod cloud_secrets;
pub mod cloud_settings;
pub mod context;
pub mod memory;
pub mod node;
pub mod node_call;
pub mod node_execute;
pub mod node_gather;
pub mod node_look;
pub mod node_report;
pub mod node_rivals;
pub mod node_room;
pub mod node_secrets;
pub mod node_trust;
pub mod panics;
pub mod run;
pub mod triggers;

pub use context::Context;
