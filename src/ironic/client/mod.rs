//! A client of the bare metal API: sessions, versions, retries, paging, and every call.
//!
//! One [`Client`] is one Ironic seen with one identity. Every request goes through one pipeline (`pipeline`): a
//! deadline that includes the wait for a slot, one negotiated API version, bounded retries of what is safe
//! to repeat, one typed [`Error`], and a report to [`Observe`]. Nothing here knows of Kubernetes.
//!
//! Every resource has the same calls, here those of ports: `create_port`, `get_port`, `get_port_fields`, `find_port` (none is not an
//! error), `list_ports` (a stream that asks for the next page when it is needed), `update_port` (what to change, by fields and
//! keys; sends nothing if it is so already), `patch_port`, and `delete_port` (which tells whether it was there).
//!
//! ```no_run
//! use std::time::Duration;
//!
//! use futures::TryStreamExt;
//! use ironwright::ironic::client::{Client, InitialState, NodeQuery, PortQuery, Settings};
//! use ironwright::ironic::model::{Edit, NodeCreate, NodeUpdate, PortCreate, PowerTarget, ProvisionState};
//!
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! // Once a process, before the first client.
//! rustls::crypto::ring::default_provider().install_default().ok();
//! let ironic = Client::new(Settings::new("http://ironic.example:6385"))?;
//! let (minutes, hour) = (Duration::from_mins(10), Duration::from_hours(1));
//!
//! // A node is verified, cleaned and offered; what fails on the way comes with Ironic's words.
//! let node = NodeCreate {
//!     name: Some("rack7-3".to_owned()),
//!     driver: "redfish".to_owned(),
//!     ..NodeCreate::default()
//! };
//! let node = ironic.create_node_in(&node, InitialState::Available, hour).await?.value;
//! let port = PortCreate {
//!     address: "52-54-00-AB-CD-EF".to_owned(),
//!     node_uuid: node.uuid.clone(),
//!     ..PortCreate::default()
//! };
//! ironic.create_port(&port).await?;
//!
//! // Other keys of `extra` stay, whoever set them. If somebody works on the node, it is asked again for a minute.
//! let update = NodeUpdate {
//!     description: "third from below".into(),
//!     extra: Edit::set("row", 3),
//!     ..NodeUpdate::default()
//! };
//! let patient = ironic.retry_on_conflict(Duration::from_mins(1));
//! patient.update_node("rack7-3", &update).await?;
//! patient.set_node_power_state_and_wait("rack7-3", PowerTarget::Reboot, None, minutes).await?;
//!
//! // Pages of 1000 rows, asked for one after the other.
//! let available = NodeQuery {
//!     provision_state: Some(ProvisionState::Available),
//!     ..NodeQuery::default()
//! };
//! let mut nodes = Box::pin(ironic.list_nodes(available));
//! while let Some(node) = nodes.try_next().await? {
//!     println!("{} {}", node.value.uuid, node.value.name.unwrap_or_default());
//! }
//! let of_node = PortQuery {
//!     node: Some("rack7-3".to_owned()),
//!     ..PortQuery::default()
//! };
//! let ports: Vec<_> = ironic.list_ports(of_node).try_collect().await?;
//! assert_eq!(ports.len(), 1);
//! # Ok(()) }
//! ```
mod allocations;
mod auth;
mod bmc;
mod body;
mod breaker;
mod call;
mod chain;
mod chassis;
pub mod clouds_yaml;
mod conductors;
mod configdrive;
mod connect;
mod deploy_templates;
mod drivers;
mod error;
#[cfg(any(test, feature = "fuzzing"))]
pub mod fuzz;
mod hardware;
mod http;
mod inspection_rules;
mod management;
mod node_states;
mod nodes;
mod observe;
mod paging;
mod patience;
mod pipeline;
mod port_groups;
mod ports;
mod provision;
mod query;
mod reach;
mod rejection;
mod resource;
mod retry;
mod room;
pub mod routes;
mod runbooks;
mod session;
#[cfg(test)]
mod tests;
mod upkeep;
mod validate;
mod vendor;
mod version;
mod vifs;
mod volume_connectors;
mod volume_targets;
mod wait;
mod wait_many;
mod words;

pub use auth::{Auth, AuthError, Credentials, Domain, Interface, Keystone, Named, Scope};
pub use configdrive::ConfigDrive;
pub use error::{Class, Error, Result};
pub use management::{BootMode, VirtualMedium};
pub use nodes::InitialState;
pub use observe::{Observe, RequestOutcome, Unobserved};
pub use provision::ProvisionRequest;
pub use query::{
    AllocationQuery, ChassisQuery, ConductorQuery, DeployTemplateQuery, InspectionRuleQuery, NodeQuery,
    PortGroupQuery, PortQuery, RunbookQuery, SortDirection, VolumeConnectorQuery, VolumeTargetQuery,
};
pub use reach::{NotAllowed, Reach};
pub use rejection::Rejection;
pub use room::{Place, Room};
pub use routes::{ROUTES, Route};
pub use session::{Client, Settings};
pub use vendor::{VendorAnswer, VendorVerb};
pub use version::VersionRange;
pub use vifs::VifTarget;
pub use wait_many::{NodesWait, Waited};
