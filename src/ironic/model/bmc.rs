//! Where a machine's BMC is: what tells that two nodes are one machine.

use super::Object;

/// The BMC of a machine, as `driver_info` names it.
///
/// Ironic enrols one BMC twice without a word; two nodes then power one machine on and off.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Bmc {
    /// The `driver_info` key that names it, which is also the protocol.
    key: &'static str,
    /// Host, lower case, and port.
    authority: String,
    /// Which system behind a BMC that has several (Redfish).
    system: Option<String>,
}

/// The keys that name a BMC, each with the port that is meant when none is given, and the key of the port.
const ADDRESSES: &[(&str, u16, &str)] = &[
    ("redfish_address", 443, ""),
    ("ipmi_address", 623, "ipmi_port"),
    ("ilo_address", 443, "client_port"),
    ("irmc_address", 443, "irmc_port"),
    ("drac_address", 443, "drac_port"),
    ("xclarity_manager_ip", 443, "xclarity_port"),
];

impl Bmc {
    /// Reads `driver_info`; none if it names no BMC that is known to serve one machine.
    pub fn of(driver_info: &Object) -> Option<Self> {
        ADDRESSES.iter().find_map(|(key, default_port, port_key)| {
            let address = driver_info.get(*key)?.as_str()?;
            let port = driver_info.get(*port_key).and_then(port);
            let authority = authority(address, port, *default_port)?;
            let system = driver_info.get("redfish_system_id").and_then(|id| id.as_str());
            let system = system
                .filter(|_| *key == "redfish_address")
                .map(|id| id.trim_end_matches('/').to_owned());
            Some(Self {
                key,
                authority,
                system,
            })
        })
    }

    /// Whether both are one machine. A Redfish service asked without a system id has only one.
    pub fn same_machine(&self, other: &Self) -> bool {
        let same_system = match (&self.system, &other.system) {
            (Some(one), Some(other)) => one == other,
            (None, _) | (_, None) => true,
        };
        self.key == other.key && self.authority == other.authority && same_system
    }
}

impl std::fmt::Display for Bmc {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.key, self.authority)?;
        self.system
            .as_ref()
            .map_or(Ok(()), |system| write!(f, " {system}"))
    }
}

fn port(value: &serde_json::Value) -> Option<u16> {
    value
        .as_u64()
        .and_then(|port| u16::try_from(port).ok())
        .or_else(|| value.as_str()?.parse().ok())
}

/// Host and port of an address that may be a URL.
fn authority(address: &str, port: Option<u16>, default_port: u16) -> Option<String> {
    let (scheme, rest) = address.split_once("://").unwrap_or(("", address));
    let rest = rest.split('/').next().unwrap_or_default();
    let rest = rest.rsplit('@').next().unwrap_or_default().to_ascii_lowercase();
    if rest.is_empty() {
        return None;
    }
    let default = if scheme.eq_ignore_ascii_case("http") {
        80
    } else {
        default_port
    };
    let (host, given) = split_port(&rest);
    Some(format!("{host}:{}", given.or(port).unwrap_or(default)))
}

/// Splits `host:port`, `[v6]:port`, `host` and a bare IPv6 address.
fn split_port(authority: &str) -> (&str, Option<u16>) {
    let bare_v6 = authority.matches(':').count() > 1 && !authority.starts_with('[');
    match authority.rsplit_once(':') {
        Some((host, port)) if !bare_v6 && !port.ends_with(']') => {
            (host.trim_matches(['[', ']']), port.parse().ok())
        }
        _ => (authority.trim_matches(['[', ']']), None),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn bmc(info: &serde_json::Value) -> Option<Bmc> {
        Bmc::of(info.as_object().unwrap())
    }

    fn same(one: &serde_json::Value, other: &serde_json::Value) -> bool {
        bmc(one).unwrap().same_machine(&bmc(other).unwrap())
    }

    #[test]
    fn one_bmc_is_recognised_however_it_is_written() {
        let plain =
            &json!({"redfish_address": "https://BMC.example", "redfish_system_id": "/redfish/v1/Systems/1"});
        for address in [
            "bmc.example",
            "https://bmc.example/",
            "https://bmc.example:443/redfish",
        ] {
            let other = json!({"redfish_address": address, "redfish_system_id": "/redfish/v1/Systems/1/"});
            assert!(same(plain, &other), "{address}");
        }
        assert!(
            same(plain, &json!({"redfish_address": "bmc.example"})),
            "a service with one system"
        );
        assert!(!same(plain, &json!({"redfish_address": "http://bmc.example"})));
        assert!(!same(
            plain,
            &json!({"redfish_address": "bmc.example", "redfish_system_id": "/redfish/v1/Systems/2"})
        ));
        assert!(same(
            &json!({"ipmi_address": "10.0.0.1"}),
            &json!({"ipmi_address": "10.0.0.1", "ipmi_port": "623"})
        ));
        assert!(!same(
            &json!({"ipmi_address": "10.0.0.1"}),
            &json!({"ipmi_address": "10.0.0.1", "ipmi_port": 6230})
        ));
        assert!(same(
            &json!({"ipmi_address": "fe80::1"}),
            &json!({"ipmi_address": "[FE80::1]:623"})
        ));
    }

    #[test]
    fn nothing_is_recognised_where_nothing_is_said() {
        assert_eq!(bmc(&json!({})), None);
        assert_eq!(bmc(&json!({"redfish_address": ""})), None);
        assert_eq!(
            bmc(&json!({"snmp_address": "10.0.0.9"})),
            None,
            "a power strip serves many machines"
        );
    }
}
