//! JSON as Python's `json.dumps` writes it: a space after each colon and comma, and nothing but ASCII.

use std::io::{self, Write};

use serde::Serialize;
use serde_json::ser::Formatter;

/// The text of `value`, as `json.dumps` would write it.
///
/// # Panics
/// Never: only values that can be written are given to it.
pub(super) fn dumps(value: &impl Serialize) -> String {
    let mut text = Vec::new();
    let mut serializer = serde_json::Serializer::with_formatter(&mut text, Python);
    value.serialize(&mut serializer).expect("texts, numbers and maps of them can be written to memory");
    String::from_utf8(text).expect("only ASCII is written")
}

struct Python;

impl Formatter for Python {
    fn begin_array_value<W: ?Sized + Write>(&mut self, writer: &mut W, first: bool) -> io::Result<()> {
        if first { Ok(()) } else { writer.write_all(b", ") }
    }

    fn begin_object_key<W: ?Sized + Write>(&mut self, writer: &mut W, first: bool) -> io::Result<()> {
        if first { Ok(()) } else { writer.write_all(b", ") }
    }

    fn begin_object_value<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        writer.write_all(b": ")
    }

    fn write_string_fragment<W: ?Sized + Write>(&mut self, writer: &mut W, fragment: &str) -> io::Result<()> {
        for character in fragment.chars() {
            if character.is_ascii() && character != '\u{7f}' {
                writer.write_all(&[character as u8])?;
            } else if character == '\u{7f}' {
                writer.write_all(b"\x7f")?;
            } else {
                for unit in character.encode_utf16(&mut [0; 2]) {
                    write!(writer, "\\u{unit:04x}")?;
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn texts_are_those_of_python() {
        // Each from `json.dumps(…)` of Python 3.8.
        assert_eq!(dumps(&json!({"malware_family": ""})), "{\"malware_family\": \"\"}");
        assert_eq!(dumps(&json!([1, "é", "\u{1f600}", null])), "[1, \"\\u00e9\", \"\\ud83d\\ude00\", null]");
        assert_eq!(
            dumps(&json!({"a": [], "b": {}, "c": "x\n\"y\u{7f}"})),
            "{\"a\": [], \"b\": {}, \"c\": \"x\\n\\\"y\u{7f}\"}"
        );
        assert_eq!(dumps(&json!(1.0)), "1.0");
    }
}
