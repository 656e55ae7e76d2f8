//! Text in binary files: runs of printable ASCII, one or two bytes wide, gathered into batches.
//!
//! Words are searched in text only, and text is a tenth to a third of most images. So the bytes are first
//! sifted, 64 at a time, with plain arithmetic that compilers turn into SIMD; what remains is copied into a
//! batch, wide text made narrow, so that the search needs no second set of words and is entered once per batch
//! and not once per run.
//!
//! ```text
//! for each block of 64 bytes, 52 bytes apart:
//!     P = bit i: byte i is printable
//!     narrow = P & P>>1 & ... & P>>5                            six in a row
//!     if P & P>>2 & ... & P>>10 has a bit:                      maybe six wide ones
//!         W = P & (bit i: byte i + 1 is zero);  wide = W & W>>2 & ... & W>>10
//!     the lowest bit of narrow | wide starts a run, which goes on as far as it goes
//! ```

use std::ops::Range;

use crate::mask::{self, BLOCK, is_printable};

/// Characters in the shortest run that is kept: the shortest word searched for has as many.
pub(crate) const RUN_MIN: usize = 6;

/// A batch is closed when it has as many bytes: it and the search automaton then stay in the cache.
const BATCH_BYTES: usize = 16 << 10;

/// Longest piece of one run in a batch. Longer runs are cut into pieces that overlap.
const PIECE_MAX: usize = 8 << 10;

/// Overlap of the pieces of one run, in characters: more than the longest word and its context.
const OVERLAP: usize = 128;

/// The last of six wide characters that start in a block must end in it.
const STRIDE: usize = BLOCK - 2 * RUN_MIN;

/// Ends each piece in a batch. Not printable, so no word and no look around one crosses it.
pub(crate) const SEPARATOR: u8 = b'\n';

/// A piece of a run.
#[derive(Clone, Copy, Debug)]
struct Piece {
    /// Offset in the batch.
    batch: usize,
    /// Offset in the file.
    file: usize,
    /// Bytes per character.
    width: usize,
}

/// Sixty-four bytes of the file and where runs start in them.
#[derive(Clone, Copy, Default, Debug)]
struct ByteBlock {
    base: usize,
    printable: u64,
    narrow: u64,
    wide: u64,
}

/// Batches of the text in a file. Scratch, reused from file to file.
#[derive(Default, Debug)]
pub(crate) struct Text {
    batch: Vec<u8>,
    pieces: Vec<Piece>,
    /// Offset at which the search for runs continues.
    position: usize,
    /// The block that `position` is in; several runs may start in one.
    block: Option<ByteBlock>,
}

impl Text {
    /// Starts over, for another file.
    pub(crate) fn rewind(&mut self) {
        self.position = 0;
        self.block = None;
    }

    /// The text gathered by the last call of [`Text::gather`].
    pub(crate) fn batch(&self) -> &[u8] {
        &self.batch
    }

    /// The pieces of the batch, each with its bytes per character in the file.
    pub(crate) fn pieces(&self) -> impl Iterator<Item = (usize, &[u8])> {
        let ends = self.pieces.iter().skip(1).map(|piece| piece.batch).chain([self.batch.len()]);
        // Without the separator that ends each.
        self.pieces
            .iter()
            .zip(ends)
            .map(|(piece, end)| (piece.width, self.batch.get(piece.batch..end.saturating_sub(1)).unwrap_or_default()))
    }

    /// Fills the next batch: stops when it is full, after `stop_after` bytes of the file, or at the end. Returns false
    /// if there is no more.
    pub(crate) fn gather(&mut self, bytes: &[u8], stop_after: usize) -> bool {
        self.batch.clear();
        self.pieces.clear();
        let stop = self.position.saturating_add(stop_after).min(bytes.len());
        while self.batch.len() < BATCH_BYTES && self.position < stop {
            let block = match self.block {
                Some(block) if self.position - block.base < STRIDE => block,
                _ => ByteBlock::read(bytes, self.position),
            };
            self.block = Some(block);
            let passed = self.position - block.base;
            // Runs that start in the last bytes of a block are found again at the start of the next.
            let starts = (block.narrow | block.wide) >> passed << passed & ((1 << STRIDE) - 1);
            if starts == 0 {
                self.position = block.base + STRIDE;
            } else {
                self.take_piece(bytes, &block, starts.trailing_zeros());
            }
        }
        !self.batch.is_empty() || self.position < bytes.len()
    }

    fn take_piece(&mut self, bytes: &[u8], block: &ByteBlock, bit: u32) {
        let start = block.base + bit as usize;
        let rest = bytes.get(start..).unwrap_or_default();
        let width = if block.narrow >> bit & 1 == 1 { 1 } else { 2 };
        let rest = rest.get(..PIECE_MAX * width).unwrap_or(rest);
        self.pieces.push(Piece { batch: self.batch.len(), file: start, width });
        let characters = if width == 1 {
            let in_block = (block.printable >> bit).trailing_ones();
            let characters = if bit + in_block < 64 { in_block as usize } else { narrow_length(rest) };
            self.batch.extend_from_slice(rest.get(..characters).unwrap_or_default());
            characters
        } else {
            let characters = wide_length(rest);
            self.batch.extend(rest.chunks_exact(2).take(characters).map(|pair| pair[0]));
            characters
        };
        self.batch.push(SEPARATOR);
        // The rest of a run that was cut is found as a run of its own.
        let passed = if characters == PIECE_MAX { PIECE_MAX - OVERLAP } else { characters };
        self.position = start + passed * width;
    }

