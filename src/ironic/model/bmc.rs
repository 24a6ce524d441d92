//! Where a machine's BMC is: what tells that two nodes are one machine.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use url::Host;

use super::Object;

/// The BMC of a machine, as `driver_info` names it.
///
/// Ironic enrols one BMC twice without a word; two nodes then power one machine on and off.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Bmc {
    /// The `driver_info` key that names it, which is also the protocol.
    key: &'static str,
    /// Host and port, in the one spelling that all others are brought to.
    authority: String,
    /// The host alone where the port is the one that such BMCs have, whichever protocol it speaks; host and port of any other one: what
    /// serves many machines by its ports is no BMC but imitates them.
    place: String,
    /// Which system behind a BMC that has several (Redfish, IPMI with bridging).
    system: Option<String>,
}

/// A `driver_info` key that names a BMC.
struct Address {
    key: &'static str,
    /// The port that is meant when none is given.
    default_port: u16,
    /// The key of the port; empty: there is none.
    port_key: &'static str,
    /// The key that names one of several systems; empty: there is none.
    system_key: &'static str,
}

const fn address(
    key: &'static str,
    default_port: u16,
    port_key: &'static str,
    system_key: &'static str,
) -> Address {
    Address {
        key,
        default_port,
        port_key,
        system_key,
    }
}

const IPMI: &str = "ipmi_address";
const MANAGER: &str = "xclarity_manager_ip";

/// The keys that lead through an IPMI controller to another one behind it, by how many bridges.
const SINGLE: &[&str] = &["ipmi_target_channel", "ipmi_target_address"];
const DUAL: &[&str] = &[
    "ipmi_transit_channel",
    "ipmi_transit_address",
    "ipmi_target_channel",
    "ipmi_target_address",
];

/// What stands for a part of the way that is no number.
const ODD: &str = "?";

/// Which controller behind the one that is addressed, if it leads on to another.
fn bridged(driver_info: &Object) -> Option<String> {
    let keys = match driver_info.get("ipmi_bridging")?.as_str()?.trim() {
        "single" => SINGLE,
        "dual" => DUAL,
        _ => return None,
    };
    let way: Vec<_> = keys
        .iter()
        .map(|key| driver_info.get(*key).and_then(number))
        .collect();
    let text = |part: &Option<u64>| part.map_or(ODD.to_owned(), |part| part.to_string());
    Some(way.iter().map(text).collect::<Vec<_>>().join("/"))
}

/// A number as ipmitool reads it.
fn number(value: &serde_json::Value) -> Option<u64> {
    let text = value.as_str().map(|text| visible(text).to_lowercase());
    match &text {
        None => value.as_u64(),
        Some(text) => text.strip_prefix("0x").map_or_else(
            || text.parse().ok(),
            |digits| u64::from_str_radix(digits, 16).ok(),
        ),
    }
}

const ADDRESSES: &[Address] = &[
    address("redfish_address", 443, "", "redfish_system_id"),
    address(IPMI, 623, "ipmi_port", ""),
    address("ilo_address", 443, "client_port", ""),
    address("irmc_address", 443, "irmc_port", ""),
    address("drac_address", 443, "drac_port", ""),
    // A manager of many machines.
    address(MANAGER, 443, "xclarity_port", "xclarity_hardware_id"),
];

impl Bmc {
    /// Reads `driver_info`; none if it names no BMC that is known to serve one machine.
    pub fn of(driver_info: &Object) -> Option<Self> {
        ADDRESSES.iter().find_map(|address| {
            let text = driver_info.get(address.key)?.as_str()?;
            let port = driver_info.get(address.port_key).and_then(port);
            let system = driver_info.get(address.system_key).and_then(|id| id.as_str());
            let system = system.map(system_path);
            let (authority, place) = authority(text, port, address.default_port)?;
            Some(Self {
                key: address.key,
                authority,
                place,
                system: if address.key == IPMI {
                    bridged(driver_info)
                } else {
                    system
                },
            })
        })
    }

    /// Where it is: what all that [may be the same](Self::may_be_same) have in common. There may be several machines at one place.
    pub fn place(&self) -> &str {
        &self.place
    }

    /// Whether both are surely one machine: enough to take it for the one that is meant.
    pub fn same_machine(&self, other: &Self) -> bool {
        (self.key, &self.authority, &self.system) == (other.key, &other.authority, &other.system)
    }

