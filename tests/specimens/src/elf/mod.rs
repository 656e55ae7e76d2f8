//! Builds ELF files: programs, libraries and objects of either word size and byte order, whole or broken.
//!
//! ```
//! use specimens::elf::{self, R, X, elf};
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

mod layout;
mod linked;
mod ready_made;
mod sections;
mod segment;

use linked::Linked;
pub use ready_made::{ordinary, tool, upx_like};
pub use segment::{Segment, segment};

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
/// `p_type` of notes.
pub const PT_NOTE: u32 = 4;
/// `p_type` that says how the stack is to be.
pub const PT_GNU_STACK: u32 = 0x6474_e551;

/// `sh_type` of a section with contents.
pub const SHT_PROGBITS: u32 = 1;
const SHT_SYMTAB: u32 = 2;
const SHT_STRTAB: u32 = 3;
const SHT_DYNSYM: u32 = 11;

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
