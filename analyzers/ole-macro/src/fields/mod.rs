//! Fields that run commands (Dynamic Data Exchange) or fetch, in every format that has fields.
//!
//! A field is an instruction and its last result: `{ DDEAUTO c:\\windows\\system32\\cmd.exe "/k calc" }`. Fields nest,
//! and the result of the inner one becomes part of the outer instruction: `{ QUOTE 68 68 69 }` spells `DDE`, and
//! `{ { REF a } }` is whatever `{ SET a … }`, a bookmark or a property of the document holds. So instructions are put
//! together here as Word does it, from whatever pieces a format breaks them into; where a piece is known only when the
//! whole document was read, the instruction waits for that (`names`).
//!
//! Limitation: values that a field gets from the user or from a data source at an update are unknown; the saved result
//! is used instead.

mod binary;
mod instruction;
mod names;
mod properties;
mod word;

use std::ops::Range;

use analyzers::{Findings, Limit};

use self::instruction::{FieldKeyword, FieldValue, arguments, arguments_of_click, strip_word};
use self::names::FieldNames;
use crate::catalogue::{dde as signs, package};
use crate::object;
use crate::target::{self, Danger, runs_command};

pub(crate) use self::binary::examine_word_binary;
pub(crate) use self::properties::{read_properties, read_summary};
pub(crate) use self::word::{examine_external_link, examine_word_xml, read_bookmarks};

/// Fields within fields that are followed; Word stops at 20 (Word specifications, "Maximum nested fields").
const DEPTH_MAX: usize = 32;
/// Bytes of one instruction that are kept; a command line has at most 8,191 characters.
const INSTRUCTION_BYTES_MAX: usize = 8 << 10;
/// Bytes of the saved result of a nested field that are kept.
const RESULT_BYTES_MAX: usize = 1 << 10;
/// Instructions that wait for the end of the document. Honest documents have none.
const WAITING_MAX: usize = 64;
/// Bookmarks that are open at a time and whose text is taken down.
const BOOKMARKS_MAX: usize = 16;

/// Puts instructions together from pieces. One for a whole document, part after part.
#[derive(Default)]
pub(crate) struct Fields {
    open: Vec<Field>,
    /// Fields beyond [`DEPTH_MAX`] that are open: counted, not kept.
    beyond: usize,
    /// Values of bookmarks, properties and variables read so far.
    names: FieldNames,
    /// Bookmarks around the text that is being read: its id and its name in the document, and the text so far.
    bookmarks: Vec<(String, String, String)>,
    waiting: Vec<WaitingInstruction>,
    /// The part that is being read; empty for the document itself.
    part: String,
}

#[derive(Default)]
struct Field {
    instruction: String,
    result: String,
    start: usize,
    in_result: bool,
    spelled: bool,
}

/// An instruction of which a piece is not known yet.
struct WaitingInstruction {
    part: String,
    instruction: String,
    spelled: bool,
    span: Range<usize>,
}

impl Fields {
    /// From here on, fields are in the part `name`.
    pub(crate) fn begin_part(&mut self, name: &str) {
        name.clone_into(&mut self.part);
    }

    /// A field begins at `at`.
    pub(crate) fn begin(&mut self, at: usize) {
        if self.open.len() < DEPTH_MAX {
            self.open.push(Field { start: at, ..Field::default() });
        } else {
            self.beyond += 1;
        }
    }

    /// Text of the instruction, or of the result.
    pub(crate) fn text(&mut self, text: &str) {
        let Some(field) = self.open.last_mut().filter(|_| self.beyond == 0) else { return };
        if field.in_result {
            push(&mut field.result, text, RESULT_BYTES_MAX);
        } else {
            push(&mut field.instruction, text, INSTRUCTION_BYTES_MAX);
        }
    }

    /// Adds text that is not an instruction: a part of the result of a field, of a bookmark, or of neither.
    pub(crate) fn shown(&mut self, text: &str) {
        if let Some(field) = self.open.last_mut().filter(|field| field.in_result && self.beyond == 0) {
            push(&mut field.result, text, RESULT_BYTES_MAX);
        }
        for (_, _, marked) in &mut self.bookmarks {
            push(marked, text, RESULT_BYTES_MAX);
        }
    }

    /// Whether [`Fields::shown`] would take anything: most text is in no field and no bookmark.
    pub(crate) fn wants_text(&self) -> bool {
        !self.open.is_empty() || !self.bookmarks.is_empty()
    }

    /// The bookmark `name`, which the document knows by `id`, begins.
    pub(crate) fn begin_bookmark(&mut self, id: &str, name: &str) {
        if self.bookmarks.len() < BOOKMARKS_MAX {
            self.bookmarks.push((id.to_owned(), name.to_owned(), String::new()));
        }
    }

