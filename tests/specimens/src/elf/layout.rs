//! Lays out the file: header, program headers, contents, section headers, overlay; then sets what is to be wrong.

use super::{ElfBuilder, ElfField, PT_LOAD, Segment, X};

/// Address that the first byte of a file is loaded at.
const BASE: u64 = 0x40_0000;

/// Distance in memory between two segments beyond what their contents need.
const GAP: u64 = 0x1000;

impl ElfBuilder {
    /// Builds the file.
    pub fn build(&self) -> Vec<u8> {
        let segments: Vec<Segment> = self.segments.iter().cloned().chain(self.linked_segments()).collect();
        let [header_size, segment_size, section_size] = if self.wide { [64, 56, 64] } else { [52, 32, 40] };
        let body_at = header_size + segment_size * segments.len();
        let mut body = Vec::new();
        let mut headers = Vec::new();
        let mut entry = self.entry;
        let mut address = BASE;
        for segment in &segments {
            align(&mut body, body_at);
            let offset = segment.offset.unwrap_or((body_at + body.len()) as u64);
            let at = segment.address.unwrap_or(address.wrapping_add(offset));
            let file_size = segment.file_size.unwrap_or(segment.data.len() as u64);
            let memory_size = segment.memory_size.unwrap_or(file_size);
            if segment.kind == PT_LOAD && segment.flags & X != 0 {
                entry.get_or_insert(at);
            }
            if segment.kind == PT_LOAD {
                address += GAP;
            }
            self.segment_header(&mut headers, segment, [offset, at, file_size, memory_size]);
            body.extend_from_slice(&segment.data);
        }
        let (table, count) = self.sections_into(&mut body, body_at);
        align(&mut body, body_at);
        let sections_at = if self.without_sections { 0 } else { body_at + body.len() };
        if !self.without_sections {
            body.extend_from_slice(&table);
        }
        let mut out = vec![0x7f, b'E', b'L', b'F', if self.wide { 2 } else { 1 }, if self.big { 2 } else { 1 }, 1];
        out.resize(16, 0);
        self.half(&mut out, self.elf_type);
        self.half(&mut out, self.machine);
        self.int(&mut out, 1);
        self.word(&mut out, entry.unwrap_or(0));
        self.word(&mut out, if segments.is_empty() { 0 } else { header_size as u64 });
        self.word(&mut out, sections_at as u64);
        self.int(&mut out, 0);
        let count = if self.without_sections { 0 } else { count };
        let names = count.saturating_sub(1);
        for half in [header_size, segment_size, segments.len(), section_size, count, names] {
            self.half(&mut out, half as u16);
        }
        out.extend_from_slice(&headers);
        out.extend_from_slice(&body);
        out.extend_from_slice(&self.overlay);
        self.deface(&mut out);
        out
    }

    fn segment_header(&self, out: &mut Vec<u8>, segment: &Segment, [offset, at, file_size, memory_size]: [u64; 4]) {
        self.int(out, segment.kind);
        if self.wide {
            self.int(out, segment.flags);
        }
        for value in [offset, at, at, file_size, memory_size] {
            self.word(out, value);
        }
        if !self.wide {
            self.int(out, segment.flags);
        }
        self.word(out, GAP);
    }

    /// Applies what was asked for by [`ElfBuilder::set`] and [`ElfBuilder::patch`].
    fn deface(&self, out: &mut [u8]) {
        let word = if self.wide { 8 } else { 4 };
        for &(field, value) in &self.fields {
            let after_words = 24 + 3 * word + 4;
            let (at, size) = match field {
                ElfField::Class => (4, 1),
                ElfField::Order => (5, 1),
                ElfField::Version => (6, 1),
                ElfField::Abi => (7, 1),
                ElfField::Padding => (9, 1),
                ElfField::Type => (16, 2),
                ElfField::Machine => (18, 2),
                ElfField::Entry => (24, word),
                ElfField::SegmentsOffset => (24 + word, word),
                ElfField::SectionsOffset => (24 + 2 * word, word),
                ElfField::HeaderSize => (after_words, 2),
                ElfField::SegmentSize => (after_words + 2, 2),
                ElfField::SegmentCount => (after_words + 4, 2),
                ElfField::SectionSize => (after_words + 6, 2),
                ElfField::SectionCount => (after_words + 8, 2),
                ElfField::NamesIndex => (after_words + 10, 2),
            };
            let little = value.to_le_bytes();
            let big = value.to_be_bytes();
            let bytes = if self.big { &big[8 - size..] } else { &little[..size] };
            overwrite(out, at, bytes);
        }
        for (at, bytes) in &self.patches {
            overwrite(out, *at, bytes);
        }
    }

    pub(super) fn half(&self, out: &mut Vec<u8>, value: u16) {
        out.extend_from_slice(&if self.big { value.to_be_bytes() } else { value.to_le_bytes() });
    }

    pub(super) fn int(&self, out: &mut Vec<u8>, value: u32) {
        out.extend_from_slice(&if self.big { value.to_be_bytes() } else { value.to_le_bytes() });
    }

    /// A word of the file's size; what does not fit is cut off.
    pub(super) fn word(&self, out: &mut Vec<u8>, value: u64) {
        if self.wide {
            out.extend_from_slice(&if self.big { value.to_be_bytes() } else { value.to_le_bytes() });
        } else {
            self.int(out, value as u32);
        }
    }
}

fn overwrite(out: &mut [u8], at: usize, bytes: &[u8]) {
    for (place, byte) in out.iter_mut().skip(at).zip(bytes) {
        *place = *byte;
    }
}

/// Makes the next contents start at a multiple of 16.
pub(super) fn align(body: &mut Vec<u8>, body_at: usize) {
    while !(body_at + body.len()).is_multiple_of(16) {
        body.push(0);
    }
}
