//! A block of setup data: a header with a checksum, then pieces, each behind its own.
//!
//! Source: Inno Setup, Projects/Src/Compression.Base.pas (`TCompressedBlockReader`).

use std::io::{self, Read};

use analyzers::{Budget, Exhausted};

use super::table::crc32;
use super::unpack;
use crate::numbers::{le32, le64};

/// Bytes of a piece; the last may have fewer.
const PIECE: usize = 4096;
const CHECKSUM: usize = 4;

/// A block of which the header is right.
pub(super) struct SetupBlock<'a> {
    pieces: &'a [u8],
    is_packed: bool,
    /// Where it ends.
    pub(super) end: usize,
}

impl<'a> SetupBlock<'a> {
    /// The block at `at`; its size has `size_length` bytes.
    pub(super) fn open(bytes: &'a [u8], at: usize, size_length: usize) -> Option<SetupBlock<'a>> {
        let size = at.checked_add(CHECKSUM)?;
        let flag = size + size_length;
        let start = flag + 1;
        if le32(bytes, at)? != crc32(bytes.get(size..start)?) as usize {
            return None;
        }
        let length = if size_length == 8 { le64(bytes, size)? } else { le32(bytes, size)? };
        let end = start.checked_add(length)?;
        Some(SetupBlock { pieces: bytes.get(start..end)?, is_packed: bytes.get(flag) != Some(&0), end })
    }

    /// What it unpacks to; none where a checksum is wrong or its method is not known.
    pub(super) fn reader(&self, budget: &mut Budget) -> Result<Option<Box<dyn Read + 'a>>, Exhausted> {
        let pieces = self.pieces.chunks(CHECKSUM + PIECE);
        budget.step(pieces.len() as u64)?;
        let mut all = pieces.map(|piece| piece.split_at_checked(CHECKSUM));
        let is_right = all.all(|piece| {
            piece.is_some_and(|(crc, data)| !data.is_empty() && le32(crc, 0) == Some(crc32(data) as usize))
        });
        if !is_right {
            return Ok(None);
        }
        let pieces = BlockPieces { rest: self.pieces, piece: &[] };
        Ok(if self.is_packed { unpack::lzma(pieces, u32::MAX) } else { Some(Box::new(pieces)) })
    }
}

/// Reads pieces whose checksums are right.
struct BlockPieces<'a> {
    rest: &'a [u8],
    piece: &'a [u8],
}

impl Read for BlockPieces<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if self.piece.is_empty() {
            let (next, rest) = self.rest.split_at(self.rest.len().min(CHECKSUM + PIECE));
            self.piece = next.get(CHECKSUM..).unwrap_or_default();
            self.rest = rest;
        }
        self.piece.read(into)
    }
}
