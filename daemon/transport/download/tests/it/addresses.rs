//! Which spellings of which addresses are refused: as a stranger would write them in a uri.

use std::net::IpAddr;

use daemon_download::{Addresses, permitted};
use proptest::prelude::*;
use url::{Host, Url};

/// The address that a uri with this host leads to without a look-up; `None` where the uri is refused as such.
fn literal(host: &str) -> Option<IpAddr> {
    match Url::parse(&format!("http://{host}/")).ok()?.host()? {
        Host::Ipv4(address) => Some(address.into()),
        Host::Ipv6(address) => Some(address.into()),
        Host::Domain(name) => panic!("{host} is a name: {name}"),
    }
}

#[rustfmt::skip]
const FORBIDDEN: &[&str] = &[
    // 127.0.0.1, in every way that inet_aton and the URL standard know.
    "127.0.0.1", "127.0.0.1.", "127.1", "127.0.1", "127.1.", "2130706433", "2130706433.", "017700000001", "0x7f000001",
    "0x7F000001", "0X7f000001", "0x7f.0.0.1", "0x7f.1", "0177.0.0.1", "0177.1", "0177.0x0.0.01", "00000177.0.0.1",
    "127.0x0.0.0x1", "0x7f.0x0.0x0.0x1", "0177.00.00.01", "127.0.0.0x1", "127.0.1.", "%31%32%37.0.0.1", "127%2e0%2e0%2e1",
    "127。0。0。1", "127．0．0．1", "１２７.0.0.1", "①②⑦.⓪.⓪.①", "127.255.255.254", "127.127.127.127", "0x7f.255.1",
    // What looks like a password or a port is a path.
    "127.0.0.1\\@8.8.8.8", "127.0.0.1/@8.8.8.8", "127.0.0.1#@8.8.8.8", "127.0.0.1?@8.8.8.8", "8.8.8.8@127.0.0.1", "127.0.0.1:80",
    // This network.
    "0", "0.0.0.0", "0x0", "00", "0.0", "0.1.2.3", "0.255.255.255", "0x0.0",
    // Private.
    "10.0.0.0", "10.0.0.1", "10.1", "012.0.0.1", "0xa.1", "167772161", "0x0a000001", "10.255.255.255",
    "172.16.0.0", "172.16.0.1", "172.31.255.255", "0xac100001", "2886729729", "0254.020.0.1",
    "192.168.0.0", "192.168.0.1", "192.168.1", "3232235521", "0xc0a80001", "0300.0250.0.1", "192.168.255.255",
    // Link-local: the metadata of most clouds.
    "169.254.169.254", "169.254.0.0", "169.254.255.255", "0xa9fea9fe", "2852039166", "0251.0376.0251.0376", "169.254.43518",
    "0xa9.0xfe.0xa9.0xfe", "169.16689662", "025177524776",
    // A carrier's, protocols, documentation, benchmarks, relays, clouds.
    "100.64.0.0", "100.100.100.200", "100.127.255.255", "192.0.0.1", "192.0.0.192", "192.0.2.1", "198.51.100.7",
    "203.0.113.255", "198.18.0.0", "198.19.255.255", "192.88.99.1", "168.63.129.16",
    // Multicast, reserved, broadcast.
    "224.0.0.1", "239.255.255.255", "240.0.0.1", "255.255.255.254", "255.255.255.255", "0xffffffff", "4294967295",
    "037777777777",
    // IPv6 itself.
    "[::]", "[::0]", "[0:0:0:0:0:0:0:0]", "[::1]", "[0:0:0:0:0:0:0:1]", "[0000::0001]", "[::0:1]", "[::2]",
    "[fe80::1]", "[FE80::1]", "[febf:ffff::1]", "[fec0::1]", "[fc00::1]", "[fd00:ec2::254]", "[fdff:ffff::1]", "[ff02::1]",
    "[ff0e::1]", "[2001:db8::1]", "[3fff::1]", "[3fff:fff::1]", "[2001:2::1]", "[2001:20::1]", "[2001:1ff::1]", "[100::1]",
    "[100:0:0:1::1]", "[5f00::1]", "[64:ff9b:1::808:808]", "[4000::1]", "[1fff::1]", "[e000::1]", "[::ffff:0:8.8.8.8]",
    // IPv6 that carries a forbidden IPv4: mapped, compatible, NAT64, 6to4, Teredo (server, client), ISATAP.
    "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[::FFFF:10.0.0.1]", "[0:0:0:0:0:ffff:a9fe:a9fe]", "[::ffff:0.0.0.0]",
    "[::ffff:192.168.1.1]", "[::ffff:100.64.0.1]", "[::ffff:255.255.255.255]", "[::ffff:0:127.0.0.1]",
    "[::127.0.0.1]", "[::7f00:1]", "[::10.0.0.1]", "[::8.8.8.8]",
    "[64:ff9b::127.0.0.1]", "[64:ff9b::10.0.0.1]", "[64:ff9b::a9fe:a9fe]", "[64:ff9b::]",
    "[2002:7f00:1::]", "[2002:a00:1::1]", "[2002:c0a8:101::1]", "[2002:a9fe:a9fe::]",
    "[2001:0:7f00:1::f7f7:f7f7]", "[2001:0:808:808::80ff:fffe]", "[2001:0:808:808:0:0:5601:5601]",
    "[2a00:1450:4001:80b::5efe:127.0.0.1]", "[2a00:1450:4001:80b:0:5efe:10.0.0.1]", "[2a00:1450:4001:80b:200:5efe:c0a8:101]",
];

