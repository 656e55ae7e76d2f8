//! Reading compound files (MS-CFB) leniently.
//!
//! Office opens many files that strict readers refuse. So this reader reads what it can, and every violated rule is
//! evidence. It is an implementation of its own (`sectors`, `directory`): it borrows streams instead of copying them,
//! sees entries that the tree does not reach, and its cost is bounded by the size of the file. The `cfb` crate, a
//! stricter reader used by much software, is asked whether it would open the file; a refusal is a sign of its own.

mod directory;
mod sectors;

use std::borrow::Cow;
use std::cell::{Cell, OnceCell};
use std::io::Cursor;

use analyzers::{Budget, Exhausted, Findings, Incomplete};
use memchr::memmem;

use crate::catalogue::container::{BEYOND_END, CYCLIC, MALFORMED, ORPHANS, REFUSED};

use self::directory::Directory;
pub(crate) use self::directory::StorageEntry;
use self::sectors::{Brent, Pieces, SectorFault, Sectors, Whole};
pub(crate) use self::sectors::{le16, le32};

/// A compound file whose directory was read.
#[derive(Debug)]
pub(crate) struct Compound<'a> {
    bytes: &'a [u8],
    sectors: Sectors<'a>,
    entries: Vec<StorageEntry>,
    /// The stream that holds all short streams, and its FAT: read when first needed.
    mini: OnceCell<Mini<'a>>,
    /// Faults of streams read since [`Compound::open`].
    faults: Cell<CompoundFaults>,
}

/// The mini stream and its FAT (2.4).
#[derive(Debug)]
struct Mini<'a> {
    fat: Cow<'a, [u8]>,
    stream: Cow<'a, [u8]>,
}

#[derive(Clone, Copy, Debug, Default)]
struct CompoundFaults {
    cyclic: bool,
    short: bool,
}

