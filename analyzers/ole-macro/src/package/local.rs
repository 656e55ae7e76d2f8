//! Local headers of a ZIP, read without its directory.

use std::ops::Range;

use analyzers::{Budget, Exhausted};
use memchr::memmem;

use crate::compound::{le16, le32};

/// The fixed part of a local header (4.3.7).
const HEADER_BYTES: usize = 30;

/// Compression method of a part.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum StorageMethod {
    Stored,
    Deflated,
    Other,
}

impl StorageMethod {
    /// 4.4.5
    fn from_code(code: u16) -> StorageMethod {
        match code {
            0 => StorageMethod::Stored,
            8 => StorageMethod::Deflated,
            _ => StorageMethod::Other,
        }
    }
}

/// A local header, as it stands before the data of each entry.
pub(crate) struct LocalHeader<'a> {
    /// Range of the header; the data begins at its end.
    pub span: Range<usize>,
    /// The name, as it is written.
    pub name: &'a [u8],
    /// Compression method.
    pub method: StorageMethod,
    /// Bit 0 of the flags.
    pub encrypted: bool,
    /// Bytes of data; where the header does not say, as far as the next record.
    pub compressed: usize,
}

/// The local header at `at`, if there is one that fits the file.
pub(crate) fn header_at(bytes: &[u8], at: usize) -> Option<LocalHeader<'_>> {
    let header = bytes.get(at..)?;
    if !header.starts_with(b"PK\x03\x04") {
        return None;
    }
    let name_bytes = usize::from(le16(header, 26)?);
    let bytes_all = HEADER_BYTES + name_bytes + usize::from(le16(header, 28)?);
    header.get(..bytes_all)?;
    Some(LocalHeader {
        span: at..at + bytes_all,
        name: header.get(HEADER_BYTES..HEADER_BYTES + name_bytes)?,
        method: StorageMethod::from_code(le16(header, 8)?),
        encrypted: le16(header, 6)? & 1 != 0,
        compressed: usize::try_from(le32(header, 18)?).unwrap_or(usize::MAX),
    })
}

/// All local headers in `range`, one after the other. Data whose size is known is skipped where a record follows it.
pub(crate) fn scan<'a>(
    bytes: &'a [u8],
    range: Range<usize>,
    budget: &mut Budget,
) -> Result<Vec<LocalHeader<'a>>, Exhausted> {
    let finder = memmem::Finder::new(b"PK\x03\x04");
    let mut found: Vec<LocalHeader<'a>> = Vec::new();
    let mut at = range.start;
    while let Some(next) = bytes.get(at..range.end).and_then(|rest| finder.find(rest)) {
        at += next;
        budget.step(1)?;
        let Some(mut header) = header_at(bytes, at) else {
            at += 4;
            continue;
        };
        // Limits stop the search, not what was found before.
        if budget.entries(1).is_err() {
            break;
        }
        let start = header.span.end;
        // A size is believed where a record or nothing follows: else it may be there to hide what does.
        let end = start.saturating_add(header.compressed);
        let fits = bytes.get(end..).is_some_and(|rest| rest.is_empty() || rest.starts_with(b"PK"));
        if header.compressed == 0 {
            let rest = bytes.get(start..range.end).unwrap_or_default();
            header.compressed = memmem::find(rest, b"PK").unwrap_or(rest.len());
        }
        at = if fits { end.max(start) } else { start };
        found.push(header);
    }
    Ok(found)
}
