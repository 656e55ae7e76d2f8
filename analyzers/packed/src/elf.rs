//! ELF programs packed by UPX: blocks behind the program headers, first the headers of the program inside, then what each of
//! its segments loads, and behind the unpacker what none does.
//!
//! The marks that tell a reader so ("UPX!", sizes) are often changed, and the unpacker does without them; so blocks are
//! found by what they are.
//!
//! Source: the unpackers that packed programs carry; files packed by UPX 3.91 to 4.2.

use std::ops::Range;

use analyzers::Budget;
use memchr::memmem;

use crate::filter;
use crate::method::PackMethod;
use crate::numbers::ByteOrder;
use crate::program::UnpackedProgram;
use crate::setback::Setback;

/// What a packer leaves in a file before its first block: a checksum, its mark, sizes.
const RECORDS: usize = 24;
/// The head of a block: two lengths, the method, the filter and its mark.
const BLOCK_HEAD: usize = 12;
/// Largest headers of a program inside, in bytes, and most of its segments.
const HEADERS_MAX: usize = 16 << 10;
const SEGMENTS_MAX: usize = 128;
/// Distance behind the blocks in which those of what is not loaded are looked for. Unpackers have 1 to 12 KiB.
const UNPACKER_MAX: usize = 64 << 10;
/// Such places that are tried.
const PLACES_MAX: usize = 8;
/// Places near the beginning at which the packer's mark is tried.
const MARKS_MAX: usize = 4;
const ELF: &[u8] = b"\x7fELF";
const MARK: &[u8] = b"UPX!";

/// What there is to know of the header of an ELF program.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct ElfHead {
    is_64: bool,
    order: ByteOrder,
    table: usize,
    entry_size: usize,
    entries: usize,
}

#[derive(Clone, Copy, Debug)]
struct BlockHead {
    unpacked: usize,
    packed: usize,
    /// None: it is stored as it is.
    method: Option<PackMethod>,
    filter: u8,
    mark: u8,
}

impl ElfHead {
    fn read(bytes: &[u8]) -> Option<ElfHead> {
        bytes.starts_with(ELF).then(|| ElfHead::read_unmarked(bytes)).flatten()
    }

    /// The same of a header whose first bytes may be any: some packed ones have others, which their own unpacker mends.
    fn read_unmarked(bytes: &[u8]) -> Option<ElfHead> {
        let (is_64, order) = match bytes.first_chunk::<6>()? {
            [_, _, _, _, class, order] => (
                match class {
                    1 => false,
                    2 => true,
                    _ => return None,
                },
                match order {
                    1 => ByteOrder::Little,
                    2 => ByteOrder::Big,
                    _ => return None,
                },
            ),
        };
        let (table, counts) = if is_64 { (order.u64(bytes, 32)?, 54) } else { (order.u32(bytes, 28)?, 42) };
        let (entry_size, entries) = (order.u16(bytes, counts)?, order.u16(bytes, counts + 2)?);
        let least = if is_64 { 56 } else { 32 };
        (entry_size >= least && (1..=SEGMENTS_MAX).contains(&entries) && table <= bytes.len()).then_some(ElfHead {
            is_64,
            order,
            table,
            entry_size,
            entries,
        })
    }

    /// End of the table of segments.
    fn end(&self) -> usize {
        self.table + self.entry_size * self.entries
    }

    /// Parts of the file that segments load, in the order of the table.
    fn loads(&self, bytes: &[u8]) -> Vec<Range<usize>> {
        let load = |index: usize| {
            let entry = bytes.get(self.table + index * self.entry_size..)?;
            let (start, length) = if self.is_64 {
                (self.order.u64(entry, 8)?, self.order.u64(entry, 32)?)
            } else {
                (self.order.u32(entry, 4)?, self.order.u32(entry, 16)?)
            };
            (self.order.u32(entry, 0)? == 1).then(|| start..start.saturating_add(length))
        };
        (0..self.entries).filter_map(load).filter(|load| !load.is_empty()).collect()
    }
}

impl BlockHead {
    /// The head of a block that may be one: its method is known, and it is not longer than what it becomes.
    fn read(bytes: &[u8], at: usize, order: ByteOrder) -> Option<BlockHead> {
        let (unpacked, packed) = (order.u32(bytes, at)?, order.u32(bytes, at + 4)?);
        let [number, filter, mark, _] = *bytes.get(at + 8..)?.first_chunk()?;
        let method = if packed == unpacked { None } else { Some(PackMethod::of(number)?) };
        (0 < packed && packed <= unpacked).then_some(BlockHead { unpacked, packed, method, filter, mark })
    }
}