impl<'a> Compound<'a> {
    /// Opens `bytes`, and reports what is malformed. None when no directory can be read, which makes the report
    /// incomplete, or when the budget is spent.
    pub(crate) fn open(bytes: &'a [u8], findings: &mut Findings<'_>) -> Option<Compound<'a>> {
        let Some((sectors, header)) = Sectors::read(bytes, findings.budget()).ok()? else {
            findings.saw_with(&MALFORMED, 0..bytes.len(), "no header");
            findings.incomplete(Incomplete::CutShort);
            return None;
        };
        if let Some((shift, mini)) = header.shifts {
            findings.saw_with(&MALFORMED, 30..34, format_args!("sectors of 2^{shift} and 2^{mini} bytes"));
        }
        if let Some(cutoff) = header.cutoff {
            findings.saw_with(&MALFORMED, 56..60, format_args!("mini streams of up to {cutoff} bytes"));
        }
        match header.difat {
            Some(SectorFault::Cycle) => findings.saw_with(&CYCLIC, 68..72, "the DIFAT"),
            Some(SectorFault::Short) => findings.saw_with(&BEYOND_END, 68..72, "the DIFAT"),
            None => {}
        }
        let (bytes_of_directory, fault) = sectors.whole_chain(sectors.directory, findings.budget()).ok()?;
        match fault {
            Some(SectorFault::Cycle) => findings.saw_with(&CYCLIC, 48..52, "the sectors of the directory"),
            Some(SectorFault::Short) => {
                findings.saw_with(&BEYOND_END, 48..52, "the sectors of the directory");
                // What the rest of it lists is not known.
                findings.incomplete(Incomplete::CutShort);
            }
            None => {}
        }
        let wide_sizes = sectors.size() > 512;
        let directory = Directory::read(&bytes_of_directory, wide_sizes, findings.budget()).ok()?;
        report_directory(&directory, findings);
        if directory.rootless || directory.beyond {
            // Whatever was taken for entries, the directory begins with the root, and has all that its tree names: this is
            // none, or a part of one.
            findings.incomplete(Incomplete::CutShort);
        }
        if directory.entries.is_empty() {
            findings.incomplete(Incomplete::CutShort);
            return None;
        }
        report_streams(&directory.entries, &sectors, findings).ok()?;
        report_refusal(bytes, &sectors, findings);
        Some(Compound { bytes, sectors, entries: directory.entries, mini: OnceCell::new(), faults: Cell::default() })
    }

    /// All storages and streams; the first is the root, where there is one.
    pub(crate) fn entries(&self) -> &[StorageEntry] {
        &self.entries
    }

    /// Whether this is a document of its own: the main stream of one lies at its root, and nowhere else, where a module or
    /// an object within may be called so.
    pub(crate) fn is_document(&self) -> bool {
        const MAIN: [&str; 4] = ["WordDocument", "Workbook", "Book", "PowerPoint Document"];
        let is_main =
            |entry: &StorageEntry| entry.parent().is_empty() && MAIN.iter().any(|name| entry.is_stream_named(name));
        self.entries.iter().any(is_main)
    }

    /// The entry at `path`; ASCII case does not matter.
    pub(crate) fn find(&self, path: &str) -> Option<&StorageEntry> {
        self.entries.iter().find(|entry| entry.path.eq_ignore_ascii_case(path))
    }

    /// Whether `pattern` stands anywhere in the file, in one piece.
    pub(crate) fn contains(&self, pattern: &[u8]) -> bool {
        memmem::find(self.bytes, pattern).is_some()
    }

    /// The bytes of a stream: lent where they lie in one piece, else copied and paid for. A stream whose chain is
    /// broken gives what there is; [`Compound::report_faults`] tells.
    pub(crate) fn read(&self, entry: &StorageEntry, budget: &mut Budget) -> Result<Cow<'a, [u8]>, Exhausted> {
        if entry.is_storage || entry.size == 0 {
            return Ok(Cow::Borrowed(&[]));
        }
        let (bytes, fault) = if entry.size < u64::from(self.sectors.mini_cutoff) {
            self.read_mini(entry, budget)?
        } else {
            self.sectors.chain(entry.start, entry.size, budget)?
        };
        self.note(fault);
        Ok(bytes)
    }

    /// The bytes of a stream as if it were short, whatever its size: where short streams lie, up to the end of its chain.
    pub(crate) fn read_as_short(&self, entry: &StorageEntry, budget: &mut Budget) -> Result<Cow<'a, [u8]>, Exhausted> {
        let size = u64::from(self.sectors.mini_cutoff);
        if entry.is_storage || entry.size < size {
            return Ok(Cow::Borrowed(&[]));
        }
        // That its chain ends before that is no fault.
        let (bytes, _) = self.read_mini(&StorageEntry { size: size - 1, ..entry.clone() }, budget)?;
        Ok(bytes)
    }

    /// Reports what was wrong with the streams that were read.
    pub(crate) fn report_faults(&self, findings: &mut Findings<'_>) {
        let faults = self.faults.take();
        if faults.cyclic {
            findings.saw_with(&CYCLIC, 0..0, "the sectors of a stream");
        }
        if faults.short {
            findings.saw_with(&BEYOND_END, 0..0, "a stream that ends before its size");
        }
        if faults.cyclic || faults.short {
            findings.incomplete(Incomplete::CutShort);
        }
    }

    fn note(&self, fault: Option<SectorFault>) {
        let mut faults = self.faults.get();
        match fault {
            Some(SectorFault::Cycle) => faults.cyclic = true,
            Some(SectorFault::Short) => faults.short = true,
            None => return,
        }
        self.faults.set(faults);
    }

    fn mini(&self, budget: &mut Budget) -> Result<&Mini<'a>, Exhausted> {
        if let Some(mini) = self.mini.get() {
            return Ok(mini);
        }
        let (fat, fault) = self.sectors.whole_chain(self.sectors.mini_fat, budget)?;
        self.note(fault);
        let root = self.entries.first().filter(|root| root.path.is_empty());
        let (start, size) = root.map_or((u32::MAX, 0), |root| (root.start, root.size));
        // Its size is not trusted to be small enough: some writers leave it behind.
        let (stream, fault) = self.sectors.chain(start, size, budget)?;
        self.note(fault);
        Ok(self.mini.get_or_init(|| Mini { fat, stream }))
    }

    fn read_mini(
        &self,
        entry: &StorageEntry,
        budget: &mut Budget,
    ) -> Result<(Cow<'a, [u8]>, Option<SectorFault>), Exhausted> {
        let mini = self.mini(budget)?;
        // Below the cutoff of 4096, so it fits.
        let length = usize::try_from(entry.size).unwrap_or(usize::MAX);
        let size = 1 << self.sectors.mini_shift;
        budget.step((length / size) as u64)?;
        let mut pieces = Pieces::default();
        let (mut sector, mut brent, mut fault) = (entry.start, Brent::default(), None);
        while pieces.length < length {
            let start = sector as usize * size;
            let end = mini.stream.len().min(start + size.min(length - pieces.length));
            if start >= end {
                fault = Some(SectorFault::Short);
                break;
            }
            pieces.add(start..end, budget)?;
            sector = le32(&mini.fat, sector as usize * 4).unwrap_or(u32::MAX);
            if brent.returns(sector) || (pieces.length >= length && sector == entry.start) {
                fault = Some(SectorFault::Cycle);
                break;
            }
        }
        let bytes = match (pieces.join(&mini.stream, budget)?, &mini.stream) {
            (Whole::Copied(bytes), _) => Cow::Owned(bytes),
            (Whole::Here(place), Cow::Borrowed(stream)) => Cow::Borrowed(stream.get(place).unwrap_or_default()),
            (Whole::Here(place), Cow::Owned(stream)) => {
                budget.produce(place.len() as u64)?;
                Cow::Owned(stream.get(place).unwrap_or_default().to_vec())
            }
        };
        Ok((bytes, fault))
    }
}

