//! The compiled form of a module, as far as it can be compared with the source.
//!
//! The data before the compressed source (MS-OVBA 2.3.4.3, PerformanceCache) depends on the version of Office, but
//! always has a table of lines after the mark `CAFE`: a row of 12 bytes for each logical line of the source, with the
//! length and the position of its code (pcodedmp describes it; verified in 80 projects of VBA 5 to 7, where the number
//! of rows was that of the source lines, plus or minus one). Strings and comments are stored unchanged in the code, and
//! names of all modules in the stream `_VBA_PROJECT`.

use std::ops::Range;

use crate::compound::le32;
use crate::source;

/// Marks of the table, with its version: of processors that store the low byte first, and of old Macs.
const MARKS: [[u8; 4]; 2] = [[0xfe, 0xca, 0x01, 0x00], [0xca, 0xfe, 0x00, 0x01]];
/// Marks that are tried: the bytes may stand elsewhere by accident, or on purpose.
const MARKS_MAX: usize = 64;
/// Bytes of a row of the table, and between the table and the code.
const ROW_BYTES: usize = 12;
const GAP_BYTES: usize = 10;
/// Shortest run of readable bytes that is looked at: as long as the shortest word that we look for.
const RUN_MIN: usize = 5;
/// Words that are kept per module.
const WORDS_MAX: usize = 16;
/// Longest word that is kept, in bytes.
const WORD_BYTES_MAX: usize = 256;

/// Contents of the compiled form of a module.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Compiled {
    /// Size in bytes.
    pub bytes: usize,
    /// The table of lines, if it is consistent.
    pub lines: Option<LineTable>,
    /// Words that run, fetch or hide something, in small letters.
    pub words: Vec<Vec<u8>>,
}

/// The table of lines.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct LineTable {
    /// Logical lines.
    pub all: usize,
    /// Number of logical lines with code.
    pub coded: usize,
}

impl Compiled {
    /// Reads what stands before the source.
    pub(super) fn read(cache: &[u8]) -> Compiled {
        Compiled { bytes: cache.len(), lines: lines(cache), words: words(cache) }
    }
}

/// The last table of lines that holds together.
fn lines(cache: &[u8]) -> Option<LineTable> {
    let found = |mark: [u8; 4], is_mac: bool| {
        let places: Vec<usize> = memchr::memmem::find_iter(cache, &mark).take(MARKS_MAX).collect();
        places.into_iter().rev().find_map(|at| table(cache.get(at + 4..)?, is_mac))
    };
    found(MARKS[0], false).or_else(|| found(MARKS[1], true))
}

/// The table at the start of `bytes`, from the number of its rows on.
fn table(bytes: &[u8], is_mac: bool) -> Option<LineTable> {
    let number = |at: Range<usize>| {
        let digits = bytes.get(at)?.iter().map(|byte| usize::from(*byte));
        let push = |number, byte| number << 8 | byte;
        Some(if is_mac { digits.fold(0, push) } else { digits.rev().fold(0, push) })
    };
    let all = number(0..2)?;
    let code = bytes.get(2 + all * ROW_BYTES + GAP_BYTES..)?;
    let mut coded = 0;
    for row in (0..all).map(|row| 2 + row * ROW_BYTES) {
        let (length, start) = (number(row + 4..row + 6)?, number(row + 8..row + 12)?);
        // Empty lines have no code, and lead nowhere.
        if length > 0 && start != 0xffff_ffff {
            code.get(start..)?.get(..length)?;
            coded += 1;
        }
    }
    Some(LineTable { all, coded })
}

/// Words in readable runs of `bytes` that run, fetch or hide something, in small letters.
fn words(bytes: &[u8]) -> Vec<Vec<u8>> {
    let mut words = WordSet::default();
    for run in runs(bytes) {
        source::each_telling_word(run, |word| words.add(word));
        if words.0.len() == WORDS_MAX {
            break;
        }
    }
    words.0
}

/// Names in the stream `_VBA_PROJECT` of functions that fetch or put code into memory, in small letters.
pub(super) fn names(project: &[u8]) -> Vec<Vec<u8>> {
    let mut words = WordSet::default();
    for run in runs(project) {
        source::each_telling_name(run, |word| words.add(word));
    }
    words.0
}

/// Runs of readable bytes.
fn runs(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    bytes.split(|byte| !matches!(byte, b' '..=b'~')).filter(|run| run.len() >= RUN_MIN)
}

/// A few words, each once.
#[derive(Default)]
struct WordSet(Vec<Vec<u8>>);

impl WordSet {
    fn add(&mut self, word: &[u8]) {
        let word = word.get(..WORD_BYTES_MAX).unwrap_or(word).to_ascii_lowercase();
        if self.0.len() < WORDS_MAX && !self.0.contains(&word) {
            self.0.push(word);
        }
    }
}

