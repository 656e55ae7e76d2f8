//! Public IPv4 addresses that are complete strings in the file.

use std::net::Ipv4Addr;
use std::ops::Range;

use analyzers::Findings;

use crate::Few;
use crate::catalogue as sign;
use crate::image::Image;

/// Number of bytes between two checks of the budget.
const STRIDE_BYTES: usize = 1 << 16;

/// Longest address, `255.255.255.255`.
const ADDRESS_BYTES_MAX: usize = 15;

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

/// Reports public addresses.
///
/// Goes from dot to dot: code has one in 256 bytes, and few of them stand between digits.
pub(crate) fn examine(image: &Image<'_>, findings: &mut Findings<'_>) {
    let bytes = image.bytes;
    let mut last_end = 0;
    let mut few = Few::default();
    for (index, stride) in bytes.chunks(STRIDE_BYTES).enumerate() {
        if findings.budget().step(1).is_err() {
            return;
        }
        for dot in memchr::memchr_iter(b'.', stride).map(|at| index * STRIDE_BYTES + at) {
            // The first dot of an address finds it; the others lie inside what was looked at.
            if dot < last_end || !is_between_digits(bytes, dot) {
                continue;
            }
            if let Some((address, span)) = address_at(bytes, dot) {
                last_end = span.end;
                if is_telling(address) {
                    if !few.more() {
                        return;
                    }
                    findings.saw_with(&sign::PUBLIC_ADDRESS, span, address);
                }
            }
        }
    }
}

fn is_between_digits(bytes: &[u8], dot: usize) -> bool {
    let before = dot.checked_sub(1).and_then(|at| bytes.get(at));
    let digit = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_digit);
    digit(before) && digit(bytes.get(dot + 1))
}

/// The address whose first dot is at `dot`, if it is a string of its own: not after or before other text,
/// except a port.
fn address_at(bytes: &[u8], dot: usize) -> Option<(Ipv4Addr, Range<usize>)> {
    let digits = bytes.get(dot.saturating_sub(3)..dot)?;
    let digits = digits.iter().rev().take_while(|byte| byte.is_ascii_digit()).count();
    let start = dot - digits;
    if start.checked_sub(1).and_then(|at| bytes.get(at)).is_some_and(|&byte| byte != 0) {
        return None;
    }
    let rest = bytes.get(start..bytes.len().min(start + ADDRESS_BYTES_MAX + 1))?;
    let length = rest.iter().take_while(|byte| byte.is_ascii_digit() || **byte == b'.').count();
    // `Ipv4Addr` refuses leading zeros and numbers over 255.
    let address = std::str::from_utf8(rest.get(..length)?).ok()?.parse().ok()?;
    let ends = matches!(bytes.get(start + length), Some(0 | b':') | None);
    ends.then_some((address, start..start + length))
}

/// Whether an address says where a program talks to. Private, reserved and documentation ranges do not, nor
/// do what rather are version numbers (`6.12.0.122`) and object identifiers (`2.5.29.35`, `1.3.101.112`).
fn is_telling(address: Ipv4Addr) -> bool {
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

#[cfg(test)]
mod tests {
    use super::*;

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
            assert_eq!(is_telling(address.parse().unwrap()), telling, "{address}");
        }
    }

    #[track_caller]
    fn check(text: &[u8], telling: bool) {
        let found = memchr::memchr_iter(b'.', text).find_map(|dot| address_at(text, dot));
        assert_eq!(found.is_some_and(|(address, _)| is_telling(address)), telling, "{}", text.escape_ascii());
    }

    #[test]
    fn a_public_address_alone_or_with_a_port_is_telling() {
        check(b"\x0093.184.216.34\0", true);
        check(b"93.184.216.34", true);
        check(b"\x0093.184.216.34:23\0", true);
    }

    #[test]
    fn what_is_part_of_other_text_is_not() {
        check(b"v93.184.216.34\0", false);
        check(b"\x0093.184.216.34.5\0", false);
        check(b"\x0093.184.216.34 is ours\0", false);
        check(b"\x001993.184.216.34\0", false);
    }

    #[test]
    fn ranges_that_are_nobodys_and_versions_are_not() {
        for text in ["10.1.2.3", "192.168.1.1", "127.0.0.1", "255.255.255.255", "224.0.0.251", "169.254.1.1", "8.8.8.8"]
        {
            check(text.as_bytes(), false);
        }
        for text in ["2.5.29.35", "2.5.4.41", "2.23.140.1", "1.3.101.112", "6.12.0.122", "18.244.0.188"] {
            check(text.as_bytes(), false);
        }
        check(b"2.58.149.206", true);
        for text in ["1.2.3.4", "100.64.0.1", "198.51.100.7", "0.0.0.0", "93.184.216.0", "256.1.1.1", "093.1.1.1"] {
            check(text.as_bytes(), false);
        }
    }
}
