//! Builds ELF files: programs, libraries and objects of either word size and byte order, whole or broken.
//!
//! ```
//! use testkit::elf::{self, R, X, elf};
//!
//! let image = elf().load(R | X, b"some code").section(".comment", 1, 0, b"hello").build();
//! assert!(image.starts_with(b"\x7fELF"));
//! let packed = elf::upx_like().build();
//! let hostile = elf().set(elf::ElfField::SectionCount, 0xffff).build();
//! assert!(packed.len() > hostile.len());
//! ```
//!
//! A file is laid out as header, program headers, contents of the segments, contents of the sections, section
//! headers, overlay. Nothing in it could run, and the same calls make the same bytes.

/// Segment flag: executable.
pub const X: u32 = 1;
/// Segment flag: writable.
pub const W: u32 = 2;
/// Segment flag: readable.
pub const R: u32 = 4;

/// `e_type` of an object file or kernel module.
pub const ET_REL: u16 = 1;
/// `e_type` of a program at a fixed address.
pub const ET_EXEC: u16 = 2;
/// `e_type` of a library or position-independent program.
pub const ET_DYN: u16 = 3;
/// `e_type` of a core.
pub const ET_CORE: u16 = 4;

/// `p_type` of a segment to be loaded.
pub const PT_LOAD: u32 = 1;
/// `p_type` of the dynamic section.
pub const PT_DYNAMIC: u32 = 2;
/// `p_type` of the path of the loader.
pub const PT_INTERP: u32 = 3;
/// `p_type` that says how the stack is to be.
pub const PT_GNU_STACK: u32 = 0x6474_e551;

/// `sh_type` of a section with contents.
pub const SHT_PROGBITS: u32 = 1;
const SHT_SYMTAB: u32 = 2;
const SHT_STRTAB: u32 = 3;
const SHT_DYNSYM: u32 = 11;

// Tags of dynamic entries, and the flag of programs (glibc elf/elf.h).
const DT_NEEDED: u64 = 1;
const DT_STRTAB: u64 = 5;
const DT_SYMTAB: u64 = 6;
const DT_STRSZ: u64 = 10;
const DT_SONAME: u64 = 14;
const DT_FLAGS_1: u64 = 0x6fff_fffb;
const DF_1_PIE: u64 = 0x0800_0000;

/// Address of what the dynamic loader reads.
const LINKED_AT: u64 = 0x7000_0000;

/// Address that the first byte of a file is loaded at.
const BASE: u64 = 0x40_0000;

/// Distance in memory between two segments beyond what their contents need.
const GAP: u64 = 0x1000;

/// A segment. Whatever is not said follows from its contents.
#[derive(Clone, Debug)]
pub struct Segment {
    kind: u32,
    flags: u32,
    data: Vec<u8>,
    offset: Option<u64>,
    address: Option<u64>,
    file_size: Option<u64>,
    memory_size: Option<u64>,
}

/// A segment of this type, without contents.
pub fn segment(kind: u32) -> Segment {
    Segment { kind, flags: R, data: Vec::new(), offset: None, address: None, file_size: None, memory_size: None }
}

impl Segment {
    /// Its permissions, of [`R`], [`W`] and [`X`].
    pub fn flags(mut self, flags: u32) -> Self {
        self.flags = flags;
        self
    }

    /// Its contents.
    pub fn data(mut self, data: impl AsRef<[u8]>) -> Self {
        self.data = data.as_ref().to_vec();
        self
    }

    /// `p_offset`, whatever is there.
    pub fn offset(mut self, offset: u64) -> Self {
        self.offset = Some(offset);
        self
    }

    /// `p_vaddr`.
    pub fn address(mut self, address: u64) -> Self {
        self.address = Some(address);
        self
    }

    /// `p_filesz`, whatever the contents are.
    pub fn file_size(mut self, size: u64) -> Self {
        self.file_size = Some(size);
        self
    }

    /// `p_memsz`.
    pub fn memory_size(mut self, size: u64) -> Self {
        self.memory_size = Some(size);
        self
    }
}

