//! What headers, segments and sections say.

use analyzers::{Budget, Exhausted, entropy, measures, permille};
use goblin::elf::header::{EI_OSABI, ET_EXEC};
use goblin::elf::program_header::{
    PF_R, PF_W, PF_X, PT_DYNAMIC, PT_GNU_EH_FRAME, PT_GNU_STACK, PT_INTERP, PT_LOAD, PT_NOTE, PT_TLS, ProgramHeader,
};
use goblin::elf::section_header::SHT_SYMTAB;

use crate::entropy::{cost, entropy as sampled};
use crate::image::Image;

/// Loaded segments that are measured one by one.
const SEGMENTS_MEASURED: usize = 3;
/// Sections whose names are looked at.
const SECTIONS_MAX: usize = 256;

/// A loaded segment.
#[derive(Clone, Copy, Default)]
struct Loaded {
    entropy: u32,
    permissions: u32,
    share: u32,
}

/// The headers.
pub(super) struct Headers<'i, 'b> {
    image: &'i Image<'b>,
    loads: Vec<&'i ProgramHeader>,
    measured: [Loaded; SEGMENTS_MEASURED],
    entropy: u32,
    names: Vec<(&'b [u8], u64, u32)>,
    end: usize,
}

impl<'i, 'b> Headers<'i, 'b> {
    pub(super) fn of(image: &'i Image<'b>, budget: &mut Budget) -> Result<Headers<'i, 'b>, Exhausted> {
        let size = image.bytes.len();
        // Segments are counted by kind.
        budget.step(cost(size) + image.segments.len() as u64 / 4)?;
        let loads: Vec<&ProgramHeader> = image.loads().collect();
        let mut measured = [Loaded::default(); SEGMENTS_MEASURED];
        for (to, load) in measured.iter_mut().zip(&loads) {
            let part = image.bytes.get(image.part(load.p_offset, load.p_filesz)).unwrap_or_default();
            budget.step(cost(part.len()))?;
            *to = Loaded {
                entropy: entropy(sampled(part)),
                permissions: load.p_flags & (PF_R | PF_W | PF_X),
                share: permille(part.len(), size),
            };
        }
        let mut names = Vec::new();
        for section in image.sections.iter().take(SECTIONS_MAX) {
            let name = image.section_name(section);
            let is_first = |names: &[(&[u8], u64, u32)]| names.iter().all(|(known, ..)| *known != name);
            let even = if matches!(name, b".text" | b".rodata" | b".data") && is_first(&names) {
                let part = image.bytes.get(image.part(section.sh_offset, section.sh_size)).unwrap_or_default();
                budget.step(cost(part.len()))?;
                entropy(sampled(part))
            } else {
                0
            };
            names.push((name, section.sh_size, even));
        }
        let end = loads.iter().map(|load| image.part(load.p_offset, load.p_filesz).end).max().unwrap_or(0);
        Ok(Headers { image, measured, entropy: entropy(sampled(image.bytes)), names, end, loads })
    }

    fn count(&self, segment_type: u32) -> usize {
        self.image.segments.iter().filter(|segment| segment.p_type == segment_type).count()
    }

    fn load(&self, index: usize) -> Loaded {
        self.measured.get(index).copied().unwrap_or_default()
    }

    fn memory(&self) -> u64 {
        self.loads.iter().fold(0, |sum, load| sum.saturating_add(load.p_memsz))
    }

    fn zeros(&self) -> u64 {
        self.loads.iter().fold(0, |sum, load| sum.saturating_add(load.p_memsz.saturating_sub(load.p_filesz)))
    }

    fn bytes_of(&self, name: &[u8]) -> u64 {
        self.names.iter().find(|(known, ..)| *known == name).map_or(0, |(_, size, _)| *size)
    }

    fn entropy_of(&self, name: &[u8]) -> u32 {
        self.names.iter().find(|(known, ..)| *known == name).map_or(0, |(.., even)| *even)
    }

    fn has_section(&self, names: &[&[u8]]) -> bool {
        self.names.iter().any(|(known, ..)| names.contains(known))
    }

    fn entry_segment(&self) -> Option<usize> {
        self.loads.iter().position(|load| crate::image::holds(load, self.image.header.e_entry))
    }

