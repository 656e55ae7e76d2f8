//! Required context of keywords, because many keywords also occur in harmless text.

use std::net::Ipv4Addr;

use crate::mask::is_printable;

/// Required context of a keyword.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Around {
    /// Anything.
    Any,
    /// After it neither a letter, nor a digit, nor an underscore.
    EndsHere,
    /// Around it neither: a word of its own. Go and Rust keep their strings in one run, each up against the next, and
    /// names of their functions behind those of packages.
    Alone,
    /// The same, for the name of a function; names in import and export tables do not count.
    Function,
    /// After it an IPv4 address in decimal that others can have on the Internet.
    Address,
    /// After it no value: where the program puts its own.
    Parameter,
    /// Near it the reader's files are spoken of, as in a ransom note and not as in the texts of a library.
    YourFiles,
    /// Around it no words, as between other labels: a sentence that names a key is help, not a log of keys.
    Label,
    /// After `Run` nothing, a backslash, or `Once` or `Services`.
    KeyName,
    /// Before it a label of a hidden service: 16 or 56 characters of base 32.
    HiddenService,
}

impl Around {
    /// Whether what stands before and after a word fits. Both are text of the same run.
    pub(crate) fn fits(self, before: &[u8], after: &[u8]) -> bool {
        let part_of_word = |byte: Option<&u8>| byte.is_some_and(|byte| byte.is_ascii_alphanumeric() || *byte == b'_');
        match self {
            Around::Any => true,
            Around::EndsHere => !part_of_word(after.first()),
            Around::Alone | Around::Function => !part_of_word(after.first()) && !part_of_word(before.last()),
            Around::Address => is_outside_address(after),
            Around::Parameter => !part_of_word(after.first()),
            Around::YourFiles => speaks_of_files(before) || speaks_of_files(after),
            Around::Label => is_no_word(before.iter().rev()) && is_no_word(after.iter()),
            Around::KeyName => {
                let name_goes_on =
                    |end: &[u8]| after.get(..end.len()).is_some_and(|start| start.eq_ignore_ascii_case(end));
                !part_of_word(after.first()) || name_goes_on(b"once") || name_goes_on(b"services")
            }
            Around::HiddenService => {
                let label = before.iter().rev().take_while(|byte| matches!(byte, b'a'..=b'z' | b'2'..=b'7')).count();
                (label == 16 || label == 56) && !part_of_word(after.first())
            }
        }
    }
}

/// Whether a text is about many files, or about what is the reader's, or says where to pay.
fn speaks_of_files(text: &[u8]) -> bool {
    let has = |word: &[u8]| text.windows(word.len()).any(|window| window.eq_ignore_ascii_case(word));
    has(b"files") || has(b"documents") || has(b"your ") || has(b"pay ") || has(b"bitcoin") || has(b"write here")
}

/// Whether no word begins within a few characters, up to the bracket of another label.
fn is_no_word<'a>(text: impl Iterator<Item = &'a u8>) -> bool {
    !text.take(3).take_while(|byte| !b"[]<>".contains(byte)).any(u8::is_ascii_alphabetic)
}

/// Whether `text` starts with a public IPv4 address that is not a version number (three zeros): RFC 1122 section
/// 3.2.1.3, RFC 1918, RFC 3927, RFC 6598, RFC 5771. Addresses for documentation (RFC 5737) count, because tests use
/// them.
fn is_outside_address(text: &[u8]) -> bool {
    let mut parts = [0u8; 4];
    let mut rest = text;
    for (index, part) in parts.iter_mut().enumerate() {
        let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
        if !(1..=3).contains(&digits) {
            return false;
        }
        let (number, after) = rest.split_at(digits);
        let number = number.iter().fold(0u16, |sum, digit| sum * 10 + u16::from(digit - b'0'));
        let Ok(number) = u8::try_from(number) else {
            return false;
        };
        *part = number;
        rest = match (index, after) {
            (3, after) => after,
            (_, [b'.', after @ ..]) => after,
            _ => return false,
        };
    }
    let ends = rest.first().is_none_or(|byte| !byte.is_ascii_alphanumeric() && *byte != b'.' && is_printable(*byte));
    let [first, second, third, last] = parts;
    let shared = first == 100 && (64..128).contains(&second);
    let of_nobody = first == 0 || first >= 224 || (second, third, last) == (0, 0, 0);
    let address = Ipv4Addr::from(parts);
    let near = address.is_loopback() || address.is_private() || address.is_link_local() || shared;
    ends && !near && !of_nobody
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stands_around_a_word_decides() {
        const CASES: &[(Around, &str, &str, bool)] = &[
            (Around::EndsHere, "x", "", true),
            (Around::EndsHere, "", "Numa", false),
            (Around::Alone, "\\", "\"", true),
            (Around::Alone, "my", "", false),
            (Around::KeyName, "", "", true),
            (Around::KeyName, "", "Once\\x", true),
            (Around::KeyName, "", "time", false),
            (Around::Address, "", "9.20.30.40/a", true),
            (Around::Address, "", "10.20.30.40/a", false),
            (Around::Address, "", "172.16.0.1/a", false),
            (Around::Address, "", "172.32.0.1/a", true),
            (Around::Address, "", "192.168.1.1:8080/", false),
            (Around::Address, "", "169.254.169.254/latest", false),
            (Around::Address, "", "100.64.0.1/", false),
            (Around::Address, "", "100.128.0.1/", true),
            (Around::Address, "", "239.255.255.250:1900", false),
            (Around::Address, "", "4.0.0.0", false),
            (Around::Address, "", "2.5.29.17.1", false),
            (Around::Parameter, "", "17", false),
            (Around::Parameter, "", "%d", true),
            (Around::YourFiles, "Pay to get the ", " for your files", true),
            (Around::YourFiles, "use other software. For ", " write HERE:", true),
            (Around::YourFiles, "tls: unsupported ", " type (%T)tls: failed to parse", false),
            (Around::Label, "", "", true),
            (Around::Label, "[up]", "[down]", true),
            (Around::Label, "Press ", " to continue", false),
            (Around::Function, "Foo", "", false),
            (Around::Function, "kernel32.", "", true),
            (Around::Address, "", "127.0.0.1:80", false),
            (Around::Address, "", "0.0.0.0", false),
            (Around::Address, "", "300.1.1.1", false),
            (Around::Address, "", "1.2.3", false),
            (Around::Address, "", "1.2.3.4.5", false),
            (Around::Address, "", "1.2.3.4", true),
            (Around::HiddenService, "http://abcdefghij234567", "/x", true),
            (Around::HiddenService, "http://abc", "", false),
        ];
        for (around, before, after, expected) in CASES {
            assert_eq!(around.fits(before.as_bytes(), after.as_bytes()), *expected, "{around:?} {before} {after}");
        }
    }
}
