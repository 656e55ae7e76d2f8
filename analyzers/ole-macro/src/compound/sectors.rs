//! Sectors and the chains they form: header, DIFAT, FAT (MS-CFB 2.2 to 2.5).
//!
//! Nothing is copied that lies in one piece: a FAT entry is read where it stands, and a chain becomes a list of runs.
//! A chain is followed no further than its content is wanted and the file has sectors, and a cycle is noticed on the
//! way (Brent 1980), so that no set of visited sectors is kept for each stream; where a chain has no length of its own,
//! one is.

use std::borrow::Cow;
use std::ops::Range;

use analyzers::{Budget, Exhausted};

/// Sector numbers from here up have a meaning of their own (2.1).
const SECTOR_MAX: u32 = 0xffff_fffa;
/// Ends a chain (2.1).
const END_OF_CHAIN: u32 = 0xffff_fffe;
/// A place in the DIFAT that names no sector (2.5).
const FREE: u32 = 0xffff_ffff;
/// FAT sectors that the header names (2.5).
const HEADER_DIFAT: usize = 109;
/// Sectors of this file hold 512 bytes in version 3, and 4096 in version 4 (2.2).
const SHIFTS: [u32; 2] = [9, 12];

/// Fault of a chain or a table.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum SectorFault {
    /// The chain returns to an earlier sector.
    Cycle,
    /// The chain ends, or leaves the file, before the end of its content.
    Short,
}

/// The sectors of a compound file.
#[derive(Debug)]
pub(crate) struct Sectors<'a> {
    bytes: &'a [u8],
    shift: u32,
    /// Sectors of the FAT, in order; [`FREE`] for missing ones.
    fat: Vec<u32>,
    /// First sector of the directory.
    pub directory: u32,
    /// First sector of the mini FAT.
    pub mini_fat: u32,
    /// Streams below this size lie in the mini stream, in bytes.
    pub mini_cutoff: u32,
    /// Sectors of the mini stream hold `1 << mini_shift` bytes.
    pub mini_shift: u32,
}

/// Invalid fields of the header.
#[derive(Debug, Default)]
pub(crate) struct HeaderFaults {
    /// Sizes of sectors that no reader supports, as shifts: of sectors, and of the mini stream's.
    pub shifts: Option<(u16, u16)>,
    /// Fault of the DIFAT, if any.
    pub difat: Option<SectorFault>,
    /// Another boundary between the mini stream and the rest, in bytes.
    pub cutoff: Option<u32>,
}

impl<'a> Sectors<'a> {
    /// Reads the header and the DIFAT. `None` if there is no header.
    pub(super) fn read(bytes: &'a [u8], budget: &mut Budget) -> Result<Option<(Sectors<'a>, HeaderFaults)>, Exhausted> {
        let mut faults = HeaderFaults::default();
        let numbers = |at| le16(bytes, at);
        let (Some(version), Some(shift), Some(mini_shift)) = (numbers(26), numbers(30), numbers(32)) else {
            return Ok(None);
        };
        let numbers = |at| le32(bytes, at);
        let (Some(directory), Some(cutoff), Some(mini_fat), Some(difat)) =
            (numbers(48), numbers(56), numbers(60), numbers(68))
        else {
            return Ok(None);
        };
        if !SHIFTS.contains(&u32::from(shift)) || mini_shift != 6 {
            faults.shifts = Some((shift, mini_shift));
        }
        if cutoff != 4096 {
            faults.cutoff = Some(cutoff);
        }
        // What Windows refuses outright is still read the way it would have been meant.
        let shift = match u32::from(shift) {
            shift @ 7..=16 => shift,
            _ if version == 4 => SHIFTS[1],
            _ => SHIFTS[0],
        };
        let mut sectors =
            Sectors { bytes, shift, fat: Vec::new(), directory, mini_fat, mini_cutoff: 4096, mini_shift: 6 };
        faults.difat = sectors.read_difat(difat, budget)?;
        Ok(Some((sectors, faults)))
    }