/// Reads blocks one behind the other.
struct Blocks<'p> {
    bytes: &'p [u8],
    order: ByteOrder,
    at: usize,
    read: Vec<Range<usize>>,
}

impl Blocks<'_> {
    /// The next block, of at most `max` bytes. Where it fails, `out` has what could be had.
    fn next(&mut self, out: &mut Vec<u8>, max: usize, budget: &mut Budget) -> Result<(), Setback> {
        budget.step(1)?;
        let head = BlockHead::read(self.bytes, self.at, self.order).ok_or(Setback::Broken)?;
        if head.unpacked > max {
            return Err(Setback::Broken);
        }
        let start = self.at + BLOCK_HEAD;
        let end = start.saturating_add(head.packed);
        let packed = self.bytes.get(start..end.min(self.bytes.len())).unwrap_or_default();
        let had = match head.method {
            Some(method) => method.unpack(packed, out, head.unpacked, budget).map(|_| ()),
            None => {
                if head.unpacked as u64 > budget.stream_room() {
                    return Err(Setback::TooLarge);
                }
                budget.produce(packed.len() as u64)?;
                out.extend_from_slice(packed);
                Ok(())
            }
        };
        filter::undo(head.filter, head.mark, out, budget)?;
        had?;
        if out.len() != head.unpacked {
            return Err(Setback::Broken);
        }
        self.read.push(self.at..end);
        self.at = end;
        Ok(())
    }

    /// Fills `part` of the program with the next blocks.
    fn fill(&mut self, program: &mut Vec<u8>, part: Range<usize>, budget: &mut Budget) -> Result<(), Setback> {
        let mut at = part.start;
        while at < part.end {
            let mut block = Vec::new();
            let read = self.next(&mut block, part.end - at, budget);
            let end = at + block.len();
            if end > program.len() {
                // A hole before it is paid for too: its headers may say that it is anywhere.
                let hole = (at.saturating_sub(program.len())) as u64;
                if hole > budget.stream_room() {
                    return Err(Setback::TooLarge);
                }
                budget.produce(hole)?;
                program.resize(end, 0);
            }
            program.get_mut(at..end).ok_or(Setback::Broken)?.copy_from_slice(&block);
            read?;
            at = end;
        }
        Ok(())
    }
}

/// The program inside of this one, if it is packed by UPX. `Err` if it is and cannot be had.
pub(crate) fn unpack(bytes: &[u8], budget: &mut Budget) -> Result<Option<UnpackedProgram>, Setback> {
    let Some(outer) = ElfHead::read(bytes) else { return Ok(None) };
    let head = bytes.get(..4096).unwrap_or(bytes);
    let by_mark = memmem::find_iter(head, MARK).take(MARKS_MAX).filter_map(|mark| mark.checked_sub(4));
    for records in std::iter::once(outer.end()).chain(by_mark) {
        budget.step(1)?;
        let Some(first) = first_block(bytes, records + RECORDS, outer, budget)? else { continue };
        return unpack_from(bytes, (records, outer), first, budget).map(Some);
    }
    Ok(None)
}

/// The headers of a program and the reader of the blocks behind them, if a block with headers is here.
fn first_block<'p>(
    bytes: &'p [u8],
    at: usize,
    outer: ElfHead,
    budget: &mut Budget,
) -> Result<Option<(ElfHead, Vec<u8>, Blocks<'p>)>, Setback> {
    let Some(head) = BlockHead::read(bytes, at, outer.order) else { return Ok(None) };
    if head.filter != 0 || head.unpacked > HEADERS_MAX {
        return Ok(None);
    }
    let mut blocks = Blocks { bytes, order: outer.order, at, read: Vec::new() };
    let mut headers = Vec::new();
    match blocks.next(&mut headers, HEADERS_MAX, budget) {
        Ok(()) => {}
        Err(Setback::Limit) => return Err(Setback::Limit),
        Err(_) => return Ok(None),
    }
    let inner = ElfHead::read_unmarked(&headers)
        .filter(|inner| (inner.is_64, inner.order) == (outer.is_64, outer.order) && inner.end() == headers.len());
    Ok(inner.map(|inner| (inner, headers, blocks)))
}

