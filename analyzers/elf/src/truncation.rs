//! Whether the file contains everything that its loader needs.
//!
//! The missing part may contain anything, so a truncated file is never benign: the report says
//! [`Incomplete::CutShort`]. A program or library needs its program headers and loadable segments; it is complete
//! without symbols, debug data or section headers. An object or module needs its sections. Separate debug files are
//! complete, though their segments may extend past their end.

use analyzers::{Findings, Incomplete};
use goblin::elf::section_header::{SHT_NOBITS, SHT_NULL};

use crate::image::Image;

/// Detects a file that ends before its header, a table or a loaded part, or whose table cannot be read.
pub(crate) fn examine(image: &Image<'_>, findings: &mut Findings<'_>) {
    let cut = if image.is_object() {
        image.sections_outside || image.sections_odd || sections(image)
    } else {
        let debug = image.is_debug_file();
        image.segments_outside || image.segments_odd || !debug && image.loads().any(|load| image.ends_outside(load))
    };
    if image.truncated || cut {
        findings.incomplete(Incomplete::CutShort);
    }
}

fn sections(image: &Image<'_>) -> bool {
    let mut held = image.sections.iter().filter(|section| !matches!(section.sh_type, SHT_NULL | SHT_NOBITS));
    held.any(|section| {
        section.sh_size > 0 && section.sh_offset.saturating_add(section.sh_size) > image.bytes.len() as u64
    })
}