/// Fields of the header, to be set to what they should not be.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[allow(missing_docs)]
pub enum ElfField {
    Class,
    Order,
    Version,
    Abi,
    Padding,
    Type,
    Machine,
    Entry,
    SegmentsOffset,
    SectionsOffset,
    HeaderSize,
    SegmentSize,
    SegmentCount,
    SectionSize,
    SectionCount,
    NamesIndex,
}

/// What is to be built. Start with [`elf`].
#[derive(Clone, Debug)]
pub struct ElfBuilder {
    wide: bool,
    big: bool,
    machine: u16,
    elf_type: u16,
    segments: Vec<Segment>,
    sections: Vec<ElfSection>,
    symbols: Vec<Symbol>,
    dynamic_symbols: Vec<Symbol>,
    without_sections: bool,
    linked: Linked,
    entry: Option<u64>,
    overlay: Vec<u8>,
    fields: Vec<(ElfField, u64)>,
    patches: Vec<(usize, Vec<u8>)>,
}

#[derive(Clone, Debug)]
struct ElfSection {
    name: String,
    kind: u32,
    flags: u64,
    address: u64,
    data: Vec<u8>,
    link: u32,
    entry_size: u64,
}

#[derive(Clone, Debug)]
struct Symbol {
    name: String,
    defined: bool,
}

/// What the dynamic loader finds: a dynamic section of its own segment, with names and symbols.
#[derive(Clone, Debug, Default)]
struct Linked {
    needs: Vec<String>,
    name: Option<String>,
    symbols: Vec<Symbol>,
    is_program: bool,
}

/// A 64-bit little-endian x86-64 program at a fixed address, with nothing in it.
pub fn elf() -> ElfBuilder {
    ElfBuilder {
        wide: true,
        big: false,
        machine: 62,
        elf_type: ET_EXEC,
        segments: Vec::new(),
        sections: Vec::new(),
        symbols: Vec::new(),
        dynamic_symbols: Vec::new(),
        without_sections: false,
        linked: Linked::default(),
        entry: None,
        overlay: Vec::new(),
        fields: Vec::new(),
        patches: Vec::new(),
    }
}

/// A program as distributions build them: position-independent, with a loader, code, data and names.
pub fn ordinary() -> ElfBuilder {
    let code: Vec<u8> = noise(4096, 1).into_iter().map(|byte| byte & 0x3f).collect();
    elf()
        .elf_type(ET_DYN)
        .interpreter("/lib64/ld-linux-x86-64.so.2")
        .load(R | X, &code)
        .load(R | W, vec![0; 512])
        .needs("libc.so.6")
        .segment(segment(PT_GNU_STACK).flags(R | W))
        .section(".text", SHT_PROGBITS, 6, &code[..64])
        .dynamic_symbol("puts", false)
        .dynamic_symbol("exit", false)
}

/// A program as the UPX packer lays them out: static, two segments, no sections, noise for code. Add
/// [`ElfBuilder::upx_magic`] for the packer's mark.
pub fn upx_like() -> ElfBuilder {
    elf()
        .load(R | X, noise(32 << 10, 7))
        .segment(segment(PT_LOAD).flags(R | W).address(0x60_0000).memory_size(512 << 10))
        .segment(segment(PT_GNU_STACK).flags(R | W))
        .without_sections()
}

/// `length` bytes that look like noise and are the same for the same seed.
pub fn noise(length: usize, seed: u64) -> Vec<u8> {
    // xorshift64* (Vigna 2016); any odd multiple makes a seed that is not zero.
    let mut state = seed.wrapping_mul(2).wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let next = || {
        state ^= state >> 12;
        state ^= state << 25;
        state ^= state >> 27;
        (state.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 56) as u8
    };
    std::iter::repeat_with(next).take(length).collect()
}

impl ElfBuilder {
    /// 32 bits.
    pub fn narrow(mut self) -> Self {
        self.wide = false;
        self
    }

    /// The most significant byte first.
    pub fn big_endian(mut self) -> Self {
        self.big = true;
        self
    }

