//! OpenStack Ironic, without Kubernetes: what it says ([`model`]) and how to talk to it ([`client`]).
pub mod client;
pub mod model;
