//! Fields that run commands (Dynamic Data Exchange), in every format that has fields.
//!
//! A field is an instruction and its last result: `{ DDEAUTO c:\\windows\\system32\\cmd.exe "/k calc" }`. Fields nest,
//! and the result of the inner one becomes part of the outer instruction; `{ QUOTE 68 68 69 }` spells `DDE`. So
//! instructions are put together here as Word does it, from whatever pieces a format breaks them into.

use std::ops::Range;

use analyzers::{Exhausted, Findings};

use crate::catalogue::dde as signs;
use crate::package::xml::{self, Step};
use crate::target::runs_command;

/// Fields within fields that are followed; Word stops at 20 (Word specifications, "Maximum nested fields").
const DEPTH_MAX: usize = 32;
/// Bytes of one instruction that are kept; a command line has at most 8,191 characters.
const INSTRUCTION_BYTES_MAX: usize = 8 << 10;
/// Field marks in the text of binary Word documents (MS-DOC 2.8.25).
const MARK_BEGIN: u16 = 0x13;
const MARK_SEPARATE: u16 = 0x14;
const MARK_END: u16 = 0x15;
/// Characters of one field in a binary document that are looked at.
const BINARY_FIELD_MAX: usize = 16 << 10;

/// Puts instructions together from pieces.
#[derive(Default)]
pub(crate) struct Fields {
    open: Vec<Field>,
    /// Fields beyond [`DEPTH_MAX`] that are open: counted, not kept.
    beyond: usize,
}

#[derive(Default)]
struct Field {
    instruction: String,
    start: usize,
    in_result: bool,
    spelled: bool,
}

impl Fields {
    /// A field begins at `at`.
    pub fn begin(&mut self, at: usize) {
        if self.open.len() < DEPTH_MAX {
            self.open.push(Field { start: at, ..Field::default() });
        } else {
            self.beyond += 1;
        }
    }

    /// Text of the instruction, or of the result.
    pub fn text(&mut self, text: &str) {
        let Some(field) = self.open.last_mut().filter(|field| !field.in_result && self.beyond == 0) else { return };
        let mut end = text.len().min(INSTRUCTION_BYTES_MAX.saturating_sub(field.instruction.len()));
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        field.instruction.push_str(text.get(..end).unwrap_or_default());
    }

    /// The instruction ends, the result begins.
    pub fn separate(&mut self) {
        if let Some(field) = self.open.last_mut().filter(|_| self.beyond == 0) {
            field.in_result = true;
        }
    }

    /// The field ends at `at`.
    pub fn end(&mut self, at: usize, findings: &mut Findings<'_>) {
        if self.beyond > 0 {
            self.beyond -= 1;
            return;
        }
        let Some(field) = self.open.pop() else { return };
        if judge(&field.instruction, field.spelled, field.start..at, findings) {
            return;
        }
        let Some(outer) = self.open.last_mut().filter(|outer| !outer.in_result) else { return };
        outer.spelled |= spelled(&field.instruction).is_some() || field.spelled;
        let result = spelled(&field.instruction).unwrap_or(field.instruction);
        self.text(&result);
    }

    /// The document ends: fields that are still open are judged as they are.
    pub fn finish(mut self, at: usize, findings: &mut Findings<'_>) {
        self.beyond = 0;
        while !self.open.is_empty() {
            self.end(at, findings);
        }
    }
}

/// What `{ QUOTE 68 68 69 }` spells. None for any other instruction.
fn spelled(instruction: &str) -> Option<String> {
    let rest = strip_word(instruction.trim_start(), "QUOTE")?;
    let codes: Option<String> =
        rest.split_whitespace().map(|word| word.trim_matches('"').parse().ok().and_then(char::from_u32)).collect();
    Some(codes.unwrap_or_else(|| rest.trim().trim_matches('"').to_owned()))
}

/// `text` without its first word, if that is `word`; case does not matter.
fn strip_word<'t>(text: &'t str, word: &str) -> Option<&'t str> {
    let (first, rest) = text.split_at_checked(word.len())?;
    (first.eq_ignore_ascii_case(word) && !rest.starts_with(|c: char| c.is_ascii_alphanumeric())).then_some(rest)
}

/// Judges a whole instruction. True if it is a data exchange.
fn judge(instruction: &str, spelled: bool, span: Range<usize>, findings: &mut Findings<'_>) -> bool {
    // Quotation marks and a stray backslash before the keyword do not keep Word from taking it.
    let trimmed = instruction.trim_start_matches(|c: char| c.is_whitespace() || c == '"' || c == '\\');
    let (sign, command) = if let Some(rest) = strip_word(trimmed, "DDEAUTO") {
        (&signs::AUTO, rest)
    } else if let Some(rest) = strip_word(trimmed, "DDE") {
        (&signs::FIELD, rest)
    } else {
        return false;
    };
    findings.saw_with(sign, span.clone(), trimmed);
    report_command(command, span.clone(), findings);
    if spelled {
        findings.saw_with(&signs::HIDDEN, span, trimmed);
    }
    true
}

