//! The headers of an ELF file, as much as can be read of them.
//!
//! goblin decodes; counting is ours. Its whole-file parse is all or nothing and has run out of memory on
//! declared counts, so each table is clipped to what the file holds before it is collected, and what lies
//! outside is remembered as a sign instead of an error.

use std::ops::Range;

use analyzers::{Budget, Limit};
use goblin::container::{Container, Ctx, Endian};
use goblin::elf::Elf;
use goblin::elf::header::{
    EI_CLASS, EI_DATA, EI_VERSION, ELFCLASS32, ELFCLASS64, ELFDATA2LSB, ELFDATA2MSB, EM_AARCH64, EM_X86_64, ET_CORE,
    ET_DYN, ET_EXEC, EV_CURRENT, Header,
};
use goblin::elf::program_header::{PF_X, PT_DYNAMIC, PT_INTERP, PT_LOAD, ProgramHeader};
use goblin::elf::section_header::{SHN_XINDEX, SHT_NOBITS, SectionHeader};

/// `EM_RISCV`, which goblin's list of machines lacks a guess for.
const EM_RISCV: u16 = 243;

/// `PN_XNUM`: the number of segments did not fit and is in section 0 (elf(5), e_phnum).
const PN_XNUM: u16 = 0xffff;

/// Most entries of one table that are collected. Objects made with a section per function have thousands,
/// cores of large processes some ten thousand.
const ENTRIES_MAX: usize = 1 << 16;

/// Longest name of a section that is read, in bytes. No reader of them shows more, and the table of names may be
/// one name of a megabyte that every section bears.
const NAME_BYTES_MAX: usize = 64;

/// Size of the largest ELF header, the 64-bit one.
const HEADER_BYTES: usize = 64;

/// The readable part of an ELF file's headers.
#[derive(Debug)]
pub(crate) struct Image<'a> {
    /// The whole file.
    pub bytes: &'a [u8],
    /// The header; what the file does not hold of it is zero.
    pub header: Header,
    /// How goblin reads further entries.
    pub ctx: Ctx,
    /// The program headers that lie in the file.
    pub segments: Vec<ProgramHeader>,
    /// The section headers that lie in the file.
    pub sections: Vec<SectionHeader>,
    /// Where the file says the program headers are, as far as that is in the file.
    pub segments_at: Range<usize>,
    /// Where the file says the section headers are, as far as that is in the file.
    pub sections_at: Range<usize>,
    /// The program header table is not wholly in the file.
    pub segments_outside: bool,
    /// The section header table is not wholly in the file.
    pub sections_outside: bool,
    /// Class, byte order or version are not what they must be.
    pub odd_ident: bool,
    /// The file is shorter than its header.
    pub truncated: bool,
}

impl<'a> Image<'a> {
    /// Reads the headers of `bytes`, paying for entries from `budget`. None if this is no ELF file.
    pub fn read(bytes: &'a [u8], budget: &mut Budget) -> Option<Self> {
        let mut head = [0; HEADER_BYTES];
        let there = bytes.len().min(HEADER_BYTES);
        head.get_mut(..there)?.copy_from_slice(bytes.get(..there)?);
        let odd_ident = mend_ident(&mut head);
        // Decodes from our copy, which is long enough and names a class and an order: cannot fail on those.
        let header = Elf::parse_header(&head).ok()?;
        let wide = header.e_ident.get(EI_CLASS) == Some(&ELFCLASS64);
        let big = header.e_ident.get(EI_DATA) == Some(&ELFDATA2MSB);
        let container = if wide { Container::Big } else { Container::Little };
        let ctx = Ctx::new(container, if big { Endian::Big } else { Endian::Little });
        let mut image = Image {
            bytes,
            header,
            ctx,
            segments: Vec::new(),
            sections: Vec::new(),
            segments_at: 0..0,
            sections_at: 0..0,
            segments_outside: false,
            sections_outside: false,
            odd_ident,
            truncated: there < if wide { HEADER_BYTES } else { 52 },
        };
        image.read_sections(budget);
        image.read_segments(budget);
        Some(image)
    }

