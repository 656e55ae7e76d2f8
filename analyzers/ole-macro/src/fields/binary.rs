//! Fields in the `WordDocument` stream of a binary document. Its text is 8-bit or UTF-16, in pieces; each field is read
//! from its mark on as what it looks like.

use analyzers::Findings;

use super::Fields;

/// Field marks in the text of binary Word documents (MS-DOC 2.8.25).
const MARK_BEGIN: u16 = 0x13;
const MARK_SEPARATE: u16 = 0x14;
const MARK_END: u16 = 0x15;
/// Characters of one field in a binary document that are looked at.
const BINARY_FIELD_MAX: usize = 16 << 10;

/// Examines the fields in `stream`. To be followed by [`Fields::finish`].
pub(crate) fn examine_word_binary(stream: &[u8], fields: &mut Fields, findings: &mut Findings<'_>) {
    let mut skip_to = 0;
    for at in memchr::memchr_iter(MARK_BEGIN.to_le_bytes()[0], stream) {
        if at < skip_to {
            continue;
        }
        let rest = stream.get(at..).unwrap_or_default();
        let wide = rest.get(1) == Some(&0);
        // A mark in binary structures is followed by anything; an instruction begins with text or another mark.
        let next = rest.get(if wide { 2 } else { 1 }).copied().unwrap_or_default();
        if !(next.is_ascii_graphic() || next == b' ' || u16::from(next) == MARK_BEGIN) {
            continue;
        }
        let (length, looked_at) = field(rest, at, wide, fields, findings);
        skip_to = at + length;
        // Marks without an end make the same text be read again and again, so it is paid for by its length.
        if findings.budget().step(1 + looked_at as u64 / 4).is_err() {
            return;
        }
    }
}

/// Reads the field at the start of `bytes`, and those inside of it. Gives the bytes that need not be looked at again,
/// and how many characters were looked at.
fn field(bytes: &[u8], at: usize, wide: bool, fields: &mut Fields, findings: &mut Findings<'_>) -> (usize, usize) {
    let size = if wide { 2 } else { 1 };
    let mut depth = 0_usize;
    for (index, unit) in bytes.chunks_exact(size).take(BINARY_FIELD_MAX).enumerate() {
        let unit = match unit {
            [low, high] => u16::from_le_bytes([*low, *high]),
            [byte] => u16::from(*byte),
            _ => break,
        };
        let here = at + index * size;
        match unit {
            MARK_BEGIN => {
                depth += 1;
                fields.begin(here);
            }
            MARK_SEPARATE => fields.separate(),
            MARK_END => {
                depth = depth.saturating_sub(1);
                fields.end(here + size, findings);
                if depth == 0 {
                    return ((index + 1) * size, index);
                }
            }
            // No text has these; what was taken for a field was none.
            0..=8 => {
                fields.forget_open();
                return (size, index);
            }
            _ => fields.text(char::from_u32(u32::from(unit)).unwrap_or('\u{fffd}').encode_utf8(&mut [0; 4])),
        }
    }
    let looked_at = (bytes.len() / size).min(BINARY_FIELD_MAX);
    fields.end_part(at + looked_at * size, findings);
    (size, looked_at)
}