    /// `e_machine`.
    pub fn machine(mut self, machine: u16) -> Self {
        self.machine = machine;
        self
    }

    /// `e_type`.
    pub fn elf_type(mut self, elf_type: u16) -> Self {
        self.elf_type = elf_type;
        self
    }

    /// Adds a segment to be loaded.
    pub fn load(self, flags: u32, data: impl AsRef<[u8]>) -> Self {
        self.segment(segment(PT_LOAD).flags(flags).data(data))
    }

    /// Adds a segment.
    pub fn segment(mut self, segment: Segment) -> Self {
        self.segments.push(segment);
        self
    }

    /// Adds the path of a loader.
    pub fn interpreter(self, path: &str) -> Self {
        self.segment(segment(PT_INTERP).data([path.as_bytes(), b"\0"].concat()))
    }

    /// Adds a dynamic section of these tags and values; its end is added.
    pub fn dynamic(self, entries: &[(u64, u64)]) -> Self {
        let mut data = Vec::new();
        for (tag, value) in entries.iter().chain(&[(0, 0)]) {
            self.word(&mut data, *tag);
            self.word(&mut data, *value);
        }
        self.segment(segment(PT_DYNAMIC).flags(R | W).data(data))
    }

    /// Names a library that the dynamic loader is to load first, in a dynamic section that it finds.
    pub fn needs(mut self, library: &str) -> Self {
        self.linked.needs.push(library.to_owned());
        self
    }

    /// Says by which name others need this library.
    pub fn soname(mut self, name: &str) -> Self {
        self.linked.name = Some(name.to_owned());
        self
    }

    /// Says that this is a program that can be loaded anywhere (`DF_1_PIE`).
    pub fn position_independent(mut self) -> Self {
        self.linked.is_program = true;
        self.elf_type(ET_DYN)
    }

    /// Adds a function that the dynamic loader binds, exported if `defined`, else imported. No section header tells of
    /// it.
    pub fn bound_symbol(mut self, name: &str, defined: bool) -> Self {
        self.linked.symbols.push(Symbol { name: name.to_owned(), defined });
        self
    }

    /// Adds a section; `flags` are `SHF_WRITE` 1, `SHF_ALLOC` 2, `SHF_EXECINSTR` 4.
    pub fn section(mut self, name: &str, kind: u32, flags: u64, data: impl AsRef<[u8]>) -> Self {
        self.sections.push(ElfSection {
            name: name.to_owned(),
            kind,
            flags,
            address: 0,
            data: data.as_ref().to_vec(),
            link: 0,
            entry_size: 0,
        });
        self
    }

    /// Makes the last section one that is loaded at `address`, whatever the segments load there.
    pub fn loaded_at(mut self, address: u64) -> Self {
        if let Some(last) = self.sections.last_mut() {
            last.address = address;
        }
        self
    }

    /// Adds strings, each with its final zero, as a section of constants.
    pub fn strings(self, strings: &[&str]) -> Self {
        let data: Vec<u8> = strings.iter().flat_map(|text| [text.as_bytes(), b"\0"].concat()).collect();
        self.section(".rodata", SHT_PROGBITS, 2, [b"\0", &data[..]].concat())
    }

    /// Adds a function to the symbol table.
    pub fn symbol(mut self, name: &str) -> Self {
        self.symbols.push(Symbol { name: name.to_owned(), defined: true });
        self
    }

    /// Adds a function to the dynamic symbol table: exported if `defined`, else imported.
    pub fn dynamic_symbol(mut self, name: &str, defined: bool) -> Self {
        self.dynamic_symbols.push(Symbol { name: name.to_owned(), defined });
        self
    }

    /// Leaves out the section header table; contents of sections stay.
    pub fn without_sections(mut self) -> Self {
        self.without_sections = true;
        self
    }

    /// `e_entry`. Without it, the start of the first executable segment, or 0.
    pub fn entry(mut self, address: u64) -> Self {
        self.entry = Some(address);
        self
    }

