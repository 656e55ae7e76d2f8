//! The records of a `Workbook` or `Book` stream (MS-XLS 2.1.4).

mod reader;

use std::ops::Range;

pub(crate) use self::reader::{ByteReader, Version};

/// Types of records that are looked at (MS-XLS 2.3.2).
pub(crate) mod kind {
    pub(crate) const FORMULA: u16 = 0x0006;
    pub(crate) const EOF: u16 = 0x000a;
    pub(crate) const EXTERNSHEET: u16 = 0x0017;
    pub(crate) const LBL: u16 = 0x0018;
    pub(crate) const FILEPASS: u16 = 0x002f;
    pub(crate) const CONTINUE: u16 = 0x003c;
    pub(crate) const BOUNDSHEET: u16 = 0x0085;
    pub(crate) const SST: u16 = 0x00fc;
    pub(crate) const SUPBOOK: u16 = 0x01ae;
    pub(crate) const LABEL: u16 = 0x0204;
    pub(crate) const STRING: u16 = 0x0207;
    pub(crate) const ARRAY: u16 = 0x0221;
    pub(crate) const SHRFMLA: u16 = 0x04bc;
    pub(crate) const BOF: u16 = 0x0809;
}

/// One record.
#[derive(Clone, Debug)]
pub(crate) struct BiffRecord<'a> {
    /// One of [`kind`], or another.
    pub kind: u16,
    /// Content of the record, as much as there is.
    pub data: &'a [u8],
    /// Range of the record in the stream, with its header.
    pub span: Range<usize>,
    /// Whether it claims to be longer than the stream.
    pub is_cut: bool,
}

/// The records of `stream` from `at` on. Ends where no header fits any more.
pub(crate) fn records(stream: &[u8], at: usize) -> impl Iterator<Item = BiffRecord<'_>> {
    let mut at = at;
    std::iter::from_fn(move || {
        let mut reader = ByteReader::new(stream.get(at..)?);
        let kind = reader.u16()?;
        let length = usize::from(reader.u16()?);
        let rest = reader.rest();
        let data = rest.get(..length).unwrap_or(rest);
        let span = at..at + 4 + data.len();
        at = span.end;
        Some(BiffRecord { kind, data, span, is_cut: data.len() < length })
    })
}

/// Strings of the shared string table: the record `SST` and the `CONTINUE`s behind it (MS-XLS 2.4.265, 2.5.296).
///
/// A string may continue in the next record, after a byte that gives the width of its characters.
pub(super) fn shared_strings(pieces: &[&[u8]], mut each: impl FnMut(String) -> bool) {
    let mut pieces = pieces.iter();
    let mut reader = ByteReader::new(pieces.next().copied().unwrap_or_default());
    if reader.skip(8).is_none() {
        return;
    }
    loop {
        if reader.is_empty() {
            // The header of a string is never torn apart.
            let Some(piece) = pieces.next() else { return };
            reader = ByteReader::new(piece);
            continue;
        }
        let Some((count, flags)) = reader.u16().zip(reader.u8()) else { return };
        let runs = if flags & 8 != 0 { reader.u16().unwrap_or(0) } else { 0 };
        let extension = if flags & 4 != 0 { reader.u32().unwrap_or(0) } else { 0 };
        let mut left = usize::from(count);
        let mut is_wide = flags & 1 != 0;
        let mut text = String::new();
        loop {
            let fits = left.min(if is_wide { reader.rest().len() / 2 } else { reader.rest().len() });
            let part = if is_wide { reader.wide(fits) } else { reader.characters(fits, Version::Biff5) };
            text.push_str(&part.unwrap_or_default());
            left -= fits;
            if left == 0 {
                break;
            }
            let Some(piece) = pieces.next() else { break };
            reader = ByteReader::new(piece);
            is_wide = reader.u8().unwrap_or(0) & 1 != 0;
        }
        if !each(text) || left > 0 {
            return;
        }
        // Formatting and phonetics may go on in the next record as well, without such a byte.
        let mut skip = usize::try_from(extension).unwrap_or(usize::MAX).saturating_add(4 * usize::from(runs));
        while reader.skip(skip).is_none() {
            skip -= reader.rest().len();
            let Some(piece) = pieces.next() else { return };
            reader = ByteReader::new(piece);
        }
    }
}