    /// Lists the sectors of the FAT, as many as the file can use (2.5). The list is followed to its end to detect
    /// cycles.
    fn read_difat(&mut self, first: u32, budget: &mut Budget) -> Result<Option<SectorFault>, Exhausted> {
        let wanted = self.count().div_ceil(1 << (self.shift - 2));
        let header = self.bytes.get(76..512).unwrap_or_default();
        self.fat.extend(header.chunks_exact(4).take(wanted.min(HEADER_DIFAT)).filter_map(|number| le32(number, 0)));
        let (mut sector, mut brent) = (first, Brent::default());
        let mut fault = None;
        while sector < SECTOR_MAX {
            let Some(table) = self.sector(sector) else {
                fault = (self.fat.len() < wanted).then_some(SectorFault::Short);
                break;
            };
            budget.step(table.len() as u64 / 4)?;
            let (numbers, next) = table.split_at(table.len().saturating_sub(4));
            let room = wanted - self.fat.len();
            self.fat.extend(numbers.chunks_exact(4).take(room).filter_map(|number| le32(number, 0)));
            sector = le32(next, 0).unwrap_or(END_OF_CHAIN);
            if brent.returns(sector) {
                fault = Some(SectorFault::Cycle);
                break;
            }
        }
        while self.fat.last() == Some(&FREE) {
            self.fat.pop();
        }
        Ok(fault)
    }

    /// Number of sectors in the file, without the header, with a truncated last one.
    pub(super) fn count(&self) -> usize {
        (self.bytes.len() >> self.shift).saturating_sub(1) + usize::from(self.bytes.len() & (self.size() - 1) != 0)
    }

    /// Bytes in a sector.
    pub(super) fn size(&self) -> usize {
        1 << self.shift
    }

    /// Whether the FAT names a sector of its own twice, which makes readers that copy it grow without need.
    pub(super) fn fat_repeats(&self) -> bool {
        let mut named: Vec<u32> = self.fat.iter().copied().filter(|sector| *sector != FREE).collect();
        named.sort_unstable();
        named.windows(2).any(|pair| pair.first() == pair.last())
    }

    /// Range of a sector. The header takes the place of one (2.2).
    fn place(&self, sector: u32) -> Option<Range<usize>> {
        let start = (u64::from(sector) + 1) << self.shift;
        let start = usize::try_from(start).ok().filter(|start| *start < self.bytes.len())?;
        Some(start..self.bytes.len().min(start + self.size()))
    }

    fn sector(&self, sector: u32) -> Option<&'a [u8]> {
        self.bytes.get(self.place(sector)?)
    }

    /// The sector that follows `sector` in its chain (2.3).
    fn next(&self, sector: u32) -> Option<u32> {
        let per_sector = self.shift - 2;
        let table = *self.fat.get((sector >> per_sector) as usize)?;
        let within = (sector as usize & ((1 << per_sector) - 1)) * 4;
        le32(self.bytes, self.place(table)?.start + within)
    }

    /// The first `length` bytes of the chain that starts at `first`: lent when they lie in one piece, else copied and
    /// paid for. Fewer, and why, when the chain holds fewer.
    pub(super) fn chain(
        &self,
        first: u32,
        length: u64,
        budget: &mut Budget,
    ) -> Result<(Cow<'a, [u8]>, Option<SectorFault>), Exhausted> {
        let mut pieces = Pieces::default();
        let fault = self.walk(first, length, budget, |place, budget| pieces.add(place, budget))?;
        Ok((self.joined(pieces, budget)?, fault))
    }

    /// Whether the chain that starts at `first` holds `length` bytes; if not, why not.
    pub(super) fn fault(&self, first: u32, length: u64, budget: &mut Budget) -> Result<Option<SectorFault>, Exhausted> {
        self.walk(first, length, budget, |_, _| Ok(()))
    }

    /// Shows `take` where the first `length` bytes of the chain that starts at `first` are, sector by sector.
    fn walk(
        &self,
        first: u32,
        length: u64,
        budget: &mut Budget,
        mut take: impl FnMut(Range<usize>, &mut Budget) -> Result<(), Exhausted>,
    ) -> Result<Option<SectorFault>, Exhausted> {
        let available = self.count() as u64 * self.size() as u64;
        let mut left = usize::try_from(length.min(available)).unwrap_or(usize::MAX);
        budget.step((left / self.size()) as u64)?;
        let (mut sector, mut brent) = (first, Brent::default());
        while left > 0 {
            let Some(mut place) = (sector < SECTOR_MAX).then(|| self.place(sector)).flatten() else {
                return Ok(Some(SectorFault::Short));
            };
            place.end = place.end.min(place.start + left);
            left -= place.len();
            take(place, budget)?;
            sector = self.next(sector).unwrap_or(END_OF_CHAIN);
            // The second: whole, but made to catch those who follow chains to their end.
            if brent.returns(sector) || (left == 0 && sector == first) {
                return Ok(Some(SectorFault::Cycle));
            }
        }
        Ok((length > available).then_some(SectorFault::Short))
    }

    /// All of the chain that starts at `first`, which has no length of its own. Ends where a sector comes again, so
    /// that nothing is seen twice.
    pub(super) fn whole_chain(
        &self,
        first: u32,
        budget: &mut Budget,
    ) -> Result<(Cow<'a, [u8]>, Option<SectorFault>), Exhausted> {
        let mut seen = vec![false; self.count()];
        let (mut pieces, mut sector, mut fault) = (Pieces::default(), first, None);
        while let (Some(place), Some(seen)) = (self.place(sector), seen.get_mut(sector as usize)) {
            if std::mem::replace(seen, true) {
                fault = Some(SectorFault::Cycle);
                break;
            }
            budget.step(1)?;
            pieces.add(place, budget)?;
            // The FAT does not reach this sector, or the file ends before the FAT does.
            let Some(next) = self.next(sector) else {
                fault = Some(SectorFault::Short);
                break;
            };
            sector = next;
        }
        if fault.is_none() && sector < SECTOR_MAX {
            fault = Some(SectorFault::Short);
        }
        Ok((self.joined(pieces, budget)?, fault))
    }

    fn joined(&self, pieces: Pieces, budget: &mut Budget) -> Result<Cow<'a, [u8]>, Exhausted> {
        Ok(match pieces.join(self.bytes, budget)? {
            Whole::Here(place) => Cow::Borrowed(self.bytes.get(place).unwrap_or_default()),
            Whole::Copied(bytes) => Cow::Owned(bytes),
        })
    }
}

