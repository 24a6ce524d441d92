//! Volumes that machines boot from.
use super::records::{creation, record, update};
use super::{Edit, Object};

record! {
    /// How a machine connects to volumes, as `GET /v1/volume/connectors/{connector}` shows it (API 1.32).
    VolumeConnector {
        /// Its id; lower case.
        uuid: String,
        /// The node it is of.
        node_uuid: String,
        /// `iqn`, `ip`, `mac`, `wwnn`, `wwpn`, ….
        #[serde(rename = "type")]
        kind: String,
        /// The id that the type means.
        connector_id: String,
        /// Anything.
        extra: Object,
        /// RFC 3339.
        created_at: Option<String>,
        /// RFC 3339.
        updated_at: Option<String>,
    }
}

creation! {
    /// The body of `POST /v1/volume/connectors` (API 1.32).
    VolumeConnectorCreate {
        /// Chosen by the client; none: the client makes one up, so that a creation can be repeated.
        uuid: Option<String>,
        /// The uuid of the node, not its name.
        node_uuid: String,
        /// `iqn`, `ip`, `mac`, `wwnn`, `wwpn`, ….
        #[serde(rename = "type")]
        kind: String,
        /// Unique with its type.
        connector_id: String,
        /// Anything.
        extra: Object,
    }
}

update! {
    /// What can be changed of a volume connector, while its node is powered off.
    VolumeConnectorUpdate {
        /// Another node.
        node_uuid = "node_uuid": Option<String>,
        /// `iqn`, `ip`, `mac`, `wwnn`, `wwpn`, ….
        kind = "type": Option<String>,
        /// The id that the type means.
        connector_id = "connector_id": Option<String>,
        /// Anything.
        extra = "extra": Edit,
    }
}

record! {
    /// A volume that a machine is to have, as `GET /v1/volume/targets/{target}` shows it (API 1.32).
    VolumeTarget {
        /// Its id; lower case.
        uuid: String,
        /// The node it is of.
        node_uuid: String,
        /// `iscsi`, `fibre_channel`, ….
        volume_type: String,
        /// The id of the volume where it is kept.
        volume_id: String,
        /// Its place in the order of booting; the machine boots from 0.
        boot_index: i64,
        /// How to get to it; Ironic masks secrets.
        properties: Object,
        /// Anything.
        extra: Object,
        /// RFC 3339.
        created_at: Option<String>,
        /// RFC 3339.
        updated_at: Option<String>,
    }
}

/// The body of `POST /v1/volume/targets` (API 1.32).
#[derive(Clone, Debug, Default, PartialEq, serde::Serialize)]
pub struct VolumeTargetCreate {
    /// Chosen by the client; none: the client makes one up, so that a creation can be repeated.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub uuid: Option<String>,
    /// The uuid of the node, not its name.
    pub node_uuid: String,
    /// `iscsi`, `fibre_channel`, ….
    pub volume_type: String,
    /// The id of the volume where it is kept.
    pub volume_id: String,
    /// Its place in the order of booting, unique within the node; the machine boots from 0. Always sent: Ironic has no default.
    pub boot_index: i64,
    /// How to get to it.
    #[serde(skip_serializing_if = "Object::is_empty")]
    pub properties: Object,
    /// Anything.
    #[serde(skip_serializing_if = "Object::is_empty")]
    pub extra: Object,
}

update! {
    /// What can be changed of a volume target, while its node is powered off.
    VolumeTargetUpdate {
        /// Another node.
        node_uuid = "node_uuid": Option<String>,
        /// `iscsi`, `fibre_channel`, ….
        volume_type = "volume_type": Option<String>,
        /// The id of the volume where it is kept.
        volume_id = "volume_id": Option<String>,
        /// Its place in the order of booting.
        boot_index = "boot_index": Option<i64>,
        /// How to get to it.
        properties = "properties": Edit,
        /// Anything.
        extra = "extra": Edit,
    }
}
