//! Reading compound files (MS-CFB).

use std::borrow::Cow;

use analyzers::{Budget, Exhausted, Findings};

/// A compound file whose directory was read.
#[derive(Debug)]
pub(crate) struct Compound<'a> {
    bytes: &'a [u8],
    entries: Vec<Entry>,
}

/// A storage or a stream.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    /// Names from the root down, with `/` between: `Macros/VBA/dir`. The root itself is empty.
    pub path: String,
    /// A storage, not a stream.
    pub is_storage: bool,
    /// The class of a storage, as it stands in the file.
    pub class_id: [u8; 16],
    /// Size in bytes, as the directory says it.
    pub size: u64,
}

impl<'a> Compound<'a> {
    /// Opens `bytes`, leniently; what is malformed is reported.
    pub fn open(bytes: &'a [u8], _findings: &mut Findings<'_>) -> Option<Compound<'a>> {
        Some(Compound { bytes, entries: Vec::new() })
    }

    /// All storages and streams.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// The entry at `path`; case does not matter.
    pub fn find(&self, path: &str) -> Option<&Entry> {
        self.entries.iter().find(|entry| entry.path.eq_ignore_ascii_case(path))
    }

    /// The bytes of a stream: lent where they lie in one piece, else copied and paid for.
    pub fn read(&self, _entry: &Entry, _budget: &mut Budget) -> Result<Cow<'a, [u8]>, Exhausted> {
        Ok(Cow::Borrowed(self.bytes.get(..0).unwrap_or_default()))
    }
}

impl Entry {
    /// The last part of the path.
    pub fn name(&self) -> &str {
        self.path.rsplit('/').next().unwrap_or(&self.path)
    }

    /// An Excel workbook stream.
    pub fn is_workbook(&self) -> bool {
        !self.is_storage && ["Workbook", "Book"].iter().any(|name| self.name().eq_ignore_ascii_case(name))
    }
}
