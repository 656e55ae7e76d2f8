//! Evidence: which indicator was seen, and where.
//!
//! Evidence owns no bytes of the artifact, so it outlives them; what it quotes is short and printable.

use std::fmt::{self, Write};
use std::ops::Range;

use daemon_base::text;
use triage::FileKind;

use crate::IndicatorId;

/// One indicator seen at one place.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Evidence {
    /// The indicator that was seen.
    pub indicator: IndicatorId,
    /// Layer of the evidence: index into [`Record::layers`](crate::Record::layers).
    pub layer: LayerId,
    /// Range in the bytes of the layer. Empty if the evidence is about the whole layer or about something absent.
    pub span: Range<usize>,
    /// Details in a few words.
    pub detail: Detail,
}

/// Index of a layer in its report. The artifact itself is layer 0.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct LayerId(pub u16);

impl LayerId {
    /// The artifact itself.
    pub const ARTIFACT: LayerId = LayerId(0);

    /// Index into [`Record::layers`](crate::Record::layers).
    pub fn index(self) -> usize {
        usize::from(self.0)
    }
}

/// A layer: the artifact, a child that the engine examined in its own right, or a named part of one of them.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Layer {
    /// Path from the artifact, with parts joined by `!`; empty for the artifact itself.
    pub name: String,
    /// The examined layer it belongs to: itself, unless it is only a named part. Evidence of one subject is
    /// weighed together; an artifact is as bad as its worst subject.
    pub subject: LayerId,
    /// File type by triage; for a named part, the type of its subject.
    pub kind: FileKind,
    /// Whether an analyzer that vouches for this file type parsed it. Otherwise it is never benign, and without
    /// evidence it does not count in the opinion.
    pub wanted: bool,
}

/// Details in a few printable words: at most [`Detail::BYTES_MAX`] bytes, control characters escaped.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Detail(Box<str>);

impl Detail {
    /// Longest detail, in bytes of UTF-8. Long enough for a path or a URL, short enough for a table.
    pub const BYTES_MAX: usize = 160;

    /// Renders `text`, cut where it grows too long. Text that comes from a file is hostile: what could move
    /// a cursor, end a line or turn the direction of writing is escaped.
    pub fn new(text: impl fmt::Display) -> Self {
        let mut writer = Bounded(String::new());
        // The only error is our own "full", after which the text so far is what we want.
        let _ = write!(writer, "{text}");
        Detail(writer.0.into_boxed_str())
    }

    /// Returns the text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether there is nothing to say.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Display for Detail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl fmt::Debug for Detail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

struct Bounded(String);

impl Write for Bounded {
    fn write_str(&mut self, written: &str) -> fmt::Result {
        for c in written.chars() {
            let plain = text::is_printable(c);
            let bytes = if plain { c.len_utf8() } else { c.escape_unicode().count() };
            if self.0.len() + bytes > Detail::BYTES_MAX - '…'.len_utf8() {
                self.0.push('…');
                return Err(fmt::Error);
            }
            text::push_escaped(&mut self.0, c);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_details_are_cut_at_a_character() {
        let detail = Detail::new("é".repeat(1000));
        assert!(detail.as_str().len() <= Detail::BYTES_MAX);
        assert!(detail.as_str().ends_with('…'));
    }

    #[test]
    fn what_could_move_a_cursor_is_escaped() {
        let detail = Detail::new("a\x1b[2Jb\r\nc\u{202e}d");
        assert_eq!(detail.as_str(), "a\\u{1b}[2Jb\\u{d}\\u{a}c\\u{202e}d");
    }
}
