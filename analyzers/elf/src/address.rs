//! Public IPv4 addresses that are complete strings in the file.

use std::net::Ipv4Addr;
use std::ops::Range;

use analyzers::Findings;
use analyzers::hosts::is_telling_address;

use crate::Few;
use crate::catalogue as sign;
use crate::image::Image;

/// Number of bytes between two checks of the budget.
const STRIDE_BYTES: usize = 1 << 16;

/// Longest address, `255.255.255.255`.
const ADDRESS_BYTES_MAX: usize = 15;

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
                if is_telling_address(address.into()) {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &[u8], telling: bool) {
        let found = memchr::memchr_iter(b'.', text).find_map(|dot| address_at(text, dot));
        assert_eq!(
            found.is_some_and(|(address, _)| is_telling_address(address.into())),
            telling,
            "{}",
            text.escape_ascii()
        );
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
    fn what_no_address_is_and_what_says_nothing_is_not() {
        for text in ["8.8.8.8", "192.168.1.1", "256.1.1.1", "093.1.1.1"] {
            check(text.as_bytes(), false);
        }
    }
}
