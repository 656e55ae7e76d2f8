//! Bytes that are no part of the program, and whether their purpose is known.
//!
//! Windows loads headers and sections. Installers, self-extracting archives and droppers keep their data after or
//! between them, and this crate does not open it: archives whose format is open are handed over (`carried.rs`). So all
//! bytes must be accounted for, or the image is not vouched for.
//! These are accounted for:
//!
//! * headers, and of each section what the loader maps (not what its header claims beyond that);
//! * signatures, as far as they are some (`certificate.rs`);
//! * a COFF symbol table and its string table, of exactly the size that the header and the length field say, if the
//!   symbols are some and the strings are text. MinGW, Cygwin and Go leave them: most overlays are that. Line numbers
//!   of sections, if they are some;
//! * what the debug directory points to, if it is what it says;
//! * images and archives that were handed over as children;
//! * padding: one byte over and over.
//!
//! Sources: PE/COFF specification, "COFF Symbol Table", "COFF String Table", "COFF Line Numbers (Deprecated)", "The
//! .debug Section"; Microsoft, winnt.h (`IMAGE_DEBUG_MISC`) and "Microsoft Symbol and Type Information" (CodeView).

use std::ops::Range;

use analyzers::{Budget, Exhausted};
use goblin::pe::symbol::COFF_SYMBOL_SIZE;
use scroll::{LE, Pread};

use crate::certificate::Certificate;
use crate::image::{Directory, Image};

/// Size of `IMAGE_DEBUG_DIRECTORY`, and entries that are looked at. Linkers write at most some ten.
const DEBUG_ENTRY_SIZE: usize = 28;
const DEBUG_ENTRIES_MAX: usize = 32;
/// Maximum size of a debug entry that is not parsed: a path, a hash, a few flags.
const DEBUG_BYTES_MAX: usize = 4 << 10;
/// Size of a COFF line number: an address or symbol, and a line.
const LINE_SIZE: usize = 6;
/// Most auxiliary records of one symbol: the longest are file names.
const AUXILIARY_MAX: u8 = 20;
/// Bytes or entries looked at between two looks at the budget.
const CHUNK: usize = 64 << 10;

/// The bytes of a file that belong to something. Scratch, reused from file to file.
#[derive(Default, Debug)]
pub(crate) struct AccountedBytes {
    known: Vec<Range<usize>>,
    rest: Vec<Range<usize>>,
}

impl AccountedBytes {
    /// Accounts for what the headers of an image speak of.
    pub(crate) fn read(
        &mut self,
        image: &Image<'_>,
        certificate: &Certificate,
        budget: &mut Budget,
    ) -> Result<(), Exhausted> {
        self.known.clear();
        self.known.push(image.known_headers());
        self.known.extend(image.sections.iter().map(|section| image.mapped(section)));
        self.known.extend(certificate.signatures.iter().cloned());
        self.known.extend(symbols(image, budget)?);
        for section in image.sections {
            let (at, count) = section.lines;
            let addresses = section.virtual_address..section.virtual_address.saturating_add(section.extent());
            self.known.extend(lines(image, at as usize, count.into(), addresses, budget)?);
        }
        self.read_debug_directory(image);
        self.settle(image.bytes, budget)
    }

    /// Accounts for a part that is examined in its own right.
    pub(crate) fn add(&mut self, part: Range<usize>) {
        self.known.push(part);
    }

    /// Finds what belongs to nothing.
    pub(crate) fn settle(&mut self, bytes: &[u8], budget: &mut Budget) -> Result<(), Exhausted> {
        self.known.sort_unstable_by_key(|range| range.start);
        self.rest.clear();
        let mut at = 0;
        for range in self.known.iter().chain([&(bytes.len()..bytes.len())]) {
            let between = at..range.start.min(bytes.len());
            if !between.is_empty() && !is_padding(bytes.get(between.clone()).unwrap_or_default(), budget)? {
                self.rest.push(between);
            }
            at = at.max(range.end);
        }
        Ok(())
    }

    /// All pieces that belong to nothing, in order.
    pub(crate) fn pieces(&self) -> &[Range<usize>] {
        &self.rest
    }

    /// The first piece that belongs to nothing.
    pub(crate) fn unknown(&self) -> Option<Range<usize>> {
        self.rest.first().cloned()
    }

    /// Range from the first to the last unknown piece after `start`; empty if there is none.
    pub(crate) fn unknown_behind(&self, start: usize) -> Range<usize> {
        let mut behind = self.rest.iter().filter(|range| range.start >= start);
        let first = behind.next();
        let last = behind.next_back().or(first);
        first.zip(last).map_or(0..0, |(first, last)| first.start..last.end)
    }

    fn read_debug_directory(&mut self, image: &Image<'_>) {
        let Some(directory) = image.directory(Directory::Debug) else {
            return;
        };
        let Some(table) = image.offset_of(directory.virtual_address) else {
            return;
        };
        let count = (directory.size as usize / DEBUG_ENTRY_SIZE).min(DEBUG_ENTRIES_MAX);
        for index in 0..count {
            let word = |offset| image.bytes.pread_with::<u32>(table + index * DEBUG_ENTRY_SIZE + offset, LE);
            let (Ok(kind), Ok(size), Ok(pointer)) = (word(12), word(16), word(24)) else {
                return;
            };
            let span = pointer as usize..(pointer as usize).saturating_add(size as usize);
            if image.bytes.get(span.clone()).is_some_and(|content| is_debug_data(kind, content)) {
                self.known.push(span);
            }
        }
    }
}

