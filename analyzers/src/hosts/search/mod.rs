//! Finds names of hosts in text.
//!
//! What stands around a name decides how much the name itself must say: in a URL it is a host whatever it is called, in plain
//! text it might be a file. Text has many dots and few hosts, so what costs least is looked at first:
//!
//! ```text
//! for each "://":  the host behind it, if a scheme stands before it
//! for each dot:    does a number or a top-level domain that is no word stand behind it and end a name, or `www` before it?
//!                  then all of the name: an address or a domain, if it stands apart
//! ```

#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::net::{IpAddr, Ipv4Addr};

use daemon_base::NamedHosts;
use memchr::{memchr_iter, memmem};

use super::domain::{PLAIN_TOP_BYTES_MAX, is_plain, is_plain_top, is_web, may_start_top};
use super::{is_telling_address, is_telling_domain};

/// Longest name that is looked at, in bytes.
const NAME_BYTES_MAX: usize = 255;
/// Longest address of version 4, `255.255.255.255`.
const ADDRESS_BYTES_MAX: usize = 15;
/// Longest address of version 6, with an address of version 4 at its end.
const ADDRESS_V6_BYTES_MAX: usize = 45;
/// Most names that stand where a host may, of one artifact's text: what is behind them is left out, and it is told.
const NAMES_MAX: u32 = 10_000;
/// Longest user's name and password in a URL, in bytes.
const USER_BYTES_MAX: usize = 64;
/// Longest part of a user agent before a page that it names, in bytes.
const AGENT_BYTES_MAX: usize = 256;
/// Schemes of URLs with hosts. Malware and those who write of it spell the first `hxxp`.
const SCHEMES: &[&str] = &[
    "ftp",
    "ftps",
    "http",
    "https",
    "hxxp",
    "hxxps",
    "irc",
    "ircs",
    "ldap",
    "ldaps",
    "sftp",
    "smtp",
    "socks4",
    "socks5",
    "ssh",
    "ssl",
    "stratum+ssl",
    "stratum+tcp",
    "tcp",
    "telnet",
    "tftp",
    "udp",
    "ws",
    "wss",
];

/// Finds hosts in the text of one artifact, piece by piece.
#[derive(Debug, Default)]
pub struct HostSearch {
    found: NamedHosts,
    names: u32,
}

impl HostSearch {
    /// Forgets everything, for another artifact.
    pub fn clear(&mut self) {
        self.found = NamedHosts::default();
        self.names = 0;
    }

    /// What was found.
    pub fn found(&self) -> &NamedHosts {
        &self.found
    }

    /// Finds hosts in `text`. Strings in it end where something does that is not printable.
    pub fn read(&mut self, text: &[u8]) {
        for at in memmem::find_iter(text, b"://") {
            let (before, rest) = text.split_at(at);
            if is_scheme(before) {
                if !self.counts() {
                    return;
                }
                self.read_url(before, rest.get(3..).unwrap_or_default());
            }
        }
        for dot in memchr_iter(b'.', text) {
            if self.names > NAMES_MAX {
                return;
            }
            let (before, after) = text.split_at(dot);
            let after = after.get(1..).unwrap_or_default();
            if ends_web(before) {
                self.read_plain(text, dot - 3, dot + 1 + name_at(after).len());
            } else if let Some(top) = top_at(after) {
                let length = before.iter().rev().take(NAME_BYTES_MAX).take_while(|byte| is_name(**byte)).count();
                self.read_plain(text, dot - length, dot + 1 + top.len());
            }
        }
    }

    /// Reads the host of a URL; `before` ends with its scheme.
    fn read_url(&mut self, before: &[u8], rest: &[u8]) {
        if let Some(bracketed) = rest.strip_prefix(b"[") {
            let end = bracketed.iter().take(ADDRESS_V6_BYTES_MAX + 1).position(|&byte| byte == b']');
            let address = end.and_then(|end| std::str::from_utf8(bracketed.get(..end)?).ok()?.parse().ok());
            return address.into_iter().for_each(|address| self.add_address(address));
        }
        // `user:password@`
        let is_user = |byte: &&u8| byte.is_ascii_graphic() && !matches!(**byte, b'/' | b'@');
        let user = rest.iter().take(USER_BYTES_MAX).take_while(is_user).count();
        let rest = rest.get(user..).and_then(|rest| rest.strip_prefix(b"@")).unwrap_or(rest);
        let name = name_at(rest);
        if let Some(address) = address_of(name) {
            self.add_address(IpAddr::V4(address));
        } else if !starts_web(name) || is_web(name) {
            // `http://www.` may stand in front of text that goes on otherwise.
            self.add_domain(name, before);
        }
    }

