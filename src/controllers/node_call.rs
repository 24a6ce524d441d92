//! A call of the decision as the client makes it, and what its failure means.

use secrecy::SecretString;

use crate::api::conditions::Reason;
use crate::domain::node::outcome::CallClass;
use crate::domain::node::plan::{Call, ConfigDrive};
use crate::domain::node::reach::{self, Reach};
use crate::ironic::client::{self, Class, Error, ProvisionRequest, Rejection};
use crate::ironic::model::{self, Node};

/// The node that is called about.
pub fn id(call: &Call) -> Option<String> {
    match call {
        Call::Create(_) => None,
        Call::Patch { id, .. }
        | Call::Provision { id, .. }
        | Call::Trait { id, .. }
        | Call::Maintenance { id, .. }
        | Call::Power { id, .. }
        | Call::Prove { id }
        | Call::Delete { id } => Some(id.clone()),
    }
}

/// Sends the call; a node that the answer shows is returned.
pub async fn send(client: &client::Client, call: Call) -> Result<Option<model::Seen<Node>>, Error> {
    match call {
        Call::Create(node) => client.create_node(&node).await.map(Some),
        Call::Patch {
            id,
            patch,
            reset_interfaces,
        } => client.patch_node(&id, &patch, reset_interfaces).await.map(Some),
        Call::Provision {
            id,
            verb,
            config_drive,
            rescue_password,
        } => {
            let mut request = ProvisionRequest::new(verb);
            request.configdrive = config_drive.map(drive).transpose()?;
            request.rescue_password = rescue_password.map(SecretString::from);
            client
                .set_node_provision_state(&id, &request)
                .await
                .map(|()| None)
        }
        Call::Trait { id, name, present } => {
            let done = if present {
                client.add_node_trait(&id, &name).await
            } else {
                client.remove_node_trait(&id, &name).await.map(drop)
            };
            done.map(|()| None)
        }
        Call::Maintenance { id, reason } => {
            let done = match reason {
                Some(reason) => client.set_node_maintenance(&id, &reason).await,
                None => client.clear_node_maintenance(&id).await,
            };
            done.map(|()| None)
        }
        Call::Power { id, target, timeout } => {
            let done = client.set_node_power_state(&id, target, timeout).await;
            done.map(|()| None)
        }
        Call::Prove { id } => client.reach_bmc(&id).await.map(|()| None),
        Call::Delete { id } => client.delete_node(&id).await.map(|_| None),
    }
}

fn drive(drive: ConfigDrive) -> Result<client::ConfigDrive, Error> {
    Ok(match drive {
        ConfigDrive::Packed(content) => client::ConfigDrive::build(&content)?,
        ConfigDrive::Url(url) => client::ConfigDrive::Text(url),
        ConfigDrive::Parts {
            meta_data,
            user_data,
            network_data,
            vendor_data,
        } => client::ConfigDrive::Parts {
            meta_data,
            user_data,
            network_data,
            vendor_data,
        },
    })
}

/// A node that has vanished is no reason to give up: the next look tells.
pub fn class(error: &Error) -> CallClass {
    match (error.class(), error.rejection()) {
        // The node may have moved since it was looked at, and Ironic may have failed at it by itself. If it is the spec, Ironic says the same
        // for ever.
        (_, Some(Rejection::InvalidState | Rejection::Server)) => CallClass::Blocked,
        (Class::Transient, _) | (_, Some(Rejection::NotFound)) => CallClass::Transient,
        (Class::Blocked, _) => CallClass::Blocked,
        (Class::Terminal, _) => CallClass::Terminal,
    }
}

/// Whether Ironic surely has not acted: it was not asked, said so (4xx), or had nobody to do it (503).
pub fn is_refused(error: &Error) -> bool {
    error.is_held_back()
        || error.status().is_some_and(|status| (400..500).contains(&status))
        || error.rejection() == Some(Rejection::Busy)
}

/// The condition's reason for a failed call.
pub fn reason(error: &Error) -> Reason {
    match error.rejection() {
        Some(Rejection::Locked | Rejection::InTransition) => Reason::Reserved,
        Some(Rejection::NoValidHost) => Reason::DriverUnavailable,
        Some(Rejection::Unauthorized) => Reason::Unauthorized,
        Some(Rejection::Forbidden | Rejection::ScopeRequired) => Reason::Forbidden,
        Some(Rejection::AlreadyExists) => Reason::MachineAlreadyEnrolled,
        Some(Rejection::InstanceAssociated) => Reason::ForeignInstance,
        Some(Rejection::Protected) => Reason::Protected,
        Some(Rejection::Maintenance) => Reason::Maintenance,
        Some(Rejection::Retired) => Reason::Retired,
        _ if matches!(error, Error::BmcUnreached { .. }) => match reach::of(&error.words_in_full()) {
            Reach::Unreached => Reason::BmcUnreachable,
            Reach::Refused => Reason::CredentialsRejected,
        },
        Some(Rejection::InvalidState | Rejection::Server) => Reason::RetryingAfterFailure,
        _ if error.class() == Class::Transient => Reason::IronicUnavailable,
        _ => Reason::Rejected,
    }
}
