//! A hex dump of a few bytes of an artifact.

use std::io::Write;
use std::ops::Range;

/// Maximum number of bytes shown of one span: two lines.
const SHOWN_MAX: usize = 32;
/// Bytes per line.
const LINE: usize = 16;

/// Writes a hex dump of the beginning of `span` of `bytes`.
pub(crate) fn excerpt(bytes: &[u8], span: &Range<usize>, out: &mut dyn Write) -> std::io::Result<()> {
    let end = span.end.min(bytes.len()).min(span.start.saturating_add(SHOWN_MAX));
    let Some(shown) = bytes.get(span.start..end) else { return Ok(()) };
    for (index, line) in shown.chunks(LINE).enumerate() {
        let hex: Vec<String> = line.iter().map(|byte| format!("{byte:02x}")).collect();
        let text: String =
            line.iter().map(|&byte| if matches!(byte, b' '..=b'~') { char::from(byte) } else { '.' }).collect();
        writeln!(out, "         {:08x}  {:<47}  |{text}|", span.start + index * LINE, hex.join(" "))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(bytes: &[u8], span: Range<usize>, lines: &[&str]) {
        let mut out = Vec::new();
        excerpt(bytes, &span, &mut out).unwrap();
        let text = String::from_utf8(out).unwrap();
        assert_eq!(text.lines().map(str::trim).collect::<Vec<_>>(), lines);
    }

    #[test]
    fn bytes_are_shown_with_their_offset_and_text() {
        check(b"..MZ\x90", 2..5, &["00000002  4d 5a 90                                         |MZ.|"]);
    }

    #[test]
    fn spans_outside_of_the_bytes_show_nothing() {
        check(b"abc", 7..9, &[]);
        check(b"abc", 3..3, &[]);
        check(b"abc", usize::MAX..usize::MAX, &[]);
    }
}
