//! Structure of an image: headers, sections, entry point, overlay.
//!
//! Most of these are signs of a packer, and packers are as common in goodware as in malware: the weights give
//! them one cap together.

use std::ops::Range;

use analyzers::{Exhausted, Findings};
use goblin::pe::characteristic::{IMAGE_FILE_DLL, IMAGE_FILE_RELOCS_STRIPPED};
use goblin::pe::dll_characteristic::{
    IMAGE_DLLCHARACTERISTICS_DYNAMIC_BASE, IMAGE_DLLCHARACTERISTICS_GUARD_CF, IMAGE_DLLCHARACTERISTICS_HIGH_ENTROPY_VA,
    IMAGE_DLLCHARACTERISTICS_NX_COMPAT,
};
use goblin::pe::subsystem::{IMAGE_SUBSYSTEM_EFI_APPLICATION, IMAGE_SUBSYSTEM_EFI_ROM, IMAGE_SUBSYSTEM_NATIVE};
use memchr::memmem;
use scroll::{LE, Pread};

use crate::catalogue as signs;
use crate::entropy::Regions;
use crate::image::{Directory, Image};
use crate::imports::Imports;
use crate::names::{is_code_name, is_common_name, packer_of};
use crate::section::Section;

/// Entropy above which bytes are taken for compressed or encrypted, in bits per byte. Lyda and Hamrock found
/// 6.8 on average for packed and 7.2 for encrypted executables, in blocks of 256 bytes; over whole sections
/// both lie higher.
const ENTROPY_MAX: f64 = 7.2;
/// The same for code, which has less of its own.
const CODE_ENTROPY_MAX: f64 = 7.0;
/// Bytes below which the entropy of a section means little.
const ENTROPY_BYTES_MIN: usize = 4096;

/// Properties of the image that decide what is unusual.
#[derive(Clone, Copy, Default, Debug)]
pub(crate) struct Traits {
    pub(crate) library: bool,
    pub(crate) dotnet: bool,
    /// For firmware or the kernel, where other rules hold.
    pub(crate) bare: bool,
    /// Whether there is a signature whose digest matches. Anybody can make one, so it only excuses a missing version
    /// resource.
    pub(crate) signed: bool,
    pub(crate) debug: bool,
}

impl Traits {
    pub(crate) fn of(image: &Image<'_>, imports: &Imports, signed: bool) -> Traits {
        let subsystem = image.subsystem().unwrap_or(0);
        let firmware = (IMAGE_SUBSYSTEM_EFI_APPLICATION..=IMAGE_SUBSYSTEM_EFI_ROM).contains(&subsystem);
        // Nobody asks a library for its subsystem before loading it into a program, so the imports decide: those of the
        // kernel are not there for users, and firmware imports nothing (UEFI specification, section 2.1.1).
        let bare = subsystem == IMAGE_SUBSYSTEM_NATIVE && imports.are_of_kernel() || firmware && imports.libraries == 0;
        Traits {
            library: image.coff.is_some_and(|coff| coff.characteristics & IMAGE_FILE_DLL != 0),
            dotnet: is_dotnet(image),
            bare,
            signed,
            debug: image.directory(Directory::Debug).is_some(),
        }
    }
}

/// Whether there is a CLR header that leads to metadata (ECMA-335, II.24.2.1 and II.25.3.3); without these the run time
/// takes the image for nothing, and a directory entry alone costs nothing.
fn is_dotnet(image: &Image<'_>) -> bool {
    let header = image.directory(Directory::Clr).and_then(|directory| image.offset_of(directory.virtual_address));
    let word = |at: usize| image.bytes.pread_with::<u32>(at, LE).ok();
    header.is_some_and(|header| {
        let metadata = word(header + 8).and_then(|address| image.offset_of(address));
        word(header).is_some_and(|size| size >= 72)
            && metadata.is_some_and(|at| image.bytes.get(at..).is_some_and(|root| root.starts_with(b"BSJB")))
    })
}

