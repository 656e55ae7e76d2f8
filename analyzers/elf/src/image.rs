//! The headers of an ELF file, as much as can be read of them.
//!
//! goblin decodes; the counts are checked here. Its parser of whole files fails on any error and has run out of memory
//! on declared counts. So each table is clipped to the file before it is collected, and entries outside are recorded as
//! signs instead of errors.

use std::ops::Range;

use analyzers::{Budget, Limit};
use goblin::container::{Container, Ctx, Endian};
use goblin::elf::Elf;
use goblin::elf::header::{EI_CLASS, EI_DATA, ELFCLASS64, ELFDATA2MSB, ET_CORE, ET_DYN, ET_EXEC, ET_REL, Header};
use goblin::elf::program_header::{PF_X, PT_INTERP, PT_LOAD, ProgramHeader};
use goblin::elf::section_header::{SHF_ALLOC, SHN_XINDEX, SHT_NOBITS, SHT_NOTE, SHT_NULL, SectionHeader};

use crate::dynamic::Dynamic;
use crate::ident::{self, HEADER_BYTES};
use crate::loader_view::{LoaderView, clip};

/// `PN_XNUM`: the number of segments does not fit and is in section 0 (elf(5), e_phnum). Only cores have so many: the
/// kernel's loader and ld.so use the field unchanged.
const PN_XNUM: u16 = 0xffff;

/// Most entries of one table that are collected. Objects made with a section per function have thousands,
/// cores of large processes some ten thousand.
const ENTRIES_MAX: usize = 1 << 16;

/// Maximum number of loaded segments. The kernel accepts a table of at most 64 KiB (binfmt_elf.c `load_elf_phdrs`),
/// which is this many of the smaller headers.
const LOADS_MAX: usize = 2048;

/// Most sections that are compared with segments. Programs have some thirty.
const COMPARED_MAX: usize = 256;

/// Longest name of a section that is read, in bytes. No reader of them shows more, and the table of names may be
/// one name of a megabyte that every section bears.
const NAME_BYTES_MAX: usize = 64;

/// The readable part of an ELF file's headers.
#[derive(Debug)]
pub(crate) struct Image<'a> {
    /// The whole file.
    pub bytes: &'a [u8],
    /// The header; what the file does not hold of it is zero.
    pub header: Header,
    /// Parameters with which goblin reads further entries.
    pub ctx: Ctx,
    /// The program headers that lie in the file.
    pub segments: Vec<ProgramHeader>,
    /// The section headers that lie in the file.
    pub sections: Vec<SectionHeader>,
    /// Range of the program headers, clipped to the file.
    pub segments_at: Range<usize>,
    /// Range of the section headers, clipped to the file.
    pub sections_at: Range<usize>,
    /// The program header table is not wholly in the file.
    pub segments_outside: bool,
    /// The section header table is not wholly in the file.
    pub sections_outside: bool,
    /// The header gives program headers another size than they have. The loader takes no such file.
    pub segments_odd: bool,
    /// The header gives section headers another size than they have.
    pub sections_odd: bool,
    /// The section headers say of what is loaded what the program headers say.
    pub sections_agree: bool,
    /// The dynamic section, as the dynamic loader sees it.
    pub dynamic: Dynamic,
    /// Class, byte order or version are not what they must be.
    pub odd_ident: bool,
    /// The file is shorter than its header.
    pub truncated: bool,
}