    /// The bookmark ends.
    pub(crate) fn end_bookmark(&mut self, id: &str, findings: &mut Findings<'_>) {
        if let Some(at) = self.bookmarks.iter().position(|(known, _, _)| known == id) {
            let (_, name, text) = self.bookmarks.swap_remove(at);
            self.names.define(names::BOOKMARK, &name, &text, findings.budget());
        }
    }

    /// A property or a variable of the document.
    fn define(&mut self, kind: char, name: &str, value: &str, findings: &mut Findings<'_>) {
        self.names.define(kind, name, value, findings.budget());
    }

    /// A property of the document, as RTF tells it.
    pub(crate) fn define_property(&mut self, name: &str, value: &str, findings: &mut Findings<'_>) {
        self.define(names::PROPERTY, name, value, findings);
    }

    /// A variable of the document, as RTF tells it.
    pub(crate) fn define_variable(&mut self, name: &str, value: &str, findings: &mut Findings<'_>) {
        self.define(names::VARIABLE, name, value, findings);
    }

    /// The instruction ends, the result begins.
    pub(crate) fn separate(&mut self) {
        if let Some(field) = self.open.last_mut().filter(|_| self.beyond == 0) {
            field.in_result = true;
        }
    }

    /// The field ends at `at`.
    pub(crate) fn end(&mut self, at: usize, findings: &mut Findings<'_>) {
        if self.beyond > 0 {
            self.beyond -= 1;
            return;
        }
        let Some(field) = self.open.pop() else { return };
        let span = field.start..at;
        if self.judge(&field.instruction, field.spelled, span, findings) {
            return;
        }
        // Most fields stand alone, and then it does not matter what they come to.
        if self.open.is_empty() && !instruction::defines(&field.instruction) {
            return;
        }
        let FieldValue { text, spelled, defines } = instruction::value(&field.instruction, &field.result);
        if let Some((name, value)) = defines {
            self.names.define(names::BOOKMARK, &name, &value, findings.budget());
        }
        let Some(outer) = self.open.last_mut().filter(|_| self.beyond == 0) else { return };
        if outer.in_result {
            push(&mut outer.result, &field.result, RESULT_BYTES_MAX);
        } else {
            outer.spelled |= spelled || field.spelled;
            names::push_whole(&mut outer.instruction, &text, INSTRUCTION_BYTES_MAX);
        }
    }

    /// The part ends: fields that are still open are judged as they are.
    pub(crate) fn end_part(&mut self, at: usize, findings: &mut Findings<'_>) {
        self.beyond = 0;
        while !self.open.is_empty() {
            self.end(at, findings);
        }
        while let Some((id, _, _)) = self.bookmarks.last() {
            let id = id.clone();
            self.end_bookmark(&id, findings);
        }
    }

    /// Drops open fields that turned out to be none.
    fn forget_open(&mut self) {
        self.open.clear();
        self.beyond = 0;
    }

    /// Whether an instruction waits for names that may be told elsewhere.
    pub(crate) fn is_waiting(&self) -> bool {
        !self.waiting.is_empty()
    }

    /// The document ends: what waited is judged with all that is known.
    pub(crate) fn finish(&mut self, findings: &mut Findings<'_>) {
        for WaitingInstruction { part, instruction, spelled, span } in std::mem::take(&mut self.waiting) {
            let Ok(whole) = self.names.resolve(&instruction, findings.budget()) else { return };
            let judge = |findings: &mut Findings<'_>| {
                judge(&whole, spelled, span.clone(), findings);
                // Marks in what is no text come to no keyword.
                if instruction::is_computed(&instruction) && instruction::begins_with_word(&whole) {
                    findings.saw_with(&signs::COMPUTED, span.clone(), &whole);
                }
            };
            if part.is_empty() { judge(findings) } else { findings.within(&part, judge) }
        }
    }

    /// Judges an instruction, now or later. True if it is a data exchange, which gives no text to the field around it.
    fn judge(&mut self, instruction: &str, spelled: bool, span: Range<usize>, findings: &mut Findings<'_>) -> bool {
        if !names::has_reference(instruction) {
            return judge(instruction, spelled, span, findings);
        }
        let is_exchange = instruction::is_exchange(instruction);
        let is_odd = is_exchange || instruction::is_computed(instruction);
        if is_odd || instruction::fetches(instruction) {
            if self.waiting.len() < WAITING_MAX {
                let instruction = instruction.to_owned();
                self.waiting.push(WaitingInstruction { part: self.part.clone(), instruction, spelled, span });
            } else if is_odd {
                findings.budget().exhaust(Limit::Entries);
            } else if let Ok(whole) = self.names.resolve(instruction, findings.budget()) {
                // Merged letters may have many of these: they are judged by what is known so far.
                judge(&whole, spelled, span, findings);
            }
        }
        is_exchange
    }
}