    fn read_sections(&mut self, budget: &mut Budget) {
        let entry_bytes = SectionHeader::size(self.ctx);
        if self.header.e_shoff == 0 {
            return;
        }
        let declared = match self.header.e_shnum {
            0 => {
                // Too many for the header: the number is the size of section 0 (elf(5), e_shnum).
                let first = clip(self.bytes.len(), self.header.e_shoff, 1, entry_bytes);
                let first = decode_sections(self.bytes, &first, entry_bytes, self.ctx);
                first.first().map_or(1, |section| section.sh_size)
            }
            count => u64::from(count),
        };
        self.sections_at = clip(self.bytes.len(), self.header.e_shoff, declared, entry_bytes);
        self.sections_outside = whole(&self.sections_at, entry_bytes) < declared;
        let paid = pay(&self.sections_at, entry_bytes, budget);
        self.sections = decode_sections(self.bytes, &paid, entry_bytes, self.ctx);
    }

    fn read_segments(&mut self, budget: &mut Budget) {
        let entry_bytes = ProgramHeader::size(self.ctx);
        let declared = match (self.header.e_phnum, self.sections.first()) {
            (PN_XNUM, Some(first)) if first.sh_info != 0 => u64::from(first.sh_info),
            (count, _) => u64::from(count),
        };
        self.segments_at = clip(self.bytes.len(), self.header.e_phoff, declared, entry_bytes);
        self.segments_outside = whole(&self.segments_at, entry_bytes) < declared;
        let paid = pay(&self.segments_at, entry_bytes, budget);
        let count = whole(&paid, entry_bytes) as usize;
        let table = self.bytes.get(paid).unwrap_or_default();
        self.segments = ProgramHeader::parse(table, 0, count, self.ctx).unwrap_or_default();
    }

    /// The segments that are loaded.
    pub fn loads(&self) -> impl Iterator<Item = &ProgramHeader> {
        self.segments.iter().filter(|segment| segment.p_type == PT_LOAD)
    }

    /// The segments that are loaded as code.
    pub fn code(&self) -> impl Iterator<Item = &ProgramHeader> {
        self.loads().filter(|segment| segment.p_flags & PF_X != 0)
    }

    /// Whether some segment is of this type.
    pub fn has(&self, segment_type: u32) -> bool {
        self.segments.iter().any(|segment| segment.p_type == segment_type)
    }

    /// A program or library, not an object file, a kernel module or a core.
    pub fn is_loadable(&self) -> bool {
        matches!(self.header.e_type, ET_EXEC | ET_DYN)
    }

    /// A program at a fixed address that needs no loader and no library.
    pub fn is_static(&self) -> bool {
        self.header.e_type == ET_EXEC && !self.segments.is_empty() && !self.has(PT_INTERP) && !self.has(PT_DYNAMIC)
    }

    /// No section says anything: there is no table, or nothing but its empty first entry.
    pub fn has_no_sections(&self) -> bool {
        self.header.e_shoff == 0 || self.header.e_shnum == 0 && self.sections.len() <= 1
    }

    /// The part of the file from `offset` on, `size` bytes long, as far as there is such a part.
    pub fn part(&self, offset: u64, size: u64) -> Range<usize> {
        clip(self.bytes.len(), offset, size, 1)
    }

    /// Where the last byte is that any header speaks of.
    pub fn described_end(&self) -> usize {
        let segments = self.segments.iter().map(|segment| self.part(segment.p_offset, segment.p_filesz).end);
        let sections = self.sections.iter().filter(|section| section.sh_type != SHT_NOBITS);
        let sections = sections.map(|section| self.part(section.sh_offset, section.sh_size).end);
        let tables = [self.segments_at.end, self.sections_at.end, usize::from(self.header.e_ehsize)];
        segments.chain(sections).chain(tables).max().unwrap_or(0).min(self.bytes.len())
    }

