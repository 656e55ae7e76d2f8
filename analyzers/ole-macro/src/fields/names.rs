//! Values that a field refers to: bookmarks, properties, variables.
//!
//! If an instruction contains the result of `{ REF a }`, it is represented by a mark with the kind and name of the
//! reference, and the saved result, which is used if the name is not found. The marks are characters of the private use
//! area, which are removed from the text of documents first.

use std::collections::HashMap;

use analyzers::{Budget, Exhausted};

use super::INSTRUCTION_BYTES_MAX;

/// Prefix of names defined by SET, ASK and bookmarks.
pub(super) const BOOKMARK: char = 'b';
/// Prefix of names shown by DOCPROPERTY and similar fields.
pub(super) const PROPERTY: char = 'p';
/// Prefix of names shown by DOCVARIABLE.
pub(super) const VARIABLE: char = 'v';
/// Prefix of values from unavailable places: a data source, a style, another file.
pub(super) const UNKNOWN: char = 'u';

const BEGIN: char = '\u{e000}';
const MIDDLE: char = '\u{e001}';
const END: char = '\u{e002}';
/// Bytes of all names and values that are kept.
const BYTES_MAX: usize = 256 << 10;
/// References that are put in for one instruction: SET may refer to itself.
const ROUNDS_MAX: usize = 64;

/// Names and what they hold.
#[derive(Default)]
pub(super) struct FieldNames {
    values: HashMap<String, String>,
    bytes: usize,
}

/// Whether `c` marks a reference and is not text.
pub(super) fn is_mark(c: char) -> bool {
    matches!(c, BEGIN | MIDDLE | END)
}

/// Whether there is a reference in `text`.
pub(super) fn has_reference(text: &str) -> bool {
    text.contains(BEGIN)
}

/// Whether `text` begins with a reference.
pub(super) fn begins_with_reference(text: &str) -> bool {
    text.starts_with(BEGIN)
}

/// A reference to `name`; `saved` stands for it where it is not known.
pub(super) fn reference(kind: char, name: &str, saved: &str) -> String {
    format!("{BEGIN}{kind}{name}{MIDDLE}{saved}{END}")
}

/// Appends `text` if all of it fits, because half a reference is invalid.
pub(super) fn push_whole(to: &mut String, text: &str, room: usize) {
    if to.len() + text.len() <= room {
        to.push_str(text);
    }
}

impl FieldNames {
    /// `name` holds `value`; the last definition is the one that counts.
    pub(super) fn define(&mut self, kind: char, name: &str, value: &str, budget: &mut Budget) {
        let key = key(&format!("{kind}{name}"));
        let bytes = key.len() + value.len();
        if value.is_empty() || self.bytes + bytes > BYTES_MAX || budget.produce(bytes as u64).is_err() {
            return;
        }
        self.bytes += bytes;
        self.values.insert(key, value.to_owned());
    }

    /// `text` with what its references hold in their place, from the innermost out.
    pub(super) fn resolve(&self, text: &str, budget: &mut Budget) -> Result<String, Exhausted> {
        let mut text = text.to_owned();
        for _ in 0..ROUNDS_MAX {
            budget.step(1 + text.len() as u64 / 16)?;
            let Some(end) = text.find(END) else { break };
            let Some(begin) = text.get(..end).and_then(|before| before.rfind(BEGIN)) else { break };
            let inner = text.get(begin + BEGIN.len_utf8()..end).unwrap_or_default();
            let (name, saved) = inner.split_once(MIDDLE).unwrap_or((inner, ""));
            let value = self.values.get(&key(name)).map_or(saved, String::as_str).to_owned();
            if text.len() + value.len() > INSTRUCTION_BYTES_MAX {
                break;
            }
            text.replace_range(begin..end + END.len_utf8(), &value);
        }
        Ok(text.chars().filter(|c| !is_mark(*c)).collect())
    }
}

/// Case makes no difference, nor do quotation marks around a name.
fn key(name: &str) -> String {
    let mut letters = name.chars();
    let kind: String = letters.next().into_iter().collect();
    let name = letters.as_str().trim().trim_matches(is_quote).trim();
    kind + &name.to_lowercase()
}

/// Straight and typographic quotation marks: Word takes each.
pub(super) fn is_quote(c: char) -> bool {
    matches!(c, '"' | '\u{201c}' | '\u{201d}' | '\u{201e}')
}