/// Reports `command`, what a data exchange starts, if it is an interpreter or names a program file.
fn report_command(command: &str, span: Range<usize>, findings: &mut Findings<'_>) {
    let is_program =
        |word: &str| ["exe", "scr", "hta", "bat", "vbs", "ps1"].iter().any(|e| e.eq_ignore_ascii_case(word));
    if runs_command(command) || command.split(|c: char| !c.is_ascii_alphanumeric()).any(is_program) {
        findings.saw_with(&signs::COMMAND, span, command.trim());
    }
}

/// Fields in a part of WordprocessingML: the document, headers, footers, notes, comments.
pub(crate) fn examine_word_xml(part: &[u8], findings: &mut Findings<'_>) -> Result<(), Exhausted> {
    let text = xml::text(part, findings)?;
    // Most documents have no fields; then a search is all that is paid.
    let has = |needle: &str| memchr::memmem::find(text.as_bytes(), needle.as_bytes()).is_some();
    if !has("instrText") && !has("fldSimple") && !has("fldData") && !has("<!DOCTYPE") {
        return Ok(());
    }
    let mut fields = Fields::default();
    let mut in_instruction = false;
    xml::walk(&text, findings, |step, span, findings| match step {
        Step::Open(element) => match element.name() {
            "fldChar" => match element.attribute("fldCharType").as_deref() {
                Some("begin") => fields.begin(span.start),
                Some("separate") => fields.separate(),
                Some("end") => fields.end(span.end, findings),
                _ => {}
            },
            "fldSimple" => {
                fields.begin(span.start);
                fields.text(&element.attribute("instr").unwrap_or_default());
                // What is inside of the element is the result.
                fields.separate();
            }
            // Deleted instructions come back when the change is rejected.
            "instrText" | "delInstrText" => in_instruction = true,
            _ => {}
        },
        Step::Close("fldSimple") => fields.end(span.end, findings),
        Step::Close("instrText" | "delInstrText") => in_instruction = false,
        Step::Close(_) => {}
        Step::Text(text) if in_instruction => fields.text(text),
        Step::Text(_) => {}
    })?;
    fields.finish(text.len(), findings);
    Ok(())
}

/// Links of a workbook to other programs: a part `xl/externalLinks/externalLink1.xml`.
pub(crate) fn examine_external_link(part: &[u8], findings: &mut Findings<'_>) -> Result<(), Exhausted> {
    let text = xml::text(part, findings)?;
    xml::walk(&text, findings, |step, span, findings| {
        let Step::Open(element) = step else { return };
        if element.name() != "ddeLink" {
            return;
        }
        let service = element.attribute("ddeService").unwrap_or_default();
        let topic = element.attribute("ddeTopic").unwrap_or_default();
        findings.saw_with(&signs::LINK, span.clone(), format_args!("{service}|{topic}"));
        report_command(&format!("{service} {topic}"), span, findings);
    })
}

/// Fields in the `WordDocument` stream of a binary document. Its text is 8-bit or UTF-16, in pieces; each field is
/// read from its mark on as what it looks like.
pub(crate) fn examine_word_binary(stream: &[u8], findings: &mut Findings<'_>) {
    let mut skip_to = 0;
    for at in memchr::memchr_iter(MARK_BEGIN as u8, stream) {
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
        let (length, looked_at) = binary_field(rest, at, wide, findings);
        skip_to = at + length;
        // Marks without an end make the same text be read again and again, so it is paid for by its length.
        if findings.budget().step(1 + looked_at as u64 / 4).is_err() {
            return;
        }
    }
}

/// Reads the field at the start of `bytes`, and those inside of it. Gives the bytes that need not be looked at again,
/// and how many characters were looked at.
fn binary_field(bytes: &[u8], at: usize, wide: bool, findings: &mut Findings<'_>) -> (usize, usize) {
    let mut fields = Fields::default();
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
            0..=8 => return (size, index),
            _ => fields.text(char::from_u32(u32::from(unit)).unwrap_or('\u{fffd}').encode_utf8(&mut [0; 4])),
        }
    }
    let looked_at = (bytes.len() / size).min(BINARY_FIELD_MAX);
    fields.finish(at + looked_at * size, findings);
    (size, looked_at)
}
