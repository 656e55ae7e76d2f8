//! PE images packed by UPX: one stream with all that was mapped of the program, and behind that its headers and what it takes
//! to make a file of it again.
//!
//! The mark of the packer ("UPX!") is often changed, and the unpacker does without it; so the record that tells how the
//! stream is packed is found by what it says, and where it is gone, the methods whose streams have an end are tried at the
//! beginning of the packed section.
//!
//! Source: the unpackers that packed programs carry; files packed by UPX 1.2 to 4.2; PE/COFF specification.

mod exports;
mod head;
mod imports;
mod relocations;
mod resources;

use std::ops::Range;

use analyzers::Budget;

use crate::filter;
use crate::method::PackMethod;
use crate::nrv::{Variant, WordSize};
use crate::numbers::{le32, put_le32};
use crate::program::UnpackedProgram;
use crate::setback::Setback;

use self::head::{PeHead, PeSection, SECTION_ROW, Table, mend_signature};

/// Bytes of a file in which the record is looked for.
const RECORD_REACH: usize = 8 << 10;
const RECORD: usize = 32;
/// Records that are tried.
const RECORDS_MAX: usize = 4;
const MARK: &[u8] = b"UPX!";
/// How the record calls the two kinds of images.
const FORMATS: [u8; 2] = [9, 36];
/// Versions of the record's form.
const VERSIONS: std::ops::RangeInclusive<u8> = 10..=16;
/// The characteristic of an image that has no relocations.
const RELOCATIONS_STRIPPED: usize = 1;
/// Smallest directory of imports that the packer takes apart.
const IMPORTS_MIN: usize = 20;
/// Largest headers of the program.
const HEADERS_MAX: usize = 64 << 10;

/// How a packed stream is found and read.
#[derive(Clone, Copy, Debug)]
struct Stream {
    start: usize,
    packed: usize,
    /// What it becomes; as long as it may become, where nothing says.
    unpacked: usize,
    method: PackMethod,
    filter: u8,
    mark: u8,
    is_marked: bool,
    /// Whether a record says all this.
    is_recorded: bool,
}

/// A program in memory, with what the packer kept of it.
struct KeptProgram {
    image: Vec<u8>,
    /// From its signature to the end of the table of sections.
    header: Vec<u8>,
    /// The same, read; it starts at zero.
    head: PeHead,
    /// Where in the image the rest of what was kept stands.
    rest: usize,
    /// Address of the first byte.
    first: usize,
}

/// The program inside of this one, if it is packed by UPX. `Err` if it is and cannot be had.
pub(crate) fn unpack(bytes: &[u8], budget: &mut Budget) -> Result<Option<UnpackedProgram>, Setback> {
    let Some(packed) = PeHead::of_file(bytes) else { return Ok(None) };
    let mut setback = None;
    for stream in streams(bytes, &packed) {
        budget.step(1)?;
        match unpack_stream(bytes, &packed, stream, budget) {
            Ok(program) => return Ok(Some(program)),
            Err(Setback::Limit) => return Err(Setback::Limit),
            // Only a record with its mark is one for certain, and even that may lie.
            Err(Setback::Broken) if stream.is_marked => setback = Some(Setback::Broken),
            Err(why) if stream.is_marked => return Err(why),
            Err(_) => {}
        }
    }
    setback.map_or(Ok(None), Err)
}

/// Streams that may be there, the likeliest first.
fn streams(bytes: &[u8], packed: &PeHead) -> Vec<Stream> {
    // The first section has no content: the program is unpacked into it.
    let Some([first, second]) = packed.sections.first_chunk::<2>() else { return Vec::new() };
    let record = |at: usize| {
        let record = bytes.get(at..)?.first_chunk::<RECORD>()?;
        let [_, _, _, _, version, format, method, level, ..] = *record;
        let (unpacked, packed_size) = (le32(record, 16)?, le32(record, 20)?);
        let start = at + RECORD;
        let is_one = VERSIONS.contains(&version)
            && FORMATS.contains(&format)
            && level <= 10
            && 0 < packed_size
            && packed_size < unpacked
            && start < bytes.len();
        is_one.then_some(())?;
        Some(Stream {
            start,
            packed: packed_size,
            unpacked,
            method: PackMethod::of(method)?,
            filter: record[28],
            mark: record[29],
            is_marked: record.starts_with(MARK),
            is_recorded: true,
        })
    };
    let mut streams: Vec<Stream> = (0..RECORD_REACH.min(bytes.len())).filter_map(record).take(RECORDS_MAX).collect();
    if first.raw_size == 0 && second.raw_size > 0 {
        streams.extend([Variant::E, Variant::B, Variant::D].map(|variant| Stream {
            start: second.raw_start,
            packed: second.raw_size,
            unpacked: first.virtual_size.saturating_add(second.virtual_size),
            method: PackMethod::Nrv(variant, WordSize::Four),
            filter: 0,
            mark: 0,
            is_marked: false,
            is_recorded: false,
        }));
    }
    streams
}

