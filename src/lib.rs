//! ironwright: declarative bare metal on Kubernetes, powered by OpenStack Ironic.

pub mod config;
pub mod http;
pub mod kubernetes;
pub mod metrics;
pub mod telemetry;
