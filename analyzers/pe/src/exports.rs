//! Exports of an image: their number and the range of their names.
//!
//! The names are looked up only if a keyword was found that may be one of them, and only for libraries that do not look
//! up functions themselves: those need such names as text, and could export them to hide their purpose.

use std::ops::Range;

use analyzers::{Budget, Exhausted};
use scroll::{LE, Pread};

use crate::anomalies::Oddity;
use crate::image::{Directory, Image};

/// Names that are looked at. The largest tables of real libraries have some 20,000.
const NAMES_MAX: u32 = 65_536;

/// Longest name of a library that functions are forwarded to, with the dot behind it.
const LIBRARY_NAME_MAX: usize = 64;

/// Exports of an image.
#[derive(Default, Debug)]
pub(crate) struct Exports {
    /// Number of functions; `None` without a directory.
    pub(crate) functions: Option<u32>,
    /// Offset of the directory.
    pub(crate) table: Option<usize>,
    /// File offsets of the names, sorted, once they were looked up.
    names: Vec<usize>,
    looked_up: bool,
}

impl Exports {
    /// Reads the directory, but no names.
    pub(crate) fn read(&mut self, image: &mut Image<'_>) {
        let mut names = std::mem::take(&mut self.names);
        names.clear();
        *self = Exports { names, ..Exports::default() };
        let Some(directory) = image.directory(Directory::Export) else {
            return;
        };
        self.table = image.offset_of(directory.virtual_address);
        let count = self.table.and_then(|at| image.bytes.pread_with::<u32>(at + 20, LE).ok());
        if count.is_none_or(|count| count > 65_536) {
            image.oddities.note(Oddity::ExportTable, image.directory_span(Directory::Export).start);
        }
        self.functions = Some(count.unwrap_or(0));
    }

    /// Whether a name, or what a name is forwarded to, is at this place of the file: the whole of it, or what stands behind
    /// the name of a library, or behind `Nt` or an underscore.
    pub(crate) fn names_at(
        &mut self,
        image: &Image<'_>,
        place: &Range<usize>,
        budget: &mut Budget,
    ) -> Result<bool, Exhausted> {
        if !self.looked_up {
            self.looked_up = true;
            self.look_up(image, budget)?;
        }
        let after = self.names.partition_point(|&name| name <= place.start);
        let name = after.checked_sub(1).and_then(|index| self.names.get(index));
        let between = name.and_then(|&name| image.bytes.get(name..place.start));
        Ok(between.is_some_and(|between| match between {
            [.., b'.'] => between.len() <= LIBRARY_NAME_MAX && between.iter().all(|&byte| byte != 0),
            _ => between.len() < 3 && between.iter().all(|&byte| byte != 0),
        }))
    }

    fn look_up(&mut self, image: &Image<'_>, budget: &mut Budget) -> Result<(), Exhausted> {
        let word = |at: usize| image.bytes.pread_with::<u32>(at, LE).ok();
        let (Some(table), Some(directory)) = (self.table, image.directory(Directory::Export)) else {
            return Ok(());
        };
        // An exported address inside the export directory is that of the text LIBRARY.NAME (PE/COFF specification,
        // "Export Address Table").
        let forwarders = directory.virtual_address..directory.virtual_address.saturating_add(directory.size);
        for (count, list, only) in [(20, 28, Some(forwarders)), (24, 32, None)] {
            let (Some(count), Some(list)) =
                (word(table + count), word(table + list).and_then(|at| image.offset_of(at)))
            else {
                continue;
            };
            for index in 0..count.min(NAMES_MAX) as usize {
                budget.step(1)?;
                let Some(address) = word(list + index * 4) else {
                    break;
                };
                if only.as_ref().is_none_or(|only| only.contains(&address)) {
                    self.names.extend(image.offset_of(address));
                }
            }
        }
        self.names.sort_unstable();
        Ok(())
    }
}