fn report_directory(directory: &Directory, findings: &mut Findings<'_>) {
    if directory.rootless {
        findings.saw_with(&MALFORMED, 0..0, "no root entry");
    }
    if directory.cyclic {
        findings.saw_with(&CYCLIC, 0..0, "the tree of the directory");
    }
    if directory.dangling {
        findings.saw_with(&MALFORMED, 0..0, "the tree names entries that are not there");
    }
    let mut orphans = directory.entries.iter().filter(|entry| entry.orphan);
    if let Some(first) = orphans.next() {
        findings.saw_with(&ORPHANS, 0..0, format_args!("{} and {} more", first.path, orphans.count()));
    }
}

/// Checks whether the file contains all of its streams; a truncated file is not complete.
fn report_streams(
    entries: &[StorageEntry],
    sectors: &Sectors<'_>,
    findings: &mut Findings<'_>,
) -> Result<(), Exhausted> {
    // Short streams are in the mini stream, which is the root's own.
    let is_chain = |entry: &&StorageEntry| match entry.is_storage {
        true => entry.path.is_empty(),
        false => entry.size >= u64::from(sectors.mini_cutoff),
    };
    for entry in entries.iter().filter(is_chain) {
        match sectors.fault(entry.start, entry.size, findings.budget())? {
            Some(SectorFault::Short) => {
                findings.saw_with(&BEYOND_END, 0..0, format_args!("{}: {} bytes", entry.path, entry.size));
                findings.incomplete(Incomplete::CutShort);
            }
            Some(SectorFault::Cycle) => {
                findings.saw_with(&CYCLIC, 0..0, format_args!("the sectors of {}", entry.path));
                findings.incomplete(Incomplete::CutShort);
            }
            None => {}
        }
    }
    Ok(())
}

/// Asks a strict reader. Only where the FAT names none of its sectors twice: the strict reader copies each, so that
/// a small file could make it take memory a hundred times its size.
fn report_refusal(bytes: &[u8], sectors: &Sectors<'_>, findings: &mut Findings<'_>) {
    if sectors.fat_repeats() {
        findings.saw_with(&MALFORMED, 76..80, "the FAT names a sector twice");
        return;
    }
    if findings.budget().step(sectors.count() as u64).is_err() {
        return;
    }
    if let Err(why) = cfb::CompoundFile::open(Cursor::new(bytes)) {
        findings.saw_with(&REFUSED, 0..0, why);
    }
}
