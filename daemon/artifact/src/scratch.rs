//! The buffer that small files are read into: one per thread, made once.

use crate::load::READ_BYTES_MAX;

/// A reusable buffer; its size decides what is read and what is mapped. Keep one per thread and lend it to every
/// [`load`](crate::load).
///
/// The memory is asked for as zero pages, so a thread that only ever sees small files keeps only as much
/// resident as the largest of them. What an earlier file left behind is never lent again: an artifact is cut to
/// what was read for it.
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
