//! Starts the real parts that ironwright is tested on, and takes them down again.
//!
//! | module | what it has |
//! |---|---|
//! | [`tools`] | builds the control plane's binaries and the Python environment once, in a cache |
//! | [`run`] | one run: its directory, logs and scratch data |
//! | [`guard`], [`process`] | server processes that die with whoever started them, however that died |
//! | [`ports`] | TCP ports that stay ours |
//! | [`control_plane`] | etcd, kube-apiserver, kube-controller-manager; kubectl and helm |
//! | [`ironic`] | Ironic with fake hardware whose faults are scripted per node |
//! | [`openstack`] | Keystone, Neutron, and an Ironic that asks them |
//! | [`proxy`] | an HTTP proxy that misbehaves as told and remembers everything |
//! | [`operator`] | the `ironwright` binary as a process |
//! | [`demo`] | all of it, for somebody who watches |
//! | [`bench`] | all of it, measured against a plain script |
//!
//! Nothing here knows the product's code: the operator is a program to start, its objects are YAML.

pub mod bench;
pub mod control_plane;
pub mod demo;
pub mod guard;
pub mod ironic;
pub mod openstack;
pub mod operator;
pub mod ports;
pub mod process;
pub mod progress;
pub mod proxy;
pub mod run;
pub mod tools;
pub mod up;
pub mod wait;

use anyhow::Context as _;

pub use control_plane::ControlPlane;
pub use ironic::{Ironic, IronicAuth, IronicOptions};
pub use openstack::{OpenStack, OpenStackOptions};
pub use operator::{Operator, OperatorOptions};
pub use process::{Launch, Process};
pub use progress::Progress;
pub use proxy::Proxy;
pub use run::Run;
pub use tools::Tools;

/// An HTTP client for local servers, with a limit per request.
pub(crate) fn http_client() -> anyhow::Result<reqwest::Client> {
    // Already installed by somebody else in this program: just as good.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let client = reqwest::Client::builder()
        .no_proxy()
        .timeout(std::time::Duration::from_secs(10));
    client.build().context("cannot make an HTTP client")
}
