//! Where files lie: the second block of the setup data, an entry of fixed length for each.

use super::layout::LocationLayout;
use super::sum::FileSum;
use crate::numbers::{le32, le64};

/// A file, and the chunk that it is packed in, alone or with others.
pub(super) struct PackedFile {
    /// Which entry it is.
    pub(super) number: usize,
    /// Whether all of its chunk is in this installer, not in a file beside it.
    pub(super) is_here: bool,
    /// Place and size of the chunk.
    pub(super) start: usize,
    pub(super) packed: usize,
    /// Place and size within what the chunk unpacks to.
    pub(super) offset: usize,
    pub(super) size: usize,
    pub(super) sum: FileSum,
    /// Whether its calls were changed, and its chunk is encrypted or packed.
    pub(super) is_filtered: bool,
    pub(super) is_encrypted: bool,
    pub(super) is_packed: bool,
}

impl PackedFile {
    /// What all files of one chunk have in common.
    pub(super) fn chunk(&self) -> (usize, usize, bool, bool, bool) {
        (self.start, self.packed, self.is_here, self.is_encrypted, self.is_packed)
    }

    fn read(number: usize, entry: &[u8], layout: &LocationLayout) -> Option<PackedFile> {
        let behind = 8 + layout.start;
        let sum = behind + 24;
        let sum_end = sum + layout.sum.length();
        // Two times and versions of eight bytes stand before the flags.
        let flags = *entry.get(sum_end + 16)?;
        let is = |bit: u8| flags >> bit & 1 != 0;
        Some(PackedFile {
            number,
            is_here: (le32(entry, 0)?, le32(entry, 4)?) == (0, 0),
            start: if layout.start == 8 { le64(entry, 8)? } else { le32(entry, 8)? },
            offset: le64(entry, behind)?,
            size: le64(entry, behind + 8)?,
            packed: le64(entry, behind + 16)?,
            sum: FileSum::read(layout.sum, entry.get(sum..sum_end)?),
            is_filtered: is(layout.is_filtered),
            is_encrypted: is(layout.is_encrypted),
            is_packed: is(layout.is_packed),
        })
    }
}

/// All files in the order of their chunks, and of their places there; none where the entries are not whole.
pub(super) fn read(block: &[u8], layout: &LocationLayout) -> Option<Vec<PackedFile>> {
    let entries = block.chunks_exact(layout.length());
    if !entries.remainder().is_empty() {
        return None;
    }
    let files = entries.enumerate().map(|(number, entry)| PackedFile::read(number, entry, layout));
    let mut files = files.collect::<Option<Vec<PackedFile>>>()?;
    files.sort_by_key(|file| (file.chunk(), file.offset, file.size));
    Some(files)
}
