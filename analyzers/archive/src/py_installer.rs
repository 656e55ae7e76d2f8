//! Archives of PyInstaller: the record at the end says where a table of members stands.
//!
//! Source: PyInstaller, bootloader/src/pyi_archive.h (`ARCHIVE_COOKIE`, `TOC_ENTRY`) and PyInstaller/archive/writers.py.

use std::borrow::Cow;

use analyzers::Exhausted;
use flate2::bufread::ZlibDecoder;

use crate::contents::Contents;
use crate::numbers::be32;

const MARK: &[u8] = b"MEI\x0c\x0b\x0a\x0b\x0e";
/// Lengths of the record, as of version 2.1 and before.
const RECORDS: [usize; 2] = [88, 24];
/// An entry without its name: its length, place, two sizes, whether it is packed, and its type.
const ENTRY: usize = 18;

pub(crate) fn examine<'a>(bytes: &'a [u8], contents: &mut Contents<'_, 'a>) -> Result<(), Exhausted> {
    let record = RECORDS
        .into_iter()
        .filter_map(|length| bytes.len().checked_sub(length))
        .find(|&at| bytes.get(at..).is_some_and(|record| record.starts_with(MARK)));
    let table = record.and_then(|record| {
        let (length, start, size) = (be32(bytes, record + 8)?, be32(bytes, record + 12)?, be32(bytes, record + 16)?);
        // The archive ends where the record does, and may begin behind the first of these bytes.
        let begin = bytes.len().checked_sub(length)?;
        let package = bytes.get(begin..)?;
        Some((begin, package, package.get(start..start.checked_add(size)?)?, start))
    });
    let Some((begin, package, mut table, start)) = table else {
        contents.broken("the table of members");
        return Ok(());
    };
    let mut end = 0;
    while !table.is_empty() {
        contents.budget().step(1)?;
        let Some(entry) = TocEntry::read(table) else {
            contents.broken("the table of members");
            break;
        };
        table = table.get(entry.length..).unwrap_or_default();
        // Members stand one behind the other, up to the table.
        if entry.place != end {
            contents.refuse("bytes between members");
        }
        end = entry.place.saturating_add(entry.packed);
        entry.examine(package, contents)?;
    }
    if begin > 0 || end != start {
        contents.refuse("bytes beside members");
    }
    Ok(())
}

struct TocEntry<'a> {
    length: usize,
    place: usize,
    packed: usize,
    unpacked: usize,
    is_packed: bool,
    kind: u8,
    name: Cow<'a, str>,
}

impl<'a> TocEntry<'a> {
    fn read(table: &'a [u8]) -> Option<TocEntry<'a>> {
        let length = be32(table, 0)?;
        let entry = table.get(..length)?;
        let name = entry.get(ENTRY..)?;
        let end = name.iter().position(|&byte| byte == 0).unwrap_or(name.len());
        Some(TocEntry {
            length,
            place: be32(entry, 4)?,
            packed: be32(entry, 8)?,
            unpacked: be32(entry, 12)?,
            is_packed: entry.get(16) == Some(&1),
            kind: *entry.get(17)?,
            name: String::from_utf8_lossy(name.get(..end)?),
        })
    }

    fn examine(&self, package: &'a [u8], contents: &mut Contents<'_, 'a>) -> Result<(), Exhausted> {
        // Options of the run time and links have no data.
        if self.packed == 0 {
            return Ok(());
        }
        let end = self.place.saturating_add(self.packed);
        let Some(data) = package.get(self.place..end) else {
            contents.broken(&self.name);
            return Ok(());
        };
        let bytes = if self.is_packed {
            let unpacked = contents.unpack(&mut ZlibDecoder::new(data), u64::MAX)?;
            if !unpacked.is_whole || unpacked.bytes.len() != self.unpacked {
                contents.broken(&self.name);
            }
            Cow::Owned(unpacked.bytes)
        } else {
            Cow::Borrowed(data)
        };
        match self.kind {
            // A script, compiled.
            b's' => {
                contents.python(&self.name);
                contents.code(&self.name, bytes);
            }
            b'm' | b'M' => contents.code(&self.name, bytes),
            // Modules of Python, packed once more.
            b'z' => contents.refuse(&self.name),
            _ => contents.member(&self.name, bytes),
        }
        Ok(())
    }
}
