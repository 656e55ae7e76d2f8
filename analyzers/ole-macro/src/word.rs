//! Binary Word documents (MS-DOC): which template they are attached to, where they merge data from, and the macros of
//! Word 6 and 95.
//!
//! The names are in the table stream, in a list that the FIB at the start of `WordDocument` refers to. Word 6 and 95
//! have no table stream: there the list is in `WordDocument` itself, in another form.

use std::ops::Range;

use analyzers::Findings;

use crate::catalogue::word as signs;
use crate::compound::{Compound, StorageEntry, le16, le32};
use crate::target::{self, Danger};

/// `nFib` of Word 97; older files have FIBs of fixed fields (MS-DOC 2.5.1).
const WORD_97: u16 = 0x00c1;
/// Index of `fcSttbfAssoc` among the pairs of offset and length (2.5.6, FibRgFcLcb97).
const ASSOC_INDEX: usize = 32;
/// Offset of the same pair in Word 6 and 95, whose FIB has it at a fixed place.
const ASSOC_OF_WORD_6: usize = 0x158;
/// Offset of the pair of the commands and macros (2.9.317, Tcg; pair 24 of FibRgFcLcb97).
const COMMANDS_OF_WORD_6: usize = 0x118;
/// Bytes of that table that are searched for names.
const COMMANDS_BYTES_MAX: usize = 64 << 10;
/// Names of macros that run by themselves, or in place of a command that everybody uses.
const RUN_BY_THEMSELVES: [&str; 14] = [
    "AutoOpen",
    "AutoExec",
    "AutoNew",
    "AutoClose",
    "AutoExit",
    "FileSaveAs",
    "FileSave",
    "FileOpen",
    "FileClose",
    "FileNew",
    "FilePrint",
    "FileExit",
    "FileTemplates",
    "ToolsMacro",
];
/// Strings of the list that name files: template, source of merged data, its header (2.2.4, SttbfAssoc).
const FILES: [usize; 3] = [1, 8, 9];
/// Strings that the list has (2.2.4); more are not read.
const STRINGS_MAX: usize = 18;
/// Longest string of the list, in characters (2.2.4).
const CHARACTERS_MAX: usize = 255;

/// Examines the tables that belong to the `WordDocument` stream `main`, at `entry`.
pub(crate) fn examine(compound: &Compound<'_>, entry: &StorageEntry, main: &[u8], findings: &mut Findings<'_>) {
    let Some(version) = le16(main, 2) else { return };
    if version < WORD_97 {
        if let Some(place) = place(main, ASSOC_OF_WORD_6) {
            judge(strings_of_word_6(within(main, &place)), place, findings);
        }
        if let Some(place) = place(main, COMMANDS_OF_WORD_6) {
            judge_macros(within(main, &place), place, findings);
        }
        return;
    }
    // FibBase, then three arrays with their lengths in front: of 2, of 4 and of 8 bytes (2.5.1).
    let pairs = || {
        let words = 34 + 2 * usize::from(le16(main, 32)?);
        let longs = words + 2 + 4 * usize::from(le16(main, words)?);
        Some(longs + 2)
    };
    let Some(place) = pairs().and_then(|pairs| place(main, pairs + 8 * ASSOC_INDEX)) else { return };
    // fWhichTblStm says which of the two is meant; a file that has only the other one means that.
    let meant = if le16(main, 10).unwrap_or(0) & 0x200 != 0 { "1Table" } else { "0Table" };
    let beside = |name: &str| {
        compound.entries().iter().find(|other| other.parent() == entry.parent() && other.is_stream_named(name))
    };
    let Some(table) = beside(meant).or_else(|| beside("1Table")).or_else(|| beside("0Table")) else { return };
    let Ok(bytes) = compound.read(table, findings.budget()) else { return };
    judge(strings(within(&bytes, &place)), place, findings);
}

/// The place that the pair of offset and length at `at` names.
fn place(main: &[u8], at: usize) -> Option<Range<usize>> {
    let (start, length) = (le32(main, at)? as usize, le32(main, at + 4)? as usize);
    (length > 0).then(|| start..start.saturating_add(length))
}

