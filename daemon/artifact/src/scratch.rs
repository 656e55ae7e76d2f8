//! The buffer that small files are read into: one per thread, made once.

use crate::load::READ_BYTES_MAX;

/// A reusable buffer; its size decides what is read and what is mapped. Keep one per thread and lend it to every
/// [`load`](crate::load).
///
/// The memory is allocated as zero pages, so only as much is resident as the largest file so far needed. Bytes of an
/// earlier file are never exposed: an artifact is limited to what was read for it.
pub struct Scratch {
    buffer: Box<[u8]>,
}

impl Scratch {
    /// Asks for the memory; nothing of it is resident yet.
    pub fn new() -> Self {
        Scratch::reading_up_to(READ_BYTES_MAX)
    }

    /// A scratch of another size than [`READ_BYTES_MAX`]: files of at most `read_bytes_max` bytes are read, larger
    /// ones mapped. For the bench that the constant comes from, and for machines that differ from the one it ran on.
    pub fn reading_up_to(read_bytes_max: usize) -> Self {
        Scratch { buffer: vec![0; read_bytes_max].into_boxed_slice() }
    }

    pub(crate) fn bytes(&mut self) -> &mut [u8] {
        &mut self.buffer
    }
}

impl Default for Scratch {
    fn default() -> Self {
        Scratch::new()
    }
}
