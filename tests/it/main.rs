//! The one integration test binary.
//!
//! The modules say `cfg(test)`, which is always so here, because clippy's leave to panic in tests depends on it.

#[cfg(test)]
mod answers;
#[cfg(test)]
mod apiserver;
#[cfg(test)]
mod bad_clouds;
#[cfg(test)]
mod bad_input;
#[cfg(test)]
mod binary;
#[cfg(test)]
mod bulk;
#[cfg(test)]
mod chains;
#[cfg(test)]
mod chart;
#[cfg(test)]
mod client_allocations;
#[cfg(test)]
mod client_bmc;
#[cfg(test)]
mod client_chassis;
#[cfg(test)]
mod client_drivers;
#[cfg(test)]
mod client_faults;
#[cfg(test)]
mod client_hardware;
#[cfg(test)]
mod client_lab;
#[cfg(test)]
mod client_listings;
#[cfg(test)]
mod client_nodes;
#[cfg(test)]
mod client_port_groups;
#[cfg(test)]
mod client_ports;
#[cfg(test)]
mod client_power;
#[cfg(test)]
mod client_shapes;
#[cfg(test)]
mod client_states;
#[cfg(test)]
mod client_templates;
#[cfg(test)]
mod client_traits;
#[cfg(test)]
mod client_validation;
#[cfg(test)]
mod client_vifs;
#[cfg(test)]
mod client_volumes;
#[cfg(test)]
mod client_waits;
#[cfg(test)]
mod configdrive;
#[cfg(test)]
mod credentials;
#[cfg(test)]
mod crowd;
#[cfg(test)]
mod deletion;
#[cfg(test)]
mod dependencies;
#[cfg(test)]
mod docs;
#[cfg(test)]
mod drift;
#[cfg(test)]
mod dropped;
#[cfg(test)]
mod edits;
#[cfg(test)]
mod failures;
#[cfg(test)]
mod filters;
#[cfg(test)]
mod first_light;
#[cfg(test)]
mod fleet;
#[cfg(test)]
mod freshness;
#[cfg(test)]
mod harness;
#[cfg(test)]
mod identity;
#[cfg(test)]
mod imports;
#[cfg(test)]
mod inspect;
#[cfg(test)]
mod install;
#[cfg(test)]
mod keystone;
#[cfg(test)]
mod keystone_clouds;
#[cfg(test)]
mod keystone_tls;
#[cfg(test)]
mod kills;
#[cfg(test)]
mod kubelet;
#[cfg(test)]
mod layers;
#[cfg(test)]
mod leader;
#[cfg(test)]
mod leaks;
#[cfg(test)]
mod limits;
#[cfg(test)]
mod needles;
#[cfg(test)]
mod neighbourhood;
#[cfg(test)]
mod neighbours;
#[cfg(test)]
mod openstack;
#[cfg(test)]
mod outages;
#[cfg(test)]
mod ownership;
#[cfg(test)]
mod panics;
#[cfg(test)]
mod parity;
#[cfg(test)]
mod policies;
#[cfg(test)]
mod probe;
#[cfg(test)]
mod rescue;
#[cfg(test)]
mod restored;
#[cfg(test)]
mod rivals;
#[cfg(test)]
mod schema;
#[cfg(test)]
mod sdk_calls;
#[cfg(test)]
mod secrets;
#[cfg(test)]
mod sight;
#[cfg(test)]
mod stage;
#[cfg(test)]
mod tls_front;
#[cfg(test)]
mod truth;
#[cfg(test)]
mod upkeep;
#[cfg(test)]
mod vendor;
#[cfg(test)]
mod vifs;
#[cfg(test)]
mod wordless;
