//! Indicators of macro sheet formulas, for all formats.

use std::borrow::Cow;
use std::fmt::Write;
use std::ops::Range;

use analyzers::{Findings, Indicator};

use super::fold::{Text, fold};
use super::words::words;
use crate::catalogue::xlm;

/// OFF-29: more calls of CHAR than this are hiding.
const CHAR_CALLS: u32 = 20;
/// More GOTO and RUN than this are hiding. People's menus of macros have a few; generated chains have dozens.
const JUMPS: u32 = 15;
/// Maximum size of formula text passed on as a child, in bytes.
const TEXT_BYTES_MAX: usize = 256 << 10;

/// The macros of one workbook or sheet, while they are read.
#[derive(Debug, Default)]
pub(super) struct Macros {
    char_calls: u32,
    jumps: u32,
    /// Every formula, a line each, for rules to see.
    text: String,
}

impl Macros {
    /// Examines one formula (without its equals sign) of the cell or name `place`, which stands at `span`.
    pub(super) fn formula(&mut self, place: &str, formula: &str, span: Range<usize>, findings: &mut Findings<'_>) {
        // Linear work in a text that the file decides on.
        if formula.is_empty() || findings.budget().step(4 + formula.len() as u64 / 8).is_err() {
            return;
        }
        let folded = fold(formula);
        for call in folded.calls {
            let call = call.to_ascii_uppercase();
            match call.as_str() {
                "CHAR" => self.char_calls += 1,
                "GOTO" | "RUN" => self.jumps += 1,
                _ => {}
            }
            if let Some(indicator) = sign_of_call(&call) {
                findings.saw_with(indicator, span.clone(), format_args!("{place}: ={formula}"));
            }
        }
        for mut string in folded.strings {
            // The shell does not see carets either.
            if string.text.contains('^') {
                string = Text { text: string.text.replace('^', ""), is_folded: true };
            }
            findings.named_in(string.text.as_bytes());
            for found in words(&string.text) {
                findings.saw_with(found.indicator, span.clone(), format_args!("{place}: ={formula}"));
                if string.is_folded && !contains(formula, found.word) {
                    findings.saw_with(&xlm::FOLDED, span.clone(), format_args!("{place}: {}", string.text));
                }
            }
        }
        if self.text.len() + formula.len() < TEXT_BYTES_MAX {
            // Writing to a string does not fail.
            let _ = writeln!(self.text, "{place}: ={formula}");
        }
    }

    /// Examines a string: the saved value of a formula, or the text of a cell.
    pub(super) fn string(&mut self, place: &str, text: &str, span: Range<usize>, findings: &mut Findings<'_>) {
        if findings.budget().step(1 + text.len() as u64 / 16).is_err() {
            return;
        }
        findings.named_in(text.as_bytes());
        for found in words(text) {
            findings.saw_with(found.indicator, span.clone(), format_args!("{place}: {text}"));
        }
    }

    /// Says what shows only in the sum, and hands on the text of all formulas.
    pub(super) fn finish(self, findings: &mut Findings<'_>) {
        if self.char_calls > CHAR_CALLS {
            findings.saw_with(&xlm::CHAR_CODES, 0..0, format_args!("{} calls of CHAR", self.char_calls));
        }
        if self.jumps > JUMPS {
            findings.saw_with(&xlm::JUMPS, 0..0, format_args!("{} calls of GOTO and RUN", self.jumps));
        }
        if !self.text.is_empty() && findings.budget().produce(self.text.len() as u64).is_ok() {
            findings.child("xlm", Cow::Owned(self.text.into_bytes()));
        }
    }
}

/// Indicator of calling a function, if any.
fn sign_of_call(name: &str) -> Option<&'static Indicator> {
    Some(match name {
        "EXEC" | "EXECUTE" | "INITIATE" => &xlm::EXECUTE,
        "CALL" | "REGISTER" | "REGISTER.ID" => &xlm::NATIVE_CALL,
        "FWRITE" | "FWRITELN" => &xlm::FILE_WRITE,
        "FILE.DELETE" => &xlm::FILE_DELETE,
        "GET.WORKSPACE" | "GET.WINDOW" => &xlm::ENVIRONMENT,
        "FORMULA" | "FORMULA.FILL" | "FORMULA.ARRAY" | "SET.VALUE" => &xlm::SELF_MODIFICATION,
        "WORKBOOK.HIDE" | "HIDE" | "APP.MINIMIZE" | "WINDOW.MINIMIZE" | "ERROR" => &xlm::CONCEALMENT,
        "ON.TIME" | "ON.DATA" | "ON.ENTRY" | "ON.KEY" | "ON.RECALC" | "ON.SHEET" | "ON.WINDOW" => &xlm::SCHEDULED,
        _ => return None,
    })
}

/// Examines a defined name: whether it starts a macro by itself, and whether it is disguised.
///
/// Excel takes every name that *begins* so, in either case, and does not see characters that have no width.
pub(super) fn examine_name(name: &str, is_hidden: bool, span: Range<usize>, findings: &mut Findings<'_>) -> bool {
    let plain: String = name.chars().filter_map(plain_character).collect();
    let rest = plain.strip_prefix("_xlnm.").unwrap_or(&plain);
    let is_auto =
        ["auto_open", "auto_close", "auto_activate", "auto_deactivate"].iter().any(|auto| rest.starts_with(auto));
    if is_auto {
        findings.saw_with(&xlm::AUTO_OPEN, span.clone(), name);
        if is_hidden || !name.is_ascii() || plain.len() != name.len() {
            findings.saw_with(&xlm::DISGUISED_NAME, span, name);
        }
    }
    is_auto
}

/// A character as Excel compares it: small, of ordinary width, nothing where it does not show.
fn plain_character(c: char) -> Option<char> {
    // Fullwidth forms of ASCII (Unicode block FF00) are the same letters.
    let c = match u32::from(c) {
        code @ 0xff01..=0xff5e => char::from_u32(code - 0xfee0).unwrap_or(c),
        _ => c,
    };
    (c.is_ascii_graphic()).then(|| c.to_ascii_lowercase())
}

/// Whether `text` holds `word` (in small letters), in any case.
fn contains(text: &str, word: &str) -> bool {
    text.as_bytes().windows(word.len()).any(|window| window.eq_ignore_ascii_case(word.as_bytes()))
}
