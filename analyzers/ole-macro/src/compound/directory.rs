//! The directory of a compound file (MS-CFB 2.6): a tree, and a flat list at the same time.
//!
//! Walked as a tree for the paths. Then the list is read for entries that the tree does not reach: what a broken or
//! cyclic tree hides, and what was unlinked on purpose.

use analyzers::{Budget, Exhausted};

use super::sectors::{le16, le32, le64};

/// Bytes of an entry (2.6.1).
const ENTRY_BYTES: usize = 128;
/// Longest path kept, in bytes. Storages may nest as deep as there are entries, and each path holds all above it.
const PATH_BYTES_MAX: usize = 512;

/// A storage or a stream.
#[derive(Clone, Debug)]
pub(crate) struct StorageEntry {
    /// Names from the root down, with `/` between: `Macros/VBA/dir`. That of the root is empty.
    pub path: String,
    /// A storage, not a stream.
    pub is_storage: bool,
    /// Class id of a storage, as in the file.
    pub class_id: [u8; 16],
    /// Size in bytes, as the directory says it. Hostile: it may be any number.
    pub size: u64,
    /// First sector, of the file or of the mini stream.
    pub(super) start: u32,
    /// Not reached by walking the tree.
    pub orphan: bool,
}

impl StorageEntry {
    /// The last part of the path.
    pub(crate) fn name(&self) -> &str {
        self.path.rsplit('/').next().unwrap_or(&self.path)
    }

    /// The path of the storage around it; that of the root is empty.
    pub(crate) fn parent(&self) -> &str {
        self.path.rsplit_once('/').map_or("", |(parent, _)| parent)
    }

    /// Whether this is a document's stream `name`. In the storage of a project, it is a module that is called so.
    pub(crate) fn is_document_stream(&self, name: &str) -> bool {
        let around = self.parent().rsplit('/').next().unwrap_or_default();
        self.is_stream_named(name) && !around.eq_ignore_ascii_case("VBA")
    }

    /// Whether the last part of the path of a stream is `name`; case does not matter.
    pub(crate) fn is_stream_named(&self, name: &str) -> bool {
        !self.is_storage && self.name().eq_ignore_ascii_case(name)
    }
}

/// The directory, read.
#[derive(Debug, Default)]
pub(crate) struct Directory {
    /// All entries in use; those that the tree reaches come first, the root before all.
    pub entries: Vec<StorageEntry>,
    /// The tree comes back to an entry it has been at.
    pub cyclic: bool,
    /// The tree names entries that do not exist or are not in use.
    pub dangling: bool,
    /// The tree names entries beyond the end of the list: the rest of it was not found.
    pub beyond: bool,
    /// Whether the first entry is not a root.
    pub rootless: bool,
}

/// A raw entry of the directory.
struct DirectorySlot<'d> {
    bytes: &'d [u8],
    kind: u8,
}

impl<'d> DirectorySlot<'d> {
    fn number(&self, at: usize) -> u32 {
        le32(self.bytes, at).unwrap_or(u32::MAX)
    }

    /// In use: a storage, a stream or the root.
    fn used(&self) -> bool {
        matches!(self.kind, 1 | 2 | 5)
    }

    fn name(&self) -> String {
        // The length counts the bytes with the end (2.6.1).
        let length = usize::from(le16(self.bytes, 64).unwrap_or(0)).clamp(2, 64) - 2;
        let units = self.bytes.get(..length).unwrap_or_default().chunks_exact(2).filter_map(|unit| le16(unit, 0));
        char::decode_utf16(units).map(|c| c.unwrap_or(char::REPLACEMENT_CHARACTER)).collect()
    }

    fn entry(&self, path: String, orphan: bool, wide_sizes: bool) -> StorageEntry {
        let size = le64(self.bytes, 120).unwrap_or(0);
        // In version 3 the upper half may be noise (2.6.3); a lower half of zero would hide what there is.
        let low = size & 0xffff_ffff;
        let size = if wide_sizes || low == 0 { size } else { low };
        let class_id = self.bytes.get(80..).and_then(|class| class.first_chunk()).copied().unwrap_or_default();
        StorageEntry { path, is_storage: self.kind != 2, class_id, size, start: self.number(116), orphan }
    }
}

impl Directory {
    /// Reads the directory in `bytes`. `wide_sizes`: sizes are 64 bits wide, as in version 4.
    pub(super) fn read(bytes: &[u8], wide_sizes: bool, budget: &mut Budget) -> Result<Directory, Exhausted> {
        let slots: Vec<DirectorySlot<'_>> = bytes
            .chunks_exact(ENTRY_BYTES)
            .map(|bytes| DirectorySlot { bytes, kind: bytes.get(66).copied().unwrap_or(0) })
            .collect();
        budget.entries(slots.iter().filter(|slot| slot.used()).count() as u64)?;
        budget.step(slots.len() as u64)?;
        let mut walk = Walk { slots, reached: Vec::new(), wide_sizes, found: Directory::default() };
        walk.reached = vec![false; walk.slots.len()];
        walk.whole();
        Ok(walk.found)
    }
}

/// A walk over the tree.
struct Walk<'d> {
    slots: Vec<DirectorySlot<'d>>,
    reached: Vec<bool>,
    wide_sizes: bool,
    found: Directory,
}

impl Walk<'_> {
    fn whole(&mut self) {
        match self.slots.first() {
            Some(root) if root.kind == 5 => {
                let (entry, child) = (root.entry(String::new(), false, self.wide_sizes), root.number(76));
                self.found.entries.push(entry);
                self.mark(0);
                self.below(child, "", false);
            }
            _ => self.found.rootless = true,
        }
        // Storages first, so that what an orphan holds is found below it.
        for kind in [1, 5, 2] {
            for id in 0..self.slots.len() {
                if self.slots.get(id).is_some_and(|slot| slot.kind == kind) && self.mark(id) {
                    let child = self.take(id, "", true);
                    if let Some((child, path)) = child {
                        self.below(child, &path, true);
                    }
                }
            }
        }
    }

    /// Marks an entry as reached; false when it was, or does not exist.
    fn mark(&mut self, id: usize) -> bool {
        self.reached.get_mut(id).is_some_and(|reached| !std::mem::replace(reached, true))
    }

    /// Adds the entry `id` below the storage at `parent`. Gives the first child and the path of a storage.
    fn take(&mut self, id: usize, parent: &str, orphan: bool) -> Option<(u32, String)> {
        let slot = self.slots.get(id)?;
        let name = slot.name();
        let path = if parent.is_empty() || parent.len() > PATH_BYTES_MAX { name } else { format!("{parent}/{name}") };
        let below = (slot.kind != 2).then(|| (slot.number(76), path.clone()));
        self.found.entries.push(slot.entry(path, orphan, self.wide_sizes));
        below
    }

    /// Adds all siblings around `child`, and what is below them.
    fn below(&mut self, child: u32, path: &str, orphan: bool) {
        let mut pending = vec![(child, path.to_owned())];
        while let Some((id, parent)) = pending.pop() {
            if id == u32::MAX {
                continue;
            }
            let id = id as usize;
            if !self.slots.get(id).is_some_and(DirectorySlot::used) {
                self.found.dangling = true;
                self.found.beyond |= id >= self.slots.len();
                continue;
            }
            if !self.mark(id) {
                self.found.cyclic = true;
                continue;
            }
            if let Some((child, path)) = self.take(id, &parent, orphan) {
                pending.push((child, path));
            }
            let slot = &self.slots[id];
            let (left, right) = (slot.number(68), slot.number(72));
            pending.push((right, parent.clone()));
            pending.push((left, parent));
        }
    }
}
