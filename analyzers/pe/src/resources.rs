//! Resources: is there a version, what does the manifest ask for, is there an image among them.
//!
//! A directory may point to itself, claim 65,535 entries at each level, or run out of the file. So the walk
//! goes three levels down and no further, as real trees do, and visits a bounded number of entries in all.

use std::ops::Range;

use analyzers::{Budget, Exhausted, Limit};
use goblin::pe::resource::{
    IMAGE_RESOURCE_DATA_IS_DIRECTORY, IMAGE_RESOURCE_MASK, ImageResourceDirectory, RESOURCE_ENTRY_SIZE, RT_MANIFEST,
    RT_RCDATA, RT_VERSION, ResourceEntry,
};
use memchr::memmem;
use scroll::{LE, Pread};

use crate::anomalies::Oddity;
use crate::container::Container;
use crate::image::{Directory, Image};
use crate::inno;
use crate::resource_counts::ResourceCounts;

/// Entries visited, over all levels. Programs with many icons and languages have some thousands. With
/// more, the examination is incomplete.
const ENTRIES_MAX: u32 = 8_192;
/// Type, name, language (PE/COFF specification, "The .rsrc Section").
const LEVELS: u32 = 3;
/// Bytes of a version or manifest that are looked at. Real ones are much smaller; no sign of malice is looked for
/// in the rest but by the search for words, which passes over all of the file.
pub(crate) const LEAF_BYTES_MAX: usize = 64 << 10;

/// Size of `IMAGE_RESOURCE_DIRECTORY`.
const DIRECTORY_SIZE: usize = 16;

/// Findings in the resources.
#[derive(Default, Debug)]
pub(crate) struct Resources {
    /// The version resource.
    pub(crate) version: Option<Range<usize>>,
    /// The manifest.
    pub(crate) manifest: Option<Range<usize>>,
    /// What is counted for measures.
    pub(crate) counts: ResourceCounts,
    /// The version resource names Microsoft as the company.
    pub(crate) claims_microsoft: bool,
    /// Range in which the manifest requests administrator rights.
    pub(crate) requires_administrator: Option<Range<usize>>,
    /// Resources that start as MZ executables do; no more than there are entries.
    pub(crate) images: Vec<Range<usize>>,
    /// Resources that start as archives do that are opened; no more than there are entries.
    pub(crate) archives: Vec<(Range<usize>, Container)>,
    /// The resource in which the loader of Inno Setup has its table.
    pub(crate) loader_table: Option<Range<usize>>,
    entries: u32,
}

/// Position of a walk: the level, from 0, the type at the first level, the name at the second.
#[derive(Clone, Copy)]
struct WalkPosition {
    level: u32,
    type_id: u32,
    name_id: u32,
}

impl Resources {
    /// Looks through the resources of an image.
    pub(crate) fn read(&mut self, image: &mut Image<'_>, budget: &mut Budget) -> Result<(), Exhausted> {
        let (mut images, mut archives) = (std::mem::take(&mut self.images), std::mem::take(&mut self.archives));
        images.clear();
        archives.clear();
        *self = Resources { images, archives, ..Resources::default() };
        let Some(directory) = image.directory(Directory::Resource) else {
            return Ok(());
        };
        match image.offset_of(directory.virtual_address) {
            Some(root) => {
                let walked = self.walk(image, root, 0, WalkPosition { level: 0, type_id: 0, name_id: 0 }, budget);
                self.archives.sort_unstable_by_key(|(span, _)| span.start);
                walked
            }
            None => {
                image.oddities.note(Oddity::ResourceTree, image.directory_span(Directory::Resource).start);
                Ok(())
            }
        }
    }

    fn walk(
        &mut self,
        image: &mut Image<'_>,
        root: usize,
        offset: usize,
        place: WalkPosition,
        budget: &mut Budget,
    ) -> Result<(), Exhausted> {
        let at = root + offset;
        let Ok(directory) = image.bytes.pread_with::<ImageResourceDirectory>(at, LE) else {
            image.oddities.note(Oddity::ResourceTree, at);
            return Ok(());
        };
        let count = usize::from(directory.number_of_named_entries) + usize::from(directory.number_of_id_entries);
        for index in 0..count {
            budget.step(1)?;
            self.entries += 1;
            let at = at + DIRECTORY_SIZE + index * RESOURCE_ENTRY_SIZE;
            if self.entries > ENTRIES_MAX {
                image.oddities.note(Oddity::ResourceTree, at);
                budget.exhaust(Limit::Entries);
                return Ok(());
            }
            let Ok(entry) = image.bytes.pread_with::<ResourceEntry>(at, LE) else {
                image.oddities.note(Oddity::ResourceTree, at);
                return Ok(());
            };
            let mut place = place;
            match place.level {
                0 => place.type_id = entry.name_or_id,
                1 => place.name_id = entry.name_or_id,
                _ => self.counts.language(entry.name_or_id),
            }
            let target = (entry.offset_to_data_or_directory & IMAGE_RESOURCE_MASK) as usize;
            if entry.offset_to_data_or_directory & IMAGE_RESOURCE_DATA_IS_DIRECTORY == 0 {
                self.read_leaf(image, root + target, place, budget)?;
            } else if place.level + 1 < LEVELS {
                self.walk(image, root, target, WalkPosition { level: place.level + 1, ..place }, budget)?;
            } else {
                image.oddities.note(Oddity::ResourceTree, at);
            }
        }
        Ok(())
    }

    fn read_leaf(
        &mut self,
        image: &Image<'_>,
        at: usize,
        place: WalkPosition,
        budget: &mut Budget,
    ) -> Result<(), Exhausted> {
        let word = |offset: usize| image.bytes.pread_with::<u32>(at + offset, LE).ok();
        let (Some(address), Some(size)) = (word(0), word(4)) else {
            return Ok(());
        };
        let Some(start) = image.offset_of(address) else {
            return Ok(());
        };
        let span = start..start.saturating_add(size as usize).min(image.bytes.len());
        let data = image.bytes.get(span.clone()).unwrap_or_default();
        let head = data.get(..LEAF_BYTES_MAX).unwrap_or(data);
        self.counts.leaf(place.type_id, data, budget)?;
        match u16::try_from(place.type_id) {
            Ok(RT_VERSION) => {
                self.claims_microsoft |= company(head).is_some_and(|name| name.starts_with(&wide("Microsoft")));
                self.version.get_or_insert(span);
            }
            Ok(RT_MANIFEST) => {
                self.manifest.get_or_insert(span);
                let wish = b"requireAdministrator";
                if let Some(found) = memmem::find(head, wish) {
                    self.requires_administrator.get_or_insert(start + found..start + found + wish.len());
                }
            }
            Ok(RT_RCDATA) if place.name_id == inno::TABLE_NAME => {
                self.loader_table.get_or_insert(span);
            }
            _ if head.starts_with(b"MZ") => self.images.push(span),
            _ => self.archives.extend(Container::at_start(head).map(|container| (span, container))),
        }
        Ok(())
    }
}

/// The value of `CompanyName` in a version resource, as UTF-16.
fn company(version: &[u8]) -> Option<&[u8]> {
    let key = wide("CompanyName");
    let at = memmem::find(version, &key)? + key.len();
    // A terminator and padding to four bytes stand between key and value.
    let rest = version.get(at..)?;
    rest.get(rest.chunks_exact(2).take(3).take_while(|pair| *pair == [0, 0]).count() * 2..)
}

pub(crate) fn wide(text: &str) -> Vec<u8> {
    text.encode_utf16().flat_map(u16::to_le_bytes).collect()
}
