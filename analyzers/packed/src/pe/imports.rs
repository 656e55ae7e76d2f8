//! The functions that a program imports. UPX keeps their names without the tables that a loader reads; here they get tables
//! again, in the room that the original ones had, or behind the program.
//!
//! Source: PE/COFF specification, "The .idata Section".

use std::ops::Range;

use analyzers::Budget;

use super::head::{PeHead, Table};
use crate::numbers::{le16, le32, put_le32};
use crate::setback::Setback;

/// A row of the table of libraries, in bytes.
const LIBRARY_ROW: usize = 20;
/// Most libraries and functions. Large programs import some thousand functions from a hundred libraries.
const LIBRARIES_MAX: usize = 4096;
const FUNCTIONS_MAX: usize = 64 << 10;
/// Longest name, in bytes.
const NAME_MAX: usize = 4096;

/// A library whose functions are imported.
#[derive(Debug)]
pub(crate) struct ImportedLibrary {
    name: Vec<u8>,
    /// Where in the program the addresses of its functions go.
    thunks: usize,
    functions: Vec<ImportedFunction>,
}

#[derive(Debug)]
enum ImportedFunction {
    Name(Vec<u8>),
    Ordinal(usize),
}

impl ImportedLibrary {
    /// The part of the program that addresses go to, with the zero at its end.
    fn thunks(&self, pointer: usize) -> Range<usize> {
        self.thunks..self.thunks + (self.functions.len() + 1) * pointer
    }
}

/// Reads what the packer kept at `at` in the program. Names of libraries stand in the packed file, at these bytes.
pub(crate) fn read(
    image: &[u8],
    at: usize,
    names: &[u8],
    budget: &mut Budget,
) -> Result<Vec<ImportedLibrary>, Setback> {
    let mut kept = image.get(at..).ok_or(Setback::Broken)?;
    let (mut libraries, mut functions) = (Vec::new(), 0);
    loop {
        budget.step(1)?;
        let name = le32(kept, 0).ok_or(Setback::Broken)?;
        if name == 0 {
            return Ok(libraries);
        }
        let thunks = le32(kept, 4).filter(|thunks| *thunks < image.len()).ok_or(Setback::Broken)?;
        let (name, _) = text(names.get(name..).ok_or(Setback::Broken)?)?;
        kept = kept.get(8..).ok_or(Setback::Broken)?;
        let mut library = ImportedLibrary { name: name.to_vec(), thunks, functions: Vec::new() };
        loop {
            let (&kind, rest) = kept.split_first().ok_or(Setback::Broken)?;
            let function;
            (function, kept) = match kind {
                0 => {
                    kept = rest;
                    break;
                }
                1 => {
                    let (name, rest) = text(rest)?;
                    (ImportedFunction::Name(name.to_vec()), rest)
                }
                0xff => {
                    let ordinal = le16(rest, 0).ok_or(Setback::Broken)?;
                    (ImportedFunction::Ordinal(ordinal), rest.get(2..).ok_or(Setback::Broken)?)
                }
                _ => return Err(Setback::Unknown),
            };
            functions += 1;
            if functions > FUNCTIONS_MAX || libraries.len() >= LIBRARIES_MAX {
                return Err(Setback::Broken);
            }
            budget.step(1)?;
            library.functions.push(function);
        }
        libraries.push(library);
    }
}

/// The text up to a zero, and what follows that.
fn text(bytes: &[u8]) -> Result<(&[u8], &[u8]), Setback> {
    let end = bytes.iter().take(NAME_MAX).position(|&byte| byte == 0).ok_or(Setback::Broken)?;
    let (name, rest) = bytes.split_at(end);
    Ok((name, rest.get(1..).unwrap_or_default()))
}

/// Room for tables in a program.
struct Room<'i> {
    image: &'i mut Vec<u8>,
    /// Where the next table may stand.
    at: usize,
    /// The end of what the original tables had.
    end: usize,
    /// What addresses go to, in order; and how many of these parts are before that place.
    taken: Vec<Range<usize>>,
    passed: usize,
}

