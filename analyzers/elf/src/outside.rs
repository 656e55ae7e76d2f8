//! Data outside of the loaded parts of a file.
//!
//! A program can carry an archive, a script or another program where the loader does not look: after its end (AppImage,
//! PyInstaller, self-extracting archives, infected files), between segments, in a separate section. This crate opens no
//! archives, so such a file is not vouched for ([`Findings::cannot_vouch`]). An embedded program is scanned as a child.
//! Padding, readable text (in which keywords are searched) and signatures of kernel modules are ordinary.
//!
//! Which bytes are used depends on the loader: segments of a program, sections of a module. The section headers of a
//! program are used too if they agree with its segments; the kernel does not read them.

use std::borrow::Cow;
use std::ops::Range;

use analyzers::Findings;
use goblin::elf::header::Header;
use goblin::elf::program_header::PT_LOAD;
use goblin::elf::section_header::{SHF_ALLOC, SHF_COMPRESSED, SHT_NOBITS, SHT_NULL, SectionHeader};
use memchr::memmem;
use triage::{ElfKind, ElfType, FileKind, ZipKind, magic, triage};

use crate::Few;
use crate::catalogue as sign;
use crate::entropy::{cost, entropy};
use crate::image::Image;
use crate::keyword_context::is_printable;
use crate::packing::FILE_NOISE;

/// Shorter stretches are what tools leave and align, in bytes.
const STRETCH_BYTES_MIN: usize = 64;

/// A section shorter than this, in bytes, says nothing about noise.
const NOISE_BYTES_MIN: usize = 512;

/// Text longer than this, in bytes, must have blanks as text has: without, it is something encoded.
const TEXT_BYTES_FREE: usize = 4096;

/// The mark at the end of a signed kernel module, with what the kernel cuts off before it: 12 bytes, the last four of
/// which are the signature's length, most significant first (include/linux/module_signature.h).
const MODULE_MARK: &[u8] = b"~Module signature appended~\n";
const MODULE_TRAILER_BYTES: usize = 12;

/// Longest signature of a module, in bytes. Signatures by RSA of 4096 bits have under 1 KiB; the rest is for
/// certificates.
const MODULE_SIGNATURE_BYTES_MAX: usize = 16 << 10;

/// The record that a ZIP archive ends with, in bytes, when it has no comment.
const ZIP_END_BYTES: usize = 22;

/// Sections that are loaded into nothing and are ordinary, by how their names start.
const ORDINARY_SECTIONS: [&[u8]; 16] = [
    b".debug",
    b".zdebug",
    b".gnu",
    b".comment",
    b".note",
    b".stab",
    b".symtab",
    b".strtab",
    b".shstrtab",
    b".rustc",
    b".llvm",
    b".ARM",
    b".riscv",
    b".rel",
    b".BTF",
    b".SUNW",
];

/// Looks at all that is not loaded, and says what cannot be vouched for.
pub(crate) fn examine<'a>(image: &Image<'a>, findings: &mut Findings<'a>) {
    if image.truncated || image.is_core() {
        return;
    }
    // The tables are sorted: a little for each entry, which was paid for when it was read.
    let entries = image.sections.len() + image.segments.len();
    if findings.budget().step(entries as u64 / 16).is_err() {
        return;
    }
    let mut loads: Vec<Range<usize>> =
        image.loads().map(|load| image.part(load.p_offset, load.p_filesz)).filter(|part| !part.is_empty()).collect();
    // What was unpacked is no less known than what is loaded.
    loads.extend(findings.opened().iter().cloned());
    loads.sort_unstable_by_key(|part| part.start);
    stretches(image, &loads, findings);
    sections(image, &loads, findings);
    segment_starts(image, findings);
    ending(image, findings);
}

