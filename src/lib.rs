//! ironwright: declarative bare metal on Kubernetes, powered by OpenStack Ironic.
//!
//! One direction: `api` (custom resources) and `ironic` (the client, useful on its own) at the bottom, `domain` (pure
//! decisions) on both, `fleet` (looking at whole clouds) and `kubernetes` (talking to the apiserver) beside it,
//! `controllers` on top. See ARCHITECTURE.md.

pub mod api;
pub mod buckets;
pub mod config;
pub mod controllers;
pub mod domain;
pub mod fleet;
pub mod http;
pub mod ironic;
pub mod kubernetes;
pub mod leader;
pub mod metrics;
pub mod operator;
pub mod permit;
pub mod reference;
pub mod telemetry;
