//! Port groups: the bonds of machines.
use super::records::{creation, record, update};
use super::{Change, Edit, Object};

record! {
    /// Ports of a machine that work as one, as `GET /v1/portgroups/{portgroup}` shows it (API 1.23).
    PortGroup {
        /// Its id; lower case.
        uuid: String,
        /// Its name.
        name: Option<String>,
        /// Its MAC address; lower case.
        address: Option<String>,
        /// The node it is a part of.
        node_uuid: String,
        /// How the ports share the work, in the words of Linux: `active-backup`, `802.3ad`, … (API 1.26).
        mode: Option<String>,
        /// Further settings of the bond (API 1.26).
        properties: Object,
        /// Whether its ports can be used one by one, as they are while a machine boots.
        standalone_ports_supported: Option<bool>,
        /// The physical network it is plugged into (API 1.102).
        physical_network: Option<String>,
        /// What it is for (API 1.103).
        category: Option<String>,
        /// Anything.
        extra: Object,
        /// What Ironic remembers, its VIF among it.
        internal_info: Object,
        /// RFC 3339.
        created_at: Option<String>,
        /// RFC 3339.
        updated_at: Option<String>,
    }
}

creation! {
    /// The body of `POST /v1/portgroups` (API 1.23).
    PortGroupCreate {
        /// Chosen by the client; none: the client makes one up, so that a creation can be repeated.
        uuid: Option<String>,
        /// Unreserved URL characters only.
        name: Option<String>,
        /// The MAC address in any usual notation; sent in lower case with colons.
        address: Option<String>,
        /// The uuid of the node, not its name.
        node_uuid: String,
        /// Ironic's default: `active-backup` (API 1.26).
        mode: Option<String>,
        /// Further settings of the bond (API 1.26).
        properties: Object,
        /// Ironic's default: yes.
        standalone_ports_supported: Option<bool>,
        /// At most 64 characters (API 1.102).
        physical_network: Option<String>,
        /// At most 80 characters (API 1.103).
        category: Option<String>,
        /// Anything.
        extra: Object,
    }
}

update! {
    /// What can be changed of a port group.
    PortGroupUpdate {
        /// Its name.
        name = "name": Change<String>,
        /// The MAC address in any usual notation.
        address = "address": Change<String>,
        /// Another node; only without ports and in `enroll`, `inspecting` or `manageable`.
        node_uuid = "node_uuid": Option<String>,
        /// How the ports share the work (API 1.26).
        mode = "mode": Option<String>,
        /// Further settings of the bond (API 1.26).
        properties = "properties": Edit,
        /// Whether its ports can be used one by one.
        standalone_ports_supported = "standalone_ports_supported": Option<bool>,
        /// The physical network (API 1.102).
        physical_network = "physical_network": Change<String>,
        /// What it is for (API 1.103).
        category = "category": Change<String>,
        /// Anything.
        extra = "extra": Edit,
    }
}
