//! Whom a client may talk to.
//!
//! It is decided on the address that a connection goes to, each time after a name was resolved: a name that means another address
//! tomorrow gains nothing by that.
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use reqwest::Url;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};

/// The address under which Amazon's machines find their own credentials by IPv6: link-local in all but the number.
const METADATA: Ipv6Addr = Ipv6Addr::new(0xfd00, 0x0ec2, 0, 0, 0, 0, 0, 0x0254);

/// Which addresses may be talked to.
#[derive(Clone, Debug, Default)]
pub struct Reach {
    rules: Option<Arc<Rules>>,
}

#[derive(Debug)]
struct Rules {
    /// None: all that is not apart.
    allowed: Vec<Allowed>,
    /// Where nobody is talked to unless the address itself is allowed, beside this machine and its link.
    apart: Vec<SocketAddr>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Allowed {
    /// The first bits of an address.
    Network(IpAddr, u8),
    /// A name, or (with a dot in front) all names under it.
    Name(String),
}

/// A host that may not be talked to.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{host} may not be talked to: its address is not among those that are allowed")]
pub struct NotAllowed {
    /// The host.
    pub host: String,
}

impl Reach {
    /// Everything: for whoever runs this for themselves.
    pub fn everything() -> Self {
        Self::default()
    }

    /// What these entries say (addresses, networks such as `10.0.0.0/8`, names, and names under one such as `*.example.com`), and
    /// nothing else. Without any: everything but this machine, its link and the addresses `apart`. A name never leads to one of
    /// those; an address or a network that is named does.
    pub fn new(entries: &[String], apart: Vec<SocketAddr>) -> Result<Self, String> {
        let allowed = entries.iter().map(|entry| Allowed::read(entry.trim()));
        Ok(Self {
            rules: Some(Arc::new(Rules {
                allowed: allowed.collect::<Result<_, _>>()?,
                apart,
            })),
        })
    }

    /// Whether a URL may be asked, as far as that shows before its name is resolved.
    pub(super) fn check(&self, url: &Url) -> Result<(), NotAllowed> {
        let Some(rules) = &self.rules else {
            return Ok(());
        };
        let (host, port) = place(url);
        let permitted = match address(host) {
            Some(address) => rules.permit(None, SocketAddr::new(address, port)),
            None => rules.may_permit(host),
        };
        let host = host.to_owned();
        if permitted {
            Ok(())
        } else {
            Err(NotAllowed { host })
        }
    }
}

/// The host of a URL, and the port.
fn place(url: &Url) -> (&str, u16) {
    let port = url.port_or_known_default().unwrap_or_default();
    (url.host_str().unwrap_or_default(), port)
}

/// The address that a host is, if it is no name. (However it was written, a URL has it in the usual way.)
fn address(host: &str) -> Option<IpAddr> {
    host.trim_matches(['[', ']']).parse().ok()
}

impl Allowed {
    fn read(entry: &str) -> Result<Self, String> {
        let wrong = || format!("{entry:?} is neither an address, nor a network, nor the name of a host");
        let (address, bits) = match entry.split_once('/') {
            Some((address, bits)) => (address, Some(bits.parse::<u8>().map_err(|_| wrong())?)),
            None => (entry, None),
        };
        if let Some(address) = self::address(address) {
            let all = if address.is_ipv4() { 32 } else { 128 };
            let bits = bits.unwrap_or(all);
            return if bits > all {
                Err(wrong())
            } else {
                Ok(Self::Network(address, bits))
            };
        }
        let plain = |c: char| c.is_ascii_alphanumeric() || "-._".contains(c);
        let name = entry.strip_prefix('*').unwrap_or(entry);
        let under = name.len() != entry.len();
        if bits.is_some() || name.is_empty() || !name.chars().all(plain) || under != name.starts_with('.') {
            return Err(wrong());
        }
        Ok(Self::Name(name.trim_end_matches('.').to_ascii_lowercase()))
    }

    fn is_name(&self, name: &str) -> bool {
        let name = name.trim_end_matches('.').to_ascii_lowercase();
        match self {
            Self::Network(..) => false,
            Self::Name(wanted) if wanted.starts_with('.') => name.ends_with(wanted),
            Self::Name(wanted) => name == *wanted,
        }
    }

    fn has(&self, address: IpAddr) -> bool {
        match (self, address) {
            (Self::Network(IpAddr::V4(network), bits), IpAddr::V4(address)) => {
                let differ = network.to_bits() ^ address.to_bits();
                differ.leading_zeros() >= u32::from(*bits)
            }
            (Self::Network(IpAddr::V6(network), bits), IpAddr::V6(address)) => {
                let differ = network.to_bits() ^ address.to_bits();
                differ.leading_zeros() >= u32::from(*bits)
            }
            (Self::Network(..) | Self::Name(_), _) => false,
        }
    }
}

impl Rules {
    /// Whether this address may be talked to, which `name` has led to if there was one.
    fn permit(&self, name: Option<&str>, address: SocketAddr) -> bool {
        let plain = plain(address.ip());
        if self.allowed.iter().any(|allowed| allowed.has(plain)) {
            return true;
        }
        let named = name.is_some_and(|name| self.allowed.iter().any(|allowed| allowed.is_name(name)));
        (named || self.allowed.is_empty()) && !self.is_apart(SocketAddr::new(plain, address.port()))
    }