fn unpack_stream(
    bytes: &[u8],
    packed: &PeHead,
    stream: Stream,
    budget: &mut Budget,
) -> Result<UnpackedProgram, Setback> {
    let end = stream.start.saturating_add(stream.packed);
    let content = bytes.get(stream.start..end.min(bytes.len())).ok_or(Setback::Broken)?;
    let mut image = Vec::new();
    let used = stream.method.unpack(content, &mut image, stream.unpacked, budget)?;
    if stream.is_recorded && image.len() != stream.unpacked {
        return Err(Setback::Broken);
    }
    let mut program = KeptProgram::read(image, packed.sections.first().map_or(0, |section| section.address))?;
    program.undo_filter(stream, budget)?;
    // Without some of its tables a program is still there to be looked at.
    let restored = program.restore(bytes, packed, budget);
    if restored == Err(Setback::Limit) {
        return Err(Setback::Limit);
    }
    let stream_end = stream.start + used.min(stream.packed);
    Ok(UnpackedProgram {
        bytes: program.file(bytes, packed, budget)?,
        blocks: std::iter::once(stream.start..stream_end).collect(),
        unpacker: unpacker(bytes, packed, stream.start..stream_end),
        is_marked: stream.is_marked,
        is_whole: restored.is_ok(),
    })
}

/// How much of the packed file may run beside its stream: all that is in sections, but for the one with resources, which are
/// looked at where they are. None if the file does not start in the section with the stream.
fn unpacker(bytes: &[u8], packed: &PeHead, stream: Range<usize>) -> Option<usize> {
    let home = packed.sections.iter().map(PeSection::raw).find(|raw| raw.contains(&stream.start))?;
    let entry = packed.offset(le32(bytes, packed.start + 40)?)?;
    if !home.contains(&entry) {
        return None;
    }
    let resources = packed.directory(bytes, Table::Resources).and_then(|(address, _)| packed.offset(address));
    let is_resources = |raw: &Range<usize>| resources.is_some_and(|at| raw.contains(&at)) && *raw != home;
    let others = packed.sections.iter().map(PeSection::raw).filter(|raw| !is_resources(raw));
    let all: usize = others.map(|raw| raw.end.min(bytes.len()).saturating_sub(raw.start)).sum();
    Some(all.saturating_sub(stream.len()))
}

impl KeptProgram {
    fn read(mut image: Vec<u8>, first: usize) -> Result<KeptProgram, Setback> {
        let kept = image.len().checked_sub(4).and_then(|at| le32(&image, at)).ok_or(Setback::Broken)?;
        mend_signature(&mut image, kept);
        let head = PeHead::kept(&image, kept).ok_or(Setback::Broken)?;
        let rest = kept + head.size() + head.sections.len() * SECTION_ROW;
        let header = image.get(kept..rest).ok_or(Setback::Broken)?.to_vec();
        let head = PeHead { start: 0, ..head };
        Ok(KeptProgram { image, header, head, rest, first })
    }

    /// Part of the image, from its addresses.
    fn part(&self, addresses: Range<usize>) -> Range<usize> {
        let place = |address: usize| address.saturating_sub(self.first).min(self.image.len());
        place(addresses.start)..place(addresses.end)
    }

    fn undo_filter(&mut self, stream: Stream, budget: &mut Budget) -> Result<(), Setback> {
        let (Some(size), Some(base)) = (le32(&self.header, 28), le32(&self.header, 44)) else {
            return Err(Setback::Broken);
        };
        let part = self.part(base..base.saturating_add(size));
        filter::undo(stream.filter, stream.mark, self.image.get_mut(part).unwrap_or_default(), budget)
    }