/// Returns the parts of the file that no header describes.
fn stretches<'a>(image: &Image<'a>, loads: &[Range<usize>], findings: &mut Findings<'a>) {
    let mut few = Few::default();
    let mut overlay = 0;
    let outside = unclaimed(image, loads);
    for stretch in &outside {
        let bytes = image.bytes.get(stretch.clone()).unwrap_or_default();
        let Some(held) = held(bytes) else { continue };
        if findings.budget().step(cost(bytes.len())).is_err() {
            return;
        }
        // Where a program has lost its section headers, what they spoke of is left behind it: symbols and debug data.
        if is_left_behind(image, stretch) {
            let kind = claim(bytes);
            let script = matches!(triage(bytes), FileKind::Script(_));
            if (script || is_container(kind) || holds_archive(bytes) || is_noise(bytes)) && few.more() {
                refuse(findings, "bytes", stretch.start, kind);
            }
            continue;
        }
        let noted = is_noted(image, stretch.start);
        let part = stretch.start + held.start..stretch.start + held.end;
        if image.is_loadable() && !noted {
            overlay += stretch.len();
            findings.saw_with(&sign::OVERLAY, stretch.clone(), format_args!("{} bytes", stretch.len()));
        }
        let bytes = image.bytes.get(part.clone()).unwrap_or_default();
        let kind = triage(bytes);
        match kind {
            FileKind::Text if is_readable(bytes) => continue,
            // Enough is refused already.
            _ if !few.more() => break,
            FileKind::Data | FileKind::Text | FileKind::Empty => {}
            // To the end of the stretch: what looks like padding may be the end of its last table.
            _ => {
                let whole = image.bytes.get(part.start..stretch.end).unwrap_or_default();
                findings.child(&format!("at {:#x}", part.start), Cow::Borrowed(whole));
            }
        }
        // Packers leave the program behind the one that starts it and claim it with a note: it is examined, so
        // nothing is left to open. A program that no header claims is odd enough.
        if matches!(kind, FileKind::Elf(_)) && noted {
            continue;
        }
        refuse(findings, "bytes", part.start, kind);
    }
    if let Some(tail) = outside.last().filter(|last| last.end == image.bytes.len())
        && overlay > 0
        && tail.len() > image.bytes.len() / 5
    {
        let bits = entropy(image.bytes.get(tail.clone()).unwrap_or_default());
        if bits > FILE_NOISE {
            findings.saw_with(&sign::OVERLAY_NOISE, tail.clone(), format_args!("{bits:.2} bits per byte"));
        }
    }
    // Loaded, but no section's: ordinary unless it is plain what it is.
    if image.is_loadable() && image.sections_agree && !image.has_no_sections() {
        for stretch in unclaimed(image, &outside) {
            let bytes = image.bytes.get(stretch.clone()).unwrap_or_default();
            let Some(held) = held(bytes) else { continue };
            let bytes = bytes.get(held.clone()).unwrap_or_default();
            if findings.budget().step(cost(bytes.len())).is_err() {
                return;
            }
            let kind = claim(bytes);
            if (is_container(kind) || is_noise(bytes)) && few.more() {
                refuse(findings, "bytes", stretch.start + held.start, kind);
            }
        }
    }
}

/// Sections that nothing loads: of a module those that say so; of a program those that no segment holds, whatever they
/// say.
fn sections(image: &Image<'_>, loads: &[Range<usize>], findings: &mut Findings<'_>) {
    let mut few = Few::default();
    let is_loaded = |section: &SectionHeader, part: &Range<usize>| {
        if image.is_object() {
            return section.sh_flags & u64::from(SHF_ALLOC) != 0;
        }
        let above = loads.partition_point(|load| load.start <= part.start);
        above.checked_sub(1).and_then(|at| loads.get(at)).is_some_and(|load| part.end <= load.end)
    };
    for section in image.sections.iter().filter(|section| !matches!(section.sh_type, SHT_NULL | SHT_NOBITS)) {
        let part = image.part(section.sh_offset, section.sh_size);
        if part.len() <= STRETCH_BYTES_MIN || is_loaded(section, &part) {
            continue;
        }
        if findings.budget().step(cost(part.len())).is_err() {
            return;
        }
        let bytes = image.bytes.get(part.clone()).unwrap_or_default();
        let kind = claim(bytes);
        if is_odd(image.section_name(section), section, bytes, kind) && few.more() {
            refuse(findings, "section", part.start, kind);
        }
    }
}

/// Whether a section that nothing loads holds what it has no reason to.
fn is_odd(name: &[u8], section: &SectionHeader, bytes: &[u8], kind: FileKind) -> bool {
    let ordinary = ORDINARY_SECTIONS.iter().any(|known| name.starts_with(known));
    let script = matches!(kind, FileKind::Script(_)) && !ordinary;
    !(ordinary && is_compressed(name, section, bytes)) && (script || is_container(kind) || is_noise(bytes))
}

