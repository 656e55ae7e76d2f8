//! Structure of the headers: tables, segments, sections, entry point.

use std::ops::Range;

use analyzers::Findings;
use goblin::elf::header::{EI_OSABI, EM_386, EM_AARCH64, EM_ARM, EM_X86_64, ET_EXEC, SIZEOF_IDENT};
use goblin::elf::program_header::{PF_W, PF_X, PT_GNU_PROPERTY, PT_GNU_STACK, PT_INTERP, PT_LOAD, ProgramHeader};
use goblin::elf::section_header::{SHF_ALLOC, SHF_EXECINSTR, SHF_WRITE, SHT_PROGBITS};

use crate::Few;
use crate::catalogue as sign;
use crate::image::{Image, holds};

/// Below this a program has room for a stager and little else, in bytes.
const TINY_BYTES: usize = 1024;

/// A page, in bytes; linkers let neighbours share one.
const PAGE_BYTES: u64 = 0x1000;

/// A segment whose memory is larger than this, in bytes, and whose part of the file is a page at most, is huge: room
/// that nothing is put into but what the program makes. Ordinary programs with large variables have some others too.
const HUGE_BYTES: u64 = 1 << 20;

/// Machines on which no tool chain asks for segments that are writable and executable. Older MIPS, PowerPC,
/// SPARC and HPPA ABIs do, for their procedure linkage tables.
const STRICT_MACHINES: [u16; 4] = [EM_386, EM_X86_64, EM_ARM, EM_AARCH64];

/// Longest path of an interpreter that is read, in bytes: the kernel takes no longer one (`PATH_MAX`, limits.h).
const PATH_BYTES_MAX: usize = 4096;

/// Beginnings of the paths of known loaders. Other paths are unusual.
const INTERPRETERS: [&[u8]; 22] = [
    b"/lib/ld-linux",
    b"/lib64/ld-linux",
    b"/libx32/ld-linux",
    b"/lib32/ld-linux",
    b"/libo32/ld",
    b"/lib/ld-musl-",
    b"/lib/ld-uClibc",
    b"/lib64/ld-uClibc",
    b"/lib/ld64-uClibc",
    b"/lib/ld64.so",
    b"/lib64/ld64.so",
    b"/lib/ld.so",
    b"/lib64/ld.so",
    b"/lib32/ld.so",
    b"/usr/lib/ld",
    b"/usr/lib64/ld",
    b"/usr/libexec/ld-elf",
    b"/libexec/ld-elf",
    b"/system/bin/linker",
    b"/lib/klibc-",
    b"/lib/x86_64-linux-gnu/ld",
    b"/nix/store/",
];

/// Reports what the headers show.
pub(crate) fn examine(image: &Image<'_>, findings: &mut Findings<'_>) {
    ident(image, findings);
    tables(image, findings);
    if image.is_loadable() {
        kind(image, findings);
        segments(image, findings);
        interpreters(image, findings);
        entry(image, findings);
    }
    sections(image, findings);
    let property = image.segments.iter().position(|segment| segment.p_type == PT_GNU_PROPERTY);
    if let Some(index) = property {
        findings.saw(&sign::PROPERTY_NOTE, entry_span(image, index));
    }
}

fn ident(image: &Image<'_>, findings: &mut Findings<'_>) {
    if image.odd_ident {
        findings.saw(&sign::ODD_IDENT, 0..SIZEOF_IDENT.min(image.bytes.len()));
    }
    let padding = EI_OSABI + 2..SIZEOF_IDENT.min(image.bytes.len());
    if image.bytes.get(padding.clone()).is_some_and(|padding| padding.iter().any(|&byte| byte != 0)) {
        findings.saw(&sign::IDENT_PADDING, padding);
    }
    if image.truncated {
        findings.saw(&sign::HEADER_TRUNCATED, 0..image.bytes.len());
    }
}

fn tables(image: &Image<'_>, findings: &mut Findings<'_>) {
    let header = &image.header;
    if image.is_loadable() && !image.truncated && image.has_no_sections() {
        findings.saw(&sign::NO_SECTIONS, 0..0);
    }
    if image.sections_outside {
        let what = format_args!("{} headers at {:#x}", header.e_shnum, header.e_shoff);
        findings.saw_with(&sign::SECTIONS_OUTSIDE, image.sections_at.clone(), what);
    }
    if !image.sections_agree {
        findings.saw(&sign::SECTIONS_FORGED, image.sections_at.clone());
    }
    if image.segments_outside {
        let what = format_args!("{} headers at {:#x}", header.e_phnum, header.e_phoff);
        findings.saw_with(&sign::SEGMENTS_OUTSIDE, image.segments_at.clone(), what);
    }
}

fn kind(image: &Image<'_>, findings: &mut Findings<'_>) {
    if image.is_static() {
        findings.saw(&sign::STATIC, 0..0);
        if image.has_no_sections() || image.sections_outside {
            findings.saw(&sign::STATIC_NO_SECTIONS, 0..0);
        }
    }
    if image.header.e_type == ET_EXEC && image.bytes.len() < TINY_BYTES {
        findings.saw(&sign::TINY, 0..image.bytes.len());
    }
}