    /// Whether both may be one machine: enough to be in each other's way. A Redfish service that is asked without a system id has only one,
    /// and one BMC often speaks IPMI and Redfish.
    pub fn may_be_same(&self, other: &Self) -> bool {
        if self.key != other.key {
            return self.is_alone() && other.is_alone() && self.place == other.place;
        }
        let same_system = match (&self.system, &other.system) {
            (Some(one), Some(other)) => one == other || [one, other].iter().any(|way| way.contains(ODD)),
            (None, _) | (_, None) => true,
        };
        self.place == other.place && same_system
    }

    /// Whether it serves its own machine, as far as it shows.
    fn is_alone(&self) -> bool {
        let leads_on = self.key == MANAGER || (self.key == IPMI && self.system.is_some());
        self.place != self.authority && !leads_on
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
        .or_else(|| value.as_str()?.trim().parse().ok())
}

/// Without what no address holds and a Secret easily ends with: line ends, blanks.
fn visible(text: &str) -> String {
    let unseen = |c: char| c.is_whitespace() || c.is_control();
    text.chars().filter(|c| !unseen(*c)).collect()
}

/// The path of a system. BMCs that tell capital letters from small ones have no two systems which differ in nothing else.
fn system_path(id: &str) -> String {
    let path = decoded(&visible(id)).to_lowercase();
    let parts: Vec<_> = path.split('/').filter(|part| !part.is_empty()).collect();
    format!("/{}", parts.join("/"))
}

/// With its percent encodings read; what is none stays.
fn decoded(text: &str) -> String {
    let mut bytes = text.bytes().peekable();
    let mut read = Vec::with_capacity(text.len());
    while let Some(byte) = bytes.next() {
        let mut ahead = bytes.clone();
        let mut digit = || char::from(ahead.next()?).to_digit(16);
        let code = (byte == b'%').then(|| Some(digit()? * 16 + digit()?)).flatten();
        match code.and_then(|code| u8::try_from(code).ok()) {
            Some(code) => {
                read.push(code);
                bytes.nth(1);
            }
            None => read.push(byte),
        }
    }
    String::from_utf8(read).unwrap_or_else(|_| text.to_owned())
}

/// Host and port of an address that may be a URL, and its place. What follows them is left out: Ironic's drivers ask for absolute paths.
fn authority(address: &str, port: Option<u16>, default_port: u16) -> Option<(String, String)> {
    let address = visible(address);
    let (scheme, rest) = address.split_once("://").unwrap_or(("", &address));
    let rest = rest.split(['/', '?', '#', '\\']).next().unwrap_or_default();
    let rest = rest.rsplit('@').next().unwrap_or_default();
    if rest.is_empty() {
        return None;
    }
    let default = if scheme.eq_ignore_ascii_case("http") {
        80
    } else {
        default_port
    };
    let (host, given) = split_port(rest);
    let (host, port) = (canonical(host), given.or(port).unwrap_or(default));
    let authority = format!("{host}:{port}");
    let place = if port == default { host } else { authority.clone() };
    Some((authority, place))
}

/// Splits `host:port`, `[v6]:port`, `host` and a bare IPv6 address.
fn split_port(authority: &str) -> (&str, Option<u16>) {
    let bare_v6 = authority.matches(':').count() > 1 && !authority.starts_with('[');
    match authority.rsplit_once(':') {
        Some((host, port)) if !bare_v6 && !port.ends_with(']') => (host, port.parse().ok()),
        _ => (authority, None),
    }
}

/// The one spelling of a host: addresses as numbers, names in lower case and without the final dot.
fn canonical(host: &str) -> String {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    let text = decoded(bare);
    // A zone is the asking host's name for a link.
    let (address, zone) = text.split_once('%').unwrap_or((&text, ""));
    if let Ok(address) = address.parse::<Ipv6Addr>() {
        let address = written(IpAddr::V6(address));
        return if zone.is_empty() {
            address
        } else {
            format!("{address}%{zone}")
        };
    }
    match Host::parse(&text) {
        Ok(Host::Ipv4(address)) => written(IpAddr::V4(address)),
        Ok(Host::Ipv6(address)) => written(IpAddr::V6(address)),
        Ok(Host::Domain(name)) => name.trim_end_matches('.').to_owned(),
        Err(_) => text.to_lowercase(),
    }
}

/// What NAT64 puts in front of an IPv4 address (RFC 6052).
const NAT64: [u16; 6] = [0x64, 0xff9b, 0, 0, 0, 0];

/// An IPv4 address is the same machine when it is written as an IPv6 one.
fn written(address: IpAddr) -> String {
    match address.to_canonical() {
        IpAddr::V4(address) => address.to_string(),
        IpAddr::V6(address) => match address.segments() {
            [prefix @ .., high, low] if prefix == NAT64 => {
                Ipv4Addr::from_bits(u32::from(high) << 16 | u32::from(low)).to_string()
            }
            _ => format!("[{address}]"),
        },
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn bmc(info: &serde_json::Value) -> Option<Bmc> {
        Bmc::of(info.as_object().unwrap())
    }

    fn may_be(one: &serde_json::Value, other: &serde_json::Value) -> bool {
        bmc(one).unwrap().may_be_same(&bmc(other).unwrap())
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
        let alone = json!({"redfish_address": "bmc.example"});
        assert!(!same(plain, &alone) && same(&alone, &alone));
        let behind = |address: &str| json!({"ipmi_address": "10.0.0.1", "ipmi_bridging": "single", "ipmi_target_channel": 7, "ipmi_target_address": address});
        assert!(same(&behind("0x72"), &behind("0X72")));
        assert!(same(&behind("0x72"), &behind("114")));
        let other = behind("0x74");
        assert!(!same(&behind("0x72"), &other) && !may_be(&behind("0x72"), &other));
        for unclear in [behind("the other"), json!({"ipmi_address": "10.0.0.1"})] {
            assert!(!same(&behind("0x72"), &unclear) && may_be(&behind("0x72"), &unclear));
        }
        let mut single = behind("0x72");
        single["ipmi_transit_address"] = json!("0x20");
        assert!(
            same(&behind("0x72"), &single),
            "what the way does not use does not count"
        );
        let mut straight = behind("0x72");
        straight["ipmi_bridging"] = json!("no");
        assert!(same(&straight, &json!({"ipmi_address": "10.0.0.1"})));
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
            &json!({"ipmi_address": "10.0.0.1"}),
            &json!({"ipmi_address": "64:ff9b::a00:1"})
        ));
        assert!(same(
            &json!({"ipmi_address": "fe80::1"}),
            &json!({"ipmi_address": "[FE80::1]:623"})
        ));
    }

