//! ELF programs: blocks behind the headers, the unpacker, and blocks of what no segment loads.

use std::ops::Range;

use super::UpxBuilder;

/// Reads and writes numbers of a program's own size and order.
struct ElfNumbers<'p> {
    program: &'p [u8],
    is_64: bool,
    is_big: bool,
}

impl ElfNumbers<'_> {
    fn number(&self, at: usize, size: usize) -> usize {
        let bytes = self.program[at..at + size].iter();
        let add = |sum: usize, byte: &u8| sum << 8 | usize::from(*byte);
        if self.is_big { bytes.fold(0, add) } else { bytes.rev().fold(0, add) }
    }

    fn bytes(&self, number: usize, size: usize) -> Vec<u8> {
        let mut bytes = number.to_le_bytes()[..size].to_vec();
        if self.is_big {
            bytes.reverse();
        }
        bytes
    }

    /// The end of the table of segments, and the parts of the file that they load.
    fn loads(&self) -> (usize, Vec<Range<usize>>) {
        let (table, counts, offset, size) = if self.is_64 { (32, 54, 8, 32) } else { (28, 42, 4, 16) };
        let word = if self.is_64 { 8 } else { 4 };
        let table = self.number(table, word);
        let (entry, count) = (self.number(counts, 2), self.number(counts + 2, 2));
        let loads = (0..count).map(|index| table + index * entry).filter(|at| self.number(*at, 4) == 1);
        let load =
            |at: usize| self.number(at + offset, word)..self.number(at + offset, word) + self.number(at + size, word);
        (table + entry * count, loads.map(load).filter(|load| !load.is_empty()).collect())
    }
}

pub(super) fn packed(builder: &UpxBuilder) -> Vec<u8> {
    let program = builder.program.as_slice();
    let numbers = ElfNumbers { program, is_64: program[4] == 2, is_big: program[5] == 2 };
    let (headers, loads) = numbers.loads();
    let block = |bytes: &[u8], filter: u8| {
        let packed = builder.pack(bytes);
        // What does not become smaller is stored.
        let packed = if packed.len() < bytes.len() { packed.as_slice() } else { bytes };
        let lengths = [numbers.bytes(bytes.len(), 4), numbers.bytes(packed.len(), 4)].concat();
        let mark = if filter == 0 { 0 } else { 0xff };
        [lengths.as_slice(), &[builder.method, filter, mark, 0], packed].concat()
    };
    // A header and two segments to load, of the program's own size and order.
    let (entry, head) = if numbers.is_64 { (56, 64) } else { (32, 52) };
    let word = if numbers.is_64 { 8 } else { 4 };
    let mut out = program[..head].to_vec();
    let (table, counts, sections) = if numbers.is_64 { (32, 54, 40) } else { (28, 42, 32) };
    let put = |out: &mut Vec<u8>, at: usize, number: usize, size: usize| {
        out.splice(at..at + size, numbers.bytes(number, size));
    };
    put(&mut out, table, head, word);
    put(&mut out, counts, entry, 2);
    put(&mut out, counts + 2, 2, 2);
    put(&mut out, sections, 0, word);
    put(&mut out, counts + 6, 0, 2);
    put(&mut out, counts + 8, 0, 2);
    out.resize(head + 2 * entry, 0);

    let lsize = builder.unpacker.min(0xffff);
    out.extend([[0; 4], builder.mark].concat());
    out.extend([numbers.bytes(lsize, 2), vec![13, 22]].concat());
    let sizes = [0, program.len(), program.len()].map(|number| numbers.bytes(number, 4));
    out.extend(sizes.concat());
    let mut first = program[..headers].to_vec();
    if let Some(mark) = builder.inner_mark {
        first[..4].copy_from_slice(&mark);
    }
    out.extend(block(&first, 0));
    for load in &loads {
        let start = if load.start == 0 { headers.min(load.end) } else { load.start };
        if start < load.end {
            out.extend(block(&program[start..load.end], builder.filter));
        }
    }
    out.resize(out.len().next_multiple_of(4) + builder.unpacker, 0);
    let loaded = out.len();
    let mut end = 0;
    let mut sorted = loads;
    sorted.sort_by_key(|load| load.start);
    sorted.push(program.len()..program.len());
    for load in sorted {
        if load.start > end {
            out.extend(block(&program[end..load.start], 0));
        }
        end = end.max(load.end);
    }
    out.extend([numbers.bytes(0, 4), builder.mark.to_vec(), vec![0; 4]].concat());
    // The first segment holds the blocks and the unpacker; the second is room to unpack into.
    let (kind, flags, size, memory) = if numbers.is_64 { (0, 4, 32, 40) } else { (0, 24, 16, 20) };
    for (index, length) in [loaded, 0].into_iter().enumerate() {
        let at = head + index * entry;
        put(&mut out, at + kind, 1, 4);
        put(&mut out, at + flags, 5 + index, 4);
        put(&mut out, at + size, length, word);
        put(&mut out, at + memory, length.max(program.len()), word);
        let address = if numbers.is_64 { at + 16 } else { at + 8 };
        put(&mut out, address, 0x40_0000 + index * 0x100_0000, word);
    }
    let entry_point = 0x40_0000 + loaded - builder.unpacker;
    put(&mut out, 24, entry_point, word);
    out
}
