//! Decisions: pure functions of facts. No I/O, no clock, nothing asynchronous.

pub mod budget;
pub mod cloud_identity;
pub mod conditions;
mod finite;
pub mod freshness;
pub mod node;
pub mod ownership;
pub mod writers;