    fn entry_position(&self) -> u32 {
        let load = self.entry_segment().and_then(|index| self.loads.get(index));
        load.map_or(0, |load| {
            let inside = usize::try_from(self.image.header.e_entry.wrapping_sub(load.p_vaddr)).unwrap_or(usize::MAX);
            permille(inside, usize::try_from(load.p_filesz).unwrap_or(usize::MAX))
        })
    }
}

measures! {
    /// The file and its header.
    HEADERS, fn headers(all: &Headers<'_, '_>), source: "System V ABI, ELF header" {
        "file.size", Bytes, "Size of the file." => all.image.bytes.len();
        "file.entropy", Entropy, "Evenness of the file, sampled." => all.entropy;
        "header.wide", Flag, "It is for 64 bits." => all.image.ctx.is_big();
        "header.big_endian", Flag, "The highest byte comes first." => !all.image.ctx.le.is_little();
        "header.abi", Value, "The system that it names." => all.image.header.e_ident.get(EI_OSABI).copied().unwrap_or(0);
        "header.fixed", Flag, "It is loaded at a fixed address." => all.image.header.e_type == ET_EXEC;
        "header.segments", Count, "Program headers." => all.image.segments.len();
        "header.sections", Count, "Section headers." => all.image.sections.len();
        "header.no_sections", Flag, "There are no section headers." => all.image.has_no_sections();
        "header.sections_outside", Flag, "Section headers lie outside of the file." => all.image.sections_outside;
        "header.odd_identification", Flag, "Class, order or version are none." => all.image.odd_ident;
        "header.entry_in_page", Value, "Where in its page the program begins." => all.image.header.e_entry & 0xfff;
    }
}

measures! {
    /// The segments.
    SEGMENTS, fn segments(all: &Headers<'_, '_>), source: "System V ABI, program header" {
        "segment.loaded", Count, "Segments that are loaded." => all.count(PT_LOAD);
        "segment.writable_code", Count, "Segments that may be written to and executed." =>
            all.loads.iter().filter(|load| load.p_flags & (PF_W | PF_X) == PF_W | PF_X).count();
        "segment.interpreter", Flag, "It names an interpreter." => all.count(PT_INTERP) > 0;
        "segment.dynamic", Flag, "It has a dynamic section." => all.count(PT_DYNAMIC) > 0;
        "segment.static", Flag, "It needs no library." => all.image.is_static();
        "segment.thread_storage", Flag, "It has thread-local storage." => all.count(PT_TLS) > 0;
        "segment.notes", Count, "Segments of notes." => all.count(PT_NOTE);
        "segment.stack", Flag, "It says how its stack is to be." => all.count(PT_GNU_STACK) > 0;
        "segment.stack_executable", Flag, "It wants an executable stack." =>
            all.image.segments.iter().any(|segment| segment.p_type == PT_GNU_STACK && segment.p_flags & PF_X != 0);
        "segment.unwinding", Flag, "It has tables to unwind the stack by." => all.count(PT_GNU_EH_FRAME) > 0;
        "segment.zeros", Bytes, "Bytes in memory that are not in the file." => all.zeros();
        "segment.memory", Permille, "Bytes in memory, of those in the file." =>
            permille(usize::try_from(all.memory()).unwrap_or(usize::MAX), all.image.bytes.len());
        "segment.behind", Permille, "Bytes behind the last segment, of the file." =>
            permille(all.image.bytes.len().saturating_sub(all.end), all.image.bytes.len());
        "segment.outside", Flag, "A segment ends outside of the file." => all.loads.iter().any(|load| all.image.ends_outside(load));
        "segment.first_entropy", Entropy, "Evenness of the first segment." => all.load(0).entropy;
        "segment.first_permissions", Value, "Permissions of the first segment." => all.load(0).permissions;
        "segment.first_share", Permille, "The first segment, of the file." => all.load(0).share;
        "segment.second_entropy", Entropy, "Evenness of the second segment." => all.load(1).entropy;
        "segment.second_permissions", Value, "Permissions of the second segment." => all.load(1).permissions;
        "segment.second_share", Permille, "The second segment, of the file." => all.load(1).share;
        "segment.third_entropy", Entropy, "Evenness of the third segment." => all.load(2).entropy;
        "segment.third_permissions", Value, "Permissions of the third segment." => all.load(2).permissions;
        "segment.third_share", Permille, "The third segment, of the file." => all.load(2).share;
        "entry.inside", Flag, "The program begins in a segment." => all.entry_segment().is_some();
        "entry.segment", Count, "Number of the segment that it begins in, from 1." => all.entry_segment().map_or(0, |index| index + 1);
        "entry.position", Permille, "Where in its segment it begins." => all.entry_position();
        "entry.writable", Flag, "It begins where it may be written to." =>
            all.entry_segment().and_then(|index| all.loads.get(index)).is_some_and(|load| load.p_flags & PF_W != 0);
    }
}

measures! {
    /// The sections.
    SECTIONS, fn sections(all: &Headers<'_, '_>), source: "System V ABI, section header and special sections" {
        "section.symbols", Flag, "It has a table of symbols." =>
            all.image.sections.iter().any(|section| section.sh_type == SHT_SYMTAB);
        "section.offsets", Flag, "It has a table of global offsets." => all.has_section(&[b".got", b".got.plt"]);
        "section.linkage", Flag, "It has a procedure linkage table." => all.has_section(&[b".plt"]);
        "section.text_bytes", Bytes, "Size of `.text`." => all.bytes_of(b".text");
        "section.text_entropy", Entropy, "Evenness of `.text`." => all.entropy_of(b".text");
        "section.rodata_bytes", Bytes, "Size of `.rodata`." => all.bytes_of(b".rodata");
        "section.rodata_entropy", Entropy, "Evenness of `.rodata`." => all.entropy_of(b".rodata");
        "section.data_bytes", Bytes, "Size of `.data`." => all.bytes_of(b".data");
        "section.data_entropy", Entropy, "Evenness of `.data`." => all.entropy_of(b".data");
        "section.bss_bytes", Bytes, "Size of `.bss`." => all.bytes_of(b".bss");
        "section.symtab_bytes", Bytes, "Size of `.symtab`." => all.bytes_of(b".symtab");
        "section.dynsym_bytes", Bytes, "Size of `.dynsym`." => all.bytes_of(b".dynsym");
        "section.eh_frame_bytes", Bytes, "Size of `.eh_frame`." => all.bytes_of(b".eh_frame");
        "section.got_bytes", Bytes, "Size of `.got`." => all.bytes_of(b".got");
        "section.plt_bytes", Bytes, "Size of `.plt`." => all.bytes_of(b".plt");
    }
}