    #[test]
    fn what_may_be_one_machine_is_told_from_what_surely_is_not() {
        let plain =
            &json!({"redfish_address": "https://BMC.example", "redfish_system_id": "/redfish/v1/Systems/1"});
        let alone = json!({"redfish_address": "bmc.example"});
        assert!(may_be(plain, &alone), "a service with one system");
        let clear = json!({"redfish_address": "http://bmc.example"});
        assert!(may_be(plain, &clear), "with and without encryption");
        let ipmi = json!({"ipmi_address": "bmc.example"});
        assert!(
            may_be(plain, &ipmi) && may_be(&ipmi, &clear),
            "one BMC, two protocols"
        );
        for others in [
            json!({"ipmi_address": "bmc.example", "ipmi_port": 6230}),
            json!({"ipmi_address": "other.example"}),
            json!({"ipmi_address": "bmc.example", "ipmi_bridging": "single"}),
            json!({"xclarity_manager_ip": "bmc.example"}),
        ] {
            assert!(!may_be(plain, &others) && !may_be(&others, plain), "{others}");
        }
        let port = |port: u16| json!({"redfish_address": format!("http://bmc.example:{port}")});
        assert!(
            !may_be(&port(8001), &port(8002)) && !may_be(&port(8001), &clear),
            "machines by their ports"
        );
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

    fn redfish(address: &str) -> serde_json::Value {
        json!({"redfish_address": address})
    }

    #[test]
    fn an_address_is_a_number_however_it_is_spelled() {
        let one = redfish("https://[2001:db8::17]");
        for address in [
            "https://[2001:db8:0:0::17]:443/",
            "https://[2001:DB8::0017]",
            "2001:0db8:0000:0000:0000:0000:0000:0017",
            "[2001:db8::17]\n",
            " https://[2001:db8::17]:443/redfish/v1\r\n",
            "https://root:calvin@[2001:db8::17]",
            "https://[2001%3adb8%3A%3A17]/",
            "HTTPS://[2001:db8::0.0.0.23]",
        ] {
            assert!(same(&one, &redfish(address)), "{address}");
        }
        for address in [
            "https://[2001:db8::18]",
            "https://[2001:db8::17]:8443",
            "http://[2001:db8::17]",
        ] {
            assert!(!same(&one, &redfish(address)), "{address}");
        }
        let four = redfish("10.0.0.7");
        for address in [
            "[::ffff:10.0.0.7]",
            "https://[::ffff:a00:7]:443",
            "::FFFF:10.0.0.7",
            "https://10.0.0.7.",
            "0x0a.0.0.7",
            "012.0.0.7",
            "167772167",
            "10.7",
            "https://10%2e0.0.7/",
        ] {
            assert!(same(&four, &redfish(address)), "{address}");
        }
        assert!(!same(&four, &redfish("10.0.0.70")));
        assert!(!same(
            &redfish("fe80::1%eth0"),
            &redfish("https://[fe80::1%25eth1]")
        ));
        assert!(same(
            &redfish("FE80::1%eth0"),
            &redfish("https://[fe80::1%25eth0]")
        ));
    }

    #[test]
    fn a_name_is_the_same_in_capitals_and_with_a_final_dot() {
        let one = redfish("https://bmc-7.example");
        for address in [
            "BMC-7.Example\n",
            "https://bmc%2D7.example.:443",
            "https://admin@bmc-7.example/x?y#z",
        ] {
            assert!(same(&one, &redfish(address)), "{address}");
        }
        assert!(same(
            &redfish("https://b\u{fc}cher.example"),
            &redfish("xn--bcher-kva.example")
        ));
        assert!(same(&redfish("rack_1"), &redfish("RACK_1")));
        assert!(!same(&one, &redfish("bmc-70.example")));
    }

    #[test]
    fn a_system_is_the_same_however_its_path_is_spelled() {
        let with = |id: &str| json!({"redfish_address": "bmc", "redfish_system_id": id});
        let one = with("/redfish/v1/Systems/System.Embedded.1");
        for id in [
            "/redfish/v1/Systems/System.Embedded.1/\n",
            "redfish/v1//systems/System%2eEmbedded.1",
        ] {
            assert!(same(&one, &with(id)), "{id}");
        }
        assert!(!same(&one, &with("/redfish/v1/Systems/System.Embedded.2")));
        assert!(same(&with("/a%zz/1%"), &with("/A%zz/1%")), "no encoding");
        let managed = |id: &str| json!({"xclarity_manager_ip": "10.0.0.1", "xclarity_hardware_id": id});
        assert!(!same(&managed("a1"), &managed("b2")), "one manager, two machines");
    }

    proptest! {
        #[test]
        fn every_spelling_of_an_address_is_one_bmc(
            bits in any::<u128>(),
            four in any::<bool>(),
            port in prop::option::of(any::<u16>()),
            spelling in (0..3_usize, any::<bool>(), any::<bool>(), "[a-z]{0,3}", "[ \n\r\t]{0,2}"),
        ) {
            let (form, capitals, scheme, user, blank) = spelling;
            // Zeros, so that there is something to shorten.
            let six = Ipv6Addr::from(bits & 0xffff_0000_ffff_0000_0000_0000_ffff_ffff);
            let v4 = std::net::Ipv4Addr::from(u32::try_from(bits & 0xffff_ffff).unwrap_or_default());
            let long = |address: Ipv6Addr| address.segments().map(|part| format!("{part:04x}")).join(":");
            let address = if four { v4.to_ipv6_mapped() } else { six };
            let host = match form {
                0 if four => v4.to_string(),
                0 => format!("[{address}]"),
                1 => format!("[{}]", long(address)),
                _ => format!("[{address:?}]"),
            };
            let mut other = port.map_or(host.clone(), |port| format!("{host}:{port}"));
            if !user.is_empty() {
                other = format!("{user}@{other}");
            }
            if scheme {
                other = format!("https://{other}/redfish");
            }
            if capitals {
                other.make_ascii_uppercase();
            }
            other.push_str(&blank);
            let plain = format!("https://[{address}]:{}", port.unwrap_or(443));
            prop_assert!(same(&redfish(&plain), &redfish(&other)), "{other}");
            let next = format!("https://[{}]:{}", Ipv6Addr::from(u128::from(address) ^ 1), port.unwrap_or(443));
            prop_assert!(!same(&redfish(&next), &redfish(&other)), "{other}");
        }

        #[test]
        fn the_one_spelling_is_read_as_itself(name in "[A-Za-z0-9._~-]{1,20}", port in any::<u16>()) {
            let (one, _) = authority(&format!("{name}:{port}"), None, 443).unwrap();
            prop_assert_eq!(authority(&one, None, 1).map(|(again, _)| again), Some(one));
        }

        #[test]
        fn anything_can_be_read(address in "\\PC{0,24}") {
            let named = bmc(&redfish(&address));
            prop_assert!(named.is_none_or(|named| named.same_machine(&named)));
        }
    }
}
