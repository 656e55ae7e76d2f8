//! The compiled form of a script: lines of tokens. As text again, near enough to what was written for rules and words.

use std::fmt::Write;

use analyzers::Budget;

use crate::numbers::{le16, le32};
use crate::setback::Setback;

/// Ends of lines.
const LINE_END: u8 = 0x7f;
/// Names of variables.
const VARIABLE: u8 = 0x33;
/// Strings.
const STRING: u8 = 0x36;
/// What tokens from 0x40 on are.
const OPERATORS: [&str; 25] = [
    ",", "=", ">", "<", "<>", ">=", "<=", "(", ")", "+", "-", "/", "*", "&", "[", "]", "==", "^", "+=", "-=", "/=",
    "*=", "&=", "?", ":",
];
/// Opens the arguments of a call.
const BRACKET: u8 = 0x47;
/// Shortest string of hexadecimal digits that is no checksum, color or name of a class, in characters.
const HEX_MIN: usize = 200;

/// A script as text, and what its tokens tell.
#[derive(Debug, Default)]
pub(super) struct ScriptText {
    pub(super) text: String,
    /// Calls of what a variable holds, whose names nobody reads here.
    pub(super) variable_calls: usize,
    /// Strings of nothing but many hexadecimal digits: bytes that the script brings.
    pub(super) hex_strings: usize,
    /// Whether it calls code at an address that it computes.
    pub(super) calls_addresses: bool,
}

/// Reads the tokens of `script` into `into`, which keeps what came until they end early.
pub(super) fn read(script: &[u8], into: &mut ScriptText, budget: &mut Budget) -> Result<(), Setback> {
    let room = budget.stream_room();
    let lines = le32(script, 0).ok_or(Setback::Broken)?;
    let mut rest = script.get(4..).ok_or(Setback::Broken)?;
    let (mut ended, mut before) = (0, LINE_END);
    while ended < lines {
        budget.step(1)?;
        if into.text.len() as u64 > room {
            return Err(Setback::TooLarge);
        }
        let (&token, behind) = rest.split_first().ok_or(Setback::Broken)?;
        rest = behind;
        let mut take = |size: usize| {
            let (bytes, behind) = rest.split_at_checked(size).ok_or(Setback::Broken)?;
            rest = behind;
            Ok::<_, Setback>(bytes)
        };
        match token {
            LINE_END => {
                ended += 1;
                into.text.push_str("\r\n");
            }
            0x05 => {
                let number = take(4)?.first_chunk().ok_or(Setback::Broken)?;
                let _ = write!(into.text, "{} ", i32::from_le_bytes(*number));
            }
            0x10 => {
                let number = take(8)?.first_chunk().ok_or(Setback::Broken)?;
                let _ = write!(into.text, "{} ", i64::from_le_bytes(*number));
            }
            0x20 => {
                let number = take(8)?.first_chunk().ok_or(Setback::Broken)?;
                // With an exponent where it is long: some have three hundred digits.
                let _ = write!(into.text, "{:?} ", f64::from_le_bytes(*number));
            }
            0x30..=0x37 => {
                let length = le32(take(4)?, 0).ok_or(Setback::Broken)?;
                let units = take(length.saturating_mul(2))?;
                budget.step(1 + length as u64 / 256)?;
                into.push_word(token, units, length);
            }
            0x40..=0x58 => {
                into.variable_calls += usize::from(token == BRACKET && before == VARIABLE);
                let operator = OPERATORS.get(usize::from(token - 0x40)).copied().unwrap_or_default();
                let _ = write!(into.text, "{operator} ");
            }
            // Keywords and functions by their numbers, as old compilers wrote them.
            0x00 | 0x01 => {
                let number = le32(take(4)?, 0).ok_or(Setback::Broken)?;
                let _ = write!(into.text, "#{number} ");
            }
            _ => return Err(Setback::Unknown),
        }
        before = token;
    }
    Ok(())
}

impl ScriptText {
    /// A name or a string, each character of which is XORed with its length.
    fn push_word(&mut self, token: u8, units: &[u8], length: usize) {
        let mask = u16::try_from(length & 0xffff).unwrap_or(0);
        let units = (0..units.len() / 2).filter_map(|at| le16(units, at * 2));
        let units = units.map(|unit| u16::try_from(unit).unwrap_or(0) ^ mask);
        let word: String = char::decode_utf16(units).map(|unit| unit.unwrap_or(char::REPLACEMENT_CHARACTER)).collect();
        if token == STRING {
            let digits = word.strip_prefix("0x").unwrap_or(&word);
            self.hex_strings +=
                usize::from(digits.len() >= HEX_MIN && digits.bytes().all(|digit| digit.is_ascii_hexdigit()));
            let _ = write!(self.text, "\"{}\" ", word.replace('"', "\"\""));
            return;
        }
        self.calls_addresses |= word.eq_ignore_ascii_case("DllCallAddress");
        let sigil = match token {
            0x32 => "@",
            VARIABLE => "$",
            0x35 => ".",
            _ => "",
        };
        let _ = write!(self.text, "{sigil}{word} ");
    }
}
