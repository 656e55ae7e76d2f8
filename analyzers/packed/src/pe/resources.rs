//! Resources: UPX leaves icons, version and manifest in a section of their own, so that Windows finds them, and packs the
//! rest in its place. The tree in that section knows all of them.
//!
//! Source: PE/COFF specification, "The .rsrc Section".

use std::ops::Range;

use analyzers::Budget;

use super::head::PeHead;
use crate::numbers::{le16, le32, put_le32};
use crate::setback::Setback;

/// Directories of a tree are this deep: type, name, language.
const DEPTH_MAX: usize = 3;
/// Most entries of a tree.
const ENTRIES_MAX: usize = 16 << 10;
/// In an entry: it leads to a directory; its name is text.
const MARKED: usize = 1 << 31;

/// The tree of the packed file.
struct Tree<'p> {
    bytes: &'p [u8],
    /// The end of what it takes up.
    end: usize,
    /// Places of the rows that say where a resource is.
    leaves: Vec<usize>,
    entries: usize,
}

impl Tree<'_> {
    fn read(&mut self, at: usize, depth: usize, budget: &mut Budget) -> Result<(), Setback> {
        let number = |at| le32(self.bytes, at).ok_or(Setback::Broken);
        let count = [12, 14].into_iter().map(|field| le16(self.bytes, at + field)).sum::<Option<usize>>();
        let count = count.ok_or(Setback::Broken)?;
        budget.step(1 + count as u64)?;
        self.entries += count;
        if depth > DEPTH_MAX || self.entries > ENTRIES_MAX {
            return Err(Setback::Broken);
        }
        self.end = self.end.max(at + 16 + count * 8);
        let rows = (0..count).map(|index| Ok((number(at + 16 + index * 8)?, number(at + 20 + index * 8)?)));
        for (name, to) in rows.collect::<Result<Vec<_>, Setback>>()? {
            if name & MARKED != 0 {
                let text = name & !MARKED;
                let length = le16(self.bytes, text).ok_or(Setback::Broken)?;
                self.end = self.end.max(text + 2 + length * 2);
            }
            if to & MARKED != 0 {
                self.read(to & !MARKED, depth + 1, budget)?;
            } else {
                self.end = self.end.max(to + 16);
                self.leaves.push(to);
            }
        }
        Ok(())
    }
}

/// Puts the tree of the packed file, and what it left unpacked, back to where the program has them. `own` are the
/// addresses that the program's own directory takes up, `first` that of its first byte.
pub(crate) fn restore(
    bytes: &[u8],
    (packed, directory): (&PeHead, usize),
    image: &mut [u8],
    (own, first): (Range<usize>, usize),
    budget: &mut Budget,
) -> Result<(), Setback> {
    let start = packed.offset(directory).ok_or(Setback::Broken)?;
    let section = packed.sections.iter().find(|section| section.raw().contains(&start)).ok_or(Setback::Broken)?;
    let tree = bytes.get(start..section.raw().end.min(bytes.len())).ok_or(Setback::Broken)?;
    let mut read = Tree { bytes: tree, end: 0, leaves: Vec::new(), entries: 0 };
    read.read(0, 1, budget)?;
    let mut copy = tree.get(..read.end).ok_or(Setback::Broken)?.to_vec();
    for leaf in read.leaves {
        let (Some(address), Some(size)) = (le32(tree, leaf), le32(tree, leaf + 4)) else { return Err(Setback::Broken) };
        let Some(place) = address.checked_sub(directory) else { continue };
        // What stands in this section has its own address before it.
        let content = tree.get(place..place.saturating_add(size)).ok_or(Setback::Broken)?;
        let address = place.checked_sub(4).and_then(|before| le32(tree, before)).ok_or(Setback::Broken)?;
        budget.step(1 + size as u64 / 256)?;
        let home = address.checked_sub(first).and_then(|home| image.get_mut(home..home.saturating_add(size)));
        home.ok_or(Setback::Broken)?.copy_from_slice(content);
        put_le32(&mut copy, leaf, address);
    }
    // Resources may begin right behind the original tree, which had no padding.
    let home = own.start.checked_sub(first).ok_or(Setback::Broken)?;
    let room = image.get_mut(home..).and_then(|rest| rest.get_mut(..copy.len())).ok_or(Setback::Broken)?;
    room.copy_from_slice(&copy);
    Ok(())
}