    /// Looks at a name in plain text.
    fn read_plain(&mut self, text: &[u8], start: usize, end: usize) {
        let (before, after) = (text.get(..start).unwrap_or_default(), text.get(end..).unwrap_or_default());
        let name = text.get(start..end).unwrap_or_default();
        if !is_apart(before, after) {
            return;
        }
        if let Some(address) = address_of(name) {
            if self.counts() && !is_version(address, before) {
                self.add_address(IpAddr::V4(address));
            }
        } else if !name.last().is_some_and(u8::is_ascii_digit) && self.counts() && (is_plain(name) || is_web(name)) {
            self.add_domain(name, before);
        }
    }

    fn add_domain(&mut self, name: &[u8], before: &[u8]) {
        if name.contains(&b'.')
            && !is_in_user_agent(before)
            && let Some(domain) = normal(name).filter(|domain| is_telling_domain(domain))
        {
            self.found.add_domain(&domain);
        }
    }

    fn add_address(&mut self, address: IpAddr) {
        if is_telling_address(address) {
            self.found.add_address(address);
        }
    }

    /// Whether one more name may be looked at; counts it. A hostile file may have one at every few bytes.
    fn counts(&mut self) -> bool {
        self.names = (self.names + 1).min(NAMES_MAX + 1);
        if self.names > NAMES_MAX {
            self.found.leave_out();
        }
        self.names <= NAMES_MAX
    }
}

/// Whether what stands between these begins a string or an element of a list, and ends it, or is followed by a port or a path.
fn is_apart(before: &[u8], after: &[u8]) -> bool {
    let begins = match before {
        [] => true,
        // A share of a server; in a path of escaped backslashes something stands before them.
        [rest @ .., b'\\', b'\\'] => rest.last().is_none_or(|&byte| ends_string(byte)),
        [.., last] => ends_string(*last) || matches!(last, b' ' | b'=' | b'|' | b',' | b';' | b'(' | b'>'),
    };
    let after = after.strip_prefix(b".").unwrap_or(after);
    let ends = match after {
        [] => true,
        [b':', rest @ ..] => {
            let digits = rest.iter().take(6).take_while(|byte| byte.is_ascii_digit()).count();
            (1..=5).contains(&digits) && !rest.get(digits).is_some_and(u8::is_ascii_alphanumeric)
        }
        [first, ..] => {
            ends_string(*first) || matches!(first, b' ' | b'/' | b'\\' | b'|' | b',' | b';' | b')' | b'<' | b'@')
        }
    };
    begins && ends
}

/// The name that text begins with, without the dot of a sentence at its end.
fn name_at(text: &[u8]) -> &[u8] {
    let length = text.iter().take(NAME_BYTES_MAX).take_while(|byte| is_name(**byte)).count();
    let name = text.get(..length).unwrap_or_default();
    name.strip_suffix(b".").unwrap_or(name)
}

/// The end of a name that text begins with, if it is a number or one of the top-level domains of plain text, and the name
/// does not go on. Few bytes are looked at: this is asked for every dot.
fn top_at(text: &[u8]) -> Option<&[u8]> {
    let length = match *text {
        [b'0'..=b'9', ..] => text.iter().take(4).take_while(|byte| byte.is_ascii_digit()).count(),
        [first, second, ..] if may_start_top(first, second) => {
            text.iter().take(PLAIN_TOP_BYTES_MAX + 1).take_while(|byte| byte.is_ascii_lowercase()).count()
        }
        _ => return None,
    };
    let (top, behind) = text.split_at(length);
    // A dot may be the end of a sentence.
    let goes_on = match *behind {
        [b'.', next, ..] => is_name(next),
        [next, ..] => next != b'.' && is_name(next),
        [] => false,
    };
    (!goes_on && (top.first().is_some_and(u8::is_ascii_digit) || is_plain_top(top))).then_some(top)
}

