//! Inflating (RFC 1951) within the budget.
//!
//! The declared size is not trusted: the output is counted while it is decompressed.

use std::borrow::Cow;

use analyzers::{Budget, Exhausted, Limit};
use flate2::{Decompress, FlushDecompress, Status};

/// Bytes that are made room for at a time; most parts of documents fit.
const CHUNK_BYTES: usize = 32 << 10;
/// Memory that is kept from part to part, at most.
const SPARE_BYTES_MAX: usize = 1 << 20;

/// Output of a compressed stream.
pub(crate) struct Inflated {
    /// The bytes, as far as they could be had.
    pub bytes: Vec<u8>,
    /// The stream reached its end.
    pub whole: bool,
    /// Whether the stream is valid but truncated.
    pub used_up: bool,
}

/// A decompressor that is kept from part to part: making one costs more than most parts.
pub(crate) struct Inflater {
    state: Decompress,
    /// Memory of a part that was read and is not needed any more.
    spare: Vec<u8>,
}

impl Inflater {
    /// A raw one: ZIP has no zlib header.
    pub(crate) fn new() -> Inflater {
        Inflater { state: Decompress::new(false), spare: Vec::new() }
    }

    /// Takes the memory of a part that was read, for the next one.
    pub(crate) fn reuse(&mut self, part: Cow<'_, [u8]>) {
        if let Cow::Owned(part) = part
            && part.capacity() <= SPARE_BYTES_MAX
        {
            self.spare = part;
        }
    }

    /// All of `compressed`, paid for in `budget`.
    pub(crate) fn all(&mut self, compressed: &[u8], budget: &mut Budget) -> Result<Inflated, Exhausted> {
        let room = usize::try_from(budget.stream_room()).unwrap_or(usize::MAX);
        let spare = std::mem::take(&mut self.spare);
        let inflated = self.up_to(compressed, room, spare);
        let bytes = inflated.bytes.len() as u64;
        budget.produce(bytes)?;
        if !inflated.whole && inflated.bytes.len() >= room {
            // Stopped by our own bound: which of the two was it?
            budget.stream(bytes.saturating_add(1))?;
            return Err(budget.exhaust(Limit::Produced));
        }
        Ok(inflated)
    }

    /// The first bytes of `compressed`, about `count` of them; for a look at what it is.
    pub(crate) fn head(&mut self, compressed: &[u8], count: usize) -> Vec<u8> {
        self.up_to(compressed, count, Vec::new()).bytes
    }

    /// At most `room` bytes, in the memory of `spare`.
    fn up_to(&mut self, compressed: &[u8], room: usize, spare: Vec<u8>) -> Inflated {
        self.state.reset(false);
        // Deflate makes at most 1032 bytes of one.
        let likely = compressed.len().saturating_mul(4).clamp(64, CHUNK_BYTES).min(room);
        // The decompressor fills all the memory there is, so there is never more than may be filled.
        let mut bytes = if spare.capacity() <= room { spare } else { Vec::new() };
        bytes.clear();
        bytes.reserve_exact(likely);
        loop {
            if bytes.len() >= room {
                return Inflated { bytes, whole: false, used_up: false };
            }
            if bytes.len() == bytes.capacity() {
                bytes.reserve_exact(bytes.len().max(CHUNK_BYTES).min(room - bytes.len()));
            }
            let taken = usize::try_from(self.state.total_in()).unwrap_or(usize::MAX);
            let rest = compressed.get(taken..).unwrap_or_default();
            let before = (taken as u64, bytes.len());
            match self.state.decompress_vec(rest, &mut bytes, FlushDecompress::None) {
                Ok(Status::StreamEnd) => return Inflated { bytes, whole: true, used_up: true },
                Ok(Status::Ok | Status::BufError) if before != (self.state.total_in(), bytes.len()) => {}
                // No progress: the input ends early, or is broken.
                Ok(_) => return Inflated { bytes, whole: false, used_up: true },
                Err(_) => return Inflated { bytes, whole: false, used_up: false },
            }
        }
    }
}