    /// Appends bytes that no header speaks of.
    pub fn overlay(mut self, data: impl AsRef<[u8]>) -> Self {
        self.overlay.extend_from_slice(data.as_ref());
        self
    }

    /// Puts the packer's mark into the first segment and at the end.
    pub fn upx_magic(mut self) -> Self {
        if let Some(mark) = self.segments.first_mut().and_then(|first| first.data.get_mut(8..12)) {
            mark.copy_from_slice(b"UPX!");
        }
        self.overlay(b"UPX!\0\0\0\0")
    }

    /// Sets a field of the header after all is built; too large a value is cut to the field.
    pub fn set(mut self, field: ElfField, value: u64) -> Self {
        self.fields.push((field, value));
        self
    }

    /// Overwrites bytes after all is built, as far as the file reaches.
    pub fn patch(mut self, offset: usize, bytes: impl AsRef<[u8]>) -> Self {
        self.patches.push((offset, bytes.as_ref().to_vec()));
        self
    }

    /// The segments that the dynamic loader reads, if there is anything for it. The offset of the dynamic section is left
    /// wrong on purpose: loaders go by its address.
    fn linked_segments(&self) -> Vec<Segment> {
        let Linked { needs, name, symbols, is_program } = &self.linked;
        if needs.is_empty() && name.is_none() && symbols.is_empty() && !is_program {
            return Vec::new();
        }
        let mut names = vec![0];
        let mut name_at = |text: &str| {
            let at = names.len() as u64;
            names.extend_from_slice(text.as_bytes());
            names.push(0);
            at
        };
        let mut entries: Vec<(u64, u64)> = needs.iter().map(|library| (DT_NEEDED, name_at(library))).collect();
        entries.extend(name.as_ref().map(|name| (DT_SONAME, name_at(name))));
        let mut table = vec![0; if self.wide { 24 } else { 16 }];
        for symbol in symbols {
            self.symbol_into(&mut table, name_at(&symbol.name) as u32, symbol.defined);
        }
        if *is_program {
            entries.push((DT_FLAGS_1, DF_1_PIE));
        }
        let entry_size = if self.wide { 16 } else { 8 };
        // The tables stand before the entries, so that their addresses are known.
        let names_at = LINKED_AT + table.len() as u64;
        let entries_at = (names_at + names.len() as u64).next_multiple_of(16);
        entries.extend([(DT_STRTAB, names_at), (DT_SYMTAB, LINKED_AT), (DT_STRSZ, names.len() as u64), (0, 0)]);
        let mut data = [table, names].concat();
        data.resize((entries_at - LINKED_AT) as usize, 0);
        for (tag, value) in &entries {
            self.word(&mut data, *tag);
            self.word(&mut data, *value);
        }
        let size = (entries.len() * entry_size) as u64;
        let dynamic = segment(PT_DYNAMIC).flags(R | W).address(entries_at).offset(1).file_size(0).memory_size(size);
        vec![segment(PT_LOAD).flags(R | W).address(LINKED_AT).data(data), dynamic]
    }

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

    /// Appends the contents of all sections, and gives their headers and how many there are.
    fn sections_into(&self, body: &mut Vec<u8>, body_at: usize) -> (Vec<u8>, usize) {
        let mut sections = vec![ElfSection {
            name: String::new(),
            kind: 0,
            flags: 0,
            address: 0,
            data: Vec::new(),
            link: 0,
            entry_size: 0,
        }];
        sections.extend(self.sections.iter().cloned());
        for (kind, names, symbols) in [
            ((".dynsym", SHT_DYNSYM), ".dynstr", &self.dynamic_symbols),
            ((".symtab", SHT_SYMTAB), ".strtab", &self.symbols),
        ] {
            if !symbols.is_empty() {
                self.symbols_into(&mut sections, kind, names, symbols);
            }
        }
        let mut names = vec![0];
        let mut name_offsets = Vec::new();
        for section in &sections {
            name_offsets.push(names.len() as u32);
            names.extend_from_slice(section.name.as_bytes());
            names.push(0);
        }
        name_offsets.push(names.len() as u32);
        names.extend_from_slice(b".shstrtab\0");
        sections.push(ElfSection {
            name: ".shstrtab".to_owned(),
            kind: SHT_STRTAB,
            flags: 0,
            address: 0,
            data: names,
            link: 0,
            entry_size: 0,
        });
        let mut table = Vec::new();
        for (section, name) in sections.iter().zip(name_offsets) {
            align(body, body_at);
            let null = section.kind == 0;
            let offset = if null { 0 } else { body_at + body.len() };
            body.extend_from_slice(&section.data);
            self.int(&mut table, name);
            self.int(&mut table, section.kind);
            for value in [section.flags, section.address, offset as u64, section.data.len() as u64] {
                self.word(&mut table, value);
            }
            self.int(&mut table, section.link);
            self.int(&mut table, 0);
            self.word(&mut table, u64::from(!null));
            self.word(&mut table, section.entry_size);
        }
        (table, sections.len())
    }