fn unpack_from(
    bytes: &[u8],
    (records, outer): (usize, ElfHead),
    (inner, headers, mut blocks): (ElfHead, Vec<u8>, Blocks<'_>),
    budget: &mut Budget,
) -> Result<UnpackedProgram, Setback> {
    let order = inner.order;
    let loads = inner.loads(&headers);
    let known = headers.len();
    let mut program = headers;
    let is_marked = bytes.get(records + 4..).is_some_and(|mark| mark.starts_with(MARK)) && program.starts_with(ELF);
    if let Some(mark) = program.get_mut(..ELF.len()) {
        mark.copy_from_slice(ELF);
    }
    for load in &loads {
        // The headers are the beginning of what the first one loads.
        let start = if load.start == 0 { known.min(load.end) } else { load.start };
        match blocks.fill(&mut program, start..load.end, budget) {
            Ok(()) => {}
            // What could be had of it is examined all the same.
            Err(Setback::Broken) if program.len() > known => {
                return Ok(UnpackedProgram {
                    bytes: program,
                    blocks: blocks.read,
                    unpacker: None,
                    is_marked,
                    is_whole: false,
                });
            }
            Err(setback) => return Err(setback),
        }
    }
    let unpacker = order.u16(bytes, records + 8).ok_or(Setback::Broken)?;
    let behind = blocks.at.next_multiple_of(4);
    let gaps = gaps(&loads);
    // What is not loaded may be missing: the program runs without it.
    let (length, read) = (program.len(), blocks.read.len());
    let mut has_rest = false;
    for place in places_behind(bytes, behind, unpacker, order) {
        budget.step(1)?;
        blocks.at = place;
        match fill_gaps(&mut blocks, &mut program, &gaps, budget) {
            Ok(()) => {
                has_rest = true;
                break;
            }
            Err(Setback::Limit) => return Err(Setback::Limit),
            Err(_) => {
                blocks.read.truncate(read);
                program.truncate(length);
            }
        }
    }
    if !has_rest {
        without_sections(&mut program, inner);
    }
    let loaded = outer.loads(bytes).iter().map(|load| load.end).max().unwrap_or(0).min(bytes.len());
    let packed: usize = blocks.read.iter().map(|block| block.end.min(loaded).saturating_sub(block.start)).sum();
    let unpacker = Some(loaded.saturating_sub(packed));
    Ok(UnpackedProgram { bytes: program, blocks: blocks.read, unpacker, is_marked, is_whole: true })
}

/// Parts of the file that no segment loads, in order; the last is what follows them all, of which only the start is known.
fn gaps(loads: &[Range<usize>]) -> (Vec<Range<usize>>, usize) {
    let mut sorted = loads.to_vec();
    sorted.sort_unstable_by_key(|load| load.start);
    let mut gaps = Vec::new();
    let mut end = 0;
    for load in sorted {
        if load.start > end {
            gaps.push(end..load.start);
        }
        end = end.max(load.end);
    }
    (gaps, end)
}

/// Places at which the blocks of what is not loaded may begin: behind the unpacker, whose length the packer wrote down; and
/// where that was changed, what looks like the head of one.
fn places_behind(bytes: &[u8], behind: usize, unpacker: usize, order: ByteOrder) -> impl Iterator<Item = usize> {
    let is_block = move |at: &usize| {
        BlockHead::read(bytes, *at, order)
            .is_some_and(|head| head.filter == 0 && head.mark == 0 && at + BLOCK_HEAD + head.packed <= bytes.len())
    };
    let is_end = move |at: &usize| order.u32(bytes, *at) == Some(0);
    let written = std::iter::once(behind + unpacker).filter(move |at| is_block(at) || is_end(at));
    written.chain((behind..bytes.len().min(behind + UNPACKER_MAX)).filter(is_block)).take(PLACES_MAX)
}

/// Fills the gaps between segments and what follows them, up to the block that says that there are no more.
fn fill_gaps(
    blocks: &mut Blocks<'_>,
    program: &mut Vec<u8>,
    (gaps, end): &(Vec<Range<usize>>, usize),
    budget: &mut Budget,
) -> Result<(), Setback> {
    for gap in gaps {
        blocks.fill(program, gap.clone(), budget)?;
    }
    program.resize(program.len().max(*end), 0);
    while blocks.order.u32(blocks.bytes, blocks.at) != Some(0) {
        let room = usize::try_from(budget.stream_room()).unwrap_or(usize::MAX);
        let mut block = Vec::new();
        blocks.next(&mut block, room, budget)?;
        program.extend_from_slice(&block);
    }
    Ok(())
}

/// Takes back what the header says of a table of sections that could not be had.
fn without_sections(program: &mut [u8], head: ElfHead) {
    let fields = if head.is_64 { [40..48, 60..64] } else { [32..36, 48..52] };
    for field in fields {
        program.get_mut(field).unwrap_or_default().fill(0);
    }
}