/// Reports what the headers say.
pub(crate) fn headers(image: &Image<'_>, traits: Traits, findings: &mut Findings<'_>) {
    if image.sections.is_empty() || image.optional.is_none() {
        findings.saw(&signs::UNREADABLE, 0..image.bytes.len().min(0x40));
    }
    let Some(coff) = image.coff else {
        return;
    };
    let signature = image.signature.unwrap_or(0);
    // Linkers for Windows write "cannot be run in DOS mode", those of Borland "must be run under Win32".
    let stub = image.bytes.get(0x40..image.bytes.len().min(0x400)).unwrap_or_default();
    if !traits.bare && memmem::find(stub, b"This program").is_none() {
        findings.saw(&signs::ODD_DOS_STUB, 0x40.min(signature)..signature);
    }
    let stamp = coff.time_date_stamp;
    // 1995-01-01T00:00:00Z: the format was born with Windows NT 3.1 in 1993. Delphi before 2006 wrote a
    // constant of 1992 into all it built.
    let implausible = stamp < 788_918_400 && stamp != 0x2a42_5e19 || stamp == u32::MAX;
    if implausible && !traits.debug && !traits.dotnet {
        findings.saw_with(&signs::ODD_TIMESTAMP, signature + 8..signature + 12, format_args!("{stamp:#x}"));
    }
    if coff.characteristics & IMAGE_FILE_RELOCS_STRIPPED != 0 && !traits.library {
        findings.saw(&signs::RELOCATIONS_STRIPPED, signature + 22..signature + 24);
    }
    if let Some(optional) = &image.optional {
        let span = image.optional_span(70, 2);
        let bits = optional.windows.dll_characteristics;
        let has = |bit: u16| bits & bit != 0;
        if !traits.bare && !has(IMAGE_DLLCHARACTERISTICS_NX_COMPAT) {
            findings.saw(&signs::NO_NX, span.clone());
        }
        if !traits.bare && !has(IMAGE_DLLCHARACTERISTICS_DYNAMIC_BASE) {
            findings.saw(&signs::NO_ASLR, span.clone());
        }
        if has(IMAGE_DLLCHARACTERISTICS_GUARD_CF) {
            findings.saw(&signs::CONTROL_FLOW_GUARD, span.clone());
        }
        if has(IMAGE_DLLCHARACTERISTICS_HIGH_ENTROPY_VA) && optional.plus {
            findings.saw(&signs::HIGH_ENTROPY_VA, span);
        }
    }
    if traits.debug {
        findings.saw(&signs::DEBUG_DIRECTORY, image.directory_span(Directory::Debug));
    }
}

/// Reports what the section headers and the entry point say.
pub(crate) fn sections(image: &Image<'_>, traits: Traits, findings: &mut Findings<'_>) {
    let file_size = image.bytes.len();
    for (index, section) in image.sections.iter().enumerate() {
        let span = section.header_span();
        let name = section.name();
        let shown = String::from_utf8_lossy(name);
        if section.is_executable() && section.is_writable() {
            findings.saw_with(&signs::WRITABLE_EXECUTABLE, span.clone(), &shown);
        }
        if name.is_empty() {
            findings.saw(&signs::EMPTY_NAME, span.clone());
        } else if let Some(packer) = packer_of(name) {
            findings.saw_with(&signs::PACKER_NAME, span.clone(), format_args!("{shown} ({packer})"));
        } else if !is_common_name(name) {
            findings.saw_with(&signs::ODD_NAME, span.clone(), &shown);
        }
        if !name.is_empty() && image.sections.iter().take(index).any(|earlier| earlier.name() == name) {
            findings.saw_with(&signs::DUPLICATE_NAME, span.clone(), &shown);
        }
        if section.raw_size == 0 && section.virtual_size > 16 << 10 && section.is_executable() {
            findings.saw_with(&signs::UNPACK_TARGET, span.clone(), &shown);
        } else if section.raw_size > 0
            && section.virtual_size > 64 << 10
            && u64::from(section.virtual_size) > 10 * u64::from(section.raw_size)
        {
            findings.saw_with(&signs::VIRTUAL_EXCEEDS_RAW, span.clone(), &shown);
        }
        let end = u64::from(section.raw_pointer) + u64::from(section.raw_size);
        if section.raw_size > 0 && end > file_size as u64 {
            findings.saw_with(&signs::PAST_END, span, &shown);
        }
    }
    if (1..=2).contains(&image.sections.len()) && !traits.dotnet && !traits.bare {
        findings.saw_with(&signs::FEW_SECTIONS, headers_of(image.sections), image.sections.len());
    }
    entry(image, traits, findings);
}

