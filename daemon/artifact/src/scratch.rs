//! The buffer that small files are read into: one per thread, made once.

/// Files of at most this many bytes are read by a [`Scratch::new`], larger ones mapped. 1 MiB.
///
/// Open, take the bytes, pass over them once, close; from the page cache; wall time per file in us, medians of
/// `cargo bench -p benches --bench read_or_map` on 2026-11-22, two cores of a Xeon with 2 MiB of L2 each, ext4 on
/// Linux 6.18, other programs running (so read the ratios):
///
/// | file | 1 thread, read | map | 2 threads, read | map |
/// |---|---|---|---|---|
/// | 4 KiB | 4.4 | 11 | 3.2 | 11 |
/// | 64 KiB | 10.5 | 12.7 | 7.9 | 29 |
/// | 256 KiB | 31 | 45 | 38 | 39 |
/// | 512 KiB | 56 | 53 | 65 | 69 |
/// | 1 MiB | 149 | 121 | 118 | 122 |
/// | 2 MiB | 613 | 142 | 461 | 104 |
/// | 16 MiB | 5574 | 2481 | 10371 | 2955 |
///
/// Up to 1 MiB it makes no difference, so the bytes that cannot change under us are better; beyond, the buffer no
/// longer fits the L2 cache beside the page cache's copy, and a map is three to four times faster.
pub const READ_BYTES_MAX: usize = 1 << 20;

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