    /// Whether a name may lead somewhere that is permitted.
    fn may_permit(&self, name: &str) -> bool {
        let by_address = |allowed: &Allowed| matches!(allowed, Allowed::Network(..));
        self.allowed.is_empty()
            || self
                .allowed
                .iter()
                .any(|allowed| by_address(allowed) || allowed.is_name(name))
    }

    fn is_apart(&self, address: SocketAddr) -> bool {
        let own = match address.ip() {
            IpAddr::V4(ip) => {
                ip.is_loopback()
                    || ip.is_unspecified()
                    || ip.is_link_local()
                    || ip.is_broadcast()
                    || ip.is_multicast()
            }
            IpAddr::V6(ip) => {
                ip.is_loopback()
                    || ip.is_unspecified()
                    || ip.is_unicast_link_local()
                    || ip.is_multicast()
                    || ip == METADATA
            }
        };
        let same = |other: &SocketAddr| plain(other.ip()) == address.ip() && other.port() == address.port();
        own || self.apart.iter().any(same)
    }
}

/// An IPv4 address that is dressed up as one of IPv6 (mapped, or by way of NAT64) is that IPv4 address.
fn plain(address: IpAddr) -> IpAddr {
    let IpAddr::V6(v6) = address else {
        return address;
    };
    let [first, second, .., seventh, eighth] = v6.segments();
    let low = (u32::from(seventh) << 16) | u32::from(eighth);
    if let Some(v4) = v6.to_ipv4_mapped() {
        return v4.into();
    }
    if (first, second) == (0x64, 0xff9b) {
        return std::net::Ipv4Addr::from_bits(low).into();
    }
    address
}

/// Resolves names, and withholds addresses that may not be talked to.
#[derive(Default)]
pub(super) struct Resolver {
    reach: Reach,
    /// Names that were asked for, and on which ports. Any other is that of a proxy, which the environment has chosen.
    asked: Mutex<BTreeMap<String, BTreeSet<u16>>>,
}

impl Resolver {
    pub fn new(reach: Reach) -> Arc<Self> {
        Arc::new(Self {
            reach,
            asked: Mutex::default(),
        })
    }

    fn asked(&self) -> MutexGuard<'_, BTreeMap<String, BTreeSet<u16>>> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether a request may go to this URL, as far as is known before its name is resolved. To be asked before each request.
    pub fn check(&self, url: &Url) -> Result<(), NotAllowed> {
        self.reach.check(url)?;
        let (host, port) = place(url);
        if address(host).is_none() {
            self.asked().entry(host.to_owned()).or_default().insert(port);
        }
        Ok(())
    }

    /// Of the addresses of a name those that may be talked to.
    fn permitted(&self, name: &str, found: Vec<SocketAddr>) -> Result<Vec<SocketAddr>, NotAllowed> {
        let Some(rules) = &self.reach.rules else {
            return Ok(found);
        };
        let Some(ports) = self.asked().get(name).cloned() else {
            return Ok(found);
        };
        let permit = |address: &SocketAddr| {
            ports
                .iter()
                .all(|port| rules.permit(Some(name), SocketAddr::new(address.ip(), *port)))
        };
        let nobody = found.is_empty();
        let permitted: Vec<_> = found.into_iter().filter(permit).collect();
        if permitted.is_empty() && !nobody {
            return Err(NotAllowed {
                host: name.to_owned(),
            });
        }
        Ok(permitted)
    }
}

/// The resolver as the HTTP client has it.
pub(super) struct Shared(pub Arc<Resolver>);

impl Resolve for Shared {
    fn resolve(&self, name: Name) -> Resolving {
        let resolver = Arc::clone(&self.0);
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?.collect();
            let permitted = resolver.permitted(name.as_str(), found)?;
            Ok(Box::new(permitted.into_iter()) as Addrs)
        })
    }
}

impl fmt::Debug for Resolver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Resolver({:?})", self.reach)
    }
}

/// The host that may not be talked to, if that is why a request failed.
pub(super) fn not_allowed(error: &reqwest::Error) -> Option<NotAllowed> {
    let mut next: Option<&(dyn std::error::Error + 'static)> = std::error::Error::source(error);
    while let Some(error) = next {
        if let Some(found) = error.downcast_ref::<NotAllowed>() {
            return Some(found.clone());
        }
        next = error.source();
    }
    None
}

#[cfg(test)]
#[path = "reach_tests.rs"]
mod tests;
