//! Linked objects: the stream `\x01Ole` (MS-OLEDS 2.3.3) and the monikers in it (2.3.1).
//!
//! The monikers are found by their classes, not by walking the stream: whatever wraps them, and however its lengths
//! lie, that class is what gets loaded.

use analyzers::Findings;
use memchr::memmem;

use crate::catalogue::object as signs;
use crate::compound::le32;
use crate::target::{self, Danger};

/// URL moniker, 79EAC9E0-BAF9-11CE-8C82-00AA004BA90B (MS-OSHARED 2.3.7.6).
const URL: &[u8] = &[0xe0, 0xc9, 0xea, 0x79, 0xf9, 0xba, 0xce, 0x11, 0x8c, 0x82, 0x00, 0xaa, 0x00, 0x4b, 0xa9, 0x0b];
/// File moniker, 00000303-0000-0000-C000-000000000046 (MS-OSHARED 2.3.7.8).
const FILE: &[u8] = &[0x03, 0x03, 0, 0, 0, 0, 0, 0, 0xc0, 0, 0, 0, 0, 0, 0, 0x46];
/// Bytes of the stream that are searched: hundreds of times what honest ones have.
const SEARCHED_BYTES_MAX: usize = 256 << 10;
/// Monikers of one kind that are read.
const MONIKERS_MAX: usize = 16;

/// Examines the stream `\x01Ole` of an object.
pub(crate) fn examine(stream: &[u8], findings: &mut Findings<'_>) {
    let stream = stream.get(..SEARCHED_BYTES_MAX).unwrap_or(stream);
    for at in memmem::find_iter(stream, URL).take(MONIKERS_MAX) {
        let start = at + URL.len();
        let length = le32(stream, start).and_then(|bytes| usize::try_from(bytes).ok()).unwrap_or(0);
        let rest = stream.get(start + 4..).unwrap_or_default();
        judge(&wide(rest.get(..length).unwrap_or(rest)), at..start, findings);
    }
    for at in memmem::find_iter(stream, FILE).take(MONIKERS_MAX) {
        // How often to climb up (2 bytes), then the length of the path and the path.
        let start = at + FILE.len() + 2;
        let length = le32(stream, start).and_then(|bytes| usize::try_from(bytes).ok()).unwrap_or(0);
        let rest = stream.get(start + 4..).unwrap_or_default();
        let path = rest.get(..length).unwrap_or(rest);
        let path = path.get(..memchr::memchr(0, path).unwrap_or(path.len())).unwrap_or_default();
        judge(&String::from_utf8_lossy(path), at..start, findings);
    }
}

/// Judges the source of a link.
pub(crate) fn judge(source: &str, span: std::ops::Range<usize>, findings: &mut Findings<'_>) {
    findings.named_in(source.as_bytes());
    let is_script = crate::file_names::is_script(source);
    match target::judge(source) {
        Danger::Exploit | Danger::Command => findings.saw_with(&signs::SCRIPT_LINK, span, source),
        Danger::Network | Danger::Nearby | Danger::Remote => findings.saw_with(&signs::REMOTE_LINK, span, source),
        Danger::Local if is_script => findings.saw_with(&signs::SCRIPT_LINK, span, source),
        Danger::Local => {}
    }
}

/// UTF-16 up to its NUL, as text.
fn wide(bytes: &[u8]) -> String {
    let units = bytes.as_chunks().0.iter().map(|unit| u16::from_le_bytes(*unit));
    char::decode_utf16(units.take_while(|unit| *unit != 0).take(4 << 10)).map(|c| c.unwrap_or('\u{fffd}')).collect()
}
