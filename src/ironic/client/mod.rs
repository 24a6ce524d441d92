//! A client of the bare metal API: sessions, versions, retries, paging, and every call.
//!
//! One [`Client`] is one Ironic seen with one identity. Every request goes through one pipeline (`pipeline`): a
//! deadline that includes the wait for a slot, one negotiated API version, bounded retries of what is safe
//! to repeat, one typed [`Error`], and a report to [`Observe`]. Nothing here knows of Kubernetes.
mod auth;
mod bmc;
mod call;
pub mod clouds_yaml;
mod conductors;
mod configdrive;
mod drivers;
mod error;
mod nodes;
mod observe;
mod paging;
mod pipeline;
mod provision;
mod query;
mod rejection;
mod retry;
pub mod routes;
mod session;
#[cfg(test)]
mod tests;
mod version;
mod wait;
mod words;

pub use auth::{Auth, AuthError, Credentials, Domain, Interface, Keystone, Named, Scope};
pub use configdrive::ConfigDrive;
pub use error::{Class, Error, Result};
pub use observe::{Observe, RequestOutcome, Unobserved};
pub use provision::ProvisionRequest;
pub use query::{NodeQuery, SortDirection};
pub use rejection::Rejection;
pub use routes::{ROUTES, Route};
pub use session::{Client, Settings};
pub use version::VersionRange;