fn headers_of(sections: &[Section]) -> Range<usize> {
    match (sections.first(), sections.last()) {
        (Some(first), Some(last)) => first.header..last.header_span().end,
        _ => 0..0,
    }
}

fn entry(image: &Image<'_>, traits: Traits, findings: &mut Findings<'_>) {
    let Some(optional) = &image.optional else {
        return;
    };
    let address = optional.standard.address_of_entry_point;
    // No entry point is right for a library; the one of .NET is a stub that newer loaders do not even run.
    if address == 0 || traits.dotnet || image.sections.is_empty() {
        return;
    }
    let span = image.optional_span(16, 4);
    let Some((index, section)) = image.section_at(address) else {
        findings.saw_with(&signs::ENTRY_OUTSIDE, span, format_args!("{address:#x}"));
        return;
    };
    let shown = String::from_utf8_lossy(section.name());
    if section.is_writable() {
        findings.saw_with(&signs::ENTRY_WRITABLE, span.clone(), &shown);
    }
    if index > 0 && index + 1 == image.sections.len() {
        findings.saw_with(&signs::ENTRY_LAST, span.clone(), &shown);
    }
    if !is_code_name(section.name()) && !traits.bare {
        findings.saw_with(&signs::ENTRY_ODD, span, &shown);
    }
}

/// Numbers of the regions that [`entropies`] counts: the file, what belongs to nothing behind it, each section.
pub(crate) const WHOLE: usize = 0;
pub(crate) const OVERLAY: usize = 1;
pub(crate) const FIRST_SECTION: usize = 2;

/// Measures and reports entropies and the overlay: the bytes behind the last section that belong to nothing.
pub(crate) fn entropies(
    image: &Image<'_>,
    overlay: Range<usize>,
    regions: &mut Regions,
    findings: &mut Findings<'_>,
) -> Result<(), Exhausted> {
    let size = image.bytes.len();
    regions.clear();
    let (whole, after, first) = (regions.add(0..size), regions.add(overlay.clone()), FIRST_SECTION);
    debug_assert_eq!((whole, after), (WHOLE, OVERLAY));
    for section in image.sections {
        regions.add(section.raw(size));
    }
    regions.count(image.bytes, findings.budget())?;

    for (index, section) in image.sections.iter().enumerate() {
        let entropy = regions.entropy(first + index);
        let raw = section.raw(size);
        let indicator = match (section.name(), section.is_executable()) {
            (_, true) if entropy > CODE_ENTROPY_MAX => &signs::HIGH_ENTROPY_CODE,
            (_, true) => continue,
            _ if entropy <= ENTROPY_MAX || raw.len() < ENTROPY_BYTES_MIN => continue,
            (b".data" | b".rdata" | b"DATA", false) => &signs::HIGH_ENTROPY_DATA,
            (b".rsrc", false) => &signs::HIGH_ENTROPY_RESOURCES,
            (_, false) => &signs::HIGH_ENTROPY_OTHER,
        };
        let shown = String::from_utf8_lossy(section.name());
        findings.saw_with(indicator, raw, format_args!("{shown} {entropy:.2} bits per byte"));
    }
    let entropy = regions.entropy(whole);
    if entropy > ENTROPY_MAX && size >= ENTROPY_BYTES_MIN {
        findings.saw_with(&signs::HIGH_ENTROPY_FILE, 0..size, format_args!("{entropy:.2} bits per byte"));
    }
    if !overlay.is_empty() {
        findings.saw_with(&signs::OVERLAY, overlay.clone(), format_args!("{} bytes", overlay.len()));
        if overlay.len() as u64 * 10 > size as u64 * 3 {
            findings.saw(&signs::BIG_OVERLAY, overlay.clone());
        }
        let entropy = regions.entropy(after);
        if entropy > ENTROPY_MAX && overlay.len() >= ENTROPY_BYTES_MIN {
            findings.saw_with(&signs::HIGH_ENTROPY_OVERLAY, overlay, format_args!("{entropy:.2} bits per byte"));
        }
    }
    Ok(())
}
