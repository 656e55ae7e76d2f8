//! Addresses that a download may connect to. The URI of a bounty comes from a stranger, who could otherwise make the
//! daemon read what only it can reach: the metadata service of a cloud, a router, a database on localhost.
//!
//! Denied is everything that is not ordinary public unicast, and every IPv6 form that carries an IPv4 address which
//! is denied. What an operator needs beyond that (a polyswarmd on the LAN) is named in [`Addresses::allow`].

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::IpNet;

/// Addresses that are allowed in addition to public ones.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Addresses {
    /// Networks that are permitted although they are not public: `10.1.2.0/24` for a LAN. Default: none.
    pub allow: Vec<IpNet>,
}

impl Addresses {
    fn names(&self, address: IpAddr) -> bool {
        self.allow.iter().any(|network| network.contains(&address))
    }
}

/// An address that a download may not connect to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Forbidden {
    /// The address.
    pub address: IpAddr,
    /// Kind of the address: `"private"`, `"loopback"`.
    pub why: &'static str,
}

impl fmt::Display for Forbidden {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.address, self.why)
    }
}

/// Whether a download may connect to `address`. Looks nothing up.
///
/// # Errors
///
/// [`Forbidden`], with the reason: the address is private, reserved or otherwise not a public one.
pub fn permitted(address: IpAddr, policy: &Addresses) -> Result<(), Forbidden> {
    if policy.names(address) {
        return Ok(());
    }
    let why = match address {
        IpAddr::V4(v4) => why_not_v4(v4),
        IpAddr::V6(v6) => match v6.to_ipv4_mapped() {
            // The kernel connects to the IPv4 address itself, so it is that one that counts.
            Some(v4) => permitted(v4.into(), policy).err().map(|forbidden| forbidden.why),
            None => why_not_v6(v6),
        },
    };
    why.map_or(Ok(()), |why| Err(Forbidden { address, why }))
}

/// IANA IPv4 Special-Purpose Address Registry (RFC 6890 and its updates), and multicast (RFC 5771). The anycast
/// networks for AS112 and AMT are left out: they are public.
const V4: &[([u8; 4], u32, &str)] = &[
    ([0, 0, 0, 0], 8, "this network"),
    ([10, 0, 0, 0], 8, "private"),
    ([100, 64, 0, 0], 10, "shared address space of a carrier"),
    ([127, 0, 0, 0], 8, "loopback"),
    // Azure's platform service: a public number, but it is the host that answers.
    ([168, 63, 129, 16], 32, "a service of a cloud provider"),
    ([169, 254, 0, 0], 16, "link-local"),
    ([172, 16, 0, 0], 12, "private"),
    ([192, 0, 0, 0], 24, "reserved for protocols"),
    ([192, 0, 2, 0], 24, "reserved for documentation"),
    ([192, 88, 99, 0], 24, "a 6to4 relay"),
    ([192, 168, 0, 0], 16, "private"),
    ([198, 18, 0, 0], 15, "reserved for benchmarks"),
    ([198, 51, 100, 0], 24, "reserved for documentation"),
    ([203, 0, 113, 0], 24, "reserved for documentation"),
    ([224, 0, 0, 0], 4, "multicast"),
    ([255, 255, 255, 255], 32, "broadcast"),
    ([240, 0, 0, 0], 4, "reserved"),
];

fn why_not_v4(address: Ipv4Addr) -> Option<&'static str> {
    let bits = address.to_bits();
    V4.iter()
        .find(|(network, length, _)| {
            let ignored = 32 - length;
            bits >> ignored == Ipv4Addr::from(*network).to_bits() >> ignored
        })
        .map(|(_, _, why)| *why)
}

/// IANA IPv6 Special-Purpose Address Registry. The first that fits decides. Only 2000::/3 was ever given out as
/// public unicast (RFC 4291, section 2.4; IANA IPv6 Global Unicast Address Assignments), so all else is denied unheard.
const V6: &[([u16; 8], u32, &str)] = &[
    ([0, 0, 0, 0, 0, 0, 0, 0], 128, "unspecified"),
    ([0, 0, 0, 0, 0, 0, 0, 1], 128, "loopback"),
    ([0, 0, 0, 0, 0, 0, 0, 0], 96, "IPv4-compatible"),
    ([0xfe80, 0, 0, 0, 0, 0, 0, 0], 10, "link-local"),
    ([0xfec0, 0, 0, 0, 0, 0, 0, 0], 10, "site-local"),
    ([0xfc00, 0, 0, 0, 0, 0, 0, 0], 7, "private"),
    ([0xff00, 0, 0, 0, 0, 0, 0, 0], 8, "multicast"),
    ([0x2001, 0xdb8, 0, 0, 0, 0, 0, 0], 32, "reserved for documentation"),
    ([0x3fff, 0, 0, 0, 0, 0, 0, 0], 20, "reserved for documentation"),
    // Benchmarks (2001:2::/48), ORCHIDs and others that are no hosts. Teredo (2001::/32) is judged before.
    ([0x2001, 0, 0, 0, 0, 0, 0, 0], 23, "reserved for protocols"),
];

fn why_not_v6(address: Ipv6Addr) -> Option<&'static str> {
    let [a, b, c, d, e, f, g, h] = address.segments();
    let last = v4(g, h);
    // What a relay or a tunnel would deliver to. Allowed networks do not count here: they are meant as they are seen
    // from this machine, not from a relay.
    let carried: [Option<Ipv4Addr>; 2] = match (a, b) {
        (0x64, 0xff9b) if (c, d, e, f) == (0, 0, 0, 0) => [Some(last), None],
        (0x2002, _) => [Some(v4(b, c)), None],
        // Teredo: the server as it is, the client with every bit flipped (RFC 4380, section 4).
        (0x2001, 0) => [Some(v4(c, d)), Some(v4(!g, !h))],
        // ISATAP (RFC 5214, section 6.1), below any prefix.
        _ if (e | 0x0200, f) == (0x0200, 0x5efe) => [Some(last), None],
        _ => [None, None],
    };
    if let Some(why) = carried.into_iter().flatten().find_map(why_not_v4) {
        return Some(why);
    }
    let bits = address.to_bits();
    let special = V6.iter().find(|(network, length, _)| {
        let ignored = 128 - length;
        bits >> ignored == Ipv6Addr::from(*network).to_bits() >> ignored
    });
    match special {
        // A tunnel to a public address.
        _ if (a, b) == (0x2001, 0) || ((a, b) == (0x64, 0xff9b) && carried[0].is_some()) => None,
        Some((_, _, why)) => Some(why),
        None if a >> 13 == 1 => None,
        None => Some("reserved"),
    }
}

fn v4(high: u16, low: u16) -> Ipv4Addr {
    Ipv4Addr::from_bits(u32::from(high) << 16 | u32::from(low))
}
