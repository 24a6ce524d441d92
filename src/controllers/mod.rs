//! The controllers: gather → decide → execute → report, the same four verbs for each kind.
//!
//! * [`node`]: one pass after the other over a BareMetalNode; [`node_gather`] makes the facts ([`node_look`]: what is seen of
//!   the machine, [`node_rivals`]: whose it is if we never enrolled it, [`node_trust`]: whether the cloud is the one we knew,
//!   [`node_room`]: whether its limits leave room), [`node_execute`] carries the decision out without a choice of its own,
//!   [`node_report`] writes what came of it. `node_fresh` vouches for every step until its request goes out.
//! * [`cloud`]: keeps an observer for every BareMetalCloud and reports how it does.
//! * [`panics`]: what becomes of a reconcile that panics.
//! * [`run`]: watches and the life of the controllers; [`triggers`]: what wakes whom, found by what [`node_keys`] tells.

pub mod claims;
pub mod cloud;
pub mod cloud_judge;
mod cloud_secrets;
pub mod cloud_settings;
pub mod context;
pub mod memory;
pub mod node;
pub mod node_call;
mod node_current;
pub mod node_execute;
mod node_fresh;
pub mod node_gather;
mod node_holders;
pub mod node_keys;
pub mod node_listed;
mod node_look;
pub mod node_release;
mod node_report;
pub mod node_rivals;
pub mod node_room;
pub mod node_secrets;
pub mod node_trust;
mod node_turn;
pub mod panics;
pub mod run;
pub mod triggers;
mod unreadable;
pub mod unwritten;

pub use context::Context;
