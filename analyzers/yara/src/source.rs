//! Input of the compiler, and mistakes in it.

use std::fmt;

use serde::{Deserialize, Serialize};
use triage::{Family, FileKind};

/// One file of rules, as the caller read it.
#[derive(Clone, Copy, Debug)]
pub struct Source<'a> {
    /// Path relative to the rules directory, with `/` as separator: `pe/upx.yar`. It is shown in errors; without its
    /// extension it is the namespace of the rules.
    pub name: &'a str,
    /// Files that the rules are for.
    pub place: RuleFolder,
    /// Bytes of the file.
    pub text: &'a [u8],
}

impl<'a> Source<'a> {
    /// Makes a file whose family follows from the first directory of its name.
    pub fn new(name: &'a str, text: &'a [u8]) -> Self {
        Source { name, place: RuleFolder::of(name), text }
    }
}

/// Files that the rules of a directory are for.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub enum RuleFolder {
    /// Rules for all files.
    Any,
    /// Files that triage calls PE images, or what is left of one: that it begins with MZ is enough.
    Pe,
    /// Files that triage calls ELF.
    Elf,
    /// Files that triage calls office documents, or other compound files and packages.
    Office,
}

impl RuleFolder {
    /// The place of a rule file by the first folder of its path: `pe`, `elf` and `office` are what they say, all
    /// else is for any file.
    pub fn of(name: &str) -> RuleFolder {
        match name.split_once('/') {
            Some(("pe", _)) => RuleFolder::Pe,
            Some(("elf", _)) => RuleFolder::Elf,
            Some(("office", _)) => RuleFolder::Office,
            Some(_) | None => RuleFolder::Any,
        }
    }

    /// Whether files of this kind are looked at.
    pub fn takes(self, kind: FileKind) -> bool {
        match self {
            RuleFolder::Any => true,
            RuleFolder::Pe => matches!(kind, FileKind::Pe(_) | FileKind::Dos(_)),
            RuleFolder::Elf => kind.family() == Family::Elf,
            RuleFolder::Office => {
                kind.family() == Family::Office || matches!(kind, FileKind::Cfb(_) | FileKind::Zip(_))
            }
        }
    }
}

/// Severity of a [`Mistake`].
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub enum Severity {
    /// The rule works, but is slow or odd.
    Warning,
    /// The rule, or the whole file, is left out.
    Error,
}

/// Something wrong with a file of rules.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Mistake {
    /// The name of the [`Source`].
    pub file: String,
    /// Line, from 1; 0 when it is about the file as a whole.
    pub line: usize,
    /// Column in characters, from 1; 0 when it is about the file as a whole.
    pub column: usize,
    /// Severity.
    pub severity: Severity,
    /// Code of the mistake: of yara-x (`E001`, `slow_pattern`), or of this crate (`file_too_large`).
    pub code: String,
    /// Message of one line.
    pub message: String,
    /// For people: the message, the place, and the line with a caret below it where there is one.
    pub rendered: String,
}

impl Mistake {
    /// A mistake at byte `at` of `text`.
    pub(crate) fn at(
        file: &str,
        text: &[u8],
        at: usize,
        severity: Severity,
        code: &str,
        message: impl Into<String>,
    ) -> Self {
        let (line, column) = place_of(text, at);
        let message = message.into();
        let level = severity.name();
        let quoted = line_around(text, at);
        let width = line.to_string().len();
        // The caret stands below the column only as far as the line is quoted.
        let blank = " ".repeat(column.saturating_sub(1).min(quoted.chars().count()));
        let rendered = format!(
            "{level}[{code}]: {message}\n{:width$}--> {file}:{line}:{column}\n{:width$} |\n{line} | {quoted}\n{:width$} | {blank}^",
            "", "", ""
        );
        Mistake { file: file.to_owned(), line, column, severity, code: code.to_owned(), message, rendered }
    }

    /// A mistake about a file as a whole.
    pub(crate) fn whole(file: &str, severity: Severity, code: &str, message: impl Into<String>) -> Self {
        let message = message.into();
        let rendered = format!("{}[{code}]: {message}\n--> {file}", severity.name());
        Mistake { file: file.to_owned(), line: 0, column: 0, severity, code: code.to_owned(), message, rendered }
    }
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.line == 0 {
            write!(f, "{}: {}", self.file, self.message)
        } else {
            write!(f, "{}:{}:{}: {}", self.file, self.line, self.column, self.message)
        }
    }
}

impl Severity {
    /// The word for it.
    pub fn name(self) -> &'static str {
        match self {
            Severity::Warning => "warning",
            Severity::Error => "error",
        }
    }
}

/// Line and column (in characters) of byte `at`, both from 1.
pub(crate) fn place_of(text: &[u8], at: usize) -> (usize, usize) {
    let before = text.get(..at).unwrap_or(text);
    let line_start = before.iter().rposition(|&byte| byte == b'\n').map_or(0, |newline| newline + 1);
    let line = before.iter().filter(|&&byte| byte == b'\n').count() + 1;
    (line, String::from_utf8_lossy(before.get(line_start..).unwrap_or_default()).chars().count() + 1)
}

/// The line around byte `at`, fit to be shown: cut, and without what a terminal would obey.
fn line_around(text: &[u8], at: usize) -> String {
    const SHOWN_CHARS_MAX: usize = 160;
    let (before, after) = text.split_at_checked(at).unwrap_or((text, &[]));
    let start = before.iter().rposition(|&byte| byte == b'\n').map_or(0, |newline| newline + 1);
    let end = after.iter().position(|&byte| byte == b'\n').map_or(text.len(), |newline| at + newline);
    // Four bytes are the longest character; what lies beyond is not shown anyway.
    let end = end.min(start.saturating_add(4 * SHOWN_CHARS_MAX));
    let line = String::from_utf8_lossy(text.get(start..end).unwrap_or_default());
    let shown = |c: char| {
        if c == '\t' {
            ' '
        } else if daemon_base::text::is_printable(c) {
            c
        } else {
            '\u{fffd}'
        }
    };
    line.chars().take(SHOWN_CHARS_MAX).map(shown).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_told_by_the_first_folder() {
        for (name, place) in [
            ("pe/upx.yar", RuleFolder::Pe),
            ("elf/a/b.yar", RuleFolder::Elf),
            ("office/x.yar", RuleFolder::Office),
            ("any/x.yar", RuleFolder::Any),
            ("others/pe/x.yar", RuleFolder::Any),
            ("pe.yar", RuleFolder::Any),
        ] {
            assert_eq!(RuleFolder::of(name), place, "{name}");
        }
    }

    #[test]
    fn a_mistake_shows_its_line_with_a_caret() {
        let text = "rule a {\n\té wrong\x1b[2J\n}".as_bytes();
        let mistake = Mistake::at("any/a.yar", text, 13, Severity::Error, "E001", "unexpected `wrong`");
        assert_eq!(mistake.to_string(), "any/a.yar:2:4: unexpected `wrong`");
        assert_eq!(
            mistake.rendered,
            "error[E001]: unexpected `wrong`\n --> any/a.yar:2:4\n  |\n2 |  é wrong\u{fffd}[2J\n  |    ^"
        );
    }

    #[test]
    fn a_place_beyond_the_end_is_the_end() {
        let mistake = Mistake::at("a", b"x", 99, Severity::Error, "c", "m");
        assert_eq!((mistake.line, mistake.column), (1, 2));
    }
}
