//! A section header, and which bytes of the file the loader of Windows puts at which address for it.
//!
//! Sources, in the order in which they decide: corkami, "PE", High alignment ("if a section is physically bigger
//! than virtually, then its physical size is replaced by its virtual size"; "if a section is virtually empty, then
//! its physical size is used"); ReactOS, ntoskrnl/mm/section.c, `PeFmtCreateSection` (no data where the pointer or
//! the size is zero; a section goes on to the next SectionAlignment); PE/COFF specification, "Section Table". That
//! pointers are rounded down to sectors of 512 bytes is corkami's too, and so is that sizes are rounded up.

use std::ops::Range;

use goblin::pe::section_table::{IMAGE_SCN_MEM_EXECUTE, IMAGE_SCN_MEM_WRITE, SIZEOF_SECTION_TABLE};
use scroll::{LE, Pread};

/// Bytes of a page: the least that is mapped.
pub(crate) const PAGE: u32 = 0x1000;

/// Bytes of a sector: what pointers into the file are rounded down to, and sizes up.
pub(crate) const SECTOR: u32 = 0x200;

/// A section header.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Section {
    /// File offset of this header.
    pub(crate) header: usize,
    pub(crate) name: [u8; 8],
    pub(crate) virtual_size: u32,
    pub(crate) virtual_address: u32,
    pub(crate) raw_size: u32,
    pub(crate) raw_pointer: u32,
    /// File offset and number of COFF line numbers, as compilers of old left them behind the sections.
    pub(crate) lines: (u32, u16),
    pub(crate) characteristics: u32,
}

impl Section {
    /// The section header at `at`, if the file has it.
    pub(crate) fn read(bytes: &[u8], at: usize) -> Option<Section> {
        let row = bytes.get(at..at.checked_add(SIZEOF_SECTION_TABLE)?)?;
        let word = |offset: usize| row.pread_with::<u32>(offset, LE).ok();
        Some(Section {
            header: at,
            name: row.get(..8)?.try_into().ok()?,
            virtual_size: word(8)?,
            virtual_address: word(12)?,
            raw_size: word(16)?,
            raw_pointer: word(20)?,
            lines: (word(28)?, row.pread_with(34, LE).ok()?),
            characteristics: word(36)?,
        })
    }

    /// Range of the section header.
    pub(crate) fn header_span(&self) -> Range<usize> {
        self.header..self.header + SIZEOF_SECTION_TABLE
    }

    /// Name of the section without its padding.
    pub(crate) fn name(&self) -> &[u8] {
        let end = self.name.iter().position(|&byte| byte == 0).unwrap_or(self.name.len());
        &self.name[..end]
    }

    pub(crate) fn is_executable(&self) -> bool {
        self.characteristics & IMAGE_SCN_MEM_EXECUTE != 0
    }

    pub(crate) fn is_writable(&self) -> bool {
        self.characteristics & IMAGE_SCN_MEM_WRITE != 0
    }

    /// Whether it holds what only a debugger reads: `.debug_info` and the like, or a name of MinGW's that is an offset
    /// into the string table (no other names are that long), and no code.
    pub(crate) fn is_debug_data(&self) -> bool {
        let named = match self.name() {
            [b'/', digits @ ..] => !digits.is_empty() && digits.iter().all(u8::is_ascii_digit),
            name => name.starts_with(b".debug") || name.starts_with(b".zdebug") || name.starts_with(b".stab"),
        };
        named && !self.is_executable() && !self.is_writable()
    }

    /// Addresses it takes up: the loader maps the virtual size, or the raw size where that is zero.
    pub(crate) fn extent(&self) -> u32 {
        if self.virtual_size == 0 { self.raw_size } else { self.virtual_size }
    }

    /// Whether an address is in it.
    pub(crate) fn holds(&self, address: u32) -> bool {
        address.checked_sub(self.virtual_address).is_some_and(|delta| delta < self.extent())
    }

    /// Whether an address is in it or in what is left of its last page, which is mapped from the file as well.
    pub(crate) fn holds_in_last_page(&self, address: u32) -> bool {
        let pages = u64::from(self.extent()).next_multiple_of(u64::from(PAGE));
        address.checked_sub(self.virtual_address).is_some_and(|delta| u64::from(delta) < pages)
    }

    /// The bytes that its header claims, cut where the file ends.
    pub(crate) fn raw(&self, file_size: usize) -> Range<usize> {
        let start = (self.raw_pointer as usize).min(file_size);
        start..start.saturating_add(self.raw_size as usize).min(file_size)
    }

    /// The bytes that the loader maps, cut where the file ends: whole sectors, none where pointer or size is zero, and
    /// no more than there are pages for. What a header claims beyond that is not part of the program.
    pub(crate) fn mapped(&self, file_size: usize) -> Range<usize> {
        if self.raw_pointer == 0 || self.raw_size == 0 {
            return 0..0;
        }
        let sector = u64::from(SECTOR);
        let start = u64::from(self.raw_pointer) & !(sector - 1);
        let claimed = (u64::from(self.raw_pointer) + u64::from(self.raw_size)).next_multiple_of(sector);
        let pages = u64::from(self.extent()).next_multiple_of(u64::from(PAGE));
        let cut = |at: u64| usize::try_from(at).unwrap_or(usize::MAX).min(file_size);
        cut(start)..cut(claimed.min(start + pages))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn section(virtual_size: u32, raw_size: u32, raw_pointer: u32) -> Section {
        let name = *b".text\0\0\0";
        Section {
            header: 0,
            name,
            virtual_size,
            virtual_address: 0x1000,
            raw_size,
            raw_pointer,
            lines: (0, 0),
            characteristics: 0,
        }
    }

    #[test]
    fn what_is_mapped_follows_the_loader() {
        for (virtual_size, raw_size, raw_pointer, expected) in [
            (0x1000, 0x200, 0x400, 0x400..0x600),
            // Rounded down and up to sectors.
            (0x1000, 0x1ff, 0x401, 0x400..0x600),
            (0x1000, 0x201, 0x400, 0x400..0x800),
            // No more than its pages; as many bytes as are claimed where the virtual size is zero.
            (0x10, 0x5000, 0x400, 0x400..0x1400),
            (0, 0x5000, 0x400, 0x400..0x5400),
            (0x1000, 0x200, 0, 0..0),
            (0x1000, 0, 0x400, 0..0),
            (u32::MAX, u32::MAX, u32::MAX, 0x8000..0x8000),
        ] {
            assert_eq!(section(virtual_size, raw_size, raw_pointer).mapped(0x8000), expected);
        }
    }

    #[test]
    fn a_surplus_of_raw_data_takes_up_no_addresses() {
        let section = section(0x10, 0x5000, 0x400);
        assert!(section.holds(0x1000) && section.holds(0x100f) && !section.holds(0x1010) && !section.holds(0xfff));
        assert!(section.holds_in_last_page(0x1fff) && !section.holds_in_last_page(0x2000));
    }
}
