//! ironwright: declarative bare metal on Kubernetes, powered by OpenStack Ironic.
pub mod ironic;
