//! The table of the loader: where the parts of an installer stand in its file.
//!
//! Places count from the beginning of the file, of which only a part is here. But the table says how large the file is, and
//! the part ends where the file does by that size, so places are known from its end.

use std::ops::Range;

use flate2::Crc;

use crate::numbers::{le32, le64};

/// How the table begins that stands at the end of the file, in versions before 5.1.5, and its length.
const AT_END: &[u8] = b"rDlPtS07\x87eVx";
const AT_END_LENGTH: usize = 40;

/// Where the fields of a table stand, and their lengths.
struct TableFields {
    /// Size of the file.
    all: (usize, usize),
    program: (usize, usize),
    program_size: (usize, usize),
    program_crc: (usize, usize),
    setup: (usize, usize),
    packed: (usize, usize),
    /// Checksum of what stands before it.
    crc: (usize, usize),
}

const OLD: TableFields = TableFields::short(12);
const RESOURCE: TableFields = TableFields::short(16);
/// As of version 6.5.
const LONG_RESOURCE: TableFields = TableFields {
    all: (16, 8),
    program: (24, 8),
    program_size: (32, 4),
    program_crc: (36, 4),
    setup: (40, 8),
    packed: (48, 8),
    crc: (60, 4),
};

impl TableFields {
    /// Fields of four bytes, one behind the other.
    const fn short(start: usize) -> TableFields {
        TableFields {
            all: (start, 4),
            program: (start + 4, 4),
            program_size: (start + 8, 4),
            program_crc: (start + 12, 4),
            setup: (start + 16, 4),
            packed: (start + 20, 4),
            crc: (start + 24, 4),
        }
    }
}

/// Places of the parts, from the beginning of what is here.
pub(super) struct LoaderTable {
    /// The table itself.
    pub(super) span: Range<usize>,
    /// The program that the loader unpacks and runs, its size then, and its checksum.
    pub(super) program: usize,
    pub(super) program_size: usize,
    pub(super) program_crc: u32,
    /// The setup data.
    pub(super) setup: usize,
    /// Packed files; none where they are in files of their own.
    pub(super) packed: Option<usize>,
}

impl LoaderTable {
    /// The table in `bytes`, if there is one whose checksum is right. How it begins as a resource does not matter: the loader
    /// does not look at that.
    pub(super) fn read(bytes: &[u8]) -> Option<LoaderTable> {
        let fields = if le32(bytes, 12) == Some(2) { &LONG_RESOURCE } else { &RESOURCE };
        LoaderTable::at(0, fields, bytes).or_else(|| {
            let at = bytes.len().checked_sub(AT_END_LENGTH)?;
            if bytes.get(at..)?.starts_with(AT_END) { LoaderTable::at(at, &OLD, bytes) } else { None }
        })
    }

    fn at(at: usize, fields: &TableFields, bytes: &[u8]) -> Option<LoaderTable> {
        let number = |(field, length): (usize, usize)| {
            if length == 8 { le64(bytes, at + field) } else { le32(bytes, at + field) }
        };
        let (crc, length) = fields.crc;
        if number(fields.crc)? != crc32(bytes.get(at..at + crc)?) as usize {
            return None;
        }
        let before = number(fields.all)?.checked_sub(bytes.len())?;
        let place = |field| number(field)?.checked_sub(before).filter(|&place| place < bytes.len());
        Some(LoaderTable {
            span: at..at + crc + length,
            program: place(fields.program)?,
            program_size: number(fields.program_size)?,
            program_crc: u32::try_from(number(fields.program_crc)?).ok()?,
            setup: place(fields.setup)?,
            packed: if number(fields.packed)? == 0 { None } else { Some(place(fields.packed)?) },
        })
    }
}

/// The checksum that is everywhere in an installer.
pub(super) fn crc32(bytes: &[u8]) -> u32 {
    let mut crc = Crc::new();
    crc.update(bytes);
    crc.sum()
}