impl Room<'_> {
    /// Writes a table: where there are zeros only, else behind the program. Returns its place.
    fn put(&mut self, table: &[u8], align: usize) -> usize {
        let place = self.free(table.len(), align);
        let end = place + table.len();
        if self.image.len() < end {
            self.image.resize(end, 0);
        }
        if let Some(room) = self.image.get_mut(place..end) {
            room.copy_from_slice(table);
        }
        place
    }

    fn free(&mut self, length: usize, align: usize) -> usize {
        let mut place = self.at.next_multiple_of(align);
        while place + length <= self.end {
            let part = place..place + length;
            while self.taken.get(self.passed).is_some_and(|taken| taken.end <= place) {
                self.passed += 1;
            }
            let taken = self.taken.get(self.passed).filter(|taken| taken.start < part.end);
            let last = self.image.get(part.clone()).and_then(|part| part.iter().rposition(|&byte| byte != 0));
            match (taken, last) {
                (None, None) => {
                    self.at = part.end;
                    return place;
                }
                (Some(taken), _) => place = taken.end.next_multiple_of(align),
                (None, Some(last)) => place = (place + last + 1).next_multiple_of(align),
            }
        }
        // What is larger than one gap is larger than the next, too: no gap is looked for twice.
        self.end = self.at;
        self.image.len().next_multiple_of(align)
    }

    /// The same of a name, in an even place.
    fn put_name(&mut self, name: &[u8]) -> usize {
        self.put(name, 2)
    }
}

/// Writes the tables, and where they stand into the headers at `head`. `first` is the address of the program's first byte.
pub(crate) fn write(
    libraries: &[ImportedLibrary],
    image: &mut Vec<u8>,
    (header, head): (&mut [u8], &PeHead),
    first: usize,
    budget: &mut Budget,
) -> Result<(), Setback> {
    let pointer = head.pointer();
    let (address, _) = head.directory(header, Table::Imports).ok_or(Setback::Broken)?;
    let section = head.sections.iter().find(|section| section.addresses().contains(&address));
    let end = section.map_or(0, |section| section.addresses().end.saturating_sub(first)).min(image.len());
    let mut taken: Vec<Range<usize>> = libraries.iter().map(|library| library.thunks(pointer)).collect();
    taken.sort_unstable_by_key(|taken| taken.start);
    let mut room = Room { image, at: address.saturating_sub(first), end, taken, passed: 0 };
    let mut rows = Vec::new();
    let table = room.put(&vec![0xff; (libraries.len() + 1) * LIBRARY_ROW], 4);
    for library in libraries {
        budget.step(1 + library.functions.len() as u64)?;
        let lookup = room.put(&vec![0xff; (library.functions.len() + 1) * pointer], pointer);
        let mut thunks = Vec::new();
        for function in &library.functions {
            let thunk = match function {
                ImportedFunction::Ordinal(ordinal) => 1u64 << (pointer * 8 - 1) | *ordinal as u64,
                ImportedFunction::Name(name) => {
                    // A hint of two bytes, the name, a zero.
                    let entry = [&[0, 0], name.as_slice(), &[0]].concat();
                    (room.put_name(&entry) + first) as u64
                }
            };
            thunks.extend_from_slice(thunk.to_le_bytes().get(..pointer).unwrap_or_default());
        }
        thunks.resize(thunks.len() + pointer, 0);
        let name = room.put_name(&[library.name.as_slice(), &[0]].concat());
        for place in [lookup, library.thunks] {
            let part = room.image.get_mut(place..place + thunks.len()).ok_or(Setback::Broken)?;
            part.copy_from_slice(&thunks);
        }
        rows.extend([lookup + first, 0, 0, name + first, library.thunks + first]);
    }
    rows.extend([0; 5]);
    for (index, number) in rows.into_iter().enumerate() {
        put_le32(room.image, table + index * 4, number).ok_or(Setback::Broken)?;
    }
    let size = (libraries.len() + 1) * LIBRARY_ROW;
    head.put_directory(header, Table::Imports, (table + first, size)).ok_or(Setback::Broken)
}