    fn symbols_into(&self, sections: &mut Vec<ElfSection>, (name, kind): (&str, u32), names: &str, symbols: &[Symbol]) {
        let entry_size = if self.wide { 24 } else { 16 };
        let mut data = vec![0; entry_size];
        let mut strings = vec![0];
        for symbol in symbols {
            self.symbol_into(&mut data, strings.len() as u32, symbol.defined);
            strings.extend_from_slice(symbol.name.as_bytes());
            strings.push(0);
        }
        let link = sections.len() as u32 + 1;
        let with = |name: &str, kind, data, link, entry_size| ElfSection {
            name: name.to_owned(),
            kind,
            flags: 0,
            address: 0,
            data,
            link,
            entry_size,
        };
        sections.push(with(name, kind, data, link, entry_size as u64));
        sections.push(with(names, SHT_STRTAB, strings, 0, 0));
    }

    /// Appends the entry of a global function whose name is at `name` of the names.
    fn symbol_into(&self, table: &mut Vec<u8>, name: u32, defined: bool) {
        let defined = u16::from(defined);
        self.int(table, name);
        // STB_GLOBAL, STT_FUNC.
        if self.wide {
            table.extend_from_slice(&[0x12, 0]);
            self.half(table, defined);
            self.word(table, 0);
            self.word(table, 0);
        } else {
            self.word(table, 0);
            self.word(table, 0);
            table.extend_from_slice(&[0x12, 0]);
            self.half(table, defined);
        }
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

    fn half(&self, out: &mut Vec<u8>, value: u16) {
        out.extend_from_slice(&if self.big { value.to_be_bytes() } else { value.to_le_bytes() });
    }

    fn int(&self, out: &mut Vec<u8>, value: u32) {
        out.extend_from_slice(&if self.big { value.to_be_bytes() } else { value.to_le_bytes() });
    }

    /// A word of the file's size; what does not fit is cut off.
    fn word(&self, out: &mut Vec<u8>, value: u64) {
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
fn align(body: &mut Vec<u8>, body_at: usize) {
    while !(body_at + body.len()).is_multiple_of(16) {
        body.push(0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_calls_make_the_same_bytes() {
        assert_eq!(upx_like().build(), upx_like().build());
        assert_ne!(noise(64, 1), noise(64, 2));
    }

    #[test]
    fn tables_stand_where_the_header_says() {
        for builder in [ordinary(), ordinary().narrow(), ordinary().big_endian(), ordinary().narrow().big_endian()] {
            let image = builder.build();
            let (word, big) = (if builder.wide { 8 } else { 4 }, builder.big);
            let number = |at: usize, size: usize| {
                let bytes = image[at..at + size].iter();
                let fold = |value: u64, byte: &u8| value << 8 | u64::from(*byte);
                if big { bytes.fold(0, fold) } else { bytes.rev().fold(0, fold) }
            };
            let sections_at = number(24 + 2 * word, word) as usize;
            let section_size = number(24 + 3 * word + 10, 2) as usize;
            let count = number(24 + 3 * word + 12, 2) as usize;
            assert_eq!(sections_at + section_size * count, image.len());
        }
    }
}
