//! Headers of PE images, as far as unpacking needs them, and changes to them.

use std::ops::Range;

use crate::numbers::{le16, le32, put_le32};

/// The signature and the COFF header behind it, in bytes.
pub(crate) const COFF_END: usize = 24;
/// A row of the table of sections, in bytes.
pub(crate) const SECTION_ROW: usize = 40;
/// Most sections of a program inside.
const SECTIONS_MAX: usize = 96;
const SIGNATURE: &[u8] = b"PE\0\0";
const DIRECTORIES: usize = 16;

/// Places of directories in their table.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Table {
    Exports = 0,
    Imports = 1,
    Resources = 2,
    Signatures = 4,
    Relocations = 5,
}

/// Where the headers of an image stand in some bytes.
#[derive(Clone, Debug)]
pub(crate) struct PeHead {
    /// Offset of the signature.
    pub(crate) start: usize,
    pub(crate) is_64: bool,
    pub(crate) characteristics: usize,
    pub(crate) image_base: u64,
    pub(crate) sections: Vec<PeSection>,
    /// Whether the signature is as it should be.
    pub(crate) is_signed: bool,
}

/// A row of the table of sections.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PeSection {
    pub(crate) virtual_size: usize,
    pub(crate) address: usize,
    pub(crate) raw_size: usize,
    pub(crate) raw_start: usize,
}

impl PeSection {
    /// What of it is in the file.
    pub(crate) fn raw(&self) -> Range<usize> {
        self.raw_start..self.raw_start.saturating_add(self.raw_size)
    }

    /// Addresses that it takes up.
    pub(crate) fn addresses(&self) -> Range<usize> {
        self.address..self.address.saturating_add(self.virtual_size.max(1))
    }
}

impl PeHead {
    /// The headers of the image that begins with these bytes.
    pub(crate) fn of_file(bytes: &[u8]) -> Option<PeHead> {
        let start = bytes.starts_with(b"MZ").then(|| le32(bytes, 60)).flatten()?;
        let optional = le16(bytes, start.checked_add(20)?)?;
        PeHead::read(bytes, start, COFF_END + optional).filter(|head| head.is_signed)
    }

    /// The headers that a packer kept at `start`: the table of sections stands right behind the directories.
    pub(crate) fn kept(bytes: &[u8], start: usize) -> Option<PeHead> {
        let is_64 = le16(bytes, start.checked_add(COFF_END)?)? == 0x20b;
        PeHead::read(bytes, start, if is_64 { 0x108 } else { 0xf8 })
    }

    fn read(bytes: &[u8], start: usize, size: usize) -> Option<PeHead> {
        let head = bytes.get(start..)?;
        let is_64 = match le16(head, COFF_END)? {
            0x10b => false,
            0x20b => true,
            _ => return None,
        };
        let count = le16(head, 6)?;
        if count == 0 || count > SECTIONS_MAX {
            return None;
        }
        let section = |index: usize| {
            let row = head.get(size + index * SECTION_ROW..)?;
            Some(PeSection {
                virtual_size: le32(row, 8)?,
                address: le32(row, 12)?,
                raw_size: le32(row, 16)?,
                raw_start: le32(row, 20)?,
            })
        };
        let low = le32(head, if is_64 { 48 } else { 52 })? as u64;
        let high = if is_64 { le32(head, 52)? as u64 } else { 0 };
        Some(PeHead {
            start,
            is_64,
            characteristics: le16(head, 22)?,
            image_base: high << 32 | low,
            sections: (0..count).map(section).collect::<Option<_>>()?,
            is_signed: head.starts_with(SIGNATURE),
        })
    }

    /// Bytes from the signature to the end of the directories.
    pub(crate) fn size(&self) -> usize {
        if self.is_64 { 0x108 } else { 0xf8 }
    }

    /// Bytes of an address in tables.
    pub(crate) fn pointer(&self) -> usize {
        if self.is_64 { 8 } else { 4 }
    }

    fn row(&self, table: Table) -> usize {
        self.start + self.size() - (DIRECTORIES - table as usize) * 8
    }

    /// Address and size of a directory.
    pub(crate) fn directory(&self, bytes: &[u8], table: Table) -> Option<(usize, usize)> {
        let row = self.row(table);
        Some((le32(bytes, row)?, le32(bytes, row + 4)?)).filter(|(address, _)| *address != 0)
    }

    /// Changes address and size of a directory.
    pub(crate) fn put_directory(&self, bytes: &mut [u8], table: Table, (address, size): (usize, usize)) -> Option<()> {
        let row = self.row(table);
        put_le32(bytes, row, address)?;
        put_le32(bytes, row + 4, size)
    }

    /// Where in the file an address of the image stands.
    pub(crate) fn offset(&self, address: usize) -> Option<usize> {
        let section = self.sections.iter().find(|section| {
            let size = section.virtual_size.max(section.raw_size);
            (section.address..section.address.saturating_add(size)).contains(&address)
        })?;
        (address - section.address).checked_add(section.raw_start)
    }
}

/// The signature of PE, where another stands.
pub(crate) fn mend_signature(bytes: &mut [u8], start: usize) {
    if let Some(signature) = bytes.get_mut(start..).and_then(|rest| rest.get_mut(..SIGNATURE.len())) {
        signature.copy_from_slice(SIGNATURE);
    }
}
