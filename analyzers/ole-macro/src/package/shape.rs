//! What a part is by its first bytes.

/// Bytes of a part that say what it is.
pub(super) const HEAD_BYTES: usize = 64;
/// A compound file (MS-CFB 2.2).
const COMPOUND: &[u8] = &[0xd0, 0xcf, 0x11, 0xe0, 0xa1, 0xb1, 0x1a, 0xe1];
/// A shell link: header size and the first bytes of its class (MS-SHLLINK 2.1).
const SHELL_LINK: &[u8] = &[0x4c, 0, 0, 0, 1, 0x14, 2, 0];

/// Type of a part by its first bytes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    Compound,
    /// A package or RTF.
    Child,
    Program,
    Link,
    Other,
}

impl Shape {
    pub(super) fn of(head: &[u8]) -> Shape {
        let begins = |magics: &[&[u8]]| magics.iter().any(|magic| head.starts_with(magic));
        if begins(&[COMPOUND]) {
            Shape::Compound
        } else if begins(&[b"PK\x03\x04", b"PK\x05\x06", b"PK\x07\x08PK", b"PK00PK"]) || rtf_start(head).is_some() {
            Shape::Child
        } else if begins(&[b"MZ", b"\x7fELF"]) {
            Shape::Program
        } else if begins(&[SHELL_LINK]) {
            Shape::Link
        } else {
            Shape::Other
        }
    }
}

/// Offset of RTF: Word skips white space before it.
pub(super) fn rtf_start(head: &[u8]) -> Option<usize> {
    let marked = head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(head);
    let text = marked.trim_ascii_start();
    text.starts_with(b"{\\rt").then_some(head.len() - text.len())
}