fn address_of(name: &[u8]) -> Option<Ipv4Addr> {
    std::str::from_utf8(name).ok().filter(|name| name.len() <= ADDRESS_BYTES_MAX)?.parse().ok()
}

/// Whether text ends with a scheme.
fn is_scheme(before: &[u8]) -> bool {
    let ends = |scheme: &str| {
        let start = before.len().checked_sub(scheme.len());
        start.and_then(|start| before.get(start..)).is_some_and(|end| end.eq_ignore_ascii_case(scheme.as_bytes()))
    };
    SCHEMES.iter().any(|scheme| ends(scheme))
}

/// Whether four numbers in plain text are a version: `8.0.60.5`, or what a resource of versions has behind `FileVersion`.
fn is_version(address: Ipv4Addr, before: &[u8]) -> bool {
    let [a, b, ..] = address.octets();
    let string = before.strip_suffix(b"\n").unwrap_or(before);
    let word = string.get(string.len().saturating_sub(7)..).unwrap_or_default();
    (a < 32 && b == 0) || word.eq_ignore_ascii_case(b"version")
}

/// Whether the string that `before` ends in begins as a user agent does, with a product and its version (RFC 9110, section
/// 10.1.5). Bots pass for crawlers, which name a page about themselves.
fn is_in_user_agent(before: &[u8]) -> bool {
    let near = before.get(before.len().saturating_sub(AGENT_BYTES_MAX)..).unwrap_or_default();
    let string = near.rsplit(|&byte| ends_string(byte)).next().unwrap_or_default();
    let product = string.split(|&byte| byte == b' ').next().unwrap_or_default();
    let is_product = product.iter().position(|&byte| byte == b'/').is_some_and(|slash| {
        let version = product.get(slash + 1..).unwrap_or_default();
        let version = version.strip_prefix(b"v").unwrap_or(version);
        version.first().is_some_and(u8::is_ascii_digit) && product.first().is_some_and(u8::is_ascii_alphabetic)
    });
    // Most write a plus before the page.
    let scheme = string.iter().rev().take_while(|byte| byte.is_ascii_alphabetic()).count();
    is_product || (scheme > 0 && string.get(..string.len() - scheme).is_some_and(|rest| rest.ends_with(b"(+")))
}

fn starts_web(name: &[u8]) -> bool {
    name.get(..4).is_some_and(|www| www.eq_ignore_ascii_case(b"www."))
}

/// Whether `before` ends with `www`, and no name with it.
fn ends_web(before: &[u8]) -> bool {
    before.last().is_some_and(|byte| byte.eq_ignore_ascii_case(&b'w'))
        && before.split_last_chunk::<3>().is_some_and(|(rest, end)| {
            end.eq_ignore_ascii_case(b"www") && !rest.last().is_some_and(|&byte| is_name(byte))
        })
}

/// Whether a byte may be in a name: letters, digits, `-`, `_`, dots, and what is not ASCII.
fn is_name(byte: u8) -> bool {
    static IS_NAME: [bool; 256] = {
        let (mut table, mut byte) = ([false; 256], 0u8);
        loop {
            table[byte as usize] =
                byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_') || !byte.is_ascii();
            if byte == u8::MAX {
                break table;
            }
            byte += 1;
        }
    };
    IS_NAME[usize::from(byte)]
}

fn ends_string(byte: u8) -> bool {
    !(b' '..0x7f).contains(&byte) || matches!(byte, b'"' | b'\'' | b'`')
}

/// A name in lower case, and in ASCII as the domain name system has it (UTS #46).
fn normal(name: &[u8]) -> Option<Cow<'_, str>> {
    let name = std::str::from_utf8(name).ok()?;
    if !name.is_ascii() {
        return idna::domain_to_ascii(name).ok().map(Cow::Owned);
    }
    let is_lower = !name.bytes().any(|byte| byte.is_ascii_uppercase());
    Some(if is_lower { Cow::Borrowed(name) } else { Cow::Owned(name.to_ascii_lowercase()) })
}
