//! Whether the file holds all that its headers speak of.
//!
//! What is cut off may have said anything, so a cut file is never known to be harmless: the report says
//! [`Incomplete::CutShort`]. Separate debug files are whole, though their segments point past their end.

use analyzers::{Findings, Incomplete};
use goblin::elf::section_header::{SHF_EXECINSTR, SHT_NOBITS, SHT_NULL};

use crate::image::Image;

/// Notes a file that ends before its header, a table, a segment to be loaded or a section does.
pub(crate) fn examine(image: &Image<'_>, findings: &mut Findings<'_>) {
    let tables = image.truncated || image.sections_outside || image.segments_outside;
    if tables || sections(image) || !is_debug_file(image) && segments(image) {
        findings.incomplete(Incomplete::CutShort);
    }
}

fn segments(image: &Image<'_>) -> bool {
    image.loads().any(|segment| ends_outside(image, segment.p_offset, segment.p_filesz))
}

fn sections(image: &Image<'_>) -> bool {
    let mut held = image.sections.iter().filter(|section| !matches!(section.sh_type, SHT_NULL | SHT_NOBITS));
    held.any(|section| ends_outside(image, section.sh_offset, section.sh_size))
}

fn ends_outside(image: &Image<'_>, offset: u64, size: u64) -> bool {
    size > 0 && offset.saturating_add(size) > image.bytes.len() as u64
}

/// Whether the code was taken out, as `objcopy --only-keep-debug` and `eu-strip -f` do: they keep the program
/// headers, but the sections that were code have no contents. A cut file has lost its section headers, which
/// linkers put last.
fn is_debug_file(image: &Image<'_>) -> bool {
    let mut code = image.sections.iter().filter(|section| section.sh_flags & u64::from(SHF_EXECINSTR) != 0).peekable();
    code.peek().is_some() && code.all(|section| section.sh_type == SHT_NOBITS)
}
