//! Decisions: pure functions of facts. No I/O, no clock, nothing asynchronous.

pub mod budget;
pub mod conditions;
pub mod node;
