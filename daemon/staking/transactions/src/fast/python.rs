//! JSON as Python's `json.dumps` writes it by default: a blank behind commas and colons, everything but printable ASCII
//! escaped, doubles as `repr` shows them.

use std::fmt::Write;

use super::json::{Json, JsonNumber};

/// The text of a value.
pub(super) fn dumps(value: &Json) -> String {
    let mut text = String::new();
    write_value(&mut text, value);
    text
}

fn write_value(out: &mut String, value: &Json) {
    match value {
        Json::Null => out.push_str("null"),
        Json::Bool(true) => out.push_str("true"),
        Json::Bool(false) => out.push_str("false"),
        Json::Number(number) => write_number(out, number),
        Json::Text(text) => write_text(out, text),
        Json::List(values) => {
            out.push('[');
            for (place, value) in values.iter().enumerate() {
                separate(out, place);
                write_value(out, value);
            }
            out.push(']');
        }
        Json::Object(members) => {
            out.push('{');
            for (place, (name, value)) in members.iter().enumerate() {
                separate(out, place);
                write_text(out, name);
                out.push_str(": ");
                write_value(out, value);
            }
            out.push('}');
        }
    }
}

fn separate(out: &mut String, place: usize) {
    if place > 0 {
        out.push_str(", ");
    }
}

fn write_text(out: &mut String, text: &str) {
    out.push('"');
    for character in text.chars() {
        match character {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            ' '..='~' => out.push(character),
            _ => {
                for unit in character.encode_utf16(&mut [0; 2]) {
                    let _ = write!(out, "\\u{unit:04x}");
                }
            }
        }
    }
    out.push('"');
}

fn write_number(out: &mut String, number: &JsonNumber) {
    match (number.to_double(), number.as_str()) {
        (Some(double), _) => write_double(out, double),
        // Python's whole numbers know no negative zero.
        (None, "-0") => out.push('0'),
        (None, digits) => out.push_str(digits),
    }
}

/// The shortest digits that mean this double, which Rust finds as Python does; with an exponent below 1e-4 and from
/// 1e16.
pub(super) fn write_double(out: &mut String, double: f64) {
    let shortest = format!("{double:e}");
    let (digits, exponent) = shortest.split_once('e').expect("this format always writes an exponent");
    let exponent: i32 = exponent.parse().expect("exponents of doubles are below 400");
    if (-4..16).contains(&exponent) {
        let plain = double.to_string();
        let point = if plain.contains('.') { "" } else { ".0" };
        out.push_str(&plain);
        out.push_str(point);
        return;
    }
    let sign = if exponent < 0 { '-' } else { '+' };
    let _ = write!(out, "{digits}e{sign}{:02}", exponent.unsigned_abs());
}
