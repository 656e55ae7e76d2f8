//! Packed files: a chunk has one, or one behind the other many, and is unpacked once for all of them.

use std::borrow::Cow;
use std::collections::HashMap;
use std::io::Read;
use std::ops::Range;

use analyzers::{Exhausted, Limit};

use super::calls::BLOCK;
use super::files::PackedFile;
use super::layout::SetupLayout;
use super::unpack;
use crate::contents::Contents;

/// How each begins.
const MARK: &[u8] = b"zlb\x1a";

/// Where chunks lie, and what their files are called.
pub(super) struct Chunks<'b> {
    pub(super) bytes: &'b [u8],
    /// Where places of chunks count from.
    pub(super) start: Option<usize>,
    pub(super) layout: SetupLayout,
    pub(super) names: HashMap<usize, String>,
}

impl<'b> Chunks<'b> {
    /// Hands over the files of one chunk, which are in order; where it lies.
    pub(super) fn open(
        &self,
        files: &[PackedFile],
        contents: &mut Contents<'_, '_>,
    ) -> Result<Option<Range<usize>>, Exhausted> {
        let Some(first) = files.first() else { return Ok(None) };
        if !first.is_here || self.start.is_none() {
            self.each(files, contents, |name, contents| contents.refuse(&format!("{name} in another file")))?;
            return Ok(None);
        }
        let Some(span) = self.span(first) else {
            self.each(files, contents, |name, contents| contents.broken(name))?;
            return Ok(None);
        };
        if first.is_encrypted {
            self.each(files, contents, |name, contents| contents.locked(name))?;
            return Ok(Some(span));
        }
        let data = self.bytes.get(span.start + MARK.len()..span.end).unwrap_or_default();
        let length = files.iter().map(|file| file.offset.saturating_add(file.size)).max().unwrap_or(0);
        let reader =
            if first.is_packed { unpack::reader(data, length as u64) } else { Some(Box::new(data) as Box<dyn Read>) };
        match reader {
            Some(mut reader) => self.read(files, &mut reader, contents)?,
            None => self.each(files, contents, |name, contents| contents.broken(name))?,
        }
        // What is packed has an end of its own, and nobody reads what stands behind it.
        if !first.is_packed && data.len() > length {
            contents.refuse("bytes behind members");
        }
        Ok(Some(span))
    }

    fn read(
        &self,
        files: &[PackedFile],
        reader: &mut dyn Read,
        contents: &mut Contents<'_, '_>,
    ) -> Result<(), Exhausted> {
        let mut position = 0;
        let mut last: Option<&PackedFile> = None;
        for file in files {
            contents.budget().entries(1)?;
            let is_again =
                |last: &PackedFile| (last.offset, last.size, &last.sum) == (file.offset, file.size, &file.sum);
            if last.is_some_and(is_again) {
                continue;
            }
            let name = self.name(file);
            // Files that lie over each other are made by nobody.
            let Some(before) = file.offset.checked_sub(position) else {
                contents.broken(&name);
                continue;
            };
            if before > 0 {
                contents.refuse("bytes between members");
            }
            let is_there = contents.skip(reader, before as u64)? && self.read_file(file, &name, reader, contents)?;
            if !is_there {
                contents.broken(&name);
                return Ok(());
            }
            position = file.offset.saturating_add(file.size);
            last = Some(file);
        }
        Ok(())
    }

    /// Hands over one file. False if it breaks off.
    fn read_file(
        &self,
        file: &PackedFile,
        name: &str,
        reader: &mut dyn Read,
        contents: &mut Contents<'_, '_>,
    ) -> Result<bool, Exhausted> {
        let size = file.size as u64;
        if size > contents.budget().limits().stream_bytes_max {
            contents.budget().exhaust(Limit::Stream);
            return contents.skip(reader, size);
        }
        let mut unpacked = contents.unpack(reader, size)?;
        if file.is_filtered {
            self.layout.calls.undo(&mut unpacked.bytes, BLOCK);
        }
        if unpacked.is_whole && !file.sum.is_of(&unpacked.bytes) {
            contents.broken(name);
        }
        contents.member(name, Cow::Owned(unpacked.bytes));
        Ok(unpacked.is_whole)
    }

    /// Where a chunk lies.
    fn span(&self, file: &PackedFile) -> Option<Range<usize>> {
        let start = self.start?.checked_add(file.start)?;
        let salt = if file.is_encrypted { self.layout.salt } else { 0 };
        let end = start.checked_add(MARK.len() + salt)?.checked_add(file.packed)?;
        self.bytes.get(start..end)?.starts_with(MARK).then_some(start..end)
    }

    fn each<F>(&self, files: &[PackedFile], contents: &mut Contents<'_, '_>, say: F) -> Result<(), Exhausted>
    where
        F: Fn(&str, &mut Contents<'_, '_>),
    {
        for file in files {
            contents.budget().entries(1)?;
            say(&self.name(file), contents);
        }
        Ok(())
    }

    fn name(&self, file: &PackedFile) -> Cow<'_, str> {
        match self.names.get(&file.number) {
            Some(name) => Cow::Borrowed(name),
            None => Cow::Owned(format!("file {}", file.number)),
        }
    }
}