/// Whether an ordinary section is compressed as the tools do it.
fn is_compressed(name: &[u8], section: &SectionHeader, bytes: &[u8]) -> bool {
    let header = bytes.get(..4);
    // gABI chapter 4, compression header: zlib or zstd, in either order; before there was one, `.zdebug`.
    section.sh_flags & u64::from(SHF_COMPRESSED) != 0
        && header.is_some_and(|kind| matches!(kind, [1 | 2, 0, 0, 0] | [0, 0, 0, 1 | 2]))
        || name.starts_with(b".zdebug") && header == Some(b"ZLIB")
        // A small symbol table, and intermediate code.
        || name.starts_with(b".gnu_debugdata") && bytes.starts_with(b"\xfd7zXZ\0")
        || name.starts_with(b".gnu.lto_") && bytes.starts_with(b"\x28\xb5\x2f\xfd")
        || name.starts_with(b".gnu.debuglto_")
        // Types for tracers, which BSDs and Solaris compress (ctf(5)).
        || name == b".SUNW_ctf" && matches!(header, Some([0xf1, 0xcf, ..] | [0xcf, 0xf1, ..]))
}

/// Segments that begin with a file of another kind: one appended and mapped, so that no end of the program is behind it.
fn segment_starts(image: &Image<'_>, findings: &mut Findings<'_>) {
    let mut few = Few::default();
    for segment in image.loads().filter(|segment| segment.p_offset > 0 && segment.p_filesz > 0) {
        let part = image.part(segment.p_offset, segment.p_filesz);
        let kind = claim(image.bytes.get(part.clone()).unwrap_or_default());
        if is_container(kind) && few.more() {
            refuse(findings, "segment", part.start, kind);
        }
    }
}

/// A file that ends as a ZIP archive is one too, wherever that begins: readers of ZIP start at the end (APPNOTE 4.3.16).
fn ending(image: &Image<'_>, findings: &mut Findings<'_>) {
    let record = image.bytes.last_chunk::<ZIP_END_BYTES>().filter(|end| end.starts_with(b"PK\x05\x06"));
    // Without a comment, whose length stands last.
    if record.is_some_and(|end| end.ends_with(&[0, 0])) && image.is_loadable() {
        refuse(findings, "end", image.bytes.len() - ZIP_END_BYTES, FileKind::Zip(ZipKind::Plain));
    }
}

/// File type by signature only; for programs, whether the header is plausible. [`triage()`] checks more but is slower.
fn claim(bytes: &[u8]) -> FileKind {
    let kind = magic(bytes).kind().unwrap_or(FileKind::Data);
    match kind {
        FileKind::Elf(_) | FileKind::Pe(_) => match triage(bytes) {
            // ld.so's constants begin with the identification that it compares others with.
            FileKind::Elf(ElfKind { elf_type: ElfType::Other, .. }) | FileKind::Dos(_) => FileKind::Data,
            kind => kind,
        },
        kind => kind,
    }
}

fn refuse(findings: &mut Findings<'_>, what: &str, at: usize, kind: FileKind) {
    findings.cannot_vouch(format_args!("{what} at {at:#x}: {}", kind.name()));
}

/// Whether section headers would speak of this stretch, if they were there: the header says where they begin, but the
/// file ends before, or there are said to be none.
fn is_left_behind(image: &Image<'_>, stretch: &Range<usize>) -> bool {
    let lost = image.sections_outside || image.has_no_sections();
    image.is_loadable() && lost && image.header.e_shoff > stretch.start as u64
}

/// Whether a segment that is not loaded claims the byte at `at`: no loader looks there, but the program may.
fn is_noted(image: &Image<'_>, at: usize) -> bool {
    let others = image.segments.iter().filter(|segment| segment.p_type != PT_LOAD);
    others.map(|segment| image.part(segment.p_offset, segment.p_filesz)).any(|part| part.contains(&at))
}

/// Ranges between the tables, the sections and `others`, in order.
fn unclaimed(image: &Image<'_>, others: &[Range<usize>]) -> Vec<Range<usize>> {
    let sections = image.sections.iter().filter(|section| !matches!(section.sh_type, SHT_NULL | SHT_NOBITS));
    let sections = sections.filter(|_| image.is_object() || image.sections_agree);
    let sections = sections.map(|section| image.part(section.sh_offset, section.sh_size));
    let header = 0..Header::size(image.ctx).min(image.bytes.len());
    // A table of section headers begins with an empty one (gABI chapter 4), or is none and claims nothing.
    let honest = image.sections_agree && !image.sections_odd;
    let honest = honest && image.sections.first().is_some_and(|first| first.sh_type == SHT_NULL);
    let section_headers = if honest { image.sections_at.clone() } else { 0..0 };
    let tables = [header, image.segments_at.clone(), section_headers];
    let mut claimed: Vec<Range<usize>> =
        sections.chain(others.iter().cloned()).chain(tables).filter(|part| !part.is_empty()).collect();
    claimed.sort_unstable_by_key(|part| part.start);
    let mut gaps = Vec::new();
    let mut end = 0;
    for part in claimed {
        if part.start > end + STRETCH_BYTES_MIN {
            gaps.push(end..part.start);
        }
        end = end.max(part.end);
    }
    if image.bytes.len() > end + STRETCH_BYTES_MIN {
        gaps.push(end..image.bytes.len());
    }
    gaps
}