impl<'a> Image<'a> {
    /// Reads the headers of `bytes`, with entries paid from `budget`. `None` if this is not an ELF file.
    pub(crate) fn read(bytes: &'a [u8], budget: &mut Budget) -> Option<Self> {
        let mut head = [0; HEADER_BYTES];
        let there = bytes.len().min(HEADER_BYTES);
        head.get_mut(..there)?.copy_from_slice(bytes.get(..there)?);
        let odd_ident = ident::mend(&mut head);
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
            segments_odd: false,
            sections_odd: false,
            sections_agree: true,
            dynamic: Dynamic::default(),
            odd_ident,
            truncated: there < Header::size(ctx),
        };
        image.read_sections(budget);
        image.read_segments(budget);
        image.sections_agree = image.is_object() || image.is_debug_file() || !image.contradicted(budget);
        image.dynamic = Dynamic::read(image.loaded(), budget);
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
        self.sections_odd = declared > 0 && usize::from(self.header.e_shentsize) != entry_bytes;
        self.sections_at = clip(self.bytes.len(), self.header.e_shoff, declared, entry_bytes);
        self.sections_outside = whole(&self.sections_at, entry_bytes) < declared;
        let paid = pay(&self.sections_at, entry_bytes, budget);
        self.sections = decode_sections(self.bytes, &paid, entry_bytes, self.ctx);
    }

    fn read_segments(&mut self, budget: &mut Budget) {
        let entry_bytes = ProgramHeader::size(self.ctx);
        let declared = match (self.header.e_phnum, self.sections.first()) {
            (PN_XNUM, Some(first)) if first.sh_info != 0 && self.is_core() => u64::from(first.sh_info),
            (count, _) => u64::from(count),
        };
        self.segments_odd = declared > 0 && usize::from(self.header.e_phentsize) != entry_bytes;
        self.segments_at = clip(self.bytes.len(), self.header.e_phoff, declared, entry_bytes);
        self.segments_outside = whole(&self.segments_at, entry_bytes) < declared;
        let paid = pay(&self.segments_at, entry_bytes, budget);
        let count = paid.len() / entry_bytes;
        let table = self.bytes.get(paid).unwrap_or_default();
        self.segments = ProgramHeader::parse(table, 0, count, self.ctx).unwrap_or_default();
    }

    /// Whether a section claims to be loaded from another part of the file than the segments load. Linkers and
    /// strippers never write that.
    fn contradicted(&self, budget: &mut Budget) -> bool {
        let loaded = self.sections.iter().filter(|section| {
            section.sh_flags & u64::from(SHF_ALLOC) != 0
                && !matches!(section.sh_type, SHT_NOBITS | SHT_NULL)
                && section.sh_size > 0
                && section.sh_addr != 0
        });
        for section in loaded.take(COMPARED_MAX) {
            // Each looks through the segments.
            if budget.step(1 + self.segments.len() as u64 / 64).is_err() {
                return false;
            }
            if self.loaded_from(section.sh_addr).is_none_or(|part| part.start as u64 != section.sh_offset) {
                return true;
            }
        }
        false
    }

    /// The segments that are loaded, as many as the loader takes.
    pub(crate) fn loads(&self) -> impl Iterator<Item = &ProgramHeader> {
        self.segments.iter().filter(|segment| segment.p_type == PT_LOAD).take(LOADS_MAX)
    }

    /// Whether there are more segments to load than any loader takes.
    pub(crate) fn loads_too_much(&self) -> bool {
        self.segments.iter().filter(|segment| segment.p_type == PT_LOAD).nth(LOADS_MAX).is_some()
    }

    /// The segments that are loaded as code.
    pub(crate) fn code(&self) -> impl Iterator<Item = &ProgramHeader> {
        self.loads().filter(|segment| segment.p_flags & PF_X != 0)
    }

    /// Whether some segment is of this type.
    pub(crate) fn has(&self, segment_type: u32) -> bool {
        self.segments.iter().any(|segment| segment.p_type == segment_type)
    }

    /// A program or library, not an object file, a kernel module or a core.
    pub(crate) fn is_loadable(&self) -> bool {
        matches!(self.header.e_type, ET_EXEC | ET_DYN)
    }

    /// A module or object: what sections say is all there is.
    pub(crate) fn is_object(&self) -> bool {
        self.header.e_type == ET_REL
    }

    /// Whether the program needs no library: it has a fixed address, or is position-independent and not a library.
    ///
    /// The kernel starts a program without `PT_INTERP` itself and does not look at `PT_DYNAMIC`. With one, it starts
    /// the file named there, which may be any program, this one too; only a loader that finds libraries named in the
    /// dynamic section makes a program need them.
    pub(crate) fn is_static(&self) -> bool {
        if self.is_debug_file() || self.segments.is_empty() {
            return false;
        }
        let loaded_alone = !(self.dynamic.needs && self.has(PT_INTERP));
        match self.header.e_type {
            ET_EXEC => loaded_alone,
            ET_DYN if self.dynamic.is_program => loaded_alone,
            ET_DYN => !self.dynamic.needs && !self.dynamic.named && self.starts_in_code(),
            _ => false,
        }
    }

    /// Whether the entry point lies in a segment that is loaded as code. Libraries may have none.
    pub(crate) fn starts_in_code(&self) -> bool {
        let entry = self.header.e_entry;
        entry != 0 && self.code().any(|segment| holds(segment, entry))
    }

    /// Whether there are no section headers, or only empty ones.
    pub(crate) fn has_no_sections(&self) -> bool {
        self.header.e_shoff == 0 || self.sections.iter().all(|section| section.sh_type == SHT_NULL)
    }

    /// Whether the contents were taken out and only what debuggers want is left, as `objcopy --only-keep-debug` and
    /// `eu-strip -f` do: every section that is loaded has no contents, but for notes. The program headers may stay as
    /// they were. What such headers hide cannot run: no segment of code has bytes in the file, or a segment lies
    /// outside of it.
    pub(crate) fn is_debug_file(&self) -> bool {
        let loaded = || self.sections.iter().filter(|section| section.sh_flags & u64::from(SHF_ALLOC) != 0);
        loaded().any(|section| section.sh_type == SHT_NOBITS)
            && loaded().all(|section| matches!(section.sh_type, SHT_NOBITS | SHT_NOTE))
            && (self.code().all(|segment| segment.p_filesz == 0) || self.loads().any(|load| self.ends_outside(load)))
    }

    /// Whether a segment claims bytes past the end of the file.
    pub(crate) fn ends_outside(&self, segment: &ProgramHeader) -> bool {
        segment.p_filesz > 0 && segment.p_offset.saturating_add(segment.p_filesz) > self.bytes.len() as u64
    }

    /// What the loader looks at.
    pub(crate) fn loaded(&self) -> LoaderView<'_> {
        LoaderView { bytes: self.bytes, ctx: self.ctx, segments: &self.segments }
    }

    /// Range of the file that is loaded at `address`, up to the end of its segment.
    pub(crate) fn loaded_from(&self, address: u64) -> Option<Range<usize>> {
        self.loaded().from(address)
    }

    /// Ranges of the dynamic symbols and of their names. `None` if there are none.
    pub(crate) fn dynamic_symbols(&self) -> Option<(Range<usize>, Range<usize>)> {
        self.dynamic.symbols(self.loaded())
    }

    /// Number of loaded bytes, at most the size of the file. Appended bytes do not count.
    pub(crate) fn loaded_bytes(&self) -> usize {
        let parts = self.loads().map(|segment| self.part(segment.p_offset, segment.p_filesz).len());
        parts.fold(0usize, usize::saturating_add).min(self.bytes.len())
    }

    /// The part of the file from `offset` on, `size` bytes long, as far as there is such a part.
    pub(crate) fn part(&self, offset: u64, size: u64) -> Range<usize> {
        clip(self.bytes.len(), offset, size, 1)
    }

    /// The first 64 bytes of a section's name, empty if it has none that can be read.
    pub(crate) fn section_name(&self, section: &SectionHeader) -> &'a [u8] {
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

    /// A module of SYSLINUX, by the name of it or of what it needs: boot loaders load it, and no system does. Such a name
    /// is had for nothing, so nothing is vouched for that has one.
    pub(crate) fn is_boot_module(&self) -> bool {
        let names = self.dynamic_symbols().and_then(|(_, names)| self.bytes.get(names));
        self.header.e_type == ET_DYN
            && !self.has(PT_INTERP)
            && names.is_some_and(|names| memchr::memmem::find(names, b".c32\0").is_some())
    }

    /// A dump of a process: what it holds is the memory of others.
    pub(crate) fn is_core(&self) -> bool {
        self.header.e_type == ET_CORE
    }
}

/// Whether `address` is in the memory of a segment.
pub(crate) fn holds(segment: &ProgramHeader, address: u64) -> bool {
    address.wrapping_sub(segment.p_vaddr) < segment.p_memsz
}

/// Number of whole entries in a range.
fn whole(part: &Range<usize>, entry_bytes: usize) -> u64 {
    (part.len() / entry_bytes) as u64
}

/// The part of a table that the budget allows to collect. A limit is recorded.
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
