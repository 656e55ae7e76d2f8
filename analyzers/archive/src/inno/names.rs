//! What files are called: entries of the first block of the setup data, each a few strings and the number of a location.
//!
//! Before them stand entries of eight other kinds, all of which differ from version to version. So the entries of files are
//! looked for: they are the longest run of what can be one.

use std::collections::HashMap;

use analyzers::{Budget, Exhausted};

use super::layout::{NameLayout, SetupLayout};
use crate::numbers::{le16, le32, le64};

/// Longest string of an entry.
const STRING_MAX: usize = 32 << 10;
/// Longest name of a file.
const NAME_MAX: usize = 1024;
/// Most sets of permissions.
const PERMISSIONS_MAX: usize = 1024;
/// Places that are tried between two looks at the budget.
const PLACES: usize = 8;
/// The location of a file that is not in the installer.
const NOWHERE: usize = u32::MAX as usize;

/// One entry of a file.
struct NamedFile {
    location: usize,
    name: String,
    end: usize,
}

/// The names of files by their locations, of which there are `count`.
pub(super) fn read(
    block: &[u8],
    count: usize,
    layout: &SetupLayout,
    budget: &mut Budget,
) -> Result<HashMap<usize, String>, Exhausted> {
    let (mut best, mut at) = (Vec::new(), 0);
    while at < block.len() {
        if at.is_multiple_of(PLACES) {
            budget.step(1)?;
        }
        let (mut run, mut end) = (Vec::new(), at);
        while let Some(file) = entry(block, end, count, layout) {
            budget.step(1)?;
            end = file.end;
            run.push(file);
        }
        at = end.max(at + 1);
        if run.len() > best.len() {
            best = run;
        }
    }
    let mut names = HashMap::new();
    for file in best {
        names.entry(file.location).or_insert(file.name);
    }
    Ok(names)
}

/// The entry at `at`, if one can stand there.
fn entry(block: &[u8], at: usize, count: usize, layout: &SetupLayout) -> Option<NamedFile> {
    let NameLayout { strings, fixed, location, permissions } = layout.name;
    let (mut end, mut name, mut has_source) = (at, [].as_slice(), false);
    for number in 0..strings {
        let length = le32(block, end)?;
        // As of 6.5 the last string is of bytes, all others are of what the version has.
        let is_odd = layout.is_wide && number < 15 && length % 2 != 0;
        if length > STRING_MAX || is_odd {
            return None;
        }
        end += 4;
        let string = block.get(end..end + length)?;
        end += length;
        match number {
            0 => has_source = length > 0,
            1 => name = string,
            _ => {}
        }
    }
    let tail = block.get(end..end + fixed)?;
    let place = le32(tail, location)?;
    let of = le16(tail, permissions)?;
    let is_kind = matches!(tail.last(), Some(0 | 1));
    if !is_kind || (of > PERMISSIONS_MAX && of != usize::from(u16::MAX)) {
        return None;
    }
    if place == NOWHERE {
        return Some(NamedFile { location: place, name: String::new(), end: end + fixed });
    }
    // Where a file comes from, and how large it is, is said of those alone that are not in the installer.
    let is_here = place < count && !has_source && le64(tail, location + 8) == Some(0) && !name.is_empty();
    is_here.then_some(NamedFile { location: place, name: text(name, layout.is_wide)?, end: end + fixed })
}

/// A name as it is written elsewhere; none where it has what no name has.
fn text(name: &[u8], is_wide: bool) -> Option<String> {
    if name.len() > NAME_MAX {
        return None;
    }
    let text = if is_wide {
        let units = name.chunks_exact(2).map(|unit| u16::from_le_bytes([unit[0], unit[1]]));
        char::decode_utf16(units).map(|unit| unit.unwrap_or(char::REPLACEMENT_CHARACTER)).collect()
    } else {
        String::from_utf8_lossy(name).into_owned()
    };
    // It begins with a folder: of the installer's own, such as `{app}`, or any other.
    let is_path = text.contains('\\') || text.starts_with('{');
    (is_path && !text.chars().any(char::is_control)).then(|| text.replace('\\', "/"))
}