/// What the URL standard does not take for a host at all, so nobody connects.
const NO_HOST: &[&str] = &[
    "256.0.0.1",
    "1.2.3.4.5",
    "127.0.0.0x100",
    "4294967296",
    "0x100000000",
    "127.0.0.08",
    "[::1%25eth0]",
    "[::1",
    "[127.0.0.1]",
    "[::ffff:127.1]",
    "[::ffff:127.0.0.1.]",
    "[::ffff:0177.0.0.1]",
    "[v1.fe80]",
];

const PERMITTED: &[&str] = &[
    "8.8.8.8",
    "1.1.1.1",
    "134744072",
    "9.255.255.255",
    "11.0.0.0",
    "100.63.255.255",
    "100.128.0.0",
    "126.255.255.255",
    "128.0.0.0",
    "168.63.129.15",
    "169.253.255.255",
    "169.255.0.0",
    "172.15.255.255",
    "172.32.0.0",
    "192.0.1.0",
    "192.167.255.255",
    "192.169.0.0",
    "198.17.255.255",
    "198.20.0.0",
    "223.255.255.255",
    "[2606:4700:4700::1111]",
    "[2a00:1450:4001:80b::200e]",
    "[2001:4860:4860::8888]",
    "[2001:200::1]",
    "[3ffe::1]",
    "[::ffff:8.8.8.8]",
    "[64:ff9b::8.8.8.8]",
    "[2002:808:808::1]",
    "[2001:0:808:808::f7f7:f7f7]",
    "[2a00:1450:4001:80b:0:5efe:8.8.8.8]",
];

#[test]
fn every_spelling_of_a_forbidden_address_is_refused() {
    assert!(FORBIDDEN.len() > 100);
    for host in FORBIDDEN {
        let address = literal(host).unwrap_or_else(|| panic!("{host} is no host"));
        assert!(permitted(address, &Addresses::default()).is_err(), "{host} is {address}");
    }
    for host in NO_HOST {
        assert_eq!(literal(host), None, "{host}");
    }
}

#[test]
fn public_addresses_are_permitted_up_to_the_edge_of_their_networks() {
    for host in PERMITTED {
        let address = literal(host).unwrap();
        assert_eq!(permitted(address, &Addresses::default()), Ok(()), "{host} is {address}");
    }
}

#[test]
fn allowed_network_is_permitted_in_its_own_spellings_and_no_relays() {
    let policy = Addresses { allow: vec!["10.1.2.0/24".parse().unwrap(), "fd00:1::/32".parse().unwrap()] };
    for host in ["10.1.2.3", "0xa010203", "[::ffff:10.1.2.3]", "[fd00:1::5]"] {
        assert_eq!(permitted(literal(host).unwrap(), &policy), Ok(()), "{host}");
    }
    for host in ["10.1.3.3", "127.0.0.1", "[fd00:2::5]", "[64:ff9b::10.1.2.3]", "[2002:a01:203::]", "[::10.1.2.3]"] {
        assert!(permitted(literal(host).unwrap(), &policy).is_err(), "{host}");
    }
}

#[test]
fn refusal_names_the_address_and_why() {
    let forbidden = permitted(literal("2852039166").unwrap(), &Addresses::default()).unwrap_err();
    assert_eq!(forbidden.to_string(), "169.254.169.254 (link-local)");
}

proptest! {
    /// What the standard library calls local is never permitted, in whatever form it is carried.
    #[test]
    fn no_form_of_a_local_address_is_permitted(bits: u32) {
        let v4 = std::net::Ipv4Addr::from_bits(bits);
        let local = v4.is_private() || v4.is_loopback() || v4.is_link_local() || v4.is_multicast() || v4.is_broadcast()
            || v4.is_documentation() || v4.is_unspecified();
        let [a, b, c, d] = v4.octets();
        let (high, low) = (u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d]));
        for address in [
            IpAddr::V4(v4),
            IpAddr::V6(v4.to_ipv6_mapped()),
            IpAddr::V6([0x64, 0xff9b, 0, 0, 0, 0, high, low].into()),
            IpAddr::V6([0x2002, high, low, 0, 0, 0, 0, 1].into()),
        ] {
            let answer = permitted(address, &Addresses::default());
            prop_assert!(!local || answer.is_err(), "{address}");
            prop_assert_eq!(answer.is_err(), permitted(v4.into(), &Addresses::default()).is_err(), "{}", address);
        }
    }
}