fn segments(image: &Image<'_>, findings: &mut Findings<'_>) {
    let strict = STRICT_MACHINES.contains(&image.header.e_machine);
    let [mut past_end, mut writable_code, mut huge, mut stack] = [Few::default(); 4];
    for (index, segment) in image.segments.iter().enumerate() {
        if findings.budget().step(1).is_err() {
            return;
        }
        let at = || entry_span(image, index);
        match segment.p_type {
            PT_LOAD => {}
            PT_GNU_STACK if segment.p_flags & PF_X != 0 && stack.more() => {
                findings.saw(&sign::EXECUTABLE_STACK, at());
                continue;
            }
            _ => continue,
        }
        if image.ends_outside(segment) && past_end.more() {
            let what = format_args!("{:#x} bytes at {:#x}", segment.p_filesz, segment.p_offset);
            findings.saw_with(&sign::SEGMENT_PAST_END, at(), what);
        }
        if strict && segment.p_flags & (PF_W | PF_X) == PF_W | PF_X && writable_code.more() {
            findings.saw(&sign::SEGMENT_WX, at());
        }
        if segment.p_memsz > HUGE_BYTES && segment.p_filesz <= PAGE_BYTES && huge.more() {
            let what = format_args!("{:#x} bytes in the file, {:#x} in memory", segment.p_filesz, segment.p_memsz);
            findings.saw_with(&sign::HUGE_MEMORY, at(), what);
        }
    }
    overlaps(image, findings);
}

/// Loaded segments that share more than the page that neighbours may share, in whatever order they stand: the loader
/// maps them as they come.
fn overlaps(image: &Image<'_>, findings: &mut Findings<'_>) {
    let mut loads: Vec<(u64, u64, usize)> = Vec::new();
    for (index, segment) in image.segments.iter().enumerate().filter(|(_, segment)| segment.p_type == PT_LOAD) {
        loads.push((segment.p_vaddr, segment.p_vaddr.saturating_add(segment.p_memsz), index));
    }
    loads.sort_unstable();
    let mut few = Few::default();
    let mut end = 0u64;
    for (start, own_end, index) in loads {
        if end.min(own_end).saturating_sub(start) > PAGE_BYTES && few.more() {
            findings.saw(&sign::SEGMENTS_OVERLAP, entry_span(image, index));
        }
        end = end.max(own_end);
    }
}

fn interpreters(image: &Image<'_>, findings: &mut Findings<'_>) {
    let mut parts = image.segments.iter().filter(|segment| segment.p_type == PT_INTERP);
    let mut next = || parts.next().map(|segment| image.part(segment.p_offset, segment.p_filesz));
    let Some(part) = next() else {
        return;
    };
    let path = image.bytes.get(part.clone()).unwrap_or_default();
    let path = path.get(..PATH_BYTES_MAX).unwrap_or(path);
    let path = path.split(|&byte| byte == 0).next().unwrap_or_default();
    if !INTERPRETERS.iter().any(|known| path.starts_with(known)) {
        findings.saw_with(&sign::ODD_INTERPRETER, part.start..part.start + path.len(), path.escape_ascii());
    }
    if let Some(second) = next() {
        findings.saw(&sign::SEVERAL_INTERPRETERS, second);
    }
}

fn entry(image: &Image<'_>, findings: &mut Findings<'_>) {
    let address = image.header.e_entry;
    // Libraries have no entry point; where no code is loaded, that says so already.
    if address == 0 || image.code().next().is_none() {
        return;
    }
    let at = |segment: &ProgramHeader| {
        let inside = segment.p_offset.saturating_add(address.wrapping_sub(segment.p_vaddr));
        image.part(inside, 16)
    };
    // Of segments that overlap, the one mapped last is there.
    let Some(home) = image.code().filter(|segment| holds(segment, address)).last() else {
        findings.saw_with(&sign::ENTRY_OUTSIDE, 0..0, format_args!("{address:#x}"));
        return;
    };
    let highest = image.loads().max_by_key(|segment| segment.p_vaddr);
    let first_code = image.code().next();
    let is_home = |segment: &ProgramHeader| segment.p_vaddr == home.p_vaddr;
    if highest.is_some_and(is_home) && !first_code.is_some_and(is_home) {
        findings.saw(&sign::ENTRY_IN_LAST, at(home));
    }
}

fn sections(image: &Image<'_>, findings: &mut Findings<'_>) {
    let mut few = Few::default();
    let all = u64::from(SHF_ALLOC | SHF_WRITE | SHF_EXECINSTR);
    for section in &image.sections {
        if findings.budget().step(1).is_err() {
            return;
        }
        let loaded = section.sh_type == SHT_PROGBITS && section.sh_size > 0;
        let strict = STRICT_MACHINES.contains(&image.header.e_machine);
        if loaded && section.sh_flags & all == all && strict && few.more() {
            let part = image.part(section.sh_offset, section.sh_size);
            let name = image.section_name(section);
            let shown = name.get(..32).unwrap_or(name).escape_ascii();
            findings.saw_with(&sign::SECTION_WX, part, shown);
        }
    }
}

/// Range of the program header with this index.
fn entry_span(image: &Image<'_>, index: usize) -> Range<usize> {
    let size = ProgramHeader::size(image.ctx);
    let start = image.segments_at.start + index * size;
    start..start + size
}