/// Logical lines of source, as the table counts them: without attributes, and those that ` _` joins as one. Those that
/// are not blank have code: so it was in 636 of 636 modules of honest documents.
pub(super) fn logical_lines(source: &[u8]) -> LineTable {
    let mut lines = LineTable { all: 0, coded: 0 };
    let mut goes_on = false;
    let mut rest = source;
    while !rest.is_empty() {
        let end = memchr::memchr2(b'\r', b'\n', rest).unwrap_or(rest.len());
        let (line, after) = rest.split_at(end);
        let two = after.starts_with(b"\r\n");
        rest = after.get(if two { 2 } else { 1 }..).unwrap_or_default();
        if line.get(..10).is_some_and(|start| start.eq_ignore_ascii_case(b"Attribute ")) && !goes_on {
            continue;
        }
        lines.all += usize::from(!goes_on);
        let line = line.trim_ascii_end();
        lines.coded += usize::from(!goes_on && !line.is_empty());
        goes_on = line.ends_with(b" _") || line.ends_with(b"\t_");
    }
    lines
}

/// Words of the language, which have codes of their own and so no place among the names (MS-VBAL 3.3.5.2, and the
/// functions and statements that the compiled form has codes for).
const LANGUAGE: &str = "access addressof alias append array assert attribute base binary boolean byref byte byval call case \
    cbool cbyte ccur cdate cdbl cdec cdecl cint circle clng clnglng clngptr close compare const csng cstr curdir currency \
    cvar cverr database date debug decimal declare defbool defbyte defcur defdate defdbl defdec defint deflng deflnglng \
    deflngptr defobj defsng defstr defvar doevents double each else elseif empty endif enum erase error event exit explicit \
    false format freefile friend function global gosub goto implements input inputb instr instrb integer lbound left lenb \
    like line load lock long longlong longptr loop lset midb module name next nothing null object open option optional \
    output paramarray preserve print private property pset ptrsafe public raiseevent random randomize read redim reset \
    resume return rset scale seek select shared single static step stop strcomp string text then true type typeof ubound \
    unload unlock until variant wend while width with withevents write";
/// Shortest name that is looked up, in bytes.
const NAME_MIN: usize = 4;
/// Names of a module that are looked up.
const NAMES_MAX: usize = 32;

/// Fraction of names unknown to the compiled project above which there is a mismatch: one in this many.
const UNKNOWN_SHARE: usize = 10;

/// Returns a name that `source` uses but the compiled project does not know (`known` are its names in lower case),
/// unless it is an exception. Lines that do not compile are in the compiled form `cache` as text.
pub(super) fn unknown_name(source: &str, known: &[u8], cache: &[u8]) -> Option<String> {
    let mut seen: Vec<String> = Vec::new();
    let mut unknown = Vec::new();
    source::each_name(source.as_bytes(), |name| {
        let is_ascii = name.len() >= NAME_MIN && name.iter().all(|byte| byte.is_ascii_alphanumeric() || *byte == b'_');
        if is_ascii {
            let lower = String::from_utf8_lossy(name).to_ascii_lowercase();
            if !seen.contains(&lower) && !LANGUAGE.split_ascii_whitespace().any(|word| word == lower) {
                let is_in = |text: &[u8], name: &[u8]| memchr::memmem::find(text, name).is_some();
                if !is_in(known, lower.as_bytes()) && !is_in(cache, name) {
                    unknown.push(lower.clone());
                }
                seen.push(lower);
            }
        }
        seen.len() < NAMES_MAX
    });
    let is_exception = unknown.len() * UNKNOWN_SHARE < seen.len();
    unknown.into_iter().next().filter(|_| !is_exception)
}

/// Whether the stream `_VBA_PROJECT` holds the names of a compiled project. Its first four bytes say which version of
/// Office compiled it; FFFF stands for none (MS-OVBA 2.3.4.1). Every compiled project knows these constants of
/// conditional compilation (MS-VBAL 3.4.1).
pub(super) fn has_names(project: &[u8]) -> bool {
    le32(project, 0).is_some_and(|head| head >> 16 != 0xffff)
        && memchr::memmem::find(project, b"Win16").is_some()
        && memchr::memmem::find(project, b"Win32").is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_counted_as_the_compiler_counts_them() {
        let source = b"Attribute VB_Name = \"A\"\r\nSub A()\r\n  x = 1 + _\r\n    2\r\n\r\nEnd Sub\r\n";
        assert_eq!(logical_lines(source), LineTable { all: 4, coded: 3 });
        assert_eq!(logical_lines(b"Attribute VB_Name = \"A\"\r\n"), LineTable { all: 0, coded: 0 });
        assert_eq!(logical_lines(b"a\rb\nc"), LineTable { all: 3, coded: 3 });
    }

    #[test]
    fn names_are_looked_up_but_those_of_the_language() {
        let source =
            "Sub Auto_Open()\r\nDim total As Integer ' comment words\r\nMsgBox \"Welcome home\"\r\nEnd Sub\r\n";
        assert_eq!(unknown_name(source, b"auto_open total msgbox", b""), None);
        assert_eq!(unknown_name(source, b"auto_open total", b""), Some("msgbox".to_owned()));
        assert_eq!(unknown_name(source, b"auto_open total", b"MsgBox"), None);
    }
}