/// Appends as much of `text` as there is room for, without characters that stand for references.
fn push(to: &mut String, text: &str, room: usize) {
    let mut end = text.len().min(room.saturating_sub(to.len()));
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    to.extend(text.get(..end).unwrap_or_default().chars().filter(|c| !names::is_mark(*c)));
}

/// Judges a whole instruction. True if it is a data exchange.
fn judge(instruction: &str, spelled: bool, span: Range<usize>, findings: &mut Findings<'_>) -> bool {
    let trimmed = instruction::trimmed(instruction);
    let (sign, command) = if let Some(rest) = strip_word(trimmed, "DDEAUTO") {
        (&signs::AUTO, rest)
    } else if let Some(rest) = strip_word(trimmed, "DDE") {
        (&signs::FIELD, rest)
    } else {
        judge_source(trimmed, span, findings);
        return false;
    };
    findings.saw_with(sign, span.clone(), trimmed);
    report_command(command, span.clone(), findings);
    if spelled {
        findings.saw_with(&signs::HIDDEN, span, trimmed);
    }
    true
}

/// Judges where a field gets what it shows from, or leads to.
fn judge_source(instruction: &str, span: Range<usize>, findings: &mut Findings<'_>) {
    let Some((keyword, rest)) = FieldKeyword::read(instruction) else { return };
    let first = || arguments(rest).next().unwrap_or_default();
    match keyword {
        // LINK class source place: an object, brought up to date when the document is opened (17.16.5.33).
        FieldKeyword::Link => {
            let mut words = arguments(rest);
            let class = words.next().unwrap_or_default();
            let source = words.next().unwrap_or_default();
            object::examine_linked(&class, &source, span, findings);
        }
        // DATABASE \c "connection" \d "C:\\Data\\Sales.mdb" (17.16.5.10): any of the words may be a place.
        FieldKeyword::Database => {
            for word in arguments(rest).take(8) {
                judge_text(&word, span.clone(), findings);
            }
        }
        FieldKeyword::Text => judge_text(&first(), span, findings),
        FieldKeyword::Picture => {
            let source = first();
            findings.named_in(source.as_bytes());
            match target::judge(&source) {
                Danger::Exploit => findings.saw_with(&package::EXPLOIT_TARGET, span, source),
                Danger::Network | Danger::Nearby => findings.saw_with(&package::NETWORK_PATH, span, source),
                Danger::Remote => findings.saw_with(&package::IMAGE_REMOTE, span, source),
                Danger::Command | Danger::Local => {}
            }
        }
        FieldKeyword::Click => {
            let source = arguments_of_click(rest).next().unwrap_or_default();
            match target::judge_click(&source) {
                Danger::Exploit => findings.saw_with(&package::EXPLOIT_TARGET, span, source),
                Danger::Command => findings.saw_with(&package::COMMAND_TARGET, span, source),
                Danger::Network | Danger::Nearby => findings.saw_with(&package::NETWORK_PATH, span, source),
                Danger::Remote | Danger::Local => {}
            }
        }
    }
}

/// Judges a place that text is taken from.
fn judge_text(source: &str, span: Range<usize>, findings: &mut Findings<'_>) {
    findings.named_in(source.as_bytes());
    match target::judge(source) {
        Danger::Exploit => findings.saw_with(&package::EXPLOIT_TARGET, span, source),
        Danger::Network | Danger::Nearby => {
            findings.saw_with(&package::NETWORK_PATH, span.clone(), source);
            findings.saw_with(&package::FRAME_REMOTE, span, source);
        }
        Danger::Remote => findings.saw_with(&package::FRAME_REMOTE, span, source),
        Danger::Command | Danger::Local => {}
    }
}

/// Programs of the office, with which documents exchange data honestly.
const OFFICE: [&str; 6] = ["excel", "winword", "msaccess", "powerpnt", "outlook", "soffice"];

/// Reports `command`, what a data exchange starts, if it is an interpreter or names a program file.
fn report_command(command: &str, span: Range<usize>, findings: &mut Findings<'_>) {
    findings.named_in(command.as_bytes());
    let ends = ["exe", "scr", "hta", "bat", "vbs", "ps1"];
    let is_any = |known: &[&str], word: &str| known.iter().any(|known| known.eq_ignore_ascii_case(word));
    let mut before = "";
    let mut names_program = false;
    for word in command.split(|c: char| !c.is_ascii_alphanumeric()) {
        names_program |= is_any(&ends, word) && !is_any(&OFFICE, before);
        before = word;
    }
    if runs_command(command) || names_program {
        findings.saw_with(&signs::COMMAND, span, command.trim());
    }
}

/// Reports that a workbook exchanges data with the program `service` about `topic`.
pub(crate) fn report_link(service: &str, topic: &str, span: Range<usize>, findings: &mut Findings<'_>) {
    findings.saw_with(&signs::LINK, span.clone(), format_args!("{service}|{topic}"));
    report_command(&format!("{service} {topic}"), span, findings);
}