/// Whether the content of a debug entry is what its type says.
fn is_debug_data(kind: u32, content: &[u8]) -> bool {
    let short = content.len() <= DEBUG_BYTES_MAX;
    match kind {
        // CodeView: a signature and the path of a PDB; or, in files of old, all of it, with the signature once more and
        // the size at the end.
        2 => match content {
            [b'R', b'S', b'D', b'S', ..] => short,
            [b'N', b'B', b'1', b'0', ..] => short,
            [b'N', b'B', b'0' | b'1', _, ..] => {
                let trailer = content.len().checked_sub(8).and_then(|at| content.get(at..));
                trailer.is_some_and(|trailer| {
                    trailer.get(..4) == content.get(..4)
                        && trailer.pread_with::<u32>(4, LE).is_ok_and(|size| size as usize == content.len())
                })
            }
            _ => false,
        },
        // The name of a file, in a record that tells its own length.
        4 => short && content.pread_with::<u32>(4, LE).is_ok_and(|length| length as usize == content.len()),
        // IMAGE_DEBUG_TYPE_COFF to IMAGE_DEBUG_TYPE_EX_DLLCHARACTERISTICS.
        1..=20 => short,
        _ => false,
    }
}

/// The COFF symbol table and the string table behind it, if they are that.
fn symbols(image: &Image<'_>, budget: &mut Budget) -> Result<Option<Range<usize>>, Exhausted> {
    let bytes = image.bytes;
    let Some(coff) = image.coff.filter(|coff| coff.pointer_to_symbol_table != 0) else {
        return Ok(None);
    };
    let start = coff.pointer_to_symbol_table as usize;
    let count = coff.number_of_symbol_table as usize;
    let strings = start.saturating_add(count.saturating_mul(COFF_SYMBOL_SIZE));
    let Some(table) = bytes.get(start..strings) else {
        return Ok(None);
    };
    // The length counts itself; a table without strings may have no length at all.
    let length = bytes.pread_with::<u32>(strings, LE).unwrap_or(0) as usize;
    let end = strings.saturating_add(length);
    let Some(names) = bytes.get(strings..end) else {
        return Ok(None);
    };
    for chunk in names.get(4..).unwrap_or_default().chunks(CHUNK) {
        budget.step(1)?;
        if chunk.iter().any(|&byte| byte < b' ' && byte != 0) {
            return Ok(None);
        }
    }
    let (mut left, mut symbols, mut auxiliaries) = (table.chunks_exact(COFF_SYMBOL_SIZE), 0usize, 0usize);
    while let Some(symbol) = left.next() {
        symbols += 1;
        if symbols.is_multiple_of(CHUNK) {
            budget.step(1)?;
        }
        let behind = symbol[17];
        if !is_symbol(symbol, image.sections.len(), length) || behind > AUXILIARY_MAX {
            return Ok(None);
        }
        auxiliaries += usize::from(behind);
        if behind > 0 && left.nth(usize::from(behind) - 1).is_none() {
            return Ok(None);
        }
    }
    // What auxiliary records hold is not looked at, so there must not be many of them.
    Ok((auxiliaries <= 2 * symbols).then_some(start..end))
}

/// Whether a record of 18 bytes is a symbol: a name or a place in the string table, a section that there is, and a
/// storage class that there is.
fn is_symbol(symbol: &[u8], sections: usize, strings: usize) -> bool {
    let named = match symbol {
        [0, 0, 0, 0, rest @ ..] => rest.pread_with::<u32>(0, LE).is_ok_and(|at| (at as usize) < strings.max(5)),
        _ => symbol.iter().take(8).all(|&byte| byte == 0 || byte >= b' '),
    };
    // -2 and -1 are debugging and absolute symbols, 0 is elsewhere.
    let placed = symbol.pread_with::<i16>(12, LE).is_ok_and(|section| {
        (-2..=0).contains(&section) || usize::try_from(section).is_ok_and(|section| section <= sections)
    });
    let class = symbol.get(16).is_some_and(|class| matches!(class, 0..=18 | 100..=107 | 111..=113 | 127 | 255));
    named && placed && class
}

/// COFF line numbers, if they are that: each an address in the section, or line 0 and the number of a symbol.
fn lines(
    image: &Image<'_>,
    start: usize,
    count: usize,
    addresses: Range<u32>,
    budget: &mut Budget,
) -> Result<Option<Range<usize>>, Exhausted> {
    let span = start..start.saturating_add(count * LINE_SIZE);
    let Some(table) = image.bytes.get(span.clone()).filter(|table| start > 0 && !table.is_empty()) else {
        return Ok(None);
    };
    budget.step(1 + count as u64 / 1024)?;
    let symbols = image.coff.map_or(0, |coff| coff.number_of_symbol_table);
    let is_line = |line: &[u8]| {
        let (Ok(place), Ok(line)) = (line.pread_with::<u32>(0, LE), line.pread_with::<u16>(4, LE)) else {
            return false;
        };
        if line == 0 { place <= symbols } else { addresses.contains(&place) }
    };
    Ok(table.chunks_exact(LINE_SIZE).all(is_line).then_some(span))
}

/// Whether it is one byte over and over.
fn is_padding(bytes: &[u8], budget: &mut Budget) -> Result<bool, Exhausted> {
    for chunk in bytes.chunks(CHUNK) {
        budget.step(1)?;
        if chunk.iter().any(|byte| Some(byte) != bytes.first()) {
            return Ok(false);
        }
    }
    Ok(true)
}