/// Returns the part of `bytes` at `place`.
fn within<'b>(bytes: &'b [u8], place: &Range<usize>) -> &'b [u8] {
    let rest = bytes.get(place.start..).unwrap_or_default();
    rest.get(..place.len()).unwrap_or(rest)
}

fn judge(strings: Vec<String>, span: Range<usize>, findings: &mut Findings<'_>) {
    for index in FILES {
        let Some(name) = strings.get(index).filter(|name| !name.is_empty()) else { continue };
        findings.named_in(name.as_bytes());
        let is_service = target::is_document_service(name);
        let sign = match target::judge(name) {
            _ if is_service => &signs::TEMPLATE_SERVICE,
            Danger::Remote | Danger::Exploit => &signs::TEMPLATE_REMOTE,
            Danger::Network | Danger::Nearby => &signs::TEMPLATE_NETWORK,
            Danger::Command | Danger::Local => continue,
        };
        findings.saw_with(sign, span.clone(), name);
    }
}

/// Macros of Word 6 and 95, in WordBasic: the table of commands begins with FF and a list of them (2.9.317; 2.9.163,
/// PlfMcd). Later versions keep their macros in a project, and say here only which commands call them.
fn judge_macros(table: &[u8], span: Range<usize>, findings: &mut Findings<'_>) {
    let count = match table {
        [0xff, 1, low, high, ..] => u16::from_le_bytes([*low, *high]),
        _ => return,
    };
    if count == 0 {
        return;
    }
    findings.saw_with(&signs::MACROS, span.clone(), format_args!("{count} macros"));
    let table = table.get(..COMMANDS_BYTES_MAX).unwrap_or(table);
    if findings.budget().step(table.len() as u64).is_err() {
        return;
    }
    // Names stand behind a byte of length, as they are written.
    let is_there = |name: &&&str| {
        let stated = |at: usize| at > 0 && table.get(at - 1).is_some_and(|length| usize::from(*length) == name.len());
        table
            .windows(name.len())
            .enumerate()
            .any(|(at, window)| window.eq_ignore_ascii_case(name.as_bytes()) && stated(at))
    };
    if let Some(name) = RUN_BY_THEMSELVES.iter().find(is_there) {
        findings.saw_with(&signs::AUTO_MACRO, span, name);
    }
}

/// An STTB of wide strings (2.2.4): a mark, their number, bytes that belong to each; then each behind its length. One
/// without the mark has bytes for characters.
fn strings(list: &[u8]) -> Vec<String> {
    let is_wide = le16(list, 0) == Some(0xffff);
    let mut at = if is_wide { 2 } else { 0 };
    let count = usize::from(le16(list, at).unwrap_or(0)).min(STRINGS_MAX);
    let extra = usize::from(le16(list, at + 2).unwrap_or(0));
    at += 4;
    let mut strings = Vec::with_capacity(count);
    for _ in 0..count {
        let length =
            if is_wide { le16(list, at).map(usize::from) } else { list.get(at).map(|byte| usize::from(*byte)) };
        let Some(length) = length else { break };
        at += if is_wide { 2 } else { 1 };
        let bytes = list.get(at..).unwrap_or_default();
        let taken = length.min(CHARACTERS_MAX);
        strings.push(if is_wide {
            let units = bytes.as_chunks().0.iter().take(taken).map(|unit| u16::from_le_bytes(*unit));
            char::decode_utf16(units).map(|c| c.unwrap_or(char::REPLACEMENT_CHARACTER)).collect()
        } else {
            narrow(bytes.get(..taken).unwrap_or(bytes))
        });
        at += length * if is_wide { 2 } else { 1 } + extra;
    }
    strings
}

/// The list of Word 6 and 95: its size in bytes, then strings behind one byte of length.
fn strings_of_word_6(list: &[u8]) -> Vec<String> {
    let mut rest = list.get(2..).unwrap_or_default();
    let mut strings = Vec::new();
    while let Some((&length, after)) = rest.split_first().filter(|_| strings.len() < STRINGS_MAX) {
        let (text, after) = after.split_at_checked(length.into()).unwrap_or((after, &[]));
        strings.push(narrow(text));
        rest = after;
    }
    strings
}

/// Text of a code page, of which ASCII is what matters here.
fn narrow(bytes: &[u8]) -> String {
    bytes.iter().copied().map(char::from).collect()
}
