//! Fonts in documents: obfuscated by a key, or wrapped.

use analyzers::{Exhausted, Findings};

use crate::compound::{le16, le32};
use crate::xml::{self, XmlStep};

/// Keys of fonts that are kept; documents have four for each embedded family.
const KEYS_MAX: usize = 256;
/// Bytes at the start of a font that the key is laid over (ECMA-376-1 17.8.1).
const OBFUSCATED_BYTES: usize = 32;
/// The fixed part of the table directory of a font, and one entry of it (OpenType 1.9).
const DIRECTORY_BYTES: usize = 12;
const TABLE_BYTES: usize = 16;

/// The keys that the font table of the document names.
#[derive(Default)]
pub(crate) struct FontKeys(Vec<[u8; 16]>);

impl FontKeys {
    /// Takes in the keys of a font table.
    pub(super) fn read(&mut self, part: &[u8], findings: &mut Findings<'_>) -> Result<(), Exhausted> {
        if memchr::memmem::find(part, b"fontKey").is_none() {
            return Ok(());
        }
        let text = xml::text(part, findings)?;
        xml::walk(&text, findings, |step, _, _| {
            let XmlStep::Open(element) = step else { return };
            let key = element.attribute("fontKey").and_then(|key| parse(&key));
            self.0.extend(key.filter(|_| self.0.len() < KEYS_MAX));
        })
    }
}

/// The bytes of a GUID as it is written, the last first.
fn parse(guid: &str) -> Option<[u8; 16]> {
    let digits: Vec<u8> = guid.bytes().filter(u8::is_ascii_hexdigit).collect();
    let mut key = [0; 16];
    if digits.len() != 2 * key.len() {
        return None;
    }
    for (byte, pair) in key.iter_mut().rev().zip(digits.chunks_exact(2)) {
        *byte = u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?;
    }
    Some(key)
}

/// Whether `bytes` are a font once one of the keys is taken off.
pub(super) fn is_obfuscated(bytes: &[u8], keys: &FontKeys) -> bool {
    let Some((head, rest)) = bytes.split_at_checked(OBFUSCATED_BYTES) else { return false };
    keys.0.iter().any(|key| {
        let head: Vec<u8> = head.iter().zip(key.iter().cycle()).map(|(byte, key)| byte ^ key).collect();
        is_font(&head, head.len() + rest.len()) && are_tables_within(&[&head, rest].concat())
    })
}

/// Whether `head` begins a font of `length` bytes.
fn is_font(head: &[u8], length: usize) -> bool {
    let versions = [&[0, 1, 0, 0][..], b"OTTO", b"true"];
    let count = head.get(4..6).map_or(0, |count| usize::from(count[0]) << 8 | usize::from(count[1]));
    versions.iter().any(|version| head.starts_with(version))
        && (1..=64).contains(&count)
        && DIRECTORY_BYTES + count * TABLE_BYTES <= length
}

/// Whether every table of the font lies within it.
fn are_tables_within(font: &[u8]) -> bool {
    let big = |bytes: &[u8]| bytes.iter().fold(0_usize, |number, byte| number << 8 | usize::from(*byte));
    let count = big(font.get(4..6).unwrap_or_default());
    let tables = font.get(DIRECTORY_BYTES..).unwrap_or_default().chunks_exact(TABLE_BYTES);
    tables.take(count).all(|table| {
        let (offset, length) = (big(table.get(8..12).unwrap_or_default()), big(table.get(12..16).unwrap_or_default()));
        offset.checked_add(length).is_some_and(|end| end <= font.len())
    })
}

/// Whether `bytes` are an Embedded OpenType font (W3C EOT 4.1): its size, version and magic number.
pub(super) fn is_embedded_open_type(bytes: &[u8]) -> bool {
    let length = le32(bytes, 0).and_then(|length| usize::try_from(length).ok());
    length == Some(bytes.len())
        && matches!(le32(bytes, 8), Some(0x0001_0000 | 0x0002_0001 | 0x0002_0002))
        && le16(bytes, 34) == Some(0x504c)
}

#[cfg(test)]
mod tests {
    use super::*;

    const GUID: &str = "{1DF903E1-5C4D-4F4A-8F6B-0A1B2C3D4E5F}";

    /// A font with one table, made unreadable by [`GUID`].
    fn obfuscated() -> Vec<u8> {
        let mut font =
            [&[0, 1, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0][..], b"glyf\0\0\0\0\0\0\0\x1c\0\0\0\x40", &[7; 64]].concat();
        let digits: String = GUID.chars().filter(char::is_ascii_hexdigit).collect();
        for (index, byte) in font.iter_mut().take(32).enumerate() {
            let at = 2 * (15 - index % 16);
            *byte ^= u8::from_str_radix(&digits[at..at + 2], 16).expect("the digits are hexadecimal");
        }
        font
    }

    #[test]
    fn a_font_is_known_once_its_key_is_taken_off() {
        let keys = FontKeys(vec![[0; 16], parse(GUID).expect("it is one")]);
        assert!(is_obfuscated(&obfuscated(), &keys));
        assert!(!is_obfuscated(&obfuscated(), &FontKeys::default()));
        assert!(!is_obfuscated(&obfuscated()[..60], &keys), "a table ends behind the file");
        assert!(!is_obfuscated(b"MZ", &keys));
        assert_eq!(parse("{1DF903E1}"), None);
    }
}
