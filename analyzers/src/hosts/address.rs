//! Which addresses say where a program talks to.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Resolvers that anybody may name, and the root servers, which other resolvers carry.
const WELL_KNOWN: [Ipv4Addr; 27] = [
    Ipv4Addr::new(1, 0, 0, 1),
    Ipv4Addr::new(1, 1, 1, 1),
    Ipv4Addr::new(4, 2, 2, 2),
    Ipv4Addr::new(8, 8, 4, 4),
    Ipv4Addr::new(8, 8, 8, 8),
    Ipv4Addr::new(9, 9, 9, 9),
    Ipv4Addr::new(114, 114, 114, 114),
    Ipv4Addr::new(208, 67, 220, 220),
    Ipv4Addr::new(208, 67, 222, 222),
    // What libevent connects to, sending nothing, to learn its own address (evutil.c).
    Ipv4Addr::new(18, 244, 0, 188),
    // IANA, root hints; 199.9.14.201, 128.9.0.107, 192.228.79.201 and 128.63.2.53 are former addresses.
    Ipv4Addr::new(198, 41, 0, 4),
    Ipv4Addr::new(170, 247, 170, 2),
    Ipv4Addr::new(192, 33, 4, 12),
    Ipv4Addr::new(199, 7, 91, 13),
    Ipv4Addr::new(192, 203, 230, 10),
    Ipv4Addr::new(192, 5, 5, 241),
    Ipv4Addr::new(192, 112, 36, 4),
    Ipv4Addr::new(198, 97, 190, 53),
    Ipv4Addr::new(192, 36, 148, 17),
    Ipv4Addr::new(192, 58, 128, 30),
    Ipv4Addr::new(193, 0, 14, 129),
    Ipv4Addr::new(199, 7, 83, 42),
    Ipv4Addr::new(202, 12, 27, 33),
    Ipv4Addr::new(199, 9, 14, 201),
    Ipv4Addr::new(128, 9, 0, 107),
    Ipv4Addr::new(192, 228, 79, 201),
    Ipv4Addr::new(128, 63, 2, 53),
];

/// First 32 bits of networks of resolvers and root servers (Google, Cloudflare, Quad9, OpenDNS; IANA, root hints).
const WELL_KNOWN_NETWORKS: [u32; 18] = [
    0x2001_4860,
    0x2606_4700,
    0x2620_00fe,
    0x2620_0119,
    0x2001_0503,
    0x2801_01b8,
    0x2001_0500,
    0x2001_07fd,
    0x2001_07fe,
    0x2001_0dc3,
    0x2001_0502,
    0x2001_0678,
    0x2001_067c,
    0x2620_0000,
    0x2a07_c180,
    0x2a02_06b8,
    0x2400_3200,
    0x240c_0000,
];

/// Whether an address says where a program talks to. Private, reserved and documentation ranges do not, nor do resolvers
/// that anybody may name, nor do what rather are version numbers (`6.12.0.122`) and object identifiers (`2.5.29.35`,
/// `1.3.101.112`).
pub fn is_telling_address(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_telling_v4(address),
        IpAddr::V6(address) => is_telling_v6(address),
    }
}

fn is_telling_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, d] = address.octets();
    let reserved = a == 0
        || a >= 224
        || address.is_loopback()
        || address.is_private()
        || address.is_link_local()
        || address.is_documentation()
        || (a == 100 && (64..128).contains(&b))
        || (a == 198 && (b == 18 || b == 19));
    let version = [a, b, c].iter().all(|&octet| octet < 32);
    // The first two arcs of an identifier: 0 to 2, then below 40 (ITU-T X.660).
    let identifier = a <= 2 && b < 40;
    let mask_or_net = d == 0 || d == 255;
    !reserved && !version && !identifier && !mask_or_net && !WELL_KNOWN.contains(&address)
}

/// Of the space that is given out (2000::/3; RFC 4291, section 2.4), without what is for examples (RFC 3849, RFC 9637),
/// Teredo and 6to4, whose addresses are made of others.
fn is_telling_v6(address: Ipv6Addr) -> bool {
    let [a, b, ..] = address.segments();
    let network = u32::from(a) << 16 | u32::from(b);
    let is_example = network == 0x2001_0db8 || a == 0x3fff;
    let is_made = network == 0x2001_0000 || a == 0x2002;
    // A network's own number, and what looks like a fragment of one.
    let is_network = address.segments()[4..] == [0; 4];
    a & 0xe000 == 0x2000 && !is_example && !is_made && !is_network && !WELL_KNOWN_NETWORKS.contains(&network)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, telling: bool) {
        assert_eq!(is_telling_address(text.parse().unwrap()), telling, "{text}");
    }

    #[test]
    fn networks_broadcasts_and_what_stands_for_none_tell_nothing() {
        for (address, telling) in [
            ("45.9.148.21", true),
            ("45.9.148.0", false),
            ("45.9.148.255", false),
            ("0.45.9.148", false),
            ("198.18.4.4", false),
            ("198.20.4.4", true),
            ("100.64.1.1", false),
            ("100.128.1.1", true),
        ] {
            check(address, telling);
        }
    }

    #[test]
    fn ranges_that_are_nobodys_and_versions_are_not() {
        for text in ["10.1.2.3", "192.168.1.1", "127.0.0.1", "255.255.255.255", "224.0.0.251", "169.254.1.1", "8.8.8.8"]
        {
            check(text, false);
        }
        for text in ["2.5.29.35", "2.5.4.41", "2.23.140.1", "1.3.101.112", "6.12.0.122", "18.244.0.188"] {
            check(text, false);
        }
        check("2.58.149.206", true);
        for text in ["1.2.3.4", "100.64.0.1", "198.51.100.7", "0.0.0.0", "93.184.216.0"] {
            check(text, false);
        }
    }

    #[test]
    fn of_the_longer_addresses_those_of_others_tell() {
        check("2a01:4f8:1c17:4a2b::1", true);
        for text in [
            "::1",
            "fe80::1",
            "fd00::1",
            "2001:db8::1",
            "2001:4860:4860::8888",
            "2002:102:304::1",
            "2a01:4f8::",
            "ff02::1",
        ] {
            check(text, false);
        }
    }
}
