//! What the loader looks at: where in the file an address lies, by the program headers alone.

use std::ops::Range;

use goblin::container::Ctx;
use goblin::elf::program_header::{PT_LOAD, ProgramHeader};

/// The bytes of a file, and the program headers that say where they are loaded.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LoaderView<'i> {
    /// The whole file.
    pub bytes: &'i [u8],
    /// Parameters with which goblin reads entries.
    pub ctx: Ctx,
    /// The program headers that lie in the file.
    pub segments: &'i [ProgramHeader],
}

impl LoaderView<'_> {
    /// Range of the file that is loaded at `address`, up to the end of its segment. The segment mapped last covers
    /// others (binfmt_elf.c maps each with `MAP_FIXED`).
    pub(crate) fn from(self, address: u64) -> Option<Range<usize>> {
        let inside = |segment: &&ProgramHeader| address.wrapping_sub(segment.p_vaddr) < segment.p_filesz;
        let home = self.segments.iter().rev().filter(|segment| segment.p_type == PT_LOAD).find(inside)?;
        let skipped = address.wrapping_sub(home.p_vaddr);
        let part = clip(self.bytes.len(), home.p_offset.saturating_add(skipped), home.p_filesz - skipped, 1);
        (!part.is_empty()).then_some(part)
    }
}

/// The part of a file of `length` bytes that holds a table of `count` entries at `offset`. Whatever the
/// numbers are, it starts and ends in the file.
pub(crate) fn clip(length: usize, offset: u64, count: u64, entry_bytes: usize) -> Range<usize> {
    let start = usize::try_from(offset).unwrap_or(usize::MAX).min(length);
    let wanted = count.saturating_mul(entry_bytes as u64);
    let size = usize::try_from(wanted).unwrap_or(usize::MAX).min(length - start);
    start..start + size
}