/// Notices when a walk comes back to where it was, in constant memory: Brent's algorithm.
#[derive(Debug)]
pub(crate) struct Brent {
    marker: u32,
    steps: u64,
    renew_at: u64,
}

impl Default for Brent {
    fn default() -> Self {
        Brent { marker: FREE, steps: 0, renew_at: 1 }
    }
}

impl Brent {
    /// Takes a step to `at`. True when it is where the walk was before: at the latest after three times as many steps
    /// as the way in and the cycle are long.
    pub(super) fn returns(&mut self, at: u32) -> bool {
        self.steps += 1;
        if at == self.marker && at < SECTOR_MAX {
            return true;
        }
        if self.steps == self.renew_at {
            (self.marker, self.renew_at) = (at, self.renew_at * 2);
        }
        false
    }
}

/// Parts of a whole: a place while they follow one another, copied from the first gap on.
#[derive(Debug, Default)]
pub(crate) struct Pieces {
    runs: Vec<Range<usize>>,
    last: Range<usize>,
    /// Bytes added.
    pub length: usize,
}

/// A whole made of [`Pieces`].
#[derive(Debug)]
pub(crate) enum Whole {
    /// The stream is contiguous in the file.
    Here(Range<usize>),
    /// The stream is fragmented and was copied.
    Copied(Vec<u8>),
}

impl Pieces {
    /// Adds a piece.
    pub(super) fn add(&mut self, place: Range<usize>, budget: &mut Budget) -> Result<(), Exhausted> {
        self.length += place.len();
        if self.last.is_empty() {
            self.last = place;
        } else if self.last.end == place.start {
            self.last.end = place.end;
        } else {
            // A run takes 16 bytes: a chain that jumps at every sector costs a part of what it holds.
            budget.step(1)?;
            self.runs.push(std::mem::replace(&mut self.last, place));
        }
        Ok(())
    }

    /// The whole, of pieces that lie in `bytes`.
    pub(super) fn join(self, bytes: &[u8], budget: &mut Budget) -> Result<Whole, Exhausted> {
        if self.runs.is_empty() {
            return Ok(Whole::Here(self.last));
        }
        budget.produce(self.length as u64)?;
        let mut whole = Vec::with_capacity(self.length);
        for run in self.runs.into_iter().chain([self.last]) {
            whole.extend_from_slice(bytes.get(run).unwrap_or_default());
        }
        Ok(Whole::Copied(whole))
    }
}

/// The little-endian number at `at`.
pub(crate) fn le16(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_le_bytes(*bytes.get(at..)?.first_chunk()?))
}

/// The little-endian number at `at`.
pub(crate) fn le32(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(*bytes.get(at..)?.first_chunk()?))
}

/// The little-endian number at `at`.
pub(crate) fn le64(bytes: &[u8], at: usize) -> Option<u64> {
    Some(u64::from_le_bytes(*bytes.get(at..)?.first_chunk()?))
}
