//! Ports: the network interfaces of machines.
use super::records::{creation, record, update};
use super::{Change, Edit, Object};

record! {
    /// A network interface of a machine, as `GET /v1/ports/{port}` shows it.
    Port {
        /// Its id; lower case.
        uuid: String,
        /// Its name (API 1.88).
        name: Option<String>,
        /// Its MAC address; lower case.
        address: String,
        /// The node it is a part of.
        node_uuid: String,
        /// The port group it is in (API 1.24).
        portgroup_uuid: Option<String>,
        /// Where it is plugged in: `switch_id`, `port_id`, `switch_info` (API 1.19).
        local_link_connection: Object,
        /// Whether the machine may boot from it (API 1.19).
        pxe_enabled: Option<bool>,
        /// The physical network it is plugged into (API 1.34).
        physical_network: Option<String>,
        /// Whether it is a computer of its own (API 1.53).
        is_smartnic: Option<bool>,
        /// Free text (API 1.97).
        description: Option<String>,
        /// Who made it (API 1.100).
        vendor: Option<String>,
        /// What it is for (API 1.101).
        category: Option<String>,
        /// Whether Ironic may put it into a port group by itself (API 1.111).
        available_for_dynamic_portgroup: Option<bool>,
        /// Anything.
        extra: Object,
        /// What Ironic remembers, its VIF among it (API 1.18).
        internal_info: Object,
        /// RFC 3339.
        created_at: Option<String>,
        /// RFC 3339.
        updated_at: Option<String>,
    }
}

creation! {
    /// The body of `POST /v1/ports`. Possible in any state of the node, and without its lock.
    PortCreate {
        /// Chosen by the client; none: the client makes one up, so that a creation can be repeated.
        uuid: Option<String>,
        /// Unreserved URL characters only (API 1.88).
        name: Option<String>,
        /// The MAC address in any usual notation; sent in lower case with colons. Unique among all ports.
        address: String,
        /// The uuid of the node, not its name.
        node_uuid: String,
        /// The port group it is in, one of the same node (API 1.24).
        portgroup_uuid: Option<String>,
        /// Where it is plugged in (API 1.19).
        local_link_connection: Object,
        /// Whether the machine may boot from it; Ironic's default: yes (API 1.19).
        pxe_enabled: Option<bool>,
        /// At most 64 characters (API 1.34).
        physical_network: Option<String>,
        /// Whether it is a computer of its own; Ironic's default: no (API 1.53).
        is_smartnic: Option<bool>,
        /// At most 255 characters (API 1.97).
        description: Option<String>,
        /// At most 32 characters (API 1.100).
        vendor: Option<String>,
        /// At most 80 characters (API 1.101).
        category: Option<String>,
        /// Whether Ironic may put it into a port group by itself (API 1.111).
        available_for_dynamic_portgroup: Option<bool>,
        /// Anything.
        extra: Object,
    }
}

update! {
    /// What can be changed of a port. Connectivity (`portgroup_uuid`, `pxe_enabled`, `local_link_connection`,
    /// `physical_network`) only while the node is in `enroll`, `inspecting`, `inspect wait`, `manageable` or in maintenance;
    /// `address` not while there is an instance. To move a port to another node, delete it and create another one.
    PortUpdate {
        /// Its name (API 1.88).
        name = "name": Change<String>,
        /// The MAC address in any usual notation.
        address = "address": Option<String>,
        /// The port group it is in (API 1.24).
        portgroup_uuid = "portgroup_uuid": Change<String>,
        /// Where it is plugged in (API 1.19).
        local_link_connection = "local_link_connection": Edit,
        /// Whether the machine may boot from it (API 1.19).
        pxe_enabled = "pxe_enabled": Option<bool>,
        /// The physical network (API 1.34).
        physical_network = "physical_network": Change<String>,
        /// Whether it is a computer of its own (API 1.53).
        is_smartnic = "is_smartnic": Option<bool>,
        /// Free text (API 1.97).
        description = "description": Change<String>,
        /// Who made it (API 1.100).
        vendor = "vendor": Change<String>,
        /// What it is for (API 1.101).
        category = "category": Change<String>,
        /// Whether Ironic may put it into a port group by itself (API 1.111).
        available_for_dynamic_portgroup = "available_for_dynamic_portgroup": Option<bool>,
        /// Anything.
        extra = "extra": Edit,
    }
}

/// A MAC address as Ironic keeps it, `52:54:00:ab:cd:ef`, from any usual notation of six bytes (colons, hyphens, dots, none;
/// any case); anything else as it is, for Ironic to judge.
pub fn normalised_mac(address: &str) -> String {
    let digits: String = address
        .trim()
        .chars()
        .filter(|c| !matches!(c, ':' | '-' | '.'))
        .map(|c| c.to_ascii_lowercase())
        .collect();
    if digits.len() != 12 || !digits.chars().all(|c| c.is_ascii_hexdigit()) {
        return address.trim().to_owned();
    }
    let mut normalised = String::with_capacity(17);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && place % 2 == 0 {
            normalised.push(':');
        }
        normalised.push(digit);
    }
    normalised
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mac_address_is_normalised_whatever_its_notation() {
        for text in [
            "52:54:00:AB:cd:ef",
            "52-54-00-ab-cd-ef",
            "5254.00AB.CDEF",
            " 525400abcdef ",
        ] {
            assert_eq!(normalised_mac(text), "52:54:00:ab:cd:ef", "{text}");
        }
    }

    #[test]
    fn what_is_no_mac_address_stays() {
        for text in [
            "",
            "no mac",
            "52:54:00:ab:cd",
            "52:54:00:ab:cd:eg",
            "52:54:00:ab:cd:éf",
        ] {
            assert_eq!(normalised_mac(text), text);
        }
    }
}
