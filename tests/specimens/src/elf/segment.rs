//! One segment of an ELF file: what its program header says, and its contents.

use super::R;

/// A segment. Whatever is not said follows from its contents.
#[derive(Clone, Debug)]
pub struct Segment {
    pub(super) kind: u32,
    pub(super) flags: u32,
    pub(super) data: Vec<u8>,
    pub(super) offset: Option<u64>,
    pub(super) address: Option<u64>,
    pub(super) file_size: Option<u64>,
    pub(super) memory_size: Option<u64>,
}

/// A segment of this type, without contents.
pub fn segment(kind: u32) -> Segment {
    Segment { kind, flags: R, data: Vec::new(), offset: None, address: None, file_size: None, memory_size: None }
}

impl Segment {
    /// Permissions of the segment, a sum of `R`, `W` and `X`.
    pub fn flags(mut self, flags: u32) -> Self {
        self.flags = flags;
        self
    }

    /// Its contents.
    pub fn data(mut self, data: impl AsRef<[u8]>) -> Self {
        self.data = data.as_ref().to_vec();
        self
    }

    /// `p_offset`, whatever is there.
    pub fn offset(mut self, offset: u64) -> Self {
        self.offset = Some(offset);
        self
    }

    /// `p_vaddr`.
    pub fn address(mut self, address: u64) -> Self {
        self.address = Some(address);
        self
    }

    /// `p_filesz`, whatever the contents are.
    pub fn file_size(mut self, size: u64) -> Self {
        self.file_size = Some(size);
        self
    }

    /// `p_memsz`.
    pub fn memory_size(mut self, size: u64) -> Self {
        self.memory_size = Some(size);
        self
    }
}