/// The part of a range without padding and module signature. `None` if it is negligible.
fn held(bytes: &[u8]) -> Option<Range<usize>> {
    let unsigned = without_signature(bytes);
    let is_padding = |byte: &&u8| matches!(byte, 0 | 0xff);
    let leading = unsigned.iter().take_while(is_padding).count();
    let rest = unsigned.get(leading..).unwrap_or_default();
    let trailing = rest.iter().rev().take_while(is_padding).count();
    let held = leading..unsigned.len() - trailing.min(rest.len());
    (held.len() > STRETCH_BYTES_MIN).then_some(held)
}

/// Without the signature of a kernel module at its end, if it has one and that is all there is of it: PKCS#7 in DER,
/// as long as its trailer says.
fn without_signature(bytes: &[u8]) -> &[u8] {
    let signed = || {
        let rest = bytes.strip_suffix(MODULE_MARK)?;
        let (rest, trailer) = rest.split_at_checked(rest.len().checked_sub(MODULE_TRAILER_BYTES)?)?;
        let length = u32::from_be_bytes(*trailer.last_chunk()?) as usize;
        let (rest, signature) = rest.split_at_checked(rest.len().checked_sub(length)?)?;
        // SEQUENCE with a length of two bytes.
        let [0x30, 0x82, high, low, ..] = *signature else { return None };
        let whole = usize::from(u16::from_be_bytes([high, low])) + 4 == length;
        (whole && length <= MODULE_SIGNATURE_BYTES_MAX && !holds_archive(signature)).then_some(rest)
    };
    signed().unwrap_or(bytes)
}

/// Whether the signature of an archive stands anywhere in it.
fn holds_archive(bytes: &[u8]) -> bool {
    [b"PK\x03\x04".as_slice(), b"\x7fELF", b"7z\xbc\xaf", b"\xfd7zXZ"]
        .iter()
        .any(|mark| memmem::find(bytes, mark).is_some())
}

/// Whether `kind` is a program or a container whose signature is unlikely by chance.
fn is_container(kind: FileKind) -> bool {
    use triage::ArchiveKind::{Arj, Compress, Cpio, Lha};
    match kind {
        FileKind::Archive(Arj | Compress | Cpio | Lha) => false,
        FileKind::Archive(_)
        | FileKind::Pe(_)
        | FileKind::Elf(_)
        | FileKind::MachO
        | FileKind::Dex
        | FileKind::Wasm
        | FileKind::Cfb(_)
        | FileKind::Ooxml(_)
        | FileKind::Zip(_) => true,
        // Libraries that tell files apart have the signatures of documents among their constants.
        FileKind::Rtf
        | FileKind::Pdf
        | FileKind::Lnk
        | FileKind::Empty
        | FileKind::Eicar
        | FileKind::Dos(_)
        | FileKind::MachOFat
        | FileKind::JavaClass
        | FileKind::Script(_)
        | FileKind::Image(_)
        | FileKind::Font
        | FileKind::Media(_)
        | FileKind::Text
        | FileKind::Data => false,
    }
}

fn is_noise(bytes: &[u8]) -> bool {
    bytes.len() >= NOISE_BYTES_MIN && entropy(bytes) > FILE_NOISE
}

/// Whether a person could read it to the end. Long text without blanks is something encoded.
fn is_readable(bytes: &[u8]) -> bool {
    let is_text = |byte: &u8| is_printable(*byte) || matches!(byte, b'\r' | b'\n' | 0x80..);
    let blanks = || bytes.iter().filter(|byte| byte.is_ascii_whitespace()).count();
    bytes.iter().all(is_text) && (bytes.len() <= TEXT_BYTES_FREE || blanks() >= bytes.len() / 20)
}
