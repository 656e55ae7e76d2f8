//! Whether the file holds all that whoever loads it needs.
//!
//! What is cut off may have said anything, so a cut file is never known to be harmless: the report says
//! [`Incomplete::CutShort`]. Of a program or library that is the program headers and the segments to be loaded: no
//! loader looks at a section, so one whose symbols, debug data or section headers are gone is whole. Of an object or
//! module it is the sections. Separate debug files are whole, though their segments may point past their end.

use analyzers::{Findings, Incomplete};
use goblin::elf::section_header::{SHT_NOBITS, SHT_NULL};

use crate::image::Image;

/// Notes a file that ends before its header, a table or something to be loaded does, or whose table nobody can read.
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
