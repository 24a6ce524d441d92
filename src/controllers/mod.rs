//! The controllers: gather → decide → execute → report, the same four verbs for each kind.
//!
//! * [`node`]: one pass after the other over a BareMetalNode; [`node_gather`] makes the facts ([`node_rivals`]: whose a
//!   machine is that we never enrolled), [`node_execute`] carries the decision out without a choice of its own,
//!   [`node_report`] writes what came of it.
//! * [`cloud`]: keeps an observer for every BareMetalCloud and reports how it does.
//! * [`run`]: watches, triggers and the life of the controllers.

pub mod cloud;
pub mod cloud_settings;
pub mod context;
pub mod memory;
pub mod node;
pub mod node_execute;
pub mod node_gather;
pub mod node_report;
pub mod node_rivals;
pub mod run;

pub use context::Context;
