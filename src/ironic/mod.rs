//! OpenStack Ironic, without Kubernetes: what it says ([`model`]), how to talk to it ([`client`]) and what a
//! deployed machine is handed ([`configdrive`]).
pub mod client;
pub mod configdrive;
pub mod model;
