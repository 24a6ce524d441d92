//! A client of the bare metal API: sessions, versions, retries, paging, and every call.
//!
//! One [`Client`] is one Ironic seen with one identity. Every request goes through one pipeline (`pipeline`): a
//! deadline that includes the wait for a slot, one negotiated API version, bounded retries of what is safe
//! to repeat, one typed [`Error`], and a report to [`Observe`]. Nothing here knows of Kubernetes.
mod allocations;
mod auth;
mod call;
mod chassis;
pub mod clouds_yaml;
mod conductors;
mod configdrive;
mod deploy_templates;
mod drivers;
mod error;
mod hardware;
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
mod rejection;
mod resource;
mod retry;
pub mod routes;
mod runbooks;
mod session;
#[cfg(test)]
mod tests;
mod upkeep;
mod validate;
mod version;
mod vifs;
mod volume_connectors;
mod volume_targets;
mod wait;
mod wait_many;
mod words;

pub use auth::Auth;
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
pub use rejection::Rejection;
pub use routes::{ROUTES, Route};
pub use session::{Client, Settings};
pub use version::VersionRange;
pub use vifs::VifTarget;
pub use wait_many::{NodesWait, Waited};