    /// The first 64 bytes of a section's name, empty if it has none that can be read.
    pub fn section_name(&self, section: &SectionHeader) -> &'a [u8] {
        let index = match self.header.e_shstrndx.into() {
            SHN_XINDEX => self.sections.first().map_or(0, |first| first.sh_link as usize),
            index => index as usize,
        };
        let names = self.sections.get(index).map(|names| self.part(names.sh_offset, names.sh_size));
        let names = names.and_then(|names| self.bytes.get(names)).unwrap_or_default();
        let name = names.get(section.sh_name..).unwrap_or_default();
        let name = name.get(..NAME_BYTES_MAX).unwrap_or(name);
        name.split(|&byte| byte == 0).next().unwrap_or_default()
    }

    /// A dump of a process: what it holds is the memory of others.
    pub fn is_core(&self) -> bool {
        self.header.e_type == ET_CORE
    }
}

/// Puts a class, an order and a version where there are none that exist, by the best guess. The kernel looks
/// at the machine and not at these, so files with wrong ones still run. True if anything was wrong.
fn mend_ident(head: &mut [u8; HEADER_BYTES]) -> bool {
    let mut odd = head[EI_VERSION] != EV_CURRENT;
    let plausible = |value: u16| (1..=4).contains(&value);
    let [little, big] = [u16::from_le_bytes, u16::from_be_bytes].map(|order| order([head[16], head[17]]));
    let order = match head[EI_DATA] {
        ELFDATA2LSB if plausible(big) && !plausible(little) => ELFDATA2MSB,
        ELFDATA2MSB if plausible(little) && !plausible(big) => ELFDATA2LSB,
        order @ (ELFDATA2LSB | ELFDATA2MSB) => order,
        _ if plausible(big) => ELFDATA2MSB,
        _ => ELFDATA2LSB,
    };
    odd |= order != head[EI_DATA];
    head[EI_DATA] = order;
    if !matches!(head[EI_CLASS], ELFCLASS32 | ELFCLASS64) {
        odd = true;
        let machine = if order == ELFDATA2MSB { u16::from_be_bytes } else { u16::from_le_bytes }([head[18], head[19]]);
        let wide = matches!(machine, EM_X86_64 | EM_AARCH64 | EM_RISCV);
        head[EI_CLASS] = if wide { ELFCLASS64 } else { ELFCLASS32 };
    }
    odd
}

/// The part of a file of `length` bytes that holds a table of `count` entries at `offset`. Whatever the
/// numbers are, it starts and ends in the file.
fn clip(length: usize, offset: u64, count: u64, entry_bytes: usize) -> Range<usize> {
    let start = usize::try_from(offset).unwrap_or(usize::MAX).min(length);
    let wanted = count.saturating_mul(entry_bytes as u64);
    let size = usize::try_from(wanted).unwrap_or(usize::MAX).min(length - start);
    start..start + size
}

/// How many whole entries a part holds.
fn whole(part: &Range<usize>, entry_bytes: usize) -> u64 {
    (part.len() / entry_bytes) as u64
}

/// As much of a table as the budget allows to collect. Hitting a limit is noted.
fn pay(part: &Range<usize>, entry_bytes: usize, budget: &mut Budget) -> Range<usize> {
    let mut count = part.len() / entry_bytes;
    if count > ENTRIES_MAX {
        budget.exhaust(Limit::Steps);
        count = ENTRIES_MAX;
    }
    if budget.step(count as u64).is_err() {
        count = 0;
    }
    part.start..part.start + count * entry_bytes
}

fn decode_sections(bytes: &[u8], part: &Range<usize>, entry_bytes: usize, ctx: Ctx) -> Vec<SectionHeader> {
    let count = part.len() / entry_bytes;
    if count == 0 {
        // goblin would take a count of zero for "look into section 0".
        return Vec::new();
    }
    let table = bytes.get(part.clone()).unwrap_or_default();
    SectionHeader::parse_from(table, 0, count, ctx).unwrap_or_default()
}