    /// Makes of what the packer kept what the program had, as far as that can be had.
    fn restore(&mut self, bytes: &[u8], packed: &PeHead, budget: &mut Budget) -> Result<(), Setback> {
        let mut rest = self.rest;
        let own =
            |table| self.head.directory(&self.header, table).map(|(start, size)| start..start.saturating_add(size));
        let outside = |table| packed.directory(bytes, table).map(|(start, size)| start..start.saturating_add(size));
        let (exported, resources) = (own(Table::Exports), own(Table::Resources));
        let relocated = own(Table::Relocations).filter(|directory| !directory.is_empty());
        let relocated = relocated.filter(|_| self.head.characteristics & RELOCATIONS_STRIPPED == 0);
        let mut libraries = Vec::new();
        if own(Table::Imports).is_some_and(|directory| directory.len() > IMPORTS_MIN) {
            let at = le32(&self.image, rest).ok_or(Setback::Broken)?;
            let (outside, _) = packed.directory(bytes, Table::Imports).ok_or(Setback::Broken)?;
            let names = packed.offset(outside).and_then(|at| bytes.get(at..)).ok_or(Setback::Broken)?;
            libraries = imports::read(&self.image, at, names, budget)?;
            rest += 8;
        }
        if let Some(directory) = relocated {
            self.undo_relocations(rest, directory, budget)?;
        }
        // What is behind the last section was the packer's.
        let end = self.head.sections.iter().map(|section| section.addresses().end).max().unwrap_or(0);
        self.image.truncate(self.part(0..end).end);
        if !libraries.is_empty() {
            let header = (self.header.as_mut_slice(), &self.head);
            imports::write(&libraries, &mut self.image, header, self.first, budget)?;
        }
        // What stands at its own place was packed as it is.
        if let (Some(outside), Some(own)) = (outside(Table::Resources), resources)
            && outside.start != own.start
        {
            resources::restore(bytes, (packed, outside.start), &mut self.image, (own, self.first), budget)?;
        }
        if let (Some(outside), Some(own)) = (outside(Table::Exports), exported)
            && outside.start != own.start
        {
            exports::restore(bytes, (packed, outside), &mut self.image, (own, self.first), budget)?;
        }
        Ok(())
    }

    /// Gives addresses in the program their base back, from the places at `rest`, and the table in `directory` too.
    fn undo_relocations(&mut self, rest: usize, directory: Range<usize>, budget: &mut Budget) -> Result<(), Setback> {
        let at = le32(&self.image, rest).ok_or(Setback::Broken)?;
        let places = relocations::places(&self.image, at)?;
        budget.step(1 + places.len() as u64 / 16)?;
        let base = self.head.image_base.wrapping_add(self.first as u64);
        relocations::undo(&mut self.image, &places, base, self.head.is_64);
        let addresses: Vec<usize> = places.iter().map(|place| place + self.first).collect();
        let table = relocations::table(&addresses, self.head.is_64);
        let part = self.part(directory);
        if let Some(room) = self.image.get_mut(part).and_then(|part| part.get_mut(..table.len())) {
            room.copy_from_slice(&table);
        }
        Ok(())
    }

    /// The program as a file.
    fn file(mut self, bytes: &[u8], packed: &PeHead, budget: &mut Budget) -> Result<Vec<u8>, Setback> {
        self.head.put_directory(&mut self.header, Table::Signatures, (0, 0)).ok_or(Setback::Broken)?;
        self.grow_last_section()?;
        let before = bytes.get(..packed.start).filter(|before| before.len() <= HEADERS_MAX).ok_or(Setback::Broken)?;
        let headers = before.len() + self.header.len();
        let ends = self.head.sections.iter().map(|section| section.raw().end);
        let length = ends.max().unwrap_or(0).max(headers);
        if length as u64 > budget.stream_room() {
            return Err(Setback::TooLarge);
        }
        budget.produce(length as u64)?;
        let mut file = Vec::with_capacity(length);
        file.extend_from_slice(before);
        file.extend_from_slice(&self.header);
        file.resize(length, 0);
        for section in self.head.sections.iter().filter(|section| section.raw_size > 0 && section.raw_start > 0) {
            budget.step(1)?;
            let content = self.part(section.address..section.address.saturating_add(section.raw_size));
            let content = self.image.get(content).unwrap_or_default();
            // Headers of the program may say that a section lies over them; they are what is read first.
            let start = section.raw_start.max(headers);
            let content = content.get(start - section.raw_start..).unwrap_or_default();
            if let Some(room) = file.get_mut(start..).and_then(|rest| rest.get_mut(..content.len())) {
                room.copy_from_slice(content);
            }
        }
        Ok(file)
    }

    /// Lets the last section reach to the end of the image, where tables were put behind it.
    fn grow_last_section(&mut self) -> Result<(), Setback> {
        let end = self.first + self.image.len();
        let Some((index, last)) = self.head.sections.iter().enumerate().max_by_key(|(_, section)| section.address)
        else {
            return Err(Setback::Broken);
        };
        let is_last_in_file = self.head.sections.iter().all(|section| section.raw_start <= last.raw_start);
        let size = end.saturating_sub(last.address);
        if size <= last.virtual_size.max(1) || !is_last_in_file || last.raw_start == 0 {
            return Ok(());
        }
        let row = self.head.size() + index * SECTION_ROW;
        let raw_size = size.next_multiple_of(0x200);
        for (field, number) in [(8, size), (16, raw_size)] {
            put_le32(&mut self.header, row + field, number).ok_or(Setback::Broken)?;
        }
        put_le32(&mut self.header, 80, end.next_multiple_of(0x1000)).ok_or(Setback::Broken)?;
        let section = self.head.sections.get_mut(index).ok_or(Setback::Broken)?;
        (section.virtual_size, section.raw_size) = (size, raw_size);
        Ok(())
    }
}