    /// Range in the file of some characters of the batch.
    pub(crate) fn file_span(&self, span: Range<usize>) -> Range<usize> {
        let after = self.pieces.partition_point(|piece| piece.batch <= span.start);
        let Some(piece) = after.checked_sub(1).and_then(|index| self.pieces.get(index)) else {
            return 0..0;
        };
        let place = |at: usize| piece.file + (at - piece.batch) * piece.width;
        place(span.start)..place(span.end)
    }
}

impl ByteBlock {
    fn read(bytes: &[u8], base: usize) -> ByteBlock {
        let rest = bytes.get(base..).unwrap_or_default();
        match rest.first_chunk::<BLOCK>() {
            Some(block) => ByteBlock::of(base, block),
            None => {
                // What it is filled with is neither printable nor zero.
                let mut block = [0xff; BLOCK];
                block.iter_mut().zip(rest).for_each(|(filled, &byte)| *filled = byte);
                ByteBlock::of(base, &block)
            }
        }
    }

    fn of(base: usize, block: &[u8; BLOCK]) -> ByteBlock {
        let printable = mask::printable(block);
        let two = printable & printable >> 1;
        let narrow = two & two >> 2 & two >> 4;
        let pairs = printable & printable >> 2;
        let mut wide = 0;
        if pairs & pairs >> 4 & pairs >> 8 != 0 {
            let characters = printable & mask::zero(block) >> 1;
            let pairs = characters & characters >> 2;
            wide = pairs & pairs >> 4 & pairs >> 8;
        }
        ByteBlock { base, printable, narrow, wide }
    }
}

/// Printable characters that `bytes` starts with.
fn narrow_length(bytes: &[u8]) -> usize {
    let mut length = 0;
    for block in bytes.as_chunks::<BLOCK>().0 {
        let printable = mask::printable(block);
        if printable != u64::MAX {
            return length + printable.trailing_ones() as usize;
        }
        length += BLOCK;
    }
    let rest = bytes.get(length..).unwrap_or_default();
    length + rest.iter().take_while(|&&byte| is_printable(byte)).count()
}

/// Wide printable characters that `bytes` starts with.
fn wide_length(bytes: &[u8]) -> usize {
    bytes.chunks_exact(2).take_while(|pair| is_printable(pair[0]) && pair[1] == 0).count()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// All text of `bytes`, each piece with its place.
    fn gather_all(bytes: &[u8]) -> Vec<(usize, usize, String)> {
        let mut text = Text::default();
        let mut found = Vec::new();
        while text.gather(bytes, usize::MAX) {
            for piece in &text.pieces {
                let rest = &text.batch[piece.batch..];
                let end = rest.iter().position(|&byte| byte == SEPARATOR).unwrap();
                found.push((piece.file, piece.width, String::from_utf8(rest[..end].to_vec()).unwrap()));
            }
        }
        found
    }

    #[track_caller]
    fn check(bytes: &[u8], expected: &[(usize, usize, &str)]) {
        let found = gather_all(bytes);
        let found: Vec<_> = found.iter().map(|(at, width, text)| (*at, *width, text.as_str())).collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn runs_of_both_widths_are_found() {
        check(b"\x01\x02vssadmin\0\xffshort\0\0w\0i\0d\0e\0r\0s\0\0", &[(2, 1, "vssadmin"), (19, 2, "widers")]);
    }

    #[test]
    fn runs_shorter_than_six_are_left_out() {
        check(b"short\0\0s\0h\0o\0r\0t\0\xff", &[]);
    }

    #[test]
    fn runs_are_found_at_every_alignment_to_a_block() {
        for before in 0..200 {
            let mut bytes = vec![0x80; before];
            bytes.extend_from_slice(b"needle");
            check(&bytes, &[(before, 1, "needle")]);
            bytes.extend_from_slice(&[0x80; 70]);
            bytes.extend_from_slice(b"n\0e\0e\0d\0l\0e\0");
            check(&bytes, &[(before, 1, "needle"), (before + 76, 2, "needle")]);
        }
    }

    #[test]
    fn long_runs_are_cut_into_overlapping_pieces() {
        let found = gather_all(&vec![b'a'; 3 * PIECE_MAX]);
        assert!(found.len() > 3);
        for pair in found.windows(2) {
            assert_eq!(pair[1].0, pair[0].0 + PIECE_MAX - OVERLAP);
        }
        let last = found.last().unwrap();
        assert_eq!(last.0 + last.2.len(), 3 * PIECE_MAX);
    }

    proptest! {
        #[test]
        fn every_run_is_where_it_says_it_is(bytes in proptest::collection::vec(
            prop_oneof![3 => 0x20u8..0x7f, 2 => Just(0u8), 1 => any::<u8>()], 0..600)) {
            for (at, width, text) in gather_all(&bytes) {
                let there: Vec<u8> = bytes[at..].iter().step_by(width).copied().take(text.len()).collect();
                prop_assert_eq!(there, text.into_bytes());
            }
        }

        #[test]
        fn no_narrow_run_is_missed(bytes in proptest::collection::vec(
            prop_oneof![3 => 0x20u8..0x7f, 1 => 0x80u8..], 0..600)) {
            let expected: Vec<&[u8]> =
                bytes.split(|&byte| !is_printable(byte)).filter(|run| run.len() >= RUN_MIN).collect();
            let found: Vec<Vec<u8>> = gather_all(&bytes).into_iter().map(|(_, _, text)| text.into_bytes()).collect();
            prop_assert_eq!(found, expected);
        }
    }
}
