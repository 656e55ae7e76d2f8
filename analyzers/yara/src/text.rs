//! The text of a file of rules, whatever it was saved as: with a byte order mark, in UTF-16, or in Latin-1.
//!
//! Editors and copied comments leave such bytes, and the rules mean the same. What a rule looks for stays byte for byte:
//! a byte of Latin-1 in a pattern becomes its escape.

use std::borrow::Cow;
use std::fmt::Write;

/// Context of a byte.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum TextContext {
    /// The language itself.
    Code,
    /// A comment.
    Comment,
    /// A text in quotation marks, or a regular expression.
    Quoted,
}

/// Why a file is not text, and where.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct NoText {
    pub at: usize,
    pub code: &'static str,
    pub message: &'static str,
}

/// The text in these bytes. Bytes that are neither UTF-8 nor in a comment or a quoted text come out as U+FFFD.
pub(crate) fn decode(bytes: &[u8]) -> Result<Cow<'_, str>, NoText> {
    if let Some(wide) = bytes.strip_prefix(b"\xff\xfe") {
        return wide_text(wide, u16::from_le_bytes).map(Cow::Owned);
    }
    if let Some(wide) = bytes.strip_prefix(b"\xfe\xff") {
        return wide_text(wide, u16::from_be_bytes).map(Cow::Owned);
    }
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    if let Some(at) = bytes.iter().position(|&byte| byte == 0) {
        return Err(NoText { at, code: "not_text", message: "zero byte: not a text file" });
    }
    match std::str::from_utf8(bytes) {
        Ok(text) => Ok(Cow::Borrowed(text)),
        Err(_) => Ok(Cow::Owned(latin(bytes))),
    }
}

fn wide_text(bytes: &[u8], unit: fn([u8; 2]) -> u16) -> Result<String, NoText> {
    let wrong = |at| NoText { at, code: "not_text", message: "invalid UTF-16: save the file as UTF-8" };
    let (pairs, rest) = bytes.as_chunks::<2>();
    if !rest.is_empty() {
        return Err(wrong(0));
    }
    let text = String::from_utf16(&pairs.iter().map(|&pair| unit(pair)).collect::<Vec<_>>()).map_err(|_| wrong(0))?;
    if text.contains('\0') { Err(wrong(0)) } else { Ok(text) }
}

/// A text of which some bytes are Latin-1.
fn latin(bytes: &[u8]) -> String {
    let parts = parts(bytes);
    let mut text = String::with_capacity(bytes.len() + bytes.len() / 8);
    let mut at = 0;
    for chunk in bytes.utf8_chunks() {
        text.push_str(chunk.valid());
        at += chunk.valid().len();
        for &byte in chunk.invalid() {
            match parts.get(at) {
                Some(TextContext::Comment) => text.push(char::from(byte)),
                Some(TextContext::Quoted) => write!(text, "\\x{byte:02x}").expect("a string takes all"),
                Some(TextContext::Code) | None => text.push(char::REPLACEMENT_CHARACTER),
            }
            at += 1;
        }
    }
    text
}

/// Returns the context of each byte of `text`. An unclosed string ends with its line; an unclosed comment is none.
pub(crate) fn parts(text: &[u8]) -> Vec<TextContext> {
    let mut parts = vec![TextContext::Code; text.len()];
    let mut at = 0;
    // Whether a slash that comes now begins a regular expression: after an equals sign or `matches`. There is no empty one,
    // so two slashes are a comment all the same.
    let mut regexp = false;
    let mut word = 0;
    while let Some(&byte) = text.get(at) {
        let rest = text.get(at..).unwrap_or_default();
        let (length, part) = if rest.starts_with(b"//") {
            (line_end(rest), TextContext::Comment)
        } else if rest.starts_with(b"/*") {
            match rest.windows(2).skip(2).position(|pair| pair == b"*/") {
                Some(end) => (end + 4, TextContext::Comment),
                None => (1, TextContext::Code),
            }
        } else if byte == b'"' || byte == b'/' && regexp {
            (quoted(rest), TextContext::Quoted)
        } else {
            (1, TextContext::Code)
        };
        match part {
            TextContext::Code => {
                if !byte.is_ascii_whitespace() {
                    let is_word = byte.is_ascii_alphanumeric() || byte == b'_';
                    word = if is_word { word + 1 } else { 0 };
                    let begins = (at + 1).saturating_sub(word);
                    regexp = byte == b'=' || is_word && text.get(begins..=at) == Some(b"matches");
                } else {
                    word = 0;
                }
            }
            TextContext::Quoted => (regexp, word) = (false, 0),
            TextContext::Comment => word = 0,
        }
        if let Some(slots) = parts.get_mut(at..at + length) {
            slots.fill(part);
        }
        at += length.max(1);
    }
    parts
}

fn line_end(text: &[u8]) -> usize {
    text.iter().position(|&byte| byte == b'\n').unwrap_or(text.len())
}

/// Length of the quoted string at the beginning of `text`, with both quotes; up to the line end if the second is
/// missing.
fn quoted(text: &[u8]) -> usize {
    let mark = text.first().copied();
    let mut escaped = false;
    for (at, &byte) in text.iter().enumerate().skip(1) {
        if byte == b'\n' {
            return at;
        }
        if !escaped && Some(byte) == mark {
            return at + 1;
        }
        escaped = !escaped && byte == b'\\';
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_byte_order_mark_is_no_part_of_the_text() {
        assert_eq!(decode(b"\xef\xbb\xbfrule").unwrap(), "rule");
        assert_eq!(decode(b"\xff\xfer\0u\0").unwrap(), "ru");
        assert_eq!(decode(b"\xfe\xff\0r\0u").unwrap(), "ru");
        assert_eq!(decode(b"\xff\xfer\0u").unwrap_err().code, "not_text");
        assert_eq!(decode(b"\xff\xfe\0\xd8").unwrap_err().code, "not_text");
        assert_eq!(
            decode(b"a\0").unwrap_err(),
            NoText { at: 1, code: "not_text", message: "zero byte: not a text file" }
        );
    }

    #[test]
    fn latin_bytes_become_what_they_mean() {
        let text = decode(b"// caf\xe9\nrule a { strings: $a = \"\xe9\" $b = /\xe8+/ /* \xfc */ condition: $a } \xff")
            .unwrap();
        assert_eq!(
            text,
            "// caf\u{e9}\nrule a { strings: $a = \"\\xe9\" $b = /\\xe8+/ /* \u{fc} */ condition: $a } \u{fffd}"
        );
    }

    #[track_caller]
    fn check(text: &str, expected: &str) {
        let letter = |part: TextContext| match part {
            TextContext::Code => '.',
            TextContext::Comment => 'c',
            TextContext::Quoted => 'q',
        };
        assert_eq!(parts(text.as_bytes()).into_iter().map(letter).collect::<String>(), expected, "{text}");
    }

    #[test]
    fn parts_are_told_apart() {
        check("a // b\nc", "..cccc..");
        check("a /* \n */ c", "..ccccccc..");
        check("a /* c", "......");
        check(r#""//" b"#, "qqqq..");
        check(r#""\"" b"#, "qqqq..");
        check("\"a\nb", "qq..");
        check("$a = /x\\/\"y/ \"", ".....qqqqqqq.q");
        check("a matches /x\"/", "..........qqqq");
        check("4 / 2 / \"", "........q");
        check("$a = \"/*\" // x", ".....qqqq.cccc");
    }
}
