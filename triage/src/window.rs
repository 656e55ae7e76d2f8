//! Access to a file for structural checks: its head in memory, and a window on the rest.
//!
//! The head is enough for most files. The caller reads it with one `pread` and passes a [`Window`], which is used only
//! if structure is deeper (a far `e_lfanew`, the central directory of a ZIP). The size is requested lazily too, so the
//! caller may save the `fstat`.

/// How many bytes of a file make its head. A head shorter than this is the whole file.
pub const HEAD_BYTES: usize = 4096;

/// The bytes of a file, wherever they are.
pub trait Window {
    /// The size of the file in bytes. Asked at most once, and never for a file shorter than [`HEAD_BYTES`].
    fn size(&mut self) -> u64;

    /// Reads into `into` from `offset` and says how many bytes it read; 0 at the end, or when the file cannot
    /// be read. As `pread`, it may read less than it was asked for.
    fn read_at(&mut self, offset: u64, into: &mut [u8]) -> usize;
}

impl Window for &[u8] {
    fn size(&mut self) -> u64 {
        self.len() as u64
    }

    fn read_at(&mut self, offset: u64, into: &mut [u8]) -> usize {
        let rest = usize::try_from(offset).ok().and_then(|offset| self.get(offset..)).unwrap_or_default();
        let length = rest.len().min(into.len());
        into[..length].copy_from_slice(&rest[..length]);
        length
    }
}

/// A head and the window behind it, as the structure checks see them.
pub(crate) struct View<'a> {
    head: &'a [u8],
    window: &'a mut dyn Window,
    size: Option<u64>,
}

impl<'a> View<'a> {
    /// A view of the file that begins with `head`. What `head` has beyond [`HEAD_BYTES`] is not looked at, so
    /// that the answer does not depend on how much the caller read.
    pub(crate) fn new(head: &'a [u8], window: &'a mut dyn Window) -> View<'a> {
        let size = if head.len() < HEAD_BYTES { Some(head.len() as u64) } else { None };
        View { head: head.get(..HEAD_BYTES).unwrap_or(head), window, size }
    }

    /// The first [`HEAD_BYTES`] of the file, or all of it.
    pub(crate) fn head(&self) -> &'a [u8] {
        self.head
    }

    /// The size of the file in bytes; never less than the head.
    pub(crate) fn size(&mut self) -> u64 {
        let head_bytes = self.head.len() as u64;
        *self.size.get_or_insert_with(|| self.window.size().max(head_bytes))
    }

    /// Fills as much of `into` as the file has from `offset` on, and says how much that is.
    pub(crate) fn fill(&mut self, offset: u64, into: &mut [u8]) -> usize {
        let in_head = usize::try_from(offset).ok().and_then(|offset| self.head.get(offset..)).unwrap_or_default();
        let mut filled = in_head.len().min(into.len());
        into[..filled].copy_from_slice(&in_head[..filled]);
        let head_is_all = self.size.is_some_and(|size| size <= self.head.len() as u64);
        while filled < into.len() && !head_is_all {
            let Some(at) = offset.checked_add(filled as u64) else { break };
            let rest = &mut into[filled..];
            let read = self.window.read_at(at, rest).min(rest.len());
            if read == 0 {
                break;
            }
            filled += read;
        }
        filled
    }

    /// The `N` bytes at `offset`, if the file has them all.
    pub(crate) fn array<const N: usize>(&mut self, offset: u64) -> Option<[u8; N]> {
        let mut bytes = [0; N];
        (self.fill(offset, &mut bytes) == N).then_some(bytes)
    }
}

/// Reads a region of a file through one buffer, for walks that go mostly forward.
pub(crate) struct Pages<'v, 'a> {
    view: &'v mut View<'a>,
    at: u64,
    length: usize,
    buffer: [u8; HEAD_BYTES],
}

impl<'v, 'a> Pages<'v, 'a> {
    /// Pages over `view`, none read yet.
    pub(crate) fn new(view: &'v mut View<'a>) -> Pages<'v, 'a> {
        Pages { view, at: 0, length: 0, buffer: [0; HEAD_BYTES] }
    }

    /// Fills `into` past the buffer, for what is read out of turn.
    pub(crate) fn fill(&mut self, offset: u64, into: &mut [u8]) -> usize {
        self.view.fill(offset, into)
    }

    /// What the file has at `offset`, at most `length` bytes of it, `length` being at most [`HEAD_BYTES`].
    pub(crate) fn bytes(&mut self, offset: u64, length: usize) -> &[u8] {
        let held = offset >= self.at && offset.saturating_add(length as u64) <= self.at + self.length as u64;
        if !held {
            self.at = offset;
            self.length = self.view.fill(offset, &mut self.buffer);
        }
        let start = usize::try_from(offset - self.at).unwrap_or(usize::MAX);
        let held = self.buffer.get(start..self.length).unwrap_or_default();
        held.get(..length).unwrap_or(held)
    }
}

/// The little-endian 16-bit number at `offset`.
pub(crate) fn le16(bytes: &[u8], offset: usize) -> Option<u16> {
    bytes.get(offset..)?.first_chunk().map(|chunk| u16::from_le_bytes(*chunk))
}

/// The little-endian 32-bit number at `offset`.
pub(crate) fn le32(bytes: &[u8], offset: usize) -> Option<u32> {
    bytes.get(offset..)?.first_chunk().map(|chunk| u32::from_le_bytes(*chunk))
}

/// The little-endian 64-bit number at `offset`.
pub(crate) fn le64(bytes: &[u8], offset: usize) -> Option<u64> {
    bytes.get(offset..)?.first_chunk().map(|chunk| u64::from_le_bytes(*chunk))
}

/// The big-endian 16-bit number at `offset`.
pub(crate) fn be16(bytes: &[u8], offset: usize) -> Option<u16> {
    bytes.get(offset..)?.first_chunk().map(|chunk| u16::from_be_bytes(*chunk))
}

/// The big-endian 32-bit number at `offset`.
pub(crate) fn be32(bytes: &[u8], offset: usize) -> Option<u32> {
    bytes.get(offset..)?.first_chunk().map(|chunk| u32::from_be_bytes(*chunk))
}
